package magic

import (
	"context"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
)

func lsmagic(_ context.Context, c *Call) error {
	if c.Args != "" {
		return fmt.Errorf("%%lsmagic takes no argument; %%help %s explains a magic", c.Args)
	}
	var line, whole []string
	for _, m := range c.Table().Rows() {
		if m.Line {
			line = append(line, "%"+m.Name)
		}
		if m.Cell {
			whole = append(whole, "%%"+m.Name)
		}
	}
	fmt.Fprintf(c.Stdout, "%s\n%s\n!COMMAND runs a command of the shell; NAME? shows help on a name\n", wrap(line), wrap(whole))
	return nil
}

// wrap puts words into lines that no page has to break.
func wrap(words []string) string {
	var b strings.Builder
	width := 0
	for _, w := range words {
		switch {
		case width == 0:
		case width+len(w) > 80:
			b.WriteByte('\n')
			width = 0
		default:
			b.WriteByte(' ')
		}
		b.WriteString(w)
		width += len(w) + 1
	}
	return b.String()
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
		form := strings.TrimSpace(sign + m.Name + " " + m.Args)
		if len(form) > 34 {
			form = sign + m.Name + " …" // its own help has the rest
		}
		rows = append(rows, []string{form, m.Brief()})
	}
	return table(c.Stdout, append(rows, []string{"!COMMAND", "run a command of the shell"}))
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

func completeMagics(c Completing) ([]Match, int) {
	var names []string
	for _, m := range c.Table.Rows() {
		names = append(names, m.Name)
	}
	return Words(c.Text, " %", names...)
}
