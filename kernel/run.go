package kernel

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"path/filepath"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
	"unicode/utf8"

	"github.com/go-zeromq/zmq4"

	"github.com/godlas/godlas/kernel/internal/history"
	"github.com/godlas/godlas/kernel/internal/schema"
	"github.com/godlas/godlas/kernel/internal/trim"
	"github.com/godlas/godlas/kernel/internal/wire"
	"github.com/godlas/godlas/kernel/internal/zmtp"
)

// front is a running kernel.
type front struct {
	Options
	conn    connection
	codec   *wire.Codec
	shell   *zmtp.Socket
	control *zmtp.Socket
	stdin   *zmtp.Socket
	iopub   *zmtp.Socket
	beat    *zmtp.Socket
	pub     *publisher
	work    *worker
	past    *history.Log
	shells  *shells
	known   map[string]handler
	comms   comms
	debugs  debugs

	questions questions

	used consumption

	counting sync.Mutex
	count    int // cells begun that are kept in the history

	leaving  atomic.Bool   // a shutdown request was answered
	quit     chan struct{} // closed once all of that answer is sent
	quitOnce sync.Once
}

// Run is a kernel from its connection file to its shutdown. It returns nil after a shutdown request, the end of the
// launching process, or the end of ctx.
func Run(ctx context.Context, o Options) error {
	if o.Log == nil {
		o.Log = slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelWarn}))
	}
	if o.Start == nil {
		o.Start = func() (Session, error) { return StartProcess(o.Argv) }
	}
	if o.Grace == 0 {
		o.Grace = 5 * time.Second
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	o.Log = slog.New(newSparse(o.Log.Handler()))
	conn, warning, err := readConnection(o.ConnectionFile)
	if err != nil {
		return err
	}
	if warning != "" {
		o.Log.Warn(warning)
	}
	codec, err := wire.NewCodec(conn.Key, conn.SignatureScheme)
	if err != nil {
		return fmt.Errorf("connection file %s: %w", o.ConnectionFile, err)
	}
	codec.SetClock(o.Now)
	f := &front{Options: o, conn: conn, codec: codec, quit: make(chan struct{})}
	f.past, err = history.Open(historyPath(o.History))
	if err != nil {
		o.Log.Warn("the history is not kept", "err", err)
	}
	if err := f.bind(); err != nil {
		f.closeSockets()
		return err
	}
	f.known = f.handlers()
	f.pub = newPublisher(codec, f.iopub, codec.Session(), o.Output, o.Log)
	f.work = &worker{
		start: o.Start, grace: o.Grace, log: o.Log,
		output: f.output, native: f.nativeOutput, lost: f.sessionLost, warn: f.warnInterrupt, kept: f.comms.by,
	}

	// The interrupt of the terminal is the client's to handle: it sends interrupt_request. Caught and dropped, not
	// ignored: the session's children would inherit that.
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	defer signal.Stop(signals)
	stop := make(chan struct{})
	defer close(stop)
	orphaned := watchParent(stop)
	if o.Alone {
		adopt(stop)
	}

	f.pub.status("starting", nil)
	f.work.run()
	f.shells = newShells(f.runShell)
	f.debugs.queue = newQueue()
	var channels sync.WaitGroup
	for _, serve := range []func(){f.serveShell, f.serveControl, f.runDebug, f.serveStdin, f.serveBeat} {
		channels.Go(serve)
	}
	trim.Later()
	f.wait(ctx, signals, orphaned)
	f.work.close(700 * time.Millisecond)
	f.pub.flush()
	f.shells.close()
	f.debugs.queue.close()
	f.closeSockets()
	channels.Wait()
	f.shells.wait()
	return nil
}

// wait returns when the kernel is to end.
func (f *front) wait(ctx context.Context, signals <-chan os.Signal, orphaned <-chan struct{}) {
	for {
		select {
		case <-ctx.Done():
		case <-f.quit:
		case <-orphaned:
			f.Log.Info("the launching process is gone")
		case s := <-signals:
			if s == os.Interrupt {
				continue
			}
		}
		return
	}
}

