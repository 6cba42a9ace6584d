package dlas

import (
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/godlas/godlas/dlas/ir"
	"github.com/godlas/godlas/dlas/model/onnx"
)

// drawing is a network in the making, with random weights.
type drawing struct {
	*ir.Graph
	rng *rand.Rand
}

func newDrawing(c, h, w int) *drawing {
	return &drawing{&ir.Graph{Inputs: []ir.Value{{Name: "x", Shape: ir.Shape{1, c, h, w}}}, Weights: map[string]*ir.Tensor{}}, rand.New(rand.NewPCG(6, 1))}
}

func (d *drawing) do(operator string, attrs ir.Attrs, in ...string) string {
	name := fmt.Sprint("v", len(d.Nodes))
	d.Nodes = append(d.Nodes, &ir.Node{Name: name, Op: operator, In: in, Out: []string{name}, Attrs: attrs})
	d.Outputs = []string{name}
	return name
}

func (d *drawing) weight(shape ...int) string {
	name, s := fmt.Sprint("w", len(d.Weights)), ir.Shape(shape)
	v := make([]float32, s.Elems())
	scale := 1 / math.Sqrt(float64(max(1, s[1:].Elems())))
	for i := range v {
		v[i] = float32(scale * d.rng.NormFloat64())
	}
	d.Weights[name] = ir.NewF32(v, s...)
	return name
}

func (d *drawing) numbers(v ...float32) string {
	name := fmt.Sprint("w", len(d.Weights))
	d.Weights[name] = ir.NewF32(v, len(v))
	return name
}

func (d *drawing) ints(v ...int64) string {
	name := fmt.Sprint("w", len(d.Weights))
	d.Weights[name] = &ir.Tensor{Type: ir.I64, Shape: ir.Shape{len(v)}, Data: v}
	return name
}

func (d *drawing) conv(x string, in, out, k, stride, group int) string {
	return d.do("Conv", ir.Attrs{"kernel_shape": []int{k, k}, "strides": []int{stride, stride}, "group": group, "pads": []int{k / 2, k / 2, k / 2, k / 2}},
		x, d.weight(out, in/group, k, k), d.weight(out))
}

// attentive is two kinds of blocks: of ConvNeXt's, as exporters write them, and of a transformer over pixels, with a convolution along
// one axis between them.
func attentive() *ir.Graph {
	d := newDrawing(3, 20, 24)
	x := d.conv("x", 3, 32, 4, 4, 1)
	linear := func(x string, in, out int) string {
		return d.do("Add", nil, d.do("MatMul", nil, x, d.weight(in, out)), d.weight(out))
	}
	gelu := func(x string) string {
		e := d.do("Erf", nil, d.do("Div", nil, x, d.numbers(math.Sqrt2)))
		return d.do("Mul", nil, d.do("Mul", nil, x, d.do("Add", nil, e, d.numbers(1))), d.numbers(0.5))
	}
	for range 2 {
		y := d.do("Transpose", ir.Attrs{"perm": []int{0, 2, 3, 1}}, d.conv(x, 32, 32, 7, 1, 32))
		y = d.do("LayerNormalization", ir.Attrs{"axis": -1, "epsilon": 1e-6}, y, d.weight(32), d.weight(32))
		y = linear(gelu(linear(y, 32, 80)), 80, 32)
		x = d.do("Add", nil, x, d.do("Transpose", ir.Attrs{"perm": []int{0, 3, 1, 2}}, y))
	}
	const tokens = 42
	x = d.do("Conv", ir.Attrs{"kernel_shape": []int{3}, "pads": []int{2, 0}}, d.do("Reshape", nil, x, d.ints(1, 32, tokens)), d.weight(32, 32, 3), d.weight(32))
	x = d.do("Conv", nil, x, d.weight(32, 32, 1))
	x = d.do("Transpose", ir.Attrs{"perm": []int{0, 2, 1}}, x)
	head := func(perm ...int) string {
		return d.do("Transpose", ir.Attrs{"perm": perm}, d.do("Reshape", nil, linear(x, 32, 32), d.ints(1, tokens, 2, 16)))
	}
	s := d.do("Softmax", ir.Attrs{"axis": -1}, d.do("Div", nil, d.do("MatMul", nil, head(0, 2, 1, 3), head(0, 2, 3, 1)), d.numbers(4)))
	y := d.do("Transpose", ir.Attrs{"perm": []int{0, 2, 1, 3}}, d.do("MatMul", nil, s, head(0, 2, 1, 3)))
	x = d.do("Add", nil, x, linear(d.do("Reshape", nil, y, d.ints(1, tokens, 32)), 32, 32))
	d.do("ReduceMean", ir.Attrs{"axes": []int{1}, "keepdims": 0}, x)
	return d.Graph
}

