package primitive

import (
	"github.com/godlas/godlas/dlas/ir"
	"github.com/godlas/godlas/dlas/ir/op"
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

// density estimates which share of the weights is not zero, from some thousands of them.
func density(w []float32) float64 {
	const most = 1 << 12
	if len(w) <= most {
		return float64(op.Nonzero(ir.NewF32(w, len(w)))) / float64(len(w))
	}
	step, n, nonzero := sampleStep(len(w), most), 0, 0
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
