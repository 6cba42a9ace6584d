package zmtp

import (
	"bufio"
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/go-zeromq/zmq4"
	"github.com/godlas/godlas/internal/awake"
)

// patience is what a test waits for something that takes milliseconds.
const patience = 10 * time.Second

func bind(t *testing.T, c Config) *Socket {
	t.Helper()
	if c.Network == "" {
		c.Network, c.Address = "tcp", "127.0.0.1:0"
	}
	s, err := Bind(c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

// rawPeer is a peer whose every byte the test decides.
type rawPeer struct {
	t *testing.T
	net.Conn
	c *conn // reads frames
}

func dialRaw(t *testing.T, s *Socket) *rawPeer {
	t.Helper()
	c, err := net.Dial(s.Addr().Network(), s.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	c = awake.Conn(c, patience)
	return &rawPeer{t: t, Conn: c, c: &conn{Conn: c, br: bufio.NewReader(c)}}
}

func (p *rawPeer) send(b ...[]byte) {
	p.t.Helper()
	if _, err := p.Write(bytes.Join(b, nil)); err != nil {
		p.t.Fatal(err)
	}
}

// frame reads the next frame.
func (p *rawPeer) frame() (byte, []byte, error) {
	flags, n, err := p.c.header()
	if err != nil {
		return 0, nil, err
	}
	b, err := p.c.body(nil, n)
	return flags, b, err
}

// shaken is a raw peer after its handshake.
func shaken(t *testing.T, s *Socket, typ zmq4.SocketType, id string) *rawPeer {
	t.Helper()
	p := dialRaw(t, s)
	p.send(greeting(), ready(typ, id))
	if _, err := io.ReadFull(p.c.br, make([]byte, greetingLen)); err != nil {
		t.Fatal(err)
	}
	flags, body, err := p.frame()
	if err != nil || flags != flagCommand || !bytes.HasPrefix(body, []byte("\x05READY")) {
		t.Fatalf("no READY: flags %d, %q, %v", flags, body, err)
	}
	return p
}

// wantCut fails unless the socket closes the peer.
func wantCut(t *testing.T, p *rawPeer) {
	t.Helper()
	p.SetReadDeadline(time.Time{})
	if _, err := io.Copy(io.Discard, p.Conn); err != nil && strings.Contains(err.Error(), "timeout") {
		t.Fatal("the peer was not cut")
	}
}

func recvFrames(t *testing.T, s *Socket) [][]byte {
	t.Helper()
	type result struct {
		f   [][]byte
		err error
	}
	ch := make(chan result, 1)
	go func() {
		f, err := s.Recv()
		ch <- result{f, err}
	}()
	for tick := range awake.Ticks(patience) {
		select {
		case r := <-ch:
			if r.err != nil {
				t.Fatal(r.err)
			}
			return r.f
		case <-tick:
		}
	}
	t.Fatal("nothing received")
	return nil
}

func dialer(t *testing.T, s *Socket, sock zmq4.Socket) zmq4.Socket {
	t.Helper()
	scheme := s.Addr().Network()
	if scheme == "unix" {
		scheme = "ipc"
	}
	if err := sock.Dial(scheme + "://" + s.Addr().String()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { sock.Close() })
	return sock
}

func TestRouterOverTCPAndIPC(t *testing.T) {
	for _, network := range []string{"tcp", "ipc"} {
		t.Run(network, func(t *testing.T) {
			c := Config{Type: zmq4.Router, Network: network, Address: "127.0.0.1:0"}
			if network == "ipc" {
				c.Address = filepath.Join(t.TempDir(), "s-1")
			}
			s := bind(t, c)
			d := dialer(t, s, zmq4.NewDealer(context.Background(), zmq4.WithID(zmq4.SocketIdentity("me"))))
			big := bytes.Repeat([]byte("0123456789"), 100_000)
			if err := d.Send(zmq4.NewMsgFrom([]byte("a"), nil, big)); err != nil {
				t.Fatal(err)
			}
			f := recvFrames(t, s)
			if len(f) != 4 || string(f[0]) != "me" || string(f[1]) != "a" || len(f[2]) != 0 || !bytes.Equal(f[3], big) {
				t.Fatalf("received %d frames, not what was sent", len(f))
			}
			if err := s.Send([]byte("me"), []byte("back"), big); err != nil {
				t.Fatal(err)
			}
			m, err := d.Recv()
			if err != nil || len(m.Frames) != 2 || string(m.Frames[0]) != "back" || !bytes.Equal(m.Frames[1], big) {
				t.Fatalf("reply of %d frames: %v", len(m.Frames), err)
			}
		})
	}
}

func TestIPCStaleSocketFileIsReplaced(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("stale socket files are a Unix matter")
	}
	path := filepath.Join(t.TempDir(), "s-1")
	l, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	l.(*net.UnixListener).SetUnlinkOnClose(false)
	l.Close()
	bind(t, Config{Type: zmq4.Router, Network: "ipc", Address: path})
	if _, err := Bind(Config{Type: zmq4.Router, Network: "ipc", Address: path}); err == nil {
		t.Fatal("a socket in use was taken over")
	}
}

func TestHeartbeat(t *testing.T) {
	s := bind(t, Config{Type: zmq4.Rep})
	go func() {
		for {
			f, err := s.Recv()
			if err != nil {
				return
			}
			s.Send(f...)
		}
	}()
	bad := shaken(t, s, zmq4.Dealer, "")
	bad.send(appendFrame(nil, 0, []byte("no empty frame before the body")))
	q := dialer(t, s, zmq4.NewReq(context.Background()))
	for i := range 3 {
		if err := q.Send(zmq4.NewMsg([]byte("ping"))); err != nil {
			t.Fatal(err)
		}
		if m, err := q.Recv(); err != nil || string(m.Bytes()) != "ping" {
			t.Fatalf("beat %d: %v, %v", i, m, err)
		}
	}
}

// Fault: zmq4 does handshakes in its accept loop, so one silent peer blocks all later ones.
func TestSilentPeersBlockNobodyAndAreCut(t *testing.T) {
	s := bind(t, Config{Type: zmq4.Router, Limits: Limits{Handshake: 300 * time.Millisecond}})
	mute := dialRaw(t, s)
	half := dialRaw(t, s)
	half.send(greeting()[:10])
	greeted := dialRaw(t, s)
	greeted.send(greeting())
	d := dialer(t, s, zmq4.NewDealer(context.Background()))
	d.Send(zmq4.NewMsgString("hello"))
	if f := recvFrames(t, s); string(f[1]) != "hello" {
		t.Fatalf("received %q", f)
	}
	for _, p := range []*rawPeer{mute, half, greeted} {
		wantCut(t, p)
	}
}

func TestOldestHandshakeGivesWay(t *testing.T) {
	s := bind(t, Config{Type: zmq4.Router, Limits: Limits{Handshake: time.Minute, Pending: 4}})
	var peers []*rawPeer
	for range 8 {
		peers = append(peers, dialRaw(t, s))
	}
	for _, p := range peers[:4] {
		wantCut(t, p)
	}
	shaken(t, s, zmq4.Dealer, "")
}

func TestConnectionLimit(t *testing.T) {
	s := bind(t, Config{Type: zmq4.Router, Limits: Limits{Conns: 2}})
	shaken(t, s, zmq4.Dealer, "a")
	b := shaken(t, s, zmq4.Dealer, "b")
	s.Vouch([]byte("a"))
	s.Vouch([]byte("b"))
	p := dialRaw(t, s)
	p.send(greeting(), ready(zmq4.Dealer, "c"))
	wantCut(t, p)
	b.Close()
	eventually(t, func() bool {
		p := dialRaw(t, s)
		p.send(greeting(), ready(zmq4.Dealer, "d"))
		io.ReadFull(p.c.br, make([]byte, greetingLen))
		_, _, err := p.frame()
		return err == nil
	})
}

func eventually(t *testing.T, ok func() bool) {
	t.Helper()
	if !awake.Until(patience, ok) {
		t.Fatal("it did not come true")
	}
}

// Fault: zmq4 panics on malformed handshakes (metadata, socket type) and on huge frames, which ends the process.
func TestHostileBytesCutThePeerAlone(t *testing.T) {
	command := func(body string) []byte { return appendFrame(nil, flagCommand, []byte(body)) }
	huge := []byte{flagLong, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff}
	before := map[string][]byte{
		"not ZMTP":               bytes.Repeat([]byte("GET / HTTP/1.1\r\n"), 8),
		"ZMTP 2":                 append(append([]byte{0xff}, make([]byte, 8)...), 0x7f, 1),
		"other mechanism":        bytes.Replace(greeting(), []byte("NULL"), []byte("PLAI"), 1),
		"message before READY":   append(greeting(), appendFrame(nil, 0, []byte("hi"))...),
		"other command":          append(greeting(), command("\x05HELLO")...),
		"empty command":          append(greeting(), command("")...),
		"metadata cut in name":   append(greeting(), command("\x05READY\xffSock")...),
		"metadata cut in length": append(greeting(), command("\x05READY\x01a\x00")...),
		"metadata value too big": append(greeting(), command("\x05READY\x01a\xff\xff\xff\xffz")...),
		"no socket type":         append(greeting(), command("\x05READY")...),
		"unknown socket type":    append(greeting(), ready("WHAT", "")...),
		"wrong socket type":      append(greeting(), ready(zmq4.Sub, "")...),
		"identity of a socket":   append(greeting(), ready(zmq4.Dealer, "\x00made")...),
		"long identity":          append(greeting(), ready(zmq4.Dealer, strings.Repeat("x", 256))...),
		"huge READY":             append(greeting(), append([]byte{flagCommand}, huge...)...),
		"reserved flags":         append(greeting(), 0xf8, 1, 0),
	}
	after := map[string][]byte{
		"huge frame":          huge,
		"frame over limit":    {flagLong, 0, 0, 0, 0, 0, 0x20, 0, 0},
		"too many frames":     bytes.Repeat([]byte{flagMore, 0}, 100),
		"huge command":        {flagCommand | flagLong, 0, 0, 0, 0, 0x10, 0, 0, 0},
		"command in message":  append(appendFrame(nil, flagMore, []byte("a")), command("\x04PING\x00\x00")...),
		"command with more":   {flagCommand | flagMore, 0},
		"empty command":       command(""),
		"name past its frame": command("\xffPING"),
		"PING without a TTL":  command("\x04PING\x00"),
		"reserved flags":      {0x80, 0},
	}
	s := bind(t, Config{Type: zmq4.Router, Limits: Limits{Message: 1 << 20, Frames: 64}})
	good := shaken(t, s, zmq4.Dealer, "good")
	alive := func(t *testing.T) {
		t.Helper()
		good.SetDeadline(time.Now().Add(patience))
		good.send(appendFrame(nil, 0, []byte("still here")))
		if f := recvFrames(t, s); string(f[0]) != "good" || string(f[1]) != "still here" {
			t.Fatalf("received %q", f)
		}
	}
	t.Run("message/longest name", func(t *testing.T) { // of a command that is unknown, which is passed over
		p := shaken(t, s, zmq4.Dealer, "long")
		p.send(command(strings.Repeat("\xff", 256)), appendFrame(nil, 0, []byte("after")))
		if f := recvFrames(t, s); string(f[1]) != "after" {
			t.Fatalf("received %q", f)
		}
	})
	for name, b := range before {
		t.Run("handshake/"+name, func(t *testing.T) {
			p := dialRaw(t, s)
			p.Write(b)
			wantCut(t, p)
			alive(t)
		})
	}
	for name, b := range after {
		t.Run("message/"+name, func(t *testing.T) {
			p := shaken(t, s, zmq4.Dealer, "")
			p.Write(b)
			wantCut(t, p)
			alive(t)
		})
	}
}

// Fault: zmq4 allocates the announced length before a byte of the body has come.
func TestAnnouncedLengthIsNotAllocated(t *testing.T) {
	s := bind(t, Config{Type: zmq4.Router})
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for range 8 {
		shaken(t, s, zmq4.Dealer, "").send([]byte{flagLong, 0, 0, 0, 0, 0x0f, 0, 0, 0}, []byte("x"))
	}
	d := shaken(t, s, zmq4.Dealer, "d")
	d.send(appendFrame(nil, 0, []byte("after")))
	recvFrames(t, s)
	runtime.ReadMemStats(&after)
	if grown := after.TotalAlloc - before.TotalAlloc; grown > 64<<20 {
		t.Fatalf("eight headers that announce 240 MB each made %d MB of allocations", grown>>20)
	}
}

// Fault: with two peers of one identity zmq4 sends the replies for one to both.
func TestIdentityInUseIsRefused(t *testing.T) {
	s := bind(t, Config{Type: zmq4.Router})
	first := shaken(t, s, zmq4.Dealer, "same")
	p := dialRaw(t, s)
	p.send(greeting(), ready(zmq4.Dealer, "same"))
	wantCut(t, p)
	first.send(appendFrame(nil, 0, []byte("hi")))
	recvFrames(t, s)
	s.Send([]byte("same"), []byte("for the first"))
	if _, b, err := first.frame(); err != nil || string(b) != "for the first" {
		t.Fatalf("%q, %v", b, err)
	}
	first.Close()
	eventually(t, func() bool { // free again
		p := dialRaw(t, s)
		p.send(greeting(), ready(zmq4.Dealer, "same"))
		io.ReadFull(p.c.br, make([]byte, greetingLen))
		_, _, err := p.frame()
		return err == nil
	})
}

// Fault: zmq4 hands a PING to the application as a message.
func TestPing(t *testing.T) {
	s := bind(t, Config{Type: zmq4.Router})
	p := shaken(t, s, zmq4.Dealer, "p")
	p.send(appendFrame(nil, flagCommand, []byte("\x04PING\x00\x0actx")), appendFrame(nil, 0, []byte("message")))
	if flags, b, err := p.frame(); err != nil || flags != flagCommand || string(b) != "\x04PONGctx" {
		t.Fatalf("flags %d, %q, %v", flags, b, err)
	}
	if f := recvFrames(t, s); string(f[1]) != "message" {
		t.Fatalf("received %q", f)
	}
}

// Fault: zmq4's ROUTER writes under one lock, so a peer that stops reading blocks the replies to all others.
func TestRouterPeerThatDoesNotRead(t *testing.T) {
	s := bind(t, Config{Type: zmq4.Router, Limits: Limits{Outbound: 8 << 20}})
	stuck := shaken(t, s, zmq4.Dealer, "stuck")
	good := shaken(t, s, zmq4.Dealer, "good")
	for _, p := range []*rawPeer{stuck, good} {
		p.send(appendFrame(nil, 0, []byte("hi")))
		recvFrames(t, s)
	}
	block := make([]byte, 1<<20)
	done := make(chan struct{})
	go func() {
		defer close(done)
		for range 32 {
			s.Send([]byte("stuck"), block)
		}
		s.Send([]byte("good"), []byte("reply"))
	}()
	if _, b, err := good.frame(); err != nil || string(b) != "reply" {
		t.Fatalf("%q, %v", b, err)
	}
	<-done
	wantCut(t, stuck) // 32 MB are more than its queue and the system's buffers hold
}

// Fault: zmq4's XPUB keeps subscriptions to itself, so a welcome cannot be sent.
func TestWelcomeComesFirst(t *testing.T) {
	s := bind(t, Config{Type: zmq4.XPub, Welcome: func(topic []byte) [][]byte {
		return [][]byte{topic, []byte("welcome")}
	}})
	stop := make(chan struct{})
	defer close(stop)
	go func() { // traffic all the time
		for {
			select {
			case <-stop:
				return
			default:
				s.Send([]byte("stream"), []byte("noise"))
				time.Sleep(100 * time.Microsecond)
			}
		}
	}()
	for _, how := range []string{"message", "command"} {
		for _, topic := range []string{"", "str"} {
			p := shaken(t, s, zmq4.Sub, "")
			if how == "message" {
				p.send(appendFrame(nil, 0, append([]byte{1}, topic...)))
			} else {
				p.send(appendFrame(nil, flagCommand, append([]byte("\x09SUBSCRIBE"), topic...)))
			}
			_, a, err1 := p.frame()
			_, b, err2 := p.frame()
			if err1 != nil || err2 != nil || string(a) != topic || string(b) != "welcome" {
				t.Fatalf("%s %q: first message %q %q, %v %v", how, topic, a, b, err1, err2)
			}
			if _, a, err := p.frame(); err != nil || string(a) != "stream" {
				t.Fatalf("%s %q: second message %q, %v", how, topic, a, err)
			}
		}
	}
}

func TestUnsubscribe(t *testing.T) {
	s := bind(t, Config{Type: zmq4.XPub, Welcome: func(topic []byte) [][]byte { return [][]byte{topic, []byte("w")} }})
	p := shaken(t, s, zmq4.Sub, "")
	for _, m := range []string{"\x01a", "\x01b", "\x00a", "\x01c"} {
		p.send(appendFrame(nil, 0, []byte(m)))
	}
	for range 3 { // welcomed to a, b, c
		p.frame()
		p.frame()
	}
	time.Sleep(20 * time.Millisecond) // zmq4 notes the last subscription in a goroutine of its own
	s.Send([]byte("a"), []byte("1"))
	s.Send([]byte("b"), []byte("2"))
	if _, f, err := p.frame(); err != nil || string(f) != "b" {
		t.Fatalf("%q, %v", f, err)
	}
}

func TestSubscriptionLimits(t *testing.T) {
	s := bind(t, Config{Type: zmq4.XPub, Limits: Limits{Topics: 16}})
	many := shaken(t, s, zmq4.Sub, "")
	for i := range 17 {
		many.Write(appendFrame(nil, 0, fmt.Appendf([]byte{1}, "%d", i)))
	}
	wantCut(t, many)
	long := shaken(t, s, zmq4.Sub, "")
	long.Write(appendFrame(nil, 0, append([]byte{1}, make([]byte, maxCommand)...)))
	wantCut(t, long)
	chatty := shaken(t, s, zmq4.Sub, "") // messages to a publisher fill a queue of zmq4's that nobody reads
	for range 100 {
		chatty.send(appendFrame(nil, 0, []byte("hello?")))
	}
	chatty.send(appendFrame(nil, 0, []byte{1}))
	eventually(t, func() bool {
		s.Send([]byte("topic"))
		chatty.SetReadDeadline(time.Now().Add(20 * time.Millisecond))
		_, f, err := chatty.frame()
		return err == nil && string(f) == "topic"
	})
}

// Fault: zmq4's PUB has one queue and one sender for all: a subscriber that stops reading starves the rest.
func TestStuckSubscriberStarvesNobody(t *testing.T) {
	welcome := func(topic []byte) [][]byte { return [][]byte{topic, []byte("w")} }
	s := bind(t, Config{Type: zmq4.XPub, Welcome: welcome, Limits: Limits{Outbound: 64 << 20, Soft: 1 << 20, Stall: 200 * time.Millisecond}})
	stuck := shaken(t, s, zmq4.Sub, "")
	good := shaken(t, s, zmq4.Sub, "")
	for _, p := range []*rawPeer{stuck, good} {
		p.send(appendFrame(nil, 0, []byte{1}))
		p.frame()
		p.frame()
	}
	time.Sleep(20 * time.Millisecond)
	const n = 2200 // more than Outbound has room for
	block := make([]byte, 32<<10)
	go func() {
		for i := range n {
			s.Throttle()
			s.Send([]byte("t"), binary.BigEndian.AppendUint64(nil, uint64(i)), block)
		}
	}()
	good.SetDeadline(time.Now().Add(3 * patience))
	for i := range n {
		good.frame()
		_, b, err := good.frame()
		good.frame()
		if err != nil || binary.BigEndian.Uint64(b) != uint64(i) {
			t.Fatalf("message %d: %v, %v", i, b, err)
		}
	}
	wantCut(t, stuck)
}

// Fault: zmq4 loses what it has not sent when it is closed: the shutdown reply, the last output.
func TestCloseSendsWhatIsQueued(t *testing.T) {
	for range 20 {
		pub := bind(t, Config{Type: zmq4.XPub, Welcome: func(topic []byte) [][]byte { return [][]byte{topic} }})
		router := bind(t, Config{Type: zmq4.Router})
		sub := shaken(t, pub, zmq4.Sub, "")
		sub.send(appendFrame(nil, 0, []byte{1}))
		sub.frame()
		deal := shaken(t, router, zmq4.Dealer, "d")
		deal.send(appendFrame(nil, 0, []byte("bye")), bytes.Repeat(appendFrame(nil, 0, []byte("unread")), 1000))
		recvFrames(t, router)
		time.Sleep(2 * time.Millisecond)
		const n = 100
		block := make([]byte, 20<<10)
		for range n {
			pub.Send([]byte("t"), block)
			router.Send([]byte("d"), []byte("r"), block)
		}
		go pub.Close()
		go router.Close()
		for _, p := range []*rawPeer{sub, deal} {
			for i := range n {
				_, _, err := p.frame()
				if _, b, err2 := p.frame(); err != nil || err2 != nil || len(b) != len(block) {
					t.Fatalf("message %d of %d: %v %v", i, n, err, err2)
				}
			}
		}
	}
}

func TestCloseDoesNotWaitForAStuckPeer(t *testing.T) {
	s := bind(t, Config{Type: zmq4.Router, Limits: Limits{Linger: 100 * time.Millisecond}})
	p := shaken(t, s, zmq4.Dealer, "p")
	p.send(appendFrame(nil, 0, []byte("hi")))
	recvFrames(t, s)
	for range 16 {
		s.Send([]byte("p"), make([]byte, 1<<20))
	}
	done := make(chan struct{})
	go func() { s.Close(); close(done) }()
	select {
	case <-done:
	case <-awake.After(patience):
		t.Fatal("Close hangs")
	}
	if _, err := s.Recv(); err != net.ErrClosed {
		t.Fatalf("Recv after Close: %v", err)
	}
	if err := s.Send([]byte("p"), nil); err != net.ErrClosed {
		t.Fatalf("Send after Close: %v", err)
	}
}
