package front

import (
	"cmp"
	"go/ast"
	"go/constant"
	"go/parser"
	"go/token"
	"go/types"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/tools/go/ssa"

	"github.com/godlas/godlas/kernel/interp/internal/compile"
)

// keptSources is how many cells with functions can be debugged later: their checked source is kept, 35 KB for a function of ten
// lines.
const keptSources = 100

// keepSource keeps what is needed to debug the cell: now, or when a debugger comes, if the cell has code that can run again.
func (b *builder) keepSource(c *checked) {
	s := b.s
	p := s.remembered[c.pkg]
	if !s.Debug && !hasFunctions(c, b.name("cell")) {
		return
	}
	p.checked, p.name = c, b.file
	s.kept = append(s.kept, p)
	if len(s.kept) > keptSources {
		s.kept[0].checked = nil
		s.kept = append(s.kept[:0], s.kept[1:]...)
	}
	if s.Debug {
		s.hook(p)
	}
}

// hasFunctions reports whether a cell declares functions or has literals of some.
func hasFunctions(c *checked, cell string) (found bool) {
	ast.Inspect(c.file, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.FuncLit:
			found = true
		case *ast.FuncDecl:
			found = found || n.Name.Name != cell
		}
		return !found
	})
	return found
}

// StartDebug makes what was kept of earlier cells code that can be stopped.
func (s *Session) StartDebug() {
	s.Debug = true
	for _, p := range s.kept {
		if s.remembered[p.pkg] == p {
			s.hook(p)
		}
	}
}

// hook builds the variant of a cell that is debugged. A cell that has none, for a fault of ours, runs as it is.
func (s *Session) hook(p *cellPackage) {
	c, text := p.checked, s.cells[p.name]
	if c == nil || text == nil || s.M.Debugged(p.pkg) {
		return
	}
	defer func() {
		if r := recover(); r != nil && s.Fault != nil {
			s.Fault(r)
		}
	}()
	whole := text.whole
	if whole == "" {
		whole = text.src
	}
	cell := &compile.DebugCell{Name: text.name, Pkg: p.pkg}
	if s.Path != nil {
		cell.Path = s.Path(whole)
	}
	h := &hooks{s: s, cell: cell, file: p.name, lines: text.lines, info: c.info, fn: s.M.Hook()}
	h.all(c.file)
	h.initializers()
	s.M.Debug(c.file, c.info, cell)
}

// hooks puts a call before each statement of a file.
type hooks struct {
	s     *Session
	cell  *compile.DebugCell
	file  string
	lines int
	info  *types.Info // nil: the statements are only listed
	fn    *types.Func
}

func (h *hooks) all(f *ast.File) {
	ast.Inspect(f, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.FuncDecl:
			if n.Body != nil {
				h.block(n.Body)
			}
		case *ast.FuncLit:
			h.block(n.Body)
		}
		return true
	})
}

// initializers has a cell that only declares variables stop before each is given its value: as if there were a variable
// without a name before it.
func (h *hooks) initializers() {
	var order []*types.Initializer
	for _, x := range h.info.InitOrder {
		if call := h.call(x.Lhs[0].Pos(), x.Rhs.End(), nil, false); call != nil {
			none := types.NewVar(call.Lparen, h.cell.Pkg, "_", types.Typ[types.Bool])
			order = append(order, &types.Initializer{Lhs: []*types.Var{none}, Rhs: call})
		}
		order = append(order, x)
	}
	h.info.InitOrder = order
}

// values lists the same of a cell that is not checked.
func (h *hooks) values(f *ast.File) {
	for _, d := range f.Decls {
		d, ok := d.(*ast.GenDecl)
		if !ok || d.Tok != token.VAR {
			continue
		}
		for _, sp := range d.Specs {
			sp := sp.(*ast.ValueSpec)
			for i, x := range sp.Values {
				h.call(sp.Names[min(i, len(sp.Names)-1)].Pos(), x.End(), nil, false)
			}
		}
	}
}

func (h *hooks) block(b *ast.BlockStmt) {
	if b != nil {
		b.List = h.list(b.List)
	}
}

func (h *hooks) list(list []ast.Stmt) []ast.Stmt {
	var out []ast.Stmt
	for _, st := range list {
		if call := h.before(st); call != nil {
			out = append(out, call)
		}
		h.inside(st)
		out = append(out, st)
	}
	return out
}

