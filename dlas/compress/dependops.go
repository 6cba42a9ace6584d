package compress

import (
	"fmt"
	"slices"

	"github.com/godlas/godlas/dlas/ir"
)

// rule applies what an operator means for the channels of its inputs and outputs.
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

func (d *dependency) concat(n *ir.Node) {
	axis := positive(n.Attrs.Int("axis", 0), len(d.shape(n.Out[0])))
	any, along := lanes{axis: -1}, false
	for _, in := range n.In {
		if l, ok := d.lanes[in]; ok {
			if any.axis >= 0 && l.axis != any.axis {
				d.holdNode(n)
				return
			}
			any = l
		}
	}
	if any.axis < 0 {
		return
	}
	along = any.axis == axis
	var of []int32
	for i, in := range n.In {
		l, ok := d.lanes[in]
		switch {
		case along && ok:
			of = append(of, l.of...)
		case along:
			part := d.fresh(d.shape(in)[axis])
			d.hold(lanes{of: part}, fmt.Sprintf("an input of Concat %q", n.Name))
			of = append(of, part...)
		case ok:
			d.joinAll(l.of, any.of)
		case d.constant(n, i) != nil:
			d.cut(n, i, any.axis, any.of)
		default:
			d.holdNode(n)
			return
		}
	}
	if !along {
		of = any.of
	}
	d.lanes[n.Out[0]] = lanes{any.axis, of}
}

func (d *dependency) split(n *ir.Node) {
	l, tracked := d.lanes[n.In[0]]
	if !tracked || slices.Contains(n.Out, "") {
		d.holdNode(n)
		return
	}
	if axis := positive(n.Attrs.Int("axis", 0), len(d.shape(n.In[0]))); axis != l.axis {
		for _, out := range n.Out {
			d.lanes[out] = l
		}
		return
	}
	var parts [][]int32
	rest := l.of
	for _, out := range n.Out {
		k := d.shape(out)[l.axis]
		parts = append(parts, rest[:k])
		d.lanes[out] = lanes{l.axis, rest[:k]}
		rest = rest[k:]
	}
	d.edits = append(d.edits, edit{n, func(n *ir.Node, kept func(int32) bool) {
		var sizes []int
		for _, p := range parts {
			sizes = append(sizes, count(p, kept))
		}
		setInts(n, "split", 1, sizes)
		delete(n.Attrs, "num_outputs")
	}})
}

// slice takes a run of channels, or all.
func (d *dependency) slice(n *ir.Node) {
	l, tracked := d.lanes[n.In[0]]
	in, out := d.shape(n.In[0]), d.shape(n.Out[0])
	starts, _, k1 := d.ints(n, "starts", 1)
	ends, _, k2 := d.ints(n, "ends", 2)
	axes, hasAxes, k3 := d.ints(n, "axes", 3)
	steps, hasSteps, k4 := d.ints(n, "steps", 4)
	if !tracked || !k1 || !k2 || !k3 || !k4 {
		d.holdNode(n)
		return
	}
	at := -1
	for i := range starts {
		if a := i; !hasAxes && a == l.axis || hasAxes && positive(axes[i], len(in)) == l.axis {
			at = i
		}
	}
	if at < 0 || out[l.axis] == in[l.axis] && (!hasSteps || steps[at] > 0) {
		d.lanes[n.Out[0]] = l // whatever the end says, it is beyond the last
		if at >= 0 {
			d.edits = append(d.edits, edit{n, func(n *ir.Node, kept func(int32) bool) {
				setSlice(n, starts, ends, axes, steps, at, 0, count(l.of, kept))
			}})
		}
		return
	}
	if hasSteps && steps[at] != 1 || out[l.axis] == 0 {
		d.holdNode(n)
		return
	}
	from := starts[at]
	if from < 0 {
		from += in[l.axis]
	}
	from = max(from, 0)
	part := l.of[from : from+out[l.axis]]
	d.lanes[n.Out[0]] = lanes{l.axis, part}
	d.edits = append(d.edits, edit{n, func(n *ir.Node, kept func(int32) bool) {
		first := count(l.of[:from], kept)
		setSlice(n, starts, ends, axes, steps, at, first, first+count(part, kept))
	}})
}

// setSlice gives a Slice other bounds along the axis that its list names at that place.
func setSlice(n *ir.Node, starts, ends, axes, steps []int, at, from, to int) {
	starts, ends = slices.Clone(starts), slices.Clone(ends)
	starts[at], ends[at] = from, to
	for i, list := range [][]int{starts, ends, axes, steps} {
		if list != nil {
			setInts(n, []string{"starts", "ends", "axes", "steps"}[i], i+1, list)
		}
	}
}

