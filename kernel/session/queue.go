package session

import (
	"sync"

	"github.com/godlas/godlas/kernel/internal/pipe"
)

// queue holds requests that wait for the cell before them; it has no limit, since its reader must never
// block: an interrupt comes through the same pipe.
type queue struct {
	mu     sync.Mutex
	more   sync.Cond
	frames []pipe.Frame
	closed bool
}

func newQueue() *queue {
	q := &queue{}
	q.more.L = &q.mu
	return q
}

func (q *queue) push(f pipe.Frame) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.frames = append(q.frames, f)
	q.more.Signal()
}

// pop waits for the next request; it is false when the queue is closed, whatever is left in it.
func (q *queue) pop() (pipe.Frame, bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for len(q.frames) == 0 && !q.closed {
		q.more.Wait()
	}
	if q.closed {
		return pipe.Frame{}, false
	}
	f := q.frames[0]
	q.frames = q.frames[1:]
	return f, true
}

func (q *queue) close() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.closed = true
	q.more.Signal()
}
