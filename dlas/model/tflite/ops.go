package tflite

import (
	"errors"
	"fmt"
	"slices"

	"github.com/godlas/godlas/dlas/ir"
)

// node is an operator of the file on its way into ours.
type node struct {
	r    *reader
	code opcode
	in   []int // tensors; -1: left out
	// fixed: the reference kernels compute the result in fixed point.
	fixed bool
	out   []int
	opts  table
}

func (c opcode) name() string {
	if c.custom != "" {
		return c.custom
	}
	if o := operators(c.code); o.name != "" {
		return o.name
	}
	return fmt.Sprintf("operator %d", c.code)
}

// operator is how one of theirs becomes ours.
type operator struct {
	name    string
	inputs  int // least number
	convert func(*node) error
}

// operators are those read, by BuiltinOperator's number.
func operators(code int) operator {
	switch code {
	case 0:
		return operator{"ADD", 2, func(n *node) error { return n.binary("Add", 0) }}
	case 1:
		return operator{"AVERAGE_POOL_2D", 1, func(n *node) error { return n.pool("AveragePool") }}
	case 2:
		return operator{"CONCATENATION", 1, (*node).concat}
	case 3:
		return operator{"CONV_2D", 2, (*node).conv}
	case 4:
		return operator{"DEPTHWISE_CONV_2D", 2, (*node).depthwise}
	case 6:
		return operator{"DEQUANTIZE", 1, (*node).same}
	case 9:
		return operator{"FULLY_CONNECTED", 2, (*node).dense}
	case 14:
		return operator{"LOGISTIC", 1, func(n *node) error { return n.unary("Sigmoid", nil) }}
	case 17:
		return operator{"MAX_POOL_2D", 1, func(n *node) error { return n.pool("MaxPool") }}
	case 18:
		return operator{"MUL", 2, func(n *node) error { return n.binary("Mul", 0) }}
	case 19:
		return operator{"RELU", 1, func(n *node) error { return n.unary("Relu", nil) }}
	case 21:
		return operator{"RELU6", 1, func(n *node) error { return n.unary("Clip", ir.Attrs{"min": 0.0, "max": 6.0}) }}
	case 22:
		return operator{"RESHAPE", 1, (*node).reshape}
	case 25:
		return operator{"SOFTMAX", 1, (*node).softmax}
	case 28:
		return operator{"TANH", 1, func(n *node) error { return n.unary("Tanh", nil) }}
	case 34:
		return operator{"PAD", 2, (*node).pad}
	case 40:
		return operator{"MEAN", 2, (*node).mean}
	case 41:
		return operator{"SUB", 2, func(n *node) error { return n.binary("Sub", 0) }}
	case 42:
		return operator{"DIV", 2, func(n *node) error { return n.binary("Div", 0) }}
	case 43:
		return operator{"SQUEEZE", 1, (*node).reshape}
	case 98:
		return operator{"LEAKY_RELU", 1, func(n *node) error {
			return n.unary("LeakyRelu", ir.Attrs{"alpha": float64(n.opts.float(0, 0))})
		}}
	case 114:
		return operator{"QUANTIZE", 1, (*node).same}
	case 117:
		return operator{"HARD_SWISH", 1, func(n *node) error { return n.unary("HardSwish", nil) }}
	}
	return operator{}
}

// exact are operators on integers that have nothing to scale, or nothing behind them: PAD, MAX_POOL_2D, RESHAPE, SQUEEZE,
// QUANTIZE, SOFTMAX.
var exact = []int{34, 17, 22, 43, 114, 25}

func (n *node) convert() error {
	o := operators(n.code.code)
	if o.convert == nil || n.code.custom != "" {
		return errors.New("is unsupported")
	}
	if len(n.in) < o.inputs || len(n.out) != 1 {
		return fmt.Errorf("has %d inputs and %d outputs", len(n.in), len(n.out))
	}
	for k, i := range n.in {
		if i == -1 && k >= o.inputs {
			continue
		}
		if _, err := n.r.tensor(i); err != nil {
			return err
		}
	}
	if _, err := n.r.tensor(n.out[0]); err != nil {
		return err
	}
	if err := o.convert(n); err != nil {
		return err
	}
	return n.r.err
}

