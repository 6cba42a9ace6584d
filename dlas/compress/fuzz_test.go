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

// TestRandomPasses takes random networks through random chains of passes: nothing panics, what comes out is a network
// with the same inputs and outputs that computes numbers and no more than before, and what went in is as it was.
func TestRandomPasses(t *testing.T) {
	applied, refused := map[string]int{}, map[string]int{}
	for seed := range uint64(100) {
		chain(t, seed, applied, refused)
	}
	for _, o := range Options() {
		if passArguments(rand.New(rand.NewPCG(1, 1)), o.Name) != nil && applied[o.Name] == 0 {
			t.Errorf("%s was never applied, and refused %d times", o.Name, refused[o.Name])
		}
	}
	t.Logf("applied %v, refused %v", applied, refused)
}

// FuzzPasses is TestRandomPasses for any seed.
func FuzzPasses(f *testing.F) {
	for seed := range uint64(8) {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, seed uint64) { chain(t, seed, map[string]int{}, map[string]int{}) })
}

// passArguments are random arguments of a pass; nil for one that this test does not know.
func passArguments(r *rand.Rand, name string) []string {
	level := fmt.Sprint(float64(r.IntN(10)) / 10)
	pick := func(s ...string) string { return s[r.IntN(len(s))] }
	switch name {
	case "none", "ternary", "fp16", "bf16":
		return []string{}
	case "prune":
		return []string{level, pick("scope=global", "scope=layer")}
	case "channels":
		return []string{level, pick("by=l1", "by=bn", "by=activation"), pick("scope=global", "scope=layer"), pick("round=1", "round=4")}
	case "recalibrate":
		return []string{pick("n=3", "n=8")}
	case "int8": // the definition's loops make it slow
		return []string{"n=1", pick("keep=0", "keep=1"), pick("method=minmax", "method=mse")}
	case "blocks":
		return []string{level, pick("16x1", "4x1", "8x2")}
	case "punch":
		return []string{level, "8x4"}
	case "pattern":
		return []string{pick("0.5", "0.7")}
	case "palette":
		return []string{pick("1", "3", "8")}
	case "lowrank":
		return []string{pick("0.5", "0.9")}
	}
	return nil
}

func chain(t *testing.T, seed uint64, applied, refused map[string]int) {
	r := rand.New(rand.NewPCG(seed, 11))
	g := randomGraph(seed, 3+r.IntN(10))
	if _, err := op.Infer(g, 1); err != nil {
		t.Fatalf("%s is no network: %v", g.Name, err)
	}
	tools := Tools{Runner: op.Reference{}, Val: noise{8}}
	var said []string
	for range 1 + r.IntN(3) {
		options := Options()
		o := options[r.IntN(len(options))]
		args := passArguments(r, o.Name)
		if args == nil || o.Name == "int8" && r.IntN(3) > 0 {
			continue
		}
		c := choice(o.Name, args...)
		if err := Check(c); err != nil {
			t.Fatalf("%s: %v", c, err)
		}
		before := spell(g)
		out, lines, err := Apply(t.Context(), g, []ir.Choice{c}, tools)
		if spell(g) != before {
			t.Fatalf("%s of %s, seed %d, changed the network that it was given", c, said, seed)
		}
		if err != nil {
			var e *ir.Error
			if !errors.As(err, &e) || e.Layer != ir.Compress || strings.ContainsAny(err.Error(), "\n") {
				t.Fatalf("%s after %s, seed %d: %v is no error of a pass", c, said, seed, err)
			}
			refused[o.Name]++
			continue
		}
		applied[o.Name]++
		said = append(said, c.String())
		if o.Name != "none" && len(lines) != 1 {
			t.Errorf("%s says %q", c, lines)
		}
		was, is := macs(t, g, said), macs(t, out, said)
		if is > was {
			t.Errorf("%s, seed %d: %d MACs, and %d before", said, seed, is, was)
		}
		g = out
	}
	values, err := op.Infer(g, 2)
	if err != nil {
		t.Fatalf("%s, seed %d: two images: %v", said, seed, err)
	}
	if s := values[g.Output()].Shape; !s.Equal(ir.Shape{2, 4}) {
		t.Fatalf("%s, seed %d: the output is %v", said, seed, s)
	}
	for _, v := range run(t, g, said) {
		if math.IsNaN(v) || math.IsInf(v, 0) {
			t.Fatalf("%s, seed %d: a logit is %v", said, seed, v)
		}
	}
}

func macs(t *testing.T, g *ir.Graph, said []string) (n int64) {
	work, err := op.Count(g)
	if err != nil {
		t.Fatalf("%s of %s: %v", said, g.Name, err)
	}
	for _, w := range work {
		n += w.MACs
	}
	return n
}

// run is the definition's logits of one image.
func run(t *testing.T, g *ir.Graph, said []string) []float64 {
	t.Helper()
	in := op.Array{Shape: g.Input().Shape, Data: make([]float64, g.Input().Shape.Elems())}
	r := rand.New(rand.NewPCG(5, 5))
	for i := range in.Data {
		in.Data[i] = float64(float32(r.NormFloat64()))
	}
	out, err := op.Exact(context.Background(), g, in, nil)
	if err != nil {
		t.Fatalf("%s of %s: %v", said, g.Name, err)
	}
	return out.Data
}

// choice spells a pass with its arguments.
func choice(name string, words ...string) ir.Choice {
	c := prunes(words...)
	c.Name = name
	slices.SortFunc(c.Args, func(a, b ir.Arg) int { return strings.Compare(a.Key, b.Key) })
	return c
}

// spell is all of a network as text.
func spell(g *ir.Graph) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%v %v\n", g.Inputs, g.Outputs)
	for _, n := range g.Nodes {
		fmt.Fprintf(&b, "%+v\n", *n)
	}
	var names []string
	for name := range g.Weights {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		w := g.Weights[name]
		fmt.Fprintf(&b, "%s %v %v %x\n", name, w.Type, w.Shape, []byte(w.Memory()))
	}
	return b.String()
}
