package op

import (
	"context"
	"errors"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/godlas/godlas/dlas/ir"
)

func tensor(shape ...int) *ir.Tensor {
	return ir.NewF32(make([]float32, ir.Shape(shape).Elems()), shape...)
}

// one is a graph of one node that reads x and the weights given.
func one(operator string, attrs ir.Attrs, x ir.Shape, weights ...*ir.Tensor) *ir.Graph {
	n := &ir.Node{Name: "n", Op: operator, In: []string{"x"}, Out: []string{"y"}, Attrs: attrs}
	g := &ir.Graph{Inputs: []ir.Value{{Name: "x", Shape: x}}, Outputs: []string{"y"}, Nodes: []*ir.Node{n}, Weights: map[string]*ir.Tensor{}}
	for i, w := range weights {
		name := string(rune('a' + i))
		if w != nil {
			g.Weights[name] = w
			n.In = append(n.In, name)
		} else {
			n.In = append(n.In, "")
		}
	}
	return g
}

func TestShapes(t *testing.T) {
	map5 := ir.Shape{1, 6, 11, 9}
	for _, c := range []struct {
		g    *ir.Graph
		want ir.Shape
	}{
		{one("Conv", nil, map5, tensor(4, 6, 3, 3)), ir.Shape{2, 4, 9, 7}},
		{one("Conv", ir.Attrs{"strides": []int{2, 3}, "pads": []int{1, 0, 2, 4}, "dilations": []int{2, 1}}, map5, tensor(4, 6, 3, 3), tensor(4)), ir.Shape{2, 4, 5, 4}},
		{one("Conv", ir.Attrs{"group": 3}, map5, tensor(9, 2, 1, 1)), ir.Shape{2, 9, 11, 9}},
		{one("Conv", ir.Attrs{"kernel_shape": []int{1, 1}, "strides": []int{2, 2}}, map5, tensor(4, 6, 1, 1)), ir.Shape{2, 4, 6, 5}},
		{one("MaxPool", ir.Attrs{"kernel_shape": []int{2, 2}, "strides": []int{2, 2}}, map5), ir.Shape{2, 6, 5, 4}},
		{one("MaxPool", ir.Attrs{"kernel_shape": []int{2, 2}, "strides": []int{2, 2}, "ceil_mode": 1}, map5), ir.Shape{2, 6, 6, 5}},
		{one("AveragePool", ir.Attrs{"kernel_shape": []int{1, 1}, "strides": []int{2, 2}}, map5), ir.Shape{2, 6, 6, 5}},
		{one("GlobalAveragePool", nil, map5), ir.Shape{2, 6, 1, 1}},
		{one("Flatten", nil, map5), ir.Shape{2, 594}},
		{one("Gemm", ir.Attrs{"transB": 1}, ir.Shape{1, 7}, tensor(3, 7), tensor(3)), ir.Shape{2, 3}},
		{one("Pad", ir.Attrs{"pads": []int{0, 1, 2, 3, 0, 4, 5, 6}}, map5), ir.Shape{2, 11, 18, 18}},
		{one("Softmax", nil, ir.Shape{1, 10}), ir.Shape{2, 10}},
		{one("Relu", nil, map5), ir.Shape{2, 6, 11, 9}},
	} {
		shapes, err := Infer(c.g, 2)
		if err != nil {
			t.Errorf("%s %v: %v", c.g.Nodes[0].Op, c.g.Nodes[0].Attrs, err)
		} else if !shapes["y"].Shape.Equal(c.want) {
			t.Errorf("%s %v: %v, want %v", c.g.Nodes[0].Op, c.g.Nodes[0].Attrs, shapes["y"].Shape, c.want)
		}
	}
}

