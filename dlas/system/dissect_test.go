package system

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/godlas/godlas/dlas/hardware"
	"github.com/godlas/godlas/dlas/ir"
)

// TestNodesAloneMakeTheSame: nodes that are run alone, again and again, make what a run makes of the same input, also where
// they write over what they read, in chains, and where a batch goes image by image.
func TestNodesAloneMakeTheSame(t *testing.T) {
	isa := hardware.Probe().ISA
	small := machine(isa, 2)
	small.L2 = 3 * 24 * 24 * 48 * 4
	for name, c := range map[string]struct {
		g *ir.Graph
		m ir.Machine
		p Plan
	}{
		"residual":       {residualNet(1, 0, 12, 12), machine(isa, 1), Plan{}},
		"two threads":    {residualNet(1, 0.5, 12, 12), machine(isa, 2), Plan{Algorithm: "direct", Format: "csr"}},
		"chains":         {phoneNet(1, 24, 3, 2), small, Plan{Algorithm: "direct", Format: "dense"}},
		"concatenations": {joinedNet(2), machine(isa, 1), Plan{Batch: 2, cut: -1}},
		"cut":            {joinedNet(2), machine(isa, 2), Plan{Batch: 3, cut: 9}},
		"image by image": {residualNet(3, 0, 12, 12), machine(isa, 2), Plan{Batch: 3, cut: 1000}},
	} {
		p := compile(t, c.g, c.m, c.p)
		in := narrow(randomInput(4, c.g, p.Batch()).Data)
		want := runOnce(t, p, in)
		if p.head != nil && len(p.steps) == 0 {
			want = want[:len(want)/p.Batch()] // the first image alone
		}
		s, err := newInside(p, [][]float32{in})
		if err != nil {
			t.Fatal(err)
		}
		for range 2 {
			clear(s.out)
			if err := s.alone(context.Background()); err != nil {
				t.Fatal(err)
			}
			if !slices.Equal(s.out[:len(want)], want) {
				t.Errorf("%s: the nodes alone make something else than a run", name)
			}
		}
		if c.m.Threads == 2 && p.head == nil && len(s.one[0]) == 0 {
			t.Errorf("%s: nothing was timed on one thread", name)
		}
	}
}

// TestDissect: every node has all its times, those where nodes stand add up to no more than the run, and its programs still
// run.
func TestDissect(t *testing.T) {
	g := residualNet(5, 0.5, 16, 16)
	m := machine(hardware.Probe().ISA, 2)
	a, b := compile(t, g, m, Plan{Algorithm: "direct", Format: "dense"}), compile(t, g, m, Plan{Algorithm: "direct", Format: "csr"})
	in := [][]float32{narrow(randomInput(6, g, 1).Data)}
	rounds := 0
	c, all, err := Dissect(context.Background(), a, b, in, in, DissectOptions{Turn: time.Millisecond, Beside: []*Program{a}, After: func(done, of int) { rounds = done * 100 / of }})
	if err != nil {
		t.Fatal(err)
	}
	if len(c.Ratios) != leastRounds || len(c.A.MS) == 0 || rounds != 100 || len(all) != 3 {
		t.Fatalf("%d rounds, %d %% told, %d dissections", len(c.Ratios), rounds, len(all))
	}
	for i, d := range all {
		p := []*Program{a, b, a}[i]
		if len(d.Nodes) != len(p.nodes) {
			t.Fatalf("%d of %d nodes", len(d.Nodes), len(p.nodes))
		}
		for j, n := range d.Nodes {
			if !(n.Warm > 0 && n.Evicted > 0 && n.One > 0) || (i < 2) != (n.Place > 0) {
				t.Errorf("%s: %+v", p.nodes[j].Name, n)
			}
		}
		if i < 2 && !(d.Between() > 0) {
			t.Errorf("%g ms between nodes, of %g", d.Between(), d.Total)
		}
	}
	ctx, cancel := context.WithCancelCause(context.Background())
	why := errors.New("enough")
	if _, _, err := Dissect(ctx, a, b, in, in, DissectOptions{Turn: time.Millisecond, After: func(done, _ int) {
		if done == 2 {
			cancel(why)
		}
	}}); !errors.Is(err, why) {
		t.Errorf("cancelled: %v", err)
	}
	runOnce(t, a, in[0])
	two := compile(t, &ir.Graph{
		Inputs: []ir.Value{{Name: "x", Shape: ir.Shape{1, 2}}, {Name: "y", Shape: ir.Shape{1, 2}}}, Outputs: []string{"z"},
		Nodes: []*ir.Node{{Name: "n", Op: "Add", In: []string{"x", "y"}, Out: []string{"z"}}},
	}, m, Plan{})
	if _, _, err := Dissect(context.Background(), two, two, in, in, DissectOptions{}); err == nil {
		t.Error("a network with two inputs is timed")
	}
}
