package install

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	_ "embed"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"time"
)

// Every package of the environment for every platform, each with the hashes of its files (make lock).
//
//go:embed lock/lab.txt
var labLock []byte

// JupyterLab's settings where the user has set none: it neither asks for news nor looks for updates, since running
// a notebook downloads nothing.
//
//go:embed lock/overrides.json
var labSettings []byte

// Env is the private JupyterLab environment: a Python with exactly the packages of the lock file.
type Env struct {
	Dir    string // the folder that holds it, never to be written to by others
	Python string // its interpreter
	Fresh  bool   // it was made by this call
}

// marker is what a finished environment says of itself, in its file godlas.json.
type marker struct {
	Base    string `json:"base"`    // the interpreter that it was made with
	Version string `json:"version"` // and its version
}

const markerName = "godlas.json"

// MakeEnv returns the environment, which it makes if the user's cache has none for this lock file: with whichever
// Python of 3.11 or newer is on PATH, by pip, from wheels alone, each checked against the hash in the lock file.
// Processes that call it at once wait for the first. Progress, and what there is to say of a failure beyond the
// error's one line, goes to out. It appears whole or, when something fails or ctx ends, not at all. Without a fit
// Python the error is a *NoPython.
func MakeEnv(ctx context.Context, out io.Writer) (*Env, error) { return MakeEnvOf(ctx, out, labLock) }

// MakeEnvOf is MakeEnv with the packages of another lock file, as tests of other hosts than JupyterLab want them. Each
// lock file has an environment of its own.
func MakeEnvOf(ctx context.Context, out io.Writer, lock []byte) (*Env, error) {
	cache, err := CacheDir()
	if err != nil {
		return nil, err
	}
	e, err := makeEnv(ctx, out, filepath.Join(cache, "python"), lock)
	if err != nil {
		explain(out, err)
	}
	return e, err
}

// makeEnv is MakeEnv below root for a given lock file.
func makeEnv(ctx context.Context, out io.Writer, root string, lock []byte) (*Env, error) {
	dir := envDir(root, lock)
	if e := openEnv(dir); e != nil {
		return e, nil
	}
	unlock, err := lockFile(ctx, filepath.Join(root, ".lock"), func() {
		fmt.Fprintln(out, "waiting for another process, which is making it")
	})
	if err != nil {
		return nil, err
	}
	defer unlock()
	if e := openEnv(dir); e != nil {
		return e, nil
	}
	// With the lock held, what an interrupted process left behind belongs to nobody.
	if stale, _ := filepath.Glob(filepath.Join(root, "*.part")); stale != nil {
		for _, s := range stale {
			os.RemoveAll(s)
		}
	}

	py, err := findPython(ctx)
	if err != nil {
		return nil, err
	}
	part := filepath.Join(root, token(4)+".part")
	defer os.RemoveAll(part)
	if err := buildEnv(ctx, out, py, part, lock); err != nil {
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		return nil, fmt.Errorf("the JupyterLab environment could not be made: %w", err)
	}
	if exists(dir) { // one that no longer runs: its Python is gone or another
		if err := os.Rename(dir, filepath.Join(root, token(4)+".part")); err != nil {
			return nil, err
		}
	}
	if err := renameRetry(part, dir); err != nil {
		return nil, err
	}
	e := openEnv(dir)
	if e == nil {
		return nil, fmt.Errorf("the JupyterLab environment in %s does not run", dir)
	}
	e.Fresh = true
	return e, nil
}

// envDir is where the environment of a lock file lies below root.
func envDir(root string, lock []byte) string {
	h := sha256.New()
	h.Write(lock)
	h.Write(labSettings)
	return filepath.Join(root, hex.EncodeToString(h.Sum(nil))[:16])
}

// openEnv returns the finished environment in dir, or nil where there is none or the Python below it has changed.
func openEnv(dir string) *Env {
	data, err := os.ReadFile(filepath.Join(dir, markerName))
	if err != nil {
		return nil
	}
	var m marker
	if json.Unmarshal(data, &m) != nil {
		return nil
	}
	e := &Env{Dir: dir, Python: envPython(dir)}
	real, err := filepath.EvalSymlinks(e.Python)
	if err != nil {
		return nil
	}
	if runtime.GOOS == "windows" { // the environment's interpreter is a starter of the base one, not a link to it
		real = m.Base
	}
	if real != m.Base || !exists(m.Base) {
		return nil
	}
	return e
}

// envPython returns where an environment in dir has its interpreter.
func envPython(dir string) string {
	if runtime.GOOS == "windows" {
		return filepath.Join(dir, "Scripts", "python.exe")
	}
	return filepath.Join(dir, "bin", "python")
}

