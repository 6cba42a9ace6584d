package compile

import (
	"reflect"
	"sync"
	"unsafe"

	"github.com/godlas/godlas/kernel/interp/internal/rt"
)

// gorTable finds the goroutine that runs, by its identity while it lives.
type gorTable [64]struct {
	mu sync.RWMutex
	m  map[uintptr]*gor
}

func (t *gorTable) get(id uintptr) *gor {
	if id == 0 {
		return nil
	}
	s := &t[id>>9%64]
	s.mu.RLock()
	g := s.m[id]
	s.mu.RUnlock()
	return g
}

func (t *gorTable) set(id uintptr, g *gor) {
	if id == 0 {
		return
	}
	s := &t[id>>9%64]
	s.mu.Lock()
	defer s.mu.Unlock()
	if g == nil {
		delete(s.m, id)
		return
	}
	if s.m == nil {
		s.m = map[uintptr]*gor{}
	}
	s.m[id] = g
}

// transition is how many calls a call by compiled code counts for; it needs as
// much more stack.
const transition = 10

// base returns a frame that compiled code calls from, for the goroutine g.
func (g *gor) base() *frame {
	fr := g.idle
	if fr == nil {
		fr = &frame{g: g}
	}
	g.idle = nil
	fr.caller = g.top
	depth := 0
	if g.top != nil {
		depth = g.top.depth + transition
	}
	if fr.depth != depth && fr.sub != nil {
		g.spare(fr.sub)
		fr.sub = nil
	}
	fr.depth = depth
	return fr
}

// enter returns what runs when compiled code calls a func value of type t.
func (m *Machine) enter(t reflect.Type) rt.Enter {
	return func(f *rt.Func, args []reflect.Value) []reflect.Value {
		return m.entry((*fun)(f.Code), f.Vars, args, t.NumOut(), t.Out)
	}
}

// entry runs f for compiled code.
func (m *Machine) entry(f *fun, vars unsafe.Pointer, args []reflect.Value, n int, out func(int) reflect.Type) (res []reflect.Value) {
	res = make([]reflect.Value, n)
	for i := range res {
		res[i] = reflect.New(out(i)).Elem()
	}
	if g := m.gors.get(rt.G()); g != nil {
		g.enter(f, vars, args, res)
		return res
	}
	m.visit(func(g *gor) { g.enter(f, vars, args, res) })
	return res
}

func (g *gor) enter(f *fun, vars unsafe.Pointer, args, res []reflect.Value) {
	m := g.m
	top := g.top
	fr := g.base()
	f = f.target()
	nf := f.get(fr)
	for i, v := range args {
		m.fromReflect(f.paramTypes[i], nf.at(f.params[i]), v)
	}
	if nf.vars != vars {
		f.capture(nf, vars)
	}
	f.run(fr, nf)
	for i := range res {
		m.toMemory(f.resultTypes[i], res[i], nf.at(f.results[i]))
	}
	fr.put(nf)
	g.top = top
	fr.caller = nil
	g.idle = fr
}

// toMemory sets v, which is addressable, to what is at p in a frame.
func (m *Machine) toMemory(l *layout, v reflect.Value, p unsafe.Pointer) {
	dst := v.Addr().UnsafePointer()
	if t := v.Type(); l.isInterface && t.NumMethod() > 0 {
		m.storeIface(rt.Of(t), t, dst, *(*any)(p))
		return
	}
	l.move(dst, p)
}

// Eval runs a function without parameters on the calling goroutine. The error
// of a stopped run is nil and ok false.
func (m *Machine) Eval(run *Run, sf FuncRef) (p *Panic, ok bool) { return m.eval(run, sf, false) }

func (m *Machine) eval(run *Run, sf FuncRef, aside bool) (p *Panic, ok bool) {
	run.Label()
	g := m.newGor(run)
	if g.main = !aside; aside {
		g.free++
	}
	g.begin()
	done := false
	defer func() {
		defer g.end()
		if done {
			return
		}
		r := recover()
		if r == nil { // runtime.Goexit ends the cell
			ok = true
			return
		}
		c := g.caught(r)
		switch c.val.(type) {
		case stopSignal:
		case exitSignal:
			ok = true
		default:
			p = &Panic{c.val, c.stack, c.earlier}
		}
	}()
	if sf.init != nil {
		g.enter(sf.init, nil, nil, nil)
	}
	g.enter(sf.f, nil, nil, nil)
	done = true
	return nil, true
}
