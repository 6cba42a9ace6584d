package compile

import (
	"fmt"
	"go/token"
	"runtime"
	"strings"
	"unsafe"

	"github.com/godlas/godlas/kernel/internal/lazy"
)

// Call is one entry of an interpreted stack.
type Call struct {
	Func string
	Pos  token.Pos
	File *token.File // of Pos, which the file set may have forgotten
	// Created says that this is the go statement that has started the goroutine.
	Created bool
	Args    bool // the function has some, or a receiver
	fn      *fun
	// compiled is instead the program counter of a function of the run time through which a panic went.
	compiled uintptr
}

// Panic is a panic that nothing recovered.
type Panic struct {
	Value any
	Stack []Call
	// earlier is the panic in whose deferred calls this one began.
	earlier *panicking
}

// panicking is a panic on its way through frames.
type panicking struct {
	val       any
	stack     []Call
	recovered bool
	goexit    bool
	earlier   *panicking // whose deferred call began this one
}

// maxStack is the number of calls kept of a deep stack.
const maxStack = 100

// trace lists the interpreted calls above a frame, at most n.
func trace(top *frame, n int) []Call {
	var out []Call
	for fr := top; fr != nil; fr = fr.caller {
		if fr.fn == nil || fr.after != nil || fr.fn.wrapper {
			continue
		}
		if p := fr.panicking; p != nil && !p.goexit { // a deferred call runs, and what panicked has not returned
			for _, pc := range thrown(p.val) {
				out = append(out, Call{compiled: pc})
			}
			return append(out, p.stack...)
		}
		if len(out) >= n && fr.g.born != nil {
			fr = fr.g.born
		} else if len(out) >= n {
			break
		}
		created := fr == fr.g.born
		out = append(out, Call{Func: fr.fn.name(), Pos: fr.pos(), File: fr.fn.file, Created: created, Args: len(fr.fn.f.Params) > 0, fn: fr.fn})
	}
	return out
}

// pos is the position of the instruction that fr runs.
func (fr *frame) pos() token.Pos {
	if int(fr.blk) < len(fr.fn.code) {
		ps := fr.fn.code[fr.blk].pos
		for i := min(int(fr.pc), len(ps)-1); i >= 0; i-- { // some instructions, such as conversions, have none
			if ps[i].IsValid() {
				return ps[i]
			}
		}
	}
	return token.NoPos
}

// name is f's name as Go writes it in a stack.
func (f *fun) name() string {
	if p := f.f.Pkg; p != nil && p.Pkg.Path() != "main" {
		return p.Pkg.Path() + "." + f.f.RelString(p.Pkg)
	}
	s := f.f.RelString(nil)
	s = strings.ReplaceAll(s, "main.", "")
	s = valueMethod().ReplaceAllString(s, "$1.")
	if from, to := strings.IndexByte(s, '['), strings.LastIndexByte(s, ']'); from > 0 && to > from {
		s = s[:from] + "[...]" + s[to+1:]
	}
	if base, closures, ok := strings.Cut(s, "$"); ok {
		s = base + ".func" + strings.ReplaceAll(closures, "$", ".")
	}
	return "main." + s
}

var valueMethod = lazy.Regexp(`^\(([^*)]+)\)\.`)

// caught makes the record of a panic that was just recovered natively.
func (g *gor) caught(r any) *panicking {
	if p := g.flight; p != nil {
		g.flight = nil
		if same(p.val, r) {
			return p
		}
	}
	p := &panicking{val: r, stack: trace(g.top, maxStack)}
	g.threw(p)
	return p
}

func same(x, y any) bool {
	return *(*[2]unsafe.Pointer)(unsafe.Pointer(&x)) == *(*[2]unsafe.Pointer)(unsafe.Pointer(&y))
}

// throw panics on with p.
func (g *gor) throw(p *panicking) {
	g.flight = p
	panic(p.val)
}

// guard runs a function with deferred calls.
func (f *fun) guard(fr *frame) {
	if f.attempt(fr) {
		return
	}
	f.unwind(fr)
	if p := fr.panicking; p != nil {
		fr.g.throw(p)
	}
	// recovered
	if f.recoverBlock >= 0 {
		f.loop(fr, f.recoverBlock)
		return
	}
	for i, r := range f.results {
		f.resultTypes[i].zero(fr.at(r))
	}
}

