// Package comms keeps the session's ends of its comms: which are open, which targets the page may open, and the order
// in which handlers of cells run.
//
// The session delivers what the page sends, and is the [Host] through which all else goes out. There is one table in a
// process, as there is one session. Without a host (an ordinary program) comms open and nothing is sent.
package comms

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"slices"
	"sync"
)

// Kind is one of the three messages of a comm, under Jupyter's name.
type Kind string

// The messages of a comm.
const (
	KindOpen  Kind = "comm_open"
	KindMsg   Kind = "comm_msg"
	KindClose Kind = "comm_close"
)

// Message is one message of a comm, either way. Data and Metadata are JSON objects, or nothing.
type Message struct {
	Kind     Kind
	ID       string
	Target   string // of KindOpen
	Maker    Place  // of KindOpen: where what the comm's handlers say belongs
	Data     json.RawMessage
	Metadata json.RawMessage
	Buffers  [][]byte
}

// Place is where output belongs: a cell, and what in it. The host alone knows what it is; nil is no place.
type Place any

// Sink takes output in the place of a cell.
type Sink interface {
	Stream(name, text string)
	Display(data, metadata map[string]any, id string)
	// Update replaces what was displayed here under id; it is false if there is none.
	Update(data, metadata map[string]any, id string) bool
	Error(name, value string, traceback []string)
	Clear(wait bool)
}

// Host is the session.
type Host interface {
	// Post sends a message to the page, as something that belongs to a place.
	Post(at Place, m Message) error
	// Here is the place of the calling code.
	Here() Place
	// Into is a place whose output goes to a sink.
	Into(at Place, to Sink) Place
	// Call runs f, which is or calls code of cells, until its end or that of ctx; an interrupt ends it too. What f prints
	// belongs to the place, where its panic is shown as well. The error is what ended it.
	Call(ctx context.Context, at Place, f func()) error
	// Context is that of the calling code: it ends when that is interrupted.
	Context() context.Context
	// Params are the names of the parameters of a func value, or nil if they are not known.
	Params(f any) []string
	// Targets says that there is a new list of targets that the page may open.
	Targets()
}

// ErrSuperseded ends a call that another has taken the place of: nobody wants to know.
var ErrSuperseded = errors.New("superseded")

var table struct {
	sync.Mutex
	host    Host
	open    map[string]*Comm
	targets map[string]func(c *Comm, m Message)
	flushes []func()
	jobs    []job
	working bool
}

// job is a handler's turn.
type job struct {
	at Place
	f  func()
}

// SetHost makes h what messages go through; nil for none. What was open is forgotten.
func SetHost(h Host) {
	table.Lock()
	defer table.Unlock()
	table.host, table.open, table.jobs = h, nil, nil
}

// TheHost is what SetHost has set.
func TheHost() Host {
	table.Lock()
	defer table.Unlock()
	return table.host
}

// Here is the place of the calling code.
func Here() Place {
	if h := TheHost(); h != nil {
		return h.Here()
	}
	return nil
}

// Call runs f as Host.Call does; without a host it calls f.
func Call(ctx context.Context, at Place, f func()) error {
	if h := TheHost(); h != nil {
		return h.Call(ctx, at, f)
	}
	f()
	return nil
}

// Comm is an open comm. OnMsg and OnClose are called by Deliver, one message after the other, and must be quick: what
// runs code of cells is for [Enqueue].
type Comm struct {
	ID, Target string
	At         Place // of the code that made it, where what its handlers say belongs
	OnMsg      func(m Message, from Place)
	OnClose    func(m Message, from Place)
}

// NewID makes a name that nothing has.
func NewID() string {
	var b [16]byte
	rand.Read(b[:])
	return hex.EncodeToString(b[:])
}

// Open opens a comm to a target of the page, as something that belongs to at. The id must be new; see NewID.
func Open(at Place, c *Comm, data, metadata any, buffers ...[]byte) error {
	m, err := message(KindOpen, c.ID, data, buffers)
	if err != nil {
		return err
	}
	if m.Metadata, err = object(metadata); err != nil {
		return err
	}
	m.Target, m.Maker = c.Target, c.At
	table.Lock()
	if table.open == nil {
		table.open = map[string]*Comm{}
	}
	table.open[c.ID] = c
	h := table.host
	table.Unlock()
	if h == nil {
		return nil
	}
	return h.Post(at, m)
}

// errClosed is what is said on a comm that is closed.
var errClosed = errors.New("the comm is closed")

