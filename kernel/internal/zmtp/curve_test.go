package zmtp

import (
	"bufio"
	"bytes"
	"crypto/rand"
	"encoding/binary"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/go-zeromq/zmq4"
	"golang.org/x/crypto/nacl/box"
)

// curvePeer is a client of CurveZMQ whose every command the test can spoil. That the server speaks what libzmq speaks is
// shown in kernel/jupytertest.
type curvePeer struct {
	*rawPeer
	server     *[32]byte
	key        [32]byte
	sent, got  uint64
	spoilHello func([]byte) []byte
	spoilInit  func([]byte) []byte
	spoilVouch func([]byte) []byte
}

func curveSocket(t *testing.T, typ zmq4.SocketType, limits Limits) *Socket {
	t.Helper()
	pub, sec, err := box.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return bind(t, Config{Type: typ, Limits: limits, Curve: &CurveKeys{*pub, *sec}})
}

func dialCurve(t *testing.T, s *Socket) *curvePeer {
	t.Helper()
	server := s.l.Curve.Public
	same := func(b []byte) []byte { return b }
	return &curvePeer{rawPeer: dialRaw(t, s), server: &server, spoilHello: same, spoilInit: same, spoilVouch: same}
}

// shake reports whether the server has accepted the peer.
func (p *curvePeer) shake(typ zmq4.SocketType, id string) bool {
	p.t.Helper()
	pub, sec, _ := box.GenerateKey(rand.Reader)
	hello := append([]byte("\x05HELLO\x01\x00"), make([]byte, 72)...)
	hello = append(append(hello, pub[:]...), 0, 0, 0, 0, 0, 0, 0, 1)
	hello = box.Seal(hello, make([]byte, 64), nonce("CurveZMQHELLO---", hello[len(hello)-8:]), p.server, sec)
	p.Write(append(greetingOf("CURVE"), appendFrame(nil, flagCommand, p.spoilHello(hello))...))
	if _, err := io.ReadFull(p.c.br, make([]byte, greetingLen)); err != nil {
		return false
	}
	_, welcome, err := p.frame()
	if err != nil || !bytes.HasPrefix(welcome, []byte("\x07WELCOME")) {
		return false
	}
	w, ok := box.Open(nil, welcome[24:], nonce("WELCOME-", welcome[8:24]), p.server, sec)
	if !ok {
		p.t.Fatal("the WELCOME does not open")
	}
	var transient [32]byte
	copy(transient[:], w)
	longPub, longSec, _ := box.GenerateKey(rand.Reader)
	long := make([]byte, 16)
	rand.Read(long)
	vouch := box.Seal(bytes.Clone(long), append(bytes.Clone(pub[:]), p.server[:]...), nonce("VOUCH---", long), &transient, longSec)
	box.Precompute(&p.key, &transient, sec)
	p.sent = 2
	short := binary.BigEndian.AppendUint64(nil, p.sent)
	plain := append(append(bytes.Clone(longPub[:]), p.spoilVouch(vouch)...), metadata(typ, id)...)
	initiate := append(append([]byte("\x08INITIATE"), w[32:]...), short...)
	initiate = box.SealAfterPrecomputation(initiate, plain, nonce("CurveZMQINITIATE", short), &p.key)
	p.Write(appendFrame(nil, flagCommand, p.spoilInit(initiate)))
	_, answer, err := p.frame()
	if err != nil {
		return false
	}
	_, ok = box.OpenAfterPrecomputation(nil, answer[14:], nonce("CurveZMQREADY---", answer[6:14]), &p.key)
	p.got = binary.BigEndian.Uint64(answer[6:14])
	return ok
}

func (p *curvePeer) sealed(flags byte, text string) []byte {
	p.sent++
	short := binary.BigEndian.AppendUint64(nil, p.sent)
	b := append([]byte("\x07MESSAGE"), short...)
	return box.SealAfterPrecomputation(b, append([]byte{flags}, text...), nonce("CurveZMQMESSAGEC", short), &p.key)
}

