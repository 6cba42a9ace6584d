package compile

import (
	"fmt"
	"go/token"
	"go/types"
	"reflect"
	"sync"
	"unsafe"

	"golang.org/x/tools/go/ssa"
	"golang.org/x/tools/go/types/typeutil"

	"github.com/godlas/godlas/kernel/interp/internal/rt"
)

// Symbols returns the compiled names of a package; see interp.Library.
type Symbols func(path string) map[string]reflect.Value

// Options of a Machine.
type Options struct {
	Fset *token.FileSet
	// Symbol finds a compiled function, variable or type.
	Symbol func(path, name string) (reflect.Value, bool)
	// Harvest returns all symbols of a package, for the types that are reachable
	// only through others.
	Harvest Symbols
	// Generic returns an instance of a generic function or method that has no source, nil if there is none. Methods are called
	// "path.Type.Name" and take their receiver first.
	Generic func(name string, in []reflect.Type) func(args []reflect.Value) []reflect.Value
	// Standin replaces a pointer to compiled state as it becomes an interface:
	// the process's standard streams by those of the cell. It may be nil.
	Standin func(p unsafe.Pointer) (any, bool)
	// Original returns the pointer that x is the stand-in of.
	Original func(x any) (p unsafe.Pointer, ok bool)
	// StandinType is the type of such pointers.
	StandinType reflect.Type
	// Print is where the builtins print and println write.
	Print func(s string)
	// Overflow ends what runs when the stack of interpreted calls is too deep; nil: a panic does, which can be recovered.
	Overflow func()
	// Orphan is told of a panic that nothing else can report: in a goroutine of
	// a cell, or in a callback on a goroutine of compiled code.
	Orphan func(p *Panic)
	// Abort is what a handler of package net/http panics with to give up a
	// request without a word.
	Abort any
	// Method finds what cells call instead of a compiled method: a function with
	// the receiver, of type t, as its first parameter. It may be nil.
	Method func(t reflect.Type, name string) (reflect.Value, bool)
}

// Machine is the run-time state of a session.
type Machine struct {
	opt  Options
	Prog *ssa.Program

	// Mu guards what follows and everything of go/types and ssa that is filled
	// lazily. Lock it around type checking too.
	Mu       sync.Mutex
	layouts  map[types.Type]*layout
	canon    typeutil.Map // types.Type -> *layout, by identity
	pending  []func()     // to do when no type is half made
	making   int
	named    map[reflect.Type]*namedType
	funs     map[*ssa.Function]*fun
	extra    map[*types.Func]*ssa.Function
	globals  map[*ssa.Global]unsafe.Pointer
	makers   map[reflect.Type]*rt.FuncMaker
	harvests map[string]bool
	found    map[string]reflect.Type
	locals   localTypes
	source   map[*types.Package]bool // interpreted, though not main

	notes []string
	noted map[string]bool

	back  sync.Map // reflect.Type -> types.Type of types that have interpreted methods
	impls sync.Map // implKey -> bool
	itabs sync.Map // itabKey -> unsafe.Pointer

	gors    gorTable
	pcs     pcs
	current currentRun
	dbg     debugging
}

// New makes a machine.
func New(o Options) *Machine {
	return &Machine{
		opt: o, Prog: ssa.NewProgram(o.Fset, ssa.InstantiateGenerics),
		layouts: map[types.Type]*layout{}, named: map[reflect.Type]*namedType{}, funs: map[*ssa.Function]*fun{},
		extra: map[*types.Func]*ssa.Function{}, globals: map[*ssa.Global]unsafe.Pointer{}, makers: map[reflect.Type]*rt.FuncMaker{},
		harvests: map[string]bool{}, found: map[string]reflect.Type{}, source: map[*types.Package]bool{},
		noted: map[string]bool{},
	}
}

// Global returns the address of a package-level variable. Mu is held.
func (m *Machine) Global(g *ssa.Global) unsafe.Pointer {
	if plain := m.dbg.alias[g]; plain != nil {
		g = plain
	}
	if p := m.globals[g]; p != nil {
		return p
	}
	var p unsafe.Pointer
	if g.Pkg != nil && !m.interpreted(g.Pkg.Pkg) {
		if v, ok := m.opt.Symbol(g.Pkg.Pkg.Path(), g.Name()); ok && v.CanAddr() {
			p = v.Addr().UnsafePointer()
		}
	}
	if p == nil {
		p = rt.New(m.memory(g.Type().Underlying().(*types.Pointer).Elem()).rtyp)
	}
	m.globals[g] = p
	return p
}

// Interpret says that nothing of a package is compiled, though a library may have one with its path. Mu is held.
func (m *Machine) Interpret(p *types.Package) { m.source[p] = true }

func (m *Machine) interpreted(p *types.Package) bool { return m.source[p] || p.Path() == "main" }

// SetGlobal gives a variable the memory at p. Mu is held, and no code that uses
// the variable has run.
func (m *Machine) SetGlobal(g *ssa.Global, p unsafe.Pointer) { m.globals[g] = p }

// SetFunc gives a variable the value of a function. Mu is held.
func (m *Machine) SetFunc(g *ssa.Global, fn *ssa.Function) {
	*(*unsafe.Pointer)(m.Global(g)) = m.funcWord(fn)
}

// Forget drops a variable's memory. Mu is held.
func (m *Machine) Forget(g *ssa.Global) { delete(m.globals, g) }

// Attach makes fn the body of a method that was added to a type after it was
// declared. Mu is held.
func (m *Machine) Attach(method *types.Func, fn *ssa.Function) {
	m.extra[method] = fn
	if f := m.funs[m.Prog.FuncValue(method)]; f != nil {
		f.redirect(m.fun(fn))
	}
	for sf, f := range m.funs {
		if sf.Object() == method && sf != fn && declares(sf, method) {
			f.redirect(m.fun(fn))
		}
	}
}

// Forward makes callers of an earlier function call a later one. Mu is held.
func (m *Machine) Forward(from, to *ssa.Function) { m.fun(from).redirect(m.fun(to)) }

// FuncRef is a function that can be run.
type FuncRef struct{ f, init *fun }

// Func makes a reference to a function. Mu is held.
func (m *Machine) Func(sf *ssa.Function) FuncRef { return FuncRef{f: m.fun(sf)} }

// After makes a reference to a function that runs after init. Mu is held.
func (m *Machine) After(init, sf *ssa.Function) FuncRef { return FuncRef{m.fun(sf), m.fun(init)} }

// Type returns the run-time type of t. Mu is held.
func (m *Machine) Type(t types.Type) reflect.Type { return m.memory(t).rt }

// unsupported is the panic of code that the interpreter cannot run.
type unsupported string

func (e unsupported) Error() string { return string(e) }

func unsupportedf(format string, a ...any) unsupported { return unsupported(fmt.Sprintf(format, a...)) }

// Variable returns a variable's value, which is addressable. Mu is held.
func (m *Machine) Variable(g *ssa.Global) reflect.Value {
	p := m.Global(g)
	return reflect.NewAt(m.rtype(g.Type().Underlying().(*types.Pointer).Elem()), p).Elem()
}

// EndCell ends the cell whose code calls, as if it had come to its end.
func (m *Machine) EndCell() { panic(exitSignal{}) }

// Declared returns the checked type of a run-time type that a cell declared, or
// nil.
func (m *Machine) Declared(r reflect.Type) types.Type { return m.typeOf(r) }
