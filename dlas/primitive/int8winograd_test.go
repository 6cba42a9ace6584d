package primitive

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/godlas/godlas/dlas/ir"
)

// BenchmarkByteWinograd times layers of ResNet and VGG alone, with every plan, as the least of many runs: microseconds
// beside those of the direct kernel.
func BenchmarkByteWinograd(b *testing.B) {
	r := rand.New(rand.NewPCG(1, 1))
	for _, layer := range [][2]int{{64, 224}, {128, 112}, {256, 56}, {512, 28}, {512, 14}, {64, 56}, {128, 28}, {256, 14}, {512, 7}, {64, 32}, {128, 16}, {256, 8}, {512, 4}, {16, 32}, {32, 16}, {64, 8}} {
		for _, l := range byteLevels() {
			byteWinogradLayer(b, r, l, layer[0], layer[1])
		}
	}
}

func byteWinogradLayer(b *testing.B, r *rand.Rand, l byteLevel, c, h int) {
	b.Run(fmt.Sprintf("%s/%d@%d", l.isa, c, h), func(b *testing.B) {
		p := byteBare(r, c, h)
		bind := func(k ir.Kernel, s ir.Schedule) func(int) float64 {
			q, _ := arrange(k, p, ir.Lanes)
			bound, err := k.Bind(q, s)
			if err != nil {
				b.Fatal(err)
			}
			call := ir.Call{In: make([]ir.Memory, len(q.In)), Out: []ir.Memory{ir.NewMemory(q.OutLayout[0].Elems(q.Out[0]))}, Workspace: ir.NewMemory(int(bound.WorkspaceBytes)), Scratch: ir.NewMemory(int(bound.ScratchBytes))}
			call.In[0] = ir.NewMemory(q.InLayout[0].Elems(q.In[0]))
			return func(n int) float64 {
				best := time.Duration(1 << 62)
				for range n {
					begin := time.Now()
					for phase, parts := range bound.Phases {
						for part := range parts {
							call.Phase, call.Part = phase, part
							bound.Run(call)
						}
					}
					best = min(best, time.Since(begin))
				}
				return best.Seconds() * 1e6
			}
		}
		k := byteWinogradKernel(l)
		if err := k.Fits(p); err != nil {
			b.Fatal(err)
		}
		q, _ := arrange(k, p, ir.Lanes)
		w := newByteWinograd(q, l)
		n := max(8, min(200, int(12_500_000*l.rate)/(c*c*h*h*9/10)))
		direct, best := bind(byteConvKernel(l, Direct, Dense), ir.Schedule{})(n), w.best()
		fmt.Printf("%s %4d@%-3d direct %8.1f us, estimate %8.1f kcyc\n", l.isa, c, h, direct, byteConvCost(q, l)/1e3)
		plans := w.plans()
		if b.N == 1 && testing.Short() {
			plans = []byteWinogradPlan{best}
		}
		for _, plan := range plans {
			us, mark := bind(k, plan.schedule())(n), ""
			if plan == best {
				mark = "<- chosen"
			}
			fmt.Printf("%s %4d@%-3d %+v %8.1f us, estimate %8.1f kcyc, ratio %.2f %s\n", l.isa, c, h, plan, us, w.cost(plan)/1e3, us/direct, mark)
		}
	})
}

// byteBare is a quantised convolution c to c channels on h x h, of weights as a quantiser leaves them.
func byteBare(r *rand.Rand, c, h int) ir.Problem {
	b := byteConvCase(r, ir.U8, ir.I8, 1, c, 4, 4, c, 3, 3, 1, pads(1, 1, 1, 1), "b")
	w := b.in[3].Data.([]int8)
	for i := range w {
		w[i] = int8(max(-127, min(127, r.NormFloat64()*30)))
	}
	b.in[2] = u8(0)
	p, _ := b.problem(testMachine(1))
	p.Machine.L1D, p.Machine.L2 = 48<<10, 2<<20
	p.In[0], p.Out[0] = ir.Shape{1, c, h, h}, ir.Shape{1, c, h, h}
	return p
}
