package front

import (
	"go/ast"
	"go/token"
	"go/types"
)

// Go leaves open whether in f(x, g()) the variable x is read before or after g is called. The compiler calls first: it takes
// the calls of a statement out of it, in their order, and evaluates the rest after them. A program that depends on it must
// not print something else in a cell, so here the same is done to the source, where it can make a difference.

// orderer rewrites the statements of a file.
type orderer struct {
	info *types.Info
	pkg  *types.Package
	// shared are the variables that a call may change: captured by a function, or with their address taken.
	shared map[*types.Var]bool
	owner  map[*types.Var]ast.Node
	funcs  []ast.Node
}

func callsFirst(files []*ast.File, pkg *types.Package, info *types.Info) {
	o := &orderer{info: info, pkg: pkg, shared: map[*types.Var]bool{}, owner: map[*types.Var]ast.Node{}}
	for _, f := range files {
		o.findShared(f)
	}
	for _, f := range files {
		ast.Inspect(f, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.BlockStmt:
				n.List = o.list(n.List)
			case *ast.CaseClause:
				n.Body = o.list(n.Body)
			case *ast.CommClause:
				n.Body = o.list(n.Body)
			}
			return true
		})
	}
}

func (o *orderer) findShared(f *ast.File) {
	var stack []ast.Node
	ast.Inspect(f, func(n ast.Node) bool {
		if n == nil {
			last := stack[len(stack)-1]
			stack = stack[:len(stack)-1]
			if len(o.funcs) > 0 && o.funcs[len(o.funcs)-1] == last {
				o.funcs = o.funcs[:len(o.funcs)-1]
			}
			return true
		}
		stack = append(stack, n)
		switch n := n.(type) {
		case *ast.FuncDecl, *ast.FuncLit:
			o.funcs = append(o.funcs, n)
		case *ast.Ident:
			if v, ok := o.info.Defs[n].(*types.Var); ok && len(o.funcs) > 0 {
				o.owner[v] = o.funcs[len(o.funcs)-1]
			} else if v, ok := o.info.Uses[n].(*types.Var); ok && (len(o.funcs) == 0 || o.owner[v] != o.funcs[len(o.funcs)-1]) {
				o.shared[v] = true
			}
		case *ast.UnaryExpr:
			if n.Op == token.AND {
				o.addressed(n.X)
			}
		case *ast.SliceExpr:
			o.addressed(n.X)
		case *ast.SelectorExpr:
			if s := o.info.Selections[n]; s != nil && s.Kind() == types.MethodVal {
				o.addressed(n.X)
			}
		}
		return true
	})
}

// addressed marks the variable that x is part of.
func (o *orderer) addressed(x ast.Expr) {
	for {
		switch y := x.(type) {
		case *ast.ParenExpr:
			x = y.X
		case *ast.SelectorExpr:
			x = y.X
		case *ast.IndexExpr:
			x = y.X
		case *ast.Ident:
			if v, ok := o.info.Uses[y].(*types.Var); ok {
				o.shared[v] = true
			}
			return
		default:
			return
		}
	}
}

func (o *orderer) list(in []ast.Stmt) []ast.Stmt {
	var out []ast.Stmt
	for i, st := range in {
		before, now := o.stmt(st)
		if len(before) > 0 && out == nil {
			out = append(make([]ast.Stmt, 0, len(in)+len(before)), in[:i]...)
		}
		if out != nil {
			out = append(append(out, before...), now)
		} else {
			in[i] = now
		}
	}
	if out == nil {
		return in
	}
	return out
}

// stmt returns what goes before a statement, and the statement.
func (o *orderer) stmt(st ast.Stmt) (before []ast.Stmt, now ast.Stmt) {
	switch s := st.(type) {
	case *ast.ExprStmt:
		if call, ok := ast.Unparen(s.X).(*ast.CallExpr); ok {
			before = o.hoist(operands(call))
		}
	case *ast.DeferStmt:
		before = o.hoist(operands(s.Call))
	case *ast.GoStmt:
		before = o.hoist(operands(s.Call))
	case *ast.SendStmt:
		before = o.hoist([]*ast.Expr{&s.Chan, &s.Value})
	case *ast.ReturnStmt:
		before = o.hoist(o.values(s.Results))
	case *ast.AssignStmt:
		before = o.assign(s)
	case *ast.DeclStmt:
		if d, ok := s.Decl.(*ast.GenDecl); ok && d.Tok == token.VAR && len(d.Specs) == 1 {
			before = o.hoist(o.values(d.Specs[0].(*ast.ValueSpec).Values))
		}
	case *ast.LabeledStmt:
		switch s.Stmt.(type) {
		case *ast.ForStmt, *ast.RangeStmt, *ast.SwitchStmt, *ast.TypeSwitchStmt, *ast.SelectStmt:
			return nil, st
		}
		b, x := o.stmt(s.Stmt)
		if s.Stmt = x; len(b) > 0 {
			s.Stmt = &ast.BlockStmt{Lbrace: x.Pos(), List: append(b, x), Rbrace: x.End()}
		}
	case *ast.IfStmt:
		return nil, o.ifs(s)
	case *ast.ForStmt:
		if s.Init != nil {
			before, s.Init = o.stmt(s.Init)
		}
	case *ast.SwitchStmt:
		if s.Tag == nil {
			return nil, st
		}
		var init []ast.Stmt
		if s.Init != nil {
			b, x := o.stmt(s.Init)
			init = append(b, x)
		}
		before = o.hoist([]*ast.Expr{&s.Tag})
		if len(init) < 2 && len(before) == 0 {
			return nil, st
		}
		s.Init = nil
		return nil, &ast.BlockStmt{Lbrace: s.Pos(), List: append(append(init, before...), s), Rbrace: s.End()}
	}
	return before, st
}

