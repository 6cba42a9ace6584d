package rt

import (
	"errors"
	"fmt"
	"reflect"
	"runtime"
	"sync"
	"unsafe"
)

// A method table holds code addresses without a context, so each method of a
// type made at run time needs code of its own: a stub that loads its context, a
// func value, and jumps to it. They are entry points, stubSize bytes apart, into
// one assembly function.
const stubs = 16384

var (
	contexts [stubs]unsafe.Pointer
	stubMu   sync.Mutex
	nextStub int
)

// stub returns the offset of code that calls fn.
func stub(fn reflect.Value) (int32, error) {
	stubMu.Lock()
	defer stubMu.Unlock()
	if nextStub == stubs {
		return 0, errors.New("this session has declared more methods than it has room for; restart it")
	}
	i := nextStub
	nextStub++
	contexts[i] = *(*unsafe.Pointer)(addressOf(fn))
	return addReflectOff(stubAddress(i)), nil
}

// Check reports whether the layout of types and code is as this package knows
// it. It tells why methods of types made at run time are not possible.
var Check = sync.OnceValue(check)

func check() error {
	if !archKnown {
		return fmt.Errorf("methods on types declared in a cell are not supported on %s", runtime.GOARCH)
	}
	unknown := fmt.Errorf("methods on types declared in a cell are not supported with %s", runtime.Version())
	if !stubsKnown() || !funcLayoutKnown {
		return unknown
	}
	// what reflect says about compiled types must be found by our mirrors
	type sample struct {
		A int8
		B map[string][]int
		C [2]any
	}
	t := reflect.TypeFor[sample]()
	st := (*structType)(Of(t))
	if st.Size != t.Size() || st.Kind != uint8(reflect.Struct) || len(st.Fields) != 3 || st.Fields[1].Typ != ptrOf(t.Field(1).Type) ||
		st.Fields[2].Off != t.Field(2).Offset || st.TFlag&tflagNamed == 0 || st.Equal != nil {
		return unknown
	}
	mt := (*mapType)(Of(t.Field(1).Type))
	if mt.Key != ptrOf(t.Field(1).Type.Key()) || mt.Elem != ptrOf(t.Field(1).Type.Elem()) || mt.Hasher == nil {
		return unknown
	}
	at := (*arrayType)(Of(t.Field(2).Type))
	if at.Len != 2 || at.Elem != ptrOf(reflect.TypeFor[any]()) {
		return unknown
	}
	if !Direct(Of(reflect.TypeFor[*int]())) || Direct(Of(reflect.TypeFor[int]())) || !Direct(Of(reflect.TypeFor[struct{ p *int }]())) {
		return unknown
	}
	return nil
}
