package waits

import (
	"sync"
	"sync/atomic"
	"testing"
	"time"
	"unsafe"

	"github.com/godlas/godlas/internal/awake"
)

func never() <-chan struct{} { return nil }

func now() <-chan struct{} {
	c := make(chan struct{})
	close(c)
	return c
}

// ends fails the test if f does not end.
func ends(t *testing.T, what string, f func()) {
	t.Helper()
	done := make(chan struct{})
	go func() {
		defer close(done)
		f()
	}()
	select {
	case <-done:
	case <-awake.After(20 * time.Second):
		t.Fatalf("%s does not end", what)
	}
}

func nobodyWaits(t *testing.T) {
	t.Helper()
	for _, qs := range []*queues{&locks, &groups, &signs} {
		for i := range qs {
			if s := &qs[i]; s.n.Load() != 0 || len(s.q) != 0 {
				t.Errorf("%d wait still, in %d queues", s.n.Load(), len(s.q))
			}
		}
	}
}

func TestLayoutsAreKnown(t *testing.T) {
	if !readersKnown || !groupKnown || !onceKnown {
		t.Errorf("package sync has changed: RWMutex %v, WaitGroup %v, Once %v", readersKnown, groupKnown, onceKnown)
	}
}

// TestMutex locks from goroutines that park and from some that know nothing of it.
func TestMutex(t *testing.T) {
	var mu sync.Mutex
	n := 0
	ends(t, "the count", func() {
		var wg sync.WaitGroup
		for i := range 16 {
			wg.Go(func() {
				for range 500 {
					if i%4 == 0 {
						mu.Lock()
						n++
						mu.Unlock()
						continue
					}
					if !Lock(&mu, never) {
						t.Error("given up")
					}
					n++
					if !Unlock(&mu) {
						t.Error("was not locked")
					}
				}
			})
		}
		wg.Wait()
	})
	if n != 16*500 {
		t.Error(n)
	}
	nobodyWaits(t)
}

// TestNobodyStarves: a goroutine that takes the lock back at once does not keep others from it.
func TestNobodyStarves(t *testing.T) {
	var mu sync.Mutex
	var got atomic.Bool
	Lock(&mu, never)
	ends(t, "the other", func() {
		go func() {
			Lock(&mu, never)
			got.Store(true)
			Unlock(&mu)
		}()
		for !got.Load() {
			time.Sleep(50 * time.Microsecond)
			Unlock(&mu)
			Lock(&mu, never)
		}
		Unlock(&mu)
	})
	nobodyWaits(t)
}

func TestGivingUp(t *testing.T) {
	var mu sync.Mutex
	var rw sync.RWMutex
	var wg sync.WaitGroup
	var once sync.Once
	mu.Lock()
	rw.Lock()
	wg.Add(1)
	c := sync.NewCond(&sync.Mutex{})
	c.L.Lock()
	in, out := make(chan bool), make(chan bool)
	go once.Do(func() { close(in); <-out })
	<-in
	for name, wait := range map[string]func() bool{
		"Lock": func() bool { return Lock(&mu, now) }, "WLock": func() bool { return WLock(&rw, now) },
		"RLock": func() bool { return RLock(&rw, now) }, "Wait": func() bool { return Wait(&wg, now) },
		"CondWait": func() bool { return CondWait(c, now) }, "Do": func() bool { return Do(&once, func() {}, now) },
	} {
		ends(t, name, func() {
			if wait() {
				t.Errorf("%s has waited", name)
			}
		})
	}
	close(out)
	if c.L.(*sync.Mutex).TryLock() {
		t.Error("the condition's lock was free and not taken back")
	}
	nobodyWaits(t)
}

func TestNotLocked(t *testing.T) {
	var mu sync.Mutex
	var rw sync.RWMutex
	if Unlock(&mu) || WUnlock(&rw) || RUnlock(&rw) {
		t.Error("unlocked what was not locked")
	}
	rw.RLock()
	if WUnlock(&rw) {
		t.Error("unlocked for writing what is locked for reading")
	}
	rw.RUnlock()
	rw.Lock()
	if RUnlock(&rw) {
		t.Error("unlocked for reading what is locked for writing")
	}
	if !WUnlock(&rw) || !mu.TryLock() || !rw.TryLock() {
		t.Error("in another state than before")
	}
}

func TestRWMutex(t *testing.T) {
	var rw sync.RWMutex
	var inside atomic.Int32
	n := 0
	ends(t, "the count", func() {
		var wg sync.WaitGroup
		for range 8 {
			wg.Go(func() {
				for range 200 {
					RLock(&rw, never)
					if inside.Load() != 0 {
						t.Error("reads while one writes")
					}
					_ = n
					RUnlock(&rw)
				}
			})
			wg.Go(func() {
				for range 200 {
					WLock(&rw, never)
					inside.Add(1)
					n++
					inside.Add(-1)
					WUnlock(&rw)
				}
			})
		}
		wg.Wait()
	})
	if n != 8*200 {
		t.Error(n)
	}
	nobodyWaits(t)
}

// TestWritersComeThrough: readers that overlap without end do not keep a writer out.
func TestWritersComeThrough(t *testing.T) {
	var rw sync.RWMutex
	var done atomic.Bool
	ends(t, "the writer", func() {
		var wg sync.WaitGroup
		for range 3 {
			wg.Go(func() {
				for !done.Load() {
					RLock(&rw, never)
					time.Sleep(100 * time.Microsecond)
					RUnlock(&rw)
				}
			})
		}
		WLock(&rw, never)
		done.Store(true)
		WUnlock(&rw)
		wg.Wait()
	})
	nobodyWaits(t)
}

func TestWaitGroup(t *testing.T) {
	var wg sync.WaitGroup
	var n atomic.Int32
	wg.Add(20)
	for i := range 20 {
		go func() {
			n.Add(1)
			if i%2 == 0 {
				wg.Done()
				return
			}
			Add(&wg, -1)
		}()
	}
	ends(t, "Wait", func() {
		if !Wait(&wg, never) || n.Load() != 20 {
			t.Error(n.Load())
		}
	})
	nobodyWaits(t)
}

func TestCond(t *testing.T) {
	for name, c := range map[string]*sync.Cond{
		"Mutex": sync.NewCond(&sync.Mutex{}), "RWMutex": sync.NewCond(&sync.RWMutex{}), "RLocker": sync.NewCond(new(sync.RWMutex).RLocker()),
	} {
		var ready, woken atomic.Int32
		var wg sync.WaitGroup
		for range 10 {
			wg.Go(func() {
				lock(c.L, never)
				ready.Add(1)
				CondWait(c, never)
				woken.Add(1)
				unlock(c.L)
			})
		}
		waiting := func(n int32) bool { return signs[shard(unsafe.Pointer(c))].n.Load() == n }
		ends(t, name, func() {
			for ready.Load() < 10 || !waiting(10) {
				time.Sleep(time.Millisecond)
			}
			Signal(c)
			for woken.Load() < 1 {
				time.Sleep(time.Millisecond)
			}
			if time.Sleep(5 * time.Millisecond); woken.Load() != 1 || !waiting(9) {
				t.Errorf("%s: one signal wakes %d", name, woken.Load())
			}
			Broadcast(c)
			wg.Wait()
		})
	}
	nobodyWaits(t)
}