func (o *orderer) ifs(s *ast.IfStmt) ast.Stmt {
	if e, ok := s.Else.(*ast.IfStmt); ok {
		s.Else = o.ifs(e)
	}
	var list []ast.Stmt
	if s.Init != nil {
		b, x := o.stmt(s.Init)
		list = append(b, x)
	}
	before := o.hoist([]*ast.Expr{&s.Cond})
	if len(list) < 2 && len(before) == 0 {
		return s
	}
	s.Init = nil
	return &ast.BlockStmt{Lbrace: s.Pos(), List: append(append(list, before...), s), Rbrace: s.End()}
}

func (o *orderer) assign(s *ast.AssignStmt) []ast.Stmt {
	var xs []*ast.Expr
	for i, l := range s.Lhs {
		switch l := ast.Unparen(l).(type) {
		case *ast.Ident:
			if s.Tok != token.ASSIGN && s.Tok != token.DEFINE {
				if v, ok := o.info.Uses[l].(*types.Var); ok && o.mayChange(v) { // read, too
					return o.hoistAll(s.Rhs)
				}
			}
		default:
			xs = append(xs, &s.Lhs[i])
		}
	}
	if len(xs) == 0 {
		return o.hoist(o.values(s.Rhs))
	}
	if len(s.Rhs) == 1 && len(s.Lhs) > 1 { // values of one call
		return nil
	}
	for i := range s.Rhs {
		xs = append(xs, &s.Rhs[i])
	}
	return o.hoist(xs)
}

// operands of a call, which itself stays where it is.
func operands(call *ast.CallExpr) []*ast.Expr {
	xs := []*ast.Expr{&call.Fun}
	for i := range call.Args {
		xs = append(xs, &call.Args[i])
	}
	return xs
}

// values are expressions whose values are used together. The call that is the only one needs no place of its own.
func (o *orderer) values(xs []ast.Expr) []*ast.Expr {
	if len(xs) == 1 {
		if call, ok := ast.Unparen(xs[0]).(*ast.CallExpr); ok {
			return operands(call)
		}
	}
	var out []*ast.Expr
	for i := range xs {
		out = append(out, &xs[i])
	}
	return out
}

// unit is what the compiler takes out of a statement.
type unit struct {
	at *ast.Expr
	// late says that it may change something that was read before it.
	late bool
}

// hoist takes the calls among xs out that come after what they may change.
func (o *orderer) hoist(xs []*ast.Expr) []ast.Stmt {
	w := walk{o: o}
	for _, x := range xs {
		w.expr(x)
	}
	last := -1
	for i, u := range w.units {
		if u.late {
			last = i
		}
	}
	return o.take(w.units[:last+1])
}

// hoistAll takes all calls out.
func (o *orderer) hoistAll(xs []ast.Expr) []ast.Stmt {
	w := walk{o: o}
	for i := range xs {
		w.expr(&xs[i])
	}
	return o.take(w.units)
}

func (o *orderer) take(us []unit) (out []ast.Stmt) {
	for _, u := range us {
		x := *u.at
		t := o.info.TypeOf(x)
		if t == nil {
			return out
		}
		v := types.NewVar(x.Pos(), o.pkg, marker+"value", types.Default(t))
		def, use := &ast.Ident{NamePos: x.Pos(), Name: v.Name()}, &ast.Ident{NamePos: x.Pos(), Name: v.Name()}
		o.info.Defs[def], o.info.Uses[use] = v, v
		o.info.Types[use] = types.TypeAndValue{Type: v.Type()}
		out = append(out, &ast.AssignStmt{Lhs: []ast.Expr{def}, TokPos: x.Pos(), Tok: token.DEFINE, Rhs: []ast.Expr{x}})
		*u.at = use
	}
	return out
}

func (o *orderer) mayChange(v *types.Var) bool {
	return o.shared[v] || v.Parent() == o.pkg.Scope() || v.Pkg() != o.pkg
}

// walk finds the calls of expressions in the order of their evaluation, and whether a variable is read before them.
type walk struct {
	o     *orderer
	units []unit
	read  bool
}

