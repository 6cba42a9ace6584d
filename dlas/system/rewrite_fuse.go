package system

import (
	"math"
	"slices"

	"github.com/godlas/godlas/dlas/ir"
	"github.com/godlas/godlas/dlas/ir/op"
)

// fuseAdds makes the addition of a convolution's output and another value part of the convolution, which moves to the
// addition's place: there the other value exists.
func (r *rewriter) fuseAdds() {
	for _, n := range r.Nodes {
		if n.Op != "Add" || len(n.In) != 2 {
			continue
		}
		// Of two convolutions the later one takes the earlier one's output.
		var conv *ir.Node
		other := ""
		for i, in := range n.In {
			if !r.values[in].Shape.Equal(r.values[n.In[1-i]].Shape) {
				continue
			}
			if c := r.plainConv(in); c != nil && (conv == nil || r.order[c] > r.order[conv]) {
				conv, other = c, n.In[1-i]
			}
		}
		if conv == nil {
			continue
		}
		for len(conv.In) < 4 {
			conv.In = append(conv.In, "")
		}
		conv.In[3] = other
		setAct(conv, n)
		r.takeOver(conv, n)
		r.gone[conv], r.gone[n] = true, false
		r.in[n], r.order[conv] = conv, r.order[n]
	}
}

// setAct gives a node the activation of another one, which it takes over.
func setAct(n, from *ir.Node) {
	for _, name := range []string{"act", "min", "max"} {
		if v, ok := from.Attrs[name]; ok {
			with(n, name, v)
		}
	}
}

// with sets an attribute.
func with(n *ir.Node, name string, v any) {
	if n.Attrs == nil {
		n.Attrs = ir.Attrs{}
	}
	n.Attrs[name] = v
}

// fusing are the operators whose nodes may end in an activation.
var fusing = []string{"Conv", "Gemm", "Add", "BatchNormalization"}

// fusible reports whether a node can apply an activation, and applies none yet.
func fusible(n *ir.Node) bool {
	return slices.Contains(fusing, n.Op) && n.Attrs.Str("act", op.ActNone) == op.ActNone
}

// fuseActivations lets the node that makes an activation's input apply it.
func (r *rewriter) fuseActivations() {
	for _, n := range r.Nodes {
		act := actOf(n)
		if act == nil {
			continue
		}
		m := r.maker[n.In[0]]
		if m == nil || r.uses[n.In[0]] != 1 || !fusible(m) {
			continue
		}
		setAct(m, &ir.Node{Attrs: act})
		r.takeOver(m, n)
	}
}

// actOf is the fusible activation that a node is, as the attributes of the node that takes it in.
func actOf(n *ir.Node) ir.Attrs {
	for _, in := range n.In[min(1, len(n.In)):] {
		if in != "" {
			return nil
		}
	}
	switch n.Op {
	case "Relu":
		return ir.Attrs{"act": op.ActRelu}
	case "Sigmoid":
		return ir.Attrs{"act": op.ActSigmoid}
	case "HardSwish":
		return ir.Attrs{"act": op.ActHardSwish}
	case "Clip":
		switch lo, hi := op.ClipBounds(n); {
		case lo == 0 && hi == 6:
			return ir.Attrs{"act": op.ActRelu6}
		case lo == 0 && math.IsInf(hi, 1):
			return ir.Attrs{"act": op.ActRelu}
		default:
			return ir.Attrs{"act": op.ActClip, "min": lo, "max": hi}
		}
	}
	return nil
}

// composeActivations finds the activations that exporters write as several nodes: x*Sigmoid(x), x*HardSigmoid(x) and
// x*Clip(x+3, 0, 6)/6, with the division before or after the multiplication.
func (r *rewriter) composeActivations() {
	for _, n := range r.Nodes {
		if n.Op != "Mul" || len(n.In) != 2 {
			continue
		}
		for i, x := range n.In {
			m := r.maker[x]
			if m == nil || r.uses[x] != 2 || !fusible(m) {
				continue
			}
			gone, last, act := r.gate(n, n.In[1-i], x)
			if act == "" {
				continue
			}
			setAct(m, &ir.Node{Attrs: ir.Attrs{"act": act}})
			for _, g := range gone {
				r.gone[g] = true
			}
			r.gone[n] = true
			r.takeOver(m, last)
			break
		}
	}
}

// gate says which activation the product n of x and a value that is made from x is: the nodes that it takes beside n, and
// the last one.
func (r *rewriter) gate(n *ir.Node, value, x string) (gone []*ir.Node, last *ir.Node, act string) {
	g := r.maker[value]
	if g == nil || r.uses[value] != 1 {
		return nil, nil, ""
	}
	switch {
	case g.Op == "Sigmoid" && g.In[0] == x:
		return []*ir.Node{g}, n, op.ActSilu
	case g.Op == "HardSigmoid" && g.In[0] == x && near(g.Attrs.Float("alpha", 0.2), 1.0/6) && near(g.Attrs.Float("beta", 0.5), 0.5):
		return []*ir.Node{g}, n, op.ActHardSwish
	}
	last = n
	if by, ok := r.scalar(g, 1); g.Op == "Div" && ok && by == 6 {
		gone = append(gone, g)
		if g = r.only(g.In[0], "Clip"); g == nil {
			return nil, nil, ""
		}
	} else if last = r.onlyUser(n.Out[0]); last == nil || last.Op != "Div" || last.In[0] != n.Out[0] {
		return nil, nil, ""
	} else if by, ok := r.scalar(last, 1); !ok || by != 6 {
		return nil, nil, ""
	}
	if lo, hi := op.ClipBounds(g); g.Op != "Clip" || len(g.In) > 1 || lo != 0 || hi != 6 {
		return nil, nil, ""
	}
	a := r.only(g.In[0], "Add")
	if a == nil || len(a.In) != 2 {
		return nil, nil, ""
	}
	for i, in := range a.In {
		if by, ok := r.scalar(a, 1-i); ok && by == 3 && in == x {
			return append(gone, g, a), last, op.ActHardSwish
		}
	}
	return nil, nil, ""
}

// scalar is the value of a node's input that is a single constant number.
func (r *rewriter) scalar(n *ir.Node, input int) (v float32, ok bool) {
	if input >= len(n.In) {
		return 0, false
	}
	t := r.Weights[n.In[input]]
	if t == nil || t.Type != ir.F32 || t.Shape.Elems() != 1 || len(t.Shape) > len(r.values[n.Out[0]].Shape) {
		return 0, false
	}
	return t.F32()[0], true
}

// near reports whether two attributes, which files store as float32, stand for the same number.
func near(a, b float64) bool { return math.Abs(a-b) <= 1e-6*math.Abs(b) }
