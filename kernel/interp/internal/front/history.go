package front

import (
	"fmt"
	"go/ast"
	"go/token"
	"go/types"
	"reflect"
	"strconv"

	"golang.org/x/tools/go/ast/astutil"
	"golang.org/x/tools/go/ssa"
)

// In[n] is the source of cell n, Out[n] the value of its last expression: In is a map[int]string, Out a map[int]any in
// which an expression of several values has a []any. Out[3], with a constant, has the type of what it was: the checker sees
// the variable that holds it. A name In or Out of the user hides ours.

// How much of a notebook's history is kept.
const (
	maxInputs     = 1000
	maxInputBytes = 4 << 20
	maxOutputs    = 100
)

type history struct {
	inputs  []input
	outputs []output
	bytes   int // of inputs

	in, out *ssa.Global // made when a cell first mentions them
}

type input struct {
	n   int
	src string
}

type output struct {
	n    int
	vars []*ssa.Global
}

// Input records the source of cell n.
func (s *Session) Input(n int, src string) {
	h := &s.history
	if k := len(h.inputs) - 1; k >= 0 && h.inputs[k].n == n {
		h.bytes -= len(h.inputs[k].src)
		h.inputs = h.inputs[:k]
	}
	h.inputs = append(h.inputs, input{n, src})
	h.bytes += len(src)
	for len(h.inputs) > maxInputs || h.bytes > maxInputBytes && len(h.inputs) > 1 {
		h.bytes -= len(h.inputs[0].src)
		h.inputs = h.inputs[1:]
	}
}

// Output keeps the variables of a last expression as the value of cell n.
func (s *Session) Output(n int, vars []*ssa.Global) {
	h := &s.history
	if len(vars) == 0 {
		return
	}
	h.outputs = append(h.outputs, output{n, vars})
	if len(h.outputs) > maxOutputs {
		for _, g := range h.outputs[0].vars {
			s.M.Forget(g)
		}
		h.outputs = h.outputs[1:]
	}
}

func (h *history) output(n int) *output {
	for i := len(h.outputs) - 1; i >= 0; i-- {
		if h.outputs[i].n == n {
			return &h.outputs[i]
		}
	}
	return nil
}

// recall gives In and Out their values if the cell mentions them.
func (b *builder) recall() {
	ours := map[string]bool{}
	ast.Inspect(b.parsed, func(n ast.Node) bool {
		if id, ok := n.(*ast.Ident); ok && (id.Name == "In" || id.Name == "Out") {
			ours[id.Name] = b.s.live[id.Name] == nil && !b.declared[id.Name] && !b.vars[id.Name] && !b.owned[id.Name] && b.s.imports[id.Name] == ""
		}
		return true
	})
	s, h := b.s, &b.s.history
	if ours["In"] {
		if h.in == nil {
			_, h.in = s.variable("In", types.NewMap(types.Typ[types.Int], types.Typ[types.String]))
		}
		m := map[int]string{}
		for _, x := range h.inputs {
			m[x.n] = x.src
		}
		s.M.Variable(h.in).Set(reflect.ValueOf(m))
		b.history = append(b.history, h.in.Object())
	}
	if ours["Out"] {
		if h.out == nil {
			_, h.out = s.variable("Out", types.NewMap(types.Typ[types.Int], types.Universe.Lookup("any").Type()))
		}
		m := map[int]any{}
		for _, x := range h.outputs {
			var vs []any
			for _, g := range x.vars {
				vs = append(vs, s.M.Variable(g).Interface())
			}
			if m[x.n] = vs; len(vs) == 1 {
				m[x.n] = vs[0]
			}
		}
		s.M.Variable(h.out).Set(reflect.ValueOf(m))
		b.history = append(b.history, h.out.Object())
	}
}

// typedOutputs makes Out[n], where n is a number, the variable of that value.
func (b *builder) typedOutputs(f *ast.File, pkg *types.Package) {
	if len(b.history) == 0 || b.history[len(b.history)-1].Name() != "Out" || redeclares(f, "Out") {
		return
	}
	astutil.Apply(f, func(c *astutil.Cursor) bool {
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
		if err != nil {
			return true
		}
		switch o := b.s.history.output(n); {
		case o == nil:
			p := b.s.fset.Position(x.Pos())
			b.missing = append(b.missing, Diagnostic{
				b.s.cells[b.file].name, p.Line, p.Column,
				fmt.Sprintf("Out[%d]: cell %d has no result, or it is none of the last %d, which are kept", n, n, maxOutputs),
			})
		case len(o.vars) == 1:
			v := o.vars[0].Object()
			pkg.Scope().Insert(v)
			c.Replace(&ast.Ident{NamePos: x.Pos(), Name: v.Name()})
			return false
		}
		return true
	}, nil)
}

// redeclares tells whether a file gives name another meaning somewhere.
func redeclares(f *ast.File, name string) (found bool) {
	is := func(x ast.Expr) bool {
		id, ok := x.(*ast.Ident)
		return ok && id.Name == name
	}
	ast.Inspect(f, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.AssignStmt:
			for _, l := range n.Lhs {
				found = found || n.Tok == token.DEFINE && is(l)
			}
		case *ast.RangeStmt:
			found = found || n.Tok == token.DEFINE && (is(n.Key) || n.Value != nil && is(n.Value))
		case *ast.Field:
			for _, x := range n.Names {
				found = found || is(x)
			}
		case *ast.ValueSpec:
			for _, x := range n.Names {
				found = found || is(x)
			}
		}
		return !found
	})
	return found
}
