package interp

import (
	"bytes"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"go/types"
	"maps"
	"reflect"
	"slices"

	"golang.org/x/tools/go/gcexportdata"

	"github.com/godlas/godlas/kernel/interp/internal/archive"
)

// Check reads all of a library and tells where its parts disagree: a symbol
// that the type data does not know or knows as something else, a name without
// its symbol, a source that does not check. It is for the test of a library;
// others are the libraries whose packages this one builds on.
func (l Library) Check(others ...Library) error {
	c := checker{fset: token.NewFileSet(), pkgs: map[string]*types.Package{}}
	for _, x := range append([]Library{l}, others...) {
		a, err := archive.Open(x.Data)
		if err != nil {
			return fmt.Errorf("%s: %w", x.Name, err)
		}
		if err := a.Check(); err != nil {
			return fmt.Errorf("%s: %w", x.Name, err)
		}
		c.archives = append(c.archives, a)
	}
	var errs []error
	for _, path := range c.archives[0].Packages() {
		symbols := l.Symbols(path)
		if symbols == nil {
			errs = append(errs, fmt.Errorf("%s: no symbols", path))
			continue
		}
		pkg, err := c.Import(path)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		for _, name := range slices.Sorted(maps.Keys(symbols)) {
			if why := disagrees(pkg.Scope().Lookup(name), symbols[name]); why != "" {
				errs = append(errs, fmt.Errorf("%s.%s: %s", path, name, why))
			}
		}
		interpreted := len(symbols) == 0 && c.archives[0].Source(path) != nil
		for _, name := range pkg.Scope().Names() {
			if o := pkg.Scope().Lookup(name); hasSymbol(o) && !symbols[name].IsValid() && !interpreted {
				errs = append(errs, fmt.Errorf("%s: no symbol", o))
			}
		}
		if files := c.archives[0].Source(path); files != nil {
			errs = append(errs, c.checkSource(pkg, files))
		}
	}
	return errors.Join(errs...)
}

// checker reads type data, whichever library has it.
type checker struct {
	fset     *token.FileSet
	archives []*archive.Archive
	pkgs     map[string]*types.Package
}

// Import implements types.Importer.
func (c *checker) Import(path string) (*types.Package, error) {
	if path == "unsafe" {
		return types.Unsafe, nil
	}
	if p := c.pkgs[path]; p != nil && p.Complete() {
		return p, nil
	}
	for _, a := range c.archives {
		if data, ok := a.Export(path); ok {
			p, err := gcexportdata.Read(bytes.NewReader(data), c.fset, c.pkgs, path)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", path, err)
			}
			return p, nil
		}
	}
	return nil, fmt.Errorf("%s: no type data", path)
}

// checkSource checks a source and compares what it declares with the type data.
func (c *checker) checkSource(pkg *types.Package, files map[string][]byte) error {
	var parsed []*ast.File
	for _, name := range slices.Sorted(maps.Keys(files)) {
		f, err := parser.ParseFile(c.fset, name, files[name], parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		parsed = append(parsed, f)
	}
	conf := types.Config{Importer: c}
	src, err := conf.Check(pkg.Path(), c.fset, parsed, nil)
	if err != nil {
		return fmt.Errorf("source of %s: %w", pkg.Path(), err)
	}
	for _, name := range pkg.Scope().Names() {
		o := pkg.Scope().Lookup(name)
		if !o.Exported() {
			continue
		}
		if s := src.Scope().Lookup(name); s == nil || types.ObjectString(s, nil) != types.ObjectString(o, nil) {
			return fmt.Errorf("source of %s: %v is not %v", pkg.Path(), s, o)
		}
	}
	return nil
}

// disagrees says how a symbol is not what the type data declares, or "".
func disagrees(o types.Object, v reflect.Value) string {
	switch o := o.(type) {
	case nil:
		return "not in the type data"
	case *types.Func:
		if v.Kind() != reflect.Func || v.IsNil() {
			return "the type data has a function"
		}
		s := o.Signature()
		if t := v.Type(); t.NumIn() != s.Params().Len() || t.NumOut() != s.Results().Len() || t.IsVariadic() != s.Variadic() {
			return fmt.Sprintf("the symbol is a %s, the type data has %s", t, s)
		}
	case *types.Var:
		if !v.CanSet() {
			return "a variable that cannot be set"
		}
	case *types.TypeName:
		if v.Kind() != reflect.Pointer || !v.IsNil() {
			return "the type data has a type"
		}
		n, ok := types.Unalias(o.Type()).(*types.Named)
		if t := v.Type().Elem(); ok && n.TypeArgs() == nil && n.Obj().Pkg() != nil && t.Name() != n.Obj().Name() {
			return fmt.Sprintf("the symbol is the type %s", t)
		}
	default:
		return fmt.Sprintf("the type data has %s", o)
	}
	return ""
}

// hasSymbol tells whether an object has a compiled form.
func hasSymbol(o types.Object) bool {
	if !o.Exported() {
		return false
	}
	switch o := o.(type) {
	case *types.Func:
		return o.Signature().TypeParams() == nil
	case *types.Var:
		return true
	case *types.TypeName:
		if i, ok := o.Type().Underlying().(*types.Interface); ok && !i.IsMethodSet() {
			return false
		}
		return !isGeneric(o.Type())
	}
	return false
}

func isGeneric(t types.Type) bool {
	g, ok := t.(interface{ TypeParams() *types.TypeParamList })
	return ok && g.TypeParams().Len() > 0
}
