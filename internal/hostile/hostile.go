// Package hostile is the peers that a kernel must bear: ones that say nothing, say it slowly, talk of something else, do
// not read, or send frames that are almost right. It talks to loopback addresses only.
package hostile

import (
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"sync"
	"sync/atomic"
	"time"
)

// Target is a socket of the kernel.
type Target struct {
	Address string // host:port, on loopback
	Peer    string // socket type that it talks to: DEALER, SUB or REQ
}

// Options say how much is done.
type Options struct {
	Frames  int    // mutated frames
	Conns   int    // connections that are half open, slow or garbage
	Open    int    // connections open at once, at most
	Workers int    // goroutines that make connections; 0 is 16
	Seed    uint64 // of what is sent
	// Progress, if not nil, is called with the share that is done, from 0 to 1, from many goroutines.
	Progress func(done float64)
}

// Report is what was done.
type Report struct {
	Frames   int64 // mutated frames that were sent
	Conns    int64 // connections half open, slow or garbage
	Others   int64 // connections that carried the frames
	Refused  int64 // connections that could not be made
	MostOpen int64
}

// attack is one run.
type attack struct {
	Options
	targets []Target
	open    chan struct{} // a place for each open connection
	parked  chan parked   // connections that are held open, oldest first
	report  Report
	done    atomic.Int64
}

type parked struct {
	net.Conn
	until time.Time
}

// Run sends it all and returns when it is done or ctx ends.
func Run(ctx context.Context, targets []Target, o Options) (Report, error) {
	for _, t := range targets {
		host, _, err := net.SplitHostPort(t.Address)
		if ip := net.ParseIP(host); err != nil || ip == nil || !ip.IsLoopback() {
			return Report{}, fmt.Errorf("hostile: %s is not on loopback", t.Address)
		}
	}
	if o.Workers == 0 {
		o.Workers = 16
	}
	a := &attack{Options: o, targets: targets, open: make(chan struct{}, o.Open), parked: make(chan parked, o.Open)}
	var jobs, left sync.WaitGroup
	work := make(chan func(*rand.Rand), o.Workers)
	for i := range o.Workers {
		jobs.Go(func() {
			r := rand.New(rand.NewPCG(o.Seed, uint64(i)))
			for job := range work {
				job(r)
			}
		})
	}
	left.Go(a.close)
	const burst = 20 // frames on a connection: most are cut by one of them
	frames, conns := o.Frames, o.Conns
	for i := 0; (frames > 0 || conns > 0) && ctx.Err() == nil; i++ {
		// The two kinds keep step.
		if frames > 0 && frames*o.Conns >= conns*o.Frames {
			n := min(burst, frames)
			frames -= n
			work <- func(r *rand.Rand) { a.mutated(r, a.targets[i%len(a.targets)], n) }
		} else {
			conns--
			work <- func(r *rand.Rand) { a.useless(r, a.targets[i%len(a.targets)], i) }
		}
	}
	close(work)
	jobs.Wait()
	close(a.parked)
	left.Wait()
	return a.report, ctx.Err()
}

// dial opens a connection within the limit.
func (a *attack) dial(t Target) net.Conn {
	a.open <- struct{}{}
	for n := int64(len(a.open)); ; {
		most := atomic.LoadInt64(&a.report.MostOpen)
		if n <= most || atomic.CompareAndSwapInt64(&a.report.MostOpen, most, n) {
			break
		}
	}
	c, err := net.DialTimeout("tcp", t.Address, 10*time.Second)
	if err != nil {
		atomic.AddInt64(&a.report.Refused, 1)
		<-a.open
		return nil
	}
	c.SetDeadline(time.Now().Add(10 * time.Second))
	return c
}

func (a *attack) hangUp(c net.Conn) {
	c.Close()
	<-a.open
}

func (a *attack) count(field *int64, n, of int) {
	atomic.AddInt64(field, int64(n))
	if a.Progress != nil {
		// A connection weighs as much as its share of frames, so that progress is even.
		weight := int64(n)
		if of == a.Conns && a.Conns > 0 && a.Frames > 0 {
			weight = int64(n) * int64(a.Frames) / int64(a.Conns)
		}
		total := 2 * int64(a.Frames)
		if a.Frames == 0 || a.Conns == 0 {
			total = int64(a.Frames + a.Conns)
		}
		a.Progress(float64(a.done.Add(weight)) / float64(total))
	}
}

// close ends connections that are held, each after its time or when their places are wanted.
func (a *attack) close() {
	for p := range a.parked {
		for len(a.open) < cap(a.open)*9/10 && time.Now().Before(p.until) {
			time.Sleep(time.Millisecond)
		}
		a.hangUp(p)
	}
}

// hold keeps a connection open.
func (a *attack) hold(c net.Conn) { a.parked <- parked{c, time.Now().Add(2 * time.Second)} }

