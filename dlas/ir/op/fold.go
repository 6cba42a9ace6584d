package op

import (
	"bytes"
	"fmt"
	"slices"

	"github.com/godlas/godlas/dlas/ir"
)

// Fold returns an equal graph in the form that kernels are written for: what follows from weights and shapes alone is a
// weight, parameters given as constant inputs are attributes, automatic paddings are explicit. What depends on the batch
// stays as it is, unless the graph runs no other batch than its own. Dequantised weights are not computed: they stay the
// integers that they are. The graph given is not changed; errors are those of Infer.
func Fold(g *ir.Graph) (*ir.Graph, error) {
	known, err := Infer(g, 1)
	if err != nil {
		return nil, err
	}
	g, other := freeBatch(g, known)
	f := &folder{Graph: g.Clone(), known: known, other: other, outputs: map[string]bool{}}
	for _, name := range f.Outputs {
		f.outputs[name] = true
	}
	var nodes []*ir.Node
	for _, n := range f.Nodes {
		if f.fold(n) {
			continue
		}
		f.parameters(n)
		if err := f.pads(n); err != nil {
			return nil, ir.Errorf(ir.Model, "node %q (%s): %v", n.Name, n.Op, err)
		}
		nodes = append(nodes, n)
	}
	f.Nodes = nodes
	f.dropUnused()
	return f.Graph, nil
}

type folder struct {
	*ir.Graph
	known, other map[string]Operand // for one image, and for two
	outputs      map[string]bool
	spent        int
}

// isReshaping reports whether an operator hands on the elements of its first input as they are.
func isReshaping(operator string) bool {
	return slices.Contains([]string{"Flatten", "Identity", "Reshape", "Squeeze", "Unsqueeze"}, operator)
}

// constant is the elements of a value, if they are the same for every batch.
func (f *folder) constant(name string) *ir.Tensor {
	if w := f.Weights[name]; w != nil {
		return w
	}
	t := f.known[name].Const
	if t == nil || f.other == nil {
		return t
	}
	u := f.other[name].Const
	if u == nil || !u.Shape.Equal(t.Shape) || !bytes.Equal(u.Memory(), t.Memory()) {
		return nil
	}
	return t
}

// fold makes weights of a node's outputs where they are constant, and reports whether the node is thereby done with. A
// node that makes an output of the network stays.
func (f *folder) fold(n *ir.Node) bool {
	if slices.ContainsFunc(n.Out, func(out string) bool { return f.outputs[out] }) {
		return false
	}
	done := true
	for _, out := range n.Out {
		if out != "" && f.constant(out) == nil {
			done = false
		}
	}
	if !done && !f.compute(n) {
		return false
	}
	for _, out := range n.Out {
		if out != "" {
			f.Weights[out] = f.constant(out)
		}
	}
	return true
}

// foldMost is the most bytes that Fold spends on weights computed from weights, in float64 on the way: a hostile file can
// name one weight many times.
const foldMost = 48 << 20

// compute evaluates a node on weights, which Infer left alone since they are many. It makes no more of them than there
// were. What only gives them another shape costs nothing and is always done.
func (f *folder) compute(n *ir.Node) bool {
	row, _ := Lookup(n.Op)
	if row.Keep || len(n.In) == 0 {
		return false
	}
	in, have, made := make([]Operand, len(n.In)), foldLimit, 0
	for i, name := range n.In {
		if name == "" {
			continue
		}
		w := f.Weights[name]
		if w == nil {
			return false
		}
		in[i] = Operand{Type: w.Type, Shape: w.Shape, Const: w}
		have += w.Shape.Elems()
	}
	out, err := row.Infer(n, in)
	if err != nil {
		return false
	}
	for _, o := range out {
		if checkConst(o.Shape) != nil {
			return false
		}
		made += o.Shape.Elems()
	}
	if len(n.In) > 0 && len(out) > 0 && isReshaping(n.Op) {
		w := f.Weights[n.In[0]]
		f.Weights[n.Out[0]] = &ir.Tensor{Type: w.Type, Shape: out[0].Shape, Data: w.Data}
		return len(n.Out) == 1
	}
	// Products and windows are work, not a matter of form.
	if f.spent += 8 * (made + have); made > have || row.MACs != nil || f.spent > foldMost {
		return false
	}
	evalConst(row, n, in, out)
	for i, name := range n.Out {
		if name != "" {
			f.Weights[name] = out[i].Const
		}
	}
	return true
}

// numbersOf are the parameters that are one number, not integers.
var numbersOf = []string{"min", "max", "value"}

