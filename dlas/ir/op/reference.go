package op

import (
	"context"

	"github.com/godlas/godlas/dlas/ir"
)

// Reference runs a graph in float64 with the table's plain loops: the definition of every operator, and slow. It is an
// ir.Runner.
type Reference struct{}

// Run implements ir.Runner. The batch is N x C x H x W; what see gets, and the result, are rounded to float32.
func (Reference) Run(ctx context.Context, g *ir.Graph, batch *ir.Tensor, see func(n *ir.Node, out *ir.Tensor)) (*ir.Tensor, error) {
	in, ok := batch.Data.([]float32)
	if !ok || len(batch.Shape) == 0 || batch.Shape.Elems() != len(in) {
		return nil, ir.Errorf(ir.Model, "the batch %v is no f32 tensor", batch.Shape)
	}
	var watch func(n *ir.Node, a Array)
	if see != nil {
		watch = func(n *ir.Node, a Array) { see(n, round(a)) }
	}
	out, err := Exact(ctx, g, Array{Shape: batch.Shape, Data: widen(in)}, watch)
	if err != nil {
		return nil, err
	}
	return round(out), nil
}

// Exact is Reference.Run without the rounding: batch and results in float64. What see gets is not changed afterwards.
func Exact(ctx context.Context, g *ir.Graph, batch Array, see func(n *ir.Node, a Array)) (Array, error) {
	if len(batch.Shape) == 0 || batch.Shape.Elems() != len(batch.Data) {
		return Array{}, ir.Errorf(ir.Model, "the batch has %d elements, its shape is %v", len(batch.Data), batch.Shape)
	}
	shapes, err := Infer(g, batch.Shape[0])
	if err != nil {
		return Array{}, err
	}
	if !shapes[g.Input.Name].Equal(batch.Shape) {
		return Array{}, ir.Errorf(ir.Model, "the batch's shape is %v, the input's %v", batch.Shape, shapes[g.Input.Name])
	}
	left := map[string]int{g.Output: 1} // uses to come
	for _, n := range g.Nodes {
		for _, name := range n.In {
			left[name]++
		}
	}
	values := map[string]Array{g.Input.Name: batch}
	for _, n := range g.Nodes {
		if err := ctx.Err(); err != nil {
			return Array{}, context.Cause(ctx)
		}
		in := make([]Array, len(n.In))
		for i, name := range n.In {
			if w := g.Weights[name]; w != nil {
				in[i] = Array{Shape: w.Shape, Data: widen(w.F32())}
			} else if name != "" {
				in[i] = values[name]
			}
		}
		out := Array{Shape: shapes[n.Out[0]]}
		out.Data = make([]float64, out.Shape.Elems())
		row, _ := Lookup(n.Op)
		row.Eval(n, in, out)
		values[n.Out[0]] = out
		if see != nil {
			see(n, out)
		}
		for _, name := range n.In {
			if left[name]--; left[name] == 0 {
				delete(values, name)
			}
		}
	}
	return values[g.Output], nil
}

func widen(v []float32) []float64 {
	w := make([]float64, len(v))
	for i, x := range v {
		w[i] = float64(x)
	}
	return w
}

func round(a Array) *ir.Tensor {
	v := make([]float32, len(a.Data))
	for i, x := range a.Data {
		v[i] = float32(x)
	}
	return ir.NewF32(v, a.Shape...)
}
