package op

import (
	"context"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/godlas/godlas/dlas/ir"
)

func i64(v ...int64) *ir.Tensor {
	return &ir.Tensor{Type: ir.I64, Shape: ir.Shape{len(v)}, Data: v}
}

func scalar(v int64) *ir.Tensor { return &ir.Tensor{Type: ir.I64, Shape: ir.Shape{}, Data: []int64{v}} }

func node(op string, attrs ir.Attrs, out string, in ...string) *ir.Node {
	return &ir.Node{Name: "make " + out, Op: op, In: in, Out: []string{out}, Attrs: attrs}
}

// exported is the end of a classifier as PyTorch writes x.view(x.size(0), -1): the shape is computed from the shape.
func exported() *ir.Graph {
	return &ir.Graph{
		Inputs: []ir.Value{{Name: "x", Shape: ir.Shape{1, 3, 4, 4}}}, Outputs: []string{"y"},
		Weights: map[string]*ir.Tensor{"zero": scalar(0), "axes": i64(0), "rest": i64(-1), "w": tensor(5, 48), "two": i64(2), "wide": tensor(48, 5)},
		Nodes: []*ir.Node{
			node("Shape", nil, "s", "x"),
			node("Gather", ir.Attrs{"axis": 0}, "n", "s", "zero"),
			node("Unsqueeze", nil, "n1", "n", "axes"),
			node("Concat", ir.Attrs{"axis": 0}, "shape", "n1", "rest"),
			node("Reshape", nil, "flat", "x", "shape"),
			node("Transpose", nil, "wt", "wide"),
			node("Add", nil, "sum", "w", "wt"),
			node("Gemm", ir.Attrs{"transB": 1}, "logits", "flat", "sum"),
			node("Clip", nil, "y", "logits", "", "six"),
		},
	}
}

func ops(g *ir.Graph) string {
	var list []string
	for _, n := range g.Nodes {
		list = append(list, n.Op)
	}
	return strings.Join(list, " ")
}

// TestFold shows what is computed when a network is read, that the result runs any batch, and that it is the same.
func TestFold(t *testing.T) {
	g := exported()
	g.Weights["six"] = ir.NewF32([]float32{6})
	for i := range g.Weights["wide"].F32() {
		g.Weights["wide"].F32()[i] = float32(i%13) - 5
	}
	before := ops(g)
	f, err := Fold(g)
	if err != nil {
		t.Fatal(err)
	}
	if ops(g) != before {
		t.Error("the graph given was changed")
	}
	// The shape follows the batch, so it stays; weights are computed, and a bound is an attribute.
	if got := ops(f); got != "Shape Gather Unsqueeze Concat Reshape Gemm Clip" {
		t.Errorf("folded to %s", got)
	}
	last := f.Nodes[len(f.Nodes)-1]
	if last.Attrs.Float("max", 0) != 6 || len(last.In) != 1 || f.Weights["six"] != nil || f.Weights["sum"] == nil || f.Weights["wide"] != nil {
		t.Errorf("%+v, weights %d", last, len(f.Weights))
	}
	for _, batch := range []int{1, 3} {
		known, err := Infer(f, batch)
		if err != nil || !known["y"].Shape.Equal(ir.Shape{batch, 5}) || known["shape"].Const == nil {
			t.Errorf("batch %d: %v, %v", batch, known["y"], err)
		}
	}
	x := ir.NewF32(make([]float32, 96), 2, 3, 4, 4)
	for i := range x.F32() {
		x.F32()[i] = float32(math.Sin(float64(i)))
	}
	want, err := Reference{}.Run(context.Background(), g, x, nil)
	if err != nil {
		t.Fatal(err)
	}
	got, err := Reference{}.Run(context.Background(), f, x, nil)
	if err != nil || !slices.Equal(want.F32(), got.F32()) || want.F32()[0] == want.F32()[1] {
		t.Errorf("%v: %v and %v", err, want.F32(), got.F32())
	}
}

