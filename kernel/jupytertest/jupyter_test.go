package jupytertest

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"testing"
	"time"

	"github.com/godlas/godlas/install/installtest"
)

// TestJupyter runs the Python tests beside this file. None may fail, and none may skip.
func TestJupyter(t *testing.T) {
	python := installtest.Env(t).Python
	_, env := installtest.Kernel(t)
	for _, tc := range []struct {
		file  string
		tests int // that it must have run
	}{
		{"kernel_test.py", 13},
		{"client_test.py", 14},
		{"protocol_test.py", 7},
		{"curve_test.py", 4},
		{"debug_test.py", 5},
		{"widgets_test.py", 13},
	} {
		t.Run(tc.file, func(t *testing.T) { runPython(t, python, tc.file, tc.tests, env) })
	}
}

// runPython runs a file of Python tests. All of want must have run, and none may have failed or skipped.
func runPython(t *testing.T, python, file string, want int, env []string) {
	t.Helper()
	path, err := filepath.Abs(file)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 15*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, python, "-B", path, "-v")
	cmd.Dir = t.TempDir()
	cmd.Env = append(os.Environ(), env...)
	cmd.WaitDelay = 10 * time.Second // a kernel that is left over holds its output
	out, err := cmd.CombinedOutput()
	t.Logf("%s", out)
	if err != nil {
		t.Fatalf("%s: %v", file, err)
	}
	ran := regexp.MustCompile(`(?m)^Ran (\d+) tests? in`).FindSubmatch(out)
	if ran == nil || regexp.MustCompile(`skipped`).Match(out) {
		t.Fatalf("%s: not all of its tests have run", file)
	}
	if got := string(ran[1]); got != strconv.Itoa(want) {
		t.Fatalf("%s: %s tests have run, want %d", file, got, want)
	}
}
