package front

import (
	"errors"
	"go/ast"
	"go/token"
	"go/types"
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/godlas/godlas/kernel/internal/lazy"
)

// A cell may leave out the import of a package. A name that several packages have stands for the first that has all members
// that the cell selects from it: of the standard library first, in the order of preferred, then of the other libraries. What
// the user declares or imports under the name always wins.

// preferred are the names that several packages of the standard library have; docs/cells.md explains the order.
var preferred = map[string][]string{
	"rand":     {"math/rand/v2", "crypto/rand", "math/rand"},
	"scanner":  {"text/scanner", "go/scanner"},
	"template": {"text/template", "html/template"},
}

// Preferred returns the packages that a name stands for without an import, the first choice first.
func (p *Packages) Preferred(name string) []string {
	paths := slices.Clone(p.byName()[name])
	slices.SortStableFunc(paths, func(a, b string) int { return rank(name, a) - rank(name, b) })
	return paths
}

func rank(name, path string) int {
	if i := slices.Index(preferred[name], path); i >= 0 {
		return i
	}
	if isStd(path) {
		return len(preferred[name])
	}
	return len(preferred[name]) + 1
}

// isStd tells whether a path is one of the standard library, whose first part has no dot.
func isStd(p string) bool {
	first, _, _ := strings.Cut(p, "/")
	return !strings.Contains(first, ".")
}

var majorVersion = lazy.Regexp(`^v[0-9]+$`)

// index maps the names that packages most likely have to their paths.
func (p *Packages) index() map[string][]string {
	m := map[string][]string{"unsafe": {"unsafe"}}
	for _, x := range p.Paths() {
		m[nameOf(x)] = append(m[nameOf(x)], x)
	}
	return m
}

// nameOf guesses a package's name by its path.
func nameOf(p string) string {
	b := path.Base(p)
	if majorVersion().MatchString(b) {
		b = path.Base(path.Dir(p))
	}
	return b
}

// choose returns the package that a name stands for if it is not declared, or "".
func (b *builder) choose(name string) string {
	paths := b.s.Packages.Preferred(name)
	if len(paths) < 2 {
		return strings.Join(paths, "")
	}
	members := selected(b.parsed, name)
	if len(members) == 0 {
		return "" // a name alone is no package
	}
	for _, p := range paths {
		pkg, err := b.s.imp.Import(p)
		if err == nil && !slices.ContainsFunc(members, func(m string) bool { return pkg.Scope().Lookup(m) == nil }) {
			return p
		}
	}
	return paths[0]
}

// selected lists the members that a file selects from a name.
func selected(f *ast.File, name string) []string {
	found := map[string]bool{}
	ast.Inspect(f, func(n ast.Node) bool {
		if sel, ok := n.(*ast.SelectorExpr); ok {
			if id, ok := sel.X.(*ast.Ident); ok && id.Name == name && token.IsExported(sel.Sel.Name) {
				found[sel.Sel.Name] = true
			}
		}
		return true
	})
	return slices.Sorted(maps.Keys(found))
}

var undefined = lazy.Regexp(`^undefined: (\w+)$`)

// missingImports adds imports for package names that a cell uses without importing them.
func (b *builder) missingImports(errs []error) bool {
	added := false
	for _, err := range errs {
		var te types.Error
		if !errors.As(err, &te) {
			continue
		}
		m := undefined().FindStringSubmatch(te.Msg)
		if m == nil || b.owned[m[1]] {
			continue
		}
		if p := b.choose(m[1]); p != "" {
			b.addImport(m[1], p)
			b.auto[m[1]] = true
			added = true
		}
	}
	return added
}
