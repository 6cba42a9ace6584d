package compile

import (
	"go/token"
	"go/types"
	"time"

	"golang.org/x/tools/go/ssa"
)

// Stuck is a call of compiled code that has not come back after a stop.
type Stuck struct {
	Func  string // the compiled function, "" if it is not known
	Pkg   string // its import path
	Stack []Call
}

// tick is how long Await pauses. Many short pauses tell more than a long one
// where the machine has other things to do: what can run has run in between.
const tick = time.Millisecond

// Await returns, after a Stop, when all goroutines of run have ended, or once
// those that have not are all seen in compiled code after a number of ticks;
// these it returns. It waits no longer than patience.
func (m *Machine) Await(run *Run, ticks int, patience time.Duration) []Stuck {
	begun := time.Now()
	t := time.NewTimer(tick)
	defer t.Stop()
	for n := 1; ; {
		if run.live.Load() == 0 {
			return nil
		}
		select {
		case <-run.quiet:
			continue
		case <-t.C:
		}
		late := time.Since(begun) > patience
		if n%ticks == 0 || late {
			if stuck, all := m.stuck(run); all || late {
				return stuck
			}
		}
		n++
		t.Reset(tick)
	}
}

// stuck lists the goroutines of run that are in compiled code, and tells
// whether these are all that are left.
func (m *Machine) stuck(run *Run) (out []Stuck, all bool) {
	all = true
	m.Mu.Lock()
	defer m.Mu.Unlock()
	for _, g := range m.gors.of(run) {
		stack, native, ok := g.peek()
		all = all && ok
		if ok {
			out = append(out, Stuck{native.name, native.pkg, stack})
		}
	}
	return out, all
}

func (t *gorTable) of(run *Run) (gs []*gor) {
	for i := range t {
		s := &t[i]
		s.mu.RLock()
		for _, g := range s.m {
			if g.run == run {
				gs = append(gs, g)
			}
		}
		s.mu.RUnlock()
	}
	return gs
}

// peek looks at another goroutine, which must not be given the cost of being
// looked at: what it says holds only if that is in compiled code, and then
// nothing changes. Hence also no care for races.
//
//go:norace
func (g *gor) peek() (stack []Call, native callee, ok bool) {
	for fr := g.top; fr != nil && len(stack) < maxStack; fr = fr.caller {
		f := fr.fn
		if f == nil {
			continue
		}
		pos, branch := token.NoPos, false
		if blk, pc := int(fr.blk), int(fr.pc); blk < len(f.code) && pc < len(f.code[blk].pos) {
			pos, branch = f.code[blk].pos[pc], pc == len(f.code[blk].ops)
		}
		if len(stack) == 0 {
			if branch { // a loop
				return nil, callee{}, false
			}
			if native, ok = g.m.compiledCall(f.f, pos); !ok {
				return nil, callee{}, false
			}
		}
		stack = append(stack, Call{Func: f.name(), Pos: pos, File: f.file})
	}
	return stack, native, true
}

// callee is a compiled function.
type callee struct{ name, pkg string }

func named(o types.Object, name string) callee {
	if o == nil || o.Pkg() == nil {
		return callee{name, ""}
	}
	return callee{name, o.Pkg().Path()}
}

// compiledCall names what the call at a place in a function calls, if there is
// one and it may be compiled code. Deferred calls have no place. Mu is held.
func (m *Machine) compiledCall(f *ssa.Function, pos token.Pos) (to callee, ok bool) {
	if !pos.IsValid() {
		return callee{}, true
	}
	for _, b := range f.Blocks {
		for _, ins := range b.Instrs {
			call, is := ins.(ssa.CallInstruction)
			if !is || ins.Pos() != pos {
				continue
			}
			cc := call.Common()
			if cc.IsInvoke() {
				return named(cc.Method, cc.Method.FullName()), true
			}
			switch v := cc.Value.(type) {
			case *ssa.Function:
				_, ok := m.native(v)
				return named(v.Object(), v.String()), ok
			case *ssa.MakeClosure: // has not begun
				return callee{}, false
			case *ssa.Builtin:
				return callee{}, v.Name() == "append" || v.Name() == "copy" || v.Name() == "clear"
			}
			return callee{}, true
		}
	}
	return callee{}, false
}
