package front

import (
	"bytes"
	"fmt"
	"go/ast"
	"go/parser"
	"go/types"
	"maps"
	"slices"
	"sync"

	"golang.org/x/tools/go/gcexportdata"

	"github.com/godlas/godlas/kernel/interp/internal/archive"
)

// Packages is where imported packages come from.
type Packages struct {
	open []func() (*archive.Archive, error)
	mu   sync.Mutex
	docs map[string]map[string]string

	byName func() map[string][]string
}

// NewPackages makes a set of packages of archives; later ones win.
func NewPackages(data []string) *Packages {
	p := &Packages{docs: map[string]map[string]string{}}
	for _, d := range slices.Backward(data) {
		p.open = append(p.open, sync.OnceValues(func() (*archive.Archive, error) { return archive.Open(d) }))
	}
	p.byName = sync.OnceValue(p.index)
	return p
}

// each calls f with every archive, the preferred first, until it returns true.
func (p *Packages) each(f func(a *archive.Archive) bool) error {
	var first error
	for _, open := range p.open {
		a, err := open()
		if err != nil {
			if first == nil {
				first = err
			}
			continue
		}
		if f(a) {
			return nil
		}
	}
	return first
}

// HasSource reports whether a package is interpreted from source.
func (p *Packages) HasSource(path string) (has bool) {
	_ = p.each(func(a *archive.Archive) bool {
		has = has || a.HasSource(path)
		return has
	})
	return has
}

// Importable reports whether a cell can import a package that is built in.
func (p *Packages) Importable(path string) (has bool) {
	_ = p.each(func(a *archive.Archive) bool {
		has = a.Importable(path)
		return has
	})
	return has || path == "unsafe"
}

// Paths lists the packages that a cell can import.
func (p *Packages) Paths() []string {
	var out []string
	_ = p.each(func(a *archive.Archive) bool {
		out = append(out, a.Packages()...)
		return false
	})
	slices.Sort(out)
	return slices.Compact(out)
}

// Doc returns a package's documentation; see the archive.
func (p *Packages) Doc(path string) map[string]string {
	p.mu.Lock()
	defer p.mu.Unlock()
	if d, ok := p.docs[path]; ok {
		return d
	}
	var d map[string]string
	_ = p.each(func(a *archive.Archive) bool {
		d = a.Doc(path)
		return d != nil
	})
	p.docs[path] = d
	return d
}

// importer implements types.Importer for a session.
type importer struct {
	s    *Session
	pkgs map[string]*types.Package
}

func (im *importer) Import(path string) (*types.Package, error) {
	if path == "unsafe" {
		return types.Unsafe, nil
	}
	if !im.s.Packages.Importable(path) {
		if l := im.s.sources.loaded[path]; l != nil {
			return l.types, nil
		}
		if o := im.s.sources.offered[path]; o != nil {
			return im.load(o)
		}
		// the type data of what built-in packages need is no package to call
		if err := im.s.sources.failed[path]; err != nil {
			return nil, err
		}
	}
	if p := im.pkgs[path]; p != nil && p.Complete() {
		return p, nil
	}
	var pkg *types.Package
	var err error
	openErr := im.s.Packages.each(func(a *archive.Archive) bool {
		if a.HasSource(path) {
			pkg, err = im.source(path, a.Source(path))
			return true
		}
		data, ok := a.Export(path)
		if !ok {
			return false
		}
		for _, q := range a.Imports(path) {
			if q != path && im.s.Packages.HasSource(q) {
				if _, err = im.Import(q); err != nil {
					return true
				}
			}
		}
		pkg, err = gcexportdata.Read(bytes.NewReader(data), im.s.fset, im.pkgs, path)
		return true
	})
	switch {
	case err != nil:
		return nil, err
	case pkg == nil && openErr != nil:
		return nil, openErr
	case pkg == nil && im.s.sources.failed[path] != nil:
		return nil, im.s.sources.failed[path]
	case pkg == nil:
		return nil, fmt.Errorf("package %s is not built into this kernel%s", path, im.s.Packages.nearPath(path))
	}
	im.pkgs[path] = pkg
	return pkg, nil
}

// source checks a package's source and hands it to the compiler.
func (im *importer) source(path string, files map[string][]byte) (*types.Package, error) {
	var parsed []*ast.File
	for _, name := range slices.Sorted(maps.Keys(files)) {
		f, err := parser.ParseFile(im.s.fset, path+"/"+name, files[name], parser.SkipObjectResolution)
		if err != nil {
			return nil, err
		}
		parsed = append(parsed, f)
	}
	if len(parsed) == 0 {
		return nil, fmt.Errorf("package %s has no source", path)
	}
	info := newInfo()
	conf := types.Config{Importer: im, Sizes: im.s.sizes, Error: func(error) {}}
	pkg := types.NewPackage(path, parsed[0].Name.Name)
	im.pkgs[path] = pkg
	if err := types.NewChecker(&conf, im.s.fset, pkg, info).Files(parsed); err != nil {
		delete(im.pkgs, path)
		return nil, err
	}
	for _, q := range pkg.Imports() {
		im.s.ensureSSA(q)
	}
	rewrite(parsed, pkg, info)
	sp := im.s.M.Prog.CreatePackage(pkg, parsed, info, true)
	im.s.created[pkg] = true
	sp.Build()
	return pkg, nil
}

func newInfo() *types.Info {
	return &types.Info{
		Types: map[ast.Expr]types.TypeAndValue{}, Defs: map[*ast.Ident]types.Object{}, Uses: map[*ast.Ident]types.Object{},
		Implicits: map[ast.Node]types.Object{}, Scopes: map[ast.Node]*types.Scope{}, Selections: map[*ast.SelectorExpr]*types.Selection{},
		Instances: map[*ast.Ident]types.Instance{}, FileVersions: map[*ast.File]string{},
	}
}

// ensureSSA makes the bodiless SSA package of a compiled package and of what it
// mentions. A package that was only mentioned is incomplete, and comes later.
func (s *Session) ensureSSA(p *types.Package) {
	if s.created[p] || !p.Complete() {
		return
	}
	s.created[p] = true
	for _, q := range p.Imports() {
		s.ensureSSA(q)
	}
	if s.M.Prog.Package(p) == nil {
		s.M.Prog.CreatePackage(p, nil, nil, true)
	}
}
