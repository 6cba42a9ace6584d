package front

import (
	"go/ast"
	"go/scanner"
	"go/token"
	"go/types"
	"strings"
)

// Info is what is known of a name.
type Info struct {
	Signature, Doc, Source, Kind string
}

// Inspect describes the name at the cursor, or the function whose arguments are
// being typed there. M.Mu is held.
func (s *Session) Inspect(src string, cursor int) (Info, bool) {
	cursor = min(max(cursor, 0), len(src))
	from, to := wordAt(src, cursor)
	if from == to {
		p := openCall(src[:cursor])
		if p < 0 {
			return Info{}, false
		}
		from, to = wordAt(src, p)
	}
	if from == to {
		return Info{}, false
	}
	word := src[from:to]
	q := s.ask(src, from)
	if q == nil || q.ident == nil {
		return Info{}, false
	}
	var o types.Object
	owner := ""
	if sel, ok := q.parent(1).(*ast.SelectorExpr); ok && sel.Sel == q.ident {
		o, owner = q.member(sel, word)
	} else {
		_, o = q.scope().LookupParent(word, token.NoPos)
		if o == nil {
			o = s.packageNamed(word)
		}
	}
	if o == nil {
		return Info{}, false
	}
	return s.info(o, owner), true
}

// openCall returns the offset of the parenthesis of the innermost call whose
// arguments src is in, or -1.
func openCall(src string) int {
	depth := 0
	toks := scan(src)
	for i := len(toks) - 1; i >= 0; i-- {
		switch toks[i].tok {
		case token.RPAREN:
			depth++
		case token.LPAREN:
			if depth == 0 {
				return toks[i].off
			}
			depth--
		}
	}
	return -1
}

// packageNamed finds a package that is there without an import.
func (s *Session) packageNamed(name string) types.Object {
	path := s.prelude[name]
	if im, ok := s.imports[name]; ok {
		path = im
	}
	if ps := s.Packages.byName()[name]; path == "" && len(ps) == 1 {
		path = ps[0]
	}
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
			return pn.Imported().Scope().Lookup(word), ""
		}
	}
	t := q.info.Types[sel.X].Type
	if t == nil {
		return nil, ""
	}
	o, _, _ := types.LookupFieldOrMethod(t, true, types.NewPackage("main", "main"), word)
	owner := ""
	if f, ok := o.(*types.Func); ok && f.Signature().Recv() != nil {
		owner = namedOf(f.Signature().Recv().Type())
	}
	if owner == "" {
		owner = namedOf(t)
	}
	return o, owner
}

func namedOf(t types.Type) string {
	if p, ok := types.Unalias(t).(*types.Pointer); ok {
		t = p.Elem()
	}
	if n, ok := types.Unalias(t).(*types.Named); ok {
		return n.Obj().Name()
	}
	return ""
}

func (s *Session) info(o types.Object, owner string) Info {
	in := Info{Kind: describe(o).Type, Signature: types.ObjectString(o, qualifier)}
	if pn, ok := o.(*types.PkgName); ok {
		in.Signature = "package " + pn.Imported().Name() + ` // import "` + pn.Imported().Path() + `"`
		in.Doc = s.Packages.Doc(pn.Imported().Path())[""]
		return in
	}
	if tn, ok := o.(*types.TypeName); ok {
		if n, ok := types.Unalias(tn.Type()).(*types.Named); ok {
			for m := range n.Methods() {
				if m.Exported() || m.Pkg().Path() == "main" {
					in.Signature += "\n" + types.ObjectString(m, qualifier)
				}
			}
		}
	}
	if o.Pkg() == nil {
		in.Doc = s.Packages.Doc("builtin")[o.Name()]
		return in
	}
	key := o.Name()
	if owner != "" {
		key = owner + "." + key
	}
	in.Doc = s.Packages.Doc(o.Pkg().Path())[key]
	if p := s.fset.Position(o.Pos()); o.Pos().IsValid() && s.cells[p.Filename] != nil {
		in.Source, in.Doc = s.cells[p.Filename].declaration(p.Line, p.Column)
	}
	return in
}