// before is a call for a statement in a list, or nil.
func (h *hooks) before(st ast.Stmt) ast.Stmt {
	to := st.End()
	switch st := st.(type) {
	case *ast.BlockStmt, *ast.EmptyStmt, *ast.CaseClause, *ast.CommClause:
		return nil
	case *ast.LabeledStmt:
		if _, ok := st.Stmt.(*ast.EmptyStmt); ok || !loops(st.Stmt) {
			return nil
		}
		return h.before(st.Stmt)
	case *ast.ForStmt:
		if st.Init == nil && st.Cond != nil { // that stops in each round
			return nil
		}
		to = st.Body.Lbrace
	case *ast.RangeStmt:
		to = st.Body.Lbrace
	case *ast.IfStmt:
		to = st.Body.Lbrace
	case *ast.SwitchStmt:
		to = st.Body.Lbrace
	case *ast.TypeSwitchStmt:
		to = st.Body.Lbrace
	case *ast.SelectStmt:
		to = st.Body.Lbrace
	case *ast.AssignStmt:
		if id, ok := st.Lhs[0].(*ast.Ident); ok && isGenerated(id.Name) && !strings.HasPrefix(id.Name, marker+"last") {
			return nil
		}
	case *ast.DeclStmt:
		if d, ok := st.Decl.(*ast.GenDecl); ok && d.Tok != token.VAR {
			return nil
		}
	}
	if call := h.call(st.Pos(), to, st, false); call != nil {
		return &ast.ExprStmt{X: call}
	}
	return nil
}

// loops reports whether a label on the statement must stay on it.
func loops(st ast.Stmt) bool {
	switch st.(type) {
	case *ast.ForStmt, *ast.RangeStmt, *ast.SwitchStmt, *ast.TypeSwitchStmt, *ast.SelectStmt:
		return true
	}
	return false
}

// inside puts calls into the parts of a statement.
func (h *hooks) inside(st ast.Stmt) {
	switch st := st.(type) {
	case *ast.BlockStmt:
		h.block(st)
	case *ast.LabeledStmt:
		if loops(st.Stmt) {
			h.inside(st.Stmt)
			return
		}
		in := h.list([]ast.Stmt{st.Stmt})
		if h.info != nil && len(in) > 1 {
			st.Stmt = &ast.BlockStmt{Lbrace: st.Stmt.Pos(), List: in, Rbrace: st.Stmt.End()}
		}
	case *ast.IfStmt:
		h.block(st.Body)
		if other, ok := st.Else.(*ast.IfStmt); ok {
			in := h.list([]ast.Stmt{other})
			if h.info != nil && len(in) > 1 {
				st.Else = &ast.BlockStmt{Lbrace: other.Pos(), List: in, Rbrace: other.End()}
			}
		} else if st.Else != nil {
			h.inside(st.Else)
		}
	case *ast.ForStmt:
		if st.Cond != nil {
			if call := h.call(st.Cond.Pos(), st.Body.Lbrace, nil, st.Init != nil); call != nil && h.info != nil {
				and := &ast.BinaryExpr{X: call, OpPos: st.Cond.Pos(), Op: token.LAND, Y: st.Cond}
				h.info.Types[and] = types.TypeAndValue{Type: types.Typ[types.Bool]}
				st.Cond = and
			}
		}
		if st.Post != nil {
			if call := h.call(st.Post.Pos(), st.Body.Lbrace, nil, true); call != nil && h.info != nil {
				st.Post = &ast.BlockStmt{Lbrace: st.Post.Pos(), List: []ast.Stmt{&ast.ExprStmt{X: call}, st.Post}, Rbrace: st.Post.End()}
			}
		}
		h.block(st.Body)
	case *ast.RangeStmt:
		again := h.call(st.For, st.Body.Lbrace, nil, true)
		h.block(st.Body)
		if again != nil {
			st.Body.List = append([]ast.Stmt{&ast.ExprStmt{X: again}}, st.Body.List...)
		}
	case *ast.SwitchStmt:
		h.clauses(st.Body)
	case *ast.TypeSwitchStmt:
		h.clauses(st.Body)
	case *ast.SelectStmt:
		h.clauses(st.Body)
	}
}

func (h *hooks) clauses(b *ast.BlockStmt) {
	for _, st := range b.List {
		switch st := st.(type) {
		case *ast.CaseClause:
			st.Body = h.list(st.Body)
		case *ast.CommClause:
			st.Body = h.list(st.Body)
		}
	}
}

