//go:build unix

package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/godlas/godlas/internal/awake"
	"github.com/godlas/godlas/internal/onekernel"
)

// The sentences of docs/jupyter.md on how each fault ends, with the real kernel and session. Those that need no
// interpreter are tested in package kernel.

func kernelFor(t *testing.T, env ...string) (k *onekernel.Kernel, temp string) {
	t.Helper()
	temp = t.TempDir()
	k, err := onekernel.Command(t.Context(), os.Args[0], t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	k.Cmd.Stderr = os.Stderr
	k.Cmd.Env = append(k.Cmd.Env, append([]string{"TMPDIR=" + temp}, env...)...)
	t.Cleanup(k.Close)
	if err := k.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	return k, temp
}

func mustRun(t *testing.T, k *onekernel.Kernel, code, want string) {
	t.Helper()
	a, err := k.Run(t.Context(), code, nil)
	if err != nil || a.Status != "ok" || a.Printed != want {
		t.Errorf("%s: %+v %v", code, a, err)
	}
}

// running reports whether a process has not ended; a zombie has.
func running(pid int) bool {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return runtime.GOOS != "linux" && syscall.Kill(pid, 0) == nil
	}
	_, after, _ := strings.Cut(string(b), ") ")
	return !strings.HasPrefix(after, "Z")
}

func wantGone(t *testing.T, what string, pid int) {
	t.Helper()
	if !awake.Until(20*time.Second, func() bool { return !running(pid) }) {
		syscall.Kill(pid, syscall.SIGKILL)
		t.Fatalf("%s is left", what)
	}
}

// family runs a command that says the ids of the session, itself and two children, and waits; kill gets them then.
func family(t *testing.T, k *onekernel.Kernel, kill func(ids []int)) onekernel.Answer {
	t.Helper()
	const code = "!echo $PPID $$; sleep 600 & echo $!; (sleep 600; true) & echo $! end; wait"
	killed := false
	ctx, cancel := context.WithTimeout(t.Context(), 40*time.Second)
	defer cancel()
	a, err := k.Run(ctx, code, func(printed string) {
		if killed || !strings.Contains(printed, "end") {
			return
		}
		killed = true
		var ids []int
		for _, word := range strings.Fields(printed) {
			if n, err := strconv.Atoi(word); err == nil {
				ids = append(ids, n)
			}
		}
		if len(ids) != 4 {
			t.Errorf("%q", printed)
			return
		}
		kill(ids)
	})
	if !killed {
		t.Fatalf("%+v %v", a, err)
	}
	return a
}

func TestSessionIsKilledInMidCell(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("only Linux lets the kernel adopt what a killed session leaves")
	}
	k, temp := kernelFor(t)
	mustRun(t, k, `println("on")`, "on\n")
	before := files(t, temp)
	var all []int
	a := family(t, k, func(ids []int) {
		all = ids
		syscall.Kill(ids[0], syscall.SIGKILL)
	})
	if !strings.HasPrefix(a.Error, "SessionEnded: ") || !strings.Contains(a.Error, "killed") {
		t.Errorf("%+v", a)
	}
	for i, what := range []string{"the session", "the shell", "its child", "its other child"} {
		wantGone(t, what, all[i])
	}
	mustRun(t, k, `println("on")`, "on\n")
	if now := files(t, temp); now != before {
		t.Errorf("temporary files: before %s, now %s", before, now)
	}
}

func TestFrontIsKilledInMidCell(t *testing.T) {
	k, temp := kernelFor(t)
	family(t, k, func(all []int) {
		k.Cmd.Process.Kill()
		k.Cmd.Wait()
		for i, what := range []string{"the session", "the shell", "its child", "its other child"} {
			wantGone(t, what, all[i])
		}
	})
	if left := files(t, temp); left != "" {
		t.Errorf("temporary files: %s", left)
	}
}

func files(t *testing.T, dir string) string {
	t.Helper()
	var names []string
	filepath.WalkDir(dir, func(path string, _ fs.DirEntry, _ error) error {
		if path != dir {
			names = append(names, path)
		}
		return nil
	})
	return strings.Join(names, " ")
}

func TestHomeThatCannotBeWritten(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for name, env := range map[string][]string{
		"a home that is a file":     {"HOME=" + file, "XDG_CACHE_HOME=", "DLAS_CACHE=", "XDG_CONFIG_HOME=", "XDG_DATA_HOME="},
		"no home":                   {"HOME=", "XDG_CACHE_HOME=", "DLAS_CACHE=", "XDG_CONFIG_HOME=", "XDG_DATA_HOME="},
		"a cache that is read-only": {"XDG_CACHE_HOME=/proc/none", "DLAS_CACHE=/proc/none", "DLAS_STORE=/proc/none"},
	} {
		t.Run(name, func(t *testing.T) {
			k, _ := kernelFor(t, env...)
			mustRun(t, k, "import \"fmt\"\nfmt.Println(6 * 7)", "42\n")
			a, err := k.Run(t.Context(), "%history", nil)
			if err != nil || a.Status != "ok" || !strings.Contains(a.Printed+a.Result, "6 * 7") {
				t.Errorf("%%history: %+v %v", a, err)
			}
		})
	}
}

func TestKernelThatCannotStart(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	taken := l.Addr().(*net.TCPAddr).Port
	dir := t.TempDir()
	file := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil && !errors.Is(err, fs.ErrNotExist) {
			t.Fatal(err)
		}
		return path
	}
	const ports = `"shell_port":%d,"iopub_port":2,"stdin_port":3,"control_port":4,"hb_port":5`
	for says, path := range map[string]string{
		"address already in use":    file("taken", fmt.Sprintf(`{`+ports+`,"key":"a-secret-key"}`, taken)),
		"no such file":              filepath.Join(dir, "missing"),
		"invalid character":         file("garbage", "garbage"),
		"not a file":                dir,
		"loopback":                  file("open", fmt.Sprintf(`{`+ports+`,"key":"","ip":"0.0.0.0"}`, taken)),
		"the secret CURVE key is":   file("curve", fmt.Sprintf(`{`+ports+`,"curve_publickey":"Yne@$w-vo<fVvi]a<NY6T1ed:M$fCG*[IaLV{hID","curve_secretkey":"a-secret-key"}`, taken)),
		"unknown signature scheme ": file("scheme", fmt.Sprintf(`{`+ports+`,"key":"a-secret-key","signature_scheme":"hmac-rot13"}`, taken)),
	} {
		code, stdout, stderr := start(t, "kernel", "--connection-file", path)
		if code != exitFailed || stdout != "" || strings.Count(stderr, "\n") != 1 || !strings.Contains(stderr, says) || strings.Contains(stderr, "a-secret-key") {
			t.Errorf("%s: exit code %d, %q", says, code, stderr)
		}
	}
}
