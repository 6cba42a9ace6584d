package front

import (
	"cmp"
	"errors"
	"fmt"
	"go/scanner"
	"go/types"
	"slices"
	"strings"

	"github.com/godlas/godlas/kernel/internal/lazy"
)

// Diagnostic is one error of a cell.
type Diagnostic struct {
	Cell      string
	Line, Col int // from 1; the column in bytes
	Msg       string
}

func (d Diagnostic) String() string { return fmt.Sprintf("%s:%d:%d: %s", d.Cell, d.Line, d.Col, d.Msg) }

// Errors is why a cell does not compile.
type Errors []Diagnostic

func (e Errors) Error() string {
	var lines []string
	for _, d := range e {
		lines = append(lines, d.String())
	}
	return strings.Join(lines, "\n")
}

// implicit is what the checker says of an unexported field of a type of an earlier cell, to it another package's.
var implicit = lazy.Regexp(`^implicit assignment to unexported field \w+ in struct literal of type main\.`)

// diagnose makes diagnostics of what the parser or checker found. Text that we
// generated has no position in the cell; what is wrong there shows in the cell
// as well, or else is put at its beginning.
func (s *Session) diagnose(file string, errs []error, c *checked) Errors {
	cell := s.cells[file]
	var out, generated Errors
	follow := -1
	for _, err := range errs {
		var list scanner.ErrorList
		var te types.Error
		var ours Errors
		switch {
		case errors.As(err, &ours):
			out = append(out, ours...)
		case errors.As(err, &list):
			for _, e := range list {
				d := Diagnostic{cell.name, e.Pos.Line, e.Pos.Column, e.Msg}
				if e.Pos.Filename != file {
					d.Line, d.Col = 1, 1
				}
				if d.Line > cell.lines { // the end of our text, not of the cell's
					d.Line, d.Col = cell.lines, 1
				}
				out = append(out, d)
			}
		case errors.As(err, &te):
			if len(errs) > 1 && implicit().MatchString(te.Msg) {
				continue
			}
			p := s.fset.Position(te.Pos)
			if strings.HasPrefix(te.Msg, "\t") && follow >= 0 {
				if c := s.cells[p.Filename]; c != nil {
					out[follow].Msg += fmt.Sprintf("\n\t%s:%d:%d: %s", c.name, p.Line, p.Column, s.readable(strings.TrimSpace(te.Msg)))
				}
				continue
			}
			d := Diagnostic{cell.name, p.Line, p.Column, s.message(c, te)}
			if p.Filename != file {
				d.Line, d.Col = 1, 1
				generated = append(generated, d)
				follow = -1
				continue
			}
			out = append(out, d)
			follow = len(out) - 1
		default:
			generated = append(generated, Diagnostic{cell.name, 1, 1, err.Error()})
		}
	}
	if len(out) == 0 {
		out = generated
	}
	slices.SortStableFunc(out, func(a, b Diagnostic) int { return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.Col, b.Col)) })
	for i := 1; i < len(out); i++ { // of a declaration, as a variable of the cell's package and as a statement
		if a, b := &out[i-1], &out[i]; a.Line == b.Line && a.Col == b.Col && strings.HasPrefix(b.Msg, "assignment mismatch") {
			*a, *b = *b, *a
		}
	}
	return slices.CompactFunc(out, func(a, b Diagnostic) bool { return a.Line == b.Line && a.Col == b.Col })
}