// TestBadGraphs shows that every fault of a graph is one line that says what is wrong, whatever runs into it.
func TestBadGraphs(t *testing.T) {
	x := ir.Shape{1, 6, 11, 9}
	with := func(g *ir.Graph, f func(*ir.Graph)) *ir.Graph { f(g); return g }
	short := tensor(4, 6, 3, 3)
	short.Data = make([]float32, 3)
	for name, c := range map[string]struct {
		g    *ir.Graph
		want string
	}{
		"operator":       {one("Convolution", nil, x), `node "n": unknown operator "Convolution"; try Con`},
		"attribute":      {one("Relu", ir.Attrs{"alpha": 1.0}, x), `node "n" (Relu): unknown attribute "alpha"`},
		"input":          {with(one("Relu", nil, x), func(g *ir.Graph) { g.Nodes[0].In[0] = "z" }), `its input "z" is not made before it`},
		"itself":         {with(one("Relu", nil, x), func(g *ir.Graph) { g.Nodes[0].In[0] = "y" }), `its input "y" is not made before it`},
		"output":         {with(one("Relu", nil, x), func(g *ir.Graph) { g.Outputs[0] = "z" }), `no node makes the output "z"`},
		"outputs":        {with(one("Relu", nil, x), func(g *ir.Graph) { g.Nodes[0].Out = nil }), `has 0 outputs, not 1`},
		"twice":          {with(one("Relu", nil, x), func(g *ir.Graph) { g.Nodes[0].Out[0] = "x" }), `its output "x" exists already`},
		"few inputs":     {one("Conv", nil, x), `has 1 inputs, not 2 to 4`},
		"many inputs":    {one("Relu", nil, x, tensor(1)), `has 2 inputs, not 1 to 1`},
		"left out":       {with(one("Conv", nil, x, tensor(4, 6, 3, 3)), func(g *ir.Graph) { g.Nodes[0].In[1] = "" }), `its input "" is not made before it`},
		"nil weight":     {with(one("Relu", nil, x), func(g *ir.Graph) { g.Weights["w"] = nil }), `weight "w": has no data`},
		"short weight":   {one("Conv", nil, x, short), `weight "a": has 3 elements, its shape 4x6x3x3 has 216`},
		"typed weight":   {with(one("Relu", nil, x), func(g *ir.Graph) { g.Weights["w"] = &ir.Tensor{Shape: ir.Shape{1}, Type: ir.F16, Data: []int8{1}} }), `weight "w": has the type "f16" and data of Go type []int8`},
		"channels":       {one("Conv", nil, x, tensor(4, 5, 3, 3)), `weights 4x5x3x3 with group 1 do not fit an input of 2x6x11x9`},
		"group":          {one("Conv", ir.Attrs{"group": 0}, x, tensor(4, 6, 3, 3)), `with group 0 do not fit`},
		"window":         {one("Conv", nil, x, tensor(4, 6, 12, 3)), `a 12x3 kernel does not fit into a map of 11x9`},
		"kernel_shape":   {one("Conv", ir.Attrs{"kernel_shape": []int{5, 5}}, x, tensor(4, 6, 3, 3)), `kernel_shape is 5x5, its weights are 3x3`},
		"strides":        {one("Conv", ir.Attrs{"strides": []int{0, 1}}, x, tensor(4, 6, 3, 3)), `strides [0 1]`},
		"stride list":    {one("Conv", ir.Attrs{"strides": []int{1}}, x, tensor(4, 6, 3, 3)), `attribute strides is not a list of 2 integers`},
		"huge pads":      {one("Conv", ir.Attrs{"pads": []int{1 << 40, 0, 0, 0}}, x, tensor(4, 6, 3, 3)), `pads [1099511627776 0 0 0] are not from 0`},
		"huge output":    {one("Conv", ir.Attrs{"pads": []int{60000, 60000, 60000, 60000}}, x, tensor(4, 6, 3, 3)), `has more than 268435456 elements`},
		"bias":           {one("Conv", nil, x, tensor(4, 6, 3, 3), tensor(5)), `its bias' shape is 5, not 4`},
		"residual":       {one("Conv", nil, x, tensor(4, 6, 3, 3), nil, tensor(2, 4, 9, 8)), `its residual's shape is 2x4x9x8, its output's 2x4x9x7`},
		"act":            {one("Conv", ir.Attrs{"act": "tanh"}, x, tensor(4, 6, 3, 3)), `unknown activation "tanh"; there is: relu, relu6, clip, silu`},
		"flat conv":      {one("Conv", nil, ir.Shape{1, 6}, tensor(4, 6, 3, 3)), `its input's shape is 2x6, not N x C x H x W`},
		"gemm":           {one("Gemm", ir.Attrs{"transB": 1}, ir.Shape{1, 6}, tensor(4, 5)), `weights 4x5 do not fit an input of 2x6`},
		"gemm transB":    {one("Gemm", nil, ir.Shape{1, 6}, tensor(4, 6)), `weights 4x6 do not fit an input of 2x6`},
		"add":            {one("Add", nil, x, tensor(3, 6, 11, 9)), `its inputs' shapes are 2x6x11x9 and 3x6x11x9`},
		"norm":           {one("BatchNormalization", nil, x, tensor(6), tensor(6), tensor(5), tensor(6)), `a parameter's shape is 5, not 6`},
		"epsilon":        {one("BatchNormalization", ir.Attrs{"epsilon": math.NaN()}, x, tensor(6), tensor(6), tensor(6), tensor(6)), `attribute epsilon is NaN`},
		"clip":           {one("Clip", ir.Attrs{"min": math.NaN(), "max": 1.0}, x), `attribute min is NaN, max 1`},
		"pool pads":      {one("MaxPool", ir.Attrs{"kernel_shape": []int{2, 2}, "pads": []int{2, 0, 0, 0}}, x), `pads reach over the whole 2x2 kernel`},
		"pool kernel":    {one("AveragePool", nil, x), `kernel 0x0`},
		"softmax axis":   {one("Softmax", ir.Attrs{"axis": 4}, x), `attribute axis is 4 for 4 axes`},
		"flatten axis":   {one("Flatten", ir.Attrs{"axis": 5}, x), `axis 5 of 4 axes`},
		"concat axis":    {one("Concat", ir.Attrs{"axis": 4}, x), `attribute axis is 4 for 4 axes`},
		"concat":         {one("Concat", ir.Attrs{"axis": 1}, x, tensor(2, 1, 11, 8)), `do not fit along axis 1`},
		"pad away":       {one("Pad", ir.Attrs{"pads": []int{0, -7, 0, 0, 0, 0, 0, 0}}, x), `pads [0 -7 0 0 0 0 0 0] of 2x6x11x9`},
		"huge pad":       {one("Pad", ir.Attrs{"pads": []int{0, 1 << 40, 0, 0, 0, 0, 0, 0}}, x), `are not from -65536 to 65536`},
		"empty axis":     {one("Relu", nil, ir.Shape{1, 0, 4, 4}), `the input: its shape 2x0x4x4 has an empty axis`},
		"huge input":     {one("Relu", nil, ir.Shape{1, 1 << 20, 1 << 20, 1 << 30}), `has more than 268435456 elements`},
		"batch in input": {one("Relu", nil, ir.Shape{4, 3}), `the input's shape is 4x3, not that of one image`},
		"nodes":          {with(one("Relu", nil, x), func(g *ir.Graph) { g.Nodes = make([]*ir.Node, MaxNodes+1) }), `the network has 16385 nodes, more than 16384`},
		"weight output":  {with(one("Relu", nil, x), func(g *ir.Graph) { g.Weights["w"] = tensor(1); g.Outputs[0] = "w" }), `the output "w" is a weight`},
		"control":        {with(one("Relu", nil, x), func(g *ir.Graph) { g.Nodes[0].Name = "a\x1b[31m\nb"; g.Nodes[0].In[0] = "z" }), `its input "z" is not made before it`},
	} {
		_, err := Infer(c.g, 2)
		var e *ir.Error
		if !errors.As(err, &e) {
			t.Errorf("%s: %v is no *ir.Error", name, err)
			continue
		}
		if text := err.Error(); !strings.HasPrefix(text, "L2 model: ") || !strings.Contains(text, c.want) || strings.ContainsAny(text, "\n\x1b") {
			t.Errorf("%s: %q, want %q", name, text, c.want)
		}
		if _, err := (Reference{}).Run(context.Background(), c.g, ir.NewF32(make([]float32, 2), 2, 1), nil); err == nil {
			t.Errorf("%s: the reference executor runs it", name)
		}
		if _, err := Count(c.g); err == nil && !slices.Contains([]string{"add", "concat", "residual", "batch in input"}, name) {
			t.Errorf("%s: its work can be counted", name)
		}
	}
	if _, err := Infer(one("Relu", nil, x), 0); err == nil {
		t.Error("a batch of 0 images is taken")
	}
}

