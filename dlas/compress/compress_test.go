package compress

import (
	"context"
	"errors"
	"math"
	"strconv"
	"strings"
	"testing"

	"github.com/godlas/godlas/dlas/ir"
)

func prunes(words ...string) ir.Choice {
	c := ir.Choice{Name: "prune"}
	for _, w := range words {
		if k, v, ok := strings.Cut(w, "="); ok {
			c.Args = append(c.Args, ir.Arg{Key: k, Op: "=", Value: v})
		} else {
			c.Value = append(c.Value, w)
		}
	}
	return c
}

// graph is a convolution, a batch norm and a linear layer; the weights are in no order.
func autos(key, op, value string) ir.Choice {
	return ir.Choice{Name: "auto", Args: []ir.Arg{{Key: key, Op: op, Value: value}}}
}

func graph() *ir.Graph {
	fill := func(n int, step, mod int, scale float32) []float32 {
		d := make([]float32, n)
		for i := range d {
			d[i] = scale * float32((i*step)%mod-mod/2)
		}
		return d
	}
	return &ir.Graph{
		Name: "toy", Inputs: []ir.Value{{Name: "x", Shape: ir.Shape{1, 1, 4, 4}}}, Outputs: []string{"fc"},
		Nodes: []*ir.Node{
			{Name: "conv", Op: "Conv", In: []string{"x", "conv.weight"}, Out: []string{"conv"}},
			{Name: "bn", Op: "BatchNormalization", In: []string{"conv", "bn.weight", "bn.bias", "bn.mean", "bn.var"}, Out: []string{"bn"}},
			{Name: "flat", Op: "Flatten", In: []string{"bn"}, Out: []string{"flat"}},
			{Name: "fc", Op: "Gemm", In: []string{"flat", "fc.weight", "fc.bias"}, Out: []string{"fc"}, Attrs: ir.Attrs{"transB": 1}},
		},
		Weights: map[string]*ir.Tensor{
			"conv.weight": ir.NewF32(fill(101*9, 7, 97, 0.5), 101, 1, 3, 3),
			"bn.weight":   ir.NewF32(make([]float32, 101), 101), "bn.bias": ir.NewF32(make([]float32, 101), 101),
			"bn.mean": ir.NewF32(make([]float32, 101), 101), "bn.var": ir.NewF32(make([]float32, 101), 101),
			"fc.weight": ir.NewF32(fill(7*101, 11, 103, 0.5), 7, 101), "fc.bias": ir.NewF32([]float32{1, 2, 3, 4, 5, 6, 0.0001}, 7),
		},
	}
}

func flat(g *ir.Graph) []float32 {
	var all []float32
	for _, n := range Prunable(g) {
		all = append(all, g.Weights[n].F32()...)
	}
	return all
}

func TestPruneIsGlobalMagnitude(t *testing.T) {
	g := graph()
	before := append([]float32(nil), flat(g)...)
	n := len(before)
	for _, level := range []float64{0, 0.1, 0.5, 0.8, 0.9, 0.95} {
		p := strconv.FormatFloat(level, 'g', -1, 64)
		out, lines, err := Apply(context.Background(), g, []ir.Choice{prunes(p)}, Tools{})
		if err != nil {
			t.Fatal(err)
		}
		want := int(math.Round(level * float64(n)))
		after, zeros, maxDropped, minKept := flat(out), 0, 0.0, math.Inf(1)
		for i, v := range after {
			switch {
			case v == 0:
				zeros++
				maxDropped = max(maxDropped, math.Abs(float64(before[i])))
			case v != before[i]:
				t.Fatalf("prune(%s) changed weight %d from %v to %v", p, i, before[i], v)
			default:
				minKept = min(minKept, math.Abs(float64(v)))
			}
		}
		natural := 0
		for _, v := range before {
			if v == 0 {
				natural++
			}
		}
		if zeros != max(want, natural) {
			t.Errorf("prune(%s) leaves %d zeros of %d, not %d", p, zeros, n, max(want, natural))
		}
		if maxDropped > minKept {
			t.Errorf("prune(%s) dropped %v and kept %v", p, maxDropped, minKept)
		}
		if len(lines) != 1 || !strings.HasPrefix(lines[0], "prune("+p+"): ") {
			t.Errorf("prune(%s) says %q", p, lines)
		}
	}
	for i, v := range flat(g) {
		if v != before[i] {
			t.Fatal("the graph that was given has changed")
		}
	}
	if g.Weights["fc.bias"].F32()[6] == 0 {
		t.Error("a bias was pruned")
	}
}

