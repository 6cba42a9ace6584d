package compile

import (
	"context"
	"runtime"
	"sync/atomic"
	"time"
	"unsafe"

	"github.com/godlas/godlas/kernel/interp/internal/rt"
)

// reg is the offset of a value in a frame.
type reg = uintptr

// op is one compiled instruction.
type op func(fr *frame)

// frame is one call of an interpreted function.
type frame struct {
	b      unsafe.Pointer // the values, laid out by fn
	fn     *fun
	caller *frame
	g      *gor
	depth  int
	blk    int32
	pc     int32
	// sub is a spare frame of the function that was called last.
	sub    *frame
	defers []*frame // snapshots to run at the end, see snapshot
	after  op       // of a snapshot: the deferred call
	// pass is given to the callee as its deferredBy.
	pass *frame
	// deferredBy is the frame whose deferred call this is.
	deferredBy *frame
	panicking  *panicking
}

func at[T any](fr *frame, r reg) *T { return (*T)(unsafe.Add(fr.b, r)) }

func (fr *frame) at(r reg) unsafe.Pointer { return unsafe.Add(fr.b, r) }

// gor is a goroutine that runs interpreted code.
type gor struct {
	m    *Machine
	run  *Run
	stop *atomic.Bool // of run
	// top is the frame that runs, or ran when a panic began.
	top *frame
	// flight is the panic on its way up.
	flight *panicking
	// spare is a frame for the next call by compiled code.
	spare *frame
	// deferring counts deferred calls that run although the run is stopped.
	deferring int
}

// Run is what the code of one cell is told to do: go on, or stop.
type Run struct {
	Ctx    context.Context
	stop   atomic.Bool
	late   atomic.Bool // deferred calls have had their time
	cancel context.CancelCauseFunc
}

// NewRun makes a run whose context keeps the values of ctx and ends when Stop is
// called, not when ctx does.
func NewRun(ctx context.Context) *Run {
	r := &Run{}
	r.Ctx, r.cancel = context.WithCancelCause(context.WithoutCancel(ctx))
	return r
}

// lateness is how long deferred calls may go on after a stop.
const lateness = time.Second

// Stop makes all code of the run panic at its next step.
func (r *Run) Stop(cause error) {
	r.stop.Store(true)
	r.cancel(cause)
	time.AfterFunc(lateness, func() { r.late.Store(true) })
}

// stopSignal is the panic of stopped code. It cannot be recovered by the cell.
type stopSignal struct{ run *Run }

func (stopSignal) Error() string { return "interrupted" }

// exitSignal is the panic that ends a cell that called os.Exit, if that returned.
type exitSignal struct{}

var background = context.Background()

type currentRun = atomic.Pointer[Run]

// SetCurrent says which run callbacks on unknown goroutines belong to.
func (m *Machine) SetCurrent(r *Run) { m.current.Store(r) }

// Current returns the context of the code that calls: that of the goroutine's
// cell, or of the cell that runs now.
func (m *Machine) Current() context.Context {
	if g := m.gors.get(rt.G()); g != nil {
		return g.run.Ctx
	}
	if r := m.current.Load(); r != nil {
		return r.Ctx
	}
	return context.Background()
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

// newGor makes the state of a goroutine.
func (m *Machine) newGor(r *Run) *gor {
	g := &gor{m: m, run: r, stop: &r.stop}
	g.top = &frame{g: g}
	return g
}

// maxDepth is the depth of interpreted calls at which a cell is told that its
// stack overflows; compiled Go overflows at 1 GB, which is about here.
const maxDepth = 400_000

// overflow is the run-time error of a recursion without end.
type overflow struct{}

func (overflow) Error() string { return "stack overflow" }
func (overflow) RuntimeError() {}

var _ runtime.Error = overflow{}

// get returns a frame for a call of f by fr.
func (f *fun) get(fr *frame) *frame {
	nf := fr.sub
	if nf != nil && nf.fn == f {
		fr.sub = nil
	} else if x, _ := f.pool.Get().(*frame); x != nil {
		nf = x
	} else {
		nf = f.newFrame()
	}
	g := fr.g
	nf.caller, nf.g, nf.depth = fr, g, fr.depth+1
	nf.deferredBy = fr.pass
	if f.wrapper {
		nf.pass = fr.pass
	}
	if g.stop.Load() {
		g.halt()
	}
	if nf.depth > maxDepth {
		panic(overflow{})
	}
	return nf
}

// put gives a frame back after its results were read.
func (f *fun) put(fr, nf *frame) {
	nf.caller = nil
	nf.deferredBy = nil
	nf.panicking = nil
	if old := fr.sub; old != nil {
		old.fn.pool.Put(old)
	}
	if nf.depth < 256 {
		fr.sub = nf
		return
	}
	fr.sub = nil
	nf.sub = nil
	f.pool.Put(nf)
}

func (f *fun) newFrame() *frame {
	nf := &frame{fn: f, b: rt.New(f.mem)}
	for _, c := range f.consts {
		c.l.move(nf.at(c.r), c.p)
	}
	return nf
}

// snapshot copies the values of fr for a call that happens later or elsewhere.
func (fr *frame) snapshot(call op) *frame {
	s := &frame{fn: fr.fn, b: rt.New(fr.fn.mem), blk: fr.blk, pc: fr.pc, after: call, g: fr.g, depth: fr.depth}
	rt.Move(fr.fn.mem, s.b, fr.b)
	return s
}

// run runs the function of nf, which fr called.
func (f *fun) run(fr, nf *frame) {
	g := nf.g
	g.top = nf
	if f.deferring {
		f.guard(nf)
	} else {
		f.loop(nf, 0)
	}
	g.top = fr
}

func (f *fun) loop(fr *frame, b int) {
	for b >= 0 {
		blk := &f.code[b]
		fr.blk = int32(b)
		for i, o := range blk.ops {
			fr.pc = int32(i)
			o(fr)
		}
		fr.pc = int32(len(blk.ops))
		b = blk.term(fr)
	}
}
