package rt

import (
	"fmt"
	"reflect"
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
