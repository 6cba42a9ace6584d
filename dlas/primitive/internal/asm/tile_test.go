package asm

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"
	"unsafe"
)

// tileCase is a convolution whose tile has two stretches of pixels, with sentinels wherever nothing may be written, and
// what it must give.
type tileCase struct {
	t            Tile
	rows, blocks int
	out          []float32
	want         []float64
}

func newTileCase(r *rand.Rand, rows, blocks, tiles int, depths [2]int, inBlocks, k int, residual bool) *tileCase {
	const width, pixel = 40, 2
	plane := width * 12 * Block
	in := random(r, (inBlocks+1)*plane+1000)
	deep := (inBlocks-1)*depths[0] + depths[1]
	w := random(r, k*k*deep*blocks*Block)
	bias := random(r, blocks*Block)
	c := &tileCase{rows: rows, blocks: blocks}
	outPlane := 16 * 8 * Block * tiles
	c.out = make([]float32, blocks*outPlane)
	res := random(r, len(c.out))
	c.want = make([]float64, len(c.out))
	for i := range c.want {
		c.want[i], c.out[i] = 99, 99
	}
	const b = 4
	c.t = Tile{
		In: &in[0], W: unsafe.Pointer(&w[0]), Bias: &bias[0], Out: &c.out[0],
		InPixel: pixel * Block * b, OutPixel: Block * b, ResPixel: Block * b, OutBlock: outPlane * b, ResBlock: outPlane * b,
		Blocks: inBlocks, InBlock: plane * b, KH: k, InRow: width * Block * b, KW: k, InTap: Block * b, Depth: depths[0], LastDepth: depths[1],
		Tiles: tiles, InTile: 3 * Block * b, OutTile: 64 * Block * b, ResTile: 64 * Block * b, Ahead: 2048, Lo: -3, Hi: 4,
	}
	if residual {
		c.t.Res = &res[0]
	}
	first := min(rows, 7)
	Spread(&c.t.At, rows, first, pixel*Block*b, 2*width*Block*b)
	Spread(&c.t.To, rows, first, Block*b, 20*Block*b)
	Spread(&c.t.ResAt, rows, first, Block*b, 20*Block*b)
	for n := range tiles {
		for row := range rows {
			from, to := row*pixel*Block, row*Block
			if row >= 7 {
				from, to = 2*width*Block+(row-7)*pixel*Block, (20+row-7)*Block
			}
			for m := range blocks * Block {
				to := n*64*Block + to + m/Block*outPlane + m%Block
				sum := float64(bias[m])
				if residual {
					sum += float64(res[to])
				}
				at := 0
				for ib := range inBlocks {
					depth := depths[0]
					if ib == inBlocks-1 {
						depth = depths[1]
					}
					for kh := range k {
						for kw := range k {
							for i := range depth {
								x := in[n*3*Block+from+ib*plane+kh*width*Block+kw*Block+i]
								sum += float64(x) * float64(w[at*blocks*Block+m])
								at++
							}
						}
					}
				}
				c.want[to] = min(max(sum, -3), 4)
			}
		}
	}
	return c
}

func (c *tileCase) check(t *testing.T, name string, f func(*Tile, int, int)) {
	t.Helper()
	for i := range c.out {
		c.out[i] = 99
	}
	f(&c.t, c.rows, c.blocks)
	compare(t, fmt.Sprintf("%s %dx%d depth %d,%d", name, c.rows, c.blocks, c.t.Depth, c.t.LastDepth), c.out, c.want)
}

// halved is the same case with weights that float16 holds: they are small integers.
func (c *tileCase) halved() *tileCase {
	h := *c
	n := c.t.weights() * c.blocks * Block
	wide, half := make([]float32, n), make([]uint16, n)
	for i := range wide {
		wide[i] = float32(i*7%9 - 4)
		half[i] = ToHalf(wide[i])
	}
	h.t.W = unsafe.Pointer(&wide[0])
	h.want = make([]float64, len(c.want))
	TileGo(&h.t, c.rows, c.blocks)
	for i, v := range c.out {
		h.want[i] = float64(v)
	}
	h.t.W = unsafe.Pointer(&half[0])
	return &h
}

