package zmtp

import (
	"container/list"
	"context"
	"errors"
	"fmt"
	"net"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/go-zeromq/zmq4"
	"github.com/go-zeromq/zmq4/transport"
)

// scheme is the name under which zmq4 finds our listeners: it keeps tcp and ipc for its own.
const scheme = "godlas"

// handed holds the listeners on their way to zmq4, which takes an endpoint as text only.
var handed struct {
	sync.Mutex
	next uint64
	l    map[string]*listener
}

var register = sync.OnceValue(func() error { return zmq4.RegisterTransport(scheme, handOverTransport{}) })

// handOver returns the endpoint by which zmq4's Listen gets l.
func handOver(l *listener) string {
	handed.Lock()
	defer handed.Unlock()
	if handed.l == nil {
		handed.l = map[string]*listener{}
	}
	handed.next++
	key := strconv.FormatUint(handed.next, 10)
	if err := register(); err != nil {
		return key // not an endpoint: Listen then fails and says so
	}
	handed.l[key] = l
	return scheme + "://" + key
}

type handOverTransport struct{}

func (handOverTransport) Addr(ep string) (string, error) { return ep, nil }

func (handOverTransport) Listen(_ context.Context, key string) (net.Listener, error) {
	handed.Lock()
	defer handed.Unlock()
	l := handed.l[key]
	delete(handed.l, key)
	if l == nil {
		return nil, fmt.Errorf("zmtp: no listener %q", key)
	}
	return l, nil
}

func (handOverTransport) Dial(context.Context, transport.Dialer, string) (net.Conn, error) {
	return nil, errors.New("zmtp: a kernel's sockets are bound, not dialled")
}

// listener accepts connections, does their handshakes and gives zmq4 those that are through.
type listener struct {
	Config
	raw     net.Listener
	ready   chan net.Conn
	closed  chan struct{}
	once    sync.Once
	monitor *monitor

	mu      sync.Mutex
	pending *list.List // of net.Conn, in the handshake, oldest first
	conns   map[*conn]struct{}
	ids     map[string]*conn // Router: identities in use
	drained chan struct{}    // a connection fell below the soft limit, or closed
	room    chan struct{}    // a place for each message that zmq4 has and Recv has not returned
	vouched map[string]bool  // Router: identities that were vouched for
	over    atomic.Int64     // connections above the soft limit
	queued  atomic.Int64     // bytes queued for all connections
	held    atomic.Int64     // bytes of messages of connections that nobody has vouched for
	shared  []byte           // XPub: the message that was queued last; of zmq4's one sending goroutine
	transit atomic.Int64     // XPub: bytes sent and not yet seen by the monitor
}

func newListener(c Config, raw net.Listener) *listener {
	l := &listener{
		Config: c, raw: raw,
		ready: make(chan net.Conn), closed: make(chan struct{}), drained: make(chan struct{}, 1),
		pending: list.New(), conns: map[*conn]struct{}{}, ids: map[string]*conn{},
		room: make(chan struct{}, room), vouched: map[string]bool{},
	}
	if c.Type == zmq4.XPub {
		l.monitor = newMonitor(func(n int) { l.transit.Add(-int64(n)); l.wake() })
		go l.deliver(l.monitor)
	}
	go l.accept()
	return l
}

// Accept gives zmq4 the next connection that is through its handshake. It returns an error only when closed.
func (l *listener) Accept() (net.Conn, error) {
	select {
	case c := <-l.ready:
		return c, nil
	case <-l.closed:
		return nil, net.ErrClosed
	}
}

func (l *listener) deliver(c net.Conn) bool {
	select {
	case l.ready <- c:
		return true
	case <-l.closed:
		c.Close()
		return false
	}
}

func (l *listener) Addr() net.Addr { return l.raw.Addr() }

func (l *listener) stopAccepting() { l.raw.Close() }

