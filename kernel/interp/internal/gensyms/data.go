package main

import (
	"bytes"
	"fmt"
	"go/ast"
	"go/doc"
	"go/parser"
	"go/token"
	"go/types"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/tools/go/gcexportdata"

	"github.com/godlas/godlas/kernel/interp/internal/archive"
)

// packages makes the archive's contents.
func (w *world) packages() ([]archive.Package, error) {
	first := platforms[0]
	var out []archive.Package
	for _, path := range w.order[first] {
		lp := w.info[first][path]
		listed := slices.Contains(w.listed, path)
		t := w.checked[first][path]
		if path == "unsafe" || t == nil || !listed && w.elsewhere(lp) {
			continue
		}
		p := archive.Package{Path: w.alias(path), Importable: listed}
		var err error
		if p.Export, err = typeData(t); err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
		if p.Imports, err = mentioned(p.Export, p.Path); err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
		if listed {
			if p.Variants, err = w.variants(path); err != nil {
				return nil, fmt.Errorf("%s: %w", path, err)
			}
			if p.Doc, err = docs(lp); err != nil {
				return nil, err
			}
		}
		if slices.Contains(w.o.source, path) {
			if p.Source, err = sources(lp); err != nil {
				return nil, err
			}
		}
		out = append(out, p)
	}
	return out, nil
}

// typeData is what gcexportdata.Read reads. The empty file set drops positions,
// which hold the paths of the machine that runs this.
func typeData(t *types.Package) ([]byte, error) {
	var b bytes.Buffer
	if err := gcexportdata.Write(&b, token.NewFileSet(), t); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}

// mentioned lists the packages that type data declares objects of.
func mentioned(data []byte, path string) ([]string, error) {
	seen := map[string]*types.Package{}
	if _, err := gcexportdata.Read(bytes.NewReader(data), token.NewFileSet(), seen, path); err != nil {
		return nil, err
	}
	var list []string
	for p := range seen {
		if p != path && p != "unsafe" {
			list = append(list, p)
		}
	}
	slices.Sort(list)
	return list, nil
}

// variants are the type data of those platforms where a cell sees another
// package than on the first.
func (w *world) variants(path string) (map[string][]byte, error) {
	base := surface(w.checked[platforms[0]][path])
	var out map[string][]byte
	for _, p := range platforms[1:] {
		t := w.checked[p][path]
		if surface(t) == base {
			continue
		}
		data, err := typeData(t)
		if err != nil {
			return nil, err
		}
		if out == nil {
			out = map[string][]byte{}
		}
		out[p.String()] = data
	}
	return out, nil
}

// surface writes down what of a package can be seen from outside: the values of
// its constants and the types of everything else, with their methods. All fields
// are in it, as the hidden ones move the others.
func surface(t *types.Package) string {
	var b strings.Builder
	for _, name := range t.Scope().Names() {
		o := t.Scope().Lookup(name)
		if !o.Exported() {
			continue
		}
		b.WriteString(types.ObjectString(o, nil))
		if c, ok := o.(*types.Const); ok {
			b.WriteString(c.Val().ExactString())
		}
		if tn, ok := o.(*types.TypeName); ok {
			for _, rt := range []types.Type{tn.Type(), types.NewPointer(tn.Type())} {
				for m := range types.NewMethodSet(rt).Methods() {
					if m.Obj().Exported() {
						b.WriteString(m.String())
					}
				}
			}
		}
		b.WriteByte('\n')
	}
	return b.String()
}

// docs collects the comments of the exported names of a package.
func docs(lp *listedPackage) (map[string]string, error) {
	fset := token.NewFileSet()
	var files []*ast.File
	for _, name := range lp.GoFiles {
		f, err := parser.ParseFile(fset, filepath.Join(lp.Dir, name), nil, parser.ParseComments|parser.SkipObjectResolution)
		if err != nil {
			return nil, err
		}
		files = append(files, f)
	}
	d, err := doc.NewFromFiles(fset, files, lp.ImportPath)
	if err != nil {
		return nil, err
	}
	m := map[string]string{}
	put := func(name string, texts ...string) {
		for _, t := range texts {
			if t = strings.TrimSpace(t); t != "" {
				m[name] = t
				return
			}
		}
	}
	values := func(vs []*doc.Value) {
		for _, v := range vs {
			for _, s := range v.Decl.Specs {
				s := s.(*ast.ValueSpec)
				for _, n := range s.Names {
					if n.IsExported() {
						put(n.Name, s.Doc.Text(), s.Comment.Text(), v.Doc)
					}
				}
			}
		}
	}
	funcs := func(prefix string, fs []*doc.Func) {
		for _, f := range fs {
			put(prefix+f.Name, f.Doc)
		}
	}
	put("", d.Doc)
	values(d.Consts)
	values(d.Vars)
	funcs("", d.Funcs)
	for _, t := range d.Types {
		put(t.Name, t.Doc)
		values(t.Consts)
		values(t.Vars)
		funcs("", t.Funcs)
		funcs(t.Name+".", t.Methods)
		for _, s := range t.Decl.Specs {
			if s := s.(*ast.TypeSpec); s.Name.Name == t.Name {
				members(s.Type, func(name, text, comment string) { put(t.Name+"."+name, text, comment) })
			}
		}
	}
	return m, nil
}

// members visits the exported fields of a struct and methods of an interface.
func members(x ast.Expr, visit func(name, text, comment string)) {
	var fields *ast.FieldList
	switch x := x.(type) {
	case *ast.StructType:
		fields = x.Fields
	case *ast.InterfaceType:
		fields = x.Methods
	default:
		return
	}
	for _, f := range fields.List {
		for _, n := range f.Names {
			if n.IsExported() {
				visit(n.Name, f.Doc.Text(), f.Comment.Text())
			}
		}
	}
}
