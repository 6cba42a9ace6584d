package zmtp

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/go-zeromq/zmq4"
)

// conn is a connection after its handshake, as zmq4 sees it: Read gives it whole, checked messages, Write takes the
// frames it writes and queues each message once it is complete.
type conn struct {
	net.Conn // the raw connection
	l        *listener
	br       *bufio.Reader
	id       string
	curve    *curve // nil is no encryption

	in     []byte // checked bytes that zmq4 has not read yet; of its reading goroutine
	topics map[string]struct{}
	shaken bool // what comes now counts for Limits.Unproven; of the reading goroutine

	proven  atomic.Bool  // vouched for
	strikes atomic.Int64 // messages it was blamed for
	heard   atomic.Int64 // when its last message began, as time since epoch

	out splitter // of zmq4's writes; they are serialised by its sockets' locks

	welcomes welcomes

	mu        sync.Mutex
	queue     [][]byte
	queued    int64 // bytes in queue and in the write going on
	full      bool  // queued is above the soft limit, counted in l.over
	fullSince time.Time
	slow      bool  // it was full for so long that nobody waits for it until its queue is empty
	held      int64 // bytes counted in l.held
	progress  time.Time
	more      chan struct{} // there is something to write, to finish or to close for
	closed    bool
	finishing bool
	empty     chan struct{} // closed when all is written in finishing, or the connection is closed
	once      sync.Once     // of closing empty
	gone      chan struct{} // closed with the connection
}

var epoch = time.Now()

func newConn(l *listener, raw net.Conn, br *bufio.Reader) *conn {
	c := &conn{Conn: raw, l: l, br: br, more: make(chan struct{}, 1), empty: make(chan struct{}), gone: make(chan struct{}), topics: map[string]struct{}{}}
	c.heard.Store(int64(time.Since(epoch)))
	c.out.skip = greetingLen
	c.out.emit = func(msg []byte) bool {
		if isBarrier(msg) {
			return false
		}
		c.welcomes.send(c)
		shared, kept := l.share(msg)
		c.enqueue(shared)
		return kept
	}
	return c
}

// header reads a frame header.
func (c *conn) header() (flags byte, size uint64, err error) {
	var h [9]byte
	if _, err = io.ReadFull(c.br, h[:2]); err != nil {
		return 0, 0, err
	}
	flags, size = h[0], uint64(h[1])
	if flags&flagLong != 0 {
		if _, err = io.ReadFull(c.br, h[2:]); err != nil {
			return 0, 0, err
		}
		size = binary.BigEndian.Uint64(h[1:])
	}
	if flags&^(flagMore|flagLong|flagCommand) != 0 || flags&flagCommand != 0 && flags&flagMore != 0 {
		return 0, 0, errors.New("malformed frame header")
	}
	return flags, size, nil
}

// body appends n bytes from the peer to b, which grows with what has come and not with what was announced.
func (c *conn) body(b []byte, n uint64) ([]byte, error) {
	if c.curve != nil && c.curve.decrypted {
		c.curve.decrypted = false
		return append(b, c.curve.plain...), nil
	}
	const step = 64 << 10
	for n > 0 {
		k := int(min(n, step))
		if c.shaken && !c.hold(k) {
			return nil, fmt.Errorf("more than %d bytes of messages from peers that have not signed one", c.l.Limits.Unproven)
		}
		at := len(b)
		b = append(b, make([]byte, k)...)
		if _, err := io.ReadFull(c.br, b[at:]); err != nil {
			return nil, err
		}
		n -= uint64(k)
	}
	return b, nil
}

// Read gives zmq4 the bytes of the next messages, each checked as a whole before its first byte is given.
func (c *conn) Read(p []byte) (int, error) {
	for len(c.in) == 0 {
		msg, err := c.receive()
		if err == nil && msg != nil && !c.enter() {
			err = io.EOF
		}
		if err != nil {
			var netErr net.Error
			if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.As(err, &netErr) {
				c.Close()
			} else {
				c.cut(err.Error())
			}
			return 0, io.EOF // what zmq4 takes for a closed connection
		}
		c.in = msg
	}
	n := copy(p, c.in)
	c.in = c.in[n:]
	return n, nil
}

