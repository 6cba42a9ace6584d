//go:build unix

package kernel

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/godlas/godlas/internal/awake"
	"github.com/godlas/godlas/kernel/internal/wire"
)

// aKernel is a whole kernel in a process of its own, with a fake session.
type aKernel struct {
	*exec.Cmd
	conn connection
	temp string // its TMPDIR
}

func startProcess(t *testing.T) *aKernel {
	t.Helper()
	conn, path := connectionFile(t, nil)
	k := &aKernel{Cmd: exec.Command(os.Args[0]), conn: conn, temp: t.TempDir()}
	k.Env = append(os.Environ(), fakeEnv+"=kernel", "GODLAS_FAKE_CONNECTION="+path, "GODLAS_FAKE_HISTORY="+filepath.Join(t.TempDir(), "h"), "TMPDIR="+k.temp)
	k.Stderr = os.Stderr
	if err := k.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { k.Process.Kill() })
	return k
}

// pids runs a cell that says process ids, and returns them.
func pids(t *testing.T, c *client, code string) (ids []int) {
	t.Helper()
	id := c.send(c.shell, "execute_request", obj{"code": code})
	text := ""
	for {
		m := c.next(c.fromIOPub)
		if m.Header.MsgType != "stream" || parentID(m) != id {
			continue
		}
		text += body(m)["text"].(string)
		if strings.HasSuffix(text, "end\n") {
			break
		}
	}
	for _, word := range strings.Fields(strings.TrimSuffix(text, "end\n")) {
		n, err := strconv.Atoi(word)
		if err != nil {
			t.Fatalf("%q", text)
		}
		ids = append(ids, n)
	}
	return ids
}

func wantGone(t *testing.T, what string, pid int) {
	t.Helper()
	if !awake.Until(patience, func() bool { return !running(pid) }) {
		syscall.Kill(pid, syscall.SIGKILL)
		t.Fatalf("%s is left", what)
	}
}

// running reports whether a process has not ended; a zombie has.
func running(pid int) bool {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return alive(pid) && runtime.GOOS != "linux"
	}
	_, after, _ := strings.Cut(string(b), ") ")
	return !strings.HasPrefix(after, "Z")
}

func wantNoFiles(t *testing.T, dir string) {
	t.Helper()
	if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
		t.Errorf("left in the folder for temporary files: %v %v", left, err)
	}
}

// TestKilledSession: the kernel says what has happened and goes on, and nothing that the cell has started is left: not
// its child, nor the child of that, which has no parent then.
func TestKilledSession(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("only Linux lets the kernel adopt what a killed session leaves")
	}
	k := startProcess(t)
	c := connect(t, k.conn, "c")
	for range 2 {
		ids := pids(t, c, "family\nstubborn") // of the session, its child, its grandchild, and one that has left with setsid
		if len(ids) != 4 {
			t.Fatal(ids)
		}
		t.Cleanup(func() { syscall.Kill(ids[3], syscall.SIGKILL) })
		syscall.Kill(ids[0], syscall.SIGKILL)
		m := c.next(c.fromShell)
		if b := body(m); b["ename"] != "SessionEnded" || !strings.Contains(fmt.Sprint(b["evalue"]), "killed") {
			t.Errorf("%s", m.Content)
		}
		for i, what := range []string{"the session", "its child", "its grandchild"} {
			wantGone(t, what, ids[i])
		}
		if !running(ids[3]) {
			t.Error("what has made itself independent was killed")
		}
		if r, _ := c.run("print on"); r["status"] != "ok" {
			t.Errorf("%v", r)
		}
	}
	wantNoFiles(t, k.temp)
}

// TestKilledFront: its session sees the end of its pipe and ends, and so does what the session has started.
func TestKilledFront(t *testing.T) {
	k := startProcess(t)
	c := connect(t, k.conn, "c")
	ids := pids(t, c, "family\nstubborn")
	if len(ids) != 4 {
		t.Fatal(ids)
	}
	t.Cleanup(func() { syscall.Kill(ids[3], syscall.SIGKILL) })
	k.Process.Kill()
	k.Wait()
	wantGone(t, "the session", ids[0])
	for _, id := range ids[1:3] { // that it ends what it has started is the real session's to do, and tested there
		syscall.Kill(id, syscall.SIGKILL)
	}
	wantNoFiles(t, k.temp)
}

func TestShutdownLeavesNothing(t *testing.T) {
	k := startProcess(t)
	c := connect(t, k.conn, "c")
	ids := pids(t, c, "family")
	t.Cleanup(func() { syscall.Kill(ids[3], syscall.SIGKILL) })
	c.send(c.control, "shutdown_request", obj{"restart": false})
	if err := k.Wait(); err != nil {
		t.Error(err)
	}
	for i, what := range []string{"the session", "its child", "its grandchild"} {
		if i == 0 || runtime.GOOS == "linux" {
			wantGone(t, what, ids[i])
		}
	}
	wantNoFiles(t, k.temp)
}

// startFamily starts a child that has a child, and one that has left the terminal's session, and returns their process ids.
func startFamily() string {
	cmd := exec.Command("/bin/sh", "-c", `sleep 600 & echo $! $$; wait`)
	out, _ := cmd.StdoutPipe()
	cmd.Start()
	var child, grandchild int
	fmt.Fscan(out, &grandchild, &child)
	free := exec.Command("sleep", "600")
	free.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	free.Start()
	return fmt.Sprintf("%d %d %d %d end", os.Getpid(), child, grandchild, free.Process.Pid)
}

