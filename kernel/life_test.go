package kernel

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/godlas/godlas/internal/awake"
)

func TestControlDoesNotWaitForShell(t *testing.T) {
	k := startKernel(t, nil)
	c := k.connect(t)
	id := c.begin("loop")
	c.send(c.control, "kernel_info_request", nil)
	if m := c.next(c.fromControl); m.Header.MsgType != "kernel_info_reply" {
		t.Fatalf("%s", m.Header.MsgType)
	}
	c.send(c.control, "interrupt_request", nil)
	c.next(c.fromControl)
	if r := c.reply(id); r["ename"] != "Interrupted" {
		t.Errorf("%v", r)
	}
}

func TestInterruptKeepsState(t *testing.T) {
	k := startKernel(t, nil)
	c := k.connect(t)
	c.run("set x=41")
	first := c.begin("loop")
	second := c.send(c.shell, "execute_request", obj{"code": "print not run"})
	time.Sleep(50 * time.Millisecond) // the other channel may be quicker
	c.send(c.control, "interrupt_request", nil)
	if r := c.reply(first); r["ename"] != "Interrupted" || r["status"] != "error" {
		t.Errorf("%v", r)
	}
	if r, _ := c.finish(second); r["status"] != "aborted" {
		t.Errorf("the cell after it: %v", r)
	}
	_, out := c.run("get x")
	wantOutput(t, out, "input execute_result:41")
}

func TestInterruptOfACellThatDoesNotStop(t *testing.T) {
	k := startKernel(t, func(_ *connection, o *Options) { o.Grace = 100 * time.Millisecond })
	c := k.connect(t)
	c.run("set x=41")
	id := c.begin("stubborn")
	c.send(c.control, "interrupt_request", nil)
	for {
		m := c.next(c.fromIOPub)
		if m.Header.MsgType == "stream" {
			if b := body(m); parentID(m) != id || b["name"] != "stderr" || !strings.Contains(b["text"].(string), "Interrupt again") {
				t.Errorf("%s", m.Content)
			}
			break
		}
	}
	c.send(c.control, "interrupt_request", nil)
	m := c.next(c.fromShell)
	if b := body(m); b["ename"] != "Interrupted" || !strings.Contains(b["evalue"].(string), "gone") {
		t.Errorf("%s", m.Content)
	}
	if r, _ := c.run("get x"); r["ename"] != "Undefined" {
		t.Errorf("%v", r)
	}
}

// TestInterruptOfWhatACellHasLeft: a session with calls that cannot be stopped ends with a second interrupt, soon after the
// first but not at once, and only then.
func TestInterruptOfWhatACellHasLeft(t *testing.T) {
	k := startKernel(t, nil)
	c := k.connect(t)
	interrupt := func() { c.send(c.control, "interrupt_request", nil); c.next(c.fromControl) }
	c.run("set x=41")
	for _, left := range []string{"0", "1"} {
		id := c.begin("leaves " + left)
		interrupt()
		if r := c.reply(id); r["ename"] != "Interrupted" {
			t.Fatalf("%v", r)
		}
		interrupt() // hit twice
		if left == "0" {
			time.Sleep(doubleHit + 100*time.Millisecond)
			interrupt()
		}
		if r, _ := c.run("get x"); r["status"] != "ok" {
			t.Fatalf("with %s calls left: %v", left, r)
		}
	}
	id := c.begin("leaves 1")
	interrupt()
	c.reply(id)
	time.Sleep(doubleHit + 100*time.Millisecond)
	interrupt()
	for said := false; !said; {
		m := c.next(c.fromIOPub)
		if m.Header.MsgType == "stream" {
			text := body(m)["text"].(string)
			said = parentID(m) == id && strings.Contains(text, "second interrupt") && strings.Contains(text, "gone")
		}
	}
	if r, _ := c.run("get x"); r["ename"] != "Undefined" {
		t.Errorf("%v", r)
	}
}

func TestSessionThatDies(t *testing.T) {
	k := startKernel(t, nil)
	c := k.connect(t)
	for _, tc := range []struct{ code, says, trace string }{
		{"print before\nexit 3", "os.Exit(3)", ""},
		{"exit 0", "os.Exit(0)", ""},
		{"overflow", "stack overflow", "goroutine stack exceeds"},
		{"gopanic it broke", `panic: it broke`, ""},
		{"kill", "killed", ""},
		{"kill", "peak memory", ""},
		{"garbage", "could not read", ""},
	} {
		c.run("set x=1")
		reply, out := c.run(tc.code)
		ev := fmt.Sprint(reply["evalue"])
		if reply["status"] != "error" || reply["ename"] != "SessionEnded" || !strings.Contains(ev, tc.says) || !strings.Contains(ev, "gone") {
			t.Errorf("%s: %v", tc.code, reply)
		}
		tb := fmt.Sprint(reply["traceback"])
		if !strings.Contains(tb, tc.trace) || strings.Contains(tb, ".go:") || len(reply["traceback"].([]any)) > 10 {
			t.Errorf("%s: traceback %s", tc.code, tb)
		}
		want := "input error:SessionEnded"
		if strings.HasPrefix(tc.code, "print") {
			want = `input stdout:"before\n" error:SessionEnded`
		}
		wantOutput(t, out, want)
		reply, out = c.run("get x")
		if reply["ename"] != "Undefined" {
			t.Errorf("after %s: %v %s", tc.code, reply, summary(out))
		}
	}
}

