package compress

import (
	"fmt"
	"slices"

	"github.com/godlas/godlas/dlas/ir"
)

// rule applies what an operator means for the channels of its inputs and outputs. Those that move elements are in dependshape.go.
func (d *dependency) rule(n *ir.Node) {
	switch n.Op {
	case "Conv":
		d.conv(n)
	case "ConvTranspose":
		d.transposedConv(n)
	case "Gemm":
		d.gemm(n)
	case "MatMul":
		d.matMul(n)
	case "BatchNormalization", "InstanceNormalization":
		d.norm(n)
	case "Relu", "LeakyRelu", "Clip", "Sigmoid", "HardSigmoid", "HardSwish", "Tanh", "Elu", "Selu", "Celu", "Gelu", "Mish", "Swish", "Erf",
		"Exp", "Abs", "Neg", "Softplus", "Softsign", "ThresholdedRelu", "Shrink", "Sign", "Sin", "Cos", "Floor", "Ceil", "Round", "Sqrt",
		"Identity", "Cast", "Dropout":
		if l, ok := d.lanes[n.In[0]]; ok {
			d.lanes[n.Out[0]] = l
		}
	case "Add", "Sub", "Mul", "Div", "Max", "Min", "Sum", "Mean", "PRelu", "Pow":
		d.elementwise(n)
	case "GlobalAveragePool", "GlobalMaxPool", "GlobalLpPool", "AveragePool", "MaxPool", "LpPool":
		if l, ok := d.lanes[n.In[0]]; ok && l.axis == 1 && (len(n.Out) == 1 || n.Out[1] == "") {
			d.lanes[n.Out[0]] = l
		} else {
			d.holdNode(n) // places of maxima count through all channels
		}
	case "ReduceMean", "ReduceMax", "ReduceMin", "ReduceSum", "ReduceL1", "ReduceL2", "ReduceSumSquare":
		d.reduce(n)
	case "Softmax", "LogSoftmax":
		if l, ok := d.lanes[n.In[0]]; ok && l.axis != positive(n.Attrs.Int("axis", -1), len(d.shape(n.In[0]))) {
			d.lanes[n.Out[0]] = l
		} else {
			d.holdNode(n)
			if slices.Contains(d.g.Outputs, n.Out[0]) {
				d.last(n.In[0])
			}
		}
	case "Concat":
		d.concat(n)
	case "Split":
		d.split(n)
	case "Slice":
		d.slice(n)
	case "Pad":
		d.pad(n)
	case "Transpose":
		d.transpose(n)
	case "Flatten", "Squeeze", "Unsqueeze", "Reshape":
		d.reshape(n)
	case "Resize":
		d.resize(n)
	default:
		d.holdNode(n)
	}
}

// positive counts an axis from the front.
func positive(axis, axes int) int {
	if axis < 0 {
		return axis + axes
	}
	return axis
}

func (d *dependency) cut(n *ir.Node, input, axis int, of []int32) {
	d.cuts = append(d.cuts, cut{n, input, axis, of})
}

// makes notes a layer's outputs: the weights have them along that axis, and the bias, if there is one.
func (d *dependency) makes(n *ir.Node, axis int, of []int32) {
	c := cut{n, 1, axis, of}
	d.cuts = append(d.cuts, c)
	d.layers = append(d.layers, layer{cut: c, name: n.Name})
	if b := d.constant(n, 2); b != nil {
		if last := len(b.Shape) - 1; last >= 0 && b.Shape[last] == len(of) && len(of) > 1 {
			d.cut(n, 2, last, of)
		}
	} else if len(n.In) > 2 && n.In[2] != "" {
		// A bias that is computed: its numbers stand for the layer's outputs.
		d.hold(lanes{of: of}, fmt.Sprintf("the bias of %q", n.Name))
		d.hold(d.lanes[n.In[2]], fmt.Sprintf("%s %q", n.Op, n.Name))
	}
}

// conv: of g groups each makes its outputs of its own inputs; the groups stay of one size where the channels at one place
// of each go together. A group of one input is a depthwise convolution: it makes the same channel again.
func (d *dependency) conv(n *ir.Node) {
	w := d.constant(n, 1)
	x, tracked := d.lanes[n.In[0]]
	if w == nil || len(w.Shape) < 3 || tracked && x.axis != 1 || len(n.In) > 3 {
		d.holdNode(n)
		return
	}
	groups := n.Attrs.Int("group", 1)
	outs, each := w.Shape[0], w.Shape[1]
	var of []int32
	switch per := outs / groups; {
	case groups == 1:
		of = d.fresh(outs)
		if tracked {
			d.cut(n, 1, 1, x.of)
		}
	case !tracked:
		of = d.fresh(outs)
		d.hold(lanes{of: of}, fmt.Sprintf("%s %q", n.Op, n.Name))
	case each == 1:
		for o := range outs {
			of = append(of, x.of[o/per])
		}
		d.edits = append(d.edits, edit{n, func(n *ir.Node, kept func(int32) bool) { n.Attrs["group"] = count(x.of, kept) }})
	default:
		of = d.fresh(outs)
		for g := 1; g < groups; g++ {
			d.joinAll(x.of[g*each:(g+1)*each], x.of[:each])
			d.joinAll(of[g*per:(g+1)*per], of[:per])
		}
		d.cut(n, 1, 1, x.of[:each])
	}
	if tracked && (groups == 1 || each > 1) {
		d.reads = append(d.reads, read{n.In[0], x})
	}
	d.makes(n, 0, of)
	d.lanes[n.Out[0]] = lanes{1, of}
}

