package op

import (
	"fmt"
	"slices"
	"strings"

	"github.com/godlas/godlas/dlas/ir"
)

// foldLimit is the most elements of a value that Infer works out: shapes, and what is computed from them.
const foldLimit = 1 << 10

// foldBytes is the most bytes of all values together that Infer works out; those past it are not known.
const foldBytes = 8 << 20

// Infer checks a graph and returns the type and shape of every value in it, weights included, for a batch of that many
// images; elements too, where they follow from weights and shapes alone. Every fault of a graph is found here: an unknown
// operator or attribute, a value used before it is made, shapes that do not fit, weights whose data differ from their
// shape, values too large to hold. The error is an *ir.Error. A batch of 1 takes the inputs' shapes as they are; any other
// wants their first axis to be 1.
func Infer(g *ir.Graph, batch int) (map[string]Operand, error) {
	if batch < 1 {
		return nil, ir.Errorf(ir.Data, "a batch of %d images", batch)
	}
	if len(g.Nodes) > MaxNodes {
		return nil, ir.Errorf(ir.Model, "the network has %d nodes, more than %d", len(g.Nodes), MaxNodes)
	}
	values := make(map[string]Operand, len(g.Nodes)+len(g.Weights)+1)
	for name, t := range g.Weights {
		if err := checkTensor(t); err != nil {
			return nil, &ir.Error{Layer: ir.Model, What: fmt.Sprintf("weight %q", name), Err: err}
		}
		values[name] = Operand{Type: t.Type, Shape: t.Shape, Const: t}
	}
	for i, v := range g.Inputs {
		what := "the input"
		if i > 0 {
			what = fmt.Sprintf("the input %q", v.Name)
		}
		in := slices.Clone(v.Shape)
		if batch > 1 {
			if len(in) < 1 || in[0] != 1 {
				return nil, ir.Errorf(ir.Model, "%s's shape is %v, not that of one image", what, in)
			}
			in[0] = batch
		}
		if err := checkShape(in); err != nil {
			return nil, &ir.Error{Layer: ir.Model, What: what, Err: err}
		}
		if _, twice := values[v.Name]; twice || v.Name == "" {
			return nil, ir.Errorf(ir.Model, "%s has the name %q, which is empty or that of another value", what, v.Name)
		}
		if v.Type == "" {
			v.Type = ir.F32
		}
		values[v.Name] = Operand{Type: v.Type, Shape: in}
	}
	room := foldBytes
	for _, n := range g.Nodes {
		if err := inferNode(n, values, &room); err != nil {
			return nil, err
		}
	}
	if len(g.Outputs) == 0 {
		return nil, ir.Errorf(ir.Model, "the network has no output")
	}
	for i, name := range g.Outputs {
		if _, ok := values[name]; !ok {
			return nil, ir.Errorf(ir.Model, "no node makes the output %q", name)
		}
		if _, isWeight := g.Weights[name]; isWeight {
			return nil, ir.Errorf(ir.Model, "the output %q is a weight", name)
		}
		if slices.Contains(g.Outputs[:i], name) {
			return nil, ir.Errorf(ir.Model, "the output %q is named twice", name)
		}
	}
	return values, nil
}

func inferNode(n *ir.Node, values map[string]Operand, room *int) error {
	row, ok := Lookup(n.Op)
	if !ok {
		e := ir.Unknown(ir.Model, "operator", n.Op, Names())
		e.What = fmt.Sprintf("node %q: %s", n.Name, e.What)
		return e
	}
	bad := func(format string, args ...any) error {
		return ir.Errorf(ir.Model, "node %q (%s): %s", n.Name, n.Op, fmt.Sprintf(format, args...))
	}
	if len(n.Out) == 0 || len(n.Out) > row.Outs || n.Out[0] == "" {
		if row.Outs == 1 {
			return bad("has %d outputs, not 1", len(n.Out))
		}
		return bad("has %d outputs, not 1 to %d", len(n.Out), row.Outs)
	}
	for i, name := range n.Out {
		if _, twice := values[name]; name != "" && (twice || slices.Contains(n.Out[:i], name)) {
			return bad("its output %q exists already", name)
		}
	}
	if len(n.In) < row.Least || len(n.In) > row.Most {
		return bad("has %d inputs, not %d to %d", len(n.In), row.Least, row.Most)
	}
	for name := range n.Attrs {
		if !slices.Contains(row.Attrs, name) {
			return bad("unknown attribute %q; there is: %s", name, strings.Join(row.Attrs, ", "))
		}
	}
	in := make([]Operand, len(n.In))
	for i, name := range n.In {
		if name == "" && i >= row.Least {
			continue
		}
		s, ok := values[name]
		if !ok {
			return bad("its input %q is not made before it", name)
		}
		in[i] = s
	}
	out, err := row.Infer(n, in)
	if err != nil {
		return &ir.Error{Layer: ir.Model, What: fmt.Sprintf("node %q (%s)", n.Name, n.Op), Err: err}
	}
	for i, o := range out {
		if len(o.Shape) > maxAxes {
			return bad("its output has %d axes, more than %d", len(o.Shape), maxAxes)
		}
		if err := checkConst(o.Shape); err != nil {
			return bad("%v", err)
		}
		// What has no elements is known; a kernel never sees it.
		if o.Const == nil && o.Shape.Elems() == 0 {
			out[i].Const = NewTensor(o.Type, o.Shape)
		}
	}
	if *room > 0 && !row.Keep && small(in, out) && slices.ContainsFunc(out, func(o Operand) bool { return o.Const == nil }) {
		evalConst(row, n, in, out)
	}
	for i, name := range n.Out {
		if name == "" {
			continue
		}
		if values[name] = out[i]; out[i].Const != nil {
			*room -= int(out[i].Const.Bytes())
		}
	}
	return nil
}

