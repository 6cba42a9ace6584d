// Package magic is the table of magics: what %name, %%name and !command in a cell do.
//
// A magic is one row of a table. The rows every session has are [Builtin]; a program adds its own by handing the session
// more rows. A magic needs no Go interpreter: one that is broken or absent stops none of them.
package magic

import (
	"context"
	"fmt"
	"io"
	"reflect"
	"slices"
	"strings"

	"github.com/godlas/godlas/kernel/display"
)

// Magic is a row of the table.
type Magic struct {
	Name string // without %
	Args string // for the reader: "[-n N] STATEMENT"
	// Help says what the magic does; its first line stands in lists.
	Help string
	Line bool // may be written %name
	Cell bool // may be written %%name as the first line of a cell
	Go   bool // its arguments, or the body of its cell, are Go: the editor's help with Go is there too
	// Run does it. An error ends the cell: one line that says what was wrong and what would be right. It must
	// return soon after ctx ends, which is how an interrupt reaches it.
	Run func(ctx context.Context, c *Call) error
	// Complete lists what could stand at the end of c.Text and how many bytes at that end a match replaces. May be nil.
	Complete func(c Completing) (matches []Match, replace int)
	// Explain says what a word of the arguments means, for inspection. May be nil.
	Explain func(word string) (text string, ok bool)
}

// Call is one use of a magic in a cell.
type Call struct {
	Session
	Name   string // as written, without %
	Args   string // the rest of its line, trimmed
	Whole  bool   // it was written %%name, and Body is the rest of the cell
	Body   string
	Stdout io.Writer // the cell's output, in order with that of Go; for figures and tables there is package display
	Stderr io.Writer
	Line   int // of the cell, from 1, where Args stand
	Column int // byte column of Args, from 1
}

// Source is Args, or Body for a whole cell, as Go for Eval: behind as many lines and columns as there are before it in the
// cell, so that errors show the cell's positions.
func (c *Call) Source() string {
	if c.Whole {
		return strings.Repeat("\n", c.Line) + c.Body
	}
	return strings.Repeat("\n", c.Line-1) + strings.Repeat(" ", max(0, c.Column-1)) + c.Args
}

// Session is what a magic may use of the session that runs it.
type Session interface {
	// Eval runs Go as a part of the cell and returns the values of its last expression.
	Eval(ctx context.Context, source string) ([]reflect.Value, error)
	// Result shows values as the result of the cell, as those of its last expression are.
	Result(values []reflect.Value)
	// Vars lists the live variables, functions and types of the cells.
	Vars() []Var
	// Get returns the value of a live variable.
	Get(name string) (reflect.Value, bool)
	// Set declares a variable of v's type for later cells, or replaces it.
	Set(name string, v any) error
	// Reset forgets all cells.
	Reset()
	// Forget forgets one name.
	Forget(name string)
	// Run runs a text as a cell within the running one: Go, magics and commands.
	Run(ctx context.Context, text string) error
	// Capture is Run with the output kept back; what there is of it comes with an error too.
	Capture(ctx context.Context, text string) (*display.Captured, error)
	// Copy copies the output of the rest of the cell to a file, whose content it replaces unless add is set.
	Copy(path string, add bool) error
	// Inputs lists the cells that have run, oldest first, but not the running one.
	Inputs() []Input
	// CanAsk tells whether there is a user who can be asked.
	CanAsk() bool
	// Ask asks the user for a line of text.
	Ask(ctx context.Context, prompt string, password bool) (string, error)
	// Page shows a text in the client's pager.
	Page(text string)
	// SetNextInput puts text into a new cell below, or in place of the running one.
	SetNextInput(text string, replace bool)
	// Table is that of the session.
	Table() *Table
	// Folder is that of the notebook: where the session was started.
	Folder() string
	// BuiltIn tells whether packages of a module are part of the session.
	BuiltIn(module string) bool
	// Loaded lists the modules whose packages cells have loaded from source, with their versions.
	Loaded() map[string]string
	// Reload makes cells load a module's packages anew, and what imports them; it returns the packages' paths.
	Reload(module string) []string
}