func (d *dependency) transposedConv(n *ir.Node) {
	w := d.constant(n, 1)
	x, tracked := d.lanes[n.In[0]]
	if w == nil || len(w.Shape) < 3 || tracked && x.axis != 1 || n.Attrs.Int("group", 1) != 1 {
		d.holdNode(n)
		return
	}
	if tracked {
		d.cut(n, 1, 0, x.of)
		d.reads = append(d.reads, read{n.In[0], x})
	}
	of := d.fresh(w.Shape[1])
	d.makes(n, 1, of)
	d.lanes[n.Out[0]] = lanes{1, of}
}

func (d *dependency) gemm(n *ir.Node) {
	w := d.constant(n, 1)
	x, tracked := d.lanes[n.In[0]]
	if w == nil || len(w.Shape) != 2 || tracked && x.axis != 1 || n.Attrs.Int("transA", 0) != 0 {
		d.holdNode(n)
		return
	}
	out := 1
	if n.Attrs.Int("transB", 0) != 0 {
		out = 0
	}
	if tracked {
		d.cut(n, 1, 1-out, x.of)
		d.reads = append(d.reads, read{n.In[0], x})
	}
	of := d.fresh(w.Shape[out])
	d.makes(n, out, of)
	d.lanes[n.Out[0]] = lanes{1, of}
}

// matMul with a constant matrix on the right is a linear layer along the last axis.
func (d *dependency) matMul(n *ir.Node) {
	w := d.constant(n, 1)
	x, tracked := d.lanes[n.In[0]]
	last := len(d.shape(n.In[0])) - 1
	if w == nil || len(w.Shape) != 2 || last < 1 {
		d.holdNode(n)
		return
	}
	if tracked && x.axis != last {
		// It mixes another axis, for each channel alone.
		d.lanes[n.Out[0]] = x
		return
	}
	if tracked {
		d.cut(n, 1, 0, x.of)
		d.reads = append(d.reads, read{n.In[0], x})
	}
	of := d.fresh(w.Shape[1])
	d.makes(n, 1, of)
	d.lanes[n.Out[0]] = lanes{last, of}
}

// norm: batch and instance normalization take each channel for itself.
func (d *dependency) norm(n *ir.Node) {
	x, tracked := d.lanes[n.In[0]]
	if !tracked {
		return
	}
	for i := 1; i < len(n.In); i++ {
		if t := d.constant(n, i); x.axis != 1 || t == nil || len(t.Shape) != 1 {
			d.holdNode(n)
			return
		}
	}
	for i := 1; i < len(n.In); i++ {
		d.cut(n, i, 0, x.of)
	}
	if n.Op == "BatchNormalization" {
		d.norms = append(d.norms, cut{n, 1, 0, x.of})
	}
	d.lanes[n.Out[0]] = x
}

// elementwise joins the channels of all values, which broadcast: axes are counted from the last one.
func (d *dependency) elementwise(n *ir.Node) {
	out := d.shape(n.Out[0])
	axis, wide := -1, lanes{}
	for _, in := range n.In {
		l, ok := d.lanes[in]
		if !ok || len(l.of) == 1 {
			continue // one channel for all others cannot go
		}
		a := len(out) - len(d.shape(in)) + l.axis
		if axis >= 0 && (a != axis || len(l.of) != len(wide.of)) {
			d.holdNode(n)
			return
		}
		if axis >= 0 {
			d.joinAll(l.of, wide.of)
		} else {
			axis, wide = a, lanes{a, l.of}
		}
	}
	if axis < 0 || out[axis] != len(wide.of) {
		d.holdNode(n)
		return
	}
	for i, in := range n.In {
		s := d.shape(in)
		l, ok := d.lanes[in]
		own := axis - (len(out) - len(s)) // the axis as this input counts
		if own < 0 || s[own] == 1 {
			if ok {
				d.hold(l, fmt.Sprintf("%s %q", n.Op, n.Name))
			}
			continue
		}
		switch {
		case ok:
		case d.constant(n, i) != nil:
			d.cut(n, i, own, wide.of)
		default:
			d.holdNode(n)
			return
		}
	}
	d.lanes[n.Out[0]] = wide
}

func (d *dependency) reduce(n *ir.Node) {
	l, tracked := d.lanes[n.In[0]]
	axes, there, known := d.ints(n, "axes", 1)
	if !tracked || !known || !there || len(axes) == 0 {
		d.holdNode(n)
		return
	}
	at := l.axis
	for _, a := range axes {
		a = positive(a, len(d.shape(n.In[0])))
		if a == l.axis {
			d.holdNode(n)
			return
		}
		if a < l.axis && n.Attrs.Int("keepdims", 1) == 0 {
			at--
		}
	}
	d.lanes[n.Out[0]] = lanes{at, l.of}
}
