package dlas

import (
	"context"
	"errors"
	"math"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/godlas/godlas/dlas/compress"
	"github.com/godlas/godlas/dlas/ir"
	"github.com/godlas/godlas/dlas/ir/op"
	"github.com/godlas/godlas/internal/awake"
)

// fewPasses lets auto try these alone, with nothing after them, for as long as the test runs.
func fewPasses(t *testing.T, passes ...autoPass) {
	all, after := autoPasses, autoSuffixes
	t.Cleanup(func() { autoPasses, autoSuffixes = all, after })
	autoPasses, autoSuffixes = passes, [allCosts][]string{costFloat: {""}}
}

// TestAuto: what is found meets its targets on val, measured apart from the search, and is a Spec that says it all.
func TestAuto(t *testing.T) {
	fewPasses(t, autoPass{ir.Choice{Name: "prune"}, []string{"0.7"}, true, false, true})
	t.Setenv("DLAS_STORE", t.TempDir())
	ctx := context.Background()
	s := New().Data("fashion-mnist(n=50)").Primitive("direct", "csr").CPU(Threads(1))
	p, err := s.Compress("auto(accuracy>=-1pt, n=100)").Compile(ctx)
	if err != nil {
		t.Fatal(err)
	}
	spec := p.run.spec
	base, got := accuracyOn(t, "val", 100, "none"), accuracyOn(t, "val", 100, spec.Compress)
	if got < base-0.01-1e-12 || spec.Compress == "none" || strings.Contains(spec.Compress, "auto") || !slices.ContainsFunc(p.run.notes, func(n string) bool { return strings.Contains(n, "auto(") }) {
		t.Errorf("%s: %v of %v; %v", spec.Compress, got, base, p.run.notes)
	}
	if len(p.run.scans) == 0 || !p.run.scans[0].byLayer() {
		t.Error("the scans are not kept")
	}
	p, err = s.Compress("auto(latency<=1000ms, n=100)").Compile(ctx)
	if err != nil || len(p.run.scans) != 0 || !slices.ContainsFunc(p.run.notes, func(n string) bool { return strings.HasPrefix(n, "auto looked at no layer: ") }) {
		t.Errorf("a target that is met from the start: %v, %q", err, p.run.notes)
	}
	_, err = s.Compress("auto(accuracy>=-1pt, latency<=0.001us, n=100)").Compile(ctx)
	if err == nil || !strings.Contains(err.Error(), "auto cannot meet latency<=1e-06ms: the nearest is ") || !strings.Contains(err.Error(), " times it, with top-1 ") {
		t.Errorf("a target that nothing meets: %v", err)
	}
}

// TestAutoStates: whatever state a search is in, its text is a compression that can be applied, in which each layer has
// what the state says, also where lowrank has made two of a layer before.
func TestAutoStates(t *testing.T) {
	t.Setenv("DLAS_STORE", t.TempDir())
	ctx := context.Background()
	spec, err := Spec{Data: "fashion-mnist(n=10)"}.Canonical()
	if err != nil {
		t.Fatal(err)
	}
	j, err := newJudge(ctx, spec, 10)
	if err != nil {
		t.Fatal(err)
	}
	zero := 0.0
	a := &searcher{judge: j, after: "none", targets: compress.Targets{Accuracy: &zero, Points: true}}
	if err := a.begin(ctx, spec); err != nil {
		t.Fatal(err)
	}
	if err := a.findUnits(ctx); err != nil {
		t.Fatal(err)
	}
	r := rand.New(rand.NewPCG(3, 3))
	split, narrowed := 0, 0
	for range 12 {
		state := make([]int, len(a.units))
		want := map[string]autoOption{}
		narrow := false
		for i, u := range a.units {
			if state[i] = r.IntN(len(u.options)); r.IntN(3) == 0 || !a.reaches(ctx, a.vector(max(0, u.options[state[i]].pass), u.options[state[i]].level, u.layers...)) {
				state[i] = 0
			}
			if o := u.options[state[i]]; u.narrow {
				narrow = narrow || o.pass >= 0
			} else if o.pass >= 0 {
				want[a.layers[u.layers[0]]] = o
			}
		}
		text, err := a.text(ctx, state, "fp16")
		if err != nil {
			t.Fatal(err)
		}
		g, err := j.graph(ctx, text)
		if err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		if narrow {
			narrowed++
		}
		for _, l := range compress.Layers(g) {
			name := plain(l.Nodes[0].Name)
			o, any := want[name]
			zeros := 0.0
			for _, v := range op.Floats(g.Weights[l.Name]) {
				if v == 0 {
					zeros++
				}
			}
			share := zeros / float64(l.Elems())
			if strings.HasSuffix(name, " left") {
				split++
			}
			level, most := 0.0, 0.05 // of zeros
			if any && autoPasses[o.pass].choice.Name == "prune" {
				level, _ = strconv.ParseFloat(o.level, 64)
			} else if any {
				most = 1
			}
			if math.Abs(share-level) > most {
				t.Errorf("%s: %s has %.2f of zeros, not %.2f", text, name, share, level)
			}
		}
	}
	if split == 0 || narrowed == 0 {
		t.Errorf("%d layers were split, %d networks narrowed", split, narrowed)
	}
}

