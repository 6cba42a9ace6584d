package system

import (
	"context"
	"fmt"
	"math"
	"slices"
	"testing"

	"github.com/godlas/godlas/dlas/hardware"
	"github.com/godlas/godlas/dlas/ir"
	"github.com/godlas/godlas/dlas/ir/op"
	"github.com/godlas/godlas/dlas/primitive"
)

// quantBuilder makes networks as quantisers write them: each value quantised and dequantised at once.
type quantBuilder struct {
	*builder
	signed bool // activations are i8
	wide   bool // weights are u8 with zero points of their own
}

// q quantises a value and returns it dequantised.
func (b *quantBuilder) q(x string, scale float64, zero int) string {
	return b.moved(x, scale, zero, "")
}

// moved is q with an operator on the bytes between, if one is named.
func (b *quantBuilder) moved(x string, scale float64, zero int, operator string) string {
	s, z := fmt.Sprintf("s%d", len(b.Nodes)), fmt.Sprintf("z%d", len(b.Nodes))
	b.Weights[s] = ir.NewF32([]float32{float32(scale)}, 1)
	b.Weights[z] = &ir.Tensor{Type: ir.U8, Shape: ir.Shape{1}, Data: []uint8{uint8(zero)}}
	if b.signed {
		b.Weights[z] = &ir.Tensor{Type: ir.I8, Shape: ir.Shape{1}, Data: []int8{int8(zero - 128)}}
	}
	x = b.node("QuantizeLinear", nil, x, s, z)
	if operator != "" {
		x = b.node(operator, nil, x)
	}
	return b.node("DequantizeLinear", nil, x, s, z)
}

// constant is a dequantised constant with one scale for each index of axis 0.
func (b *quantBuilder) constant(t *ir.Tensor, scale float64) string {
	n := len(b.Nodes)
	c, s, z := fmt.Sprintf("c%d", n), fmt.Sprintf("cs%d", n), fmt.Sprintf("cz%d", n)
	scales := make([]float32, t.Shape[0])
	for i := range scales {
		scales[i] = float32(scale * (0.5 + b.r.Float64()))
	}
	b.Weights[c], b.Weights[s] = t, ir.NewF32(scales, t.Shape[0])
	zero := &ir.Tensor{Type: t.Type, Shape: ir.Shape{t.Shape[0]}}
	switch t.Type {
	case ir.I8:
		zero.Data = make([]int8, t.Shape[0])
	case ir.I32:
		zero.Data = make([]int32, t.Shape[0])
	default:
		v := make([]uint8, t.Shape[0])
		for i := range v {
			v[i] = uint8(110 + b.r.IntN(30))
		}
		zero.Data = v
	}
	b.Weights[z] = zero
	return b.node("DequantizeLinear", ir.Attrs{"axis": 0}, c, s, z)
}

func (b *quantBuilder) bytes(shape ...int) *ir.Tensor {
	n := ir.Shape(shape).Elems()
	if b.wide {
		v := make([]uint8, n)
		for i := range v {
			v[i] = uint8(b.r.IntN(256))
		}
		return &ir.Tensor{Type: ir.U8, Shape: shape, Data: v}
	}
	v := make([]int8, n)
	for i := range v {
		v[i] = int8(b.r.IntN(255) - 127)
	}
	return &ir.Tensor{Type: ir.I8, Shape: shape, Data: v}
}

// conv is a convolution with a float bias; its result is not quantised yet.
func (b *quantBuilder) conv(x string, in, out, k, stride, group int) string {
	w := b.constant(b.bytes(out, in/group, k, k), 1.5/75/math.Sqrt(float64(in/group*k*k)))
	p := k / 2
	return b.node("Conv", ir.Attrs{"strides": []int{stride, stride}, "pads": []int{p, p, p, p}, "group": group}, x, w, b.weight(w+" b", 0.1, out))
}

func (b *quantBuilder) float(v float32) string {
	name := fmt.Sprintf("f%d", len(b.Nodes))
	b.Weights[name] = ir.NewF32([]float32{v}, 1)
	return name
}

