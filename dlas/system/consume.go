package system

import (
	"cmp"
	"slices"
	"unsafe"

	"github.com/godlas/godlas/dlas/ir"
	"github.com/godlas/godlas/dlas/ir/op"
)

// leastConsumed is the bytes of weights that are worth giving back by themselves. Smaller ones are copied, so that no
// kernel that keeps a bias keeps the file.
const leastConsumed = 64 << 10

// consumers are the operators whose kernels pack their weights.
var consumers = []string{"Conv", "ConvTranspose", "Gemm", "MatMul", "QLinearConv", "QLinearMatMul", "QGemm"}

// consumption knows which weights of a graph that is compiled only this once are needed no more when their node is
// bound: of a plan with Consume. nil: none are.
type consumption struct {
	uses map[*byte]int // places where weights that begin there are needed
}

// newConsumption counts who needs which weights. Those that partly share memory with others are left out.
func (b *binder) newConsumption() *consumption {
	if !b.plan.Consume || b.plan.gather {
		return nil
	}
	c := &consumption{uses: map[*byte]int{}}
	var all []ir.Memory
	for name, w := range b.g.Weights {
		if w.Bytes() < leastConsumed {
			b.g.Weights[name] = w.Clone()
			continue
		}
		all = append(all, w.Memory())
	}
	address := func(m ir.Memory) uintptr { return uintptr(unsafe.Pointer(unsafe.SliceData(m))) }
	slices.SortFunc(all, func(x, y ir.Memory) int { return cmp.Compare(address(x), address(y)) })
	end, last := uintptr(0), ir.Memory(nil)
	for _, m := range all {
		first := unsafe.SliceData(m)
		if address(m) < end && (unsafe.SliceData(last) != first || len(last) != len(m)) {
			c.uses[first]++
			c.uses[unsafe.SliceData(last)]++
		}
		if e := address(m) + uintptr(len(m)); e > end {
			end, last = e, m
		}
	}
	for _, n := range b.g.Nodes {
		for _, name := range n.In {
			c.need(b.constant(name)) // which may be a Constant's, that several share
		}
		for _, v := range n.Attrs {
			if t, ok := v.(*ir.Tensor); ok {
				c.need(t)
			}
		}
	}
	for _, name := range b.g.Outputs {
		c.need(b.constant(name))
		c.need(b.constant(name))
	}
	return c
}

func (c *consumption) need(t *ir.Tensor) {
	if t != nil {
		if m := t.Memory(); len(m) > 0 {
			c.uses[unsafe.SliceData(m)]++
		}
	}
}

// owns reports whether a node is the only one that needs these weights, which may then be overwritten.
func (c *consumption) owns(n *ir.Node, i int, w *ir.Tensor) bool {
	if c == nil || w == nil || i != op.WeightInput(n.Op) || w.Bytes() < leastConsumed {
		return false
	}
	return slices.Contains(consumers, n.Op) && c.uses[unsafe.SliceData(w.Memory())] == 1
}

// consumed gives the memory of a bound draft's weights back.
func (b *binder) consumed(d *draft) {
	if b.spent == nil {
		return
	}
	if d.chain != nil {
		for _, s := range d.chain.stages {
			if !d.chain.unpacked {
				b.spent.done(s.node, s.problem.Weights)
			}
		}
		return
	}
	if !d.bound.Unpacked {
		b.spent.done(d.node, d.problem.Weights)
		return
	}
	b.rescue.Lock()
	defer b.rescue.Unlock()
	for _, name := range d.node.In {
		if w := b.g.Weights[name]; w != nil && w.Bytes() >= leastConsumed {
			b.g.Weights[name] = w.Clone() // lest it keep the whole file
		}
	}
}

// done gives the memory of a node's weights back, which were packed.
func (c *consumption) done(n *ir.Node, weights []*ir.Tensor) {
	for i, w := range weights {
		if c.owns(n, i, w) {
			w.Memory().Discard()
			w.Data = nil // who needs them all the same shall not find zeros
		}
	}
}
