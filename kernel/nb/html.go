package nb

import (
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"go/scanner"
	"go/token"
	"strings"
)

// style is that of the page, light and dark as the reader has it.
const style = `:root{color-scheme:light dark;--fg:#1f2328;--bg:#fff;--soft:#f6f8fa;--line:#d0d7de;--dim:#59636e;--kw:#a626a4;--str:#367a34;--com:#767c84;--num:#986801;--err:#fdecea}
@media(prefers-color-scheme:dark){:root{--fg:#e6edf3;--bg:#14171c;--soft:#1e232b;--line:#3b434e;--dim:#9aa4af;--kw:#d99ae8;--str:#98c379;--com:#8b949e;--num:#e0b070;--err:#3a2224}}
body{font:16px/1.5 system-ui,sans-serif;color:var(--fg);background:var(--bg);max-width:60rem;margin:2rem auto;padding:0 1rem}
pre{font:13px/1.45 ui-monospace,monospace;white-space:pre-wrap;overflow-wrap:anywhere;margin:0}
.cell{display:grid;grid-template-columns:4.5rem minmax(0,1fr);gap:.2rem .6rem;margin:.9rem 0}
.n{font:12px/1.9 ui-monospace,monospace;color:var(--dim);text-align:right}
.in{background:var(--soft);border:1px solid var(--line);border-radius:4px;padding:.5rem .7rem}
.out{padding:.1rem .7rem;overflow-x:auto}.err{background:var(--err);border-radius:4px}
.text{margin-left:5.1rem}.text pre{background:var(--soft);padding:.5rem .7rem;border-radius:4px}.text code{background:var(--soft)}
table{border-collapse:collapse;margin:.5rem 0}td,th{border:1px solid var(--line);padding:.2rem .6rem;text-align:left}
blockquote{border-left:3px solid var(--line);margin-left:0;padding-left:1rem;color:var(--dim)}
img{max-width:100%;background:#fff}iframe{border:0;width:100%}
.k{color:var(--kw)}.s{color:var(--str)}.c{color:var(--com)}.d{color:var(--num)}
@media(max-width:40rem){.cell{grid-template-columns:1fr}.n{text-align:left}.text{margin-left:0}}`

// fit gives the frames of HTML outputs the height of what is in them; these have no scripts themselves.
const fit = `for(const f of document.querySelectorAll("iframe")){const g=()=>{try{f.style.height="0";f.style.height=f.contentDocument.documentElement.scrollHeight+"px"}catch(e){}};f.addEventListener("load",g);g();addEventListener("resize",g)}`

// inner is the style within these frames.
const inner = `<style>:root{color-scheme:light dark}body{font:14px/1.45 system-ui,sans-serif;margin:0;overflow-x:auto;color:CanvasText}table{border-collapse:collapse}td,th{border:1px solid #8885;padding:.15rem .5rem}</style>`

// HTML is the notebook as one page that needs no other file and no network. Nothing that the notebook holds runs in it: HTML
// outputs stand in frames without scripts, all else is escaped, and the page forbids what it does not have.
func (n *Notebook) HTML(title string) string {
	var b strings.Builder
	sum := sha256.Sum256([]byte(fit))
	fmt.Fprintf(&b, `<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width,initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none';img-src data:;style-src 'unsafe-inline';frame-src 'self';script-src 'sha256-%s'">
<title>%s</title><style>%s</style></head><body>
`, base64.StdEncoding.EncodeToString(sum[:]), escapeHTML(title), style)
	isGo := n.languageOf() == "go"
	for _, c := range n.Cells {
		switch {
		case c.Kind == "markdown":
			fmt.Fprintf(&b, "<div class=text>\n%s</div>\n", renderMarkdown(c.inline()))
			continue
		case c.Kind == "raw":
			fmt.Fprintf(&b, "<div class=text><pre>%s</pre></div>\n", escapeHTML(c.Source))
			continue
		case strings.TrimSpace(c.Source) == "" && len(c.Outputs) == 0:
			continue
		}
		source := escapeHTML(c.Source)
		if isGo {
			source = highlight(c.Source)
		}
		fmt.Fprintf(&b, "<div class=cell><div class=n>%s</div><div class=in><pre>%s</pre></div>\n", label("In", c.Count), source)
		for _, o := range c.Outputs {
			o.html(&b)
		}
		b.WriteString("</div>\n")
	}
	fmt.Fprintf(&b, "<script>%s</script>\n</body></html>\n", fit)
	return b.String()
}

