package kernel

import (
	"sync"

	"github.com/godlas/godlas/kernel/internal/wire"
)

// maxWaiting is how many bytes of requests wait in a shell; above it, the kernel reads no more from the shell channel until
// some are done, and its clients' own buffers fill.
const maxWaiting = 256 << 20

// queue holds the requests of a shell in their order.
type queue struct {
	mu       sync.Mutex
	cond     *sync.Cond
	items    []queued
	bytes    int
	most     int  // above it push waits
	finished bool // takes no more, and ends when it is empty
	closed   bool
}

type queued struct {
	msg     *wire.Message
	aborted bool // a cell before it has failed, and it was to stop those after it
}

func newQueue() *queue {
	q := &queue{most: maxWaiting}
	q.cond = sync.NewCond(&q.mu)
	return q
}

// push reports whether the queue takes requests. It waits while it is full.
func (q *queue) push(m *wire.Message) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	for q.bytes > q.most && !q.closed && !q.finished {
		q.cond.Wait()
	}
	if q.closed || q.finished {
		return false
	}
	q.items = append(q.items, queued{msg: m})
	q.bytes += m.Size()
	q.cond.Broadcast()
	return true
}

// pop waits for the next request; ok is false once the queue is closed, or finished and empty.
func (q *queue) pop() (it queued, ok bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for len(q.items) == 0 && !q.closed && !q.finished {
		q.cond.Wait()
	}
	if q.closed || len(q.items) == 0 {
		return queued{}, false
	}
	it = q.items[0]
	q.items[0] = queued{}
	q.items = q.items[1:]
	q.bytes -= it.msg.Size()
	q.cond.Broadcast()
	return it, true
}

// abort marks the execute requests that wait.
func (q *queue) abort() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.abortLocked(func(m *wire.Message) bool { return m.Header.MsgType == "execute_request" })
}

func (q *queue) abortLocked(which func(*wire.Message) bool) {
	for i := range q.items {
		q.items[i].aborted = q.items[i].aborted || which(q.items[i].msg)
	}
}

// finish aborts all that waits and takes no more.
func (q *queue) finish() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.finished = true
	q.abortLocked(func(*wire.Message) bool { return true })
	q.cond.Broadcast()
}

func (q *queue) close() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.closed = true
	q.cond.Broadcast()
}
