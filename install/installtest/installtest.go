// Package installtest gives tests what an installed godlas has: the JupyterLab environment, the binary and a
// kernelspec that points at it.
package installtest

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/godlas/godlas/install"
	"github.com/godlas/godlas/internal/need"
)

// Env returns the pinned JupyterLab environment, made if need be, or ends the test under the name python where no
// fit Python is there or the packages cannot be had.
func Env(t testing.TB) *install.Env {
	t.Helper()
	return made(t, install.MakeEnv)
}

//go:embed lock/hosts.txt
var hostsLock []byte

// Hosts returns the pinned environment of the other programs that run notebooks, beside all that Env has: Notebook 7,
// jupyter console, qtconsole without its window, nbconvert, papermill and jupytext. Like Env it is made once, or ends
// the test under the name python.
func Hosts(t testing.TB) *install.Env {
	t.Helper()
	return made(t, func(ctx context.Context, out io.Writer) (*install.Env, error) {
		return install.MakeEnvOf(ctx, out, hostsLock)
	})
}

//go:embed lock/engines.txt
var enginesLock []byte

// MakeEngines makes the pinned environment of ONNX Runtime, OpenVINO, LiteRT, onnx and Pillow where there is none yet.
func MakeEngines(ctx context.Context, out io.Writer) (*install.Env, error) {
	return install.MakeEnvOf(ctx, out, enginesLock)
}

// Engines is MakeEngines for a test, which ends under the name python where it cannot be had.
func Engines(t testing.TB) *install.Env {
	t.Helper()
	return made(t, MakeEngines)
}

func made(t testing.TB, make func(context.Context, io.Writer) (*install.Env, error)) *install.Env {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Minute)
	defer cancel()
	e, err := make(ctx, logWriter{t})
	if none := (*install.NoPython)(nil); errors.As(err, &none) {
		need.Missing(t, "python", "there is no Python of 3.11 or newer with venv and ensurepip on PATH")
	}
	if err != nil {
		need.Missing(t, "python", err.Error())
	}
	return e
}

// shared is the folder in which the tests of a package build the binary once, or empty: then each builds its own.
var shared struct {
	dir  string
	once sync.Once
	err  error
}

// Main is for the TestMain of a package with many tests of the binary: it is built once for all of them. It ends the
// program.
func Main(m *testing.M) {
	dir, err := os.MkdirTemp("", "dlas-test")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	shared.dir = dir
	code := m.Run()
	os.RemoveAll(dir)
	os.Exit(code)
}

// Binary builds cmd/dlas and returns its path, or ends the test under the name go where there is no toolchain.
func Binary(t testing.TB) string {
	t.Helper()
	goTool := need.Program(t, "go", "go")
	name := "dlas"
	if runtime.GOOS == "windows" {
		name += ".exe"
	}
	build := func(path string) error {
		cmd := exec.Command(goTool, "build", "-o", path, "github.com/godlas/godlas/cmd/dlas")
		if out, err := cmd.CombinedOutput(); err != nil {
			return fmt.Errorf("go build ./cmd/dlas: %w\n%s", err, out)
		}
		return nil
	}
	dir, err := shared.dir, error(nil)
	if dir == "" {
		dir = t.TempDir()
		err = build(filepath.Join(dir, name))
	} else {
		shared.once.Do(func() { shared.err = build(filepath.Join(dir, name)) })
		err = shared.err
	}
	if err != nil {
		t.Fatal(err)
	}
	return filepath.Join(dir, name)
}

// Kernel builds the binary and installs a kernelspec for it into a folder of the test's own. It returns the binary
// and the environment's additions with which Jupyter programs find that kernelspec and keep their own files, and
// godlas its history and results, in the test's folder.
func Kernel(t testing.TB) (binary string, env []string) {
	t.Helper()
	binary = Binary(t)
	dir := t.TempDir()
	if _, err := install.WriteKernelspec(filepath.Join(dir, "share"), binary); err != nil {
		t.Fatal(err)
	}
	env = []string{
		"JUPYTER_PATH=" + filepath.Join(dir, "share"),
		"JUPYTER_DATA_DIR=" + filepath.Join(dir, "data"),
		"JUPYTER_CONFIG_DIR=" + filepath.Join(dir, "config"),
		"JUPYTER_RUNTIME_DIR=" + filepath.Join(dir, "runtime"),
		"XDG_CACHE_HOME=" + filepath.Join(dir, "cache"),
		"DLAS_CACHE=" + filepath.Join(dir, "cache", "godlas"),
		"DLAS_CHECK_MESSAGES=1", // the kernel ends at the first message that is against the protocol
	}
	for _, d := range []string{"data", "config", "runtime", "cache"} {
		if err := os.MkdirAll(filepath.Join(dir, d), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	return binary, env
}

// logWriter writes to the test's log.
type logWriter struct{ t testing.TB }

func (w logWriter) Write(p []byte) (int, error) {
	w.t.Logf("%s", p)
	return len(p), nil
}
