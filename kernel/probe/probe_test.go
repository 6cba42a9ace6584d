package probe

import (
	"context"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/godlas/godlas/internal/need"
)

// script stands for a kernel.
func script(t *testing.T, text string) []string {
	t.Helper()
	if runtime.GOOS == "windows" {
		t.Skip("the stand-ins are shell scripts")
	}
	path := filepath.Join(t.TempDir(), "kernel")
	if err := os.WriteFile(path, []byte("#!/bin/sh\n"+text+"\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	return []string{path, "{connection_file}"}
}

// What is wrong with a kernel is said, with its own last word, and nothing of it stays.
func TestKernelsThatDoNotAnswer(t *testing.T) {
	temp := t.TempDir()
	t.Setenv("TMPDIR", temp)
	for _, tc := range []struct {
		name string
		argv []string
		want []string
	}{
		{"absent", []string{"/nowhere/dlas"}, []string{"does not start"}},
		{"ends at once", script(t, `echo first >&2; echo "no such port" >&2; exit 3`), []string{"the kernel ended: exit status 3", "it said: no such port"}},
		{"ends well", script(t, "exit 0"), []string{"the kernel ended: exit status 0"}},
		{"silent", script(t, "exec sleep 600"), []string{"too slow"}},
		{"gets a file", script(t, `test "$(wc -c <"$1")" -gt 100 && echo readable >&2; exit 1`), []string{"it said: readable"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			most := time.Minute
			if tc.name == "silent" {
				most = time.Second
			}
			ctx, cancel := context.WithTimeoutCause(t.Context(), most, errTooSlow)
			defer cancel()
			_, err := Run(ctx, tc.argv, "1")
			for _, want := range tc.want {
				if err == nil || !strings.Contains(err.Error(), want) {
					t.Errorf("got %v, want %q in it", err, want)
				}
			}
		})
	}
	if left, _ := os.ReadDir(temp); len(left) != 0 {
		t.Errorf("left behind: %v", left)
	}
}

type tooSlow struct{}

func (tooSlow) Error() string { return "too slow" }

var errTooSlow = tooSlow{}

// A program that listens and speaks no ZeroMQ is no kernel.
func TestListenerThatIsNoKernel(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			io.WriteString(c, "HTTP/1.0 400 Bad Request\r\n\r\n")
			c.Close()
		}
	}()
	p := &peer{}
	p.ports[1] = l.Addr().(*net.TCPAddr).Port
	ctx, cancel := context.WithTimeoutCause(t.Context(), 500*time.Millisecond, errTooSlow)
	defer cancel()
	defer p.close()
	if _, err := p.talk(ctx, time.Now(), "1"); err == nil || !strings.Contains(err.Error(), "iopub socket cannot be reached") {
		t.Errorf("got %v", err)
	}
}

// The kernel itself, as installed.
func TestKernel(t *testing.T) {
	goTool := need.Program(t, "go", "go")
	binary := filepath.Join(t.TempDir(), "dlas")
	if out, err := exec.Command(goTool, "build", "-o", binary, "github.com/godlas/godlas/cmd/dlas").CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	t.Setenv("DLAS_CACHE", t.TempDir())
	argv := []string{binary, "kernel", "--connection-file", "{connection_file}"}
	r, err := Run(t.Context(), argv, "fmt.Print(6 * 7)\n8")
	if err != nil {
		t.Fatal(err)
	}
	if r.Text != "428" || !strings.HasPrefix(r.Language, "go 1.") || !strings.HasPrefix(r.Implementation, "godlas") || r.Start <= 0 || r.Cell <= 0 {
		t.Errorf("got %+v", r)
	}
	if _, err := Run(t.Context(), argv, `panic("no")`); err == nil || !strings.Contains(err.Error(), "the cell ends with error") {
		t.Errorf("a cell that fails gives %v", err)
	}
}
