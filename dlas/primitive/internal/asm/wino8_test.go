package asm

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"testing"
	"unsafe"
)

func bytesOf[T any](s []T) []byte {
	return unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(s))), len(s)*int(unsafe.Sizeof(s[0])))
}

// bothWino8 runs a loop of Winograd's in whole numbers on an output of random bytes, in Go and in assembly, and compares them.
func bothWino8[T any](t *testing.T, r *rand.Rand, what string, size int, loops ...func(out *T)) {
	t.Helper()
	var zero T
	begin := make([]byte, size*int(unsafe.Sizeof(zero)))
	for i := range begin {
		begin[i] = byte(r.Uint32())
	}
	var want []byte
	for i, loop := range loops {
		out := make([]T, size)
		copy(bytesOf(out), begin)
		loop(&out[0])
		if got := bytesOf(out); i == 0 {
			if want = got; bytes.Equal(want, begin) {
				t.Fatalf("%s: nothing was written", what)
			}
		} else if !bytes.Equal(got, want) {
			t.Errorf("%s: loop %d differs from that in Go", what, i)
		}
	}
}

// TestWino8Loops holds the loops in assembly to those in Go, bit for bit, and to writing nothing else.
func TestWino8Loops(t *testing.T) {
	if !HasAVX2() {
		t.Skip("no assembly")
	}
	wide := func(loop, instead func()) {
		if HasWino8() {
			loop()
		} else {
			instead()
		}
	}
	r := rand.New(rand.NewPCG(8, 9))
	noise := make([]byte, 1<<20)
	for i := range noise {
		noise[i] = byte(r.Uint32())
	}
	for _, tiles := range []int{1, 2, 5, Wino8Tiles} {
		for _, signed := range []bool{false, true} {
			in := Wino8In{Map: &noise[0], Row: 16 * 130, Plane: 32 * (tiles + 1), Tiles: tiles, Temp: &make([]int16, Wino8Temp/2)[0]}
			bothWino8(t, r, fmt.Sprint("in ", tiles, signed), 36*16*(tiles+1),
				func(out *int16) { a := in; a.Mat = out; Wino8InGo(&a, signed) },
				func(out *int16) { a := in; a.Mat = out; Wino8In256(&a, signed) },
				func(out *int16) {
					a := in
					a.Mat = out
					wide(func() { Wino8In512(&a, signed) }, func() { Wino8InGo(&a, signed) })
				})
		}
	}
	for _, units := range []int{1, 7} {
		w := Wino8Weights{W: Plus((*int8)(unsafe.Pointer(&noise[0])), 5), Units: units, Plane: 64 * (units + 1)}
		bothWino8(t, r, "weights", 36*32*(units+1),
			func(out *int16) { a := w; a.U = out; Wino8WeightsGo(&a) },
			func(out *int16) { a := w; a.U = out; Wino8Weights256(&a) },
			func(out *int16) {
				a := w
				a.U = out
				wide(func() { Wino8Weights512(&a) }, func() { Wino8WeightsGo(&a) })
			})
	}
	for n := range 200 {
		w := unsafe.Slice((*int8)(unsafe.Pointer(&noise[n])), n)
		sum, above := Wino8Sums(w)
		if s, a := Wino8SumsGo(w); s != sum || a != above {
			t.Errorf("the sums of %d are %d and %d, want %d and %d", n, sum, above, s, a)
		}
	}
	for vectors := 1; vectors <= 2; vectors++ {
		for rows := 1; rows <= Wino8Rows; rows++ {
			m := Wino8Mul{V: (*int16)(unsafe.Pointer(&noise[0])), U: (*int16)(unsafe.Pointer(&noise[1<<18])), Ahead: (*int8)(unsafe.Pointer(&noise[0])), Blocks: 3, VBlock: 1024, MBlock: 64 * (rows + 1), Count: 2, VStep: 32, UStep: 128, MStep: 128 * (rows + 1)}
			loops := []func(out *int32){func(out *int32) { a := m; a.M = out; Wino8MulGo(&a, rows, vectors) }}
			if HasWino8() {
				loops = append(loops, func(out *int32) { a := m; a.M = out; Wino8Mul512(&a, rows, vectors) })
			}
			if vectors == 1 && rows <= Wino8Rows256 {
				loops = append(loops, func(out *int32) { a := m; a.M = out; Wino8Pair(&a, rows) })
				if HasByteVNNI() {
					loops = append(loops, func(out *int32) { a := m; a.M = out; Wino8VNNI(&a, rows) })
				}
			}
			bothWino8(t, r, fmt.Sprint("mul ", rows, vectors), 64*(rows+1), loops...)
		}
	}
	post := wino8Posts(r, 1e-8)
	for kind := range 3 {
		for rows := 1; rows <= 4; rows++ {
			for cols := 1; cols <= 4; cols++ {
				o := Wino8Out{Mat: (*int32)(unsafe.Pointer(&noise[0])), Post: post, Row: 16 * 20, ResRow: 16 * 30, Plane: 64 * 4, Tiles: 3, Rows: rows, Mask: 1<<(4*cols) - 1}
				if kind > 0 {
					var b ByteTile
					b.Residual(0.02, 100, 0.03, 90, 0.05, 120, kind > 1)
					o.Res, o.ResFirst, o.Least, o.Most, o.Rounder, o.Unrounder, o.Own, o.Other, o.Fixed = &noise[1<<18], b.ResFirst, b.Least, b.Most, b.Rounder, b.Unrounder, b.Own, b.Other, b.Fixed
				}
				bothWino8(t, r, fmt.Sprint("out ", kind, rows, cols), 16*20*4,
					func(out *uint8) { a := o; a.Map = out; Wino8OutGo(&a) },
					func(out *uint8) { a := o; a.Map = out; wide(func() { Wino8Out512(&a) }, func() { Wino8OutGo(&a) }) },
					func(out *uint8) {
						a := o
						a.Map, a.Temp = out, &make([]int32, Wino8Temp/4)[0]
						if a.Mask == 0xffff {
							Wino8Out256(&a)
							return
						}
						for a.Tiles = 1; a.Tiles <= o.Tiles; a.Tiles++ { // one by one
							b := a
							b.Tiles = 1
							Wino8Out256(&b)
							a.Map, a.Mat = Plus(a.Map, 64), Plus(a.Mat, 64)
							if a.Res != nil {
								a.Res = Plus(a.Res, 64)
							}
						}
					})
			}
		}
	}
}

