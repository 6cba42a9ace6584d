package install

import (
	"archive/zip"
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/godlas/godlas/internal/need"
)

// TestMain lets a test start this binary again as another process that makes the environment.
func TestMain(m *testing.M) {
	if root := os.Getenv("INSTALL_TEST_MAKE"); root != "" {
		e, err := makeEnv(context.Background(), io.Discard, root, smallLock())
		if err != nil {
			fmt.Println(err)
			os.Exit(1)
		}
		fmt.Println("fresh:", e.Fresh)
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// smallLock is the lock file of one empty package, which offline finds beside the test: so an environment takes a
// second or two and no network.
func smallLock() []byte {
	sum := sha256.Sum256(smallWheel())
	return fmt.Appendf(nil, "nothing==1.0 \\\n    --hash=sha256:%x\n", sum)
}

// smallWheel is that package.
func smallWheel() []byte {
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for _, f := range [][2]string{
		{"nothing.py", ""},
		{"nothing-1.0.dist-info/METADATA", "Metadata-Version: 2.1\nName: nothing\nVersion: 1.0\n"},
		{"nothing-1.0.dist-info/WHEEL", "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n"},
		{"nothing-1.0.dist-info/RECORD", "nothing.py,,\nnothing-1.0.dist-info/METADATA,,\nnothing-1.0.dist-info/WHEEL,,\nnothing-1.0.dist-info/RECORD,,\n"},
	} {
		w, err := z.Create(f[0])
		if err != nil {
			panic(err)
		}
		io.WriteString(w, f[1])
	}
	z.Close()
	return b.Bytes()
}

// offline makes pip see the small wheel and nothing else, and needs a Python.
func offline(t *testing.T) {
	t.Helper()
	if _, err := findPython(t.Context()); err != nil {
		need.Missing(t, "python", "there is no Python of 3.11 or newer with venv and ensurepip on PATH")
	}
	links := t.TempDir()
	if err := os.WriteFile(filepath.Join(links, "nothing-1.0-py3-none-any.whl"), smallWheel(), 0o644); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PIP_NO_INDEX", "1")
	t.Setenv("PIP_FIND_LINKS", links)
}

func TestEnvOnceForManyProcesses(t *testing.T) {
	offline(t)
	root := filepath.Join(t.TempDir(), "python")
	if err := os.MkdirAll(filepath.Join(root, "left.part", "bin"), 0o755); err != nil { // by one that was killed
		t.Fatal(err)
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	const n = 3
	outs := make(chan string, n)
	for range n {
		go func() {
			cmd := exec.Command(self)
			cmd.Env = append(os.Environ(), "INSTALL_TEST_MAKE="+root)
			out, err := cmd.CombinedOutput()
			if err != nil {
				out = append(out, err.Error()...)
			}
			outs <- string(out)
		}()
	}
	count := map[string]int{}
	for range n {
		count[<-outs]++
	}
	if count["fresh: true\n"] != 1 || count["fresh: false\n"] != n-1 {
		t.Fatalf("of %d processes: %v", n, count)
	}
	assertWhole(t, root, 1)

	e, err := makeEnv(t.Context(), io.Discard, root, smallLock())
	if err != nil || e.Fresh {
		t.Fatalf("a second call made it again (%v)", err)
	}
	out, err := e.Command(t.Context(), "pip", "list", "--format=freeze").CombinedOutput()
	if err != nil || !strings.Contains(string(out), "nothing==") {
		t.Fatalf("the environment was moved and no longer runs: %v\n%s", err, out)
	}
}

func TestEnvRemadeWhenItsPythonIsAnother(t *testing.T) {
	offline(t)
	root := filepath.Join(t.TempDir(), "python")
	e, err := makeEnv(t.Context(), io.Discard, root, smallLock())
	if err != nil {
		t.Fatal(err)
	}
	old := []byte(`{"base":"/nowhere/python3.9","version":"3.9.1"}`)
	if err := os.WriteFile(filepath.Join(e.Dir, markerName), old, 0o644); err != nil {
		t.Fatal(err)
	}
	if e, err = makeEnv(t.Context(), io.Discard, root, smallLock()); err != nil || !e.Fresh {
		t.Fatalf("not made anew: %v", err)
	}
}

func TestEnvNothingHalfMade(t *testing.T) {
	offline(t)
	t.Run("wrong hash", func(t *testing.T) {
		root := filepath.Join(t.TempDir(), "python")
		bad := regexp.MustCompile(`sha256:[0-9a-f]{8}`).ReplaceAll(smallLock(), []byte("sha256:00000000"))
		_, err := makeEnv(t.Context(), io.Discard, root, bad)
		if err == nil || !strings.Contains(err.Error(), "could not be made") {
			t.Fatalf("a package with another hash was installed: %v", err)
		}
		var out bytes.Buffer
		if explain(&out, err); !strings.Contains(out.String(), "hash") {
			t.Errorf("the reason is not shown: %s", out.String())
		}
		assertWhole(t, root, 0)
	})
	t.Run("interrupted", func(t *testing.T) {
		root := filepath.Join(t.TempDir(), "python")
		ctx, cancel := context.WithCancelCause(t.Context())
		stop := errors.New("stopped by hand")
		go func() {
			for ctx.Err() == nil {
				if part, _ := filepath.Glob(filepath.Join(root, "*.part", "*")); part != nil {
					cancel(stop)
				}
				time.Sleep(10 * time.Millisecond)
			}
		}()
		if _, err := makeEnv(ctx, io.Discard, root, smallLock()); !errors.Is(err, stop) {
			t.Fatalf("got %v, want the interrupt", err)
		}
		assertWhole(t, root, 0)
	})
}

// assertWhole fails unless root holds n environments and nothing else but its lock.
func assertWhole(t *testing.T, root string, n int) {
	t.Helper()
	entries, err := os.ReadDir(root)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if e.Name() == ".lock" {
			continue
		}
		if openEnv(filepath.Join(root, e.Name())) == nil {
			t.Errorf("%s is left half made", e.Name())
		}
		n--
	}
	if n != 0 {
		t.Errorf("%d environments more than there should be", -n)
	}
}

func TestNoPython(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("the stand-ins are shell scripts")
	}
	tests := []struct {
		name, script, want string
	}{
		{"none", "", "found none on PATH"},
		{"broken", "exit 9", "python3 (it does not start)"},
		{"old", "echo 'godlas|3|9|3.9.18|venv,ensurepip|/usr/bin/python3.9'", "python3 (it is 3.9.18)"},
		{"without ensurepip", "echo 'godlas|3|12|3.12.1|venv|/usr/bin/python3.12'", "without ensurepip: on Debian and Ubuntu, apt install python3.12-venv"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			bin := t.TempDir()
			if tt.script != "" {
				if err := os.WriteFile(filepath.Join(bin, "python3"), []byte("#!/bin/sh\n"+tt.script+"\n"), 0o755); err != nil {
					t.Fatal(err)
				}
			}
			t.Setenv("PATH", bin)
			root := filepath.Join(t.TempDir(), "python")
			var out bytes.Buffer
			_, err := makeEnv(t.Context(), &out, root, labLock)
			var none *NoPython
			if !errors.As(err, &none) {
				t.Fatalf("got %v, want *NoPython", err)
			}
			if !strings.Contains(err.Error(), tt.want) || strings.Contains(err.Error(), "\n") {
				t.Errorf("got %q, want one line with %q", err, tt.want)
			}
			explain(&out, err)
			for _, want := range []string{"Debian", "macOS", "Windows", "python3-venv"} {
				if !strings.Contains(out.String(), want) {
					t.Errorf("no %q in:\n%v", want, out.String())
				}
			}
			assertWhole(t, root, 0)
		})
	}
}

