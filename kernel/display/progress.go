package display

import (
	"fmt"
	"strings"
	"sync"
	"time"
)

// Bar is one line that shows how far a piece of work is. Its methods may be called from many goroutines.
type Bar struct {
	mu     sync.Mutex
	n, at  int
	label  string
	start  time.Time
	last   time.Time
	done   bool
	handle *Handle
	now    func() time.Time
}

// How often the line is drawn again at most; jupyter_server drops messages beyond 1000 a second.
const redraw = 100 * time.Millisecond

// Progress shows a line for work of n steps (0: their number is unknown).
func Progress(n int) *Bar { return newBar(n, time.Now) }

func newBar(n int, now func() time.Time) *Bar {
	b := &Bar{n: n, start: now(), now: now}
	b.last = b.start
	if sink() != Sink(&terminal) { // a terminal gets the last line alone
		b.handle = show(b.line(), lineBundle)
	}
	return b
}

// Add says that k more steps are done.
func (b *Bar) Add(k int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.to(b.at + k)
}

// Set says that k steps are done in all.
func (b *Bar) Set(k int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.to(k)
}

// Label puts a few words in front of the line.
func (b *Bar) Label(s string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.label = s
	b.to(b.at)
}

// Done ends the line with the whole time.
func (b *Bar) Done() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.done {
		return
	}
	b.done = true
	if b.handle == nil {
		b.handle = show(b.line(), lineBundle)
		return
	}
	b.handle.Update(b.line())
}

func (b *Bar) to(k int) {
	b.at = k
	if b.handle == nil || b.done || b.now().Sub(b.last) < redraw {
		return
	}
	b.last = b.now()
	b.handle.Update(b.line())
}

func lineBundle(v any) (data, metadata map[string]any) {
	return map[string]any{plain: v.(string)}, nil
}

func (b *Bar) line() string {
	const width = 24
	var s strings.Builder
	if b.label != "" {
		s.WriteString(b.label + "  ")
	}
	if b.n > 0 {
		full := min(max(b.at, 0), b.n) * width / b.n
		fmt.Fprintf(&s, "%s%s %d/%d", strings.Repeat("█", full), strings.Repeat("░", width-full), b.at, b.n)
	} else {
		fmt.Fprintf(&s, "%d", b.at)
	}
	spent := b.now().Sub(b.start)
	if b.at > 0 && spent > 0 {
		fmt.Fprintf(&s, "  %.3g/s", float64(b.at)/spent.Seconds())
	}
	switch {
	case b.done:
		fmt.Fprintf(&s, "  %s in all", short(spent))
	case b.at > 0 && b.n > b.at:
		fmt.Fprintf(&s, "  %s left", short(spent/time.Duration(b.at)*time.Duration(b.n-b.at)))
	}
	return s.String()
}

// short rounds a duration to what a reader of a progress line wants.
func short(d time.Duration) string {
	switch {
	case d >= 10*time.Second:
		return d.Round(time.Second).String()
	case d >= 10*time.Millisecond:
		return d.Round(10 * time.Millisecond).String()
	}
	return d.Round(10 * time.Microsecond).String()
}
