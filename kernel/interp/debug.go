package interp

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"go/types"
	"reflect"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/godlas/godlas/kernel/interp/internal/compile"
	"github.com/godlas/godlas/kernel/interp/internal/front"
)

// DebugOptions say what a Debugger tells of, one thing after the other. The
// functions must not call the Debugger.
type DebugOptions struct {
	// Path makes of a whole cell's source what breakpoints name it by. It is also called for earlier cells.
	Path func(cell string) string
	// Stopped is told that all has stopped, and Continued that it goes on.
	Stopped   func(Stop)
	Continued func()
	// Thread is told of a goroutine that stops for the first time, and of its end.
	Thread func(id int, begins bool)
	// Output is told what breakpoints print, of the goroutine of the context.
	Output func(ctx context.Context, text string)
}

// Stop is why a goroutine has stopped: "breakpoint", "step", "pause", or
// "exception" with the text of the panic.
type Stop = compile.Stop

// Breakpoint is where code stops. Condition is an expression, Hits such as "3",
// ">= 3" or "% 3" what the count of times that it was reached with the condition
// is to be, and Log text that is printed instead of stopping, with expressions in braces.
type Breakpoint struct {
	Line                 int
	Condition, Hits, Log string
}

// Debugger stops the code of cells at statements and looks at it. Its methods can
// be called by many goroutines, also while a cell runs.
type Debugger struct {
	in  *Interp
	d   *compile.Debugger
	opt DebugOptions

	mu    sync.Mutex
	conds map[condKey]*cond
}

// Debug attaches a debugger: cells can be stopped from now on, and the functions of earlier ones too. It fails if there is
// one already.
func (in *Interp) Debug(o DebugOptions) (*Debugger, error) {
	in.m.Mu.Lock()
	defer in.m.Mu.Unlock()
	if !in.m.CanDebug() {
		return nil, errors.New("there is no debugger with this version of golang.org/x/tools/go/ssa")
	}
	d := &Debugger{in: in, opt: o, conds: map[condKey]*cond{}}
	if d.d = in.m.NewDebugger(o.Stopped, o.Continued, o.Thread); d.d == nil {
		return nil, errors.New("a debugger is attached already")
	}
	in.front.Path = o.Path
	in.front.StartDebug()
	return d, nil
}

// Detach ends debugging: what has stopped goes on, and cells run as before.
func (d *Debugger) Detach() {
	d.in.m.Mu.Lock()
	defer d.in.m.Mu.Unlock()
	d.in.front.Debug = false
	d.d.Close()
}

// Span is the first and the last line of a statement, or of the head of one that has others in it.
type Span = front.Span

// Statements lists where the source of a cell can be stopped, in the order of lines. It is nil if the source is not Go.
func (in *Interp) Statements(src string) (out []Span) {
	in.ask(func() { out = in.front.Statements(src) })
	return out
}

// SetBreakpoints makes these the breakpoints of the cells of a path. Each has the first line of a statement, see
// Statements.
func (d *Debugger) SetBreakpoints(path string, ps []Breakpoint) error {
	var out []*compile.Breakpoint
	for _, p := range ps {
		x := &compile.Breakpoint{Path: path, Line: p.Line}
		if p.Condition != "" || p.Hits != "" || p.Log != "" {
			reached, err := hits(p.Hits)
			if err != nil {
				return err
			}
			x.Condition = d.condition(p, reached)
		}
		out = append(out, x)
	}
	d.mu.Lock()
	clear(d.conds)
	d.mu.Unlock()
	d.d.SetBreakpoints(path, out)
	return nil
}

// StopOnPanic says whether code stops where it panics, be it recovered later or not.
func (d *Debugger) StopOnPanic(on bool) { d.d.StopOnPanic(on) }

// Continue lets all go on. It reports whether anything was stopped.
func (d *Debugger) Continue() bool { return d.d.Continue() }

// Step is a way to go on.
type Step = compile.Step

// Ways to go on: to the next statement, to that of a function that is called, or to the caller.
const (
	StepOver = compile.StepOver
	StepIn   = compile.StepIn
	StepOut  = compile.StepOut
)

// Step lets all go on and the thread stop again. It reports whether the thread was stopped.
func (d *Debugger) Step(thread int, how Step) bool { return d.d.Step(thread, how) }

// Pause stops what runs at its next statement.
func (d *Debugger) Pause() { d.d.Pause() }

