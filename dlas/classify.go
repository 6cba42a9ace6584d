package dlas

import (
	"context"
	"sync/atomic"

	"github.com/godlas/godlas/dlas/ir"
)

// classify runs the program over all images of the set, several batches at once, and returns the predicted class of
// every image with whether its label is among the first five.
func (r *runner) classify(ctx context.Context, label string) (*Predictions, []bool, error) {
	n := r.set.Len()
	p := &Predictions{Classes: r.classes(), Predicted: make([]int, n), Labels: make([]int, n)}
	top5 := make([]bool, n)
	for i := range n {
		p.Labels[i] = -1
		if l, ok := r.set.Label(i); ok {
			p.Labels[i] = l
		}
	}
	var done atomic.Int64
	err := r.program.Each(ctx, (n+r.batch-1)/r.batch, func(i int, in []float32) error {
		return r.input(i*r.batch, make([]ir.Image, r.batch), in)
	}, func(i int, out []float32) {
		classes := len(out) / r.batch
		first, last := i*r.batch, min(n, (i+1)*r.batch)
		for i := first; i < last; i++ {
			logits := r.withoutBackground(out[(i-first)*classes:][:classes])
			p.Predicted[i] = argmax(logits)
			top5[i] = p.Labels[i] >= 0 && rank(logits, p.Labels[i]) < 5
		}
		if d := int(done.Add(int64(last - first))); d%64 < r.batch || d == n {
			progress(Progress{Step: "accuracy", Label: label, Done: d, Total: n, Unit: "images"})
		}
	})
	if err != nil {
		return nil, nil, err
	}
	return p, top5, nil
}

// argmax is the first of the largest values, -1 where none is a number.
func argmax(v []float32) int {
	best := -1
	for i, x := range v {
		if x == x && (best < 0 || x > v[best]) {
			best = i
		}
	}
	return best
}

// rank is the number of classes that come before c: those with a larger value, or an equal one and a lower number. A
// class out of range, or with a value that is no number, comes last.
func rank(v []float32, c int) int {
	if c >= len(v) || v[c] != v[c] {
		return len(v)
	}
	before := 0
	for i, x := range v {
		if x > v[c] || x == v[c] && i < c {
			before++
		}
	}
	return before
}
