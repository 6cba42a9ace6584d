package primitive

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/godlas/godlas/dlas/internal/exactness"
	"github.com/godlas/godlas/dlas/ir"
	"github.com/godlas/godlas/dlas/primitive/internal/asm"
)

// pickedMACs are the multiply-accumulates of a pixel where weights are left out that are zero for so many output channels.
func pickedMACs(w *ir.Tensor, rows int) (macs int64) {
	m, each := w.Shape[0], w.Shape[1:].Elems()
	v := w.F32()
	for first := 0; first < m; first += rows {
		for k := range each {
			for o := first; o < min(m, first+rows); o++ {
				if v[o*each+k] != 0 {
					macs += int64(rows)
					break
				}
			}
		}
	}
	return macs
}

// clearBlocks zeroes that share of the blocks of rows x cols (output by input channels) at each place of the window.
func clearBlocks(zero float64, rows, cols int) func(r *rand.Rand, w []float32, s ir.Shape) {
	return func(r *rand.Rand, w []float32, s ir.Shape) {
		m, c, taps := s[0], s[1], s[2:].Elems()
		all := ceilDiv(m, rows) * ceilDiv(c, cols) * taps
		gone, n := r.Perm(all), 0
		for o := 0; o < m; o += rows {
			for i := 0; i < c; i += cols {
				for k := range taps {
					if n++; float64(gone[n-1]) >= zero*float64(all) {
						continue
					}
					for y := o; y < min(m, o+rows); y++ {
						for x := i; x < min(c, i+cols); x++ {
							w[(y*c+x)*taps+k] = 0
						}
					}
				}
			}
		}
	}
}

// clearPatterns leaves of each 3x3 kernel the weights of one of so many masks of that size, and none of that share of them.
// Other kernels stay as they are.
func clearPatterns(dropped float64, keep, masks int) func(r *rand.Rand, w []float32, s ir.Shape) {
	return func(r *rand.Rand, w []float32, s ir.Shape) {
		if !s[2:].Equal(ir.Shape{3, 3}) {
			return
		}
		var kept [][]int
		for range masks {
			kept = append(kept, r.Perm(9)[keep:])
		}
		for i := range s[0] * s[1] {
			kernel := w[9*i : 9*i+9]
			for _, k := range kept[r.IntN(masks)] {
				kernel[k] = 0
			}
			if r.Float64() < dropped {
				clear(kernel)
			}
		}
	}
}

// structures are ways to prune weights that some kernel makes use of, and what lies at their ends.
func structures() map[string]func(r *rand.Rand, w []float32, s ir.Shape) {
	list := map[string]func(r *rand.Rand, w []float32, s ir.Shape){
		"full": nil,
		"none": func(_ *rand.Rand, w []float32, _ ir.Shape) { clear(w) },
		"one":  func(_ *rand.Rand, w []float32, _ ir.Shape) { clear(w[1:]) },
		"output channels": func(r *rand.Rand, w []float32, s ir.Shape) {
			each := s[1:].Elems()
			for o := range s[0] {
				if r.IntN(2) == 0 || o/16 == 1 {
					clear(w[o*each : (o+1)*each])
				}
			}
		},
		"input channels": func(r *rand.Rand, w []float32, s ir.Shape) { clearBlocks(0.5, s[0], 1)(r, w, s) },
	}
	for _, keep := range []int{1, 4, 5} {
		for _, dropped := range []float64{0, 0.6} {
			list[fmt.Sprintf("patterns of %d, %v dropped", keep, dropped)] = clearPatterns(dropped, keep, 9)
		}
	}
	for _, b := range [][2]int{{32, 1}, {16, 1}, {8, 4}, {4, 1}, {16, 4}} {
		for _, zero := range []float64{0.5, 0.9} {
			list[fmt.Sprintf("%v of %dx%d", zero, b[0], b[1])] = clearBlocks(zero, b[0], b[1])
		}
	}
	return list
}

// TestSparseStructures holds the rows of sparse formats to the definition on weights of every structure.
func TestSparseStructures(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	used := map[string]int{}
	for name, prune := range structures() {
		for i, s := range shapes() {
			if s.op != "Conv" || (i+len(name))%4 > 0 && s.in[1][0] < 32 {
				continue
			}
			s.prune = prune
			threads := 1 + r.IntN(3)
			p, in, want := s.problem(r, 0, testMachine(threads))
			for _, k := range Kernels() {
				if k.Op != "Conv" || k.Format != BSR && k.Format != Punched && k.Format != Pattern {
					continue
				}
				for _, block := range []int{0, ir.Lanes} {
					q, ok := arrange(k, p, block)
					if !ok {
						continue
					}
					trials := []ir.Schedule{{}}
					if all := k.Schedules(q); len(all) > 0 {
						trials = append(trials, all[r.IntN(len(all))])
					}
					for _, sch := range trials {
						b, err := k.Bind(q, sch)
						if err != nil {
							t.Fatal(err)
						}
						used[k.Name]++
						got := run(t, r, b, q, in)
						if d := exactness.Distance(got, want); !(d <= bounds[k.Exact]) {
							t.Fatalf("%s, %s, block %d, threads=%d, schedule %v: %v: error %g", k.Name, name, block, threads, sch, s, d)
						}
					}
				}
			}
		}
	}
	for _, k := range Kernels() {
		if k.Op == "Conv" && (k.Format == BSR || k.Format == Punched || k.Format == Pattern) && used[k.Name] < 100 {
			t.Errorf("%s was tried %d times", k.Name, used[k.Name])
		}
	}
}

