package kernel

import (
	"sync"

	"github.com/godlas/godlas/kernel/internal/wire"
)

// queue holds the shell channel's requests in their order.
type queue struct {
	mu     sync.Mutex
	cond   *sync.Cond
	items  []queued
	closed bool
}

type queued struct {
	msg     *wire.Message
	aborted bool // a cell before it has failed, and it was to stop those after it
}

func newQueue() *queue {
	q := &queue{}
	q.cond = sync.NewCond(&q.mu)
	return q
}

func (q *queue) push(m *wire.Message) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.items = append(q.items, queued{msg: m})
	q.cond.Signal()
}

// pop waits for the next request; ok is false once the queue is closed.
func (q *queue) pop() (it queued, ok bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for len(q.items) == 0 && !q.closed {
		q.cond.Wait()
	}
	if q.closed {
		return queued{}, false
	}
	it = q.items[0]
	q.items[0] = queued{}
	q.items = q.items[1:]
	return it, true
}

// abort marks the execute requests that wait.
func (q *queue) abort() {
	q.mu.Lock()
	defer q.mu.Unlock()
	for i := range q.items {
		if q.items[i].msg.Header.MsgType == "execute_request" {
			q.items[i].aborted = true
		}
	}
}

func (q *queue) close() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.closed = true
	q.cond.Broadcast()
}
