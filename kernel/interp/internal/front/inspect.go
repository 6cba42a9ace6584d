package front

import (
	"go/ast"
	"go/token"
	"go/types"
	"strings"
)

// Info is what is known of a name.
type Info struct {
	Signature, Doc, Source, Kind string
	// Value is a variable's, in short, and Dynamic the type of what is in it if it
	// is of an interface type.
	Value, Dynamic string
	// Parameter is the one whose argument is being typed, and Argument its number.
	Parameter string
	Argument  int
}

// Inspect describes the name at the cursor, or the function whose arguments are
// being typed there. M.Mu is held.
func (s *Session) Inspect(src string, cursor int) (Info, bool) {
	cursor = min(max(cursor, 0), len(src))
	if t, in := tokenAt(src, cursor); in {
		if t.tok == token.STRING {
			if in, ok := s.inspectImport(src, t); ok {
				return in, true
			}
		}
		if t.tok == token.COMMENT {
			return Info{}, false
		}
		return s.inspectCall(src, cursor)
	}
	from, to := wordAt(src, cursor)
	if from < to {
		if in, ok := s.inspectWord(src, from, src[from:to]); ok {
			return in, true
		}
	}
	return s.inspectCall(src, cursor)
}

// inspectWord describes the name at an offset: with all of the source, and if
// that does not tell, with what is before it.
func (s *Session) inspectWord(src string, from int, word string) (Info, bool) {
	if in, ok := words()[word]; ok {
		return in, true
	}
	q := s.whole(src, from)
	if q.ident != nil {
		if o := q.written(q.object()); known(o) {
			return q.about(o, q.owner(o)), true
		}
	}
	q = s.ask(src, from)
	if q.ident == nil {
		return Info{}, false
	}
	if sel, ok := q.parent(1).(*ast.SelectorExpr); ok && sel.Sel == q.ident {
		o, owner := q.member(sel, word)
		if o == nil {
			return Info{}, false
		}
		return q.about(o, owner), true
	}
	for _, c := range q.fields() {
		if c.Text == word {
			return q.about(c.object, q.fieldOwner(c.object)), true
		}
	}
	if _, o := q.scope().LookupParent(word, q.ident.Pos()); known(o) {
		return q.about(o, ""), true
	}
	if o := s.packageNamed(word); o != nil {
		return q.about(o, ""), true
	}
	return Info{}, false
}

// known tells whether there is anything to say of o.
func known(o types.Object) bool {
	return o != nil && o.Type() != nil && (o.Type() != types.Typ[types.Invalid] || isPackageOrBuiltin(o))
}

func isPackageOrBuiltin(o types.Object) bool {
	switch o.(type) {
	case *types.PkgName, *types.Builtin, *types.Nil, *types.Label:
		return true
	}
	return false
}

// object is what the identifier means.
func (q *query) object() types.Object {
	if o := q.info.Uses[q.ident]; o != nil {
		if inst, ok := q.info.Instances[q.ident]; ok {
			if f, ok := o.(*types.Func); ok { // with the types that it is used with
				if sig, ok := inst.Type.(*types.Signature); ok {
					return types.NewFunc(f.Pos(), f.Pkg(), f.Name(), sig)
				}
			}
		}
		return o
	}
	return q.info.Defs[q.ident]
}

// written is what the cell has in place of an object that the query made.
func (q *query) written(o types.Object) types.Object {
	if o == nil || !strings.HasPrefix(o.Name(), marker) {
		return o
	}
	if name, ok := strings.CutPrefix(o.Name(), marker+"old_"); ok {
		return q.s.live[name]
	}
	name, ok := strings.CutPrefix(o.Name(), marker+"method_")
	f, is := o.(*types.Func)
	if !ok || !is || f.Signature().Params().Len() == 0 {
		return nil
	}
	var params []*types.Var
	for v := range f.Signature().Params().Variables() {
		params = append(params, v)
	}
	sig := types.NewSignatureType(params[0], nil, nil, types.NewTuple(params[1:]...), f.Signature().Results(), f.Signature().Variadic())
	return types.NewFunc(f.Pos(), f.Pkg(), name, sig)
}

// owner is the name of the type that o, which the identifier means, is declared in.
func (q *query) owner(o types.Object) string {
	if t := namedOf(recvOf(o)); t != "" {
		return t
	}
	if v, ok := o.(*types.Var); ok && v.IsField() {
		if sel, ok := q.parent(1).(*ast.SelectorExpr); ok && sel.Sel == q.ident {
			return q.ownerOf(sel)
		}
		return q.fieldOwner(o)
	}
	return ""
}

