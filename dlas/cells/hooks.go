package cells

import (
	"context"
	"sync"
	"time"

	"github.com/godlas/godlas/dlas"
	"github.com/godlas/godlas/kernel/display"
	"github.com/godlas/godlas/plotting"
)

// hooks ties package dlas to the cells of this process, once.
var hooks = sync.OnceFunc(func() {
	dlas.CellContext = display.Context
	dlas.OnProgress = func(p dlas.Progress) { line.tell(p, time.Now()) }
	display.Register(func(v any) (map[string]any, bool) {
		remember(v) // so that `save` finds what a Go cell has shown
		return plotting.Bundle(v)
	})
})

// progressAfter is when a progress line appears: quick runs leave none.
const progressAfter = 400 * time.Millisecond

// progressLine is the one line under a cell that says how far its runs are.
type progressLine struct {
	mu    sync.Mutex
	cell  context.Context // whose line it is
	start time.Time       // of the cell's first progress
	bar   *display.Bar
}

var line progressLine

func (l *progressLine) tell(p dlas.Progress, now time.Time) {
	if p.Ended {
		l.end(now)
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if cell := display.Context(); cell != l.cell || l.start.IsZero() {
		l.cell, l.start, l.bar = cell, now, nil
	}
	if now.Sub(l.start) < progressAfter {
		return
	}
	if l.bar == nil {
		l.bar = display.ProgressOn(nil)
	}
	Tell(l.bar, p)
}

// end leaves the time that the work took in place of the progress.
func (l *progressLine) end(now time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	took := now.Sub(l.start).Round(100 * time.Millisecond).String()
	if l.cell != nil && l.cell.Err() != nil {
		l.bar.Finish("interrupted after " + took)
	} else {
		l.bar.Finish("measured in " + took)
	}
	l.bar, l.start = nil, time.Time{}
}

// Tell draws a progress of dlas as a line.
func Tell(b *display.Bar, p dlas.Progress) {
	label := p.Step
	if p.Label != "" {
		label = p.Label + ": " + p.Step
	}
	b.Tell(label, p.Done, p.Total, p.Unit)
}
