package front

import (
	"errors"
	"go/ast"
	"go/token"
	"go/types"
	"maps"
	"slices"
	"strings"

	"golang.org/x/tools/go/ssa"
)

// dropUnchangedTypes leaves out declarations of types that are live and declared
// in the same words, so that running a cell again keeps its types and the values
// that have them. Their methods then replace those of before.
func (b *builder) dropUnchangedTypes() {
	type decl struct {
		spec *ast.TypeSpec
		gen  *ast.GenDecl
		d    *typeDecl
		own  []*ast.FuncDecl // the methods of a generic type
	}
	found := map[string]*decl{}
	for _, d := range b.parsed.Decls {
		gd, ok := d.(*ast.GenDecl)
		if !ok {
			continue
		}
		for _, sp := range gd.Specs {
			ts, ok := sp.(*ast.TypeSpec)
			if !ok {
				continue
			}
			td := &typeDecl{text: b.source(ts.Pos(), ts.End()), deps: map[string]types.Object{}, methods: map[string]string{}}
			for _, id := range mentions(ts.Type) {
				td.deps[id.Name] = nil
			}
			ast.Inspect(ts.Type, func(n ast.Node) bool {
				if f, ok := n.(*ast.SelectorExpr); ok {
					if id, ok := f.X.(*ast.Ident); ok {
						td.deps[id.Name] = nil
					}
				}
				return true
			})
			if ts.TypeParams != nil {
				td.bodies = map[string]string{}
				td.names = mentions(ts.TypeParams)
			}
			found[ts.Name.Name] = &decl{spec: ts, gen: gd, d: td}
			b.decls[ts.Name.Name] = td
		}
	}
	for _, d := range b.parsed.Decls {
		if fd, ok := d.(*ast.FuncDecl); ok && fd.Recv != nil {
			if x := found[receiverName(fd)]; x != nil {
				x.d.methods[fd.Name.Name] = b.signature(fd)
			} else if x := found[genericReceiver(fd)]; x != nil && x.d.generic() {
				x.d.bodies[fd.Name.Name] = b.source(fd.Pos(), fd.End())
				x.d.names = append(x.d.names, identifiers(fd)...)
				x.own = append(x.own, fd)
			}
		}
	}
	same := map[string]bool{}
	for name, x := range found {
		tn, ok := b.s.live[name].(*types.TypeName)
		if !ok {
			continue
		}
		// the methods of a generic type stay as they are, or the type does not
		old := b.s.types[tn]
		same[name] = old != nil && old.text == x.d.text && b.sameMethods(old, x.d) && maps.Equal(old.bodies, x.d.bodies)
	}
	for changed := true; changed; {
		changed = false
		for name := range same {
			if !same[name] {
				continue
			}
			old := b.s.types[b.s.live[name].(*types.TypeName)]
			for dep, o := range old.deps {
				if b.declared[dep] && !same[dep] || !b.declared[dep] && o != nil && b.s.live[dep] != o || b.owned[dep] && b.s.imports[dep] == "" {
					same[name], changed = false, true
					break
				}
			}
		}
	}
	for name, ok := range same {
		if !ok {
			continue
		}
		x := found[name]
		b.blank(x.spec.Pos(), x.spec.End())
		if !x.gen.Lparen.IsValid() {
			b.blank(x.gen.TokPos, x.spec.Pos())
		}
		for _, fd := range x.own {
			b.blank(fd.Pos(), fd.End())
			fd.Recv = nil // it is no method of a later cell
		}
		delete(b.declared, name)
		delete(b.decls, name)
	}
}

// genericReceiver returns the name of the generic type that a method is of, "" if it is of none.
func genericReceiver(fd *ast.FuncDecl) string {
	if len(fd.Recv.List) != 1 {
		return ""
	}
	t := ast.Unparen(fd.Recv.List[0].Type)
	if p, ok := t.(*ast.StarExpr); ok {
		t = ast.Unparen(p.X)
	}
	switch x := t.(type) {
	case *ast.IndexExpr:
		t = x.X
	case *ast.IndexListExpr:
		t = x.X
	}
	id, _ := t.(*ast.Ident)
	if id == nil {
		return ""
	}
	return id.Name
}

func identifiers(n ast.Node) (ids []*ast.Ident) {
	ast.Inspect(n, func(n ast.Node) bool {
		if id, ok := n.(*ast.Ident); ok {
			ids = append(ids, id)
		}
		return true
	})
	return ids
}

// sameMethods tells whether no method has another signature than before.
func (b *builder) sameMethods(old, d *typeDecl) bool {
	for n, sig := range d.methods {
		if was, ok := old.methods[n]; ok && was != sig {
			return false
		}
	}
	return true
}

// blank replaces a part of the text by spaces and newlines.
func (b *builder) blank(from, to token.Pos) {
	f, t := b.off(from), b.off(to)
	text := strings.Map(func(r rune) rune {
		if r == '\n' {
			return r
		}
		return ' '
	}, b.text[f:t])
	b.edits = append(b.edits, edit{f, t, text})
}