// The history is a convenience: where it cannot be kept, cells run and the log says so.
func TestHistoryThatCannotBeKept(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "file")
	os.WriteFile(file, []byte("x"), 0o600)
	pipe := filepath.Join(dir, "pipe")
	if exec.Command("mkfifo", pipe).Run() != nil {
		pipe = ""
	}
	for name, path := range map[string]string{
		"a home that is a file":            filepath.Join(file, ".cache", "godlas", "history.jsonl"),
		"a folder that cannot be made":     "/proc/none/history.jsonl",
		"a device that is full":            "/dev/full",
		"a pipe, whose opening would wait": pipe,
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := os.Stat("/dev/full"); path == "/dev/full" && err != nil || path == "" {
				t.Skip("not on this system")
			}
			k := startKernel(t, func(_ *connection, o *Options) { o.History = path })
			c := k.connect(t)
			_, out := c.run("print on")
			wantOutput(t, out, `input stdout:"on\n"`)
			if !strings.Contains(k.log.String(), "the history is not kept") {
				t.Error("the log does not say so")
			}
			id := c.send(c.shell, "history_request", obj{"hist_access_type": "tail", "n": 5})
			if r := c.reply(id); r["status"] != "ok" {
				t.Errorf("%v", r)
			}
		})
	}
}

func TestPortThatIsTaken(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	port := l.Addr().(*net.TCPAddr).Port
	_, path := connectionFile(t, func(c *connection) { c.ControlPort = port })
	err = Run(context.Background(), Options{ConnectionFile: path, Argv: []string{"x"}, History: filepath.Join(t.TempDir(), "h")})
	if err == nil || !strings.Contains(err.Error(), "control socket") || !strings.Contains(err.Error(), strconv.Itoa(port)) || strings.Contains(err.Error(), "\n") {
		t.Errorf("%v", err)
	}
}

// Dates are the clock's, whatever it does; everything that waits goes on as if it had not jumped.
func TestClockJumps(t *testing.T) {
	var ahead atomic.Int64
	k := startKernel(t, func(_ *connection, o *Options) {
		o.Grace = 100 * time.Millisecond
		o.Now = func() time.Time { return time.Now().Add(time.Duration(ahead.Load())) }
	})
	c := k.connect(t)
	for _, jump := range []time.Duration{0, 240 * time.Hour, -240 * time.Hour, 50 * 365 * 24 * time.Hour} {
		ahead.Store(int64(jump))
		id := c.send(c.shell, "execute_request", obj{"code": "flood 100"})
		m := c.next(c.fromShell)
		date, err := time.Parse(wire.DateFormat, m.Header.Date)
		if d := time.Until(date.Add(-jump)); err != nil || d < -patience || d > patience {
			t.Errorf("after a jump of %v the date is %s", jump, m.Header.Date)
		}
		if out := c.iopub(id); !strings.Contains(summary(out), "line 99") {
			t.Errorf("after a jump of %v: %s", jump, summary(out))
		}
		id = c.begin("loop")
		ahead.Store(-int64(jump))
		c.send(c.control, "interrupt_request", nil)
		c.next(c.fromControl)
		if r := c.reply(id); r["ename"] != "Interrupted" {
			t.Errorf("%v", r)
		}
	}
}

// A client that goes in the middle of a cell's output leaves the cell and the other clients as they are.
func TestClientGoesInMidStream(t *testing.T) {
	k := startKernel(t, nil)
	stays := k.connect(t)
	conn, err := net.Dial("tcp", k.conn.address(k.conn.ShellPort))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	t.Run("client", func(t *testing.T) { // its sockets are closed with it
		goes := connect(t, k.conn, "goes")
		goes.begin("set x=1\nflood 20000\nresult whole")
	})
	// It sees all of what the other's cell has shown.
	seen := ""
	for {
		m := stays.next(stays.fromIOPub)
		if m.Header.MsgType == "execute_result" {
			break
		}
		if m.Header.MsgType == "stream" {
			seen += body(m)["text"].(string)
		}
	}
	if n := strings.Count(seen, "\n"); n != 20000 || !strings.HasSuffix(seen, "line 19999\n") {
		t.Errorf("%d of 20000 lines", n)
	}
	if _, out := stays.run("get x"); summary(out) != "input execute_result:1" {
		t.Errorf("%s", summary(out))
	}
}

// TestLogStaysShort: a peer that sends what cannot be trusted for ever is cut, and does not fill the log.
func TestLogStaysShort(t *testing.T) {
	k := startKernel(t, nil)
	c := k.connect(t)
	for range 3 {
		conn, err := net.Dial("tcp", k.conn.address(k.conn.ShellPort))
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		greeting := make([]byte, 64)
		greeting[0], greeting[9], greeting[10] = 0xff, 0x7f, 3
		copy(greeting[12:], "NULL")
		conn.Write(append(greeting, "\x04\x1c\x05READY\x0bSocket-Type\x00\x00\x00\x06DEALER"...))
		cut := make(chan struct{})
		go func() { io.Copy(io.Discard, conn); close(cut) }()
		w := bufio.NewWriter(conn)
		for err == nil { // until it is cut
			_, err = w.WriteString("\x01\x09<IDS|MSG>\x01\x04beef\x01\x02{}\x01\x02{}\x01\x02{}\x00\x02{}")
		}
		<-cut
	}
	var log strings.Builder
	h := slog.New(newSparse(slog.NewTextHandler(&log, nil)))
	for range 10 * sparseLines {
		h.Warn("often", "err", errors.New("x"))
	}
	h.Warn("once")
	if n := strings.Count(log.String(), "often"); n != sparseLines || !strings.Contains(log.String(), "once") {
		t.Errorf("%d lines", n)
	}
	if _, out := c.run("print on"); summary(out) != `input stdout:"on\n"` {
		t.Error(summary(out))
	}
	if n := strings.Count(k.log.String(), "message ignored"); n == 0 || n > sparseLines {
		t.Errorf("%d lines", n)
	}
}
