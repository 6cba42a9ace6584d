package op

import (
	"context"
	"slices"
	"testing"

	"github.com/godlas/godlas/dlas/ir"
)

// TestWeights finds each operator's weights, and holds their numbering to what the operator computes: without the elements
// of a row that output is zero, without those of a column that input counts for nothing.
func TestWeights(t *testing.T) {
	group := func(g int) ir.Attrs { return ir.Attrs{"group": g} }
	for name, c := range map[string]struct {
		operator string
		attrs    ir.Attrs
		x, w     ir.Shape
		left     bool
		out, in  int // the axes of channels
	}{
		"conv":              {operator: "Conv", attrs: ir.Attrs{}, x: ir.Shape{1, 4, 5, 5}, w: ir.Shape{6, 4, 3, 3}, out: 1, in: 1},
		"conv, long kernel": {operator: "Conv", attrs: ir.Attrs{}, x: ir.Shape{1, 4, 5, 5}, w: ir.Shape{6, 4, 1, 5}, out: 1, in: 1},
		"1-d":               {operator: "Conv", attrs: ir.Attrs{}, x: ir.Shape{1, 4, 5}, w: ir.Shape{6, 4, 3}, out: 1, in: 1},
		"depthwise":         {operator: "Conv", attrs: group(4), x: ir.Shape{1, 4, 5, 5}, w: ir.Shape{4, 1, 3, 3}, out: 1, in: 1},
		"grouped":           {operator: "Conv", attrs: group(2), x: ir.Shape{1, 4, 5, 5}, w: ir.Shape{6, 2, 3, 3}, out: 1, in: 1},
		"transposed":        {operator: "ConvTranspose", attrs: ir.Attrs{}, x: ir.Shape{1, 4, 5, 5}, w: ir.Shape{4, 6, 3, 3}, out: 1, in: 1},
		"linear":            {operator: "Gemm", attrs: ir.Attrs{"transB": 1}, x: ir.Shape{1, 5}, w: ir.Shape{7, 5}, out: 1, in: 1},
		"linear, as stored": {operator: "Gemm", attrs: ir.Attrs{}, x: ir.Shape{1, 5}, w: ir.Shape{5, 7}, out: 1, in: 1},
		"matmul":            {operator: "MatMul", attrs: ir.Attrs{}, x: ir.Shape{1, 3, 5}, w: ir.Shape{5, 7}, out: 2, in: 2},
		"matmuls":           {operator: "MatMul", attrs: ir.Attrs{}, x: ir.Shape{1, 3, 5}, w: ir.Shape{2, 5, 7}, out: 2, in: 2},
		"a column":          {operator: "MatMul", attrs: ir.Attrs{}, x: ir.Shape{1, 3, 5}, w: ir.Shape{5}, out: -1, in: 2},
		"left":              {operator: "MatMul", attrs: ir.Attrs{}, x: ir.Shape{1, 5, 3}, w: ir.Shape{7, 5}, left: true, out: 1, in: 1},
		"left, transposed":  {operator: "Gemm", attrs: ir.Attrs{"transA": 1}, x: ir.Shape{5, 1}, w: ir.Shape{5, 7}, left: true, out: 0, in: 0},
	} {
		t.Run(name, func(t *testing.T) {
			build := func(w *ir.Tensor) *ir.Graph {
				n := &ir.Node{Name: "n", Op: c.operator, In: []string{"x", "w"}, Out: []string{"y"}, Attrs: c.attrs}
				if c.left {
					n.In = []string{"w", "x"}
				}
				return &ir.Graph{Inputs: []ir.Value{{Name: "x", Shape: c.x}}, Outputs: []string{"y"}, Nodes: []*ir.Node{n}, Weights: map[string]*ir.Tensor{"w": w}}
			}
			run := func(w *ir.Tensor, x []float32) Array {
				t.Helper()
				y, err := Exact(context.Background(), build(w), Widen(ir.NewF32(x, c.x...)), nil)
				if err != nil {
					t.Fatal(err)
				}
				return y
			}
			x, full := make([]float32, c.x.Elems()), ir.NewF32(make([]float32, c.w.Elems()), c.w...)
			for i := range x {
				x[i] = float32(i%7) + 1
			}
			for i := range full.F32() {
				full.F32()[i] = float32(i%5) + 1
			}
			found := Weights(build(full))
			if len(found) != 1 || found[0].Name != "w" || found[0].Elems() != c.w.Elems() {
				t.Fatalf("found %+v", found)
			}
			w := found[0]
			seen := map[int]bool{}
			channel := func(i int, s ir.Shape, axis int) int { return i / s[axis+1:].Elems() % s[axis] }
			for row := range w.Rows {
				without := full.Clone()
				for col := range w.Cols {
					for tap := range w.Taps {
						without.F32()[w.At(row, col, tap)] = 0
						seen[w.At(row, col, tap)] = true
					}
				}
				y := run(without, x)
				for i, v := range y.Data {
					if here := c.out < 0 || channel(i, y.Shape, c.out) == row; here != (v == 0) {
						t.Fatalf("without row %d output %d is %v", row, i, v)
					}
				}
			}
			if len(seen) != c.w.Elems() {
				t.Errorf("%d of %d elements have a number", len(seen), c.w.Elems())
			}
			for col := range w.Cols {
				without := full.Clone()
				for row := range w.Rows {
					for tap := range w.Taps {
						without.F32()[w.At(row, col, tap)] = 0
					}
				}
				other := slices.Clone(x)
				for i := range other {
					if channel(i, c.x, c.in)%w.Cols == col {
						other[i] += 10
					}
				}
				if !slices.Equal(run(without, x).Data, run(without, other).Data) {
					t.Fatalf("without column %d its input counts", col)
				}
				if slices.Equal(run(full, x).Data, run(full, other).Data) {
					t.Fatalf("input %d counts for nothing", col)
				}
			}
		})
	}
}

