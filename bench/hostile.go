package main

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
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/go-zeromq/zmq4"

	"github.com/godlas/godlas/internal/hostile"
)

const (
	hostileFrames = 100_000
	hostileConns  = 10_000
	hostileOpen   = 1_000
	hostileCells  = 1_000
)

// benchHostile has a client run cells on the real kernel while others send it what no client sends.
func benchHostile(ctx context.Context, r *report) error {
	r.head = []string{"peers", "cells", "right", "median", "p99", "longest", "memory of the kernel's front"}
	dir, err := os.MkdirTemp("", "dlas-bench")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	binary := filepath.Join(dir, "dlas.exe") // the suffix harms nowhere
	build := exec.CommandContext(ctx, "go", "build", "-o", binary, "./cmd/dlas")
	build.Stderr = os.Stderr
	if err := build.Run(); err != nil {
		return fmt.Errorf("go build: %w", err)
	}
	k, err := startHostileKernel(ctx, binary, dir)
	if err != nil {
		return err
	}
	defer k.close()
	if err := k.connect(ctx); err != nil {
		return err
	}
	r.host()
	for i := range 50 { // warm
		if _, err := k.cell(ctx, -i); err != nil {
			return err
		}
	}
	run := func(begin func(i int) bool) (took []time.Duration, right int, err error) {
		for i := 0; begin(i); i++ {
			d, err := k.cell(ctx, i)
			if errors.Is(err, errWrong) {
				fmt.Fprintln(os.Stderr, err)
			} else if err != nil {
				return took, right, fmt.Errorf("cell %d: %w", i, err)
			} else {
				right++
			}
			took = append(took, d)
		}
		return took, right, nil
	}
	add := func(name string, took []time.Duration, right int, memory string) (p99, longest time.Duration) {
		s := slices.Sorted(slices.Values(took))
		p99, longest = s[len(s)*99/100], s[len(s)-1]
		ms := func(d time.Duration) string { return fmt.Sprintf("%.1f ms", float64(d.Microseconds())/1000) }
		r.add(name, fmt.Sprint(len(took)), fmt.Sprint(right), ms(s[len(s)/2]), ms(p99), ms(longest), memory)
		return p99, longest
	}
	took, right, err := run(func(i int) bool { return i < hostileCells })
	if err != nil {
		return err
	}
	before := k.memory()
	quiet, _ := add("none", took, right, fmt.Sprintf("%.1f MB", before))
	wrong := len(took) - right

	var progress atomic.Uint64 // of the peers, in millionths
	var most float64
	finished := make(chan struct{})
	var attack sync.WaitGroup
	var sent hostile.Report
	var attackErr error
	attack.Go(func() {
		defer close(finished)
		sent, attackErr = hostile.Run(ctx, k.targets(), hostile.Options{
			Frames: hostileFrames, Conns: hostileConns, Open: hostileOpen, Seed: 1,
			Progress: func(done float64) {
				for p, old := uint64(1e6*done), progress.Load(); p > old && !progress.CompareAndSwap(old, p); old = progress.Load() {
				}
			},
		})
	})
	began := time.Now()
	// The cells are spread over the time of the attack: none begins before its share of it is over.
	took, right, err = run(func(i int) bool {
		if i >= hostileCells {
			return false
		}
		for progress.Load() < uint64(i)*1e6/hostileCells {
			select {
			case <-finished:
				return true
			case <-time.After(time.Millisecond):
			}
		}
		most = max(most, k.memory())
		return true
	})
	if err != nil {
		return err
	}
	attack.Wait()
	if attackErr != nil {
		return attackErr
	}
	length := time.Since(began)
	most = max(most, k.memory())
	if _, err := k.cell(ctx, 1); err != nil {
		return err
	}
	p99, longest := add("hostile", took, right, fmt.Sprintf("%.1f MB at most", most))
	wrong += len(took) - right
	took, right, err = run(func(i int) bool { return i < hostileCells/2 })
	if err != nil {
		return err
	}
	after := k.memory()
	add("none, after them", took, right, fmt.Sprintf("%.1f MB", after))
	wrong += len(took) - right

	var late []string
	if wrong > 0 {
		late = append(late, fmt.Sprintf("%d answers are wrong", wrong))
	}
	if p99 > 10*quiet {
		late = append(late, fmt.Sprintf("p99 is %.1f times that of quiet", float64(p99)/float64(quiet)))
	}
	if longest > time.Second {
		late = append(late, fmt.Sprintf("a cell took %v", longest))
	}
	if sent.Frames < hostileFrames || sent.Conns < hostileConns {
		late = append(late, "not all was sent")
	}
	if most > before+64 || after > before+16 {
		late = append(late, fmt.Sprintf("memory of %.0f MB became %.0f, and %.0f after", before, most, after))
	}
	r.verdict = append(late,
		fmt.Sprintf("In %.0f s: %d mutated frames on %d connections, %d connections half open, slow or garbage, at most %d open at once, %d not accepted.",
			length.Seconds(), sent.Frames, sent.Others, sent.Conns, sent.MostOpen, sent.Refused),
		fmt.Sprintf("p99 is %.1f times that of quiet. %d limits are exceeded.", float64(p99)/float64(quiet), len(late)))
	if late != nil {
		return errors.New(late[0])
	}
	return nil
}

// hostileKernel is a kernel and its one client.
type hostileKernel struct {
	cmd        *exec.Cmd
	key        string
	ports      map[string]int
	shell, sub zmq4.Socket
	replies    chan zmq4.Msg
	published  chan zmq4.Msg
	n          int
	cancel     context.CancelFunc
}

