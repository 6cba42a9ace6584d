package cells

import (
	"context"
	"fmt"
	"strings"
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

// A progress line appears after a while, so that quick runs leave none, and is drawn again now and then.
const (
	progressAfter = 400 * time.Millisecond
	progressEvery = 150 * time.Millisecond
)

// progressLine is the one line under a cell that says how far its runs are.
type progressLine struct {
	mu     sync.Mutex
	cell   context.Context // whose line it is
	start  time.Time       // of the cell's first progress
	drawn  time.Time
	handle *display.Handle
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
		l.cell, l.start, l.handle = cell, now, nil
	}
	last := p.Total > 0 && p.Done >= p.Total
	if now.Sub(l.start) < progressAfter || !last && now.Sub(l.drawn) < progressEvery {
		return
	}
	l.drawn = now
	l.draw(barText(p))
}

func (l *progressLine) draw(text string) {
	if l.handle == nil {
		l.handle = display.Show(progressText(text))
		return
	}
	l.handle.Update(progressText(text))
}

// end leaves the time that the work took in place of the progress.
func (l *progressLine) end(now time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.handle != nil {
		l.draw("measured in " + now.Sub(l.start).Round(100*time.Millisecond).String())
	}
	l.handle, l.start = nil, time.Time{}
}

// progressText shows itself as it is.
type progressText string

func (t progressText) String() string { return string(t) }

// barText is a progress as a bar and words.
func barText(p dlas.Progress) string {
	if p.Total <= 0 {
		return p.String()
	}
	const width = 24
	full := min(max(p.Done, 0), p.Total) * width / p.Total
	return fmt.Sprintf("%s%s  %s", strings.Repeat("█", full), strings.Repeat("░", width-full), p)
}
