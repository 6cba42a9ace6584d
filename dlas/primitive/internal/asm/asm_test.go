package asm

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
)

func random(r *rand.Rand, n int) []float32 {
	v := make([]float32, n)
	for i := range v {
		v[i] = float32(r.NormFloat64())
	}
	return v
}

func sparseCase(r *rand.Rand, rows, lanes, most int, residual bool) (*Sparse, []float64) {
	s := &Sparse{In: random(r, 500), Bias: random(r, rows), Pitch: 100, Rows: rows, Lo: -2, Hi: float32(math.Inf(1)), Ptr: []int32{2}}
	s.Entries = make([]Entry, 2)
	for v := range s.At {
		s.At[v], s.To[v] = r.IntN(50), 2+11*v
	}
	for range rows {
		for range r.IntN(most + 1) {
			off := r.IntN(400)
			s.Entries = append(s.Entries, Entry{int32(off), float32(r.NormFloat64())})
			s.Reach = max(s.Reach, off+1)
		}
		s.Ptr = append(s.Ptr, int32(len(s.Entries)))
	}
	s.Out = make([]float32, rows*s.Pitch)
	if residual {
		s.Res = random(r, len(s.Out))
	}
	want := make([]float64, len(s.Out))
	for i := range want {
		want[i] = 99
		s.Out[i] = 99
	}
	for row := range rows {
		for v := range lanes {
			for j := range Lane {
				sum := float64(s.Bias[row])
				for _, e := range s.Entries[s.Ptr[row]:s.Ptr[row+1]] {
					sum += float64(s.In[s.At[v]+int(e.Off)+j]) * float64(e.W)
				}
				i := s.To[v] + row*s.Pitch + j
				if residual {
					sum += float64(s.Res[i])
				}
				want[i] = max(sum, -2)
			}
		}
	}
	return s, want
}

func compare(t *testing.T, what string, got []float32, want []float64) {
	t.Helper()
	for i := range want {
		if !(math.Abs(float64(got[i])-want[i]) <= 1e-4) {
			t.Fatalf("%s: element %d is %v, want %v", what, i, got[i], want[i])
		}
	}
}

func TestSparse(t *testing.T) {
	r := rand.New(rand.NewPCG(2, 2))
	for _, lanes := range []int{2, 8} {
		for _, most := range []int{0, 1, 5, 40} {
			for _, residual := range []bool{false, true} {
				s, want := sparseCase(r, 7, lanes, most, residual)
				what := fmt.Sprintf("lanes %d most %d residual %v", lanes, most, residual)
				SparseGo(s, lanes)
				compare(t, "go "+what, s.Out, want)
				if HasAVX2() {
					for i := range s.Out {
						s.Out[i] = 99
					}
					SparseAVX2(s, lanes)
					compare(t, "avx2 "+what, s.Out, want)
				}
			}
		}
	}
}

// TestOutside shows that no position outside the arrays reaches the loops.
func TestOutside(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 3))
	for i, spoil := range []func(s *Sparse){
		func(s *Sparse) { s.At[1] = -1 },
		func(s *Sparse) { s.At[1] = 500 - s.Reach - 6 },
		func(s *Sparse) { s.To[0] = -1 },
		func(s *Sparse) { s.Out = s.Out[:5*100] },
		func(s *Sparse) { s.Res = s.Res[:5*100] },
		func(s *Sparse) { s.Bias = s.Bias[:6] },
		func(s *Sparse) { s.Entries = s.Entries[:5] },
		func(s *Sparse) { s.Rows = 0 },
	} {
		s, _ := sparseCase(r, 7, 8, 20, true)
		spoil(s)
		for name, f := range map[string]func(){
			"sparse go": func() { SparseGo(s, 8) }, "sparse avx2": func() { SparseAVX2(s, 8) },
		} {
			func() {
				defer func() {
					if recover() == nil {
						t.Errorf("case %d: %s did not notice", i, name)
					}
				}()
				f()
			}()
		}
	}
}

func BenchmarkSparse(b *testing.B) {
	for _, lanes := range []int{2, 8} {
		b.Run(fmt.Sprint(lanes), func(b *testing.B) {
			s, _ := sparseCase(rand.New(rand.NewPCG(1, 1)), 16, lanes, 30, false)
			for b.Loop() {
				SparseAVX2(s, lanes)
			}
			b.ReportMetric(float64(b.N)*float64(len(s.Entries)*lanes*16)/float64(b.Elapsed().Nanoseconds()), "GF/s")
		})
	}
}
