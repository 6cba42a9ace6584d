// Package tflite reads networks from TensorFlow Lite files (schema of version 3).
//
// Activations and convolution weights there have their channels last, here they come before height and width; the reader
// turns shapes, weights and axes, so that no transposition is left in the network unless the file mixes the axes up
// itself. A quantised network comes out in the form that ONNX has for one: every operator on numbers, with a
// DequantizeLinear before each quantised input and a QuantizeLinear after each output.
//
// Files are hostile: see flat.go.
package tflite

import (
	"errors"
	"fmt"

	"github.com/godlas/godlas/dlas/ir"
)

const (
	maxTensors = 1 << 16
	maxNodes   = 1 << 13 // each may become several
	maxAxes    = 8
	maxElems   = 1 << 28
	maxExtra   = 40 << 20 // bytes that reading may take beyond the file: names, lists, weights that must be copied
)

// Options say how a file is read.
type Options struct {
	// Input (N x C x H x W) binds axes that the first input leaves open.
	Input ir.Shape
	// Usual: the network is part of one that is computed as by LiteRT's default.
	Usual bool
}

// Model is a file as read.
type Model struct {
	Graph       *ir.Graph
	Description string
	// Pixels says how pixels 0..255 become the first input's numbers, where that follows from the file: a quantised
	// input has one integer a pixel.
	Pixels     ir.Preprocess
	PixelsTold bool
	// IntegersIn and IntegersOut: the file's first input and output are quantised, which the graph's are not.
	IntegersIn, IntegersOut bool
	Roundings               *Roundings
}

// Read decodes a network. Weights are views of raw, which is rewritten where a weight's axes are turned and must then
// stay as it is.
func Read(raw []byte, o Options) (*Model, error) {
	f := &flat{b: raw, left: maxExtra}
	if len(raw) < 8 || string(raw[4:8]) != "TFL3" {
		return nil, errBroken
	}
	root := f.follow(0)
	if root < 0 {
		return nil, errBroken
	}
	m := f.table(root)
	if v := m.int(0, 0); f.err == nil && v != 3 {
		return nil, fmt.Errorf("is of schema version %d, and 3 is known", v)
	}
	graphs := m.tables(2, 64)
	if f.err == nil && len(graphs) == 0 {
		f.err = errors.New("has no graph")
	}
	if f.err != nil {
		return nil, f.err
	}
	r := &reader{flat: f, model: m, g: &ir.Graph{Name: graphs[0].string(4), Weights: map[string]*ir.Tensor{}, Trained: true}, option: o}
	r.roundings.Fixed = true
	if err := r.tensors(graphs[0]); err != nil {
		return nil, err
	}
	if err := r.nodes(graphs[0]); err != nil {
		return nil, err
	}
	if f.err != nil {
		return nil, f.err
	}
	out := &Model{Graph: r.g, Description: m.string(3)}
	out.Roundings = &r.roundings
	out.Pixels, out.PixelsTold = r.pixels, r.pixelsTold
	out.IntegersIn, out.IntegersOut = r.first(graphs[0].ints(1, 64)), r.first(graphs[0].ints(2, 64))
	return out, nil
}

// reader turns a file's graph into ours.
type reader struct {
	*flat
	model   table
	g       *ir.Graph
	option  Options
	all     []*tensor
	users   map[int]int // tensors by buffer
	names   map[string]bool
	made    map[string]bool   // values of the network that have a tensor's own name
	real    map[*tensor]known // what can be computed with for a tensor: its numbers
	turned  map[int]bool      // constants whose bytes have been turned already
	ops     []opcode
	pixels  ir.Preprocess
	scratch []byte

	pixelsTold bool
	roundings  Roundings
}

// nodes reads inputs, operators and outputs.
func (r *reader) nodes(g table) error {
	ins, outs, rows := g.ints(1, 64), g.ints(2, 64), g.tables(3, maxNodes)
	if r.err != nil {
		return r.err
	}
	for k, i := range ins {
		t, err := r.tensor(i)
		if err != nil {
			return err
		}
		if t.isConst {
			return fmt.Errorf("input %q is a constant", t.name)
		}
		if err := r.input(t, k, i); err != nil {
			return err
		}
	}
	for i, row := range rows {
		at := int(row.int(0, 0))
		if r.err != nil {
			return r.err
		}
		if at < 0 || at >= len(r.ops) {
			return fmt.Errorf("node %d has the operator %d of %d", i, at, len(r.ops))
		}
		n := &node{r: r, code: r.ops[at], in: row.ints(1, 1<<10), out: row.ints(2, 64), opts: row.sub(4)}
		if r.err != nil {
			return r.err
		}
		if err := n.convert(); err != nil {
			return &ir.Error{Layer: ir.Model, What: fmt.Sprintf("node %d (%s)", i, n.code.name()), Err: err}
		}
	}
	r.roundings.Fixed = r.roundings.Fixed && !r.option.Usual
	r.roundings.mark()
	for _, i := range outs {
		t, err := r.tensor(i)
		if err != nil {
			return err
		}
		name, err := r.value(i)
		if err != nil {
			return fmt.Errorf("output %q: %w", t.name, err)
		}
		r.g.Outputs = append(r.g.Outputs, r.likeFile(name, t))
	}
	return nil
}