// TestFoldFixedBatch: a network exported for one image, with the batch in its Reshape, runs any.
func TestFoldFixedBatch(t *testing.T) {
	g := &ir.Graph{
		Inputs: []ir.Value{{Name: "x", Shape: ir.Shape{1, 3, 4, 4}}}, Outputs: []string{"y"},
		Weights: map[string]*ir.Tensor{"shape": i64(1, 48)},
		Nodes:   []*ir.Node{node("Reshape", nil, "y", "x", "shape")},
	}
	if _, err := Infer(g, 2); err == nil {
		t.Fatal("it runs two images without help")
	}
	f, err := Fold(g)
	if err != nil {
		t.Fatal(err)
	}
	for _, batch := range []int{1, 2, 7} {
		known, err := Infer(f, batch)
		if err != nil || !known["y"].Shape.Equal(ir.Shape{batch, 48}) {
			t.Errorf("batch %d: %v %v", batch, known["y"].Shape, err)
		}
	}
	// Where the images of a batch would be mixed it must not: 2 images are not 1 image of twice the pixels.
	g.Weights["shape"] = i64(48, 1)
	if f, err = Fold(g); err != nil {
		t.Fatal(err)
	}
	if _, err := Infer(f, 2); err == nil {
		t.Error("a network whose first axis is no batch runs two images")
	}
}

// TestFoldKeepsQuantised: dequantised weights stay integers.
func TestFoldKeepsQuantised(t *testing.T) {
	g := &ir.Graph{
		Inputs: []ir.Value{{Name: "x", Shape: ir.Shape{1, 2, 3, 3}}}, Outputs: []string{"y"},
		Weights: map[string]*ir.Tensor{"q": {Type: ir.I8, Shape: ir.Shape{1, 2, 1, 1}, Data: []int8{3, -4}}, "s": ir.NewF32([]float32{0.5})},
		Nodes: []*ir.Node{
			node("DequantizeLinear", nil, "w", "q", "s"), node("Conv", ir.Attrs{"auto_pad": "SAME_UPPER", "strides": []int{2, 2}}, "y", "x", "w"),
		},
	}
	f, err := Fold(g)
	if err != nil {
		t.Fatal(err)
	}
	if ops(f) != "DequantizeLinear Conv" || f.Weights["q"] == nil || !slices.Equal(f.Nodes[1].Attrs.Ints("pads"), []int{0, 0, 0, 0}) || f.Nodes[1].Attrs["auto_pad"] != nil {
		t.Errorf("%s, pads %v", ops(f), f.Nodes[1].Attrs)
	}
}

