package system

import (
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"testing"

	"github.com/godlas/godlas/dlas/internal/exactness"
	"github.com/godlas/godlas/dlas/ir"
	"github.com/godlas/godlas/dlas/primitive"
)

// layerNorm writes a layer normalization of rows as nodes, with an epsilon of so many axes; node 2 makes the difference from
// the mean where x is what node 0 makes.
func layerNorm(b *builder, x string, row, axes int) string {
	b.Weights["2"], b.Weights["eps"] = ir.NewF32([]float32{2}), ir.NewF32([]float32{1e-5}, slices.Repeat([]int{1}, axes)...)
	last := ir.Attrs{"axes": []int{-1}}
	d := b.node("Sub", nil, x, b.node("ReduceMean", last, x))
	v := b.node("ReduceMean", last, b.node("Pow", nil, d, "2"))
	y := b.node("Div", nil, d, b.node("Sqrt", nil, b.node("Add", nil, v, "eps")))
	return b.node("Add", nil, b.node("Mul", nil, y, b.weight("scale", 1, row)), b.weight("shift", 1, row))
}

// TestRewrites holds for each pattern of an exporter what is left of it, and that it still computes the same.
func TestRewrites(t *testing.T) {
	conv := func(b *builder) string { return b.conv("x", 6, 8, 3, 1, 1) }
	for name, c := range map[string]struct {
		build func(b *builder)
		left  []string
		act   string // of the first node left
	}{
		"identities": {func(b *builder) {
			b.node("Identity", nil, b.node("Dropout", nil, b.node("Identity", nil, conv(b))))
		}, []string{"Conv", "Identity"}, ""},
		"batch norm, relu": {func(b *builder) { b.node("Relu", nil, b.norm(conv(b), 8)) }, []string{"Conv"}, "relu"},
		"grouped":          {func(b *builder) { b.norm(b.conv("x", 6, 12, 3, 1, 3), 12) }, []string{"Conv"}, ""},
		"depthwise":        {func(b *builder) { b.norm(b.conv("x", 6, 6, 3, 2, 6), 6) }, []string{"Conv"}, ""},
		"before a convolution": {
			func(b *builder) { b.conv(b.node("Relu", nil, b.norm("x", 6)), 6, 4, 3, 1, 1) },
			[]string{"BatchNormalization", "Conv"},
			"relu",
		},
		"scale and shift": {func(b *builder) {
			b.node("Add", nil, b.weight("shift", 1, 8, 1, 1), b.node("Mul", nil, conv(b), b.weight("scale", 1, 1, 8, 1, 1)))
		}, []string{"Conv"}, ""},
		"along the row": {func(b *builder) { b.node("Mul", nil, b.conv("x", 6, 7, 3, 1, 1), b.weight("scale", 1, 7)) }, []string{"Conv", "Mul"}, ""},
		"residual, either order": {func(b *builder) {
			first := b.node("Relu", nil, conv(b))
			second := b.node("Relu", nil, b.node("Add", nil, first, b.norm(b.conv(first, 8, 8, 3, 1, 1), 8)))
			b.node("Relu", nil, b.node("Add", nil, b.norm(b.conv(second, 8, 8, 3, 1, 1), 8), second))
		}, []string{"Conv", "Conv", "Conv"}, "relu"},
		"broadcast sum": {
			func(b *builder) {
				b.node("Add", nil, conv(b), b.node("GlobalAveragePool", nil, b.conv("x", 6, 8, 1, 1, 1)))
			},
			[]string{"Conv", "Conv", "GlobalAveragePool", "Add"},
			"",
		},
		"silu":       {func(b *builder) { x := conv(b); b.node("Mul", nil, x, b.node("Sigmoid", nil, x)) }, []string{"Conv"}, "silu"},
		"silu too":   {func(b *builder) { x := conv(b); b.node("Mul", nil, b.node("Sigmoid", nil, x), x) }, []string{"Conv"}, "silu"},
		"hard swish": {func(b *builder) { b.node("HardSwish", nil, conv(b)) }, []string{"Conv"}, "hardswish"},
		"hard swish of two": {func(b *builder) {
			x := conv(b)
			b.node("Mul", nil, x, b.node("HardSigmoid", ir.Attrs{"alpha": float64(float32(1.0 / 6)), "beta": 0.5}, x))
		}, []string{"Conv"}, "hardswish"},
		"hard swish of four": {func(b *builder) {
			x := conv(b)
			b.Weights["3"], b.Weights["6"] = ir.NewF32([]float32{3}), ir.NewF32([]float32{6})
			up := b.node("Clip", ir.Attrs{"min": 0.0, "max": 6.0}, b.node("Add", nil, x, "3"))
			b.node("Div", nil, b.node("Mul", nil, x, up), "6")
		}, []string{"Conv"}, "hardswish"},
		"hard swish, divided first": {func(b *builder) {
			x := conv(b)
			b.Weights["3"], b.Weights["6"] = ir.NewF32([]float32{3}), ir.NewF32([]float32{6})
			up := b.node("Clip", ir.Attrs{"min": 0.0, "max": 6.0}, b.node("Add", nil, "3", x))
			b.node("Mul", nil, b.node("Div", nil, up, "6"), x)
		}, []string{"Conv"}, "hardswish"},
		"no swish at all": {func(b *builder) {
			x := conv(b)
			b.Weights["3"], b.Weights["7"] = ir.NewF32([]float32{3}), ir.NewF32([]float32{7})
			up := b.node("Clip", ir.Attrs{"min": 0.0, "max": 6.0}, b.node("Add", nil, x, "3"))
			b.node("Div", nil, b.node("Mul", nil, x, up), "7")
		}, []string{"Conv", "Add", "Mul", "Div"}, ""},
		"gelu of five": {func(b *builder) {
			x := conv(b)
			b.Weights["root"], b.Weights["1"], b.Weights["half"] = ir.NewF32([]float32{math.Sqrt2}), ir.NewF32([]float32{1}), ir.NewF32([]float32{0.5})
			up := b.node("Add", nil, b.node("Erf", nil, b.node("Div", nil, x, "root")), "1")
			b.node("Mul", nil, b.node("Mul", nil, x, up), "half")
		}, []string{"Conv", "Gelu"}, ""},
		"gelu, halved first": {func(b *builder) {
			x := conv(b)
			b.Weights["root"], b.Weights["1"], b.Weights["half"] = ir.NewF32([]float32{math.Sqrt2}), ir.NewF32([]float32{1}), ir.NewF32([]float32{0.5})
			up := b.node("Add", nil, "1", b.node("Erf", nil, b.node("Div", nil, x, "root")))
			b.node("Mul", nil, b.node("Mul", nil, x, "half"), up)
		}, []string{"Conv", "Gelu"}, ""},
		"gelu, the sum halved": {func(b *builder) {
			x := conv(b)
			b.Weights["root"], b.Weights["1"], b.Weights["half"] = ir.NewF32([]float32{math.Sqrt2 / 2}), ir.NewF32([]float32{1}), ir.NewF32([]float32{0.5})
			up := b.node("Add", nil, "1", b.node("Erf", nil, b.node("Mul", nil, x, "root")))
			b.node("Mul", nil, x, b.node("Mul", nil, "half", up))
		}, []string{"Conv", "Gelu"}, ""},
		"no gelu": {func(b *builder) {
			x := conv(b)
			b.Weights["root"], b.Weights["1"], b.Weights["half"] = ir.NewF32([]float32{math.Sqrt2}), ir.NewF32([]float32{1}), ir.NewF32([]float32{0.25})
			up := b.node("Add", nil, b.node("Erf", nil, b.node("Div", nil, x, "root")), "1")
			b.node("Mul", nil, b.node("Mul", nil, x, up), "half")
		}, []string{"Conv", "Div", "Erf", "Add", "Mul", "Mul"}, ""},
		"gelu, the error function used": {func(b *builder) {
			x := conv(b)
			b.Weights["root"], b.Weights["1"], b.Weights["half"] = ir.NewF32([]float32{math.Sqrt2}), ir.NewF32([]float32{1}), ir.NewF32([]float32{0.5})
			e := b.node("Erf", nil, b.node("Div", nil, x, "root"))
			y := b.node("Mul", nil, b.node("Mul", nil, x, b.node("Add", nil, e, "1")), "half")
			b.node("Sub", nil, y, e)
		}, []string{"Conv", "Div", "Erf", "Add", "Mul", "Mul", "Sub"}, ""},
		"layer norm of nine": {func(b *builder) { layerNorm(b, conv(b), 7, 1) }, []string{"Conv", "LayerNormalization"}, ""},
		"layer norm, the difference used": {
			func(b *builder) { b.node("Sub", nil, layerNorm(b, conv(b), 7, 1), "n2.out") },
			[]string{"Conv", "ReduceMean", "Sub", "Pow", "ReduceMean", "Add", "Sqrt", "Div", "Mul", "Add", "Sub"},
			"",
		},
		"layer norm that gains an axis": {
			func(b *builder) { layerNorm(b, b.node("Flatten", nil, "x"), 6*9*7, 3) },
			[]string{"Flatten", "ReduceMean", "Sub", "Pow", "ReduceMean", "Add", "Sqrt", "Div", "Mul", "Add"},
			"",
		},
		"along one axis": {func(b *builder) {
			b.Weights["line"] = &ir.Tensor{Type: ir.I64, Shape: ir.Shape{3}, Data: []int64{0, 6, 63}}
			line := func(x string, in, k int) string {
				return b.norm(b.node("Conv", ir.Attrs{"pads": []int{k - 1, 0}}, x, b.weight(fmt.Sprint("line", k), 0.3, 8, in, k)), 8)
			}
			x := b.node("Relu", nil, line(b.node("Reshape", nil, "x", "line"), 6, 3))
			b.node("Relu", nil, b.node("Add", nil, x, line(x, 8, 5)))
		}, []string{"Reshape", "Unsqueeze", "Conv", "Conv", "Squeeze"}, ""},
		"sigmoid": {func(b *builder) { b.node("Sigmoid", nil, conv(b)) }, []string{"Conv"}, "sigmoid"},
		"clip":    {func(b *builder) { b.node("Clip", ir.Attrs{"min": -1.0, "max": 0.5}, conv(b)) }, []string{"Conv"}, "clip"},
		"used twice": {
			func(b *builder) { x := conv(b); b.node("Concat", ir.Attrs{"axis": 1}, x, b.node("Relu", nil, x)) },
			[]string{"Conv", "Relu", "Concat"},
			"",
		},
		"mean":          {func(b *builder) { b.node("ReduceMean", ir.Attrs{"axes": []int{2, 3}}, conv(b)) }, []string{"Conv", "GlobalAveragePool"}, ""},
		"mean, flat":    {func(b *builder) { b.node("ReduceMean", ir.Attrs{"axes": []int{-1, -2}, "keepdims": 0}, conv(b)) }, []string{"Conv", "GlobalAveragePool", "Flatten"}, ""},
		"mean of rows":  {func(b *builder) { b.node("ReduceMean", ir.Attrs{"axes": []int{1, 2}}, conv(b)) }, []string{"Conv", "ReduceMean"}, ""},
		"whole average": {func(b *builder) { b.node("AveragePool", ir.Attrs{"kernel_shape": []int{9, 7}}, conv(b)) }, []string{"Conv", "GlobalAveragePool"}, ""},
		"pad": {func(b *builder) {
			b.conv(b.node("Pad", ir.Attrs{"pads": []int{0, 0, 1, 2, 0, 0, 3, 0}}, "x"), 6, 8, 3, 2, 1)
		}, []string{"Conv"}, ""},
		"pad with ones": {func(b *builder) {
			b.conv(b.node("Pad", ir.Attrs{"pads": []int{0, 0, 1, 2, 0, 0, 3, 0}, "value": 1.0}, "x"), 6, 8, 3, 2, 1)
		}, []string{"Pad", "Conv"}, ""},
		"linear layer": {func(b *builder) {
			x := b.node("MatMul", nil, b.node("Flatten", nil, "x"), b.weight("w", 0.1, 6*9*7, 5))
			b.node("Relu", nil, b.node("Add", nil, x, b.weight("b", 1, 1, 5)))
		}, []string{"Flatten", "Gemm"}, ""},
		"scaled linear layer": {func(b *builder) {
			b.node("Gemm", ir.Attrs{"alpha": 0.5, "beta": 2.0}, b.node("Flatten", nil, "x"), b.weight("w", 0.1, 6*9*7, 5), b.weight("b", 1, 1))
		}, []string{"Flatten", "Gemm"}, ""},
	} {
		b := newBuilder(3, 0, 6, 9, 7)
		c.build(b)
		g, err := rewritten(b.Graph)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		var left []string
		for _, n := range g.Nodes {
			left = append(left, n.Op)
		}
		if len(left) != len(c.left) {
			t.Errorf("%s: %v is left, want %v", name, left, c.left)
			continue
		}
		for i := range left {
			if left[i] != c.left[i] {
				t.Errorf("%s: %v is left, want %v", name, left, c.left)
				break
			}
		}
		if act := g.Nodes[0].Attrs.Str("act", ""); act != c.act {
			t.Errorf("%s: the first node ends in %q, want %q", name, act, c.act)
		}
		in := randomInput(5, b.Graph, 1)
		want := exact(t, b.Graph, in)
		if d := exactness.Distance(narrow(exact(t, g, in)), want); !(d <= 1e-6) {
			t.Errorf("%s: rewritten it differs by %g", name, d)
		}
	}
}

