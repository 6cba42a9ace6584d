package zmtp

import (
	"bytes"
	"container/list"
	"log/slog"
	"net"
	"testing"
	"time"

	"github.com/go-zeromq/zmq4"
)

// scripted is a peer that has said all it will say.
type scripted struct {
	*bytes.Reader
	out bytes.Buffer
}

func (s *scripted) Write(p []byte) (int, error)      { return s.out.Write(p) }
func (s *scripted) Close() error                     { return nil }
func (s *scripted) LocalAddr() net.Addr              { return monitorAddr{} }
func (s *scripted) RemoteAddr() net.Addr             { return monitorAddr{} }
func (s *scripted) SetDeadline(time.Time) error      { return nil }
func (s *scripted) SetReadDeadline(time.Time) error  { return nil }
func (s *scripted) SetWriteDeadline(time.Time) error { return nil }

// What zmq4 reads is well formed and within the limits, whatever the peer has sent.
func FuzzPeer(f *testing.F) {
	hello := append(greeting(), ready(zmq4.Dealer, "id")...)
	f.Add(false, append(bytes.Clone(hello), encode([][]byte{{}, []byte("body")})...))
	f.Add(false, append(bytes.Clone(hello), appendFrame(nil, flagCommand, []byte("\x04PING\x00\x00x"))...))
	f.Add(true, append(append(greeting(), ready(zmq4.Sub, "")...), appendFrame(nil, 0, []byte("\x01topic"))...))
	f.Add(false, append(bytes.Clone(hello), flagLong, 0, 0, 0, 0, 0, 0, 0, 5, 'h', 'e'))
	f.Add(false, append(bytes.Clone(hello), appendFrame(nil, flagCommand, bytes.Repeat([]byte{0xff}, 256))...))
	f.Fuzz(func(t *testing.T, pub bool, sent []byte) {
		l := fuzzListener(pub, len(sent))
		c, err := l.handshake(&scripted{Reader: bytes.NewReader(sent)})
		if err != nil {
			return
		}
		n := 0
		s := splitter{skip: greetingLen, emit: func(msg []byte) bool {
			n++
			if int64(len(msg)) > l.Limits.Message+9*int64(l.Limits.Frames) {
				t.Fatalf("a message of %d bytes", len(msg))
			}
			if pub && (len(msg) < 3 || msg[2] > 1) {
				t.Fatalf("not a subscription: %q", msg)
			}
			return true
		}}
		p := make([]byte, 7)
		for {
			k, err := c.Read(p)
			s.write(p[:k])
			if err != nil {
				break
			}
		}
		if len(s.buf) > 0 || s.skip > 0 {
			t.Fatalf("zmq4 was given a part of a message: %q", s.buf)
		}
		if len(c.topics) > l.Limits.Topics+1 {
			t.Fatalf("%d topics", len(c.topics))
		}
	})
}

// fuzzListener is a listener without a socket, with room for a peer that sends n bytes.
func fuzzListener(pub bool, n int) *listener {
	l := &listener{
		Config: Config{Type: zmq4.Router, Log: slog.New(slog.DiscardHandler)},
		conns:  map[*conn]struct{}{}, ids: map[string]*conn{}, pending: list.New(), room: make(chan struct{}, n+1),
	}
	if pub {
		l.Type = zmq4.XPub
		l.Welcome = func(topic []byte) [][]byte { return [][]byte{topic} }
	}
	l.Limits = Limits{Message: 1 << 10, Frames: 8, Topics: 4}
	l.Limits.fill()
	return l
}
