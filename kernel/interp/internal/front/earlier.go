package front

import (
	"go/ast"
	"go/parser"
	"go/token"
	"go/types"
	"slices"
	"strconv"
	"strings"
)

// A statement that comes before the one that declares a name, and the right side of that one, mean by it what it meant
// before, as in the body of a Go function: a variable of an earlier cell, or a package, as in rand := rand.New(…). The
// name is the new variable's from there on, and in all functions of the cell.

// earlier finds these names and what to write for them.
func (b *builder) earlier() {
	first := map[string]int{}
	var order []string
	for i, st := range b.fn.Body.List {
		for _, id := range declaredBy(st) {
			if _, ok := first[id.Name]; !ok && b.hadMeaning(id.Name) {
				first[id.Name] = i
				order = append(order, id.Name)
			}
		}
	}
	if len(first) == 0 {
		return
	}
	for _, name := range order {
		if b.owned[name] {
			b.renameImport(name)
		}
	}
	if !b.mentionsEarly(first) {
		return
	}
	fset := token.NewFileSet()
	f, err := parser.ParseFile(fset, b.file, b.text, parser.AllErrors) // which resolves names as in a function
	if err != nil {
		return
	}
	tf := fset.File(f.FileStart)
	for _, d := range f.Decls {
		fd, ok := d.(*ast.FuncDecl)
		if !ok || fd.Name.Name != b.name("cell") {
			continue
		}
		for i, st := range fd.Body.List {
			names(st, false, func(id *ast.Ident, selects, inFunc bool) {
				j, ok := first[id.Name]
				if !ok || id.Obj != nil || inFunc && i == j { // a function may call itself by the name that it gets
					return
				}
				if repl := b.before(id.Name, selects); repl != "" {
					from := tf.Offset(id.Pos())
					to := from + len(id.Name)
					b.early = append(b.early, edit{from, to, repl + b.at(b.tf.Pos(to))})
				}
			})
		}
	}
}

// declaredBy lists the names that a statement of the top level declares.
func declaredBy(st ast.Stmt) (ids []*ast.Ident) {
	if l, ok := st.(*ast.LabeledStmt); ok {
		st = l.Stmt
	}
	switch st := st.(type) {
	case *ast.AssignStmt:
		if st.Tok == token.DEFINE {
			for _, l := range st.Lhs {
				if id, ok := l.(*ast.Ident); ok && id.Name != "_" {
					ids = append(ids, id)
				}
			}
		}
	case *ast.DeclStmt:
		for _, sp := range st.Decl.(*ast.GenDecl).Specs {
			if vs, ok := sp.(*ast.ValueSpec); ok {
				for _, id := range vs.Names {
					if id.Name != "_" {
						ids = append(ids, id)
					}
				}
			}
		}
	}
	return ids
}

// hadMeaning tells whether a name stood for something before the cell.
func (b *builder) hadMeaning(name string) bool {
	if b.declared[name] {
		return false
	}
	return b.s.live[name] != nil || b.owned[name] || b.s.imports[name] != "" || b.s.prelude[name] != "" || len(b.s.Packages.byName()[name]) > 0
}

// mentionsEarly tells whether any of the names may be used no later than in the statement that declares it.
func (b *builder) mentionsEarly(first map[string]int) bool {
	for i, st := range b.fn.Body.List {
		own := declaredBy(st)
		found := false
		ast.Inspect(st, func(n ast.Node) bool {
			if id, ok := n.(*ast.Ident); ok {
				j, ok := first[id.Name]
				found = found || ok && i <= j && !slices.Contains(own, id)
			}
			return !found
		})
		if found {
			return true
		}
	}
	return false
}