// TestTiesByIndex: of equal magnitudes the earlier ones go first, whatever their sign.
func TestTiesByIndex(t *testing.T) {
	w := []float32{1, -1, 1, 2, -1, 0.5}
	k := smallest(t.Context(), []pieces{{score: w[:3]}, {score: w[3:]}}, 3)
	k.zero(w[:3], w[:3])
	k.zero(w[3:], w[3:])
	for i, want := range []float32{0, 0, 1, 2, -1, 0} {
		if w[i] != want {
			t.Fatalf("left %v", w)
		}
	}
}

func TestScopeLayer(t *testing.T) {
	out, _, err := Apply(context.Background(), graph(), []ir.Choice{prunes("0.75", "scope=layer")}, Tools{})
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range Prunable(out) {
		w, zeros := out.Weights[n].F32(), 0
		for _, v := range w {
			if v == 0 {
				zeros++
			}
		}
		if zeros != int(math.Round(0.75*float64(len(w)))) {
			t.Errorf("%s has %d zeros of %d", n, zeros, len(w))
		}
	}
}

func TestChain(t *testing.T) {
	twice, lines, err := Apply(context.Background(), graph(), []ir.Choice{{Name: "none"}, prunes("0.5"), prunes("0.9")}, Tools{})
	if err != nil {
		t.Fatal(err)
	}
	once, _, err := Apply(context.Background(), graph(), []ir.Choice{prunes("0.9")}, Tools{})
	if err != nil {
		t.Fatal(err)
	}
	for i, v := range flat(twice) {
		if v != flat(once)[i] {
			t.Fatal("half first gives other weights than nine tenths at once")
		}
	}
	if len(lines) != 2 {
		t.Errorf("lines %q", lines)
	}
}

func TestBadChoices(t *testing.T) {
	for _, c := range []struct {
		c    ir.Choice
		want string
	}{
		{prunes("1.5"), "L3 compress: prune(1.5): the fraction must be from 0 to 1; write prune(0.9) for nine of ten"},
		{prunes("-0.1"), "must be from 0 to 1"},
		{prunes("NaN"), "must be from 0 to 1"},
		{prunes("much"), "must be from 0 to 1"},
		{prunes(), "prune takes one fraction, but got 0"},
		{prunes("0.1", "0.2"), "prune takes one fraction, but got 2"},
		{prunes("elbow"), "prune(elbow) has to be found first"},
		{prunes("0.5", "scope=network"), `unknown scope of prune "network"; try`},
		{prunes("0.5", "skope=layer"), `unknown argument of prune "skope"; try scope`},
		{ir.Choice{Name: "pruen"}, `unknown pass "pruen"; try prune`},
		{ir.Choice{Name: "auto"}, "auto wants a target at least"},
		{autos("accuracy", ">=", "NaN"), "an accuracy is a fraction from 0 to 1"},
		{autos("accuracy", ">=", "NaNpt"), "neither a fraction nor points"},
		{autos("latency", "<=", "Infms"), "is no time"},
		{autos("bytes", "<=", "InfMB"), "is no number of bytes"},
		{ir.Choice{Name: "none", Value: []string{"1"}}, "none takes no arguments"},
	} {
		_, _, err := Apply(context.Background(), graph(), []ir.Choice{c.c}, Tools{})
		var e *ir.Error
		if !errors.As(err, &e) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error %v does not say %q", c.c, err, c.want)
		}
		if IsElbow(c.c) { // right as a choice, once its level is found
			continue
		}
		if err2 := Check(c.c); err2 == nil || err2.Error() != err.Error() {
			t.Errorf("%s: Check says %v, Apply %v", c.c, err2, err)
		}
	}
	empty := &ir.Graph{Name: "empty"}
	if _, _, err := Apply(context.Background(), empty, []ir.Choice{prunes("0.5")}, Tools{}); err == nil || !strings.Contains(err.Error(), "empty has no convolution or linear weights") {
		t.Errorf("a graph without weights: %v", err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, _, err := Apply(ctx, graph(), []ir.Choice{prunes("0.5")}, Tools{}); !errors.Is(err, context.Canceled) {
		t.Errorf("a cancelled Apply says %v", err)
	}
}
