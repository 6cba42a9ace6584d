package waits

import (
	"reflect"
	"sync"
	"sync/atomic"
	"unsafe"
)

// Package sync does not tell all that has to be known here. What its values
// hold is found by the names of their fields, and tried out; where a newer Go
// has it otherwise, it is not known, and cells have what package sync does.

// field returns the offset of a field of a type that has the wanted type.
func field[T, F any](name string) (uintptr, bool) {
	f, ok := reflect.TypeFor[T]().FieldByName(name)
	return f.Offset, ok && f.Type == reflect.TypeFor[F]()
}

// maxReaders is taken from the count of readers when a writer has the lock, or
// waits for it.
const maxReaders = 1 << 30

var readerCount, readersKnown = func() (uintptr, bool) {
	off, ok := field[sync.RWMutex, atomic.Int32]("readerCount")
	if !ok {
		return 0, false
	}
	var rw sync.RWMutex
	n := (*atomic.Int32)(unsafe.Add(unsafe.Pointer(&rw), off))
	rw.RLock()
	one := n.Load()
	rw.RUnlock()
	rw.Lock()
	locked := n.Load()
	rw.Unlock()
	return off, one == 1 && locked == -maxReaders && n.Load() == 0
}()

// readers returns how many have an RWMutex for reading, minus maxReaders if one
// has it for writing.
func readers(rw *sync.RWMutex) (int32, bool) {
	if !readersKnown {
		return 0, false
	}
	return (*atomic.Int32)(unsafe.Add(unsafe.Pointer(rw), readerCount)).Load(), true
}

var groupState, groupKnown = func() (uintptr, bool) {
	off, ok := field[sync.WaitGroup, atomic.Uint64]("state")
	if !ok {
		return 0, false
	}
	var wg sync.WaitGroup
	n := (*atomic.Uint64)(unsafe.Add(unsafe.Pointer(&wg), off))
	wg.Add(3)
	three := n.Load()
	wg.Add(-3)
	return off, three == 3<<32 && n.Load() == 0
}()

// pending is a WaitGroup's count.
func pending(wg *sync.WaitGroup) (int32, bool) {
	if !groupKnown {
		return 0, false
	}
	return int32((*atomic.Uint64)(unsafe.Add(unsafe.Pointer(wg), groupState)).Load() >> 32), true
}

var onceMutex, onceKnown = field[sync.Once, sync.Mutex]("m")

// onceLock is the lock that a Once holds while its function runs, or nil.
func onceLock(o *sync.Once) *sync.Mutex {
	if !onceKnown {
		return nil
	}
	return (*sync.Mutex)(unsafe.Add(unsafe.Pointer(o), onceMutex))
}

var rlockerType = reflect.TypeOf(new(sync.RWMutex).RLocker())

// rlocker returns the RWMutex of what its method RLocker has returned, or nil.
func rlocker(l sync.Locker) *sync.RWMutex {
	v := reflect.ValueOf(l)
	if v.Type() != rlockerType || v.Kind() != reflect.Pointer || v.Type().Elem().Size() != unsafe.Sizeof(sync.RWMutex{}) {
		return nil
	}
	return (*sync.RWMutex)(v.UnsafePointer())
}