// likeFile gives an output of four axes the order that users of the file know, where that is not ours. One pixel is the
// same in both.
func (r *reader) likeFile(name string, t *tensor) string {
	if len(t.shape) != 4 || t.shape[1]*t.shape[2] == 1 || t.shape[3] == 1 {
		return name
	}
	return r.add("Transpose", name+"_nhwc", ir.Attrs{"perm": []int{0, 2, 3, 1}}, name)
}

// first reports whether the first of these tensors is quantised.
func (r *reader) first(tensors []int) bool {
	return len(tensors) > 0 && r.all[tensors[0]].quantised()
}

func (r *reader) tensor(i int) (*tensor, error) {
	if i < 0 || i >= len(r.all) {
		return nil, fmt.Errorf("tensor %d of %d", i, len(r.all))
	}
	return r.all[i], nil
}

// input is an input of the network: of numbers, quantised first where the file wants integers, so that a quantised
// network takes what its float twin takes.
func (r *reader) input(t *tensor, k, i int) error {
	shape := make(ir.Shape, len(t.shape))
	copy(shape, t.shape)
	if len(shape) == 4 {
		shape = ir.Shape{t.shape[0], t.shape[3], t.shape[1], t.shape[2]}
	}
	for a, d := range shape {
		if d > 0 {
			continue
		}
		if a == 0 {
			shape[a] = 1
		} else if k == 0 && len(r.option.Input) == len(shape) {
			shape[a] = r.option.Input[a]
		} else {
			return &ir.Error{Layer: ir.Model, What: fmt.Sprintf("input %q leaves axes open", t.name), Try: "say its shape with the data, such as random(1x3x224x224)"}
		}
	}
	if len(shape) == 4 { // what the operators compute their pads by
		t.shape = []int{shape[0], shape[2], shape[3], shape[1]}
	}
	if !t.quantised() {
		r.g.Inputs = append(r.g.Inputs, ir.Value{Name: t.name, Type: t.typ, Shape: shape})
		r.made[t.name] = true
		return nil
	}
	name := r.fresh(t.name + "_real")
	r.g.Inputs = append(r.g.Inputs, ir.Value{Name: name, Type: ir.F32, Shape: shape})
	if err := r.quantise(i, name); err != nil {
		return err
	}
	if k == 0 && len(shape) == 4 && (t.typ == ir.U8 || t.typ == ir.I8) {
		// One step of the input's integers is one of the pixel's.
		least := 0.0
		if t.typ == ir.I8 {
			least = -128
		}
		s := float64(t.scale[0])
		r.pixels, r.pixelsTold = ir.Preprocess{Scale: s}, true
		if shift := (float64(t.zeroPoint()) - least) * s; shift != 0 {
			for range shape[1] {
				r.pixels.Mean = append(r.pixels.Mean, shift)
			}
		}
	}
	return nil
}

// add appends a node with one output, which is named after what is wanted, and returns the name.
func (r *reader) add(op, out string, attrs ir.Attrs, in ...string) string {
	out = r.fresh(out)
	r.g.Nodes = append(r.g.Nodes, &ir.Node{Name: out, Op: op, In: in, Out: []string{out}, Attrs: attrs})
	return out
}

// weight adds a tensor to the network's weights.
func (r *reader) weight(name string, t *ir.Tensor) string {
	name = r.fresh(name)
	r.g.Weights[name] = t
	return name
}

// value is the name under which tensor i of the file can be computed with: numbers, dequantised once if need be.
func (r *reader) value(i int) (string, error) {
	t, err := r.tensor(i)
	if err != nil {
		return "", err
	}
	if t.isConst {
		return r.constant(i, nil)
	}
	if !t.quantised() {
		if !r.made[t.name] {
			return "", fmt.Errorf("tensor %q is read before it is made", t.name)
		}
		return t.name, nil
	}
	if k, ok := r.real[t]; ok {
		return k.name, nil
	}
	if !r.made[t.name] {
		return "", fmt.Errorf("tensor %q is read before it is made", t.name)
	}
	q, attrs, err := r.quantParams(t, 0)
	if err != nil {
		return "", err
	}
	name := r.add("DequantizeLinear", t.name+"_real", attrs, append([]string{t.name}, q...)...)
	r.real[t] = known{name: name}
	return name, nil
}
