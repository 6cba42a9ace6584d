package front

import (
	"go/ast"
	"go/parser"
	"go/token"
	"go/types"
	"slices"
	"strconv"
	"strings"
)

// signature writes an object's declaration, as go doc does.
func signature(o types.Object) string {
	switch o := o.(type) {
	case *types.PkgName:
		return "package " + o.Imported().Name() + ` // import "` + o.Imported().Path() + `"`
	case *types.TypeName:
		return typeSignature(o)
	case *types.Const:
		s := types.ObjectString(o, qualifier)
		if v := o.Val().ExactString(); len(v) < 60 && !strings.Contains(s, " = ") {
			s += " = " + v
		}
		return s
	}
	return strings.Replace(types.ObjectString(o, qualifier), marker+"method_", "", 1) // a method of an earlier cell's type
}

// typeSignature writes a type's definition and its methods.
func typeSignature(tn *types.TypeName) string {
	var b strings.Builder
	b.WriteString("type ")
	if p := tn.Pkg(); p != nil && qualifier(p) != "" {
		b.WriteString(p.Name() + ".")
	}
	b.WriteString(tn.Name())
	n, named := types.Unalias(tn.Type()).(*types.Named)
	switch {
	case tn.IsAlias():
		b.WriteString(" = " + types.TypeString(types.Unalias(tn.Type()), qualifier))
		return b.String()
	case !named:
		if tn.Pkg() == nil { // int
			return b.String()
		}
		b.WriteString(" " + types.TypeString(tn.Type().Underlying(), qualifier))
		return b.String()
	}
	if ps := n.TypeParams(); ps.Len() > 0 {
		var list []string
		for p := range ps.TypeParams() {
			list = append(list, p.Obj().Name()+" "+types.TypeString(p.Constraint(), qualifier))
		}
		b.WriteString("[" + strings.Join(list, ", ") + "]")
	}
	b.WriteByte(' ')
	switch u := n.Underlying().(type) {
	case *types.Struct:
		b.WriteString(structText(u))
	case *types.Interface:
		b.WriteString(interfaceText(u))
	default:
		b.WriteString(types.TypeString(u, qualifier))
	}
	for m := range n.Methods() {
		if visible(m) {
			b.WriteString("\n" + types.ObjectString(m, qualifier))
		}
	}
	return b.String()
}

func structText(st *types.Struct) string {
	if st.NumFields() == 0 {
		return "struct{}"
	}
	var b strings.Builder
	b.WriteString("struct {\n")
	width, hidden := 0, false
	for f := range st.Fields() {
		if visible(f) && !f.Embedded() {
			width = max(width, len(f.Name()))
		}
	}
	for i := range st.NumFields() {
		f := st.Field(i)
		if !visible(f) {
			hidden = true
			continue
		}
		b.WriteByte('\t')
		if !f.Embedded() {
			b.WriteString(f.Name() + strings.Repeat(" ", width-len(f.Name())+1))
		}
		b.WriteString(types.TypeString(f.Type(), qualifier))
		if tag := st.Tag(i); tag != "" && strconv.CanBackquote(tag) {
			b.WriteString(" `" + tag + "`")
		} else if tag != "" {
			b.WriteString(" " + strconv.Quote(tag))
		}
		b.WriteByte('\n')
	}
	if hidden {
		b.WriteString("\t// Has unexported fields.\n")
	}
	b.WriteString("}")
	return b.String()
}

func interfaceText(it *types.Interface) string {
	if it.NumExplicitMethods() == 0 {
		return types.TypeString(it, qualifier)
	}
	var b strings.Builder
	b.WriteString("interface {\n")
	for t := range it.EmbeddedTypes() {
		b.WriteString("\t" + types.TypeString(t, qualifier) + "\n")
	}
	hidden := false
	for m := range it.ExplicitMethods() {
		if !visible(m) {
			hidden = true
			continue
		}
		b.WriteString("\t" + m.Name() + strings.TrimPrefix(types.TypeString(m.Type(), qualifier), "func") + "\n")
	}
	if hidden {
		b.WriteString("\t// Has unexported methods.\n")
	}
	b.WriteString("}")
	return b.String()
}

