package asm

import (
	"bytes"
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
	"unsafe"
)

// TestPick holds every tile of picked products, in Go and in assembly, to its definition in float64, with sentinels
// wherever nothing may be written.
func TestPick(t *testing.T) {
	r := rand.New(rand.NewPCG(7, 8))
	for blocks := 1; blocks <= 2; blocks++ {
		for rows := 1; rows <= PickRows512[blocks]; rows++ {
			for i, depth := range []int{0, 1, 3, 4, 13, 14} {
				residual := r.IntN(2) == 0
				in, w := random(r, 20000), random(r, depth*blocks*Block+1)
				off, bias := make([]int32, depth+1), random(r, blocks*Block)
				for k := range depth {
					off[k] = int32(4 * r.IntN(900))
				}
				const tiles, stretch, outPixel, outStretch, plane = 2, 2000, 64, 600, 12000
				pixel := []int{48, Block}[i%2]
				out := make([]float32, blocks*plane)
				res := random(r, len(out))
				c := Tile{
					In: &in[0], W: unsafe.Pointer(&w[0]), Off: unsafe.Pointer(&off[0]), Bias: &bias[0], Out: &out[0], Depth: depth,
					InPixel: 4 * pixel, OutPixel: 4 * outPixel, ResPixel: 4 * outPixel, OutBlock: 4 * plane, ResBlock: 4 * plane,
					Tiles: tiles, InTile: 4 * 333, OutTile: 4 * 4800, ResTile: 4 * 4800, Lo: -3, Hi: 4, Next: unsafe.Pointer(&w[0]),
				}
				if residual {
					c.Res = &res[0]
				}
				place := func(r, pixel, stretch int) int { return r/PickGroup*stretch + r%PickGroup*pixel }
				for i := range c.At {
					row := i
					if rows > len(c.At) {
						row = i * PickGroup
					}
					c.At[i], c.To[i], c.ResAt[i] = 4*place(row, pixel, stretch), 4*place(row, outPixel, outStretch), 4*place(row, outPixel, outStretch)
				}
				want := make([]float64, len(out))
				for i := range want {
					want[i] = 99
				}
				for n := range tiles {
					for row := range rows {
						for m := range blocks * Block {
							to := n*4800 + place(row, outPixel, outStretch) + m/Block*plane + m%Block
							sum := float64(bias[m])
							if residual {
								sum += float64(res[to])
							}
							for k := range depth {
								sum += float64(in[n*333+place(row, pixel, stretch)+int(off[k])/4]) * float64(w[k*blocks*Block+m])
							}
							want[to] = min(max(sum, -3), 4)
						}
					}
				}
				loops := map[string]func(*Tile, int, int){"go": PickGo}
				if HasAVX512() {
					loops["avx512"] = Pick512
				}
				if HasAVX2() && blocks == 1 && rows <= PickRows256 {
					loops["avx2"] = Pick256
				}
				for name, loop := range loops {
					for i := range out {
						out[i] = 99
					}
					loop(&c, rows, blocks)
					compare(t, fmt.Sprintf("%s %dx%d, %d deep, residual %v", name, rows, blocks, depth, residual), out, want)
				}
			}
		}
	}
}

