package display

import (
	"context"
	"fmt"
	"io"
	"iter"
	"math"
	"os"
	"slices"
	"strings"
	"sync"
	"time"
)

// Bar is one line that shows how far a piece of work is: in a notebook one output that is replaced, in a terminal one line
// that is written anew, and in a file or pipe a line now and then. All its methods may be called from many goroutines, and on
// a nil Bar, where they do nothing. A bar that is open when its cell ends shows how far it came; steps that goroutines take
// later still count.
type Bar struct {
	mu    sync.Mutex
	n, at int
	from  int // at when start was
	label string
	unit  string
	start time.Time
	begun time.Time // of the whole, where start is of a part
	last  time.Time // of the last drawing
	drawn string
	done  bool
	on    surface
	now   func() time.Time
}

// surface is where a line is drawn.
type surface interface {
	draw(line string)
	end(line string) // draws for the last time
	every() time.Duration
}

// How often a line is drawn again at most: jupyter_server drops messages beyond 1000 a second, and a log has readers.
const (
	redraw   = 100 * time.Millisecond
	logEvery = 5 * time.Second
)

// Progress shows a line for work of n steps (0: their number is unknown), under the cell or, in a program, on standard error.
func Progress(n int) *Bar {
	b := newBar(n, time.Now, ownSurface())
	if _, ok := b.on.(*output); ok {
		b.draw() // before the first step, so that the line stands where it was asked for
	}
	b.keepOpen()
	return b
}

// ProgressOn is Progress on a terminal, file or pipe, or with nil where Progress draws. Nothing is drawn before the first step.
func ProgressOn(w io.Writer) *Bar {
	on := ownSurface()
	if w != nil {
		on = surfaceOf(w)
	}
	b := newBar(0, time.Now, on)
	if _, log := on.(*lines); !log {
		b.last = b.last.Add(-redraw)
	}
	b.keepOpen()
	return b
}

// Steps counts from 0 to n-1 and shows how far it is:
//
//	for i := range display.Steps(100) { … }
func Steps(n int) iter.Seq[int] {
	return func(yield func(int) bool) {
		b := Progress(n)
		defer b.Done()
		for i := range n {
			if !yield(i) {
				return
			}
			b.Add(1)
		}
	}
}

func newBar(n int, now func() time.Time, on surface) *Bar {
	b := &Bar{n: max(n, 0), now: now, on: on}
	b.start = now()
	b.begun, b.last = b.start, b.start
	return b
}

// Add says that k more steps are done.
func (b *Bar) Add(k int) {
	b.change(func() { b.at += k })
	b.complete()
}

// Set says that k steps are done in all.
func (b *Bar) Set(k int) {
	b.change(func() { b.at = k })
	b.complete()
}

// Label puts a few words in front of the line.
func (b *Bar) Label(s string) {
	b.change(func() { b.label = oneLine(s, 200) })
}

// Tell says all at once: what is done now, how many steps of it, of how many (0: unknown), and what they are called. "B" are
// bytes. Another unit or total begins a new count, with a rate of its own.
func (b *Bar) Tell(label string, done, total int, unit string) {
	b.change(func() {
		if unit != b.unit || total != b.n || done < b.at {
			b.start, b.from = b.now(), done
		}
		b.label, b.at, b.n, b.unit = oneLine(label, 200), done, max(total, 0), unit
	})
}

// Done ends the line with the whole time. What comes after it changes nothing.
func (b *Bar) Done() { b.Finish("") }

