package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"go/types"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

// platform is one of those that the project builds for.
type platform struct{ os, arch string }

func (p platform) String() string { return p.os + "/" + p.arch }

// platforms begins with the one whose type data describes all that do not
// differ in what a cell can see.
var platforms = []platform{
	{"linux", "amd64"},
	{"linux", "arm64"},
	{"darwin", "amd64"},
	{"darwin", "arm64"},
	{"windows", "amd64"},
	{"windows", "arm64"},
}

// notForCells are packages of the standard library that a cell has no use for:
// they differ in everything between platforms, act when they are imported,
// belong to the tool chain, or would weigh more than they give.
var notForCells = []string{
	"expvar", "log/syslog", "net/http/pprof", "plugin", "runtime/cgo", "runtime/coverage",
	"runtime/race", "syscall", "testing/cryptotest", "testing/internal", "time/tzdata", "unsafe",
}

// listedPackage is what go list tells of one package on one platform.
type listedPackage struct {
	ImportPath string
	Name       string
	Dir        string
	Standard   bool
	DepOnly    bool
	GoFiles    []string
	ImportMap  map[string]string
	Error      *struct{ Err string }
}

// world is all packages, checked for all platforms.
type world struct {
	o       options
	fset    *token.FileSet
	parsed  map[string]*ast.File
	info    map[platform]map[string]*listedPackage
	order   map[platform][]string // dependencies first
	checked map[platform]map[string]*types.Package
	listed  []string // what gets symbols, sorted
}

func load(o options) (*world, error) {
	w := &world{
		o: o, fset: token.NewFileSet(), parsed: map[string]*ast.File{}, info: map[platform]map[string]*listedPackage{},
		order: map[platform][]string{}, checked: map[platform]map[string]*types.Package{},
	}
	for _, p := range platforms {
		if err := w.list(p); err != nil {
			return nil, err
		}
		if err := w.check(p); err != nil {
			return nil, err
		}
	}
	first := w.info[platforms[0]]
	for path, lp := range first {
		if !lp.DepOnly && w.public(lp) && w.everywhere(path) {
			w.listed = append(w.listed, path)
		}
	}
	slices.Sort(w.listed)
	if len(w.listed) == 0 {
		return nil, errors.New("no package to list")
	}
	for _, path := range slices.Concat(o.skip, o.source, o.also) {
		if first[path] == nil {
			return nil, fmt.Errorf("-skip or -source names %s, which is not there", path)
		}
	}
	return w, nil
}

// list asks go list for the packages and all they depend on.
func (w *world) list(p platform) error {
	args := []string{"list", "-e", "-deps", "-json=ImportPath,Name,Dir,Standard,DepOnly,GoFiles,ImportMap,Error", "--"}
	args = append(args, w.o.patterns...)
	if w.o.std {
		args = append(args, "std")
	}
	cmd := exec.Command("go", args...)
	// What is made must not depend on how the caller's Go is set up.
	cmd.Env = append(os.Environ(), "GOOS="+p.os, "GOARCH="+p.arch, "CGO_ENABLED=0", "GOFLAGS=", "GOWORK=off",
		"GOEXPERIMENT=", "GOTOOLCHAIN=local", "GOENV=off", "GO111MODULE=on")
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		return fmt.Errorf("go list for %s: %w", p, err)
	}
	info := map[string]*listedPackage{}
	for dec := json.NewDecoder(bytes.NewReader(out)); ; {
		lp := &listedPackage{}
		if err := dec.Decode(lp); err == io.EOF {
			break
		} else if err != nil {
			return err
		}
		// Of the standard library -e tells of packages that a platform lacks.
		if lp.Error != nil && !lp.Standard {
			return fmt.Errorf("%s: %s", lp.ImportPath, lp.Error.Err)
		}
		info[lp.ImportPath] = lp
		w.order[p] = append(w.order[p], lp.ImportPath)
	}
	w.info[p] = info
	return nil
}

// check type-checks everything for a platform, bodies apart.
func (w *world) check(p platform) error {
	done := map[string]*types.Package{"unsafe": types.Unsafe}
	w.checked[p] = done
	for _, path := range w.order[p] {
		lp := w.info[p][path]
		if path == "unsafe" || len(lp.GoFiles) == 0 {
			continue
		}
		var files []*ast.File
		for _, name := range lp.GoFiles {
			f, err := w.parse(filepath.Join(lp.Dir, name))
			if err != nil {
				return err
			}
			files = append(files, f)
		}
		conf := types.Config{
			IgnoreFuncBodies: true,
			Sizes:            types.SizesFor("gc", p.arch),
			Importer: importer(func(imp string) (*types.Package, error) {
				if q, ok := lp.ImportMap[imp]; ok {
					imp = q
				}
				if q := done[imp]; q != nil {
					return q, nil
				}
				return nil, fmt.Errorf("%s imports %s, which go list did not name", path, imp)
			}),
		}
		pkg, err := conf.Check(w.alias(path), w.fset, files, nil)
		if err != nil {
			return fmt.Errorf("%s: %w", p, err)
		}
		done[path] = pkg
	}
	return nil
}

type importer func(string) (*types.Package, error)

func (f importer) Import(path string) (*types.Package, error) { return f(path) }

func (w *world) parse(file string) (*ast.File, error) {
	if f := w.parsed[file]; f != nil {
		return f, nil
	}
	f, err := parser.ParseFile(w.fset, file, nil, parser.SkipObjectResolution)
	if err != nil {
		return nil, err
	}
	w.parsed[file] = f
	return f, nil
}

// public tells whether a cell may import the package.
func (w *world) public(lp *listedPackage) bool {
	if lp.Name == "main" || slices.Contains(w.o.skip, lp.ImportPath) {
		return false
	}
	if lp.Standard && slices.Contains(notForCells, lp.ImportPath) && !slices.Contains(w.o.also, lp.ImportPath) {
		return false
	}
	for _, part := range strings.Split(lp.ImportPath, "/") {
		if part == "internal" || part == "vendor" {
			return false
		}
	}
	return true
}

func (w *world) everywhere(path string) bool {
	for _, p := range platforms {
		if w.checked[p][path] == nil {
			return false
		}
	}
	return true
}

// elsewhere tells whether another library has the package.
func (w *world) elsewhere(lp *listedPackage) bool {
	for _, pattern := range w.o.without {
		if pattern == "std" && lp.Standard || pattern == lp.ImportPath {
			return true
		}
		if dir, ok := strings.CutSuffix(pattern, "..."); ok && strings.HasPrefix(lp.ImportPath+"/", dir) {
			return true
		}
	}
	return false
}

// alias is the path under which cells import a package.
func (w *world) alias(path string) string {
	for _, a := range w.o.as {
		if of, as, ok := strings.Cut(a, "="); ok && of == path {
			return as
		}
	}
	return path
}
