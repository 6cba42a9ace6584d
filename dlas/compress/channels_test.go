package compress

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/godlas/godlas/dlas/ir"
	"github.com/godlas/godlas/dlas/ir/op"
)

// TestSurgeryEqualsMasking: a network without some channels computes what the whole one does with all weights of these
// channels zero, whichever may go.
func TestSurgeryEqualsMasking(t *testing.T) {
	narrowed := 0
	for seed := range uint64(80) {
		g := randomGraph(seed, 3+int(seed%12))
		d, err := depend(g)
		if err != nil {
			t.Fatal(err)
		}
		list, err := d.bundles(t.Context(), "l1", Tools{})
		if err != nil {
			t.Fatal(err)
		}
		r := rand.New(rand.NewPCG(seed, 2))
		gone := map[int32]bool{}
		for _, b := range list {
			if r.IntN(2) == 0 {
				gone[b.root] = true
			}
		}
		d.refill(gone, map[int32]float64{})
		kept := func(c int32) bool { return !gone[d.root(c)] }
		before := spell(g)
		small, err := d.remove(t.Context(), kept)
		if err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
		masked := d.mask(kept)
		if spell(g) != before {
			t.Fatalf("seed %d: the network given has changed", seed)
		}
		got, want := run(t, small, nil), run(t, masked, nil)
		for i, w := range want {
			if math.Abs(got[i]-w) > 1e-9*(1+math.Abs(w)) {
				t.Errorf("seed %d: logits %v, and %v with a mask", seed, got, want)
				break
			}
		}
		if len(gone) > 0 {
			narrowed++
			if a, b := macs(t, small, nil), macs(t, g, nil); a >= b {
				t.Errorf("seed %d: %d MACs of %d with %d channels less", seed, a, b, len(gone))
			}
		}
	}
	if narrowed < 60 {
		t.Errorf("only %d of 80 networks lost channels", narrowed)
	}
}

// plainNet is two convolutions, a batch norm and a linear layer: 8 and 32 channels.
func plainNet() *ir.Graph {
	m := &maker{
		g: &ir.Graph{Name: "plain", Inputs: []ir.Value{{Name: "x", Shape: ir.Shape{1, 3, 8, 8}}}, Weights: map[string]*ir.Tensor{}},
		r: rand.New(rand.NewPCG(1, 1)),
	}
	x := m.act(m.norm(m.conv("x", 3, 8, 3, 1, 1), 8))
	x = m.act(m.conv(x, 8, 32, 3, 1, 1))
	x = m.node("Flatten", nil, m.node("GlobalAveragePool", nil, x))
	m.g.Outputs = []string{m.node("Gemm", ir.Attrs{"transB": 1}, x, m.weight(0, 1, 4, 32), m.weight(0, 1, 4))}
	return m.g
}

// outs are the output channels of each convolution.
func outs(g *ir.Graph) (n []int) {
	for _, node := range g.Nodes {
		if node.Op == "Conv" {
			n = append(n, g.Weights[node.In[1]].Shape[0])
		}
	}
	return n
}

func TestChannelsKeep(t *testing.T) {
	for _, c := range []struct {
		words string
		want  []int
	}{
		{"0", []int{8, 32}},
		{"0.5", []int{4, 16}},
		{"0.25", []int{6, 24}},
		{"0.3 round=8", []int{8, 24}},
		{"0.5 round=16", []int{8, 16}},
		{"0.99", []int{1, 1}},
		{"0.9 round=16", []int{8, 16}},
	} {
		out, lines, err := Apply(t.Context(), plainNet(), []ir.Choice{choice("channels", strings.Fields(c.words)...)}, Tools{})
		if err != nil {
			t.Errorf("channels(%s): %v", c.words, err)
			continue
		}
		if got := outs(out); !slices.Equal(got, c.want) {
			t.Errorf("channels(%s) keeps %v, not %v: %s", c.words, got, c.want, lines)
		}
		if c.words == "0.99" && !strings.Contains(lines[0], "2 layers keep a single channel") {
			t.Errorf("channels(0.99) says %q", lines)
		}
	}
}

