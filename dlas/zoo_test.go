package dlas

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/godlas/godlas/dlas/hardware"
	"github.com/godlas/godlas/dlas/internal/exactness"
	"github.com/godlas/godlas/dlas/ir"
	"github.com/godlas/godlas/dlas/ir/op"
	"github.com/godlas/godlas/dlas/model"
	"github.com/godlas/godlas/dlas/primitive"
	"github.com/godlas/godlas/dlas/system"
	"github.com/godlas/godlas/internal/need"
)

// TestEveryNetwork is the metamorphic test over the networks there are: each, in float and in bytes, runs by choices of
// every layer that go round, and is compared with its definition: floats within their class, bytes to the bit with the loops in Go.
func TestEveryNetwork(t *testing.T) {
	entries, err := model.Survey(model.Env{})
	if err != nil {
		t.Fatal(err)
	}
	for i, e := range entries {
		t.Run(e.Name, func(t *testing.T) { everyChoice(t, e, 11*i) })
	}
}

// everyChoice compares a network by some choices with its definition; turn is where in their round it begins.
func everyChoice(t *testing.T, e model.Entry, turn int) {
	t.Parallel() // the definition computes on one thread
	size := 32
	if e.Input[2] > 64 {
		size = 40
	}
	g, err := model.Build(ir.Choice{Name: e.Name}, model.Request{Data: "random", C: 3, H: size + 1, W: size, Classes: 10})
	if err != nil {
		t.Logf("not %s: %v", e.Name, err)
		return // wants its own weights, or larger pictures
	}
	work, err := op.Count(g)
	if err != nil {
		t.Fatal(err)
	}
	n := int64(0)
	for _, w := range work {
		n += w.MACs
	}
	if n > 60e6 && !need.Required("whole") {
		t.Logf("not %s: its %d million MACs take the definition's loops long", e.Name, n/1e6)
		return
	}
	const images = 2
	in := op.Array{Shape: append(ir.Shape{images}, g.Input().Shape[1:]...)}
	r := rand.New(rand.NewPCG(1, 2))
	for range in.Shape.Elems() {
		in.Data = append(in.Data, float64(float32(r.NormFloat64())))
	}
	low, high := map[string]float64{g.Input().Name: slices.Min(in.Data)}, map[string]float64{g.Input().Name: slices.Max(in.Data)}
	want, err := op.Exact(t.Context(), g, in, func(n *ir.Node, a op.Array) {
		low[n.Out[0]], high[n.Out[0]] = slices.Min(a.Data), slices.Max(a.Data)
	})
	if err != nil {
		t.Fatal(err)
	}
	bytes := quantised(g, low, high)
	inBytes, err := op.Exact(t.Context(), bytes, in, nil)
	if err != nil {
		t.Fatal(err)
	}
	// Rounding of the bytes' kernels is their own: that in Go is the measure of the others.
	plain := hardware.Probe()
	plain.ISA, plain.Threads = "go", 1
	wantBytes := logits(t, bytes, plain, system.Plan{Algorithm: "direct", Batch: images, Schedule: ir.Choice{Name: system.Untuned}}, in.Data, "bytes in Go")
	if d := exactness.Distance(wantBytes, inBytes.Data); !(d <= 0.1) {
		t.Errorf("%s in bytes: logits differ from the definition's by %g of the largest", e.Name, d)
	}
	m := hardware.Probe()
	for _, c := range []struct {
		g         *ir.Graph
		want      []float64
		tolerance float64
		plans     []string
	}{
		{g, want.Data, 1e-4, []string{"auto", "direct", "gemm", "spatialpack", "winograd"}},
		{bytes, widened(wantBytes), 0, []string{"auto", "spatialpack", "gemm"}},
	} {
		for _, algorithm := range c.plans {
			turn++
			m.ISA, m.Threads = m.ISAs[turn%len(m.ISAs)], 1+turn/2%3
			batch, schedule := 1+turn%images, []string{system.Heuristic, system.Untuned}[turn/3%2]
			what := fmt.Sprintf("%s of %d weights, %s %s threads=%d batch=%d %s", e.Name, len(c.g.Weights), algorithm, m.ISA, m.Threads, batch, schedule)
			got := logits(t, c.g, m, system.Plan{Algorithm: algorithm, Schedule: ir.Choice{Name: schedule}, Batch: batch}, in.Data, what)
			if d := exactness.Distance(got, c.want); !(d <= c.tolerance) {
				t.Errorf("%s: logits differ by %g of the largest", what, d)
			}
		}
	}
}