// ownerOf is the name of the struct type that the field of a selector is in.
func (q *query) ownerOf(sel *ast.SelectorExpr) string {
	s := q.info.Selections[sel]
	if s == nil {
		return ""
	}
	t := s.Recv()
	for _, i := range s.Index()[:len(s.Index())-1] {
		st, ok := deref(t).Underlying().(*types.Struct)
		if !ok {
			return ""
		}
		t = st.Field(i).Type()
	}
	return namedOf(t)
}

// fieldOwner is the name of the type of the literal that o is a key of.
func (q *query) fieldOwner(types.Object) string {
	for i := 1; i <= 2; i++ {
		if lit, ok := q.parent(i).(*ast.CompositeLit); ok {
			if t := q.info.Types[lit].Type; t != nil {
				return namedOf(deref(t))
			}
		}
	}
	return ""
}

// inspectImport describes the package whose path a string is.
func (s *Session) inspectImport(src string, lit tok) (Info, bool) {
	pieces := cut(scan(src[:lit.off]+`""`), lit.off+2)
	if n := len(pieces); n == 0 || pieces[n-1].kind != imports {
		return Info{}, false
	}
	p, err := s.Import(strings.Trim(lit.lit, "`\""))
	if err != nil {
		return Info{}, false
	}
	return s.info(types.NewPkgName(token.NoPos, nil, p.Name(), p), ""), true
}

// inspectCall describes the function in whose parentheses the cursor is, and the
// parameter there.
func (s *Session) inspectCall(src string, cursor int) (Info, bool) {
	open, args := openCall(src[:cursor])
	if open < 0 {
		return Info{}, false
	}
	text := strings.TrimRight(src[:open], " \t")
	from, _ := wordAt(text, len(text))
	q := s.ask(src, from)
	var in Info
	var sig *types.Signature
	if from < len(text) && q.ident != nil {
		var ok bool
		if in, ok = s.inspectWord(src[:open], from, text[from:]); !ok {
			return Info{}, false
		}
	}
	// the call as it stands, for its type
	q = s.ask(src[:open]+"("+strings.Repeat("_,", args), open+1+2*args)
	if q.ident == nil {
		return in, in.Signature != ""
	}
	call, ok := q.parent(1).(*ast.CallExpr)
	if !ok {
		return in, in.Signature != ""
	}
	tv := q.info.Types[call.Fun]
	if tv.IsType() {
		return in, in.Signature != ""
	}
	sig, ok = under(tv.Type).(*types.Signature)
	if !ok {
		return in, in.Signature != ""
	}
	if in.Signature == "" {
		in = Info{Kind: "function", Signature: types.TypeString(sig, qualifier)}
	}
	if p := parameter(sig, args); p != nil {
		in.Argument = args + 1
		t := types.TypeString(p.Type(), qualifier)
		if sl, ok := p.Type().(*types.Slice); ok && sig.Variadic() && p == sig.Params().At(sig.Params().Len()-1) {
			t = "..." + types.TypeString(sl.Elem(), qualifier)
		}
		in.Parameter = strings.TrimSpace(p.Name() + " " + t)
	}
	return in, true
}

// openCall returns the offset of the parenthesis of the innermost call that src
// ends in, or -1, and how many arguments are before.
func openCall(src string) (open, args int) {
	depth := 0
	toks := scan(src)
	for i := len(toks) - 1; i >= 0; i-- {
		switch toks[i].tok {
		case token.RPAREN, token.RBRACK, token.RBRACE:
			depth++
		case token.COMMA:
			if depth == 0 {
				args++
			}
		case token.LBRACE:
			if depth == 0 && i > 0 && toks[i-1].tok == token.RPAREN {
				return -1, 0 // the body of a function
			}
			fallthrough
		case token.LBRACK:
			if depth == 0 {
				args = 0 // these were elements
				continue
			}
			depth--
		case token.LPAREN:
			if depth > 0 {
				depth--
				continue
			}
			if i > 0 {
				switch toks[i-1].tok {
				case token.IDENT, token.RPAREN, token.RBRACK, token.RBRACE:
					if i < 2 || toks[i-2].tok != token.FUNC {
						return toks[i].off, args
					}
				}
			}
			args = 0
		}
	}
	return -1, 0
}

// packageNamed finds a package that is there without an import.
func (s *Session) packageNamed(name string) types.Object {
	path := s.pathOf(name)
	if path == "" {
		return nil
	}
	p, err := s.Import(path)
	if err != nil {
		return nil
	}
	return types.NewPkgName(token.NoPos, nil, name, p)
}

