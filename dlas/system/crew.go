package system

import (
	"context"
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
// parts that were taken, and never for a worker that did not show up. Workers spin from a run's begin to its end, since
// handing over through a channel costs more than most phases take; they park soon after.
type crew struct {
	taken   sync.Mutex
	room    int32    // runs at the same time that leave the workers a processor each
	threads []thread // the run itself is thread 0
	workers []*worker
	fault   atomic.Pointer[fault]
	_       [64]byte
	here    atomic.Int32 // runs in progress that could use the crew
	busy    atomic.Bool  // a run has it
	stop    atomic.Bool  // the run was cancelled: parts are taken, not run
	_       [56]byte
	done    atomic.Int32 // parts
	_       [60]byte
}

// thread is what a phase hands to one thread: one cache line and its neighbour, which processors fetch together. It is
// all that a worker watches, and all it reads before it begins.
//
// word is the range of parts of the current phase still to take: the phase's number (32 bits), the range's end (16) and
// its begin (16). The number makes a claim with an outdated word fail. Who took a part may read the rest until it has
// told that the part is done.
type thread struct {
	word    atomic.Uint64
	run     func(ir.Call)
	call    *ir.Call
	scratch ir.Memory
	_       [80]byte
}

func (p *thread) set(phase uint32, begin, end int) {
	p.word.Store(uint64(phase)<<32 | uint64(end)<<16 | uint64(begin))
}

// first and last take a part from an end of the range; ok is false where none is left.
func (p *thread) first() (i int, ok bool) {
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

func (p *thread) last() (i int, ok bool) {
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
	// spinTime is how long a worker waits for the next run before it parks: longer than the gap between two.
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
	c := &crew{threads: make([]thread, threads), room: int32(max(1, runtime.GOMAXPROCS(0)-threads+1))}
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

// slots bounds the runs that compute at the same time to the processors there are; more would only push each other's
// data out of the caches.
var slots = sync.OnceValue(func() chan struct{} { return make(chan struct{}, runtime.GOMAXPROCS(0)) })

// await waits for a slot; the context may end first.
func await(ctx context.Context) error {
	select {
	case slots() <- struct{}{}:
		return nil
	default:
	}
	select {
	case slots() <- struct{}{}:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// enter tries to get the crew for one run, whose threads want that many bytes of scratch each; leave must be called in
// any case.
func (c *crew) enter(scratch int) bool {
	if c.here.Add(1) != 1 || !c.taken.TryLock() {
		return false
	}
	c.busy.Store(true)
	c.rouse()
	for t := range c.threads {
		if len(c.threads[t].scratch) < scratch {
			c.threads[t].scratch = ir.NewMemory(scratch)
		}
	}
	return true
}

func (c *crew) leave(got bool) {
	if got {
		c.busy.Store(false)
		c.stop.Store(false)
		for t := range c.threads {
			c.threads[t].run, c.threads[t].call = nil, nil
		}
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

// phase runs all parts of a phase and returns when they are done, or those begun when the context ended. It panics with
// what a part panicked with.
func (c *crew) phase(ctx context.Context, run func(ir.Call), call *ir.Call, n int) {
	c.done.Store(0)
	number := uint32(c.threads[0].word.Load()>>32) + 1
	for i := len(c.threads) - 1; i >= 0; i-- {
		t := &c.threads[i]
		t.run, t.call = run, call
		t.set(number, n*i/len(c.threads), n*(i+1)/len(c.threads))
	}
	if c.here.Load() <= c.room {
		c.rouse()
	}
	c.help(ctx, 0)
	c.wait(int32(n))
	if f := c.fault.Swap(nil); f != nil {
		panic(f.value)
	}
}

// wait returns when that many parts are done. Parts are short, so one that takes long belongs to a worker that lost its
// processor: then this thread makes room, first to other threads of the machine, then to other goroutines.
func (c *crew) wait(parts int32) {
	for spins := 0; c.done.Load() != parts; spins++ {
		switch {
		case spins < 100:
			breathe()
		case spins%4 != 0:
			yield()
		default:
			runtime.Gosched()
		}
	}
}

// help takes parts for a thread and runs them until none is left. The count of the parts done is told once, at the end,
// since every change of it costs a trip between the processors' caches. The run itself watches its context.
func (c *crew) help(ctx context.Context, thread int) {
	n := int32(0)
	for {
		from := &c.threads[thread]
		i, ok := from.first()
		for t := 1; !ok && t < len(c.threads); t++ {
			from = &c.threads[(thread+t)%len(c.threads)]
			i, ok = from.last()
		}
		if !ok {
			break
		}
		n++
		if ctx.Err() != nil {
			c.stop.Store(true)
		}
		if !c.stop.Load() {
			c.part(from.run, from.call, i, thread)
		}
	}
	if n > 0 {
		c.done.Add(n)
	}
}

func (c *crew) part(run func(ir.Call), shared *ir.Call, i, thread int) {
	defer func() {
		if v := recover(); v != nil {
			c.fault.Store(&fault{v})
		}
	}()
	call := *shared
	call.Part, call.Thread, call.Scratch = i, thread, c.threads[thread].scratch
	run(call)
}

func (c *crew) work(w *worker) {
	t := &c.threads[w.thread]
	last := uint32(0)
	for {
		crowded := c.here.Load() > c.room // another run makes more of this processor than a helper does
		if n := uint32(t.word.Load() >> 32); n != last && !crowded {
			last = n
			c.help(context.Background(), w.thread)
			continue
		}
		if !crowded && c.spin(t, last) {
			continue
		}
		w.parked.Store(true)
		// A run that began before parked was set may have missed this worker.
		if c.here.Load() <= c.room && (c.busy.Load() || uint32(t.word.Load()>>32) != last) && w.parked.CompareAndSwap(true, false) {
			continue
		}
		<-w.wake
	}
}

// spin waits for the phase after that number; false: no run came for a while, or too many.
func (c *crew) spin(t *thread, last uint32) bool {
	idle := time.Time{}
	for i := 1; ; i++ {
		if uint32(t.word.Load()>>32) != last {
			return true
		}
		breathe()
		if i%32 != 0 {
			continue
		}
		switch {
		case c.here.Load() > c.room:
			return false
		case c.busy.Load():
			idle = time.Time{}
		case idle.IsZero():
			idle = time.Now()
		case time.Since(idle) > spinTime:
			return false
		}
	}
}

// breathe spends a moment without slowing down a thread beside it. It is never inlined: its entry is where the collector
// can stop a loop that calls it, as signals that find a loop in assembly are dropped.
//
//go:noinline
func breathe() { pause() }

// alone runs a phase without a crew, until the context ends; before a node's first part its caller asks.
func alone(ctx context.Context, run func(ir.Call), call *ir.Call, parts int) {
	one := *call
	for i := range parts {
		if (i > 0 || call.Phase > 0) && ctx.Err() != nil {
			return
		}
		one.Part = i
		run(one)
	}
}

// panicText is what an error says of a panic in a kernel.
func panicText(v any) string { return fmt.Sprintf("a kernel failed: %v", v) }
