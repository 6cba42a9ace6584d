package dlas

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/godlas/godlas/dlas/ir"
)

// CellContext returns the context of the running notebook cell. The program that runs cells sets it once at its start;
// without it MustRun cannot be interrupted.
var CellContext func() context.Context

// OnProgress is told how far a run or sweep is. The program sets it once at its start; it is called often, never twice
// at once, and must be quick.
var OnProgress func(Progress)

var telling sync.Mutex

// Progress is how far one step of a run is.
type Progress struct {
	Step        string // "latency", "accuracy", ...
	Label       string // the point of a sweep; empty in a run
	Done, Total int    // in Unit; Total is 0 where it is not known
	Unit        string // "images", "rounds", ...
	Ended       bool   // the run, sweep or comparison has ended, well or not; all else is empty
}

// String is the progress in one line.
func (p Progress) String() string {
	s := p.Step
	if p.Label != "" {
		s = p.Label + ": " + s
	}
	if p.Total > 0 {
		s += fmt.Sprintf(" %d/%d %s", p.Done, p.Total, p.Unit)
	}
	return plain(strings.TrimSpace(s))
}

func progress(p Progress) {
	if OnProgress != nil {
		telling.Lock()
		defer telling.Unlock()
		OnProgress(p)
	}
}

func progressEnd() { progress(Progress{Ended: true}) }

func cellContext() context.Context {
	if CellContext != nil {
		if ctx := CellContext(); ctx != nil {
			return ctx
		}
	}
	return context.Background()
}

// asError makes what MustRun panics with.
func asError(err error) *ir.Error {
	var e *ir.Error
	if errors.As(err, &e) {
		return e
	}
	return &ir.Error{What: "the run ended", Err: err}
}

// MustRun is Run for a notebook cell: it follows the cell's interrupt and panics with an *ir.Error, which the cell
// shows as one line.
func (s Stack) MustRun() *Result {
	r, err := s.Run(cellContext())
	if err != nil {
		panic(asError(err))
	}
	return r
}

// MustCompare is Compare for a notebook cell.
func MustCompare(a, b *Result) *Comparison {
	c, err := Compare(cellContext(), a, b)
	if err != nil {
		panic(asError(err))
	}
	return c
}

// recent is the results of this process, oldest first.
var recent struct {
	sync.Mutex
	results []*Result
	sweep   *Sweep
	tuning  *Tuning
	scan    *Scan
}

func remember(r *Result) {
	recent.Lock()
	defer recent.Unlock()
	recent.results = append(recent.results, r)
}

// Last is the newest result of this process, nil before the first run.
func Last() *Result {
	recent.Lock()
	defer recent.Unlock()
	if n := len(recent.results); n > 0 {
		return recent.results[n-1]
	}
	return nil
}

// LastSweep is the newest sweep of this process, nil before the first.
func LastSweep() *Sweep {
	recent.Lock()
	defer recent.Unlock()
	return recent.sweep
}

// LastTuning is the newest search of this process that Tune made, nil before the first.
func LastTuning() *Tuning {
	recent.Lock()
	defer recent.Unlock()
	return recent.tuning
}

// LastScan is the newest scan of this process that Sensitivity made, nil before the first.
func LastScan() *Scan {
	recent.Lock()
	defer recent.Unlock()
	return recent.scan
}

// Recent lists the results of this process, oldest first.
func Recent() Results {
	recent.Lock()
	defer recent.Unlock()
	return slices.Clone(recent.results)
}

// Named is the newest result of this process with that name (`run as NAME`) or with a Spec hash that begins so; nil
// where there is none.
func Named(name string) *Result {
	for _, r := range slices.Backward(Recent()) {
		if name != "" && (r.Name == name || strings.HasPrefix(r.SpecHash, name)) {
			return r
		}
	}
	return nil
}

// As names the result, so that Named, tables and compare know it by that name.
func (r *Result) As(name string) *Result {
	r.Name = plain(name)
	return r
}
