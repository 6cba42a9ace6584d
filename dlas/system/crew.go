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
// Each thread has a range of a phase's parts of its own, the same share of each phase, so that it finds in its cache what
// it wrote in the phase before; one that is done takes parts from the end of another's range. The run waits only for
// parts that were taken, and never for a worker that did not show up. Between phases workers spin, since handing over
// through a channel costs more than most phases take; they park soon after the run's end.
type crew struct {
	taken sync.Mutex
	here  atomic.Int32 // runs of programs in progress that could use the crew

	run     func(ir.Call)
	call    ir.Call
	ranges  []parts     // by thread; the run itself is thread 0
	scratch []ir.Memory // by thread
	workers []*worker
	fault   atomic.Pointer[fault]
	_       [64]byte
	number  atomic.Uint32 // of the current phase; what workers watch
	_       [60]byte
	done    atomic.Int32 // parts
	_       [60]byte
}

// parts is the range of parts of the current phase that a thread still has to take: the phase's number (32 bits), the
// range's end (16) and its begin (16). The number makes a claim with an outdated word fail.
type parts struct {
	word atomic.Uint64
	_    [56]byte
}

func (p *parts) set(phase uint32, begin, end int) {
	p.word.Store(uint64(phase)<<32 | uint64(end)<<16 | uint64(begin))
}

// first and last take a part from an end of the range; ok is false where none is left.
func (p *parts) first() (i int, ok bool) {
	for {
		w := p.word.Load()
		begin, end := w&maxParts, w>>16&maxParts
		if begin >= end {
			return 0, false
		}
		if p.word.CompareAndSwap(w, w+1) {
			return int(begin), true
		}
	}
}

func (p *parts) last() (i int, ok bool) {
	for {
		w := p.word.Load()
		begin, end := w&maxParts, w>>16&maxParts
		if begin >= end {
			return 0, false
		}
		if p.word.CompareAndSwap(w, w-1<<16) {
			return int(end) - 1, true
		}
	}
}

type worker struct {
	thread int
	parked atomic.Bool
	wake   chan struct{}
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
	c := &crew{ranges: make([]parts, threads), scratch: make([]ir.Memory, threads)}
	for i := range threads - 1 {
		w := &worker{thread: i + 1, wake: make(chan struct{}, 1)}
		c.workers = append(c.workers, w)
		go c.work(w)
	}
	if crews.of == nil {
		crews.of = map[int]*crew{}
	}
	crews.of[threads] = c
	return c
}

// enter tries to get the crew for one run, whose threads want that many bytes of scratch each; leave must be called in
// any case.
func (c *crew) enter(scratch int) bool {
	if c.here.Add(1) == 1 && c.taken.TryLock() {
		for t, m := range c.scratch {
			if len(m) < scratch {
				c.scratch[t] = ir.NewMemory(scratch)
			}
		}
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
func (c *crew) phase(run func(ir.Call), call *ir.Call, n int) {
	c.run, c.call = run, *call
	c.done.Store(0)
	number := c.number.Load() + 1
	for t := range c.ranges {
		c.ranges[t].set(number, n*t/len(c.ranges), n*(t+1)/len(c.ranges))
	}
	c.number.Store(number)
	c.rouse()
	c.help(0)
	c.wait(int32(n))
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

// help takes parts for a thread and runs them until none is left. The count of the parts done is told once, at the end,
// since every change of it costs a trip between the processors' caches.
func (c *crew) help(thread int) {
	n := int32(0)
	for {
		i, ok := c.ranges[thread].first()
		for t := 1; !ok && t < len(c.ranges); t++ {
			i, ok = c.ranges[(thread+t)%len(c.ranges)].last()
		}
		if !ok {
			break
		}
		c.part(i, thread)
		n++
	}
	if n > 0 {
		c.done.Add(n)
	}
}

func (c *crew) part(i, thread int) {
	defer func() {
		if v := recover(); v != nil {
			c.fault.Store(&fault{v})
		}
	}()
	call := c.call
	call.Part, call.Thread, call.Scratch = i, thread, c.scratch[thread]
	c.run(call)
}

func (c *crew) work(w *worker) {
	last := uint32(0)
	for {
		if n := c.number.Load(); n != last {
			last = n
			c.help(w.thread)
			continue
		}
		if c.spin(last) {
			continue
		}
		w.parked.Store(true)
		// A phase that began before parked was set may have missed this worker.
		if c.number.Load() != last && w.parked.CompareAndSwap(true, false) {
			continue
		}
		<-w.wake
	}
}

// spin waits for the phase after that number; false: it did not come for a while.
func (c *crew) spin(last uint32) bool {
	begin := time.Now()
	for {
		for range 200 {
			if c.number.Load() != last {
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
