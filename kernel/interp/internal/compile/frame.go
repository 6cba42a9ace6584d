package compile

import (
	"reflect"
	"runtime"
	"sync/atomic"
	"unsafe"

	"github.com/godlas/godlas/kernel/interp/internal/rt"
)

// reg is the offset of a value in a frame.
type reg = uintptr

// op is one compiled instruction.
type op func(fr *frame)

// frame is one call of an interpreted function.
//
// Its values follow it in memory, laid out by fn, so that reaching one is an
// addition and no load.
type frame struct {
	fn     *fun
	caller *frame
	g      *gor
	depth  int
	blk    int32
	pc     int32
	// sub is the frame of the function that was called last. It stays linked, so
	// that calling the same function again finds its caller and depth set.
	sub *frame
	// next is the next spare frame of the same function.
	next *frame
	// vars are the captured variables whose copies the frame holds.
	vars   unsafe.Pointer
	defers []*frame // snapshots to run at the end, see snapshot
	after  op       // of a snapshot: the deferred call
	// pass is given to the callee as its deferredBy.
	pass *frame
	// deferredBy is the frame whose deferred call this is.
	deferredBy *frame
	panicking  *panicking
}

// frameHead is the size of a frame without values: the offset of the first.
const frameHead = unsafe.Sizeof(frame{})

// headPointers are the offsets of the pointers in a frame without values.
var headPointers = rt.Pointers(rt.Of(reflect.TypeFor[frame]()), 0, nil)

func at[T any](fr *frame, r reg) *T { return (*T)(unsafe.Add(unsafe.Pointer(fr), r)) }

func (fr *frame) at(r reg) unsafe.Pointer { return unsafe.Add(unsafe.Pointer(fr), r) }

// gor is a goroutine that runs interpreted code.
type gor struct {
	m    *Machine
	run  *Run
	stop *atomic.Bool // of run
	// top is the frame that runs, or ran when a panic began.
	top *frame
	// flight is the panic on its way up.
	flight *panicking
	// idle is a frame for the next call by compiled code.
	idle *frame
	// born is the frame of the go statement, in which nothing runs.
	born *frame
	// deferring counts deferred calls that run although the run is stopped.
	deferring int
	// step is how far the goroutine goes before a debugger has it stop, or nil;
	// free counts what runs in it that no debugger stops.
	step *stepping
	free int
	main bool // it runs the statements of a cell
	// spares are frames that are not in use, by the slots of their functions.
	spares [spareSlots]*frame
}

// spareSlots is how many functions a goroutine keeps spare frames of.
const spareSlots = 16

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

// get returns a frame for a call of f by fr, that is to be given back by put.
func (f *fun) get(fr *frame) *frame {
	if nf := fr.sub; nf != nil && nf.fn == f && fr.pass == nil && !fr.g.stop.Load() {
		return nf
	}
	return f.link(fr)
}

// chunk is the number of linked frames that a recursion leaves behind at most.
const chunk = 256

// put follows a call, after its results were read.
func (fr *frame) put(nf *frame) {
	if nf.depth%chunk == 0 {
		fr.sub = nil
	}
}

// link makes the frame of f the one that fr calls next.
func (f *fun) link(fr *frame) *frame {
	g := fr.g
	if g.stop.Load() {
		g.halt()
	}
	if old := fr.sub; old != nil {
		g.spare(old)
	}
	nf := g.spares[f.slot]
	switch {
	case nf != nil && nf.fn == f:
		g.spares[f.slot] = nf.next
		nf.next = nil
	default:
		if nf, _ = f.pool.Get().(*frame); nf == nil {
			nf = f.newFrame()
		}
	}
	nf.caller, nf.g, nf.depth = fr, g, fr.depth+1
	nf.deferredBy, nf.pass = fr.pass, nil
	if f.wrapper {
		nf.pass = fr.pass
	}
	if nf.depth > maxDepth {
		if end := g.m.opt.Overflow; end != nil {
			end()
		}
		panic(overflow{})
	}
	fr.sub = nf
	return nf
}

// spare keeps a frame, and those linked to it, for later calls.
func (g *gor) spare(x *frame) {
	for x != nil {
		sub := x.sub
		x.sub, x.caller, x.deferredBy, x.pass = nil, nil, nil, nil
		s := &g.spares[x.fn.slot]
		if old := *s; old != nil && old.fn != x.fn {
			for old != nil {
				next := old.next
				old.next, old.g = nil, nil
				old.fn.pool.Put(old)
				old = next
			}
			*s = nil
		}
		x.next, *s = *s, x
		x = sub
	}
}

func (f *fun) newFrame() *frame {
	nf := (*frame)(rt.New(f.mem))
	nf.fn = f
	for _, c := range f.consts {
		c.l.move(nf.at(c.r), c.p)
	}
	return nf
}

// snapshot copies the values of fr for a call that happens later or elsewhere.
func (fr *frame) snapshot(call op) *frame {
	s := (*frame)(rt.New(fr.fn.mem))
	rt.Move(fr.fn.mem, unsafe.Pointer(s), unsafe.Pointer(fr))
	*s = frame{fn: fr.fn, blk: fr.blk, pc: fr.pc, after: call, g: fr.g, depth: fr.depth}
	return s
}

// run runs the function of nf, which fr called.
func (f *fun) run(fr, nf *frame) {
	g := nf.g
	g.top = nf
	if f.deferring {
		f.guard(nf)
		g.top = fr
		return
	}
	for b := 0; b >= 0; { // as in loop, without its call
		blk := &f.code[b]
		nf.blk = int32(b)
		for i, o := range blk.ops {
			nf.pc = int32(i)
			o(nf)
		}
		nf.pc = int32(len(blk.ops))
		b = blk.term(nf)
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
