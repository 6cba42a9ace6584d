package zmtp

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"log/slog"
	"net"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-zeromq/zmq4"
	"github.com/go-zeromq/zmq4/transport"
	"github.com/godlas/godlas/internal/awake"
)

// The tests of this file show the faults of zmq4 v0.17.0 that this package contains, on zmq4's own sockets. That they
// are absent here is shown in each test, or by the test that its comment names. A test that fails after an update of
// zmq4 says that a containment may go.

// plain is a socket of zmq4 as it is, bound to a free port.
func plain(t *testing.T, sock zmq4.Socket) zmq4.Socket {
	t.Helper()
	if err := sock.Listen("tcp://127.0.0.1:0"); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { sock.Close() })
	return sock
}

var silent = zmq4.WithLogger(log.New(io.Discard, "", 0))

// peerOf is a raw peer of a plain socket.
func peerOf(t *testing.T, sock zmq4.Socket) *rawPeer {
	t.Helper()
	return dialRaw(t, &Socket{l: &listener{raw: addrOnly{sock.Addr()}}})
}

type addrOnly struct{ addr net.Addr }

func (a addrOnly) Addr() net.Addr            { return a.addr }
func (a addrOnly) Accept() (net.Conn, error) { return nil, net.ErrClosed }
func (a addrOnly) Close() error              { return nil }
func (p *rawPeer) shake(typ zmq4.SocketType, id string) *rawPeer {
	p.t.Helper()
	p.send(greeting(), ready(typ, id))
	if _, err := io.ReadFull(p.c.br, make([]byte, greetingLen)); err != nil {
		p.t.Fatal(err)
	}
	if _, _, err := p.frame(); err != nil {
		p.t.Fatal(err)
	}
	return p
}

// happens reports whether something comes within the time that shows that it does not.
func happens(ch <-chan struct{}) bool {
	select {
	case <-ch:
		return true
	case <-time.After(300 * time.Millisecond):
		return false
	}
}

func wantSoon(t *testing.T, ch <-chan struct{}, what string) {
	t.Helper()
	select {
	case <-ch:
	case <-awake.After(patience):
		t.Fatal(what)
	}
}

// Absent here: TestSilentPeersBlockNobodyAndAreCut.
func TestFaultSilentPeer(t *testing.T) {
	sock := plain(t, zmq4.NewRouter(t.Context(), silent))
	mute := peerOf(t, sock)
	through := make(chan struct{})
	go func() {
		peerOf(t, sock).shake(zmq4.Dealer, "later")
		close(through)
	}()
	if happens(through) {
		t.Fatal("zmq4 does not wait for a silent peer any more")
	}
	mute.Close() // and it was that peer alone
	wantSoon(t, through, "the later peer does not get through")
}

// crashEnv makes the test binary a plain ROUTER that prints its address.
const crashEnv = "ZMTP_PLAIN_ROUTER"

