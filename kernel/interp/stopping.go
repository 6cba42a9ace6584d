package interp

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/godlas/godlas/kernel/interp/internal/compile"
	"github.com/godlas/godlas/kernel/interp/internal/front"
)

// Stopped is the error of a cell that was interrupted while it was in compiled
// code that cannot be stopped. The calls end when they come back.
type Stopped struct {
	Cause error
	Calls []Call
}

// Call is a call of compiled code.
type Call struct {
	Func string // such as regexp.MustCompile, "" if it is not known
	Frame
}

func (e *Stopped) Error() string {
	var at []string
	for _, c := range e.Calls {
		at = append(at, c.String())
	}
	what := "1 call still runs"
	if n := len(e.Calls); n != 1 {
		what = fmt.Sprintf("%d calls still run", n)
	}
	return fmt.Sprintf("%v; %s in compiled code: %s", e.Cause, what, strings.Join(at, ", "))
}

// Unwrap returns the cause of the interrupt.
func (e *Stopped) Unwrap() error { return e.Cause }

func (c Call) String() string {
	name := c.Func
	if name == "" {
		name = "a call"
	}
	if c.Cell == "" {
		return name
	}
	return fmt.Sprintf("%s at %s:%d:%d", name, c.Cell, c.Line, c.Col)
}

// Times of a stop, the first three in milliseconds: interpreted code ends in
// microseconds, also behind compiled code that calls it. What has not after nudge
// may wait for something that an earlier cell has opened; what has not after
// grace is left behind. Deferred calls have until patience.
const (
	nudge    = 5
	grace    = 20
	willing  = 1000 // of calls that are said to stop by themselves
	patience = 2 * time.Second
)

// supervise runs f, which runs code of run, on a goroutine of its own. If ctx
// ends first it stops the run and returns why.
func (in *Interp) supervise(ctx context.Context, run *compile.Run, f func()) error {
	done := make(chan struct{})
	go func() {
		defer close(done)
		f()
	}()
	select {
	case <-done:
		return nil
	case <-ctx.Done():
	}
	cause := context.Cause(ctx)
	run.Stop(cause)
	in.held.stop(run)
	stuck := in.m.Await(run, nudge, patience)
	if len(stuck) > 0 {
		in.held.poke()
		stuck = in.m.Await(run, grace, patience)
	}
	if slices.ContainsFunc(stuck, in.stops) {
		stuck = in.m.Await(run, willing, patience)
	}
	if len(stuck) == 0 {
		return cause
	}
	return &Stopped{cause, in.calls(stuck)}
}

// stops reports whether a call is of a library whose functions stop by themselves.
func (in *Interp) stops(s compile.Stuck) bool {
	for _, l := range in.opt.Libraries {
		if l.Stops && s.Pkg != "" && l.Symbols(s.Pkg) != nil {
			return true
		}
	}
	return false
}

// calls says where calls of compiled code are.
func (in *Interp) calls(stuck []compile.Stuck) (out []Call) {
	in.m.Mu.Lock()
	defer in.m.Mu.Unlock()
	for _, s := range stuck {
		c := Call{Func: s.Func}
		for _, f := range s.Stack {
			cell, line, col, ok := in.front.Position(f.File, f.Pos)
			if ok {
				c.Frame = Frame{Func: front.Readable(f.Func), Cell: cell, Line: line, Col: col}
				break
			}
		}
		out = append(out, c)
	}
	return out
}

// Do runs f, which may call methods and functions of cells, as Eval runs a cell,
// and returns why if ctx ends before f does.
func (in *Interp) Do(ctx context.Context, f func()) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	run := compile.NewRun(ctx)
	return in.supervise(ctx, run, func() { in.m.Do(run, f) })
}

// Caller returns the context of the cell whose code calls, on whichever
// goroutine; its values are those of Eval's. It is nil where no cell has led to.
func (in *Interp) Caller() context.Context {
	if run := in.m.CallerRun(); run != nil {
		return run.Ctx
	}
	return nil
}
