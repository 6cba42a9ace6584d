package compile

import (
	"context"
	"runtime"

	"github.com/godlas/godlas/kernel/interp/internal/rt"
)

// goroutine runs a go statement's call on its own goroutine.
func (m *Machine) goroutine(run *Run, s *frame, call op) {
	g := m.newGor(run)
	s.g, s.caller, s.depth = g, nil, 0
	g.top, g.born = s, s
	m.alone(g, func() { call(s) })
}

// alone runs f as all that a goroutine does; nothing else can report its panic.
func (m *Machine) alone(g *gor, f func()) {
	g.begin()
	done := false
	defer func() {
		defer g.end()
		if !done {
			m.orphan(g, recover())
		}
	}()
	f()
	done = true
}

// Go prepares f, which calls a func value of a cell, to be run on a goroutine
// of its own as by a go statement where Go is called.
func (m *Machine) Go(f func()) func() {
	run := m.CurrentRun()
	if run == nil {
		return f
	}
	var born *frame
	if g := m.gors.get(rt.G()); g != nil && g.top.fn != nil {
		born = &frame{fn: g.top.fn, blk: g.top.blk, pc: g.top.pc}
	}
	return func() {
		if run.Stopped() {
			return
		}
		g := m.newGor(run)
		if born != nil {
			g.top, g.born = &frame{fn: born.fn, blk: born.blk, pc: born.pc, g: g}, nil
			g.born = g.top
		}
		m.alone(g, f)
	}
}

// Do runs f, compiled code that may call methods and func values of cells, for
// run. What those panic with f may recover, as fmt does.
func (m *Machine) Do(run *Run, f func()) {
	run.Label()
	run.live.Add(1)
	run.doing.Store(rt.G())
	defer func() {
		if r := recover(); r != nil {
			m.orphan(m.newGor(run), r)
		}
		run.doing.Store(0)
		run.live.Add(-1)
		run.tell()
	}()
	f()
}

// visit runs f on a goroutine of compiled code. What it panics with is reported,
// and goes no further: compiled code there need not recover it, which would end
// the process.
func (m *Machine) visit(f func(g *gor)) {
	run := m.CurrentRun()
	if run == nil {
		run = NewRun(context.Background())
	}
	g := m.newGor(run)
	if rt.G() == 0 { // goroutines cannot be told apart: whoever called must recover
		f(g)
		return
	}
	g.begin()
	done := false
	defer func() {
		defer g.end()
		if done {
			return
		}
		r := recover()
		if run.doing.Load() == rt.G() {
			switch r.(type) {
			case nil, stopSignal, exitSignal:
			default:
				panic(r)
			}
		}
		m.orphan(g, r)
		if r != nil && m.opt.Abort != nil && serving() {
			panic(m.opt.Abort)
		}
	}()
	f(g)
	done = true
}

// orphan reports a panic that has nowhere to go.
func (m *Machine) orphan(g *gor, r any) {
	if r == nil || g.stop.Load() { // runtime.Goexit, or the end of what was stopped
		return
	}
	p := g.caught(r)
	switch p.val.(type) {
	case stopSignal, exitSignal:
		return
	}
	m.opt.Orphan(&Panic{p.val, p.stack, p.earlier})
}

// serving reports whether the caller is a handler of net/http, whose panics end
// its request alone.
func serving() bool {
	var pcs [100]uintptr
	frames := runtime.CallersFrames(pcs[:runtime.Callers(2, pcs[:])])
	for {
		f, more := frames.Next()
		switch f.Function {
		case "net/http.(*conn).serve", "net/http.(*http2serverConn).runHandler":
			return true
		}
		if !more {
			return false
		}
	}
}
