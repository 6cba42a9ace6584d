package kernel

import (
	"bytes"
	"encoding/json"
	"slices"
	"sync"

	"github.com/godlas/godlas/kernel/internal/pipe"
	"github.com/godlas/godlas/kernel/internal/wire"
)

// questions are the open ones, in the order in which they were asked: cells of different shells may ask at once.
type questions struct {
	mu   sync.Mutex
	open []question
}

type question struct {
	id string // of the input_request
	of *request
}

func (q *questions) add(id string, r *request) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.open = append(q.open, question{id, r})
}

// end drops the questions of a request that has ended.
func (q *questions) end(r *request) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.open = slices.DeleteFunc(q.open, func(x question) bool { return x.of == r })
}

// take removes the question that a message answers: the one that it names as its parent, which few clients do, or else the
// oldest that its sender was asked, or else the oldest.
func (q *questions) take(m *wire.Message) *request {
	var parent wire.Header
	json.Unmarshal(m.Parent, &parent) // what is no header names none
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.open) == 0 {
		return nil
	}
	at := slices.IndexFunc(q.open, func(x question) bool { return parent.MsgID != "" && x.id == parent.MsgID })
	if at < 0 {
		at = slices.IndexFunc(q.open, func(x question) bool { return slices.EqualFunc(x.of.identities, m.Identities, bytes.Equal) })
	}
	at = max(at, 0)
	r := q.open[at].of
	q.open = slices.Delete(q.open, at, at+1)
	return r
}

// serveStdin hands the user's answers to the cells that have asked.
func (f *front) serveStdin() {
	f.receive("stdin", f.stdin, func(m *wire.Message) {
		var c struct {
			Value string `json:"value"`
		}
		if m.Header.MsgType != "input_reply" || decode(m, &c) != nil {
			return
		}
		if r := f.questions.take(m); r != nil {
			f.answer(r.id, c.Value)
		}
	})
}

// question asks the user for a cell, on the stdin channel of the client that has sent it.
func (f *front) question(r *request, frame pipe.Frame) {
	in, err := pipe.Decode[pipe.Input](frame)
	if r == nil || err != nil {
		return
	}
	if !r.allowStdin {
		f.answer(r.id, "") // the session was told not to ask
		return
	}
	m, err := f.codec.New("input_request", r.parent, content{"prompt": in.Prompt, "password": in.Password})
	if err != nil {
		f.Log.Error("question not asked", "err", err)
		return
	}
	f.questions.add(m.Header.MsgID, r)
	f.pub.flush() // the prompt comes after what was printed
	m.Identities = r.identities
	f.send(f.stdin, m)
}

func (f *front) answer(id uint64, value string) {
	b, err := json.Marshal(pipe.Input{Value: value})
	if err == nil {
		f.work.tell(pipe.Frame{Kind: pipe.KindInputReply, Parent: id, Body: b})
	}
}
