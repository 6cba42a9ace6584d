package system

import (
	"fmt"
	"testing"

	"github.com/godlas/godlas/dlas/hardware"
	"github.com/godlas/godlas/dlas/ir"
)

// TestSameLogits is the metamorphic test: whatever the algorithm, format, ISA, threads, schedule and batch, a network
// computes the same.
func TestSameLogits(t *testing.T) {
	for _, zero := range []float64{0, 0.9} {
		for _, size := range [][2]int{{32, 32}, {19, 13}} {
			g := residualNet(1, zero, size[0], size[1])
			for _, batch := range []int{1, 3} {
				in := randomInput(2, g, batch)
				want := exact(t, g, in)
				for _, isa := range hardware.Probe().ISAs {
					for _, threads := range []int{1, 2, 3} {
						for _, schedule := range []string{Untuned, Heuristic} {
							for _, c := range [][2]string{{"auto", ""}, {"auto", "csr"}, {"direct", "dense"}, {"direct", "csr"}, {"gemm", "dense"}, {"gemm", "csr"}} {
								what := fmt.Sprintf("zero %v size %v batch %d %s threads=%d %s %v", zero, size, batch, isa, threads, schedule, c)
								p := compile(t, g, machine(isa, threads), Plan{Algorithm: c[0], Format: c[1], Schedule: ir.Choice{Name: schedule}, Batch: batch})
								if d := distance(runOnce(t, p, narrow(in.Data)), want); !(d <= 1e-4) {
									t.Fatalf("%s: logits differ by %g", what, d)
								}
							}
						}
					}
				}
			}
		}
	}
}
