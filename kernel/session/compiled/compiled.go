// Package compiled runs cells as programs of their own: %%go builds one with the Go toolchain and runs it, %%test runs the
// tests of cells.
//
// A program has the declarations of the compiled cells before it, as in GoNB, and of the interpreted cells what it needs:
// functions, types and constants by their source, variables as copies of their values. It prints, shows (by GoNB's protocol,
// see talk.go), asks and fails as a cell does, at the cell's own lines.
//
//   - split.go cuts a cell, decls.go remembers what cells declare, compose.go writes the program, values.go copies variables;
//   - build.go has it built, in the place of a folder of the notebook's that does not exist, and cache.go keeps it;
//   - run.go runs it, input from the user included, trace.go reads panics, talk.go shows what it wants shown;
//   - test.go is %%test, without.go what it does without a toolchain, gonb.go the magics that notebooks of GoNB use.
package compiled

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"go/token"
	"slices"
	"strings"
	"sync"

	"github.com/godlas/godlas/kernel/internal/lazy"
	"github.com/godlas/godlas/kernel/internal/modules"
	"github.com/godlas/godlas/kernel/interp"
	"github.com/godlas/godlas/kernel/session/magic"
)

// Cells is what the compiled cells of a session share.
type Cells struct {
	// Interpreter is a command that runs a Go file as a program, the file and the program's arguments behind it: tests run so
	// where there is no toolchain. It may be empty.
	Interpreter []string

	mu      sync.Mutex // not held while programs run
	memory  memory
	pending []source            // interpreted cells that nothing was asked of yet
	texts   map[string][]string // lines of cells, by alias
	names   map[string]string   // of cells, by alias
	flags   []string            // of %goflags
	build   builder
	named   *interp.Named
}

type source struct{ cell, text string }

// New is for a session in a folder; libs are what cells import without a module, and programs are kept in the folder cache, or
// if that is empty in godlas/compiled of the user's cache.
func New(folder, cache string, libs []interp.Library) *Cells {
	c := &Cells{texts: map[string][]string{}, names: map[string]string{}, build: builder{dir: folder}, named: interp.NewNamed(append([]interp.Library{interp.System()}, libs...)...)}
	c.build.cache.want = cache
	return c
}

// keptCells is how many interpreted cells are remembered.
const keptCells = 2000

// Ran notes Go that was interpreted: programs may need what it declares. The text stands at its lines of the cell.
func (cs *Cells) Ran(cell, text string) {
	cs.mu.Lock()
	defer cs.mu.Unlock()
	cs.pending = append(cs.pending, source{cell, text})
	if len(cs.pending) > keptCells {
		cs.pending = slices.Clone(cs.pending[1:])
	}
}

// Source is Go with what every program has: the declarations of compiled cells.
func (cs *Cells) Source() string {
	cs.mu.Lock()
	defer cs.mu.Unlock()
	var b strings.Builder
	for _, d := range cs.memory.decls {
		if !d.program || d.isInit() {
			continue
		}
		if d.word {
			b.WriteString(d.kind.String() + " ")
		}
		b.WriteString(d.text + "\n")
	}
	return b.String()
}

// Reset forgets all cells.
func (cs *Cells) Reset() {
	cs.mu.Lock()
	defer cs.mu.Unlock()
	cs.memory, cs.pending = memory{}, nil
	clear(cs.texts)
	clear(cs.names)
}

// alias is a name for a cell in the program: one of its text, so that the same cell again, whose number is another, is the
// same program. The text stands at its lines of the cell. cs.mu is held.
func (cs *Cells) alias(cell, text string) string {
	h := sha256.Sum256([]byte(text))
	a := aliasMark + hex.EncodeToString(h[:6]) + "]"
	cs.names[a] = cell
	cs.texts[a] = strings.Split(text, "\n")
	return a
}

const aliasMark = "cell[~"

var aliases = lazy.Regexp(`(?:[^\s":]*[/\\])?(cell\[~[0-9a-f]{12}\])`)

// name puts the names of cells in the place of aliases in a text.
func (cs *Cells) name(b []byte) []byte {
	if !bytes.Contains(b, []byte(aliasMark)) {
		return b
	}
	cs.mu.Lock()
	defer cs.mu.Unlock()
	return aliases().ReplaceAllFunc(b, func(m []byte) []byte {
		a := m[bytes.LastIndex(m, []byte(aliasMark)):]
		if n, ok := cs.names[string(a)]; ok {
			return []byte(n)
		}
		return a
	})
}

// named is an error with the names of cells.
func (cs *Cells) namedError(err error) error {
	compile, panicked := new(interp.CompileError), new(interp.PanicError)
	switch {
	case errors.As(err, &compile):
		for i := range compile.Diags {
			d := &compile.Diags[i]
			cs.mu.Lock()
			lines := cs.texts[d.Cell]
			cs.mu.Unlock()
			if n := len(lines); n > 0 && d.Line > n { // at the end of the program
				d.Line, d.Col = n, len(lines[n-1])+1
			}
			d.Cell, d.Msg = string(cs.name([]byte(d.Cell))), string(cs.name([]byte(d.Msg)))
		}
	case errors.As(err, &panicked):
		for i := range panicked.Stack {
			f := &panicked.Stack[i]
			f.Cell = string(cs.name([]byte(f.Cell)))
		}
	}
	return err
}

