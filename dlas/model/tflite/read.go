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
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"unsafe"

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
}

// tensor is a tensor of the file.
type tensor struct {
	name    string
	shape   []int // as in the file
	typ     ir.Type
	data    []byte // of a constant
	buffer  int
	scale   []float32
	zero    []int64
	axis    int // of scale, as in the file
	isConst bool
}

func (t *tensor) quantised() bool {
	return len(t.scale) > 0 && (t.typ == ir.I8 || t.typ == ir.U8 || t.typ == ir.I16 || t.typ == ir.I32)
}

// types are TensorType by number.
func typeOf(n int8) (ir.Type, error) {
	switch n {
	case 0:
		return ir.F32, nil
	case 1:
		return ir.F16, nil
	case 2:
		return ir.I32, nil
	case 3:
		return ir.U8, nil
	case 4:
		return ir.I64, nil
	case 6:
		return ir.Bool, nil
	case 7:
		return ir.I16, nil
	case 9:
		return ir.I8, nil
	case 10:
		return ir.F64, nil
	}
	return "", fmt.Errorf("tensor type %d is unsupported", n)
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
	mixed      bool // an operator's integers are not scaled in fixed point
}

// known is the name of a tensor's numbers, and the order of axes that a constant's were read in.
type known struct {
	name string
	perm []int
}

type opcode struct {
	code   int
	custom string
}

// tensors reads the tables of tensors and operators.
func (r *reader) tensors(g table) error {
	buffers := r.model.tables(4, maxTensors)
	rows := g.tables(0, maxTensors)
	if r.err != nil {
		return r.err
	}
	r.users, r.real, r.turned, r.names = map[int]int{}, map[*tensor]known{}, map[int]bool{}, map[string]bool{}
	r.made = map[string]bool{}
	for i, row := range rows {
		if err := r.spend(400); err != nil {
			return err
		}
		// A name there lists all that was joined into the tensor; the first is what made it.
		name, _, _ := strings.Cut(row.string(3), ";")
		t := &tensor{name: name, shape: row.ints(0, maxAxes), buffer: int(row.int(2, 0))}
		typ, err := typeOf(row.byte(1, 0))
		if err != nil {
			return fmt.Errorf("tensor %q: %w", t.name, err)
		}
		t.typ = typ
		elems := 1
		for _, d := range t.shape {
			if d < 0 || d > 0 && elems > maxElems/d {
				return fmt.Errorf("tensor %q has the shape %v", t.name, t.shape)
			}
			elems *= d
		}
		q := row.sub(4)
		t.scale, t.zero, t.axis = q.floats(2, 1<<16), q.longs(3, 1<<16), int(q.int(6, 0))
		if len(t.zero) != len(t.scale) && len(t.zero) > 0 || len(t.scale) > 1 && (t.axis < 0 || t.axis >= len(t.shape) || t.shape[t.axis] != len(t.scale)) {
			return fmt.Errorf("tensor %q has %d scales and %d zero points for the shape %v", t.name, len(t.scale), len(t.zero), t.shape)
		}
		for _, s := range t.scale {
			if !(s > 0 && s < math.MaxFloat32) {
				return fmt.Errorf("tensor %q has the scale %v", t.name, s)
			}
		}
		if t.buffer < 0 || t.buffer >= len(buffers) && t.buffer > 0 {
			return fmt.Errorf("tensor %q has the buffer %d of %d", t.name, t.buffer, len(buffers))
		}
		if t.buffer > 0 {
			b := buffers[t.buffer]
			if b.u64(1) > 1 {
				return fmt.Errorf("tensor %q lies outside the file's tables: unsupported", t.name)
			}
			if t.data = b.vector(0, 1); len(t.data) > 0 {
				t.isConst = true
				if len(t.data) != elems*t.typ.Size() {
					return fmt.Errorf("tensor %q of shape %v and type %s takes %d bytes, and has %d", t.name, t.shape, t.typ, elems*t.typ.Size(), len(t.data))
				}
				r.users[t.buffer]++
			}
		}
		if r.err != nil {
			return r.err
		}
		if t.name == "" || r.names[t.name] {
			t.name = r.fresh(fmt.Sprintf("%s_%d", t.name, i))
		}
		r.names[t.name] = true
		r.all = append(r.all, t)
	}
	for _, row := range r.model.tables(1, 1<<10) {
		// The old field is a byte; from 127 on the new one counts.
		c := opcode{int(uint8(row.byte(0, 0))), row.string(1)}
		if n := int(row.int(3, 0)); n > c.code {
			c.code = n
		}
		r.ops = append(r.ops, c)
	}
	return r.err
}

