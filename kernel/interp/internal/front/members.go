package front

import (
	"go/ast"
	"go/token"
	"go/types"
	"reflect"
	"slices"
	"strings"
)

// members lists what can follow a dot.
func (q *query) members(sel *ast.SelectorExpr) []candidate {
	if id, ok := sel.X.(*ast.Ident); ok {
		if pn, ok := q.info.Uses[id].(*types.PkgName); ok {
			out := q.s.exported(pn.Imported())
			if !pn.Pos().IsValid() { // not imported by the cell: another package of the name may be meant
				for _, path := range q.s.pathsOf(id.Name) {
					if p, err := q.s.imp.Import(path); err == nil && p != pn.Imported() {
						out = append(out, q.s.exported(p)...)
					}
				}
			}
			if q.inTypeOf(sel) {
				out = onlyTypes(out)
			}
			return out
		}
	}
	tv := q.info.Types[sel.X]
	if tv.Type == nil || tv.Type == types.Typ[types.Invalid] {
		return nil
	}
	var out []candidate
	t := tv.Type
	if _, ok := t.Underlying().(*types.Pointer); !ok && !types.IsInterface(t) && !tv.IsType() {
		t = types.NewPointer(t)
	}
	for m := range types.NewMethodSet(t).Methods() {
		if visible(m.Obj()) {
			out = append(out, q.s.candidateOf(m.Obj(), namedOf(recvOf(m.Obj()))))
		}
	}
	if !tv.IsType() {
		out = append(out, q.s.fieldsOf(t)...)
	}
	return out
}

// inTypeOf is inType for the selector whose name is typed.
func (q *query) inTypeOf(sel *ast.SelectorExpr) bool {
	at := &query{path: q.path[:len(q.path)-1]}
	at.ident = &ast.Ident{}
	switch p := at.parent(1).(type) {
	case *ast.Field:
		return p.Type == sel
	case *ast.ValueSpec:
		return p.Type == sel
	case *ast.TypeSpec:
		return p.Type == sel
	case *ast.ArrayType:
		return p.Elt == sel
	case *ast.MapType, *ast.ChanType, *ast.Ellipsis:
		return true
	case *ast.TypeAssertExpr:
		return p.Type == sel
	case *ast.CompositeLit:
		return p.Type == sel
	}
	return false
}

func recvOf(o types.Object) types.Type {
	if f, ok := o.(*types.Func); ok && f.Signature().Recv() != nil {
		return f.Signature().Recv().Type()
	}
	return types.Typ[types.Invalid]
}

// exported lists the names of a package that a cell can use.
func (s *Session) exported(p *types.Package) []candidate {
	if out := s.members[p]; out != nil {
		return out[:len(out):len(out)]
	}
	var out []candidate
	scope := p.Scope()
	for _, n := range scope.Names() {
		if ast.IsExported(n) {
			c := s.candidateOf(scope.Lookup(n), "")
			c.shared = new(Item)
			out = append(out, c)
		}
	}
	if p.Complete() {
		if s.members == nil {
			s.members = map[*types.Package][]candidate{}
		}
		s.members[p] = out
	}
	return out[:len(out):len(out)]
}

// candidateOf makes a candidate of an object that belongs to the named type
// owner, or to its package.
func (s *Session) candidateOf(o types.Object, owner string) candidate {
	c := candidate{Item: Item{Text: o.Name()}, object: o, rank: rankPlain}
	if o.Pkg() != nil && o.Pkg().Path() != "main" {
		key := o.Name()
		if owner != "" {
			key = owner + "." + key
		}
		if doc := s.docsOf(o.Pkg().Path())[key]; strings.HasPrefix(doc, "Deprecated:") || strings.Contains(doc, "\nDeprecated:") {
			c.rank = rankLast
		}
	}
	return c
}

// fieldsOf lists a struct's fields and those of embedded structs, as far as
// they are not hidden.
func (s *Session) fieldsOf(t types.Type) []candidate {
	var out []candidate
	seen := map[types.Type]bool{}
	level := []types.Type{t}
	for len(level) > 0 {
		var next []types.Type
		for _, t := range level {
			st, ok := deref(t).Underlying().(*types.Struct)
			if !ok || seen[st] {
				continue
			}
			seen[st] = true
			for f := range st.Fields() {
				if visible(f) {
					out = append(out, s.candidateOf(f, namedOf(t)))
				}
				if f.Embedded() {
					next = append(next, f.Type())
				}
			}
		}
		level = next
	}
	return out
}

func deref(t types.Type) types.Type {
	if p, ok := t.Underlying().(*types.Pointer); ok {
		return p.Elem()
	}
	return t
}

