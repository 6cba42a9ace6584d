package dlas

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/godlas/godlas/dlas/system"
)

// autoStart is a way to search: what follows for the whole network, and the cost that its path makes less.
type autoStart struct {
	suffix string
	cost   int
}

// autoSuffixes are what may follow for the whole network, by what is made less. The tests of this package try fewer.
var autoSuffixes = [allCosts][]string{
	costFloat: {"", "recalibrate"},
	costInt8:  {"int8", "recalibrate int8"},
	costBytes: {"", "fp16", "int8", "recalibrate int8"},
}

// starts are those that the targets and the network allow.
func (a *searcher) starts() []autoStart {
	var all []autoStart
	for _, cost := range a.costs {
		for _, s := range autoSuffixes[cost] {
			if a.allowed(a.join(s)) {
				all = append(all, autoStart{s, cost})
			}
		}
	}
	return all
}

// candidate is a compression that auto may choose.
type candidate struct {
	text  string
	seen  *seen
	ms    float64
	start autoStart
	path  [][]int
	at    int // of the path's states
}

// candidate measures the accuracy of a state.
func (a *searcher) candidate(ctx context.Context, s autoStart, state []int) (*candidate, error) {
	text, err := a.text(ctx, state, s.suffix)
	if err != nil {
		return nil, err
	}
	c := &candidate{text: text, start: s}
	c.seen, err = a.judge.see(ctx, text)
	return c, err
}

// mostRefined is how many candidates of different starts are refined.
const mostRefined = 2

// choose goes along the path of each start as far as the targets allow, refines the best of what it finds, and takes the
// best of all. tried is how many it chose from.
func (a *searcher) choose(ctx context.Context) (best *candidate, tried int, err error) {
	near := []*candidate{{text: a.after, seen: a.before}}
	for _, s := range a.starts() {
		c, err := a.along(ctx, s, a.path(s.cost, a.mayLose(strings.Contains(s.suffix, "recalibrate"))))
		if ctx.Err() != nil {
			return nil, 0, context.Cause(ctx)
		}
		if err != nil { // there is nothing to recalibrate, say
			a.notes = append(a.notes, "auto did not try "+s.suffix+": "+asError(err).What)
			continue
		}
		if i := slices.IndexFunc(near, func(o *candidate) bool { return o.text == c.text }); i < 0 {
			near = append(near, c)
		} else if near[i].path == nil {
			near[i] = c
		}
	}
	if err := a.time(ctx, near); err != nil {
		return nil, 0, err
	}
	slices.SortStableFunc(near, a.better)
	if a.targets.Accuracy != nil {
		var refined []*candidate
		for _, c := range near[:min(len(near), mostRefined)] {
			r, err := a.refine(ctx, c)
			if err != nil {
				return nil, 0, err
			}
			if r != c {
				refined = append(refined, r)
			}
		}
		if len(refined) > 0 {
			near = append(near, refined...)
			if err := a.time(ctx, near); err != nil {
				return nil, 0, err
			}
			slices.SortStableFunc(near, a.better)
		}
	}
	if !a.meets(near[0]) {
		return nil, 0, a.unmet(near)
	}
	return near[0], len(near), nil
}

// better orders candidates: those that meet the targets first, then by what is to be made least.
func (a *searcher) better(x, y *candidate) int {
	if mx, my := a.meets(x), a.meets(y); mx != my {
		if mx {
			return -1
		}
		return 1
	}
	switch {
	case a.targets.MinBytes:
		return sign(float64(x.seen.Bytes - y.seen.Bytes))
	case a.targets.Accuracy == nil:
		return sign(y.seen.top1() - x.seen.top1())
	case a.forTime():
		return sign(x.ms - y.ms)
	}
	return sign(float64(x.seen.Bytes - y.seen.Bytes))
}

