package system

import (
	"context"
	"runtime"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
	"unsafe"

	"github.com/godlas/godlas/dlas/ir"
	"github.com/godlas/godlas/internal/gain"
)

// BenchmarkRuleSpin hands parts of some microseconds to a worker that spins, and to a goroutine over channels.
func BenchmarkRuleSpin(b *testing.B) {
	c := crewOf(2)
	if c == nil {
		b.Skip("one processor")
	}
	const phases, part = 100, 20 * time.Microsecond
	begin, end := make(chan bool), make(chan bool)
	defer close(begin)
	go func() {
		for range begin {
			busy(part)
			end <- true
		}
	}()
	call := &ir.Call{}
	run := func(ir.Call) { busy(part) }
	gain.Of(b, func() {
		if !c.enter(0) {
			b.Fatal("the crew is taken")
		}
		for range phases {
			c.phase(context.Background(), run, call, 2)
		}
		c.leave(true)
	}, func() {
		for range phases {
			begin <- true
			busy(part)
			<-end
		}
	})
}

// BenchmarkRuleYield waits for a part of a thread that has to share this thread's processor: as wait does, and spinning.
func BenchmarkRuleYield(b *testing.B) {
	if runtime.GOMAXPROCS(0) < 2 {
		b.Skip("one processor")
	}
	const phases = 20
	c := &crew{}
	var turn atomic.Int32
	pinned := func(f func()) {
		runtime.LockOSThread() // and never unlocked: the thread ends with its goroutine
		one := [16]uint64{1}
		if _, _, err := syscall.RawSyscall(syscall.SYS_SCHED_SETAFFINITY, 0, unsafe.Sizeof(one), uintptr(unsafe.Pointer(&one))); err != 0 {
			b.Errorf("pinning a thread: %v", err)
		}
		f()
	}
	go pinned(func() {
		for last := int32(0); last >= 0; {
			if now := turn.Load(); now != last {
				last = now
				busy(20 * time.Microsecond)
				c.done.Store(1)
			}
			yield()
		}
	})
	rounds := func(wait func()) func() {
		return func() {
			for range phases {
				c.done.Store(0)
				turn.Add(1)
				wait()
			}
		}
	}
	ended := make(chan bool)
	go pinned(func() {
		defer close(ended)
		gain.Of(b, rounds(func() { c.wait(1) }), rounds(func() {
			for c.done.Load() != 1 {
				breathe()
			}
		}))
	})
	<-ended
	turn.Store(-1)
}
