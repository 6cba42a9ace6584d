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
	for _, pass := range []func(){r.dropIdentities, r.foldBatchNorms, r.fuseAdds, r.fuseActivations, r.dropUnused} {
		r.begin()
		pass()
		r.end()
	}
	return r.Graph, nil
}

// rewriter goes over the nodes in passes. A pass leaves the list of nodes as it is and notes what becomes of it.
type rewriter struct {
	*ir.Graph
	uses  map[string]int        // places where a value is needed
	maker map[string]*ir.Node   // of a value
	order map[*ir.Node]int      // place in the list
	gone  map[*ir.Node]bool     // nodes whose place in the list falls away
	in    map[*ir.Node]*ir.Node // nodes whose place another takes
}

func (r *rewriter) begin() {
	r.uses, r.maker = map[string]int{}, map[string]*ir.Node{}
	for _, name := range r.Outputs {
		r.uses[name]++
	}
	r.order, r.gone, r.in = map[*ir.Node]int{}, map[*ir.Node]bool{}, map[*ir.Node]*ir.Node{}
	for i, n := range r.Nodes {
		r.order[n] = i
		for _, out := range n.Out {
			r.maker[out] = n
		}
		for _, in := range n.In {
			r.uses[in]++
		}
	}
}

func (r *rewriter) end() {
	var nodes []*ir.Node
	for _, n := range r.Nodes {
		if r.gone[n] {
			continue
		}
		if m := r.in[n]; m != nil {
			n = m
		}
		nodes = append(nodes, n)
	}
	r.Nodes = nodes
}

// only is the node of that operator that makes a value which nothing but one other node needs, or nil.
func (r *rewriter) only(value, operator string) *ir.Node {
	if n := r.maker[value]; n != nil && n.Op == operator && r.uses[value] == 1 {
		return n
	}
	return nil
}

// plainConv is only for a convolution that nothing was fused into yet.
func (r *rewriter) plainConv(value string) *ir.Node {
	c := r.only(value, "Conv")
	if c == nil || c.Attrs.Str("act", op.ActNone) != op.ActNone || len(c.In) > 3 && c.In[3] != "" {
		return nil
	}
	return c
}

// takeOver lets node n make what a later node made, which falls away.
func (r *rewriter) takeOver(n, later *ir.Node) {
	n.Out[0] = later.Out[0]
	r.maker[n.Out[0]] = n
	r.gone[later] = true
}

func (r *rewriter) dropIdentities() {
	same := map[string]string{}
	for _, n := range r.Nodes {
		for i, in := range n.In {
			if src, ok := same[in]; ok {
				n.In[i] = src
			}
		}
		if n.Op == "Identity" && !slices.Contains(r.Outputs, n.Out[0]) {
			same[n.Out[0]] = n.In[0]
			r.gone[n] = true
		}
	}
}

// foldBatchNorms turns conv, then y = x*mul + add, into a convolution with weights W*mul and bias B*mul + add.
func (r *rewriter) foldBatchNorms() {
	for _, n := range r.Nodes {
		if n.Op != "BatchNormalization" {
			continue
		}
		c := r.plainConv(n.In[0])
		if c == nil {
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
		r.takeOver(c, n)
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

// fuseAdds makes the addition of a convolution's output and another value part of the convolution, which moves to the
// addition's place: there the other value exists.
func (r *rewriter) fuseAdds() {
	for _, n := range r.Nodes {
		if n.Op != "Add" {
			continue
		}
		// Of two convolutions the later one takes the earlier one's output.
		var conv *ir.Node
		other := ""
		for i, in := range n.In {
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
		setAct(conv, n.Attrs.Str("act", op.ActNone))
		r.takeOver(conv, n)
		r.gone[conv], r.gone[n] = true, false
		r.in[n], r.order[conv] = conv, r.order[n]
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
	for _, n := range r.Nodes {
		act := actOf(n)
		if act == op.ActNone {
			continue
		}
		m := r.maker[n.In[0]]
		if m == nil || r.uses[n.In[0]] != 1 || !slices.Contains([]string{"Conv", "Gemm", "Add"}, m.Op) || m.Attrs.Str("act", op.ActNone) != op.ActNone {
			continue
		}
		setAct(m, act)
		r.takeOver(m, n)
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
	needed := map[string]bool{}
	for _, name := range r.Outputs {
		needed[name] = true
	}
	for i := len(r.Nodes) - 1; i >= 0; i-- {
		if !slices.ContainsFunc(r.Nodes[i].Out, func(out string) bool { return needed[out] }) {
			r.gone[r.Nodes[i]] = true
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