func historyPath(path string) string {
	if path != "" {
		return path
	}
	dir, err := os.UserCacheDir()
	if err != nil {
		return ""
	}
	return filepath.Join(dir, "godlas", "history.jsonl")
}

func (f *front) bind() error {
	for _, s := range []struct {
		name string
		sock **zmtp.Socket
		typ  zmq4.SocketType
		port int
	}{
		{"shell", &f.shell, zmq4.Router, f.conn.ShellPort},
		{"control", &f.control, zmq4.Router, f.conn.ControlPort},
		{"stdin", &f.stdin, zmq4.Router, f.conn.StdinPort},
		{"iopub", &f.iopub, zmq4.XPub, f.conn.IOPubPort},
		{"hb", &f.beat, zmq4.Rep, f.conn.HeartbeatPort},
	} {
		c := zmtp.Config{Type: s.typ, Network: f.conn.Transport, Address: f.conn.address(s.port), Curve: f.conn.curve, Log: f.Log}
		switch s.typ {
		case zmq4.XPub:
			c.Welcome = f.welcome
			c.Limits = zmtp.Limits{Conns: 128} // each message goes to all of them
		case zmq4.Rep: // it sends back what comes, and a ping is short
			c.Limits = zmtp.Limits{Message: 64 << 10, Outbound: 1 << 20}
		}
		sock, err := zmtp.Bind(c)
		if err != nil {
			return fmt.Errorf("%s socket: %w", s.name, err)
		}
		*s.sock = sock
	}
	return nil
}

// closeSockets sends what is queued and closes; each socket has its time, all at once.
func (f *front) closeSockets() {
	var wg sync.WaitGroup
	for _, s := range []*zmtp.Socket{f.shell, f.control, f.stdin, f.iopub, f.beat} {
		if s != nil {
			wg.Go(func() { s.Close() })
		}
	}
	wg.Wait()
}

// welcome is the iopub_welcome of a new subscription.
func (f *front) welcome(topic []byte) [][]byte {
	if !utf8.Valid(topic) { // a message could not name it, and no topic begins so
		return nil
	}
	m, err := f.codec.New("iopub_welcome", nil, map[string]string{"subscription": string(topic)})
	if err != nil {
		return nil
	}
	m.Identities = [][]byte{topic}
	frames, err := f.codec.Encode(m)
	if err != nil {
		return nil
	}
	checkSent(schema.Published, 1, frames)
	return frames
}

// receive gives each message of a channel to do; what cannot be trusted or read is logged and passed over.
func (f *front) receive(channel string, sock *zmtp.Socket, do func(*wire.Message)) {
	for {
		frames, err := sock.Recv()
		if err != nil {
			return
		}
		m, err := f.codec.Decode(frames)
		if err != nil {
			f.Log.Warn("message ignored", "channel", channel, "err", err)
			sock.Blame(frames[0])
			continue
		}
		f.vouch(frames[0])
		do(m)
	}
}

// vouch says on every channel that a peer is a client: it has one identity on all of them.
func (f *front) vouch(id []byte) {
	for _, s := range []*zmtp.Socket{f.shell, f.control, f.stdin} {
		s.Vouch(id)
	}
}

func (f *front) serveShell() { f.receive("shell", f.shell, f.enqueue) }

func (f *front) serveControl() {
	f.receive("control", f.control, func(m *wire.Message) {
		if m.Header.MsgType == "debug_request" {
			f.debugs.queue.push(m)
			return
		}
		f.handle(f.control, m)
	})
}

func (f *front) serveBeat() {
	for {
		frames, err := f.beat.Recv()
		if err != nil {
			return
		}
		if err := f.beat.Send(frames...); err != nil && !errors.Is(err, context.Canceled) {
			f.Log.Debug("heartbeat not answered", "err", err)
		}
	}
}