// Stopped lists the threads that are stopped.
func (d *Debugger) Stopped() []int {
	ids := d.d.Stopped()
	slices.Sort(ids)
	return ids
}

// Thread is a goroutine that runs code of cells. The one that runs the statements of a cell has ID 1.
type Thread struct {
	ID      int
	Name    string
	Stopped bool
}

// Threads lists the goroutines that run code of cells.
func (d *Debugger) Threads() []Thread {
	var out []Thread
	for _, t := range d.d.Threads() {
		name := cmp.Or(t.Cell, "cell")
		if !t.Main {
			name = fmt.Sprintf("goroutine %d", t.ID)
		}
		if t.Func != "" {
			name += " in " + readable(t.Func)
		}
		out = append(out, Thread{t.ID, name, t.Stopped})
	}
	slices.SortFunc(out, func(a, b Thread) int { return a.ID - b.ID })
	return out
}

// readable is a function's name as a reader of the cell knows it.
func readable(fn string) string { return strings.TrimPrefix(front.Readable(fn), "main.") }

// DebugFrame is a call on the stack of a goroutine that is stopped.
type DebugFrame struct {
	ID         int // until all goes on
	Func       string
	Path, Cell string // "" if the source is not that of a cell
	Line, Col  int
}

// Stack lists the calls of a thread that is stopped, the innermost first.
func (d *Debugger) Stack(thread int) ([]DebugFrame, error) {
	fs, ok := d.d.Stack(thread)
	if !ok {
		return nil, fmt.Errorf("thread %d is not stopped", thread)
	}
	d.in.m.Mu.Lock()
	defer d.in.m.Mu.Unlock()
	var out []DebugFrame
	for _, f := range fs {
		x := DebugFrame{ID: f.ID, Func: readable(f.Func)}
		x.Cell, x.Line, x.Col, _ = d.in.front.Position(f.File, f.Pos)
		if f.Cell != nil {
			x.Path = f.Cell.Path
		}
		out = append(out, x)
	}
	return out, nil
}

// Variable is a variable with its value, which is addressable.
type Variable struct {
	Name, Type string
	Value      reflect.Value
}

var errGone = errors.New("this call is not on a stack any more: what was stopped has gone on")

// Locals lists the variables of a call that its code can name, the inner ones first.
func (d *Debugger) Locals(frame int) ([]Variable, error) {
	r, ok := d.d.Frame(frame)
	if !ok {
		return nil, errGone
	}
	d.in.m.Mu.Lock()
	defer d.in.m.Mu.Unlock()
	var out []Variable
	for _, o := range d.visible(r) {
		if p, t := r.Variable(o.Pos()); p != nil {
			out = append(out, Variable{o.Name(), typeName(t), d.in.m.Value(p, t)})
		}
	}
	return out, nil
}

func typeName(t types.Type) string {
	return types.TypeString(t, func(p *types.Package) string {
		if p.Path() == "main" {
			return ""
		}
		return p.Name()
	})
}

func (d *Debugger) visible(r compile.FrameRef) []types.Object {
	c := r.Cell()
	if c == nil {
		return nil
	}
	return d.in.front.Visible(c.Pkg, r.Pos())
}

// Globals lists the variables of the cells.
func (d *Debugger) Globals() []Variable { return d.in.Globals() }

// Globals lists the variables of the cells.
func (in *Interp) Globals() (out []Variable) {
	for _, v := range in.Vars() {
		if v.Kind == "var" && v.Value.IsValid() {
			out = append(out, Variable{v.Name, strings.ReplaceAll(v.Type, "main.", ""), v.Value})
		}
	}
	return out
}

// Brief writes a value in about n bytes, as Go would write it down. It calls no method of the value.
func Brief(v reflect.Value, n int) string { return front.Brief(v, n) }

// CopyToGlobals makes a variable of the cells with the type and the value of one of a call.
func (d *Debugger) CopyToGlobals(frame int, from, to string) error {
	r, ok := d.d.Frame(frame)
	if !ok {
		return errGone
	}
	if !front.IsName(to) {
		return fmt.Errorf("%q is not a name that a variable can have", to)
	}
	in := d.in
	in.m.Mu.Lock()
	defer in.m.Mu.Unlock()
	for _, o := range d.visible(r) {
		if o.Name() != from {
			continue
		}
		p, t := r.Variable(o.Pos())
		if p == nil {
			break
		}
		_, g := in.front.Declare(to, t)
		in.m.Variable(g).Set(in.m.Value(p, t))
		return nil
	}
	return fmt.Errorf("this call has no variable %s", from)
}