func wino8Posts(r *rand.Rand, scale float32) *Wino8Post {
	post := &Wino8Post{}
	for lane := range 16 {
		post.Set(lane, int32(r.IntN(1<<20)-1<<19), scale*(1+float32(lane)))
	}
	post.Ends(100, 10, 240)
	return post
}

// TestWino8 holds the transforms together to the convolution's definition, at the ends of what bytes can be.
func TestWino8(t *testing.T) {
	r := rand.New(rand.NewPCG(8, 9))
	const channels = 32
	for kind := range 6 {
		signed := kind%2 == 1
		pick := func(least, most int) int {
			switch kind / 2 {
			case 0:
				return least + r.IntN(most-least+1)
			case 1:
				return most
			}
			return []int{least, most}[r.IntN(2)]
		}
		pixels := make([]uint8, 2*36*16) // two blocks of channels
		at := func(c, y, x int) int {
			b := pixels[c/16*36*16+(6*y+x)*16+c%16]
			if signed {
				return int(int8(b))
			}
			return int(b)
		}
		for i := range pixels {
			if signed {
				pixels[i] = uint8(int8(pick(-128, 127)))
			} else {
				pixels[i] = uint8(pick(0, 255))
			}
		}
		weights := make([]int8, channels/2*288)
		for i := range weights {
			if weights[i] = int8(pick(-128, 127)); kind/2 == 1 {
				weights[i] = -128
			}
		}
		v, u, m := make([]int16, 36*channels), make([]int16, 36*channels*16), make([]int32, 36*16)
		for b := range 2 {
			Wino8InGo(&Wino8In{Map: &pixels[b*36*16], Mat: &v[16*b], Row: 6 * 16, Plane: 2 * channels, Tiles: 1}, signed)
		}
		Wino8WeightsGo(&Wino8Weights{W: &weights[0], U: &u[0], Units: channels / 2, Plane: channels * 32})
		Wino8MulGo(&Wino8Mul{V: &v[0], U: &u[0], M: &m[0], Blocks: 2, VBlock: 32, Count: 36, VStep: 2 * channels, UStep: channels * 32, MStep: 64}, 1, 1)
		post := &Wino8Post{}
		for lane := range 16 {
			post.Set(lane, 0, 1e-4)
		}
		post.Ends(128, 0, 255)
		out := make([]uint8, 16*16)
		Wino8OutGo(&Wino8Out{Mat: &m[0], Map: &out[0], Post: post, Row: 64, Plane: 64, Tiles: 1, Rows: 4, Mask: 0xffff})
		for y := range 4 {
			for x := range 4 {
				for o := range 16 {
					sum := 0
					for c := range channels {
						for k := range 9 {
							sum += at(c, y+k/3, x+k%3) * int(weights[c/2*288+k*32+2*o+c%2])
						}
					}
					if want := RoundClamp(float32(sum)*1e-4, 128, 0, 255); out[64*y+16*x+o] != want {
						t.Fatalf("kind %d: %d %d %d is %d, want %d", kind, y, x, o, out[64*y+16*x+o], want)
					}
					if int64(sum) != int64(int32(sum)) {
						t.Fatal("the case is too large")
					}
				}
			}
		}
	}
}

