package system

import (
	"fmt"
	"math"
	"slices"

	"github.com/godlas/godlas/dlas/ir"
	"github.com/godlas/godlas/dlas/ir/op"
)

// Quantise turns the float nodes of a quantised graph into nodes on integers: what stands between DequantizeLinear and
// QuantizeLinear (the form in which quantisers write networks) becomes the operator on bytes that gives the same. Values
// of i8 become u8 with a zero point 128 higher. What has no form in bytes stays float, between its own conversions.
//
// The results are those of the float nodes but for rounding: a convolution's sum is exact where the float one is not; a
// mean, a sum, a product and a batch normalization round as their operators in package op say; a function of one value is
// a table and exact.
func Quantise(g *ir.Graph) error {
	if !isQuantised(g) {
		return nil
	}
	z := &quantiser{Graph: g, from: map[string]quantised{}, tables: map[string]string{}}
	z.link()
	z.makeUnsigned()
	known, err := op.Infer(g, 1)
	if err != nil {
		return err
	}
	z.known = known
	z.convert()
	for _, pass := range []func(){z.fuseAdds, z.fuseTables, z.fuseInput} {
		z.link()
		z.dropUnused()
		z.link()
		pass()
	}
	z.link()
	z.foldWeights()
	z.link()
	z.dropUnused()
	return nil
}

// isQuantised reports whether there is anything for Quantise to do.
func isQuantised(g *ir.Graph) bool {
	return slices.ContainsFunc(g.Nodes, func(n *ir.Node) bool { return n.Op == "DequantizeLinear" })
}

// quantised is the integers that a float value is made of.
type quantised struct {
	value       string
	scale, zero string     // constants
	node        *ir.Node   // the DequantizeLinear
	constant    *ir.Tensor // the integers, if they are constant
}

type quantiser struct {
	*ir.Graph
	known  map[string]op.Operand
	maker  map[string]*ir.Node
	users  map[string][]*ir.Node
	from   map[string]quantised
	tables map[string]string // a table's elements -> the weight that it is
	nodes  []*ir.Node
}

func (z *quantiser) link() {
	if z.maker == nil {
		z.maker, z.users = make(map[string]*ir.Node, len(z.Nodes)), make(map[string][]*ir.Node, 2*len(z.Nodes))
	}
	clear(z.maker)
	for name, users := range z.users {
		z.users[name] = users[:0]
	}
	for _, n := range z.Nodes {
		for _, out := range n.Out {
			z.maker[out] = n
		}
		for _, in := range n.In {
			z.users[in] = append(z.users[in], n)
		}
	}
}

func (z *quantiser) dropUnused() {
	needed := map[string]bool{}
	for _, name := range z.Outputs {
		needed[name] = true
	}
	var nodes []*ir.Node
	for _, n := range slices.Backward(z.Nodes) {
		if !slices.ContainsFunc(n.Out, func(out string) bool { return needed[out] }) {
			continue
		}
		nodes = append(nodes, n)
		for _, in := range n.In {
			needed[in] = true
		}
	}
	slices.Reverse(nodes)
	z.Nodes = nodes
}

// weight adds a constant under that name, or one like it.
func (z *quantiser) weight(name string, t *ir.Tensor) string {
	free := name
	for i := 2; z.Weights[free] != nil; i++ {
		free = fmt.Sprintf("%s %d", name, i)
	}
	z.Weights[free] = t
	return free
}

// one is the only element of a constant; ok is false where there is none.
func (z *quantiser) one(name string) (v float64, ok bool) {
	t := z.Weights[name]
	if t == nil || t.Shape.Elems() != 1 {
		return 0, false
	}
	return op.Widen(t).Data[0], true
}

// makeUnsigned turns values of i8 that are quantised here and used dequantised only into u8.
func (z *quantiser) makeUnsigned() {
	up := map[string]string{} // zero point -> the one of u8
	move := func(n *ir.Node) {
		zero := n.In[2]
		if up[zero] == "" {
			v, _ := z.one(zero)
			up[zero] = z.weight(zero+" unsigned", &ir.Tensor{Type: ir.U8, Shape: z.Weights[zero].Shape, Data: []uint8{uint8(int(v) + 128)}})
		}
		n.In[2] = up[zero]
	}
	signed := func(n *ir.Node) bool {
		return len(n.In) > 2 && z.Weights[n.In[2]] != nil && z.Weights[n.In[2]].Type == ir.I8 && z.Weights[n.In[2]].Shape.Elems() == 1
	}
	for _, n := range z.Nodes {
		if n.Op != "QuantizeLinear" || !signed(n) || slices.Contains(z.Outputs, n.Out[0]) {
			continue
		}
		ends, ok := z.dequantisers(n.Out[0])
		if !ok || slices.ContainsFunc(ends, func(u *ir.Node) bool { return !signed(u) }) {
			continue
		}
		move(n)
		for _, u := range ends {
			move(u)
		}
		delete(n.Attrs, "output_dtype")
	}
}