func TestSessionThatDiesBetweenCells(t *testing.T) {
	k := startKernel(t, nil)
	c := k.connect(t)
	c.run("open")
	id := c.send(c.shell, "execute_request", obj{"code": "later 7"})
	c.finish(id)
	text, closed := "", false
	for text == "" || !closed {
		switch m := c.next(c.fromIOPub); m.Header.MsgType {
		case "stream":
			text += body(m)["text"].(string)
			if parentID(m) != id {
				t.Errorf("it belongs to %s", parentID(m))
			}
		case "comm_close":
			closed = true
		}
	}
	if !strings.Contains(text, "exit code 7") || !strings.Contains(text, "gone") {
		t.Errorf("%q", text)
	}
	_, out := c.run("print on")
	wantOutput(t, out, `input stdout:"on\n"`)
}

func TestSessionThatDoesNotStart(t *testing.T) {
	for name, change := range map[string]func(*Options){
		"no such file": func(o *Options) { o.Argv = []string{filepath.Join(t.TempDir(), "nothing")} },
		"dies at once": func(*Options) { os.Setenv(fakeEnv, "broken") }, // startKernel restores it
	} {
		t.Run(name, func(t *testing.T) {
			k := startKernel(t, func(_ *connection, o *Options) { change(o) })
			c := k.connect(t)
			var reply obj
			for range 5 {
				reply, _ = c.run("print x")
				if reply["status"] != "error" {
					t.Fatalf("%v", reply)
				}
			}
			if !strings.Contains(fmt.Sprint(reply["evalue"]), "session") {
				t.Errorf("%v", reply)
			}
			c.iopub(c.send(c.shell, "kernel_info_request", nil))
		})
	}
}

func TestShutdown(t *testing.T) {
	for _, restart := range []bool{false, true} {
		k := startKernel(t, nil)
		c := k.connect(t)
		c.begin("stubborn")
		id := c.send(c.control, "shutdown_request", obj{"restart": restart})
		m := c.next(c.fromControl)
		if m.Header.MsgType != "shutdown_reply" || body(m)["restart"] != restart || body(m)["status"] != "ok" {
			t.Errorf("%s %s", m.Header.MsgType, m.Content)
		}
		if out := summary(c.iopub(id)); out != "shutdown_reply" {
			t.Errorf("iopub: %s", out)
		}
		select {
		case err := <-k.done:
			k.done <- err
			if err != nil {
				t.Error(err)
			}
		case <-awake.After(patience):
			t.Fatal("it does not end")
		}
	}
}

// A kernel whose launcher is gone ends, and its session with it.
func TestOrphan(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("needs Unix processes")
	}
	conn, path := connectionFile(t, nil)
	// The launcher is a shell that starts the kernel, tells its process id and waits to be killed.
	launcher := exec.Command("/bin/sh", "-c", `JPY_PARENT_PID=$$ "$0" & echo $!; wait`, os.Args[0])
	launcher.Env = append(os.Environ(), fakeEnv+"=kernel", "GODLAS_FAKE_CONNECTION="+path, "GODLAS_FAKE_HISTORY="+filepath.Join(t.TempDir(), "h"))
	stdout, err := launcher.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := launcher.Start(); err != nil {
		t.Fatal(err)
	}
	var pid int
	fmt.Fscan(stdout, &pid)
	c := connect(t, conn, "c")
	r, _ := c.run("print hi")
	if r["status"] != "ok" {
		t.Fatal(r)
	}
	launcher.Process.Kill()
	launcher.Wait()
	if !awake.Until(patience, func() bool {
		l, err := net.Listen("tcp", conn.address(conn.ShellPort)) // free again: the kernel has ended
		if err == nil {
			l.Close()
		}
		return err == nil
	}) {
		t.Fatal("the kernel outlives its launcher")
	}
}

func TestRestartsLeaveNothingBehind(t *testing.T) {
	k := startKernel(t, nil)
	c := k.connect(t)
	open := func() int {
		files, err := os.ReadDir("/proc/self/fd")
		if err != nil && runtime.GOOS == "linux" {
			t.Fatal(err)
		}
		if err != nil {
			t.Skipf("open files cannot be counted here: %v", err)
		}
		return len(files)
	}
	die := func(n int) {
		for range n {
			if r, _ := c.run("exit 1"); r["status"] != "error" {
				t.Fatal(r)
			}
		}
		c.run("print up again")
	}
	die(2)
	files, routines := open(), runtime.NumGoroutine()
	die(20)
	if n := open(); n > files+5 {
		t.Errorf("%d open files became %d", files, n)
	}
	if n := runtime.NumGoroutine(); n > routines+10 {
		t.Errorf("%d goroutines became %d", routines, n)
	}
}

// The terminal's interrupt is not for the kernel; a request to terminate is.
func TestSignals(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("needs Unix signals")
	}
	conn, path := connectionFile(t, nil)
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), fakeEnv+"=kernel", "GODLAS_FAKE_CONNECTION="+path, "GODLAS_FAKE_HISTORY="+filepath.Join(t.TempDir(), "h"))
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { cmd.Process.Kill() })
	c := connect(t, conn, "c")
	cmd.Process.Signal(os.Interrupt)
	time.Sleep(20 * time.Millisecond)
	if r, _ := c.run("print hi"); r["status"] != "ok" {
		t.Error(r)
	}
	cmd.Process.Signal(syscall.SIGTERM)
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	select {
	case err := <-ended:
		if err != nil {
			t.Error(err)
		}
	case <-awake.After(patience):
		t.Error("it does not end")
	}
}