// quantNet has one of everything.
func quantNet(signed, wide bool) *ir.Graph {
	b := &quantBuilder{newBuilder(5, 0, 3, 21, 17), signed, wide}
	x := b.q("x", 0.03, 121)
	x = b.q(b.node("Relu", nil, b.conv(x, 3, 24, 3, 2, 1)), 0.02, 0)
	// A residual, with activations of its own.
	y := b.q(b.conv(x, 24, 24, 3, 1, 1), 0.03, 130)
	x = b.q(b.node("Relu", nil, b.node("Add", nil, y, x)), 0.025, 3)
	// An inverted bottleneck with SiLU, squeeze and excite.
	y = b.q(b.conv(x, 24, 48, 1, 1, 1), 0.04, 127)
	y = b.q(b.node("Mul", nil, y, b.q(b.node("Sigmoid", nil, y), 1./255, 0)), 0.025, 12)
	y = b.q(b.conv(y, 48, 48, 5, 1, 48), 0.04, 120)
	y = b.q(b.node("HardSwish", nil, y), 0.03, 14)
	g := b.q(b.node("GlobalAveragePool", nil, y), 0.01, 20)
	g = b.q(b.node("LeakyRelu", ir.Attrs{"alpha": 0.1}, b.q(b.conv(g, 48, 12, 1, 1, 1), 0.01, 128)), 0.01, 40)
	g = b.q(b.node("Sigmoid", nil, b.q(b.conv(g, 12, 48, 1, 1, 1), 0.02, 128)), 1./255, 0)
	y = b.q(b.node("Mul", nil, g, y), 0.015, 14)
	// Branches of different scales, one of them padded.
	small := b.q(b.node("MaxPool", ir.Attrs{"kernel_shape": []int{3, 3}, "strides": []int{2, 2}, "pads": []int{1, 1, 1, 1}}, x), 0.025, 3)
	big := b.q(b.node("AveragePool", ir.Attrs{"kernel_shape": []int{2, 2}, "strides": []int{2, 2}, "ceil_mode": 0, "pads": []int{0, 0, 1, 1}, "count_include_pad": 1}, y), 0.015, 14)
	big = b.q(b.node("Pad", ir.Attrs{"pads": []int{0, 8, 0, 0, 0, 8, 0, 0}}, big), 0.015, 14)
	x = b.q(b.node("Concat", ir.Attrs{"axis": 1}, small, big), 0.02, 10)
	// A batch normalization that nothing takes in, a window with clipped values, a product with a constant.
	n := b.norm(x, 88)
	x = b.q(b.node("Relu", nil, n), 0.03, 0)
	x = b.q(b.node("Clip", ir.Attrs{"min": 0.0, "max": 3.0}, b.conv(x, 88, 40, 3, 1, 1)), 0.012, 0)
	x = b.q(b.node("Mul", nil, x, b.float(0.5)), 0.01, 5)
	x = b.q(b.conv(x, 40, 40, 3, 1, 4), 0.02, 100)
	x = b.moved(b.node("GlobalAveragePool", nil, x), 0.01, 90, "Flatten")
	w := b.constant(b.bytes(10, 40), 0.02)
	b.q(b.node("Gemm", ir.Attrs{"transB": 1}, x, w, b.weight("bias", 0.1, 10)), 0.1, 128)
	return b.Graph
}

// markXNNPACK has sums and means rounded as XNNPACK does, as far as it has them: of windows it has none.
func markXNNPACK(g *ir.Graph, signed bool) {
	kind := 1
	if signed {
		kind = 2
	}
	made := map[string]string{}
	for _, n := range g.Nodes {
		made[n.Out[0]] = n.Op
		if from := made[n.In[0]]; n.Op == "Relu" {
			made[n.Out[0]] = from
		} else if n.Op == "QuantizeLinear" && (from == "Add" || from == "GlobalAveragePool" || from == "AveragePool") {
			n.Attrs = ir.Attrs{"xnnpack": kind}
		}
	}
}

