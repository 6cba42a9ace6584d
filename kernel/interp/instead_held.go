package interp

import (
	"crypto/tls"
	"io"
	"reflect"
	"runtime"
	"sync"
	"time"
	"unsafe"
	"weak"

	"github.com/godlas/godlas/kernel/interp/internal/compile"
)

// held has what cells have opened and compiled code may block on: connections,
// listeners, servers, pipes, processes. What a cell that is interrupted had
// opened is closed. What an earlier one had opened stays, but waiting for it
// ends if nobody else can be waiting.
type held struct {
	mu  sync.Mutex
	all map[*opened]struct{}
	by  map[uintptr]*opened // its address; of those that are kept
}

// opened is one of them. Its functions must not keep the thing alive.
type opened struct {
	run  *compile.Run
	end  func()
	poke func() // ends what waits now, and no more; may be nil
	at   uintptr
	// users are the runs that wait for it in a call of its own.
	users map[*compile.Run]int
}

func (h *held) add(o *opened) {
	if o.run == nil {
		return
	}
	h.mu.Lock()
	if h.all == nil {
		h.all, h.by = map[*opened]struct{}{}, map[uintptr]*opened{}
	}
	h.all[o] = struct{}{}
	if o.at != 0 {
		h.by[o.at] = o
	}
	h.mu.Unlock()
	if o.run.Stopped() {
		h.stop(o.run)
	}
}

func (h *held) drop(o *opened) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.dropLocked(o)
}

func (h *held) dropLocked(o *opened) {
	delete(h.all, o)
	if h.by[o.at] == o { // what was there may be gone, and another at its place
		delete(h.by, o.at)
	}
}

// use runs f, which may wait for x.
func (h *held) use(run *compile.Run, x unsafe.Pointer, f func()) {
	h.mu.Lock()
	o := h.by[uintptr(x)]
	if o == nil || run == nil {
		h.mu.Unlock()
		f()
		return
	}
	if o.users == nil {
		o.users = map[*compile.Run]int{}
	}
	o.users[run]++
	h.mu.Unlock()
	defer func() {
		h.mu.Lock()
		defer h.mu.Unlock()
		if o.users[run]--; o.users[run] == 0 {
			delete(o.users, run)
		}
	}()
	if !run.Stopped() {
		f()
	}
}

// stop closes what a run has opened, and ends what else it waits for.
func (h *held) stop(run *compile.Run) {
	var mine, others []*opened
	h.mu.Lock()
	for o := range h.all {
		switch {
		case o.run == run:
			mine = append(mine, o)
			h.dropLocked(o)
		case o.users[run] > 0 && o.poke != nil:
			others = append(others, o)
		}
	}
	h.mu.Unlock()
	for _, o := range mine {
		o.end()
	}
	for _, o := range others {
		o.poke()
	}
}

// poke ends what waits for things of runs that have no goroutine any more: it
// can only be the run that is stopped.
func (h *held) poke() {
	var idle []*opened
	h.mu.Lock()
	for o := range h.all {
		if o.poke != nil && o.run.Live() == 0 {
			idle = append(idle, o)
		}
	}
	h.mu.Unlock()
	for _, o := range idle {
		o.poke()
	}
}

// deadliner is a file or connection that is waited for.
type deadliner interface {
	SetDeadline(time.Time) error
}

// keep adds a connection, listener or file to what is held for the calling
// code. It does not keep it alive.
func (in *Interp) keep(x io.Closer) {
	v := reflect.ValueOf(x)
	if v.Kind() != reflect.Pointer || v.IsNil() {
		return
	}
	t, p := v.Type().Elem(), (*byte)(v.UnsafePointer())
	w := weak.Make(p)
	with := func(f func(x any)) func() {
		return func() {
			if p := w.Value(); p != nil {
				f(reflect.NewAt(t, unsafe.Pointer(p)).Interface())
			}
		}
	}
	o := &opened{run: in.m.CurrentRun(), at: uintptr(unsafe.Pointer(p))}
	o.end = with(func(x any) { _ = x.(io.Closer).Close() })
	if _, ok := x.(deadliner); ok {
		o.poke = with(poke)
	}
	in.held.add(o)
	runtime.AddCleanup(p, in.held.drop, o)
}

// poke wakes what waits for a file or connection.
func poke(x any) {
	set := x.(deadliner).SetDeadline
	if t, ok := x.(*tls.Conn); ok {
		set = t.SetReadDeadline // a write that times out spoils the connection
	}
	if set(time.Unix(1, 0)) == nil {
		time.Sleep(time.Millisecond)
		_ = set(time.Time{})
	}
}