func (f *fun) attempt(fr *frame) (done bool) {
	defer func() {
		if done {
			return
		}
		r := recover()
		fr.sub = nil  // it did not come to its end
		if r == nil { // runtime.Goexit
			fr.g.top = fr
			fr.panicking = &panicking{goexit: true}
			f.unwind(fr)
			return
		}
		fr.panicking = fr.g.caught(r)
		fr.g.top = fr
	}()
	f.loop(fr, 0)
	return true
}

// unwind runs the deferred calls of a frame that panics.
func (f *fun) unwind(fr *frame) {
	for len(fr.defers) > 0 {
		d := fr.pop()
		stop, stopped := fr.stopValue()
		if stopped {
			fr.g.deferring++
		}
		fr.runDeferred(d)
		if stopped {
			fr.g.deferring--
			if fr.panicking.val != any(stop) { // what half-done work panics with is no news
				fr.panicking = &panicking{val: stop}
			}
		}
		if p := fr.panicking; p != nil && p.recovered {
			fr.panicking = nil
		}
	}
}

func (fr *frame) stopValue() (stopSignal, bool) {
	if fr.panicking == nil {
		return stopSignal{}, false
	}
	s, ok := fr.panicking.val.(stopSignal)
	return s, ok
}

func (fr *frame) runDeferred(d *frame) {
	done := false
	defer func() {
		if done {
			return
		}
		if r := recover(); r != nil {
			earlier := fr.panicking
			fr.panicking = fr.g.caught(r)
			fr.panicking.follows(earlier)
		}
		fr.g.top = fr
	}()
	fr.call(d)
	done = true
}

// rundefers runs the deferred calls of a frame that returns.
func (fr *frame) rundefers() {
	for len(fr.defers) > 0 {
		fr.call(fr.pop())
	}
}

func (fr *frame) pop() *frame {
	n := len(fr.defers) - 1
	d := fr.defers[n]
	fr.defers[n] = nil
	fr.defers = fr.defers[:n]
	return d
}

// call runs a deferred call of fr.
func (fr *frame) call(d *frame) {
	d.caller, d.g, d.depth, d.pass = fr, fr.g, fr.depth, fr
	d.after(d)
}

// recovers is the builtin recover, called by fr.
func (fr *frame) recovers() any {
	d := fr.deferredBy
	if fr.after != nil { // deferred itself: as if called at the end of the function that defers it, unless that panics
		if fr.caller.panicking != nil {
			return nil
		}
		d = fr.caller.deferredBy
	}
	if d == nil || d.panicking == nil || d.panicking.recovered || d.panicking.goexit {
		return nil
	}
	switch d.panicking.val.(type) {
	case stopSignal, exitSignal, fatalError:
		return nil
	}
	d.panicking.recovered = true
	return d.panicking.val
}

// follows says that p began in a deferred call of earlier.
func (p *panicking) follows(earlier *panicking) {
	for q := p; earlier != nil && q != earlier && !earlier.goexit; q = q.earlier {
		if q.earlier == nil {
			q.earlier = earlier
			return
		}
	}
}

// Text is what Go prints for the panic and those before it.
func (p *Panic) Text() string {
	var chain []*panicking
	for q := p.earlier; q != nil && len(chain) < 20; q = q.earlier {
		chain = append(chain, q)
	}
	var b strings.Builder
	for i := len(chain) - 1; i >= 0; i-- {
		b.WriteString(text(chain[i].val))
		if chain[i].recovered && i == 0 && same(chain[i].val, p.Value) {
			return b.String() + " [recovered, repanicked]" + signal(p.Value)
		}
		if chain[i].recovered {
			b.WriteString(" [recovered]")
		}
		b.WriteString("\n\t")
	}
	return b.String() + text(p.Value) + signal(p.Value)
}

// text is a panic's own line; further ones are indented.
func text(v any) string {
	s := ""
	switch v := v.(type) {
	case fatalError:
		return "fatal error: " + string(v)
	case error:
		s = safely(v.Error)
	case fmt.Stringer:
		s = safely(v.String)
	case string:
		s = v
	case nil:
		s = "nil"
	default:
		s = printedPanic(v)
	}
	return "panic: " + strings.ReplaceAll(s, "\n", "\n\t")
}

func signal(v any) string {
	if e, ok := v.(runtime.Error); ok && strings.Contains(e.Error(), "nil pointer dereference") {
		return "\n[signal SIGSEGV: segmentation violation]"
	}
	return ""
}

// safely calls a method of a cell's type that may itself panic.
func safely(f func() string) (s string) {
	defer func() {
		if r := recover(); r != nil {
			s = fmt.Sprintf("(a panic while printing the panic: %v)", r)
		}
	}()
	return f()
}
