package rt

import (
	"reflect"
	"unsafe"
)

// itab mirrors the method table that an interface with methods holds.
type itab struct {
	Inter, Type unsafe.Pointer
	Hash        uint32
	Fun         [1]uintptr
}

// Blind returns a method table for an interface whose methods compiled code
// cannot call on values of type typ: it keeps the value's type, for interpreted
// code, and every method panics.
func Blind(inter, typ reflect.Type) unsafe.Pointer {
	n := inter.NumMethod()
	size := unsafe.Sizeof(itab{}) + uintptr(n)*wordSize
	t := (*itab)(New(Layout(size, []uintptr{0, wordSize})))
	t.Inter, t.Type = unsafe.Pointer(Of(inter)), unsafe.Pointer(Of(typ))
	fn := invisible
	code := **(**uintptr)(unsafe.Pointer(&fn))
	for i := range n {
		*(*uintptr)(unsafe.Add(unsafe.Pointer(&t.Fun), uintptr(i)*wordSize)) = code
	}
	keep(unsafe.Pointer(t))
	return unsafe.Pointer(t)
}

//go:noinline
func invisible() { panic(invisibleError{}) }

// invisibleError is the panic of a method that compiled code cannot call.
type invisibleError struct{}

func (invisibleError) Error() string {
	why := "it was added after compiled code had looked for it"
	if err := Check(); err != nil {
		why = err.Error()
	}
	return "compiled code called a method that it cannot see, of a type declared in a cell: " + why
}
func (invisibleError) RuntimeError() {}