// useless makes a connection that is of no use to anybody.
func (a *attack) useless(r *rand.Rand, t Target, i int) {
	defer a.count(&a.report.Conns, 1, a.Conns)
	c := a.dial(t)
	if c == nil {
		return
	}
	switch i % 8 {
	case 0: // says nothing
	case 1: // stops within the greeting
		c.Write(Greeting()[:1+r.IntN(63)])
	case 2: // a byte now and then
		go func() {
			b := append(Greeting(), Ready(t.Peer, "")...)
			for i := range b {
				if _, err := c.Write(b[i : i+1]); err != nil {
					break
				}
				time.Sleep(10 * time.Millisecond)
			}
		}()
	case 3: // stops before READY
		c.Write(Greeting())
	case 4: // is another protocol's
		c.Write([]byte("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"))
	case 5: // is noise
		b := make([]byte, 1+r.IntN(4096))
		for i := range b {
			b[i] = byte(r.Uint32())
		}
		c.Write(b)
	case 6: // is a whole peer that stops within a message
		if Shake(c, t.Peer, "") == nil {
			c.Write([]byte{2, 0, 0, 0, 0, 0, 0, 0x10, 0, 'x'})
		}
	case 7: // is a whole peer that takes everything and reads nothing
		if Shake(c, t.Peer, "") == nil {
			c.Write(Frame(0, []byte{1}))
		}
	}
	a.hold(c)
}

// mutated sends n mutated frames on one connection, as many as it takes until the kernel cuts it, then on another.
func (a *attack) mutated(r *rand.Rand, t Target, n int) {
	for tries := 0; n > 0 && tries < 50; tries++ {
		c := a.dial(t)
		if c == nil {
			continue
		}
		atomic.AddInt64(&a.report.Others, 1)
		if Shake(c, t.Peer, "") != nil {
			a.hangUp(c)
			continue
		}
		for n > 0 {
			if _, err := c.Write(Mutate(r, almost(r, t))); err != nil {
				break
			}
			n--
			a.count(&a.report.Frames, 1, 0)
		}
		a.hangUp(c)
	}
}

// almost returns the frames of something that the socket could be sent.
func almost(r *rand.Rand, t Target) []byte {
	var b []byte
	switch r.IntN(4) {
	case 0:
		return Frame(4, []byte("\x04PING\x00\x00context"))
	case 1:
		return Frame(4, []byte("\x09SUBSCRIBEstream"))
	case 2:
		return Frame(0, []byte("\x01stream"))
	}
	if t.Peer == "REQ" {
		return append(Frame(1, nil), Frame(0, []byte("ping"))...)
	}
	for _, part := range []string{
		"<IDS|MSG>", "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef",
		fmt.Sprintf(`{"msg_id":"%d","session":"s","username":"u","date":"2026-01-01T00:00:00Z","msg_type":"execute_request","version":"5.4"}`, r.Uint64()),
		"{}", "{}",
	} {
		b = append(b, Frame(1, []byte(part))...)
	}
	return append(b, Frame(0, []byte(`{"code":"panic(\"this must not run\")","silent":false}`))...)
}

// Mutate returns the bytes with some of them changed, left out, repeated or put in.
func Mutate(r *rand.Rand, b []byte) []byte {
	for range 1 + r.IntN(4) {
		if len(b) == 0 {
			return b
		}
		at := r.IntN(len(b))
		switch r.IntN(7) {
		case 0:
			b[at] ^= 1 << r.IntN(8)
		case 1:
			b[at] = byte(r.Uint32())
		case 2:
			b = b[:at]
		case 3:
			b = append(b[:at], b[min(len(b), at+1+r.IntN(8)):]...)
		case 4:
			n := min(len(b), at+1+r.IntN(64))
			b = append(b[:n:n], b[at:]...)
		case 5: // a length of eight bytes that means it
			b = append(binary.BigEndian.AppendUint64([]byte{2}, r.Uint64()>>r.IntN(64)), b[at:]...)
		case 6:
			b = append([]byte{byte(r.Uint32()), byte(r.Uint32())}, b...)
		}
	}
	return b
}

// Greeting is the first 64 bytes of a ZMTP 3.0 peer with mechanism NULL, https://rfc.zeromq.org/spec/23.
func Greeting() []byte {
	g := make([]byte, 64)
	g[0], g[9], g[10] = 0xff, 0x7f, 3
	copy(g[12:], "NULL")
	return g
}

// Ready is the READY command of a socket.
func Ready(typ, id string) []byte {
	b := []byte("\x05READY\x0bSocket-Type")
	b = append(binary.BigEndian.AppendUint32(b, uint32(len(typ))), typ...)
	b = append(b, "\x08Identity"...)
	b = append(binary.BigEndian.AppendUint32(b, uint32(len(id))), id...)
	return Frame(4, b)
}

// Frame is a frame with its header.
func Frame(flags byte, body []byte) []byte {
	if len(body) > 255 {
		return append(binary.BigEndian.AppendUint64([]byte{flags | 2}, uint64(len(body))), body...)
	}
	return append([]byte{flags, byte(len(body))}, body...)
}

// Shake does a handshake as a client does it.
func Shake(c net.Conn, typ, id string) error {
	if _, err := c.Write(append(Greeting(), Ready(typ, id)...)); err != nil {
		return err
	}
	var head [66]byte // the greeting and the header of READY
	if _, err := io.ReadFull(c, head[:]); err != nil {
		return err
	}
	_, err := io.CopyN(io.Discard, c, int64(head[65]))
	return err
}
