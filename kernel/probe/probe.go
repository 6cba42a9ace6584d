// Package probe starts a kernel as a Jupyter host does and runs one cell in it, through its sockets and without Python.
package probe

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/go-zeromq/zmq4"

	"github.com/godlas/godlas/kernel/internal/wire"
)

// Result is what a kernel said.
type Result struct {
	Implementation string        // and its version, such as "godlas 0.1"
	Language       string        // and its version, such as "go 1.26.8"
	Protocol       string        // version of the messaging protocol
	Start          time.Duration // from the start of the process to the first kernel_info_reply
	Cell           time.Duration // from the execute_request to its reply and idle
	Text           string        // text/plain of the cell's result, or what it printed
}

// Run starts argv, in which {connection_file} stands for the connection file's path, sends kernel_info_request and one
// cell, shuts the kernel down and returns what it said. ctx bounds all of it. An error says which step failed and ends
// with the last line that the kernel wrote to its standard error.
func Run(ctx context.Context, argv []string, code string) (Result, error) {
	dir, err := os.MkdirTemp("", "godlas-probe-")
	if err != nil {
		return Result{}, err
	}
	defer os.RemoveAll(dir)
	p := &peer{}
	file, err := p.connectionFile(dir)
	if err != nil {
		return Result{}, err
	}
	args := make([]string, len(argv))
	for i, a := range argv {
		args[i] = strings.ReplaceAll(a, "{connection_file}", file)
	}
	cmd := exec.Command(args[0], args[1:]...)
	cmd.Env = append(os.Environ(), fmt.Sprintf("JPY_PARENT_PID=%d", os.Getpid()))
	var said tail
	cmd.Stderr = &said
	cmd.WaitDelay = 2 * time.Second
	begun := time.Now()
	if err := cmd.Start(); err != nil {
		return Result{}, fmt.Errorf("the kernel does not start: %w", err)
	}
	ctx, cancel := context.WithCancelCause(ctx)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		err := cmd.Wait()
		if err == nil {
			err = errors.New("exit status 0")
		}
		cancel(fmt.Errorf("the kernel ended: %w", err))
	}()
	r, err := p.talk(ctx, begun, code)
	p.close()
	if err == nil {
		select { // it was asked to shut down
		case <-ended:
		case <-time.After(10 * time.Second):
			err = errors.New("the kernel does not end 10 s after its shutdown_reply")
		}
	}
	cmd.Process.Kill()
	<-ended
	cancel(nil)
	if err != nil && said.last() != "" {
		err = fmt.Errorf("%w; it said: %s", err, said.last())
	}
	return r, err
}

// peer is a client of one kernel.
type peer struct {
	key     string
	ports   [5]int // shell, iopub, stdin, control, hb
	codec   *wire.Codec
	sockets []zmq4.Socket
}

// connectionFile writes one for free ports on loopback.
func (p *peer) connectionFile(dir string) (string, error) {
	var key [16]byte
	rand.Read(key[:])
	p.key = hex.EncodeToString(key[:])
	for i := range p.ports {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return "", fmt.Errorf("no port on 127.0.0.1 can be had: %w", err)
		}
		defer l.Close() // when all have been chosen
		p.ports[i] = l.Addr().(*net.TCPAddr).Port
	}
	b, err := json.Marshal(map[string]any{
		"transport": "tcp", "ip": "127.0.0.1", "key": p.key, "signature_scheme": "hmac-sha256", "kernel_name": "godlas",
		"shell_port": p.ports[0], "iopub_port": p.ports[1], "stdin_port": p.ports[2], "control_port": p.ports[3], "hb_port": p.ports[4],
	})
	if err != nil {
		return "", err
	}
	path := filepath.Join(dir, "connection.json")
	return path, os.WriteFile(path, b, 0o600)
}

// talk is the whole conversation.
func (p *peer) talk(ctx context.Context, begun time.Time, code string) (Result, error) {
	var r Result
	var err error
	if p.codec, err = wire.NewCodec(p.key, "hmac-sha256"); err != nil {
		return r, err
	}
	iopub, fromIOPub, err := p.dial(ctx, zmq4.NewSub, p.ports[1], "iopub")
	if err != nil {
		return r, err
	}
	if err := iopub.SetOption(zmq4.OptionSubscribe, ""); err != nil {
		return r, err
	}
	shell, fromShell, err := p.dial(ctx, zmq4.NewDealer, p.ports[0], "shell")
	if err != nil {
		return r, err
	}
	control, fromControl, err := p.dial(ctx, zmq4.NewDealer, p.ports[3], "control")
	if err != nil {
		return r, err
	}

	// As jupyter_server does: ask until both a reply and something on iopub have come.
	if err := p.send(shell, "kernel_info_request", struct{}{}); err != nil {
		return r, err
	}
	info, err := next(ctx, fromShell, "kernel_info_reply")
	if err != nil {
		return r, err
	}
	r.Start = time.Since(begun)
	var c struct {
		Implementation        string                         `json:"implementation"`
		ImplementationVersion string                         `json:"implementation_version"`
		Protocol              string                         `json:"protocol_version"`
		LanguageInfo          struct{ Name, Version string } `json:"language_info"`
	}
	if err := json.Unmarshal(info.Content, &c); err != nil {
		return r, fmt.Errorf("kernel_info_reply: %w", err)
	}
	r.Implementation = strings.TrimSpace(c.Implementation + " " + c.ImplementationVersion)
	r.Language = strings.TrimSpace(c.LanguageInfo.Name + " " + c.LanguageInfo.Version)
	r.Protocol = c.Protocol
	for heard := false; !heard; {
		if err := p.send(control, "kernel_info_request", struct{}{}); err != nil {
			return r, err
		}
		if _, err := next(ctx, fromControl, "kernel_info_reply"); err != nil {
			return r, err
		}
		select {
		case m := <-fromIOPub:
			heard = m != nil && m.Header.MsgType == "status"
		case <-time.After(20 * time.Millisecond):
		case <-ctx.Done():
			return r, fmt.Errorf("nothing comes on iopub: %w", context.Cause(ctx))
		}
	}

	sent := time.Now()
	m, err := p.codec.New("execute_request", nil, map[string]any{
		"code": code, "silent": false, "store_history": false, "user_expressions": map[string]any{}, "allow_stdin": false, "stop_on_error": true,
	})
	if err != nil {
		return r, err
	}
	if err := p.sendMessage(shell, m); err != nil {
		return r, err
	}
	if r.Text, err = output(ctx, fromIOPub, m.Header.MsgID); err != nil {
		return r, err
	}
	reply, err := next(ctx, fromShell, "execute_reply")
	if err != nil {
		return r, err
	}
	r.Cell = time.Since(sent)
	var ok struct{ Status, Ename, Evalue string }
	if err := json.Unmarshal(reply.Content, &ok); err != nil || ok.Status != "ok" {
		return r, fmt.Errorf("the cell ends with %s: %s %s", ok.Status, ok.Ename, ok.Evalue)
	}
	if err := p.send(control, "shutdown_request", map[string]bool{"restart": false}); err != nil {
		return r, err
	}
	_, err = next(ctx, fromControl, "shutdown_reply")
	return r, err
}