// catchUp reads what interpreted cells have declared. cs.mu is held.
func (cs *Cells) catchUp() {
	for _, s := range cs.pending {
		var ds []*decl
		for _, c := range chunks(s.text, place{cs.alias(s.cell, s.text), 1, 1}) {
			if c.kind == token.ILLEGAL || c.kind == token.PACKAGE {
				continue
			}
			if more, err := c.parse(); err == nil {
				ds = append(ds, more...)
			}
		}
		ds = slices.DeleteFunc(ds, func(d *decl) bool { return d.kind == token.FUNC && d.names[0] == "main" })
		cs.memory = cs.memory.merge(ds)
	}
	cs.pending = nil
}

// line is a line of a cell, or "".
func (cs *Cells) line(cell string, n int) string {
	cs.mu.Lock()
	defer cs.mu.Unlock()
	if lines := cs.texts[cell]; n >= 1 && n <= len(lines) {
		return lines[n-1]
	}
	return ""
}

// read cuts the body of a %% cell into what it declares and what it does.
func (cs *Cells) read(c *magic.Call, cell string) (ds []*decl, b body, s split, err error) {
	cs.mu.Lock()
	at := place{cs.alias(cell, strings.Repeat("\n", c.Line)+c.Body), c.Line + 1, 1}
	cs.mu.Unlock()
	s = cut(c.Body, at)
	for _, k := range s.chunks {
		if m := notGo().FindStringSubmatchIndex(k.text); m != nil && k.kind == token.ILLEGAL && strings.TrimSpace(k.text[:m[0]]) == "" {
			p := k.at.after(k.text[:m[2]])
			word, _, _ := strings.Cut(k.text[m[2]:m[3]], " ")
			return nil, b, s, compileError(p, "a %%"+c.Name+" cell is Go alone: "+word+" belongs into a cell of its own")
		}
		if i := strings.Index("\n"+k.text, "\n//go:embed"); i >= 0 {
			return nil, b, s, compileError(k.at.after(k.text[:i]), "//go:embed wants a file beside the program, and a cell has none: os.ReadFile reads one")
		}
		switch k.kind {
		case token.PACKAGE:
			continue
		case token.ILLEGAL:
			b.statements = append(b.statements, k)
			continue
		}
		more, err := k.parse()
		if err != nil {
			return nil, b, s, err
		}
		for _, d := range more {
			d.program = true
			if d.kind == token.FUNC && d.names[0] == "main" {
				b.main = d.at.directive() + d.text
				continue
			}
			ds = append(ds, d)
		}
	}
	if s.main != nil && strings.TrimSpace(s.main.text) != "" {
		b.statements = append(b.statements, *s.main)
	}
	if b.main != "" && len(b.statements) > 0 {
		return nil, b, s, compileError(b.statements[0].at, "a program has either func main or statements beside its declarations, not both")
	}
	return ds, b, s, nil
}

func compileError(p place, msg string) error {
	return &interp.CompileError{Diags: []interp.Diagnostic{{Cell: p.cell, Line: p.line, Col: p.col, Msg: msg}}}
}

// world is what a program of these declarations may take from. cs.mu is held.
func (cs *Cells) world(c *magic.Call, m memory) world {
	var types map[string]string
	return world{
		memory: m,
		path:   cs.path,
		value: func(name string) (string, bool, error) {
			v, ok := c.Get(name)
			if !ok {
				return "", false, nil
			}
			if types == nil {
				types = map[string]string{}
				for _, x := range c.Vars() {
					types[x.Name] = x.Type
				}
			}
			text, err := declare(name, types[name], v)
			return text, err == nil, err
		},
	}
}

// Unimported finds, in modules that the notebook records, packages that interpreted Go uses without an import: why it was not
// compiled names them.
func (cs *Cells) Unimported(source string, err error) (paths []string) {
	compile := new(interp.CompileError)
	w := modules.Workspace{Dir: cs.build.dir}
	if !errors.As(err, &compile) || w.ModFile() == "" {
		return nil
	}
	seen := map[string]bool{}
	for _, d := range compile.Diags {
		m := undefinedName().FindStringSubmatch(d.Msg)
		if m == nil || seen[m[1]] || !strings.Contains(source, m[1]+".") {
			continue
		}
		seen[m[1]] = true
		if p := w.PackageNamed(m[1]); p != "" {
			paths = append(paths, p)
		}
	}
	return paths
}

var undefinedName = lazy.Regexp(`^undefined: (\w+)\b`)

