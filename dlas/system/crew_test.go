package system

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"
	"unsafe"

	"github.com/godlas/godlas/dlas/ir"
	"github.com/godlas/godlas/internal/awake"
)

// busy keeps a processor for about that long without a safe point longer than a moment.
func busy(d time.Duration) {
	for begin := time.Now(); time.Since(begin) < d; {
		breathe()
	}
}

// TestWaitsOnlyForWhatWasTaken runs phases while the only worker is stuck in a part of another crew's making: the run
// must do all parts itself instead of waiting for it to show up.
func TestWaitsOnlyForWhatWasTaken(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(4))
	c := &crew{threads: make([]thread, 2)}
	stuck := &worker{thread: 1, wake: make(chan struct{}, 1)}
	c.workers = append(c.workers, stuck) // its goroutine is never started
	var ran atomic.Int32
	done := make(chan struct{})
	go func() {
		defer close(done)
		if !c.enter(0) {
			t.Error("the crew is taken")
		}
		for range 50 {
			c.phase(context.Background(), func(ir.Call) { ran.Add(1) }, &ir.Call{}, 8)
		}
		c.leave(true)
	}()
	select {
	case <-done:
	case <-awake.After(10 * time.Second):
		t.Fatal("the run waits for a worker that never came")
	}
	if ran.Load() != 400 {
		t.Errorf("%d parts ran, want 400", ran.Load())
	}
}

// TestCrewNeverExceedsProcessors holds that no crew is larger than the processors that Go may use, which a container's
// quota limits.
func TestCrewNeverExceedsProcessors(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(2))
	if c := crewOf(16); len(c.threads) != 2 || len(c.workers) != 1 {
		t.Errorf("16 threads on 2 processors: %d threads, %d workers", len(c.threads), len(c.workers))
	}
	runtime.GOMAXPROCS(1)
	if c := crewOf(16); c != nil {
		t.Errorf("16 threads on 1 processor: %d workers", len(c.workers))
	}
}

// TestNoFalseSharing holds that what threads write at the same time lies on cache lines of its own.
func TestNoFalseSharing(t *testing.T) {
	if n := unsafe.Sizeof(thread{}); n != 128 {
		t.Errorf("a thread's place is %d bytes, not two cache lines", n)
	}
	var c crew
	here, done := unsafe.Offsetof(c.here), unsafe.Offsetof(c.done)
	if end := unsafe.Sizeof(c); here < 64 || done-here < 64 || end-done < 64 {
		t.Errorf("here at %d, done at %d of %d", here, done, end)
	}
}

// TestWorkersStayWithARun holds that workers are awake from a run's begin to its end, whatever it does between two phases,
// and sleep soon after it.
func TestWorkersStayWithARun(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(4))
	c := crewOf(2)
	becomes := func(parked bool) bool {
		for range 10_000 {
			if c.workers[0].parked.Load() == parked {
				return true
			}
			time.Sleep(time.Millisecond)
		}
		return false
	}
	for range 3 {
		if !becomes(true) {
			t.Fatal("the worker spins and there is no run")
		}
		if !c.enter(0) {
			t.Fatal("the crew is taken")
		}
		if !becomes(false) {
			t.Error("nobody has woken the worker when the run begins")
		}
		for range 20 {
			busy(spinTime)
			if c.workers[0].parked.Load() {
				t.Error("the worker sleeps in the middle of a run")
				break
			}
		}
		c.leave(true)
	}
}

// TestScratchIsTheThreads holds that two parts at the same time never share scratch, and that it has the size that the
// kernel asked for.
func TestScratchIsTheThreads(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(4))
	var owner [4]atomic.Int32
	kernels := fake(40, func(call ir.Call) {
		if len(call.Scratch) < 96 {
			t.Errorf("%d bytes of scratch", len(call.Scratch))
			return
		}
		if owner[call.Thread].Add(1) != 1 {
			t.Error("two parts run as the same thread")
		}
		call.Scratch[0] = byte(call.Part)
		busy(20 * time.Microsecond)
		if call.Scratch[0] != byte(call.Part) {
			t.Error("another part wrote into the scratch")
		}
		owner[call.Thread].Add(-1)
	})
	bind := kernels[0].Bind
	kernels[0].Bind = func(p ir.Problem, s ir.Schedule) (ir.Bound, error) {
		b, err := bind(p, s)
		b.ScratchBytes = 96
		return b, err
	}
	p, err := Compile(relus(4), kernels, machine("go", 4), Plan{})
	if err != nil {
		t.Fatal(err)
	}
	p.crew = crewOf(4)
	for range 10 {
		if err := p.Run(t.Context(), make([]float32, 4), make([]float32, 4)); err != nil {
			t.Fatal(err)
		}
	}
}

