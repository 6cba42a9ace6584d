package compress

import (
	"fmt"
	"slices"

	"github.com/godlas/godlas/dlas/ir"
)

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
