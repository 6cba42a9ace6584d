package display

import (
	"context"
	"sync"
)

// Named is an output with a name of the caller's. What is shown under a name stands in the place of what was shown under it
// before in the same cell; the first time in a cell it is new output, and replaces what earlier cells show under the name
// too.
type Named string

// HTML shows a piece of HTML under the name.
func (n Named) HTML(s string) { n.show(htmlBundle(s), nil) }

// Markdown shows Markdown under the name.
func (n Named) Markdown(s string) { n.show(sourceBundle("text/markdown")(s), nil) }

// Show shows any value under the name, the way [Bundle] says.
func (n Named) Show(v any) { n.show(Bundle(v)) }

var blocks struct {
	sync.Mutex
	cell  context.Context
	shown map[Named]bool
}

func (n Named) show(data, metadata map[string]any) {
	blocks.Lock()
	defer blocks.Unlock()
	if c := Context(); blocks.shown == nil || c != blocks.cell {
		blocks.cell, blocks.shown = c, map[Named]bool{}
	}
	to := sink().Display
	if blocks.shown[n] {
		to = sink().Update
	}
	blocks.shown[n] = true
	// As for show: the error has no reader.
	_ = to(data, metadata, string(n))
}

// NewID makes a name that nothing has.
func NewID() string { return newID() }

// Typed puts a line before what standard input reads next, as if the user had typed it. Outside a notebook it does nothing.
func Typed(line string) {
	if t, ok := sink().(interface{ Typed(line string) }); ok {
		t.Typed(line)
	}
}
