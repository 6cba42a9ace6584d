package system

import (
	"fmt"
	"maps"
	"math"
	"slices"

	"github.com/godlas/godlas/dlas/ir"
)

// composeGelus finds the Gelu that exporters write as x/2 (1 + erf(x/sqrt 2)), the half multiplied in wherever it may be.
func (r *rewriter) composeGelus() {
	for _, e := range r.Nodes {
		if e.Op != "Erf" || r.uses[e.Out[0]] != 1 {
			continue
		}
		d := r.maker[e.In[0]]
		if d == nil || r.uses[d.Out[0]] != 1 {
			continue
		}
		x, ok := r.timesScalar(d, 1/math.Sqrt2)
		if !ok {
			continue
		}
		a := r.onlyUser(e.Out[0])
		if a == nil || a.Op != "Add" || !r.withScalar(a, e.Out[0], 1) {
			continue
		}
		m := r.onlyUser(a.Out[0])
		if m == nil || m.Op != "Mul" || len(m.In) != 2 {
			continue
		}
		other := m.In[0]
		if other == a.Out[0] {
			other = m.In[1]
		}
		gone, last := []*ir.Node{d, e, a}, m
		switch h := r.maker[other]; {
		case other == x || r.withScalar(m, a.Out[0], 0.5):
			if last = r.onlyUser(m.Out[0]); last == nil || last.Op != "Mul" {
				continue
			}
			if other == x && !r.withScalar(last, m.Out[0], 0.5) || other != x && !slices.Contains(last.In, x) {
				continue
			}
			gone = append(gone, m)
		case h != nil && r.uses[other] == 1:
			if y, ok := r.timesScalar(h, 0.5); !ok || y != x {
				continue
			}
			gone = append(gone, h)
		default:
			continue
		}
		if !r.values[last.Out[0]].Shape.Equal(r.values[x].Shape) {
			continue
		}
		for _, n := range gone {
			r.gone[n] = true
		}
		r.in[last] = &ir.Node{Name: last.Name, Op: "Gelu", In: []string{x}, Out: last.Out}
	}
}

// timesScalar reports whether a node is its input times a number that is near to that one, and which input that is.
func (r *rewriter) timesScalar(n *ir.Node, factor float64) (x string, ok bool) {
	if len(n.In) != 2 {
		return "", false
	}
	for i, in := range n.In {
		v, ok := r.scalar(n, 1-i)
		switch {
		case !ok:
		case n.Op == "Mul" && near(float64(v), factor), n.Op == "Div" && i == 0 && near(1/float64(v), factor):
			return in, true
		}
	}
	return "", false
}

// withScalar reports whether a node of two inputs has that value as one of them and that number as the other.
func (r *rewriter) withScalar(n *ir.Node, value string, number float64) bool {
	for i, in := range n.In {
		if v, ok := r.scalar(n, 1-i); len(n.In) == 2 && ok && in == value && near(float64(v), number) {
			return true
		}
	}
	return false
}

// composeNorms finds the LayerNormalization that exporters write as means, differences and a root: (x - mean) divided by the
// root of the mean of its square plus epsilon, then times and plus a row of constants.
func (r *rewriter) composeNorms() {
	for _, div := range r.Nodes {
		if div.Op != "Div" {
			continue
		}
		sub, root := r.maker[div.In[0]], r.only(div.In[1], "Sqrt")
		if sub == nil || root == nil || sub.Op != "Sub" {
			continue
		}
		x, axes := sub.In[0], len(r.values[sub.In[0]].Shape)
		mean := r.rowMean(sub.In[1], axes)
		add := r.only(root.In[0], "Add")
		if mean == nil || mean.In[0] != x || add == nil {
			continue
		}
		var epsilon float64
		var variance *ir.Node
		for i, in := range add.In {
			if v, ok := r.scalar(add, 1-i); ok {
				epsilon, variance = float64(v), r.rowMean(in, axes)
			}
		}
		if variance == nil {
			continue
		}
		square := r.maker[variance.In[0]]
		if square == nil || r.uses[variance.In[0]] != 1 || square.In[0] != sub.Out[0] {
			continue
		}
		uses := 2
		if two, ok := r.scalar(square, 1); square.Op == "Mul" && square.In[1] == sub.Out[0] {
			uses = 3
		} else if square.Op != "Pow" || !ok || two != 2 {
			continue
		}
		scale := r.onlyUser(div.Out[0])
		if r.uses[sub.Out[0]] != uses || scale == nil || scale.Op != "Mul" {
			continue
		}
		shift := r.onlyUser(scale.Out[0])
		if shift == nil || shift.Op != "Add" {
			continue
		}
		s := r.values[x].Shape
		weight, bias := r.rowOf(scale, div.Out[0], s), r.rowOf(shift, scale.Out[0], s)
		if weight == "" || bias == "" || epsilon <= 0 || !r.values[shift.Out[0]].Shape.Equal(s) {
			continue
		}
		for _, n := range []*ir.Node{mean, sub, square, variance, add, root, div, scale} {
			r.gone[n] = true
		}
		r.in[shift] = &ir.Node{
			Name: shift.Name, Op: "LayerNormalization", In: []string{x, weight, bias}, Out: shift.Out,
			Attrs: ir.Attrs{"axis": -1, "epsilon": epsilon},
		}
	}
}

