package kernel

import (
	"encoding/json"
	"log/slog"
	"sync"
	"time"

	"github.com/godlas/godlas/kernel/internal/schema"
	"github.com/godlas/godlas/kernel/internal/wire"
	"github.com/godlas/godlas/kernel/internal/zmtp"
)

const (
	// streamPause is the time in which prints are gathered into one message: 20 messages a second and stream. Jupyter's
	// server drops the output of a kernel that sends more than 1,000 messages a second.
	streamPause = 50 * time.Millisecond
	// streamParts bounds the messages of one flush. Within one, prints to stdout and stderr keep their order.
	streamParts = 8
	// streamBytes is the text after which a flush does not wait any longer.
	streamBytes = 4 << 20
)

// publisher sends the messages of the iopub channel, in the order of its calls.
type publisher struct {
	codec *wire.Codec
	sock  *zmtp.Socket
	topic string // prefix of the topics
	log   *slog.Logger

	mu      sync.Mutex
	parts   []part
	bytes   int
	timer   *time.Timer
	flushed time.Time // of the last flush by the timer
	quiet   time.Duration
	limit   limiter
}

// part is gathered text of one stream and request.
type part struct {
	parent json.RawMessage
	name   string
	text   []byte
}

func newPublisher(codec *wire.Codec, sock *zmtp.Socket, id string, burst int64, log *slog.Logger) *publisher {
	p := &publisher{codec: codec, sock: sock, topic: "kernel." + id + ".", log: log}
	p.timer = time.AfterFunc(time.Hour, p.pause)
	p.timer.Stop()
	p.limit = newLimiter(burst, p.retry)
	return p
}

// publish sends a message after all text that was streamed before it.
func (p *publisher) publish(msgType string, parent json.RawMessage, content any, buffers ...[]byte) {
	p.publishWith(msgType, parent, nil, content, buffers...)
}

func (p *publisher) publishWith(msgType string, parent, metadata json.RawMessage, content any, buffers ...[]byte) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.flushLocked()
	if p.limit.holdsOf(parent) {
		p.releaseLocked()
	}
	p.send(p.topic+msgType, msgType, parent, metadata, content, buffers)
}

// show publishes a display, update or clear of about size bytes, or in a flood of them leaves it for later or out.
func (p *publisher) show(msgType string, parent json.RawMessage, display string, size int, content any, buffers ...[]byte) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.flushLocked()
	if p.limit.holdsOf(parent) || p.limit.messages.room() < 1 {
		p.limit.holdMessage(held{part: part{parent: parent}, msgType: msgType, display: display, content: content, buffers: buffers, size: size})
		return
	}
	p.limit.messages.level--
	p.send(p.topic+msgType, msgType, parent, nil, content, buffers)
}

// retry sends what was held back if there is room for it.
func (p *publisher) retry() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.limit.holds() && !p.limit.ready() {
		p.limit.timer.Reset(holdTime / 4)
		return
	}
	p.releaseLocked()
}

// releaseLocked sends what was held back, after how much was left out before it.
func (p *publisher) releaseLocked() {
	all, left := p.limit.free()
	text := func(q part) {
		p.limit.count(q.parent, encoded(q.text))
		p.sendText(q)
	}
	for _, x := range left {
		text(part{x.parent, "stderr", []byte(p.limit.note(x))})
	}
	for _, h := range all {
		if h.text != nil {
			text(h.part)
			continue
		}
		p.limit.messages.level--
		p.send(p.topic+h.msgType, h.msgType, h.parent, nil, h.content, h.buffers)
	}
}

func (p *publisher) sendText(q part) {
	p.limit.messages.level--
	p.send("stream."+q.name, "stream", q.parent, nil, map[string]string{"name": q.name, "text": string(q.text)}, nil)
}

func (p *publisher) send(topic, msgType string, parent, metadata json.RawMessage, content any, buffers [][]byte) {
	m, err := p.codec.New(msgType, parent, content)
	if err != nil {
		p.log.Error("message not sent", "err", err)
		return
	}
	m.Identities, m.Metadata, m.Buffers = [][]byte{[]byte(topic)}, metadata, buffers
	frames, err := p.codec.Encode(m)
	if err == nil {
		checkSent(schema.Published, 1, frames)
		err = p.sock.Send(frames...)
	}
	if err != nil {
		p.log.Debug("message not sent", "type", msgType, "err", err)
	}
}

func (p *publisher) status(state string, parent json.RawMessage) {
	p.publish("status", parent, map[string]string{"execution_state": state})
}

// stream gathers text; it must be whole characters.
func (p *publisher) stream(name string, parent json.RawMessage, text []byte) {
	if len(text) == 0 {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.limit.holdsOf(parent) {
		p.limit.hold(part{parent, name, text})
		return
	}
	if len(p.parts) == 0 {
		p.timer.Reset(max(p.quiet-time.Since(p.flushed), streamPause))
	}
	p.bytes += len(text)
	at := len(p.parts) - 1
	if at >= streamParts-1 { // so many already: join the last of its kind
		for at > 0 && !p.parts[at].is(name, parent) {
			at--
		}
	}
	if at >= 0 && p.parts[at].is(name, parent) {
		p.parts[at].text = append(p.parts[at].text, text...)
	} else {
		p.parts = append(p.parts, part{parent, name, append([]byte(nil), text...)})
	}
	if p.bytes >= streamBytes {
		p.flushLocked()
	}
}

func (q part) is(name string, parent json.RawMessage) bool {
	return q.name == name && string(q.parent) == string(parent)
}

// flush sends the gathered text, and what was held back.
func (p *publisher) flush() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.flushLocked()
	if p.limit.holds() {
		p.releaseLocked()
	}
}

// pause ends: the gathered text is sent as far as it may be.
func (p *publisher) pause() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.flushLocked()
}

func (p *publisher) flushLocked() {
	if len(p.parts) == 0 {
		return
	}
	p.timer.Stop()
	for _, q := range p.parts {
		if p.limit.holdsOf(q.parent) || p.limit.messages.room() < 1 {
			p.limit.hold(q)
			continue
		}
		now, rest := p.limit.take(q)
		if len(now) > 0 {
			p.sendText(part{q.parent, q.name, now})
		}
		if len(rest) > 0 {
			p.limit.hold(part{q.parent, q.name, rest})
		}
	}
	// More messages now, a longer pause until the next: the average stays.
	p.flushed, p.quiet = time.Now(), streamPause*time.Duration(len(p.parts)+1)/2
	p.parts, p.bytes = nil, 0
}
