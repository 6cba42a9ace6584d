package rt

import "unsafe"

// Func values of common types need not go through reflect: their code is a
// compiled closure, a shim, whose one captured variable is the Func. A Func that
// has a shim's code is such a closure, and is told by pointing to itself where
// the variable is.

// NewShimMaker makes a maker for func values whose code is that of shim(f), a
// closure of a generic function that captures its argument alone; nil if closures
// are not as they are known. Such a closure has a word more, which tells it its
// types and points to static data.
func NewShimMaker(shim func(f *Func) any) *FuncMaker {
	if !funcLayoutKnown {
		return nil
	}
	sample := new(Func)
	x := shim(sample)
	word := (*[2]unsafe.Pointer)(unsafe.Pointer(&x))[1]
	if *captured(word) != unsafe.Pointer(sample) {
		return nil
	}
	c := (*[3]uintptr)(word)
	return &FuncMaker{shim: c[0], types: c[2]}
}

// captured returns where a closure has its first variable.
func captured(fn unsafe.Pointer) *unsafe.Pointer {
	return (*unsafe.Pointer)(unsafe.Add(fn, wordSize))
}