func TestMain(m *testing.M) {
	if os.Getenv(crashEnv) != "" {
		sock := zmq4.NewRouter(context.Background(), silent)
		if err := sock.Listen("tcp://127.0.0.1:0"); err != nil {
			panic(err)
		}
		fmt.Println(sock.Addr())
		go sock.Recv()
		io.Copy(io.Discard, os.Stdin) // until the test ends
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// Absent here: TestHostileBytesCutThePeerAlone.
func TestFaultHostileLengthsEndTheProcess(t *testing.T) {
	hello := bytes.Join([][]byte{greeting(), ready(zmq4.Dealer, "")}, nil)
	for name, sent := range map[string][]byte{
		"frame":    append(bytes.Clone(hello), flagLong, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff),
		"metadata": append(greeting(), appendFrame(nil, flagCommand, []byte("\x05READY\x0bSocket-Type\xff"))...),
	} {
		t.Run(name, func(t *testing.T) {
			cmd := exec.Command(os.Args[0])
			cmd.Env = append(os.Environ(), crashEnv+"=1")
			var stderr bytes.Buffer
			cmd.Stderr = &stderr
			stdin, err := cmd.StdinPipe()
			if err != nil {
				t.Fatal(err)
			}
			stdout, err := cmd.StdoutPipe()
			if err != nil {
				t.Fatal(err)
			}
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			var addr string
			if _, err := fmt.Fscan(stdout, &addr); err != nil {
				t.Fatal(err)
			}
			c, err := net.Dial("tcp", addr)
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			c.Write(sent)
			survives := time.AfterFunc(patience, func() { stdin.Close() })
			defer survives.Stop()
			if cmd.Wait() == nil || !strings.Contains(stderr.String(), "panic: runtime error") {
				t.Fatalf("zmq4 survives it now: %s", &stderr)
			}
		})
	}
}

// Absent here: TestStuckSubscriberStarvesNobody.
func TestFaultStuckSubscriber(t *testing.T) {
	sock := plain(t, zmq4.NewXPub(t.Context(), silent))
	subscribe := func() *rawPeer {
		p := peerOf(t, sock).shake(zmq4.Sub, "")
		p.send(appendFrame(nil, 0, []byte{1}))
		eventually(t, func() bool { // until it is subscribed
			sock.Send(zmq4.NewMsgString("first"))
			p.SetReadDeadline(time.Now().Add(50 * time.Millisecond))
			_, _, err := p.frame()
			return err == nil
		})
		p.SetDeadline(time.Now().Add(2 * patience))
		return p
	}
	stuck, good := subscribe(), subscribe()
	const n = 64
	for range n {
		sock.Send(zmq4.NewMsg(make([]byte, 1<<20)))
	}
	all := make(chan struct{})
	go func() {
		defer close(all)
		for got := 0; got < n; {
			_, b, err := good.frame()
			if err != nil {
				t.Error(err)
				return
			}
			if len(b) == 1<<20 {
				got++
			}
		}
	}()
	if happens(all) {
		t.Fatal("zmq4 does not wait for a subscriber that does not read any more")
	}
	stuck.Close()
	wantSoon(t, all, "the other subscriber does not get the rest")
}

// Absent here: TestCloseSendsWhatIsQueued.
func TestFaultCloseLosesWhatIsQueued(t *testing.T) {
	const n = 500
	for range 20 {
		sock := plain(t, zmq4.NewXPub(t.Context(), silent))
		p := peerOf(t, sock).shake(zmq4.Sub, "")
		p.send(appendFrame(nil, 0, []byte{1}))
		eventually(t, func() bool { return len(sock.(zmq4.Topics).Topics()) == 1 })
		for range n {
			sock.Send(zmq4.NewMsg(make([]byte, 20<<10)))
		}
		sock.Close()
		got := 0
		for ; got < n; got++ {
			if _, b, err := p.frame(); err != nil || len(b) != 20<<10 {
				return // lost
			}
		}
	}
	t.Fatal("zmq4 sends what is queued before it closes now")
}

// Absent here: TestRouterPeerThatDoesNotRead.
func TestFaultRouterBlocks(t *testing.T) {
	sock := plain(t, zmq4.NewRouter(t.Context(), silent))
	stuck, good := peerOf(t, sock).shake(zmq4.Dealer, "stuck"), peerOf(t, sock).shake(zmq4.Dealer, "good")
	for _, p := range []*rawPeer{stuck, good} {
		p.send(appendFrame(nil, 0, []byte("hi")))
		if _, err := sock.Recv(); err != nil {
			t.Fatal(err)
		}
	}
	replied := make(chan struct{})
	go func() {
		for range 64 {
			sock.Send(zmq4.NewMsgFrom([]byte("stuck"), make([]byte, 1<<20)))
		}
		sock.Send(zmq4.NewMsgFrom([]byte("good"), []byte("reply")))
		close(replied)
	}()
	if happens(replied) {
		t.Fatal("zmq4's replies do not wait for a peer that does not read any more")
	}
	stuck.Close()
	wantSoon(t, replied, "no reply to the other")
}

// Absent here: TestWelcomeComesFirst.
func TestFaultSubscriptionsAreNotSeen(t *testing.T) {
	sock := plain(t, zmq4.NewXPub(t.Context(), silent))
	p := peerOf(t, sock).shake(zmq4.Sub, "")
	p.send(appendFrame(nil, 0, []byte("\x01topic")))
	eventually(t, func() bool { return len(sock.(zmq4.Topics).Topics()) == 1 }) // it is there
	seen := make(chan struct{})
	go func() {
		if m, err := sock.Recv(); err == nil && len(m.Frames) > 0 {
			close(seen)
		}
	}()
	if happens(seen) {
		t.Fatal("zmq4's XPUB returns subscriptions now")
	}
}

// senders counts the goroutines of zmq4 that send for a publisher or wait to hand over a message.
func senders() int {
	buf := make([]byte, 4<<20)
	s := string(buf[:runtime.Stack(buf, true)])
	return strings.Count(s, "zmq4.(*pubMWriter).run(") + strings.Count(s, "zmq4.(*routerQReader).listen(")
}

func TestFaultGoroutinesAreLeft(t *testing.T) {
	eventually(t, func() bool { // those of earlier tests that end
		n := senders()
		time.Sleep(20 * time.Millisecond)
		return n == senders()
	})
	flood := bytes.Repeat(appendFrame(nil, 0, []byte("unread")), 100)
	const n = 5
	before := senders()
	for range n {
		xpub, router := bind(t, Config{Type: zmq4.XPub}), bind(t, Config{Type: zmq4.Router})
		shaken(t, router, zmq4.Dealer, "").send(flood)
		eventually(t, func() bool { return len(router.l.room) == room })
		xpub.Close()
		router.Close()
	}
	eventually(t, func() bool { return senders() <= before })
	for range n {
		xpub, router := plain(t, zmq4.NewXPub(t.Context(), silent)), plain(t, zmq4.NewRouter(t.Context(), silent))
		peerOf(t, router).shake(zmq4.Dealer, "").send(flood)
		xpub.Close()
		router.Close()
	}
	if got := senders(); got < before+n {
		t.Fatalf("zmq4 leaves %d goroutines after %d sockets, it left one each", got-before, n)
	}
}

// exhausted is a listener of a process without a free file descriptor.
type exhausted struct {
	addrOnly
	asked  atomic.Int64
	closed chan struct{}
}

func (e *exhausted) Accept() (net.Conn, error) {
	e.asked.Add(1)
	select {
	case <-e.closed:
		return nil, net.ErrClosed
	default:
		return nil, errors.New("accept: too many open files")
	}
}

func (e *exhausted) Close() error { close(e.closed); return nil }

type exhaustedTransport struct{ l *exhausted }

func (x exhaustedTransport) Addr(ep string) (string, error) { return ep, nil }

func (x exhaustedTransport) Listen(context.Context, string) (net.Listener, error) { return x.l, nil }

func (x exhaustedTransport) Dial(context.Context, transport.Dialer, string) (net.Conn, error) {
	return nil, errors.New("no")
}

func TestFaultAcceptSpins(t *testing.T) {
	alone := &exhausted{closed: make(chan struct{})}
	scheme := "exhausted" + strconv.FormatInt(time.Now().UnixNano(), 36) // a name cannot be taken twice, and tests can run twice
	if err := zmq4.RegisterTransport(scheme, exhaustedTransport{alone}); err != nil {
		t.Fatal(err)
	}
	here := &exhausted{closed: make(chan struct{})}
	c := Config{Type: zmq4.Router, Log: slog.New(slog.DiscardHandler)}
	c.Limits.fill()
	l := newListener(c, here)
	defer l.Close()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	sock := zmq4.NewRouter(ctx, silent)
	if err := sock.Listen(scheme + "://x"); err != nil {
		t.Fatal(err)
	}
	eventually(t, func() bool { return alone.asked.Load() > 10_000 })
	if n := here.asked.Load(); n > 1000 {
		t.Fatalf("this package asked %d times meanwhile", n)
	}
}

// Absent here: TestIdentityInUseIsRefused.
func TestFaultIdentityTwice(t *testing.T) {
	sock := plain(t, zmq4.NewRouter(t.Context(), silent))
	first, second := peerOf(t, sock).shake(zmq4.Dealer, "same"), peerOf(t, sock).shake(zmq4.Dealer, "same")
	for _, p := range []*rawPeer{first, second} {
		p.send(appendFrame(nil, 0, []byte("hi")))
		if _, err := sock.Recv(); err != nil {
			t.Fatal(err)
		}
	}
	sock.Send(zmq4.NewMsgFrom([]byte("same"), []byte("for one")))
	for _, p := range []*rawPeer{first, second} {
		if _, b, err := p.frame(); err != nil || string(b) != "for one" {
			t.Fatalf("zmq4 sends to one of the two only now: %q %v", b, err)
		}
	}
}

// Absent here: TestPing.
func TestFaultPingIsAMessage(t *testing.T) {
	sock := plain(t, zmq4.NewRouter(t.Context(), silent))
	p := peerOf(t, sock).shake(zmq4.Dealer, "p")
	p.send(appendFrame(nil, flagCommand, []byte("\x04PING\x00\x0actx")))
	m, err := sock.Recv()
	if err != nil || !bytes.Contains(m.Bytes(), []byte("PING")) && !strings.Contains(fmt.Sprint(m), "PING") {
		t.Fatalf("zmq4 keeps a PING to itself now: %v %v", m, err)
	}
	p.SetReadDeadline(time.Now().Add(300 * time.Millisecond))
	if _, b, err := p.frame(); err == nil {
		t.Fatalf("zmq4 answers a PING now: %q", b)
	}
}
