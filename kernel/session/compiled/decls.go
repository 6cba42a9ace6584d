package compiled

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/scanner"
	"go/token"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/godlas/godlas/kernel/interp"
)

// decl is a declaration of a cell's top level.
type decl struct {
	kind    token.Token // IMPORT, FUNC, TYPE, VAR or CONST
	names   []string    // what it declares: a method as T.M, an import under its name in the file
	word    bool        // text lacks its keyword: it was one of a group
	text    string
	at      place
	path    string // of an import
	rename  int    // offset in text behind the name of an init_x function, whose name is init for the compiler; 0 for none
	receive string // type of a method's receiver
	program bool   // of a compiled cell: every program has it; one of an interpreted cell is there when it is needed
}

func (d *decl) isInit() bool {
	return d.kind == token.FUNC && (d.names[0] == "init" || strings.HasPrefix(d.names[0], "init_"))
}

// isTest reports whether go test wants it in a test file, and the name of what runs.
func (d *decl) isTest() bool {
	if d.kind != token.FUNC || d.receive != "" {
		return false
	}
	return slices.ContainsFunc([]string{"Test", "Benchmark", "Example", "Fuzz"}, func(p string) bool { return isTestName(d.names[0], p) })
}

// isTestName follows go test: behind the prefix there is no lower case letter.
func isTestName(name, prefix string) bool {
	rest, ok := strings.CutPrefix(name, prefix)
	return ok && (rest == "" || !('a' <= rest[0] && rest[0] <= 'z'))
}

// parse reads the declarations of a chunk. What has no name, as import _ or var _, is kept under a name of its own.
func (c chunk) parse() ([]*decl, error) {
	fset := token.NewFileSet()
	head := "package p\n" + c.at.directive()
	f, err := parser.ParseFile(fset, "", head+c.text, parser.ParseComments|parser.SkipObjectResolution)
	if err != nil {
		return nil, diagnostics(err, c.at.cell)
	}
	whole := func(p, end token.Pos) (string, place) {
		from, to := fset.PositionFor(p, false).Offset-len(head), fset.PositionFor(end, false).Offset-len(head)
		return c.text[from:to], c.at.after(c.text[:from])
	}
	var out []*decl
	for _, d := range f.Decls {
		switch d := d.(type) {
		case *ast.FuncDecl:
			x := &decl{kind: token.FUNC, names: []string{d.Name.Name}, text: c.text, at: c.at}
			if d.Recv != nil {
				x.receive = receiver(d)
				x.names[0] = x.receive + "." + d.Name.Name
			} else if x.isInit() && d.Name.Name != "init" {
				x.rename = fset.PositionFor(d.Name.End(), false).Offset - len(head)
			}
			out = append(out, x)
		case *ast.GenDecl:
			if d.Tok == token.CONST || !d.Lparen.IsValid() {
				x := &decl{kind: d.Tok, text: c.text, at: c.at}
				for _, s := range d.Specs {
					x.name(s)
					if im, ok := s.(*ast.ImportSpec); ok {
						_, x.at = whole(im.Path.Pos(), s.End())
					}
				}
				out = append(out, x)
				continue
			}
			for _, s := range d.Specs {
				x := &decl{kind: d.Tok, word: true}
				x.name(s)
				from := s.Pos()
				if doc := docOf(s); doc != nil {
					from = doc.Pos()
				}
				if im, ok := s.(*ast.ImportSpec); ok {
					from = im.Path.Pos()
				}
				x.text, x.at = whole(from, s.End())
				out = append(out, x)
			}
		}
	}
	return out, nil
}

func docOf(s ast.Spec) *ast.CommentGroup {
	switch s := s.(type) {
	case *ast.ValueSpec:
		return s.Doc
	case *ast.TypeSpec:
		return s.Doc
	}
	return nil
}

func (d *decl) name(s ast.Spec) {
	switch s := s.(type) {
	case *ast.ImportSpec:
		d.path, _ = strconv.Unquote(s.Path.Value)
		name := packageName(d.path)
		if s.Name != nil {
			name = s.Name.Name
		}
		if name == "_" || name == "." {
			name += " " + d.path
		}
		d.names = append(d.names, name)
	case *ast.TypeSpec:
		d.names = append(d.names, s.Name.Name)
	case *ast.ValueSpec:
		for _, n := range s.Names {
			name := n.Name
			if name == "_" {
				name = "_ " + d.at.String() + " " + strconv.Itoa(len(d.names))
			}
			d.names = append(d.names, name)
		}
	}
}

// packageName guesses the name of a package by its path.
func packageName(p string) string {
	b := path.Base(p)
	if len(b) > 1 && b[0] == 'v' && strings.Trim(b[1:], "0123456789") == "" {
		b = path.Base(path.Dir(p))
	}
	b, _, _ = strings.Cut(b, ".v")
	if rest, ok := strings.CutPrefix(b, "go-"); ok {
		b = rest
	}
	return b
}

func receiver(d *ast.FuncDecl) string {
	if len(d.Recv.List) == 0 {
		return "?"
	}
	t := d.Recv.List[0].Type
	for {
		switch x := t.(type) {
		case *ast.StarExpr:
			t = x.X
		case *ast.ParenExpr:
			t = x.X
		case *ast.IndexExpr:
			t = x.X
		case *ast.IndexListExpr:
			t = x.X
		case *ast.Ident:
			return x.Name
		default:
			return "?"
		}
	}
}

func (p place) String() string { return fmt.Sprintf("%s:%d:%d", p.cell, p.line, p.col) }

// directive gives the text that follows it the position p, see "Line Directives" in the documentation of cmd/compile.
func (p place) directive() string { return fmt.Sprintf("//line %s:%d:%d\n", p.cell, p.line, p.col) }

// inline is directive inside of a line.
func (p place) inline() string { return fmt.Sprintf("/*line %s:%d:%d*/", p.cell, p.line, p.col) }

// diagnostics are the errors of the parser as those of a cell.
func diagnostics(err error, cell string) error {
	list, ok := err.(scanner.ErrorList)
	if !ok {
		return err
	}
	e := &interp.CompileError{}
	for _, x := range list {
		e.Diags = append(e.Diags, interp.Diagnostic{Cell: cell, Line: x.Pos.Line, Col: x.Pos.Column, Msg: x.Msg})
	}
	return e
}

// memory is what cells have declared, in the order of time.
type memory struct{ decls []*decl }

// merge returns the memory with the declarations of one more cell: what has one of their names is forgotten, and so is what
// was declared together with it.
func (m memory) merge(ds []*decl) memory {
	fresh := map[string]bool{}
	for _, d := range ds {
		for _, n := range d.names {
			fresh[d.key(n)] = true
		}
	}
	var out memory
	for _, d := range m.decls {
		if !slices.ContainsFunc(d.names, func(n string) bool { return fresh[d.key(n)] }) {
			out.decls = append(out.decls, d)
		}
	}
	out.decls = append(out.decls, ds...)
	return out
}

// key is what a name is known by: that of a package may be that of something else, too, in another cell.
func (d *decl) key(name string) string {
	if d.kind == token.IMPORT {
		return "import " + name
	}
	return name
}

// remove forgets what has a name and what was declared with it; it returns the kinds of what it found.
func (m *memory) remove(name string) (kinds []string) {
	m.decls = slices.DeleteFunc(m.decls, func(d *decl) bool {
		if !slices.Contains(d.names, name) {
			return false
		}
		kinds = append(kinds, d.kind.String())
		return true
	})
	return kinds
}
