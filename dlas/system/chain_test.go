package system

import (
	"testing"

	"github.com/godlas/godlas/dlas/hardware"
	"github.com/godlas/godlas/dlas/internal/exactness"
	"github.com/godlas/godlas/dlas/ir"
)

// phoneNet is blocks of expansion, depthwise convolution of k x k with a stride, and projection, with a residual where the
// shapes allow one.
func phoneNet(seed uint64, size, k, stride int) *ir.Graph {
	b := newBuilder(seed, 0, 3, size, size)
	clip := ir.Attrs{"min": 0.0, "max": 6.0}
	x := b.node("Clip", clip, b.norm(b.conv("x", 3, 24, 3, 1, 1), 24))
	for i := range 3 {
		s := stride
		if i == 1 {
			s = 1
		}
		in := x
		x = b.node("Clip", clip, b.norm(b.conv(x, 24, 40, 1, 1, 1), 40))
		x = b.node("Clip", clip, b.norm(b.conv(x, 40, 40, k, s, 40), 40))
		x = b.norm(b.conv(x, 40, 24, 1, 1, 1), 24)
		if s == 1 {
			x = b.node("Add", nil, x, in)
		}
	}
	x = b.node("Relu", nil, b.norm(b.conv(x, 24, 24, k, 1, 24), 24))
	b.node("Flatten", nil, b.node("GlobalAveragePool", nil, b.conv(x, 24, 7, 1, 1, 1)))
	return b.Graph
}

// TestChains runs networks whose maps are large for the second-level cache that the machine is said to have.
func TestChains(t *testing.T) {
	for i, c := range []struct{ size, k, stride, batch, threads int }{
		{16, 3, 1, 1, 1}, {24, 3, 2, 1, 2}, {20, 5, 1, 2, 2}, {28, 5, 2, 3, 1}, {17, 3, 1, 1, 2}, {18, 7, 1, 1, 1},
	} {
		g := phoneNet(uint64(i), c.size, c.k, c.stride)
		in := randomInput(uint64(i), g, c.batch)
		want := exact(t, g, in)
		for _, isa := range []string{"go", hardware.Probe().ISA} {
			m := machine(isa, c.threads)
			m.L2 = 3 * c.size * c.size * 48 * 4
			p := compile(t, g, m, Plan{Algorithm: "direct", Format: "dense", Batch: c.batch})
			chains := 0
			for _, n := range p.Nodes() {
				if n.Op == "Chain" {
					chains++
					if n.MACs == 0 || n.MACsExecuted < n.MACs {
						t.Errorf("%s has %d MACs and executes %d", n.Name, n.MACs, n.MACsExecuted)
					}
				}
			}
			if prime := c.size == 17; (chains == 0) != prime {
				t.Errorf("%+v on %s: %d chains", c, isa, chains)
			}
			for range 2 {
				if d := exactness.Distance(runOnce(t, p, narrow(in.Data)), want); !(d <= 1e-4) {
					t.Errorf("%+v on %s differs by %g", c, isa, d)
				}
			}
			m.L2 = 1 << 30
			for _, n := range compile(t, g, m, Plan{Algorithm: "direct", Format: "dense", Batch: c.batch}).Nodes() {
				if n.Op == "Chain" {
					t.Errorf("%s is a chain though all maps stay in the cache", n.Name)
				}
			}
			m.L2 = 3 * c.size * c.size * 48 * 4
			for _, n := range compile(t, g, m, Plan{Algorithm: "direct", Format: "dense", Batch: c.batch, Schedule: ir.Choice{Name: Untuned}}).Nodes() {
				if n.Op == "Chain" {
					t.Errorf("%s is a chain in the schedule untuned", n.Name)
				}
			}
		}
	}
}

// stemNet is a convolution of a plain input or, behind another, of blocks, a pooling that its first rows' windows reach
// beyond, and a convolution with windows of one pixel.
func stemNet(seed uint64, size, k int, plain bool) *ir.Graph {
	b := newBuilder(seed, 0, 3, size, size)
	x, c := "x", 3
	if !plain {
		x, c = b.node("Relu", nil, b.norm(b.conv(x, 3, 20, 1, 1, 1), 20)), 20
	}
	x = b.node("Relu", nil, b.norm(b.conv(x, c, 36, k, 2, 1), 36))
	x = b.node("MaxPool", ir.Attrs{"kernel_shape": []int{3, 3}, "strides": []int{2, 2}, "pads": []int{1, 1, 1, 1}}, x)
	b.node("Flatten", nil, b.node("GlobalAveragePool", nil, b.conv(x, 36, 7, 1, 1, 1)))
	return b.Graph
}

// TestChainedPooling: the first convolution and the pooling behind it go strip by strip where the map between is large.
func TestChainedPooling(t *testing.T) {
	for i, c := range []struct {
		size, k, batch, threads int
		plain                   bool
	}{{32, 7, 1, 1, true}, {48, 3, 2, 2, true}, {48, 5, 1, 1, false}, {64, 7, 1, 2, true}} {
		g := stemNet(uint64(i), c.size, c.k, c.plain)
		in := randomInput(uint64(i), g, c.batch)
		want := exact(t, g, in)
		for _, isa := range []string{"go", hardware.Probe().ISA} {
			m := machine(isa, c.threads)
			m.L2 = c.size * c.size * 36 * 3
			if !c.plain { // a strip's input has more channels
				m.L2 = c.size * c.size * 36 * 5
			}
			p := compile(t, g, m, Plan{Algorithm: "direct", Format: "dense", Batch: c.batch})
			chains := 0
			for _, n := range p.Nodes() {
				if n.Op == "Chain" && len(n.Members) > 1 {
					chains++
				}
			}
			if chains == 0 {
				t.Errorf("%+v on %s: no chain among %v", c, isa, p.Nodes())
			}
			for range 2 {
				if d := exactness.Distance(runOnce(t, p, narrow(in.Data)), want); !(d <= 1e-4) {
					t.Errorf("%+v on %s differs by %g", c, isa, d)
				}
			}
		}
	}
}
