package primitive

import (
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/godlas/godlas/dlas/internal/exactness"
	"github.com/godlas/godlas/dlas/ir"
)

// pointShape is a 1x1 convolution of c to m channels.
func pointShape(n, c, m, h, w int) shape { return convShape(n, c, h, w, m, 1, 1, 1, nil, true, false) }

// TestStrassenParts shows that the parts of any number of threads take every pair of tiles once for every group, and that
// no thread has much more than another.
func TestStrassenParts(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for _, s := range []shape{pointShape(1, 64, 512, 14, 14), pointShape(1, 32, 256, 8, 8), pointShape(3, 32, 160, 7, 28), pointShape(2, 32, 64, 4, 4), pointShape(1, 256, 64, 56, 56)} {
		for threads := 1; threads <= 5; threads++ {
			p, _, _ := s.unsolved(r, 0, testMachine(threads))
			c, err := newConvolution(p, level{isa: isaGo})
			if err != nil {
				t.Fatal(err)
			}
			st := &strassen{c: c, level: level{isa: isaGo}, stretch: stretchOf(c.oh, c.ow), half: c.c / 2 / ir.Lanes}
			st.pack(p.Weights[1].F32())
			st.cut(ir.Schedule{})
			images := c.n * len(st.pairs) / st.unit
			for g := range st.groupParts {
				at := 0
				for b := range st.bandParts {
					from, to := st.units(b, g)
					if from != at || to < from {
						t.Fatalf("%v, %d threads: part %d of groups %d takes %d to %d after %d of %d", s, threads, b, g, from, to, at, images)
					}
					at = to
				}
				if at != images {
					t.Fatalf("%v, %d threads: the parts of groups %d take %d of %d", s, threads, g, at, images)
				}
			}
			if st.bandParts == 2 && st.groupParts%2 == 0 {
				n := [2]int{}
				for g := range st.groupParts {
					for b := range 2 {
						from, to := st.units(b, g)
						n[b] += to - from
					}
				}
				if n[0] != n[1] {
					t.Errorf("%v: two parts take %v", s, n)
				}
			}
		}
	}
}

// TestStrassenHalves: where the weights of both halves of the channels are too unequal, the sums would cost more accuracy
// than the class allows; up to there it is kept, on inputs that are as unequal the other way round.
func TestStrassenHalves(t *testing.T) {
	kernel := strassenKernels()[0]
	for _, times := range []float32{1, 15, 20, 1e4} {
		r := rand.New(rand.NewPCG(1, 9))
		s := pointShape(1, 64, 64, 4, 4)
		p, in, _ := s.unsolved(r, 0, testMachine(1))
		w := p.Weights[1].F32()
		for i := range w { // of even size, so that the largest are
			w[i] = float32(r.IntN(3)-1) + 0.01*w[i]
			if i%64 < 32 {
				w[i] *= times
			}
		}
		for i := range in[0][:32*16] {
			in[0][i] /= times
		}
		want := make([]float64, 64*16)
		for o := range 64 {
			for x := range 16 {
				if p.Weights[2] != nil {
					want[o*16+x] = float64(p.Weights[2].F32()[o])
				}
				for c := range 64 {
					want[o*16+x] += float64(w[o*64+c]) * float64(in[0][c*16+x])
				}
			}
		}
		q, ok := arrange(kernel, p, ir.Lanes)
		if ok != (times < unevenWeights) {
			t.Fatalf("halves %g times unequal: fits is %v: %v", times, ok, kernel.Fits(p))
		}
		if !ok {
			if err := kernel.Fits(p); err == nil || !strings.Contains(err.Error(), "unequal") {
				t.Error(err)
			}
			continue
		}
		b, err := kernel.Bind(q, ir.Schedule{})
		if err != nil {
			t.Fatal(err)
		}
		bound := bounds[kernel.Exact]
		if times == 1 { // no more than what direct is allowed
			bound = bounds[ir.ExactF32]
		}
		if d := exactness.Distance(run(t, r, b, q, in), want); !(d <= bound) {
			t.Errorf("halves %g times unequal: error %g", times, d)
		}
	}
}

// TestStrassenWork: of eight products of quarters one is saved.
func TestStrassenWork(t *testing.T) {
	p, _, _ := pointShape(1, 64, 96, 8, 8).unsolved(rand.New(rand.NewPCG(1, 2)), 0, testMachine(1))
	kernel := strassenKernels()[0]
	q, ok := arrange(kernel, p, ir.Lanes)
	if !ok {
		t.Fatal(kernel.Fits(p))
	}
	b, err := kernel.Bind(q, ir.Schedule{})
	if err != nil {
		t.Fatal(err)
	}
	if want := int64(64*96*64) * 7 / 8; b.MACsExecuted != want {
		t.Errorf("%d multiply-accumulates, want %d", b.MACsExecuted, want)
	}
	for _, s := range []shape{pointShape(1, 48, 64, 8, 8), pointShape(1, 64, 48, 8, 8), pointShape(1, 64, 64, 7, 7), pointShape(1, 64, 64, 4, 15), convShape(1, 64, 8, 8, 64, 3, 3, 1, pads(1, 1, 1, 1), true, false), convShape(1, 64, 8, 8, 64, 1, 1, 1, strided(2, 0, 0, 0, 0), true, false), convShape(1, 64, 8, 8, 64, 1, 1, 2, nil, true, false)} {
		p, _, _ := s.unsolved(rand.New(rand.NewPCG(1, 2)), 0, testMachine(1))
		if kernel.Fits(p) == nil {
			t.Errorf("fits %v", s)
		}
	}
}