// member finds what a selector selects, and the name of the type it belongs to.
func (q *query) member(sel *ast.SelectorExpr, word string) (types.Object, string) {
	if id, ok := sel.X.(*ast.Ident); ok {
		if pn, ok := q.info.Uses[id].(*types.PkgName); ok {
			if !ast.IsExported(word) {
				return nil, ""
			}
			return pn.Imported().Scope().Lookup(word), ""
		}
	}
	t := q.info.Types[sel.X].Type
	if t == nil {
		return nil, ""
	}
	o, index, _ := types.LookupFieldOrMethod(t, true, types.NewPackage("main", "main"), word)
	if o == nil {
		return nil, ""
	}
	if owner := namedOf(recvOf(o)); owner != "" {
		return o, owner
	}
	for _, i := range index[:max(len(index)-1, 0)] {
		st, ok := deref(t).Underlying().(*types.Struct)
		if !ok {
			break
		}
		t = st.Field(i).Type()
	}
	return o, namedOf(t)
}

// namedOf is the name of a type or of what it points to, or "".
func namedOf(t types.Type) string {
	if p, ok := types.Unalias(t).(*types.Pointer); ok {
		t = p.Elem()
	}
	switch n := types.Unalias(t).(type) {
	case *types.Named:
		return n.Obj().Name()
	}
	return ""
}

// about is all that is known of o; the value too if it is a live variable.
func (q *query) about(o types.Object, owner string) Info {
	var in Info
	if o.Pkg() == q.pkg {
		in = q.local(o, owner)
	} else {
		in = q.s.info(o, owner)
	}
	if v, ok := o.(*types.Var); ok && q.ident != nil {
		var x ast.Expr
		if !v.IsField() && q.s.live[v.Name()] == types.Object(v) {
			x = q.ident
		} else if sel, ok := q.parent(1).(*ast.SelectorExpr); ok && v.IsField() && sel.Sel == q.ident {
			x = sel
		}
		if x != nil {
			q.describeValue(&in, v, x)
		}
	}
	return in
}

// describeValue adds the value of x, which means v, if nothing changes it now.
func (q *query) describeValue(in *Info, v *types.Var, x ast.Expr) {
	q.s.still(func() {
		defer func() { _ = recover() }() // the rest is known all the same
		if id, ok := x.(*ast.Ident); ok && q.info.Uses[id] != types.Object(v) {
			q.info.Uses[id] = v // it stands for the word
		}
		val, ok := q.value(x)
		if !ok {
			return
		}
		in.Value = Brief(val, 200)
		if types.IsInterface(v.Type()) && !val.IsNil() {
			in.Dynamic = typeName(val.Elem().Type())
		}
	})
}

// info describes an object of an earlier cell or a package.
func (s *Session) info(o types.Object, owner string) Info {
	in := Info{Kind: describe(o).Type, Signature: signature(o)}
	switch {
	case in.Kind == "module":
		in.Doc = s.docsOf(o.(*types.PkgName).Imported().Path())[""]
		return in
	case o.Pkg() == nil:
		if o.Name() == "Error" { // of error
			in.Doc = "Says what went wrong."
		} else if t, ok := builtins()[o.Name()]; ok {
			in.Signature, in.Doc = t.Signature, t.Doc
		}
		return in
	case o.Pkg().Path() == "main":
		file, off := s.whereIs(o)
		if c := s.cells[file]; c != nil {
			in.Source, in.Doc = declarationAt(c.src, off, o.Name())
		}
		return in
	}
	key := o.Name()
	if owner != "" {
		key = owner + "." + key
	}
	in.Doc = s.docsOf(o.Pkg().Path())[key]
	return in
}

// local describes an object that the cell being typed declares.
func (q *query) local(o types.Object, owner string) Info {
	in := Info{Kind: describe(o).Type, Signature: signature(o)}
	if pn, ok := o.(*types.PkgName); ok {
		in.Doc = q.s.docsOf(pn.Imported().Path())[""]
		return in
	}
	if off, ok := q.offset(o.Pos()); ok {
		in.Source, in.Doc = declarationAt(q.src, off, o.Name())
	}
	return in
}

// whereIs finds the cell that declares an object of a cell, by its name in
// positions, and the offset there.
func (s *Session) whereIs(o types.Object) (file string, off int) {
	if o.Pos().IsValid() {
		p := s.fset.Position(o.Pos())
		if c := s.cells[p.Filename]; c != nil {
			return p.Filename, offsetOf(c.src, p.Line, p.Column)
		}
	}
	if s.live[o.Name()] == o {
		return s.origins[o.Name()], -1
	}
	return "", -1
}

func offsetOf(src string, line, col int) int {
	off := 0
	for range line - 1 {
		i := strings.IndexByte(src[off:], '\n')
		if i < 0 {
			return len(src)
		}
		off += i + 1
	}
	return min(off+col-1, len(src))
}
