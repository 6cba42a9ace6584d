package nb

import (
	"fmt"
	"regexp"
	"strings"
	"sync"
)

// maxNesting bounds lists and quotes within each other: a hostile text has thousands.
const maxNesting = 12

// renderMarkdown is Markdown as HTML: headings, paragraphs, lists, quotes, code, tables, rules, links, images that are data,
// emphasis and strikethrough. HTML in it is shown as text, formulas as they are written.
func renderMarkdown(text string) string {
	var b strings.Builder
	blocks(&b, strings.Split(strings.ReplaceAll(text, "\r\n", "\n"), "\n"), 0)
	return b.String()
}

func blocks(b *strings.Builder, lines []string, depth int) {
	for i := 0; i < len(lines); {
		l := lines[i]
		trimmed := strings.TrimLeft(l, " ")
		switch {
		case strings.TrimSpace(l) == "":
			i++
		case strings.HasPrefix(trimmed, "```") || strings.HasPrefix(trimmed, "~~~"):
			i = fenced(b, lines, i)
		case heading(trimmed) > 0:
			n := heading(trimmed)
			title := strings.TrimSpace(strings.TrimRight(strings.TrimSpace(trimmed[n:]), "#"))
			fmt.Fprintf(b, "<h%d>%s</h%d>\n", n, inlineHTML(title), n)
			i++
		case isRule(trimmed):
			b.WriteString("<hr>\n")
			i++
		case strings.HasPrefix(trimmed, ">") && depth < maxNesting:
			var inner []string
			for ; i < len(lines) && strings.HasPrefix(strings.TrimLeft(lines[i], " "), ">"); i++ {
				inner = append(inner, strings.TrimPrefix(strings.TrimPrefix(strings.TrimLeft(lines[i], " "), ">"), " "))
			}
			b.WriteString("<blockquote>\n")
			blocks(b, inner, depth+1)
			b.WriteString("</blockquote>\n")
		case item(l) > 0 && depth < maxNesting:
			i = list(b, lines, i, depth)
		case strings.Contains(l, "|") && i+1 < len(lines) && isTableRule(lines[i+1]):
			i = table(b, lines, i)
		default:
			var par []string
			for ; i < len(lines) && strings.TrimSpace(lines[i]) != ""; i++ {
				t := strings.TrimLeft(lines[i], " ")
				if len(par) > 0 && (heading(t) > 0 || strings.HasPrefix(t, "```") || strings.HasPrefix(t, "~~~") || depth < maxNesting && (item(lines[i]) > 0 || strings.HasPrefix(t, ">"))) {
					break
				}
				par = append(par, t)
			}
			fmt.Fprintf(b, "<p>%s</p>\n", inlineHTML(strings.Join(par, "\n")))
		}
	}
}

// heading is the level of a heading, or 0.
func heading(l string) int {
	n := len(l) - len(strings.TrimLeft(l, "#"))
	if n == 0 || n > 6 || n < len(l) && l[n] != ' ' {
		return 0
	}
	return n
}

func isRule(l string) bool {
	l = strings.ReplaceAll(strings.TrimSpace(l), " ", "")
	return len(l) >= 3 && (strings.Trim(l, "-") == "" || strings.Trim(l, "*") == "" || strings.Trim(l, "_") == "")
}

// item is where the text of a list's item begins in a line; 0 if it is none.
func item(l string) int {
	at := len(l) - len(strings.TrimLeft(l, " "))
	rest := l[at:]
	if len(rest) > 1 && strings.ContainsRune("-*+", rune(rest[0])) && rest[1] == ' ' {
		return at + 2
	}
	n := 0
	for n < len(rest) && n < 9 && '0' <= rest[n] && rest[n] <= '9' {
		n++
	}
	if n > 0 && n+1 < len(rest) && (rest[n] == '.' || rest[n] == ')') && rest[n+1] == ' ' {
		return at + n + 2
	}
	return 0
}

func list(b *strings.Builder, lines []string, i, depth int) int {
	at := len(lines[i]) - len(strings.TrimLeft(lines[i], " "))
	kind := func(l string) string {
		if c := l[at]; '0' <= c && c <= '9' {
			return "ol"
		}
		return "ul"
	}
	tag := kind(lines[i])
	fmt.Fprintf(b, "<%s>\n", tag)
	for i < len(lines) {
		text := item(lines[i])
		if text == 0 || len(lines[i])-len(strings.TrimLeft(lines[i], " ")) != at || kind(lines[i]) != tag {
			break
		}
		inner := []string{lines[i][text:]}
		loose := false
		for i++; i < len(lines); i++ {
			l := lines[i]
			indent := len(l) - len(strings.TrimLeft(l, " "))
			if strings.TrimSpace(l) == "" {
				loose = true
				inner = append(inner, "")
				continue
			}
			if indent <= at && (item(l) > 0 || loose || heading(l) > 0) {
				break
			}
			inner = append(inner, l[min(indent, text):])
		}
		var one strings.Builder
		blocks(&one, inner, depth+1)
		s := one.String()
		if strings.Count(s, "<p>") == 1 { // of one paragraph the item is enough
			s = strings.Replace(strings.Replace(s, "<p>", "", 1), "</p>", "", 1)
		}
		fmt.Fprintf(b, "<li>%s</li>\n", s)
	}
	fmt.Fprintf(b, "</%s>\n", tag)
	return i
}

