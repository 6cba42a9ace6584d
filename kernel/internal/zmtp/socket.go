// Package zmtp binds the ZeroMQ sockets of a kernel.
//
// The sockets are those of github.com/go-zeromq/zmq4, which trusts its peers: it does handshakes one after another
// without a deadline, allocates what a frame header asks for, panics on malformed metadata, blocks all peers behind one
// that stops reading, and drops what it has not sent when it is closed. So every connection is owned by a listener of
// this package, given to zmq4 through [zmq4.RegisterTransport]. The listener does the ZMTP handshake itself, in a
// goroutine a connection and under a deadline; checks frame lengths, metadata and subscriptions before zmq4 sees them;
// answers heartbeats; takes whole messages from zmq4 into an outbound queue of its own for each connection; and
// flushes these queues before it closes.
package zmtp

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"log"
	"log/slog"
	"net"
	"os"
	"sync"
	"time"

	"github.com/go-zeromq/zmq4"
)

// Limits bound what a peer can cost. A zero field means its default.
type Limits struct {
	Handshake time.Duration // time for a whole ZMTP handshake; 10 s
	Pending   int           // handshakes at once, above which the oldest is cut; 128
	Conns     int           // connections after the handshake; above it one that nobody vouches for gives way, or else the new one; 256
	Strikes   int           // messages that a peer is blamed for before it is cut; 32
	Unproven  int64         // bytes of messages from peers that nobody vouches for, of all of them together; 32 MiB
	Message   int64         // bytes in a message received; 256 MiB
	Frames    int           // frames in a message received; 4096
	Topics    int           // subscriptions of a peer; 1024
	Outbound  int64         // bytes queued for a peer, above which it is cut; 256 MiB
	Queues    int64         // bytes queued for all peers, above which the one with most is cut; 512 MiB
	Soft      int64         // bytes queued for a peer, above which Throttle waits for it; 8 MiB
	Stall     time.Duration // time that Throttle waits for a peer at most; 5 s
	Linger    time.Duration // time Close takes at most to send what is queued; 1 s
}

func (l *Limits) fill() {
	def := func(d *time.Duration, v time.Duration) {
		if *d == 0 {
			*d = v
		}
	}
	def(&l.Handshake, 10*time.Second)
	def(&l.Stall, 5*time.Second)
	def(&l.Linger, time.Second)
	num := func(p *int64, v int64) {
		if *p == 0 {
			*p = v
		}
	}
	num(&l.Message, 256<<20)
	num(&l.Outbound, 256<<20)
	num(&l.Queues, 512<<20)
	num(&l.Unproven, 32<<20)
	num(&l.Soft, 8<<20)
	count := func(p *int, v int) {
		if *p == 0 {
			*p = v
		}
	}
	count(&l.Pending, 128)
	count(&l.Conns, 256)
	count(&l.Strikes, 32)
	count(&l.Frames, 4096)
	count(&l.Topics, 1024)
}

// Config says which socket to bind and where.
type Config struct {
	Type    zmq4.SocketType // Router, XPub or Rep
	Network string          // "tcp" with a host:port address, or "ipc" with a path
	Address string
	Limits  Limits
	Curve   *CurveKeys   // encrypt, and admit only peers that know the public key; nil does neither
	Log     *slog.Logger // of refused and cut peers; nil discards

	// Welcome, for an XPub, makes the message that a peer is sent first after each of its subscriptions, before any
	// that matches it. Nil sends none; so does a nil result.
	Welcome func(topic []byte) [][]byte
}

// Socket is a bound socket. Send, Recv and Throttle may be called from many goroutines.
type Socket struct {
	typ    zmq4.SocketType
	sock   zmq4.Socket
	l      *listener
	cancel context.CancelFunc
	ctx    context.Context
	close  func() error
}

