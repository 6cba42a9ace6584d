package waits

import (
	"slices"
	"sync"
	"sync/atomic"
	"time"
	"unsafe"
)

// Who returns a channel that is closed when its caller is to wait no longer.
type Who func() <-chan struct{}

// starving is how long the first of a queue waits before those that come later
// have to queue too, rather than take a lock that is free by chance.
const starving = time.Millisecond

// Pauses between the looks of the first of a queue.
const (
	firstPause = time.Millisecond
	lastPause  = 50 * time.Millisecond
)

type waiter struct {
	shared bool // can have the lock together with others of its kind
	since  time.Time
	wake   chan struct{} // has room for one
}

// queues are those that wait, by what they wait for.
type queues [64]struct {
	n  atomic.Int32 // of waiters
	mu sync.Mutex
	q  map[unsafe.Pointer][]*waiter
}

var (
	locks  queues // for a lock
	groups queues // for a group to come to zero
	signs  queues // for a condition's signal
)

func shard(p unsafe.Pointer) int { return int(uintptr(p) >> 4 % 64) }

// waiting reports whether somebody may wait for p; it is right for those that
// began to before.
func (qs *queues) waiting(p unsafe.Pointer) bool { return qs[shard(p)].n.Load() != 0 }

// acquire waits until try, which must not wait, succeeds in its turn. It reports
// false if the caller gave up.
func (qs *queues) acquire(p unsafe.Pointer, shared bool, try func() bool, who Who) bool {
	s := &qs[shard(p)]
	s.mu.Lock()
	if !qs.behind(p, shared) && try() {
		s.mu.Unlock()
		return true
	}
	w := qs.join(p, shared)
	s.mu.Unlock()

	done := who()
	pause := firstPause
	t := time.NewTimer(pause)
	defer t.Stop()
	for {
		s.mu.Lock()
		first := qs.first(p, w)
		if first && try() {
			qs.leave(p, w)
			s.mu.Unlock()
			return true
		}
		s.mu.Unlock()
		look := t.C
		if !first {
			look = nil // whoever leaves wakes the next
		}
		select {
		case <-w.wake:
			t.Reset(pause)
		case <-look:
			pause = min(2*pause, lastPause)
			t.Reset(pause)
		case <-done:
			s.mu.Lock()
			qs.leave(p, w)
			s.mu.Unlock()
			return false
		}
	}
}

// release wakes whoever can have p now.
func (qs *queues) release(p unsafe.Pointer) {
	s := &qs[shard(p)]
	s.mu.Lock()
	defer s.mu.Unlock()
	qs.wake(p)
}

// behind reports whether one that comes now has to queue. The shard is locked,
// here and below.
func (qs *queues) behind(p unsafe.Pointer, shared bool) bool {
	q := qs[shard(p)].q[p]
	if shared { // as one that wants p alone waits
		return slices.ContainsFunc(q, func(w *waiter) bool { return !w.shared })
	}
	return len(q) > 0 && time.Since(q[0].since) > starving
}

func (qs *queues) join(p unsafe.Pointer, shared bool) *waiter {
	s := &qs[shard(p)]
	w := &waiter{shared, time.Now(), make(chan struct{}, 1)}
	if s.q == nil {
		s.q = map[unsafe.Pointer][]*waiter{}
	}
	s.q[p] = append(s.q[p], w)
	s.n.Add(1)
	return w
}

// leave takes w out of its queue and wakes those whose turn it then is. It
// reports whether w was still there.
func (qs *queues) leave(p unsafe.Pointer, w *waiter) bool {
	s := &qs[shard(p)]
	q := s.q[p]
	i := slices.Index(q, w)
	if i < 0 {
		return false
	}
	s.n.Add(-1)
	if len(q) == 1 {
		delete(s.q, p)
		return true
	}
	s.q[p] = slices.Delete(q, i, i+1)
	qs.wake(p)
	return true
}

// first reports whether it is w's turn.
func (qs *queues) first(p unsafe.Pointer, w *waiter) bool {
	for _, x := range qs[shard(p)].q[p] {
		if x == w {
			return true
		}
		if !x.shared || !w.shared {
			return false
		}
	}
	return false
}

func (qs *queues) wake(p unsafe.Pointer) {
	for i, w := range qs[shard(p)].q[p] {
		if i > 0 && !w.shared {
			return
		}
		select {
		case w.wake <- struct{}{}:
		default:
		}
		if !w.shared {
			return
		}
	}
}
