package front

import (
	"go/ast"
	"go/scanner"
	"go/token"
	"slices"
	"strconv"
	"strings"
)

// refuse reports what Go allows in a program and a cell cannot have, and what Go does not allow either but its data would let
// the checker find.
func (b *builder) refuse() {
	for _, d := range b.parsed.Decls {
		if fd, ok := d.(*ast.FuncDecl); ok {
			b.refuseFunc(fd)
		}
		gd, ok := d.(*ast.GenDecl)
		if !ok || gd.Tok != token.IMPORT {
			continue
		}
		for _, sp := range gd.Specs {
			lit := sp.(*ast.ImportSpec).Path
			path, _ := strconv.Unquote(lit.Value)
			switch {
			case b.s.sources.loaded[path] != nil || b.s.sources.offered[path] != nil: // a module's; who offered it saw to this
			case slices.Contains(strings.Split(path, "/"), "internal"):
				b.refused(lit.Pos(), "use of internal package "+path+" not allowed")
			case isStd(path) && path != "C" && path != "" && !b.s.Packages.Importable(path) && b.known(path):
				b.refused(lit.Pos(), "could not import "+path+": package "+path+" is not built into this kernel")
			}
		}
	}
	b.refuseEmbed()
}

// refuseFunc reports what the checker leaves to the compiler, or does not see as the function has a name of ours.
func (b *builder) refuseFunc(d *ast.FuncDecl) {
	if d.Body == nil && !strings.Contains(b.src, "//go:linkname ") {
		b.refused(d.Name.Pos(), "missing function body")
	}
	if strings.HasPrefix(d.Name.Name, b.name("init")+"_") && (d.Type.Params.NumFields() > 0 || d.Type.Results.NumFields() > 0) {
		b.refused(d.Type.Params.Pos(), "func init must have no arguments and no return values")
	}
}

// known tells whether there is type data of a package, which other packages mention.
func (b *builder) known(path string) bool {
	_, err := b.s.imp.Import(path)
	return err == nil
}

func (b *builder) refused(pos token.Pos, msg string) {
	p := b.s.fset.Position(pos)
	b.diags = append(b.diags, Diagnostic{b.s.cells[b.file].name, p.Line, p.Column, msg})
}

// refuseEmbed finds directives that the compiler would fill a variable for.
func (b *builder) refuseEmbed() {
	if !strings.Contains(b.src, "//go:embed ") {
		return
	}
	var s scanner.Scanner
	fset := token.NewFileSet()
	f := fset.AddFile("", -1, len(b.src))
	s.Init(f, []byte(b.src), nil, scanner.ScanComments)
	for {
		pos, t, lit := s.Scan()
		if t == token.EOF {
			return
		}
		if t == token.COMMENT && strings.HasPrefix(lit, "//go:embed ") {
			line, col := lineCol(b.src, f.Offset(pos))
			b.diags = append(b.diags, Diagnostic{b.s.cells[b.file].name, line, col, "go:embed: a cell has no files beside it that could be embedded; read them when it runs, as with os.ReadFile"})
		}
	}
}
