package interp

import (
	"context"
	"io"
)

// A ContextReader is a standard input whose reads can be given up: ReadContext
// is Read, and returns when ctx ends. Options.Stdin may be one.
type ContextReader interface {
	ReadContext(ctx context.Context, p []byte) (int, error)
}

// input is the session's standard input as cells read it: reading ends with the
// cell. Of an input that knows no context the read goes on, once for all cells,
// and what it brings is for the next that reads. Callers take turns.
type input struct {
	in      *Interp
	src     io.Reader
	reading chan struct{} // closed when the read under way is done; nil without one
	buf     []byte
	rest    []byte // read and not handed out
	err     error
}

func (i *input) Read(p []byte) (int, error) {
	ctx := i.in.m.Current()
	if r, ok := i.src.(ContextReader); ok {
		return r.ReadContext(ctx, p)
	}
	if len(p) == 0 {
		return 0, nil
	}
	if i.reading == nil && len(i.rest) == 0 {
		i.start()
	}
	if i.reading != nil {
		select {
		case <-i.reading:
			i.reading = nil
		case <-ctx.Done():
			return 0, context.Cause(ctx)
		}
	}
	if len(i.rest) == 0 {
		return 0, i.err
	}
	n := copy(p, i.rest)
	i.rest = i.rest[n:]
	return n, nil
}

func (i *input) start() {
	if i.buf == nil {
		i.buf = make([]byte, 64<<10)
	}
	done := make(chan struct{})
	i.reading = done
	go func() {
		var n int
		n, i.err = i.src.Read(i.buf)
		i.rest = i.buf[:n]
		close(done)
	}()
}

// turns hands out the standard input to one reader at a time.
type turns struct {
	in   *Interp
	free chan struct{}
}

func newTurns(in *Interp) turns {
	t := turns{in, make(chan struct{}, 1)}
	t.free <- struct{}{}
	return t
}

// take runs f when it is the caller's turn.
func (t turns) take(f func()) error {
	ctx := t.in.m.Current()
	select {
	case <-t.free:
		defer func() { t.free <- struct{}{} }()
		f()
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