// TestAutoWithoutIntegers: where int8 cannot follow, what was asked for otherwise is looked for all the same, each once.
func TestAutoWithoutIntegers(t *testing.T) {
	t.Setenv("DLAS_STORE", t.TempDir())
	spec, err := Spec{Data: "fashion-mnist(n=10)"}.Canonical()
	if err != nil {
		t.Fatal(err)
	}
	j, err := newJudge(t.Context(), spec, 10)
	if err != nil {
		t.Fatal(err)
	}
	a := &searcher{judge: j, after: "int8(n=4)", targets: compress.Targets{Bytes: 1e6}, costs: []int{costFloat, costInt8, costBytes}}
	if err := a.begin(t.Context(), spec); err != nil {
		t.Fatal(err)
	}
	if err := a.profile(t.Context()); err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(a.costs, []int{costFloat, costBytes}) || len(a.notes) != 1 || a.total[costFloat] <= 0 || a.total[costBytes] != float64(a.before.Bytes) {
		t.Errorf("costs %v of %v in all; %q", a.costs, a.total, a.notes)
	}
}

// TestAutoLevelFails: a level that each layer alone can have and all together cannot ends no search; of it nothing is known.
func TestAutoLevelFails(t *testing.T) {
	fewPasses(t, autoPass{ir.Choice{Name: "prune"}, []string{"0.7"}, true, false, true})
	t.Setenv("DLAS_STORE", t.TempDir())
	spec, err := Spec{Data: "fashion-mnist(n=10)"}.Canonical()
	if err != nil {
		t.Fatal(err)
	}
	j, err := newJudge(t.Context(), spec, 10)
	if err != nil {
		t.Fatal(err)
	}
	a := &searcher{judge: j, after: "fp16", targets: compress.Targets{Latency: 1}}
	for _, step := range []func(context.Context) error{func(ctx context.Context) error { return a.begin(ctx, spec) }, a.findUnits} {
		if err := step(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if err := a.profileLevel(t.Context(), costInt8, 0, "0.7", nil); err != nil { // integers do not take the place of halves
		t.Fatal(err)
	}
	if len(a.notes) != 1 || !strings.HasPrefix(a.notes[0], "auto did not try prune(0.7): ") {
		t.Errorf("it says %q", a.notes)
	}
	for _, u := range a.units {
		for _, o := range u.options {
			if o.pass >= 0 && !math.IsNaN(o.saves[costInt8]) {
				t.Errorf("a layer saves %v", o.saves)
			}
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := a.profileLevel(ctx, costInt8, 0, "0.7", nil); err == nil || len(a.notes) != 1 {
		t.Errorf("a search that was ended goes on: %v, %q", err, a.notes)
	}
}

// TestAutoMisses: the error names the targets that the nearest fails, by how much, and no others.
func TestAutoMisses(t *testing.T) {
	points := -1.0
	a := &searcher{need: 0.9, targets: compress.Targets{Accuracy: &points, Points: true, Latency: 2, Bytes: 1000}}
	of := func(right int, ms float64, bytes int64) *candidate {
		return &candidate{text: "prune(0.5)", ms: ms, seen: &seen{Right: strings.Repeat("1", right) + strings.Repeat("0", 100-right), Bytes: bytes}}
	}
	for _, c := range []struct {
		near []*candidate
		want string
	}{
		{[]*candidate{of(90, 3, 900), of(90, 2.5, 1000)}, "auto cannot meet latency<=2ms: the nearest is prune(0.5), 1.25 times it, with top-1 90.00 % on val, 2.5 ms, weights 1.00 kB"},
		{[]*candidate{of(89, 2, 900), of(20, 1, 10)}, "auto cannot meet accuracy>=-1pt: the nearest is prune(0.5), 1.00 points below it, with top-1 89.00 % on val, 2 ms, weights 900 B"},
		{[]*candidate{of(85, 1, 1100)}, "auto cannot meet accuracy>=-1pt and bytes<=1000: the nearest is prune(0.5), 5.00 points below it and 1.1 times it, with top-1 85.00 % on val, 1 ms, weights 1.10 kB"},
	} {
		var e *ir.Error
		if err := a.unmet(c.near); !errors.As(err, &e) || e.What != c.want {
			t.Errorf("%v\nwant %s", err, c.want)
		}
	}
	if !a.meets(of(90, 2, 1000)) || a.meets(of(89, 2, 1000)) || a.meets(of(90, 2.1, 1000)) || a.meets(of(90, 2, 1001)) {
		t.Error("meeting the targets exactly is meeting them, and nothing less is")
	}
}

// TestAutoEnds: a search ends with its context, whatever it is at.
func TestAutoEnds(t *testing.T) {
	t.Setenv("DLAS_STORE", t.TempDir())
	end := errors.New("enough")
	stopped := 0
	for _, after := range []time.Duration{5 * time.Millisecond, 20 * time.Millisecond, 150 * time.Millisecond, 400 * time.Millisecond} {
		ctx, cancel := context.WithCancelCause(t.Context())
		ended := make(chan error, 1)
		go func() {
			_, err := New().Data("fashion-mnist(n=10)").Compress("auto(accuracy>=-1pt)").Compile(ctx)
			ended <- err
		}()
		time.Sleep(after)
		cancel(end)
		select {
		case err := <-ended:
			if err == nil {
				continue // it was done before
			}
			if stopped++; !errors.Is(err, end) {
				t.Errorf("after %v it ended with %v", after, err)
			}
		case <-awake.After(20 * time.Second):
			t.Fatalf("after %v it goes on", after)
		}
	}
	if stopped == 0 {
		t.Error("it was never at work when the context ended")
	}
}
