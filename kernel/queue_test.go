package kernel

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/godlas/godlas/internal/awake"
	"github.com/godlas/godlas/kernel/internal/wire"
)

// TestQueueIsBounded: who pushes waits while too much waits already, goes on when some is taken, and is let go at the end.
func TestQueueIsBounded(t *testing.T) {
	message := func(n int) *wire.Message {
		return &wire.Message{Header: wire.Header{MsgType: "execute_request"}, Content: json.RawMessage(strings.Repeat("x", n))}
	}
	for name, end := range map[string]func(*queue){
		"taken":    func(q *queue) { q.pop() },
		"closed":   func(q *queue) { q.close() },
		"finished": func(q *queue) { q.finish() },
	} {
		q := newQueue()
		q.most = 1000
		for range 2 {
			if !q.push(message(600)) {
				t.Fatal("not taken")
			}
		}
		pushed := make(chan bool, 1)
		go func() { pushed <- q.push(message(1)) }()
		select {
		case <-pushed:
			t.Errorf("%s: pushed though 1200 bytes wait", name)
		case <-time.After(20 * time.Millisecond):
		}
		end(q)
		select {
		case took := <-pushed:
			if took != (name == "taken") {
				t.Errorf("%s: taken %v", name, took)
			}
		case <-awake.After(patience):
			t.Errorf("%s: still waits", name)
		}
	}
}

// TestFinishedQueue: what waits is aborted, in order, and then it ends.
func TestFinishedQueue(t *testing.T) {
	q := newQueue()
	for _, id := range []string{"a", "b"} {
		q.push(&wire.Message{Header: wire.Header{MsgID: id, MsgType: "comm_msg"}})
	}
	q.finish()
	for _, id := range []string{"a", "b"} {
		if it, ok := q.pop(); !ok || !it.aborted || it.msg.Header.MsgID != id {
			t.Errorf("%+v %v", it, ok)
		}
	}
	if _, ok := q.pop(); ok || q.push(&wire.Message{}) {
		t.Error("it goes on")
	}
}
