package asm

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// TestSafePoints reads this package: a loop in assembly is called by functions that are never inlined, and never in a
// loop. Their entry is the only place between two calls where the collector can stop a thread, since a signal that finds
// it in assembly is dropped; without it a collection waits for as long as the calls go on, which was eleven seconds.
func TestSafePoints(t *testing.T) {
	names, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	set := token.NewFileSet()
	var files []*ast.File
	assembly := map[string]bool{}
	for _, name := range names {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		f, err := parser.ParseFile(set, name, nil, parser.ParseComments)
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, f)
		for _, d := range f.Decls {
			if fn, ok := d.(*ast.FuncDecl); ok && fn.Body == nil {
				assembly[fn.Name.Name] = true
			}
		}
	}
	if len(assembly) < 300 {
		t.Fatalf("only %d functions in assembly", len(assembly))
	}
	// A function that may be inlined counts as what it calls.
	for before := 0; before < len(assembly); {
		before = len(assembly)
		for _, f := range files {
			for _, d := range f.Decls {
				fn, ok := d.(*ast.FuncDecl)
				if !ok || fn.Body == nil || fn.Doc != nil && slices.ContainsFunc(fn.Doc.List, func(c *ast.Comment) bool { return c.Text == "//go:noinline" }) {
					continue
				}
				if calls := callsOf(fn.Body, assembly); len(calls) > 0 {
					assembly[fn.Name.Name] = true
					if fn.Name.IsExported() {
						t.Errorf("%s: %s may be inlined, and calls %s", set.Position(fn.Pos()), fn.Name.Name, calls[0].Name)
					}
				}
			}
		}
	}
	used := map[string]bool{}
	for _, f := range files {
		for _, d := range f.Decls {
			fn, ok := d.(*ast.FuncDecl)
			if !ok || fn.Body == nil {
				continue
			}
			for _, id := range callsOf(fn.Body, assembly) {
				used[id.Name] = true
			}
			ast.Inspect(fn.Body, func(n ast.Node) bool {
				switch n.(type) {
				case *ast.ForStmt, *ast.RangeStmt:
					for _, id := range callsOf(n, assembly) {
						t.Errorf("%s: %s calls %s in a loop", set.Position(id.Pos()), fn.Name.Name, id.Name)
					}
				}
				return true
			})
		}
	}
	for name := range assembly {
		if !used[name] && !token.IsExported(name) {
			t.Errorf("nothing calls %s", name)
		}
	}
}

// callsOf finds the names of functions in a piece of code, which it calls or keeps to call.
func callsOf(in ast.Node, functions map[string]bool) (found []*ast.Ident) {
	ast.Inspect(in, func(n ast.Node) bool {
		if id, ok := n.(*ast.Ident); ok && functions[id.Name] {
			found = append(found, id)
		}
		return true
	})
	return found
}
