package front

import (
	"cmp"
	"go/ast"
	"go/scanner"
	"go/token"
	"go/types"
	"slices"
	"strings"
)

// Item is a completion.
type Item struct {
	Text, Type, Signature string
}

// candidate is what may become an Item; of those with an object the rest is
// found out when they are chosen.
type candidate struct {
	Item
	object types.Object
	rank   int   // the lowest comes first
	order  int   // of those with rankPlain
	shared *Item // what was found out, for one that is kept
}

// Ranks of candidates.
const (
	rankKey     = iota // what the place is for: an unset field, a key
	rankType           // has the very type that is wanted
	rankFits           // can be used as one of that type
	rankPlain          // anything else
	rankPackage        // a package that is not imported yet
	rankWord           // keywords and builtins
	rankLast           // deprecated
)

// Complete lists what can stand at the cursor, a byte offset, and the range
// that it replaces. M.Mu is held.
func (s *Session) Complete(src string, cursor int) (start, end int, items []Item) {
	cursor = min(max(cursor, 0), len(src))
	switch t, in := tokenAt(src, cursor); {
	case in && t.tok == token.STRING:
		return s.completeString(src, cursor, t)
	case in:
		return cursor, cursor, nil
	}
	start, end = wordAt(src, cursor)
	prefix := src[start:cursor]
	if prefix != "" && prefix[0] >= '0' && prefix[0] <= '9' {
		return start, end, nil
	}
	q := s.ask(src, start)
	if q.focus.kind == imports {
		return start, end, nil // a name for a package
	}
	if q.ident == nil {
		return start, end, choose(keywordsAs(everyWord), prefix)
	}
	return start, end, choose(q.candidates(), prefix)
}

// tokenAt finds the string, character or comment that the cursor is in.
func tokenAt(src string, cursor int) (tok, bool) {
	fset := token.NewFileSet()
	f := fset.AddFile("", -1, len(src))
	var s scanner.Scanner
	s.Init(f, []byte(src), func(token.Position, string) {}, scanner.ScanComments)
	for {
		pos, t, lit := s.Scan()
		off := f.Offset(pos)
		if t == token.EOF || off >= cursor {
			return tok{}, false
		}
		switch t {
		case token.STRING, token.CHAR:
			if end := off + len(lit); cursor < end || cursor == end && !ends(lit) {
				return tok{off, t, lit}, true
			}
		case token.COMMENT:
			end := off + len(lit)
			if strings.Contains(lit, "\r") { // the scanner left them out
				end = off + commentLen(src[off:])
			}
			if cursor < end || cursor == end && (lit[1] == '/' || len(lit) < 4 || !strings.HasSuffix(lit, "*/")) {
				return tok{off, t, lit}, true
			}
		}
	}
}

func commentLen(src string) int {
	stop, n := "\n", 0
	if strings.HasPrefix(src, "/*") {
		stop, n = "*/", 2
	}
	if i := strings.Index(src, stop); i >= 0 {
		return i + n
	}
	return len(src)
}

// ends tells whether a literal has its second quote.
func ends(lit string) bool {
	for i := 1; i < len(lit); i++ {
		switch {
		case lit[i] == lit[0]:
			return i == len(lit)-1
		case lit[i] == '\\' && lit[0] != '`':
			i++
		}
	}
	return false
}

// choose makes items of the candidates that begin with prefix, each once: first
// those that fit the place, of these those with the same case, then by name.
func choose(all []candidate, prefix string) []Item {
	var kept []candidate
	seen := map[string]bool{}
	lower := strings.ToLower(prefix)
	for _, c := range all {
		if len(c.Text) < len(prefix) || seen[c.Text] || strings.HasPrefix(c.Text, marker) {
			continue
		}
		if !strings.HasPrefix(c.Text, prefix) {
			if !strings.HasPrefix(strings.ToLower(c.Text), lower) {
				continue
			}
			c.rank += rankLast + 1
		}
		seen[c.Text] = true
		kept = append(kept, c)
	}
	slices.SortFunc(kept, func(a, b candidate) int {
		if a.rank != b.rank {
			return a.rank - b.rank
		}
		if a.rank == rankPlain && a.order != b.order {
			return a.order - b.order
		}
		return cmp.Compare(a.Text, b.Text)
	})
	var out []Item
	for _, c := range kept {
		it := c.Item
		if c.object != nil {
			if c.shared == nil {
				it = describe(c.object)
			} else {
				if c.shared.Text == "" {
					*c.shared = describe(c.object)
				}
				it = *c.shared
			}
			it.Text = c.Text
		}
		out = append(out, it)
	}
	return out
}

