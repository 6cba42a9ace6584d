package nb

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/scanner"
	"go/token"
	"slices"
	"strconv"
	"strings"
)

// Param is a value given to a notebook from outside.
type Param struct{ Name, Value string }

// ParseParam reads name=value.
func ParseParam(s string) (Param, error) {
	name, value, ok := strings.Cut(s, "=")
	name = strings.TrimSpace(name)
	if !ok || !token.IsIdentifier(name) || name == "_" {
		return Param{}, fmt.Errorf("%q is not name=value with a name of Go", s)
	}
	return Param{Name: name, Value: value}, nil
}

// Literal is the value in Go: a number, true, false or a quoted string is taken as written, all else is a string.
func (p Param) Literal() string {
	v := strings.TrimSpace(p.Value)
	if v == "true" || v == "false" {
		return v
	}
	if e, err := parser.ParseExpr(v); err == nil {
		if u, ok := e.(*ast.UnaryExpr); ok && (u.Op == token.SUB || u.Op == token.ADD) {
			e = u.X
			if l, ok := e.(*ast.BasicLit); ok && l.Kind != token.INT && l.Kind != token.FLOAT {
				return strconv.Quote(p.Value)
			}
		}
		if l, ok := e.(*ast.BasicLit); ok && l.Kind != token.CHAR {
			return v
		}
	}
	return strconv.Quote(p.Value)
}

const (
	tagParameters = "parameters"
	tagInjected   = "injected-parameters" // as papermill calls it
)

// Inject puts a cell with the parameters behind the cell tagged "parameters", where they replace the values that it
// declares, or declares them in a cell at the top if there is none. The cell of an earlier run is replaced. A name that the
// tagged cell does not have is an error: it would be one that was misspelt.
func (n *Notebook) Inject(params []Param) error {
	n.Cells = slices.DeleteFunc(n.Cells, func(c *Cell) bool { return c.Tagged(tagInjected) })
	if len(params) == 0 {
		return nil
	}
	params = lastOfEach(params)
	at := slices.IndexFunc(n.Cells, func(c *Cell) bool { return c.Kind == "code" && c.Tagged(tagParameters) })
	op := "="
	if at < 0 {
		op = ":="
	} else {
		known := identifiers(n.Cells[at].Source)
		for _, p := range params {
			if !known[p.Name] {
				return fmt.Errorf("there is no parameter %s: the cell tagged parameters does not have that name", p.Name)
			}
		}
	}
	c := &Cell{Kind: "code", Metadata: map[string]any{"tags": []any{tagInjected}}}
	for i, p := range params {
		if i > 0 {
			c.Source += "\n"
		}
		c.Source += fmt.Sprintf("%s %s %s", p.Name, op, p.Literal())
	}
	if n.Minor >= 5 {
		c.ID = n.freeID(tagInjected)
	}
	n.Cells = slices.Insert(n.Cells, at+1, c)
	return nil
}

// identifiers are the names that stand in a cell.
func identifiers(source string) map[string]bool {
	var s scanner.Scanner
	src := []byte(source)
	s.Init(token.NewFileSet().AddFile("", -1, len(src)), src, nil, 0)
	names := map[string]bool{}
	for {
		switch _, tok, text := s.Scan(); tok {
		case token.EOF:
			return names
		case token.IDENT:
			names[text] = true
		}
	}
}

// lastOfEach leaves of params with one name the last.
func lastOfEach(params []Param) []Param {
	var out []Param
	for i, p := range params {
		if !slices.ContainsFunc(params[i+1:], func(q Param) bool { return q.Name == p.Name }) {
			out = append(out, p)
		}
	}
	return out
}

// freeID is an id that no cell has; the same for the same notebook.
func (n *Notebook) freeID(want string) string {
	id := want
	for i := 2; slices.ContainsFunc(n.Cells, func(c *Cell) bool { return c.ID == id }); i++ {
		id = want + "-" + strconv.Itoa(i)
	}
	return id
}
