package dlas

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/godlas/godlas/dlas/compress"
	"github.com/godlas/godlas/dlas/ir"
	"github.com/godlas/godlas/dlas/system"
)

// autoLayer is a layer that auto may compress: what each way of compressing it costs and leaves.
type autoLayer struct {
	name    string
	options []autoOption // the first leaves it as it is
}

// autoOption is a pass at a level, for one layer.
type autoOption struct {
	pass  int     // of auto's passes; -1: none
	level string  // of the pass
	lost  float64 // points that the layer alone loses at it; never negative
	cost  float64 // milliseconds of its node, or bytes of the network
}

// auto finds the compression of each layer that meets the targets of pass, after what is compressed before it.
func auto(ctx context.Context, spec Spec, after string, pass ir.Choice) (found string, scans []*Scan, notes []string, err error) {
	t, err := compress.TargetsOf(pass)
	if err != nil {
		return "", nil, nil, err
	}
	j, err := newJudge(ctx, spec, t.Images)
	if err != nil {
		return "", nil, nil, err
	}
	a := &searcher{judge: j, spec: spec, after: after, targets: t, programs: map[string]*runner{}}
	if err := a.begin(ctx); err != nil {
		return "", nil, nil, err
	}
	var paths []*autoPath
	for _, byBytes := range []bool{false, true} {
		// Bytes lead where they are what is asked for; a target for them beside others is looked for both ways.
		if t := a.targets; byBytes && !t.MinBytes && t.Bytes == 0 || !byBytes && (t.MinBytes || t.Bytes > 0 && t.Latency == 0 && t.Accuracy == nil) {
			continue
		}
		path, err := a.path(ctx, byBytes)
		if err != nil {
			return "", nil, nil, err
		}
		paths = append(paths, path)
	}
	best, err := a.choose(ctx, paths)
	if err != nil {
		return "", nil, nil, err
	}
	note := fmt.Sprintf("%s is a level for each of %d layers, found in %.0f s: top-1 on %s images of val %s (%+.2f points), weights %s",
		pass, len(paths[0].layers), j.seconds(), thousands(int64(j.base.set.Len())), percent(best.seen.top1()), 100*(best.seen.top1()-a.base.top1()), bytesText(best.seen.Bytes))
	if best.ms > 0 {
		note += fmt.Sprintf(", %.3g ms of %.3g ms before, measured in turns", best.ms, a.ms)
	}
	return best.text, a.scans, append(a.notes, note), nil
}

// searcher is one search of auto.
type searcher struct {
	judge    *judge
	spec     Spec
	after    string // what is compressed before
	targets  compress.Targets
	base     *seen   // the uncompressed network
	need     float64 // the least top-1; negative infinity where none is asked for
	ms       float64 // of the network before
	user     *runner // the stack itself, not compressed
	raw      *ir.Graph
	programs map[string]*runner
	scans    []*Scan
	notes    []string
}

// begin measures where the search starts, and refuses what cannot be.
func (a *searcher) begin(ctx context.Context) (err error) {
	if a.base, err = a.judge.see(ctx, "none"); err != nil {
		return err
	}
	a.need = math.Inf(-1)
	if acc := a.targets.Accuracy; acc != nil {
		if a.need = *acc; a.targets.Points {
			a.need = a.base.top1() + *acc/100
		}
		before, err := a.judge.see(ctx, a.after)
		if err != nil {
			return err
		}
		if before.top1() < a.need {
			return &ir.Error{
				Layer: ir.Compress, What: fmt.Sprintf("auto cannot reach a top-1 of %s on val: the network has %s before it", percent(a.need), percent(before.top1())),
				Try: "ask for points below it, as in accuracy>=-0.5pt",
			}
		}
	}
	plain := a.spec.With(ir.Compress, "none")
	if strings.HasPrefix(plain.Schedule, system.Tuned) { // a search for schedules at each step would take hours
		plain.Schedule = system.Heuristic
	}
	if a.user, err = build(ctx, plain, a.judge.base.opened); err != nil {
		return err
	}
	a.raw = a.user.graph
	return nil
}

