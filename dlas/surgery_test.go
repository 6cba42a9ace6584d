package dlas

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/godlas/godlas/dlas/compress"
	"github.com/godlas/godlas/dlas/hardware"
	"github.com/godlas/godlas/dlas/internal/exactness"
	"github.com/godlas/godlas/dlas/ir"
	"github.com/godlas/godlas/dlas/ir/op"
	"github.com/godlas/godlas/dlas/model"
	"github.com/godlas/godlas/dlas/system"
	"github.com/godlas/godlas/internal/need"
)

// TestChannelsOfEveryNetwork takes channels from every network there is. Which ones went is found out from the weights
// that are left, whose numbers are all different: the whole network with the others zero computes the same logits. Its
// parameters and multiplications fall by about what p says.
func TestChannelsOfEveryNetwork(t *testing.T) {
	t.Parallel()
	entries, err := model.Survey(model.Env{})
	if err != nil {
		t.Fatal(err)
	}
	m := hardware.Probe()
	m.Threads = 2
	tried := 0
	for turn, e := range entries {
		size := 32
		if e.Input[2] > 64 {
			size = 64
		}
		g, err := model.Build(ir.Choice{Name: e.Name}, model.Request{Data: "random", C: 3, H: size, W: size, Classes: 10})
		if err != nil {
			t.Logf("not %s: %v", e.Name, err)
			continue // wants its own weights, or larger pictures
		}
		before := model.Count(g)
		if before.Params > 6e6 && !need.Required("whole") {
			t.Logf("not %s: %d million parameters", e.Name, before.Params/1e6)
			continue
		}
		tried++
		distinct(g)
		p := []string{"0.5", "0.25"}[turn%2]
		c := ir.Choice{Name: "channels", Value: []string{p}}
		if turn%3 == 0 {
			c.Args = []ir.Arg{{Key: "scope", Op: "=", Value: "global"}}
		}
		small, lines, err := compress.Apply(t.Context(), g, []ir.Choice{c}, compress.Tools{})
		if err != nil {
			t.Errorf("%s: %v", e.Name, err)
			continue
		}
		t.Log(e.Name, lines[0])
		in := make([]float64, g.Input().Shape.Elems())
		r := rand.New(rand.NewPCG(3, 4))
		for i := range in {
			in[i] = float64(float32(r.NormFloat64()))
		}
		want := logits(t, masked(t, e.Name, g, small), m, system.Plan{}, in, e.Name+" masked")
		got := logits(t, small, m, system.Plan{}, in, e.Name+" narrowed")
		if d := exactness.Distance(got, widened(want)); !(d <= 2e-4) {
			t.Errorf("%s: logits differ by %g of the largest from those with a mask", e.Name, d)
		}
		if turn%3 == 0 {
			continue // layers are of different worth
		}
		keep := map[string]float64{"0.5": 0.5, "0.25": 0.75}[p]
		was, is := work(t, g), work(t, small)
		if share := float64(is) / float64(was); share > keep || share < keep*keep*0.9 {
			t.Errorf("%s: channels(%s) leaves %.3f of the multiplications", e.Name, p, share)
		}
		if share := float64(model.Count(small).Params) / float64(before.Params); share > keep+0.06 || share < keep*keep*0.9 {
			t.Errorf("%s: channels(%s) leaves %.3f of the parameters", e.Name, p, share)
		}
	}
	if tried < 11 {
		t.Errorf("only %d networks", tried)
	}
}

func work(t *testing.T, g *ir.Graph) (n int64) {
	all, err := op.Count(g)
	if err != nil {
		t.Fatal(err)
	}
	for _, w := range all {
		n += w.MACs
	}
	return n
}

