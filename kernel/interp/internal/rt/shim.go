package rt

import (
	"sync"
	"sync/atomic"
	"unsafe"
)

// Func values of common types need not go through reflect: their code is a
// compiled closure, a shim, whose one captured variable is the Func. A Func that
// has a shim's code is such a closure. It is told by its code alone, as there may
// be nothing behind that in other func values.

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
	if !shims.add(c[0]) {
		return nil
	}
	return &FuncMaker{shim: c[0], types: c[2]}
}

// shims is where the code of the shims is.
var shims codes

// codes is a set of addresses of functions that is read without a lock: a hash
// table, half of which stays free.
type codes struct {
	table [256]uintptr
	count int
	mu    sync.Mutex // of who adds
}

func (c *codes) has(pc uintptr) bool {
	for i := pc >> 5; ; i++ { // functions are aligned
		switch atomic.LoadUintptr(&c.table[i%uintptr(len(c.table))]) {
		case pc:
			return true
		case 0:
			return false
		}
	}
}

// add says no if there is no room.
func (c *codes) add(pc uintptr) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.has(pc) {
		return true
	}
	if c.count == len(c.table)/2 {
		return false
	}
	c.count++
	i := pc >> 5
	for c.table[i%uintptr(len(c.table))] != 0 {
		i++
	}
	atomic.StoreUintptr(&c.table[i%uintptr(len(c.table))], pc)
	return true
}

// captured returns where a closure has its first variable.
func captured(fn unsafe.Pointer) *unsafe.Pointer {
	return (*unsafe.Pointer)(unsafe.Add(fn, wordSize))
}
