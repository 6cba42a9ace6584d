package compress

import (
	"context"
	"fmt"
	"math"

	"github.com/godlas/godlas/dlas/ir"
)

var ternaryForm = form{example: "write ternary"}

func ternary() pass {
	o := ir.Option{
		Name: "ternary",
		Help: "Ternary weights: each weight of a layer becomes -a, 0 or a. Those of at most 0.7 times the layer's mean magnitude become zero, and a is the mean " +
			"magnitude of the others, which is nearly the best of all such choices. The first and the last layer keep their weights, as in the paper. " +
			"Without retraining the accuracy of most networks is lost: what this shows is the size, and what kernels make of the zeros.",
		Source: "Li, Zhang, Liu: Ternary Weight Networks, 2016",
		Params: []ir.Param{{Key: "ends", Help: "the first and the last layer", Default: "float", Values: []string{"float", "ternary"}}},
	}
	return changing(o, ternaryForm.read, applyTernary)
}

func applyTernary(ctx context.Context, e *change, c ir.Choice, _ given, _ Tools) (*ir.Graph, string, error) {
	from, to := 0, len(e.data)
	if c.Arg("ends", "float") == "float" {
		from, to = 1, to-1
	}
	if from >= to {
		return nil, "", &ir.Error{Layer: ir.Compress, What: fmt.Sprintf("%s leaves the first and the last layer as they are, and %s has no others", c, e.g.Name), Try: "ternary(ends=ternary)"}
	}
	before, after := 0.0, 0.0
	for _, data := range e.data[from:to] {
		if ctx.Err() != nil {
			return nil, "", context.Cause(ctx)
		}
		lost, norm := ternarise(ctx, data)
		before, after = before+norm, after+lost
	}
	out, s, err := e.end(ctx, c)
	if err != nil {
		return nil, "", err
	}
	share := 0.0
	if before > 0 {
		share = math.Sqrt(after / before)
	}
	return out, fmt.Sprintf("%s: %s have the three weights -a, 0 and a, off by %.2f of their norm; %s", c, layersOf(to-from, len(e.of)), share, s), nil
}

// layersOf is so many of all layers.
func layersOf(n, all int) string { return fmt.Sprintf("%d of %s", n, plural(all, "layer")) }

// ternarise makes weights ternary and returns the squares of the norms of the error and of the weights.
func ternarise(ctx context.Context, data []float32) (lost, norm float64) {
	sum := 0.0
	inParts(ctx, len(data), func(lo, hi int) {
		for _, v := range data[lo:hi] {
			sum += math.Abs(float64(v))
		}
	})
	delta := 0.7 * sum / float64(len(data))
	above, n := 0.0, 0
	inParts(ctx, len(data), func(lo, hi int) {
		for _, v := range data[lo:hi] {
			if a := math.Abs(float64(v)); a > delta {
				above += a
				n++
			}
		}
	})
	a := float32(above / float64(max(n, 1)))
	inParts(ctx, len(data), func(lo, hi int) {
		for i, v := range data[lo:hi] {
			t := float32(0)
			if math.Abs(float64(v)) > delta {
				t = float32(math.Copysign(float64(a), float64(v)))
			}
			d := float64(v) - float64(t)
			lost, norm = lost+d*d, norm+float64(v)*float64(v)
			data[lo+i] = t
		}
	})
	return lost, norm
}