// TestByHand checks each loop on numbers worked out by hand.
func TestByHand(t *testing.T) {
	seq := func(shape ...int) *ir.Tensor {
		v := tensor(shape...)
		for i := range v.F32() {
			v.F32()[i] = float32(i + 1)
		}
		return v
	}
	list := func(v ...float32) *ir.Tensor { return ir.NewF32(v, len(v)) }
	for _, c := range []struct {
		g    *ir.Graph
		x    *ir.Tensor
		want []float32
	}{
		{one("Conv", ir.Attrs{"pads": []int{1, 1, 0, 0}, "strides": []int{2, 2}}, ir.Shape{1, 1, 3, 3}, ir.NewF32([]float32{1, 10, 100, 1000}, 1, 1, 2, 2), list(0.5)), seq(1, 1, 3, 3), []float32{1000.5, 3200.5, 7040.5, 9865.5}},
		{one("Conv", ir.Attrs{"group": 2, "act": "relu6"}, ir.Shape{1, 2, 1, 2}, ir.NewF32([]float32{-1, 2}, 2, 1, 1, 1), nil, nil), seq(1, 2, 1, 2), []float32{0, 0, 6, 6}},
		{one("Conv", ir.Attrs{"act": "relu"}, ir.Shape{1, 1, 1, 2}, ir.NewF32([]float32{-1}, 1, 1, 1, 1), nil, ir.NewF32([]float32{3, 0}, 1, 1, 1, 2)), seq(1, 1, 1, 2), []float32{2, 0}},
		{one("BatchNormalization", ir.Attrs{"epsilon": 3.0}, ir.Shape{1, 2, 1, 1}, list(2, 1), list(1, 0), list(1, 2), list(1, 6)), seq(1, 2, 1, 1), []float32{1, 0}},
		{one("Gemm", ir.Attrs{"transB": 1}, ir.Shape{1, 2}, seq(2, 2), list(10, 20)), seq(1, 2), []float32{15, 31}},
		{one("MaxPool", ir.Attrs{"kernel_shape": []int{2, 2}, "pads": []int{0, 0, 1, 1}, "strides": []int{2, 2}}, ir.Shape{1, 1, 3, 3}), seq(1, 1, 3, 3), []float32{5, 6, 8, 9}},
		{one("AveragePool", ir.Attrs{"kernel_shape": []int{2, 2}, "pads": []int{0, 0, 1, 1}, "strides": []int{2, 2}}, ir.Shape{1, 1, 3, 3}), seq(1, 1, 3, 3), []float32{3, 4.5, 7.5, 9}},
		{one("AveragePool", ir.Attrs{"kernel_shape": []int{2, 2}, "pads": []int{0, 0, 1, 1}, "strides": []int{2, 2}, "count_include_pad": 1}, ir.Shape{1, 1, 3, 3}), seq(1, 1, 3, 3), []float32{3, 2.25, 3.75, 2.25}},
		{one("GlobalAveragePool", nil, ir.Shape{1, 2, 1, 2}), seq(1, 2, 1, 2), []float32{1.5, 3.5}},
		{one("Softmax", nil, ir.Shape{1, 2}), ir.NewF32([]float32{0, float32(math.Log(3))}, 1, 2), []float32{0.25, 0.75}},
		{one("Clip", ir.Attrs{"min": 2.0}, ir.Shape{1, 3}), seq(1, 3), []float32{2, 2, 3}},
		{one("Concat", ir.Attrs{"axis": 1}, ir.Shape{1, 1, 1, 2}, ir.NewF32([]float32{8, 9}, 1, 1, 1, 2)), seq(1, 1, 1, 2), []float32{1, 2, 8, 9}},
		{one("Pad", ir.Attrs{"pads": []int{0, 1, 0, 0, 0, 0, 0, 1}, "value": 7.0}, ir.Shape{1, 1, 1, 2}), seq(1, 1, 1, 2), []float32{7, 7, 7, 1, 2, 7}},
	} {
		got, err := Reference{}.Run(context.Background(), c.g, c.x, nil)
		if err != nil {
			t.Errorf("%s: %v", c.g.Nodes[0].Op, err)
			continue
		}
		for i, w := range c.want {
			if len(got.F32()) != len(c.want) || math.Abs(float64(got.F32()[i]-w)) > 1e-5 {
				t.Errorf("%s %v: %v, want %v", c.g.Nodes[0].Op, c.g.Nodes[0].Attrs, got.F32(), c.want)
				break
			}
		}
	}
}

