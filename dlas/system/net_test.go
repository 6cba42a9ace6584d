package system

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/godlas/godlas/dlas/hardware"
	"github.com/godlas/godlas/dlas/ir"
	"github.com/godlas/godlas/dlas/ir/op"
	"github.com/godlas/godlas/dlas/primitive"
)

// builder makes random networks for tests.
type builder struct {
	*ir.Graph
	r    *rand.Rand
	zero float64 // fraction of zero weights
}

func newBuilder(seed uint64, zero float64, c, h, w int) *builder {
	return &builder{
		Graph: &ir.Graph{Name: "test", Inputs: []ir.Value{{Name: "x", Shape: ir.Shape{1, c, h, w}}}, Weights: map[string]*ir.Tensor{}},
		r:     rand.New(rand.NewPCG(seed, 7)), zero: zero,
	}
}

func (b *builder) weight(name string, scale float64, shape ...int) string {
	v := make([]float32, ir.Shape(shape).Elems())
	for i := range v {
		if b.r.Float64() >= b.zero {
			v[i] = float32(b.r.NormFloat64() * scale)
		}
	}
	b.Weights[name] = ir.NewF32(v, shape...)
	return name
}

// node adds a node and returns its output, which becomes the graph's.
func (b *builder) node(operator string, attrs ir.Attrs, in ...string) string {
	n := &ir.Node{Name: fmt.Sprintf("n%d", len(b.Nodes)), Op: operator, In: in, Attrs: attrs}
	n.Out = []string{n.Name + ".out"}
	b.Nodes = append(b.Nodes, n)
	b.Outputs = []string{n.Out[0]}
	return b.Output()
}

func (b *builder) conv(x string, in, out, k, stride, group int) string {
	name := fmt.Sprintf("w%d", len(b.Nodes))
	w := b.weight(name, math.Sqrt(2/float64(in/group*k*k)), out, in/group, k, k)
	p := k / 2
	return b.node("Conv", ir.Attrs{"strides": []int{stride, stride}, "pads": []int{p, p, p, p}, "group": group}, x, w)
}

func (b *builder) norm(x string, c int) string {
	zero := b.zero
	b.zero = 0
	defer func() { b.zero = zero }()
	id := len(b.Nodes)
	variance := b.weight(fmt.Sprintf("v%d", id), 1, c)
	for i, v := range b.Weights[variance].F32() {
		b.Weights[variance].F32()[i] = 0.5 + v*v
	}
	return b.node("BatchNormalization", ir.Attrs{"epsilon": 1e-5}, x, b.weight(fmt.Sprintf("s%d", id), 1, c),
		b.weight(fmt.Sprintf("b%d", id), 0.1, c), b.weight(fmt.Sprintf("m%d", id), 0.1, c), variance)
}

// residualNet has everything that the rewriting fuses: a strided block with a convolution as shortcut, one with pooling
// and padding as in CIFAR's ResNets, a depthwise block with ReLU6, and a linear layer.
func residualNet(seed uint64, zero float64, h, w int) *ir.Graph {
	b := newBuilder(seed, zero, 3, h, w)
	x := b.node("Relu", nil, b.norm(b.conv("x", 3, 8, 3, 1, 1), 8))
	main := b.node("Relu", nil, b.norm(b.conv(x, 8, 8, 3, 1, 1), 8))
	x = b.node("Relu", nil, b.node("Add", nil, b.norm(b.conv(main, 8, 8, 3, 1, 1), 8), x))
	main = b.node("Relu", nil, b.norm(b.conv(x, 8, 13, 3, 2, 1), 13))
	main = b.norm(b.conv(main, 13, 13, 3, 1, 1), 13)
	x = b.node("Relu", nil, b.node("Add", nil, main, b.norm(b.conv(x, 8, 13, 1, 2, 1), 13)))
	main = b.node("Clip", ir.Attrs{"min": 0.0, "max": 6.0}, b.norm(b.conv(x, 13, 13, 3, 1, 13), 13))
	x = b.node("Add", nil, b.norm(b.conv(main, 13, 13, 1, 1, 1), 13), x)
	main = b.norm(b.conv(x, 13, 16, 3, 2, 1), 16)
	cut := b.node("Pad", ir.Attrs{"pads": []int{0, 1, 0, 0, 0, 2, 0, 0}}, b.node("AveragePool", ir.Attrs{"kernel_shape": []int{1, 1}, "strides": []int{2, 2}}, x))
	x = b.node("Identity", nil, b.node("Relu", nil, b.node("Add", nil, main, cut)))
	x = b.node("Flatten", nil, b.node("GlobalAveragePool", nil, x))
	b.node("Gemm", ir.Attrs{"transB": 1}, x, b.weight("fc", 0.3, 10, 16), b.weight("fcb", 0.1, 10))
	return b.Graph
}

// randomInput is a batch of that many images for a graph.
func randomInput(seed uint64, g *ir.Graph, n int) op.Array {
	r := rand.New(rand.NewPCG(seed, 8))
	shape := append(ir.Shape{n}, g.Input().Shape[1:]...)
	a := op.Array{Shape: shape, Data: make([]float64, shape.Elems())}
	for i := range a.Data {
		a.Data[i] = float64(float32(r.NormFloat64()))
	}
	return a
}

func narrow(v []float64) []float32 {
	f := make([]float32, len(v))
	for i, x := range v {
		f[i] = float32(x)
	}
	return f
}

func exact(t testing.TB, g *ir.Graph, in op.Array) []float64 {
	t.Helper()
	out, err := op.Exact(context.Background(), g, in, nil)
	if err != nil {
		t.Fatal(err)
	}
	return out.Data
}

func machine(isa string, threads int) ir.Machine {
	m := hardware.Probe()
	m.ISA, m.Threads = isa, threads
	return m
}

func compile(t testing.TB, g *ir.Graph, m ir.Machine, p Plan) *Program {
	t.Helper()
	prog, err := Compile(g, primitive.Kernels(), m, p)
	if err != nil {
		t.Fatal(err)
	}
	return prog
}

func runOnce(t testing.TB, p *Program, in []float32) []float32 {
	t.Helper()
	out := make([]float32, p.OutShape().Elems())
	if err := p.Run(context.Background(), in, out); err != nil {
		t.Fatal(err)
	}
	return out
}
