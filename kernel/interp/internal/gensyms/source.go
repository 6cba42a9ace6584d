package main

import (
	"bytes"
	"embed"
	"fmt"
	"go/ast"
	"go/format"
	"go/parser"
	"go/token"
	"path"
	"path/filepath"
	"strings"
)

// overlay holds sources of ours that stand in for the standard library's where
// these cannot be interpreted, because they reach into the run time. A function
// in a file here replaces the one of the same name; errors, iter, runtime/cgo
// and unique are replaced as a whole.
//
// The handles of unique hold on to their values for good, and the goroutine
// behind iter.Pull is only freed when it is stopped or at its end.
//
//go:embed overlay
var overlay embed.FS

var replaced = map[string]bool{"errors": true, "iter": true, "runtime/cgo": true, "unique": true}

// interpreted are packages that no program is linked with for their own sake.
var interpreted = map[string]bool{"runtime/cgo": true}

// sources returns the files of a package without comments, overlay applied.
func sources(lp *listedPackage) (map[string][]byte, error) {
	out := map[string][]byte{}
	ours := map[string]bool{}
	dir := path.Join("overlay", lp.ImportPath)
	entries, _ := overlay.ReadDir(dir)
	for _, e := range entries {
		if e.IsDir() {
			continue
		}
		b, err := overlay.ReadFile(path.Join(dir, e.Name()))
		if err != nil {
			return nil, err
		}
		f, err := parser.ParseFile(token.NewFileSet(), e.Name(), b, parser.SkipObjectResolution)
		if err != nil {
			return nil, err
		}
		for _, d := range f.Decls {
			if fd, ok := d.(*ast.FuncDecl); ok && fd.Recv == nil {
				ours[fd.Name.Name] = true
			}
		}
		out["overlay_"+strings.TrimSuffix(e.Name(), ".txt")] = b
	}
	if replaced[lp.ImportPath] {
		if len(out) == 0 {
			return nil, fmt.Errorf("no overlay for %s", lp.ImportPath)
		}
		return out, nil
	}
	for _, name := range lp.GoFiles {
		fset := token.NewFileSet()
		f, err := parser.ParseFile(fset, filepath.Join(lp.Dir, name), nil, parser.SkipObjectResolution)
		if err != nil {
			return nil, err
		}
		kept := f.Decls[:0]
		for _, d := range f.Decls {
			if fd, ok := d.(*ast.FuncDecl); ok && fd.Recv == nil && ours[fd.Name.Name] {
				continue
			}
			kept = append(kept, d)
		}
		f.Decls = kept
		var b bytes.Buffer
		if err := format.Node(&b, fset, f); err != nil {
			return nil, err
		}
		out[name] = b.Bytes()
	}
	return out, nil
}
