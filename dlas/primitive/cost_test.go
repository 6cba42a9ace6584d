package primitive

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/godlas/godlas/dlas/ir"
)

// TestDensity: what is counted from a sample of the weights is near what there is, also where the same places of all
// windows, or the same input channels of all output channels, are zero.
func TestDensity(t *testing.T) {
	for _, s := range []ir.Shape{{64, 64, 3, 3}, {32, 32, 3, 3}, {128, 128, 3, 3}, {256, 256, 1, 1}, {96, 48, 5, 5}, {512, 512, 3, 3}, {63, 27, 7, 7}, {10, 16, 3, 3}} {
		taps := s[2:].Elems()
		for name, zero := range map[string]func(i int) bool{
			"nothing":           func(int) bool { return false },
			"all but one place": func(i int) bool { return taps > 1 && i%taps != taps/2 },
			"even channels":     func(i int) bool { return i/taps%2 == 0 },
			"even outputs":      func(i int) bool { return i/taps/s[1]%2 == 0 },
		} {
			w, left := make([]float32, s.Elems()), 0
			for i := range w {
				if !zero(i) {
					w[i], left = 1, left+1
				}
			}
			if got, want := density(w), float64(left)/float64(len(w)); math.Abs(got-want) > 0.05*want {
				t.Errorf("%v with %s zero: %.3f are counted, %.3f are there", s, name, got, want)
			}
		}
		// Patterns over strips are the same for every kernel, and cost what csr's entries cost or less.
		if taps != 9 || s[0]%16 != 0 {
			continue
		}
		c := convShape(1, s[1], 28, 28, s[0], 3, 3, 1, pads(1, 1, 1, 1), true, false)
		c.prune = clearPatterns(0, 4, 8)
		p, _, _ := c.unsolved(rand.New(rand.NewPCG(1, 2)), 0, testMachine(1))
		st, err := newStrips(p)
		if err != nil {
			t.Fatal(err)
		}
		if got := st.density(stripForm{pattern: true}); math.Abs(got-4./9) > 0.02 {
			t.Errorf("%v with four of nine places: %.3f are counted", s, got)
		}
	}
}