// candidates lists what can stand at the identifier.
func (q *query) candidates() []candidate {
	switch p := q.parent(1).(type) {
	case *ast.SelectorExpr:
		if p.Sel == q.ident {
			return q.ranked(q.members(p), q.wantedAt(1))
		}
	case *ast.BranchStmt:
		return q.labels(p)
	case *ast.ImportSpec:
		return nil
	case *ast.FuncDecl:
		if p.Name == q.ident {
			return nil
		}
	}
	if q.info.Defs[q.ident] != nil && !q.isEmbedded() {
		return nil // a new name
	}
	if q.inType() {
		return slices.Concat(q.held(), q.ranked(onlyTypes(q.names()), q.wantedAt(0)), keywordsAs(typeWords))
	}
	keys := q.fields()
	w := q.wantedAt(0)
	if w.types {
		keys = append(keys, q.held()...)
	}
	out := append(keys, q.ranked(append(q.names(), q.qualified(w)...), w)...)
	words := everyWord
	if q.inExpression() {
		words = expressionWords
	}
	return append(out, keywordsAs(words)...)
}

// Keywords by where they can stand.
var (
	typeWords       = []token.Token{token.CHAN, token.FUNC, token.INTERFACE, token.MAP, token.STRUCT}
	expressionWords = append([]token.Token{token.RANGE}, typeWords...)
	everyWord       = []token.Token(nil)
)

// keywords lists those given, or all.
func keywordsAs(words []token.Token) []candidate {
	if words == nil {
		for k := token.BREAK; k <= token.VAR; k++ {
			words = append(words, k)
		}
	}
	var out []candidate
	for _, k := range words {
		out = append(out, candidate{Item: Item{Text: k.String(), Type: "keyword"}, rank: rankWord})
	}
	return out
}

// isEmbedded tells whether the identifier is the type of an embedded field.
func (q *query) isEmbedded() bool {
	v, ok := q.info.Defs[q.ident].(*types.Var)
	return ok && v.Embedded()
}

// inType tells whether the identifier stands where only a type can.
func (q *query) inType() bool {
	var x ast.Node = q.ident
	for i := 1; ; i++ {
		switch p := q.parent(i).(type) {
		case *ast.StarExpr:
			x = p
			continue
		case *ast.Field:
			return p.Type == x
		case *ast.ValueSpec:
			return p.Type == x
		case *ast.TypeSpec:
			return p.Type == x
		case *ast.ArrayType:
			return p.Elt == x
		case *ast.MapType, *ast.ChanType:
			return true
		case *ast.TypeAssertExpr:
			return p.Type == x
		case *ast.Ellipsis:
			return p.Elt == x
		case *ast.CompositeLit:
			return p.Type == x
		}
		return false
	}
}

// onlyTypes leaves out what is neither a type nor a package.
func onlyTypes(cs []candidate) (out []candidate) {
	for _, c := range cs {
		switch c.object.(type) {
		case *types.TypeName, *types.PkgName:
			out = append(out, c)
		case nil:
			if c.Type == "module" {
				out = append(out, c)
			}
		}
	}
	return out
}

// inExpression tells whether the identifier is a part of something larger than a
// statement of its own.
func (q *query) inExpression() bool {
	switch p := q.parent(1).(type) {
	case *ast.ExprStmt, *ast.BlockStmt, *ast.LabeledStmt:
		return false
	case *ast.AssignStmt:
		return slices.Contains(p.Rhs, ast.Expr(q.ident))
	}
	return true
}

// labels lists the labels that a branch can name.
func (q *query) labels(br *ast.BranchStmt) []candidate {
	var out []candidate
	seen := map[string]bool{}
	add := func(l string) {
		if !seen[l] {
			seen[l] = true
			out = append(out, candidate{Item: Item{Text: l, Type: "label"}, rank: rankKey})
		}
	}
	var fn ast.Node = q.file
	for _, n := range q.path {
		switch n := n.(type) {
		case *ast.FuncDecl, *ast.FuncLit:
			fn, out, seen = n, nil, map[string]bool{}
		case *ast.LabeledStmt:
			switch n.Stmt.(type) {
			case *ast.ForStmt, *ast.RangeStmt:
				add(n.Label.Name)
			case *ast.SwitchStmt, *ast.TypeSwitchStmt, *ast.SelectStmt:
				if br.Tok == token.BREAK {
					add(n.Label.Name)
				}
			}
		}
	}
	if br.Tok != token.GOTO {
		return out
	}
	out, seen = nil, map[string]bool{}
	ast.Inspect(fn, func(n ast.Node) bool {
		if _, ok := n.(*ast.FuncLit); ok && n != fn {
			return false
		}
		if l, ok := n.(*ast.LabeledStmt); ok {
			add(l.Label.Name)
		}
		return true
	})
	// those further down
	toks := scan(q.src)
	for i := 1; i+1 < len(toks); i++ {
		switch toks[i-1].tok {
		case token.SEMICOLON, token.LBRACE, token.RBRACE:
			if toks[i].tok == token.IDENT && toks[i+1].tok == token.COLON {
				add(toks[i].lit)
			}
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
		it.Type, it.Signature = "builtin", strings.TrimPrefix(builtins()[o.Name()].Signature, "func "+o.Name())
	case *types.Nil:
		it.Type = "constant"
	}
	if r := []rune(it.Signature); len(r) > 200 {
		it.Signature = string(r[:200]) + "…"
	}
	return it
}
