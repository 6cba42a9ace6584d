package dlas

import (
	"context"
	"math"

	"github.com/godlas/godlas/dlas/system"
)

// Compare measures the latencies of two results anew, side by side, and says whether B is faster than A; A and B of the
// Comparison are copies with these latencies. The accuracies are compared as they were seen.
func Compare(ctx context.Context, a, b *Result) (*Comparison, error) {
	defer progressEnd()
	ra, err := a.program(ctx)
	if err != nil {
		return nil, err
	}
	rb, err := b.program(ctx)
	if err != nil {
		return nil, err
	}
	ia, err := ra.inputs(warmInputs)
	if err != nil {
		return nil, err
	}
	ib, err := rb.inputs(warmInputs)
	if err != nil {
		return nil, err
	}
	progress(Progress{Step: "compare", Label: a.Label(nil) + " and " + b.Label(nil)})
	m, err := system.ComparePaired(ctx, ra.program, rb.program, ia, ib, 0)
	if err != nil {
		return nil, err
	}
	c := &Comparison{
		A: ra.remeasured(a, m.A), B: rb.remeasured(b, m.B), NameA: a.Name, NameB: b.Name,
		Ratio: m.Ratio, Low: m.Low, High: m.High, Rounds: len(m.Ratios), Verdict: string(m.Verdict),
	}
	c.Accuracy, c.AccuracyRefuse = CompareAccuracy(a, b)
	return c, nil
}

// remeasured is a copy of a result with a latency measured now, beside that of another.
func (run *runner) remeasured(r *Result, m system.Samples) *Result {
	c := *r
	c.Latency, c.Stored, c.Unpaired = run.latency(m), false, false
	c.Environment = environment(run.machine)
	return &c
}

// CompareStored compares two results as they are. Their latencies were not measured side by side, so there is a ratio
// but no verdict on it.
func CompareStored(a, b *Result) *Comparison {
	c := &Comparison{A: a, B: b, NameA: a.Name, NameB: b.Name, Unpaired: true, Verdict: CannotTell, Ratio: math.NaN(), Low: math.NaN(), High: math.NaN()}
	if a.Latency != nil && b.Latency != nil {
		c.Ratio = b.Latency.Median / a.Latency.Median
	}
	c.Accuracy, c.AccuracyRefuse = CompareAccuracy(a, b)
	return c
}