// rowMean is the node that makes a value as the mean along the last of so many axes, if nothing else needs it.
func (r *rewriter) rowMean(value string, axes int) *ir.Node {
	n := r.only(value, "ReduceMean")
	if n == nil || len(n.In) > 1 && n.In[1] != "" || n.Attrs.Int("keepdims", 1) == 0 || len(r.values[n.In[0]].Shape) != axes {
		return nil
	}
	if a := n.Attrs.Ints("axes"); len(a) != 1 || a[0] != -1 && a[0] != axes-1 {
		return nil
	}
	return n
}

// rowOf is the constant row, as long as the last axis, that a node of two inputs has beside that value.
func (r *rewriter) rowOf(n *ir.Node, value string, s ir.Shape) string {
	for i, in := range n.In {
		if len(n.In) != 2 || in != value {
			continue
		}
		w := r.Weights[n.In[1-i]]
		if w != nil && w.Type == ir.F32 && len(w.Shape) == 1 && w.Shape[0] == s[len(s)-1] {
			return n.In[1-i]
		}
	}
	return ""
}

// linesToMaps makes convolutions along one axis, with all that was fused into them, ones over maps of one row. What one of
// them makes the next one takes as a map.
func (r *rewriter) linesToMaps() {
	asMap := map[string]string{} // values that are there as maps, too
	for _, n := range r.Nodes {
		if n.Op == "Conv" {
			r.lineToMap(n, asMap)
		}
	}
}

func (r *rewriter) lineToMap(n *ir.Node, asMap map[string]string) {
	w, x, y := r.Weights[n.In[1]], r.values[n.In[0]].Shape, r.values[n.Out[0]].Shape
	if len(x) != 3 || w == nil || w.Type != ir.F32 && w.Type != ir.F16 || len(w.Shape) != 3 || n.Attrs.Str("auto_pad", "NOTSET") != "NOTSET" ||
		len(n.In) > 3 && r.Weights[n.In[3]] != nil {
		return
	}
	conv := &ir.Node{Name: n.Name, Op: "Conv", In: slices.Clone(n.In), Attrs: maps.Clone(n.Attrs)}
	var chain []*ir.Node
	for i, in := range n.In { // those are maps that are convolved, and added
		if i != 0 && i != 3 || in == "" {
			continue
		}
		if m, ok := asMap[in]; ok {
			conv.In[i] = m
			continue
		}
		s := r.values[in].Shape
		conv.In[i] = r.newValue(in+" as a map", ir.Shape{s[0], s[1], 1, s[2]}, in)
		asMap[in] = conv.In[i]
		name := fmt.Sprintf("%s (input %d as a map)", n.Name, i)
		chain = append(chain, &ir.Node{Name: name, Op: "Unsqueeze", In: []string{in}, Out: []string{conv.In[i]}, Attrs: ir.Attrs{"axes": []int{2}}})
	}
	wide := *w
	wide.Shape = ir.Shape{w.Shape[0], w.Shape[1], 1, w.Shape[2]}
	conv.In[1] = r.newWeight(n.In[1]+" of maps", &wide)
	if s, ok := r.scales[n.In[1]]; ok {
		r.scales[conv.In[1]] = s
	}
	pads := n.Attrs.Ints("pads", 0, 0)
	with(conv, "kernel_shape", []int{1, w.Shape[2]})
	with(conv, "pads", []int{0, pads[0], 0, pads[1]})
	with(conv, "strides", []int{1, n.Attrs.Ints("strides", 1)[0]})
	with(conv, "dilations", []int{1, n.Attrs.Ints("dilations", 1)[0]})
	conv.Out = []string{r.newValue(n.Out[0]+" as a map", ir.Shape{y[0], y[1], 1, y[2]}, n.Out[0])}
	asMap[n.Out[0]] = conv.Out[0]
	chain = append(chain, conv, &ir.Node{Name: n.Name + " (a line again)", Op: "Squeeze", In: conv.Out, Out: n.Out, Attrs: ir.Attrs{"axes": []int{2}}})
	r.in[n] = chain[0]
	for i, m := range chain[1:] {
		r.after[chain[i]] = m
	}
}
