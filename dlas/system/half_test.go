package system

import (
	"context"
	"math"
	"strings"
	"testing"

	"github.com/godlas/godlas/dlas/hardware"
	"github.com/godlas/godlas/dlas/ir"
)

// TestStoredHalf runs a network whose weights are float16: each kernel reads them as they are, and gives what the
// definition gives on the same weights.
func TestStoredHalf(t *testing.T) {
	g := residualNet(5, 0, 16, 16)
	bits := []uint16{0x2e66, 0xae66, 0x3266, 0xb266, 0x2a3d, 0x0, 0xa800} // 0.1, -0.1, 0.2 and so on
	half := 0
	for _, n := range g.Nodes {
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
