package system

import (
	"fmt"
	"slices"

	"github.com/godlas/godlas/dlas/ir"
	"github.com/godlas/godlas/dlas/ir/op"
)

// rewrite returns an equal graph with fewer nodes: batch normalizations and scales folded into the convolution before
// them and zeros around a map into the one after, residual additions and activations fused into the node that makes their
// input, several ways of writing a layer brought to one, nodes without effect removed. A zero weight stays zero. The
// graph given is not changed. Weights that are to be scaled are left as they are, scales says by what: a large network
// need not be in memory once more before it is packed.
func rewrite(g *ir.Graph) (*ir.Graph, map[string]scale, error) {
	values, err := op.Infer(g, 1)
	if err != nil {
		return nil, nil, err
	}
	g = g.Clone()
	if isQuantised(g) {
		if err := Quantise(g); err != nil {
			return nil, nil, err
		}
		if values, err = op.Infer(g, 1); err != nil {
			return nil, nil, err
		}
	}
	r := &rewriter{Graph: g, values: values, scales: map[string]scale{}}
	for _, pass := range []func(){
		r.dropIdentities, r.composeGelus, r.composeNorms, r.normalise, r.widenHalves, r.foldPads, r.foldBatchNorms, r.foldScales, r.fuseAdds, r.composeActivations, r.fuseActivations,
		r.linesToMaps, r.dropUnused,
	} {
		r.begin()
		pass()
		r.end()
	}
	return r.Graph, r.scales, nil
}

// rewriter goes over the nodes in passes. A pass leaves the list of nodes as it is and notes what becomes of it.
type rewriter struct {
	*ir.Graph
	values map[string]op.Operand // of the graph as given: a value keeps its name, shape and type
	scales map[string]scale      // of weights, to be applied
	uses   map[string]int        // places where a value is needed
	maker  map[string]*ir.Node   // of a value
	order  map[*ir.Node]int      // place in the list
	gone   map[*ir.Node]bool     // nodes whose place in the list falls away
	in     map[*ir.Node]*ir.Node // nodes whose place another takes
	after  map[*ir.Node]*ir.Node // nodes that another follows
	users  map[string][]*ir.Node // of a value
}

func (r *rewriter) begin() {
	if r.uses == nil {
		n := len(r.Nodes)
		r.uses, r.maker, r.users = make(map[string]int, 2*n), make(map[string]*ir.Node, n), make(map[string][]*ir.Node, 2*n)
		r.order, r.gone, r.in, r.after = make(map[*ir.Node]int, n), map[*ir.Node]bool{}, map[*ir.Node]*ir.Node{}, map[*ir.Node]*ir.Node{}
	}
	clear(r.uses)
	clear(r.maker)
	clear(r.order)
	clear(r.gone)
	clear(r.in)
	clear(r.after)
	for name, users := range r.users {
		r.users[name] = users[:0]
	}
	for _, name := range r.Outputs {
		r.uses[name]++
	}
	for i, n := range r.Nodes {
		r.order[n] = i
		for _, out := range n.Out {
			r.maker[out] = n
		}
		for _, in := range n.In {
			r.uses[in]++
			r.users[in] = append(r.users[in], n)
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
		for m := r.after[n]; m != nil; m = r.after[m] {
			nodes = append(nodes, m)
		}
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

// newWeight adds a weight under that name, or one like it where it is taken.
func (r *rewriter) newWeight(name string, t *ir.Tensor) string {
	free := name
	for i := 2; r.Weights[free] != nil; i++ {
		free = fmt.Sprintf("%s %d", name, i)
	}
	r.Weights[free] = t
	return free
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
