package magic

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"text/tabwriter"
)

// Builtin is the rows that every session has.
func Builtin() []Magic {
	return []Magic{
		{Name: "lsmagic", Line: true, Run: lsmagic, Help: "list the magics by name"},
		{Name: "help", Args: "[NAME]", Line: true, Run: help, Complete: completeMagics, Help: "say what a magic does; without a name, what each does"},
		{
			Name: "time", Args: "STATEMENT", Line: true, Cell: true, Go: true, Run: timeOnce,
			Help: "run Go once and say how long it took and what it allocated\nAs %%time it times the whole cell. What it declares stays.",
		},
		{
			Name: "timeit", Args: "[-n N] STATEMENT", Line: true, Cell: true, Go: true, Run: timeIt,
			Help: "run Go many times and say how long one run takes\nSeven rounds of N runs each: the median with the fastest and slowest round. Without -n, N is chosen so that a round\ntakes a tenth of a second. The loop itself is part of what is timed.",
		},
		{Name: "who", Line: true, Run: who, Help: "list the live variables, functions and types with their values"},
		{Name: "reset", Line: true, Run: reset, Help: "forget all variables, functions, types and imports of the cells"},
		{Name: "env", Args: "[NAME[=VALUE]]", Line: true, Run: env, Complete: completeEnv, Help: "show or set environment variables of the session"},
		{Name: "cd", Args: "[DIR]", Line: true, Run: cd, Complete: completeFiles, Help: "change the working directory; without one, to the home directory"},
		{Name: "get", Args: "MODULE[@VERSION]...", Line: true, Run: get, Complete: completeModules, Help: getHelp},
		{Name: "use", Args: "DIR", Line: true, Run: use, Complete: completeFiles, Help: useHelp},
		{Name: "load", Args: "FILE", Line: true, Run: load, Complete: completeFiles, Help: "put the text of a file into this cell"},
		{Name: "bash", Cell: true, Run: script("bash"), Complete: completeScript, Help: "run the cell as a script of bash\nIt ends the cell with an error if it exits with another status than 0."},
		{Name: "sh", Cell: true, Run: script("sh"), Complete: completeScript, Help: "run the cell as a script of sh\nIt ends the cell with an error if it exits with another status than 0."},
	}
}

func lsmagic(_ context.Context, c *Call) error {
	var line, whole []string
	for _, m := range c.Table().Rows() {
		if m.Line {
			line = append(line, "%"+m.Name)
		}
		if m.Cell {
			whole = append(whole, "%%"+m.Name)
		}
	}
	fmt.Fprintf(c.Stdout, "%s\n%s\n!COMMAND runs a command of the shell; NAME? shows help on a name\n", strings.Join(line, " "), strings.Join(whole, " "))
	return nil
}

func help(_ context.Context, c *Call) error {
	if c.Args != "" {
		name := strings.TrimLeft(c.Args, "%")
		for _, m := range c.Table().Rows() {
			if m.Name == name {
				fmt.Fprintln(c.Stdout, m.Usage())
				return nil
			}
		}
		_, err := c.Table().Find(name, false)
		return err
	}
	var rows [][]string
	for _, m := range c.Table().Rows() {
		sign := "%"
		if !m.Line {
			sign = "%%"
		}
		rows = append(rows, []string{strings.TrimSpace(sign + m.Name + " " + m.Args), m.Brief()})
	}
	return table(c.Stdout, append(rows, []string{"!COMMAND", "run a command of the shell"}))
}

func who(_ context.Context, c *Call) error {
	if c.Args != "" {
		return errors.New("%who takes no argument")
	}
	vars := c.Vars()
	if len(vars) == 0 {
		fmt.Fprintln(c.Stdout, "no variables yet")
		return nil
	}
	var rows [][]string
	for _, v := range vars {
		value := ""
		if v.Value.IsValid() && v.Kind != "func" {
			value = oneLine(fmt.Sprintf("%v", v.Value), 60)
		}
		rows = append(rows, []string{v.Kind, v.Name, oneLine(v.Type, 60), value})
	}
	return table(c.Stdout, rows)
}

