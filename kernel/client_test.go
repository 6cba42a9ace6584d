package kernel

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"testing"
	"time"

	"github.com/go-zeromq/zmq4"

	"github.com/godlas/godlas/internal/awake"
	"github.com/godlas/godlas/internal/heard"
	"github.com/godlas/godlas/kernel/internal/schema"
	"github.com/godlas/godlas/kernel/internal/wire"
)

// patience is what a test waits for something that takes milliseconds.
const patience = 20 * time.Second

// client is a Jupyter client over zmq4's own sockets.
type client struct {
	t                     *testing.T
	conn                  connection
	codec                 *wire.Codec
	shell, control, stdin zmq4.Socket
	fromShell             chan *wire.Message
	fromControl           chan *wire.Message
	fromStdin             chan *wire.Message
	fromIOPub             chan *wire.Message
}

// freePorts returns ports that nobody listens on.
func freePorts(t *testing.T, n int) []int {
	t.Helper()
	var ports []int
	for range n {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		ports = append(ports, l.Addr().(*net.TCPAddr).Port)
	}
	return ports
}

func connectionFile(t *testing.T, change func(*connection)) (connection, string) {
	t.Helper()
	p := freePorts(t, 5)
	c := connection{
		Transport: "tcp", IP: "127.0.0.1", Key: "a-secret-key", SignatureScheme: "hmac-sha256",
		ShellPort: p[0], IOPubPort: p[1], StdinPort: p[2], ControlPort: p[3], HeartbeatPort: p[4],
	}
	if change != nil {
		change(&c)
	}
	b, _ := json.Marshal(c)
	path := filepath.Join(t.TempDir(), "kernel.json")
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
	return c, path
}

// kernelUnderTest is a front in this process with a fake session.
type kernelUnderTest struct {
	conn connection
	path string // of its connection file
	done chan error
	log  *heard.Buffer
}

