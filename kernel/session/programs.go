package session

import (
	"context"
	"errors"
	goflag "flag"
	"fmt"
	"io"
	"os"
	"strings"
	"sync"

	"github.com/godlas/godlas/kernel/internal/lazy"
	"github.com/godlas/godlas/kernel/interp"
	"github.com/godlas/godlas/kernel/session/cell"
	"github.com/godlas/godlas/kernel/session/compiled"
	"github.com/godlas/godlas/kernel/session/magic"
)

// What cells written as programs, as those of GoNB, have here: a line %% with arguments, a package clause, flags.

// program makes one %%test cell of a cell that has a line %test anywhere.
func program(code string, pieces []cell.Piece) []cell.Piece {
	for _, p := range pieces {
		if p.Kind == cell.Line && p.Name == "test" {
			body := cell.Blank(code)
			// behind the line that a %% cell begins with
			return []cell.Piece{{Kind: cell.Whole, Name: "test", Args: p.Args, Line: 0, Body: body, End: len(code)}}
		}
	}
	return pieces
}

// programsBefore is what a %%go or %%test cell has of those before it, for questions about its text.
func (s *session) programsBefore(pieces []cell.Piece) string {
	if len(pieces) != 1 || pieces[0].Kind != cell.Whole || pieces[0].Name != "go" && pieces[0].Name != "test" {
		return ""
	}
	return s.programs.Source()
}

// withoutMain has spaces in the place of a line %% in the body of a %% cell, where it stands before statements.
func withoutMain(body string) string {
	if !strings.Contains(body, "%") {
		return body
	}
	var b strings.Builder
	for l := range strings.Lines(body) {
		if _, ok := compiled.MainLine(l); ok {
			l = strings.Repeat(" ", len(strings.TrimRight(l, "\r\n"))) + l[len(strings.TrimRight(l, "\r\n")):]
		}
		b.WriteString(l)
	}
	return b.String()
}

var packageClause = lazy.Regexp(`(?m)^[ \t]*package[ \t]+\w+[ \t]*(//.*)?$`)

// source is the Go of a piece. In a cell with a line %% a package clause says nothing.
func (r *running) source(p cell.Piece, pieces []cell.Piece, code string) string {
	s := p.Source(code)
	freshFlags(s)
	for _, q := range pieces {
		if q.Kind == cell.Main {
			s = packageClause().ReplaceAllStringFunc(s, func(c string) string { return strings.Repeat(" ", len(c)) })
			break
		}
	}
	return s
}

// main is a line %% ARGS: what follows is a program with these arguments, whose flags are read.
func (r *running) main(p cell.Piece) error {
	args, err := magic.Fields(p.Args)
	if err != nil {
		return fmt.Errorf("%%%%: %w", err)
	}
	if len(args) == 0 {
		arguments.Lock()
		given := os.Args
		arguments.Unlock()
		if given[0] != cellArgs {
			return nil
		}
		args = given[1:] // of %args, for flags that were declared since
	}
	return r.SetArgs(args)
}

var gonbImport = lazy.Regexp(`"(github\.com/janpfeifer/gonb/gonbui/[^"\s]+)"`)

// refused says what is instead of packages of GoNB's that cannot work here.
func refused(source string) error {
	if !strings.Contains(source, "janpfeifer/gonb/gonbui/") {
		return nil
	}
	for _, m := range gonbImport().FindAllStringSubmatch(source, -1) {
		if why := compiled.Refused(m[1]); why != "" {
			return errors.New(why)
		}
	}
	return nil
}

// arguments guards os.Args and the command line's flags, which belong to the process.
var arguments sync.Mutex

// cellArgs is the name of the program that cells see once arguments are set.
const cellArgs = "cell"

// SetArgs makes args what os.Args has behind the program's name, and reads flags from them.
func (r *running) SetArgs(args []string) error {
	arguments.Lock()
	defer arguments.Unlock()
	os.Args = append([]string{cellArgs}, args...)
	goflag.CommandLine.Init(cellArgs, goflag.ContinueOnError)
	goflag.CommandLine.SetOutput(io.Discard)
	if err := goflag.CommandLine.Parse(args); err != nil && !strings.HasPrefix(err.Error(), "flag provided but not defined") {
		return fmt.Errorf("%%%%: %w", err)
	}
	return nil
}

var flagName = lazy.Regexp(`\bflag\.[A-Z]\w*\([^"\x60\n]*["\x60]([^"\x60]+)["\x60]`)

// freshFlags lets a cell that declares flags run again: those of the command line with these names are forgotten.
func freshFlags(source string) {
	if !strings.Contains(source, "flag.") {
		return
	}
	again := map[string]bool{}
	for _, m := range flagName().FindAllStringSubmatch(source, -1) {
		again[m[1]] = goflag.Lookup(m[1]) != nil
	}
	arguments.Lock()
	defer arguments.Unlock()
	any := false
	kept := goflag.NewFlagSet("cell", goflag.ContinueOnError)
	goflag.VisitAll(func(f *goflag.Flag) {
		if again[f.Name] {
			any = true
			return
		}
		kept.Var(f.Value, f.Name, f.Usage)
	})
	if any {
		*goflag.CommandLine = *kept // cells hold the pointer
	}
}

// ran tells the compiled cells of Go that has run.
func (r *running) ran(c interp.Cell, err error) {
	var compile *interp.CompileError
	if errors.As(err, &compile) {
		return
	}
	r.s.programs.Ran(r.name, c.Source)
}

// CellName is the cell's in positions.
func (r *running) CellName() string { return r.name }

// Ask asks the user for a line.
func (r *running) Ask(ctx context.Context, prompt string, password bool) (string, error) {
	return r.s.asker.ask(ctx, prompt, password)
}
