package system

import (
	"runtime"
	"slices"
	"testing"

	"github.com/godlas/godlas/dlas/hardware"
	"github.com/godlas/godlas/dlas/ir"
)

// largeNet has each operator whose weights are packed, with enough of them to be given back: convolutions of all kinds, a
// chain, one pair of nodes that share their weights and one weight that is a part of another.
func largeNet() *ir.Graph {
	b := newBuilder(3, 0, 32, 32, 32)
	x := b.node("Relu", nil, b.norm(b.conv("x", 32, 512, 1, 1, 1), 512))
	x = b.node("Relu", nil, b.norm(b.conv(x, 512, 512, 3, 1, 512), 512))
	x = b.norm(b.conv(x, 512, 32, 1, 1, 1), 32)
	x = b.node("MaxPool", ir.Attrs{"kernel_shape": []int{4, 4}, "strides": []int{4, 4}}, x)
	x = b.norm(b.conv(x, 32, 96, 3, 1, 1), 96)
	x = b.conv(x, 96, 96, 3, 1, 1)
	shared := b.Nodes[len(b.Nodes)-1].In[1]
	x = b.node("Conv", ir.Attrs{"pads": []int{1, 1, 1, 1}}, x, shared)
	part := *b.Weights[shared]
	part.Shape, part.Data = ir.Shape{24, 96, 3, 3}, part.F32()[17*864:41*864]
	b.Weights["part"] = &part
	x = b.node("Conv", ir.Attrs{"pads": []int{1, 1, 1, 1}}, x, "part")
	x = b.conv(x, 24, 128, 5, 2, 1)
	x = b.conv(x, 128, 256, 3, 1, 2)
	x = b.norm(b.node("ConvTranspose", nil, x, b.weight("up", 0.02, 256, 32, 2, 2)), 32)
	x = b.node("Flatten", nil, x)
	x = b.node("MatMul", nil, x, b.weight("product", 0.03, 800, 32))
	b.node("Gemm", ir.Attrs{"transB": 1}, x, b.weight("fc", 0.1, 520, 32), b.weight("fcb", 0.1, 520))
	return b.Graph
}

// TestConsume holds that a program whose weights were given back as they were packed computes the same numbers, by every
// algorithm and ISA, and that they were given back, but for those which others need.
func TestConsume(t *testing.T) {
	in := narrow(randomInput(1, largeNet(), 1).Data)
	isas := hardware.Probe().ISAs
	for k, isa := range isas {
		for i, c := range [][2]string{{"auto", ""}, {"direct", "dense"}, {"gemm", "dense"}, {"winograd", "dense"}, {"gemm", "csr"}} {
			if i > 0 && k+1 < len(isas) {
				continue // the loops alone differ
			}
			m := machine(isa, 1+i%2)
			plan := Plan{Algorithm: c[0], Format: c[1]}
			want := runOnce(t, compile(t, largeNet(), m, plan), in)
			g, before := largeNet(), largeNet()
			memory := map[string]ir.Memory{}
			for name, w := range g.Weights {
				memory[name] = w.Memory()
			}
			plan.Consume = true
			p := compile(t, g, m, plan)
			if got := runOnce(t, p, in); !slices.Equal(got, want) {
				t.Errorf("%s %v: another output", isa, c)
			}
			given := 0
			for name, w := range g.Weights {
				if w.Data == nil {
					given++
					if middle := memory[name][len(memory[name])/2:][:64]; runtime.GOOS == "linux" && !slices.Equal(middle, make(ir.Memory, 64)) {
						t.Errorf("%s %v: %s is still there", isa, c, name)
					}
				}
			}
			if given < 6 {
				t.Errorf("%s %v: the memory of %d weights was given back", isa, c, given)
			}
			for _, name := range []string{before.Nodes[len(before.Nodes)-1].In[2], "part"} {
				if w := g.Weights[name]; w.Data == nil || !slices.Equal(w.F32(), before.Weights[name].F32()) {
					t.Errorf("%s %v: %s is gone", isa, c, name)
				}
			}
		}
	}
}

// TestConsumeConstant: two nodes that share what a Constant makes, which is no weight of the network's by name.
func TestConsumeConstant(t *testing.T) {
	build := func() *ir.Graph {
		b := newBuilder(3, 0, 64, 9, 9)
		name := b.weight("w", 0.05, 64, 64, 3, 3)
		w := b.Weights[name]
		delete(b.Weights, name)
		c := b.node("Constant", ir.Attrs{"value": w})
		x := b.node("Relu", nil, b.node("Conv", ir.Attrs{"pads": []int{1, 1, 1, 1}}, "x", c))
		b.node("Conv", ir.Attrs{"pads": []int{1, 1, 1, 1}}, x, c)
		return b.Graph
	}
	m := machine(hardware.Probe().ISA, 1)
	in := narrow(randomInput(1, build(), 1).Data)
	want := runOnce(t, compile(t, build(), m, Plan{}), in)
	if got := runOnce(t, compile(t, build(), m, Plan{Consume: true}), in); !slices.Equal(got, want) {
		t.Error("another output")
	}
}
