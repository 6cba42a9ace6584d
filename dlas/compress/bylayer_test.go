package compress

import (
	"context"
	"slices"
	"strings"
	"testing"

	"github.com/godlas/godlas/dlas/ir"
	"github.com/godlas/godlas/dlas/ir/op"
)

// TestByLayer: a vector of levels does to each layer what the pass with scope=layer does to it at that level, and leaves
// the others as they are.
func TestByLayer(t *testing.T) {
	for seed := range uint64(12) {
		byLayer(t, randomGraph(seed, 6))
	}
	g := graph()
	for _, c := range []struct {
		c    ir.Choice
		want string
	}{
		{prunes("[0.5]"), "prune has 1 level, and"},
		{prunes("[0.5 x]"), "must be from 0 to 1"},
		{prunes("[0.5 +]"), "+ is no level"},
		{prunes("[0.5 -]", "skope=layer"), "skope"},
		{ir.Choice{Name: "fp16", Value: []string{"[0.5 -]"}}, "has no level"},
		{ir.Choice{Name: "recalibrate", Value: []string{"[0.5 -]"}}, "takes no levels by layer"},
		{ir.Choice{Name: "prune", Value: []string{"[0.5 -]", "[0.5 -]"}}, "one vector"},
	} {
		if _, _, err := Apply(context.Background(), g, []ir.Choice{c.c}, Tools{}); err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: %v, want %q", c.c, err, c.want)
		}
	}
}

// TestByLayerOfIntegers: a network that came quantised says so when a layer of it is to be changed.
func TestByLayerOfIntegers(t *testing.T) {
	g := mixed()
	g.Weights["wide.w"] = &ir.Tensor{Shape: ir.Shape{24, 20, 5, 5}, Type: ir.I8, Data: make([]int8, 24*20*25)}
	levels := slices.Repeat([]string{Leave}, len(Layers(g)))
	levels[slices.IndexFunc(Layers(g), func(w op.Weight) bool { return w.Name == "wide.w" })] = "0.5"
	_, _, err := Apply(context.Background(), g, []ir.Choice{prunes("[" + strings.Join(levels, " ") + "]")}, Tools{})
	if want := `prune takes float weights, and "wide.w" has i8: the network is quantised already`; err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("%v, want %q", err, want)
	}
}

func byLayer(t *testing.T, g *ir.Graph) {
	layers := Layers(g)
	if len(layers) < 2 {
		t.Fatalf("%d layers", len(layers))
	}
	apply := func(c ir.Choice) *ir.Graph {
		t.Helper()
		out, lines, err := Apply(context.Background(), g, []ir.Choice{c}, Tools{})
		if err != nil && strings.Contains(err.Error(), "would leave nothing") { // of a small layer, and right so
			return nil
		}
		if err != nil || len(lines) != 1 {
			t.Fatalf("%s: %v, %q", c, err, lines)
		}
		if _, err := op.Infer(out, 1); err != nil {
			t.Fatalf("%s: %v", c, err)
		}
		return out
	}
	for _, c := range []struct {
		pass   ir.Choice
		levels []string
	}{
		{prunes("0.5", "scope=layer"), []string{"0.5", "0.9"}},
		{ir.Choice{Name: "blocks", Value: []string{"0.5", "4x1"}, Args: []ir.Arg{{Key: "scope", Op: "=", Value: "layer"}}}, []string{"0.5"}},
		{ir.Choice{Name: "palette", Value: []string{"2"}}, []string{"2", "3"}},
		{ir.Choice{Name: "fp16"}, []string{Take}},
		{ir.Choice{Name: "lowrank", Value: []string{"0.5"}}, []string{"0.5"}},
	} {
		var levels []string
		for i := range layers {
			levels = append(levels, append(slices.Clone(c.levels), Leave)[i%(len(c.levels)+1)])
		}
		got := apply(At(c.pass, "["+strings.Join(levels, " ")+"]"))
		whole := map[string]*ir.Graph{Leave: g}
		refused := got == nil
		for _, v := range c.levels {
			whole[v] = apply(At(c.pass, scalar(v)))
			refused = refused || whole[v] == nil
		}
		if refused {
			continue
		}
		for i, l := range layers {
			a, b := got.Weights[l.Name], whole[levels[i]].Weights[l.Name]
			if (a == nil) != (b == nil) || a != nil && !slices.Equal(a.Memory(), b.Memory()) {
				t.Errorf("%s: layer %d at %s is not what it is alone", c.pass, i, levels[i])
			}
		}
		// What is compressed by layer is the input of other passes like any.
		if _, _, err := Apply(context.Background(), got, []ir.Choice{{Name: "fp16"}}, Tools{}); err != nil {
			t.Errorf("%s, then fp16: %v", c.pass, err)
		}
	}
}

// TestChannelsByLayer: one level for all layers is channels at that level; a layer's level narrows it and no other.
func TestChannelsByLayer(t *testing.T) {
	for seed := range uint64(12) {
		g := randomGraph(seed, 6)
		n := len(Layers(g))
		apply := func(level string) *ir.Graph {
			out, _, err := Apply(context.Background(), g, []ir.Choice{{Name: "channels", Value: []string{level}}}, Tools{})
			if err != nil && !strings.Contains(err.Error(), "no channels that can go") {
				t.Fatalf("seed %d, %s: %v", seed, level, err)
			}
			return out
		}
		same := strings.Repeat(" 0.5", n)[1:]
		a, b := apply("0.5"), apply("["+same+"]")
		if (a == nil) != (b == nil) || a != nil && spell(a) != spell(b) {
			t.Errorf("seed %d: 0.5 for each layer is not channels(0.5)", seed)
		}
		if none := apply("[" + strings.Repeat(" -", n)[1:] + "]"); none != nil && spell(none) != spell(apply("0")) {
			t.Errorf("seed %d: layers that are left change", seed)
		}
		if first := apply("[0.5" + strings.Repeat(" -", n-1) + "]"); first != nil && a != nil {
			for i, l := range Layers(first) {
				if whole, half := Layers(g)[i].Elems(), Layers(a)[i].Elems(); l.Elems() < half || l.Elems() > whole {
					t.Errorf("seed %d: layer %d has %d weights, %d before, %d with all narrowed", seed, i, l.Elems(), whole, half)
				}
			}
		}
	}
}

// TestScanLevels: every level of a scan is one that its pass takes, and they go from gentle to harsh.
func TestScanLevels(t *testing.T) {
	for _, p := range passes() {
		name := p.option.Name
		levels := ScanLevels(name)
		c := ir.Choice{Name: name}
		switch name {
		case "blocks":
			c.Value = []string{"16x1"}
		case "punch":
			c.Value = []string{"8x4"}
		}
		for i, v := range levels {
			if err := Check(At(c, v)); err != nil {
				t.Error(err)
			}
			if i > 0 && Gentler(name, level(t, levels[i-1]), level(t, v)) >= 0 {
				t.Errorf("%s: %s before %s", name, levels[i-1], v)
			}
		}
		if err := Check(At(c, Elbow)); (err == nil) != (levels != nil) {
			t.Errorf("%s(elbow): %v, and it has %d levels", name, err, len(levels))
		}
	}
}

func level(t *testing.T, s string) float64 {
	t.Helper()
	v, err := form{level: "level", lo: 0, hi: 100}.read(ir.Option{}, ir.Choice{Name: "x", Value: []string{s}})
	if err != nil {
		t.Fatal(err)
	}
	return v.level
}
