// Package interp runs Go in the cells of a notebook.
//
// Cells are checked by go/types, so errors are Go's own, and run as closures
// compiled from SSA. Variables, functions, types and imports live on from cell
// to cell. Types declared in a cell are real types of the running program, with
// methods, so that compiled packages such as fmt, encoding/json, sort or gonum
// see them as their own.
//
// What a cell can import is what the kernel was built with, see Library, and what
// a Source finds.
//
// From Eval to the closure that runs: Eval has modules found that the cell
// imports (modules.go), compileCell checks and builds it (internal/front), and
// supervise (stopping.go) runs it and sees to its end (internal/compile). Both
// have a map of their files in their package comments.
//
//   - interp.go, query.go, modules.go, program.go and library.go are what users of
//     the package see: cells, questions, modules, whole programs, libraries.
//   - instead.go is what cells call in place of compiled functions, one theme each
//     in instead_*.go: printing and reading, waiting, connections, processes,
//     stacks. internal/waits has the locks. generics.go has the generic functions
//     of packages that have no source here.
//   - debug.go is the debugger, debug_condition.go what breakpoints ask.
//   - program_*.go is what only a program has: the process to itself.
//   - symbols.go finds compiled names, std.go has those of the standard library,
//     made by internal/gensyms, stored by internal/archive, and compared with the
//     compiled program by check.go.
//   - internal/rt makes run-time types, methods and func values.
//
// What Go does not promise is known in few places, each of which looks first
// whether it is so: types, func values and calls in internal/rt, locks in
// internal/waits, embed.FS in internal/front/embed.go, ssa.Program in
// internal/compile/drop.go, runtime.Func in instead_callers.go.
package interp

import (
	"context"
	"fmt"
	"go/token"
	"io"
	"net/http"
	"os"
	"reflect"
	"strings"
	"sync"

	"github.com/godlas/godlas/kernel/internal/modules"
	"github.com/godlas/godlas/kernel/interp/internal/compile"
	"github.com/godlas/godlas/kernel/interp/internal/front"
)

// Options say what a session is made of. The zero value of a stream is the
// process's own.
type Options struct {
	// Libraries are the compiled packages that cells can import; later ones win.
	Libraries []Library
	// Source finds packages that no library has; nil finds none. See Modules.
	Source Source
	// Prelude lists import paths whose packages are there without an import.
	Prelude []string
	// Stdout and Stderr are where a cell's os.Stdout, os.Stderr, fmt.Print*,
	// log and println write. They must be safe for use by several goroutines.
	Stdout, Stderr io.Writer
	// Stdin is what os.Stdin and fmt.Scan* read.
	Stdin io.Reader
	// Exit is what os.Exit and log.Fatal in a cell call. If it returns, the cell
	// ends there. The default is os.Exit.
	Exit func(code int)
	// OnCell is called at the beginning of each Eval with a context that ends
	// when the cell is interrupted, for compiled code that a cell calls without
	// handing it a context.
	OnCell func(ctx context.Context)
	// Process says that what runs has the process to itself, as a program has:
	// its streams, its clock, its end and the panics of its goroutines, which end
	// it. Stdout, Stderr, Stdin and Exit are not used then.
	Process bool
}

// Cell is a piece of source to run.
type Cell struct {
	// Name is shown in positions, such as "cell[3]".
	Name string
	// N is the cell's execution count; it names the cell if Name is empty.
	N      int
	Source string
	// Input is what In[N] is: the cell as it was typed, if Source is a part of it.
	Input string
	// Aside says that In and Out are to know nothing of it.
	Aside bool
}

// Result is what a cell evaluates to: the values of its last expression, if it
// ends in one. A value of interface type has Kind Interface. Notes are what a
// reader should know of a cell that did as it was told, a line each: who still
// calls a function that it declared anew.
type Result struct {
	Values []reflect.Value
	Notes  []string
}

// Diagnostic is one error in a cell's source. Line and Col count from 1, Col in
// bytes.
type Diagnostic struct {
	Cell      string
	Line, Col int
	Msg       string
}

// CompileError is why a cell did not run: what Go's parser or type checker
// found, in the order of the source.
type CompileError struct {
	Diags []Diagnostic
}

func (e *CompileError) Error() string {
	var lines []string
	for _, d := range e.Diags {
		lines = append(lines, fmt.Sprintf("%s:%d:%d: %s", d.Cell, d.Line, d.Col, d.Msg))
	}
	return strings.Join(lines, "\n")
}

