package compress

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/godlas/godlas/dlas/ir"
	"github.com/godlas/godlas/dlas/ir/op"
)

// small is a network with what quantisation meets: a convolution with batch norm and rectifier, a depthwise one, a residual,
// a concatenation of two branches, a gate, a pool, a linear layer.
func small() *ir.Graph {
	r := rand.New(rand.NewPCG(3, 4))
	g := &ir.Graph{Name: "small", Inputs: []ir.Value{{Name: "x", Shape: ir.Shape{1, 3, 8, 8}}}, Outputs: []string{"fc"}, Weights: map[string]*ir.Tensor{}}
	weight := func(name string, sd, mean float64, shape ...int) string {
		v := make([]float32, ir.Shape(shape).Elems())
		for i := range v {
			v[i] = float32(r.NormFloat64()*sd + mean)
		}
		g.Weights[name] = ir.NewF32(v, shape...)
		return name
	}
	node := func(name, op string, attrs ir.Attrs, in ...string) string {
		g.Nodes = append(g.Nodes, &ir.Node{Name: name, Op: op, In: in, Out: []string{name}, Attrs: attrs})
		return name
	}
	pads := func(groups int) ir.Attrs { return ir.Attrs{"pads": []int{1, 1, 1, 1}, "group": groups} }
	a := node("conv1", "Conv", pads(1), "x", weight("w1", 0.3, 0, 16, 3, 3, 3))
	variance := weight("var", 0, 0.8, 16)
	a = node("bn1", "BatchNormalization", nil, a, weight("gamma", 0.2, 1, 16), weight("beta", 0.2, 0, 16), weight("mean", 0.1, 0, 16), variance)
	a = node("relu1", "Relu", nil, a)
	b := node("dw", "Conv", pads(16), a, weight("w2", 0.4, 0, 16, 1, 3, 3), weight("b2", 0.2, 0, 16))
	b = node("relu2", "Relu", nil, b)
	b = node("pw", "Conv", ir.Attrs{}, b, weight("w3", 0.3, 0, 16, 16, 1, 1), weight("b3", 0.2, 0, 16))
	s := node("sum", "Add", nil, b, a)
	s = node("relu3", "Relu", nil, s)
	e1 := node("left", "Conv", ir.Attrs{}, s, weight("w4", 0.3, 0, 8, 16, 1, 1))
	e2 := node("right", "Conv", pads(1), s, weight("w5", 0.1, 0, 8, 16, 3, 3))
	c := node("join", "Concat", ir.Attrs{"axis": 1}, node("leftrelu", "Relu", nil, e1), node("rightrelu", "Relu", nil, e2))
	gate := node("gatepool", "GlobalAveragePool", nil, c)
	gate = node("gate", "Conv", ir.Attrs{}, gate, weight("w6", 0.3, 0, 16, 16, 1, 1))
	c = node("gated", "Mul", nil, c, node("sigmoid", "Sigmoid", nil, gate))
	c = node("pool", "GlobalAveragePool", nil, node("max", "MaxPool", ir.Attrs{"kernel_shape": []int{2, 2}, "strides": []int{2, 2}}, c))
	node("fc", "Gemm", ir.Attrs{"transB": 1}, node("flat", "Flatten", nil, c), weight("w7", 0.3, 0, 5, 16), weight("b7", 0.1, 0, 5))
	return g
}

func int8With(args ...string) ir.Choice {
	c := ir.Choice{Name: "int8"}
	for _, a := range args {
		k, v, _ := strings.Cut(a, "=")
		c.Args = append(c.Args, ir.Arg{Key: k, Op: "=", Value: v})
	}
	return c
}

func referenceTools(n int) Tools { return Tools{Runner: op.Reference{}, Val: noise{n}} }