// open reads the next frame from the server.
func (p *curvePeer) open() (flags byte, text string) {
	p.t.Helper()
	_, b, err := p.frame()
	if err != nil {
		p.t.Fatal(err)
	}
	n := binary.BigEndian.Uint64(b[8:16])
	in, ok := box.OpenAfterPrecomputation(nil, b[16:], nonce("CurveZMQMESSAGES", b[8:16]), &p.key)
	if !ok || n <= p.got {
		p.t.Fatalf("frame %d after %d, opened: %v", n, p.got, ok)
	}
	p.got = n
	return in[0], string(in[1:])
}

func TestCurveRoundTrip(t *testing.T) {
	s := curveSocket(t, zmq4.Router, Limits{})
	p := dialCurve(t, s)
	if !p.shake(zmq4.Dealer, "me") {
		t.Fatal("refused")
	}
	big := strings.Repeat("0123456789", 20_000)
	p.send(appendFrame(nil, 0, p.sealed(sealedMore, "a")), appendFrame(nil, 0, p.sealed(0, big)))
	if f := recvFrames(t, s); len(f) != 3 || string(f[0]) != "me" || string(f[1]) != "a" || string(f[2]) != big {
		t.Fatalf("%d frames", len(f))
	}
	s.Send([]byte("me"), []byte("b"), nil, []byte(big))
	for _, want := range []string{"b", "", big} {
		if flags, text := p.open(); text != want || (flags == sealedMore) != (want != big) {
			t.Fatalf("flags %d, %d bytes", flags, len(text))
		}
	}
	eventually(t, func() bool { return s.l.queued.Load() == 0 }) // what is read may still count as unread, and then a PING has no answer
	p.send(appendFrame(nil, 0, p.sealed(sealedCmd, "\x04PING\x00\x00ctx")))
	if flags, text := p.open(); flags != sealedCmd || text != "\x04PONGctx" {
		t.Fatalf("flags %d, %q", flags, text)
	}
}

func TestCurveRefuses(t *testing.T) {
	s := curveSocket(t, zmq4.Router, Limits{Message: 1 << 20, Handshake: patience})
	flip := func(at int) func([]byte) []byte {
		return func(b []byte) []byte { b[(at+len(b))%len(b)] ^= 1; return b }
	}
	cutAt := func(n int) func([]byte) []byte { return func(b []byte) []byte { return b[:n] } }
	for name, spoil := range map[string]func(*curvePeer){
		"another server's key": func(p *curvePeer) { p.server = &[32]byte{9} },
		"version of HELLO":     func(p *curvePeer) { p.spoilHello = flip(6) },
		"box of HELLO":         func(p *curvePeer) { p.spoilHello = flip(-1) },
		"short HELLO":          func(p *curvePeer) { p.spoilHello = cutAt(199) },
		"no HELLO":             func(p *curvePeer) { p.spoilHello = flip(2) },
		"cookie":               func(p *curvePeer) { p.spoilInit = flip(9 + 50) },
		"nonce of INITIATE":    func(p *curvePeer) { p.spoilInit = flip(9 + 96 + 7) },
		"box of INITIATE":      func(p *curvePeer) { p.spoilInit = flip(-1) },
		"short INITIATE":       func(p *curvePeer) { p.spoilInit = cutAt(9 + 96 + 8 + 16 + 100) },
		"empty INITIATE":       func(p *curvePeer) { p.spoilInit = cutAt(9) },
		"vouch":                func(p *curvePeer) { p.spoilVouch = flip(-1) },
		"vouch of another":     func(p *curvePeer) { p.spoilVouch = func([]byte) []byte { return make([]byte, vouchLen) } },
	} {
		t.Run(name, func(t *testing.T) {
			p := dialCurve(t, s)
			spoil(p)
			if p.shake(zmq4.Dealer, "") {
				t.Fatal("accepted")
			}
			wantCut(t, p.rawPeer)
		})
	}
	t.Run("no encryption", func(t *testing.T) {
		p := dialRaw(t, s)
		p.Write(append(greeting(), ready(zmq4.Dealer, "")...))
		wantCut(t, p)
	})
	for name, sent := range map[string]func(p *curvePeer) []byte{
		"replayed": func(p *curvePeer) []byte {
			b := appendFrame(nil, 0, p.sealed(0, "once"))
			return append(bytes.Clone(b), b...)
		},
		"nonce of before":   func(p *curvePeer) []byte { p.sent = 0; return appendFrame(nil, 0, p.sealed(0, "x")) },
		"tampered":          func(p *curvePeer) []byte { return appendFrame(nil, 0, flip(-1)(p.sealed(0, "x"))) },
		"short box":         func(p *curvePeer) []byte { return appendFrame(nil, 0, p.sealed(0, "")[:32]) },
		"plain":             func(*curvePeer) []byte { return appendFrame(nil, 0, []byte("a message that nobody has encrypted")) },
		"more outside":      func(p *curvePeer) []byte { return appendFrame(nil, flagMore, p.sealed(0, "x")) },
		"flags":             func(p *curvePeer) []byte { return appendFrame(nil, 0, p.sealed(0x80, "x")) },
		"command with more": func(p *curvePeer) []byte { return appendFrame(nil, 0, p.sealed(3, "x")) },
		"over the limit":    func(p *curvePeer) []byte { return appendFrame(nil, 0, p.sealed(0, strings.Repeat("x", 1<<20+1))) },
	} {
		t.Run(name, func(t *testing.T) {
			p := dialCurve(t, s)
			if !p.shake(zmq4.Dealer, "") {
				t.Fatal("refused")
			}
			p.Write(sent(p))
			wantCut(t, p.rawPeer)
		})
	}
	p := dialCurve(t, s)
	if !p.shake(zmq4.Dealer, "good") {
		t.Fatal("refused")
	}
	p.send(appendFrame(nil, 0, p.sealed(0, "still here")))
	for {
		if f := recvFrames(t, s); string(f[0]) == "good" {
			return
		}
	}
}