// dial connects a socket and gives its messages to a channel, which ends with the socket.
func (p *peer) dial(ctx context.Context, open func(context.Context, ...zmq4.Option) zmq4.Socket, port int, channel string) (zmq4.Socket, <-chan *wire.Message, error) {
	s := open(ctx, zmq4.WithDialerRetry(5*time.Millisecond), zmq4.WithDialerMaxRetries(1), zmq4.WithDialerTimeout(5*time.Second))
	p.sockets = append(p.sockets, s)
	for {
		err := s.Dial(fmt.Sprintf("tcp://127.0.0.1:%d", port))
		if err == nil {
			break
		}
		select {
		case <-ctx.Done():
			return nil, nil, fmt.Errorf("the %s socket cannot be reached: %w", channel, context.Cause(ctx))
		case <-time.After(5 * time.Millisecond):
		}
	}
	out := make(chan *wire.Message, 1000)
	go func() {
		defer close(out)
		for {
			m, err := s.Recv()
			if err != nil {
				return
			}
			d, err := p.codec.Decode(m.Frames)
			if err != nil {
				continue // what is not signed with our key is nobody's answer
			}
			select {
			case out <- d:
			case <-ctx.Done():
				return
			}
		}
	}()
	return s, out, nil
}

func (p *peer) close() {
	for _, s := range p.sockets {
		s.Close()
	}
}

func (p *peer) send(s zmq4.Socket, typ string, content any) error {
	m, err := p.codec.New(typ, nil, content)
	if err != nil {
		return err
	}
	return p.sendMessage(s, m)
}

func (p *peer) sendMessage(s zmq4.Socket, m *wire.Message) error {
	frames, err := p.codec.Encode(m)
	if err != nil {
		return err
	}
	if err := s.Send(zmq4.NewMsgFrom(frames...)); err != nil {
		return fmt.Errorf("%s cannot be sent: %w", m.Header.MsgType, err)
	}
	return nil
}

// next returns the next message of a type.
func next(ctx context.Context, from <-chan *wire.Message, typ string) (*wire.Message, error) {
	for {
		select {
		case m, ok := <-from:
			if !ok {
				return nil, fmt.Errorf("no %s: the connection ended (%w)", typ, context.Cause(ctx))
			}
			if m.Header.MsgType == typ {
				return m, nil
			}
		case <-ctx.Done():
			return nil, fmt.Errorf("no %s: %w", typ, context.Cause(ctx))
		}
	}
}

// output is the text of what a request publishes up to its idle.
func output(ctx context.Context, from <-chan *wire.Message, id string) (string, error) {
	var text strings.Builder
	for {
		var m *wire.Message
		select {
		case m = <-from:
		case <-ctx.Done():
		}
		if m == nil {
			return "", fmt.Errorf("the cell does not come to its end: %w", context.Cause(ctx))
		}
		var parent wire.Header
		if json.Unmarshal(m.Parent, &parent) != nil || parent.MsgID != id {
			continue
		}
		var c struct {
			State string `json:"execution_state"`
			Text  string
			Data  map[string]any
		}
		if json.Unmarshal(m.Content, &c) != nil {
			continue
		}
		text.WriteString(c.Text)
		if s, ok := c.Data["text/plain"].(string); ok {
			text.WriteString(s)
		}
		if c.State == "idle" {
			return text.String(), nil
		}
	}
}

// tail keeps the end of what is written to it.
type tail struct {
	mu sync.Mutex
	b  []byte
}

func (t *tail) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.b = append(t.b, p...)
	if len(t.b) > 16<<10 {
		t.b = append([]byte(nil), t.b[len(t.b)-8<<10:]...)
	}
	return len(p), nil
}

// last is the last line that is not blank.
func (t *tail) last() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	b := bytes.TrimSpace(t.b)
	return strings.TrimSpace(string(b[bytes.LastIndexByte(b, '\n')+1:]))
}