func logitsOf(t *testing.T, g *ir.Graph, n int) []float32 {
	t.Helper()
	var all []float32
	err := eachBatch(t.Context(), referenceTools(n), g, n, func(batch *ir.Tensor) error {
		out, err := (op.Reference{}).Run(t.Context(), g, batch, nil)
		if err == nil {
			all = append(all, out.F32()...)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// decibels is the power of want over that of the difference.
func decibels(got, want []float32) float64 {
	power, wrong := 0.0, 0.0
	for i, v := range want {
		power += float64(v) * float64(v)
		wrong += (float64(got[i]) - float64(v)) * (float64(got[i]) - float64(v))
	}
	return 10 * math.Log10(power/wrong)
}

func apply(t *testing.T, g *ir.Graph, tools Tools, cs ...ir.Choice) (*ir.Graph, string) {
	t.Helper()
	out, lines, err := Apply(t.Context(), g, cs, tools)
	if err != nil {
		t.Fatal(err)
	}
	text := ""
	for _, l := range lines {
		text += string(l) + "\n"
	}
	return out, text
}

// TestInt8EveryMethod: whatever chooses the ranges, weights are within half a step of what they were, zeros stay zeros,
// and the logits are those of the float network but for quantisation's noise.
func TestInt8EveryMethod(t *testing.T) {
	g := small()
	for i := range g.Weights["w5"].F32() {
		if i%3 == 0 {
			g.Weights["w5"].F32()[i] = 0
		}
	}
	want := logitsOf(t, g, 16)
	before := slices.Clone(g.Weights["w5"].F32())
	for _, c := range []ir.Choice{
		int8With("method=minmax", "n=16"), int8With("method=percentile", "n=16"), int8With("method=mse", "n=16"), int8With("method=entropy", "n=16"),
		int8With("equalise=on", "bias=off", "n=16"),
	} {
		out, text := apply(t, g, referenceTools(16), c)
		if db := decibels(logitsOf(t, out, 16), want); !(db > 22) {
			t.Errorf("%s: the logits are %.1f dB above their error", c, db)
		} else {
			t.Logf("%.1f dB: %s", db, text)
		}
		w := out.Weights["w5"]
		if w.Type != ir.I8 {
			t.Fatalf("%s: w5 is %s", c, w.Type)
		}
		scales := out.Weights["w5_scale"].F32()
		for i, q := range w.Data.([]int8) {
			s := float64(scales[i/144])
			if before[i] == 0 && q != 0 {
				t.Fatalf("%s: weight %d was zero", c, i)
			}
			if c.Arg("equalise", "") == "" && math.Abs(float64(q)*s-float64(before[i])) > s*0.500001 {
				t.Fatalf("%s: weight %d is %v, and was %v", c, i, float64(q)*s, before[i])
			}
		}
		if !slices.Equal(g.Weights["w5"].F32(), before) || quantisedAlready(g) != "" {
			t.Fatalf("%s changed the network that was given", c)
		}
	}
}

// TestInt8Form: every operator stands between conversions, none is left float but for what has no form in bytes; rectifiers
// are clamped by what quantises them; what a concatenation joins has its scale.
func TestInt8Form(t *testing.T) {
	out, _ := apply(t, small(), referenceTools(8), int8With("n=8"))
	makers, users := map[string]*ir.Node{}, usersOf(out)
	for _, n := range out.Nodes {
		makers[n.Out[0]] = n
	}
	for _, n := range out.Nodes {
		if n.Op == "QuantizeLinear" || n.Op == "DequantizeLinear" || n.Op == "Relu" {
			continue
		}
		for _, in := range n.In {
			if m := makers[in]; m == nil || m.Op != "DequantizeLinear" {
				t.Errorf("%s (%s) reads %q, which is not dequantised", n.Name, n.Op, in)
			}
		}
		for _, u := range users[n.Out[0]] {
			if u.Op == "Relu" {
				u = users[u.Out[0]][0]
			}
			if u.Op != "QuantizeLinear" {
				t.Errorf("%s (%s) is read by %s (%s)", n.Name, n.Op, u.Name, u.Op)
			}
		}
	}
	if n := makers["fc"]; n == nil || n.Op != "DequantizeLinear" {
		t.Errorf("the output is made by %v", n)
	}
	scale := func(name string) float32 { return out.Weights[name+"_scale"].F32()[0] }
	if scale("leftrelu") != scale("join") || scale("rightrelu") != scale("join") || scale("max") != scale("gated") {
		t.Errorf("scales of the parts %v and %v, of the whole %v; before a pool %v, behind it %v", scale("leftrelu"), scale("rightrelu"), scale("join"), scale("gated"), scale("max"))
	}
	if slices.ContainsFunc(out.Nodes, func(n *ir.Node) bool { return n.Op == "BatchNormalization" }) {
		t.Error("a batch norm is left")
	}
}

// TestInt8Keep: the layers kept float are those whose quantisation alone costs most.
func TestInt8Keep(t *testing.T) {
	g := small()
	// One large weight a channel leaves few steps for all others, and multiplies what is always zero.
	g.Weights["b2"].F32()[0] = -1
	clear(g.Weights["w2"].F32()[:9])
	for o := range 16 {
		g.Weights["w3"].F32()[16*o] = 40
	}
	all, _ := apply(t, g, referenceTools(16), int8With("n=16"))
	kept, text := apply(t, g, referenceTools(16), int8With("n=16", "keep=1"))
	if !strings.Contains(text, "6 of 7 conv and linear layers") || !strings.Contains(text, "pw (") {
		t.Errorf("int8(keep=1) says %q", text)
	}
	if kept.Weights["w3"].Type != ir.F32 {
		t.Errorf("w3 is %s", kept.Weights["w3"].Type)
	}
	want := logitsOf(t, g, 16)
	if a, b := decibels(logitsOf(t, all, 16), want), decibels(logitsOf(t, kept, 16), want); !(b > a+1) {
		t.Errorf("all in bytes: %.1f dB; the most sensitive float: %.1f dB", a, b)
	}
}

// TestEqualise: what the network computes stays, and the ranges of neighbours meet.
func TestEqualise(t *testing.T) {
	g := small()
	foldNorms(t.Context(), g)
	want := logitsOf(t, g, 4)
	w := g.Weights["w1"].F32()
	for c := range 16 {
		timesFactor(w[c*27:(c+1)*27], math.Exp(float64(c-8)/3))
		timesFactor(g.Weights["conv1.bias"].F32()[c:c+1], math.Exp(float64(c-8)/3))
	}
	skewed := logitsOf(t, g, 4)
	if n := equaliseLayers(t.Context(), g); n != 1 {
		t.Fatalf("%d pairs, not the one that nothing else reads: dw and pw", n)
	}
	if db := decibels(logitsOf(t, g, 4), skewed); !(db > 100) {
		t.Errorf("equalising changed the logits: %.1f dB", db)
	}
	if db := decibels(skewed, want); db > 100 {
		t.Error("skewing changed nothing")
	}
	for c := range 16 {
		made := largestMagnitude(g.Weights["w2"].F32()[c*9 : c*9+9])
		read := 0.0
		for _, v := range readingWeights(g.Weights["w3"], 1, 16, c) {
			read = max(read, largestMagnitude(v))
		}
		if math.Abs(made/read-1) > 1e-3 {
			t.Errorf("channel %d is made by %v and read by %v at most", c, made, read)
		}
	}
}

// TestCorrectBias: with the correction the mean of each channel is that of the float convolution.
func TestCorrectBias(t *testing.T) {
	for _, group := range []int{1, 4} {
		r := rand.New(rand.NewPCG(5, 6))
		const in, out = 8, 12
		shape := ir.Shape{out, in / group, 1, 1}
		w, lost := make([]float32, shape.Elems()), make([]float32, shape.Elems())
		for i := range w {
			w[i], lost[i] = float32(r.NormFloat64()), float32(r.NormFloat64()/20)
		}
		x, means := make([]float64, in*50), make([]float64, in)
		for i := range x {
			x[i] = r.Float64() * float64(i%in)
			means[i%in] += x[i] / 50
		}
		bias := make([]float64, out)
		n := &ir.Node{Op: "Conv", Attrs: ir.Attrs{"group": group}}
		if !correctBias(n, shape, 0, lost, means, bias) {
			t.Fatal("nothing was corrected")
		}
		for o := range out {
			whole, rounded, each := 0.0, 0.0, in/group
			for p := range 50 {
				for c := range each {
					v := x[p*in+o/(out/group)*each+c]
					whole += float64(w[o*each+c]) * v
					rounded += (float64(w[o*each+c]) - float64(lost[o*each+c])) * v
				}
			}
			if d := (rounded-whole)/50 + bias[o]; math.Abs(d) > 1e-9 || bias[o] == 0 {
				t.Errorf("%d groups: channel %d is off by %v with a correction of %v", group, o, d, bias[o])
			}
		}
	}
}

// TestHistogram: growing merges bins; ranges cost no more than another choice would.
func TestHistogram(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 9))
	h := &histogram{}
	var all []float32
	for i := range 40 {
		x := make([]float32, 500)
		for k := range x {
			x[k] = float32(r.NormFloat64() * math.Exp(float64(i)/10))
			if k%4 == 0 {
				x[k] = 0
			}
		}
		all = append(all, x...)
		if err := h.add(t.Context(), x); err != nil {
			t.Fatal(err)
		}
	}
	direct := make([]int64, bins)
	zeros := int64(0)
	for _, v := range all {
		if v == 0 {
			zeros++
			continue
		}
		direct[int((float64(v)+h.reach)*(bins/2/h.reach))]++
	}
	if !slices.Equal(direct, h.count) || zeros != h.zeros {
		t.Error("merged bins differ from those of the final reach")
	}
	wrong := func(lo, hi float64) float64 {
		scale, zero := scaleOf(interval{lo, hi})
		sum := 0.0
		for _, v := range all {
			q := min(max(math.RoundToEven(float64(v)/float64(scale))+float64(zero), 0), 255)
			d := (q-float64(zero))*float64(scale) - float64(v)
			sum += d * d
		}
		return sum
	}
	lo, hi := h.bounds(t.Context(), rangeMSE)
	wide, best := wrong(h.bounds(t.Context(), rangeMinMax)), wrong(lo, hi)
	if !(best < wide) {
		t.Errorf("the range of least error %v to %v has %v, the widest %v", lo, hi, best, wide)
	}
	for _, f := range []float64{0.7, 0.85, 1.2, 1.5} {
		if other := wrong(lo*f, hi*f); other < 0.97*best {
			t.Errorf("the range %v to %v has the error %v, %v times as wide %v", lo, hi, best, f, other)
		}
	}
	slices.Sort(all)
	if lo, hi = h.percentile(float64(h.lo), float64(h.hi)); lo > float64(all[1]) || hi < float64(all[len(all)-2]) {
		t.Errorf("the tails of %d numbers end at %v and %v", len(all), lo, hi)
	}
	if err := h.add(t.Context(), []float32{float32(math.NaN())}); err == nil {
		t.Error("a NaN was counted")
	}
}

func TestInt8Refuses(t *testing.T) {
	done, _ := apply(t, small(), referenceTools(4), int8With("n=4"))
	for _, c := range []struct {
		g     *ir.Graph
		c     ir.Choice
		tools Tools
		want  string
	}{
		{small(), int8With(), Tools{}, "int8 has to run the network"},
		{small(), int8With(), Tools{Runner: op.Reference{}}, "int8 needs images to calibrate with: "},
		{small(), int8With("n=9"), referenceTools(4), "val has 4 images"},
		{done, int8With(), referenceTools(4), "small is quantised already: node"},
		{small(), int8With("keep=7"), referenceTools(4), "leaves nothing to quantise: small has 7 layers"},
		{small(), int8With("method=best"), referenceTools(4), `unknown method of int8 "best"; try`},
		{small(), int8With("n=0"), referenceTools(4), "int8(n=0): at least one image"},
		{small(), int8With("keep=-1"), referenceTools(4), "keep is how many layers stay float"},
		{small(), int8With("bits=8"), referenceTools(4), `unknown argument of int8 "bits"`},
		{small(), ir.Choice{Name: "int8", Value: []string{"8"}}, referenceTools(4), "int8 takes no plain value"},
		{&ir.Graph{Name: "empty", Inputs: []ir.Value{{Name: "x", Shape: ir.Shape{1, 3}}}, Outputs: []string{"y"}, Nodes: []*ir.Node{{Name: "y", Op: "Relu", In: []string{"x"}, Out: []string{"y"}}}}, int8With(), referenceTools(4), "empty has no convolution or linear layer"},
	} {
		_, _, err := Apply(context.Background(), c.g, []ir.Choice{c.c}, c.tools)
		if err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: %v does not say %q", c.c, err, c.want)
		}
	}
	bad := small()
	bad.Weights["w4"].F32()[0] = float32(math.Inf(1))
	if _, _, err := Apply(t.Context(), bad, []ir.Choice{int8With("n=1")}, referenceTools(4)); err == nil || !strings.Contains(err.Error(), "not finite") {
		t.Errorf("an infinite weight: %v", err)
	}
	if fmt.Sprint(Check(int8With("n=5"))) != "<nil>" {
		t.Error("a right choice is refused")
	}
}
