package primitive

import (
	"flag"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/godlas/godlas/dlas/ir"
)

// benchShapes are layers of the networks that convolutions come from.
func benchShapes() map[string]shape {
	same := func(c, m, size, k, stride int) shape {
		return convShape(1, c, size, size, m, k, k, 1, ir.Attrs{"strides": []int{stride, stride}, "pads": []int{k / 2, k / 2, k / 2, k / 2}, "act": "relu"}, true, false)
	}
	added := func(s shape) shape { // with a residual
		s.in[3] = ir.Shape{1, s.in[1][0], s.in[0][2], s.in[0][3]}
		return s
	}
	return map[string]shape{
		"3x3 64@56": same(64, 64, 56, 3, 1), "3x3 128@28": same(128, 128, 28, 3, 1), "3x3 256@14": same(256, 256, 14, 3, 1), "3x3 512@7": same(512, 512, 7, 3, 1),
		"1x1 64-256@56": same(64, 256, 56, 1, 1), "1x1 256-64@56": same(256, 64, 56, 1, 1), "1x1 512-128@28": same(512, 128, 28, 1, 1), "1x1 1024-256@14": same(1024, 256, 14, 1, 1), "1x1 2048-512@7": same(2048, 512, 7, 1, 1),
		"1x1 512-512@14": same(512, 512, 14, 1, 1), "1x1 256-256@28": same(256, 256, 28, 1, 1), "1x1 128-128@56": same(128, 128, 56, 1, 1), "1x1 64-64@56": same(64, 64, 56, 1, 1), "1x1 512-512@4": same(512, 512, 4, 1, 1), "1x1 256-256@8": same(256, 256, 8, 1, 1), "1x1 128-128@16": same(128, 128, 16, 1, 1), "1x1 128-512@28+": added(same(128, 512, 28, 1, 1)),
		"7x7s2 3-64@224": same(3, 64, 224, 7, 2), "3x3s2 3-32@224": same(3, 32, 224, 3, 2), "3x3 3-16@32": same(3, 16, 32, 3, 1),
		"3x3 16@32": same(16, 16, 32, 3, 1), "3x3 32@16": same(32, 32, 16, 3, 1), "3x3 64@8": same(64, 64, 8, 3, 1), "3x3 512@4": same(512, 512, 4, 3, 1), "3x3 512@2": same(512, 512, 2, 3, 1),
		"3x3s2 64-128@56": same(64, 128, 56, 3, 2), "3x3 64@224": same(64, 64, 224, 3, 1), "3x3 512@28": same(512, 512, 28, 3, 1),
		"1x1 24-144@56": same(24, 144, 56, 1, 1), "1x1 144-24@56": same(144, 24, 56, 1, 1), "1x1 40-240@28": same(40, 240, 28, 1, 1), "1x1 320-1280@7": same(320, 1280, 7, 1, 1), "1x1s2 64-128@56": same(64, 128, 56, 1, 2), "1x1 64-256@56+": added(same(64, 256, 56, 1, 1)), "1x1 256-1024@14+": added(same(256, 1024, 14, 1, 1)),
	}
}

// cold is how many copies of the weights take turns, so that none is in a cache of the core's own; 0 or 1: warm.
var cold = flag.Int("cold", 1, "copies of the weights that take turns")

// BenchmarkConv gives multiply-adds as GF/s: the best of many runs, over memory that is warm. -test.bench Conv//KERNEL.
func BenchmarkConv(b *testing.B) {
	r := rand.New(rand.NewPCG(1, 2))
	for name, s := range benchShapes() {
		p, in, _ := s.unsolved(r, 0, ir.Machine{Threads: 1, L1D: 48 << 10, L2: 2 << 20})
		for _, k := range Kernels() {
			if k.Op != "Conv" || !strings.HasPrefix(k.Name, "conv_f32") {
				continue
			}
			block := ir.Lanes
			if p.In[0][1] <= planes {
				block = 0
			}
			q, ok := arrange(k, p, block)
			if !ok {
				continue
			}
			b.Run(strings.ReplaceAll(name, " ", "_")+"/"+k.Name, func(b *testing.B) {
				var bounds []ir.Bound
				for range *cold {
					bound, err := k.Bind(q, ir.Schedule{})
					if err != nil {
						b.Fatal(err)
					}
					bounds = append(bounds, bound)
				}
				bound, turn := bounds[0], 0
				call := ir.Call{In: make([]ir.Memory, len(in)), Out: []ir.Memory{ir.NewMemory(4 * q.LayoutOut(0).Elems(q.Out[0]))}}
				call.In[0] = lay(in[0], q.In[0], q.LayoutIn(0))
				if len(in) > 3 && in[3] != nil {
					call.In[3] = lay(in[3], q.In[3], q.LayoutIn(3))
				}
				call.Workspace, call.Scratch = ir.NewMemory(int(bound.WorkspaceBytes)), ir.NewMemory(int(bound.ScratchBytes))
				best := time.Hour
				for b.Loop() {
					turn++
					bound := bounds[turn%len(bounds)]
					begin := time.Now()
					for phase, parts := range bound.Phases {
						call.Phase = phase
						for part := range parts {
							call.Part = part
							bound.Run(call)
						}
					}
					best = min(best, time.Since(begin))
				}
				macs := float64(q.Out[0].Elems() * q.In[1][1:].Elems())
				b.ReportMetric(2*macs/float64(best.Nanoseconds()), "GF/s")
				b.ReportMetric(float64(best.Nanoseconds())/1e3, "us")
			})
		}
	}
}
