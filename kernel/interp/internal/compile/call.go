package compile

import (
	"unsafe"

	"github.com/godlas/godlas/kernel/interp/internal/rt"
)

// Call runs f, compiled code that calls func values of cells, on the calling
// goroutine. It ends as Eval does.
func (m *Machine) Call(run *Run, f func()) (p *Panic, ok bool) { return m.call(run, f, false) }

// CallAside is Call for what no debugger stops.
func (m *Machine) CallAside(run *Run, f func()) (p *Panic, ok bool) { return m.call(run, f, true) }

func (m *Machine) call(run *Run, f func(), aside bool) (p *Panic, ok bool) {
	run.Label()
	g := m.newGor(run)
	if aside {
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
		if r == nil { // runtime.Goexit
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
	f()
	done = true
	return nil, true
}

// Params returns the names of the parameters of the func value that word is, or
// nil if it is compiled code.
func (m *Machine) Params(word unsafe.Pointer) []string {
	f := rt.Carried(word)
	if f == nil {
		return nil
	}
	var names []string
	for _, p := range (*fun)(f.Code).f.Params {
		names = append(names, p.Name())
	}
	return names
}