// maxAxes bounds the axes of a value.
const maxAxes = 16

// small reports whether all elements of the inputs are known and neither they nor the outputs are many.
func small(in, out []Operand) bool {
	for _, o := range in {
		if o.Type != "" && (o.Const == nil || o.Shape.Elems() > foldLimit) {
			return false
		}
	}
	for _, o := range out {
		if checkConst(o.Shape) != nil || o.Shape.Elems() > foldLimit {
			return false
		}
	}
	return true
}

// evalConst computes the elements of outputs from those of the inputs.
func evalConst(row Row, n *ir.Node, in, out []Operand) {
	args, results := make([]Array, len(in)), make([]Array, len(out))
	for i, o := range in {
		if o.Type != "" {
			args[i] = Widen(o.Const)
		}
	}
	for i, o := range out {
		results[i] = Array{Type: o.Type, Shape: o.Shape, Data: make([]float64, o.Shape.Elems())}
	}
	row.Eval(n, args, results)
	for i := range out {
		out[i].Const = results[i].Tensor()
	}
}

// checkShape is checkConst for an input of a network, none of whose axes may be empty.
func checkShape(s ir.Shape) error {
	for _, d := range s {
		if d == 0 {
			return fmt.Errorf("its shape %v has an empty axis", s)
		}
	}
	return checkConst(s)
}

// checkConst bounds a shape, which may have empty axes.
func checkConst(s ir.Shape) error {
	elems := 1
	for _, d := range s {
		if d < 0 {
			return fmt.Errorf("its shape %v has a negative axis", s)
		}
		if d > MaxElems/max(elems, 1) {
			return fmt.Errorf("its shape %v has more than %d elements", s, MaxElems)
		}
		elems *= d
	}
	return nil
}

// Shapes are the shapes of operands, nil for an input left out.
func Shapes(in []Operand) []ir.Shape {
	s := make([]ir.Shape, len(in))
	for i, o := range in {
		if s[i] = o.Shape; s[i] == nil && o.Type != "" {
			s[i] = ir.Shape{}
		}
	}
	return s
}

// Operands are operands of type F32 of those shapes; a nil shape is an input left out.
func Operands(shapes ...ir.Shape) []Operand {
	in := make([]Operand, len(shapes))
	for i, s := range shapes {
		if s != nil {
			in[i] = Operand{Type: ir.F32, Shape: s}
		}
	}
	return in
}

// kinds are the element types that an operator takes.
type kinds uint8

const (
	anyType  kinds = iota
	floats         // floating-point numbers
	numbers        // integers too
	integers       // these alone
	signed         // numbers that may be negative
	bools
)

func (k kinds) has(t ir.Type) bool {
	switch k {
	case floats:
		return t.Float()
	case numbers:
		return t != ir.Bool
	case integers:
		return t.Integer()
	case signed:
		return t.Float() || t[0] == 'i'
	case bools:
		return t == ir.Bool
	}
	return true
}

// oneType is the rule of operators whose inputs and only output have one type, of a kind: it leaves the shape to f.
func oneType(k kinds, f func(n *ir.Node, in []ir.Shape) (ir.Shape, error)) func(*ir.Node, []Operand) ([]Operand, error) {
	return func(n *ir.Node, in []Operand) ([]Operand, error) {
		if err := checkTypes(k, in); err != nil {
			return nil, err
		}
		s, err := f(n, Shapes(in))
		return []Operand{{Type: in[0].Type, Shape: s}}, err
	}
}

// checkTypes demands that all inputs given have one type of a kind.
func checkTypes(k kinds, in []Operand) error {
	for i, o := range in {
		if o.Type == "" {
			continue
		}
		if !k.has(o.Type) {
			return fmt.Errorf("its input %d has the type %s", i, o.Type)
		}
		if o.Type != in[0].Type {
			return fmt.Errorf("its inputs have the types %s and %s", in[0].Type, o.Type)
		}
	}
	return nil
}