// Close cuts all connections without flushing them; Socket.Close flushes first.
func (l *listener) Close() error {
	err := l.raw.Close()
	l.once.Do(func() { close(l.closed) })
	l.mu.Lock()
	for e := l.pending.Front(); e != nil; e = e.Next() {
		e.Value.(net.Conn).Close()
	}
	conns := l.all()
	l.mu.Unlock()
	for _, c := range conns {
		c.Close()
	}
	if l.monitor != nil {
		l.monitor.Close()
	}
	return err
}

// all lists the connections; l.mu is held.
func (l *listener) all() []*conn {
	cs := make([]*conn, 0, len(l.conns))
	for c := range l.conns {
		cs = append(cs, c)
	}
	return cs
}

func (l *listener) accept() {
	pause := 5 * time.Millisecond
	for {
		raw, err := l.raw.Accept()
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil { // no file descriptor left, mostly: it passes
			l.Log.Warn("accept failed", "socket", string(l.Type), "err", err)
			select {
			case <-time.After(pause):
			case <-l.closed:
				return
			}
			pause = min(2*pause, time.Second)
			continue
		}
		pause = 5 * time.Millisecond
		l.mu.Lock()
		e := l.pending.PushBack(raw)
		if l.pending.Len() > l.Limits.Pending {
			l.pending.Remove(l.pending.Front()).(net.Conn).Close()
		}
		l.mu.Unlock()
		go l.shake(raw, e)
	}
}

// shake brings one connection through its handshake.
func (l *listener) shake(raw net.Conn, e *list.Element) {
	c, err := l.handshake(raw)
	l.mu.Lock()
	l.pending.Remove(e) // nothing if it was cut meanwhile
	l.mu.Unlock()
	if err != nil {
		l.Log.Info("peer refused", "socket", string(l.Type), "peer", raw.RemoteAddr().String(), "err", err)
		if c != nil {
			l.forget(c)
		}
		raw.Close()
		return
	}
	go c.write()
	l.deliver(c)
}

// admit takes a place for c, whose handshake is nearly done: its identity must be free, or zmq4 would send the replies
// for one peer to the other too.
func (l *listener) admit(c *conn, id string) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.Type == zmq4.Router && l.ids[id] != nil {
		return errors.New("the identity is in use")
	}
	if len(l.conns) >= l.Limits.Conns {
		old := l.leastLocked()
		if old == nil {
			return fmt.Errorf("already %d connections", len(l.conns))
		}
		l.dropLocked(old)
		go old.cut("it gives way to another, and has sent nothing for longest")
	}
	if l.Type == zmq4.Router {
		l.ids[id] = c
		c.id = id
		c.proven.Store(l.vouched[id])
	}
	l.conns[c] = struct{}{}
	return nil
}

func (l *listener) forget(c *conn) {
	l.mu.Lock()
	l.dropLocked(c)
	l.mu.Unlock()
	l.wake()
}

func (l *listener) dropLocked(c *conn) {
	delete(l.conns, c)
	if c.id != "" && l.ids[c.id] == c {
		delete(l.ids, c.id)
	}
}

func (l *listener) wake() {
	select {
	case l.drained <- struct{}{}:
	default:
	}
}

func (l *listener) throttle() {
	for l.over.Load() > 0 || l.transit.Load() > l.Limits.Soft {
		l.mu.Lock()
		conns := l.all()
		l.mu.Unlock()
		full := l.transit.Load() > l.Limits.Soft
		for _, c := range conns {
			full = c.backlog() || full
		}
		if !full {
			return
		}
		select {
		case <-l.drained:
		case <-time.After(l.Limits.Stall / 20):
		case <-l.closed:
			return
		}
	}
}

// flush sends what is queued until the deadline and ends the outgoing half of every connection.
func (l *listener) flush(deadline time.Time) {
	l.mu.Lock()
	conns := l.all()
	l.mu.Unlock()
	var wg sync.WaitGroup
	for _, c := range conns {
		wg.Go(func() { c.finish(deadline) })
	}
	wg.Wait()
}