// Frame is a call on an interpreted stack.
type Frame struct {
	Func, Cell string
	Line, Col  int
	// Created says that this is the go statement that started the goroutine.
	Created bool
	Args    bool // the function has some, or a receiver
}

// PanicError is a panic that the cell did not recover. Text is what Go prints
// for it; Stack begins with the innermost call.
type PanicError struct {
	Value any
	Text  string
	Stack []Frame
}

func (e *PanicError) Error() string { return e.Text }

// Unwrap returns the panic's value if it is an error.
func (e *PanicError) Unwrap() error {
	err, _ := e.Value.(error)
	return err
}

// Interp is one session. Its methods may be called by many goroutines at once:
// cells are compiled one after the other, in the order of the calls, and run
// beside each other as goroutines of one program do.
type Interp struct {
	opt   Options
	fset  *token.FileSet
	m     *compile.Machine
	front *front.Session
	libs  *symbols

	streams  *streams
	held     held
	children sync.Map      // *os.Process -> *child
	turn     chan struct{} // has room for one: who compiles a cell, or initialises its packages
	running  running
	fault    func(v any) // told of panics in answers; for tests

	finalizers, cleanups sequence
}

// New makes a session. It is quick: what libraries hold is read when first used.
func New(o Options) *Interp {
	if o.Stdout == nil {
		o.Stdout = os.Stdout
	}
	if o.Stderr == nil {
		o.Stderr = os.Stderr
	}
	if o.Stdin == nil {
		o.Stdin = os.Stdin
	}
	if o.Exit == nil {
		o.Exit = os.Exit
	}
	in := &Interp{opt: o, fset: token.NewFileSet(), turn: make(chan struct{}, 1)}
	var data []string
	for _, l := range o.Libraries {
		data = append(data, l.Data)
	}
	pkgs := front.NewPackages(data)
	in.libs = &symbols{libs: o.Libraries, cache: map[string]map[string]reflect.Value{}}
	in.streams = newStreams(in)
	options := compile.Options{
		Fset: in.fset, Symbol: in.libs.find, Harvest: in.libs.all, Generic: in.generic,
		Standin: in.streams.standin, Original: in.streams.original, StandinType: reflect.TypeFor[*os.File](),
		Print:  func(s string) { _, _ = io.WriteString(o.Stderr, s) },
		Orphan: in.orphan, Abort: http.ErrAbortHandler, Method: in.libs.method,
	}
	in.libs.instead = in.instead()
	in.libs.testers = sync.OnceValue(in.testers)
	if o.Process {
		options.Standin, options.Orphan, options.Overflow = nil, in.crash, overflow
	}
	in.m = compile.New(options)
	in.front = front.New(in.m, in.fset, pkgs, o.Prelude)
	in.front.Words = in.words
	if m, ok := o.Source.(modules.Workspace); ok {
		in.front.Modules = in.modulePaths(m)
	}
	return in
}

// Eval runs a cell. Its error is a *CompileError, a *PanicError, or, if ctx
// ended first, one that is context.Cause(ctx) to errors.Is: a *Stopped if calls
// of compiled code had to be left behind. What the cell declared or changed
// before an interrupt or a panic stays.
//
// Goroutines that the cell started go on after Eval returns, and stop only if
// ctx ended before.
func (in *Interp) Eval(ctx context.Context, c Cell) (Result, error) {
	next, err := in.take(ctx)
	if err != nil {
		return Result{}, err
	}
	defer next()
	if err := in.find(ctx, c.Source); err != nil {
		return Result{}, err
	}
	compiled, refs, err := in.compileCell(c)
	if err != nil {
		return Result{}, err
	}
	run := compile.NewRun(ctx)
	in.begin(run)
	defer in.end(run)
	if in.opt.OnCell != nil {
		in.opt.OnCell(run.Ctx)
	}
	var p *compile.Panic
	ok := true
	err = in.supervise(ctx, run, func() {
		for i, f := range refs.all {
			if i == len(refs.all)-1 {
				next() // a cell that imports the same packages finds them initialised
			}
			if p, ok = in.m.Eval(run, f); p != nil || !ok {
				if i < len(refs.all)-1 {
					in.uninitialized(refs)
				}
				return
			}
		}
	})
	if err != nil {
		in.finish(compiled, true)
		return Result{Notes: compiled.Notes}, err
	}
	if p != nil || !ok {
		in.finish(compiled, true)
		err := context.Cause(ctx)
		if p != nil {
			err = in.panicError(p)
		}
		return Result{Notes: compiled.Notes}, err
	}
	in.finish(compiled, false)
	return in.result(c, compiled), nil
}

