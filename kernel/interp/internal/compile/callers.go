package compile

import (
	"go/ast"
	"go/token"
	"runtime"
	"strings"
	"sync"
	"unsafe"

	"golang.org/x/tools/go/ssa"

	"github.com/godlas/godlas/kernel/interp/internal/rt"
)

// A call's program counter is a number far from all compiled code that stands for a function and a place in it.

// pcs gives places their program counters.
type pcs struct {
	mu    sync.Mutex
	byKey map[pcKey]uintptr
	list  []pcKey
}

type pcKey struct {
	f   *fun
	pos token.Pos
}

const (
	pcBase = ^uintptr(0) - ^uintptr(0)>>2
	// pcStep lets whoever adds or takes one, as return addresses make necessary, find the same place.
	pcStep = 16
)

func (p *pcs) of(k pcKey) uintptr {
	p.mu.Lock()
	defer p.mu.Unlock()
	pc, ok := p.byKey[k]
	if !ok {
		if p.byKey == nil {
			p.byKey = map[pcKey]uintptr{}
		}
		pc = pcBase + uintptr(len(p.list))*pcStep + pcStep/2
		p.byKey[k] = pc
		p.list = append(p.list, k)
	}
	return pc
}

// Site is what a program counter stands for.
type Site struct {
	Func       string
	Entry, Pos token.Pos
	EntryPC    uintptr
	Args       bool        // the function has some, or a receiver
	File       *token.File // of Pos
}

// Site returns what a program counter of interpreted code stands for.
func (m *Machine) Site(pc uintptr) (Site, bool) {
	m.pcs.mu.Lock()
	i := (pc - pcBase) / pcStep
	if pc < pcBase || i >= uintptr(len(m.pcs.list)) {
		m.pcs.mu.Unlock()
		return Site{}, false
	}
	k := m.pcs.list[i]
	m.pcs.mu.Unlock()
	s := Site{k.f.name(), k.f.f.Pos(), k.pos, m.pcs.of(pcKey{k.f, token.NoPos}), len(k.f.f.Params) > 0, k.f.file}
	if s.Pos == token.NoPos {
		s.Pos = s.Entry
	}
	return s, true
}

// Callers returns the program counters of the calls that the calling goroutine is in, at most max, the innermost first. Where
// it runs a deferred call of a panic, what panicked is still there, below the functions of the run time that panicked. ok is
// false if the goroutine runs no interpreted code.
func (m *Machine) Callers(max int) (out []uintptr, ok bool) {
	g := m.gors.get(rt.G())
	if g == nil {
		return nil, false
	}
	for _, c := range trace(g.top, max) {
		if c.Created {
			break
		}
		if c.compiled == 0 {
			c.compiled = m.pcs.of(pcKey{c.fn, c.Pos})
		}
		out = append(out, c.compiled)
	}
	return out, true
}

// Entry returns the program counter of an interpreted function for its func value.
func (m *Machine) Entry(word unsafe.Pointer) (uintptr, bool) {
	f := rt.Carried(word)
	if f == nil {
		return 0, false
	}
	return m.pcs.of(pcKey{(*fun)(f.Code), token.NoPos}), true
}

// thrown lists the functions of the run time that a panic with this value goes through.
func thrown(v any) (out []uintptr) {
	add := func(names ...string) {
		for _, n := range names {
			if pc := panicPCs()[n]; pc != 0 {
				out = append(out, pc)
			}
		}
	}
	add("runtime.gopanic")
	if err, ok := v.(runtime.Error); ok {
		switch s := err.Error(); {
		case strings.Contains(s, "nil pointer dereference"):
			add("runtime.panicmem", "runtime.sigpanic")
		case strings.Contains(s, "divide by zero"):
			add("runtime.panicdivide")
		case strings.Contains(s, "index out of range"):
			add("runtime.goPanicIndex", "runtime.panicBounds")
		}
	}
	return out
}

// panicPCs finds the run time's functions by panicking.
var panicPCs = sync.OnceValue(func() map[string]uintptr {
	found := map[string]uintptr{}
	for _, f := range []func(){
		func() { var p *int; *p = 1 },
		func() { var s []int; s[len(s)] = 1 },
		func() { n := 0; _ = 1 / n },
	} {
		func() {
			defer func() {
				_ = recover()
				var list [32]uintptr
				frames := runtime.CallersFrames(list[:runtime.Callers(0, list[:])])
				for {
					fr, more := frames.Next()
					if strings.HasPrefix(fr.Function, "runtime.") {
						found[fr.Function] = fr.PC + 1
					}
					if !more {
						break
					}
				}
			}()
			f()
		}()
	}
	return found
})

// end is where a function's deferred calls run when it returns: its closing brace.
func end(f *ssa.Function) token.Pos {
	switch n := f.Syntax().(type) {
	case *ast.FuncDecl:
		if n.Body != nil {
			return n.Body.Rbrace
		}
	case *ast.FuncLit:
		return n.Body.Rbrace
	}
	return token.NoPos
}

// Release drops the frames that the calling goroutine keeps for calls to come, and with them what the last calls worked on.
func (m *Machine) Release() {
	g := m.gors.get(rt.G())
	if g == nil {
		return
	}
	g.spares, g.idle = [spareSlots]*frame{}, nil
	var callee *frame
	for fr := g.top; fr != nil; fr = fr.caller {
		if fr.sub != callee {
			fr.sub = nil
		}
		callee = fr
	}
}
