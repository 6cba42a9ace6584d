package interp

import (
	"context"
	"fmt"
	"go/parser"
	"go/token"
	"reflect"
	"runtime"
	"strings"

	"github.com/godlas/godlas/kernel/interp/internal/compile"
	"github.com/godlas/godlas/kernel/interp/internal/front"
)

// SourceFile is a file of a program. Name is shown in positions.
type SourceFile struct {
	Name string
	Text []byte
}

// RunProgram runs a program, whose files are one package main, on the calling
// goroutine: package variables and init functions in Go's order, then main. Its
// error is a *CompileError, a *PanicError, or context.Cause(ctx) where ctx had
// ended before. With Options.Process, what the program prints, reads and does
// is as if it had been compiled.
//
// A session runs a program once; cells of the same session do not see it.
func (in *Interp) RunProgram(ctx context.Context, files []SourceFile) error {
	done, err := in.take(ctx)
	if err != nil {
		return err
	}
	defer done()
	if err := in.find(ctx, importsOf(files)); err != nil {
		return err
	}
	refs, err := in.compileProgram(files)
	if err != nil {
		return err
	}
	run := compile.NewRun(ctx)
	in.m.SetCurrent(run)
	for _, f := range refs {
		switch p, ok := in.m.Eval(run, f); {
		case p != nil:
			return in.panicError(p)
		case !ok:
			return context.Cause(ctx)
		}
	}
	return nil
}

// importsOf writes what files import as a cell of imports.
func importsOf(files []SourceFile) string {
	var b strings.Builder
	for _, f := range files {
		parsed, err := parser.ParseFile(token.NewFileSet(), f.Name, f.Text, parser.ImportsOnly)
		if err != nil { // the compiler says so
			continue
		}
		for _, im := range parsed.Imports {
			fmt.Fprintf(&b, "import _ %s\n", im.Path.Value)
		}
	}
	return b.String()
}

// compileProgram returns what to run: the initialisation of packages that are interpreted, and then the program.
func (in *Interp) compileProgram(files []SourceFile) (refs []compile.FuncRef, err error) {
	in.m.Mu.Lock()
	defer in.m.Mu.Unlock()
	var sources []front.Source
	for _, f := range files {
		sources = append(sources, front.Source(f))
	}
	defer func() {
		if r := recover(); r != nil {
			err = &CompileError{[]Diagnostic{{files[0].Name, 1, 1, fmt.Sprintf("cannot compile this program: %v", r)}}}
		}
	}()
	sp, err := in.front.Program(sources)
	if err != nil {
		return nil, compileError(err)
	}
	if in.opt.Process && linkedWithC && selfContained(sp.Pkg, sp.Uses) {
		in.libs.instead["runtime.NumGoroutine"] = reflect.ValueOf(func() int { return runtime.NumGoroutine() - 1 })
		go watch()
	}
	inits, _ := in.front.Inits()
	for _, f := range inits {
		refs = append(refs, in.m.Func(f))
	}
	return append(refs, in.m.After(sp.Func("init"), sp.Func("main"))), nil
}
