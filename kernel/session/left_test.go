//go:build unix

package session

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"

	"github.com/godlas/godlas/internal/awake"
	"github.com/godlas/godlas/kernel/internal/pipe"
)

// TestCallsLeftBehind: a call of compiled code that cannot be stopped is left, and the cell says so and where. When it
// comes back, the code after it does not run.
func TestCallsLeftBehind(t *testing.T) {
	c := goSession(t)
	fifo := filepath.Join(t.TempDir(), "fifo")
	if err := syscall.Mkfifo(fifo, 0o600); err != nil {
		t.Fatal(err)
	}
	c.run("ran := false\nvar after sync.WaitGroup\nafter.Add(2)")
	id := c.send(pipe.KindExecute, 0, pipe.Execute{Count: 7, Code: fmt.Sprintf(`func wait() {
	defer after.Done()
	os.Open(%q) // until somebody opens it for writing
	ran = true
}
go wait()
println(0)
wait()`, fifo)})
	c.until("stderr: 0")
	stacks := make([]byte, 1<<20)
	awake.Until(deadline, func() bool {
		return strings.Count(string(stacks[:runtime.Stack(stacks, true)]), "\nos.openFileNolog(") >= 2
	})
	c.send(pipe.KindInterrupt, id, nil)
	frames, last := c.answer(id)
	done := body[pipe.Done](t, last)
	if !done.Interrupted || done.Left != 2 {
		t.Errorf("%s", last.Body)
	}
	said := brief(t, frames[len(frames)-1])
	for _, want := range []string{"error: Interrupted", "2 calls still run in compiled code", "os.Open at cell[7]:3:5", "interrupt again within 10s or restart"} {
		if !strings.Contains(said, want) {
			t.Errorf("without %q: %s", want, said)
		}
	}
	w, err := os.OpenFile(fifo, os.O_WRONLY|syscall.O_NONBLOCK, 0) // fails rather than waits for a reader
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	if out, _ := c.run("after.Wait(); ran"); len(out) != 1 || out[0] != "result: false" {
		t.Errorf("%q", out)
	}
}
