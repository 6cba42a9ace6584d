package system

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/godlas/godlas/dlas/hardware"
	"github.com/godlas/godlas/dlas/internal/exactness"
	"github.com/godlas/godlas/dlas/ir"
	"github.com/godlas/godlas/dlas/primitive"
)

// slowed is a table whose only kernel of Relu waits that long, by the first number of its schedule; 0 is heuristic.
func slowed(wait map[int]time.Duration) []ir.Kernel {
	var ks []ir.Kernel
	for _, k := range primitive.Kernels() {
		if k.Op != "Relu" {
			ks = append(ks, k)
		}
	}
	return append(ks, ir.Kernel{
		Name: "relu_f32_slowed__go", Op: "Relu", Type: ir.F32, ISA: "go", Exact: ir.ExactF32,
		Fits: func(ir.Problem) error { return nil },
		Schedules: func(ir.Problem) (list []ir.Schedule) {
			for i := 1; i < len(wait); i++ {
				list = append(list, ir.Schedule{Name: Tuned, Tiles: []int{i}})
			}
			return list
		},
		Bind: func(_ ir.Problem, s ir.Schedule) (ir.Bound, error) {
			d := wait[0]
			if len(s.Tiles) > 0 {
				d = wait[s.Tiles[0]]
			}
			return ir.Bound{Phases: []int{1}, Run: func(c ir.Call) {
				for begin := time.Now(); time.Since(begin) < d; {
				}
				copy(c.Out[0], c.In[0])
			}}, nil
		},
	})
}

func reluNet() (*ir.Graph, [][]float32) {
	g := &ir.Graph{
		Name: "relu", Inputs: []ir.Value{{Name: "x", Type: ir.F32, Shape: ir.Shape{1, 16, 4, 4}}}, Outputs: []string{"y"},
		Nodes: []*ir.Node{{Name: "a", Op: "Relu", In: []string{"x"}, Out: []string{"h"}}, {Name: "b", Op: "Relu", In: []string{"h"}, Out: []string{"y"}}},
	}
	return g, [][]float32{make([]float32, 256)}
}

func tuneRelu(t *testing.T, wait map[int]time.Duration, s Search) Tuning {
	t.Helper()
	g, in := reluNet()
	s.Inputs = in
	got, err := Tune(context.Background(), g, slowed(wait), machine("go", 1), Plan{}, s)
	if err != nil {
		t.Fatal(err)
	}
	return got
}

const us = time.Microsecond

// TestTuneFindsTheFastest: the search takes the fastest schedule and keeps every other one.
func TestTuneFindsTheFastest(t *testing.T) {
	wait := map[int]time.Duration{0: 300 * us, 1: 600 * us, 2: 20 * us, 3: 300 * us, 4: 2000 * us}
	var kept []Trial
	got := tuneRelu(t, wait, Search{Trials: 100, Keep: func(tr Trial) error { kept = append(kept, tr); return nil }})
	if len(got.Settled) != 1 || !slices.Equal(got.Settled[0].Chosen.Tiles, []int{2}) || len(got.Settled[0].Names) != 2 {
		t.Fatalf("%+v", got.Settled)
	}
	if r := got.Settled[0]; !(r.High < 1 && r.Low <= r.Ratio && r.Ratio <= r.High) {
		t.Errorf("ratio %v, %v to %v", r.Ratio, r.Low, r.High)
	}
	if len(kept) != 5 || got.New != 5 || len(got.Trials) != 5 || got.Space != 5 || got.Seconds <= 0 {
		t.Errorf("%d kept, %d new, %d in all of %d", len(kept), got.New, len(got.Trials), got.Space)
	}
	for _, tr := range kept {
		i := 0
		if len(tr.Tiles) > 0 {
			i = tr.Tiles[0]
		}
		if ms := milliseconds(wait[i]); tr.MS < ms {
			t.Errorf("%v takes %v ms, measured %v", tr.Candidate, ms, tr.MS)
		}
	}
	// The program that follows the decision runs it.
	g, _ := reluNet()
	p, err := Compile(g, slowed(wait), machine("go", 1), Plan{Decisions: got.Decisions()})
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range p.Nodes() {
		if n.Schedule.Name != Tuned || !slices.Equal(n.Schedule.Tiles, []int{2}) || n.Key != got.Settled[0].Node {
			t.Errorf("node %s runs %v", n.Name, n.Schedule)
		}
	}
}

// TestTuneNeverTakesASlowerOne: neither where all others are slower, nor where an earlier search claims otherwise.
func TestTuneNeverTakesASlowerOne(t *testing.T) {
	wait := map[int]time.Duration{0: 100 * us, 1: 400 * us, 2: 500 * us}
	honest := tuneRelu(t, wait, Search{Trials: 100})
	if !honest.Settled[0].Chosen.equal(honest.Settled[0].Heuristic) || len(honest.Decisions()) != 0 {
		t.Errorf("%+v", honest.Settled)
	}
	lie := slices.Clone(honest.Trials)
	for i := range lie {
		if slices.Equal(lie[i].Tiles, []int{1}) {
			lie[i].MS = 0.001
		}
	}
	fooled := tuneRelu(t, wait, Search{Trials: 100, Known: lie})
	s := fooled.Settled[0]
	if fooled.New != 0 || !slices.Equal(s.Best.Tiles, []int{1}) || !s.Chosen.equal(s.Heuristic) || !(s.Low > 1) {
		t.Errorf("%d new; %+v", fooled.New, s)
	}
}