// dequantisers are the nodes that dequantise a value, at once or after elements of it were moved; ok is false where it has
// other users.
func (z *quantiser) dequantisers(value string) (ends []*ir.Node, ok bool) {
	for _, u := range z.users[value] {
		switch {
		case u.Op == "DequantizeLinear":
			ends = append(ends, u)
		case slices.Contains([]string{"Flatten", "Reshape", "Squeeze", "Unsqueeze", "Transpose", "Identity", "MaxPool", "Slice"}, u.Op) && len(u.Out) == 1:
			more, ok := z.dequantisers(u.Out[0])
			if !ok || slices.Contains(z.Outputs, u.Out[0]) || slices.Contains(u.In[1:], value) {
				return nil, false
			}
			ends = append(ends, more...)
		default:
			return nil, false
		}
	}
	return ends, true
}

// sink is where a value ends that is quantised at once, or after it was clamped.
type sink struct {
	node   *ir.Node // the QuantizeLinear
	lo, hi float64  // clamped between these first
	gone   []*ir.Node
}

func (z *quantiser) sinkOf(value string) (sink, bool) {
	s := sink{lo: math.Inf(-1), hi: math.Inf(1)}
	for {
		users := z.users[value]
		if len(users) == 0 || slices.Contains(z.Outputs, value) {
			return s, false
		}
		first := users[0]
		if len(users) == 1 && (first.Op == "Relu" || first.Op == "Clip") {
			lo, hi, ok := z.bounds(first)
			if !ok {
				return s, false
			}
			s.lo, s.hi = min(max(s.lo, lo), hi), min(max(s.hi, lo), hi)
			s.gone = append(s.gone, first)
			value = first.Out[0]
			continue
		}
		if !z.perTensor(first) {
			return s, false
		}
		for _, u := range users[1:] {
			if !z.perTensor(u) || !z.sameScale(u.In[1], u.In[2], first.In[1], first.In[2]) || slices.Contains(z.Outputs, u.Out[0]) {
				return s, false
			}
		}
		for _, u := range users[1:] { // they make the same
			for _, n := range z.users[u.Out[0]] {
				for i := range n.In {
					if n.In[i] == u.Out[0] {
						n.In[i] = first.Out[0]
					}
				}
				z.users[first.Out[0]] = append(z.users[first.Out[0]], n)
			}
			s.gone = append(s.gone, u)
		}
		s.node = first
		s.gone = append(s.gone, first)
		return s, true
	}
}

// bounds are those of a Relu or Clip, where they are constant.
func (z *quantiser) bounds(n *ir.Node) (lo, hi float64, ok bool) {
	if n.Op == "Relu" {
		return 0, math.Inf(1), true
	}
	lo, hi = op.ClipBounds(n)
	for i, at := range []*float64{&lo, &hi} {
		if len(n.In) <= i+1 || n.In[i+1] == "" {
			continue
		}
		name := n.In[i+1]
		v, ok := z.one(name)
		if q, dequantised := z.from[name]; dequantised && q.constant != nil && q.constant.Shape.Elems() == 1 {
			v, ok = z.real(q)[0], true
		}
		if !ok {
			return 0, 0, false
		}
		*at = v
	}
	return lo, hi, true
}

// perTensor reports whether a node quantises to u8 with one constant scale.
func (z *quantiser) perTensor(n *ir.Node) bool {
	if n.Op != "QuantizeLinear" && n.Op != "DequantizeLinear" || len(n.In) < 3 {
		return false
	}
	s, ok := z.one(n.In[1])
	_, okZero := z.one(n.In[2])
	return ok && okZero && s > 0 && z.Weights[n.In[1]].Type == ir.F32 && z.Weights[n.In[2]].Type == ir.U8
}

func (z *quantiser) sameScale(scale1, zero1, scale2, zero2 string) bool {
	a, _ := z.one(scale1)
	b, _ := z.one(scale2)
	c, _ := z.one(zero1)
	d, _ := z.one(zero2)
	return a == b && c == d
}

