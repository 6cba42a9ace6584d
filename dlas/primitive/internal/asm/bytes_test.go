package asm

import (
	"bytes"
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
	"unsafe"
)

func randomBytes(r *rand.Rand, n int) []uint8 {
	v := make([]uint8, n)
	for i := range v {
		v[i] = uint8(r.IntN(256))
	}
	return v
}

func randomTable(r *rand.Rand) *[256]uint8 {
	return (*[256]uint8)(randomBytes(r, 256))
}

// tile is a random ByteTile with memory of its own; the output is guarded by being compared whole.
func tile(r *rand.Rand, pixels, vectors, groups int) (*ByteTile, []uint8) {
	t := &ByteTile{
		Passes: 1 + r.IntN(2), Blocks: 1 + r.IntN(3), KH: 1 + r.IntN(3), KW: 1 + r.IntN(3), TapStep: 4 * groups, Pixel: 4 * groups * (1 + r.IntN(2)),
		RowStep: 16 * 40, BlockStep: 16 * 40 * 5, In2: 16 * 41, Out2: 16 * 9, Res2: 16 * 8, OutStep: 1000, ResStep: 800,
		Zero: int32(r.IntN(256)), Hi: 255,
	}
	if r.IntN(2) == 0 {
		t.Lo, t.Hi = 13, 200
	}
	t.In = &randomBytes(r, 16*40*40)[0]
	w := make([]int8, t.Passes*t.Blocks*t.KH*t.KW*groups*vectors*64)
	for i := range w {
		w[i] = int8(r.IntN(256) - 128)
	}
	bias, scale := make([]int32, 16*vectors), make([]float32, 16*vectors)
	for i := range bias {
		bias[i], scale[i] = int32(r.IntN(1<<20)-1<<19), 1e-3*r.Float32()
	}
	t.W, t.Bias, t.Scale = &w[0], &bias[0], &scale[0]
	if r.IntN(2) == 0 {
		t.Res = &randomBytes(r, 2000)[0]
		t.Residual(0.7+r.Float32(), float32(t.Zero), 1.3, float32(r.IntN(256)), 0.9+r.Float32(), float32(r.IntN(256)), r.IntN(2) == 0)
	}
	if r.IntN(2) == 0 {
		t.Table = randomTable(r)
	}
	out := randomBytes(r, 2000)
	t.Out = &out[100]
	return t, out
}

// TestByteTile holds the generated tiles to their loop in Go, bit for bit, and to writing nothing else.
func TestByteTile(t *testing.T) {
	if !HasByteTile512() {
		t.Skip("no AVX-512 with VNNI and VBMI")
	}
	r := rand.New(rand.NewPCG(1, 2))
	for _, groups := range []int{1, 4} {
		for vectors := 1; vectors <= 2; vectors++ {
			for pixels := 1; pixels <= MostBytePixels; pixels++ {
				for i := range 24 {
					half := HalfTile
					if i%2 == 0 && pixels%2 == 0 {
						half = pixels / 2
					}
					a, got := tile(r, pixels, vectors, groups)
					want := bytes.Clone(got)
					ByteTile512(a, pixels, half, vectors, groups)
					a.Out = &want[100]
					ByteTileGo(a, pixels, half, vectors, groups)
					if !bytes.Equal(got, want) {
						t.Fatalf("%d pixels, %d vectors, %d groups: differs\n%v\n%v", pixels, vectors, groups, got, want)
					}
				}
			}
		}
	}
}