// TestCancelledBetweenParts ends a run in the middle of a node whose parts take longer than anybody would wait.
func TestCancelledBetweenParts(t *testing.T) {
	for _, threads := range []int{1, 2} {
		ctx, cancel := context.WithCancelCause(t.Context())
		why := errors.New("enough")
		var ran atomic.Int32
		p, err := Compile(relus(1), fake(20_000, func(ir.Call) {
			if ran.Add(1) == 100 {
				cancel(why)
			}
			busy(time.Millisecond)
		}), machine("go", threads), Plan{})
		if err != nil {
			t.Fatal(err)
		}
		if err := p.Run(ctx, make([]float32, 4), make([]float32, 4)); !errors.Is(err, why) || ran.Load() > 2000 {
			t.Errorf("threads=%d: after %d parts: %v", threads, ran.Load(), err)
		}
	}
}

// TestCancelledBetweenPhases ends a run in the middle of a node whose phases are of one part each.
func TestCancelledBetweenPhases(t *testing.T) {
	for _, threads := range []int{1, 2} {
		ctx, cancel := context.WithCancel(t.Context())
		ran := 0
		kernels := fake(1, func(ir.Call) {
			ran++
			cancel()
		})
		bind := kernels[0].Bind
		kernels[0].Bind = func(p ir.Problem, s ir.Schedule) (ir.Bound, error) {
			b, err := bind(p, s)
			b.Phases = []int{1, 1, 1}
			return b, err
		}
		p, err := Compile(relus(1), kernels, machine("go", threads), Plan{})
		if err != nil {
			t.Fatal(err)
		}
		if err := p.Run(ctx, make([]float32, 4), make([]float32, 4)); !errors.Is(err, context.Canceled) || ran != 1 {
			t.Errorf("threads=%d: after %d phases: %v", threads, ran, err)
		}
	}
}

// TestSixtyFourGoroutines runs programs of one and of two threads from 64 goroutines at once: never more runs compute
// than there are processors, so there are never more states than that either.
func TestSixtyFourGoroutines(t *testing.T) {
	g := residualNet(1, 0, 16, 16)
	for _, threads := range []int{1, 2} {
		p := compile(t, g, machine("go", threads), Plan{})
		in := narrow(randomInput(1, g, 1).Data)
		want := runOnce(t, p, in)
		var wg sync.WaitGroup
		for range 64 {
			wg.Go(func() {
				out := make([]float32, len(want))
				for range 5 {
					if err := p.Run(t.Context(), in, out); err != nil {
						t.Error(err)
					}
					for i := range out {
						if out[i] != want[i] {
							t.Errorf("got %v, want %v", out, want)
							return
						}
					}
				}
			})
		}
		wg.Wait()
		if n, most := len(p.idle), cap(slots()); n > most {
			t.Errorf("threads=%d: %d states for %d processors", threads, n, most)
		}
	}
}

// BenchmarkPhase is what a phase of two equal parts costs beyond the parts, which take the time in the name: of no time,
// the hand-over itself.
func BenchmarkPhase(b *testing.B) {
	for _, d := range []time.Duration{0, 5 * time.Microsecond, 50 * time.Microsecond} {
		b.Run(fmt.Sprint(d), func(b *testing.B) {
			c := crewOf(2)
			if c == nil {
				b.Skip("one processor")
			}
			if !c.enter(0) {
				b.Fatal("the crew is taken")
			}
			defer c.leave(true)
			call := &ir.Call{}
			run := func(ir.Call) { busy(d) }
			if d == 0 {
				run = func(ir.Call) {}
			}
			for b.Loop() {
				c.phase(b.Context(), run, call, 2)
			}
		})
	}
}