func (b *builder) signature(fd *ast.FuncDecl) string {
	star := ""
	if _, ok := fd.Recv.List[0].Type.(*ast.StarExpr); ok {
		star = "*"
	}
	return star + b.source(fd.Type.Params.Pos(), fd.Type.End())
}

func receiverName(fd *ast.FuncDecl) string {
	if len(fd.Recv.List) != 1 {
		return ""
	}
	t := fd.Recv.List[0].Type
	if p, ok := t.(*ast.ParenExpr); ok {
		t = p.X
	}
	if st, ok := t.(*ast.StarExpr); ok {
		t = st.X
	}
	if id, ok := t.(*ast.Ident); ok {
		return id.Name
	}
	return ""
}

// methods turns methods of types of earlier cells into functions; the checker
// only allows methods beside their type.
func (b *builder) methods() {
	for _, d := range b.parsed.Decls {
		fd, ok := d.(*ast.FuncDecl)
		if !ok || fd.Recv == nil {
			continue
		}
		if g := genericReceiver(fd); receiverName(fd) == "" && !b.declared[g] && b.s.live[g] != nil {
			b.refused(fd.Name.Pos(), "method "+g+"."+fd.Name.Name+": the methods of a generic type belong into the cell that declares it; run that cell with them")
			continue
		}
		name := receiverName(fd)
		tn, ok := b.s.live[name].(*types.TypeName)
		if name == "" || !ok || b.declared[name] {
			continue
		}
		named, ok := types.Unalias(tn.Type()).(*types.Named)
		if !ok || named.Obj().Pkg() == nil || named.Obj().Pkg().Path() != "main" {
			continue
		}
		fn := b.name("method") + "_" + name + "_" + fd.Name.Name
		field := fd.Recv.List[0]
		recv := b.at(field.Pos()) + b.source(field.Pos(), field.End())
		if len(field.Names) == 0 {
			recv = "_ " + recv
		}
		if len(fd.Type.Params.List) > 0 {
			recv += ", "
		}
		open := fd.Type.Params.Opening + 1
		b.edits = append(b.edits, edit{b.off(fd.Recv.Opening), b.off(open), fn + "(" + recv + b.at(open)})
		b.later = append(b.later, laterMethod{named, fd.Name.Name, fn, b.signature(fd)})
	}
}

// apartFromLater leaves out of the errors those that the methods which the cell adds to earlier types may be the remedy of.
func (b *builder) apartFromLater(errs []error) []error {
	var out []error
	for _, err := range errs {
		var te types.Error
		if !errors.As(err, &te) || !slices.ContainsFunc(b.later, func(l laterMethod) bool { return strings.Contains(te.Msg, l.name) }) {
			out = append(out, err)
		}
	}
	return out
}

// attachTypes adds the methods to their types, as the first check found them.
func (b *builder) attachTypes(c *checked) error {
	for _, l := range b.later {
		f, ok := c.pkg.Scope().Lookup(l.fn).(*types.Func)
		if !ok {
			continue
		}
		sig := f.Signature()
		recv := sig.Params().At(0)
		var params []*types.Var
		for i := 1; i < sig.Params().Len(); i++ {
			params = append(params, sig.Params().At(i))
		}
		pkg := l.named.Obj().Pkg()
		ms := types.NewSignatureType(types.NewVar(recv.Pos(), pkg, recv.Name(), recv.Type()), nil, nil,
			types.NewTuple(params...), sig.Results(), sig.Variadic())
		if old := method(l.named, l.name); old != nil {
			_, wasPtr := old.Signature().Recv().Type().(*types.Pointer)
			_, isPtr := recv.Type().(*types.Pointer)
			if wasPtr != isPtr || !types.Identical(withoutRecv(old.Signature()), withoutRecv(ms)) {
				p := b.s.fset.Position(f.Pos())
				return Errors{{
					b.s.cells[b.file].name, p.Line, p.Column,
					"method " + l.named.Obj().Name() + "." + l.name + " has another signature in an earlier cell; declare the type again to change it",
				}}
			}
			continue
		}
		l.named.AddMethod(types.NewFunc(f.Pos(), pkg, l.name, ms))
	}
	return nil
}

func withoutRecv(s *types.Signature) *types.Signature {
	return types.NewSignatureType(nil, nil, nil, s.Params(), s.Results(), s.Variadic())
}

func method(t *types.Named, name string) *types.Func {
	for m := range t.Methods() {
		if m.Name() == name {
			return m
		}
	}
	return nil
}

// attachBodies gives the methods that were added their code.
func (b *builder) attachBodies(sp *ssa.Package) {
	for _, l := range b.later {
		if m := method(l.named, l.name); m != nil {
			b.s.M.Attach(m, sp.Func(l.fn))
		}
		if d := b.s.types[l.named.Obj()]; d != nil {
			d.methods[l.name] = l.sig
		}
		b.s.M.Refresh(l.named)
	}
}
