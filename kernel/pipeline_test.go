package kernel

import (
	"bufio"
	"encoding/binary"
	"io"
	"net"
	"runtime"
	"strings"
	"testing"

	"github.com/godlas/godlas/internal/awake"
	"github.com/godlas/godlas/kernel/internal/wire"
)

// raced says that the race detector is on.
var raced bool

// rawPeer is a ZeroMQ peer that reads only when it is told to: zmq4's own sockets always read.
type rawPeer struct {
	t    *testing.T
	conn net.Conn
	r    *bufio.Reader
	w    *bufio.Writer
}

func dialRaw(t *testing.T, conn connection, port int, socket, id string) *rawPeer {
	t.Helper()
	c, err := net.Dial("tcp", conn.address(port))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	c = awake.Conn(c, patience)
	p := &rawPeer{t: t, conn: c, r: bufio.NewReaderSize(c, 64<<10), w: bufio.NewWriterSize(c, 64<<10)}
	greeting := make([]byte, 64)
	copy(greeting, "\xff\x00\x00\x00\x00\x00\x00\x00\x01\x7f\x03\x00NULL")
	property := func(name, value string) string {
		return string(rune(len(name))) + name + string(binary.BigEndian.AppendUint32(nil, uint32(len(value)))) + value
	}
	ready := "\x05READY" + property("Socket-Type", socket) + property("Identity", id)
	p.w.Write(greeting)
	p.w.Write(append([]byte{4, byte(len(ready))}, ready...))
	p.w.Flush()
	if _, err := io.ReadFull(p.r, greeting); err != nil {
		t.Fatal(err)
	}
	p.frame() // its READY
	return p
}

func (p *rawPeer) send(frames ...[]byte) {
	p.t.Helper()
	for i, f := range frames {
		flags := byte(0)
		if i < len(frames)-1 {
			flags = 1
		}
		if len(f) > 255 {
			p.w.Write(binary.BigEndian.AppendUint64([]byte{flags | 2}, uint64(len(f))))
		} else {
			p.w.Write([]byte{flags, byte(len(f))})
		}
		if _, err := p.w.Write(f); err != nil {
			p.t.Fatal(err)
		}
	}
}

// frame reads the next frame; more says that the message goes on.
func (p *rawPeer) frame() (b []byte, more bool) {
	p.t.Helper()
	head := make([]byte, 9)
	_, err := io.ReadFull(p.r, head[:2])
	size := uint64(head[1])
	if err == nil && head[0]&2 != 0 {
		_, err = io.ReadFull(p.r, head[2:])
		size = binary.BigEndian.Uint64(head[1:])
	}
	if err == nil {
		b = make([]byte, size)
		_, err = io.ReadFull(p.r, b)
	}
	if err != nil {
		p.t.Fatalf("the kernel has sent no more: %v", err)
	}
	return b, head[0]&1 != 0
}

func (p *rawPeer) message(codec *wire.Codec) *wire.Message {
	p.t.Helper()
	var frames [][]byte
	for {
		b, more := p.frame()
		if frames = append(frames, b); !more {
			break
		}
	}
	m, err := codec.Decode(frames)
	if err != nil {
		p.t.Fatal(err)
	}
	return m
}

// TestManyRequestsThatNobodyReads: a client that sends 20,000 cells and reads nothing until all have run gets every reply and all
// output, in order; the others are not hindered meanwhile.
func TestManyRequestsThatNobodyReads(t *testing.T) {
	n := 20_000
	if raced {
		n = 3000 // the race detector makes each several times as long
	}
	k := startKernel(t, nil)
	c := k.connect(t)
	codec, _ := wire.NewCodec(k.conn.Key, k.conn.SignatureScheme)
	pub := dialRaw(t, k.conn, k.conn.IOPubPort, "SUB", "")
	pub.send([]byte("\x01"))
	pub.w.Flush()
	if m := pub.message(codec); m.Header.MsgType != "iopub_welcome" {
		t.Fatal(m.Header.MsgType)
	}
	shell := dialRaw(t, k.conn, k.conn.ShellPort, "DEALER", "greedy")
	ids := make([]string, n)
	sent := make(chan bool)
	go func() {
		defer close(sent)
		for i := range ids {
			code := "print x"
			if i%4 > 0 {
				code = "" // which is quicker
			}
			m, _ := codec.New("execute_request", nil, obj{"code": code})
			ids[i] = m.Header.MsgID
			f, _ := codec.Encode(m)
			shell.send(f...)
		}
		shell.w.Flush()
	}()
	// While they run, control answers, and a subshell runs cells.
	sub := c.subshell()
	for range 20 {
		c.ask("kernel_info_request", nil)
		id := c.sendTo(sub, c.shell, "execute_request", obj{"code": "print y"})
		if m := c.next(c.fromShell); parentID(m) != id || body(m)["status"] != "ok" {
			t.Fatalf("%s", m.Content)
		}
	}
	<-sent
	last := ids[n-1]
	for { // until the last of them has run
		if m := c.next(c.fromIOPub); parentID(m) == last && m.Header.MsgType == "status" && strings.Contains(string(m.Content), "idle") {
			break
		}
	}
	var mem runtime.MemStats
	runtime.ReadMemStats(&mem)
	t.Logf("the kernel and this client hold %d MB", mem.HeapAlloc>>20)
	for i, id := range ids {
		m := shell.message(codec)
		if parentID(m) != id || !strings.Contains(string(m.Content), `"status":"ok"`) {
			t.Fatalf("reply %d is %s to %s, want one to %s", i, m.Content, parentID(m), id)
		}
	}
	at, text := 0, 0
	for at < n {
		m := pub.message(codec)
		if parentID(m) != ids[at] {
			continue // of the other client
		}
		switch {
		case m.Header.MsgType == "stream":
			text++
		case strings.Contains(string(m.Content), "idle"):
			at++
		}
	}
	if text != n/4 {
		t.Errorf("%d of %d cells have their output", text, n/4)
	}
}
