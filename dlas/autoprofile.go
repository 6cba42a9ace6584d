package dlas

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/godlas/godlas/dlas/compress"
	"github.com/godlas/godlas/dlas/ir"
	"github.com/godlas/godlas/dlas/ir/op"
)

// autoPass is a pass that auto may give layers, with the levels that it tries, the gentlest first.
type autoPass struct {
	choice            ir.Choice
	levels            []string
	time, int8, bytes bool // it may save time, time under int8, bytes
}

// autoPasses stand in the order in which passes are applied. The tests of this package try fewer.
var autoPasses = []autoPass{
	{ir.Choice{Name: "channels"}, []string{"0.1", "0.25", "0.5"}, true, true, true},
	{ir.Choice{Name: "lowrank"}, []string{"0.95", "0.9", "0.8", "0.7"}, true, true, true},
	{ir.Choice{Name: "prune"}, []string{"0.5", "0.7", "0.8", "0.9", "0.95"}, true, false, true},
	{ir.Choice{Name: "blocks", Value: []string{"16x1"}}, []string{"0.3", "0.5", "0.7", "0.8", "0.9"}, true, true, false},
	{ir.Choice{Name: "punch", Value: []string{"8x4"}}, []string{"0.3", "0.5", "0.7", "0.9"}, true, false, false},
	{ir.Choice{Name: "pattern"}, []string{"0.56", "0.7", "0.85"}, true, false, false},
	{ir.Choice{Name: "palette"}, []string{"6", "4", "3", "2"}, false, false, true},
}

// What compression costs: the time of the stack with float weights and under int8, and bytes.
const (
	costFloat = iota
	costInt8
	costBytes
	allCosts
)

// costSuffix is what follows for the whole network where a cost is measured: time does not depend on how well bytes are
// calibrated.
func costSuffix(cost int) string { return []string{"", "int8(method=minmax, n=1)", ""}[cost] }

// autoUnit is what auto compresses by itself: a layer's weights, or the channels that some layers share.
type autoUnit struct {
	layers  []int
	narrow  bool
	options []autoOption // the first leaves it as it is
}

// autoOption is a pass at a level, for one unit.
type autoOption struct {
	pass  int // of autoPasses; -1: none
	level string
	saves [allCosts]float64 // of each cost; NaN where it is not known
	lost  float64           // points that the unit alone loses at it; never negative, NaN where it is not known
}

// findUnits lists what may be compressed, and by what.
func (a *searcher) findUnits(ctx context.Context) error {
	g, err := a.judge.graph(ctx, a.after)
	if err != nil {
		return err
	}
	layers := compress.Layers(g)
	if len(layers) == 0 {
		return ir.Errorf(ir.Compress, "%s has no convolution or linear layers", g.Name)
	}
	for i, l := range layers {
		a.layers = append(a.layers, plain(l.Nodes[0].Name))
		a.units = append(a.units, autoUnit{layers: []int{i}})
	}
	joined, err := compress.Joined(ctx, g)
	if err != nil {
		return err
	}
	for _, group := range joined {
		a.units = append(a.units, autoUnit{layers: group, narrow: true})
	}
	if a.forTime() {
		a.costs = append(a.costs, costFloat)
		if len(autoSuffixes[costInt8]) > 0 && a.allowed(a.join("int8")) {
			a.costs = append(a.costs, costInt8)
		}
	}
	if a.forBytes() {
		a.costs = append(a.costs, costBytes)
	}
	for i := range a.units {
		u := &a.units[i]
		u.options = []autoOption{{pass: -1}}
		for k, p := range autoPasses {
			if u.narrow != (p.choice.Name == "channels") || !a.allowed(a.join(compress.At(p.choice, p.levels[0]).String())) {
				continue
			}
			for _, level := range p.levels {
				o := autoOption{pass: k, level: level, lost: math.NaN()}
				for c := range o.saves {
					o.saves[c] = math.NaN()
				}
				u.options = append(u.options, o)
			}
		}
	}
	return nil
}

