package engine

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"time"

	"github.com/godlas/godlas/dlas/ir"
	"github.com/godlas/godlas/dlas/primitive"
	"github.com/godlas/godlas/dlas/system"
)

// trial is a program of a single convolution between two nodes over blocks of channels, and the least times of a turn.
type trial struct {
	program *system.Program
	conv    int
	moves   []int // conversions into strips and out of them
	in      []float32
}

// newTrial has weights as they are, or rounded to bytes.
func newTrial(c sparseCase, w []float32, m ir.Machine, typ ir.Type, format string) (*trial, error) {
	r := rand.New(rand.NewPCG(3, 4))
	bias := make([]float32, c.m)
	for i := range bias {
		bias[i] = float32(r.NormFloat64())
	}
	p := c.kernel / 2
	same := ir.Attrs{"kernel_shape": []int{1, 1}, "strides": []int{1, 1}, "pads": []int{0, 0, 0, 0}}
	g := &ir.Graph{
		Name: "trial", Inputs: []ir.Value{{Name: "x", Type: ir.F32, Shape: ir.Shape{1, c.c, c.size, c.size}}}, Outputs: []string{"y"},
		Weights: map[string]*ir.Tensor{"w": ir.NewF32(w, c.m, c.c, c.kernel, c.kernel), "b": ir.NewF32(bias, c.m)},
		Nodes: []*ir.Node{
			{Name: "before", Op: "AveragePool", In: []string{"x"}, Out: []string{"a"}, Attrs: same},
			{Name: "conv", Op: "Conv", In: []string{"a", "w", "b"}, Out: []string{"s"}, Attrs: ir.Attrs{"strides": []int{c.stride, c.stride}, "pads": []int{p, p, p, p}}},
			{Name: "relu", Op: "Relu", In: []string{"s"}, Out: []string{"c"}},
			{Name: "after", Op: "AveragePool", In: []string{"c"}, Out: []string{"y"}, Attrs: same},
		},
	}
	if typ == ir.I8 {
		onBytes(g, w)
	}
	t := &trial{conv: -1}
	var err error
	if t.program, err = system.Compile(g, primitive.Kernels(), m, system.Plan{Algorithm: primitive.Direct, Format: format, Batch: 1}); err != nil {
		return nil, err
	}
	for i, n := range t.program.Nodes() {
		switch {
		case n.Op == "Conv" || n.Op == "QLinearConv":
			t.conv = i
			if n.Format != format {
				return nil, fmt.Errorf("%s runs %s", c, n.Kernel)
			}
		case strings.Contains(n.Kernel, "strips"):
			t.moves = append(t.moves, i)
		}
	}
	if t.conv < 0 {
		return nil, fmt.Errorf("%s: the convolution is not a node", c)
	}
	t.in = make([]float32, c.c*c.size*c.size)
	for i := range t.in {
		t.in[i] = float32(r.NormFloat64())
	}
	return t, nil
}

// onBytes makes the nodes of a trial those of a quantised network.
func onBytes(g *ir.Graph, w []float32) {
	q := make([]int8, len(w))
	for i, v := range w {
		switch q[i] = int8(max(-127, min(127, math.Round(float64(v)*500)))); {
		case v > 0 && q[i] == 0:
			q[i] = 1 // the zeros are those that were made
		case v < 0 && q[i] == 0:
			q[i] = -1
		}
	}
	g.Weights = map[string]*ir.Tensor{
		"w": {Type: ir.I8, Shape: g.Weights["w"].Shape, Data: q}, "w zero": {Type: ir.I8, Shape: ir.Shape{1}, Data: []int8{0}},
		"w scale": ir.NewF32([]float32{1. / 500}, 1), "scale": ir.NewF32([]float32{1. / 32}, 1),
		"zero": {Type: ir.U8, Shape: ir.Shape{1}, Data: []uint8{128}},
	}
	before, conv, after := g.Nodes[0], g.Nodes[1], g.Nodes[3]
	before.Op, after.Op = "MaxPool", "MaxPool" // which has bytes, and leaves them their scale
	before.In, after.In, after.Out = []string{"bytes"}, []string{"s"}, []string{"made"}
	conv.Op, conv.In = "QLinearConv", []string{"a", "scale", "zero", "w", "w scale", "w zero", "scale", "zero"}
	g.Nodes = []*ir.Node{
		{Name: "quantize", Op: "QuantizeLinear", In: []string{"x", "scale", "zero"}, Out: []string{"bytes"}},
		before, conv, after,
		{Name: "dequantize", Op: "DequantizeLinear", In: []string{"made", "scale", "zero"}, Out: []string{"y"}},
	}
}

// turn runs the trial for a while: the least milliseconds of the convolution, and of it with the conversions.
func (t *trial) turn(ctx context.Context) (alone, moved float64, err error) {
	alone, moved = math.Inf(1), math.Inf(1)
	for begin := time.Now(); time.Since(begin) < sparseTurn; {
		ms, err := t.program.Profile(ctx, t.in, 1)
		if err != nil {
			return 0, 0, err
		}
		sum := ms[t.conv]
		for _, i := range t.moves {
			sum += ms[i]
		}
		alone, moved = min(alone, ms[t.conv]), min(moved, sum)
	}
	return alone, moved, nil
}