// TestChannelsRank: the channels that go are those worth least by each rule.
func TestChannelsRank(t *testing.T) {
	g := plainNet()
	first := g.Weights[g.Nodes[0].In[1]]
	for i := range first.F32() { // channel 5 small, all others large
		if v := &first.F32()[i]; i/27 == 5 {
			*v = 1e-3
		} else {
			*v = 1
		}
	}
	gamma := g.Weights[g.Nodes[1].In[1]].F32()
	for i := range gamma {
		gamma[i] = 1
	}
	gamma[2] = 0.1
	bias := g.Weights[g.Nodes[1].In[2]].F32()
	for i := range bias {
		bias[i] = 5
	}
	bias[7] = -50 // never active
	g.Nodes[2].Op = "Relu"
	for by, lost := range map[string]int{"l1": 5, "bn": 2, "activation": 7} {
		// An eighth of 8 channels is one.
		out, _, err := Apply(t.Context(), g, []ir.Choice{choice("channels", "0.125", "by="+by)}, Tools{Runner: op.Reference{}, Val: noise{4}})
		if err != nil {
			t.Fatal(err)
		}
		got := out.Weights[out.Nodes[1].In[2]].F32()
		want := slices.Delete(slices.Clone(bias), lost, lost+1)
		if by == "bn" {
			got, want = out.Weights[out.Nodes[1].In[1]].F32(), slices.Delete(slices.Clone(gamma), lost, lost+1)
		}
		if !slices.Equal(got, want) || by == "l1" && slices.Contains(out.Weights[out.Nodes[0].In[1]].F32(), 1e-3) {
			t.Errorf("by=%s keeps %v, not %v", by, got, want)
		}
	}
}

func TestChannelsGlobal(t *testing.T) {
	g := plainNet()
	w := g.Weights[g.Nodes[3].In[1]].F32() // of the second convolution: half of the channels near nothing
	for i := range w {
		if i/72%2 == 0 {
			w[i] /= 1000
		}
	}
	out, _, err := Apply(t.Context(), g, []ir.Choice{choice("channels", "0.4", "scope=global")}, Tools{})
	if err != nil {
		t.Fatal(err)
	}
	if got := outs(out); !slices.Equal(got, []int{8, 16}) {
		t.Errorf("16 of 40 channels that are small leave %v", got)
	}
}

// TestChannelsWhole: what is not understood keeps its channels, and the line says which and why.
func TestChannelsWhole(t *testing.T) {
	m := &maker{
		g: &ir.Graph{Name: "shuffled", Inputs: []ir.Value{{Name: "x", Shape: ir.Shape{1, 3, 8, 8}}}, Weights: map[string]*ir.Tensor{}},
		r: rand.New(rand.NewPCG(1, 1)),
	}
	x := m.conv("x", 3, 8, 3, 1, 1)
	x = m.node("Reshape", ir.Attrs{"shape": []int{1, 2, 4, 8, 8}}, x)
	x = m.node("Transpose", ir.Attrs{"perm": []int{0, 2, 1, 3, 4}}, x)
	x = m.node("Reshape", ir.Attrs{"shape": []int{1, 8, 8, 8}}, x)
	x = m.conv(x, 8, 16, 1, 1, 1)
	x = m.node("Flatten", nil, m.node("GlobalAveragePool", nil, x))
	m.g.Outputs = []string{m.node("Gemm", ir.Attrs{"transB": 1}, x, m.weight(0, 1, 4, 16))}
	out, lines, err := Apply(t.Context(), m.g, []ir.Choice{choice("channels", "0.5")}, Tools{})
	if err != nil {
		t.Fatal(err)
	}
	if got := outs(out); !slices.Equal(got, []int{8, 8}) || !strings.Contains(lines[0], `left whole: "n0" (Reshape "n1")`) {
		t.Errorf("%v: %s", got, lines)
	}
}