// call lists the statement from pos to end and makes a call for it; it is nil where that is not in the cell.
func (h *hooks) call(pos, end token.Pos, st ast.Stmt, again bool) *ast.CallExpr {
	p := h.s.fset.Position(pos)
	if p.Filename != h.file && st != nil { // we have written its beginning
		ast.Inspect(st, func(n ast.Node) bool {
			if n == nil || p.Filename == h.file {
				return false
			}
			if q := h.s.fset.Position(n.Pos()); q.Filename == h.file {
				p, pos = q, n.Pos()
			}
			return true
		})
	}
	if p.Filename != h.file || p.Line > h.lines {
		return nil
	}
	last := p.Line
	if q := h.s.fset.Position(end - 1); q.Filename == h.file && q.Line > last {
		last = min(q.Line, h.lines)
	}
	n := len(h.cell.Stmts)
	h.cell.Stmts = append(h.cell.Stmts, &compile.Stmt{Cell: h.cell, Pos: pos, Line: p.Line, End: last, Again: again})
	id, lit := &ast.Ident{NamePos: pos, Name: "Hook"}, &ast.BasicLit{ValuePos: pos, Kind: token.INT, Value: strconv.Itoa(n)}
	call := &ast.CallExpr{Fun: id, Lparen: pos, Args: []ast.Expr{lit}, Rparen: pos}
	if h.info != nil {
		h.info.Uses[id] = h.fn
		h.info.Types[id] = types.TypeAndValue{Type: h.fn.Type()}
		h.info.Types[lit] = types.TypeAndValue{Type: types.Typ[types.Int], Value: constant.MakeInt64(int64(n))}
		h.info.Types[call] = types.TypeAndValue{Type: types.Typ[types.Bool]}
	}
	return call
}

// Span is where a statement stands.
type Span struct{ Line, End int }

// Statements lists where a cell can be stopped, by line; it is nil if the cell does not parse.
func (s *Session) Statements(src string) []Span {
	s.serial++
	src = pasted(src)
	b := &builder{s: s, id: s.serial, file: "c" + strconv.Itoa(s.serial), src: src}
	b.pkgLevel = onlyVars(src)
	b.assemble()
	f, err := parser.ParseFile(s.fset, b.file, b.text, parser.SkipObjectResolution|parser.AllErrors)
	if f == nil {
		return nil
	}
	defer func() {
		if tf := s.fset.File(f.FileStart); tf != nil {
			s.fset.RemoveFile(tf)
		}
	}()
	if err != nil {
		if f, err = b.parseSeveral(f, err); err != nil {
			return nil
		}
	}
	h := &hooks{s: s, cell: &compile.DebugCell{}, file: b.file, lines: strings.Count(strings.TrimRight(src, "\n"), "\n") + 1}
	h.all(f)
	if b.pkgLevel {
		h.values(f)
	}
	out := []Span{}
	for _, st := range h.cell.Stmts {
		if !st.Again {
			out = append(out, Span{st.Line, st.End})
		}
	}
	slices.SortStableFunc(out, func(a, b Span) int { return cmp.Compare(a.Line, b.Line) })
	return out
}

// Visible lists the variables, constants and types of functions that code at pos can name, the inner ones first. M.Mu is held.
func (s *Session) Visible(pkg *types.Package, pos token.Pos) (out []types.Object) {
	seen := map[string]bool{}
	for sc := pkg.Scope().Innermost(pos); sc != nil && sc != pkg.Scope() && sc != types.Universe; sc = sc.Parent() {
		var here []types.Object
		for _, name := range sc.Names() {
			if seen[name] || name == "_" || isGenerated(name) {
				continue
			}
			if in, o := sc.LookupParent(name, pos); in == sc {
				if _, ok := o.(*types.PkgName); ok {
					continue
				}
				seen[name] = true
				here = append(here, o)
			}
		}
		slices.SortFunc(here, func(a, b types.Object) int { return cmp.Compare(a.Pos(), b.Pos()) })
		out = append(out, here...)
	}
	return out
}

// Local makes an object by which source can name a variable of a function, and the variable whose memory is to be that of it.
func (s *Session) Local(name string, t types.Type) (types.Object, *ssa.Global) {
	return s.variable(name, t)
}

// CompileIn is Compile for source in which names mean what locals say, whatever they mean to cells. M.Mu is held.
func (s *Session) CompileIn(name, src string, locals map[string]types.Object) (*Compiled, error) {
	type old struct {
		live    types.Object
		path    string
		guessed bool
	}
	olds := map[string]old{}
	for n, o := range locals {
		olds[n] = old{s.live[n], s.imports[n], s.guessed[n]}
		s.live[n] = o
		delete(s.imports, n)
	}
	debug := s.Debug
	s.Debug = false
	defer func() {
		s.Debug = debug
		for n, o := range olds {
			delete(s.live, n)
			if o.live != nil {
				s.live[n] = o.live
			}
			if o.path != "" {
				s.imports[n], s.guessed[n] = o.path, o.guessed
			}
		}
	}()
	return s.Compile(name, src)
}

// Kept lists the packages whose checked source is kept.
func (s *Session) Kept() (out []*types.Package) {
	for _, p := range s.kept {
		out = append(out, p.pkg)
	}
	return out
}
