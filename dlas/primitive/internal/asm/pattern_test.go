package asm

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"unsafe"
)

// TestPattern compares every tile of both instruction sets with the loop in Go, and that with a loop over single weights,
// on output channels that have runs of every length, of one, or none.
func TestPattern(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	const outs, pitch = 5, 24 * 64 // bytes of a row of the input
	in := random(r, 64*pitch)
	counts := [outs][PatternPtrs]int{{2, 3, 1}, {0, 0, 0}, {0, 4, 0}, {1, 0, 0}, {0, 0, 5}}
	levels := []struct {
		isa  ISA
		have bool
		run  func(s *Strip, rows, cols, stride int)
	}{{AVX512, HasAVX512(), Pattern512}, {AVX2, HasAVX2(), Pattern256}, {AVX512, true, PatternGo}}
	for i, level := range levels {
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
						var words []int32
						var entries []Entry
						ptr, single := []int32{0}, []int32{0}
						for _, count := range counts {
							for i, n := range count {
								for range n {
									off := 64 * r.IntN(100)
									words = append(words, int32(off))
									for k := range PatternPtrs - i {
										w := float32(r.NormFloat64())
										words = append(words, int32(math.Float32bits(w)))
										entries = append(entries, Entry{Off: int32(off + 64*k), W: w})
									}
								}
								ptr = append(ptr, int32(len(words)))
							}
							single = append(single, int32(len(entries)))
						}
						var got [2][]float32
						start, res := random(r, outs*4*8*16), random(r, outs*4*8*16)
						for i, f := range []func(s *Strip, rows, cols, stride int){StripGo, level.run} {
							got[i] = slices.Clone(start)
							s := Strip{
								In: &in[0], InRow: pitch, Entries: &entries[0], Ptr: &single[0], Out: &got[i][0], OutRow: 64 * 8, OutStep: 64 * 8 * 4,
								Res: &res[0], ResRow: 64 * 8, ResStep: 64 * 8 * 4, Rows: outs, Lo: -1, Hi: 2,
							}
							if i == 1 {
								s.Entries, s.Ptr = (*Entry)(unsafe.Pointer(&words[0])), &ptr[0]
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
						for k := range got[0] {
							if !(math.Abs(float64(got[0][k]-got[1][k])) <= 2e-5) {
								t.Fatalf("loop %d, %dx%d stride %d, %s: number %d is %v, want %v", i, rows, cols, stride, mode, k, got[1][k], got[0][k])
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
