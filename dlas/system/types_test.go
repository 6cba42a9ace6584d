package system

import (
	"context"
	"testing"

	"github.com/godlas/godlas/dlas/hardware"
	"github.com/godlas/godlas/dlas/ir"
	"github.com/godlas/godlas/dlas/primitive"
)

// TestTypes holds for networks of each type of weights, and those that run in chains, what TestNoAllocation and TestShared
// hold for f32: a run allocates nothing, and sessions of one network share one program.
func TestTypes(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	halves := func() *ir.Graph {
		g := residualNet(5, 0, 16, 16)
		for _, n := range g.Nodes {
			if n.Op == "Conv" && n.Attrs.Int("group", 1) == 1 || n.Op == "Gemm" {
				w := g.Weights[n.In[1]]
				data := make([]uint16, w.Shape.Elems())
				for i := range data {
					data[i] = 0x2a00 + uint16(i%64)
				}
				g.Weights[n.In[1]] = &ir.Tensor{Shape: w.Shape, Type: ir.F16, Data: data}
			}
		}
		return g
	}
	isas := hardware.Probe().ISAs
	for name, build := range map[string]func() *ir.Graph{
		"u8":                   func() *ir.Graph { return quantNet(false, false) },
		"i8":                   func() *ir.Graph { return quantNet(true, false) },
		"u8 and weights of u8": func() *ir.Graph { return quantNet(false, true) },
		"f16":                  halves,
		"a chain":              func() *ir.Graph { return phoneNet(1, 56, 3, 1) },
		"large":                largeNet,
	} {
		in := narrow(randomInput(1, build(), 2).Data)
		for _, isa := range []string{isas[0], isas[len(isas)-1]} {
			if isa == isas[0] && (name == "large" || name == "a chain") {
				continue
			}
			for threads := 1; threads <= 2; threads++ {
				shared := func(g *ir.Graph) *Program {
					p, err := Shared(g, primitive.Kernels(), machine(isa, threads), Plan{Batch: 2, Consume: true})
					if err != nil {
						t.Fatal(err)
					}
					return p
				}
				p := shared(build())
				if shared(build()) != p {
					t.Errorf("%s %s: the same network is compiled again", name, isa)
				}
				g := build()
				for _, w := range g.Weights {
					if m := w.Memory(); w.Type != ir.Bool && len(w.Shape) == 4 {
						m[len(m)-1] ^= 1
						break
					}
				}
				if shared(g) == p {
					t.Errorf("%s %s: one bit of a weight makes no difference", name, isa)
				}
				out := make([]float32, p.OutShape().Elems())
				if n := testing.AllocsPerRun(2, func() {
					if err := p.Run(ctx, in, out); err != nil {
						t.Error(err)
					}
				}); n > 0 {
					t.Errorf("%s %s threads=%d: a run allocates %v times", name, isa, threads, n)
				}
			}
		}
	}
}
