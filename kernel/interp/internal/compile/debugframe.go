package compile

import (
	"go/token"
	"go/types"
	"reflect"
	"unsafe"

	"golang.org/x/tools/go/ssa"
)

// Cell returns the source that the call is in, or nil.
func (r FrameRef) Cell() *DebugCell {
	if r.fr == nil || r.fr.fn == nil {
		return nil
	}
	return r.fr.fn.cell
}

// Pos is the position of what the call runs.
func (r FrameRef) Pos() token.Pos { return r.fr.pos() }

// Run is the run that the call belongs to.
func (r FrameRef) Run() *Run { return r.fr.g.run }

// Func tells functions, and instances of one, apart.
func (r FrameRef) Func() any { return r.fr.fn }

// Variable returns the memory and the type of the variable that is declared at
// pos; the pointer is nil if the call has none. Mu is held.
func (r FrameRef) Variable(pos token.Pos) (unsafe.Pointer, types.Type) { return r.fr.variable(pos) }

// Value makes an addressable value of memory that holds a t. Mu is held.
func (m *Machine) Value(p unsafe.Pointer, t types.Type) reflect.Value {
	return reflect.NewAt(m.rtype(t), p).Elem()
}

// Bind makes p the memory of a variable that no code has used. Mu is held.
func (m *Machine) Bind(g *ssa.Global, p unsafe.Pointer) { m.globals[g] = p }

// EvalAside is Eval for code that does not stop at hooks.
func (m *Machine) EvalAside(run *Run, sf FuncRef) (p *Panic, ok bool) { return m.eval(run, sf, true) }

// Call runs a function without parameters on the goroutine of a call that is
// about to stop, and does not stop at hooks.
func (r FrameRef) Call(sf FuncRef) (p *Panic) {
	g := r.fr.g
	top, flight, step := g.top, g.flight, g.step
	idle := g.idle
	g.idle, g.step = nil, nil
	g.free++
	defer func() {
		v := recover()
		if _, ok := v.(stopSignal); ok {
			panic(v)
		}
		if v != nil {
			c := g.caught(v)
			p = &Panic{c.val, c.stack, c.earlier}
		}
		g.free--
		g.top, g.flight, g.idle, g.step = top, flight, idle, step
	}()
	g.enter(sf.f, nil, nil, nil)
	return nil
}

// Quiet is Still for when a debugger has stopped all: code that is stopped, and
// code that waits and will stop when it comes back, do not count as running. f
// must not call the debugger. Mu is held.
func (d *Debugger) Quiet(f func()) bool {
	m := d.m
	d.mu.Lock()
	defer d.mu.Unlock() // nothing that is stopped goes on meanwhile
	if d.current == nil {
		return m.Still(f)
	}
	for i := range m.gors {
		m.gors[i].mu.RLock()
	}
	defer func() {
		for i := range m.gors {
			m.gors[i].mu.RUnlock()
		}
	}()
	for i := range m.gors {
		for _, g := range m.gors[i].m {
			if t := d.threads[g]; t != nil && t.top != nil {
				continue
			}
			if _, _, compiled := g.peek(); !compiled && !g.waits() {
				return false
			}
		}
	}
	f()
	return true
}

// waits reports whether another goroutine is at an operation with a channel; see peek.
//
//go:norace
func (g *gor) waits() bool {
	fr := g.top
	if fr == nil || fr.fn == nil || int(fr.blk) >= len(fr.fn.f.Blocks) {
		return false
	}
	pos := fr.pos()
	for _, ins := range fr.fn.f.Blocks[fr.blk].Instrs {
		switch x := ins.(type) {
		case *ssa.UnOp:
			if x.Op == token.ARROW && position(x) == pos {
				return true
			}
		case *ssa.Send, *ssa.Select:
			if position(x) == pos {
				return true
			}
		}
	}
	return false
}