func (w *walk) expr(at *ast.Expr) {
	info := w.o.info
	if tv := info.Types[*at]; tv.Value != nil || tv.IsType() {
		return
	}
	switch x := (*at).(type) {
	case *ast.ParenExpr:
		w.expr(&x.X)
	case *ast.Ident:
		if v, ok := info.Uses[x].(*types.Var); ok && w.o.mayChange(v) {
			w.read = true
		}
	case *ast.SelectorExpr:
		if s := info.Selections[x]; s != nil {
			w.expr(&x.X)
			w.read = w.read || s.Indirect() || isPointer(info.TypeOf(x.X))
		} else if v, ok := info.Uses[x.Sel].(*types.Var); ok && v != nil {
			w.read = true
		}
	case *ast.StarExpr:
		w.expr(&x.X)
		w.read = true
	case *ast.IndexExpr:
		if tv := info.Types[x.Index]; tv.IsType() {
			return
		}
		w.expr(&x.X)
		w.expr(&x.Index)
		if t := info.TypeOf(x.X); t != nil {
			if _, ok := t.Underlying().(*types.Array); !ok {
				w.read = true
			}
		}
	case *ast.SliceExpr:
		w.expr(&x.X)
		for _, y := range []*ast.Expr{&x.Low, &x.High, &x.Max} {
			if *y != nil {
				w.expr(y)
			}
		}
	case *ast.UnaryExpr:
		if x.Op == token.AND {
			if lit, ok := ast.Unparen(x.X).(*ast.CompositeLit); ok {
				w.literal(lit)
			}
			return
		}
		before := w.read
		w.expr(&x.X)
		if x.Op == token.ARROW {
			w.unit(at, before, true)
		}
	case *ast.BinaryExpr:
		if x.Op == token.LAND || x.Op == token.LOR {
			right := walk{o: w.o}
			y := x.Y
			right.expr(&y)
			if len(right.units) > 0 { // the right side is evaluated or not
				w.unit(at, w.read, true)
				return
			}
		}
		w.expr(&x.X)
		w.expr(&x.Y)
	case *ast.TypeAssertExpr:
		before := w.read
		w.expr(&x.X)
		switch info.TypeOf(x).Underlying().(type) {
		case *types.Pointer, *types.Map, *types.Chan, *types.Signature, *types.Tuple:
		default:
			w.unit(at, before, false)
		}
	case *ast.CompositeLit:
		w.literal(x)
	case *ast.CallExpr:
		w.call(at, x)
	}
}

func (w *walk) literal(x *ast.CompositeLit) {
	t := w.o.info.TypeOf(x)
	if p, ok := t.Underlying().(*types.Pointer); ok {
		t = p.Elem()
	}
	_, isMap := t.Underlying().(*types.Map)
	for i := range x.Elts {
		if kv, ok := x.Elts[i].(*ast.KeyValueExpr); ok {
			if isMap {
				w.elt(&kv.Key)
			}
			w.elt(&kv.Value)
			continue
		}
		w.elt(&x.Elts[i])
	}
}

// elt is an element of a literal, which may be a literal without its type.
func (w *walk) elt(at *ast.Expr) {
	if lit, ok := (*at).(*ast.CompositeLit); ok {
		w.literal(lit)
		return
	}
	w.expr(at)
}

func (w *walk) call(at *ast.Expr, x *ast.CallExpr) {
	info := w.o.info
	if info.Types[x.Fun].IsType() { // a conversion
		before := w.read
		w.expr(&x.Args[0])
		if _, ok := info.TypeOf(x).Underlying().(*types.Slice); ok {
			if b, ok := info.TypeOf(x.Args[0]).Underlying().(*types.Basic); ok && b.Info()&types.IsString != 0 {
				w.unit(at, before, false)
			}
		}
		return
	}
	builtin := ""
	if id, ok := ast.Unparen(x.Fun).(*ast.Ident); ok {
		if b, ok := info.Uses[id].(*types.Builtin); ok {
			builtin = b.Name()
		}
	}
	before := w.read
	if builtin == "" {
		w.expr(&x.Fun)
	}
	for i := range x.Args {
		if !info.Types[x.Args[i]].IsType() {
			w.expr(&x.Args[i])
		}
	}
	w.unit(at, before, builtin == "" || builtin == "copy" || builtin == "recover")
}

// unit notes a call, receive or the like; before says whether something was read before its own operands.
func (w *walk) unit(at *ast.Expr, before, effect bool) {
	if t, ok := w.o.info.TypeOf(*at).(*types.Tuple); ok && t.Len() != 1 {
		return
	}
	w.units = append(w.units, unit{at, before && effect})
	w.read = before // its value is not read again
}

func isPointer(t types.Type) bool {
	if t == nil {
		return false
	}
	_, ok := t.Underlying().(*types.Pointer)
	return ok
}