func TestCurveKeys(t *testing.T) {
	// The pair of RFC 32's and libzmq's documentation.
	const public, secret = "Yne@$w-vo<fVvi]a<NY6T1ed:M$fCG*[IaLV{hID", "D:)Q[IlAW!ahhC2ac:9*A}h:p?([4%wOTJ%JR%cs"
	k, err := ParseCurveKeys(public, secret)
	if err != nil || k.Public[0] != 0xbb || k.Secret[0] != 0x7b {
		t.Fatalf("%x %v", k, err)
	}
	for _, bad := range [][2]string{{"", secret}, {public, ""}, {public[1:], secret}, {secret, secret}, {public, secret[:39] + "~"}, {strings.Repeat("#", 40), secret}} {
		if _, err := ParseCurveKeys(bad[0], bad[1]); err == nil || strings.Contains(err.Error(), secret) {
			t.Errorf("%q: %v", bad, err)
		}
	}
}

// The deadline of the handshake is for the whole of it.
func TestCurveSlowPeerIsCut(t *testing.T) {
	s := curveSocket(t, zmq4.Router, Limits{Handshake: 200 * time.Millisecond})
	p := dialCurve(t, s)
	p.spoilInit = func(b []byte) []byte { time.Sleep(400 * time.Millisecond); return b }
	if p.shake(zmq4.Dealer, "") {
		t.Fatal("accepted")
	}
}

// FuzzCurve has a server open what a peer with the right keys sends: nothing ends but the connection.
func FuzzCurve(f *testing.F) {
	f.Add([]byte{0, 'x'})
	f.Add([]byte{sealedCmd, 4, 'P', 'I', 'N', 'G', 0, 0})
	f.Fuzz(func(t *testing.T, in []byte) {
		var key [32]byte
		short := binary.BigEndian.AppendUint64(nil, 1)
		b := box.SealAfterPrecomputation(append([]byte("\x07MESSAGE"), short...), in, nonce("CurveZMQMESSAGEC", short), &key)
		peer := &scripted{Reader: bytes.NewReader(appendFrame(nil, 0, b))}
		l := fuzzListener(false, len(b))
		c := newConn(l, peer, bufio.NewReader(peer))
		c.curve = &curve{key: key}
		c.receive()
	})
}