// TestApart runs nodes with every activation on kernels that cannot apply it.
func TestApart(t *testing.T) {
	for _, act := range []string{"Relu", "Sigmoid", "HardSwish", "Clip", "SiLU"} {
		b := newBuilder(3, 0.5, 6, 9, 7)
		x := b.conv("x", 6, 8, 3, 1, 1)
		switch act {
		case "SiLU":
			b.node("Mul", nil, x, b.node("Sigmoid", nil, x))
		case "Clip":
			b.node("Clip", ir.Attrs{"min": -0.5, "max": 0.25}, x)
		default:
			b.node(act, nil, x)
		}
		in := randomInput(5, b.Graph, 1)
		for _, format := range []string{"dense", "csr"} {
			ks := slices.Clone(primitive.Kernels())
			for i, k := range ks {
				if k.Op != "Conv" || k.Format != "csr" {
					continue
				}
				ks[i].Fits = func(p ir.Problem) error {
					if p.Node.Attrs["act"] != nil {
						return errors.New("it ends in nothing")
					}
					return k.Fits(p)
				}
			}
			p, err := Compile(b.Graph, ks, machine("go", 1), Plan{Algorithm: "direct", Format: format})
			if err != nil {
				t.Fatal(err)
			}
			kernels := map[string]int{}
			for _, n := range p.Nodes() {
				kernels[n.Kernel]++
			}
			if format == "csr" && kernels["conv_f32_direct_csr__go"] != 1 {
				t.Errorf("%s: it runs %v, csr was chosen", act, kernels)
			}
			if d := exactness.Distance(runOnce(t, p, narrow(in.Data)), exact(t, b.Graph, in)); !(d <= 2e-5) {
				t.Errorf("%s %s: differs by %g", act, format, d)
			}
		}
	}
}

// rewritten is what rewrite makes of a graph, weights scaled.
func rewritten(g *ir.Graph) (*ir.Graph, error) {
	g, scales, err := rewrite(g)
	if err != nil {
		return nil, err
	}
	scaled := map[string]*ir.Tensor{}
	for _, n := range g.Nodes {
		for _, in := range n.In {
			if s, ok := scales[in]; ok && scaled[in] == nil {
				w := g.Weights[in]
				scaled[in] = ir.NewF32(s.apply(make([]float32, w.Shape.Elems()), w), w.Shape...)
			}
		}
	}
	maps.Copy(g.Weights, scaled)
	return g, nil
}
