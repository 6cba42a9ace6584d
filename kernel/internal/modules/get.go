package modules

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
)

// Runner runs a command until it ends or its context does; it returns what exec.Cmd.Run would.
type Runner func(cmd *exec.Cmd) error

// ModuleName is what the module of a notebook is called if none is there.
const ModuleName = "notebook"

// Get records modules, each a path with or without @version, in the go.mod that counts, and downloads what they need. A
// path without a version keeps the one that is recorded, or else gets the latest. It tells out what it does.
func (w Workspace) Get(ctx context.Context, run Runner, out io.Writer, args []string) error {
	if _, err := goPath(); err != nil {
		return fmt.Errorf("this needs a Go toolchain: %w", err)
	}
	for _, a := range args {
		if err := checkArgument(a); err != nil {
			return err
		}
	}
	made, err := w.ensureFile(ctx, run)
	if err != nil {
		return err
	}
	if made == "" {
		return w.getAll(ctx, run, out, args)
	}
	if err := w.getAll(ctx, run, out, args); err != nil {
		os.Remove(made)
		return err
	}
	fmt.Fprintf(out, "made %s\n", made)
	return nil
}

func (w Workspace) getAll(ctx context.Context, run Runner, out io.Writer, args []string) error {
	var missing []string
	f := w.File()
	for _, a := range args {
		path, version, _ := strings.Cut(a, "@")
		r, has := f.Requirement(path)
		if has && (version == "" || version == r.Version) {
			if w.have(ctx, path, r) {
				fmt.Fprintf(out, "%s is there, at %s\n", path, r.Version)
				continue
			}
			version = r.Version
		}
		if version == "" {
			version = "latest"
		}
		missing = append(missing, path+"@"+version)
	}
	if len(missing) == 0 {
		return ctx.Err()
	}
	return w.get(ctx, run, out, missing)
}

// have reports whether a path of a recorded module needs nothing more.
func (w Workspace) have(ctx context.Context, path string, r Require) bool {
	if _, err := w.Find(ctx, path); err == nil {
		return true
	}
	if path != r.Path {
		return false
	}
	// a module need not have a package of its own name
	dir, err := w.output(ctx, "list", "-m", "-f", "{{.Dir}}", path)
	if err != nil || len(bytes.TrimSpace(dir)) == 0 {
		return false
	}
	files, _ := filepath.Glob(filepath.Join(string(bytes.TrimSpace(dir)), "*.go"))
	return !slices.ContainsFunc(files, func(f string) bool { return !strings.HasSuffix(f, "_test.go") })
}

