package system

import (
	"github.com/godlas/godlas/dlas/ir"
)

// form is a value as it lies in memory: in one block, with one border. A value has as many forms as its consumers want
// blocks; the first is what its node makes, the others are converted from it.
type form struct {
	value  string
	shape  ir.Shape
	typ    ir.Type
	layout ir.Layout
	fill   byte // what each byte of its border holds
	flat   bool // no border may be put around it: a plain form lies in the same memory
	kind   placeKind
	index  int // of the network's input or output
	weight ir.Memory

	// host is the form in whose memory it lies, if not in memory of its own: at this many blocks of channels (elements
	// of a plain one) from the host's beginning.
	host *form
	at   int

	// What is known when all hosts are: bytes from the beginning of the root, and of a root what it needs.
	offset      int
	first, last int // steps
	span        *span
}

// root is the form whose memory it is.
func (f *form) root() *form {
	for f.host != nil {
		f = f.host
	}
	return f
}

// unit is the bytes of what at counts.
func (f *form) unit() int {
	if f.layout.Block == 0 {
		return f.typ.Size()
	}
	return f.layout.StridesOf(f.shape).Block * f.typ.Size()
}

// units is the form's length in units, of one image.
func (f *form) units() int {
	if f.layout.Block == 0 {
		return f.shape.Elems()
	}
	return f.layout.Planes(f.shape)
}

// bytes is the memory that the form takes.
func (f *form) bytes() int { return f.layout.Elems(f.shape) * f.typ.Size() }

// point reports whether a value's memory is the same plain and in blocks of 16 channels without a border: a map of one
// pixel whose channels fill blocks. Of a single image the last block may be partly filled, if only the plain view is
// taken.
func point(s ir.Shape, toPlain bool) bool {
	return len(s) == 4 && s[2] == 1 && s[3] == 1 && (s[1]%ir.Lanes == 0 || toPlain && s[0] == 1)
}

// want returns the form of a value in a block with at least that border, converting it if need be.
func (b *binder) want(value string, l ir.Layout, fill byte) (*form, error) {
	value = b.name(value)
	if l.Block == 0 {
		l.Border = ir.Border{}
	}
	bare := l.Border == ir.Border{}
	all := b.forms[value]
	for _, f := range all {
		if !f.layout.Kin(l) {
			continue
		}
		if bare {
			return f, nil
		}
		if f.flat || f.host != nil || f.kind != inArena || f.layout.Border != (ir.Border{}) && f.fill != fill {
			continue
		}
		f.layout.Border, f.fill = f.layout.Border.Union(l.Border), fill
		return f, nil
	}
	src := all[0]
	f := &form{value: value, shape: src.shape, typ: src.typ, layout: l, fill: fill, kind: inArena}
	if bare && src.layout.Border == (ir.Border{}) && src.layout.Block+l.Block == ir.Lanes && point(src.shape, l.Block == 0) {
		src.flat, f.flat, f.host = true, true, src
	} else if err := b.convert(src, f); err != nil {
		return nil, err
	}
	b.forms[value] = append(b.forms[value], f)
	return f, nil
}

// convert adds the step that makes one form of a value from another.
func (b *binder) convert(src, dst *form) error {
	what := " (in blocks)"
	switch {
	case src.layout.Kin(dst.layout):
		what = " (copy)"
	case dst.layout.Block == ir.Strips:
		what = " (in strips)"
	case dst.layout.Block == 0:
		what = " (plain)"
	}
	n := &ir.Node{Name: src.value + what, Op: "Layout", In: []string{src.value}, Out: []string{dst.value}}
	d := &draft{node: n, in: []*form{src}, out: []*form{dst}, problem: ir.Problem{
		Node: n, In: []ir.Shape{src.shape}, Out: []ir.Shape{dst.shape}, InType: []ir.Type{src.typ}, OutType: []ir.Type{dst.typ},
		InLayout: []ir.Layout{src.layout}, OutLayout: []ir.Layout{dst.layout}, Weights: []*ir.Tensor{nil}, Machine: b.machine,
	}}
	var err error
	if d.kernel, _, _, err = b.choose(d.problem); err != nil {
		return err
	}
	b.drafts = append(b.drafts, d)
	return nil
}

// name is the value that a value is another name of.
func (b *binder) name(value string) string {
	if src, ok := b.same[value]; ok {
		return src
	}
	return value
}

// view finds the nodes that only rename memory, and reports whether this is one.
func (b *binder) view(n *ir.Node) (bool, error) {
	switch n.Op {
	case "Flatten", "Identity", "Reshape", "Squeeze", "Unsqueeze", "Dropout":
	default:
		return false, nil
	}
	src := b.name(n.In[0])
	if b.forms[src] == nil || len(n.Out) > 1 && n.Out[1] != "" {
		return false, nil
	}
	out := b.values[n.Out[0]]
	if out.Shape.Equal(b.values[src].Shape) {
		b.same[n.Out[0]] = src
		return true, nil
	}
	f, err := b.want(src, ir.Plain, 0)
	if err != nil {
		return false, err
	}
	f.flat = true
	b.forms[n.Out[0]] = []*form{{value: n.Out[0], shape: out.Shape, typ: out.Type, kind: inArena, flat: true, host: f}}
	return true, nil
}

// zeroPoint is what the border of input i of a quantised node holds.
func (b *binder) zeroPoint(n *ir.Node, i int) byte {
	at := -1
	switch {
	case i != 0:
	case n.Op == "ConvInteger":
		at = 2
	case n.Op == "QLinearConv", n.Op == "QLinearAveragePool":
		at = 2
	}
	if at < 0 || at >= len(n.In) {
		return 0
	}
	if t := b.constant(n.In[at]); t != nil && t.Type.Size() == 1 && t.Shape.Elems() == 1 {
		return t.Memory()[0]
	}
	return 0
}

// joins reports whether a concatenation needs no copying, since its inputs can be made where its output wants them: one
// after the other in memory. It returns the layout in which they are.
func (b *binder) joins(n *ir.Node) (l ir.Layout, ok bool) {
	if n.Op != "Concat" || len(n.In) < 2 {
		return l, false
	}
	out := b.values[n.Out[0]].Shape
	axis := n.Attrs.Int("axis", 1)
	if axis < 0 {
		axis += len(out)
	}
	plain, blocked := out[:axis].Elems() == 1, len(out) == 4 && axis == 1
	strips := blocked
	for i, in := range n.In {
		fs := b.forms[b.name(in)]
		if fs == nil {
			return l, false
		}
		first := b.forms[b.name(n.In[0])][0].layout
		strips = strips && first.Block == ir.Strips && fs[0].layout.Kin(first)
		plain = plain && fs[0].layout.Block == 0
		blocked = blocked && fs[0].layout.Block == ir.Lanes && (i == len(n.In)-1 || fs[0].shape[1]%ir.Lanes == 0)
	}
	switch {
	case blocked:
		return ir.Blocked, true
	case strips:
		return ir.Layout{Block: ir.Strips, Grid: b.forms[b.name(n.In[0])][0].layout.Grid}, true
	}
	return ir.Plain, plain
}
