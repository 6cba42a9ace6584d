package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"go/build"
	"os"
	"path/filepath"
	"runtime/debug"
	"strings"

	"github.com/godlas/godlas/dlas/cells"
	"github.com/godlas/godlas/kernel/interp"
)

// runExec runs a Go program in the interpreter. From here on the process is the program's: its streams, arguments,
// environment, signals and exit status.
func runExec(ctx context.Context, c *call) error {
	files, args, err := c.program()
	if err != nil {
		return err
	}
	// as a compiled program has them
	os.Args = append([]string{programName(files[0].Name)}, args...)
	flag.CommandLine = flag.NewFlagSet(os.Args[0], flag.ExitOnError)
	flag.CommandLine.Usage = func() { flag.Usage() }
	debug.SetTraceback("none") // the stacks of the interpreter say nothing about the program
	in := interp.New(interp.Options{
		Libraries: append([]interp.Library{interp.Std(), interp.System()}, cells.Libraries()...),
		Source:    interp.Modules(filepath.Dir(files[0].Name)),
		Process:   true,
	})
	err = in.RunProgram(ctx, files)
	var p *interp.PanicError
	var wrong *interp.CompileError
	switch {
	case errors.As(err, &p):
		fmt.Fprint(os.Stderr, p.Trace())
		return status(2)
	case errors.As(err, &wrong):
		for i, d := range wrong.Diags {
			wrong.Diags[i].Cell = asTyped(d.Cell)
		}
		fmt.Fprintln(os.Stderr, wrong)
		return status(1)
	}
	return err
}

// status ends the program with an exit status; what there is to say has been said.
type status int

func (s status) Error() string { return fmt.Sprintf("exit status %d", int(s)) }

// asTyped shortens a path below the working folder, as the go command does in what the compiler says.
func asTyped(path string) string {
	dir, err := os.Getwd()
	if err != nil {
		return path
	}
	if rel, err := filepath.Rel(dir, path); err == nil && filepath.IsLocal(rel) {
		return rel
	}
	return path
}

// programName is what the go command would call the executable of a file.
func programName(file string) string {
	return strings.TrimSuffix(filepath.Base(file), ".go")
}

// program reads what the command line names: files, or the folder of a package, then the program's own arguments.
func (c *call) program() (files []interp.SourceFile, args []string, err error) {
	args = c.args
	if len(args) > 0 && strings.HasPrefix(args[0], "-") {
		name := strings.TrimLeft(args[0], "-")
		if name == "h" || name == "help" {
			c.flags().help()
			return nil, nil, errHelp
		}
		return nil, nil, usageError(fmt.Sprintf("exec: unknown flag %q; exec has none of its own", "--"+name))
	}
	if len(args) == 0 {
		return nil, nil, usageError("exec: which program? usage: dlas " + c.usage)
	}
	var names []string
	for len(args) > 0 && strings.HasSuffix(args[0], ".go") {
		if info, err := os.Stat(args[0]); err == nil && info.IsDir() {
			break
		}
		names, args = append(names, args[0]), args[1:]
	}
	if len(names) == 0 {
		if names, err = goFiles(args[0]); err != nil {
			return nil, nil, err
		}
		args = args[1:]
	}
	for _, name := range names {
		text, err := os.ReadFile(name)
		if err != nil {
			return nil, nil, usageError("exec: " + err.Error())
		}
		abs, err := filepath.Abs(name)
		if err != nil {
			return nil, nil, err
		}
		files = append(files, interp.SourceFile{Name: abs, Text: text})
	}
	return files, args, nil
}

// goFiles lists the files of a folder that belong to its package on this platform; tests do not.
func goFiles(dir string) ([]string, error) {
	info, err := os.Stat(dir)
	if err != nil {
		return nil, usageError("exec: " + err.Error())
	}
	if !info.IsDir() {
		return nil, usageError(fmt.Sprintf("exec: %s is neither a .go file nor a folder", dir))
	}
	all, err := filepath.Glob(filepath.Join(dir, "*.go"))
	if err != nil {
		return nil, err
	}
	platform := build.Default
	platform.CgoEnabled = false
	var names []string
	for _, name := range all {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		ok, err := platform.MatchFile(dir, filepath.Base(name))
		if err != nil {
			return nil, usageError("exec: " + err.Error())
		}
		if ok {
			names = append(names, name)
		}
	}
	if len(names) == 0 {
		return nil, usageError(fmt.Sprintf("exec: no Go files for this platform in %s", dir))
	}
	return names, nil
}