// buildEnv makes the environment in dir, which must not exist yet, complete to its marker.
func buildEnv(ctx context.Context, out io.Writer, py python, dir string, lock []byte) error {
	fmt.Fprintf(out, "making a Python environment with Python %s (once; 50 MB or more to download)\n", py.version)
	if err := os.MkdirAll(filepath.Dir(dir), 0o700); err != nil {
		return err
	}
	if err := runQuiet(ctx, nil, append(py.argv[:len(py.argv):len(py.argv)], "-I", "-m", "venv", dir)...); err != nil {
		return err
	}
	lockPath := filepath.Join(dir, "lab.txt")
	if err := os.WriteFile(lockPath, lock, 0o644); err != nil {
		return err
	}
	total := bytes.Count(lock, []byte("=="))
	seen, last := 0, time.Now()
	progress := func(line string) {
		if strings.HasPrefix(strings.TrimSpace(line), "Collecting ") {
			if seen++; time.Since(last) > 5*time.Second {
				last = time.Now()
				fmt.Fprintf(out, "  package %d of at most %d\n", seen, total)
			}
		}
	}
	// --no-deps: the lock file is the whole list; a missing name must fail below, not be looked up.
	err := runQuiet(ctx, progress, envPython(dir), "-m", "pip", "install", "--require-hashes", "--only-binary=:all:",
		"--no-deps", "--no-input", "--progress-bar=off", "--no-warn-script-location", "-r", lockPath)
	if err != nil {
		return err
	}
	if err := runQuiet(ctx, nil, envPython(dir), "-m", "pip", "check"); err != nil {
		return err
	}
	if err := dropScripts(filepath.Dir(envPython(dir))); err != nil {
		return err
	}
	settings := filepath.Join(dir, "share", "jupyter", "lab", "settings")
	if err := os.MkdirAll(settings, 0o755); err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(settings, "overrides.json"), labSettings, 0o644); err != nil {
		return err
	}
	m, err := json.Marshal(marker{Base: py.base, Version: py.version})
	if err != nil {
		return err
	}
	if runtime.GOOS != "windows" {
		if real, err := filepath.EvalSymlinks(envPython(dir)); err == nil && real != py.base {
			m, _ = json.Marshal(marker{Base: real, Version: py.version})
		}
	}
	return os.WriteFile(filepath.Join(dir, markerName), m, 0o644)
}

// dropScripts removes from an environment's folder of programs all but its interpreter: the others name the folder
// that the environment was made in, which is not where it ends up. Modules run by `python -m`.
func dropScripts(bin string) error {
	entries, err := os.ReadDir(bin)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if !strings.HasPrefix(strings.ToLower(e.Name()), "python") {
			if err := os.RemoveAll(filepath.Join(bin, e.Name())); err != nil {
				return err
			}
		}
	}
	return nil
}

// renameRetry renames a folder; a scanner on Windows may hold a new one open for a moment.
func renameRetry(from, to string) (err error) {
	for range 20 {
		if err = os.Rename(from, to); err == nil || runtime.GOOS != "windows" {
			return err
		}
		time.Sleep(250 * time.Millisecond)
	}
	return err
}

// runQuiet runs a program of the environment's making and shows each line of its output to line. If it fails, the
// error has the last lines beside it.
func runQuiet(ctx context.Context, line func(string), argv ...string) error {
	cmd := exec.CommandContext(ctx, argv[0], argv[1:]...)
	ownGroup(cmd)
	cmd.Env = pythonEnv()
	cmd.WaitDelay = 10 * time.Second
	pr, pw, err := os.Pipe()
	if err != nil {
		return err
	}
	defer pr.Close()
	cmd.Stdout, cmd.Stderr = pw, pw
	if err := cmd.Start(); err != nil {
		pw.Close()
		return err
	}
	pw.Close()
	var tail strings.Builder
	sc := bufio.NewScanner(pr)
	for sc.Scan() {
		if line != nil {
			line(sc.Text())
		}
		tail.WriteString(sc.Text() + "\n")
	}
	io.Copy(io.Discard, pr) // past a line too long for the scanner
	if err := cmd.Wait(); err != nil {
		return &failure{filepath.Base(argv[0]) + ": " + err.Error(), lastLines(tail.String(), 8)}
	}
	return nil
}

// Command returns a command that runs one of the environment's modules, as `python -m MODULE ARGS` does, and that
// ctx ends with all that it started.
func (e *Env) Command(ctx context.Context, module string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, e.Python, append([]string{"-m", module}, args...)...)
	ownGroup(cmd)
	cmd.Env = pythonEnv()
	return cmd
}
