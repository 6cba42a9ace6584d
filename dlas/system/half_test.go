package system

import (
	"context"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/godlas/godlas/dlas/hardware"
	"github.com/godlas/godlas/dlas/internal/exactness"
	"github.com/godlas/godlas/dlas/ir"
	"github.com/godlas/godlas/dlas/ir/op"
)

// TestStoredHalf runs a network whose weights are float16: each kernel reads them as they are, and gives what the
// definition gives on the same weights.
func TestStoredHalf(t *testing.T) {
	g := residualNet(5, 0, 16, 16)
	bits := []uint16{0x2e66, 0xae66, 0x3266, 0xb266, 0x2a3d, 0x0, 0xa800} // 0.1, -0.1, 0.2 and so on
	half := 0
	for _, n := range g.Nodes {
		if n.Op == "BatchNormalization" { // else it is folded into weights that are f32 then
			n.Op, n.In, n.Attrs = "Identity", n.In[:1], ir.Attrs{}
		}
		if n.Op != "Conv" && n.Op != "Gemm" || n.Op == "Conv" && n.Attrs.Int("group", 1) > 1 {
			continue
		}
		w := g.Weights[n.In[1]]
		data := make([]uint16, w.Shape.Elems())
		for i := range data {
			data[i] = bits[i*i%len(bits)]
		}
		g.Weights[n.In[1]] = &ir.Tensor{Shape: w.Shape, Type: ir.F16, Data: data}
		half++
	}
	in := randomInput(5, g, 1)
	want := exact(t, g, in)
	for _, isa := range hardware.Probe().ISAs {
		p := compile(t, g, machine(isa, 2), Plan{})
		out := make([]float32, p.OutShape().Elems())
		if err := p.Run(context.Background(), narrow(in.Data), out); err != nil {
			t.Fatal(err)
		}
		top, worst := 0.0, 0.0
		for i, v := range want {
			top, worst = max(top, math.Abs(v)), max(worst, math.Abs(v-float64(out[i])))
		}
		if !(worst <= 1e-4*top) {
			t.Errorf("%s: the logits are off by %g of %g", isa, worst, top)
		}
		f16 := 0
		for _, n := range p.Nodes() {
			if n.Type == ir.F16 && strings.Contains(n.Kernel, "_f16_") {
				f16++
			}
		}
		if f16 != half {
			t.Errorf("%s: %d of %d nodes read float16", isa, f16, half)
		}
	}
}

// TestHalvesAreWidened: weights in two bytes that no kernel reads so are f32 in the program, so that what follows is folded
// into them and zeros can be skipped; the logits are those of the definition on the same weights.
func TestHalvesAreWidened(t *testing.T) {
	for _, typ := range []ir.Type{ir.F16, ir.BF16} {
		g := residualNet(6, 0, 16, 16)
		rng := rand.New(rand.NewPCG(1, 3))
		for _, n := range g.Nodes {
			if n.Op != "Conv" && n.Op != "Gemm" {
				continue
			}
			w := g.Weights[n.In[1]]
			data := make([]uint16, w.Shape.Elems())
			for i := range data {
				v := float32(rng.NormFloat64() / 8)
				if data[i] = op.HalfBits(float64(v)); typ == ir.BF16 {
					data[i] = uint16(math.Float32bits(v) >> 16)
				}
				if n.Op == "Gemm" && i%2 == 0 {
					data[i] = 0
				}
			}
			g.Weights[n.In[1]] = &ir.Tensor{Shape: w.Shape, Type: typ, Data: data}
		}
		in := randomInput(6, g, 1)
		want := exact(t, g, in)
		p := compile(t, g, machine(hardware.Probe().ISA, 2), Plan{})
		out := make([]float32, p.OutShape().Elems())
		if err := p.Run(context.Background(), narrow(in.Data), out); err != nil {
			t.Fatal(err)
		}
		if d := exactness.Distance(out, want); !(d <= 1e-4) {
			t.Errorf("%s: the logits are off by %g", typ, d)
		}
		for _, n := range p.Nodes() {
			if n.Op == "BatchNormalization" || strings.Contains(n.Kernel, "_reference_") || n.Op == "Gemm" && n.Type != ir.F32 {
				t.Errorf("%s: node %s (%s) runs %s", typ, n.Name, n.Op, n.Kernel)
			}
		}
	}
}
