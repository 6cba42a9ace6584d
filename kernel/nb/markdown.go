package nb

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"html"
	"maps"
	"slices"
	"strings"
)

// best is the order in which a display's forms are chosen for a page.
var best = []string{"text/html", "image/svg+xml", "image/png", "image/jpeg", "image/gif", "image/webp", "text/markdown", "text/latex", "text/plain", "application/json"}

// form is the form of a display that a page shows.
func form(data map[string]any) (mime string) {
	for _, m := range best {
		if _, ok := data[m]; ok {
			return m
		}
	}
	for _, m := range slices.Sorted(maps.Keys(data)) {
		return m
	}
	return ""
}

// textOf is a display's content of a type as text.
func textOf(data map[string]any, mime string) string {
	if s, ok := data[mime].(string); ok {
		return s
	}
	b, _ := json.MarshalIndent(data[mime], "", "  ")
	return string(b)
}

// Markdown is the notebook as a Markdown document; images stand in it as data.
func (n *Notebook) Markdown() string {
	var b strings.Builder
	for _, c := range n.Cells {
		if strings.TrimSpace(c.Source) == "" && len(c.Outputs) == 0 {
			continue
		}
		if b.Len() > 0 {
			b.WriteString("\n")
		}
		switch c.Kind {
		case "markdown":
			b.WriteString(strings.TrimRight(c.inline(), "\n") + "\n")
			continue
		case "raw":
			fence(&b, "", c.Source)
			continue
		}
		if strings.TrimSpace(c.Source) != "" {
			fence(&b, n.languageOf(), c.Source)
		}
		for _, o := range c.Outputs {
			b.WriteString("\n")
			o.markdown(&b)
		}
	}
	return b.String()
}

func (o Output) markdown(b *strings.Builder) {
	switch o.Type {
	case "stream":
		fence(b, "text", strings.Join(textLines(o.Text), "\n"))
		return
	case "error":
		fence(b, "text", strings.Join(textLines(o.failure()), "\n"))
		return
	}
	mime := form(o.Data)
	if mime == "text/html" { // it would be the reader's to trust; the text is not
		if _, ok := o.Data["text/plain"]; ok {
			mime = "text/plain"
		}
	}
	text := textOf(o.Data, mime)
	switch {
	case mime == "":
	case mime == "image/svg+xml":
		fmt.Fprintf(b, "![](data:image/svg+xml;base64,%s)\n", base64.StdEncoding.EncodeToString([]byte(text)))
	case strings.HasPrefix(mime, "image/"):
		fmt.Fprintf(b, "![](data:%s;base64,%s)\n", word(mime[:5])+"/"+word(mime[6:]), base64Only(text))
	case mime == "text/markdown", mime == "text/latex":
		b.WriteString(strings.TrimRight(text, "\n") + "\n")
	case mime == "text/html":
		fence(b, "html", text)
	case isJSON(mime):
		fence(b, "json", text)
	default:
		fence(b, "text", strings.Join(textLines(text), "\n"))
	}
}

// failure is an error as it was shown.
func (o Output) failure() string {
	if len(o.Traceback) > 0 {
		return strings.Join(o.Traceback, "\n")
	}
	return o.EName + ": " + o.EValue
}

// fence writes text as a block of code that no line of it can end.
func fence(b *strings.Builder, language, text string) {
	marks := "```"
	for strings.Contains(text, marks) {
		marks += "`"
	}
	fmt.Fprintf(b, "%s%s\n%s\n%s\n", marks, word(language), strings.TrimRight(text, "\n"), marks)
}

// base64Only is s without what is no digit of base64.
func base64Only(s string) string {
	return strings.Map(func(r rune) rune {
		if r == '+' || r == '/' || r == '=' || '0' <= r && r <= '9' || 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' {
			return r
		}
		return -1
	}, s)
}

// inline is a Markdown cell's text with its attachments put in as data.
func (c *Cell) inline() string {
	text := c.Source
	attached, _ := c.rest["attachments"].(map[string]any)
	for _, name := range slices.Sorted(maps.Keys(attached)) {
		forms, _ := attached[name].(map[string]any)
		for _, mime := range slices.Sorted(maps.Keys(forms)) {
			if s, ok := forms[mime].(string); ok && strings.HasPrefix(mime, "image/") {
				text = strings.ReplaceAll(text, "(attachment:"+name+")", "(data:image/"+word(mime[6:])+";base64,"+base64Only(s)+")")
				break
			}
		}
	}
	return text
}

// escape is text that HTML shows as it is.
func escapeHTML(s string) string { return html.EscapeString(s) }
