package front

import (
	"cmp"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/scanner"
	"go/types"
	"maps"
	"slices"
	"strings"

	"golang.org/x/tools/go/ssa"
)

// Source is a file of a program; positions show its name.
type Source struct {
	Name string
	Text []byte
}

// Main is a program that can be run.
type Main struct {
	*ssa.Package
	Uses []types.Object // what its source mentions
}

// Program checks the files of a package main as the compiler does, all as one
// package, and builds its code. Nothing is added to them: what a file uses it
// imports, and what it declares it uses. M.Mu is held.
func (s *Session) Program(files []Source) (*Main, error) {
	var parsed []*ast.File
	var errs []error
	for _, f := range files {
		x, err := parser.ParseFile(s.fset, f.Name, f.Text, parser.SkipObjectResolution|parser.ParseComments)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		parsed = append(parsed, x)
	}
	if len(errs) > 0 {
		return nil, s.programErrors(errs)
	}
	info := newInfo()
	conf := types.Config{
		Importer: s.imp, GoVersion: goVersion, Sizes: s.sizes,
		Error: func(err error) { errs = append(errs, err) },
	}
	pkg := types.NewPackage("main", parsed[0].Name.Name)
	_ = types.NewChecker(&conf, s.fset, pkg, info).Files(parsed)
	if len(errs) > 0 {
		return nil, s.programErrors(errs)
	}
	if pkg.Name() != "main" {
		return nil, Errors{{files[0].Name, 1, 1, fmt.Sprintf("package %s is not a program: only a package main can be run", pkg.Name())}}
	}
	if _, ok := pkg.Scope().Lookup("main").(*types.Func); !ok {
		return nil, Errors{{files[0].Name, 1, 1, "function main is undeclared in the main package"}}
	}
	for _, p := range pkg.Imports() {
		s.ensureSSA(p)
	}
	rewrite(parsed, pkg, info)
	sp := s.M.Prog.CreatePackage(pkg, parsed, info, false)
	s.created[pkg] = true
	sp.Build()
	return &Main{sp, slices.Collect(maps.Values(info.Uses))}, nil
}

// programErrors puts what the parser or checker found in the order of the files.
// A line that explains an error stays below it.
func (s *Session) programErrors(errs []error) Errors {
	var out Errors
	for _, err := range errs {
		var list scanner.ErrorList
		var te types.Error
		switch {
		case errors.As(err, &list):
			for _, e := range list {
				out = append(out, Diagnostic{e.Pos.Filename, e.Pos.Line, e.Pos.Column, e.Msg})
			}
		case errors.As(err, &te):
			p := s.fset.Position(te.Pos)
			if strings.HasPrefix(te.Msg, "\t") && len(out) > 0 {
				out[len(out)-1].Msg += fmt.Sprintf("\n\t%s:%d:%d: %s", p.Filename, p.Line, p.Column, strings.TrimSpace(te.Msg))
				continue
			}
			out = append(out, Diagnostic{p.Filename, p.Line, p.Column, te.Msg})
		default:
			out = append(out, Diagnostic{"", 1, 1, err.Error()})
		}
	}
	slices.SortStableFunc(out, func(a, b Diagnostic) int {
		return cmp.Or(cmp.Compare(a.Cell, b.Cell), cmp.Compare(a.Line, b.Line), cmp.Compare(a.Col, b.Col))
	})
	return slices.CompactFunc(out, func(a, b Diagnostic) bool { return a.Cell == b.Cell && a.Line == b.Line && a.Col == b.Col })
}