// smooth is the same case with SiLU.
func (c *tileCase) smooth() *tileCase {
	s := *c
	s.t.Lo, s.t.Hi = float32(math.Inf(-1)), float32(math.Inf(1))
	TileGo(&s.t, c.rows, c.blocks)
	s.t.SiLU = 1
	s.want = slices.Clone(c.want)
	for i, v := range c.out {
		if c.want[i] != 99 {
			s.want[i] = float64(v) / (1 + math.Exp(-float64(v)))
		}
	}
	return &s
}

func TestHalf(t *testing.T) {
	for h := range 1 << 16 {
		f := FromHalf(uint16(h))
		if got := ToHalf(f); got != uint16(h) && f == f {
			t.Fatalf("%#x is %v, which is %#x", h, f, got)
		}
		if exp := h >> 10 & 31; exp != 31 {
			want := math.Ldexp(float64(h&1023), -24)
			if exp > 0 {
				want = math.Ldexp(float64(1024+h&1023), exp-25)
			}
			if h>>15 == 1 {
				want = -want
			}
			if float64(f) != want {
				t.Fatalf("%#x is %v, want %v", h, f, want)
			}
		}
	}
	// Between two neighbours the nearer one, of two as near the even one.
	for h := range uint16(0x7bff) {
		a, b := float64(FromHalf(h)), float64(FromHalf(h+1))
		mid := float32((a + b) / 2)
		even := h + h&1
		for f, want := range map[float32]uint16{mid: even, math.Nextafter32(mid, 0): h, math.Nextafter32(mid, 1e6): h + 1} {
			if got := ToHalf(f); got != want {
				t.Fatalf("%v is %#x, want %#x", f, got, want)
			}
		}
	}
	for f, want := range map[float32]uint16{65520: 0x7c00, 65519: 0x7bff, 1e30: 0x7c00, float32(math.Inf(-1)): 0xfc00} {
		if got := ToHalf(f); got != want {
			t.Errorf("%v is %#x, want %#x", f, got, want)
		}
	}
}

func TestTile(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 5))
	for blocks := 1; blocks <= 3; blocks++ {
		for rows := 1; rows <= TileRows512[blocks]; rows++ {
			for i, s := range []struct{ tiles, first, last, inBlocks, k int }{
				{1, 16, 16, 2, 3}, {3, 16, 5, 2, 1}, {2, 7, 7, 3, 2}, {1, 1, 3, 1, 1}, {2, 0, 12, 1, 3}, {1, 0, 200, 1, 1},
			} {
				c := newTileCase(r, rows, blocks, s.tiles, [2]int{s.first, s.last}, s.inBlocks, s.k, (i+rows)%2 == 0)
				c.check(t, "go", TileGo)
				if HasAVX512() {
					c.check(t, "avx512", Tile512)
				}
				if HasAVX2() && blocks == 1 && rows <= TileRows256 {
					c.check(t, "avx2", Tile256)
				}
				if HasNEON() && blocks == 1 && rows <= TileRowsNEON {
					c.check(t, "neon", TileNEON)
				}
				s := c.smooth()
				s.check(t, "go with SiLU", TileGo)
				if HasAVX512() {
					s.check(t, "avx512 with SiLU", Tile512)
				}
				h := c.halved()
				h.check(t, "go half", TileGoHalf)
				if HasAVX512() && blocks <= 2 {
					h.check(t, "avx512 half", Tile512Half)
				}
				if HasAVX2() && blocks == 1 && rows <= TileRows256 {
					h.check(t, "avx2 half", Tile256Half)
				}
			}
		}
	}
}