// TestByteTile256 does the same for the tiles of 16 channels.
func TestByteTile256(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for _, c := range []struct {
		name string
		has  bool
		most int
		run  func(*ByteTile, int, int)
	}{{"VNNI", HasByteVNNI(), 6, ByteVNNI}, {"pair", HasAVX2(), 4, BytePair}} {
		if !c.has {
			continue
		}
		for _, groups := range []int{1, 4} {
			for pixels := 1; pixels <= c.most; pixels++ {
				for range 24 {
					a, got := tile(r, pixels, 1, groups)
					want := bytes.Clone(got)
					w := a.W
					if c.name == "pair" {
						all := unsafe.Slice(w, a.Passes*a.Blocks*a.KH*a.KW*groups*64)
						pairs := make([]int8, 2*len(all))
						BytePairs(all, pairs)
						a.W = &pairs[0]
					}
					c.run(a, pixels, groups)
					a.Out, a.W = &want[100], w
					ByteTileGo(a, pixels, HalfTile, 1, groups)
					if !bytes.Equal(got, want) {
						t.Fatalf("%s, %d pixels, %d groups: differs\n%v\n%v", c.name, pixels, groups, got, want)
					}
				}
			}
		}
	}
}

// TestByteWindow does the same for windows by channel.
func TestByteWindow(t *testing.T) {
	if !HasByteTile512() {
		t.Skip("no AVX-512 with VNNI and VBMI")
	}
	r := rand.New(rand.NewPCG(1, 2))
	for _, c := range []struct {
		name  string
		taps  int
		step  int
		fixed int
		loop  func(*ByteWindow)
	}{{"4", 4, 64, 0, ByteWindow4}, {"8", 8, 128, 0, ByteWindow8}, {"pair", 3, 128, 16, ByteWindowPair}, {"max", 5, 0, 0, ByteMax}} {
		for range 50 {
			bias, scale := make([]int32, 16), make([]float32, 16)
			for i := range bias {
				bias[i], scale[i] = int32(r.IntN(1<<12)-1<<11), 1e-2*r.Float32()
			}
			n := 1 + r.IntN(19)
			w := &ByteWindow{
				In: &randomBytes(r, 20000)[0], Bias: &bias[0], Scale: &scale[0], KH: 1 + r.IntN(5), KW: 1 + r.IntN(c.taps),
				RowStep: 16 * 50, TapStep: 16, Pixel: 16 * (1 + r.IntN(2)), Rows: 1 + r.IntN(4), OutRow: 16 * 24, Quads: (n + 3) / 4, Mask: 0xffff,
				Zero: 7, Lo: 3, Hi: 250,
			}
			w.InRow = w.RowStep
			if c.fixed > 0 {
				w.Pixel = c.fixed
			}
			if n < 4 {
				w.Mask = 1<<(4*n) - 1
			} else if n%4 != 0 {
				w.LastIn, w.LastOut = (n%4-4)*w.Pixel, (n%4-4)*16
			}
			weights := make([]int8, w.KH*128)
			for kh := range w.KH {
				for kw := range w.KW {
					for ch := range 16 {
						at, v := kh*c.step+kw/4*64+4*ch+kw%4, int8(r.IntN(256)-128)
						if c.step > 0 {
							weights[at] = v
						}
						if c.fixed > 0 {
							weights[at+65] = v
						}
					}
				}
			}
			w.W = &weights[0]
			if r.IntN(2) == 0 {
				w.Table = randomTable(r)
			}
			got := randomBytes(r, 16*24*5)
			want := bytes.Clone(got)
			w.Out = &got[64]
			c.loop(w)
			w.Out = &want[64]
			if c.step == 0 {
				ByteMaxGo(w)
			} else {
				ByteWindowGo(w, c.step)
			}
			if !bytes.Equal(got, want) {
				t.Fatalf("%s: %+v differs\n%v\n%v", c.name, w, got, want)
			}
		}
	}
}

