package front

import (
	"go/ast"
	"go/token"
	"go/types"
	"slices"
)

// wanted is what kind of value a place takes.
type wanted struct {
	typ types.Type // nil if nothing is known
	// types says that a type is named there: a case of a type switch, an
	// assertion. Those that implement typ are meant.
	types bool
}

// wantedAt tells what is wanted where the expression level nodes above the
// identifier stands.
func (q *query) wantedAt(level int) (w wanted) {
	x, ok := q.parent(level).(ast.Expr)
	if !ok {
		return w
	}
	for i := level + 1; ; i++ {
		switch p := q.parent(i).(type) {
		case *ast.ParenExpr:
			x = p
			continue
		case *ast.UnaryExpr:
			if p.Op == token.AND {
				outer := q.wantedAt(i)
				if ptr, ok := under(outer.typ).(*types.Pointer); ok {
					return wanted{typ: ptr.Elem()}
				}
				return w
			}
			if p.Op != token.ARROW {
				x = p
				continue
			}
			return w
		case *ast.CallExpr:
			return q.argument(p, x)
		case *ast.AssignStmt:
			if i := slices.Index(p.Rhs, x); i >= 0 && p.Tok != token.DEFINE && i < len(p.Lhs) {
				return wanted{typ: q.info.Types[p.Lhs[i]].Type}
			}
		case *ast.ValueSpec:
			if p.Type != nil && slices.Contains(p.Values, x) {
				return wanted{typ: q.info.Types[p.Type].Type}
			}
		case *ast.ReturnStmt:
			return q.returned(p, x, i)
		case *ast.BinaryExpr:
			return q.operand(p, x, i)
		case *ast.SendStmt:
			if ch, ok := under(q.info.Types[p.Chan].Type).(*types.Chan); ok && p.Value == x {
				return wanted{typ: ch.Elem()}
			}
		case *ast.IndexExpr:
			return q.index(p, x)
		case *ast.IfStmt:
			if p.Cond == x {
				return wanted{typ: types.Typ[types.Bool]}
			}
		case *ast.ForStmt:
			if p.Cond == x {
				return wanted{typ: types.Typ[types.Bool]}
			}
		case *ast.CaseClause:
			return q.switched(i + 1)
		case *ast.TypeAssertExpr:
			if p.Type == x {
				return wanted{typ: q.info.Types[p.X].Type, types: true}
			}
		case *ast.KeyValueExpr:
			if lit, ok := q.parent(i + 1).(*ast.CompositeLit); ok {
				return q.element(lit, p, x)
			}
		case *ast.CompositeLit:
			return q.element(p, nil, x)
		}
		return w
	}
}

func under(t types.Type) types.Type {
	if t == nil {
		return nil
	}
	return t.Underlying()
}

// argument tells what a call wants as its argument x.
func (q *query) argument(call *ast.CallExpr, x ast.Expr) wanted {
	n := slices.Index(call.Args, x)
	if n < 0 {
		return wanted{}
	}
	tv := q.info.Types[call.Fun]
	if tv.IsType() {
		return wanted{typ: tv.Type}
	}
	sig, ok := under(tv.Type).(*types.Signature)
	if !ok {
		return wanted{}
	}
	if v := parameter(sig, n); v != nil {
		t := v.Type()
		if s, ok := t.(*types.Slice); ok && sig.Variadic() && n >= sig.Params().Len()-1 && !call.Ellipsis.IsValid() {
			t = s.Elem()
		}
		return wanted{typ: t}
	}
	return wanted{}
}

// parameter is the one that takes argument n, or nil.
func parameter(sig *types.Signature, n int) *types.Var {
	last := sig.Params().Len() - 1
	if sig.Variadic() {
		n = min(n, last)
	}
	if n < 0 || n > last {
		return nil
	}
	return sig.Params().At(n)
}

func (q *query) returned(ret *ast.ReturnStmt, x ast.Expr, level int) wanted {
	n := slices.Index(ret.Results, x)
	for i := level; n >= 0 && q.parent(i) != nil; i++ {
		var sig *types.Signature
		switch f := q.parent(i).(type) {
		case *ast.FuncLit:
			sig, _ = under(q.info.Types[f].Type).(*types.Signature)
		case *ast.FuncDecl:
			if o := q.info.Defs[f.Name]; o != nil {
				sig, _ = o.Type().(*types.Signature)
			}
		default:
			continue
		}
		if sig != nil && n < sig.Results().Len() {
			return wanted{typ: sig.Results().At(n).Type()}
		}
		break
	}
	return wanted{}
}

// operand tells what the other operand lets expect.
func (q *query) operand(b *ast.BinaryExpr, x ast.Expr, level int) wanted {
	switch b.Op {
	case token.LAND, token.LOR:
		return wanted{typ: types.Typ[types.Bool]}
	case token.SHL, token.SHR:
		return wanted{}
	}
	other := b.X
	if b.X == x {
		other = b.Y
	}
	if t := q.info.Types[other].Type; t != nil && t != types.Typ[types.Invalid] {
		if basic, ok := t.(*types.Basic); !ok || basic.Info()&types.IsUntyped == 0 {
			return wanted{typ: t}
		}
	}
	return q.wantedAt(level)
}

func (q *query) index(ix *ast.IndexExpr, x ast.Expr) wanted {
	if ix.Index != x {
		return wanted{}
	}
	switch t := under(q.info.Types[ix.X].Type).(type) {
	case *types.Map:
		return wanted{typ: t.Key()}
	case *types.Slice, *types.Array, *types.Basic, *types.Pointer:
		return wanted{typ: types.Typ[types.Int]}
	}
	return wanted{}
}