func TestTileNaNStays(t *testing.T) {
	r := rand.New(rand.NewPCG(6, 6))
	for name, f := range map[string]func(*Tile, int, int){"go": TileGo, "avx2": Tile256, "avx512": Tile512, "neon": TileNEON} {
		if name == "neon" && !HasNEON() || name == "avx2" && !HasAVX2() || name == "avx512" && !HasAVX512() {
			continue
		}
		c := newTileCase(r, 5, 1, 1, [2]int{16, 16}, 1, 1, false)
		*c.t.Bias = float32(math.NaN())
		f(&c.t, 5, 1)
		if c.out[0] == c.out[0] || c.out[1] != c.out[1] {
			t.Errorf("%s: %v %v", name, c.out[0], c.out[1])
		}
	}
}

// BenchmarkTile reports the best of many short runs, which other processes disturb least, as multiply-adds a nanosecond.
func BenchmarkTile(b *testing.B) {
	r := rand.New(rand.NewPCG(1, 1))
	for _, s := range []struct{ rows, blocks int }{{14, 2}, {12, 2}, {10, 2}, {8, 3}, {7, 3}, {8, 2}, {7, 2}, {4, 2}, {14, 1}, {8, 1}, {6, -1}, {5, -1}, {4, -1}} {
		b.Run(fmt.Sprintf("%dx%d", s.rows, 16*s.blocks), func(b *testing.B) {
			f, blocks := Tile512, s.blocks
			if blocks < 0 {
				f, blocks = Tile256, 1
			}
			c := newTileCase(r, s.rows, blocks, 4, [2]int{16, 16}, 4, 3, false)
			best := time.Hour
			for b.Loop() {
				begin := time.Now()
				for range 20 {
					f(&c.t, s.rows, blocks)
				}
				best = min(best, time.Since(begin))
			}
			b.ReportMetric(float64(20*4*s.rows*blocks*Block*c.t.weights())*2/float64(best.Nanoseconds()), "GF/s")
		})
	}
}

// weights is the number of weights of one output channel.
func (t *Tile) weights() int { return t.KH * t.KW * ((t.Blocks-1)*t.Depth + t.LastDepth) }

// TestSiLUEnds looks at sums past what fits, in tiles and in windows that apply SiLU themselves.
func TestSiLUEnds(t *testing.T) {
	r := rand.New(rand.NewPCG(6, 7))
	nan := float32(math.NaN())
	ends := []struct{ sum, want float32 }{{inf32(), inf32()}, {nan, nan}, {1e6, 1e6}, {3e38, 3e38}, {-1e6, 0}, {-1e30, 0}}
	check := func(name string, bias, out []float32, f func()) {
		t.Helper()
		for i, e := range ends {
			bias[i] = e.sum
		}
		f()
		for i, e := range ends {
			same := out[i] == e.want || out[i] != out[i] && e.want != e.want
			if !same && !(math.Abs(float64(out[i]-e.want)) <= 1e-5*math.Max(1e-2, math.Abs(float64(e.want)))) {
				t.Errorf("%s: of %v it is %v, want %v", name, e.sum, out[i], e.want)
			}
		}
	}
	tiles := map[string]func(*Tile, int, int){"go": TileGo}
	if HasAVX512() {
		tiles["avx512"] = Tile512
	}
	for name, f := range tiles {
		c := newTileCase(r, 5, 1, 1, [2]int{16, 16}, 1, 1, false)
		c.t.Lo, c.t.Hi, c.t.SiLU = -inf32(), inf32(), 1
		check("a tile of "+name, unsafe.Slice(c.t.Bias, Block), c.out, func() { f(&c.t, 5, 1) })
	}
	for _, k := range []int{3, 5} {
		p := Pixels{Width: 4, SH: 1, InPitch: 64 * 8, Window: Window{
			In: random(r, Vec*8*8), W: random(r, Vec*k*k), Bias: random(r, Vec), Out: make([]float32, Vec*4), KH: k, KW: k,
			HStep: 64 * 8, WStep: 64, Stride: 64, OutPitch: 64 * 4, Rows: 1, Lo: -inf32(), Hi: inf32(),
		}, SiLU: true}
		if HasAVX512() && p.Fuses(SlideDepthwise, AVX512) {
			check("a window", p.Bias, p.Out, func() { p.Slide(SlideDepthwise, AVX512) })
		}
	}
}