// program is the stack with another compression.
func (a *searcher) program(ctx context.Context, text string) (*runner, error) {
	if run := a.programs[text]; run != nil {
		return run, nil
	}
	run, err := a.user.compressed(ctx, a.raw, text)
	if err != nil {
		return nil, err
	}
	a.programs[text] = run
	return run, nil
}

// join is what is compressed before, and then.
func (a *searcher) join(texts ...string) string {
	var words []string
	for _, t := range append([]string{a.after}, texts...) {
		if t != "" && t != "none" {
			words = append(words, t)
		}
	}
	if len(words) == 0 {
		return "none"
	}
	return strings.Join(words, " ")
}

// autoPasses are the passes that layers may have: what saves time, or what saves bytes.
func (a *searcher) passes(byBytes bool) []ir.Choice {
	all := []ir.Choice{{Name: "prune"}, {Name: "blocks", Value: []string{"16x1"}}}
	if byBytes {
		all = []ir.Choice{{Name: "prune"}, {Name: "palette"}}
	}
	return slices.DeleteFunc(all, func(c ir.Choice) bool {
		return a.allowed(a.join(compress.At(c, compress.ScanLevels(c.Name)[3]).String())) != nil
	})
}

// suffixes are what may follow for the whole network; an empty one is nothing.
func (a *searcher) suffixes() []string {
	all := []string{"", "int8"}
	if a.targets.MinBytes || a.targets.Bytes > 0 {
		all = []string{"", "fp16", "int8"}
	}
	return slices.DeleteFunc(all, func(s string) bool { return a.allowed(a.join(s)) != nil })
}

// allowed says why passes do not go together, or are not in this build.
func (a *searcher) allowed(text string) error {
	_, err := canonicalLayer(ir.Compress, text, "")
	return err
}

// autoTries are the fractions of zeros that auto tries for a layer; the tests of this package try fewer.
var autoTries = []string{"0.5", "0.7", "0.8", "0.9", "0.95"}

// autoLevels are the levels that auto tries of a pass.
func autoLevels(name string) []string {
	if name == "palette" {
		return []string{"6", "4", "3", "2"}
	}
	return autoTries
}

// autoPath is the order in which auto compresses: from one state to the next a layer changes.
type autoPath struct {
	layers []autoLayer
	passes []ir.Choice
	states [][]int // the option of each layer
}

// text is a state in the grammar: a vector of levels for each pass.
func (p *autoPath) text(state []int) string {
	var words []string
	for k, c := range p.passes {
		levels := make([]string, len(state))
		used := false
		for i, o := range state {
			levels[i] = compress.Leave
			if opt := p.layers[i].options[o]; opt.pass == k {
				levels[i], used = opt.level, true
			}
		}
		if used {
			words = append(words, compress.At(c, "["+strings.Join(levels, " ")+"]").String())
		}
	}
	return strings.Join(words, " ")
}

// path scans the layers by all passes, and orders the steps by what they save for what they lose.
func (a *searcher) path(ctx context.Context, byBytes bool) (*autoPath, error) {
	p := &autoPath{passes: a.passes(byBytes)}
	before, err := a.judge.see(ctx, a.after)
	if err != nil {
		return nil, err
	}
	var start map[string]float64
	if !byBytes {
		if start, err = a.nodeTimes(ctx, a.after); err != nil {
			return nil, err
		}
	}
	for k, c := range p.passes {
		scan, err := a.judge.sensitivity(ctx, a.after, c, autoLevels(c.Name))
		if err != nil {
			return nil, err
		}
		a.scans = append(a.scans, scan)
		if p.layers == nil {
			for _, l := range scan.Layers {
				first := autoOption{pass: -1, cost: start[l.Name]}
				if byBytes {
					first.cost = float64(before.Bytes)
				}
				p.layers = append(p.layers, autoLayer{name: l.Name, options: []autoOption{first}})
			}
		}
		for _, level := range autoLevels(c.Name) {
			var times map[string]float64
			if !byBytes {
				if times, err = a.nodeTimes(ctx, a.join(p.all(c, scan, level))); err != nil {
					return nil, err
				}
			}
			for i, l := range scan.Layers {
				at := slices.IndexFunc(l.Points, func(q ScanPoint) bool { return q.Level == level })
				if at < 0 {
					continue
				}
				o := autoOption{pass: k, level: level, lost: max(0, -l.Points[at].Points), cost: float64(l.Points[at].Bytes)}
				if !byBytes {
					o.cost = times[l.Name]
				}
				p.layers[i].options = append(p.layers[i].options, o)
			}
		}
	}
	p.order(100 / float64(2*max(1, len(a.base.Right))))
	return p, nil
}