// checkArgument says what is wrong with an argument that cannot be a module.
func checkArgument(a string) error {
	path, version, at := strings.Cut(a, "@")
	first, _, _ := strings.Cut(path, "/")
	switch {
	case strings.HasPrefix(a, "-"):
		return fmt.Errorf("%s: there are no flags; a module is written example.org/x@v1.2.3", a)
	case strings.HasPrefix(path, ".") || filepath.IsAbs(path):
		return fmt.Errorf("%s is a folder; %%use %s makes it importable", a, path)
	case at && version == "":
		return fmt.Errorf("%s has no version after the @; there is @latest", a)
	case version == "none":
		return fmt.Errorf("%s: nothing is removed here; delete its line in go.mod", a)
	case path == "" || strings.Contains(path, `\`) || strings.Contains(path, "://"):
		return fmt.Errorf("%s is not the path of a module; one is written example.org/x", a)
	case !strings.Contains(first, "."):
		return fmt.Errorf("%s is not the path of a module, which begins with a domain; the standard library needs no %%get", path)
	}
	return nil
}

// ensureFile makes a go.mod in the workspace if none counts, and says where it made one.
func (w Workspace) ensureFile(ctx context.Context, run Runner) (made string, err error) {
	if w.ModFile() != "" {
		return "", nil
	}
	return filepath.Join(w.Dir, "go.mod"), w.change(ctx, run, io.Discard, "mod", "init", ModuleName)
}

func (w Workspace) get(ctx context.Context, run Runner, out io.Writer, args []string) error {
	said := &noting{w: out}
	if err := w.change(ctx, run, said, append([]string{"get", "-tags=" + tags, "--"}, args...)...); err != nil {
		return err
	}
	if !said.any {
		fmt.Fprintf(out, "%s is there now\n", strings.Join(args, ", "))
	}
	if p := w.ModFile(); filepath.Dir(p) != w.Dir {
		fmt.Fprintf(out, "recorded in %s\n", p)
	}
	return nil
}

// noting notes whether anything is written.
type noting struct {
	w   io.Writer
	any bool
}

func (n *noting) Write(b []byte) (int, error) {
	n.any = true
	return n.w.Write(b)
}

// change runs a go command that may write and download, as the user's environment says. What it says goes to out line by
// line; if it fails, what it said last is the error.
func (w Workspace) change(ctx context.Context, run Runner, out io.Writer, args ...string) error {
	cmd, err := w.command(ctx, true, args...)
	if err != nil {
		return err
	}
	said := &progress{out: out}
	cmd.Stdout, cmd.Stderr = said, said
	err = run(cmd)
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	var exit *exec.ExitError
	switch {
	case err == nil:
		said.flush()
		return nil
	case errors.As(err, &exit):
		return errors.New(why(said.rest()))
	}
	return err
}

// progress passes on what a go command does, and keeps everything else it says until it is known whether it fails.
type progress struct {
	mu   sync.Mutex
	out  io.Writer
	part []byte
	kept []string
}

func (p *progress) Write(b []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.part = append(p.part, b...)
	for {
		line, rest, ok := bytes.Cut(p.part, []byte("\n"))
		if !ok {
			return len(b), nil
		}
		p.part = rest
		p.line(string(line))
	}
}

func (p *progress) line(s string) {
	if strings.HasPrefix(s, "go: downloading ") {
		fmt.Fprintln(p.out, strings.TrimPrefix(s, "go: "))
		return
	}
	p.kept = append(p.kept, s)
}

func (p *progress) rest() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.part) > 0 {
		p.kept = append(p.kept, string(p.part))
		p.part = nil
	}
	return p.kept
}

func (p *progress) flush() {
	for _, l := range p.rest() {
		fmt.Fprintln(p.out, strings.TrimPrefix(l, "go: "))
	}
}

// why makes one line of what a failed go command said.
func why(lines []string) string {
	var kept []string
	for _, l := range lines {
		if l = strings.TrimSpace(strings.TrimPrefix(strings.TrimSpace(l), "go: ")); l != "" {
			kept = append(kept, l)
		}
	}
	if len(kept) == 0 {
		return "the go command failed and did not say why"
	}
	msg := strings.Join(kept, "; ")
	subject, _, _ := strings.Cut(kept[0], ": ")
	switch {
	case strings.Contains(msg, "GOPROXY=off"):
		return "downloading is forbidden by GOPROXY=off (" + msg + ")"
	case contains(msg, "dial tcp", "no such host", "connection refused", "i/o timeout", "network is unreachable"):
		return "the network cannot be reached, and nothing was changed (" + msg + ")"
	case contains(msg, "SECURITY ERROR", "checksum mismatch"):
		return msg
	case contains(msg, "invalid version", "unknown revision", "no matching versions", ".info: 40", ".info: 410"):
		return "there is no such version: " + subject
	case contains(msg, "@v/list: 403", "404 Not Found", "410 Gone", "unrecognized import path", "Repository not found", "could not read Username"):
		return "there is no such module: " + subject
	}
	return msg
}

func contains(s string, parts ...string) bool {
	return slices.ContainsFunc(parts, func(p string) bool { return strings.Contains(s, p) })
}

// Use makes the Go packages of a local folder importable and returns their import paths with their module's. A folder that
// is a module of its own is recorded in the go.mod that counts, with a replacement; one below that go.mod belongs to its
// module already.
func (w Workspace) Use(ctx context.Context, run Runner, out io.Writer, dir string) (module string, paths []string, err error) {
	if _, err := goPath(); err != nil {
		return "", nil, fmt.Errorf("this needs a Go toolchain: %w", err)
	}
	if !filepath.IsAbs(dir) {
		dir = filepath.Join(w.Dir, dir)
	}
	dir = filepath.Clean(dir)
	if st, err := os.Stat(dir); err != nil || !st.IsDir() {
		return "", nil, fmt.Errorf("%s is not a folder", dir)
	}
	made, err := w.ensureFile(ctx, run)
	if err != nil {
		return "", nil, err
	}
	module, paths, err = w.use(ctx, run, out, dir)
	switch {
	case made == "":
	case err != nil:
		os.Remove(made)
	default:
		fmt.Fprintf(out, "made %s\n", made)
	}
	return module, paths, err
}

func (w Workspace) use(ctx context.Context, run Runner, out io.Writer, dir string) (module string, paths []string, err error) {
	root := filepath.Dir(w.ModFile())
	own := Workspace{Dir: dir}
	f := own.File()
	switch {
	case f == nil:
		return "", nil, fmt.Errorf("%s has no go.mod and is not below %s: `go mod init PATH` there makes it a module", dir, root)
	case f.Path == w.ModFile(): // a package of the notebook's own module
	case f.Path != filepath.Join(dir, "go.mod"):
		return "", nil, fmt.Errorf("%s is in another module: %%use %s", dir, filepath.Dir(f.Path))
	case f.Module == "":
		return "", nil, fmt.Errorf("%s does not name its module", f.Path)
	}
	listed, err := own.output(ctx, "list", "-e", "-tags="+tags, "-f", "{{if .GoFiles}}{{if ne .Name \"main\"}}{{.ImportPath}}{{end}}{{end}}", "./...")
	if err != nil {
		return "", nil, err
	}
	if paths = strings.Fields(string(listed)); len(paths) == 0 {
		return "", nil, fmt.Errorf("%s has no package that can be imported", dir)
	}
	if f.Path != w.ModFile() {
		err = w.replace(ctx, run, out, root, f.Module, dir)
	}
	return f.Module, paths, err
}

// replace records that a module is in a folder, unless it is recorded so.
func (w Workspace) replace(ctx context.Context, run Runner, out io.Writer, root, module, dir string) error {
	if have, err := w.output(ctx, "list", "-m", "-f", "{{.Dir}}", module); err == nil && strings.TrimSpace(string(have)) == dir {
		if _, err := w.output(ctx, "list", "-deps", "-tags="+tags, module+"/..."); err == nil {
			return nil
		}
	}
	where := dir
	if rel, err := filepath.Rel(root, dir); err == nil && !filepath.IsAbs(rel) {
		where = filepath.ToSlash(rel)
		if !strings.HasPrefix(where, "../") {
			where = "./" + where
		}
	}
	if err := w.change(ctx, run, out, "mod", "edit", "-replace="+module+"="+where); err != nil {
		return err
	}
	if w.getOffline(ctx, run, module+"/...") {
		fmt.Fprintf(out, "added %s\n", module)
		return nil
	}
	return w.get(ctx, run, out, []string{module + "/..."})
}

// getOffline records a module whose folder is known, and what it needs, if all of that is on this machine: a proxy has nothing
// to say of the module then, and may be out of reach.
func (w Workspace) getOffline(ctx context.Context, run Runner, pattern string) bool {
	cmd, err := w.command(ctx, true, "get", "-tags="+tags, "--", pattern)
	if err != nil {
		return false
	}
	cmd.Env = append(cmd.Env, "GOPROXY=off")
	return run(cmd) == nil
}
