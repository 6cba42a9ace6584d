package system

import (
	"context"
	"fmt"
	"testing"

	"github.com/godlas/godlas/dlas/hardware"
	"github.com/godlas/godlas/dlas/ir"
)

// resnet20 has the shape of CIFAR's ResNet-20, with random weights.
func resnet20(zero float64) *ir.Graph {
	b := newBuilder(20, zero, 3, 32, 32)
	x := b.node("Relu", nil, b.norm(b.conv("x", 3, 16, 3, 1, 1), 16))
	in := 16
	for stage, out := range []int{16, 32, 64} {
		for block := range 3 {
			stride := 1
			if stage > 0 && block == 0 {
				stride = 2
			}
			main := b.node("Relu", nil, b.norm(b.conv(x, in, out, 3, stride, 1), out))
			main = b.norm(b.conv(main, out, out, 3, 1, 1), out)
			if stride == 2 {
				x = b.node("AveragePool", ir.Attrs{"kernel_shape": []int{1, 1}, "strides": []int{2, 2}}, x)
				x = b.node("Pad", ir.Attrs{"pads": []int{0, in / 2, 0, 0, 0, in / 2, 0, 0}}, x)
			}
			x = b.node("Relu", nil, b.node("Add", nil, main, x))
			in = out
		}
	}
	x = b.node("Flatten", nil, b.node("GlobalAveragePool", nil, x))
	b.node("Gemm", ir.Attrs{"transB": 1}, x, b.weight("fc", 0.1, 10, 64), b.weight("fcb", 0.1, 10))
	return b.Graph
}

func BenchmarkResNet20(b *testing.B) {
	for _, threads := range []int{1, 2} {
		for _, schedule := range []string{Untuned, Heuristic} {
			for _, c := range [][2]string{{"direct", "dense"}, {"direct", "csr"}, {"gemm", "dense"}, {"gemm", "csr"}} {
				b.Run(fmt.Sprintf("threads=%d/%s/%s/%s", threads, schedule, c[0], c[1]), func(b *testing.B) {
					g := resnet20(0.9)
					p := compile(b, g, machine(hardware.Probe().ISA, threads), Plan{Algorithm: c[0], Format: c[1], Schedule: ir.Choice{Name: schedule}})
					in := narrow(randomInput(1, g, 1).Data)
					out := make([]float32, 10)
					for b.Loop() {
						if err := p.Run(context.Background(), in, out); err != nil {
							b.Fatal(err)
						}
					}
				})
			}
		}
	}
}
