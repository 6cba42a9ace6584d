package display

import (
	"html"
	"strings"
)

// textOf is the text of a piece of HTML, for readers without a browser: tags, scripts and styles left out, the rows
// of tables and paragraphs on lines of their own.
func textOf(s string) string {
	var b strings.Builder
	for {
		before, rest, ok := strings.Cut(s, "<")
		b.WriteString(before)
		if !ok {
			break
		}
		tag, after, ok := strings.Cut(rest, ">")
		if !ok {
			b.WriteString("<" + rest)
			break
		}
		s = after
		closing := strings.HasPrefix(tag, "/")
		name := strings.ToLower(strings.TrimPrefix(tag, "/"))
		if i := strings.IndexAny(name, " \t\n\r/"); i >= 0 {
			name = name[:i]
		}
		switch name {
		case "script", "style":
			if i := strings.Index(strings.ToLower(s), "</"+name); !closing && i >= 0 {
				s = s[i:]
			}
		case "br":
			b.WriteString("\n")
		case "p", "div", "tr", "li", "table", "pre", "h1", "h2", "h3", "h4", "caption":
			if closing {
				b.WriteString("\n")
			}
		case "td", "th":
			if closing {
				b.WriteString("  ")
			}
		}
	}
	lines := strings.Split(html.UnescapeString(b.String()), "\n")
	kept := lines[:0]
	for _, l := range lines {
		if l = strings.TrimSpace(l); l != "" {
			kept = append(kept, l)
		}
	}
	return cut(strings.Join(kept, "\n"))
}