func BenchmarkWino8(b *testing.B) {
	if !HasWino8() {
		b.Skip("no assembly")
	}
	noise := make([]int16, 1<<20)
	out := make([]int32, 1<<18)
	run := func(name string, macs int, f func()) {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				f()
			}
			b.ReportMetric(float64(macs)*float64(b.N)/float64(b.Elapsed().Nanoseconds()), "MAC/ns")
		})
	}
	run("peak", 1<<20, func() { MACs("avx512vnni", true, 1<<20) })
	for vectors := 1; vectors <= 2; vectors++ {
		for _, rows := range []int{4, 7, 8, 10, 12, 13, 14} {
			m := Wino8Mul{V: &noise[0], U: &noise[1<<19], M: &out[0], Ahead: (*int8)(unsafe.Pointer(&noise[0])), Blocks: 8, VBlock: 448, MBlock: 1024, Count: 8}
			run(fmt.Sprint("mul", rows, "x", vectors), 8*rows*vectors*16*128, func() { Wino8Mul512(&m, rows, vectors) })
		}
	}
	in := Wino8In{Map: (*uint8)(unsafe.Pointer(&noise[0])), Mat: (*int16)(unsafe.Pointer(&out[0])), Temp: &noise[1<<19], Row: 16 * 130, Plane: 32 * 29, Tiles: 28}
	for _, tiles := range []int{4, 7, 14, 28} {
		for _, plane := range []int{0, 64, 32 * 29, 32*14*4 + 64, 32*14*32 + 64} {
			in.Tiles, in.Plane = tiles, plane
			run(fmt.Sprint("in", tiles, " ", plane), tiles, func() { Wino8In512(&in, false) })
		}
	}
	for _, plane := range []int{0, 64*16 + 64, 64 * 65, 64*256 + 64} {
		w := Wino8Weights{W: (*int8)(unsafe.Pointer(&noise[0])), U: &noise[1<<18], Units: 16, Plane: plane}
		run(fmt.Sprint("weights", plane), 16, func() { Wino8Weights512(&w) })
	}
	post := wino8Posts(rand.New(rand.NewPCG(1, 1)), 1e-8)
	o := Wino8Out{Mat: (*int32)(unsafe.Pointer(&noise[0])), Map: (*uint8)(unsafe.Pointer(&out[0])), Post: post, Row: 16 * 130, Plane: 64 * 29, Tiles: 28, Rows: 4, Mask: 0xffff}
	run("out", 28, func() { Wino8Out512(&o) })
}
