package front

import (
	"go/ast"
	"go/constant"
	"go/token"
	"go/types"
	"strconv"
)

// rewrite replaces in checked source what ssa does not build as Go defines it.
func rewrite(files []*ast.File, pkg *types.Package, info *types.Info) {
	for _, f := range files {
		ast.Inspect(f, func(n ast.Node) bool {
			if r, ok := n.(*ast.RangeStmt); ok {
				countOnly(r, info)
			}
			return true
		})
	}
	callsFirst(files, pkg, info)
}

// countOnly makes a loop over the elements of an array that asks for their number alone one over that number: the array,
// which may be behind a nil pointer, is then not evaluated.
func countOnly(r *ast.RangeStmt, info *types.Info) {
	if id, ok := r.Value.(*ast.Ident); r.Value != nil && (!ok || id.Name != "_") {
		return
	}
	t := info.Types[r.X].Type
	if t == nil {
		return
	}
	t = t.Underlying()
	if p, ok := t.(*types.Pointer); ok {
		t = p.Elem().Underlying()
	}
	a, ok := t.(*types.Array)
	if !ok || !constantLen(r.X, info) {
		return
	}
	if r.Tok == token.ASSIGN && r.Key != nil {
		if k := info.Types[r.Key].Type; k != nil && !types.Identical(k, types.Typ[types.Int]) {
			return
		}
	}
	n := &ast.BasicLit{ValuePos: r.X.Pos(), Kind: token.INT, Value: strconv.FormatInt(a.Len(), 10)}
	info.Types[n] = types.TypeAndValue{Type: types.Typ[types.Int], Value: constant.MakeInt64(a.Len())}
	r.X, r.Value = n, nil
}

// constantLen tells whether len(x) of an array is a constant: x calls no function and receives nothing.
func constantLen(x ast.Expr, info *types.Info) bool {
	constant := true
	ast.Inspect(x, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.FuncLit:
			return false
		case *ast.CallExpr:
			if tv := info.Types[n]; tv.Value == nil && !info.Types[n.Fun].IsType() {
				constant = false
			}
		case *ast.UnaryExpr:
			constant = constant && n.Op != token.ARROW
		}
		return true
	})
	return constant
}
