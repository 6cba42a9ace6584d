package zmtp

import "sync"

// welcomes are those that a connection has not been sent yet. A peer that is welcomed must get every message from then
// on, and zmq4 notes a subscription only some time after it was given it: it has, when it asks for what comes next. What
// it sends before that stands behind the welcome.
type welcomes struct {
	mu   sync.Mutex // held while they are queued, so that nothing gets between
	msgs [][]byte
}

func (w *welcomes) add(msg []byte) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.msgs = append(w.msgs, msg)
}

func (w *welcomes) send(c *conn) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, m := range w.msgs {
		c.enqueue(m)
	}
	w.msgs = nil
}