func TestChannelsRefuses(t *testing.T) {
	quant := plainNet()
	quant.Nodes = append(quant.Nodes, &ir.Node{Name: "q", Op: "QuantizeLinear", In: []string{quant.Outputs[0], "scale", "zero"}, Out: []string{"q"}})
	quant.Weights["scale"], quant.Weights["zero"] = ir.NewF32([]float32{1}), &ir.Tensor{Shape: ir.Shape{}, Type: ir.U8, Data: []uint8{0}}
	quant.Weights["scale"].Shape = ir.Shape{}
	linear := &ir.Graph{
		Name: "linear", Inputs: []ir.Value{{Name: "x", Shape: ir.Shape{1, 4}}}, Outputs: []string{"y"},
		Nodes:   []*ir.Node{{Name: "y", Op: "Gemm", In: []string{"x", "w"}, Out: []string{"y"}}},
		Weights: map[string]*ir.Tensor{"w": ir.NewF32(make([]float32, 12), 4, 3)},
	}
	empty := Tools{Runner: op.Reference{}, Val: noise{0}}
	for _, c := range []struct {
		g     *ir.Graph
		words []string
		t     Tools
		want  string
	}{
		{plainNet(), []string{"1"}, Tools{}, "channels(1) would leave nothing: each layer keeps a channel at least"},
		{plainNet(), []string{"1.5"}, Tools{}, "must be from 0 to below 1"},
		{plainNet(), []string{"-1"}, Tools{}, "must be from 0 to below 1"},
		{plainNet(), nil, Tools{}, "channels takes one fraction, but got 0"},
		{plainNet(), []string{"0.5", "by=size"}, Tools{}, `unknown by of channels "size"`},
		{plainNet(), []string{"0.5", "round=0"}, Tools{}, "is not a number from 1"},
		{plainNet(), []string{"0.5", "rund=16"}, Tools{}, `unknown argument of channels "rund"; try round`},
		{plainNet(), []string{"0.5", "by=activation"}, Tools{}, "channels(by=activation) has to run the network"},
		{plainNet(), []string{"0.5", "by=activation"}, Tools{Runner: op.Reference{}}, "channels(by=activation) needs images to rank channels by: no data set is named"},
		{plainNet(), []string{"0.5", "by=activation"}, empty, "channels(by=activation) needs images to rank channels by: no image 0"},
		{linear, []string{"0.5"}, Tools{}, "linear has no channels that can go"},
		{linear, []string{"0.5", "by=bn"}, Tools{}, "linear has no batch norm"},
		{quant, []string{"0.5"}, Tools{}, "write channels before int8"},
	} {
		_, _, err := Apply(t.Context(), c.g, []ir.Choice{choice("channels", c.words...)}, c.t)
		var e *ir.Error
		if !errors.As(err, &e) || e.Layer != ir.Compress || !strings.Contains(fmt.Sprint(err), c.want) {
			t.Errorf("channels%v: %v does not say %q", c.words, err, c.want)
		}
	}
}

// TestJoined: narrowing a layer narrows none of another group, and a layer of no group stays whole. Layers that nothing joins
// are groups of their own, so that there are far more groups than graphs.
func TestJoined(t *testing.T) {
	groups := 0
	for seed := range uint64(40) {
		g := randomGraph(seed, 3+int(seed%12))
		joined, err := Joined(t.Context(), g)
		if err != nil {
			t.Fatal(err)
		}
		layers := Layers(g)
		of := make([]int, len(layers)) // 1 and more: the group
		for k, group := range joined {
			groups++
			for _, i := range group {
				if of[i] != 0 {
					t.Fatalf("seed %d: layer %d is in two groups: %v", seed, i, joined)
				}
				of[i] = k + 1
			}
		}
		for i := range layers {
			levels := make([]string, len(layers))
			for k := range levels {
				levels[k] = Leave
			}
			levels[i] = "0.9"
			out, _, err := Apply(t.Context(), g, []ir.Choice{choice("channels", "["+strings.Join(levels, " ")+"]")}, Tools{})
			if err != nil {
				if len(joined) > 0 {
					t.Errorf("seed %d: %v", seed, err)
				}
				continue
			}
			for k, l := range Layers(out) {
				if narrower := l.Rows < layers[k].Rows; narrower && (of[k] == 0 || of[k] != of[i]) {
					t.Errorf("seed %d: narrowing layer %d narrows layer %d, the groups are %v", seed, i, k, joined)
				}
			}
		}
	}
	if groups < 120 {
		t.Errorf("only %d groups in all", groups)
	}
	end := errors.New("enough")
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(end)
	if joined, err := Joined(ctx, randomGraph(1, 12)); !errors.Is(err, end) || joined != nil {
		t.Errorf("after its context has ended: %v, %v", joined, err)
	}
}