// fresh is a name that no value has, the wanted one or near it.
func (r *reader) fresh(name string) string {
	for r.names[name] {
		name += "_"
	}
	r.names[name] = true
	return name
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
	if r.mixed {
		for _, n := range r.g.Nodes {
			delete(n.Attrs, "fixed")
		}
	}
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

func (t *tensor) zeroPoint() int64 {
	if len(t.zero) == 0 {
		return 0
	}
	return t.zero[0]
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

// quantParams adds scale and zero point of a tensor, and returns their names and the attribute axis, counted in our
// order of axes by turn.
func (r *reader) quantParams(t *tensor, axis int) (names []string, attrs ir.Attrs, err error) {
	if err := r.spend(int64(16 * len(t.scale))); err != nil {
		return nil, nil, err
	}
	n := len(t.scale)
	scale := &ir.Tensor{Type: ir.F32, Shape: ir.Shape{}, Data: t.scale}
	if n > 1 {
		scale.Shape, attrs = ir.Shape{n}, ir.Attrs{"axis": axis}
	}
	zero := &ir.Tensor{Type: t.typ, Shape: scale.Shape}
	at := func(i int) int64 {
		if len(t.zero) == 0 {
			return 0
		}
		return t.zero[i]
	}
	switch t.typ {
	case ir.I8:
		zero.Data, err = zeroPoints[int8](n, at)
	case ir.U8:
		zero.Data, err = zeroPoints[uint8](n, at)
	case ir.I16:
		zero.Data, err = zeroPoints[int16](n, at)
	default:
		zero.Data, err = zeroPoints[int32](n, at)
	}
	return []string{r.weight(t.name+"_scale", scale), r.weight(t.name+"_zero", zero)}, attrs, err
}

func zeroPoints[T int8 | uint8 | int16 | int32](n int, at func(int) int64) ([]T, error) {
	out := make([]T, n)
	for i := range out {
		v := at(i)
		if out[i] = T(v); int64(out[i]) != v {
			return nil, fmt.Errorf("a zero point of %d is outside its type", v)
		}
	}
	return out, nil
}

// quantise makes tensor i of the file from numbers.
func (r *reader) quantise(i int, from string) error {
	t := r.all[i]
	q, attrs, err := r.quantParams(t, 0)
	if err != nil {
		return err
	}
	if len(t.scale) > 1 {
		return errors.New("an activation is quantised by channel")
	}
	r.g.Nodes = append(r.g.Nodes, &ir.Node{Name: t.name, Op: "QuantizeLinear", In: append([]string{from}, q...), Out: []string{t.name}, Attrs: attrs})
	r.made[t.name] = true
	return nil
}

// markFixed says of the last node, which quantises a tensor, that what it is given was computed in fixed point. Only a
// network all of whose operators can be computed so keeps the marks: of half of them the results would be nobody's.
func (r *reader) markFixed(t *tensor) {
	last := r.g.Nodes[len(r.g.Nodes)-1]
	if last.Attrs == nil {
		last.Attrs = ir.Attrs{}
	}
	switch t.typ {
	case ir.U8:
		last.Attrs["fixed"] = 1
	case ir.I8:
		last.Attrs["fixed"] = 2
	}
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

// constant is the name of a constant's numbers, with its axes turned by perm (nil: as they are).
func (r *reader) constant(i int, perm []int) (string, error) {
	t := r.all[i]
	if k, ok := r.real[t]; ok {
		if !slices.Equal(k.perm, perm) {
			return "", fmt.Errorf("the constant %q is read in two orders of its axes: unsupported", t.name)
		}
		return k.name, nil
	}
	w, err := r.elements(i, perm)
	if err != nil {
		return "", err
	}
	name := t.name
	r.g.Weights[name] = w
	if t.quantised() {
		axis := t.axis
		for to, from := range perm {
			if from == t.axis {
				axis = to
			}
		}
		q, attrs, err := r.quantParams(t, axis)
		if err != nil {
			return "", err
		}
		name = r.add("DequantizeLinear", t.name+"_real", attrs, append([]string{name}, q...)...)
	} else if t.typ == ir.F16 {
		name = r.add("Cast", t.name+"_real", ir.Attrs{"to": 1}, name)
	}
	r.real[t] = known{name, perm}
	return name, nil
}

// elements are a constant's elements with its axes turned.
func (r *reader) elements(i int, perm []int) (*ir.Tensor, error) {
	t := r.all[i]
	shape := make(ir.Shape, len(t.shape))
	copy(shape, t.shape)
	data := t.data
	if perm != nil && !trivial(t.shape, perm) {
		// Turned in the file's own bytes, which nobody else reads then.
		if r.users[t.buffer] > 1 || r.turned[t.buffer] {
			if err := r.spend(int64(len(data))); err != nil {
				return nil, err
			}
			data = append([]byte(nil), data...)
		} else {
			r.turned[t.buffer] = true
		}
		if cap(r.scratch) < len(data) {
			if err := r.spend(int64(len(data) - cap(r.scratch))); err != nil {
				return nil, err
			}
			r.scratch = make([]byte, len(data))
		}
		turn(r.scratch[:len(data)], data, t.shape, perm, t.typ.Size())
		copy(data, r.scratch)
	}
	for to, from := range perm {
		shape[to] = t.shape[from]
	}
	x := &ir.Tensor{Shape: shape, Type: t.typ}
	switch t.typ {
	case ir.F32:
		x.Data = view[float32](data)
	case ir.F64:
		x.Data = view[float64](data)
	case ir.F16:
		x.Data = view[uint16](data)
	case ir.I8:
		x.Data = view[int8](data)
	case ir.U8:
		x.Data = data
	case ir.I16:
		x.Data = view[int16](data)
	case ir.I32:
		x.Data = view[int32](data)
	case ir.I64:
		x.Data = view[int64](data)
	default:
		return nil, fmt.Errorf("a constant of type %s is unsupported", t.typ)
	}
	return x, nil
}

// trivial reports whether turning the axes leaves the elements where they are: those that move past each other have
// one entry.
func trivial(shape, perm []int) bool {
	last := -1
	for _, from := range perm {
		if shape[from] == 1 {
			continue
		}
		if from < last {
			return false
		}
		last = from
	}
	return true
}

// turn writes src with its axes in the order perm to dst.
func turn(dst, src []byte, shape, perm []int, size int) {
	strides := make([]int, len(shape)) // of src, in bytes
	for i, s := len(shape)-1, size; i >= 0; i-- {
		strides[i] = s
		s *= shape[i]
	}
	index := make([]int, len(perm))
	from := 0
	for at := 0; at < len(dst); at += size {
		copy(dst[at:at+size], src[from:])
		for a := len(perm) - 1; a >= 0; a-- {
			index[a]++
			from += strides[perm[a]]
			if index[a] < shape[perm[a]] {
				break
			}
			from -= index[a] * strides[perm[a]]
			index[a] = 0
		}
	}
}

// view makes little-endian bytes numbers. The format aligns them; a file that does not is copied.
func view[T any](b []byte) []T {
	size := int(unsafe.Sizeof(*new(T)))
	n := len(b) / size
	if n == 0 {
		return []T{}
	}
	if binary.NativeEndian.Uint16([]byte{1, 0}) == 1 && uintptr(unsafe.Pointer(&b[0]))%uintptr(size) == 0 {
		return unsafe.Slice((*T)(unsafe.Pointer(&b[0])), n)
	}
	out := make([]T, n)
	if _, err := binary.Decode(b, binary.LittleEndian, out); err != nil {
		panic(err) // the lengths agree
	}
	return out
}