// x is input k as the file has it; the zero tensor where it is left out.
func (n *node) x(k int) *tensor {
	if k >= len(n.in) || n.in[k] < 0 {
		return &tensor{}
	}
	return n.r.all[n.in[k]]
}

func (n *node) y() *tensor { return n.r.all[n.out[0]] }

// finish ends a node's chain: the fused activation, then the quantisation of the result, which takes the tensor's name.
func (n *node) finish(name string, activation int8) error {
	r, y := n.r, n.y()
	lo, hi := -1, -1 // bounds that the integers of the result do not have by themselves
	switch activation {
	case 0:
	case 1:
		lo = 0
	case 3:
		lo, hi = 0, 6
	default:
		return fmt.Errorf("fuses activation %d: unsupported", activation)
	}
	if y.quantised() && (y.typ == ir.I8 || y.typ == ir.U8) {
		least, most := int64(-128), int64(127)
		if y.typ == ir.U8 {
			least, most = 0, 255
		}
		if lo == 0 && y.zeroPoint() == least {
			lo = -1
		}
		if hi == 6 && float64(most-y.zeroPoint())*float64(y.scale[0]) < 6+float64(y.scale[0])/2 {
			hi = -1
		}
	}
	switch {
	case lo == 0 && hi == 6:
		name = r.add("Clip", y.name+"_act", ir.Attrs{"min": 0.0, "max": 6.0}, name)
	case lo == 0:
		name = r.add("Relu", y.name+"_act", nil, name)
	case hi == 6:
		name = r.add("Clip", y.name+"_act", ir.Attrs{"max": 6.0}, name)
	}
	if y.quantised() {
		err := r.quantise(n.out[0], name)
		if n.fixed {
			r.markFixed(y)
		} else if !slices.Contains(exact, n.code.code) {
			r.mixed = true
		}
		return err
	}
	n.takeName(name)
	return nil
}

// takeName gives the value that the last node made the tensor's own name.
func (n *node) takeName(name string) {
	r, y := n.r, n.y()
	var last *ir.Node
	if k := len(r.g.Nodes); k > 0 {
		last = r.g.Nodes[k-1]
	}
	if last == nil || last.Out[0] != name { // name is an input's or an earlier node's
		last = &ir.Node{Op: "Identity", In: []string{name}}
		r.g.Nodes = append(r.g.Nodes, last)
	}
	last.Name, last.Out = y.name, []string{y.name}
	r.made[y.name] = true
}

// emit adds a node of ours on inputs 0 and on, and returns its output's name.
func (n *node) emit(op string, attrs ir.Attrs, in ...string) string {
	return n.r.add(op, n.y().name+"_"+op, attrs, in...)
}

// same is an operator that only changes how a value is stored. One on a constant, weights stored as f16 or integers,
// hands it on: whoever reads it turns its axes as it wants them.
func (n *node) same() error {
	x, y := n.x(0), n.y()
	if x.isConst && !y.quantised() {
		n.r.all[n.out[0]] = x
		return nil
	}
	name, err := n.r.value(n.in[0])
	if err != nil {
		return err
	}
	if sameNumbers(x, y) {
		n.r.real[y] = known{name: name}
		return nil
	}
	return n.finish(name, 0)
}

// sameNumbers reports whether two tensors stand for the same numbers whatever they hold: u8 as i8 with a zero point of
// 128 less.
func sameNumbers(x, y *tensor) bool {
	if !x.quantised() || !y.quantised() || x.isConst || len(x.scale) != 1 || len(y.scale) != 1 || x.scale[0] != y.scale[0] {
		return false
	}
	offset := func(t *tensor) int64 {
		if t.typ == ir.U8 {
			return t.zeroPoint() - 128
		}
		return t.zeroPoint()
	}
	bytes := func(t *tensor) bool { return t.typ == ir.U8 || t.typ == ir.I8 }
	return offset(x) == offset(y) && bytes(x) && bytes(y)
}

func (n *node) unary(op string, attrs ir.Attrs) error {
	name, err := n.r.value(n.in[0])
	if err != nil {
		return err
	}
	return n.finish(n.emit(op, attrs, name), 0)
}

