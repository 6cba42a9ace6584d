package primitive

import (
	"github.com/godlas/godlas/dlas/ir"
	"github.com/godlas/godlas/dlas/primitive/internal/asm"
)

// Speeds of the loops of convolutions with groups, measured on one core of a Xeon.
const (
	wideRate   = 9.0  // multiply-accumulates a cycle with 8 lanes
	narrowRate = 5.0  // with 2 lanes
	rowCycles  = 20.0 // of a row and panel
	copyCycles = 1.0  // an element of the padded copy
	goRate     = 0.5  // multiply-accumulates a cycle of the loop in Go
)

// sampleStep is a step that meets some `most` of n elements, and every position of a window, every channel and every kernel
// as often as the others: it has no divisor in common with their number.
func sampleStep(n, most int) int {
	step := max(1, n/most)
	for commonDivisor(n, step) > 1 {
		step++
	}
	return step
}

func commonDivisor(a, b int) int {
	for b != 0 {
		a, b = b, a%b
	}
	return a
}

// mostFull is the share of weights that are not zero from which on nobody looks for what skipping the others would save:
// as estimates go, and with what zeros lie alone, nothing.
const mostFull = 0.95

// someZeros is the Worth of float rows that skip zeros.
func someZeros(p ir.Problem) bool {
	if len(p.Weights) < 2 || p.Weights[1] == nil {
		return false
	}
	return densityOf(p) < mostFull
}

// densityOf is density of a convolution's weights, looked at once.
func densityOf(p ir.Problem) float64 {
	type share struct{}
	return ir.Find(p.Known, share{}, func() float64 {
		switch w := p.Weights[1].Data.(type) {
		case []float32:
			return density(w)
		case []uint16:
			return density(w)
		}
		return 1
	})
}

// density estimates which share of the weights is not zero, from some thousands of them.
func density[T weight](w []T) float64 {
	const most = 1 << 12
	step, n, nonzero := 1, 0, 0
	if len(w) > most {
		step = sampleStep(len(w), most)
	}
	for i := 0; i < len(w); i += step {
		n++
		if w[i] != 0 {
			nonzero++
		}
	}
	return float64(nonzero) / float64(n)
}

// convCost estimates the cycles of one run of a convolution with groups.
func convCost(p ir.Problem, avx2 bool) float64 {
	g, err := newGeometry(p)
	if err != nil {
		return 0
	}
	lanes := sparseLanes(ir.Schedule{}, len(g.lanes))
	panels := float64(g.n * ceilDiv(len(g.lanes), lanes))
	pixels := panels * float64(lanes*asm.Lane)
	cost := 0.0
	if g.copied {
		cost = copyCycles * float64(g.n*g.c*len(g.phases)*g.ph*g.pw)
	}
	weights, rate := float64(g.m*g.depth), narrowRate
	if lanes == 8 {
		rate = wideRate
	}
	cost += rowCycles * panels * float64(g.m)
	if !avx2 {
		rate = goRate
	}
	return cost + weights*pixels/rate
}