// Var is something live that a cell declared.
type Var struct {
	Name  string
	Kind  string        // var, func, type, const
	Type  string        // as Go writes it
	Value reflect.Value // invalid for what has none
}

// Completing is a question for what could follow.
type Completing struct {
	Text  string // the arguments, or the body of a %% cell, up to the cursor
	Body  bool   // Text is of the body
	Table *Table
	// Folder is that of the notebook.
	Folder string
	// Names lists what cells have declared. May be nil.
	Names func() []string
}

// Match is one candidate. Type is Jupyter's word for its icon; "" is that of a magic.
type Match struct{ Text, Type string }

// Words completes the last word of text, where any of the characters in breaks begins a new one.
func Words(text, breaks string, words ...string) (matches []Match, replace int) {
	last := text[strings.LastIndexAny(text, breaks)+1:]
	for _, w := range words {
		if strings.HasPrefix(w, last) {
			matches = append(matches, Match{Text: w})
		}
	}
	return matches, len(last)
}

// Table finds magics by name.
type Table struct{ rows []Magic }

// NewTable joins rows; of two with one name the later counts.
func NewTable(rows ...[]Magic) *Table {
	t := &Table{}
	for _, m := range slices.Concat(rows...) {
		if i := slices.IndexFunc(t.rows, func(o Magic) bool { return o.Name == m.Name }); i >= 0 {
			t.rows[i] = m
			continue
		}
		t.rows = append(t.rows, m)
	}
	slices.SortFunc(t.rows, func(a, b Magic) int { return strings.Compare(a.Name, b.Name) })
	return t
}

// Rows lists the table by name.
func (t *Table) Rows() []Magic { return slices.Clone(t.rows) }

// Find returns the magic that is written %name, or with whole %%name, or an error that says what there is instead.
func (t *Table) Find(name string, whole bool) (Magic, error) {
	sign, other := "%", "%%"
	if whole {
		sign, other = other, sign
	}
	for _, m := range t.rows {
		if m.Name != name {
			continue
		}
		if m.Line && !whole || m.Cell && whole {
			return m, nil
		}
		where := "on a line of its own"
		if other == "%%" {
			where = "as the first line of a cell"
		}
		return Magic{}, fmt.Errorf("there is no %s%s; write %s%s %s", sign, name, other, name, where)
	}
	var names []string
	for _, m := range t.rows {
		if m.Line && !whole || m.Cell && whole {
			names = append(names, m.Name)
		}
	}
	near := Nearest(name, names)
	if len(near) == 0 {
		if !whole && isProgram(name) {
			return Magic{}, fmt.Errorf("there is no magic %%%s; !%s runs the program of that name", name, name)
		}
		return Magic{}, fmt.Errorf("there is no magic %s%s; %%lsmagic lists what there is", sign, name)
	}
	return Magic{}, fmt.Errorf("there is no magic %s%s; did you mean %s%s?", sign, name, sign, strings.Join(near, " or "+sign))
}

// Usage is how a magic is written, with its help.
func (m Magic) Usage() string {
	var forms []string
	if m.Line {
		forms = append(forms, strings.TrimSpace("%"+m.Name+" "+m.Args))
	}
	if m.Cell {
		forms = append(forms, strings.TrimSpace("%%"+m.Name+" "+m.Args))
	}
	return strings.Join(forms, "\n") + "\n\n" + m.Help
}

// Flags lists the flags that Args names.
func (m Magic) Flags() (flags []string) {
	for _, w := range strings.FieldsFunc(m.Args, func(r rune) bool { return r != '-' && (r < 'a' || r > 'z') }) {
		if strings.HasPrefix(w, "-") && len(w) > 1 {
			flags = append(flags, w)
		}
	}
	return flags
}

// Brief is the first line of the help.
func (m Magic) Brief() string {
	s, _, _ := strings.Cut(m.Help, "\n")
	return s
}