// table writes rows with aligned columns and no white space at the ends of lines.
func table(out io.Writer, rows [][]string) error {
	var b strings.Builder
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	for _, r := range rows {
		fmt.Fprintln(w, strings.Join(r, "\t"))
	}
	w.Flush()
	for l := range strings.Lines(b.String()) {
		if _, err := fmt.Fprintln(out, strings.TrimRight(l, " \n")); err != nil {
			return err
		}
	}
	return nil
}

// oneLine shortens a text to n characters on one line without control characters.
func oneLine(s string, n int) string {
	r := []rune(s)
	long := len(r) > n
	r = r[:min(n, len(r))]
	for i, c := range r {
		if c < ' ' || c == 0x7f {
			r[i] = ' '
		}
	}
	if long {
		return string(r) + "…"
	}
	return string(r)
}

func reset(_ context.Context, c *Call) error {
	c.Reset()
	return nil
}

func env(_ context.Context, c *Call) error {
	name, value, set := strings.Cut(c.Args, "=")
	name = strings.TrimSpace(name)
	switch {
	case set:
		if err := os.Setenv(name, strings.TrimSpace(value)); err != nil {
			return fmt.Errorf("%%env: no name for a variable: %q", name)
		}
	case name == "":
		all := os.Environ()
		slices.Sort(all)
		fmt.Fprintln(c.Stdout, strings.Join(all, "\n"))
	default:
		v, ok := os.LookupEnv(name)
		if !ok {
			return fmt.Errorf("%%env: %s is not set; %%env %s=VALUE sets it", name, name)
		}
		fmt.Fprintln(c.Stdout, v)
	}
	return nil
}

func cd(_ context.Context, c *Call) error {
	dir, err := expand(c.Args)
	if err != nil {
		return err
	}
	if err := os.Chdir(dir); err != nil {
		return fmt.Errorf("%%cd: %s: %w", dir, reason(err))
	}
	wd, err := os.Getwd()
	if err != nil {
		return fmt.Errorf("%%cd: %w", err)
	}
	fmt.Fprintln(c.Stdout, wd)
	return nil
}

// maxLoad is the largest file that is taken for the text of a cell.
const maxLoad = 1 << 20

func load(_ context.Context, c *Call) error {
	if c.Args == "" {
		return errors.New("%load: which file? %load FILE")
	}
	path, err := expand(c.Args)
	if err != nil {
		return err
	}
	if st, err := os.Stat(path); err == nil && st.Size() > maxLoad {
		return fmt.Errorf("%%load: %s: %d bytes are too many for a cell", path, st.Size())
	}
	b, err := os.ReadFile(path)
	if err != nil {
		return fmt.Errorf("%%load: %s: %w", path, reason(err))
	}
	c.SetNextInput(string(b), true)
	return nil
}

// expand reads a path as the shell would: ~ is the home directory, and so is no path at all.
func expand(path string) (string, error) {
	path = strings.Trim(path, `"`)
	if path == "" || path == "~" || strings.HasPrefix(path, "~/") {
		home, err := os.UserHomeDir()
		if err != nil {
			return "", fmt.Errorf("no home directory: %w", err)
		}
		path = filepath.Join(home, strings.TrimPrefix(path, "~"))
	}
	return path, nil
}

// reason is what went wrong, without the operation and path that os puts in front.
func reason(err error) error {
	var p *os.PathError
	if errors.As(err, &p) {
		return p.Err
	}
	return err
}

func completeMagics(c Completing) ([]Match, int) {
	var names []string
	for _, m := range c.Table.Rows() {
		names = append(names, m.Name)
	}
	return Words(c.Text, " %", names...)
}

func completeEnv(c Completing) ([]Match, int) {
	var names []string
	for _, e := range os.Environ() {
		n, _, _ := strings.Cut(e, "=")
		names = append(names, n)
	}
	slices.Sort(names)
	return Words(c.Text, " ", names...)
}