// real is the numbers that constant integers stand for.
func (z *quantiser) real(q quantised) []float64 {
	row, _ := op.Lookup("DequantizeLinear")
	in := []op.Array{op.Widen(q.constant), op.Widen(z.Weights[q.scale])}
	if q.zero != "" {
		in = append(in, op.Widen(z.Weights[q.zero]))
	}
	out := op.Array{Type: ir.F32, Shape: q.constant.Shape, Data: make([]float64, q.constant.Shape.Elems())}
	row.Eval(q.node, in, []op.Array{out})
	return out.Data
}

// byteOf quantises a number as a node does.
func (z *quantiser) byteOf(v float64, scale, zero string) int {
	s, _ := z.one(scale)
	d, _ := z.one(zero)
	y := math.RoundToEven(float64(float32(v/s))) + d
	return int(min(max(y, 0), 255))
}

// clamp adds a sink's bounds to a node's attributes.
func (z *quantiser) clamp(n *ir.Node, s sink) {
	lo, hi := z.byteOf(s.lo, s.node.In[1], s.node.In[2]), z.byteOf(s.hi, s.node.In[1], s.node.In[2])
	if lo > 0 {
		n.Attrs["least"] = lo
	}
	if hi < 255 {
		n.Attrs["most"] = hi
	}
}

// convert goes over the nodes once, in order.
func (z *quantiser) convert() {
	gone := map[*ir.Node]bool{}
	for _, n := range z.Nodes {
		if gone[n] {
			continue
		}
		if n.Op == "DequantizeLinear" {
			z.noteDequantised(n)
			z.nodes = append(z.nodes, n)
			continue
		}
		if dq := z.from[firstOf(n)]; n.Op == "QuantizeLinear" && dq.constant == nil && dq.value != "" && z.perTensor(n) {
			z.table(n.Name, dq, func(x float64) float64 { return x }, n)
			continue
		}
		make := converters()[n.Op]
		if make == nil || len(n.Out) > 1 && n.Out[1] != "" {
			z.nodes = append(z.nodes, n)
			continue
		}
		s, ok := z.sinkOf(n.Out[0])
		if !ok || !make(z, n, s) {
			z.nodes = append(z.nodes, n)
			continue
		}
		for _, m := range s.gone {
			gone[m] = true
		}
	}
	z.Nodes, z.nodes = z.nodes, nil
}

func firstOf(n *ir.Node) string {
	if len(n.In) == 0 {
		return ""
	}
	return n.In[0]
}

// noteDequantised notes what a float value is made of: constant integers of any form, or computed u8 with one scale.
func (z *quantiser) noteDequantised(n *ir.Node) {
	q := quantised{value: n.In[0], scale: n.In[1], node: n, constant: z.Weights[n.In[0]]}
	if len(n.In) > 2 {
		q.zero = n.In[2]
	}
	if t := z.Weights[q.scale]; t == nil || t.Type != ir.F32 || q.zero != "" && z.Weights[q.zero] == nil {
		return
	}
	if q.constant == nil && (!z.perTensor(n) || z.known[q.value].Type != ir.U8) {
		return
	}
	z.from[n.Out[0]] = q
}

// computed is the u8 behind a node's input.
func (z *quantiser) computed(n *ir.Node, i int) (quantised, bool) {
	if i >= len(n.In) {
		return quantised{}, false
	}
	q, ok := z.from[n.In[i]]
	return q, ok && q.constant == nil
}

// add appends a node on bytes that makes what a sink made.
func (z *quantiser) add(n *ir.Node, operator string, s sink, attrs ir.Attrs, in ...string) *ir.Node {
	m := &ir.Node{Name: n.Name, Op: operator, In: in, Out: []string{s.node.Out[0]}, Attrs: attrs}
	if m.Attrs == nil {
		m.Attrs = ir.Attrs{}
	}
	z.nodes = append(z.nodes, m)
	return m
}

// foldWeights makes floats of constant integers that float nodes need.
func (z *quantiser) foldWeights() {
	for _, n := range z.Nodes {
		if n.Op != "DequantizeLinear" {
			continue
		}
		q, ok := z.from[n.Out[0]]
		if !ok || q.constant == nil || slices.Contains(z.Outputs, n.Out[0]) {
			continue
		}
		v := make([]float32, q.constant.Shape.Elems())
		for i, x := range z.real(q) {
			v[i] = float32(x)
		}
		name := z.weight(n.Out[0]+" floats", ir.NewF32(v, q.constant.Shape...))
		for _, u := range z.users[n.Out[0]] {
			for i := range u.In {
				if u.In[i] == n.Out[0] {
					u.In[i] = name
				}
			}
		}
	}
}