// logits are what a network makes of images, compiled by the plan; one in bytes must run in bytes.
func logits(t *testing.T, g *ir.Graph, m ir.Machine, plan system.Plan, images []float64, what string) []float32 {
	t.Helper()
	p, err := system.Compile(g, primitive.Kernels(), m, plan)
	if err != nil {
		t.Fatalf("%s: %v", what, err)
	}
	for _, n := range p.Nodes() {
		if g.Nodes[0].Op == "QuantizeLinear" && n.MACs > 0 && n.Type != ir.I8 {
			t.Errorf("%s: node %q runs in %s", what, n.Name, n.Type)
		}
	}
	var got []float32
	x := make([]float32, p.InShape().Elems())
	for i := 0; i < len(images); i += len(x) {
		for j := range x {
			x[j] = float32(images[i+j])
		}
		out := make([]float32, p.OutShape().Elems())
		if err := p.Run(t.Context(), x, out); err != nil {
			t.Fatalf("%s: %v", what, err)
		}
		got = append(got, out...)
	}
	return got
}

func widened(v []float32) []float64 {
	w := make([]float64, len(v))
	for i, x := range v {
		w[i] = float64(x)
	}
	return w
}

// quantised is the network as quantisers write it, batch norms folded into the convolutions before them: activations u8,
// weights i8 with a scale for each output channel.
func quantised(g *ir.Graph, low, high map[string]float64) *ir.Graph {
	q := g.Clone()
	q.Nodes = nil
	now := map[string]string{} // the dequantised value that stands for one
	fresh := 0
	constant := func(t *ir.Tensor) string {
		fresh++
		name := fmt.Sprintf("q%d", fresh)
		q.Weights[name] = t
		return name
	}
	node := func(operator, out string, attrs ir.Attrs, in ...string) string {
		fresh++
		q.Nodes = append(q.Nodes, &ir.Node{Name: fmt.Sprintf("n%d %s", fresh, operator), Op: operator, In: in, Out: []string{out}, Attrs: attrs})
		return out
	}
	value := func(name string) {
		lo, hi := min(low[name], 0), max(high[name], 0)
		scale := float32(max(hi-lo, 1e-6) / 255)
		s, z := constant(ir.NewF32([]float32{scale}, 1)), constant(&ir.Tensor{Type: ir.U8, Shape: ir.Shape{1}, Data: []uint8{uint8(math.Round(-lo / float64(scale)))}})
		now[name] = node("DequantizeLinear", name+" dq", nil, node("QuantizeLinear", name+" q", nil, name, s, z), s, z)
	}
	value(g.Input().Name)
	uses := map[string]int{}
	for _, n := range g.Nodes {
		for _, x := range n.In {
			uses[x]++
		}
	}
	gone := map[string]bool{}
	for i, n := range g.Nodes {
		if gone[n.Name] {
			continue
		}
		c := *n
		c.In = slices.Clone(n.In)
		for j, x := range c.In {
			if v, ok := now[x]; ok {
				c.In[j] = v
			}
		}
		if w := (*ir.Tensor)(nil); n.Op == "Conv" || n.Op == "Gemm" && n.Attrs.Int("transB", 0) == 1 {
			w = g.Weights[n.In[1]]
			rows := w.Shape[0]
			mul, bias := make([]float64, rows), make([]float32, rows)
			for o := range mul {
				mul[o] = 1
			}
			if len(n.In) > 2 && n.In[2] != "" {
				copy(bias, g.Weights[n.In[2]].F32())
			}
			if i+1 < len(g.Nodes) && g.Nodes[i+1].Op == "BatchNormalization" && g.Nodes[i+1].In[0] == n.Out[0] && uses[n.Out[0]] == 1 {
				b := g.Nodes[i+1]
				of := func(k, o int) float64 { return float64(g.Weights[b.In[k]].F32()[o]) }
				for o := range mul {
					var add float64
					mul[o], add = op.NormAffine(b, of(1, o), of(2, o), of(3, o), of(4, o))
					bias[o] = float32(float64(bias[o])*mul[o] + add)
				}
				gone[b.Name], c.Out = true, b.Out
			}
			data, scales := make([]int8, w.Shape.Elems()), make([]float32, rows)
			per := len(data) / rows
			for o := range scales {
				top := 1e-6
				for _, v := range w.F32()[o*per : (o+1)*per] {
					top = max(top, math.Abs(float64(v)*mul[o]))
				}
				scales[o] = float32(top / 127)
				for k, v := range w.F32()[o*per : (o+1)*per] {
					data[o*per+k] = int8(math.Round(float64(v) * mul[o] / top * 127))
				}
			}
			weights := constant(&ir.Tensor{Type: ir.I8, Shape: w.Shape, Data: data})
			zeros := constant(&ir.Tensor{Type: ir.I8, Shape: ir.Shape{rows}, Data: make([]int8, rows)})
			c.In = []string{c.In[0], node("DequantizeLinear", weights+" dq", ir.Attrs{"axis": 0}, weights, constant(ir.NewF32(scales, rows)), zeros), constant(ir.NewF32(bias, rows))}
		}
		q.Nodes = append(q.Nodes, &c)
		if next := i + 1; next < len(g.Nodes) && uses[c.Out[0]] == 1 && slices.Contains([]string{"Relu", "Clip"}, g.Nodes[next].Op) && g.Nodes[next].In[0] == c.Out[0] {
			continue
		}
		value(c.Out[0])
	}
	q.Outputs = []string{now[g.Output()]}
	return q
}