// declarationAt returns the declaration in a cell that is at off, or, if that is
// negative, that declares the variable name at the top level, with its comment.
func declarationAt(src string, off int, name string) (text, doc string) {
	toks := scan(src)
	for _, p := range cut(toks, len(src)) {
		if off >= 0 && (off < p.from || off >= p.to) || off < 0 && p.kind != statements {
			continue
		}
		// the comment of a piece is behind the one before
		begin := 0
		for _, t := range toks {
			if t.off >= p.from {
				break
			}
			begin = t.off + len(t.lit)
			if t.lit == "" || t.tok == token.SEMICOLON {
				begin = t.off + 1
			}
		}
		begin = min(begin, p.from)
		before, after := "package main\n", "\n"
		if p.kind == statements {
			before, after = beforeStatement+"\n", "\n}"
		}
		fset := token.NewFileSet()
		f, _ := parser.ParseFile(fset, "", before+src[begin:p.to]+after, parser.ParseComments|parser.SkipObjectResolution)
		if f == nil {
			continue
		}
		d := &declFinder{fset: fset, src: src, file: f, shift: begin - len(before), off: off, name: name}
		d.statement = p.kind == statements
		if d.find() {
			return d.text, d.doc
		}
	}
	return "", ""
}

// declFinder looks for a declaration in a parsed piece.
type declFinder struct {
	fset      *token.FileSet
	src       string
	file      *ast.File
	shift     int
	off       int
	name      string
	statement bool

	text, doc string
}

func (d *declFinder) offset(p token.Pos) int { return d.fset.PositionFor(p, false).Offset + d.shift }

// is tells whether id is the name that is looked for.
func (d *declFinder) is(id *ast.Ident) bool {
	return id.Name == d.name && (d.off < 0 || d.offset(id.Pos()) == d.off)
}

func (d *declFinder) source(n ast.Node) string {
	from, to := d.offset(n.Pos()), min(d.offset(n.End()), len(d.src))
	from = max(from, 0)
	if from >= to {
		return ""
	}
	return d.src[from:to]
}

func (d *declFinder) take(n ast.Node, docs ...*ast.CommentGroup) {
	d.text = d.source(n)
	for _, c := range docs {
		if t := strings.TrimSpace(c.Text()); t != "" {
			d.doc = t
			return
		}
	}
}

func (d *declFinder) find() (found bool) {
	ast.Inspect(d.file, func(n ast.Node) bool {
		if found {
			return false
		}
		switch n := n.(type) {
		case *ast.FuncDecl:
			if d.is(n.Name) {
				d.take(n, n.Doc)
				found = true
			}
		case *ast.GenDecl:
			for _, sp := range n.Specs {
				found = found || d.spec(n, sp)
			}
		case *ast.Field:
			for _, id := range n.Names {
				if d.is(id) {
					d.take(n, n.Doc, n.Comment)
					found = true
				}
			}
		case *ast.AssignStmt:
			if n.Tok == token.DEFINE && d.assigns(n.Lhs) {
				d.take(n, d.above(n), d.beside(n))
				found = true
			}
		case *ast.RangeStmt:
			if n.Tok == token.DEFINE && d.assigns([]ast.Expr{n.Key, n.Value}) {
				d.text, _, _ = strings.Cut(d.source(n), "\n")
				found = true
			}
		}
		return !found
	})
	return found
}

func (d *declFinder) assigns(xs []ast.Expr) bool {
	return slices.ContainsFunc(xs, func(x ast.Expr) bool {
		id, ok := x.(*ast.Ident)
		return ok && d.is(id)
	})
}

func (d *declFinder) spec(g *ast.GenDecl, sp ast.Spec) bool {
	switch sp := sp.(type) {
	case *ast.TypeSpec:
		if d.is(sp.Name) {
			if g.Lparen.IsValid() {
				d.take(sp, sp.Doc, sp.Comment, g.Doc)
			} else {
				d.take(g, sp.Doc, g.Doc, sp.Comment)
			}
			return true
		}
	case *ast.ValueSpec:
		if slices.ContainsFunc(sp.Names, d.is) {
			docs := []*ast.CommentGroup{sp.Doc, sp.Comment, g.Doc, d.above(g)}
			if g.Lparen.IsValid() {
				d.take(sp, docs...)
			} else {
				d.take(g, docs...)
			}
			return true
		}
	}
	return false
}

// above returns the comment that ends on the line before n.
func (d *declFinder) above(n ast.Node) *ast.CommentGroup {
	line := d.fset.PositionFor(n.Pos(), false).Line
	for _, c := range d.file.Comments {
		if d.fset.PositionFor(c.End(), false).Line == line-1 {
			return c
		}
	}
	return nil
}

// beside returns the comment behind n on its last line.
func (d *declFinder) beside(n ast.Node) *ast.CommentGroup {
	line := d.fset.PositionFor(n.End(), false).Line
	for _, c := range d.file.Comments {
		if c.Pos() >= n.End() && d.fset.PositionFor(c.Pos(), false).Line == line {
			return c
		}
	}
	return nil
}
