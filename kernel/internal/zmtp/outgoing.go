package zmtp

import (
	"bytes"
	"encoding/binary"
	"io"
	"net"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"github.com/go-zeromq/zmq4"
)

// splitter cuts the bytes that zmq4 writes on a connection into messages. It drops the greeting and the commands: our
// listener has spoken for zmq4 in the handshake.
type splitter struct {
	skip int // bytes of the greeting still to come
	buf  []byte
	at   int                          // start of the first frame in buf that is not complete
	emit func(msg []byte) (kept bool) // kept: it goes on using the bytes
}

// keptBuffer is the largest buffer that a splitter keeps for the next message.
const keptBuffer = 64 << 10

func (s *splitter) write(p []byte) {
	n := min(s.skip, len(p))
	s.skip -= n
	if s.buf == nil {
		s.buf = make([]byte, 0, 1<<10)
	}
	s.buf = append(s.buf, p[n:]...)
	for {
		b := s.buf[s.at:]
		if len(b) < 2 {
			return
		}
		head, size := 2, uint64(b[1])
		if b[0]&flagLong != 0 {
			if head = 9; len(b) < head {
				return
			}
			size = binary.BigEndian.Uint64(b[1:])
		}
		if uint64(len(b)-head) < size {
			return
		}
		s.at += head + int(size)
		if b[0]&flagMore != 0 {
			continue
		}
		msg, rest := s.buf[:s.at:s.at], s.buf[s.at:]
		kept := b[0]&flagCommand == 0 && s.emit(msg)
		switch {
		case len(rest) == 0 && (kept || cap(s.buf) > keptBuffer):
			s.buf = nil
		case kept:
			s.buf = bytes.Clone(rest)
		default:
			s.buf = append(s.buf[:0], rest...)
		}
		s.at = 0
	}
}

// isBarrier reports whether an encoded message is one of Socket.barrier.
func isBarrier(msg []byte) bool {
	n := len(barrierTopic)
	return len(msg) >= 2+n && msg[0] == flagMore && int(msg[1]) == n && bytes.Equal(msg[2:2+n], barrierTopic)
}

// monitor is a peer inside the process that is subscribed to everything: what zmq4 has written to it, zmq4 has taken
// off its queue, which it keeps without bound and without a way to ask for its length.
type monitor struct {
	in     []byte
	out    splitter
	seen   chan struct{} // a barrier message has come
	end    atomic.Bool   // the next message ends the goroutine that brings it
	ended  chan struct{} // closed when it does
	closed chan struct{}
	once   sync.Once
}

func newMonitor(taken func(bytes int)) *monitor {
	m := &monitor{seen: make(chan struct{}, 1), ended: make(chan struct{}), closed: make(chan struct{})}
	m.in = append(greeting(), ready(zmq4.Sub, "")...)
	m.in = appendFrame(m.in, 0, []byte{1})
	m.out.skip = greetingLen
	m.out.emit = func(msg []byte) bool {
		if m.end.Load() {
			close(m.ended)
			runtime.Goexit()
		}
		if isBarrier(msg) {
			select {
			case m.seen <- struct{}{}:
			default:
			}
			return false
		}
		taken(len(msg))
		return false
	}
	return m
}

func (m *monitor) Read(p []byte) (int, error) {
	if len(m.in) == 0 {
		<-m.closed
		return 0, io.EOF
	}
	n := copy(p, m.in)
	m.in = m.in[n:]
	return n, nil
}

func (m *monitor) Write(p []byte) (int, error) {
	m.out.write(p)
	return len(p), nil
}

func (m *monitor) Close() error {
	m.once.Do(func() { close(m.closed) })
	return nil
}

func (m *monitor) LocalAddr() net.Addr              { return monitorAddr{} }
func (m *monitor) RemoteAddr() net.Addr             { return monitorAddr{} }
func (m *monitor) SetDeadline(time.Time) error      { return nil }
func (m *monitor) SetReadDeadline(time.Time) error  { return nil }
func (m *monitor) SetWriteDeadline(time.Time) error { return nil }

type monitorAddr struct{}

func (monitorAddr) Network() string { return "monitor" }
func (monitorAddr) String() string  { return "monitor" }
