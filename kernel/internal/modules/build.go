package modules

import (
	"bytes"
	"context"
	"fmt"
	"go/token"
	"os/exec"
	"path"
	"path/filepath"
	"strings"
	"time"
)

// BuildCommand makes a go command that builds: as for Find it downloads nothing, changes nothing and uses no C.
func (w Workspace) BuildCommand(ctx context.Context, args ...string) (*exec.Cmd, error) {
	return w.command(ctx, false, args...)
}

// Explain is what the go command says of a package that a cell imports as one line for the user, with the way out.
func Explain(path, msg string) error { return explain(path, path, msg) }

// PackageNamed finds a package by the last part of its path, in the modules that the go.mod that counts names: "" if there is
// none. Modules are searched in their order there, to the depth of folders in which packages mostly are.
func (w Workspace) PackageNamed(name string) string {
	f := w.File()
	if f == nil || !token.IsIdentifier(name) {
		return ""
	}
	for _, r := range f.Requires {
		if path.Base(majorVersion(r.Path)) == name {
			return r.Path
		}
	}
	ctx, stop := context.WithTimeout(context.Background(), 20*time.Second)
	defer stop()
	out, err := w.output(ctx, "list", "-m", "-f", "{{.Path}}\t{{.Dir}}", "all")
	if err != nil {
		return ""
	}
	for l := range strings.Lines(string(out)) {
		module, dir, _ := strings.Cut(strings.TrimRight(l, "\r\n"), "\t")
		if dir == "" {
			continue
		}
		for _, below := range []string{"", "*", "*/*"} {
			found, _ := filepath.Glob(filepath.Join(dir, below, name, "*.go"))
			for _, p := range found {
				rel, err := filepath.Rel(dir, filepath.Dir(p))
				if err != nil || strings.HasSuffix(p, "_test.go") || strings.Contains("/"+filepath.ToSlash(rel)+"/", "/internal/") || strings.HasPrefix(name, "testdata") {
					continue
				}
				if f := (Workspace{Dir: filepath.Dir(p)}).ModFile(); filepath.Dir(f) != dir && strings.HasPrefix(f, dir) {
					continue // a module of its own
				}
				return module + "/" + filepath.ToSlash(rel)
			}
		}
	}
	return ""
}

// majorVersion is a module's path without the /v2 at its end.
func majorVersion(p string) string {
	if b := path.Base(p); len(b) > 1 && b[0] == 'v' && strings.Trim(b[1:], "0123456789") == "" {
		return path.Dir(p)
	}
	return p
}

// Version is that of the go command, as in go1.26.8, or an error that says that there is none.
func Version(ctx context.Context) (string, error) {
	out, err := Workspace{}.output(ctx, "env", "GOVERSION")
	if err != nil {
		return "", err
	}
	v := string(bytes.TrimSpace(out))
	if !strings.HasPrefix(v, "go") && !strings.HasPrefix(v, "devel") {
		return "", fmt.Errorf("the go command has an unknown version %q", v)
	}
	return v, nil
}
