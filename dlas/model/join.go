package model

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"slices"

	"github.com/godlas/godlas/dlas/ir"
	"github.com/godlas/godlas/dlas/ir/op"
)

// join appends the network of another file, for those that are published in two: what the first gives, the head takes.
func (f *File) join(path string, o FileOptions) error {
	fail := func(format string, args ...any) error {
		return &ir.Error{Layer: ir.Model, What: "head=" + path + " does not fit: " + fmt.Sprintf(format, args...)}
	}
	body := f.Graph
	if len(body.Outputs) != 1 {
		return fail("the network before it has %d outputs, and one is taken", len(body.Outputs))
	}
	values, err := op.Infer(body, 1)
	if err != nil {
		return err
	}
	from := body.Output()
	h, err := ReadFile(path, FileOptions{Input: values[from].Shape, Digest: o.Digest, usual: f.roundings != nil && !f.roundings.Fixed})
	if err != nil {
		return err
	}
	if f.roundings != nil && h.roundings != nil && !h.roundings.Fixed {
		f.roundings.Usual()
	}
	if len(h.Graph.Inputs) != 1 {
		return fail("it has %d inputs, and one is given", len(h.Graph.Inputs))
	}
	// A TFLite file's output of four axes is turned to the order that its users know, which its input is not.
	if n := maker(body, from); f.Format == TFLite && h.Format == TFLite && n != nil && n.Op == "Transpose" && len(values[from].Shape) == 4 {
		from = n.In[0]
		body.Nodes = slices.DeleteFunc(body.Nodes, func(m *ir.Node) bool { return m == n })
	}
	gives, takes := values[from], h.Graph.Input()
	if takes.Type == "" {
		takes.Type = ir.F32
	}
	if gives.Type != takes.Type || !gives.Shape.Equal(takes.Shape) {
		return fail("it takes %s %v, and the network before it gives %s %v", takes.Type, takes.Shape, gives.Type, gives.Shape)
	}
	head := apart(h.Graph, body)
	// Integers are handed over as they are, so they must mean the same on both sides.
	was, made := quantisation{}, maker(body, from)
	if f.integersOut && made != nil && made.Op == "DequantizeLinear" {
		was = quantisationOf(body, made)
	}
	into := head.Input().Name
	for _, n := range head.Nodes {
		if !slices.Contains(n.In, into) {
			continue
		}
		is := quantisation{}
		if h.integersIn && n.Op == "QuantizeLinear" {
			is = quantisationOf(head, n)
		}
		if is != was {
			return fail("it takes %s, and the network before it gives %s", is, was)
		}
	}
	replace := map[string]string{into: from}
	if was != (quantisation{}) {
		// Its numbers are nobody's then.
		if !slices.ContainsFunc(body.Nodes, func(n *ir.Node) bool { return slices.Contains(n.In, from) }) {
			body.Nodes = slices.DeleteFunc(body.Nodes, func(n *ir.Node) bool { return n == made })
		}
		head.Nodes = slices.DeleteFunc(head.Nodes, func(n *ir.Node) bool {
			if n.Op != "QuantizeLinear" || n.In[0] != into {
				return false
			}
			replace[n.Out[0]] = made.In[0]
			return true
		})
	}
	renamed(head, replace)
	body.Nodes = append(body.Nodes, head.Nodes...)
	maps.Copy(body.Weights, head.Weights)
	body.Outputs, body.Classes, body.Trained = head.Outputs, head.Classes, body.Trained && head.Trained
	body.Notes = append(body.Notes, fmt.Sprintf("goes on in %s with %v of %s", path, gives.Shape, was))
	body.Notes = append(body.Notes, head.Notes...)
	f.Notes = append(f.Notes, h.Notes...)
	if body.Digest != "" {
		sum := sha256.Sum256([]byte(body.Digest + head.Digest))
		body.Digest = hex.EncodeToString(sum[:])
	}
	_, err = op.Infer(body, 1)
	return err
}

// quantisation is what integers stand for; its zero value is that of plain numbers.
type quantisation struct {
	typ   ir.Type
	scale float32
	zero  float64
}

func (q quantisation) String() string {
	if q.typ == "" {
		return "plain numbers"
	}
	return fmt.Sprintf("%s in steps of %v, zero at %v", q.typ, q.scale, q.zero)
}

// quantisationOf is that of a QuantizeLinear's output or a DequantizeLinear's input; of one that is no constant of a single
// scale the name of its node, so that it equals no other.
func quantisationOf(g *ir.Graph, n *ir.Node) quantisation {
	odd := quantisation{typ: ir.Type("integers of node " + n.Name)}
	if len(n.In) < 2 {
		return odd
	}
	scale := g.Weights[n.In[1]]
	if scale == nil || scale.Type != ir.F32 || scale.Shape.Elems() != 1 {
		return odd
	}
	q := quantisation{typ: ir.U8, scale: scale.F32()[0]}
	if len(n.In) > 2 && n.In[2] != "" {
		zero := g.Weights[n.In[2]]
		if zero == nil || zero.Shape.Elems() != 1 {
			return odd
		}
		q.typ, q.zero = zero.Type, op.Widen(zero).Data[0]
	}
	return q
}

// maker is the node that makes a value, nil for an input.
func maker(g *ir.Graph, value string) *ir.Node {
	for _, n := range g.Nodes {
		if slices.Contains(n.Out, value) {
			return n
		}
	}
	return nil
}

// apart is g with other names for what the graph other has names for too.
func apart(g, other *ir.Graph) *ir.Graph {
	values, nodes := map[string]bool{"": false}, map[string]bool{}
	for _, v := range other.Inputs {
		values[v.Name] = true
	}
	for name := range other.Weights {
		values[name] = true
	}
	for _, n := range other.Nodes {
		nodes[n.Name] = true
		for _, name := range n.Out {
			values[name] = true
		}
	}
	own := map[string]bool{}
	for _, v := range g.Inputs {
		own[v.Name] = true
	}
	for name := range g.Weights {
		own[name] = true
	}
	for _, n := range g.Nodes {
		own[n.Name] = true
		for _, name := range n.Out {
			own[name] = true
		}
	}
	fresh := func(name string) string {
		for taken := true; taken; taken = own[name] || values[name] || nodes[name] {
			name = "head/" + name
		}
		own[name] = true
		return name
	}
	replace := map[string]string{}
	for _, name := range slices.Sorted(maps.Keys(own)) {
		if name != "" && values[name] {
			replace[name] = fresh(name)
		}
	}
	g = g.Clone()
	for _, n := range g.Nodes {
		if nodes[n.Name] {
			n.Name = fresh(n.Name)
		}
	}
	renamed(g, replace)
	return g
}

// renamed gives values of g other names.
func renamed(g *ir.Graph, replace map[string]string) {
	all := func(names []string) {
		for i, name := range names {
			if to, ok := replace[name]; ok {
				names[i] = to
			}
		}
	}
	for _, n := range g.Nodes {
		all(n.In)
		all(n.Out)
	}
	all(g.Outputs)
	for i := range g.Inputs {
		if to, ok := replace[g.Inputs[i].Name]; ok {
			g.Inputs[i].Name = to
		}
	}
	for from, to := range replace {
		if w := g.Weights[from]; w != nil {
			delete(g.Weights, from)
			g.Weights[to] = w
		}
	}
}
