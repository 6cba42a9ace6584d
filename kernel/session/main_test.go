//go:build unix

package session

import (
	"bytes"
	"encoding/json"
	"io"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/godlas/godlas/internal/awake"
	"github.com/godlas/godlas/internal/need"
	"github.com/godlas/godlas/kernel"
	"github.com/godlas/godlas/kernel/internal/pipe"
	"github.com/godlas/godlas/kernel/interp"
)

const asSession = "DLAS_TEST_SESSION"

// TestMain makes the test's own binary a session process.
func TestMain(m *testing.M) {
	if how := os.Getenv(asSession); how != "" {
		limit, _ := strconv.ParseInt(how, 10, 64)
		if err := Main(Options{Memory: limit, Libraries: []interp.Library{interp.Std()}}); err != nil {
			os.Stderr.WriteString(err.Error() + "\n")
			os.Exit(2)
		}
		return
	}
	os.Exit(m.Run())
}

// child is a session in a process of its own, with what it writes to its file descriptors 1 and 2.
type child struct {
	kernel.Session
	t        *testing.T
	mu       sync.Mutex
	out, err bytes.Buffer
	id       uint64
	pid      int
}

func startChild(t *testing.T) *child {
	t.Helper()
	return startChildAs(t, "yes")
}

func startChildAs(t *testing.T, how string) *child {
	t.Helper()
	c := startDeaf(t, how)
	gather := func(b *bytes.Buffer) func([]byte) {
		return func(text []byte) {
			c.mu.Lock()
			defer c.mu.Unlock()
			b.Write(text)
		}
	}
	pipe.NewNative(c.Stdout(), false, func() bool { return true }, gather(&c.out))
	pipe.NewNative(c.Stderr(), false, func() bool { return true }, gather(&c.err))
	return c
}

// startDeaf leaves what the session writes to its file descriptors unread.
func startDeaf(t *testing.T, how string) *child {
	t.Helper()
	t.Setenv(asSession, how)
	s, err := kernel.StartProcess([]string{os.Args[0]})
	if err != nil {
		t.Fatal(err)
	}
	c := &child{Session: s, t: t}
	late := time.AfterFunc(3*deadline, s.Kill)
	t.Cleanup(func() {
		s.Close()
		s.Wait()
		late.Stop()
	})
	f, err := s.Receive()
	if err != nil || f.Kind != pipe.KindReady || body[pipe.Ready](t, f).PID == os.Getpid() {
		t.Fatalf("%v, %v", f, err)
	}
	c.pid = body[pipe.Ready](t, f).PID
	return c
}

// run runs a cell; it is false if the process ends before the cell does.
func (c *child) run(code string) (out []string, done pipe.Done, ok bool) {
	c.t.Helper()
	c.id++
	b := pipe.Frame{Kind: pipe.KindExecute, ID: c.id, Body: mustJSON(c.t, pipe.Execute{Code: code, Count: int(c.id)})}
	if err := c.Send(b); err != nil {
		return nil, done, false
	}
	for {
		f, err := c.Receive()
		if err != nil {
			return out, done, false
		}
		if f.ID == c.id {
			return out, body[pipe.Done](c.t, f), true
		}
		out = append(out, brief(c.t, f))
	}
}

func TestProcess(t *testing.T) {
	c := startChild(t)
	out, done, ok := c.run("import \"os\"\nos.Getpid() != 0")
	if !ok || len(out) != 1 || out[0] != "result: true" {
		t.Fatalf("%q, %v", out, ok)
	}
	if done.Marker != "" {
		t.Error("a session that reads its own output writes a marker")
	}
	out, _, ok = c.run("import \"fmt\"\nfmt.Print(\"last words\")\nos.Exit(7)")
	if ok || len(out) != 1 || out[0] != "stdout: last words" || c.Wait().Code != 7 {
		t.Errorf("%q, %v, %+v", out, ok, c.Wait())
	}
}

