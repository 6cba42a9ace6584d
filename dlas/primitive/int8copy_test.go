package primitive

import (
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/godlas/godlas/dlas/ir"
)

// TestByteCopies checks what the rows that copy their input tell of themselves: the matrix or the pieces in the workspace,
// the products of direct, and a cost above its.
func TestByteCopies(t *testing.T) {
	p, _ := byteConvCase(rand.New(rand.NewPCG(3, 4)), ir.U8, ir.I8, 2, 20, 14, 14, 33, 3, 3, 1, pads(1, 1, 1, 1), "bs").problem(testMachine(1))
	bind := func(k ir.Kernel) (ir.Bound, float64) {
		t.Helper()
		q, ok := arrange(k, p, ir.Lanes)
		if !ok {
			t.Fatalf("%s does not fit", k.Name)
		}
		b, err := k.Bind(q, ir.Schedule{})
		if err != nil {
			t.Fatal(err)
		}
		return b, k.Cost(q)
	}
	for _, l := range byteLevels() {
		pieces := ceilDiv(14, l.pixels)
		wide := ceilDiv(14, pieces) + 2
		for _, format := range []string{Dense, BSR} {
			direct, least := bind(byteConvKernel(l, Direct, format))
			for algorithm, want := range map[string]int{Gemm: 14 * 14 * 2 * 9 * 16, SpatialPack: 14 * pieces * 2 * 3 * wide * 16} {
				k := byteConvKernel(l, algorithm, format)
				b, cost := bind(k)
				if b.WorkspaceBytes != int64(want) || b.MACsExecuted != direct.MACsExecuted || cost <= least {
					t.Errorf("%s: %d bytes of workspace, %d MACs executed at a cost of %.0f; want %d and %d, above %.0f", k.Name, b.WorkspaceBytes, b.MACsExecuted, cost, want, direct.MACsExecuted, least)
				}
			}
		}
	}
	grouped, _ := byteConvCase(rand.New(rand.NewPCG(3, 4)), ir.U8, ir.I8, 1, 32, 6, 6, 32, 3, 3, 2, pads(1, 1, 1, 1), "b").problem(testMachine(1))
	if err := byteConvKernel(byteLevels()[0], Gemm, Dense).Fits(grouped); err == nil || !strings.Contains(err.Error(), "2 groups") {
		t.Errorf("a convolution with groups: %v", err)
	}
}
