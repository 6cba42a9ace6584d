package dlas

import (
	"html"
	"strings"
	"unicode/utf8"
)

// table is rows of cells, shown as aligned text or as HTML.
type table struct {
	head  []string // may be nil
	right []bool   // columns that are aligned to the right
	rows  [][]string

	style []string // CSS of columns, for HTML alone
	marks []string // colours of the rows' left edges, for HTML alone
}

// text lines the columns up with spaces.
func (t table) text() string {
	rows := t.rows
	if t.head != nil {
		rows = append([][]string{t.head}, rows...)
	}
	var width []int
	for _, r := range rows {
		for i, c := range r {
			if i == len(width) {
				width = append(width, 0)
			}
			width[i] = max(width[i], utf8.RuneCountInString(plain(c)))
		}
	}
	var b strings.Builder
	for _, r := range rows {
		var line strings.Builder
		for i, c := range r {
			c = plain(c)
			pad := strings.Repeat(" ", width[i]-utf8.RuneCountInString(c))
			if i > 0 {
				line.WriteString("  ")
			}
			if i < len(t.right) && t.right[i] {
				line.WriteString(pad + c)
			} else {
				line.WriteString(c + pad)
			}
		}
		b.WriteString(strings.TrimRight(line.String(), " ") + "\n")
	}
	return b.String()
}

// html is the table with every cell escaped. Colours are left to the page, so that it reads on a light and a dark one.
func (t table) html() string {
	var b strings.Builder
	b.WriteString(`<table style="border-collapse:collapse;margin:0 0 10px 0">`)
	if t.head != nil {
		b.WriteString("<thead><tr>")
		t.htmlRow(&b, "th", t.head)
		b.WriteString("</thead>")
	}
	b.WriteString("<tbody>")
	for i, r := range t.rows {
		if i < len(t.marks) {
			b.WriteString(`<tr style="border-left:4px solid ` + t.marks[i] + `">`)
		} else {
			b.WriteString("<tr>")
		}
		t.htmlRow(&b, "td", r)
	}
	b.WriteString("</tbody></table>")
	return b.String()
}

// htmlRow is the cells of a row and its end.
func (t table) htmlRow(b *strings.Builder, tag string, cells []string) {
	for i, c := range cells {
		css := "text-align:left;padding:2px 10px"
		if i < len(t.right) && t.right[i] {
			css = "text-align:right;white-space:nowrap;padding:2px 10px"
		}
		if i < len(t.style) && t.style[i] != "" && tag == "td" {
			css += ";" + t.style[i]
		}
		b.WriteString("<" + tag + ` style="` + css + `">` + escape(c) + "</" + tag + ">")
	}
	b.WriteString("</tr>")
}

// escape makes a string safe inside HTML: names come from files that may be hostile.
func escape(s string) string { return html.EscapeString(plain(s)) }

// plain drops control characters and what changes the direction of text.
func plain(s string) string {
	return strings.Map(func(r rune) rune {
		if r < 0x20 || r >= 0x7f && r < 0xa0 || r >= '\u202a' && r <= '\u202e' || r == '\u2028' || r == '\u2029' || r >= '\u2066' && r <= '\u2069' {
			return -1
		}
		return r
	}, s)
}
