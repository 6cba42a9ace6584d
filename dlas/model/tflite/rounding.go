package tflite

import "github.com/godlas/godlas/dlas/ir"

// Roundings are how LiteRT rounds what a network's nodes quantise, where that is not as ONNX says.
type Roundings struct {
	// Fixed: all of the network's operators can be computed in fixed point here, and it has the bits of LiteRT's reference
	// kernels. Otherwise it has those of LiteRT's default: of XNNPACK, and of LiteRT's own kernels for what that leaves to
	// them. Half of a network in one and half in the other would have nobody's.
	Fixed bool
	notes []rounding
}

// rounding is that of one node: the attribute that it gets in fixed point, and in LiteRT's default.
type rounding struct {
	node         *ir.Node
	fixed, usual string
	kind         int // 1: of u8; 2: of i8
}

// note notes it of a node that quantises a tensor.
func (r *Roundings) note(n *ir.Node, t *tensor, fixed, usual string) {
	if kind := map[ir.Type]int{ir.U8: 1, ir.I8: 2}[t.typ]; kind > 0 {
		r.notes = append(r.notes, rounding{n, fixed, usual, kind})
	}
}

// mark gives the nodes their attributes.
func (r *Roundings) mark() {
	for _, m := range r.notes {
		attr := m.usual
		if r.Fixed {
			attr = m.fixed
		}
		delete(m.node.Attrs, "fixed")
		delete(m.node.Attrs, "xnnpack")
		if attr == "" {
			continue
		}
		if m.node.Attrs == nil {
			m.node.Attrs = ir.Attrs{}
		}
		m.node.Attrs[attr] = m.kind
	}
}

// Usual makes the network one of LiteRT's default.
func (r *Roundings) Usual() {
	r.Fixed = false
	r.mark()
}

// sumRule is how LiteRT's default adds: by XNNPACK, which refuses scales that are too different.
func sumRule(a, b, y *tensor) string {
	if !a.quantised() || !b.quantised() || !y.quantised() {
		return ""
	}
	for _, t := range []*tensor{a, b} {
		if ratio := t.scale[0] / y.scale[0]; !(ratio >= 0x1p-10 && ratio < 0x1p8) {
			return "fixed"
		}
	}
	return "xnnpack"
}