// Bind listens on the address of c.
func Bind(c Config) (*Socket, error) {
	c.Limits.fill()
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	raw, err := listen(c.Network, c.Address)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(context.Background())
	quiet := zmq4.WithLogger(log.New(io.Discard, "", 0)) // it would log to stderr what our listener already has
	var sock zmq4.Socket
	switch c.Type {
	case zmq4.Router:
		sock = zmq4.NewRouter(ctx, quiet)
	case zmq4.XPub:
		sock = zmq4.NewXPub(ctx, quiet)
	case zmq4.Rep:
		sock = zmq4.NewRep(ctx, quiet)
	default:
		cancel()
		raw.Close()
		return nil, fmt.Errorf("zmtp: no %s sockets here", c.Type)
	}
	l := newListener(c, raw)
	s := &Socket{typ: c.Type, sock: sock, l: l, ctx: ctx, cancel: cancel}
	s.close = sync.OnceValue(s.flushAndClose)
	if err := sock.Listen(handOver(l)); err != nil {
		cancel()
		l.Close()
		return nil, fmt.Errorf("zmtp: %w", err)
	}
	if c.Type == zmq4.XPub {
		s.barrier(time.Now().Add(time.Second)) // until the monitor is subscribed
	}
	return s, nil
}

func listen(network, address string) (net.Listener, error) {
	switch network {
	case "tcp":
		return net.Listen("tcp", address)
	case "ipc":
		// A socket file that nobody serves any more is left by a process that was killed.
		if st, err := os.Lstat(address); err == nil && st.Mode()&os.ModeSocket != 0 {
			if c, err := net.DialTimeout("unix", address, time.Second); err == nil {
				c.Close()
			} else {
				os.Remove(address)
			}
		}
		l, err := net.Listen("unix", address)
		if err != nil {
			return nil, err
		}
		if err := os.Chmod(address, 0o600); err != nil {
			l.Close()
			return nil, err
		}
		return l, nil
	}
	return nil, fmt.Errorf("unknown transport %q: tcp and ipc are known", network)
}

// Addr is the address that the socket is bound to.
func (s *Socket) Addr() net.Addr { return s.l.raw.Addr() }

// Send sends a message. It never waits for a peer: what a peer does not take is queued for it up to [Limits.Outbound].
// For a Router the first frame is the identity of the peer; a message for a peer that is gone is dropped.
func (s *Socket) Send(frames ...[]byte) error {
	if s.ctx.Err() != nil {
		return net.ErrClosed
	}
	if s.typ == zmq4.XPub {
		s.l.transit.Add(encodedLen(frames))
	}
	return s.sock.Send(zmq4.NewMsgFrom(frames...))
}

// Throttle waits until every peer has at most [Limits.Soft] bytes queued, [Limits.Stall] at most. A peer that takes
// too little meanwhile is not waited for again before it has caught up: its queue then grows to its limit. Whoever
// produces much output calls it between messages.
func (s *Socket) Throttle() { s.l.throttle() }

// Recv returns the frames of the next message; for a Router the first is the identity of the peer. The only error is
// net.ErrClosed: a message that zmq4 finds fault with is skipped.
func (s *Socket) Recv() ([][]byte, error) {
	for {
		m, err := s.sock.Recv()
		if s.ctx.Err() != nil {
			return nil, net.ErrClosed
		}
		<-s.l.room
		if err == nil {
			return m.Frames, nil
		}
	}
}

// Close stops accepting, sends what is queued, at most for [Limits.Linger], and closes the socket.
func (s *Socket) Close() error { return s.close() }

func (s *Socket) flushAndClose() error {
	s.l.stopAccepting()
	deadline := time.Now().Add(s.l.Limits.Linger)
	if s.typ == zmq4.XPub {
		s.barrier(deadline)
	}
	s.l.flush(deadline)
	s.cancel()
	if s.typ == zmq4.XPub {
		s.endSender()
	}
	err := s.sock.Close()
	if e := s.l.Close(); err == nil || errors.Is(err, net.ErrClosed) {
		err = e
	}
	if errors.Is(err, net.ErrClosed) {
		return nil
	}
	return err
}

// barrierTopic is the topic of messages that only the monitor of a listener sees.
var barrierTopic = []byte("\x00godlas-barrier")

// barrier returns once zmq4 has handed all messages sent before to the connections: its XPUB queues them and has no
// word for "done", but it keeps their order, so a message of our own that arrives has pushed the others out.
func (s *Socket) barrier(deadline time.Time) {
	var n [8]byte
	for i := uint64(1); time.Now().Before(deadline); i++ {
		binary.BigEndian.PutUint64(n[:], i)
		if s.ctx.Err() != nil || s.sock.Send(zmq4.NewMsgFrom(barrierTopic, bytes.Clone(n[:]))) != nil {
			return
		}
		select {
		case <-s.l.monitor.seen:
			return
		case <-time.After(2 * time.Millisecond): // the monitor has not subscribed yet: the socket is that young
		}
	}
}
