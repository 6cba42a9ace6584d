package rt

import (
	"reflect"
	"sync"
	"unsafe"
)

// A Func is a func value made here. It can be called by compiled code like any
// other; interpreted code recognises it and calls what it carries directly.
// The header is what reflect.MakeFunc makes.
type Func struct {
	makeFunc
	// Code and Vars are the maker's: the interpreted function and its captured
	// variables.
	Code, Vars unsafe.Pointer
}

// makeFunc mirrors reflect.makeFuncImpl on the platforms that pass arguments in
// registers.
type makeFunc struct {
	code    uintptr
	stack   unsafe.Pointer
	argLen  uintptr
	regPtrs [2]uint8
	ftyp    unsafe.Pointer
	fn      func([]reflect.Value) []reflect.Value
}

// Enter is called when compiled code calls a Func.
type Enter func(f *Func, args []reflect.Value) []reflect.Value

// A FuncMaker makes func values of one type.
type FuncMaker struct {
	typ   reflect.Type
	proto makeFunc
	enter Enter
	// instead of these, see NewShimMaker
	shim, types uintptr
}

// NewFuncMaker makes a maker for func values of type t.
func NewFuncMaker(t reflect.Type, enter Enter) *FuncMaker {
	m := &FuncMaker{typ: t, enter: enter}
	if funcLayoutKnown {
		v := reflect.MakeFunc(t, func([]reflect.Value) []reflect.Value { return nil })
		m.proto = **(**makeFunc)(addressOf(v))
	}
	return m
}

// Make makes a func value that carries code and vars. The result is the word
// that a variable of the func type holds.
func (m *FuncMaker) Make(code, vars unsafe.Pointer) unsafe.Pointer {
	f := &Func{Code: code, Vars: vars}
	if m.shim != 0 {
		f.code, f.stack, f.argLen = m.shim, unsafe.Pointer(f), m.types
		return unsafe.Pointer(f)
	}
	fn := trampoline(m.enter, f)
	if funcLayoutKnown {
		f.makeFunc = m.proto
		f.fn = fn
		return unsafe.Pointer(f)
	}
	v := reflect.MakeFunc(m.typ, fn)
	p := *(*unsafe.Pointer)(addressOf(v))
	elsewhere.Store(p, f)
	return p
}

// trampoline is not inlined, so that all its results share one code address.
//
//go:noinline
func trampoline(enter Enter, f *Func) func([]reflect.Value) []reflect.Value {
	return func(a []reflect.Value) []reflect.Value { return enter(f, a) }
}

// Carried returns the Func that a func value is, or nil if it is compiled code.
func Carried(fn unsafe.Pointer) *Func {
	if fn == nil {
		return nil
	}
	if !funcLayoutKnown {
		f, _ := elsewhere.Load(fn)
		r, _ := f.(*Func)
		return r
	}
	// only what the code tells may be read: many func values are one word long
	if pc := *(*uintptr)(fn); pc != stubCode {
		if shims.has(pc) {
			return (*Func)(*captured(fn))
		}
		return nil
	}
	h := (*makeFunc)(fn)
	if h.fn == nil || **(**uintptr)(unsafe.Pointer(&h.fn)) != trampolineCode {
		return nil
	}
	return (*Func)(fn)
}

// elsewhere maps func values to what they carry where reflect's layout is not
// the known one; entries stay.
var elsewhere sync.Map

var stubCode, trampolineCode, funcLayoutKnown = learnFuncs()

// learnFuncs reads the code addresses that identify our func values off a sample.
func learnFuncs() (stub, tramp uintptr, ok bool) {
	fn := trampoline(nil, nil)
	word := *(*unsafe.Pointer)(unsafe.Pointer(&fn))
	if !archKnown {
		return 0, 0, false
	}
	v := reflect.MakeFunc(reflect.TypeFor[func()](), fn)
	h := *(**makeFunc)(addressOf(v))
	if *(*unsafe.Pointer)(unsafe.Pointer(&h.fn)) != word {
		return 0, 0, false
	}
	return h.code, *(*uintptr)(word), true
}

// addressOf returns the address of a copy of v.
func addressOf(v reflect.Value) unsafe.Pointer {
	p := reflect.New(v.Type())
	p.Elem().Set(v)
	return p.UnsafePointer()
}