// TestQuantise compares a network on bytes with its definition, bit for bit, on every level and for several threads, and
// the definition of the rewritten network with that of the float one, to which it may differ by rounding.
func TestQuantise(t *testing.T) {
	for _, c := range []struct{ signed, wide, xnnpack bool }{{false, false, false}, {true, false, true}, {false, true, false}} {
		g := quantNet(c.signed, c.wide)
		if c.xnnpack {
			markXNNPACK(g, c.signed)
		}
		images := 2
		in := randomInput(3, g, images)
		float, err := op.Exact(context.Background(), g, in, nil)
		if err != nil {
			t.Fatal(err)
		}
		r, err := rewritten(g)
		if err != nil {
			t.Fatal(err)
		}
		want, err := op.Exact(context.Background(), r, in, nil)
		if err != nil {
			t.Fatal(err)
		}
		if marked := slices.ContainsFunc(r.Nodes, func(n *ir.Node) bool { return n.Op == "QLinearConv" && len(n.Attrs.Floats("sum_floats")) == 3 }); marked != c.xnnpack {
			t.Errorf("%+v: a convolution adds by factors for whole numbers: %v", c, marked)
		}
		spread := 0.0
		for i, v := range want.Data {
			if d := math.Abs(v - float.Data[i]); d > 0.2001 { // two steps of the last scale
				t.Errorf("%+v: logit %d is %v, in floats %v", c, i, v, float.Data[i])
			}
			spread = max(spread, math.Abs(v-want.Data[0]))
		}
		if spread < 1 {
			t.Errorf("%+v: the logits are nearly the same: %v", c, want.Data)
		}
		for _, n := range r.Nodes {
			switch n.Op {
			case "QLinearConv", "QGemm", "QLinearAdd", "QLinearMul", "QLinearGlobalAveragePool", "QLinearAveragePool", "ByteTable", "ByteAffine",
				"MaxPool", "Concat", "Pad", "Flatten", "QuantizeLinear", "DequantizeLinear":
			default:
				t.Errorf("%+v: node %q is still %s", c, n.Name, n.Op)
			}
		}
		m := hardware.Probe()
		plans, turn := [][2]string{{"auto", ""}, {"direct", "bsr"}, {"gemm", "dense"}, {"gemm", "bsr"}, {"spatialpack", "dense"}, {"spatialpack", "bsr"}}, 0
		for _, isa := range m.ISAs {
			for _, threads := range []int{1, 3, 1, 3} {
				m.ISA, m.Threads = isa, threads
				plan := plans[turn%len(plans)]
				turn++
				p, err := Compile(g, primitive.Kernels(), m, Plan{Algorithm: plan[0], Format: plan[1], Batch: images})
				if err != nil {
					t.Fatal(err)
				}
				if ran := named(p, plan[0], plan[1]); ran < 5 && plan[1] != "" {
					t.Errorf("%+v, %s: %d nodes run %s", c, isa, ran, plan)
				}
				out := make([]float32, len(want.Data))
				if err := p.Run(context.Background(), narrow(in.Data), out); err != nil {
					t.Fatal(err)
				}
				for i, v := range out {
					if float64(v) != want.Data[i] {
						t.Fatalf("%+v, %s, %s, %d threads: logit %d is %v, want %v", c, plan, isa, threads, i, v, want.Data[i])
					}
				}
			}
		}
	}
}

// named counts the nodes of a program that run an algorithm and a format on bytes.
func named(p *Program, algorithm, format string) (n int) {
	for _, node := range p.Nodes() {
		if node.Op == "QLinearConv" && node.Algorithm == algorithm && node.Format == format {
			n++
		}
	}
	return n
}

// TestQuantiseTwice: a concatenation that has one part twice, and the same bytes with another scale.
func TestQuantiseTwice(t *testing.T) {
	b := &quantBuilder{newBuilder(7, 0, 3, 9, 8), false, false}
	x := b.q(b.node("Relu", nil, b.conv("x", 3, 20, 3, 1, 1)), 0.02, 0)
	bytes := b.Nodes[len(b.Nodes)-1].In[0]
	other := b.node("DequantizeLinear", nil, bytes, b.float(0.013), b.Nodes[len(b.Nodes)-1].In[2])
	y := b.q(b.node("Concat", ir.Attrs{"axis": 1}, x, other, x), 0.03, 10)
	b.q(b.conv(y, 60, 8, 1, 1, 1), 0.05, 128)
	r, err := rewritten(b.Graph)
	if err != nil {
		t.Fatal(err)
	}
	in := randomInput(8, b.Graph, 2)
	want := exact(t, r, in)
	for _, isa := range hardware.Probe().ISAs {
		p := compile(t, b.Graph, machine(isa, 2), Plan{Batch: 2})
		for i, v := range runOnce(t, p, narrow(in.Data)) {
			if float64(v) != want[i] {
				t.Fatalf("%s: output %d is %v, want %v", isa, i, v, want[i])
			}
		}
	}
	for i, v := range exact(t, b.Graph, in) {
		if math.Abs(v-want[i]) > 0.1001 { // two steps of the last scale
			t.Fatalf("output %d is %v, in floats %v", i, want[i], v)
		}
	}
}

// TestQuantiseFuses counts what is left of the network's nodes.
func TestQuantiseFuses(t *testing.T) {
	g, err := rewritten(quantNet(false, false))
	if err != nil {
		t.Fatal(err)
	}
	count := map[string]int{}
	for _, n := range g.Nodes {
		count[n.Op]++
	}
	for operator, want := range map[string]int{
		"QLinearConv": 8, "QGemm": 1, "QLinearAdd": 0, "QLinearMul": 1, "Sigmoid": 0, "QuantizeLinear": 0, "DequantizeLinear": 1,
		"ByteAffine": 1, "Concat": 1, "Pad": 1,
	} {
		if count[operator] != want {
			t.Errorf("%d nodes of %s, want %d: %v", count[operator], operator, want, count)
		}
	}
}
