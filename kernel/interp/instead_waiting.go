package interp

import (
	"context"
	"reflect"
	"sync"
	"time"

	"github.com/godlas/godlas/kernel/interp/internal/compile"
	"github.com/godlas/godlas/kernel/interp/internal/waits"
)

// waiting is what cells wait with, as versions that end with the cell.
func (in *Interp) waiting() map[string]any {
	who := func() <-chan struct{} { return in.m.Done() }
	// A wait that was given up ends the code that waits.
	kept := func(ok bool) {
		if !ok {
			in.m.Halt()
		}
	}
	// What a compiled program would not survive ends the cell, except that what
	// an interrupted one gives back need not be its own.
	held := func(ok bool, why string) {
		if !ok && in.m.Current().Err() == nil {
			compile.Fatal("sync: " + why)
		}
	}
	rlock := func(lock func(*sync.RWMutex)) reflect.Value {
		t := reflect.TypeOf(new(sync.RWMutex).RLocker())
		return reflect.MakeFunc(reflect.FuncOf([]reflect.Type{t}, nil, false), func(a []reflect.Value) []reflect.Value {
			lock((*sync.RWMutex)(a[0].UnsafePointer()))
			return nil
		})
	}
	readLock := func(rw *sync.RWMutex) { kept(waits.RLock(rw, who)) }
	readUnlock := func(rw *sync.RWMutex) { held(waits.RUnlock(rw), "RUnlock of unlocked RWMutex") }
	return map[string]any{
		"sync.(*Mutex).Lock":      func(mu *sync.Mutex) { kept(waits.Lock(mu, who)) },
		"sync.(*Mutex).Unlock":    func(mu *sync.Mutex) { held(waits.Unlock(mu), "unlock of unlocked mutex") },
		"sync.(*RWMutex).Lock":    func(rw *sync.RWMutex) { kept(waits.WLock(rw, who)) },
		"sync.(*RWMutex).Unlock":  func(rw *sync.RWMutex) { held(waits.WUnlock(rw), "Unlock of unlocked RWMutex") },
		"sync.(*RWMutex).RLock":   readLock,
		"sync.(*RWMutex).RUnlock": readUnlock,
		"sync.(*rlocker).Lock":    rlock(readLock),
		"sync.(*rlocker).Unlock":  rlock(readUnlock),
		"sync.(*Cond).Wait":       func(c *sync.Cond) { kept(waits.CondWait(c, who)) },
		"sync.(*Cond).Signal":     waits.Signal,
		"sync.(*Cond).Broadcast":  waits.Broadcast,
		"sync.(*Once).Do":         func(o *sync.Once, f func()) { kept(waits.Do(o, f, who)) },
		"sync.(*WaitGroup).Add":   waits.Add,
		"sync.(*WaitGroup).Done":  func(wg *sync.WaitGroup) { waits.Add(wg, -1) },
		"sync.(*WaitGroup).Wait":  func(wg *sync.WaitGroup) { kept(waits.Wait(wg, who)) },
		"sync.(*WaitGroup).Go": func(wg *sync.WaitGroup, f func()) {
			waits.Add(wg, 1)
			run := in.m.Go(f)
			go func() {
				defer waits.Add(wg, -1)
				run()
			}()
		},

		"time.Sleep": func(d time.Duration) {
			if d <= 0 {
				return
			}
			t := time.NewTimer(d)
			defer t.Stop()
			select {
			case <-t.C:
			case <-in.m.Done():
			}
		},
		"time.AfterFunc":     func(d time.Duration, f func()) *time.Timer { return time.AfterFunc(d, in.m.Go(f)) },
		"context.Background": func() context.Context { return root{in.m.Current(), "context.Background"} },
		"context.TODO":       func() context.Context { return root{in.m.Current(), "context.TODO"} },
	}
}

// root is what cells have as the root of their contexts: it ends with the cell.
type root struct {
	context.Context
	name string
}

func (r root) String() string { return r.name }
