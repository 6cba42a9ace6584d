package kernel

import (
	"encoding/json"
	"sync/atomic"

	"github.com/godlas/godlas/kernel/internal/pipe"
	"github.com/godlas/godlas/kernel/internal/wire"
	"github.com/godlas/godlas/kernel/internal/zmtp"
)

// debugs are the debugger's requests (JEP 47). They come on the control channel, and have a goroutine of their own: what is
// evaluated while a cell is stopped may take a while, and an interrupt must overtake it.
type debugs struct {
	queue *queue
	on    atomic.Bool // a client has started the debugger of the session
}

// runDebug answers the debugger's requests one after the other.
func (f *front) runDebug() {
	for {
		it, ok := f.debugs.queue.pop()
		if !ok {
			return
		}
		f.handle(f.control, it.msg)
	}
}

// debug gives a request of the Debug Adapter Protocol to the session. The content of the reply is the protocol's response.
func (f *front) debug(sock *zmtp.Socket, m *wire.Message) {
	var c struct {
		Seq     int    `json:"seq"`
		Command string `json:"command"`
	}
	if err := decode(m, &c); err != nil {
		f.bad(sock, m, err)
		return
	}
	failed := func(why string) {
		f.reply(sock, m, content{
			"type": "response", "seq": 0, "request_seq": c.Seq, "command": c.Command, "success": false, "message": why, "body": content{},
		})
	}
	if !f.Debugger {
		failed("this kernel has no debugger")
		return
	}
	r := newRequest(m)
	if err := f.work.send(pipe.KindDebug, r, json.RawMessage(m.Content)); err != nil {
		failed(err.Error())
		return
	}
	var frame pipe.Frame
	ok := false
	select {
	case frame, ok = <-r.answer:
	case <-f.quit:
	}
	if !ok {
		failed(gone)
		return
	}
	d, err := pipe.Decode[pipe.Done](frame)
	var reply content
	if err == nil && d.Err != nil {
		failed(d.Err.Value)
		return
	}
	if err == nil {
		err = json.Unmarshal(d.Reply, &reply)
	}
	if err != nil {
		failed(err.Error())
		return
	}
	if reply["success"] == true {
		switch c.Command {
		case "initialize":
			f.debugs.on.Store(true)
		case "disconnect", "terminate":
			f.debugs.on.Store(false)
		}
	}
	f.reply(sock, m, reply)
}

// debugEvent publishes an event of the session's debugger.
func (f *front) debugEvent(parent json.RawMessage, frame pipe.Frame) {
	var c content
	if err := json.Unmarshal(frame.Body, &c); err != nil {
		f.Log.Warn("frame ignored", "err", err)
		return
	}
	f.pub.publish("debug_event", parent, c)
}

// debugLost tells clients that the debugger has ended with its session: nothing is stopped any more.
func (f *front) debugLost() {
	if !f.debugs.on.Swap(false) {
		return
	}
	f.pub.publish("debug_event", nil, content{"type": "event", "seq": 0, "event": "continued", "body": content{"threadId": 1, "allThreadsContinued": true}})
	f.pub.publish("debug_event", nil, content{"type": "event", "seq": 0, "event": "terminated", "body": content{}})
}
