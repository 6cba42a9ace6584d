package kernel

import (
	"context"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/go-zeromq/zmq4"

	"github.com/godlas/godlas/internal/awake"
	"github.com/godlas/godlas/internal/hostile"
	"github.com/godlas/godlas/kernel/internal/wire"
)

func TestBadMessagesAreIgnored(t *testing.T) {
	k := startKernel(t, nil)
	c := k.connect(t)
	m, _ := c.codec.New("execute_request", nil, obj{"code": "print evil"})
	good, _ := c.codec.Encode(m)
	forger, _ := wire.NewCodec("another key", "")
	forged, _ := forger.Encode(m)
	c.shell.Send(zmq4.NewMsgFrom(good...)) // once is right
	c.finish(m.Header.MsgID)
	for _, s := range []zmq4.Socket{c.shell, c.control, c.stdin} {
		for _, f := range [][][]byte{
			good, // replayed
			forged,
			good[:4],
			{[]byte("x")},
			{{}},
			{[]byte("<IDS|MSG>")},
			{[]byte("<IDS|MSG>"), {}, {}, {}, {}, {}},
			slices.Concat([][]byte{[]byte("<IDS|MSG>"), good[1]}, good[2:5], [][]byte{[]byte("not JSON")}),
		} {
			s.Send(zmq4.NewMsgFrom(f...))
		}
	}
	_, out := c.run("print alive")
	wantOutput(t, out, `input stdout:"alive\n"`)
	if strings.Contains(k.log.String(), k.conn.Key) {
		t.Error("the key is in the log")
	}
	if !awake.Until(patience, func() bool { return strings.Count(k.log.String(), "message ignored") >= 24 }) {
		t.Fatal("not all bad messages are in the log")
	}
}

func TestSilentPeersOnEveryChannel(t *testing.T) {
	k := startKernel(t, nil)
	c := k.connect(t)
	for _, port := range []int{k.conn.ShellPort, k.conn.ControlPort, k.conn.StdinPort, k.conn.IOPubPort, k.conn.HeartbeatPort} {
		mute, err := net.Dial("tcp", k.conn.address(port))
		if err != nil {
			t.Fatal(err)
		}
		defer mute.Close()
	}
	other := connect(t, k.conn, "other")
	_, out := other.run("print hi")
	wantOutput(t, out, `input stdout:"hi\n"`)
	c.run("print hi")
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	beat := zmq4.NewReq(ctx)
	if err := beat.Dial(k.conn.endpoint(k.conn.HeartbeatPort)); err != nil {
		t.Fatal(err)
	}
	beat.Send(zmq4.NewMsgString("ping"))
	if m, err := beat.Recv(); err != nil || string(m.Bytes()) != "ping" {
		t.Errorf("%v %v", m, err)
	}
}

func TestIPCAndNoKey(t *testing.T) {
	dir, err := os.MkdirTemp("", "k") // short: a socket's path has at most 104 bytes
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(dir)
	k := startKernel(t, func(c *connection, _ *Options) {
		c.Transport, c.IP, c.Key = "ipc", filepath.Join(dir, "s"), ""
		c.ShellPort, c.IOPubPort, c.StdinPort, c.ControlPort, c.HeartbeatPort = 1, 2, 3, 4, 5
	})
	_, out := k.connect(t).run("print hi")
	wantOutput(t, out, `input stdout:"hi\n"`)
}

func TestConnectionFileIsChecked(t *testing.T) {
	for says, change := range map[string]func(*connection){
		"unknown transport": func(c *connection) { c.Transport = "udp" },
		"shell_port is 0":   func(c *connection) { c.ShellPort = 0 },
		"hb_port is 70000":  func(c *connection) { c.HeartbeatPort = 70000 },
		"without a key":     func(c *connection) { c.Key, c.IP = "", "0.0.0.0" },
		"public CURVE key":  func(c *connection) { c.CurvePublicKey = "x" },
		"secret CURVE key":  func(c *connection) { c.CurvePublicKey = strings.Repeat("0", 40) },
		"not a pair": func(c *connection) {
			c.CurvePublicKey, c.CurveSecretKey = strings.Repeat("1", 40), strings.Repeat("1", 40)
		},
		"signature scheme": func(c *connection) { c.SignatureScheme = "hmac-what" },
		"in use":           func(c *connection) { c.IOPubPort = c.ShellPort },
	} {
		_, path := connectionFile(t, change)
		err := Run(context.Background(), Options{ConnectionFile: path, Argv: []string{"x"}, History: filepath.Join(t.TempDir(), "h")})
		if err == nil || !strings.Contains(err.Error(), says) || strings.Contains(err.Error(), "\n") || strings.Contains(err.Error(), "a-secret-key") {
			t.Errorf("%s: %v", says, err)
		}
	}
	bad := filepath.Join(t.TempDir(), "bad.json")
	os.WriteFile(bad, []byte("{"), 0o600)
	for _, path := range []string{"", filepath.Join(t.TempDir(), "nothing"), bad} {
		if err := Run(context.Background(), Options{ConnectionFile: path}); err == nil {
			t.Errorf("%q was taken", path)
		}
	}
}

// A client gets every answer, soon, while others send a tenth of what bench hostile does, which runs against the real
// kernel and measures.
func TestHostilePeers(t *testing.T) {
	k := startKernel(t, nil)
	c := k.connect(t)
	targets := []hostile.Target{
		{Address: k.conn.address(k.conn.ShellPort), Peer: "DEALER"},
		{Address: k.conn.address(k.conn.ControlPort), Peer: "DEALER"},
		{Address: k.conn.address(k.conn.StdinPort), Peer: "DEALER"},
		{Address: k.conn.address(k.conn.IOPubPort), Peer: "SUB"},
		{Address: k.conn.address(k.conn.HeartbeatPort), Peer: "REQ"},
	}
	conns := 1000
	if testing.Short() || raced {
		conns = 200
	}
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	done := make(chan error, 1)
	go func() {
		r, err := hostile.Run(t.Context(), targets, hostile.Options{Frames: 10 * conns, Conns: conns, Open: 400, Seed: 7})
		if err == nil && r.Frames < int64(10*conns) {
			err = fmt.Errorf("only %d frames were sent", r.Frames)
		}
		done <- err
	}()
	n := 0
	for {
		select {
		case err := <-done:
			if err != nil {
				t.Fatal(err)
			}
			if n < 20 {
				t.Errorf("only %d cells meanwhile", n)
			}
			runtime.GC()
			runtime.ReadMemStats(&after)
			if grown := int64(after.HeapAlloc) - int64(before.HeapAlloc); grown > 64<<20 {
				t.Errorf("%d MB more in the heap", grown>>20)
			}
			other := connect(t, k.conn, "other") // the kernel takes new clients as before
			_, out := other.run("print new")
			wantOutput(t, out, `input stdout:"new\n"`)
			return
		default:
		}
		text := fmt.Sprint("cell ", n)
		reply, out := c.run("print " + text + "\nresult " + text)
		if reply["status"] != "ok" || summary(out) != fmt.Sprintf("input stdout:%q execute_result:%s", text+"\n", text) {
			t.Fatalf("cell %d: %v %s", n, reply, summary(out))
		}
		n++
	}
}