// pad: constant channels beside those that come are new ones, tied to what they are added to.
func (d *dependency) pad(n *ir.Node) {
	l, tracked := d.lanes[n.In[0]]
	axes, hasAxes, k1 := d.ints(n, "axes", 3)
	pads, there, k2 := d.ints(n, "pads", 1)
	if !tracked || !k1 || !k2 || !there {
		d.holdNode(n)
		return
	}
	in := d.shape(n.In[0])
	at, half := l.axis, len(pads)/2
	if hasAxes {
		at = slices.IndexFunc(axes, func(a int) bool { return positive(a, len(in)) == l.axis })
	}
	if at < 0 || pads[at] == 0 && pads[at+half] == 0 {
		d.lanes[n.Out[0]] = l
		return
	}
	before, after := pads[at], pads[at+half]
	if before < 0 || after < 0 || n.Attrs.Str("mode", "constant") != "constant" {
		d.holdNode(n)
		return
	}
	first, last := d.fresh(before), d.fresh(after)
	d.lanes[n.Out[0]] = lanes{l.axis, slices.Concat(first, l.of, last)}
	d.edits = append(d.edits, edit{n, func(n *ir.Node, kept func(int32) bool) {
		p := slices.Clone(pads)
		p[at], p[at+half] = count(first, kept), count(last, kept)
		if value := n.In; len(value) > 2 && value[2] != "" {
			setInputInts(n, "pads", 1, p)
			return
		}
		setInts(n, "pads", 1, p)
	}})
}

// setInputInts is setInts for a node that has inputs after that one.
func setInputInts(n *ir.Node, attr string, input int, v []int) {
	if n.Attrs == nil {
		n.Attrs = ir.Attrs{}
	}
	n.Attrs[attr], n.In[input] = v, ""
}

func (d *dependency) transpose(n *ir.Node) {
	l, tracked := d.lanes[n.In[0]]
	if !tracked {
		return
	}
	perm := n.Attrs.Ints("perm")
	axes := len(d.shape(n.In[0]))
	if len(perm) == 0 {
		d.lanes[n.Out[0]] = lanes{axes - 1 - l.axis, l.of}
		return
	}
	d.lanes[n.Out[0]] = lanes{slices.Index(perm, l.axis), l.of}
}

// reshape: axes that are joined or taken apart. Channels that are taken apart into two axes (as for a shuffle, or the
// heads of an attention) stay.
func (d *dependency) reshape(n *ir.Node) {
	l, tracked := d.lanes[n.In[0]]
	if !tracked {
		return
	}
	in, out := d.shape(n.In[0]), d.shape(n.Out[0])
	list, _, known := d.ints(n, "shape", 1)
	made, ok := reshaped(l, in, out)
	if !ok || n.Op == "Reshape" && (!known || len(list) != len(out)) {
		d.holdNode(n)
		return
	}
	d.lanes[n.Out[0]] = made
	if n.Op != "Reshape" {
		return
	}
	d.edits = append(d.edits, edit{n, func(n *ir.Node, kept func(int32) bool) {
		to, size := slices.Clone(list), count(made.of, kept)
		if to[made.axis] > 0 || to[made.axis] == 0 && (made.axis >= len(in) || made.axis != l.axis) {
			to[made.axis] = size
		}
		setInts(n, "shape", 1, to)
	}})
}

// reshaped finds the channels of a value again in another shape of the same elements.
func reshaped(l lanes, in, out ir.Shape) (lanes, bool) {
	if len(l.of) < 2 {
		return lanes{}, false
	}
	for axis, extent := range out {
		before, after := out[:axis].Elems(), out[axis+1:].Elems()
		// The axis is several of the input's, or one: those from a to b.
		for a := range l.axis + 1 {
			for b := l.axis; b < len(in); b++ {
				if in[:a].Elems() != before || in[a:b+1].Elems() != extent || in[b+1:].Elems() != after {
					continue
				}
				inner := in[l.axis+1 : b+1].Elems()
				var of []int32
				for range in[a:l.axis].Elems() {
					for _, c := range l.of {
						for range inner {
							of = append(of, c)
						}
					}
				}
				return lanes{axis, of}, true
			}
		}
	}
	// The channel axis is taken apart: its channels must be the same along all parts but one.
	before, after := in[:l.axis].Elems(), in[l.axis+1:].Elems()
	for axis, extent := range out {
		if extent < 2 {
			continue
		}
		for first := range axis + 1 {
			for last := axis; last < len(out); last++ {
				if out[:first].Elems() != before || out[first:last+1].Elems() != len(l.of) || out[last+1:].Elems() != after {
					continue
				}
				inner := out[axis+1 : last+1].Elems()
				of := make([]int32, extent)
				for i := range of {
					of[i] = l.of[i*inner]
				}
				same := true
				for i, c := range l.of {
					same = same && c == of[i/inner%extent]
				}
				if same {
					return lanes{axis, of}, true
				}
			}
		}
	}
	return lanes{}, false
}

// resize: each axis by itself; extents that are given for all axes have the channels among them.
func (d *dependency) resize(n *ir.Node) {
	l, tracked := d.lanes[n.In[0]]
	in, out := d.shape(n.In[0]), d.shape(n.Out[0])
	sizes, bySize, known := d.ints(n, "sizes", 3)
	if !tracked || in[l.axis] != out[l.axis] || !known || n.Attrs.Str("coordinate_transformation_mode", "") == "tf_crop_and_resize" ||
		n.Attrs.Str("keep_aspect_ratio_policy", "stretch") != "stretch" {
		d.holdNode(n)
		return
	}
	d.lanes[n.Out[0]] = l
	at := l.axis
	if axes := n.Attrs.Ints("axes"); axes != nil {
		at = slices.IndexFunc(axes, func(a int) bool { return positive(a, len(in)) == l.axis })
	}
	if !bySize || len(sizes) == 0 || at < 0 {
		return
	}
	d.edits = append(d.edits, edit{n, func(n *ir.Node, kept func(int32) bool) {
		s := slices.Clone(sizes)
		s[at] = count(l.of, kept)
		setInts(n, "sizes", 3, s)
	}})
}