// switched tells what the cases of the switch around a clause are.
func (q *query) switched(level int) wanted {
	for i := level; q.parent(i) != nil; i++ {
		switch p := q.parent(i).(type) {
		case *ast.BlockStmt:
		case *ast.SwitchStmt:
			if p.Tag == nil {
				return wanted{typ: types.Typ[types.Bool]}
			}
			return wanted{typ: q.info.Types[p.Tag].Type}
		case *ast.TypeSwitchStmt:
			if x := switchedOn(p); x != nil {
				return wanted{typ: q.info.Types[x].Type, types: true}
			}
			return wanted{}
		default:
			return wanted{}
		}
	}
	return wanted{}
}

// switchedOn is the expression whose type a switch looks at.
func switchedOn(sw *ast.TypeSwitchStmt) ast.Expr {
	var x ast.Expr
	switch a := sw.Assign.(type) {
	case *ast.ExprStmt:
		x = a.X
	case *ast.AssignStmt:
		x = a.Rhs[0]
	}
	if ta, ok := x.(*ast.TypeAssertExpr); ok {
		return ta.X
	}
	return nil
}

// element tells what a composite literal wants as its element x, or in the pair kv.
func (q *query) element(lit *ast.CompositeLit, kv *ast.KeyValueExpr, x ast.Expr) wanted {
	if lit.Type == x || q.info.Types[lit].Type == nil {
		return wanted{}
	}
	isKey := kv != nil && kv.Key == x
	switch t := deref(q.info.Types[lit].Type).Underlying().(type) {
	case *types.Map:
		if isKey || kv == nil {
			return wanted{typ: t.Key()}
		}
		return wanted{typ: t.Elem()}
	case *types.Slice:
		return wanted{typ: t.Elem()}
	case *types.Array:
		return wanted{typ: t.Elem()}
	case *types.Struct:
		if kv == nil {
			if n := slices.Index(lit.Elts, x); n >= 0 && n < t.NumFields() {
				return wanted{typ: t.Field(n).Type()}
			}
		} else if id, ok := kv.Key.(*ast.Ident); ok && !isKey {
			for f := range t.Fields() {
				if f.Name() == id.Name {
					return wanted{typ: f.Type()}
				}
			}
		}
	}
	return wanted{}
}

// ranked puts first what is wanted.
func (q *query) ranked(cs []candidate, w wanted) []candidate {
	if w.typ == nil || w.typ == types.Typ[types.Invalid] {
		return cs
	}
	out := slices.Clone(cs)
	for i, c := range out {
		if c.object != nil && c.rank == rankPlain || isBuiltinConst(c.object) {
			out[i].rank = w.rank(c.object)
		}
	}
	return out
}

// isBuiltinConst tells whether o is true, false or nil.
func isBuiltinConst(o types.Object) bool {
	switch o.(type) {
	case *types.Const, *types.Nil:
		return o.Pkg() == nil && o.Name() != "iota"
	}
	return false
}

// rank tells how well an object fits.
func (w wanted) rank(o types.Object) int {
	t := o.Type()
	if w.types {
		tn, ok := o.(*types.TypeName)
		if !ok {
			return rankPlain
		}
		if it, ok := under(w.typ).(*types.Interface); ok && it.NumMethods() > 0 && !isGeneric(tn.Type()) &&
			(types.Implements(tn.Type(), it) || types.Implements(types.NewPointer(tn.Type()), it)) {
			return rankFits
		}
		return rankPlain
	}
	if types.IsInterface(w.typ) && under(w.typ).(*types.Interface).NumMethods() == 0 {
		return rankPlain // everything fits
	}
	switch o := o.(type) {
	case *types.Nil:
		switch under(w.typ).(type) {
		case *types.Pointer, *types.Slice, *types.Map, *types.Chan, *types.Signature:
			return rankFits
		case *types.Interface:
			if types.Identical(w.typ, types.Universe.Lookup("error").Type()) {
				return rankFits
			}
		}
		return rankPlain
	case *types.Func:
		if _, ok := under(w.typ).(*types.Signature); ok {
			break
		}
		if o.Signature().TypeParams() != nil || o.Signature().Results().Len() != 1 {
			return rankPlain
		}
		if types.AssignableTo(o.Signature().Results().At(0).Type(), w.typ) {
			return rankFits
		}
		return rankPlain
	case *types.Var, *types.Const:
	default:
		return rankPlain
	}
	switch {
	case t == nil || t == types.Typ[types.Invalid]:
	case types.Identical(t, w.typ):
		return rankType
	case types.AssignableTo(t, w.typ):
		return rankFits
	}
	return rankPlain
}

func isGeneric(t types.Type) bool {
	n, ok := types.Unalias(t).(*types.Named)
	return ok && n.TypeParams().Len() > n.TypeArgs().Len()
}

// qualified lists the constants and variables of a wanted type of another
// package, under the package's name.
func (q *query) qualified(w wanted) []candidate {
	n, ok := types.Unalias(w.typ).(*types.Named)
	if !ok || w.types || n.Obj().Pkg() == nil || n.Obj().Pkg().Path() == "main" || types.IsInterface(n) {
		return nil
	}
	p := n.Obj().Pkg()
	name := p.Name()
	if _, o := q.scope().LookupParent(name, token.NoPos); o != nil {
		if pn, ok := o.(*types.PkgName); !ok || pn.Imported() != p {
			return nil
		}
	} else if q.s.pathOf(name) != p.Path() {
		return nil
	}
	var out []candidate
	for _, c := range q.s.exported(p) {
		switch c.object.(type) {
		case *types.Const, *types.Var:
			if types.Identical(c.object.Type(), n) && c.rank == rankPlain {
				c.Text = name + "." + c.Text
				c.rank = rankType
				out = append(out, c)
			}
		}
	}
	return out
}