func (n *node) binary(op string, actField int) error {
	axes := len(n.y().shape)
	n.fixed = op == "Add" && actField == 0 && !n.x(0).isConst && !n.x(1).isConst
	var in [2]string
	for k := range in {
		name, err := n.operand(k, axes)
		if err != nil {
			return err
		}
		in[k] = name
	}
	return n.finish(n.emit(op, nil, in[0], in[1]), n.opts.byte(actField, 0))
}

// operand is input k, to be broadcast to that many axes: with fewer, it has ours at their places.
func (n *node) operand(k, axes int) (string, error) {
	t, i := n.x(k), n.in[k]
	if !t.isConst {
		if len(t.shape) != axes && axes == 4 {
			return "", fmt.Errorf("input %d has %d axes where the result has 4: unsupported", k, len(t.shape))
		}
		return n.r.value(i)
	}
	if axes != 4 || len(t.shape) > 4 {
		return n.r.constant(i, nil)
	}
	for len(t.shape) < 4 {
		t.shape = append([]int{1}, t.shape...)
		t.axis++
	}
	return n.r.constant(i, []int{0, 3, 1, 2})
}

// pads are the pads of a window in ONNX's order. SAME makes the result as large as the input divided by the stride,
// with the odd pixel at the end.
func (n *node) pads(window [2]int, strides, dilations []int) ([]int, error) {
	x := n.x(0).shape
	switch n.opts.byte(0, 0) {
	case 1: // VALID
		return []int{0, 0, 0, 0}, nil
	case 0:
	default:
		return nil, fmt.Errorf("has padding %d", n.opts.byte(0, 0))
	}
	p := make([]int, 4)
	for a := range 2 {
		size := x[1+a]
		out := (size + strides[a] - 1) / strides[a]
		total := max((out-1)*strides[a]+(window[a]-1)*dilations[a]+1-size, 0)
		p[a], p[2+a] = total/2, total-total/2
	}
	return p, nil
}

// window reads strides and dilations from the options' fields and computes the pads.
func (n *node) window(kh, kw, strideW, dilationW int) (ir.Attrs, error) {
	const most = 1 << 16
	s := []int{int(n.opts.int(strideW+1, 0)), int(n.opts.int(strideW, 0))}
	d := []int{1, 1}
	if dilationW > 0 {
		d = []int{int(n.opts.int(dilationW+1, 1)), int(n.opts.int(dilationW, 1))}
	}
	for _, v := range append(slices.Clone(s), d[0], d[1], kh, kw) {
		if v < 1 || v > most {
			return nil, fmt.Errorf("has strides %v, dilations %v and a window of %dx%d", s, d, kh, kw)
		}
	}
	if len(n.x(0).shape) != 4 {
		return nil, fmt.Errorf("its input has the shape %v", n.x(0).shape)
	}
	p, err := n.pads([2]int{kh, kw}, s, d)
	if err != nil {
		return nil, err
	}
	a := ir.Attrs{"kernel_shape": []int{kh, kw}, "strides": s, "pads": p}
	if dilationW > 0 {
		a["dilations"] = d
	}
	return a, nil
}

// weighted are the names of an input, its weights with their axes turned, and the bias if there is one.
func (n *node) weighted(perm []int) ([]string, error) {
	x, err := n.r.value(n.in[0])
	if err != nil {
		return nil, err
	}
	if !n.x(1).isConst {
		return nil, errors.New("its weights are computed: unsupported")
	}
	w, err := n.r.constant(n.in[1], perm)
	if err != nil {
		return nil, err
	}
	in := []string{x, w}
	if len(n.in) > 2 && n.in[2] >= 0 {
		b, err := n.r.value(n.in[2])
		if err != nil {
			return nil, err
		}
		in = append(in, b)
	}
	return in, nil
}

// conv: weights are out x height x width x in.
func (n *node) conv() error {
	w := n.x(1).shape
	if len(w) != 4 || w[3] < 1 || len(n.x(0).shape) != 4 {
		return fmt.Errorf("its weights have the shape %v", w)
	}
	a, err := n.window(w[1], w[2], 1, 4)
	if err != nil {
		return err
	}
	a["group"] = max(n.x(0).shape[3]/w[3], 1)
	n.fixed = true
	in, err := n.weighted([]int{0, 3, 1, 2})
	if err != nil {
		return err
	}
	return n.finish(n.emit("Conv", a, in...), n.opts.byte(3, 0))
}

