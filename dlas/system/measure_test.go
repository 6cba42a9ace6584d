package system

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/godlas/godlas/dlas/hardware"
	"github.com/godlas/godlas/dlas/ir"
	"github.com/godlas/godlas/dlas/ir/stat"
	"github.com/godlas/godlas/dlas/primitive"
)

// counting is a program that calls f at every run with the first number of its input.
func counting(t *testing.T, f func(input float32)) *Program {
	t.Helper()
	p, err := Compile(relus(1), fake(1, func(call ir.Call) { f(call.In[0].F32()[0]) }), machine("go", 1), Plan{})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func inputs(n int) [][]float32 {
	in := make([][]float32, n)
	for i := range in {
		in[i] = []float32{float32(i), 0, 0, 0}
	}
	return in
}

func TestMeasure(t *testing.T) {
	var seen []float32
	p := counting(t, func(x float32) { seen = append(seen, x) })
	s, err := Measure(context.Background(), p, inputs(40), Budget{Time: 50 * time.Millisecond})
	if err != nil || len(s.MS) < 30 || s.StoppedBy != ByWidth && s.StoppedBy != ByTime {
		t.Fatalf("%d samples, stopped by %q, %v", len(s.MS), s.StoppedBy, err)
	}
	m, low, high := s.Interval()
	if s.StoppedBy == ByWidth && high-low > 0.02*m {
		t.Errorf("stopped by width at %v..%v of %v", low, high, m)
	}
	for i, x := range seen {
		if x != float32(i%32) {
			t.Fatalf("run %d got input %v, want %d: the first 32 in turn", i, x, i%32)
		}
	}
	// A width that no interval has: the budget ends it.
	s, err = Measure(context.Background(), p, inputs(1), Budget{Width: -1, Time: 20 * time.Millisecond})
	if err != nil || s.StoppedBy != ByTime {
		t.Errorf("stopped by %q, %v", s.StoppedBy, err)
	}
	if _, err := Measure(context.Background(), p, nil, Budget{}); err == nil {
		t.Error("nothing was measured without an error")
	}
}

func TestMeasureInterrupted(t *testing.T) {
	ctx, cancel := context.WithCancelCause(context.Background())
	why := errors.New("interrupt")
	runs := 0
	p := counting(t, func(float32) {
		if runs++; runs == 70 {
			cancel(why)
		}
	})
	s, err := Measure(ctx, p, inputs(1), Budget{Least: 1000})
	if !errors.Is(err, why) || s.StoppedBy != ByInterrupt || len(s.MS) == 0 || len(s.MS) > 70 {
		t.Errorf("%d samples, stopped by %q, %v", len(s.MS), s.StoppedBy, err)
	}
}

// order strips runs of one program's number down to one each.
func order(runs []int) []int { return slices.Compact(slices.Clone(runs)) }

func TestComparePaired(t *testing.T) {
	var runs []int
	a := counting(t, func(float32) { runs = append(runs, 0) })
	b := counting(t, func(float32) { runs = append(runs, 1) })
	c, err := ComparePaired(context.Background(), a, b, inputs(3), inputs(3), 0)
	if err != nil {
		t.Fatal(err)
	}
	// Warming up is a, b; then rounds a b, b a, a b, ...
	want := []int{0, 1}
	for r := range 11 {
		want = append(want, r%2, 1-r%2)
	}
	if got := order(runs); !slices.Equal(got, order(want)) {
		t.Errorf("turns %v, want %v", got, order(want))
	}
	if len(c.Ratios) != 11 || c.Ratio != stat.Median(c.Ratios) || c.Low > c.Ratio || c.High < c.Ratio || c.Verdict != Judge(c.Low, c.High) {
		t.Errorf("%+v", c)
	}
	if len(c.A.MS) < 11*5 || len(c.B.MS) < 11*5 || c.A.StoppedBy != ByRounds {
		t.Errorf("%d and %d samples", len(c.A.MS), len(c.B.MS))
	}
}

func TestJudge(t *testing.T) {
	for _, c := range []struct {
		low, high float64
		want      Verdict
	}{
		{0.5, 0.98, Faster},
		{0.5, 0.99, CannotTell},
		{0.5, 0.995, CannotTell},
		{0.9, 1.1, CannotTell},
		{1.005, 1.5, CannotTell},
		{1.01, 1.5, CannotTell},
		{1.02, 1.5, Slower},
		{1, 1, CannotTell},
	} {
		if got := Judge(c.low, c.high); got != c.want {
			t.Errorf("%v..%v: %s, want %s", c.low, c.high, got, c.want)
		}
	}
}

func TestInterleave(t *testing.T) {
	var runs []int
	var points []Point
	for i := range 4 {
		points = append(points, Point{counting(t, func(float32) { runs = append(runs, i) }), inputs(2)})
	}
	var visits []int
	s, err := Interleave(context.Background(), points, 12, 1, func(done, of, point int) {
		visits = append(visits, point)
		if done != len(visits) || of != 48 {
			t.Errorf("turn %d of %d after %d turns", done, of, len(visits))
		}
	})
	if err != nil || len(visits) != 48 || len(s) != 4 {
		t.Fatalf("%d turns, %d results, %v", len(visits), len(s), err)
	}
	same := 0
	for r := range 12 {
		round := visits[4*r : 4*r+4]
		if slices.IsSorted(round) {
			same++
		}
		for i := range 4 {
			if !slices.Contains(round, i) {
				t.Errorf("round %d visits %v", r, round)
			}
		}
	}
	if same == 12 {
		t.Error("the order is never shuffled")
	}
	// The same seed gives the same order.
	first := slices.Clone(visits)
	visits = nil
	if _, err := Interleave(context.Background(), points, 12, 1, func(_, _, point int) { visits = append(visits, point) }); err != nil || !slices.Equal(first, visits) {
		t.Errorf("the order is not reproducible: %v", err)
	}

	ctx, cancel := context.WithCancelCause(context.Background())
	why := errors.New("interrupt")
	s, err = Interleave(ctx, points, 12, 1, func(done, _, _ int) {
		if done == 5 {
			cancel(why)
		}
	})
	if !errors.Is(err, why) || len(s) != 4 || s[0].StoppedBy != ByInterrupt {
		t.Fatalf("interrupted: %v, %v", s, err)
	}
	total := 0
	for _, x := range s {
		total += len(x.MS)
	}
	if total < 5*5 {
		t.Errorf("after five turns there are %d samples", total)
	}
}

func TestProfileAndOverhead(t *testing.T) {
	g := residualNet(1, 0, 16, 16)
	p := compile(t, g, machine(hardware.Probe().ISA, 2), Plan{})
	ms, err := p.Profile(context.Background(), narrow(randomInput(1, g, 1).Data), 5)
	if err != nil || len(ms) != len(p.Nodes()) {
		t.Fatalf("%d times for %d nodes, %v", len(ms), len(p.Nodes()), err)
	}
	for i, v := range ms {
		if !(v > 0) {
			t.Errorf("node %d took %v ms", i, v)
		}
	}
	over, err := Overhead(context.Background(), primitive.Kernels(), machine("go", 1), p.InShape())
	if err != nil || !(over > 0) {
		t.Errorf("overhead %v ms, %v", over, err)
	}
}
