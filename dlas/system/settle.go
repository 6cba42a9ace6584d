package system

import (
	"math"
	"slices"

	"github.com/godlas/godlas/dlas/ir/stat"
)

// settle decides for each kind of node whether the best of its trials takes the place of heuristic's choice: it must be
// faster, with the whole interval of the ratio, when the two are measured in turns.
func (t *tuner) settle() error {
	open := false
	for _, k := range t.kinds {
		s := Settled{Node: k.key, Names: k.name(t), Heuristic: k.space[0], Chosen: k.space[0], Best: k.space[0], Ratio: 1, Low: 1, High: 1, Trials: len(k.trials), Space: len(k.space)}
		if i := slices.IndexFunc(t.search.Settled, func(o Settled) bool {
			return o.Node == k.key && o.Trials == s.Trials && o.Heuristic.equal(s.Heuristic) && slices.ContainsFunc(k.space, o.Chosen.equal)
		}); i >= 0 {
			o := t.search.Settled[i]
			o.Names = s.Names
			s = o
		} else if len(k.trials) > 0 {
			best := slices.MinFunc(k.trials, func(x, y Trial) int {
				switch {
				case x.MS < y.MS:
					return -1
				case x.MS > y.MS:
					return 1
				}
				return 0
			})
			s.Best = best.Candidate
			open = open || !s.Best.equal(s.Heuristic)
		}
		t.result.Settled = append(t.result.Settled, s)
	}
	if !open {
		return nil
	}
	if t.rounds == 0 {
		if err := t.calibrate(); err != nil {
			return err
		}
	}
	if err := t.finals(); err != nil {
		return err
	}
	return t.whole()
}

// undecided reports whether a kind's best is still to be measured against heuristic.
func (s *Settled) undecided() bool {
	return !s.Best.equal(s.Heuristic) && s.Low == 1 && s.High == 1
}

// finals measures the best of the kinds against heuristic in turns: all at once those that leave layouts as they are, then
// the others one by one, by the time of the whole network.
func (t *tuner) finals() error {
	together := map[string]Candidate{}
	var alone []int
	for i := range t.result.Settled {
		s, k := &t.result.Settled[i], t.kinds[i]
		if !s.undecided() {
			continue
		}
		if at := slices.IndexFunc(k.space, s.Best.equal); k.blocks[at] == k.blocks[0] {
			together[s.Node] = s.Best
		} else {
			alone = append(alone, i)
		}
	}
	if len(together) > 0 {
		ratios, err := t.turns(together)
		if err != nil {
			return err
		}
		for i := range t.result.Settled {
			s := &t.result.Settled[i]
			if r := ratios[s.Node]; r != nil {
				s.judge(r)
			}
		}
	}
	for _, i := range alone {
		s, k := &t.result.Settled[i], t.kinds[i]
		c, err := t.compare(nil, map[string]Candidate{s.Node: s.Best})
		if err != nil {
			return err
		}
		// What the network gains is the node's gain; as a ratio of its own time.
		share := 0.0
		for _, tr := range k.trials {
			if tr.equal(s.Heuristic) {
				share = tr.MS * float64(len(k.steps)) / max(t.total, 1e-9)
			}
		}
		scale := func(r float64) float64 { return max(0.01, 1+(r-1)/max(share, 1e-3)) }
		s.Ratio, s.Low, s.High = scale(c.Ratio), scale(c.Low), scale(c.High)
		if c.Verdict == Faster {
			s.Chosen = s.Best
		}
	}
	return nil
}

// judge takes the best where it is faster beyond noise.
func (s *Settled) judge(ratios []float64) {
	s.Ratio, s.Low, s.High = stat.MedianInterval(ratios)
	if Judge(s.Low, s.High) == Faster {
		s.Chosen = s.Best
	}
}

// turns runs the network with and without the decisions in turns, and returns for each of their keys the ratios of the
// nodes' times.
func (t *tuner) turns(decisions map[string]Candidate) (map[string][]float64, error) {
	plan := t.plan
	plan.Decisions = decisions
	p, err := Compile(t.g, t.kernels, t.machine, plan)
	if err != nil {
		return nil, err
	}
	runs := max(leastRuns, t.rounds/2)
	turns := int(math.Max(finalTurns, math.Min(finalTime/max(2*t.total*float64(runs+1), 1e-3), mostTurns)))
	ratios := map[string][]float64{}
	for turn := range turns {
		var ms [2]map[string]float64
		for i := range 2 {
			which := (i + turn) % 2
			q := []*Program{t.base, p}[which]
			least, _, err := t.profile(q, runs)
			if err != nil {
				return nil, err
			}
			ms[which] = map[string]float64{}
			for i, n := range q.nodes {
				ms[which][n.Key] += least[i]
			}
		}
		for key := range decisions {
			ratios[key] = append(ratios[key], ms[1][key]/max(ms[0][key], 1e-9))
		}
	}
	return ratios, nil
}

// compare compares the whole network with two sets of decisions.
func (t *tuner) compare(a, b map[string]Candidate) (Comparison, error) {
	var ps [2]*Program
	for i, d := range []map[string]Candidate{a, b} {
		plan := t.plan
		plan.Decisions = d
		var err error
		if ps[i], err = Compile(t.g, t.kernels, t.machine, plan); err != nil {
			return Comparison{}, err
		}
	}
	return ComparePaired(t.ctx, ps[0], ps[1], t.search.Inputs, t.search.Inputs, leastRounds)
}

// whole makes sure that the decisions together are not slower than heuristic; if they are, none is taken.
func (t *tuner) whole() error {
	d := t.result.Decisions()
	if len(d) == 0 {
		return nil
	}
	c, err := t.compare(nil, d)
	if err != nil {
		return err
	}
	if c.Verdict == Slower {
		for i := range t.result.Settled {
			s := &t.result.Settled[i]
			s.Chosen = s.Heuristic
		}
	}
	return nil
}
