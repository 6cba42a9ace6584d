package front

import (
	"go/ast"
	"go/parser"
	"go/token"
	"go/types"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// here is the identifier that stands for what is being typed.
const here = marker + "here"

// query is a cell that is being typed, checked as far as it goes.
type query struct {
	s     *Session
	text  string
	file  *ast.File
	pkg   *types.Package
	info  *types.Info
	ident *ast.Ident // named here
	path  []ast.Node // from the file to ident
}

// wordAt returns the identifier that ends at or spans the cursor.
func wordAt(src string, cursor int) (from, to int) {
	from, to = cursor, cursor
	for from > 0 {
		r, n := utf8.DecodeLastRuneInString(src[:from])
		if !isWord(r) {
			break
		}
		from -= n
	}
	for to < len(src) {
		r, n := utf8.DecodeRuneInString(src[to:])
		if !isWord(r) {
			break
		}
		to += n
	}
	return from, to
}

func isWord(r rune) bool { return r == '_' || unicode.IsLetter(r) || unicode.IsDigit(r) }

// closers returns what closes the brackets that src leaves open, innermost
// first, and the token before the end.
func closers(src string) (string, token.Token) {
	var open []byte
	last := token.ILLEGAL
	for _, t := range scan(src) {
		switch t.tok {
		case token.LPAREN:
			open = append(open, ')')
		case token.LBRACE:
			open = append(open, '}')
		case token.LBRACK:
			open = append(open, ']')
		case token.RPAREN, token.RBRACE, token.RBRACK:
			if len(open) > 0 {
				open = open[:len(open)-1]
			}
		}
		if t.tok != token.EOF && (t.tok != token.SEMICOLON || t.lit != "\n") {
			last = t.tok
		}
	}
	slices.Reverse(open)
	var b strings.Builder
	for _, c := range open {
		if c == '}' {
			b.WriteByte('\n')
		}
		b.WriteByte(c)
	}
	return b.String(), last
}

// ask checks src up to from with the name here put there, or replacing the
// identifier from..to if keep says so.
func (s *Session) ask(src string, from int) *query {
	prefix := src[:from]
	closing, _ := closers(prefix)
	var best *query
	for _, suffix := range []string{"", "()", " {\n}", " = 0", ": 0"} {
		q := &query{s: s}
		if q.parse(prefix+here+suffix+closing, from) && (best == nil || q.file != nil) {
			best = q
			break
		}
		if best == nil && q.ident != nil {
			best = q
		}
	}
	if best != nil {
		best.check()
	}
	return best
}

// parse assembles the pieces, the one with the cursor last. It reports whether
// all is well.
func (q *query) parse(src string, cursor int) bool {
	var imps, decls, body strings.Builder
	var lastDecl string
	for _, p := range split(src) {
		text := q.s.methodAsFunc(src[p.from:p.to]) + "\n"
		switch {
		case p.kind == packageClause:
		case p.kind == imports:
			imps.WriteString(text)
		case p.kind == declarations && cursor >= p.from && cursor < p.to:
			lastDecl = text
		case p.kind == declarations:
			decls.WriteString(text)
		default:
			body.WriteString(text)
		}
	}
	q.text = imps.String() + decls.String() + "func " + marker + "query() {\n" + body.String() + "\n}\n" + lastDecl
	f, err := parser.ParseFile(token.NewFileSet(), "query", "package main\n"+q.text, parser.SkipObjectResolution|parser.AllErrors)
	if f == nil {
		return false
	}
	ast.Inspect(f, func(n ast.Node) bool {
		if id, ok := n.(*ast.Ident); ok && id.Name == here {
			q.ident = id
		}
		return q.ident == nil
	})
	return q.ident != nil && err == nil
}

// methodAsFunc rewrites a method of a live type, which the checker only allows
// beside the type, as a function.
func (s *Session) methodAsFunc(src string) string {
	toks := scan(src)
	if len(toks) < 2 || toks[0].tok != token.FUNC || toks[1].tok != token.LPAREN {
		return src
	}
	for i, t := range toks {
		if t.tok != token.RPAREN {
			continue
		}
		base := toks[i-1].lit
		if _, ok := s.live[base].(*types.TypeName); !ok || i+2 >= len(toks) || toks[i+1].tok != token.IDENT || toks[i+2].tok != token.LPAREN {
			return src
		}
		return "func " + marker + "method(" + src[toks[2].off:t.off] + ", " + src[toks[i+2].off+1:]
	}
	return src
}

// check checks the text together with the imports that it mentions.
func (q *query) check() {
	s := q.s
	var names []string
	for _, t := range scan(q.text) {
		if t.tok == token.IDENT {
			names = append(names, t.lit)
		}
	}
	slices.Sort(names)
	var added strings.Builder
	for _, n := range slices.Compact(names) {
		path := ""
		if im, ok := s.imports[n]; ok {
			path = im
		} else if p, ok := s.prelude[n]; ok && s.live[n] == nil {
			path = p
		} else if ps := s.Packages.byName()[n]; len(ps) == 1 && s.live[n] == nil {
			path = ps[0]
		}
		if path != "" {
			added.WriteString("import " + n + " " + strconv.Quote(path) + "\n")
		}
	}
	for _, d := range s.dots {
		added.WriteString("import . " + strconv.Quote(d) + "\n")
	}
	fset := token.NewFileSet()
	f, _ := parser.ParseFile(fset, "query", "package main\n"+added.String()+q.text, parser.SkipObjectResolution|parser.AllErrors)
	if f == nil {
		return
	}
	dedupImports(f)
	q.file, q.info, q.pkg = f, newInfo(), types.NewPackage("main", "main")
	imported := map[string]bool{}
	for _, d := range f.Decls {
		gd, ok := d.(*ast.GenDecl)
		if !ok {
			continue
		}
		for _, sp := range gd.Specs {
			if im, ok := sp.(*ast.ImportSpec); ok {
				imported[importName(im)] = true
			}
		}
	}
	declared := map[string]bool{}
	for _, d := range f.Decls {
		switch d := d.(type) {
		case *ast.FuncDecl:
			if d.Recv == nil {
				declared[d.Name.Name] = true
			}
		case *ast.GenDecl:
			for _, sp := range d.Specs {
				switch sp := sp.(type) {
				case *ast.TypeSpec:
					declared[sp.Name.Name] = true
				case *ast.ValueSpec:
					for _, n := range sp.Names {
						declared[n.Name] = true
					}
				}
			}
		}
	}
	for n, o := range s.live {
		if !imported[n] && !declared[n] {
			q.pkg.Scope().Insert(o)
		}
	}
	conf := types.Config{Importer: s.imp, GoVersion: goVersion, Sizes: s.sizes, Error: func(error) {}}
	_ = types.NewChecker(&conf, fset, q.pkg, q.info).Files([]*ast.File{f})
	q.ident = nil
	var stack []ast.Node
	ast.Inspect(f, func(n ast.Node) bool {
		if q.ident != nil {
			return false
		}
		if n == nil {
			stack = stack[:len(stack)-1]
			return true
		}
		stack = append(stack, n)
		if id, ok := n.(*ast.Ident); ok && id.Name == here {
			q.ident = id
			q.path = slices.Clone(stack)
		}
		return true
	})
}

// parent returns the node around the identifier, n levels up.
func (q *query) parent(n int) ast.Node {
	if i := len(q.path) - 1 - n; i >= 0 {
		return q.path[i]
	}
	return nil
}

// scope returns the innermost scope at the identifier.
func (q *query) scope() *types.Scope {
	for i := len(q.path) - 1; i >= 0; i-- {
		switch n := q.path[i].(type) {
		case *ast.FuncDecl:
			if s := q.info.Scopes[n.Type]; s != nil {
				return s
			}
		case *ast.FuncLit:
			if s := q.info.Scopes[n.Type]; s != nil {
				return s
			}
		default:
			if s := q.info.Scopes[q.path[i]]; s != nil {
				return s
			}
		}
	}
	return q.pkg.Scope()
}
