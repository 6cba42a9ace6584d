package waits

import (
	"sync"
	"unsafe"
)

// CondWait is Wait of a Cond. If it reports false the caller gave up, and has
// the lock only if that was free.
func CondWait(c *sync.Cond, who Who) bool {
	p := unsafe.Pointer(c)
	s := &signs[shard(p)]
	s.mu.Lock()
	w := signs.join(p, false)
	s.mu.Unlock()
	unlock(c.L)
	woken := true
	select {
	case <-w.wake:
	case <-who():
		s.mu.Lock()
		woken = !signs.drop(p, w)
		s.mu.Unlock()
	}
	return lock(c.L, who) && woken
}

// Signal is Signal of a Cond.
func Signal(c *sync.Cond) {
	c.Signal() // for compiled code that waits, and to find copies
	signs.notify(unsafe.Pointer(c), 1)
}

// Broadcast is Broadcast of a Cond.
func Broadcast(c *sync.Cond) {
	c.Broadcast()
	signs.notify(unsafe.Pointer(c), -1)
}

// notify takes n waiters, or with a negative n all, out of a queue and wakes
// them.
func (qs *queues) notify(p unsafe.Pointer, n int) {
	if !qs.waiting(p) {
		return
	}
	s := &qs[shard(p)]
	s.mu.Lock()
	defer s.mu.Unlock()
	for ; n != 0 && len(s.q[p]) > 0; n-- {
		w := s.q[p][0]
		qs.drop(p, w)
		w.wake <- struct{}{}
	}
}

// drop takes w out of its queue and tells no other.
func (qs *queues) drop(p unsafe.Pointer, w *waiter) bool {
	s := &qs[shard(p)]
	for i, x := range s.q[p] {
		if x != w {
			continue
		}
		s.n.Add(-1)
		if s.q[p] = append(s.q[p][:i:i], s.q[p][i+1:]...); len(s.q[p]) == 0 {
			delete(s.q, p)
		}
		return true
	}
	return false
}

func lock(l sync.Locker, who Who) bool {
	switch l := l.(type) {
	case *sync.Mutex:
		return Lock(l, who)
	case *sync.RWMutex:
		return WLock(l, who)
	}
	if rw := rlocker(l); rw != nil {
		return RLock(rw, who)
	}
	l.Lock()
	return true
}

func unlock(l sync.Locker) {
	switch l := l.(type) {
	case *sync.Mutex:
		Unlock(l)
		return
	case *sync.RWMutex:
		WUnlock(l)
		return
	}
	if rw := rlocker(l); rw != nil {
		RUnlock(rw)
		return
	}
	l.Unlock()
}
