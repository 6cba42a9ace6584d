//go:build unix

package magic

import (
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/godlas/godlas/internal/heard"
)

func TestEndCommands(t *testing.T) {
	var out heard.Buffer
	if err := Shell(t.Context(), &Call{Session: newHost(), Args: "sleep 100 >/dev/null 2>&1 & echo $!", Stdout: &out, Stderr: &out}); err != nil {
		t.Fatal(err)
	}
	pid, err := strconv.Atoi(strings.TrimSpace(out.String()))
	if err != nil || syscall.Kill(pid, 0) != nil {
		t.Fatalf("no process in the background: %q", out.String())
	}
	group, err := syscall.Getpgid(pid)
	if err != nil || group == syscall.Getpgrp() {
		t.Fatalf("its group is ours: %d, %v", group, err)
	}
	EndCommands()
	for end := time.Now().Add(10 * time.Second); time.Now().Before(end); time.Sleep(time.Millisecond) {
		if syscall.Kill(-group, 0) != nil || isZombie(pid) {
			return
		}
	}
	t.Errorf("process %d outlives its session", pid)
}
