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