// distinct makes the numbers of each weight all different, so that each tells where it is from.
func distinct(g *ir.Graph) {
	r := rand.New(rand.NewPCG(1, 9))
	for _, n := range g.Nodes {
		for i := 1; i < len(n.In); i++ {
			w := g.Weights[n.In[i]]
			if w == nil {
				continue
			}
			fan := float32(w.Shape[1:].Elems())
			data := make([]float32, w.Shape.Elems())
			for j, at := range r.Perm(len(data)) {
				d := (float32(at)+0.5)/float32(len(data)) - 0.5
				switch {
				case n.Op == "BatchNormalization" && (i == 1 || i == 4):
					data[j] = w.F32()[j] * (1 + d/2)
				case len(w.Shape) == 1:
					data[j] = w.F32()[j] + d/5
				default:
					data[j] = d * float32(math.Sqrt(24/float64(fan)))
				}
			}
			g.Weights[n.In[i]] = ir.NewF32(data, w.Shape...)
		}
	}
}

// masked is the network with zeros where the narrow one has lost weights.
func masked(t *testing.T, name string, g, small *ir.Graph) *ir.Graph {
	t.Helper()
	out := g.Clone()
	for key, w := range g.Weights {
		s := small.Weights[key]
		if s == nil || s.Shape.Equal(w.Shape) {
			continue
		}
		if len(s.Shape) != len(w.Shape) {
			t.Fatalf("%s: %q is %v, was %v", name, key, s.Shape, w.Shape)
		}
		kept := keptPlaces(w, s)
		for a := range kept {
			if len(kept[a]) != s.Shape[a] {
				t.Fatalf("%s: %q: %d places of axis %d are told, of %d", name, key, len(kept[a]), a, s.Shape[a])
			}
		}
		data := slices.Clone(w.F32())
		for i := range data {
			for a, at := len(w.Shape)-1, i; a >= 0; a-- {
				if !kept[a][at%w.Shape[a]] {
					data[i] = 0
				}
				at /= w.Shape[a]
			}
		}
		out.Weights[key] = ir.NewF32(data, w.Shape...)
	}
	return out
}

// keptPlaces says for each axis which places of a tensor are left in a smaller one: a number of each place is looked up.
func keptPlaces(w, s *ir.Tensor) []map[int]bool {
	asked := map[uint32][]int{} // numbers of the smaller tensor, and the axes that they are to tell of
	for a, extent := range s.Shape {
		for place := range extent {
			v := math.Float32bits(s.F32()[place*s.Shape[a+1:].Elems()])
			asked[v] = append(asked[v], a)
		}
	}
	kept := make([]map[int]bool, len(w.Shape))
	for a := range kept {
		kept[a] = map[int]bool{}
	}
	for i, v := range w.F32() {
		for _, a := range asked[math.Float32bits(v)] {
			kept[a][i/w.Shape[a+1:].Elems()%w.Shape[a]] = true
		}
	}
	return kept
}

// TestChannelsOfResNet18: half the channels are a quarter of the work.
func TestChannelsOfResNet18(t *testing.T) {
	g, err := model.Build(ir.Choice{Name: "resnet18"}, model.Request{Data: "random", C: 3, H: 32, W: 32, Classes: 10})
	if err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]ir.Arg{nil, {{Key: "round", Op: "=", Value: "16"}}} {
		small, _, err := compress.Apply(t.Context(), g, []ir.Choice{{Name: "channels", Value: []string{"0.5"}, Args: args}}, compress.Tools{})
		if err != nil {
			t.Fatal(err)
		}
		if share := float64(work(t, small)) / float64(work(t, g)); math.Abs(share-0.25) > 0.01 {
			t.Errorf("channels(0.5) leaves %.3f of the multiplications", share)
		}
		for _, n := range small.Nodes {
			if n.Op == "Conv" && small.Weights[n.In[1]].Shape[0]%32 != 0 {
				t.Errorf("%s has %v", n.Name, small.Weights[n.In[1]].Shape)
			}
		}
	}
	if fmt.Sprint(g.Weights["fc.weight"].Shape) != "10x512" {
		t.Error("the network given has changed")
	}
}