func TestReferenceShowsNodes(t *testing.T) {
	g := one("Relu", nil, ir.Shape{1, 2})
	g.Nodes = append(g.Nodes, &ir.Node{Name: "sum", Op: "Add", In: []string{"y", "x"}, Out: []string{"z"}})
	g.Outputs[0] = "z"
	seen := map[string][]float32{}
	out, err := Reference{}.Run(context.Background(), g, ir.NewF32([]float32{-1, 2, 3, -4}, 2, 2), func(n *ir.Node, a *ir.Tensor) { seen[n.Name] = a.F32() })
	if err != nil {
		t.Fatal(err)
	}
	if out.F32()[0] != -1 || out.F32()[1] != 4 || seen["n"][0] != 0 || seen["sum"][2] != 6 || len(seen) != 2 {
		t.Errorf("out %v, seen %v", out.F32(), seen)
	}
	ctx, cancel := context.WithCancelCause(context.Background())
	why := errors.New("stopped by the test")
	cancel(why)
	if _, err := (Reference{}).Run(ctx, g, ir.NewF32(make([]float32, 2), 1, 2), nil); !errors.Is(err, why) {
		t.Errorf("a cancelled run ends with %v", err)
	}
	if _, err := (Reference{}).Run(context.Background(), g, tensor(1, 3), nil); err == nil {
		t.Error("a batch of another shape is taken")
	}
}

