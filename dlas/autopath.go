package dlas

import (
	"context"
	"math"
	"slices"
	"strings"

	"github.com/godlas/godlas/dlas/compress"
)

// path is the order in which units are compressed to make a cost less: from one state to the next one of them changes. A
// state is the option of each unit. The next step is the one that saves most for a point lost; half an image is the least
// that a step counts as losing. What loses more than most points alone is left out.
func (a *searcher) path(cost int, most float64) [][]int {
	least := 100 / float64(2*max(1, len(a.base.Right)))
	state := make([]int, len(a.units))
	states := [][]int{slices.Clone(state)}
	for {
		bestUnit, bestOption, best := -1, 0, 0.0
		for i, u := range a.units {
			now := u.options[state[i]]
			for k, o := range u.options {
				if !(o.lost >= now.lost && o.lost <= most && o.saves[cost] > now.saves[cost]) || o.saves[cost]-now.saves[cost] < leastSaved/4*a.total[cost] { // NaN, too
					continue
				}
				if gain := (o.saves[cost] - now.saves[cost]) / max(least, o.lost-now.lost); gain > best {
					bestUnit, bestOption, best = i, k, gain
				}
			}
		}
		if bestUnit < 0 {
			return states
		}
		state[bestUnit] = bestOption
		states = append(states, slices.Clone(state))
	}
}

// saved is what a state saves of a cost, as far as the profile tells.
func (a *searcher) saved(state []int, cost int) (sum float64) {
	for i, o := range state {
		if s := a.units[i].options[o].saves[cost]; !math.IsNaN(s) {
			sum += s
		}
	}
	return sum
}

// text is a state in the grammar, after what is compressed before and with what follows: a vector of levels for each pass.
func (a *searcher) text(ctx context.Context, state []int, suffix string) (string, error) {
	words := []string{}
	names := a.layers
	for k, p := range autoPasses {
		level := map[string]string{} // of a layer
		for i, o := range state {
			if opt := a.units[i].options[o]; opt.pass == k {
				for _, l := range a.units[i].layers {
					level[a.layers[l]] = opt.level
				}
			}
		}
		if len(level) == 0 {
			continue
		}
		levels := make([]string, len(names))
		for i, n := range names {
			levels[i] = compress.Leave
			if v, ok := level[n]; ok {
				levels[i] = v
			}
		}
		words = append(words, compress.At(p.choice, "["+strings.Join(levels, " ")+"]").String())
		if p.choice.Name == "lowrank" { // of one layer it may make two
			g, err := a.judge.graph(ctx, a.join(words...))
			if err != nil {
				return "", err
			}
			names = nil
			for _, l := range compress.Layers(g) {
				names = append(names, plain(l.Nodes[0].Name))
			}
		}
	}
	if len(words) == 0 {
		suffix = strings.TrimPrefix(strings.TrimPrefix(suffix, "recalibrate"), " ") // nothing to recover from
	}
	return a.join(append(words, suffix)...), nil
}