// all is a level for all layers that reach it.
func (p *autoPath) all(c ir.Choice, scan *Scan, level string) string {
	levels := make([]string, len(scan.Layers))
	for i, l := range scan.Layers {
		levels[i] = compress.Leave
		if slices.ContainsFunc(l.Points, func(q ScanPoint) bool { return q.Level == level }) {
			levels[i] = level
		}
	}
	return compress.At(c, "["+strings.Join(levels, " ")+"]").String()
}

// order makes the states: each step is the one that saves most for a point lost. Half an image is the least that a step
// counts as losing.
func (p *autoPath) order(least float64) {
	state := make([]int, len(p.layers))
	p.states = [][]int{slices.Clone(state)}
	for {
		bestLayer, bestOption, best := -1, 0, 0.0
		for i, l := range p.layers {
			now := l.options[state[i]]
			for k, o := range l.options {
				if o.pass < 0 || o.cost >= now.cost || o.lost < now.lost {
					continue
				}
				if gain := (now.cost - o.cost) / max(least, o.lost-now.lost); gain > best {
					bestLayer, bestOption, best = i, k, gain
				}
			}
		}
		if bestLayer < 0 {
			return
		}
		state[bestLayer] = bestOption
		p.states = append(p.states, slices.Clone(state))
	}
}

// nodeTimes are the milliseconds of the nodes of the stack under a compression.
func (a *searcher) nodeTimes(ctx context.Context, text string) (map[string]float64, error) {
	progress(Progress{Step: "auto: time by node", Label: shortened(text)})
	run, err := a.program(ctx, text)
	if err != nil {
		return nil, err
	}
	in, err := run.inputs(1)
	if err != nil {
		return nil, err
	}
	times, err := run.program.Profile(ctx, in[0], profileRounds)
	if err != nil {
		return nil, err
	}
	out := map[string]float64{}
	for i, n := range run.program.Nodes() {
		out[plain(n.Name)] += times[i]
	}
	delete(a.programs, text)
	return out, nil
}

// candidate is a compression that auto may choose.
type candidate struct {
	text string
	seen *seen
	ms   float64
}

// choose goes along the paths as far as the targets allow, with each suffix, and takes the best.
func (a *searcher) choose(ctx context.Context, paths []*autoPath) (*candidate, error) {
	var met, near []*candidate
	for _, p := range paths {
		for _, suffix := range a.suffixes() {
			at := func(k int) string { return a.join(p.text(p.states[k]), suffix) }
			if a.allowed(at(len(p.states)-1)) != nil {
				continue
			}
			k, ok, err := a.along(ctx, len(p.states), at)
			if err != nil {
				return nil, err
			}
			c := &candidate{text: at(k)}
			if c.seen, err = a.judge.see(ctx, c.text); err != nil {
				return nil, err
			}
			if near = append(near, c); ok {
				met = append(met, c)
			}
		}
	}
	if err := a.time(ctx, near); err != nil {
		return nil, err
	}
	met = slices.DeleteFunc(met, func(c *candidate) bool { return !a.meets(c) })
	if len(met) == 0 {
		return nil, a.unmet(near)
	}
	return slices.MinFunc(met, a.better), nil
}

