package compile

import (
	"context"
	"sync/atomic"
	"time"

	"github.com/godlas/godlas/kernel/interp/internal/rt"
)

// Run is what the code of one cell is told to do: go on, or stop.
type Run struct {
	Ctx    context.Context
	stop   atomic.Bool
	late   atomic.Bool // deferred calls have had their time
	cancel context.CancelCauseFunc
	live   atomic.Int64   // goroutines in its code
	quiet  chan struct{}  // has room for one: none was left after a stop
	doing  atomic.Uintptr // the goroutine of Do
}

// runKey is the key under which a run's context has the run.
type runKey struct{}

// NewRun makes a run whose context keeps the values of ctx and ends when Stop is
// called, not when ctx does.
func NewRun(ctx context.Context) *Run {
	r := &Run{quiet: make(chan struct{}, 1)}
	ctx = context.WithValue(context.WithoutCancel(ctx), runKey{}, r)
	r.Ctx, r.cancel = context.WithCancelCause(ctx)
	return r
}

// RunOf returns the run whose context ctx is or was derived from, or nil.
func RunOf(ctx context.Context) *Run {
	r, _ := ctx.Value(runKey{}).(*Run)
	return r
}

// lateness is how long deferred calls may go on after a stop.
const lateness = time.Second

// Stop makes all code of the run panic at its next step.
func (r *Run) Stop(cause error) {
	r.stop.Store(true)
	r.cancel(cause)
	time.AfterFunc(lateness, func() { r.late.Store(true) })
	r.tell()
}

// Stopped reports whether Stop was called.
func (r *Run) Stopped() bool { return r.stop.Load() }

// Live is how many goroutines are in the run's code.
func (r *Run) Live() int { return int(r.live.Load()) }

func (r *Run) tell() {
	if r.live.Load() == 0 && r.stop.Load() {
		select {
		case r.quiet <- struct{}{}:
		default:
		}
	}
}

// begin makes g the state of the goroutine that calls, until end.
func (g *gor) begin() {
	g.run.live.Add(1)
	g.m.gors.set(rt.G(), g)
	if d := g.m.dbg.now.Load(); d != nil {
		d.enter(g)
	}
}

func (g *gor) end() {
	if d := g.m.dbg.now.Load(); d != nil {
		d.leave(g)
	}
	g.m.gors.set(rt.G(), nil)
	g.run.live.Add(-1)
	g.run.tell()
}

// stopSignal is the panic of stopped code. It cannot be recovered by the cell.
type stopSignal struct{ run *Run }

func (stopSignal) Error() string { return "interrupted" }

// exitSignal is the panic that ends a cell that called os.Exit, if that returned.
type exitSignal struct{}

// fatalError is a panic that the cell cannot recover, as it ends a compiled
// program whatever that does.
type fatalError string

// Fatal ends the calling goroutine's cell with what ends a compiled program.
func Fatal(why string) { panic(fatalError(why)) }

type currentRun = atomic.Pointer[Run]

// SetCurrent says which run callbacks on unknown goroutines belong to.
func (m *Machine) SetCurrent(r *Run) { m.current.Store(r) }

// CallerRun returns the run of the code that calls: that of its goroutine, or of
// the cell that has led to the goroutine. It is nil if there is none.
func (m *Machine) CallerRun() *Run {
	if g := m.gors.get(rt.G()); g != nil {
		return g.run
	}
	return Labelled()
}

// CurrentRun is CallerRun, or else the run of the cell that runs now. It is nil
// before the first cell.
func (m *Machine) CurrentRun() *Run {
	if r := m.CallerRun(); r != nil {
		return r
	}
	return m.current.Load()
}

// Current returns the context of CurrentRun.
func (m *Machine) Current() context.Context {
	if r := m.CurrentRun(); r != nil {
		return r.Ctx
	}
	return context.Background()
}

// deferredPatience is how long a deferred call of stopped code waits for a lock.
const deferredPatience = 20 * time.Millisecond

// Done returns a channel that is closed when the calling code is to wait no
// longer.
func (m *Machine) Done() <-chan struct{} {
	g := m.gors.get(rt.G())
	if g == nil || g.deferring == 0 || g.run.late.Load() {
		return m.Current().Done()
	}
	c := make(chan struct{})
	time.AfterFunc(deferredPatience, func() { close(c) })
	return c
}

// Halt ends the calling code if its run is stopped. Code that runs where
// nothing would catch this goes on.
func (m *Machine) Halt() {
	if g := m.gors.get(rt.G()); g != nil && g.stop.Load() {
		panic(stopSignal{g.run})
	}
}

// checkStop panics if the frame's run is stopped.
func (fr *frame) checkStop() {
	if fr.g.stop.Load() {
		fr.g.halt()
	}
}

func (g *gor) halt() {
	if g.deferring == 0 || g.run.late.Load() {
		panic(stopSignal{g.run})
	}
}
