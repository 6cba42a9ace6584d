package front

import (
	"cmp"
	"go/ast"
	"go/token"
	"go/types"
	"slices"
	"strings"
)

// Item is a completion.
type Item struct {
	Text, Type, Signature string
}

// Complete lists what can stand at the cursor, a byte offset, and the range
// that it replaces. M.Mu is held.
func (s *Session) Complete(src string, cursor int) (start, end int, items []Item) {
	cursor = min(max(cursor, 0), len(src))
	if from, items, ok := s.completeImport(src[:cursor]); ok {
		return from, cursor, items
	}
	if inLiteral(src[:cursor]) {
		return cursor, cursor, nil
	}
	start, end = wordAt(src, cursor)
	prefix := src[start:cursor]
	if prefix != "" && prefix[0] >= '0' && prefix[0] <= '9' {
		return start, end, nil
	}
	q := s.ask(src, start)
	if q == nil || q.ident == nil {
		return start, end, filter(s.keywords(), prefix)
	}
	if sel, ok := q.parent(1).(*ast.SelectorExpr); ok && sel.Sel == q.ident {
		return start, end, filter(q.members(sel), prefix)
	}
	items = append(q.fields(), q.names()...)
	return start, end, filter(append(items, s.keywords()...), prefix)
}

// filter keeps the items that begin with prefix, each once, sorted; those that
// differ in case come last.
func filter(items []Item, prefix string) []Item {
	var out []Item
	seen := map[string]bool{}
	lower := strings.ToLower(prefix)
	for _, it := range items {
		if !seen[it.Text] && !strings.HasPrefix(it.Text, marker) && strings.HasPrefix(strings.ToLower(it.Text), lower) {
			seen[it.Text] = true
			out = append(out, it)
		}
	}
	rank := func(it Item) int {
		r := 0
		if !strings.HasPrefix(it.Text, prefix) {
			r += 2
		}
		if it.Type == "keyword" || it.Type == "builtin" {
			r++
		}
		return r
	}
	slices.SortStableFunc(out, func(a, b Item) int {
		return cmp.Or(cmp.Compare(rank(a), rank(b)), cmp.Compare(a.Text, b.Text))
	})
	return out
}

// inLiteral tells whether the end of src is inside a string or a comment.
func inLiteral(src string) bool {
	toks := scan(src)
	if len(toks) < 2 {
		return strings.HasPrefix(strings.TrimSpace(src), "//") || strings.HasPrefix(strings.TrimSpace(src), "/*")
	}
	line := src[strings.LastIndexByte(src, '\n')+1:]
	if i := strings.Index(line, "//"); i >= 0 && !strings.ContainsAny(line[:i], "\"`") {
		return true
	}
	for _, t := range toks[:len(toks)-1] {
		if t.tok == token.STRING && t.off+len(t.lit) >= len(src) {
			q := t.lit[0]
			if len(t.lit) < 2 || t.lit[len(t.lit)-1] != q {
				return true
			}
		}
	}
	return false
}

// completeImport completes the path of an import declaration.
func (s *Session) completeImport(src string) (int, []Item, bool) {
	q := strings.LastIndexByte(src, '"')
	if q < 0 || strings.Contains(src[q:], "\n") {
		return 0, nil, false
	}
	if strings.Count(src[strings.LastIndexByte(src, '\n')+1:], `"`)%2 == 0 {
		return 0, nil, false
	}
	inImport := false
	for _, p := range split(src[:q]) {
		inImport = p.kind == imports
	}
	if !inImport {
		return 0, nil, false
	}
	var items []Item
	for _, p := range s.Packages.Paths() {
		items = append(items, Item{Text: p, Type: "module"})
	}
	return q + 1, filter(items, src[q+1:]), true
}

func (s *Session) keywords() []Item {
	var out []Item
	for k := token.BREAK; k <= token.VAR; k++ {
		if k.IsKeyword() {
			out = append(out, Item{Text: k.String(), Type: "keyword"})
		}
	}
	return out
}

// qualifier writes packages by name, and those of cells not at all.
func qualifier(p *types.Package) string {
	if p.Path() == "main" {
		return ""
	}
	return p.Name()
}

