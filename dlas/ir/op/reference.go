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
	if err := checkTensor(batch); err != nil || len(batch.Shape) == 0 || batch.Type != ir.F32 {
		return nil, ir.Errorf(ir.Model, "the batch is no f32 tensor")
	}
	var watch func(n *ir.Node, a Array)
	if see != nil {
		watch = func(n *ir.Node, a Array) { see(n, a.Tensor()) }
	}
	out, err := Exact(ctx, g, Widen(batch), watch)
	if err != nil {
		return nil, err
	}
	return out.Tensor(), nil
}

// Exact is Reference.Run without the rounding: batch and results in float64 (integers wrap as their type does). What see
// gets, a node's first output, is not changed afterwards. An empty type of the batch is F32.
func Exact(ctx context.Context, g *ir.Graph, batch Array, see func(n *ir.Node, a Array)) (Array, error) {
	if len(batch.Shape) == 0 || batch.Shape.Elems() != len(batch.Data) {
		return Array{}, ir.Errorf(ir.Model, "the batch has %d elements, its shape is %v", len(batch.Data), batch.Shape)
	}
	n := batch.Shape[0]
	if in := g.Input().Shape; len(in) > 0 && in[0] == n {
		n = 1 // a graph whose batch is part of it
	}
	out, err := ExactAll(ctx, g, n, []Array{batch}, see)
	if err != nil {
		return Array{}, err
	}
	return out[0], nil
}

// ExactAll is Exact for a graph with any inputs and outputs, and for that many images.
func ExactAll(ctx context.Context, g *ir.Graph, images int, inputs []Array, see func(n *ir.Node, a Array)) ([]Array, error) {
	known, err := Infer(g, images)
	if err != nil {
		return nil, err
	}
	if len(inputs) != len(g.Inputs) {
		return nil, ir.Errorf(ir.Model, "got %d inputs for a network with %d", len(inputs), len(g.Inputs))
	}
	values := map[string]Array{}
	for i, v := range g.Inputs {
		a, want := inputs[i], known[v.Name]
		if a.Type == "" {
			a.Type = ir.F32
		}
		if !want.Shape.Equal(a.Shape) || a.Type != want.Type || a.Shape.Elems() != len(a.Data) {
			return nil, ir.Errorf(ir.Model, "the batch is %s %v, the input %q %s %v", a.Type, a.Shape, v.Name, want.Type, want.Shape)
		}
		values[v.Name] = a
	}
	left := map[string]int{} // uses to come
	for _, name := range g.Outputs {
		left[name]++
	}
	for _, n := range g.Nodes {
		for _, name := range n.In {
			left[name]++
		}
	}
	for _, n := range g.Nodes {
		if err := ctx.Err(); err != nil {
			return nil, context.Cause(ctx)
		}
		in := make([]Array, len(n.In))
		for i, name := range n.In {
			if w := g.Weights[name]; w != nil {
				in[i] = Widen(w)
			} else if name != "" {
				in[i] = values[name]
			}
		}
		row, _ := Lookup(n.Op)
		out, err := outputs(row, n, in, known)
		if err != nil {
			return nil, err
		}
		row.Eval(n, in, out)
		for i, name := range n.Out {
			if name == "" {
				continue
			}
			if out[i].Type.Integer() {
				out[i] = Widen(out[i].Tensor())
			}
			if left[name] > 0 {
				values[name] = out[i]
			}
		}
		if see != nil {
			see(n, out[0])
		}
		for _, name := range n.In {
			if left[name]--; left[name] == 0 {
				delete(values, name)
			}
		}
	}
	results := make([]Array, len(g.Outputs))
	for i, name := range g.Outputs {
		results[i] = values[name]
	}
	return results, nil
}

// outputs makes room for what a node computes, outputs that nobody wants included.
func outputs(row Row, n *ir.Node, in []Array, known map[string]Operand) ([]Array, error) {
	args := make([]Operand, len(in))
	for i, name := range n.In {
		args[i] = known[name]
	}
	ops, err := row.Infer(n, args)
	if err != nil {
		return nil, err
	}
	out := make([]Array, len(ops))
	for i, o := range ops {
		out[i] = Array{Type: o.Type, Shape: o.Shape, Data: make([]float64, o.Shape.Elems())}
	}
	return out, nil
}