// fields lists the fields that a struct literal around the identifier can set
// and does not yet.
func (q *query) fields() []candidate {
	lit, ok := q.parent(1).(*ast.CompositeLit)
	if kv, is := q.parent(1).(*ast.KeyValueExpr); is && kv.Key == ast.Expr(q.ident) {
		lit, ok = q.parent(2).(*ast.CompositeLit)
	}
	if !ok || lit.Type == ast.Expr(q.ident) {
		return nil
	}
	t := q.info.Types[lit].Type
	if t == nil {
		return nil
	}
	st, ok := deref(t).Underlying().(*types.Struct)
	if !ok {
		return nil
	}
	set := map[string]bool{}
	for _, e := range lit.Elts {
		kv, ok := e.(*ast.KeyValueExpr)
		if !ok {
			if e != ast.Expr(q.ident) {
				return nil // by position
			}
			continue
		}
		if id, ok := kv.Key.(*ast.Ident); ok {
			set[id.Name] = true
		}
	}
	var out []candidate
	for f := range st.Fields() {
		if visible(f) {
			c := q.s.candidateOf(f, namedOf(t))
			c.rank = rankKey
			if set[f.Name()] {
				c.rank = rankLast
			}
			out = append(out, c)
		}
	}
	return out
}

// names lists the names in scope.
func (q *query) names() []candidate {
	var out []candidate
	hidden := q.defining()
	for s := q.scope(); s != nil; s = s.Parent() {
		local := s != q.pkg.Scope() && s != types.Universe && s.Parent() != q.pkg.Scope()
		for _, n := range s.Names() {
			o := s.Lookup(n)
			if local && o.Pos() > q.ident.Pos() {
				continue // declared further down
			}
			if slices.Contains(hidden, o.Pos()) || n == "_" || strings.HasPrefix(n, marker) {
				continue
			}
			c := candidate{Item: Item{Text: n}, object: o, rank: rankPlain, order: orderOf(o, local)}
			if s == types.Universe {
				if _, ok := o.(*types.Builtin); ok {
					c.rank = rankWord
				}
			}
			out = append(out, c)
		}
	}
	packages := func(n, path string, rank int) {
		out = append(out, candidate{Item: Item{Text: n, Type: "module", Signature: path}, rank: rank, order: 2})
	}
	for n, p := range q.s.imports {
		packages(n, p, rankPlain)
	}
	for n, p := range q.s.prelude {
		if q.s.live[n] == nil {
			packages(n, p, rankPlain)
		}
	}
	for _, a := range q.s.automatic() {
		if q.s.live[a.Text] == nil {
			out = append(out, a)
		}
	}
	return out
}

// orderOf puts local names before the notebook's variables and functions, these
// before its types and constants, and what Go declares last.
func orderOf(o types.Object, local bool) int {
	switch o.(type) {
	case *types.Var, *types.Func:
		if local {
			return 0
		}
		return 1
	}
	if o.Pkg() == nil {
		return 3
	}
	return 2
}

// held lists the type of what the interface holds whose type is asked for there.
func (q *query) held() (out []candidate) {
	var x ast.Expr
	for i := 1; x == nil && q.parent(i) != nil; i++ {
		switch p := q.parent(i).(type) {
		case *ast.TypeAssertExpr:
			x = p.X
		case *ast.TypeSwitchStmt:
			x = switchedOn(p)
		case *ast.CaseClause, *ast.BlockStmt, *ast.StarExpr:
		default:
			return nil
		}
	}
	q.s.still(func() {
		if v, ok := q.value(x); ok && v.Kind() == reflect.Interface && !v.IsNil() {
			out = append(out, candidate{Item: Item{Text: typeName(v.Elem().Type()), Type: "class", Signature: "is in it now"}, rank: rankKey})
		}
	})
	return out
}

// automatic lists the packages that are there without an import.
func (s *Session) automatic() []candidate {
	if s.packages == nil {
		for n := range s.Packages.byName() {
			s.packages = append(s.packages, candidate{Item: Item{Text: n, Type: "module", Signature: s.Packages.Preferred(n)[0]}, rank: rankPackage})
		}
	}
	return s.packages
}

// defining lists where the names are that the declaration around the identifier
// makes: in its own values they are not there yet.
func (q *query) defining() (out []token.Pos) {
	for i := 1; q.parent(i) != nil; i++ {
		switch p := q.parent(i).(type) {
		case *ast.ValueSpec:
			for _, n := range p.Names {
				out = append(out, n.Pos())
			}
		case *ast.AssignStmt:
			if p.Tok == token.DEFINE {
				for _, l := range p.Lhs {
					out = append(out, l.Pos())
				}
			}
		case *ast.FuncLit:
			return out
		}
	}
	return out
}