// receive reads frames up to the end of a message and returns them encoded; nil for what is not for zmq4.
func (c *conn) receive() ([]byte, error) {
	c.letGo()
	c.welcomes.send(c)
	c.shaken = true
	if !c.proven.Load() { // it may be silent for ever, but not in the middle of a message
		if _, err := c.br.Peek(1); err != nil {
			return nil, err
		}
		c.SetReadDeadline(time.Now().Add(c.l.Limits.Handshake))
		defer c.SetReadDeadline(time.Time{})
	}
	c.heard.Store(int64(time.Since(epoch)))
	var msg []byte
	for frames := 1; ; frames++ {
		limit := c.l.Limits.Message
		if c.l.Type == zmq4.XPub {
			limit = maxCommand
		}
		flags, n, err := c.next(limit)
		if err != nil {
			return nil, err
		}
		if flags&flagCommand != 0 {
			if len(msg) > 0 || n > maxCommand {
				return nil, errors.New("a command inside a message, or too long")
			}
			body, err := c.body(nil, n)
			if err != nil {
				return nil, err
			}
			return c.command(body)
		}
		if n > uint64(c.l.Limits.Message) || uint64(len(msg))+n > uint64(c.l.Limits.Message) || frames > c.l.Limits.Frames {
			return nil, fmt.Errorf("a message over the limit of %d bytes and %d frames", c.l.Limits.Message, c.l.Limits.Frames)
		}
		if c.l.Type == zmq4.XPub && n > maxCommand {
			return nil, errors.New("a subscription that is too long")
		}
		if n > 255 {
			msg = append(msg, flags|flagLong)
			msg = binary.BigEndian.AppendUint64(msg, n)
		} else {
			msg = append(msg, flags&^flagLong, byte(n))
		}
		at := len(msg)
		if msg, err = c.body(msg, n); err != nil {
			return nil, err
		}
		if flags&flagMore != 0 {
			continue
		}
		if c.l.Type == zmq4.XPub {
			if frames > 1 || n == 0 || msg[at] > 1 {
				return nil, nil // a message for a publisher: nobody wants it
			}
			return c.subscription(msg[at] == 1, msg[at+1:])
		}
		return msg, nil
	}
}

// command answers the ZMTP commands that a peer may send after the handshake.
func (c *conn) command(b []byte) ([]byte, error) {
	if len(b) == 0 || len(b) < 1+int(b[0]) {
		return nil, errors.New("malformed command")
	}
	end := 1 + int(b[0]) // as a byte it would overflow
	name, arg := string(b[1:end]), b[end:]
	switch name {
	case "PING": // a time to live of two bytes, then what the PONG repeats
		if len(arg) < 2 {
			return nil, errors.New("malformed PING")
		}
		if c.waiting() < maxUnread { // who does not read needs no sign of life
			c.enqueue(appendFrame(nil, flagCommand, append([]byte("\x04PONG"), arg[2:]...)))
		}
	case "SUBSCRIBE", "CANCEL":
		if c.l.Type == zmq4.XPub {
			return c.subscription(name == "SUBSCRIBE", arg)
		}
	}
	return nil, nil
}

// subscription notes a subscription, welcomes it, and returns it as zmq4 wants to see it.
func (c *conn) subscription(on bool, topic []byte) ([]byte, error) {
	key := string(topic)
	if !on {
		delete(c.topics, key)
		return appendFrame(nil, 0, append([]byte{0}, topic...)), nil
	}
	if c.topics[key] = struct{}{}; len(c.topics) > c.l.Limits.Topics {
		return nil, fmt.Errorf("more than %d subscriptions", c.l.Limits.Topics)
	}
	if c.l.Welcome != nil && c.waiting() < c.l.Limits.Soft { // it could fill the queue by subscribing again and again
		if frames := c.l.Welcome(bytes.Clone(topic)); frames != nil {
			c.welcomes.add(encode(frames))
		}
	}
	return appendFrame(nil, 0, append([]byte{1}, topic...)), nil
}

func encode(frames [][]byte) []byte {
	var b []byte
	for i, f := range frames {
		var flags byte
		if i < len(frames)-1 {
			flags = flagMore
		}
		b = appendFrame(b, flags, f)
	}
	return b
}

// encodedLen is len(encode(frames)).
func encodedLen(frames [][]byte) int64 {
	var n int64
	for _, f := range frames {
		n += int64(len(f)) + 2
		if len(f) > 255 {
			n += 7
		}
	}
	return n
}

// Write takes what zmq4 sends. It fails only on a closed connection and never waits.
func (c *conn) Write(p []byte) (int, error) {
	c.mu.Lock()
	closed := c.closed
	c.mu.Unlock()
	if closed {
		return 0, net.ErrClosed
	}
	c.out.write(p)
	return len(p), nil
}

