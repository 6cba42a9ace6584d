package rt

import (
	"errors"
	"reflect"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"unsafe"
)

// The run time remembers for ever that a type does not implement an interface:
// as a method table without methods in a table of its own. When a type gets
// methods later, those entries must get them too. The table is a variable that
// no symbol leads to; what getitab does first is to load it.

//go:linkname getitab runtime.getitab
func getitab(inter, typ unsafe.Pointer, canfail bool) unsafe.Pointer

// itabTable mirrors the run time's table of all method tables.
type itabTable struct {
	size, count uintptr  // size is a power of two
	entries     [1]*itab // size of them
}

// variable returns the variable at an address in the program's data.
func variable(addr uintptr) *unsafe.Pointer { return *(**unsafe.Pointer)(unsafe.Pointer(&addr)) }

func (t *itabTable) all() []*itab {
	return unsafe.Slice((**itab)(unsafe.Pointer(&t.entries)), t.size)
}

// tableVariable returns where the run time has the address of its table, nil if
// that was not found.
var tableVariable = sync.OnceValue(func() *unsafe.Pointer {
	if !archKnown {
		return nil
	}
	fn := getitab
	code := **(**unsafe.Pointer)(unsafe.Pointer(&fn))
	for _, p := range loads(code) {
		if holdsTable(p) {
			return p
		}
	}
	return nil
})

// knownEntry is of an interface and a type that the program has a method table for.
var knownEntry = func() *itab {
	var e error = invisibleError{}
	return *(**itab)(unsafe.Pointer(&e))
}

// holdsTable tests a candidate, which may point anywhere.
func holdsTable(p *unsafe.Pointer) (ok bool) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		if recover() != nil {
			ok = false
		}
	}()
	t := (*itabTable)(atomic.LoadPointer(p))
	if t == nil || t.size < 512 || t.size > 1<<20 || t.size&(t.size-1) != 0 || t.count == 0 || t.count > t.size {
		return false
	}
	want, n := knownEntry(), uintptr(0)
	for _, e := range t.all() {
		if e != nil {
			n++
		}
		ok = ok || e == want
	}
	return ok && n == t.count
}

var errTable = errors.New("compiled code that asked before whether it has them may not see the methods it got now; declare it again together with them")

// revise gives T and *T the methods in all method tables that were made before
// they had them.
func (n *Named) revise() error {
	v := tableVariable()
	if v == nil {
		return errTable
	}
	for _, e := range (*itabTable)(atomic.LoadPointer(v)).all() {
		if e == nil || e.Fun[0] != 0 {
			continue
		}
		switch e.Type {
		case unsafe.Pointer(n.t):
			n.tm.fill(e, n.T)
		case unsafe.Pointer(n.p):
			n.pm.fill(e, n.P)
		}
	}
	return nil
}

// fill completes e if t now has all methods that its interface asks for.
func (t *methodTable) fill(e *itab, typ reflect.Type) {
	inter := Reflect(Type(e.Inter))
	if !typ.Implements(inter) {
		return
	}
	fun := unsafe.Slice((*uintptr)(unsafe.Pointer(&e.Fun)), inter.NumMethod())
	for i := range fun {
		m := inter.Method(inter.NumMethod() - 1 - i) // the first last, since it says that the table is complete
		atomic.StoreUintptr(&fun[len(fun)-1-i], t.code[methodKey{m.Name, m.PkgPath}])
	}
}
