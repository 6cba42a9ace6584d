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

	"golang.org/x/tools/go/ast/astutil"
)

// here begins the identifier that stands for what is being typed.
const here = marker + "here"

// query is a cell that is being typed, checked as far as it goes. Each of its
// top-level pieces is parsed alone, so that a mistake in one hides no other;
// then they make one package, as when the cell runs.
type query struct {
	s    *Session
	src  string
	fset *token.FileSet
	pkg  *types.Package
	info *types.Info
	file *ast.File

	fragments []*fragment
	focus     *fragment     // what is asked about is in it
	body      *ast.FuncDecl // holds the statements
	vars      map[string]bool
	declared  map[string]bool
	imported  map[string]bool

	ident *ast.Ident // that is asked for
	path  []ast.Node // from the file to ident
}

// fragment is a parsed piece.
type fragment struct {
	piece
	file  *token.File
	shift int // of offsets in file to those of the source
	decls []ast.Decl
	stmts []ast.Stmt
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

func (s *Session) newQuery(src string) *query {
	return &query{
		s: s, src: src, fset: token.NewFileSet(), info: newInfo(), pkg: types.NewPackage("main", "main"),
		vars: map[string]bool{}, declared: map[string]bool{}, imported: map[string]bool{},
	}
}

// ask checks src with the identifier here in place of what stands at from. Of
// the piece with from what follows is left out: it is being typed.
func (s *Session) ask(src string, from int) *query {
	q := s.newQuery(src)
	prefix := mend(src[:from])
	pieces := cut(scan(prefix+here), len(prefix)+len(here))
	for _, p := range pieces[:len(pieces)-1] {
		q.add(p, prefix[p.from:p.to])
	}
	last := pieces[len(pieces)-1]
	cursor := q.unfinished(last, prefix[last.from:])
	q.focus = cursor
	for _, p := range rest(src, from) {
		if p.kind != statements || cursor.kind != statements {
			q.add(p, src[p.from:p.to])
		}
	}
	q.check(cursor)
	q.find(func(id *ast.Ident) bool { return id.Name == here })
	return q
}

// whole checks all of src and finds the identifier at offset from.
func (s *Session) whole(src string, from int) *query {
	q := s.newQuery(src)
	for _, p := range cut(scan(src), len(src)) {
		if f := q.add(p, src[p.from:p.to]); f != nil && p.from <= from && from < p.to {
			q.focus = f
		}
	}
	q.check(nil)
	q.find(func(id *ast.Ident) bool { off, ok := q.offset(id.Pos()); return ok && off == from })
	return q
}

// rest finds the pieces behind the one that holds from. If that one does not
// end, a declaration at the beginning of a line ends it.
func rest(src string, from int) []piece {
	behind := func(at int) (out []piece) {
		for _, p := range cut(scan(src[at:]), len(src)-at) {
			if p.from += at; p.from > from {
				p.to += at
				out = append(out, p)
			}
		}
		return out
	}
	if ps := behind(0); len(ps) > 0 {
		return ps
	}
	for i := from; ; {
		n := strings.IndexByte(src[i:], '\n')
		if n < 0 {
			return nil
		}
		i += n + 1
		for _, k := range []string{"func ", "type ", "const ", "import "} {
			if strings.HasPrefix(src[i:], k) {
				return behind(i)
			}
		}
	}
}

// add parses a piece and keeps what the parser made of it.
func (q *query) add(p piece, text string) *fragment {
	f, _ := q.parse(p, text)
	if f != nil {
		q.fragments = append(q.fragments, f)
	}
	return f
}

const beforeStatement = "package main;func _(){"

func (q *query) parse(p piece, text string) (*fragment, error) {
	f := &fragment{piece: p}
	before, after := "package main;", "\n"
	switch p.kind {
	case packageClause:
		return nil, nil
	case statements:
		before, after = beforeStatement, "\n}"
	}
	parsed, err := parser.ParseFile(q.fset, "query", before+text+after, parser.SkipObjectResolution|parser.AllErrors|parser.ParseComments)
	if parsed == nil {
		return nil, err
	}
	f.file, f.shift = q.fset.File(parsed.FileStart), p.from-len(before)
	f.decls = parsed.Decls
	if p.kind == statements {
		f.decls = nil
		if len(parsed.Decls) > 0 {
			if fd, ok := parsed.Decls[0].(*ast.FuncDecl); ok && fd.Body != nil {
				f.stmts = fd.Body.List
			}
			f.decls = parsed.Decls[1:] // of a bracket too many
		}
	}
	return f, err
}

// offset returns where in the source a position is.
func (q *query) offset(pos token.Pos) (int, bool) {
	for _, f := range q.fragments {
		if pos.IsValid() && f.file.Base() <= int(pos) && int(pos) <= f.file.Base()+f.file.Size() {
			return f.file.Offset(pos) + f.shift, true
		}
	}
	return 0, false
}

// check makes a file of the fragments and checks it. The statements of cursor
// stay statements; the variables of the others are the package's.
func (q *query) check(cursor *fragment) {
	q.body = &ast.FuncDecl{Name: ast.NewIdent(marker + "query"), Type: &ast.FuncType{Params: &ast.FieldList{}}, Body: &ast.BlockStmt{}}
	for _, f := range q.fragments {
		for _, d := range f.decls {
			q.declare(d)
		}
	}
	q.file = &ast.File{Name: ast.NewIdent("main")}
	for _, f := range q.fragments {
		if q.file.Package == 0 {
			q.file.Package = token.Pos(f.file.Base())
		}
		for _, d := range f.decls {
			if fd, ok := d.(*ast.FuncDecl); ok && f != q.focus {
				fd.Body = nil // nobody asks
			}
			q.method(d)
			q.file.Decls = append(q.file.Decls, d)
		}
		for _, st := range f.stmts {
			if f == cursor || !q.hoist(st) {
				q.body.Body.List = append(q.body.Body.List, st)
			}
		}
	}
	q.file.Decls = append(q.file.Decls, q.body)
	q.imports()
	dedupImports(q.file)
	for n, o := range q.s.live {
		if !q.imported[n] && !q.declared[n] && !q.vars[n] {
			q.pkg.Scope().Insert(o)
		}
	}
	q.outputs()
	conf := types.Config{Importer: q.s.imp, GoVersion: goVersion, Sizes: q.s.sizes, Error: func(error) {}}
	_ = types.NewChecker(&conf, q.fset, q.pkg, q.info).Files([]*ast.File{q.file})
}

// declare notes the names of a declaration.
func (q *query) declare(d ast.Decl) {
	switch d := d.(type) {
	case *ast.FuncDecl:
		if d.Recv == nil {
			q.declared[d.Name.Name] = true
		}
	case *ast.GenDecl:
		for _, sp := range d.Specs {
			switch sp := sp.(type) {
			case *ast.TypeSpec:
				q.declared[sp.Name.Name] = true
			case *ast.ValueSpec:
				for _, n := range sp.Names {
					q.declared[n.Name] = true
				}
			case *ast.ImportSpec:
				q.imported[importName(sp)] = true
			}
		}
	}
}

// method rewrites a method of a live type, which the checker only allows beside
// the type, as a function.
func (q *query) method(d ast.Decl) {
	fd, ok := d.(*ast.FuncDecl)
	if !ok || fd.Recv == nil || len(fd.Recv.List) == 0 {
		return
	}
	base := fd.Recv.List[0].Type
	if p, ok := base.(*ast.StarExpr); ok {
		base = p.X
	}
	var params []*ast.Ident
	switch x := base.(type) {
	case *ast.IndexExpr:
		base = x.X
		if id, ok := x.Index.(*ast.Ident); ok {
			params = append(params, id)
		}
	case *ast.IndexListExpr:
		base = x.X
		for _, i := range x.Indices {
			if id, ok := i.(*ast.Ident); ok {
				params = append(params, id)
			}
		}
	}
	id, ok := base.(*ast.Ident)
	if !ok || q.declared[id.Name] {
		return
	}
	if _, ok := q.s.live[id.Name].(*types.TypeName); !ok {
		return
	}
	if len(params) > 0 {
		var names []*ast.Ident
		for _, p := range params {
			names = append(names, &ast.Ident{NamePos: p.NamePos, Name: p.Name})
		}
		fd.Type.TypeParams = &ast.FieldList{List: []*ast.Field{{Names: names, Type: ast.NewIdent("any")}}}
	}
	fd.Type.Params.List = append(slices.Clone(fd.Recv.List), fd.Type.Params.List...)
	fd.Recv = nil
	fd.Name = &ast.Ident{NamePos: fd.Name.NamePos, Name: marker + "method_" + fd.Name.Name}
}

// hoist makes declarations of the package of a statement that declares
// variables, as the cell will.
func (q *query) hoist(st ast.Stmt) bool {
	switch st := st.(type) {
	case *ast.AssignStmt:
		if st.Tok != token.DEFINE {
			return false
		}
		spec := &ast.ValueSpec{Values: st.Rhs}
		for _, l := range st.Lhs {
			id, ok := l.(*ast.Ident)
			if !ok {
				return false
			}
			spec.Names = append(spec.Names, id)
		}
		q.variables(&ast.GenDecl{TokPos: st.Pos(), Tok: token.VAR, Specs: []ast.Spec{spec}})
		return true
	case *ast.DeclStmt:
		d, ok := st.Decl.(*ast.GenDecl)
		if !ok || d.Tok != token.VAR {
			return false
		}
		q.variables(d)
		return true
	}
	return false
}

// variables adds a declaration of those variables that are new; in its values,
// the names that are being declared mean what they meant before.
func (q *query) variables(d *ast.GenDecl) {
	for _, sp := range d.Specs {
		vs, ok := sp.(*ast.ValueSpec)
		if !ok {
			continue
		}
		var names []string
		for _, n := range vs.Names {
			names = append(names, n.Name)
		}
		for _, x := range vs.Values {
			for _, id := range mentions(x) {
				old, ok := q.s.live[id.Name].(*types.Var)
				if ok && slices.Contains(names, id.Name) && !q.vars[id.Name] && !q.declared[id.Name] {
					id.Name = marker + "old_" + id.Name
					q.pkg.Scope().Insert(types.NewVar(token.NoPos, q.pkg, id.Name, old.Type()))
				}
			}
		}
		for i, n := range vs.Names {
			if q.vars[n.Name] {
				vs.Names[i] = &ast.Ident{NamePos: n.NamePos, Name: "_"}
			}
			q.vars[n.Name] = true
		}
	}
	q.file.Decls = append(q.file.Decls, d)
}

// imports adds those that the cell mentions and does not make.
func (q *query) imports() {
	seen := map[string]bool{}
	var specs []ast.Spec
	add := func(name, path string) {
		specs = append(specs, &ast.ImportSpec{Name: ast.NewIdent(name), Path: &ast.BasicLit{Kind: token.STRING, Value: strconv.Quote(path)}})
	}
	ast.Inspect(q.file, func(n ast.Node) bool {
		sel, ok := n.(*ast.SelectorExpr)
		if !ok {
			return true
		}
		id, ok := sel.X.(*ast.Ident)
		if !ok || seen[id.Name] || q.imported[id.Name] || q.declared[id.Name] || q.vars[id.Name] {
			return true
		}
		seen[id.Name] = true
		if path := q.chosen(id.Name); path != "" {
			q.imported[id.Name] = true
			add(id.Name, path)
		}
		return true
	})
	for _, d := range q.s.dots {
		add(".", d)
	}
	if len(specs) > 0 {
		d := &ast.GenDecl{TokPos: q.file.Package, Tok: token.IMPORT, Lparen: q.file.Package, Specs: specs}
		q.file.Decls = slices.Insert(q.file.Decls, 0, ast.Decl(d))
	}
}

// chosen is pathOf for a name that the cell selects from: of several packages
// the first that has all the members that are written out.
func (q *query) chosen(name string) string {
	paths := q.s.pathsOf(name)
	members := slices.DeleteFunc(selected(q.file, name), func(m string) bool { return m == here })
	for _, p := range paths {
		pkg, err := q.s.imp.Import(p)
		if err == nil && !slices.ContainsFunc(members, func(m string) bool { return pkg.Scope().Lookup(m) == nil }) {
			return p
		}
	}
	return q.s.pathOf(name)
}

// pathOf returns the path of the package that a name means without an import in
// the cell, or "".
func (s *Session) pathOf(name string) string {
	if ps := s.pathsOf(name); len(ps) > 0 {
		return ps[0]
	}
	return ""
}

// pathsOf lists the packages that a name can mean without an import in the cell.
func (s *Session) pathsOf(name string) []string {
	if p, ok := s.imports[name]; ok && !s.guessed[name] {
		return []string{p}
	}
	if s.live[name] != nil {
		return nil
	}
	if p, ok := s.prelude[name]; ok {
		return []string{p}
	}
	return s.Packages.Preferred(name)
}

// outputs gives In and Out their types, and Out[n] with a number that of what it
// was.
func (q *query) outputs() {
	for name, t := range map[string]types.Type{"In": types.Typ[types.String], "Out": types.Universe.Lookup("any").Type()} {
		if q.s.live[name] == nil && !q.declared[name] && !q.vars[name] && !q.imported[name] {
			q.pkg.Scope().Insert(types.NewVar(token.NoPos, q.pkg, name, types.NewMap(types.Typ[types.Int], t)))
		}
	}
	if q.pkg.Scope().Lookup("Out") == nil || q.s.live["Out"] != nil || redeclares(q.file, "Out") {
		return
	}
	astutil.Apply(q.file, func(c *astutil.Cursor) bool {
		x, ok := c.Node().(*ast.IndexExpr)
		if !ok {
			return true
		}
		id, _ := x.X.(*ast.Ident)
		lit, _ := x.Index.(*ast.BasicLit)
		if id == nil || id.Name != "Out" || lit == nil || lit.Kind != token.INT {
			return true
		}
		n, err := strconv.Atoi(lit.Value)
		if o := q.s.history.output(n); err == nil && o != nil && len(o.vars) == 1 {
			v := o.vars[0].Object()
			q.pkg.Scope().Insert(v)
			c.Replace(&ast.Ident{NamePos: x.Pos(), Name: v.Name()})
			return false
		}
		return true
	}, nil)
}

// find looks for the identifier that is asked for, and what is around it.
func (q *query) find(is func(*ast.Ident) bool) {
	var stack []ast.Node
	ast.Inspect(q.file, func(n ast.Node) bool {
		if q.ident != nil {
			return false
		}
		if n == nil {
			stack = stack[:len(stack)-1]
			return true
		}
		stack = append(stack, n)
		if id, ok := n.(*ast.Ident); ok && is(id) {
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
		var n ast.Node = q.path[i]
		switch x := n.(type) {
		case *ast.FuncDecl:
			n = x.Type
		case *ast.FuncLit:
			n = x.Type
		}
		if s := q.info.Scopes[n]; s != nil {
			return s
		}
	}
	return q.pkg.Scope()
}

// visible tells whether a cell may name o with a dot before it.
func visible(o types.Object) bool {
	return o.Exported() || o.Pkg() != nil && o.Pkg().Path() == "main"
}