// TestTuneGoesOn: a search that was cut short, or had fewer trials, goes on where it ended.
func TestTuneGoesOn(t *testing.T) {
	wait := map[int]time.Duration{0: 100 * us, 1: 200 * us, 2: 10 * us, 3: 150 * us}
	g, in := reluNet()
	ctx, cancel := context.WithCancelCause(context.Background())
	stop := errors.New("enough")
	var kept []Trial
	_, err := Tune(ctx, g, slowed(wait), machine("go", 1), Plan{}, Search{
		Trials: 100, Inputs: in, Keep: func(tr Trial) error { kept = append(kept, tr); return nil },
		After: func(done, of int) {
			if of != 4 {
				t.Errorf("%d candidates to measure", of)
			}
			if done == 2 {
				cancel(stop)
			}
		},
	})
	if !errors.Is(err, stop) || len(kept) != 2 {
		t.Fatalf("%v after %d trials", err, len(kept))
	}
	second := tuneRelu(t, wait, Search{Trials: 3, Known: kept})
	if second.New != 1 || len(second.Trials) != 3 {
		t.Errorf("second search: %d new of %d", second.New, len(second.Trials))
	}
	third := tuneRelu(t, wait, Search{Trials: 100, Known: second.Trials, Settled: second.Settled})
	if third.New != 1 || len(third.Trials) != 4 || !slices.Equal(third.Settled[0].Chosen.Tiles, []int{2}) {
		t.Errorf("third search: %d new of %d; %+v", third.New, len(third.Trials), third.Settled)
	}
	fourth := tuneRelu(t, wait, Search{Trials: 100, Known: third.Trials, Settled: third.Settled})
	if fourth.New != 0 || fourth.Settled[0].Ratio != third.Settled[0].Ratio || !fourth.Settled[0].Chosen.equal(third.Settled[0].Chosen) {
		t.Errorf("fourth search measured again: %+v", fourth)
	}
	// Another structure is another key, and knows nothing.
	g.Inputs[0].Shape = ir.Shape{1, 16, 2, 8}
	other, err := Tune(context.Background(), g, slowed(wait), machine("go", 1), Plan{}, Search{Trials: 1, Inputs: in, Known: third.Trials})
	if err != nil || other.New != 1 {
		t.Errorf("%v, %d new", err, other.New)
	}
}

// TestTuneStaysWithinTheChoice: only auto may change the algorithm, and what a search decides changes no logit beyond the
// exactness class.
func TestTuneStaysWithinTheChoice(t *testing.T) {
	g := residualNet(3, 0.5, 16, 16)
	in := randomInput(3, g, 1)
	want := exact(t, g, in)
	m := machine(hardware.Probe().ISA, 2)
	for _, plan := range []Plan{{}, {Algorithm: "gemm", Format: "csr"}, {Algorithm: "winograd"}} {
		got, err := Tune(context.Background(), g, primitive.Kernels(), m, plan, Search{Trials: 40, Inputs: [][]float32{narrow(in.Data)}})
		if err != nil {
			t.Fatal(err)
		}
		var algorithms []string
		for _, k := range primitive.Kernels() {
			for _, tr := range got.Trials {
				if tr.Kernel == k.Name && k.Op == "Conv" && !slices.Contains(algorithms, k.Algorithm) {
					algorithms = append(algorithms, k.Algorithm)
				}
			}
		}
		if plan.Algorithm == "" && len(algorithms) < 3 {
			t.Errorf("auto tries %v alone", algorithms)
		}
		for _, tr := range got.Trials {
			for _, k := range primitive.Kernels() {
				if k.Name == tr.Kernel && k.Op == "Conv" && plan.Algorithm == "gemm" && k.Algorithm == "direct" {
					t.Errorf("%v tries %s", plan, k.Name)
				}
			}
		}
		// Every candidate that was tried, all of one round at once.
		for round := range 4 {
			d := map[string]Candidate{}
			for _, tr := range got.Trials {
				if i := slices.IndexFunc(got.Settled, func(s Settled) bool { return s.Node == tr.Node }); i >= 0 {
					if _, ok := d[tr.Node]; !ok || round > 0 && (len(d)+round)%3 == 0 {
						d[tr.Node] = tr.Candidate
					}
				}
			}
			plan.Decisions = d
			p, err := Compile(g, primitive.Kernels(), m, plan)
			if err != nil {
				t.Fatal(err)
			}
			if diff := exactness.Distance(runOnce(t, p, narrow(in.Data)), want); !(diff <= 1e-4) {
				t.Errorf("%v: %v differs by %g", plan.Algorithm, d, diff)
			}
		}
	}
}
