package dlas

import (
	"context"

	"github.com/godlas/godlas/dlas/ir"
	"github.com/godlas/godlas/dlas/ir/op"
)

// LayerWeights are the weights of a convolution or linear layer before L3 and after. Values are in the order of output
// channel, input channel, kernel position. A layer that a pass has made anew, or done away with, has one of the two alone.
type LayerWeights struct {
	Name          string
	Before, After Filters
}

// Filters are the weights of a layer: Rows output channels of Cols input channels and Taps kernel positions each.
type Filters struct {
	Rows, Cols, Taps int
	Values           []float32
}

// Weights builds the stack's network before its compression and after, without compiling or measuring anything, and
// returns the weights of its layers in the network's order. A stack of more than one point is an error.
func (s Stack) Weights(ctx context.Context) ([]LayerWeights, error) {
	spec, err := s.spec.point()
	if err != nil {
		return nil, err
	}
	defer progressEnd()
	before, after, err := networks(ctx, spec)
	if err != nil {
		return nil, err
	}
	var out []LayerWeights
	at := map[string]int{}
	for _, w := range op.Weights(before) {
		at[w.Nodes[0].Name] = len(out)
		out = append(out, LayerWeights{Name: plain(w.Nodes[0].Name), Before: filtersOf(before, w)})
	}
	for _, w := range op.Weights(after) {
		i, ok := at[w.Nodes[0].Name]
		if !ok {
			i = len(out)
			out = append(out, LayerWeights{Name: plain(w.Nodes[0].Name)})
		}
		out[i].After = filtersOf(after, w)
	}
	return out, nil
}

// filtersOf are a layer's weights as real numbers.
func filtersOf(g *ir.Graph, w op.Weight) Filters {
	t := g.Weights[w.Name]
	values := op.Widen(t).Data
	scale := func(int) (scale, zero float64) { return 1, 0 }
	for _, n := range g.Nodes {
		if n.Op == "DequantizeLinear" && n.In[0] == w.Name && g.Weights[n.In[1]] != nil {
			scale = steps(g, n, t)
		}
	}
	f := Filters{Rows: w.Rows, Cols: w.Cols, Taps: w.Taps, Values: make([]float32, 0, w.Elems())}
	for r := range w.Rows {
		for c := range w.Cols {
			for k := range w.Taps {
				i := w.At(r, c, k)
				s, z := scale(i)
				f.Values = append(f.Values, float32((values[i]-z)*s))
			}
		}
	}
	return f
}

// steps is the scale and the zero point of each element of a quantised tensor.
func steps(g *ir.Graph, n *ir.Node, t *ir.Tensor) func(i int) (scale, zero float64) {
	scales := op.Widen(g.Weights[n.In[1]]).Data
	var zeros []float64
	if len(n.In) > 2 && g.Weights[n.In[2]] != nil {
		zeros = op.Widen(g.Weights[n.In[2]]).Data
	}
	axis := n.Attrs.Int("axis", 1)
	if axis < 0 {
		axis += len(t.Shape)
	}
	run := 1
	if len(scales) > 1 && axis < len(t.Shape) {
		run = t.Shape[axis+1:].Elems()
	}
	return func(i int) (scale, zero float64) {
		k := i / run % len(scales)
		if k < len(zeros) {
			zero = zeros[k]
		}
		return scales[k], zero
	}
}