// The lock file must stand alone: versions fixed, every file with its hash, and no address of where it came from.
func TestLockFile(t *testing.T) {
	if bytes.Contains(labLock, []byte("://")) {
		t.Error("an address is in the lock file")
	}
	in, err := os.ReadFile("lock/lab.in")
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range strings.Split(string(in), "\n") {
		if line == "" || line[0] == '#' {
			continue
		}
		if want := strings.ReplaceAll(line, "_", "-") + " "; !bytes.Contains(labLock, []byte(want)) {
			t.Errorf("%s is in lab.in and not in lab.txt", line)
		}
	}
	entry := regexp.MustCompile(`^[a-z0-9-]+==[^ ]+ (; [^\\]+)?\\$`)
	hash := regexp.MustCompile(`^    --hash=sha256:[0-9a-f]{64}( \\)?$`)
	for i, line := range strings.Split(strings.TrimRight(string(labLock), "\n"), "\n") {
		if !entry.MatchString(line) && !hash.MatchString(line) {
			t.Fatalf("line %d of the lock file: %s", i+1, line)
		}
	}
}

func TestRealEnv(t *testing.T) {
	e := realEnv(t)
	cmd := exec.Command(e.Python, "-c", "import jupyterlab, nbclient, jupyter_kernel_test, ipykernel; print(jupyterlab.__version__)")
	cmd.Env = pythonEnv()
	out, err := cmd.CombinedOutput()
	if err != nil || !bytes.Contains(labLock, []byte("jupyterlab=="+strings.TrimSpace(string(out))+" ")) {
		t.Errorf("%v\n%s", err, out)
	}
}