// evalFor is how long an evaluation may take when its context has no end.
var evalFor = 10 * time.Second // shorter in tests

// Eval runs source where a call stands, so that names mean what they do there; 0 stands for no call. Assignments change the
// variables of the call. What it calls does not stop at breakpoints. It ends when what is stopped is interrupted.
func (d *Debugger) Eval(ctx context.Context, frame int, src string) ([]reflect.Value, error) {
	in := d.in
	var r compile.FrameRef
	if frame != 0 {
		var ok bool
		if r, ok = d.d.Frame(frame); !ok {
			return nil, errGone
		}
	}
	ctx, end := context.WithTimeoutCause(ctx, evalFor, fmt.Errorf("it takes longer than %v", evalFor))
	defer end()
	if frame != 0 {
		over := r.Run().Ctx
		c, cancel := context.WithCancelCause(ctx)
		defer cancel(nil)
		defer context.AfterFunc(over, func() { cancel(context.Cause(over)) })()
		ctx = values{c, over}
	}
	compiled, refs, err := in.compileIn(src, func() map[string]types.Object {
		objs := map[string]types.Object{}
		if frame == 0 {
			return objs
		}
		for _, o := range d.visible(r) {
			if _, ok := o.(*types.Var); !ok {
				objs[o.Name()] = o
				continue
			}
			if p, t := r.Variable(o.Pos()); p != nil {
				v, g := in.front.Local(o.Name(), t)
				in.m.Bind(g, p)
				objs[o.Name()] = v
			}
		}
		return objs
	})
	if err != nil {
		return nil, err
	}
	return in.evalAside(ctx, compiled, refs)
}

// values is a context with the values of another, beside its own: by one of these context.Cause knows it.
type values struct {
	context.Context
	of context.Context
}

func (v values) Value(key any) any {
	if x := v.Context.Value(key); x != nil {
		return x
	}
	return v.of.Value(key)
}

// compileIn compiles source that is no cell, in which the objects of locals have names, too.
func (in *Interp) compileIn(src string, locals func() map[string]types.Object) (compiled *front.Compiled, refs toRun, err error) {
	in.m.Mu.Lock()
	defer in.m.Mu.Unlock()
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("cannot compile this: %v", r)
		}
	}()
	compiled, err = in.front.CompileIn("debugger", src, locals())
	if err != nil {
		return nil, refs, compileError(err)
	}
	return compiled, in.toRun(compiled), nil
}

// evalAside runs what compileIn made.
func (in *Interp) evalAside(ctx context.Context, compiled *front.Compiled, refs toRun) ([]reflect.Value, error) {
	run := compile.NewRun(ctx)
	var p *compile.Panic
	ok := true
	err := in.supervise(ctx, run, func() {
		for i, f := range refs.all {
			if p, ok = in.m.EvalAside(run, f); p != nil || !ok {
				if i < len(refs.all)-1 {
					in.uninitialized(refs)
				}
				return
			}
		}
	})
	switch {
	case err != nil:
	case p != nil:
		err = in.panicError(p)
	case !ok:
		err = context.Cause(ctx)
	}
	in.finish(compiled, err != nil)
	if err != nil {
		return nil, err
	}
	compiled.Quiet = compiled.Quiet && len(compiled.Last) == 0
	return in.result(Cell{Aside: true}, compiled).Values, nil
}

// Quiet runs f, which reads values of cells, while no code of cells runs that could change them, and reports whether it did:
// a map that is read while code writes to it ends the process. f must not call the Debugger or the Interp.
func (d *Debugger) Quiet(f func()) bool {
	d.in.m.Mu.Lock()
	defer d.in.m.Mu.Unlock()
	return d.d.Quiet(f)
}

// Do runs f, which may call methods of values of cells, and stops at no breakpoint. It returns why if ctx ends before f.
func (d *Debugger) Do(ctx context.Context, f func()) error {
	run := compile.NewRun(ctx)
	var p *compile.Panic
	err := d.in.supervise(ctx, run, func() { p, _ = d.in.m.CallAside(run, f) })
	if err == nil && p != nil {
		err = d.in.panicError(p)
	}
	return err
}

// Quiet is the same of a session without a debugger: it runs f if no cell and no goroutine of one runs.
func (in *Interp) Quiet(f func()) bool {
	in.m.Mu.Lock()
	defer in.m.Mu.Unlock()
	return in.m.Still(f)
}