// TestPickedWork shows that blocks that are zero are not multiplied, whatever their rows.
func TestPickedWork(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 6))
	s := convShape(1, 64, 14, 14, 64, 3, 3, 1, pads(1, 1, 1, 1), true, false)
	for _, rows := range []int{16, 32, 64} {
		s.prune = clearBlocks(0.8, rows, 1)
		p, _, _ := s.unsolved(r, 0, testMachine(1))
		want := pickedMACs(p.Weights[1], 16) * 14 * 14
		for _, k := range Kernels() {
			if k.Op != "Conv" || k.Format != BSR || k.Strips || !strings.Contains(k.Name, "_f32_") {
				continue
			}
			q, _ := arrange(k, p, ir.Lanes)
			b, err := k.Bind(q, ir.Schedule{})
			if err != nil {
				t.Fatal(err)
			}
			if b.MACsExecuted != want {
				t.Errorf("%s multiplies %d times for blocks of %d rows, not %d times", k.Name, b.MACsExecuted, rows, want)
			}
			if most := 5*want/196/16*asm.Block + 1<<12; b.PackedBytes > most {
				t.Errorf("%s stores %d bytes for %d weights", k.Name, b.PackedBytes, want/196)
			}
		}
	}
}

// TestPatternFits says which weights have patterns, and that nothing but what they keep is multiplied or stored.
func TestPatternFits(t *testing.T) {
	r := rand.New(rand.NewPCG(7, 8))
	for _, c := range []struct {
		kernel int
		prune  func(r *rand.Rand, w []float32, s ir.Shape)
		want   string
	}{
		{3, clearPatterns(0, 4, 8), ""},
		{3, clearPatterns(0.5, 5, 16), ""},
		{3, func(r *rand.Rand, w []float32, s ir.Shape) {
			clearPatterns(0, 4, 8)(r, w, s)
			clearBlocks(0.1, 1, 1)(r, w, s)
		}, ""},
		{3, func(_ *rand.Rand, w []float32, _ ir.Shape) { clear(w) }, ""},
		{3, clearPatterns(0, 4, 60), "masks, more than 16"},
		{3, clearBlocks(0.9, 1, 1), "more than"},
		{3, clearPatterns(0, 6, 8), "a kernel has 6 weights, more than the 5 of a pattern"},
		{1, clearBlocks(0.9, 1, 1), "are not 3x3"},
	} {
		s := convShape(1, 64, 14, 14, 64, c.kernel, c.kernel, 1, pads(c.kernel/2, c.kernel/2, c.kernel/2, c.kernel/2), true, false)
		s.prune = c.prune
		p, _, _ := s.unsolved(r, 0, testMachine(1))
		nonzero := int64(0)
		for _, v := range p.Weights[1].F32() {
			if v != 0 {
				nonzero++
			}
		}
		tried := 0
		for _, k := range Kernels() {
			if k.Op != "Conv" || k.Format != Pattern {
				continue
			}
			tried++
			got := ""
			if err := k.Fits(p); err != nil {
				got = err.Error()
			}
			if c.want == "" && got != "" || !strings.Contains(got, c.want) {
				t.Fatalf("%s says %q, want %q", k.Name, got, c.want)
			}
			if got != "" {
				continue
			}
			q, _ := arrange(k, p, ir.Strips)
			b, err := k.Bind(q, ir.Schedule{})
			if err != nil {
				t.Fatal(err)
			}
			if want := nonzero * 16 * int64(q.LayoutOut(0).Grid.H*q.LayoutOut(0).Grid.W); b.MACsExecuted != want {
				t.Errorf("%s multiplies %d times, want %d", k.Name, b.MACsExecuted, want)
			}
			if most := 8*nonzero + 1<<12; b.PackedBytes > most {
				t.Errorf("%s stores %d bytes for %d weights", k.Name, b.PackedBytes, nonzero)
			}
		}
		if tried == 0 {
			t.Fatal("nothing was tried")
		}
	}
}
