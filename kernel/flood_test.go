//go:build linux

package kernel

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// peakOf is the most that a process has had in memory, in bytes.
func peakOf(t *testing.T, pid int) int64 {
	t.Helper()
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		t.Fatal(err)
	}
	for line := range bytes.Lines(b) {
		if f := bytes.Fields(line); len(f) > 1 && string(f[0]) == "VmHWM:" {
			n, _ := strconv.ParseInt(string(f[1]), 10, 64)
			return n << 10
		}
	}
	t.Fatal("no VmHWM")
	return 0
}

// TestMemoryInAFlood: a front in a process of its own takes 100 MB of each kind of text and of displays and stays small.
func TestMemoryInAFlood(t *testing.T) {
	if raced {
		t.Skip("the race detector's own memory is more than what is looked at")
	}
	conn, path := connectionFile(t, nil)
	k := exec.Command(os.Args[0])
	k.Env = append(os.Environ(), fakeEnv+"=kernel", "GODLAS_FAKE_CONNECTION="+path, "GODLAS_FAKE_HISTORY="+filepath.Join(t.TempDir(), "h"))
	if err := k.Start(); err != nil {
		t.Fatal(err)
	}
	defer k.Wait()
	defer k.Process.Kill()
	c := connect(t, conn, "c")
	c.run("print warm")
	before := peakOf(t, k.Process.Pid)
	for _, code := range []string{"mflood 100", "nativeflood 4000", "bigdisplays 60"} {
		reply, out := c.run(code + "\neprint done")
		got := tally(out) // of native text the front does not know that it was written before what was printed
		if said := got.text["stderr"]; reply["status"] != "ok" || !strings.Contains(said, "left out here") && code[0] != 'b' || !strings.Contains(said, "done\n") && code[0] != 'n' {
			t.Errorf("%s: %v, %q", code, reply["status"], said)
		}
	}
	after := peakOf(t, k.Process.Pid)
	t.Logf("peak %d MB, then %d MB", before>>20, after>>20)
	if after-before > 150<<20 {
		t.Errorf("the front grows by %d MB", (after-before)>>20)
	}
}
