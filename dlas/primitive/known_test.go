package primitive

import (
	"math/rand/v2"
	"testing"

	"github.com/godlas/godlas/dlas/ir"
)

// TestLookedAtOnce asks all rows about convolutions with zeros, clears most of what is left of the weights without a word,
// and asks again: the answers are those of before, since nobody looks at the weights of a known node twice. To one that
// is not known they differ, so there is something to see.
func TestLookedAtOnce(t *testing.T) {
	for name, prune := range map[string]func([]float32){
		"single zeros": func(w []float32) {
			for i := range w {
				if i%3 > 0 {
					w[i] = 0
				}
			}
		},
		"patterns": func(w []float32) {
			for i := range w {
				if k := i % 9; k != 1 && k != 3 && k != 4 && k != 5 {
					w[i] = 0
				}
			}
		},
	} {
		p, _, _ := convShape(1, 32, 14, 14, 32, 3, 3, 1, pads(1, 1, 1, 1), true, false).unsolved(rand.New(rand.NewPCG(1, 2)), 0, testMachine(2))
		w := p.Weights[1].F32()
		prune(w)
		ask := func(p ir.Problem) (answers []float64) {
			for _, k := range Kernels() {
				if k.Op != "Conv" || k.Cost == nil {
					continue
				}
				answer := -1.0
				if k.Fits(p) == nil {
					answer = k.Cost(p)
				}
				if k.Worth != nil && !k.Worth(p) {
					answer = -2
				}
				answers = append(answers, answer)
			}
			return answers
		}
		known := p
		known.Known = &ir.Known{}
		before := ask(known)
		for i := range w {
			if i%4 > 0 {
				w[i] = 0
			} else {
				w[i] = 1
			}
		}
		differ := 0
		for i, anew := range ask(p) {
			if anew != before[i] {
				differ++
			}
		}
		if differ == 0 {
			t.Errorf("%s: other weights make no difference", name)
		}
		for i, again := range ask(known) {
			if again != before[i] {
				t.Errorf("%s: row %d says %v, and %v when it is asked again", name, i, before[i], again)
			}
		}
	}
}
