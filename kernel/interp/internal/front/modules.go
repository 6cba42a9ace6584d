package front

import (
	"bytes"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"go/types"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"

	"golang.org/x/tools/go/ssa"

	"github.com/godlas/godlas/kernel/internal/modules"
)

// sourcePackages are those of modules: interpreted, and loaded when a cell first imports them.
type sourcePackages struct {
	offered map[string]*offer
	failed  map[string]error
	loaded  map[string]*loadedPackage
	// fresh are loaded packages whose initialisation has not run, in its order.
	fresh []*loadedPackage
	files map[string]bool // the names in positions
}

// offer is a package that can be loaded, parsed.
type offer struct {
	*modules.Package
	files []*ast.File
	err   error
}

type loadedPackage struct {
	*modules.Package
	types *types.Package
	ssa   *ssa.Package
	docs  map[string]string // nil until somebody asks
}

func newSourcePackages() *sourcePackages {
	return &sourcePackages{offered: map[string]*offer{}, failed: map[string]error{}, loaded: map[string]*loadedPackage{}, files: map[string]bool{}}
}

// Imports lists what a cell needs of packages that are not known yet: those that it imports, and of what earlier cells
// imported those that are no longer loaded. M.Mu is held.
func (s *Session) Imports(src string) []string {
	need := map[string]bool{}
	for _, p := range split(src) {
		if p.kind != imports {
			continue
		}
		f, err := parser.ParseFile(token.NewFileSet(), "", "package p\n"+src[p.from:p.to], parser.ImportsOnly)
		if err != nil {
			continue
		}
		for _, im := range f.Imports {
			if path, err := strconv.Unquote(im.Path.Value); err == nil {
				need[path] = true
			}
		}
	}
	for name, path := range s.imports {
		if strings.Contains(src, name) {
			need[path] = true
		}
	}
	for _, path := range s.dots {
		need[path] = true
	}
	maps.DeleteFunc(need, func(path string, _ bool) bool {
		return path == "" || path == "C" || s.sources.loaded[path] != nil || s.Packages.Importable(path)
	})
	return slices.Sorted(maps.Keys(need))
}

// Parsed are the sources of packages.
type Parsed []*offer

// Parse reads packages that are not loaded yet. It is slow for large ones, and needs no lock.
func (s *Session) Parse(pkgs []*modules.Package) Parsed {
	var out Parsed
	var wg sync.WaitGroup
	limit := make(chan struct{}, 4)
	for _, p := range pkgs {
		if p.Standard || s.Packages.Importable(p.ImportPath) {
			continue
		}
		o := &offer{Package: p, files: make([]*ast.File, len(p.GoFiles))}
		out = append(out, o)
		wg.Go(func() {
			limit <- struct{}{}
			defer func() { <-limit }()
			for i, name := range p.GoFiles {
				src, err := os.ReadFile(filepath.Join(p.Dir, name))
				if err == nil {
					mode := parser.SkipObjectResolution
					if bytes.Contains(src, []byte("//go:embed")) {
						mode |= parser.ParseComments
					}
					o.files[i], err = parser.ParseFile(s.fset, positionName(p, name), src, mode)
				}
				if err != nil && o.err == nil {
					o.err = err
				}
			}
		})
	}
	wg.Wait()
	return out
}

// positionName is what a file is called in positions: not where it lies, but what it is.
func positionName(p *modules.Package, file string) string {
	path := p.ImportPath
	if m := p.Module; m != nil && m.Version != "" && (m.Replace == nil || m.Replace.Version != "") {
		path = m.String() + strings.TrimPrefix(path, m.Path)
	}
	return path + "/" + file
}

// Offer makes packages importable, or says why one is not. M.Mu is held.
func (s *Session) Offer(pkgs Parsed) {
	for _, o := range pkgs {
		delete(s.sources.failed, o.ImportPath)
		if s.sources.loaded[o.ImportPath] == nil {
			s.sources.offered[o.ImportPath] = o
		}
	}
}

// Refuse records why a package cannot be imported. M.Mu is held.
func (s *Session) Refuse(path string, why error) {
	if !errors.Is(why, modules.ErrNotModule) {
		s.sources.failed[path] = why
	}
}

// Loaded lists the packages that were loaded from source, sorted. M.Mu is held.
func (s *Session) Loaded() []*modules.Package {
	var out []*modules.Package
	for _, path := range slices.Sorted(maps.Keys(s.sources.loaded)) {
		out = append(out, s.sources.loaded[path].Package)
	}
	return out
}

