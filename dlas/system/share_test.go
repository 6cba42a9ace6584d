package system

import (
	"runtime"
	"slices"
	"sync"
	"testing"

	"github.com/godlas/godlas/dlas/ir"
	"github.com/godlas/godlas/dlas/primitive"
)

// TestShared holds that the same network is compiled once, however many sessions want it, and that whatever makes a
// difference to a program makes another one.
func TestShared(t *testing.T) {
	compile := func(g *ir.Graph, m ir.Machine, p Plan) *Program {
		prog, err := Shared(g, primitive.Kernels(), m, p)
		if err != nil {
			t.Fatal(err)
		}
		return prog
	}
	m := machine("go", 1)
	first := compile(residualNet(1, 0, 16, 16), m, Plan{})
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			if again := compile(residualNet(1, 0, 16, 16), m, Plan{}); again != first {
				t.Error("the same network is compiled again")
			}
		})
	}
	wg.Wait()

	weight := residualNet(1, 0, 16, 16)
	weight.Weights["fcb"] = weight.Weights["fcb"].Clone()
	weight.Weights["fcb"].F32()[3]++
	stride := residualNet(1, 0, 16, 16)
	for _, n := range stride.Nodes {
		if n.Op == "BatchNormalization" {
			n.Attrs["epsilon"] = 1e-3
		}
	}
	for name, other := range map[string]*Program{
		"a weight":   compile(weight, m, Plan{}),
		"epsilon":    compile(stride, m, Plan{}),
		"the size":   compile(residualNet(1, 0, 17, 16), m, Plan{}),
		"the plan":   compile(residualNet(1, 0, 16, 16), m, Plan{Algorithm: "gemm"}),
		"the batch":  compile(residualNet(1, 0, 16, 16), m, Plan{Batch: 2}),
		"the thread": compile(residualNet(1, 0, 16, 16), machine("go", 2), Plan{}),
	} {
		if other == first {
			t.Errorf("%s makes no difference", name)
		}
	}

	in := narrow(randomInput(1, weight, 1).Data)
	if slices.Equal(runOnce(t, first, in), runOnce(t, compile(weight, m, Plan{}), in)) {
		t.Error("another bias gives the same logits")
	}
	runtime.KeepAlive(first)

	// A program that nobody holds is garbage, and its entry goes with the next call.
	first = nil
	for range 5 {
		runtime.GC()
	}
	compile(residualNet(2, 0, 8, 8), m, Plan{})
	shared.Lock()
	defer shared.Unlock()
	if n := len(shared.of); n > 2 {
		t.Errorf("%d programs are remembered, want the one in use", n)
	}
}