// finish tells the front how a cell ended.
func (in *Interp) finish(c *front.Compiled, failed bool) {
	in.m.Mu.Lock()
	defer in.m.Mu.Unlock()
	in.front.Finish(c, failed)
	if failed {
		for _, g := range c.Last {
			in.m.Forget(g)
		}
	}
}

// toRun is what a cell runs: the initialisation of packages, and last the cell.
type toRun struct {
	all  []compile.FuncRef
	undo func()
}

func (in *Interp) compileCell(c Cell) (compiled *front.Compiled, refs toRun, err error) {
	name := c.Name
	if name == "" {
		name = fmt.Sprintf("cell[%d]", c.N)
	}
	in.m.Mu.Lock()
	defer in.m.Mu.Unlock()
	defer func() {
		// a fault of ours or of the checker must not end the session
		if r := recover(); r != nil {
			err = &CompileError{[]Diagnostic{{name, 1, 1, fmt.Sprintf("cannot compile this cell: %v", r)}}}
		}
	}()
	if c.Input != "" {
		in.front.Input(c.N, c.Input)
	} else if !c.Aside {
		in.front.Input(c.N, c.Source)
	}
	in.front.Whole = c.Input
	compiled, err = in.front.Compile(name, c.Source)
	in.front.Whole = ""
	if err != nil {
		return nil, refs, compileError(err)
	}
	return compiled, in.toRun(compiled), nil
}

// toRun is what runs of compiled, with the initialisers of packages that it came to need. The machine's lock is held.
func (in *Interp) toRun(compiled *front.Compiled) (refs toRun) {
	inits, undo := in.front.Inits()
	refs.undo = undo
	for _, f := range inits {
		refs.all = append(refs.all, in.m.Func(f))
	}
	if compiled.Init != nil {
		refs.all = append(refs.all, in.m.After(compiled.Init, compiled.Func))
	} else {
		refs.all = append(refs.all, in.m.Func(compiled.Func))
	}
	return refs
}

func compileError(err error) error {
	ds, ok := err.(front.Errors)
	if !ok {
		return err
	}
	e := &CompileError{}
	for _, d := range ds {
		e.Diags = append(e.Diags, Diagnostic(d))
	}
	return e
}

// result reads the values of the last expression.
func (in *Interp) result(cell Cell, c *front.Compiled) (r Result) {
	in.m.Mu.Lock()
	defer in.m.Mu.Unlock()
	r.Notes = append(c.Notes, in.m.TakeNotes()...)
	for _, g := range c.Last {
		if !c.Quiet {
			v := in.m.Variable(g)
			copied := reflect.New(v.Type()).Elem()
			copied.Set(v)
			r.Values = append(r.Values, copied)
		}
		if c.Quiet || cell.Aside {
			in.m.Forget(g)
		}
	}
	if !c.Quiet && !cell.Aside {
		in.front.Output(cell.N, c.Last)
	}
	return r
}

func (in *Interp) panicError(p *compile.Panic) *PanicError {
	text := p.Text() // may run methods of the cell
	in.m.Mu.Lock()
	defer in.m.Mu.Unlock()
	e := &PanicError{Value: p.Value, Text: text}
	for _, c := range p.Stack {
		if c.Func == "" {
			continue
		}
		cell, line, col, ok := in.front.Position(c.File, c.Pos)
		if !ok && !in.opt.Process {
			continue
		}
		e.Stack = append(e.Stack, Frame{front.Readable(c.Func), cell, line, col, c.Created, c.Args})
	}
	return e
}

// orphan reports the panic of a goroutine, which ends that goroutine only.
func (in *Interp) orphan(p *compile.Panic) {
	e := in.panicError(p)
	var b strings.Builder
	fmt.Fprintf(&b, "%s\n\ngoroutine:\n", e.Text)
	for _, f := range e.Stack {
		if f.Created {
			b.WriteString("created by ")
		}
		fmt.Fprintf(&b, "%s\n\t%s:%d:%d\n", f.Func, f.Cell, f.Line, f.Col)
	}
	_, _ = io.WriteString(in.opt.Stderr, b.String())
}

// Reset forgets all that cells declared.
func (in *Interp) Reset() {
	in.m.Mu.Lock()
	defer in.m.Mu.Unlock()
	in.front.Reset()
}