// Unload forgets the loaded packages that which names, and all that import one: the next cell that mentions them loads them
// again. Values and functions made before keep what they were made with. M.Mu is held.
func (s *Session) Unload(which func(p *modules.Package) bool) (paths []string) {
	src := s.sources
	gone := map[*types.Package]bool{}
	for _, l := range src.loaded {
		if which(l.Package) {
			gone[l.types] = true
		}
	}
	for changed := true; changed; {
		changed = false
		for _, l := range src.loaded {
			if !gone[l.types] && slices.ContainsFunc(l.types.Imports(), func(p *types.Package) bool { return gone[p] }) {
				gone[l.types], changed = true, true
			}
		}
	}
	for path, l := range src.loaded {
		if gone[l.types] {
			delete(src.loaded, path)
			paths = append(paths, path)
		}
	}
	src.fresh = slices.DeleteFunc(src.fresh, func(l *loadedPackage) bool { return gone[l.types] })
	maps.DeleteFunc(src.offered, func(_ string, o *offer) bool { return which(o.Package) })
	slices.Sort(paths)
	s.members = nil
	return paths
}

// load checks a package of a module and builds its code.
func (im *importer) load(o *offer) (*types.Package, error) {
	s := im.s
	if o.err != nil {
		return nil, o.err
	}
	if len(o.files) == 0 {
		return nil, fmt.Errorf("package %s has no Go files", o.ImportPath)
	}
	delete(s.sources.offered, o.ImportPath)
	var errs []error
	conf := types.Config{
		Importer: im, Sizes: s.sizes, GoVersion: languageOf(o.Package),
		Error: func(err error) {
			var te types.Error
			if !errors.As(err, &te) || !te.Soft {
				errs = append(errs, err)
			}
		},
	}
	info := newInfo()
	pkg := types.NewPackage(o.ImportPath, o.files[0].Name.Name)
	_ = types.NewChecker(&conf, s.fset, pkg, info).Files(o.files)
	if len(errs) > 0 {
		err := im.inPackage(o, errs[0])
		s.sources.failed[o.ImportPath] = err
		return nil, err
	}
	for _, q := range pkg.Imports() {
		s.ensureSSA(q)
	}
	rewrite(o.files, pkg, info)
	s.M.Interpret(pkg)
	sp := s.M.Prog.CreatePackage(pkg, o.files, info, true)
	s.created[pkg] = true
	if err := s.embed(o, sp); err != nil {
		return nil, err
	}
	s.tables(sp, info)
	sp.Build()
	l := &loadedPackage{Package: o.Package, types: pkg, ssa: sp}
	s.sources.loaded[o.ImportPath] = l
	s.sources.fresh = append(s.sources.fresh, l)
	for _, f := range o.files {
		s.sources.files[s.fset.File(f.FileStart).Name()] = true
	}
	return pkg, nil
}

// languageOf is the version of the language that a package is written in.
func languageOf(p *modules.Package) string {
	if p.Module == nil || p.Module.GoVersion == "" {
		return "go1.16" // what the go command takes a module without a go directive for
	}
	return "go" + p.Module.GoVersion
}

// inPackage says in which package an error is, and where.
func (im *importer) inPackage(o *offer, err error) error {
	var te types.Error
	if !errors.As(err, &te) {
		return fmt.Errorf("package %s: %w", o.ImportPath, err)
	}
	p := im.s.fset.Position(te.Pos)
	if strings.HasPrefix(te.Msg, "could not import ") {
		return errors.New(te.Msg)
	}
	return fmt.Errorf("%s:%d:%d: %s", p.Filename, p.Line, p.Column, te.Msg)
}

// Inits returns the initialisation of the packages that were loaded since it was last called, in the order of a program: of
// those whose imports are initialised the one with the least path is next. M.Mu is held.
func (s *Session) Inits() (inits []*ssa.Function, undo func()) {
	fresh := s.sources.fresh
	s.sources.fresh = nil
	if len(fresh) == 0 {
		return nil, func() {}
	}
	slices.SortFunc(fresh, func(a, b *loadedPackage) int { return strings.Compare(a.ImportPath, b.ImportPath) })
	waiting := map[*types.Package]bool{}
	for _, l := range fresh {
		waiting[l.types] = true
	}
	for len(waiting) > 0 {
		for _, l := range fresh {
			if waiting[l.types] && !slices.ContainsFunc(l.types.Imports(), func(p *types.Package) bool { return waiting[p] }) {
				delete(waiting, l.types)
				inits = append(inits, l.ssa.Func("init"))
				break
			}
		}
	}
	return inits, func() {
		s.Unload(func(p *modules.Package) bool {
			return slices.ContainsFunc(fresh, func(l *loadedPackage) bool { return l.Package == p })
		})
	}
}