// path finds the package that a name stands for: one of the standard library, or a module that the notebook records.
func (cs *Cells) path(name string, members []string) string {
	if p := cs.named.Path(name, members); p != "" && !strings.Contains(p, ".") {
		return p
	}
	if name == "gonbui" {
		return standinPath + "/gonbui"
	}
	return (modules.Workspace{Dir: cs.build.dir}).PackageNamed(name)
}

// cellOf is the name of the running cell in positions.
func cellOf(c *magic.Call) string {
	if n, ok := c.Session.(interface{ CellName() string }); ok {
		return n.CellName()
	}
	return "cell[0]"
}

// question is how a cell's user is asked.
func question(c *magic.Call) func(context.Context, string, bool) (string, error) {
	if a, ok := c.Session.(interface {
		Ask(context.Context, string, bool) (string, error)
	}); ok {
		return a.Ask
	}
	return func(context.Context, string, bool) (string, error) { return "", errors.New("there is nobody to ask") }
}

// goCell is %%go.
func (cs *Cells) goCell(ctx context.Context, c *magic.Call) (err error) {
	defer func() { err = cs.namedError(err) }()
	words, err := magic.Fields(c.Args)
	if err != nil {
		return fmt.Errorf("%%%%go: %w", err)
	}
	flags, args, err := buildFlags(words)
	if err != nil {
		return fmt.Errorf("%%%%go: %w", err)
	}
	if strings.TrimSpace(c.Body) == "" {
		return errors.New("%%go: the cell below it is empty")
	}
	ds, b, s, err := cs.read(c, cellOf(c))
	if err != nil {
		return err
	}
	if s.args != nil {
		if args, err = magic.Fields(*s.args); err != nil {
			return fmt.Errorf("%%%%: %w", err)
		}
	}
	ask := slices.Contains(flags, "-input")
	flags = slices.DeleteFunc(flags, func(f string) bool { return f == "-input" })
	return cs.program(ctx, c, ds, b, flags, args, ask)
}

// program builds and runs a program with new declarations, which are remembered if it can be built.
func (cs *Cells) program(ctx context.Context, c *magic.Call, ds []*decl, b body, flags, args []string, ask bool) error {
	cs.mu.Lock()
	cs.catchUp()
	m := cs.memory.merge(ds)
	p, err := compose(cs.world(c, m), b)
	flags = slices.Concat(cs.flags, flags)
	cs.mu.Unlock()
	if err != nil {
		return err
	}
	bin, err := cs.build.build(ctx, target{program: *p, flags: flags, running: cellOf(c), notes: noteWriter{c.Stderr, cs.name}})
	if err != nil {
		return why("%%"+c.Name, err)
	}
	cs.mu.Lock()
	cs.memory = cs.memory.merge(ds)
	cs.mu.Unlock()
	return run(ctx, launch{
		title: "%%" + c.Name, name: cs.name, path: bin, args: args, source: cs.line, stdout: c.Stdout, stderr: c.Stderr,
		question: question(c), ask: ask, shows: slices.ContainsFunc(p.imports, func(p string) bool { return p == standinPath+"/gonbui" }),
	})
}

// why names the magic in errors that are no errors of the cell's Go.
func why(title string, err error) error {
	var compile *interp.CompileError
	var none modules.NoToolchain
	switch {
	case errors.As(err, &none):
		return fmt.Errorf("%s needs a Go toolchain: %w. Cells without %s run without one", title, err, title)
	case errors.As(err, &compile), errors.Is(err, context.Canceled):
		return err
	}
	return fmt.Errorf("%s: %w", title, err)
}

// goFlags are those of go build that a cell may give, without the dash; true where a value may follow as the next word.
func goFlags() map[string]bool {
	return map[string]bool{
		"asmflags": true, "cover": false, "covermode": true, "coverpkg": true, "gcflags": true, "ldflags": true, "mod": true, "msan": false,
		"asan": false, "pgo": true, "race": false, "tags": true, "trimpath": false, "input": false,
	}
}

// buildFlags parts the flags of go build from what follows: the arguments of the program.
func buildFlags(words []string) (flags, args []string, err error) {
	known := goFlags()
	for i := 0; i < len(words); i++ {
		w := words[i]
		if w == "--" {
			return flags, words[i+1:], nil
		}
		name, _, given := strings.Cut(strings.TrimLeft(w, "-"), "=")
		valued, ok := known[name]
		if !strings.HasPrefix(w, "-") || !ok {
			return flags, words[i:], nil
		}
		if err := noC(name); err != nil {
			return nil, nil, err
		}
		flags = append(flags, "-"+strings.TrimLeft(w, "-"))
		if valued && !given {
			if i++; i == len(words) {
				return nil, nil, fmt.Errorf("-%s needs a value", name)
			}
			flags[len(flags)-1] += "=" + words[i]
		}
	}
	return flags, nil, nil
}

// noC refuses what needs C.
func noC(flag string) error {
	switch flag {
	case "race", "msan", "asan":
		return fmt.Errorf("-%s needs C, and cells are built without (CGO_ENABLED=0); a package in a folder has it: !cd DIR && go test -%s", flag, flag)
	}
	return nil
}