func startKernel(t *testing.T, change func(*connection, *Options)) *kernelUnderTest {
	t.Helper()
	if runtime.GOOS == "windows" {
		t.Skip("the fake session has file descriptors of Unix")
	}
	t.Setenv(fakeEnv, "run")
	o := Options{
		Argv: []string{os.Args[0]}, Name: "godlas", Version: "0", Banner: "hello",
		History: filepath.Join(t.TempDir(), "history.jsonl"),
	}
	var conn connection
	conn, o.ConnectionFile = connectionFile(t, func(c *connection) {
		if change != nil {
			change(c, &o)
		}
	})
	k := &kernelUnderTest{conn: conn, path: o.ConnectionFile, done: make(chan error, 1), log: &heard.Buffer{}}
	o.Log = slog.New(slog.NewTextHandler(k.log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	ctx, cancel := context.WithCancel(context.Background())
	go func() { k.done <- Run(ctx, o) }()
	t.Cleanup(func() {
		cancel()
		select {
		case <-k.done:
		case <-awake.After(patience):
			t.Error("the kernel does not end")
		}
		if t.Failed() {
			t.Logf("log of the kernel:\n%s", k.log)
		}
	})
	return k
}

func (c connection) endpoint(port int) string {
	if c.Transport == "ipc" {
		return "ipc://" + c.address(port)
	}
	return "tcp://" + c.address(port)
}

// connect makes a client; it is subscribed when connect returns.
func (k *kernelUnderTest) connect(t *testing.T) *client {
	return connect(t, k.conn, "client-"+t.Name())
}

func connect(t *testing.T, conn connection, id string) *client {
	t.Helper()
	codec, err := wire.NewCodec(conn.Key, conn.SignatureScheme)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	t.Cleanup(cancel)
	quiet := zmq4.WithDialerMaxRetries(100)
	retry := zmq4.WithDialerRetry(20 * time.Millisecond)
	c := &client{t: t, conn: conn, codec: codec}
	dial := func(s zmq4.Socket, port int) zmq4.Socket {
		if err := s.Dial(conn.endpoint(port)); err != nil {
			t.Fatal(err)
		}
		return s
	}
	dealer := func(port int) zmq4.Socket {
		return dial(zmq4.NewDealer(ctx, quiet, retry, zmq4.WithID(zmq4.SocketIdentity(id))), port)
	}
	sub := dial(zmq4.NewSub(ctx, quiet, retry), conn.IOPubPort)
	c.fromIOPub = c.pump(ctx, sub)
	sub.SetOption(zmq4.OptionSubscribe, "")
	if m := c.next(c.fromIOPub); m.Header.MsgType != "iopub_welcome" {
		t.Fatalf("the first message on iopub is %s", m.Header.MsgType)
	}
	c.shell, c.control, c.stdin = dealer(conn.ShellPort), dealer(conn.ControlPort), dealer(conn.StdinPort)
	c.fromShell, c.fromControl, c.fromStdin = c.pump(ctx, c.shell), c.pump(ctx, c.control), c.pump(ctx, c.stdin)
	// zmq4 notes a subscription a little after the welcome is sent: wait until messages come.
	for range 100 {
		c.send(c.control, "connect_request", nil)
		c.next(c.fromControl)
		select {
		case <-c.fromIOPub:
			for {
				select {
				case <-c.fromIOPub:
					continue
				case <-time.After(30 * time.Millisecond):
					return c
				}
			}
		case <-time.After(10 * time.Millisecond):
		}
	}
	t.Fatal("no messages on iopub")
	return nil
}

func (c *client) pump(ctx context.Context, s zmq4.Socket) chan *wire.Message {
	ch := make(chan *wire.Message, 100_000)
	// Closed at the end only: zmq4's Send fails if its socket is closed by another goroutine just after the bytes are out.
	c.t.Cleanup(func() { s.Close() })
	go func() {
		for {
			m, err := s.Recv()
			if err != nil {
				if ctx.Err() == nil && !errors.Is(err, io.EOF) && !errors.Is(err, zmq4.ErrClosedConn) {
					ch <- nil
				}
				return
			}
			d, err := c.codec.Decode(m.Frames)
			if err != nil {
				fmt.Fprintf(os.Stderr, "message that does not decode: %v\n", err)
				return
			}
			way := schema.FromKernel
			if s.Type() == zmq4.Sub {
				way = schema.Published
			}
			if err := schema.Check(schema.Message{
				Way: way, Prefix: d.Identities, Header: d.RawHeader, Parent: d.Parent, Metadata: d.Metadata, Content: d.Content,
			}); err != nil {
				c.t.Errorf("a message against the protocol: %v\n%s", err, m)
			}
			ch <- d
		}
	}()
	return ch
}

func (c *client) next(ch chan *wire.Message) *wire.Message {
	c.t.Helper()
	for tick := range awake.Ticks(patience) {
		select {
		case m := <-ch:
			if m == nil {
				c.t.Fatal("the socket has failed")
			}
			return m
		case <-tick:
		}
	}
	c.t.Fatal("no message")
	return nil
}

// send sends a request and returns its id.
func (c *client) send(s zmq4.Socket, typ string, body any, buffers ...[]byte) string {
	c.t.Helper()
	return c.sendTo("", s, typ, body, buffers...)
}

// sendTo sends a request to a subshell.
func (c *client) sendTo(subshell string, s zmq4.Socket, typ string, body any, buffers ...[]byte) string {
	c.t.Helper()
	if body == nil {
		body = struct{}{}
	}
	m, err := c.codec.New(typ, nil, body)
	if err != nil {
		c.t.Fatal(err)
	}
	m.Buffers, m.Header.SubshellID = buffers, subshell
	f, err := c.codec.Encode(m)
	if err != nil {
		c.t.Fatal(err)
	}
	if err := s.Send(zmq4.NewMsgFrom(f...)); err != nil {
		c.t.Fatal(err)
	}
	return m.Header.MsgID
}

func parentID(m *wire.Message) string {
	var h wire.Header
	json.Unmarshal(m.Parent, &h)
	return h.MsgID
}

// obj is the content of a message.
type obj map[string]any

func body(m *wire.Message) obj {
	var o obj
	json.Unmarshal(m.Content, &o)
	return o
}

// iopub returns the messages of a request up to its idle, without busy and idle, which it checks.
func (c *client) iopub(id string) []*wire.Message {
	c.t.Helper()
	var out []*wire.Message
	busy := false
	for {
		m := c.next(c.fromIOPub)
		if parentID(m) != id {
			continue
		}
		if m.Header.MsgType != "status" {
			if !busy {
				c.t.Fatalf("%s before busy", m.Header.MsgType)
			}
			out = append(out, m)
			continue
		}
		switch s := body(m)["execution_state"]; {
		case s == "busy" && !busy:
			busy = true
		case s == "idle" && busy:
			return out
		default:
			c.t.Fatalf("status %v, busy before: %v", s, busy)
		}
	}
}

// begin sends code to run and returns when it runs. Its output up to then is passed over, so it is not for finish.
func (c *client) begin(code string) (id string) {
	c.t.Helper()
	id = c.send(c.shell, "execute_request", obj{"code": code})
	for {
		if m := c.next(c.fromIOPub); m.Header.MsgType == "execute_input" && parentID(m) == id {
			return id
		}
	}
}

// reply returns the next message on the shell channel, which is the reply to the request.
func (c *client) reply(id string) obj {
	c.t.Helper()
	m := c.next(c.fromShell)
	if parentID(m) != id {
		c.t.Fatalf("reply %s %s to %s", m.Header.MsgType, m.Content, parentID(m))
	}
	return body(m)
}

// run runs code and returns its reply and its output.
func (c *client) run(code string, options ...obj) (reply obj, out []*wire.Message) {
	c.t.Helper()
	req := obj{"code": code}
	for _, o := range options {
		for k, v := range o {
			req[k] = v
		}
	}
	id := c.send(c.shell, "execute_request", req)
	return c.finish(id)
}

func (c *client) finish(id string) (reply obj, out []*wire.Message) {
	c.t.Helper()
	m := c.next(c.fromShell)
	if m.Header.MsgType != "execute_reply" || parentID(m) != id {
		c.t.Fatalf("reply %s %s to %s", m.Header.MsgType, m.Content, parentID(m))
	}
	return body(m), c.iopub(id)
}

// summary is a short text of messages: types, and the text of streams and results.
func summary(ms []*wire.Message) string {
	s := ""
	for _, m := range ms {
		b := body(m)
		switch m.Header.MsgType {
		case "execute_input":
			s += "input "
		case "stream":
			s += fmt.Sprintf("%s:%q ", b["name"], b["text"])
		case "execute_result", "display_data", "update_display_data":
			s += fmt.Sprintf("%s:%v ", m.Header.MsgType, b["data"].(map[string]any)["text/plain"])
		case "error":
			s += fmt.Sprintf("error:%v ", b["ename"])
		default:
			s += m.Header.MsgType + " "
		}
	}
	if s != "" {
		s = s[:len(s)-1]
	}
	return s
}