// TestNativeOrder: what is written to the file descriptors stands where it was written, between what is printed and shown.
func TestNativeOrder(t *testing.T) {
	c := startDeaf(t, "yes") // a front that listens takes what a slow session has left lying
	if _, done, _ := c.run("files := []*os.File{1: os.NewFile(1, \"1\"), 2: os.NewFile(2, \"2\")}\nfunc native(fd int, s string) { files[fd].WriteString(s) }"); done.Err != nil {
		t.Fatal(done.Err)
	}
	for i := range 20 {
		out, _, _ := c.run(`fmt.Print("a")
native(1, "b")
fmt.Print("c")
native(2, "d")
fmt.Fprint(os.Stderr, "e")
native(1, "f")
%lsmagic
native(1, "\xc3")
native(1, "\xa9")
fmt.Print("世"[:1])
fmt.Print("世"[1:])
native(2, "g")`)
		got, stream := "", ""
		for _, frame := range out { // how many frames it comes in depends on time
			name, text, _ := strings.Cut(frame, ": ")
			if name != stream {
				got += name + ": "
			}
			got, stream = got+text, name
		}
		if !strings.HasPrefix(got, "stdout: abcstderr: destdout: f%args") || !strings.HasSuffix(got, "\né世stderr: g") {
			t.Fatalf("run %d: %q", i, out)
		}
	}
	c.Close()
	c.Wait()
	for _, r := range []io.Reader{c.Stdout(), c.Stderr()} {
		if left, err := io.ReadAll(r); len(left) > 0 || err != nil {
			t.Errorf("left to the front: %q, %v", left, err)
		}
	}
}

func TestProcessIgnoresSIGINT(t *testing.T) {
	c := startChild(t)
	_, _, ok := c.run("x := 1\n!kill -INT $PPID; sleep 0.05")
	if !ok {
		t.Fatal("an interrupt of the terminal ends the session")
	}
	// and what a cell starts does not inherit that
	if out, _, _ := c.run("!sh -c 'kill -INT $$; echo alive'"); len(out) != 1 || strings.Contains(out[0], "alive") {
		t.Errorf("a command ignores SIGINT: %q", out)
	}
}

func TestCommandsInheritNoPipe(t *testing.T) {
	if _, err := os.Stat("/proc/self/fd"); err != nil {
		t.Skip("no /proc here to list file descriptors")
	}
	c := startChild(t)
	out, _, _ := c.run("!readlink /proc/self/fd/3 /proc/self/fd/4; echo end")
	if len(out) != 1 || strings.Contains(out[0], "pipe") || !strings.HasSuffix(out[0], "end\n") {
		t.Errorf("a command has %q", out)
	}
}

func TestProcessEndsWithItsCommands(t *testing.T) {
	need.Program(t, "sh", "sh")
	c := startChild(t)
	out, _, _ := c.run("!sleep 1000 >/dev/null 2>&1 & echo $!")
	if len(out) != 1 {
		t.Fatalf("%q", out)
	}
	c.Close()
	if e := c.Wait(); e.Code != 0 {
		t.Errorf("it ends with %+v", e)
	}
	pid := strings.TrimSpace(strings.TrimPrefix(out[0], "stdout: "))
	if !awake.Until(deadline, func() bool { // a dead process that nobody has waited for has no command line any more
		b, err := os.ReadFile("/proc/" + pid + "/cmdline")
		return err != nil || len(b) == 0
	}) {
		t.Fatalf("process %s outlives its session", pid)
	}
}

func TestStartedByHand(t *testing.T) {
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), asSession+"=yes")
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	b, err := cmd.CombinedOutput()
	if err == nil || string(b) != errNotStarted.Error()+"\n" {
		t.Errorf("%v: %s", err, b)
	}
}

func mustJSON(t *testing.T, v any) []byte {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// TestProcessDies: what the run time does not survive ends the process, with its own words.
func TestProcessDies(t *testing.T) {
	for code, want := range map[string]string{
		"m := map[int]int{}\nfor range 4 { go func() { for { m[1]++ } }() }\nselect {}": "fatal error: concurrent map",
		"runtime.Breakpoint()": "SIGTRAP",
	} {
		c := startChild(t)
		if out, done, ok := c.run(code); ok {
			t.Errorf("%s ends with %q, %+v", code, out, done)
			continue
		}
		var said string
		if !awake.Until(deadline, func() bool {
			c.mu.Lock()
			defer c.mu.Unlock()
			said = c.err.String()
			return strings.Contains(said, want)
		}) {
			t.Fatalf("%s: without %q: %.300s", code, want, said)
		}
	}
}
