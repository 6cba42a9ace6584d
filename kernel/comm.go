package kernel

import (
	"encoding/json"
	"slices"
	"sync"

	"github.com/godlas/godlas/kernel/internal/pipe"
	"github.com/godlas/godlas/kernel/internal/wire"
	"github.com/godlas/godlas/kernel/internal/zmtp"
)

// comms are the open comms, by id.
type comms struct {
	mu   sync.Mutex
	open map[string]openComm
}

// openComm is a comm with its target and the request that its handlers' output belongs to, however long that is ago: the
// one in which the session has made it, nil if the client has.
type openComm struct {
	target string
	by     *request
}

func (c *comms) add(id, target string, by *request) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.open == nil {
		c.open = map[string]openComm{}
	}
	c.open[id] = openComm{target, by}
}

// by is the request of that id if it has opened a comm.
func (c *comms) by(id uint64) *request {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, x := range c.open {
		if x.by != nil && x.by.id == id {
			return x.by
		}
	}
	return nil
}

// remove reports whether the comm was open.
func (c *comms) remove(id string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	_, ok := c.open[id]
	delete(c.open, id)
	return ok
}

func (c *comms) has(id string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	_, ok := c.open[id]
	return ok
}

// closeAll tells the clients that the other ends are gone with the session.
func (c *comms) closeAll(pub *publisher) {
	c.mu.Lock()
	open := c.open
	c.open = nil
	c.mu.Unlock()
	for id := range open {
		pub.publish("comm_close", nil, content{"comm_id": id, "data": content{}})
	}
}

func (f *front) commOpen(_ *zmtp.Socket, m *wire.Message) {
	var c pipe.Comm
	if err := decode(m, &c); err != nil || c.ID == "" {
		f.Log.Warn("comm_open ignored", "err", err)
		return
	}
	c.Metadata = m.Metadata
	if f.comms.has(c.ID) {
		f.Log.Info("comm_open for a comm that is open")
		return
	}
	if !slices.Contains(f.work.targets(), c.Target) {
		f.pub.publish("comm_close", m.RawHeader, content{"comm_id": c.ID, "data": content{}})
		return
	}
	f.comms.add(c.ID, c.Target, nil)
	f.toComm(pipe.KindCommOpen, m, c)
}

func (f *front) commMsg(_ *zmtp.Socket, m *wire.Message) {
	var c pipe.Comm
	if err := decode(m, &c); err != nil || !f.comms.has(c.ID) {
		f.Log.Info("comm_msg for a comm that is not open")
		return
	}
	c.Metadata = m.Metadata
	f.toComm(pipe.KindCommMsg, m, c)
}

func (f *front) commClose(_ *zmtp.Socket, m *wire.Message) {
	var c pipe.Comm
	if err := decode(m, &c); err != nil || !f.comms.remove(c.ID) {
		return
	}
	c.Metadata = m.Metadata
	f.toComm(pipe.KindCommClose, m, c)
}

// toComm gives a message to the session and waits until the comm has it: what is said in answer comes before the idle
// status, at which a page sends the next. Handlers of cells run after that.
func (f *front) toComm(kind pipe.Kind, m *wire.Message, c pipe.Comm) {
	r := newRequest(m)
	if err := f.work.send(kind, r, c, m.Buffers...); err != nil {
		f.Log.Warn("comm message not delivered", "err", err)
		return
	}
	<-r.answer
}

func (f *front) commInfo(sock *zmtp.Socket, m *wire.Message) {
	var c struct {
		Target string `json:"target_name"`
	}
	if err := decode(m, &c); err != nil {
		f.bad(sock, m, err)
		return
	}
	list := content{}
	f.comms.mu.Lock()
	for id, x := range f.comms.open {
		if c.Target == "" || c.Target == x.target {
			list[id] = content{"target_name": x.target}
		}
	}
	f.comms.mu.Unlock()
	f.reply(sock, m, content{"status": "ok", "comms": list})
}

// commFromSession publishes a comm message of the session.
func (f *front) commFromSession(r *request, parent json.RawMessage, frame pipe.Frame) {
	c, err := pipe.Decode[pipe.Comm](frame)
	if err != nil {
		f.Log.Warn("frame ignored", "err", err)
		return
	}
	data := c.Data
	if len(data) == 0 {
		data = json.RawMessage("{}")
	}
	body := content{"comm_id": c.ID, "data": data}
	switch frame.Kind {
	case pipe.KindCommOpen:
		body["target_name"] = c.Target
		if c.Maker != 0 {
			r = f.work.find(c.Maker)
		}
		f.comms.add(c.ID, c.Target, r)
	case pipe.KindCommClose:
		f.comms.remove(c.ID)
	}
	f.pub.publishWith(string(frame.Kind), parent, c.Metadata, body, frame.Buffers...)
}