// TestModernise compares what operators of old opsets mean with numbers worked out by hand.
func TestModernise(t *testing.T) {
	run := func(opset int, n *ir.Node, x *ir.Tensor, weights map[string]*ir.Tensor) ([]float32, error) {
		g := &ir.Graph{Inputs: []ir.Value{{Name: "x", Shape: x.Shape}}, Outputs: []string{"y"}, Nodes: []*ir.Node{n}, Weights: weights}
		if weights == nil {
			g.Weights = map[string]*ir.Tensor{}
		}
		if err := Modernise(g, map[string]int{"": opset, "ai.onnx.ml": 3}); err != nil {
			return nil, err
		}
		f, err := Fold(g)
		if err != nil {
			return nil, err
		}
		out, err := Exact(context.Background(), f, Widen(x), nil)
		if err != nil {
			return nil, err
		}
		return out.Tensor().F32(), nil
	}
	x := ir.NewF32([]float32{0, 0, 0, 0}, 1, 2, 2)
	for _, c := range []struct {
		opset int
		n     *ir.Node
		w     map[string]*ir.Tensor
		want  []float32
	}{
		{11, node("Softmax", nil, "y", "x"), nil, []float32{.25, .25, .25, .25}},
		{11, node("Softmax", ir.Attrs{"axis": 2}, "y", "x"), nil, []float32{.5, .5, .5, .5}},
		{13, node("Softmax", nil, "y", "x"), nil, []float32{.5, .5, .5, .5}},
		{7, node("Dropout", ir.Attrs{"ratio": 0.5}, "y", "x"), nil, []float32{0, 0, 0, 0}},
		{7, node("Upsample", ir.Attrs{"mode": "nearest", "scales": []float64{1, 1, 2}}, "y", "x"), nil, make([]float32, 8)},
		{9, node("Upsample", nil, "y", "x", "s"), map[string]*ir.Tensor{"s": ir.NewF32([]float32{1, 2, 1}, 3)}, make([]float32, 8)},
		{10, node("Resize", nil, "y", "x", "s"), map[string]*ir.Tensor{"s": ir.NewF32([]float32{1, .5, 1}, 3)}, make([]float32, 2)},
		{6, node("Clip", ir.Attrs{"min": 1.0, "max": 2.0}, "y", "x"), nil, []float32{1, 1, 1, 1}},
		{11, node("Clip", nil, "y", "x", "lo"), map[string]*ir.Tensor{"lo": ir.NewF32([]float32{3})}, []float32{3, 3, 3, 3}},
		{10, node("Slice", ir.Attrs{}, "y", "x", "a", "b"), map[string]*ir.Tensor{"a": i64(0, 1), "b": i64(1, math.MaxInt64)}, []float32{0, 0}},
		{1, node("Slice", ir.Attrs{"starts": []int{1}, "ends": []int{2}, "axes": []int{2}}, "y", "x"), nil, []float32{0, 0}},
		{11, node("ReduceSum", ir.Attrs{"axes": []int{1, 2}, "keepdims": 0}, "y", "x"), nil, []float32{0}},
		{13, node("ReduceSum", ir.Attrs{"keepdims": 0}, "y", "x", "a"), map[string]*ir.Tensor{"a": i64(1, -1)}, []float32{0}},
	} {
		got, err := run(c.opset, c.n, x, c.w)
		if err != nil || !slices.Equal(got, c.want) {
			t.Errorf("%s of opset %d: %v, %v, want %v", c.n.Op, c.opset, got, err, c.want)
		}
	}
	for want, n := range map[string]*ir.Node{
		`node "make y": unknown operator "Sofmax" (opset 11); try Softmax`:                            node("Sofmax", nil, "y", "x"),
		`node "make y": operator "NonMaxSuppression" (opset 11): the shape of what it makes depends`:  node("NonMaxSuppression", nil, "y", "x"),
		`node "make y": operator "ai.onnx.ml.Scaler" (opset 3): the domain ai.onnx.ml is unsupported`: node("ai.onnx.ml.Scaler", nil, "y", "x"),
		`spatial 0 is unsupported`: node("BatchNormalization", ir.Attrs{"spatial": 0}, "y", "x"),
	} {
		if _, err := run(11, n, x, nil); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %s", err, want)
		}
	}
}

// TestBind: inputs whose numbers decide shapes are bound, and no others.
func TestBind(t *testing.T) {
	g := &ir.Graph{
		Inputs:  []ir.Value{{Name: "x", Shape: ir.Shape{2, 3}}, {Name: "n", Type: ir.I64, Shape: ir.Shape{1}}, {Name: "y", Shape: ir.Shape{6}}},
		Outputs: []string{"z"}, Weights: map[string]*ir.Tensor{"one": i64(1)},
		Nodes: []*ir.Node{
			node("Mul", nil, "m", "n", "one"), node("Reshape", nil, "flat", "x", "m"), node("Add", nil, "z", "flat", "y"),
		},
	}
	b, names, err := Bind(g, map[string]*ir.Tensor{"x": tensor(2, 3), "n": i64(6), "y": tensor(6)})
	if err != nil || !slices.Equal(names, []string{"n"}) || len(b.Inputs) != 2 || len(g.Inputs) != 3 {
		t.Errorf("bound %v: %v", names, err)
	}
	if _, _, err := Bind(g, nil); err == nil || !strings.Contains(err.Error(), "its input shape is not constant") {
		t.Error(err)
	}
}