// describe makes the item of an object.
func describe(o types.Object) Item {
	it := Item{Text: o.Name()}
	switch o := o.(type) {
	case *types.PkgName:
		it.Type, it.Signature = "module", o.Imported().Path()
	case *types.Func:
		it.Type = "function"
		if o.Signature().Recv() != nil {
			it.Type = "method"
		}
		it.Signature = strings.TrimPrefix(types.TypeString(o.Type(), qualifier), "func")
	case *types.TypeName:
		it.Type = "class"
		switch o.Type().Underlying().(type) {
		case *types.Struct:
			it.Type = "struct"
		case *types.Interface:
			it.Type = "interface"
		}
		it.Signature = types.TypeString(o.Type().Underlying(), qualifier)
	case *types.Const:
		it.Type, it.Signature = "constant", types.TypeString(o.Type(), qualifier)+" = "+o.Val().String()
	case *types.Var:
		it.Type, it.Signature = "instance", types.TypeString(o.Type(), qualifier)
		if o.IsField() {
			it.Type = "property"
		}
	case *types.Builtin:
		it.Type = "builtin"
	case *types.Nil:
		it.Type = "constant"
	}
	if len(it.Signature) > 200 {
		it.Signature = it.Signature[:200] + "..."
	}
	return it
}

// members lists what can follow a dot.
func (q *query) members(sel *ast.SelectorExpr) []Item {
	var out []Item
	if id, ok := sel.X.(*ast.Ident); ok {
		if pn, ok := q.info.Uses[id].(*types.PkgName); ok {
			scope := pn.Imported().Scope()
			for _, n := range scope.Names() {
				if ast.IsExported(n) {
					out = append(out, describe(scope.Lookup(n)))
				}
			}
			return out
		}
	}
	tv := q.info.Types[sel.X]
	if tv.Type == nil || tv.Type == types.Typ[types.Invalid] {
		return nil
	}
	visible := func(o types.Object) bool {
		return o.Exported() || o.Pkg() != nil && o.Pkg().Path() == "main"
	}
	t := tv.Type
	if _, ok := t.Underlying().(*types.Pointer); !ok && !types.IsInterface(t) && !tv.IsType() {
		t = types.NewPointer(t)
	}
	for m := range types.NewMethodSet(t).Methods() {
		if visible(m.Obj()) {
			out = append(out, describe(m.Obj()))
		}
	}
	if !tv.IsType() {
		out = append(out, fieldsOf(t, visible)...)
	}
	return out
}

// fieldsOf lists a struct's fields and those of embedded structs, as far as
// they are not hidden.
func fieldsOf(t types.Type, visible func(types.Object) bool) []Item {
	var out []Item
	seen := map[types.Type]bool{}
	level := []types.Type{t}
	for len(level) > 0 {
		var next []types.Type
		for _, t := range level {
			u := t.Underlying()
			if p, ok := u.(*types.Pointer); ok {
				u = p.Elem().Underlying()
			}
			st, ok := u.(*types.Struct)
			if !ok || seen[u] {
				continue
			}
			seen[u] = true
			for f := range st.Fields() {
				if visible(f) {
					out = append(out, describe(f))
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

// fields lists the fields that a struct literal around the cursor can set.
func (q *query) fields() []Item {
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
	st, ok := t.Underlying().(*types.Struct)
	if !ok {
		return nil
	}
	var out []Item
	for f := range st.Fields() {
		if f.Exported() || f.Pkg() != nil && f.Pkg().Path() == "main" {
			out = append(out, describe(f))
		}
	}
	return out
}

// names lists the names in scope.
func (q *query) names() []Item {
	var out []Item
	for s := q.scope(); s != nil; s = s.Parent() {
		for _, n := range s.Names() {
			o := s.Lookup(n)
			if s.Parent() != nil && s != q.pkg.Scope() && s.Parent() != types.Universe && o.Pos() > q.ident.Pos() {
				continue // declared further down
			}
			if n != here && n != "_" {
				out = append(out, describe(o))
			}
		}
	}
	for n, im := range q.s.imports {
		out = append(out, Item{Text: n, Type: "module", Signature: im})
	}
	for n, p := range q.s.prelude {
		out = append(out, Item{Text: n, Type: "module", Signature: p})
	}
	for n, ps := range q.s.Packages.byName() {
		if len(ps) == 1 && q.s.live[n] == nil {
			out = append(out, Item{Text: n, Type: "module", Signature: ps[0]})
		}
	}
	return out
}