func (c *conn) enqueue(msg []byte) {
	c.mu.Lock()
	if c.closed {
		c.mu.Unlock()
		return
	}
	if c.queued > 0 && c.l.queued.Load()+int64(len(msg)) > c.l.Limits.Queues {
		c.mu.Unlock()
		c.l.cutLongest()
		c.mu.Lock()
		if c.closed {
			c.mu.Unlock()
			return
		}
	}
	if c.queued > 0 && c.queued+int64(len(msg)) > c.l.Limits.Outbound {
		c.mu.Unlock()
		c.cut(fmt.Sprintf("more than %d bytes wait for it", c.l.Limits.Outbound))
		return
	}
	if c.queued == 0 {
		c.progress = time.Now()
	}
	c.queue = append(c.queue, msg)
	c.setQueued(c.queued + int64(len(msg)))
	c.mu.Unlock()
	select {
	case c.more <- struct{}{}:
	default:
	}
}

// waiting is the number of bytes queued.
func (c *conn) waiting() int64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.queued
}

// setQueued keeps l.over; c.mu is held.
func (c *conn) setQueued(n int64) {
	c.l.queued.Add(n - c.queued)
	c.queued = n
	c.slow = c.slow && n > 0
	if full := n > c.l.Limits.Soft && !c.closed; full != c.full {
		c.full = full
		if full {
			c.fullSince = time.Now()
			c.l.over.Add(1)
		} else {
			c.l.over.Add(-1)
			c.l.wake()
		}
	}
}

// write is the goroutine that sends the queue.
func (c *conn) write() {
	const chunk = 128 << 10 // small enough to see progress on a slow peer
	for {
		c.mu.Lock()
		if c.closed {
			c.mu.Unlock()
			return
		}
		batch := c.queue
		c.queue = nil
		if len(batch) == 0 && c.finishing {
			c.once.Do(func() { close(c.empty) })
		}
		c.mu.Unlock()
		if len(batch) == 0 {
			<-c.more
			continue
		}
		for len(batch) > 0 {
			n, size := 1, len(batch[0])
			for n < len(batch) && size+len(batch[n]) <= chunk { // small messages share a write
				size += len(batch[n])
				n++
			}
			b := batch[0]
			if n > 1 {
				b = slices.Concat(batch[:n]...)
			}
			batch = batch[n:]
			counted := int64(len(b))
			if c.curve != nil {
				b = c.curve.seal(b)
			}
			for len(b) > 0 {
				n, err := c.Conn.Write(b[:min(len(b), chunk)])
				if err != nil {
					c.Close()
					return
				}
				b = b[n:]
				c.mu.Lock()
				c.progress = time.Now()
				if !c.closed {
					k := min(int64(n), counted) // encrypted it is longer
					counted -= k
					c.setQueued(c.queued - k)
				}
				c.mu.Unlock()
			}
		}
	}
}

// cut closes the connection for a fault of the peer.
func (c *conn) cut(why string) {
	c.mu.Lock()
	closed := c.closed
	c.mu.Unlock()
	if !closed {
		c.l.Log.Warn("peer cut", "socket", string(c.l.Type), "peer", c.RemoteAddr().String(), "why", why)
	}
	c.Close()
}

// Close closes the connection at once; what is queued is lost.
func (c *conn) Close() error {
	c.mu.Lock()
	if c.closed {
		c.mu.Unlock()
		return nil
	}
	c.closed = true
	close(c.gone)
	c.l.held.Add(-c.held)
	c.held = 0
	c.queue = nil
	c.setQueued(0)
	c.once.Do(func() { close(c.empty) })
	c.mu.Unlock()
	select {
	case c.more <- struct{}{}:
	default:
	}
	err := c.Conn.Close()
	c.l.forget(c)
	return err
}

// finish sends what is queued until the deadline, then ends the outgoing half of the connection.
func (c *conn) finish(deadline time.Time) {
	c.mu.Lock()
	if c.closed || c.finishing {
		c.mu.Unlock()
		return
	}
	c.finishing = true
	c.mu.Unlock()
	select {
	case c.more <- struct{}{}:
	default:
	}
	select {
	case <-c.empty:
	case <-time.After(time.Until(deadline)):
		return
	}
	half, ok := c.Conn.(interface{ CloseWrite() error })
	if !ok || half.CloseWrite() != nil {
		return
	}
	// Closing with unread bytes makes TCP reset the connection, and the peer may lose what it has not read yet.
	c.Conn.SetReadDeadline(time.Now().Add(50 * time.Millisecond))
	io.Copy(io.Discard, c.Conn)
}
