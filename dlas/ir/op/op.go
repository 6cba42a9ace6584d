// Package op is the table of operators: what a node of a network means.
//
// An operator is one file and one row of the table: the attributes it takes, its shape rule, its multiply-accumulates
// and its loop in float64. The loops are the reference executor (Reference), which is the definition of every operator:
// a kernel is right where it agrees with it. Names, attributes and meanings are ONNX's (onnx.ai, operator schemas,
// opset 13) unless the row's file says otherwise.
package op

import (
	"fmt"
	"slices"
	"strings"

	"github.com/godlas/godlas/dlas/ir"
)

// MaxElems and MaxNodes bound the elements of any one value and the nodes of a network, so that a hostile one cannot ask
// for all memory and time.
const (
	MaxElems = 1 << 28
	MaxNodes = 1 << 14
)

// Row is an operator.
type Row struct {
	Name string
	// Least and Most bound the number of inputs; an input past Least may be left out (an empty name).
	Least, Most int
	// Attrs are the attributes there are; a node with any other is an error.
	Attrs []string
	// Shape is the rule that gives the output's shape, or says in one line what is wrong with the node. Inputs left out
	// have a nil shape.
	Shape func(n *ir.Node, in []ir.Shape) (ir.Shape, error)
	// MACs are the multiply-accumulates of the definition; nil where there are none.
	MACs func(n *ir.Node, in []ir.Shape, out ir.Shape) int64
	// Eval computes the output. Shapes have been checked.
	Eval func(n *ir.Node, in []Array, out Array)
}

// Array is a value in float64; an input left out has a nil Shape.
type Array struct {
	Shape ir.Shape
	Data  []float64
}

// rows is a function, so that a process that never runs a network does not pay for the table at its start.
func rows() []Row {
	return []Row{
		add(), averagePool(), batchNormalization(), clip(), concat(), conv(), flatten(), gemm(), globalAveragePool(), identity(),
		maxPool(), pad(), relu(), softmax(),
	}
}

// Lookup returns the operator of that name.
func Lookup(name string) (Row, bool) {
	for _, r := range rows() {
		if r.Name == name {
			return r, true
		}
	}
	return Row{}, false
}

// Names lists the operators there are.
func Names() []string {
	var names []string
	for _, r := range rows() {
		names = append(names, r.Name)
	}
	return names
}

// Infer checks a graph and returns the shape of every value in it, weights included, for a batch of that many images.
// Every fault of a graph is found here: an unknown operator or attribute, a value used before it is made, shapes that do
// not fit, weights whose data differ from their shape, values too large to hold. The error is an *ir.Error.
func Infer(g *ir.Graph, batch int) (map[string]ir.Shape, error) {
	if batch < 1 {
		return nil, ir.Errorf(ir.Data, "a batch of %d images", batch)
	}
	if len(g.Input.Shape) < 1 || g.Input.Shape[0] != 1 {
		return nil, ir.Errorf(ir.Model, "the input's shape is %v, not that of one image", g.Input.Shape)
	}
	if len(g.Nodes) > MaxNodes {
		return nil, ir.Errorf(ir.Model, "the network has %d nodes, more than %d", len(g.Nodes), MaxNodes)
	}
	shapes := make(map[string]ir.Shape, len(g.Nodes)+len(g.Weights)+1)
	for name, t := range g.Weights {
		if err := checkTensor(t); err != nil {
			return nil, &ir.Error{Layer: ir.Model, What: fmt.Sprintf("weight %q", name), Err: err}
		}
		shapes[name] = t.Shape
	}
	in := slices.Clone(g.Input.Shape)
	in[0] = batch
	if err := checkShape(in); err != nil {
		return nil, &ir.Error{Layer: ir.Model, What: "the input", Err: err}
	}
	if _, twice := shapes[g.Input.Name]; twice || g.Input.Name == "" {
		return nil, ir.Errorf(ir.Model, "the input has the name %q, which is empty or a weight's", g.Input.Name)
	}
	shapes[g.Input.Name] = in
	for _, n := range g.Nodes {
		if err := inferNode(n, shapes); err != nil {
			return nil, err
		}
	}
	if _, ok := shapes[g.Output]; !ok {
		return nil, ir.Errorf(ir.Model, "no node makes the output %q", g.Output)
	}
	if _, isWeight := g.Weights[g.Output]; isWeight {
		return nil, ir.Errorf(ir.Model, "the output %q is a weight", g.Output)
	}
	return shapes, nil
}

