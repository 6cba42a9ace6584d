package system

import (
	"maps"
	"slices"

	"github.com/godlas/godlas/dlas/ir"
	"github.com/godlas/godlas/dlas/ir/op"
)

// onlyUse is the node that makes a value which one other node alone needs, or nil.
func (z *quantiser) onlyUse(value string) *ir.Node {
	if len(z.users[value]) != 1 || slices.Contains(z.Outputs, value) {
		return nil
	}
	return z.maker[value]
}

// fuseAdds makes the addition of a convolution's result and another value part of the convolution, which moves to the
// addition's place. The convolution's own result is still rounded to its scale first, so nothing changes.
func (z *quantiser) fuseAdds() {
	order := map[*ir.Node]int{}
	for i, n := range z.Nodes {
		order[n] = i
	}
	gone := map[*ir.Node]bool{}
	for at, n := range z.Nodes {
		if n.Op != "QLinearAdd" || n.Attrs.Int("fixed", 0) != 0 {
			continue
		}
		floats, ok := z.sumFloats(n)
		if !ok {
			continue
		}
		var conv *ir.Node
		other := 0
		for _, i := range []int{0, 3} {
			c := z.onlyUse(n.In[i])
			if c == nil || c.Op != "QLinearConv" || c.Attrs.Int("fixed", 0) != 0 || gone[c] || len(c.In) > op.QConvRes || c.Attrs.Int("group", 1) != 1 || c.Attrs.Int("least", 0) != 0 || c.Attrs.Int("most", 255) != 255 {
				continue
			}
			if conv == nil || order[c] > order[conv] {
				conv, other = c, 3-i
			}
		}
		if conv == nil {
			continue
		}
		m := &ir.Node{Name: conv.Name, Op: conv.Op, Out: n.Out, Attrs: maps.Clone(conv.Attrs), In: slices.Clone(conv.In)}
		maps.Copy(m.Attrs, n.Attrs)
		if floats != nil {
			m.Attrs["sum_floats"] = floats
		}
		if other == 0 {
			m.Attrs["res_first"] = 1
		}
		for len(m.In) < op.QConvRes {
			m.In = append(m.In, "")
		}
		m.In = append(m.In, n.In[other], n.In[other+1], n.In[other+2], n.In[6], n.In[7])
		gone[conv] = true
		z.Nodes[at], order[m] = m, at
		z.maker[n.Out[0]] = m
	}
	z.Nodes = slices.DeleteFunc(z.Nodes, func(n *ir.Node) bool { return gone[n] })
}

// sumFloats are the factors by which a convolution adds, in floats, what an addition adds in whole numbers: nil where that
// is in floats, too. ok is false where there are none.
func (z *quantiser) sumFloats(add *ir.Node) (factors []float64, ok bool) {
	if add.Attrs.Int("xnnpack", 0) == 0 {
		return nil, true
	}
	var v [8]float32
	for _, i := range []int{1, 2, 4, 5, 6, 7} {
		x, _ := z.one(add.In[i])
		v[i] = float32(x)
	}
	sum, ok := op.NewWholeSum(v[1], v[2], v[4], v[5], v[6], v[7])
	if !ok {
		return nil, false
	}
	a, b, c, ok := sum.Floats()
	return []float64{float64(a), float64(b), float64(c)}, ok
}

// fuseTables makes looking up part of the convolution or linear layer whose result alone is looked up, and one of two
// lookings up in a row.
func (z *quantiser) fuseTables() {
	same := map[string]string{}
	gone := map[*ir.Node]bool{}
	for _, n := range z.Nodes {
		for i, in := range n.In {
			if src, ok := same[in]; ok {
				n.In[i] = src
				if !gone[n] {
					z.users[src] = append(z.users[src], n)
				}
			}
		}
		if n.Op == "Identity" && z.known[n.In[0]].Type == ir.U8 && !slices.Contains(z.Outputs, n.Out[0]) {
			z.users[n.In[0]] = slices.DeleteFunc(z.users[n.In[0]], func(u *ir.Node) bool { return u == n })
			same[n.Out[0]] = n.In[0]
			gone[n] = true
			continue
		}
		if n.Op != "ByteTable" {
			continue
		}
		m := z.onlyUse(n.In[0])
		if m == nil || gone[m] {
			continue
		}
		at := map[string]int{"QLinearConv": op.QConvTable, "QGemm": 9, "ByteTable": 1}[m.Op]
		if at == 0 {
			continue
		}
		table := z.Weights[n.In[1]].Data.([]uint8)
		for len(m.In) <= at {
			m.In = append(m.In, "")
		}
		if inner := m.In[at]; inner != "" {
			both := make([]uint8, 256)
			for i, v := range z.Weights[inner].Data.([]uint8) {
				both[i] = table[v]
			}
			table = both
		}
		m.In[at] = z.tableWeight(table)
		m.Out[0] = n.Out[0]
		z.maker[n.Out[0]] = m
		gone[n] = true
	}
	z.Nodes = slices.DeleteFunc(z.Nodes, func(n *ir.Node) bool { return gone[n] })
}

// fuseInput lets a first convolution of up to 4 channels quantise its floats itself.
func (z *quantiser) fuseInput() {
	for _, n := range z.Nodes {
		if n.Op != "QLinearConv" || n.Attrs.Int("group", 1) != 1 {
			continue
		}
		q := z.onlyUse(n.In[0])
		if q == nil || q.Op != "QuantizeLinear" || !z.perTensor(q) || z.known[q.In[0]].Type != ir.F32 {
			continue
		}
		if s := z.known[q.In[0]].Shape; len(s) == 4 && s[1] <= 4 {
			n.In[0] = q.In[0]
		}
	}
}
