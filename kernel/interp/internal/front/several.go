package front

import (
	"errors"
	"go/ast"
	"go/scanner"
	"go/token"
	"strings"
)

// A cell may end in several expressions, as in x, err. Go has no such statement: for the parser they are the arguments of a
// call, which finish takes apart again.

// span is a part of a cell's source.
type span struct{ from, to int }

// several finds the expressions at the end of a cell that the parser refused for them. It is not ok if anything else is wrong.
func (b *builder) several(err error) (s span, ok bool) {
	var list scanner.ErrorList
	if !errors.As(err, &list) || len(list) != 1 || list[0].Msg != "expected 1 expression" || list[0].Pos.Filename != b.file {
		return s, false
	}
	lines := strings.SplitAfter(b.src, "\n")
	for _, l := range lines[:min(list[0].Pos.Line-1, len(lines))] {
		s.from += len(l)
	}
	if s.from += list[0].Pos.Column - 1; s.from >= len(b.src) {
		return s, false
	}
	for _, t := range scan(b.src[s.from:]) {
		switch t.tok {
		case token.SEMICOLON, token.EOF:
		default:
			width := len(t.lit)
			if width == 0 {
				width = len(t.tok.String())
			}
			s.to = s.from + t.off + width
		}
	}
	return s, s.to <= len(b.src)
}

// parseSeveral parses the cell again if it ends in several expressions, which f and err came of.
func (b *builder) parseSeveral(f *ast.File, err error) (*ast.File, error) {
	list, ok := b.several(err)
	if !ok {
		return f, err
	}
	b.list = list
	b.assemble()
	if again, e := b.parse(b.text); e == nil {
		return again, nil
	}
	return f, err
}

// call writes a part of the source with the expressions at its end as the arguments of a call.
func (b *builder) call(from, to int) string {
	s := b.list
	if s.to == 0 || s.from < from || s.to > to {
		return b.src[from:to]
	}
	return b.src[from:s.from] + b.name("values") + "(" + b.line(s.from) + b.src[s.from:s.to] + ")" + b.line(s.to) + b.src[s.to:to]
}

// lastSeveral returns the expressions, if the cell ends in several.
func (b *builder) lastSeveral() []ast.Expr {
	if call, ok := b.last.(*ast.CallExpr); ok && b.list.to > 0 {
		if id, ok := call.Fun.(*ast.Ident); ok && id.Name == b.name("values") {
			return call.Args
		}
	}
	return nil
}

// lastSource is the source of the last expression, or of several.
func (b *builder) lastSource() string {
	if xs := b.lastSeveral(); xs != nil {
		return b.at(xs[0].Pos()) + b.source(xs[0].Pos(), xs[len(xs)-1].End())
	}
	return b.source(b.last.Pos(), b.last.End())
}
