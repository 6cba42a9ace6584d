package primitive

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/godlas/godlas/dlas/ir"
	"github.com/godlas/godlas/dlas/primitive/internal/asm"
)

// BenchmarkWinograd times layers of ResNet and VGG alone, with every plan, as the least of many runs: microseconds beside
// those of a direct convolution at the speed that the product reaches in the first-level cache.
func BenchmarkWinograd(b *testing.B) {
	if !asm.HasAVX512() {
		b.Skip("for AVX-512")
	}
	least := func(n int, f func()) float64 {
		best := time.Duration(1 << 62)
		for range n {
			begin := time.Now()
			f()
			best = min(best, time.Since(begin))
		}
		return best.Seconds() * 1e6
	}
	r := rand.New(rand.NewPCG(1, 1))
	a := asm.WinoMul{V: make([]float32, 14*256), U: make([]float32, 256*32+512), M: make([]float32, 14*32), VBlock: 14 * 16, Quads: 64, MBlock: 14 * 16, Count: 20}
	rate := 20 * 14 * 32 * 256 / least(300, func() { asm.WinoProduct(asm.AVX512, 14, 32, &a) }) // MACs a microsecond
	b.Logf("peak %.1f GFLOP/s", 2*rate/1e3)
	for _, l := range [][2]int{{16, 32}, {32, 16}, {64, 8}, {64, 56}, {128, 28}, {256, 14}, {512, 7}, {64, 224}, {128, 112}, {256, 56}, {512, 28}, {512, 14}} {
		c, h := l[0], l[1]
		p, in, _ := convBare(r, c, h)
		for _, k := range winogradKernels() {
			if k.ISA != "avx512" {
				continue
			}
			q, _ := arrange(k, p, ir.Lanes)
			w := newWinograd(q, asm.AVX512)
			best := w.best()
			for _, plan := range w.plans() {
				bound, err := k.Bind(q, plan.schedule())
				if err != nil {
					b.Fatal(err)
				}
				call := ir.Call{In: []ir.Memory{in, nil, nil}, Out: []ir.Memory{ir.NewMemory(4 * q.OutLayout[0].Elems(q.Out[0]))}, Workspace: ir.NewMemory(int(bound.WorkspaceBytes)), Scratch: ir.NewMemory(int(bound.ScratchBytes))}
				direct := float64(c*c*h*h*9) / rate
				n := max(5, min(100, int(10e3/direct)))
				us := least(n, func() {
					for phase, parts := range bound.Phases {
						for part := range parts {
							call.Phase, call.Part = phase, part
							bound.Run(call)
						}
					}
				})
				mark := ""
				if plan == best {
					mark = "<- chosen"
				}
				fmt.Printf("%4d@%-3d m=%d chunk=%-3d staged=%-5v late=%-5v %8.1f us, estimate %8.1f kcyc, direct at peak %8.1f, ratio %.2f %s\n", c, h, plan.m, plan.chunk, plan.staged, plan.late, us, w.cost(plan)/1e3, direct, us/direct, mark)
			}
		}
	}
}

// convBare is a convolution c to c channels on h x h without its reference result.
func convBare(r *rand.Rand, c, h int) (ir.Problem, ir.Memory, error) {
	p := ir.Problem{
		Node:    &ir.Node{Name: "conv", Op: "Conv", In: []string{"x", "w", "b"}, Out: []string{"y"}, Attrs: ir.Attrs{"pads": []int{1, 1, 1, 1}}},
		In:      []ir.Shape{{1, c, h, h}, {c, c, 3, 3}, {c}},
		Out:     []ir.Shape{{1, c, h, h}},
		Machine: ir.Machine{Threads: 1, L1D: 48 << 10, L2: 2 << 20},
	}
	w := make([]float32, c*c*9)
	for i := range w {
		w[i] = float32(r.NormFloat64())
	}
	p.Weights = []*ir.Tensor{nil, ir.NewF32(w, c, c, 3, 3), ir.NewF32(make([]float32, c), c)}
	k := winogradKernels()[0]
	q, _ := arrange(k, p, ir.Lanes)
	return p, ir.NewMemory(4 * q.InLayout[0].Elems(q.In[0])), nil
}
