package interp

import (
	"reflect"
	"runtime"
	"sync"
	"unsafe"
)

// The run time has few goroutines for cleanups and one for finalizers, which compiled code in this process needs as well: to
// close files, or to forget what was unique. What a cell wants done is only begun there, so that a cell whose cleanup waits
// for ever keeps none but its own session's waiting.

// sequence runs functions one after the other, on a goroutine that lives while there are any.
type sequence struct {
	mu      sync.Mutex
	running bool
	rest    []func()
}

func (s *sequence) add(f func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.rest = append(s.rest, f)
	if !s.running {
		s.running = true
		go s.run()
	}
}

// run goes on on another goroutine if a function ends this one.
func (s *sequence) run() {
	done := false
	defer func() {
		if !done {
			go s.run()
		}
	}()
	for {
		s.mu.Lock()
		if len(s.rest) == 0 {
			s.running, s.rest, done = false, nil, true
			s.mu.Unlock()
			return
		}
		f := s.rest[0]
		s.rest[0] = nil
		s.rest = s.rest[1:]
		s.mu.Unlock()
		f()
	}
}

// setFinalizer is runtime.SetFinalizer.
func (in *Interp) setFinalizer(obj, finalizer any) {
	f := reflect.ValueOf(finalizer)
	if f.Kind() != reflect.Func || f.IsNil() {
		runtime.SetFinalizer(obj, finalizer)
		return
	}
	t := f.Type()
	runtime.SetFinalizer(obj, reflect.MakeFunc(t, func(args []reflect.Value) (out []reflect.Value) {
		in.finalizers.add(func() { f.Call(args) })
		for r := range t.Outs() {
			out = append(out, reflect.Zero(r))
		}
		return out
	}).Interface())
}

// addCleanup is runtime.AddCleanup.
func (in *Interp) addCleanup(a []reflect.Value) []reflect.Value {
	p, f := (*byte)(a[0].UnsafePointer()), a[1]
	if a[2].Kind() == reflect.Pointer && a[2].UnsafePointer() == unsafe.Pointer(p) {
		panic("runtime.AddCleanup: ptr is equal to arg, cleanup will never run")
	}
	return results(runtime.AddCleanup(p, func(arg reflect.Value) {
		in.cleanups.add(func() { f.Call([]reflect.Value{arg}) })
	}, copied(a[2])))
}

// generic returns an instance of a generic function of compiled packages.
func (in *Interp) generic(name string, types []reflect.Type) instance {
	if name == "runtime.AddCleanup" {
		return in.addCleanup
	}
	return generic(name, types)
}
