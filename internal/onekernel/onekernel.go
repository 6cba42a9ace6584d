// Package onekernel starts the binary's kernel as Jupyter does and is its one client, for tests and benchmarks that have no
// Python.
package onekernel

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"github.com/go-zeromq/zmq4"
)

// Kernel is a kernel and its client, which is not for many goroutines at once.
type Kernel struct {
	Cmd   *exec.Cmd
	Ports map[string]int // of shell, iopub, stdin, control and hb

	key        string
	shell, sub zmq4.Socket
	replies    chan zmq4.Msg
	published  chan zmq4.Msg
	n          int
	cancel     context.CancelFunc
}

// Command makes a kernel that is not started: its connection file in dir, and the command that reads it.
func Command(ctx context.Context, binary, dir string) (*Kernel, error) {
	k := &Kernel{key: "a key of a test", Ports: map[string]int{}}
	file := map[string]any{"transport": "tcp", "ip": "127.0.0.1", "key": k.key, "signature_scheme": "hmac-sha256"}
	for _, name := range []string{"shell", "iopub", "stdin", "control", "hb"} {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return nil, err
		}
		defer l.Close() // when all have one of their own
		k.Ports[name] = l.Addr().(*net.TCPAddr).Port
		file[name+"_port"] = k.Ports[name]
	}
	b, err := json.Marshal(file)
	if err != nil {
		return nil, err
	}
	path := filepath.Join(dir, "connection.json")
	if err := os.WriteFile(path, b, 0o600); err != nil {
		return nil, err
	}
	k.Cmd = exec.CommandContext(ctx, binary, "kernel", "--connection-file", path)
	k.Cmd.Env = append(os.Environ(), "JPY_PARENT_PID=")
	return k, nil
}

// Address is where a socket of the kernel listens.
func (k *Kernel) Address(socket string) string { return fmt.Sprintf("127.0.0.1:%d", k.Ports[socket]) }

// Start starts the kernel and its client and waits until the client is welcomed.
func (k *Kernel) Start(ctx context.Context) error {
	if err := k.Cmd.Start(); err != nil {
		return err
	}
	ctx, k.cancel = context.WithCancel(ctx)
	options := []zmq4.Option{zmq4.WithDialerMaxRetries(3000), zmq4.WithDialerRetry(20 * time.Millisecond), zmq4.WithID(zmq4.SocketIdentity("client"))}
	k.sub, k.shell = zmq4.NewSub(ctx, options...), zmq4.NewDealer(ctx, options...)
	if err := errors.Join(k.sub.Dial("tcp://"+k.Address("iopub")), k.sub.SetOption(zmq4.OptionSubscribe, ""), k.shell.Dial("tcp://"+k.Address("shell"))); err != nil {
		return err
	}
	k.replies, k.published = pump(k.shell), pump(k.sub)
	select {
	case <-k.published: // the welcome
		return nil
	case <-time.After(time.Minute):
		return errors.New("the kernel does not start")
	}
}

func pump(s zmq4.Socket) chan zmq4.Msg {
	ch := make(chan zmq4.Msg, 1000)
	go func() {
		defer close(ch)
		for {
			m, err := s.Recv()
			if err != nil {
				return
			}
			ch <- m
		}
	}()
	return ch
}

// Close kills the kernel, if it lives, and waits for its end.
func (k *Kernel) Close() {
	if k.cancel != nil {
		k.cancel()
	}
	if k.Cmd.Process != nil {
		k.Cmd.Process.Kill()
		k.Cmd.Wait()
	}
}

// Answer is what has come of a cell.
type Answer struct {
	Status  string        // of the reply
	Error   string        // name and value of the error, "NAME: VALUE"
	Result  string        // as plain text
	Printed string        // on both streams
	Took    time.Duration // until reply and idle were both there
}

// Run runs a cell and waits for its reply and for idle. During, if not nil, is called with all that was printed so far.
func (k *Kernel) Run(ctx context.Context, code string, during func(printed string)) (Answer, error) {
	k.n++
	id := fmt.Sprintf("cell-%d", k.n)
	header := fmt.Sprintf(`{"msg_id":%q,"session":"one","username":"u","date":"2026-01-01T00:00:00Z","msg_type":"execute_request","version":"5.4"}`, id)
	text, err := json.Marshal(code)
	if err != nil {
		return Answer{}, err
	}
	mac := hmac.New(sha256.New, []byte(k.key))
	frames := [][]byte{[]byte("<IDS|MSG>"), nil}
	for _, p := range []string{header, "{}", "{}", fmt.Sprintf(`{"code":%s,"silent":false,"allow_stdin":false}`, text)} {
		mac.Write([]byte(p))
		frames = append(frames, []byte(p))
	}
	frames[1] = []byte(hex.EncodeToString(mac.Sum(nil)))
	begin := time.Now()
	if err := k.shell.Send(zmq4.NewMsgFrom(frames...)); err != nil {
		return Answer{}, err
	}
	var a Answer
	idle := false
	limit := time.After(2 * time.Minute)
	for a.Status == "" || !idle {
		select {
		case m, ok := <-k.replies:
			if !ok {
				return a, errors.New("the shell socket has failed")
			}
			if parent, body := content(m); parent == id {
				a.Status, _ = body["status"].(string)
				if a.Status == "error" {
					a.Error = fmt.Sprintf("%v: %v", body["ename"], body["evalue"])
				}
			}
		case m, ok := <-k.published:
			if !ok {
				return a, errors.New("the iopub socket has failed")
			}
			parent, body := content(m)
			if parent != id {
				continue
			}
			if text, ok := body["text"].(string); ok {
				a.Printed += text
				if during != nil {
					during(a.Printed)
				}
			}
			if data, ok := body["data"].(map[string]any); ok {
				a.Result, _ = data["text/plain"].(string)
			}
			idle = body["execution_state"] == "idle"
		case <-limit:
			return a, errors.New("no answer within two minutes")
		case <-ctx.Done():
			return a, ctx.Err()
		}
	}
	a.Took = time.Since(begin)
	return a, nil
}

// content returns the id of the request that a message belongs to, and its content.
func content(m zmq4.Msg) (parent string, body map[string]any) {
	for i, f := range m.Frames {
		if string(f) == "<IDS|MSG>" && len(m.Frames) >= i+6 {
			var h struct {
				ID string `json:"msg_id"`
			}
			json.Unmarshal(m.Frames[i+3], &h)
			json.Unmarshal(m.Frames[i+5], &body)
			return h.ID, body
		}
	}
	return "", nil
}
