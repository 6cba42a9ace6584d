package compile

import (
	"context"
	"runtime"
	"runtime/pprof"
	"sync"

	"github.com/godlas/godlas/kernel/interp/internal/rt"
)

// A profiler label goes from a goroutine to those that it starts, compiled code
// or not. A run has its own, so that a callback of a server that a cell has
// started, or what it prints, is known to be of that cell.

// labels has the runs by the address of their label, as long as a goroutine
// carries it.
var labels sync.Map // uintptr -> *Run

// label marks the calling goroutine and those that it will start.
func (r *Run) label() {
	pprof.SetGoroutineLabels(pprof.WithLabels(context.Background(), pprof.Labels("cell", "running")))
	p := rt.Label()
	if p == nil {
		return
	}
	labels.Store(uintptr(p), r)
	type entry struct {
		at  uintptr
		run *Run
	}
	// the address may by then be another label's
	runtime.AddCleanup((*byte)(p), func(e entry) { labels.CompareAndDelete(e.at, e.run) }, entry{uintptr(p), r})
}

// labelled returns the run that has led to the calling goroutine, or nil.
func labelled() *Run {
	p := uintptr(rt.Label())
	if p == 0 {
		return nil
	}
	r, _ := labels.Load(p)
	run, _ := r.(*Run)
	return run
}