// names calls use for each identifier of a tree that is no field, member or label.
func names(root ast.Node, inFunc bool, use func(id *ast.Ident, selects, inFunc bool)) {
	ast.Inspect(root, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.FuncLit:
			names(n.Type, true, use)
			names(n.Body, true, use)
			return false
		case *ast.SelectorExpr:
			if id, ok := n.X.(*ast.Ident); ok {
				use(id, true, inFunc)
			} else {
				names(n.X, inFunc, use)
			}
			return false
		case *ast.CompositeLit:
			if n.Type != nil {
				names(n.Type, inFunc, use)
			}
			for _, e := range n.Elts {
				if kv, ok := e.(*ast.KeyValueExpr); ok {
					if _, ok := kv.Key.(*ast.Ident); !ok || indexed(n.Type) {
						names(kv.Key, inFunc, use)
					}
					e = kv.Value
				}
				names(e, inFunc, use)
			}
			return false
		case *ast.LabeledStmt:
			names(n.Stmt, inFunc, use)
			return false
		case *ast.BranchStmt:
			return false
		case *ast.Ident:
			use(n, false, inFunc)
		}
		return true
	})
}

// indexed tells whether the keys of a literal of a type are values, not fields.
func indexed(t ast.Expr) bool {
	switch t.(type) {
	case *ast.MapType, *ast.ArrayType:
		return true
	}
	return false
}

// before returns what to write for a name in the meaning that it had before the cell, or "". selects says that a member
// is selected from it.
func (b *builder) before(name string, selects bool) string {
	if repl, ok := b.befores[name]; ok {
		return repl
	}
	repl := ""
	old := b.name("old") + "_" + name
	switch o := b.s.live[name].(type) {
	case *types.Var:
		b.olds[name] = o
		repl = "(*" + old + ")"
	case *types.Const:
		b.aliases = append(b.aliases, types.NewConst(token.NoPos, o.Pkg(), old, o.Type(), o.Val()))
		repl = old
	case *types.TypeName:
		b.aliases = append(b.aliases, types.NewTypeName(token.NoPos, o.Pkg(), old, o.Type()))
		repl = old
	case *types.Func:
		if fn := b.s.M.Prog.FuncValue(o); fn != nil && o.Signature().TypeParams().Len() == 0 {
			v, g := b.s.variable(old, o.Type())
			b.s.M.SetFunc(g, fn)
			b.aliases = append(b.aliases, v)
			repl = old
		}
	case nil:
		if !selects { // a name alone is no package
			return ""
		}
		if path := b.packageBefore(name); path != "" {
			repl = b.name("pkg") + "_" + name
			b.added = append(b.added, "import "+repl+" "+strconv.Quote(path))
		}
	}
	if b.befores == nil {
		b.befores = map[string]string{}
	}
	b.befores[name] = repl
	return repl
}

// packageBefore returns the path of the package that a name stood for.
func (b *builder) packageBefore(name string) string {
	if p := b.s.imports[name]; p != "" && (!b.s.guessed[name] || len(b.s.Packages.byName()[name]) < 2) {
		return p
	}
	if p := b.s.prelude[name]; p != "" {
		return p
	}
	return b.choose(name)
}

// renameImport gives an import of the cell another name, as a variable of the cell takes its own.
func (b *builder) renameImport(name string) {
	alias := b.name("pkg") + "_" + name
	for _, sp := range b.parsed.Imports {
		if importName(sp) != name {
			continue
		}
		from, to := sp.Path.Pos(), sp.Path.Pos()
		if sp.Name != nil {
			from = sp.Name.Pos()
		}
		b.edits = append(b.edits, edit{b.off(from), b.off(to), alias + " " + b.at(to)})
		if b.befores == nil {
			b.befores = map[string]string{}
		}
		b.befores[name] = alias
		delete(b.owned, name)
		b.owned[alias] = true
	}
}

// earlyIn returns the edits of a part of the text.
func (b *builder) earlyIn(from, to int) (es []edit) {
	for _, e := range b.early {
		if e.from >= from && e.to <= to {
			es = append(es, edit{e.from - from, e.to - from, e.text})
		}
	}
	return es
}

// isGenerated tells whether a name is one of ours.
func isGenerated(name string) bool { return strings.HasPrefix(name, marker) }
