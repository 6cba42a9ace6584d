package system

import (
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"github.com/godlas/godlas/dlas/ir"
)

// A crew is the worker threads that all programs with the same number of threads share. One run at a time has it; a run
// that finds it taken works alone, which is as it should be: the other run's threads are busy.
//
// Parts of a phase are claimed from one counter, by workers and by the run itself, which waits only for parts that were
// claimed and never for a worker that did not show up. Between phases workers spin, since handing over through a channel
// costs more than most phases take; they park soon after the run's end.
type crew struct {
	taken sync.Mutex
	here  atomic.Int32 // runs of programs in progress that could use the crew

	// word is the state of the current phase: its number (32 bits), its parts (16) and the next part to claim (16). The
	// number makes a claim with an outdated word fail.
	word    atomic.Uint64
	_       [56]byte
	done    atomic.Int32
	_       [60]byte
	run     func(ir.Call)
	call    ir.Call
	fault   atomic.Pointer[fault]
	workers []*worker
}

type worker struct {
	parked atomic.Bool
	wake   chan struct{}
	_      [48]byte
}

// fault is what a kernel panicked with.
type fault struct{ value any }

const (
	maxParts = 1<<16 - 1
	// spinTime is how long a worker waits for the next phase before it parks, longer than the gap between two runs.
	spinTime = 100 * time.Microsecond
)

var crews struct {
	sync.Mutex
	of map[int]*crew
}

// crewOf returns the crew for programs of that many threads: the run itself and the workers.
func crewOf(threads int) *crew {
	threads = min(threads, runtime.GOMAXPROCS(0))
	if threads < 2 {
		return nil
	}
	crews.Lock()
	defer crews.Unlock()
	if c := crews.of[threads]; c != nil {
		return c
	}
	c := &crew{}
	for range threads - 1 {
		w := &worker{wake: make(chan struct{}, 1)}
		c.workers = append(c.workers, w)
		go c.work(w)
	}
	if crews.of == nil {
		crews.of = map[int]*crew{}
	}
	crews.of[threads] = c
	return c
}

// enter tries to get the crew for one run; leave must be called in any case.
func (c *crew) enter() bool {
	if c.here.Add(1) == 1 && c.taken.TryLock() {
		c.rouse()
		return true
	}
	return false
}

func (c *crew) leave(got bool) {
	if got {
		c.call = ir.Call{}
		c.run = nil
		c.taken.Unlock()
	}
	c.here.Add(-1)
}

func (c *crew) rouse() {
	for _, w := range c.workers {
		if w.parked.Load() && w.parked.CompareAndSwap(true, false) {
			w.wake <- struct{}{}
		}
	}
}

// phase runs all parts of a phase and returns when they are done. It panics with what a part panicked with.
func (c *crew) phase(run func(ir.Call), call *ir.Call, parts int) {
	c.run, c.call = run, *call
	c.done.Store(0)
	number := uint32(c.word.Load()>>32) + 1
	c.word.Store(uint64(number)<<32 | uint64(parts)<<16)
	c.rouse()
	for c.claim() {
	}
	c.wait(int32(parts))
	if f := c.fault.Swap(nil); f != nil {
		panic(f.value)
	}
}

// wait returns when that many parts are done. Parts are short, so one that takes long belongs to a worker that lost its
// processor: then this thread makes room, first to other goroutines, then to other threads.
func (c *crew) wait(parts int32) {
	var begin time.Time
	for spins := 0; c.done.Load() != parts; spins++ {
		if spins < 2000 {
			continue
		}
		if spins == 2000 {
			begin = time.Now()
		}
		if time.Since(begin) < spinTime {
			runtime.Gosched()
			continue
		}
		time.Sleep(20 * time.Microsecond)
	}
}

// claim takes one part and runs it; false: there is none to take.
func (c *crew) claim() bool {
	for {
		w := c.word.Load()
		next := w & maxParts
		if next >= w>>16&maxParts {
			return false
		}
		if c.word.CompareAndSwap(w, w+1) {
			c.part(int(next))
			return true
		}
	}
}

func (c *crew) part(i int) {
	defer func() {
		if v := recover(); v != nil {
			c.fault.Store(&fault{v})
		}
		c.done.Add(1)
	}()
	call := c.call
	call.Part = i
	c.run(call)
}

func (c *crew) work(w *worker) {
	for {
		if c.claim() {
			continue
		}
		if c.spin() {
			continue
		}
		w.parked.Store(true)
		// A phase that began before parked was set may have missed this worker.
		if c.open() && w.parked.CompareAndSwap(true, false) {
			continue
		}
		<-w.wake
	}
}

func (c *crew) open() bool {
	w := c.word.Load()
	return w&maxParts < w>>16&maxParts
}

// spin waits for parts to claim; false: none came for a while.
func (c *crew) spin() bool {
	begin := time.Now()
	for {
		for range 200 {
			if c.open() {
				return true
			}
		}
		if time.Since(begin) > spinTime {
			return false
		}
	}
}

// alone runs a phase without a crew.
func alone(run func(ir.Call), call *ir.Call, parts int) {
	one := *call
	for i := range parts {
		one.Part = i
		run(one)
	}
}

// panicText is what an error says of a panic in a kernel.
func panicText(v any) string { return fmt.Sprintf("a kernel failed: %v", v) }
