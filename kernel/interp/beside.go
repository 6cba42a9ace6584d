package interp

import (
	"context"
	"slices"
	"sync"

	"github.com/godlas/godlas/kernel/interp/internal/compile"
)

// running are the cells that run now, in the order in which they have begun.
type running struct {
	mu   sync.Mutex
	runs []*compile.Run
}

// take waits for the turn to compile, unless ctx ends before; the function it returns, which may be called more than once,
// gives it to the next.
func (in *Interp) take(ctx context.Context) (next func(), err error) {
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	select {
	case in.turn <- struct{}{}:
		return sync.OnceFunc(func() { <-in.turn }), nil
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}

// begin makes run the one that callbacks on unknown goroutines belong to.
func (in *Interp) begin(run *compile.Run) {
	in.running.mu.Lock()
	defer in.running.mu.Unlock()
	in.running.runs = append(in.running.runs, run)
	in.m.SetCurrent(run)
}

// end gives that back to the cell that has begun last of those that still run.
func (in *Interp) end(run *compile.Run) {
	r := &in.running
	r.mu.Lock()
	defer r.mu.Unlock()
	r.runs = slices.DeleteFunc(r.runs, func(x *compile.Run) bool { return x == run })
	if n := len(r.runs); n > 0 {
		in.m.SetCurrent(r.runs[n-1])
	}
}

// Mark makes the calling goroutine, and those that it starts from now on, code of ctx to Marked: what runs for a cell
// without being Go that the interpreter runs.
func Mark(ctx context.Context) { compile.NewRun(ctx).Label() }

// Marked returns a context with the values of the one by which the calling goroutine was marked, or of the Eval that has led to
// it; nil if there is none.
func Marked() context.Context {
	if run := compile.Labelled(); run != nil {
		return run.Ctx
	}
	return nil
}
