package system

import (
	"context"
	"math"
	"slices"
	"time"

	"github.com/godlas/godlas/dlas/ir"
	"github.com/godlas/godlas/dlas/ir/stat"
)

// Trial is a candidate as it was measured inside a whole network.
type Trial struct {
	Node string `json:"node"` // Node.Key
	Candidate
	MS     float64 `json:"ms"` // the least of several runs, mean of the nodes with this key, with the layout changes it costs
	Median float64 `json:"median"`
	Runs   int     `json:"runs"`
}

// Settled is what a search ended in for the nodes of one key.
type Settled struct {
	Node      string    `json:"node"`  // Node.Key
	Names     []string  `json:"names"` // of the nodes
	Chosen    Candidate `json:"chosen"`
	Heuristic Candidate `json:"heuristic"`
	Best      Candidate `json:"best"` // of the trials
	// Ratio is the time of Best over that of Heuristic, measured in turns, with its 95 % interval; 1 where they are the
	// same.
	Ratio  float64 `json:"ratio"`
	Low    float64 `json:"low"`
	High   float64 `json:"high"`
	Trials int     `json:"trials"`
	Space  int     `json:"space"` // candidates there are
}

// Search is a request to find schedules by measuring.
type Search struct {
	Trials  int         // candidates over the whole network, Known ones included
	Inputs  [][]float32 // batches, cycled through
	Known   []Trial     // of earlier searches on this machine
	Settled []Settled   // likewise
	// Keep gets every trial at once, so that a search that is cut short loses nothing. nil: not wanted.
	Keep func(Trial) error
	// After is told how many candidates have been measured, of how many. nil: not wanted.
	After func(done, of int)
}

// Tuning is what a search found.
type Tuning struct {
	Trials  []Trial   // all of the network's nodes, known ones included
	Settled []Settled // a row for each key, in the order of the network
	New     int       // trials that were measured now
	Space   int       // candidates there are
	Seconds float64
}

// Decisions is what a Plan takes.
func (t Tuning) Decisions() map[string]Candidate {
	m := make(map[string]Candidate, len(t.Settled))
	for _, s := range t.Settled {
		if !s.Chosen.equal(s.Heuristic) {
			m[s.Node] = s.Chosen
		}
	}
	return m
}

// Tune searches for the fastest candidates of a network's nodes. All nodes are tried at the same time: each trial compiles
// the network with one candidate for each kind of node and times every node where it stands, so that caches, threads and
// layouts are those of the real run. Candidates that would change the layout of others are tried one kind of node at a
// time. What looks faster than heuristic is then measured against it in turns, and taken only if the whole interval of the
// ratio says so. Where the context ends early its cause is returned, and the trials kept so far are not lost.
func Tune(ctx context.Context, g *ir.Graph, kernels []ir.Kernel, m ir.Machine, p Plan, s Search) (Tuning, error) {
	begin := time.Now()
	p.gather, p.apart, p.Decisions = true, true, map[string]Candidate{}
	t := &tuner{ctx: ctx, g: g, kernels: kernels, machine: m, plan: p, search: s}
	if err := t.open(); err != nil {
		return Tuning{}, err
	}
	if err := t.try(); err != nil {
		return Tuning{}, err
	}
	if err := t.settle(); err != nil {
		return Tuning{}, err
	}
	t.result.Seconds = time.Since(begin).Seconds()
	return t.result, nil
}

// tuner is a search in progress.
type tuner struct {
	ctx     context.Context
	g       *ir.Graph
	kernels []ir.Kernel
	machine ir.Machine
	plan    Plan
	search  Search

	base   *Program // heuristic
	rounds int      // runs of a trial
	total  float64  // of base: milliseconds of all steps
	kinds  []*kind
	result Tuning
}

// kind is all nodes of one key.
type kind struct {
	key    string
	steps  []int // of base
	space  []Candidate
	blocks []string
	chosen int // how many of the space the search takes in
	trials []Trial
}

func (k *kind) name(t *tuner) []string {
	var names []string
	for _, i := range k.steps {
		names = append(names, t.base.nodes[i].Name)
	}
	return names
}

// open compiles the network as heuristic does and decides which candidates the search takes in: in turn one of each kind
// of node, until there are as many as were asked for.
func (t *tuner) open() error {
	var err error
	if t.base, err = Compile(t.g, t.kernels, t.machine, t.plan); err != nil {
		return err
	}
	byKey := map[string]*kind{}
	for i, n := range t.base.nodes {
		if len(n.space) < 2 {
			continue
		}
		t.plan.gather = false
		k := byKey[n.Key]
		if k == nil {
			k = &kind{key: n.Key, space: n.space, blocks: n.blocks}
			byKey[n.Key] = k
			t.kinds = append(t.kinds, k)
			t.result.Space += len(n.space)
		}
		k.steps = append(k.steps, i)
	}
	for left, round := t.search.Trials, 0; left > 0; round++ {
		before := left
		for _, k := range t.kinds {
			if left > 0 && round < len(k.space) {
				k.chosen++
				left--
			}
		}
		if left == before {
			break
		}
	}
	for _, tr := range t.search.Known {
		k := byKey[tr.Node]
		if k == nil || k.find(tr.Candidate) || !slices.ContainsFunc(k.space[:k.chosen], tr.equal) || !(tr.MS > 0) {
			continue
		}
		k.trials = append(k.trials, tr)
		t.result.Trials = append(t.result.Trials, tr)
	}
	return nil
}

