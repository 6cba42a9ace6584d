package nb

import (
	"encoding/base64"
	"html"
	"strings"
	"testing"
)

// sample is a notebook with something of everything.
func sample() *Notebook {
	n := &Notebook{Minor: 5, Metadata: map[string]any{"kernelspec": map[string]any{"name": "godlas", "language": "go"}}}
	n.Cells = []*Cell{
		{Kind: "markdown", Source: "# Title\n\nSee ![p](attachment:a.png).", rest: map[string]any{"attachments": map[string]any{"a.png": map[string]any{"image/png": "aGk="}}}},
		{Kind: "code", Source: "x := 1 // é\n%time x\n!echo hi\n// %% no cell\n// %who", Count: 2, Metadata: map[string]any{"tags": []any{"t"}, "scrolled": true}, Outputs: []Output{
			{Type: "stream", Name: "stdout", Text: "50%\r100%\n\x1b[1;31mred\x1b[0m <i>\n```\n"},
			{Type: "execute_result", Count: 2, Data: map[string]any{"text/html": "<b onload='x'>\"1\"</b>", "text/plain": "1"}},
			{Type: "display_data", Data: map[string]any{"image/svg+xml": "<svg onload='x'/>", "text/plain": "fig"}},
			{Type: "error", EName: "E<", EValue: "bad", Traceback: []string{"\x1b[31mE<\x1b[0m: bad"}},
		}},
		{Kind: "code", Source: "%%bash\necho hi\n\nls"},
		{Kind: "raw", Source: "raw <text>"},
	}
	return n
}

func TestScript(t *testing.T) {
	got := sample().Script()
	want := `
// %% [markdown]
// # Title
//
// See ![p](attachment:a.png).

// %% tags=["t"]
x := 1 // é
// %time x
// !echo hi
// // %% no cell
// // %who

// %% language="bash"
// echo hi
//
// ls

// %% [raw]
// raw <text>
`
	head, body, _ := strings.Cut(got, "// ---\n\n")
	if "\n"+body != want {
		t.Errorf("got %s\nwant %s", body, want)
	}
	if !strings.Contains(head, "//       format_name: percent\n") || !strings.Contains(head, "//     name: \"godlas\"\n") {
		t.Errorf("its head is %s", head)
	}
}

// TestMarkdownFences: nothing that a cell prints ends the block that it stands in.
func TestMarkdownFences(t *testing.T) {
	got := sample().Markdown()
	for _, want := range []string{"See ![p](data:image/png;base64,aGk=).", "```go\nx := 1", "````text\n100%\nred <i>\n```\n````", "```text\n1\n```", "data:image/svg+xml;base64,", "E<: bad", "```\nraw <text>\n```"} {
		if !strings.Contains(got, want) {
			t.Errorf("without %q:\n%s", want, got)
		}
	}
}

// TestHTMLIsInert: what a notebook holds is text, data or in a frame without scripts.
func TestHTMLIsInert(t *testing.T) {
	n := sample()
	n.Cells[0].Source += "\n<script>s</script> [l](javascript:x) [m](https://a.b/c_d_e*f*\"onclick=x) ![i](https://a.b/i.png) `<u>`"
	got := n.HTML(`t"<i>`)
	tags := strings.Split(got, "<")
	for _, tag := range tags[1:] {
		tag, _, _ = strings.Cut(tag, ">")
		name, _, _ := strings.Cut(strings.TrimPrefix(tag, "/"), " ")
		switch name {
		case "!DOCTYPE", "html", "head", "meta", "title", "style", "body", "div", "pre", "span", "h1", "p", "img", "iframe", "code", "a", "em", "script":
		default:
			t.Errorf("tag <%s>", tag)
		}
		if strings.Contains(tag, "onload=") && !strings.HasPrefix(tag, "iframe") || strings.Contains(tag, "onclick") && !strings.Contains(tag, `href="`) || strings.Contains(tag, "javascript:") || strings.Contains(tag, `src="http`) {
			t.Errorf("<%s>", tag)
		}
	}
	if n := strings.Count(got, "<script>"); n != 1 {
		t.Errorf("%d scripts", n)
	}
	for _, want := range []string{
		"<title>t&#34;&lt;i&gt;</title>", `sandbox="allow-same-origin"`, html.EscapeString(`<b onload='x'>"1"</b>`), `color:#d1444c;">red</span> &lt;i&gt;`,
		"100%", base64.StdEncoding.EncodeToString([]byte("<svg onload='x'/>")), `<span class=c>// é</span>`, "In [2]", "Out [2]", "E&lt;", "data:image/png;base64,aGk=",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("without %q", want)
		}
	}
	if strings.Contains(got, "50%\r") {
		t.Error("a line that was written over is shown")
	}
}