// parameters makes attributes of constant inputs.
func (f *folder) parameters(n *ir.Node) {
	row, _ := Lookup(n.Op)
	for i := len(n.In) - 1; i >= 0; i-- {
		attr, ok := row.Params[i]
		if !ok || n.In[i] == "" {
			continue
		}
		t := f.constant(n.In[i])
		if t == nil || t.Shape.Elems() > foldLimit {
			continue
		}
		a := Widen(t)
		if n.Attrs == nil {
			n.Attrs = ir.Attrs{}
		}
		if attr == "scales" || attr == "roi" {
			n.Attrs[attr] = a.Data
		} else if slices.Contains(numbersOf, attr) {
			if len(a.Data) != 1 {
				continue
			}
			n.Attrs[attr] = a.Data[0]
		} else {
			list, _, _ := intParam(&ir.Node{}, attr, a)
			n.Attrs[attr] = list
		}
		n.In[i] = ""
	}
	for len(n.In) > 0 && n.In[len(n.In)-1] == "" {
		n.In = n.In[:len(n.In)-1]
	}
}

// pads makes auto_pad explicit.
func (f *folder) pads(n *ir.Node) error {
	if auto := n.Attrs.Str("auto_pad", ""); n.Op == "ConvTranspose" || auto == "" {
		return nil
	} else if auto != "NOTSET" {
		x := f.known[n.In[0]].Shape
		var kernel []int
		switch n.Op {
		case "Conv", "ConvInteger":
			kernel = f.known[n.In[1]].Shape[2:]
		case "QLinearConv":
			kernel = f.known[n.In[3]].Shape[2:]
		}
		p, err := ExplicitPads(n, kernel, x[2:])
		if err != nil {
			return err
		}
		n.Attrs["pads"] = p
		if auto != "VALID" {
			delete(n.Attrs, "ceil_mode")
		}
	}
	delete(n.Attrs, "auto_pad")
	return nil
}

func (f *folder) dropUnused() {
	used := map[string]bool{}
	for name := range f.outputs {
		used[name] = true
	}
	for _, n := range f.Nodes {
		for _, in := range n.In {
			used[in] = true
		}
	}
	for name := range f.Weights {
		if !used[name] {
			delete(f.Weights, name)
		}
	}
}

// freeBatch lets a network that was exported for one image run any batch, where all that binds it are Reshapes to a
// shape that begins with 1: they copy the batch instead. A network that runs two images, or does not then either, is
// returned as it is. before is what is known of one image; other is the same of two images, nil where the batch is part of
// the network: then it is constant.
func freeBatch(g *ir.Graph, before map[string]Operand) (free *ir.Graph, other map[string]Operand) {
	other, err := Infer(g, 2)
	if err == nil {
		return g, other
	}
	for _, in := range g.Inputs {
		if len(in.Shape) == 0 || in.Shape[0] != 1 {
			return g, nil
		}
	}
	c := g.Clone()
	for i, n := range c.Nodes {
		if n.Op != "Reshape" || n.Attrs.Int("allowzero", 0) != 0 {
			continue
		}
		list, there, err := intParam(n, "shape", known([]Operand{{}, operandOf(before, n, 1)}, 1))
		if x := before[n.In[0]]; err != nil || !there || len(list) == 0 || list[0] != 1 || len(x.Shape) == 0 || x.Shape[0] != 1 || x.Const != nil {
			continue
		}
		list = slices.Clone(list)
		list[0] = 0
		shape := make([]int64, len(list))
		for k, v := range list {
			shape[k] = int64(v)
		}
		if len(n.In) < 2 {
			n.Attrs["shape"] = list
			continue
		}
		n.In[1] = fmt.Sprintf("%s shape %d", n.Out[0], i)
		c.Weights[n.In[1]] = &ir.Tensor{Type: ir.I64, Shape: ir.Shape{len(list)}, Data: shape}
	}
	one, err1 := Infer(c, 1)
	two, err2 := Infer(c, 2)
	if err1 != nil || err2 != nil {
		return g, nil
	}
	for _, name := range g.Outputs {
		a, b, was := one[name].Shape, two[name].Shape, before[name].Shape
		if !a.Equal(was) || len(b) == 0 || len(a) == 0 || a[0] != 1 || b[0] != 2 || !b[1:].Equal(a[1:]) {
			return g, nil
		}
	}
	return c, two
}

func operandOf(known map[string]Operand, n *ir.Node, i int) Operand {
	if i >= len(n.In) {
		return Operand{}
	}
	return known[n.In[i]]
}
