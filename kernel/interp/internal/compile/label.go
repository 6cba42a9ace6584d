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
var labels sync.Map // uintptr -> *labelOf

type labelOf struct{ run *Run }

// Label marks the calling goroutine and those that it will start.
func (r *Run) Label() {
	pprof.SetGoroutineLabels(pprof.WithLabels(context.Background(), pprof.Labels("cell", "running")))
	p := rt.Label()
	if p == nil {
		return
	}
	of := &labelOf{r}
	labels.Store(uintptr(p), of)
	// the address may by then be another label's, perhaps of the same run
	runtime.AddCleanup((*byte)(p), func(at uintptr) { labels.CompareAndDelete(at, of) }, uintptr(p))
}

// Labelled returns the run that has led to the calling goroutine, or nil.
func Labelled() *Run {
	p := uintptr(rt.Label())
	if p == 0 {
		return nil
	}
	v, _ := labels.Load(p)
	of, _ := v.(*labelOf)
	if of == nil {
		return nil
	}
	return of.run
}