func label(what string, n int) string {
	if n == 0 {
		return what + " [ ]"
	}
	return fmt.Sprintf("%s [%d]", what, n)
}

func (o Output) html(b *strings.Builder) {
	n, class := "", "out"
	if o.Type == "execute_result" {
		n = label("Out", o.Count)
	}
	if o.Type == "error" || o.Type == "stream" && o.Name == "stderr" {
		class = "out err"
	}
	fmt.Fprintf(b, "<div class=n>%s</div><div class=%q>", n, class)
	defer b.WriteString("</div>\n")
	switch o.Type {
	case "stream":
		terminal(b, o.Text)
		return
	case "error":
		terminal(b, o.failure())
		return
	}
	mime := form(o.Data)
	text := textOf(o.Data, mime)
	switch {
	case mime == "":
	case mime == "text/html":
		fmt.Fprintf(b, `<iframe sandbox="allow-same-origin" srcdoc="%s"></iframe>`, escapeHTML(inner+text))
	case mime == "image/svg+xml":
		fmt.Fprintf(b, `<img alt="" src="data:image/svg+xml;base64,%s">`, base64.StdEncoding.EncodeToString([]byte(text)))
	case strings.HasPrefix(mime, "image/"):
		fmt.Fprintf(b, `<img alt="" src="data:image/%s;base64,%s">`, word(mime[6:]), base64Only(text))
	case mime == "text/markdown":
		b.WriteString(renderMarkdown(text))
	default:
		terminal(b, text)
	}
}

// colours of a terminal that are legible on light and dark ground.
var colours = [17]string{
	"", "#5c6370", "#d1444c", "#3f9142", "#b07d10", "#3b7dd8", "#a04fb0", "#1f9aa8", "#8a919c",
	"#7d8590", "#e5534b", "#57ab5a", "#c69026", "#539bf5", "#b083f0", "#39c5cf", "#adbac7",
}

// terminal writes text with the colours that its escape sequences say.
func terminal(b *strings.Builder, text string) {
	var shown []string // after a carriage return a line begins anew
	for _, l := range strings.Split(strings.ReplaceAll(text, "\r\n", "\n"), "\n") {
		l = strings.TrimRight(l, "\r")
		shown = append(shown, l[strings.LastIndexByte(l, '\r')+1:])
	}
	b.WriteString("<pre>")
	for _, p := range ansi(strings.TrimSuffix(strings.Join(shown, "\n"), "\n")) {
		var css string
		if p.bold {
			css += "font-weight:bold;"
		}
		if p.dim {
			css += "opacity:.7;"
		}
		if p.under {
			css += "text-decoration:underline;"
		}
		if p.colour > 0 {
			css += "color:" + colours[p.colour] + ";"
		}
		if p.ground > 0 {
			css += "background:" + colours[p.ground] + ";"
		}
		if css == "" {
			b.WriteString(escapeHTML(p.text))
		} else {
			fmt.Fprintf(b, `<span style="%s">%s</span>`, css, escapeHTML(p.text))
		}
	}
	b.WriteString("</pre>")
}

// highlight is Go source as HTML with its keywords, strings, numbers and comments marked.
func highlight(source string) string {
	src := []byte(source)
	fset := token.NewFileSet()
	file := fset.AddFile("", fset.Base(), len(src))
	var s scanner.Scanner
	s.Init(file, src, func(token.Position, string) {}, scanner.ScanComments)
	var b strings.Builder
	at := 0
	for {
		pos, tok, lit := s.Scan()
		if tok == token.EOF {
			break
		}
		class := ""
		switch {
		case tok == token.COMMENT:
			class = "c"
		case tok == token.STRING || tok == token.CHAR:
			class = "s"
		case tok == token.INT || tok == token.FLOAT || tok == token.IMAG:
			class = "d"
		case tok.IsKeyword():
			class = "k"
		}
		from := file.Offset(pos)
		to := from + len(lit)
		// Of a token with carriage returns the scanner gives fewer bytes than there are.
		if class == "" || from < at || to > len(src) || string(src[from:to]) != lit {
			continue
		}
		b.WriteString(escapeHTML(source[at:from]))
		fmt.Fprintf(&b, "<span class=%s>%s</span>", class, escapeHTML(lit))
		at = to
	}
	b.WriteString(escapeHTML(source[at:]))
	return b.String()
}
