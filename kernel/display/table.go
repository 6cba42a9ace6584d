package display

import (
	"fmt"
	"html"
	"strings"
)

// A table with more rows than these shows the first and last of them, and so with columns.
const (
	maxRows    = 60
	headRows   = 10
	tailRows   = 5
	maxColumns = 20
)

// table is a piece of a larger table, or all of it.
type table struct {
	rows, columns int      // of the whole
	index         *column  // stands before the columns; nil for none
	cols          []column // those that are shown; cells are of the rows that are shown
	gap           int      // row of those shown before which some are left out; 0 for none
	colGap        int      // the same of columns
}

// pick lists which of n rows or columns are shown, and where others are left out (0: nowhere).
func pick(n, most, head, tail int) (at []int, gap int) {
	for i := 0; i < n; i++ {
		if n > most && i == head {
			i, gap = n-tail, head
		}
		at = append(at, i)
	}
	return at, gap
}

func pickRows(n int) ([]int, int) { return pick(n, maxRows, headRows, tailRows) }

func pickColumns(n int) ([]int, int) { return pick(n, maxColumns, maxColumns/2, maxColumns/2) }

// size says how large the whole is.
func (t *table) size() string {
	count := func(n int, what string) string {
		if n != 1 {
			what += "s"
		}
		return fmt.Sprintf("%d %s", n, what)
	}
	return count(t.rows, "row") + " × " + count(t.columns, "column")
}

func (t *table) bundle() map[string]any {
	return map[string]any{plain: t.text(), "text/html": t.html()}
}

// all is the columns with the index and the marks for what is left out.
func (t *table) all() []column {
	var cols []column
	if t.index != nil {
		cols = append(cols, *t.index)
	}
	for i, c := range t.cols {
		if t.colGap > 0 && i == t.colGap {
			dots := column{head: "…", cells: make([]string, len(c.cells))}
			for k := range dots.cells {
				dots.cells[k] = "…"
			}
			cols = append(cols, dots)
		}
		cols = append(cols, c)
	}
	return cols
}

// html needs no colours: the page's own go with its theme.
func (t *table) html() string {
	var b strings.Builder
	cols := t.all()
	shown := 0
	style := func(c column) string {
		if c.right {
			return ` style="text-align:right"`
		}
		return ` style="text-align:left"`
	}
	b.WriteString("<table>\n<thead><tr>")
	for _, c := range cols {
		about := ""
		if c.about != "" {
			about = ` title="` + escape(oneLine(c.about, maxCell)) + `"`
		}
		b.WriteString("<th" + style(c) + about + ">" + escape(oneLine(c.head, maxCell)) + "</th>")
		shown = len(c.cells)
	}
	b.WriteString("</tr></thead>\n<tbody>\n")
	for i := range shown + 1 {
		if t.gap > 0 && i == t.gap {
			b.WriteString("<tr>")
			for k, c := range cols {
				tag := "td"
				if k == 0 && t.index != nil {
					tag = "th"
				}
				b.WriteString("<" + tag + style(c) + ">⋮</" + tag + ">")
			}
			b.WriteString("</tr>\n")
		}
		if i == shown {
			break
		}
		b.WriteString("<tr>")
		for k, c := range cols {
			tag := "td"
			if k == 0 && t.index != nil {
				tag = "th"
			}
			b.WriteString("<" + tag + style(c) + ">" + escape(c.cells[i]) + "</" + tag + ">")
		}
		b.WriteString("</tr>\n")
	}
	b.WriteString("</tbody>\n</table>\n<p>" + t.size() + "</p>")
	return b.String()
}

// escape makes text safe between tags and in attributes of HTML.
func escape(s string) string { return html.EscapeString(s) }

// text is the table for a reader without a browser.
func (t *table) text() string {
	cols := t.all()
	heads := false
	for _, c := range cols {
		heads = heads || c.head != ""
	}
	var lines []string
	put := func(k int, width int, c column, s string) {
		s = oneLine(s, maxTextCell)
		if pad := strings.Repeat(" ", max(0, width-wide(s))); c.right {
			s = pad + s
		} else {
			s += pad
		}
		if lines[k] != "" {
			lines[k] += "  "
		}
		lines[k] += s
	}
	for _, c := range cols {
		width := 0
		if heads {
			width = wide(oneLine(c.head, maxTextCell))
		}
		for _, s := range c.cells {
			width = max(width, wide(oneLine(s, maxTextCell)))
		}
		width = max(width, 1)
		row := 0
		next := func(s string) {
			if row == len(lines) {
				lines = append(lines, "")
			}
			put(row, width, c, s)
			row++
		}
		if heads {
			next(c.head)
		}
		for i, s := range c.cells {
			if t.gap > 0 && i == t.gap {
				next("⋮")
			}
			next(s)
		}
		if t.gap > 0 && t.gap == len(c.cells) {
			next("⋮")
		}
	}
	for i, l := range lines {
		lines[i] = strings.TrimRight(l, " ")
	}
	return cut(strings.Join(append(lines, "["+t.size()+"]"), "\n"))
}

// wide is how many columns of a terminal a text takes.
func wide(s string) (n int) {
	for _, r := range s {
		switch {
		case 0x300 <= r && r <= 0x36f, r == 0x200b, r == 0x200d, 0xfe00 <= r && r <= 0xfe0f: // they stand with what is before them
		case 0x1100 <= r && r <= 0x115f, 0x2e80 <= r && r <= 0xa4cf, 0xac00 <= r && r <= 0xd7a3, 0xf900 <= r && r <= 0xfaff,
			0xfe30 <= r && r <= 0xfe6f, 0xff00 <= r && r <= 0xff60, 0xffe0 <= r && r <= 0xffe6, 0x1f300 <= r && r <= 0x1faff,
			0x20000 <= r && r <= 0x3fffd:
			n += 2
		default:
			n++
		}
	}
	return n
}