func TestRenderMarkdown(t *testing.T) {
	for in, want := range map[string]string{
		"a *b* **c** ~~d~~ `e*f*`":         "<p>a <em>b</em> <strong>c</strong> <del>d</del> <code>e*f*</code></p>\n",
		"snake_case_name 2*3*4":            "<p>snake_case_name 2*3*4</p>\n",
		"## T #\ntext":                     "<h2>T</h2>\n<p>text</p>\n",
		"- a\n- b\n  1. c\n\ntext":         "<ul>\n<li>a\n</li>\n<li>b\n<ol>\n<li>c\n</li>\n</ol>\n</li>\n</ul>\n<p>text</p>\n",
		"- a\n\n1. b":                      "<ul>\n<li>a\n</li>\n</ul>\n<ol>\n<li>b\n</li>\n</ol>\n",
		"> a\n> b":                         "<blockquote>\n<p>a\nb</p>\n</blockquote>\n",
		"|a|b|\n|-|-|\n|1|`x`|":            "<table>\n<tr><th>a</th><th>b</th></tr>\n<tr><td>1</td><td><code>x</code></td></tr>\n</table>\n",
		"~~~\n<a>\n~~~\n---":               "<pre><code>&lt;a&gt;</code></pre>\n<hr>\n",
		"[a_b_](https://x.y/a_b_c?d=*e*)":  "<p><a href=\"https://x.y/a_b_c?d=*e*\" rel=\"noopener noreferrer\">a_b_</a></p>\n",
		"$a_1 * b_2$ and \\*no\\*":         "<p>$a_1 * b_2$ and *no*</p>\n",
		"![x](data:image/png;base64,aGk=)": "<p><img alt=\"x\" src=\"data:image/png;base64,aGk=\"></p>\n",
		"\x010\x02 `a`":                    "<p>0 <code>a</code></p>\n",
	} {
		if got := renderMarkdown(in); got != want {
			t.Errorf("%q:\n got %q\nwant %q", in, got, want)
		}
	}
	deep := strings.Repeat("> ", 10_000) + "x\n" + strings.Repeat("- ", 10_000) + "y"
	if got := renderMarkdown(deep); !strings.Contains(got, "x") || strings.Count(got, "<blockquote>") > maxNesting {
		t.Error("a deep text is not rendered")
	}
}

// TestHighlight: the text is the source, whatever it is.
func TestHighlight(t *testing.T) {
	for _, src := range []string{"func f() { return \"<\" }", "x := 'a'; `raw\r\n` /* c", "%magic 1.5\n\"open", "é世 \x00\xff \"\xff\"", "a /* x\r\ny */ b // c\r\nd", "#!"} {
		got := highlight(src)
		var b strings.Builder
		for _, p := range strings.Split(got, "<") {
			if _, after, ok := strings.Cut(p, ">"); ok && b.Len() > 0 || ok && strings.HasPrefix(got, "<") {
				p = after
			}
			b.WriteString(p)
		}
		if html.UnescapeString(b.String()) != src {
			t.Errorf("%q: %q", src, got)
		}
	}
}
