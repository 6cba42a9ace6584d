package waits

import (
	"sync"
	"unsafe"
)

// Lock locks mu. It reports false if the caller gave up.
func Lock(mu *sync.Mutex, who Who) bool {
	p := unsafe.Pointer(mu)
	if !locks.waiting(p) && mu.TryLock() {
		return true
	}
	return locks.acquire(p, false, mu.TryLock, who)
}

// Unlock unlocks mu. It reports false if mu was not locked, which the run time
// does not survive.
func Unlock(mu *sync.Mutex) bool {
	if mu.TryLock() {
		mu.Unlock()
		return false
	}
	mu.Unlock()
	if p := unsafe.Pointer(mu); locks.waiting(p) {
		locks.release(p)
	}
	return true
}

// WLock is Lock of an RWMutex.
func WLock(rw *sync.RWMutex, who Who) bool {
	p := unsafe.Pointer(rw)
	if !locks.waiting(p) && rw.TryLock() {
		return true
	}
	return locks.acquire(p, false, rw.TryLock, who)
}

// WUnlock is Unlock of an RWMutex.
func WUnlock(rw *sync.RWMutex) bool {
	if n, known := readers(rw); known && n >= 0 {
		return false
	}
	rw.Unlock()
	if p := unsafe.Pointer(rw); locks.waiting(p) {
		locks.release(p)
	}
	return true
}

// RLock is RLock of an RWMutex.
func RLock(rw *sync.RWMutex, who Who) bool {
	p := unsafe.Pointer(rw)
	if !locks.waiting(p) && rw.TryRLock() {
		return true
	}
	return locks.acquire(p, true, rw.TryRLock, who)
}

// RUnlock is RUnlock of an RWMutex.
func RUnlock(rw *sync.RWMutex) bool {
	if n, known := readers(rw); known && (n == 0 || n == -maxReaders) {
		return false
	}
	rw.RUnlock()
	if p := unsafe.Pointer(rw); locks.waiting(p) {
		locks.release(p)
	}
	return true
}

// Do is Do of a Once, of which another goroutine may run the function now.
func Do(o *sync.Once, f func(), who Who) bool {
	if mu := onceLock(o); mu != nil {
		if !Lock(mu, who) {
			return false
		}
		Unlock(mu)
		defer func() {
			if p := unsafe.Pointer(mu); locks.waiting(p) {
				locks.release(p)
			}
		}()
	}
	o.Do(f)
	return true
}
