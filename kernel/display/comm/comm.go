// Package comm is for cells that talk to JavaScript of the page by Jupyter's comms, as extensions and widgets of one's
// own do. Package widget has the widgets of ipywidgets ready.
//
//	c, err := comm.Open("my-extension", map[string]any{"points": 3})
//	c.OnMessage(func(m comm.Message) { fmt.Println(string(m.Data)) })
//	c.Send(map[string]any{"color": "red"}, pixels)
//
//	comm.Register("my-target", func(c *comm.Comm, first comm.Message) { … }) // the page opens it
//
// Handlers run one at a time in the order of the messages, beside the cells: what a handler shares with a cell wants a
// sync.Mutex or a channel, and what takes long a go statement. What they print, and their panics, are shown under the
// cell that opened the comm or registered the target. An interrupt of the kernel stops the one that runs.
package comm

import (
	"encoding/json"
	"sync"

	"github.com/godlas/godlas/kernel/internal/comms"
)

// Message is what the page sent. Data and Metadata are JSON, nil if there is none.
type Message struct {
	Data     json.RawMessage
	Metadata json.RawMessage
	Buffers  [][]byte
}

// Comm is one end of a conversation with the page. Its methods may be called from many goroutines.
type Comm struct {
	c  *comms.Comm
	at comms.Place // of the code that made it

	mu      sync.Mutex
	message func(Message)
	closed  func(Message)
	early   []Message // before there was a handler
}

// Open opens a comm to a target that JavaScript of the page has registered; data, which may be nil, is what its handler
// is given. If the page has no such target it closes the comm.
func Open(target string, data any, buffers ...[]byte) (*Comm, error) {
	at := comms.Here()
	c := wrap(&comms.Comm{ID: comms.NewID(), Target: target, At: at}, at)
	if err := comms.Open(at, c.c, data, nil, buffers...); err != nil {
		return nil, err
	}
	return c, nil
}

// Register makes a target that the page may open comms to: f is called for each with its first message. A nil f ends
// that for comms to come.
func Register(target string, f func(c *Comm, first Message)) {
	if f == nil {
		comms.Register(target, nil)
		return
	}
	at := comms.Here()
	comms.Register(target, func(c *comms.Comm, m comms.Message) {
		x := wrap(c, at)
		comms.Enqueue(at, func() { f(x, given(m)) })
	})
}

func wrap(c *comms.Comm, at comms.Place) *Comm {
	x := &Comm{c: c, at: at}
	c.OnMsg = func(m comms.Message, _ comms.Place) {
		comms.Enqueue(at, func() { x.take(given(m)) })
	}
	c.OnClose = func(m comms.Message, _ comms.Place) {
		comms.Enqueue(at, func() {
			if f := x.onClose(); f != nil {
				f(given(m))
			}
		})
	}
	return x
}

func given(m comms.Message) Message { return Message{m.Data, m.Metadata, m.Buffers} }

// maxEarly is how many messages are kept for a handler that is not there yet.
const maxEarly = 1000

func (c *Comm) take(m Message) {
	c.mu.Lock()
	f := c.message
	if f == nil && len(c.early) < maxEarly {
		c.early = append(c.early, m)
	}
	c.mu.Unlock()
	if f != nil {
		f(m)
	}
}

func (c *Comm) onClose() func(Message) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.closed
}

// ID is the comm's name in Jupyter's messages.
func (c *Comm) ID() string { return c.c.ID }

// Target is the name that the comm was opened with.
func (c *Comm) Target() string { return c.c.Target }

// Send sends data, which encoding/json must take, and buffers as they are.
func (c *Comm) Send(data any, buffers ...[]byte) error {
	return c.c.Send(comms.Here(), data, buffers...)
}

// OnMessage calls f for every message of the page, those that came before it too.
func (c *Comm) OnMessage(f func(Message)) {
	c.mu.Lock()
	early := c.early
	c.message, c.early = f, nil
	c.mu.Unlock()
	for _, m := range early {
		comms.Enqueue(c.at, func() { f(m) })
	}
}

// OnClose calls f when the page closes the comm.
func (c *Comm) OnClose(f func(Message)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.closed = f
}

// Close closes the comm; data, which may be nil, is told the page.
func (c *Comm) Close(data any) error { return c.c.Close(comms.Here(), data) }