func TestCount(t *testing.T) {
	w := tensor(4, 3, 3, 3)
	for i := range w.F32() {
		if i%4 == 0 {
			w.F32()[i] = 1
		}
	}
	work, err := Count(one("Conv", ir.Attrs{"pads": []int{1, 1, 1, 1}}, ir.Shape{1, 6, 8, 8}, tensor(4, 6, 3, 3)))
	if err != nil || work[0] != (Work{MACs: 4 * 6 * 9 * 64}) {
		t.Errorf("all zeros: %+v, %v", work, err)
	}
	work, err = Count(one("Conv", ir.Attrs{"group": 2, "strides": []int{2, 2}}, ir.Shape{1, 6, 9, 9}, w))
	if err != nil || work[0] != (Work{MACs: 4 * 27 * 16, Nonzero: 27 * 16}) {
		t.Errorf("grouped: %+v, %v", work, err)
	}
	work, err = Count(one("Relu", nil, ir.Shape{1, 6}))
	if err != nil || work[0] != (Work{}) {
		t.Errorf("Relu: %+v, %v", work, err)
	}
}

// FuzzInfer feeds attributes and shapes from a fuzzer: Infer may refuse, but neither panic nor accept what Eval cannot run.
func FuzzInfer(f *testing.F) {
	f.Add(uint8(5), 3, 8, 8, 3, 3, 1, 1, 1, 1, 1)
	f.Add(uint8(10), 3, 8, 8, 2, 2, 2, 2, 0, 1, 0)
	f.Add(uint8(1), 1, 3, 3, -1, 1<<40, 0, 1, -2, 3, 1)
	names := Names()
	f.Fuzz(func(t *testing.T, which uint8, c, h, w, kh, kw, sh, sw, p0, p1, group int) {
		name := names[int(which)%len(names)]
		row, _ := Lookup(name)
		attrs := ir.Attrs{}
		for _, a := range row.Attrs {
			switch a {
			case "kernel_shape":
				if name != "Conv" {
					attrs[a] = []int{kh, kw}
				}
			case "strides":
				attrs[a] = []int{sh, sw}
			case "dilations":
				attrs[a] = []int{sw, sh}
			case "pads":
				attrs[a] = []int{p0, p1, p1, p0}
				if name == "Pad" {
					attrs[a] = []int{0, p0, p1, p0, 0, p1, p0, p1}
				}
			case "group", "axis", "transB", "ceil_mode", "count_include_pad":
				attrs[a] = group
			}
		}
		shape := ir.Shape{1, c, h, w}
		var weights []*ir.Tensor
		for i := 1; i < row.Least; i++ {
			s := ir.Shape{c}
			if name == "Conv" {
				s = ir.Shape{c, c, kh, kw}
			}
			if checkShape(s) != nil || s.Elems() > 1<<12 {
				return
			}
			weights = append(weights, tensor(s...))
		}
		g := one(name, attrs, shape, weights...)
		shapes, err := Infer(g, 1)
		if err != nil {
			return
		}
		if shapes["x"].Shape.Elems() > 1<<10 || shapes["y"].Shape.Elems() > 1<<12 || kh*kw > 100 {
			return
		}
		if _, err := (Reference{}).Run(context.Background(), g, tensor(shape...), nil); err != nil {
			t.Errorf("%s %v of %v: inferred, but not run: %v", name, attrs, shape, err)
		}
	})
}