func fenced(b *strings.Builder, lines []string, i int) int {
	open := strings.TrimLeft(lines[i], " ")
	marks := open[:len(open)-len(strings.TrimLeft(open, open[:1]))]
	language := strings.TrimSpace(open[len(marks):])
	var code []string
	for i++; i < len(lines); i++ {
		if l := strings.TrimSpace(lines[i]); strings.HasPrefix(l, marks) && strings.Trim(l, marks[:1]) == "" {
			i++
			break
		}
		code = append(code, lines[i])
	}
	text := strings.Join(code, "\n")
	if language == "go" {
		fmt.Fprintf(b, "<pre><code>%s</code></pre>\n", highlight(text))
	} else {
		fmt.Fprintf(b, "<pre><code>%s</code></pre>\n", escapeHTML(text))
	}
	return i
}

func isTableRule(l string) bool {
	return strings.Contains(l, "-") && strings.Trim(l, " |:-") == "" && strings.ContainsAny(l, "|")
}

func table(b *strings.Builder, lines []string, i int) int {
	row := func(l, tag string) {
		b.WriteString("<tr>")
		l = strings.TrimSuffix(strings.TrimPrefix(strings.TrimSpace(l), "|"), "|")
		for _, c := range strings.Split(strings.ReplaceAll(l, `\|`, "\x00"), "|") {
			fmt.Fprintf(b, "<%s>%s</%s>", tag, inlineHTML(strings.TrimSpace(strings.ReplaceAll(c, "\x00", "|"))), tag)
		}
		b.WriteString("</tr>\n")
	}
	b.WriteString("<table>\n")
	row(lines[i], "th")
	for i += 2; i < len(lines) && strings.Contains(lines[i], "|"); i++ {
		row(lines[i], "td")
	}
	b.WriteString("</table>\n")
	return i
}

type inlinePattern struct {
	re *regexp.Regexp
	by string
}

// The patterns are of escaped text.
var inlinePatterns = sync.OnceValue(func() []inlinePattern {
	p := func(re, by string) inlinePattern { return inlinePattern{regexp.MustCompile(re), by} }
	const address = `((?:https?://|mailto:|#|\./|\.\./)[^\s()]*|[\w./-]+)`
	return []inlinePattern{
		p(`!\[([^\]]*)\]\((data:image/[a-z+.-]+;base64,[A-Za-z0-9+/=]*)\)`, `<img alt="$1" src="$2">`),
		p(`!\[([^\]]*)\]\(([^)]*)\)`, `<em>[image: $1 $2]</em>`),
		p(`\[([^\]]+)\]\(`+address+`(?:\s+&#34;[^)]*&#34;)?\)`, `<a href="$2" rel="noopener noreferrer">$1</a>`),
		p(`&lt;(https?://[^\s&]+)&gt;`, `<a href="$1" rel="noopener noreferrer">$1</a>`),
		p(`\*\*([^*\n]+)\*\*`, `<strong>$1</strong>`),
		p(`(^|[^\w*])\*([^*\s](?:[^*\n]*[^*\s])?)\*`, `$1<em>$2</em>`),
		p(`(^|[^\w])__([^_\n]+)__($|[^\w])`, `$1<strong>$2</strong>$3`),
		p(`(^|[^\w])_([^_\s](?:[^_\n]*[^_\s])?)_($|[^\w])`, `$1<em>$2</em>$3`),
		p(`~~([^~\n]+)~~`, `<del>$1</del>`),
		p(`(?:  |\\)\n`, "<br>\n"),
	}
})

// linkPatterns is how many of them make tags with addresses.
const linkPatterns = 4

var tags = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`<[^>]*>`) })

// inlineHTML is the text of a paragraph. Code and formulas are taken out first, so that nothing in them has a meaning.
func inlineHTML(s string) string {
	var kept []string
	keep := func(html string) string {
		kept = append(kept, html)
		return fmt.Sprintf("\x01%d\x02", len(kept)-1)
	}
	s = strings.Map(func(r rune) rune {
		if r < ' ' && r != '\n' && r != '\t' {
			return -1
		}
		return r
	}, s)
	var b strings.Builder
	for s != "" {
		i := strings.IndexAny(s, "`$\\")
		if i < 0 {
			b.WriteString(s)
			break
		}
		b.WriteString(s[:i])
		s = s[i:]
		mark := s[:len(s)-len(strings.TrimLeft(s, s[:1]))]
		switch {
		case s[0] == '\\':
			if len(s) > 1 && strings.ContainsRune("\\`*_{}[]()#+-.!|$<>~", rune(s[1])) {
				b.WriteString(keep(escapeHTML(s[1:2])))
				s = s[2:]
			} else {
				b.WriteString(`\`)
				s = s[1:]
			}
		default:
			end := strings.Index(s[len(mark):], mark)
			if end < 0 || s[0] == '$' && len(mark) > 2 {
				b.WriteString(keep(escapeHTML(mark)))
				s = s[len(mark):]
				continue
			}
			inner := s[len(mark) : len(mark)+end]
			if s[0] == '`' {
				b.WriteString(keep("<code>" + escapeHTML(strings.TrimSpace(inner)) + "</code>"))
			} else {
				b.WriteString(keep(escapeHTML(mark + inner + mark)))
			}
			s = s[2*len(mark)+end:]
		}
	}
	out := escapeHTML(b.String())
	for i, p := range inlinePatterns() {
		if i >= linkPatterns {
			out = p.re.ReplaceAllString(out, p.by)
			continue
		}
		out = p.re.ReplaceAllStringFunc(out, func(m string) string { // an address has no emphasis
			return tags().ReplaceAllStringFunc(p.re.ReplaceAllString(m, p.by), keep)
		})
	}
	for i := len(kept) - 1; i >= 0; i-- {
		out = strings.ReplaceAll(out, fmt.Sprintf("\x01%d\x02", i), kept[i])
	}
	return out
}