func (k *kind) find(c Candidate) bool {
	return slices.ContainsFunc(k.trials, func(t Trial) bool { return t.equal(c) })
}

// try measures the candidates that no earlier search has.
func (t *tuner) try() error {
	type left struct {
		k *kind
		c Candidate
	}
	var same [][]Candidate // by kind: those that leave the layout as it is
	var other []left
	want := 0
	for _, k := range t.kinds {
		var list []Candidate
		for i, c := range k.space[:k.chosen] {
			switch {
			case k.find(c):
				continue
			case k.blocks[i] == k.blocks[0]:
				list = append(list, c)
			default:
				other = append(other, left{k, c})
			}
			want++
		}
		same = append(same, list)
	}
	if want == 0 {
		return nil
	}
	if err := t.calibrate(); err != nil {
		return err
	}
	for round := 0; ; round++ {
		decisions := map[string]Candidate{}
		for i, list := range same {
			if round < len(list) {
				decisions[t.kinds[i].key] = list[round]
			}
		}
		if len(decisions) == 0 {
			break
		}
		if err := t.trial(decisions, want, false); err != nil {
			return err
		}
	}
	for _, l := range other {
		if err := t.trial(map[string]Candidate{l.k.key: l.c}, want, true); err != nil {
			return err
		}
	}
	return nil
}

// Times of a trial's runs together, and bounds of their number.
const (
	trialTime  = 40.0 // milliseconds
	leastRuns  = 4
	mostRuns   = 60
	finalTurns = 15     // of the best against heuristic
	mostTurns  = 61     // the same, of a small network
	finalTime  = 2500.0 // milliseconds of these turns together, above which there are no more than the least
)

// calibrate times the network as heuristic makes it.
func (t *tuner) calibrate() error {
	in := t.search.Inputs[0]
	if _, err := t.base.Profile(t.ctx, in, 2); err != nil {
		return err
	}
	ms, err := t.base.Profile(t.ctx, in, 3)
	if err != nil {
		return err
	}
	t.rounds = int(math.Max(leastRuns, math.Min(trialTime/math.Max(sum(ms), 1e-3), mostRuns)))
	least, _, err := t.profile(t.base, t.rounds)
	t.total = sum(least)
	return err
}

func sum(v []float64) (s float64) {
	for _, x := range v {
		s += x
	}
	return s
}

// profile returns the least and the median milliseconds of every step.
func (t *tuner) profile(p *Program, rounds int) (least, median []float64, err error) {
	out := make([]float32, p.OutShape().Elems())
	times := make([]time.Duration, len(p.nodes))
	samples := make([][]float64, len(p.nodes))
	for r := -1; r < rounds; r++ {
		if err := p.run(t.ctx, t.search.Inputs[max(r, 0)%len(t.search.Inputs)], out, times); err != nil {
			return nil, nil, err
		}
		for i, d := range times {
			if r >= 0 {
				samples[i] = append(samples[i], milliseconds(d))
			}
		}
	}
	for _, v := range samples {
		least, median = append(least, slices.Min(v)), append(median, stat.Median(v))
	}
	return least, median, nil
}

// trial compiles the network with the decisions and times their nodes. Where they change layouts, all that the network
// takes longer is counted as theirs.
func (t *tuner) trial(decisions map[string]Candidate, want int, alone bool) error {
	plan := t.plan
	plan.Decisions = decisions
	p, err := Compile(t.g, t.kernels, t.machine, plan)
	if err != nil {
		return err
	}
	least, median, err := t.profile(p, t.rounds)
	if err != nil {
		return err
	}
	for _, k := range t.kinds {
		c, ok := decisions[k.key]
		if !ok {
			continue
		}
		tr := Trial{Node: k.key, Candidate: c, Runs: t.rounds}
		for i, n := range p.nodes {
			if n.Key == k.key {
				tr.MS += least[i]
				tr.Median += median[i]
			}
		}
		if alone {
			base := 0.0
			for _, s := range k.trials {
				if s.equal(k.space[0]) {
					base = s.MS * float64(len(k.steps))
				}
			}
			tr.MS = math.Max(tr.MS, base+sum(least)-t.total)
		}
		tr.MS /= float64(len(k.steps))
		tr.Median /= float64(len(k.steps))
		k.trials = append(k.trials, tr)
		t.result.Trials = append(t.result.Trials, tr)
		t.result.New++
		if t.search.Keep != nil {
			if err := t.search.Keep(tr); err != nil {
				return err
			}
		}
	}
	if t.search.After != nil {
		t.search.After(t.result.New, want)
	}
	return nil
}