// TestByteWindow2 compares the loops of windows for AVX2 with those in Go, and these with each other.
func TestByteWindow2(t *testing.T) {
	if !HasAVX2() {
		t.Skip("no AVX2")
	}
	r := rand.New(rand.NewPCG(1, 3))
	for range 100 {
		bias, scale := make([]int32, 16), make([]float32, 16)
		for i := range bias {
			bias[i], scale[i] = int32(r.IntN(1<<12)-1<<11), 1e-2*r.Float32()
		}
		n := 1 + r.IntN(19)
		w := &ByteWindow{
			In: &randomBytes(r, 20000)[0], Bias: &bias[0], Scale: &scale[0], KH: 1 + r.IntN(5), KW: 1 + r.IntN(8),
			RowStep: 16 * 50, TapStep: 16, Pixel: 16 * (1 + r.IntN(2)), Rows: 1 + r.IntN(4), OutRow: 16 * 24, Quads: (n + 3) / 4, Mask: 0xffff,
			Zero: 7, Lo: 3, Hi: 250,
		}
		w.InRow = w.RowStep
		if n < 4 {
			w.Mask = 1<<(4*n) - 1
		} else if n%4 != 0 {
			w.LastIn, w.LastOut = (n%4-4)*w.Pixel, (n%4-4)*16
		}
		pairs, fours := make([]int8, w.KH*(w.KW+1)/2*2*64), make([]int8, w.KH*128)
		for kh := range w.KH {
			for kw := range w.KW {
				for ch := range 16 {
					v := int8(r.IntN(256) - 128)
					at := (kh*((w.KW+1)/2)+kw/2)*64 + 4*ch + kw%2*2
					pairs[at], pairs[at+1] = v, v>>7
					fours[kh*128+kw/4*64+4*ch+kw%4] = v
				}
			}
		}
		if r.IntN(2) == 0 {
			w.Table = randomTable(r)
		}
		before := randomBytes(r, 16*24*5)
		made := func(weights []int8, loop func(*ByteWindow)) []uint8 {
			out := bytes.Clone(before)
			w.Out, w.W = &out[64], &weights[0]
			loop(w)
			return out
		}
		want := made(fours, func(w *ByteWindow) { ByteWindowGo(w, 128) })
		if got := made(pairs, ByteWindowPairsGo); !bytes.Equal(got, want) {
			t.Fatalf("in Go: %+v differs\n%v\n%v", w, got, want)
		}
		if got := made(pairs, ByteWindow2); !bytes.Equal(got, want) {
			t.Fatalf("%+v differs\n%v\n%v", w, got, want)
		}
		w.Table = nil
		want = made(pairs, ByteMaxGo)
		if got := made(pairs, ByteMax2); !bytes.Equal(got, want) {
			t.Fatalf("maximum: %+v differs\n%v\n%v", w, got, want)
		}
	}
}

// TestByteRun does the same for the element-wise loops.
func TestByteRun(t *testing.T) {
	if !HasByteTile512() {
		t.Skip("no AVX-512 with VNNI and VBMI")
	}
	r := rand.New(rand.NewPCG(1, 2))
	for _, c := range []struct {
		name       string
		loop, inGo func(*ByteRun)
		floats     bool // A is
		tails      bool // it knows no quads
	}{
		{"add", ByteAdd, ByteAddGo, false, false},
		{"mul", ByteMul, ByteMulGo, false, false},
		{"mul one", ByteMulOne, ByteMulOneGo, false, false},
		{"affine", ByteAffine, ByteAffineGo, false, false},
		{"quantize", ByteQuantize, ByteQuantizeGo, true, false},
		{"look up", ByteLookUp, ByteLookUpGo, false, false},
		{"float", ByteFloat, ByteFloatGo, false, true},
		{"sum", ByteSum, ByteSumGo, false, true},
		{"planes", BytePlanes, BytePlanesGo, true, true},
	} {
		for range 50 {
			b := randomBytes(r, 4000)
			mul, add := random(r, 16), random(r, 16)
			x := random(r, 4000)
			run := &ByteRun{
				A: &randomBytes(r, 4000)[0], B: &b[0], Mul: &mul[0], Add: &add[0], Table: randomTable(r), Rows: 1 + r.IntN(3),
				ARow: 48 * 4, BRow: 16 * 13, OutRow: 16 * 12, Quads: r.IntN(3), Tail: r.IntN(4), AZero: 3, BZero: 200, AScale: 0.3, BScale: 1.1, Zero: 20, Lo: 4, Hi: 240,
			}
			if c.floats {
				run.A, run.ARow, run.AZero, run.BZero, run.AScale = FirstByte(x), 64*12, -20, 235, 0.01
			}
			if c.tails {
				run.Quads, run.Tail, run.OutRow = 0, 1+r.IntN(10), 64*12
			}
			if c.name == "planes" {
				run.BRow = 1 + r.IntN(4)
				run.A = Plus(run.A, (run.BRow-1)*run.ARow)
				run.Tail = 1 + r.IntN(100)
			}
			got := randomBytes(r, 8000)
			want := bytes.Clone(got)
			run.Out = &got[64]
			c.loop(run)
			run.Out = &want[64]
			c.inGo(run)
			if !bytes.Equal(got, want) {
				t.Fatalf("%s: %+v differs\n%v\n%v", c.name, run, got[:400], want[:400])
			}
		}
	}
}