// detecting is a small U with both ways up, and the head of a detector.
func detecting() *ir.Graph {
	d := newDrawing(3, 24, 32)
	silu := func(x string) string { return d.do("Mul", nil, x, d.do("Sigmoid", nil, x)) }
	a := silu(d.conv("x", 3, 16, 3, 1, 1))
	b := silu(d.conv(a, 16, 32, 3, 2, 1))
	c := d.do("Relu", nil, d.conv(b, 32, 64, 3, 2, 4))
	c = d.do("Concat", ir.Attrs{"axis": 1}, c, d.do("MaxPool", ir.Attrs{"kernel_shape": []int{5, 5}, "pads": []int{2, 2, 2, 2}}, c))
	up := d.do("ConvTranspose", ir.Attrs{"kernel_shape": []int{2, 2}, "strides": []int{2, 2}}, c, d.weight(128, 32, 2, 2), d.weight(32))
	b = silu(d.conv(d.do("Concat", ir.Attrs{"axis": 1}, b, up), 64, 20, 3, 1, 1))
	up = d.do("Resize", ir.Attrs{"mode": "linear", "coordinate_transformation_mode": "align_corners"}, b, "", d.numbers(1, 1, 2, 2))
	a = d.conv(d.do("Concat", ir.Attrs{"axis": 1}, a, up), 36, 18, 1, 1, 1)
	y := d.do("Sigmoid", nil, d.do("Transpose", ir.Attrs{"perm": []int{0, 1, 3, 4, 2}}, d.do("Reshape", nil, a, d.ints(1, 2, 9, 24, 32))))
	part := func(from, to int64) string { return d.do("Slice", nil, y, d.ints(from), d.ints(to), d.ints(4)) }
	xy := d.do("Add", nil, d.do("Mul", nil, part(0, 2), d.numbers(2)), d.weight(1, 1, 24, 32, 2))
	wh := d.do("Pow", nil, d.do("Mul", nil, part(2, 4), d.numbers(2)), d.numbers(2))
	d.do("Reshape", nil, d.do("Concat", ir.Attrs{"axis": 4}, xy, wh, part(4, 9)), d.ints(1, 2*24*32*9))
	return d.Graph
}

// TestKindsAgreeWithONNXRuntime runs networks that are no plain classifiers in ONNX Runtime, too, and looks that none of
// their nodes is left to its definition.
func TestKindsAgreeWithONNXRuntime(t *testing.T) {
	t.Parallel()
	for name, g := range map[string]*ir.Graph{"attentive": attentive(), "detecting": detecting()} {
		path := filepath.Join(t.TempDir(), name+".onnx")
		f, err := os.Create(path)
		if err != nil {
			t.Fatal(err)
		}
		if err := onnx.Write(f, g, nil); err != nil {
			t.Fatal(err)
		}
		if err := f.Close(); err != nil {
			t.Fatal(err)
		}
		net, err := Load(path)
		if err != nil {
			t.Fatal(err)
		}
		p, err := net.Compile(CompileOptions{})
		if err != nil {
			t.Fatal(err)
		}
		rng := rand.New(rand.NewPCG(2, 2))
		x := make([]float32, g.Inputs[0].Shape.Elems())
		for i := range x {
			x[i] = float32(rng.NormFloat64())
		}
		agree(t, ours(t, p, x), peer(t, "check", path, x), p.OutShape().Elems())
		for _, n := range p.run.program.Nodes() {
			if strings.HasSuffix(n.Kernel, "reference__go") {
				t.Errorf("%s: %s (%s) runs its definition", name, n.Name, n.Op)
			}
		}
	}
}
