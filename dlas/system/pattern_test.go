package system

import (
	"fmt"
	"testing"

	"github.com/godlas/godlas/dlas/hardware"
	"github.com/godlas/godlas/dlas/internal/exactness"
	"github.com/godlas/godlas/dlas/ir"
)

// TestPatternLogits is the metamorphic test on kernels with few masks: format pattern, those that know nothing of masks and
// the automatic choice compute the same, and the nodes whose kernels have masks run the format that was named.
func TestPatternLogits(t *testing.T) {
	masks := []int{0b000011011, 0b110110000, 0b000111010, 0b010110010}
	for _, size := range [][2]int{{32, 32}, {19, 13}} {
		g := residualNet(1, 0, size[0], size[1])
		layers := 0
		for _, n := range g.Nodes {
			if n.Op != "Conv" || n.Attrs.Int("group", 1) > 1 {
				continue
			}
			w := g.Weights[n.In[1]]
			if !w.Shape[2:].Equal(ir.Shape{3, 3}) {
				continue
			}
			layers++
			for i, v := range w.F32() {
				if masks[i/9%4]>>(i%9)&1 == 0 || i/9%7 == 0 {
					v = 0
				}
				w.F32()[i] = v
			}
		}
		in := randomInput(2, g, 2)
		want := exact(t, g, in)
		for _, isa := range hardware.Probe().ISAs {
			for _, threads := range []int{1, 3} {
				for _, schedule := range []string{Untuned, Heuristic} {
					for _, c := range [][2]string{{"auto", ""}, {"auto", "pattern"}, {"direct", "pattern"}, {"direct", "csr"}, {"direct", "dense"}} {
						what := fmt.Sprintf("size %v %s threads=%d %s %v", size, isa, threads, schedule, c)
						p := compile(t, g, machine(isa, threads), Plan{Algorithm: c[0], Format: c[1], Schedule: ir.Choice{Name: schedule}, Batch: 2})
						if d := exactness.Distance(runOnce(t, p, narrow(in.Data)), want); !(d <= 1e-4) {
							t.Fatalf("%s: logits differ by %g", what, d)
						}
						ran := 0
						for _, n := range p.Nodes() {
							if n.Op == "Conv" && n.Format == "pattern" {
								ran++
							}
						}
						if c[1] == "pattern" && ran != layers {
							t.Errorf("%s: %d of %d layers run format pattern", what, ran, layers)
						}
					}
				}
			}
		}
	}
}