// depthwise: weights are 1 x height x width x out.
func (n *node) depthwise() error {
	w := n.x(1).shape
	if len(w) != 4 || w[0] != 1 {
		return fmt.Errorf("its weights have the shape %v", w)
	}
	a, err := n.window(w[1], w[2], 1, 5)
	if err != nil {
		return err
	}
	a["group"] = n.x(0).shape[3]
	in, err := n.weighted([]int{3, 0, 1, 2})
	if err != nil {
		return err
	}
	return n.finish(n.emit("Conv", a, in...), n.opts.byte(4, 0))
}

// dense: weights are out x in, over an input whose last axes are flattened in the file's order.
func (n *node) dense() error {
	w := n.x(1)
	if len(w.shape) != 2 || n.opts.byte(1, 0) != 0 {
		return fmt.Errorf("its weights have the shape %v, or an order of their own", w.shape)
	}
	x := n.x(0)
	if len(n.y().shape) != 2 || n.opts.byte(2, 0) != 0 {
		return fmt.Errorf("its result has the shape %v: unsupported", n.y().shape)
	}
	n.fixed = true
	in, err := n.weighted(nil)
	if err != nil {
		return err
	}
	if len(x.shape) != 2 {
		if in[0], err = n.flatten(in[0], x.shape, []int{0, w.shape[1]}); err != nil {
			return err
		}
	}
	return n.finish(n.emit("Gemm", ir.Attrs{"transB": 1}, in...), n.opts.byte(0, 0))
}

func (n *node) pool(op string) error {
	kw, kh := int(n.opts.int(3, 0)), int(n.opts.int(4, 0))
	a, err := n.window(kh, kw, 1, 0)
	if err != nil {
		return err
	}
	in, err := n.r.value(n.in[0])
	if err != nil {
		return err
	}
	x := n.x(0).shape
	n.fixed = op == "AveragePool" && sameNumbers(n.x(0), n.y())
	if y := n.y().shape; op == "AveragePool" && kh == x[1] && kw == x[2] && len(y) == 4 && y[1] == 1 && y[2] == 1 && slices.Max(a["pads"].([]int)) == 0 {
		return n.finish(n.emit("GlobalAveragePool", nil, in), n.opts.byte(5, 0))
	}
	return n.finish(n.emit(op, a, in), n.opts.byte(5, 0))
}

// axis is one of the file's axes in our order.
func axis(a, axes int) (int, error) {
	if a < 0 {
		a += axes
	}
	if a < 0 || a >= axes {
		return 0, fmt.Errorf("has the axis %d of %d", a, axes)
	}
	if axes == 4 {
		return [4]int{0, 2, 3, 1}[a], nil
	}
	return a, nil
}

func (n *node) concat() error {
	axes := len(n.y().shape)
	a, err := axis(int(n.opts.int(0, 0)), axes)
	if err != nil {
		return err
	}
	in := make([]string, len(n.in))
	for k, i := range n.in {
		if n.x(k).isConst && axes == 4 {
			in[k], err = n.r.constant(i, []int{0, 3, 1, 2})
		} else {
			in[k], err = n.r.value(i)
		}
		if err != nil {
			return err
		}
	}
	return n.finish(n.emit("Concat", ir.Attrs{"axis": a}, in...), n.opts.byte(1, 0))
}

func (n *node) softmax() error {
	name, err := n.r.value(n.in[0])
	if err != nil {
		return err
	}
	if beta := n.opts.float(0, 1); beta != 1 {
		return fmt.Errorf("has beta %v: unsupported", beta)
	}
	a, err := axis(-1, len(n.x(0).shape))
	if err != nil {
		return err
	}
	return n.finish(n.emit("Softmax", ir.Attrs{"axis": a}, name), 0)
}