// declaration returns the top-level piece of a cell around a position and the
// comment before it.
func (c *cellText) declaration(line, col int) (src, doc string) {
	off := 0
	for range line - 1 {
		i := strings.IndexByte(c.src[off:], '\n')
		if i < 0 {
			return "", ""
		}
		off += i + 1
	}
	off += col - 1
	for _, p := range split(c.src) {
		if p.kind == declarations && off >= p.from && off < p.to {
			return strings.TrimSpace(withoutTrailingComment(c.src[p.from:p.to])), commentBefore(c.src[:p.from])
		}
	}
	return "", ""
}

// withoutTrailingComment cuts the comment that belongs to the next declaration.
func withoutTrailingComment(src string) string {
	toks := scan(src)
	if len(toks) < 2 {
		return src
	}
	t := toks[len(toks)-2]
	end := t.off + len(t.lit)
	if t.lit == "" || t.tok == token.SEMICOLON {
		end = t.off
	}
	return src[:max(end, min(len(src), t.off+1))]
}

func commentBefore(src string) string {
	var lines []string
	all := strings.Split(strings.TrimRight(src, "\n"), "\n")
	for i := len(all) - 1; i >= 0; i-- {
		l := strings.TrimSpace(all[i])
		if !strings.HasPrefix(l, "//") {
			break
		}
		lines = append([]string{strings.TrimSpace(strings.TrimPrefix(l, "//"))}, lines...)
	}
	return strings.Join(lines, "\n")
}

// IsComplete tells whether a cell can be run as it is: "complete", "incomplete"
// with the indent of the next line, or "invalid".
func IsComplete(src string) (status, indent string) {
	fset := token.NewFileSet()
	f := fset.AddFile("", -1, len(src))
	var sc scanner.Scanner
	open := false // a literal or comment that does not end
	bad := false
	sc.Init(f, []byte(src), func(p token.Position, msg string) {
		if strings.Contains(msg, "not terminated") && (strings.Contains(msg, "raw") || strings.Contains(msg, "comment")) {
			open = true
		} else {
			bad = true
		}
	}, 0)
	depth := 0
	last := token.ILLEGAL
	for {
		_, t, lit := sc.Scan()
		if t == token.EOF {
			break
		}
		switch t {
		case token.LPAREN, token.LBRACE, token.LBRACK:
			depth++
		case token.RPAREN, token.RBRACE, token.RBRACK:
			depth--
			bad = bad || depth < 0
		}
		if t != token.SEMICOLON || lit != "\n" {
			last = t
		}
	}
	switch {
	case bad:
		return "invalid", ""
	case open:
		return "incomplete", ""
	case depth > 0:
		return "incomplete", strings.Repeat("\t", depth)
	case continues(last):
		return "incomplete", "\t"
	}
	b := &builder{s: &Session{fset: token.NewFileSet(), cells: map[string]*cellText{}}, file: "c", src: src}
	b.assemble()
	if _, err := b.parse(b.text); err != nil {
		return "invalid", ""
	}
	return "complete", ""
}

// continues tells whether a line cannot end with a token.
func continues(t token.Token) bool {
	switch t {
	case token.COMMA, token.PERIOD, token.ASSIGN, token.DEFINE, token.COLON, token.ARROW, token.NOT, token.TILDE:
		return true
	case token.FUNC, token.IF, token.FOR, token.SWITCH, token.SELECT, token.TYPE, token.VAR, token.CONST, token.IMPORT, token.GO,
		token.DEFER, token.ELSE, token.CASE, token.STRUCT, token.INTERFACE, token.MAP, token.CHAN, token.RANGE, token.PACKAGE:
		return true
	}
	return t.IsOperator() && t >= token.ADD && t <= token.GEQ && t != token.INC && t != token.DEC &&
		t != token.LPAREN && t != token.RPAREN && t != token.LBRACE && t != token.RBRACE && t != token.LBRACK && t != token.RBRACK && t != token.SEMICOLON && t != token.ELLIPSIS
}
