package waits

import (
	"sync"
	"unsafe"
)

// Add is Add of a WaitGroup.
func Add(wg *sync.WaitGroup, delta int) {
	wg.Add(delta)
	if p := unsafe.Pointer(wg); delta < 0 && groups.waiting(p) {
		groups.release(p)
	}
}

// Wait is Wait of a WaitGroup. It reports false if the caller gave up.
func Wait(wg *sync.WaitGroup, who Who) bool {
	if _, known := pending(wg); !known {
		wg.Wait()
		return true
	}
	none := func() bool {
		n, _ := pending(wg)
		return n == 0
	}
	return none() || groups.acquire(unsafe.Pointer(wg), true, none, who)
}
