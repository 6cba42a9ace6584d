package interp

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/godlas/godlas/internal/awake"
	"github.com/godlas/godlas/internal/blocked"
	"github.com/godlas/godlas/internal/heard"
)

// silence is a standard input that says nothing.
type silence struct{ io.Reader }

// deaf is a session whose standard input says nothing.
func deaf(t *testing.T) (*Interp, *heard.Buffer) {
	t.Helper()
	r, w := io.Pipe()
	t.Cleanup(func() { w.Close() })
	out := &heard.Buffer{}
	return New(Options{Libraries: []Library{Std()}, Stdout: out, Stderr: out, Stdin: silence{r}}), out
}

func await(t *testing.T, what string, ok func() bool) {
	t.Helper()
	if !awake.Until(20*time.Second, ok) {
		b := make([]byte, 1<<20)
		t.Fatalf("%s\n%s", what, b[:runtime.Stack(b, true)])
	}
}

// TestBlocked interrupts everything that can keep a cell from ending: the cell
// ends at once, leaves nothing that still runs, and the session goes on.
func TestBlocked(t *testing.T) {
	in, out := deaf(t)
	if _, err := in.Eval(context.Background(), Cell{N: 1, Source: "kept := 41\nquit := make(chan bool)\nvar n int\nfmt.Print(\"ready\"); sort.Slice([]int{2, 1}, func(i, j int) bool { return false })"}); err != nil {
		t.Fatal(err)
	}
	mark := fmt.Sprintf("DLAS_TEST_BLOCKED=%d", os.Getpid())
	t.Setenv("DLAS_TEST_BLOCKED", fmt.Sprint(os.Getpid())) // the processes that are started have it
	for _, k := range blocked.Kinds {
		t.Run(k.Name, func(t *testing.T) {
			if k.Shell {
				if runtime.GOOS == "windows" {
					t.Skip("there are no Unix commands")
				}
			}
			if k.Setup != "" {
				if _, err := in.Eval(context.Background(), Cell{N: 2, Source: k.Setup}); err != nil {
					t.Fatal(err)
				}
			}
			before := runtime.NumGoroutine()
			out.Take()
			ctx, cancel := context.WithCancelCause(context.Background())
			done := make(chan error, 1)
			go func() {
				_, err := in.Eval(ctx, Cell{N: 3, Source: k.Source})
				done <- err
			}()
			await(t, "the cell does not begin", func() bool { return strings.Contains(out.String(), "go") || len(done) > 0 })
			time.Sleep(3 * time.Millisecond)
			cancel(errStop)
			var err error
			select {
			case err = <-done:
			case <-awake.After(20 * time.Second):
				t.Fatal("not stopped")
			}
			if !errors.Is(err, errStop) {
				t.Fatalf("error %v", err)
			}
			if s := new(Stopped); errors.As(err, &s) {
				t.Error(err)
			}
			await(t, "goroutines are left", func() bool { return runtime.NumGoroutine() <= before+1 }) // the reader of standard input
			if k.Shell {
				await(t, "processes are left", func() bool { return !processes(t, mark) })
			}
			if r, err := in.Eval(context.Background(), Cell{N: 4, Source: "n = 0; kept + 1"}); err != nil || r.Values[0].Int() != 42 {
				t.Error(r, err)
			}
		})
	}
	if _, err := in.Eval(context.Background(), Cell{N: 5, Source: "close(quit)"}); err != nil {
		t.Error(err)
	}
}

// processes reports whether one other than this runs with a variable in its
// environment, where the system tells.
func processes(t *testing.T, variable string) bool {
	files, err := filepath.Glob("/proc/[0-9]*/environ")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		if f == fmt.Sprintf("/proc/%d/environ", os.Getpid()) {
			continue
		}
		if b, err := os.ReadFile(f); err == nil && slices.Contains(strings.Split(string(b), "\x00"), variable) {
			return true
		}
	}
	return false
}