// BenchmarkByteTile times tiles: the share of the peak is what a 3x3 window over 64 channels reaches, and what the rest of
// a tile costs shows in the 1x1 windows over few.
func BenchmarkByteTile(b *testing.B) {
	if !HasByteTile512() {
		b.Skip("no AVX-512 with VNNI and VBMI")
	}
	for _, c := range []struct {
		pixels, vectors, groups, blocks, window int
		table, res                              bool
	}{
		{14, 2, 4, 4, 3, false, false},
		{14, 2, 4, 4, 3, false, true},
		{14, 1, 4, 4, 3, false, false},
		{7, 2, 4, 4, 3, false, false},
		{4, 2, 4, 4, 3, false, false},
		{1, 2, 4, 16, 1, false, false},
		{14, 2, 1, 1, 7, false, false},
		{14, 2, 4, 16, 1, false, false},
		{14, 2, 4, 4, 1, false, false},
		{14, 2, 4, 1, 1, false, false},
		{14, 2, 4, 1, 1, true, false},
		{14, 2, 4, 1, 1, false, true},
		{14, 2, 4, 3, 1, true, false},
	} {
		b.Run(fmt.Sprintf("%+v", c), func(b *testing.B) {
			r := rand.New(rand.NewPCG(1, 2))
			t, _ := tile(r, c.pixels, c.vectors, c.groups)
			t.Passes, t.Blocks, t.KH, t.KW, t.BlockStep, t.Pixel = 1, c.blocks, c.window, c.window, 16*40*2, 4*c.groups
			t.Res, t.Table = nil, nil
			if c.res {
				t.Res = &randomBytes(r, 4000)[0]
			}
			if c.table {
				t.Table = randomTable(r)
			}
			w := make([]int8, t.Blocks*t.KH*t.KW*c.groups*c.vectors*64)
			t.W = &w[0]
			for b.Loop() {
				ByteTile512(t, c.pixels, HalfTile, c.vectors, c.groups)
			}
			macs := float64(c.pixels * c.vectors * 16 * c.groups * 4 * t.Blocks * t.KH * t.KW)
			b.ReportMetric(macs/(float64(b.Elapsed().Nanoseconds())/float64(b.N)), "MAC/ns")
		})
	}
}

// TestBytePlanes2 compares the quantising of planes on AVX2 with that in Go, NaN and what overflows included.
func TestBytePlanes2(t *testing.T) {
	if !HasAVX2() {
		t.Skip("no AVX2")
	}
	r := rand.New(rand.NewPCG(1, 4))
	for range 100 {
		x := make([]float32, 4*200)
		for i := range x {
			x[i] = float32(r.NormFloat64())
		}
		x[r.IntN(len(x))], x[r.IntN(len(x))] = float32(math.NaN()), 1e30
		planes := 1 + r.IntN(4)
		run := &ByteRun{A: FirstByte(x[200*(planes-1):]), ARow: 800, BRow: planes, Tail: 1 + r.IntN(200), AZero: -20, BZero: 235, AScale: 0.01, Zero: 20}
		got := randomBytes(r, 4*202)
		want := bytes.Clone(got)
		run.Out = &got[4]
		BytePlanes2(run)
		run.Out = &want[4]
		BytePlanesGo(run)
		if !bytes.Equal(got, want) {
			t.Fatalf("%+v differs\n%v\n%v", run, got, want)
		}
	}
}
