package rt

import (
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
const stubs = 32768

var (
	contexts [stubs]unsafe.Pointer
	stubMu   sync.Mutex
	nextStub int
)

// reserve sets n stubs apart. take makes the next of them call a func and
// returns the offset and the address of its code.
func reserve(n int) (take func(fn reflect.Value) (off int32, pc uintptr), err error) {
	stubMu.Lock()
	defer stubMu.Unlock()
	if nextStub+n > stubs {
		return nil, fmt.Errorf("this session has declared types with %d methods, and there is no room for more; restart it", nextStub/2)
	}
	i := nextStub
	nextStub += n
	return func(fn reflect.Value) (int32, uintptr) {
		contexts[i] = *(*unsafe.Pointer)(addressOf(fn))
		p := stubAddress(i)
		i++
		return addReflectOff(p), uintptr(p)
	}, nil
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
