package interp

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/godlas/godlas/kernel/internal/modules"
)

// Source finds the sources of packages that are not compiled in. [Modules] is one.
type Source interface {
	// Find returns the package with an import path and all that it needs, dependencies first. Its error is one line.
	Find(ctx context.Context, path string) ([]*modules.Package, error)
}

// Modules finds packages by the go command as it sees them from a folder: in its module, in those that the go.mod there or
// in a folder above requires, and where that says they are replaced. It downloads nothing.
func Modules(dir string) Source { return modules.Workspace{Dir: dir} }

// find gets the sources of what a cell imports for the first time, without holding the lock: it may take a second.
func (in *Interp) find(ctx context.Context, src string) error {
	if in.opt.Source == nil {
		return nil
	}
	in.m.Mu.Lock()
	paths := in.front.Imports(src)
	in.m.Mu.Unlock()
	for _, path := range paths {
		pkgs, err := in.opt.Source.Find(ctx, path)
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		parsed := in.front.Parse(pkgs)
		in.m.Mu.Lock()
		in.front.Offer(parsed)
		if err != nil {
			in.front.Refuse(path, err)
		}
		in.m.Mu.Unlock()
	}
	return nil
}

// uninitialized forgets packages whose initialisation failed.
func (in *Interp) uninitialized(refs toRun) {
	in.m.Mu.Lock()
	defer in.m.Mu.Unlock()
	refs.undo()
}

// Loaded is a module from which packages were loaded.
type Loaded struct{ Path, Version string }

// Loaded lists the modules whose packages this session has loaded from source.
func (in *Interp) Loaded() []Loaded {
	in.m.Mu.Lock()
	defer in.m.Mu.Unlock()
	var out []Loaded
	seen := map[string]bool{}
	for _, p := range in.front.Loaded() {
		if m := p.Module; m != nil && !seen[m.Path] {
			seen[m.Path] = true
			out = append(out, Loaded{m.Path, m.Version})
		}
	}
	return out
}

// Reload forgets the packages of a module, and what imports them, so that the next cell that mentions them loads them anew;
// it returns their paths. What was made before keeps its types and code.
func (in *Interp) Reload(module string) []string {
	in.m.Mu.Lock()
	defer in.m.Mu.Unlock()
	return in.front.Unload(func(p *modules.Package) bool { return p.Module != nil && p.Module.Path == module })
}

// modulePaths lists what the modules of a folder offer to import, for completion: the modules themselves, and packages of
// them that are loaded. The file is read at most once a second.
func (in *Interp) modulePaths(w modules.Workspace) func() []string {
	var known []string
	var read time.Time
	return func() []string {
		if now := time.Now(); now.Sub(read) > time.Second {
			read, known = now, nil
			if f := w.File(); f != nil {
				known = f.Modules()
			}
		}
		out := slices.DeleteFunc(slices.Clone(known), func(p string) bool { return p == "" })
		for _, p := range in.front.Loaded() {
			if !strings.Contains("/"+p.ImportPath+"/", "/internal/") {
				out = append(out, p.ImportPath)
			}
		}
		return out
	}
}

// words asks the library of a package what may stand in a string.
func (in *Interp) words(path, fn string, arg int, typed string) ([]string, int) {
	for _, l := range slices.Backward(in.opt.Libraries) {
		if l.Strings == nil {
			continue
		}
		if words, replace := l.Strings(path, fn, arg, typed); len(words) > 0 {
			return words, replace
		}
	}
	return nil, 0
}