// Finish ends the line; unless empty, text replaces it.
func (b *Bar) Finish(text string) {
	if b == nil {
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.done {
		return
	}
	b.done = true
	if text == "" {
		text = b.line()
	}
	b.on.end(oneLine(text, 400))
	bars.forget(b)
}

// Clear ends the line and removes it where that is possible: in a terminal.
func (b *Bar) Clear() {
	if b == nil {
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if !b.done {
		b.done = true
		if t, ok := b.on.(*rewritten); ok {
			t.wipe()
		}
		bars.forget(b)
	}
}

// complete draws a full bar at once: nothing may come that would draw it.
func (b *Bar) complete() {
	b.change(func() {
		if b.n > 0 && b.at == b.n {
			b.last = b.now().Add(-b.on.every())
		}
	})
}

func (b *Bar) change(f func()) {
	if b == nil {
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.done {
		return
	}
	f()
	if b.now().Sub(b.last) >= b.on.every() {
		b.draw()
	}
}

func (b *Bar) draw() {
	b.last = b.now()
	if l := b.line(); l != b.drawn {
		b.drawn = l
		b.on.draw(l)
	}
}

// String is the line as it stands.
func (b *Bar) String() string {
	if b == nil {
		return "<nil>"
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.line()
}

func (b *Bar) line() string {
	const width = 24
	var parts []string
	if b.label != "" {
		parts = append(parts, b.label)
	}
	count := b.amount(b.at)
	if b.n > 0 {
		full := int(float64(min(max(b.at, 0), b.n)) / float64(b.n) * width)
		bar := strings.Repeat("█", full) + strings.Repeat("░", width-full)
		count = fmt.Sprintf("%s %s/%s", bar, strings.TrimSuffix(count, " "+b.shownUnit()), b.amount(b.n))
	}
	if b.n > 0 || b.at != 0 || b.label == "" {
		parts = append(parts, count)
	}
	spent := b.now().Sub(b.start)
	did := b.at - b.from
	if did > 0 && spent > 0 {
		rate := float64(did) / spent.Seconds()
		if b.unit == "B" {
			parts = append(parts, bytesOf(rate)+"/s")
		} else {
			parts = append(parts, fmt.Sprintf("%s/s", threeDigits(rate)))
		}
	}
	switch {
	case b.done:
		parts = append(parts, short(b.now().Sub(b.begun))+" in all")
	case did > 0 && b.n > b.at:
		parts = append(parts, short(time.Duration(min(float64(spent)/float64(did)*float64(b.n-b.at), math.MaxInt64/2)))+" left")
	}
	return strings.Join(parts, "  ")
}

// amount is a number of steps with their unit.
func (b *Bar) amount(k int) string {
	if b.unit == "B" {
		return bytesOf(float64(k))
	}
	return strings.TrimSpace(fmt.Sprintf("%d %s", k, b.unit))
}

// shownUnit is the unit that is not said twice in "3/5 images".
func (b *Bar) shownUnit() string {
	if b.unit == "B" {
		return "\x00"
	}
	return b.unit
}

func bytesOf(f float64) string {
	for _, u := range []string{"B", "kB", "MB", "GB"} {
		if f < 999.5 {
			return threeDigits(f) + " " + u
		}
		f /= 1000
	}
	return threeDigits(f) + " TB"
}

func threeDigits(f float64) string {
	if f >= 999.5 {
		return fmt.Sprintf("%.0f", f)
	}
	return fmt.Sprintf("%.3g", f)
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

// bars are those that are open, with the context of their cell.
var bars openBars

type openBars struct {
	sync.Mutex
	open []openBar
}

type openBar struct {
	bar  *Bar
	cell context.Context
}

func (b *Bar) keepOpen() {
	bars.Lock()
	defer bars.Unlock()
	bars.open = append(bars.open, openBar{b, Context()})
}

func (o *openBars) forget(b *Bar) {
	o.Lock()
	defer o.Unlock()
	o.open = slices.DeleteFunc(o.open, func(x openBar) bool { return x.bar == b })
}

// endOf draws the bars of a cell that has ended as far as they came.
func (o *openBars) endOf(cell context.Context) {
	o.Lock()
	var ended []*Bar
	o.open = slices.DeleteFunc(o.open, func(x openBar) bool {
		if x.cell == cell {
			ended = append(ended, x.bar)
		}
		return x.cell == cell
	})
	o.Unlock()
	for _, b := range ended {
		b.mu.Lock()
		if !b.done {
			b.draw()
		}
		b.mu.Unlock()
	}
}

func ownSurface() surface {
	if sink() == Sink(&terminal) {
		return surfaceOf(os.Stderr)
	}
	return &output{}
}

// surfaceOf knows a terminal from a file.
func surfaceOf(w io.Writer) surface {
	if f, ok := w.(*os.File); ok {
		if info, err := f.Stat(); err == nil && info.Mode()&os.ModeCharDevice != 0 {
			return &rewritten{w: w}
		}
	}
	return &lines{w: w}
}

// output is one output of a cell.
type output struct{ handle *Handle }

func (o *output) every() time.Duration { return redraw }

func (o *output) draw(line string) {
	if o.handle == nil {
		o.handle = show(line, lineBundle)
		return
	}
	// As for show: the error has no reader.
	_ = o.handle.Update(line)
}

func (o *output) end(line string) { o.draw(line) }

func lineBundle(v any) (data, metadata map[string]any) {
	return map[string]any{plain: v.(string)}, nil
}

// rewritten is the last line of a terminal.
type rewritten struct {
	w     io.Writer
	drawn bool
}

func (r *rewritten) every() time.Duration { return redraw }

func (r *rewritten) draw(line string) {
	r.drawn = true
	fmt.Fprint(r.w, "\r\x1b[K"+line)
}

func (r *rewritten) end(line string) {
	r.draw(line + "\n")
	r.drawn = false
}

func (r *rewritten) wipe() {
	if r.drawn {
		fmt.Fprint(r.w, "\r\x1b[K")
	}
	r.drawn = false
}

// lines are those of a log: what is done quickly leaves the last one alone.
type lines struct{ w io.Writer }

func (l *lines) every() time.Duration { return logEvery }
func (l *lines) draw(line string)     { fmt.Fprintln(l.w, line) }
func (l *lines) end(line string)      { fmt.Fprintln(l.w, line) }
