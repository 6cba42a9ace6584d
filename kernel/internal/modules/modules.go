// Package modules finds Go packages that are not built into the kernel: those of modules, as the go command sees them from
// the folder of a notebook.
//
// A go.mod there, or in a folder above, says which versions count. Finding a package never downloads and never changes a
// file; [Workspace.Get] and [Workspace.Use] do, when the user asks for it.
package modules

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"path"
	"path/filepath"
	"slices"
	"strings"
)

// Package is a package's source on this platform.
type Package struct {
	ImportPath string
	Name       string
	Dir        string
	GoFiles    []string // names in Dir
	EmbedFiles []string // what its go:embed directives match, relative to Dir
	Standard   bool
	Module     *Module // nil for the standard library
	Error      *struct{ Err string }
}

// Module is what a package is part of.
type Module struct {
	Path      string
	Version   string
	Dir       string
	GoVersion string
	Main      bool
	Replace   *Module
}

// String names a module and its version.
func (m *Module) String() string {
	switch {
	case m == nil:
		return ""
	case m.Version != "":
		return m.Path + "@" + m.Version
	}
	return m.Path
}

// tags choose the sources that are Go alone, by the names that modules with assembly use for them.
const tags = "purego,noasm,appengine"

// Workspace is the folder of a notebook or program.
type Workspace struct{ Dir string }

// Find returns the package of an import path and all that it needs, dependencies first. Those of the standard library are
// among them, for their names. The error is one line for the user.
func (w Workspace) Find(ctx context.Context, importPath string) ([]*Package, error) {
	if err := w.mayHave(importPath); err != nil {
		return nil, err
	}
	out, err := w.output(ctx, "list", "-e", "-deps", "-tags="+tags,
		"-json=ImportPath,Name,Dir,GoFiles,EmbedFiles,Standard,Module,Error", "--", importPath)
	var none NoToolchain
	switch {
	case errors.As(err, &none):
		return nil, fmt.Errorf("importing %s needs a Go toolchain: %w", importPath, err)
	case ctx.Err() != nil:
		return nil, err
	case err != nil:
		return nil, explain(importPath, importPath, err.Error())
	}
	var pkgs []*Package
	for dec := json.NewDecoder(bytes.NewReader(out)); ; {
		p := &Package{}
		if err := dec.Decode(p); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			return nil, fmt.Errorf("what go list says of %s is not understood: %w", importPath, err)
		}
		pkgs = append(pkgs, p)
	}
	for _, p := range pkgs {
		if p.Error != nil && !p.Standard {
			return nil, explain(importPath, p.ImportPath, p.Error.Err)
		}
	}
	if n := len(pkgs); n == 0 || pkgs[n-1].ImportPath != importPath {
		return nil, fmt.Errorf("package %s is not found", importPath)
	}
	if !w.allowed(pkgs[len(pkgs)-1]) {
		return nil, fmt.Errorf("use of internal package %s not allowed", importPath)
	}
	return pkgs, nil
}

// allowed reports whether the workspace may import a package, which may be internal to something.
func (w Workspace) allowed(p *Package) bool {
	slashed := "/" + p.ImportPath + "/"
	i := strings.LastIndex(slashed, "/internal/")
	if i < 0 {
		return true
	}
	if p.Module == nil || !p.Module.Main {
		return false
	}
	here, err := filepath.Rel(p.Module.Dir, w.Dir)
	return err == nil && inModule(path.Join(p.Module.Path, filepath.ToSlash(here)), strings.Trim(slashed[:i], "/"))
}

// mayHave says at once that a path without a dot, which is most likely a misspelt one of the standard library, is in no
// module here.
func (w Workspace) mayHave(path string) error {
	first, _, _ := strings.Cut(path, "/")
	if strings.Contains(first, ".") {
		return nil
	}
	if f := w.File(); f != nil && slices.ContainsFunc(f.Modules(), func(m string) bool { return inModule(path, m) }) {
		return nil
	}
	return ErrNotModule
}

// ErrNotModule says that an import path can only be one of the standard library.
var ErrNotModule = errors.New("not a package of a module")

// explain makes one line of what the go command says about a package that a cell imports, or about one that this needs, and
// names the way out.
func explain(imported, path, msg string) error {
	needs := ""
	if path != imported {
		needs = ", which " + imported + " needs,"
	}
	switch {
	case strings.Contains(msg, "no required module provides package"), strings.Contains(msg, "cannot find module providing package"),
		strings.Contains(msg, "go.mod file not found"):
		return fmt.Errorf("no module that is recorded here has package %s%s: %%get %s@latest gets it", path, needs, path)
	case strings.Contains(msg, "missing go.sum entry"), strings.Contains(msg, "GOPROXY=off"), strings.Contains(msg, "updates to go.mod needed"):
		return fmt.Errorf("package %s%s is not downloaded: %%get %s gets it", path, needs, imported)
	case strings.Contains(msg, "build constraints exclude all Go files"):
		return fmt.Errorf("package %s%s has no Go source for this platform without C", path, needs)
	}
	return fmt.Errorf("package %s%s: %s", path, needs, oneLine(msg))
}

func oneLine(msg string) string {
	var kept []string
	for l := range strings.Lines(msg) {
		if l = strings.TrimSpace(l); l != "" {
			kept = append(kept, l)
		}
	}
	return strings.Join(kept, "; ")
}
