package session

import (
	"context"
	"fmt"
	"io"
	"os"
	"slices"
	"sync"

	"github.com/godlas/godlas/kernel/display"
	"github.com/godlas/godlas/kernel/internal/pipe"
	"github.com/godlas/godlas/kernel/interp"
)

// tee sees the output of a cell, or of a part of it.
type tee struct {
	mu   sync.Mutex
	only bool // it goes nowhere else
	got  display.Captured
	file io.Writer // instead of got
}

// text is given a piece of a stream, and tells whether that goes nowhere else.
func (t *tee) text(stream string, p []byte) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.file != nil {
		t.file.Write(p)
		return t.only
	}
	parts := t.got.Parts
	if n := len(parts); n > 0 && parts[n-1].Stream == stream {
		parts[n-1].Text += string(p)
	} else {
		t.got.Parts = append(parts, display.Part{Stream: stream, Text: string(p)})
	}
	return t.only
}

// frame is given a frame of output, and tells whether that goes nowhere else.
func (t *tee) frame(kind pipe.Kind, body any) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if kind == pipe.KindClear {
		return t.only
	}
	d, ok := body.(pipe.Display)
	if !ok || kind != pipe.KindDisplay && kind != pipe.KindUpdate && kind != pipe.KindResult {
		return false // questions and payloads
	}
	part := display.Part{Data: d.Data, Metadata: d.Metadata, ID: d.DisplayID}
	if t.file != nil {
		io.WriteString(t.file, part.String())
		return t.only
	}
	if kind == pipe.KindUpdate {
		found := false
		for i, p := range t.got.Parts {
			if p.ID == part.ID && p.Stream == "" {
				t.got.Parts[i], found = part, true
			}
		}
		return found && t.only
	}
	t.got.Parts = append(t.got.Parts, part)
	return t.only
}

// through makes the output of what runs under the context that it returns go to t first.
func (r *running) through(ctx context.Context, t *tee) context.Context {
	w, ok := ownerOf(ctx)
	if !ok {
		w = r.s.out.owner()
	}
	w.tee = t
	ctx = context.WithValue(ctx, ownerKey{}, w)
	interp.Mark(ctx)
	return ctx
}

// Capture is of magic.Session.
func (r *running) Capture(ctx context.Context, text string) (*display.Captured, error) {
	t := &tee{only: true}
	err := r.Run(r.through(ctx, t), text)
	interp.Mark(r.ctx)
	t.mu.Lock()
	defer t.mu.Unlock()
	return &display.Captured{Parts: slices.Clone(t.got.Parts)}, err
}

// Run is of magic.Session.
func (r *running) Run(ctx context.Context, text string) error {
	inner := &running{s: r.s, ctx: ctx, name: r.name, n: r.n}
	defer inner.finish()
	err := inner.pieces(text)
	r.output = inner.output
	return err
}

// Copy is of magic.Session.
func (r *running) Copy(path string, add bool) error {
	mode := os.O_CREATE | os.O_WRONLY | os.O_TRUNC
	if add {
		mode = os.O_CREATE | os.O_WRONLY | os.O_APPEND
	}
	f, err := os.OpenFile(path, mode, 0o666)
	if err != nil {
		return fmt.Errorf("%%capture: %w", err)
	}
	r.files = append(r.files, f)
	r.ctx = r.through(r.ctx, &tee{file: f})
	return nil
}

// finish closes what a cell has copied its output to.
func (r *running) finish() {
	if len(r.files) > 0 {
		r.s.out.flush(true)
	}
	for _, f := range r.files {
		f.Close()
	}
}
