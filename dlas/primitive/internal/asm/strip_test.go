package asm

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

// TestStrip compares every tile of both instruction sets with the loop in Go: first, middle and last chunks, with a
// residual and without, rows that have no entries among them.
func TestStrip(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	const outs, pitch = 5, 24 * 64 // bytes of a row of the input
	in := random(r, 64*pitch)
	for _, level := range []struct {
		isa  ISA
		have bool
		run  func(s *Strip, rows, cols, stride int)
	}{{AVX512, HasAVX512(), Strip512}, {AVX2, HasAVX2(), Strip256}} {
		if !level.have {
			continue
		}
		tried := 0
		for rows := 1; rows <= StripRows; rows++ {
			for cols := 1; cols <= StripCols; cols++ {
				if !HasStrip(level.isa, rows, cols) {
					continue
				}
				for _, stride := range []int{1, 2} {
					for _, mode := range []string{"all", "first", "middle", "last"} {
						var entries []Entry
						ptr := []int32{0}
						for o := range outs {
							for range []int{7, 0, 1, 12, 0}[o] {
								entries = append(entries, Entry{Off: int32(64 * r.IntN(100)), W: float32(r.NormFloat64())})
							}
							ptr = append(ptr, int32(len(entries)))
						}
						var got [2][]float32
						start, res := random(r, outs*4*8*16), random(r, outs*4*8*16)
						for i, f := range []func(s *Strip, rows, cols, stride int){StripGo, level.run} {
							got[i] = slices.Clone(start)
							s := Strip{
								In: &in[0], InRow: pitch, Entries: &entries[0], Ptr: &ptr[0], Out: &got[i][0], OutRow: 64 * 8, OutStep: 64 * 8 * 4,
								Res: &res[0], ResRow: 64 * 8, ResStep: 64 * 8 * 4, Rows: outs, Lo: -1, Hi: 2,
							}
							if mode == "all" || mode == "first" {
								s.Bias = &res[7]
							}
							if mode == "all" {
								s.Res = nil
							}
							if mode == "all" || mode == "last" {
								s.Last = 1
							}
							f(&s, rows, cols, stride)
						}
						for i := range got[0] {
							if math.Abs(float64(got[0][i]-got[1][i])) > 1e-5 {
								t.Fatalf("level %v, %dx%d stride %d, %s: number %d is %v, want %v", level.isa, rows, cols, stride, mode, i, got[1][i], got[0][i])
							}
						}
						tried++
					}
				}
			}
		}
		if tried == 0 {
			t.Error("nothing was tried")
		}
	}
}

// TestTurn compares the transpositions with the loop in Go, and that with the definition.
func TestTurn(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	const count = 5
	src := random(r, 16*count*16)
	for name, f := range map[string]func(*Turn){"go": TurnGo, "avx2": Turn256, "avx512": Turn512} {
		if name == "avx2" && !HasAVX2() || name == "avx512" && !HasAVX512() {
			continue
		}
		dst := make([]float32, len(src))
		turn := Turn{Count: count}
		for i := range 16 {
			turn.Src[i], turn.Dst[i], turn.SrcStep[i], turn.DstStep[i] = &src[i*count*16], &dst[i*count*16], -1, -1
		}
		turn.SrcStep[3] = 0
		f(&turn)
		for i := range count {
			for k := range 16 {
				for j := range 16 {
					at := k*count*16 + i*16 + j
					if k == 3 {
						at = k*count*16 + j
					}
					if got := dst[j*count*16+i*16+k]; got != src[at] {
						t.Fatal(name, i, k, j, got, src[at])
					}
				}
			}
		}
	}
}

// TestEdges compares the loops that fill borders.
func TestEdges(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	var list []Edge
	for i := range 20 {
		e := Edge{Dst: int32(64 * i), Src: int32(64 * r.IntN(40)), Mask: r.Uint32N(1 << 16)}
		for l := range e.From {
			e.From[l] = int32(r.IntN(16))
		}
		list = append(list, e)
	}
	const planes, step = 3, 50 * 16
	a := random(r, planes*step)
	begin := slices.Clone(a)
	EdgesGo(&Edges{Plane: &a[0], List: &list[0], Count: len(list), Planes: planes, Step: 4 * step})
	for name, loop := range map[string]func(*Edges){"avx512": Edges512, "avx2": Edges256} {
		if name == "avx2" && !HasAVX2() || name == "avx512" && !HasAVX512() {
			continue
		}
		b := slices.Clone(begin)
		if loop(&Edges{Plane: &b[0], List: &list[0], Count: len(list), Planes: planes, Step: 4 * step}); !slices.Equal(a, b) {
			t.Errorf("%s fills borders otherwise than Go", name)
		}
	}
	if fmt.Sprint(a[:64]) == fmt.Sprint(make([]float32, 64)) {
		t.Error("nothing was filled")
	}
}