// list is a constant input of integers.
func (n *node) list(k int) ([]int, error) {
	t := n.x(k)
	if !t.isConst {
		return nil, fmt.Errorf("its input %d is computed: unsupported", k)
	}
	if len(t.data) > 1<<10 {
		return nil, fmt.Errorf("its input %d has %d bytes", k, len(t.data))
	}
	var out []int
	switch t.typ {
	case ir.I32:
		for _, v := range view[int32](t.data) {
			out = append(out, int(v))
		}
	case ir.I64:
		for _, v := range view[int64](t.data) {
			out = append(out, int(v))
		}
	default:
		return nil, fmt.Errorf("its input %d has the type %s", k, t.typ)
	}
	return out, nil
}

// pad: a start and an end for each axis.
func (n *node) pad() error {
	p, err := n.list(1)
	if err != nil {
		return err
	}
	axes := len(n.x(0).shape)
	if len(p) != 2*axes {
		return fmt.Errorf("has %d pads for %d axes", len(p), axes)
	}
	pads := make([]int, 2*axes)
	for a := range axes {
		to, err := axis(a, axes)
		if err != nil {
			return err
		}
		pads[to], pads[axes+to] = p[2*a], p[2*a+1]
	}
	name, err := n.r.value(n.in[0])
	if err != nil {
		return err
	}
	return n.finish(n.emit("Pad", ir.Attrs{"pads": pads}, name), 0)
}

func (n *node) mean() error {
	list, err := n.list(1)
	if err != nil {
		return err
	}
	axes := len(n.x(0).shape)
	for i, a := range list {
		if list[i], err = axis(a, axes); err != nil {
			return err
		}
	}
	slices.Sort(list)
	name, err := n.r.value(n.in[0])
	if err != nil {
		return err
	}
	keep := n.opts.byte(0, 0) != 0
	if axes == 4 && slices.Equal(list, []int{2, 3}) {
		name = n.emit("GlobalAveragePool", nil, name)
		if !keep {
			name = n.emit("Flatten", nil, name)
		}
		return n.finish(name, 0)
	}
	if axes == 4 && !keep {
		return fmt.Errorf("drops the axes %v of four: unsupported", list)
	}
	flag := 0
	if keep {
		flag = 1
	}
	return n.finish(n.emit("ReduceMean", ir.Attrs{"axes": list, "keepdims": flag}, name), 0)
}

// reshape: the result's shape in the file says all.
func (n *node) reshape() error {
	x, y := n.x(0), n.y()
	if sameNumbers(x, y) && x.typ == y.typ && n.r.made[x.name] {
		// Integers keep their places as numbers do.
		name, err := n.flatten(x.name, x.shape, y.shape)
		if err != nil {
			return err
		}
		n.takeName(name)
		return nil
	}
	name, err := n.r.value(n.in[0])
	if err != nil {
		return err
	}
	if name, err = n.flatten(name, x.shape, y.shape); err != nil {
		return err
	}
	return n.finish(name, 0)
}

// flatten gives a value of that shape another one, elements in the file's order.
func (n *node) flatten(name string, from []int, to []int) (string, error) {
	if len(from) == 4 && from[1]*from[2] > 1 && from[3] > 1 {
		name = n.emit("Transpose", ir.Attrs{"perm": []int{0, 2, 3, 1}}, name)
	}
	if len(to) == 0 || len(from) == 0 {
		return "", errors.New("makes or takes a scalar: unsupported")
	}
	// The batch is free: what has the same first axis before and after keeps the one it gets.
	to = slices.Clone(to)
	if len(to) == 2 && (from[0] == to[0] || to[0] == 0) {
		return n.emit("Flatten", ir.Attrs{"axis": 1}, name), nil
	}
	turn := len(to) == 4 && to[1]*to[2] > 1 && to[3] > 1
	if len(to) == 4 && !turn {
		to = []int{to[0], to[3], to[1], to[2]}
	}
	if from[0] == to[0] {
		to[0] = 0
	}
	list := make([]int64, len(to))
	for i, d := range to {
		list[i] = int64(d)
	}
	shape := n.r.weight(n.y().name+"_shape", &ir.Tensor{Type: ir.I64, Shape: ir.Shape{len(list)}, Data: list})
	name = n.emit("Reshape", nil, name, shape)
	if turn {
		name = n.emit("Transpose", ir.Attrs{"perm": []int{0, 3, 1, 2}}, name)
	}
	return name, nil
}