// TestWeightsOfGraph: biases, tables and products of two activations are no weights; a tensor that two layers share, and
// integers that are dequantised, are one each.
func TestWeightsOfGraph(t *testing.T) {
	f := func(s ...int) *ir.Tensor { return ir.NewF32(make([]float32, ir.Shape(s).Elems()), s...) }
	node := func(operator string, out string, in ...string) *ir.Node {
		return &ir.Node{Name: out, Op: operator, In: in, Out: []string{out}, Attrs: ir.Attrs{}}
	}
	g := &ir.Graph{
		Nodes: []*ir.Node{
			node("Conv", "a", "x", "shared", "bias"), node("Conv", "b", "a", "shared"), node("BatchNormalization", "c", "b", "s", "s", "s", "s"),
			node("DequantizeLinear", "wide", "bytes", "scale"), node("Conv", "d", "c", "wide"), node("MatMul", "e", "d", "d"),
			node("QLinearConv", "f", "e", "scale", "zero", "qw", "scale", "zero", "scale", "zero"), node("Mul", "g", "f", "bias"),
		},
		Weights: map[string]*ir.Tensor{
			"shared": f(4, 4, 1, 1), "bias": f(4), "s": f(4), "scale": f(), "zero": {Type: ir.I8, Data: []int8{0}},
			"bytes": {Type: ir.I8, Shape: ir.Shape{4, 4, 1, 1}, Data: make([]int8, 16)}, "qw": {Type: ir.I8, Shape: ir.Shape{4, 4, 1, 1}, Data: make([]int8, 16)},
		},
	}
	var names []string
	for _, w := range Weights(g) {
		names = append(names, w.Name)
	}
	if !slices.Equal(names, []string{"shared", "bytes", "qw"}) || len(Weights(g)[0].Nodes) != 2 {
		t.Errorf("found %q", names)
	}
}
