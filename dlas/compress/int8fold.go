package compress

import (
	"context"
	"slices"

	"github.com/godlas/godlas/dlas/ir"
	"github.com/godlas/godlas/dlas/ir/op"
)

// foldNorms makes each batch norm behind a convolution part of its weights and bias, where nothing else reads the
// convolution's result. A weight that is zero stays zero.
func foldNorms(ctx context.Context, g *ir.Graph) {
	users, makers := usersOf(g), map[string]*ir.Node{}
	for _, n := range g.Nodes {
		for _, out := range n.Out {
			makers[out] = n
		}
	}
	gone := map[*ir.Node]bool{}
	for _, n := range g.Nodes {
		if n.Op != "BatchNormalization" || len(n.In) != 5 || len(n.Out) > 1 && n.Out[1] != "" || n.Attrs.Str("act", "") != "" {
			continue
		}
		conv := makers[n.In[0]]
		if conv == nil || conv.Op != "Conv" || soleUser(g, users, n.In[0]) != n || len(conv.In) > 3 || conv.Attrs.Str("act", "") != "" {
			continue
		}
		w := g.Weights[conv.In[1]]
		if w == nil || w.Type != ir.F32 || len(users[conv.In[1]]) > 1 {
			continue
		}
		m := w.Shape[0]
		var par [4][]float64
		known := true
		for i := range par {
			t := g.Weights[n.In[i+1]]
			if known = known && t != nil && t.Shape.Elems() == m; known {
				par[i] = op.Widen(t).Data
			}
		}
		bias := make([]float64, m)
		if len(conv.In) > 2 && conv.In[2] != "" {
			t := g.Weights[conv.In[2]]
			if known = known && t != nil && t.Shape.Elems() == m; known {
				bias = op.Widen(t).Data
			}
		}
		if !known {
			continue
		}
		w = w.Clone()
		data, each := w.F32(), w.Shape.Elems()/m
		b := make([]float32, m)
		for c := range m {
			goOn(ctx)
			mul, add := op.NormAffine(n, par[0][c], par[1][c], par[2][c], par[3][c])
			for i := c * each; i < (c+1)*each; i++ {
				data[i] = float32(float64(data[i]) * mul)
			}
			b[c] = float32(bias[c]*mul + add)
		}
		g.Weights[conv.In[1]] = w
		name := conv.Name + ".bias"
		if len(conv.In) > 2 && conv.In[2] != "" && len(users[conv.In[2]]) == 1 {
			name = conv.In[2]
		} else {
			name = freshWeight(g, name)
		}
		g.Weights[name] = ir.NewF32(b, m)
		conv.In = []string{conv.In[0], conv.In[1], name}
		conv.Out[0] = n.Out[0]
		makers[n.Out[0]] = conv
		gone[n] = true
	}
	g.Nodes = slices.DeleteFunc(g.Nodes, func(n *ir.Node) bool { return gone[n] })
	dropUnread(g)
}

// freshWeight is a name that no value of the graph has: the wanted one or near it.
func freshWeight(g *ir.Graph, name string) string {
	taken := func() bool {
		if g.Weights[name] != nil || slices.ContainsFunc(g.Inputs, func(v ir.Value) bool { return v.Name == name }) {
			return true
		}
		return slices.ContainsFunc(g.Nodes, func(n *ir.Node) bool { return slices.Contains(n.Out, name) })
	}
	for taken() {
		name += "_"
	}
	return name
}

// dropUnread removes weights that no node reads.
func dropUnread(g *ir.Graph) {
	users := usersOf(g)
	for name := range g.Weights {
		if len(users[name]) == 0 && !slices.Contains(g.Outputs, name) {
			delete(g.Weights, name)
		}
	}
}