func inferNode(n *ir.Node, shapes map[string]ir.Shape) error {
	row, ok := Lookup(n.Op)
	if !ok {
		e := ir.Unknown(ir.Model, "operator", n.Op, Names())
		e.What = fmt.Sprintf("node %q: %s", n.Name, e.What)
		return e
	}
	bad := func(format string, args ...any) error {
		return ir.Errorf(ir.Model, "node %q (%s): %s", n.Name, n.Op, fmt.Sprintf(format, args...))
	}
	if len(n.Out) != 1 || n.Out[0] == "" {
		return bad("has %d outputs, not 1", len(n.Out))
	}
	if _, twice := shapes[n.Out[0]]; twice {
		return bad("its output %q exists already", n.Out[0])
	}
	if len(n.In) < row.Least || len(n.In) > row.Most {
		return bad("has %d inputs, not %d to %d", len(n.In), row.Least, row.Most)
	}
	for name := range n.Attrs {
		if !slices.Contains(row.Attrs, name) {
			return bad("unknown attribute %q; there is: %s", name, strings.Join(row.Attrs, ", "))
		}
	}
	in := make([]ir.Shape, len(n.In))
	for i, name := range n.In {
		if name == "" && i >= row.Least {
			continue
		}
		s, ok := shapes[name]
		if !ok {
			return bad("its input %q is not made before it", name)
		}
		in[i] = s
	}
	out, err := row.Shape(n, in)
	if err == nil {
		err = checkShape(out)
	}
	if err != nil {
		return bad("%v", err)
	}
	shapes[n.Out[0]] = out
	return nil
}

func checkShape(s ir.Shape) error {
	elems := 1
	for _, d := range s {
		if d < 1 {
			return fmt.Errorf("its shape %v has an empty axis", s)
		}
		if d > MaxElems/elems {
			return fmt.Errorf("its shape %v has more than %d elements", s, MaxElems)
		}
		elems *= d
	}
	return nil
}

func checkTensor(t *ir.Tensor) error {
	if t == nil {
		return fmt.Errorf("has no data")
	}
	if err := checkShape(t.Shape); err != nil {
		return err
	}
	data, ok := t.Data.([]float32)
	if t.Type != ir.F32 || !ok {
		return fmt.Errorf("has the type %s; there is: f32", t.Type)
	}
	if len(data) != t.Shape.Elems() {
		return fmt.Errorf("has %d elements, its shape %v has %d", len(data), t.Shape, t.Shape.Elems())
	}
	return nil
}

// intsOf returns an attribute of exactly n integers, or def where it is absent.
func intsOf(n *ir.Node, name string, def ...int) ([]int, error) {
	v, ok := n.Attrs[name]
	if !ok {
		return def, nil
	}
	list, ok := v.([]int)
	if !ok || len(list) != len(def) {
		return nil, fmt.Errorf("attribute %s is not a list of %d integers", name, len(def))
	}
	return list, nil
}

// axisOf returns the attribute axis counted from the front, for a value of that many axes.
func axisOf(n *ir.Node, def, axes int) (int, error) {
	a := n.Attrs.Int("axis", def)
	if a < -axes || a >= axes {
		return 0, fmt.Errorf("attribute axis is %d for %d axes", a, axes)
	}
	if a < 0 {
		a += axes
	}
	return a, nil
}

func fourAxes(s ir.Shape) error {
	if len(s) != 4 {
		return fmt.Errorf("its input's shape is %v, not N x C x H x W", s)
	}
	return nil
}
