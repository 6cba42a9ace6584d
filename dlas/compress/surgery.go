package compress

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/godlas/godlas/dlas/ir"
	"github.com/godlas/godlas/dlas/ir/op"
)

// remove returns the graph without the channels that are not kept: weights lose their rows, attributes that count
// channels follow. A weight that several nodes read in different ways becomes several.
func (d *dependency) remove(ctx context.Context, kept func(int32) bool) (*ir.Graph, error) {
	out := d.g.Clone()
	node := map[*ir.Node]*ir.Node{}
	for i, n := range d.g.Nodes {
		node[n] = out.Nodes[i]
	}
	d.eachWeight(kept, func(n *ir.Node, input int, name string, t *ir.Tensor) {
		out.Weights[name] = t
		node[n].In[input] = name
	}, func(t *ir.Tensor, axis int, keep []bool) *ir.Tensor {
		goOn(ctx)
		return take(t, axis, keep)
	})
	for _, e := range d.edits {
		n := node[e.node]
		if n.Attrs == nil {
			n.Attrs = ir.Attrs{}
		}
		e.do(n, kept)
	}
	used := map[string]bool{}
	for _, n := range out.Nodes {
		for _, in := range n.In {
			used[in] = true
		}
	}
	for name := range out.Weights {
		if !used[name] {
			delete(out.Weights, name)
		}
	}
	after, err := op.Infer(out, 1)
	if err != nil {
		return nil, &ir.Error{Layer: ir.Compress, What: out.Name + " cannot be narrowed", Err: err}
	}
	for _, name := range d.g.Outputs {
		if !after[name].Shape.Equal(d.shape(name)) {
			return nil, ir.Errorf(ir.Compress, "%s cannot be narrowed: its output %q would be %v, not %v", out.Name, name, after[name].Shape, d.shape(name))
		}
	}
	return out, nil
}

// eachWeight makes what becomes of every weight that has channels which are not kept, and calls set with its name and the
// node and input that reads it. of makes a tensor from one whose places along an axis are kept or not.
func (d *dependency) eachWeight(kept func(int32) bool, set func(n *ir.Node, input int, name string, t *ir.Tensor), of func(t *ir.Tensor, axis int, keep []bool) *ir.Tensor) {
	type place struct {
		n     *ir.Node
		input int
	}
	var order []place
	cuts := map[place][]cut{}
	for _, c := range d.cuts {
		p := place{c.node, c.input}
		if cuts[p] == nil {
			order = append(order, p)
		}
		cuts[p] = append(cuts[p], c)
	}
	readers := map[string]int{} // places where a weight is read
	for _, n := range d.g.Nodes {
		for _, in := range n.In {
			readers[in]++
		}
	}
	users := map[string]int{} // of these, where channels are known
	for _, p := range order {
		users[p.n.In[p.input]]++
	}
	made := map[string]map[string]string{} // by name and what is kept: the name of the result
	tensors := map[string]*ir.Tensor{}
	taken := map[string]bool{}
	for name := range d.g.Weights {
		taken[name] = true
	}
	for _, p := range order {
		name := p.n.In[p.input]
		var sign strings.Builder
		whole := true
		list := cuts[p]
		slices.SortStableFunc(list, func(a, b cut) int { return a.axis - b.axis })
		keeps := make([][]bool, len(list))
		for i, c := range list {
			keeps[i] = make([]bool, len(c.of))
			fmt.Fprintf(&sign, "|%d:", c.axis)
			for j, ch := range c.of {
				if keeps[i][j] = kept(ch); keeps[i][j] {
					sign.WriteByte('+')
				} else {
					sign.WriteByte('-')
					whole = false
				}
			}
		}
		if made[name] == nil {
			made[name] = map[string]string{}
		}
		if whole {
			// Another reader must not take the name.
			made[name][sign.String()] = name
			tensors[name] = d.g.Weights[name]
			set(p.n, p.input, name, d.g.Weights[name])
			continue
		}
		as := made[name][sign.String()]
		if as == "" {
			t := d.g.Weights[name]
			for i, c := range list {
				t = of(t, c.axis, keeps[i])
			}
			if as = name; len(made[name]) > 0 || users[name] < readers[name] {
				for i := 2; taken[as]; i++ {
					as = fmt.Sprintf("%s %d", name, i)
				}
			}
			taken[as] = true
			made[name][sign.String()], tensors[as] = as, t
		}
		set(p.n, p.input, as, tensors[as])
	}
}

// take is a tensor with the places along an axis that are kept.
func take(t *ir.Tensor, axis int, keep []bool) *ir.Tensor {
	shape := slices.Clone(t.Shape)
	shape[axis] = 0
	for _, k := range keep {
		if k {
			shape[axis]++
		}
	}
	out := op.NewTensor(t.Type, shape)
	from, to := t.Memory(), out.Memory()
	run := t.Shape[axis+1:].Elems() * t.Type.Size()
	at := 0
	for i := range t.Shape[:axis].Elems() * len(keep) {
		if keep[i%len(keep)] {
			at += copy(to[at:], from[i*run:(i+1)*run])
		}
	}
	return out
}

// blank is a tensor with zeros at the places along an axis that are not kept: what a mask does where take cuts.
func blank(t *ir.Tensor, axis int, keep []bool) *ir.Tensor {
	out := t.Clone()
	to := out.Memory()
	run := t.Shape[axis+1:].Elems() * t.Type.Size()
	for i := range t.Shape[:axis].Elems() * len(keep) {
		if !keep[i%len(keep)] {
			clear(to[i*run : (i+1)*run])
		}
	}
	return out
}

// mask returns the graph with all weights of the channels that are not kept set to zero: it computes what remove's graph
// does, without being narrower.
func (d *dependency) mask(kept func(int32) bool) *ir.Graph {
	out := d.g.Clone()
	node := map[*ir.Node]*ir.Node{}
	for i, n := range d.g.Nodes {
		node[n] = out.Nodes[i]
	}
	d.eachWeight(kept, func(n *ir.Node, input int, name string, t *ir.Tensor) {
		out.Weights[name] = t
		node[n].In[input] = name
	}, blank)
	return out
}
