// Command gensyms makes the tables by which the interpreter reaches compiled
// packages: a Go package with the symbols of each, and beside it an archive of
// their type data, documentation and generic sources. See interp.Library and
// internal/archive for what they hold.
//
//	gensyms -out DIR -package NAME [-std] [-without PATTERN]... [-skip PATH]... [-source PATH]... [-as PATH=ALIAS]... [-also PATH]... PATTERN...
//
// The patterns are those of go list. With -std all public packages of the
// standard library are added. Dependencies are described too (type data only),
// except those that -without names, because another library has them: an import
// path, a path and all below it (gonum.org/...), or std. With -as cells import a
// package under another path than its own.
//
// A package named by -also is listed though it is not for cells, and has a file
// of symbols for each platform, with all that it has there.
//
// Packages are read from source for every platform that the project builds for,
// and a symbol is listed only if it exists on all of them, so that what is made
// compiles everywhere and does not depend on the machine that made it.
package main

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"

	"github.com/godlas/godlas/kernel/interp/internal/archive"
)

// list is a flag that may be given several times.
type list []string

func (l *list) String() string     { return strings.Join(*l, " ") }
func (l *list) Set(s string) error { *l = append(*l, strings.Fields(s)...); return nil }

type options struct {
	out      string
	name     string
	std      bool
	without  list
	skip     list
	source   list
	also     list
	as       list
	patterns []string
}

func main() {
	var o options
	flag.StringVar(&o.out, "out", "", "write into this directory")
	flag.StringVar(&o.name, "package", "", "name of the package made")
	flag.BoolVar(&o.std, "std", false, "add the public packages of the standard library")
	flag.Var(&o.without, "without", "leave out these dependencies")
	flag.Var(&o.skip, "skip", "do not list these packages, though a pattern names them")
	flag.Var(&o.source, "source", "include the sources of these packages")
	flag.Var(&o.as, "as", "import these packages under another path: PATH=ALIAS")
	flag.Var(&o.also, "also", "list these packages, though they are not for cells")
	flag.Parse()
	o.patterns = flag.Args()
	if o.out == "" || o.name == "" {
		flag.Usage()
		os.Exit(2)
	}
	if err := generate(o); err != nil {
		fmt.Fprintln(os.Stderr, "gensyms:", err)
		os.Exit(1)
	}
}

func generate(o options) error {
	w, err := load(o)
	if err != nil {
		return err
	}
	pkgs, err := w.packages()
	if err != nil {
		return err
	}
	data, err := archive.Write(runtime.Version(), pkgs)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(o.out, 0o777); err != nil {
		return err
	}
	// What an earlier run made and this one does not must go.
	old, err := filepath.Glob(filepath.Join(o.out, "*"))
	if err != nil {
		return err
	}
	for _, f := range old {
		b, err := os.ReadFile(f)
		if err != nil {
			return err
		}
		if strings.HasSuffix(f, ".go") && strings.HasPrefix(string(b), generatedBy) {
			if err := os.Remove(f); err != nil {
				return err
			}
		}
	}
	if err := os.WriteFile(filepath.Join(o.out, archiveFile), data, 0o666); err != nil {
		return err
	}
	files, n, err := w.symbolFiles()
	if err != nil {
		return err
	}
	source := 0
	for name, text := range files {
		source += len(text)
		if err := os.WriteFile(filepath.Join(o.out, name), text, 0o666); err != nil {
			return err
		}
	}
	fmt.Printf("%s: %d packages, %d symbols, %d kB of Go, %d kB of archive\n", o.name, len(w.listed), n, source/1000, len(data)/1000)
	return nil
}
