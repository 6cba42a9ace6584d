// Package cells is what godlas adds to a notebook's cells: the magics %dlas and %%dlas, the compiled packages that a cell
// may import, and how results and plots look under a cell.
//
// A magic is a row of the table in verbs.go. The magics build the same dlas.Spec as Go cells and the command line do, and
// none of them needs the interpreter.
package cells

import (
	"context"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/godlas/godlas/dlas"
	"github.com/godlas/godlas/dlas/cells/symbols"
	"github.com/godlas/godlas/dlas/ir"
	"github.com/godlas/godlas/kernel/display"
	"github.com/godlas/godlas/kernel/interp"
	"github.com/godlas/godlas/kernel/session/magic"
)

// Libraries returns the compiled packages beside the standard library: gonum, dlas, plotting, display.
func Libraries() []interp.Library {
	libs := symbols.Libraries()
	libs[len(libs)-1].Strings = completeString // of godlas itself
	return libs
}

// Magics returns DLAS's rows of the magic table, with a current stack of their own: that of one notebook. It also makes
// package dlas follow the running cell (its interrupt, its progress line) and registers how plots are shown, once for
// the process.
func Magics() []magic.Magic {
	hooks()
	n := &notebook{}
	return []magic.Magic{{
		Name: "dlas", Args: "[VERB …] [--go] [--spec FILE]", Line: true, Cell: true,
		Help: helpText(), Run: n.magic, Complete: n.complete, Explain: explain,
	}}
}

// notebook is the state of a notebook's magics.
type notebook struct {
	spec dlas.Spec // the current stack
}

// use is one line after %dlas, or one line of a %%dlas cell, while it runs.
type use struct {
	*notebook
	words string // after the verb
	flags
	stdout io.Writer
}

// magic runs %dlas and %%dlas.
func (n *notebook) magic(ctx context.Context, c *magic.Call) error {
	rest, all, err := cutFlags(c.Args)
	if err != nil {
		return err
	}
	lines := []string{rest}
	if c.Whole {
		lines = append(lines, strings.Split(c.Body, "\n")...)
	}
	before := n.spec
	if all.file != "" {
		if n.spec, err = readSpec(all.file); err != nil {
			n.spec = before
			return err
		}
	}
	steps, err := n.plan(lines, c.Whole, all.asGo)
	if err == nil && len(steps) == 0 {
		steps = []step{{verb: verbNamed("")}}
	}
	if err != nil {
		n.spec = before
		return err
	}
	// Layers are set before anything runs, so that a mistake in one leaves the stack as it was.
	for i, s := range steps {
		u := &use{notebook: n, words: s.words, flags: s.flags.or(all), stdout: c.Stdout}
		if s.flags.file != "" {
			if n.spec, err = readSpec(s.flags.file); err != nil {
				return err
			}
		}
		if err := s.verb.run(ctx, u); err != nil {
			if s.verb.layer != "" || onlyLayers(steps[:i]) {
				n.spec = before
			}
			return err
		}
	}
	return nil
}

func onlyLayers(steps []step) bool {
	return !slices.ContainsFunc(steps, func(s step) bool { return s.verb.layer == "" })
}

// step is a line that was understood.
type step struct {
	verb  verb
	words string
	flags flags
}

// plan reads the lines of a cell and finds every mistake in its layers before any of them takes effect.
func (n *notebook) plan(lines []string, whole, asGo bool) ([]step, error) {
	var steps []step
	spec := n.spec
	for _, line := range lines {
		line = strings.TrimSpace(line)
		if line == "" || whole && (strings.HasPrefix(line, "#") || strings.HasPrefix(line, "//")) {
			continue
		}
		words, f, err := cutFlags(line)
		if err != nil {
			return nil, err
		}
		name, rest, _ := strings.Cut(words, " ")
		v, ok := findVerb(name)
		if !ok {
			return nil, unknownVerb(name)
		}
		rest = strings.TrimSpace(rest)
		if v.layer != "" && rest != "" {
			next := spec.With(v.layer, rest)
			check := dlas.Spec.Canonical
			// A set whose files are missing is found here, while the stack is as it was; a program to print needs none.
			if v.layer == ir.Data && !asGo && !f.asGo {
				check = dlas.Spec.Check
			}
			if _, err := check(next); err != nil {
				return nil, err
			}
			spec = next
		}
		if f.file != "" {
			if spec, err = readSpec(f.file); err != nil {
				return nil, err
			}
		}
		steps = append(steps, step{v, rest, f})
	}
	return steps, nil
}

// flags are the words with two dashes that every magic takes.
type flags struct {
	asGo   bool   // --go: print the Go form and run nothing
	fresh  bool   // --fresh: measure what the store has, too
	stored bool   // --stored: compare results as they are
	file   string // --spec FILE
}

func flagNames() []string { return []string{"--go", "--spec", "--fresh", "--stored"} }

// or joins the switches of a line with those of the whole cell.
func (f flags) or(all flags) flags {
	return flags{f.asGo || all.asGo, f.fresh || all.fresh, f.stored || all.stored, f.file}
}

// cutFlags takes the flags off a line.
func cutFlags(line string) (rest string, f flags, err error) {
	words := strings.Fields(line)
	first := slices.IndexFunc(words, func(w string) bool { return strings.HasPrefix(w, "--") })
	if first < 0 {
		return strings.TrimSpace(line), f, nil
	}
	// The text before the first flag stays as it was written; what follows a flag is read word by word.
	head := line[:strings.Index(line, words[first])]
	var tail []string
	for i := first; i < len(words); i++ {
		name, value, given := strings.Cut(words[i], "=")
		switch {
		case name == "--go" && !given:
			f.asGo = true
		case name == "--fresh" && !given:
			f.fresh = true
		case name == "--stored" && !given:
			f.stored = true
		case name == "--spec":
			if !given && i+1 < len(words) {
				i++
				value = words[i]
			}
			if value == "" {
				return "", f, &ir.Error{What: "--spec wants the name of a JSON file", Try: "write --spec FILE.json"}
			}
			f.file = strings.Trim(value, `"`)
		case strings.HasPrefix(name, "--"):
			return "", f, ir.Unknown("", "flag", words[i], flagNames())
		default:
			tail = append(tail, words[i])
		}
	}
	return strings.TrimSpace(head + " " + strings.Join(tail, " ")), f, nil
}

const maxSpecFile = 64 << 20 // a result with its samples fits many times over

// readSpec reads and checks a Spec's JSON file.
func readSpec(path string) (dlas.Spec, error) {
	f, err := os.Open(path)
	if err != nil {
		return dlas.Spec{}, &ir.Error{What: "cannot read the spec", Err: err}
	}
	defer f.Close()
	raw, err := io.ReadAll(io.LimitReader(f, maxSpecFile+1))
	if err == nil && len(raw) > maxSpecFile {
		err = fmt.Errorf("%s is larger than %d MiB", path, maxSpecFile>>20)
	}
	if err != nil {
		return dlas.Spec{}, &ir.Error{What: "cannot read the spec", Err: err}
	}
	s, err := dlas.ReadSpec(raw)
	if err != nil {
		return s, err
	}
	_, err = s.Canonical()
	return s, err
}

// show displays v under the cell and remembers it for `save`.
func show(v any) {
	remember(v)
	display.Show(v)
}