// along finds a state by halving: the last that is accurate enough or, without a target for accuracy, the first that is
// quick and small enough.
func (a *searcher) along(ctx context.Context, s autoStart, states [][]int) (*candidate, error) {
	name := "auto: as far as it may"
	if s.suffix != "" {
		name += ", with " + s.suffix
	}
	seen := map[int]*candidate{}
	at := func(k int) (*candidate, error) {
		if seen[k] == nil {
			progress(Progress{Step: name, Done: k, Total: len(states) - 1, Unit: "steps"})
			c, err := a.candidate(ctx, s, states[k])
			if err != nil {
				return nil, err
			}
			c.path, c.at = states, k
			seen[k] = c
		}
		return seen[k], nil
	}
	// low goes on, high does not.
	low, high := -1, len(states)
	for high-low > 1 {
		mid := (low + high) / 2
		if low < 0 && high == len(states) { // begin at the start: a suffix alone may be too much
			mid = 0
		}
		c, err := at(mid)
		if err != nil {
			return nil, err
		}
		on, err := a.goesOn(ctx, c)
		if err != nil {
			return nil, err
		}
		if on {
			low = mid
		} else {
			high = mid
		}
	}
	if a.targets.Accuracy != nil {
		return at(max(low, 0))
	}
	return at(min(high, len(states)-1))
}

// goesOn reports whether a path is followed beyond a state.
func (a *searcher) goesOn(ctx context.Context, c *candidate) (bool, error) {
	t := a.targets
	if t.Accuracy != nil {
		return c.seen.top1() >= a.need-1e-12, nil
	}
	if t.Bytes > 0 && float64(c.seen.Bytes) > t.Bytes {
		return true, nil
	}
	if t.Latency == 0 {
		return false, nil
	}
	ms, err := a.quick(ctx, c.text)
	return ms > t.Latency, err
}

// What refine tries at most.
const (
	mostTries = 24
	triesTime = time.Minute
)

// refine takes the steps of the path beyond a candidate one by one, and those that are still accurate enough.
func (a *searcher) refine(ctx context.Context, c *candidate) (*candidate, error) {
	if c.path == nil || c.seen.top1() < a.need-1e-12 {
		return c, nil
	}
	best, state := c, slices.Clone(c.path[c.at])
	failed := map[int]bool{}
	began := time.Now()
	tries := 0
	for k := c.at + 1; k < len(c.path) && tries < mostTries && time.Since(began) < triesTime; k++ {
		for i, o := range c.path[k] {
			if o == c.path[k-1][i] || failed[i] {
				continue
			}
			trial := slices.Clone(state)
			trial[i] = o
			if a.saved(trial, c.start.cost) <= a.saved(state, c.start.cost) {
				continue
			}
			tries++
			progress(Progress{Step: "auto: one step more", Done: tries, Total: min(mostTries, len(c.path)-1-c.at), Unit: "steps"})
			r, err := a.candidate(ctx, c.start, trial)
			if ctx.Err() != nil {
				return nil, context.Cause(ctx)
			}
			if failed[i] = err != nil || r.seen.top1() < a.need-1e-12; !failed[i] {
				best, state = r, trial
			}
		}
	}
	return best, nil
}

// autoBudget is what one look at a latency takes.
var autoBudget = system.Budget{Least: 15, Width: 0.02, Time: 300 * time.Millisecond}

// quick is the median milliseconds of the stack under a compression.
func (a *searcher) quick(ctx context.Context, text string) (float64, error) {
	run, err := a.program(ctx, text)
	if err != nil {
		return 0, err
	}
	in, err := run.inputs(warmInputs)
	if err != nil {
		return 0, err
	}
	m, err := system.Measure(ctx, run.program, in, autoBudget)
	if err != nil {
		return 0, err
	}
	ms, _, _ := m.Interval()
	return ms, nil
}

// time measures candidates in turns, with the network before.
func (a *searcher) time(ctx context.Context, cs []*candidate) error {
	if !a.forTime() && a.targets.Latency == 0 {
		return nil
	}
	var points []system.Point
	for _, c := range cs {
		run, err := a.program(ctx, c.text)
		if err != nil {
			return err
		}
		in, err := run.inputs(warmInputs)
		if err != nil {
			return err
		}
		points = append(points, system.Point{Program: run.program, Inputs: in})
	}
	samples, err := system.Interleave(ctx, points, 0, sweepSeed, func(done, of, _ int) {
		progress(Progress{Step: "auto: latency", Done: done, Total: of, Unit: "turns"})
	})
	if err != nil {
		return err
	}
	for i, c := range cs {
		if c.ms, _, _ = samples[i].Interval(); c.text == a.after {
			a.ms = c.ms
		}
	}
	return nil
}