// Send sends a message to the other end, as something that belongs to at.
func (c *Comm) Send(at Place, data any, buffers ...[]byte) error {
	m, err := message(KindMsg, c.ID, data, buffers)
	if err != nil {
		return err
	}
	table.Lock()
	open, h := table.open[c.ID] == c, table.host
	table.Unlock()
	if !open {
		return errClosed
	}
	if h == nil {
		return nil
	}
	return h.Post(at, m)
}

// Close closes the comm and tells the other end, once, as something that belongs to at.
func (c *Comm) Close(at Place, data any) error {
	m, err := message(KindClose, c.ID, data, nil)
	if err != nil {
		return err
	}
	table.Lock()
	open, h := table.open[c.ID] == c, table.host
	if open {
		delete(table.open, c.ID)
	}
	table.Unlock()
	if !open || h == nil {
		return nil
	}
	return h.Post(at, m)
}

func message(k Kind, id string, data any, buffers [][]byte) (Message, error) {
	d, err := object(data)
	return Message{Kind: k, ID: id, Data: d, Buffers: buffers}, err
}

func object(v any) (json.RawMessage, error) {
	if v == nil {
		return nil, nil
	}
	return json.Marshal(v)
}

// Register makes a target that the page may open; nil for f ends that. f is called by Deliver, as OnMsg is.
func Register(target string, f func(c *Comm, m Message)) {
	table.Lock()
	if table.targets == nil {
		table.targets = map[string]func(*Comm, Message){}
	}
	if f == nil {
		delete(table.targets, target)
	} else {
		table.targets[target] = f
	}
	h := table.host
	table.Unlock()
	if h != nil {
		h.Targets()
	}
}

// Targets lists the targets that the page may open, sorted.
func Targets() []string {
	table.Lock()
	defer table.Unlock()
	var list []string
	for t := range table.targets {
		list = append(list, t)
	}
	slices.Sort(list)
	return list
}

// Deliver hands a message of the page, which came from a place, to the comm that it is for. It returns when the comm
// has taken it.
func Deliver(m Message, from Place) {
	table.Lock()
	c, h := table.open[m.ID], table.host
	var opened func(*Comm, Message)
	switch {
	case m.Kind == KindOpen && c == nil:
		if opened = table.targets[m.Target]; opened == nil {
			break
		}
		c = &Comm{ID: m.ID, Target: m.Target, At: from}
		if table.open == nil {
			table.open = map[string]*Comm{}
		}
		table.open[m.ID] = c
	case m.Kind == KindClose:
		delete(table.open, m.ID)
	}
	table.Unlock()
	switch {
	case opened != nil:
		opened(c, m)
	case c == nil:
		if m.Kind != KindClose && h != nil { // what is not there is closed
			_ = h.Post(from, Message{Kind: KindClose, ID: m.ID})
		}
	case m.Kind == KindMsg && c.OnMsg != nil:
		c.OnMsg(m, from)
	case m.Kind == KindClose && c.OnClose != nil:
		c.OnClose(m, from)
	}
}

// CloseAll closes every comm, as cells are forgotten: their handlers are no more.
func CloseAll() {
	table.Lock()
	open := table.open
	table.open, table.jobs = nil, nil
	h := table.host
	table.Unlock()
	for _, c := range open {
		if h != nil {
			_ = h.Post(c.At, Message{Kind: KindClose, ID: c.ID})
		}
		if c.OnClose != nil {
			c.OnClose(Message{Kind: KindClose, ID: c.ID}, c.At)
		}
	}
}

// Enqueue has f, a handler of a cell, run at a place after those that wait: one runs at a time, beside the cells.
func Enqueue(at Place, f func()) {
	table.Lock()
	defer table.Unlock()
	table.jobs = append(table.jobs, job{at, f})
	if !table.working {
		table.working = true
		go work()
	}
}

// OnFlush has f called when all that is to be sent is to be sent now.
func OnFlush(f func()) {
	table.Lock()
	defer table.Unlock()
	table.flushes = append(table.flushes, f)
}

// Flush sends what waits for more to go with it, as at the end of a cell.
func Flush() {
	table.Lock()
	all := table.flushes
	table.Unlock()
	for _, f := range all {
		f()
	}
}

func work() {
	for {
		table.Lock()
		if len(table.jobs) == 0 {
			table.working, table.jobs = false, nil
			table.Unlock()
			return
		}
		j := table.jobs[0]
		table.jobs[0] = job{}
		table.jobs = table.jobs[1:]
		table.Unlock()
		_ = Call(context.Background(), j.at, j.f) // its place has shown it
	}
}

// Fault is a mistake in the use of comms or widgets that a cell has made: the session shows its text as the message of
// the cell, without a stack.
type Fault struct{ Name, Text string }

func (f *Fault) Error() string { return f.Text }
