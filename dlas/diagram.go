package dlas

import (
	"context"
	"fmt"

	"github.com/godlas/godlas/dlas/ir"
	"github.com/godlas/godlas/dlas/ir/op"
	"github.com/godlas/godlas/dlas/model"
)

// Diagram is the shape of a stack's network, for looking at: plotting draws it.
type Diagram struct {
	Name   string
	Input  ir.Shape // of one image: C, H, W
	Nodes  []DiagramNode
	Params int64
	MACs   int64 // for one image
}

// DiagramNode is an operation of a network. Its own output is one image's.
type DiagramNode struct {
	Name   string
	Op     string
	Detail string   // what an operator's name leaves open: 3x3, stride 2
	In     []int    // the nodes whose outputs it reads; -1 is the network's input
	Shape  ir.Shape // without the batch
	Params int64
	MACs   int64
}

// Diagram builds the stack's network after its compression, without compiling or measuring anything. A stack of more
// than one point is an error.
func (s Stack) Diagram(ctx context.Context) (*Diagram, error) {
	spec, err := s.spec.point()
	if err != nil {
		return nil, err
	}
	_, g, err := networks(ctx, spec)
	if err != nil {
		return nil, err
	}
	return diagramOf(g, spec.Model)
}

func diagramOf(g *ir.Graph, name string) (*Diagram, error) {
	values, err := op.Infer(g, 1)
	if err != nil {
		return nil, err
	}
	work, err := op.Count(g)
	if err != nil {
		return nil, err
	}
	n := &Diagram{Name: name, Input: g.Input().Shape[1:], Params: model.Count(g).Params}
	maker := map[string]int{g.Input().Name: -1}
	for i, x := range g.Nodes {
		node := DiagramNode{Name: x.Name, Op: x.Op, Detail: detailOf(x, g), MACs: work[i].MACs}
		for j, in := range x.In {
			if from, ok := maker[in]; ok {
				node.In = append(node.In, from)
			} else if w := g.Weights[in]; w != nil && !op.Statistic(x, j) {
				node.Params += int64(w.Shape.Elems())
			}
		}
		for _, out := range x.Out {
			maker[out] = i
		}
		if shape := values[x.Out[0]].Shape; len(shape) > 1 {
			node.Shape = shape[1:]
		} else {
			node.Shape = shape
		}
		n.MACs += node.MACs
		n.Nodes = append(n.Nodes, node)
	}
	return n, nil
}

// detailOf says kernel, stride and kind of a node that slides over a map.
func detailOf(n *ir.Node, g *ir.Graph) string {
	k := n.Attrs.Ints("kernel_shape")
	if len(k) == 0 && n.Op == "Conv" && len(n.In) > 1 && g.Weights[n.In[1]] != nil {
		if s := g.Weights[n.In[1]].Shape; len(s) == 4 {
			k = s[2:]
		}
	}
	if len(k) != 2 {
		return ""
	}
	text := fmt.Sprintf("%dx%d", k[0], k[1])
	if s := n.Attrs.Ints("strides"); len(s) == 2 && s[0] > 1 {
		text += fmt.Sprintf(" /%d", s[0])
	}
	if n.Attrs.Int("group", 1) > 1 {
		text += " depthwise"
		if w := g.Weights[n.In[1]]; w != nil && len(w.Shape) == 4 && w.Shape[1] > 1 {
			text = text[:len(text)-len("depthwise")] + fmt.Sprintf("in %d groups", n.Attrs.Int("group", 1))
		}
	}
	return text
}