func startHostileKernel(ctx context.Context, binary, dir string) (*hostileKernel, error) {
	k := &hostileKernel{key: "a key of the benchmark", ports: map[string]int{}}
	file := map[string]any{"transport": "tcp", "ip": "127.0.0.1", "key": k.key, "signature_scheme": "hmac-sha256"}
	for _, name := range []string{"shell", "iopub", "stdin", "control", "hb"} {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return nil, err
		}
		defer l.Close() // after all have one of their own
		k.ports[name] = l.Addr().(*net.TCPAddr).Port
		file[name+"_port"] = k.ports[name]
	}
	b, err := json.Marshal(file)
	if err != nil {
		return nil, err
	}
	path := filepath.Join(dir, "connection.json")
	if err := os.WriteFile(path, b, 0o600); err != nil {
		return nil, err
	}
	k.cmd = exec.CommandContext(ctx, binary, "kernel", "--connection-file", path)
	k.cmd.Env = append(os.Environ(), "DLAS_CACHE="+dir, "JPY_PARENT_PID=")
	log, err := os.Create(filepath.Join(dir, "log"))
	if err != nil {
		return nil, err
	}
	defer log.Close()
	k.cmd.Stderr = log
	return k, nil
}

func (k *hostileKernel) address(name string) string {
	return fmt.Sprintf("127.0.0.1:%d", k.ports[name])
}

func (k *hostileKernel) targets() (ts []hostile.Target) {
	for name, peer := range map[string]string{"shell": "DEALER", "control": "DEALER", "stdin": "DEALER", "iopub": "SUB", "hb": "REQ"} {
		ts = append(ts, hostile.Target{Address: k.address(name), Peer: peer})
	}
	slices.SortFunc(ts, func(a, b hostile.Target) int { return strings.Compare(a.Address, b.Address) })
	return ts
}

// connect starts the kernel and its client.
func (k *hostileKernel) connect(ctx context.Context) error {
	if err := k.cmd.Start(); err != nil {
		return err
	}
	ctx, k.cancel = context.WithCancel(ctx)
	options := []zmq4.Option{zmq4.WithDialerMaxRetries(500), zmq4.WithDialerRetry(20 * time.Millisecond), zmq4.WithID(zmq4.SocketIdentity("client"))}
	k.sub, k.shell = zmq4.NewSub(ctx, options...), zmq4.NewDealer(ctx, options...)
	if err := errors.Join(k.sub.Dial("tcp://"+k.address("iopub")), k.sub.SetOption(zmq4.OptionSubscribe, ""), k.shell.Dial("tcp://"+k.address("shell"))); err != nil {
		return err
	}
	pump := func(s zmq4.Socket) chan zmq4.Msg {
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
	k.replies, k.published = pump(k.shell), pump(k.sub)
	select {
	case <-k.published: // the welcome
		return nil
	case <-time.After(30 * time.Second):
		return errors.New("the kernel does not start")
	}
}

func (k *hostileKernel) close() {
	if k.cancel != nil {
		k.cancel()
	}
	if k.cmd.Process != nil {
		k.cmd.Process.Signal(os.Interrupt)
		k.cmd.Process.Kill()
		k.cmd.Wait()
	}
}

var errWrong = errors.New("a wrong answer")

// cell runs a cell and checks its reply, its result and what it prints; it returns the time until both the reply and
// idle are there.
func (k *hostileKernel) cell(ctx context.Context, i int) (time.Duration, error) {
	k.n++
	id := fmt.Sprintf("cell-%d", k.n)
	header := fmt.Sprintf(`{"msg_id":%q,"session":"bench","username":"u","date":"2026-01-01T00:00:00Z","msg_type":"execute_request","version":"5.4"}`, id)
	code, _ := json.Marshal(fmt.Sprintf("println(%d)\n%d * 7", i, i))
	parts := []string{header, "{}", "{}", fmt.Sprintf(`{"code":%s,"silent":false,"store_history":false,"allow_stdin":false}`, code)}
	mac := hmac.New(sha256.New, []byte(k.key))
	frames := [][]byte{[]byte("<IDS|MSG>"), nil}
	for _, p := range parts {
		mac.Write([]byte(p))
		frames = append(frames, []byte(p))
	}
	frames[1] = []byte(hex.EncodeToString(mac.Sum(nil)))
	begin := time.Now()
	if err := k.shell.Send(zmq4.NewMsgFrom(frames...)); err != nil {
		return 0, err
	}
	printed, result, status, idle := "", "", "", false
	limit := time.After(60 * time.Second)
	for status == "" || !idle {
		select {
		case m, ok := <-k.replies:
			if !ok {
				return 0, errors.New("the shell socket has failed")
			}
			h, body := content(m)
			if h == id {
				status, _ = body["status"].(string)
			}
		case m, ok := <-k.published:
			if !ok {
				return 0, errors.New("the iopub socket has failed")
			}
			h, body := content(m)
			if h != id {
				continue
			}
			if text, ok := body["text"].(string); ok {
				printed += text
			}
			if data, ok := body["data"].(map[string]any); ok {
				result, _ = data["text/plain"].(string)
			}
			idle = body["execution_state"] == "idle"
		case <-limit:
			return 0, errors.New("no answer within a minute")
		case <-ctx.Done():
			return 0, ctx.Err()
		}
	}
	took := time.Since(begin)
	if status != "ok" || result != fmt.Sprint(i*7) || printed != fmt.Sprintln(i) {
		return took, fmt.Errorf("%w: %s %q %q", errWrong, status, result, printed)
	}
	return took, nil
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

// memory is the resident set of the kernel's front in MB; 0 where the system does not say.
func (k *hostileKernel) memory() float64 {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", k.cmd.Process.Pid))
	if err != nil {
		return 0
	}
	_, after, _ := strings.Cut(string(b), "VmRSS:")
	var kb float64
	fmt.Sscan(after, &kb)
	return kb / 1024
}