// better orders candidates that meet the targets.
func (a *searcher) better(x, y *candidate) int {
	less := func(v float64) int {
		switch {
		case v < 0:
			return -1
		case v > 0:
			return 1
		}
		return 0
	}
	switch {
	case a.targets.MinBytes:
		return less(float64(x.seen.Bytes - y.seen.Bytes))
	case a.targets.Accuracy == nil:
		return less(y.seen.top1() - x.seen.top1())
	}
	return less(x.ms - y.ms)
}

// meets reports whether a measured candidate meets all targets.
func (a *searcher) meets(c *candidate) bool {
	t := a.targets
	return c.seen.top1() >= a.need-1e-12 && (t.Latency == 0 || c.ms <= t.Latency) && (t.Bytes == 0 || float64(c.seen.Bytes) <= t.Bytes)
}

// along finds a state by halving: the last that is accurate enough or, without a target for accuracy, the first that is
// quick and small enough. ok is false where there is none; the nearest is returned then.
func (a *searcher) along(ctx context.Context, states int, at func(int) string) (k int, ok bool, err error) {
	fits := func(k int) (bool, error) {
		progress(Progress{Step: "auto: along the path", Done: k, Total: states, Unit: "steps"})
		if a.targets.Accuracy != nil {
			s, err := a.judge.see(ctx, at(k))
			return err == nil && s.top1() >= a.need-1e-12, err
		}
		if t := a.targets.Bytes; t > 0 {
			s, err := a.judge.see(ctx, at(k))
			if err != nil || float64(s.Bytes) > t {
				return true, err
			}
		}
		if t := a.targets.Latency; t > 0 {
			ms, err := a.quick(ctx, at(k))
			if err != nil || ms > t {
				return true, err
			}
		}
		return false, nil
	}
	// fits is true up to some state and false from there: [low] fits, [high] does not.
	low, high := -1, states
	for high-low > 1 {
		mid := (low + high) / 2
		if low < 0 && high == states { // begin at the start: a suffix alone may be too much
			mid = 0
		}
		good, err := fits(mid)
		if err != nil {
			return 0, false, err
		}
		if good {
			low = mid
		} else {
			high = mid
		}
	}
	if a.targets.Accuracy != nil {
		return max(low, 0), low >= 0, nil
	}
	return min(high, states-1), high < states, nil
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
	if a.targets.MinBytes && a.targets.Latency == 0 {
		return nil
	}
	texts := []string{a.after}
	for _, c := range cs {
		texts = append(texts, c.text)
	}
	var points []system.Point
	for _, text := range texts {
		run, err := a.program(ctx, text)
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
	a.ms, _, _ = samples[0].Interval()
	for i, c := range cs {
		c.ms, _, _ = samples[i+1].Interval()
	}
	return nil
}

// unmet is the error that says how near the search came.
func (a *searcher) unmet(near []*candidate) error {
	best := slices.MinFunc(near, func(x, y *candidate) int {
		return int(math.Copysign(1, a.misses(x)-a.misses(y)))
	})
	got := fmt.Sprintf("top-1 %s on val", percent(best.seen.top1()))
	if best.ms > 0 {
		got += fmt.Sprintf(", %.3g ms", best.ms)
	}
	got += ", " + bytesText(best.seen.Bytes)
	return &ir.Error{
		Layer: ir.Compress, What: "auto cannot meet all targets: the nearest is " + shortened(best.text) + " with " + got,
		Try: "allow more, or change L4 to L6: they decide what compression saves",
	}
}

// misses is by how much of the targets a candidate fails, added up.
func (a *searcher) misses(c *candidate) float64 {
	miss := 0.0
	if d := a.need - c.seen.top1(); d > 0 && !math.IsInf(d, 0) {
		miss += d / max(a.need, 1e-9)
	}
	if t := a.targets.Latency; t > 0 {
		miss += max(0, c.ms/t-1)
	}
	if t := a.targets.Bytes; t > 0 {
		miss += max(0, float64(c.seen.Bytes)/t-1)
	}
	return miss
}
