package zmtp

import (
	"bytes"
	"slices"
	"time"

	"github.com/go-zeromq/zmq4"
)

// room is how many messages zmq4's sockets hold for Recv: the capacity of their channels. With no more than these under
// way its reading goroutines never wait for Recv, so none is left when the socket is closed.
const room = 10

// vouchedIDs bounds the identities that a socket remembers as vouched for.
const vouchedIDs = 4096

// Vouch says that the peer of this identity has shown itself to be a client: it has sent a signed message, here or on
// another socket. Its connections, those to come too, do not give way to others and are not counted for
// [Limits.Unproven]. It is for a Router.
func (s *Socket) Vouch(id []byte) {
	l := s.l
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.vouched[string(id)] {
		if len(l.vouched) >= vouchedIDs {
			clear(l.vouched)
		}
		l.vouched[string(id)] = true
	}
	if c := l.ids[string(id)]; c != nil {
		c.proven.Store(true)
	}
}

// Blame says that the peer of this identity has sent a message that nobody can trust. One that nobody vouches for is cut
// after [Limits.Strikes] of them.
func (s *Socket) Blame(id []byte) {
	s.l.mu.Lock()
	c := s.l.ids[string(id)]
	s.l.mu.Unlock()
	if c != nil && c.strikes.Add(1) > int64(s.l.Limits.Strikes) && !c.proven.Load() {
		c.cut("it goes on sending what is not signed")
	}
}

// leastLocked returns the connection to cut for another, or nil: of those that nobody vouches for, the one that was
// silent for longest. Subscribers are silent by nature: of these, only one that does not take what it is sent.
func (l *listener) leastLocked() *conn {
	all := l.all()
	all = slices.DeleteFunc(all, func(c *conn) bool {
		if l.Type != zmq4.XPub {
			return c.proven.Load()
		}
		c.mu.Lock()
		defer c.mu.Unlock()
		return c.queued == 0 || time.Since(c.progress) < time.Second
	})
	if len(all) == 0 {
		return nil
	}
	return slices.MinFunc(all, func(a, b *conn) int { return int(a.heard.Load() - b.heard.Load()) })
}

// hold counts n bytes of a message of a peer that nobody vouches for, and reports whether there is room for them.
func (c *conn) hold(n int) bool {
	if c.proven.Load() {
		return true
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed || c.l.held.Load()+int64(n) > c.l.Limits.Unproven {
		return false
	}
	c.held += int64(n)
	c.l.held.Add(int64(n))
	return true
}

func (c *conn) letGo() {
	c.mu.Lock()
	c.l.held.Add(-c.held)
	c.held = 0
	c.mu.Unlock()
}

// enter waits for a place among the messages that zmq4 holds; false means that the connection is closed.
func (c *conn) enter() bool {
	if c.l.Type == zmq4.XPub { // its reader takes subscriptions and queues nothing
		return true
	}
	select {
	case c.l.room <- struct{}{}:
		return true
	case <-c.gone:
	case <-c.l.closed:
	}
	return false
}

// backlog says whether Throttle is to wait for the peer. One that was waited for and has not caught up is not: what it does
// not take is kept for it, up to the limits of queues, for it may be a client that reads only when it has sent all.
func (c *conn) backlog() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.full {
		return false
	}
	c.slow = c.slow || time.Since(c.fullSince) > c.l.Limits.Stall
	return !c.slow
}

// cutLongest cuts the connection with the longest queue.
func (l *listener) cutLongest() {
	l.mu.Lock()
	all := l.all()
	l.mu.Unlock()
	var longest *conn
	var most int64
	for _, c := range all {
		c.mu.Lock()
		n := c.queued
		c.mu.Unlock()
		if n > most {
			longest, most = c, n
		}
	}
	if longest != nil {
		longest.cut("too much waits for all peers, and most for it")
	}
}

// share returns the message itself or an equal one that another subscriber's queue has, so that a message is in memory
// once and not once a subscriber. Kept says that it is the message itself.
func (l *listener) share(msg []byte) (shared []byte, kept bool) {
	if l.Type != zmq4.XPub {
		return msg, true
	}
	if bytes.Equal(l.shared, msg) {
		return l.shared, false
	}
	l.shared = msg
	return msg, true
}

// endSender ends zmq4's sending goroutine, which does not look whether its socket is closed: the monitor, called by it,
// exits it with the next message.
func (s *Socket) endSender() {
	s.l.monitor.end.Store(true)
	s.sock.Send(zmq4.NewMsgFrom(barrierTopic))
	select {
	case <-s.l.monitor.ended: // closed before, the monitor would not be written to
	case <-time.After(time.Second):
	}
}