// vector is a pass with the level of some layers.
func (a *searcher) vector(pass int, level string, layers ...int) ir.Choice {
	levels := make([]string, len(a.layers))
	for i := range levels {
		levels[i] = compress.Leave
		if slices.Contains(layers, i) {
			levels[i] = level
		}
	}
	return compress.At(autoPasses[pass].choice, "["+strings.Join(levels, " ")+"]")
}

// profile measures by node what each level of each pass saves where all layers have it. Of what cannot be reached for a
// layer nothing is known.
func (a *searcher) profile(ctx context.Context) error {
	for _, cost := range slices.Clone(a.costs) { // int8 may fall out
		if cost == costBytes {
			a.total[cost] = float64(a.before.Bytes)
			continue
		}
		start, err := a.nodeTimes(ctx, a.join(costSuffix(cost)))
		if err != nil {
			if cost == costFloat || ctx.Err() != nil {
				return err
			}
			a.notes = append(a.notes, "auto did not try int8: "+asError(err).What)
			a.costs = slices.DeleteFunc(a.costs, func(c int) bool { return c == costInt8 })
			continue
		}
		for _, ms := range start {
			a.total[cost] += ms
		}
		for k, p := range autoPasses {
			if !p.time || cost == costInt8 && !p.int8 {
				continue
			}
			for _, level := range p.levels {
				if err := a.profileLevel(ctx, cost, k, level, start); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// profileLevel is profile for one level.
func (a *searcher) profileLevel(ctx context.Context, cost, pass int, level string, start map[string]float64) error {
	var at []*autoOption
	var units []*autoUnit
	var layers []int
	for i := range a.units {
		u := &a.units[i]
		for k := range u.options {
			if o := &u.options[k]; o.pass == pass && o.level == level && a.reaches(ctx, a.vector(pass, level, u.layers...)) {
				at, units, layers = append(at, o), append(units, u), append(layers, u.layers...)
			}
		}
	}
	if len(at) == 0 {
		return ctx.Err()
	}
	text := a.vector(pass, level, layers...).String()
	times, err := a.nodeTimes(ctx, a.join(text, costSuffix(cost)))
	if err != nil { // each layer can be compressed so, all together cannot: nothing is known of the level
		if ctx.Err() == nil {
			a.notes = append(a.notes, fmt.Sprintf("auto did not try %s: %s", compress.At(autoPasses[pass].choice, level), asError(err).What))
		}
		return ctx.Err()
	}
	if !units[0].narrow {
		for i, o := range at {
			name := a.layers[units[i].layers[0]]
			o.saves[cost] = start[name] - times[name] - times[name+" left"] // the second of what lowrank makes of one
		}
		return nil
	}
	// Narrowing a unit saves work in its layers and in those that read them: of each the share that narrowing all has saved
	// of the time, for the share of the work.
	before, err := a.macs(ctx, a.after)
	if err != nil {
		return err
	}
	all, err := a.macs(ctx, a.join(text))
	if err != nil {
		return err
	}
	for i, o := range at {
		alone, err := a.macs(ctx, a.join(a.vector(pass, level, units[i].layers...).String()))
		if err != nil {
			return err
		}
		o.saves[cost] = 0
		for name, n := range before {
			if alone[name] < n && all[name] < n {
				o.saves[cost] += max(0, start[name]-times[name]) * float64(n-alone[name]) / float64(n-all[name])
			}
		}
	}
	return nil
}

// reaches reports whether a pass can be applied: to a level that would leave nothing of a layer it cannot.
func (a *searcher) reaches(ctx context.Context, c ir.Choice) bool {
	_, err := a.judge.graph(ctx, a.join(c.String()))
	return err == nil
}

// macs are the multiply-accumulates of the nodes of a network.
func (a *searcher) macs(ctx context.Context, text string) (map[string]int64, error) {
	g, err := a.judge.graph(ctx, text)
	if err != nil {
		return nil, err
	}
	work, err := op.Count(g)
	if err != nil {
		return nil, err
	}
	of := map[string]int64{}
	for i, n := range g.Nodes {
		if work[i].MACs > 0 {
			of[plain(n.Name)] = work[i].MACs
		}
	}
	return of, nil
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
	return out, nil
}
