package dlas

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/godlas/godlas/dlas/internal/grammar"
	"github.com/godlas/godlas/dlas/ir"
	"github.com/godlas/godlas/dlas/system"
)

// SweepOptions says how a sweep is run; the zero value is what `sweep` does.
type SweepOptions struct {
	Fresh bool // measure the points that the store has for this build and environment, too
	// And are stacks whose points belong to the same sweep: they run in the same rounds.
	And []Stack
	// OnResult is called with the sweep so far after each point that is done. May be nil.
	OnResult func(*Sweep)
}

// sweepSeed is that of the order in which a round visits the points.
const sweepSeed = 1

// Sweep measures all points of the stack side by side, but those that the store has; and those of other stacks in the same
// rounds, for choices that belong together across layers: prune(0.9) with csr beside int8 with dense.
func (s Stack) Sweep(ctx context.Context, and ...Stack) (*Sweep, error) {
	return s.SweepWith(ctx, SweepOptions{And: and})
}

// allPoints are the points of all stacks of a sweep, without repetition.
func (s Stack) allPoints(and []Stack) ([]Spec, error) {
	specs, err := s.spec.Points()
	for _, other := range and {
		if err != nil {
			return nil, err
		}
		var more []Spec
		more, err = other.spec.Points()
		specs = append(specs, slices.DeleteFunc(more, func(p Spec) bool { return slices.Contains(specs, p) })...)
	}
	if err == nil && len(specs) > grammar.MaxPoints {
		err = &ir.Error{What: fmt.Sprintf("the stacks have %d points together", len(specs)), Try: fmt.Sprintf("at most %d", grammar.MaxPoints)}
	}
	return specs, err
}

// sweepPoint is a point on its way to a result.
type sweepPoint struct {
	run    *runner
	result *Result
	key    string
	inputs [][]float32
	done   bool
}

// SweepWith is Sweep with options. First the latencies: each round visits all points once, in a seeded random order.
// Then, point by point, all else. When ctx ends, the sweep so far is returned together with its cause; a point that
// cannot be built is among Failed, and an error only where that is so for all.
func (s Stack) SweepWith(ctx context.Context, o SweepOptions) (*Sweep, error) {
	specs, err := s.allPoints(o.And)
	if err != nil {
		return nil, err
	}
	defer progressEnd()
	w := &Sweep{Specs: specs, Varies: varying(specs)}
	points, err := w.build(ctx)
	if err != nil {
		return nil, err
	}
	if !o.Fresh {
		if err := useStored(points); err != nil {
			return nil, err
		}
	}
	finish := func(err error) (*Sweep, error) {
		w.collect(points)
		w.Interrupted = err != nil && ctx.Err() != nil
		recent.Lock()
		recent.sweep = w
		recent.Unlock()
		return w, err
	}
	if err := w.latencies(ctx, points); err != nil {
		return finish(err)
	}
	for _, p := range points {
		if p.done {
			continue
		}
		if err := p.run.complete(ctx, p.result, p.inputs, p.result.Label(w.Varies)); err != nil {
			return finish(err)
		}
		p.done = true
		keep(p.key, p.result)
		remember(p.result)
		if o.OnResult != nil {
			w.collect(points)
			o.OnResult(w)
		}
	}
	return finish(nil)
}

// build makes the points ready.
func (w *Sweep) build(ctx context.Context) ([]*sweepPoint, error) {
	var points []*sweepPoint
	opened := &sets{}
	for i, spec := range w.Specs {
		progress(Progress{Step: "compile", Done: i, Total: len(w.Specs), Unit: "points"})
		run, err := build(ctx, spec, opened)
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		if err != nil {
			w.Failed = append(w.Failed, Failure{spec, err})
			continue
		}
		p := &sweepPoint{run: run, result: run.blank()}
		p.key = run.key(p.result)
		if p.inputs, err = run.inputs(warmInputs); err != nil {
			return nil, err
		}
		points = append(points, p)
	}
	if len(points) == 0 {
		return nil, w.Failed[0].Err
	}
	return points, nil
}

// useStored takes from the store what it has.
func useStored(points []*sweepPoint) error {
	keys := make([]string, len(points))
	for i, p := range points {
		keys[i] = p.key
	}
	found, err := stored(keys)
	if err != nil {
		return err
	}
	for _, p := range points {
		// A record without a latency is of an interrupted sweep.
		if r := found[p.key]; r != nil && r.Latency != nil {
			r.run = p.run
			p.result, p.done = r, true
		}
	}
	return nil
}

// latencies times the points that are not done, side by side.
func (w *Sweep) latencies(ctx context.Context, points []*sweepPoint) error {
	var timed []system.Point
	var of []*sweepPoint
	for _, p := range points {
		if !p.done {
			timed = append(timed, system.Point{Program: p.run.program, Inputs: p.inputs})
			of = append(of, p)
		}
	}
	if len(timed) == 0 {
		return nil
	}
	samples, err := system.Interleave(ctx, timed, 0, sweepSeed, func(done, total, point int) {
		w.Rounds = done / len(timed)
		progress(Progress{Step: "latency", Label: of[point].result.Label(w.Varies), Done: done, Total: total, Unit: "turns"})
	})
	for i, m := range samples {
		if len(m.MS) > 0 {
			of[i].result.Latency = of[i].run.latency(m)
		}
	}
	return err
}

// collect lists the results so far, in the order of the points: those that are done and, after an interrupt, those
// that have at least a latency.
func (w *Sweep) collect(points []*sweepPoint) {
	w.Results, w.Done = nil, 0
	for _, p := range points {
		if p.done {
			w.Done++
		}
		if p.done || p.result.Latency != nil {
			w.Results = append(w.Results, p.result)
		}
	}
}

// MustSweep is Sweep for a notebook cell: it follows the cell's interrupt and panics with an *ir.Error. What an
// interrupted sweep has done is kept by LastSweep.
func (s Stack) MustSweep(and ...Stack) *Sweep {
	ctx := cellContext()
	w, err := s.Sweep(ctx, and...)
	if err != nil {
		e := asError(err)
		if w != nil && ctx.Err() != nil {
			e = &ir.Error{What: fmt.Sprintf("the sweep was interrupted; %d of %d points are done", w.Done, len(w.Specs)), Try: "dlas.LastSweep() has them", Err: errors.Unwrap(err)}
		}
		panic(e)
	}
	return w
}
