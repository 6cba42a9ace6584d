package system

import (
	"fmt"
	"math"
	"slices"

	"github.com/godlas/godlas/dlas/ir"
	"github.com/godlas/godlas/dlas/ir/op"
)

// Rewrite returns an equal graph with fewer nodes: batch normalizations folded into the convolution before them,
// residual additions and activations fused into the node that makes their input, nodes without effect removed. A zero
// weight stays zero. The graph given is not changed.
func Rewrite(g *ir.Graph) (*ir.Graph, error) {
	if _, err := op.Infer(g, 1); err != nil {
		return nil, err
	}
	r := &rewriter{Graph: g.Clone()}
	r.dropIdentities()
	r.foldBatchNorms()
	r.fuseAdds()
	r.fuseActivations()
	r.dropUnused()
	return r.Graph, nil
}

type rewriter struct{ *ir.Graph }

// uses counts the places where a value is needed.
func (r *rewriter) uses(value string) int {
	n := 0
	if r.Output == value {
		n++
	}
	for _, m := range r.Nodes {
		for _, in := range m.In {
			if in == value {
				n++
			}
		}
	}
	return n
}

// maker is the node that makes a value, or nil.
func (r *rewriter) maker(value string) *ir.Node {
	for _, n := range r.Nodes {
		if n.Out[0] == value {
			return n
		}
	}
	return nil
}

// only is the node of that operator that makes a value which nothing but one other node needs, or nil.
func (r *rewriter) only(value, operator string) *ir.Node {
	if n := r.maker(value); n != nil && n.Op == operator && r.uses(value) == 1 {
		return n
	}
	return nil
}

func (r *rewriter) remove(n *ir.Node) {
	r.Nodes = slices.DeleteFunc(r.Nodes, func(m *ir.Node) bool { return m == n })
}

func (r *rewriter) dropIdentities() {
	for _, n := range slices.Clone(r.Nodes) {
		if n.Op != "Identity" || n.Out[0] == r.Output {
			continue
		}
		for _, m := range r.Nodes {
			for i, in := range m.In {
				if in == n.Out[0] {
					m.In[i] = n.In[0]
				}
			}
		}
		r.remove(n)
	}
}

// foldBatchNorms turns conv, then y = x*mul + add, into a convolution with weights W*mul and bias B*mul + add.
func (r *rewriter) foldBatchNorms() {
	for _, n := range slices.Clone(r.Nodes) {
		if n.Op != "BatchNormalization" {
			continue
		}
		c := r.only(n.In[0], "Conv")
		if c == nil || c.Attrs.Str("act", op.ActNone) != op.ActNone || len(c.In) > 3 && c.In[3] != "" {
			continue
		}
		w := r.Weights[c.In[1]]
		var bias *ir.Tensor
		if len(c.In) > 2 && c.In[2] != "" {
			if bias = r.Weights[c.In[2]]; bias == nil {
				continue
			}
		}
		var par [4][]float32
		constant := w != nil
		for i := range par {
			if t := r.Weights[n.In[i+1]]; t != nil {
				par[i] = t.F32()
			} else {
				constant = false
			}
		}
		if !constant {
			continue
		}
		channels := w.Shape[0]
		weights, biases := make([]float32, len(w.F32())), make([]float32, channels)
		each := len(weights) / channels
		for m := range channels {
			mul, add := op.NormAffine(n, float64(par[0][m]), float64(par[1][m]), float64(par[2][m]), float64(par[3][m]))
			for i, v := range w.F32()[m*each : (m+1)*each] {
				weights[m*each+i] = float32(float64(v) * mul)
			}
			if bias != nil {
				add += float64(bias.F32()[m]) * mul
			}
			biases[m] = float32(add)
		}
		c.In = []string{
			c.In[0], r.newWeight(c.In[1]+" folded", ir.NewF32(weights, w.Shape...)),
			r.newWeight(c.In[1]+" folded bias", ir.NewF32(biases, channels)),
		}
		c.Out[0] = n.Out[0]
		r.moveTo(c, n)
	}
}

// newWeight adds a weight under that name, or one like it where it is taken.
func (r *rewriter) newWeight(name string, t *ir.Tensor) string {
	free := name
	for i := 2; r.Weights[free] != nil; i++ {
		free = fmt.Sprintf("%s %d", name, i)
	}
	r.Weights[free] = t
	return free
}

// moveTo puts node n in the place of another, which goes.
func (r *rewriter) moveTo(n, place *ir.Node) {
	r.remove(n)
	r.Nodes[slices.Index(r.Nodes, place)] = n
}

// fuseAdds makes the addition of a convolution's output and another value part of the convolution, which moves to the
// addition's place: there the other value exists.
func (r *rewriter) fuseAdds() {
	for _, n := range slices.Clone(r.Nodes) {
		if n.Op != "Add" {
			continue
		}
		// Of two convolutions the later one takes the earlier one's output.
		var conv *ir.Node
		other := ""
		for i, in := range n.In {
			c := r.only(in, "Conv")
			if c == nil || c.Attrs.Str("act", op.ActNone) != op.ActNone || len(c.In) > 3 && c.In[3] != "" {
				continue
			}
			if conv == nil || slices.Index(r.Nodes, c) > slices.Index(r.Nodes, conv) {
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
		conv.Out[0] = n.Out[0]
		setAct(conv, n.Attrs.Str("act", op.ActNone))
		r.moveTo(conv, n)
	}
}

func setAct(n *ir.Node, act string) {
	if act == op.ActNone {
		return
	}
	if n.Attrs == nil {
		n.Attrs = ir.Attrs{}
	}
	n.Attrs["act"] = act
}

func (r *rewriter) fuseActivations() {
	for _, n := range slices.Clone(r.Nodes) {
		act := actOf(n)
		if act == op.ActNone {
			continue
		}
		m := r.maker(n.In[0])
		if m == nil || r.uses(n.In[0]) != 1 || !slices.Contains([]string{"Conv", "Gemm", "Add"}, m.Op) || m.Attrs.Str("act", op.ActNone) != op.ActNone {
			continue
		}
		setAct(m, act)
		m.Out[0] = n.Out[0]
		r.remove(n)
	}
}

// actOf is the fusible activation that a node is.
func actOf(n *ir.Node) string {
	switch n.Op {
	case "Relu":
		return op.ActRelu
	case "Clip":
		switch lo, hi := op.ClipBounds(n); {
		case lo == 0 && hi == 6:
			return op.ActRelu6
		case lo == 0 && math.IsInf(hi, 1):
			return op.ActRelu
		}
	}
	return op.ActNone
}

func (r *rewriter) dropUnused() {
	needed := map[string]bool{r.Output: true}
	for i := len(r.Nodes) - 1; i >= 0; i-- {
		if !needed[r.Nodes[i].Out[0]] {
			r.Nodes = slices.Delete(r.Nodes, i, i+1)
			continue
		}
		for _, in := range r.Nodes[i].In {
			needed[in] = true
		}
	}
	for name := range r.Weights {
		if !needed[name] {
			delete(r.Weights, name)
		}
	}
}