// BenchmarkPick gives the share of the peak that tiles of picked products reach, with what they read in the first-level
// cache.
func BenchmarkPick(b *testing.B) {
	if !HasAVX512() {
		b.Skip("no AVX-512")
	}
	r := rand.New(rand.NewPCG(7, 8))
	in, bias := random(r, 8<<10), random(r, 2*Block)
	for _, size := range [][2]int{{28, 1}, {14, 1}, {8, 1}, {7, 1}, {14, 2}, {7, 2}} {
		for _, depth := range []int{58, 115, 288} {
			rows, blocks := size[0], size[1]
			b.Run(fmt.Sprintf("%dx%d/%d", rows, 16*blocks, depth), func(b *testing.B) {
				w, off, out := random(r, depth*blocks*Block), make([]int32, depth), make([]float32, blocks*28*Block)
				for k := range off {
					off[k] = int32(64 * (k % 64))
				}
				c := Tile{
					In: &in[0], W: unsafe.Pointer(&w[0]), Off: unsafe.Pointer(&off[0]), Bias: &bias[0], Out: &out[0], Depth: depth,
					InPixel: 64, OutPixel: 64, OutBlock: 4 * 28 * Block, Tiles: 1, Lo: float32(math.Inf(-1)), Hi: float32(math.Inf(1)), Next: unsafe.Pointer(&w[0]),
				}
				for i := range c.At {
					row := i
					if rows > len(c.At) {
						row = i * PickGroup
					}
					c.At[i], c.To[i] = 64*row, 64*row
				}
				for b.Loop() {
					Pick512(&c, rows, blocks)
				}
				b.ReportMetric(float64(b.N)*float64(depth*rows*blocks*Block)/float64(b.Elapsed().Nanoseconds()), "GMAC/s")
			})
		}
	}
}

// TestBytePick holds the generated quantised tiles of picked inputs to their loop in Go, and that to the loop that skips
// nothing, bit for bit and writing nothing else.
func TestBytePick(t *testing.T) {
	r := rand.New(rand.NewPCG(9, 8))
	for vectors := 1; vectors <= 2; vectors++ {
		for pixels := 1; pixels <= MostBytePixels; pixels++ {
			for i := range 12 {
				half := HalfTile
				if i%2 == 0 && pixels%2 == 0 {
					half = pixels / 2
				}
				a, got := tile(r, pixels, vectors, 4)
				a.Passes = 1
				// Some groups of weights are zero; the others are packed one after the other.
				each := 64 * vectors
				all := unsafe.Slice(a.W, a.Blocks*a.KH*a.KW*4*each)
				var off []int32
				var packed []int8
				for k := range len(all) / each {
					if r.IntN(3) > 0 || i == 0 {
						clear(all[k*each : (k+1)*each])
						continue
					}
					g, kw, kh, b := k%4, k/4%a.KW, k/4/a.KW%a.KH, k/4/a.KW/a.KH
					off = append(off, int32(b*a.BlockStep+kh*a.RowStep+kw*a.TapStep+4*g))
					packed = append(packed, all[k*each:(k+1)*each]...)
				}
				want, plain := bytes.Clone(got), bytes.Clone(got)
				begin := bytes.Clone(got)
				a.Out = &want[100]
				ByteTileGo(a, pixels, half, vectors, 4)
				a.Depth, off, packed = len(off), append(off, 0), append(packed, 0)
				a.Off, a.W, a.Out = &off[0], &packed[0], &plain[100]
				BytePickGo(a, pixels, half, vectors)
				if !bytes.Equal(plain, want) {
					t.Fatalf("go, %d pixels, %d vectors, %d groups: differs", pixels, vectors, a.Depth)
				}
				try := func(name string, loop func()) {
					copy(got, begin)
					a.Out = &got[100]
					loop()
					if !bytes.Equal(got, want) {
						t.Fatalf("%s, %d pixels, half %d, %d vectors, %d groups: differs\n%v\n%v", name, pixels, half, vectors, a.Depth, got, want)
					}
				}
				if HasByteTile512() {
					try("avx512", func() { BytePick512(a, pixels, half, vectors) })
				}
				if vectors == 2 || half < pixels {
					continue
				}
				if HasByteVNNI() && pixels <= 6 {
					try("avxvnni", func() { BytePickVNNI(a, pixels) })
				}
				if HasAVX2() && pixels <= 4 {
					pairs := make([]int8, 2*len(packed)+128)
					BytePairs(packed, pairs)
					a.W = &pairs[0]
					try("avx2", func() { BytePickPair(a, pixels) })
				}
			}
		}
	}
}
