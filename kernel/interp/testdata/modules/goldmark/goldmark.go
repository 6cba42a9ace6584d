// Package goldmark renders Markdown.
package goldmark

import (
	"bytes"
	"fmt"
	"strings"

	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/extension"
	"github.com/yuin/goldmark/parser"
	"github.com/yuin/goldmark/renderer"
	"github.com/yuin/goldmark/renderer/html"
	"github.com/yuin/goldmark/text"
	"github.com/yuin/goldmark/util"
)

const doc = `# Title *here* {#top}

A [link](https://example.org "t") and ` + "`code`" + `, **bold**, ~~gone~~, https://auto.example.

| a | b |
|:--|--:|
| 1 | 2 |

- [x] done
- [ ] open
    1. nested
    2. list

> quote
with <b>html</b> &copy; and a note[^1].

` + "```go\nfunc f() {}\n```" + `

[^1]: The "note" -- here...
`

// shout renders emphasis in capitals: a renderer of our own among the package's.
type shout struct{}

func (shout) RegisterFuncs(r renderer.NodeRendererFuncRegisterer) {
	r.Register(ast.KindEmphasis, func(w util.BufWriter, src []byte, n ast.Node, in bool) (ast.WalkStatus, error) {
		if in {
			_, _ = w.WriteString("<i>" + strings.ToUpper(string(n.Text(src))) + "</i>")
		}
		return ast.WalkSkipChildren, nil
	})
}

// Main prints what the package says.
func Main() {
	var b bytes.Buffer
	fmt.Println(goldmark.Convert([]byte(doc), &b))
	fmt.Println(b.String())
	b.Reset()
	md := goldmark.New(
		goldmark.WithExtensions(extension.GFM, extension.Footnote, extension.Typographer, extension.DefinitionList),
		goldmark.WithParserOptions(parser.WithAutoHeadingID(), parser.WithAttribute()),
		goldmark.WithRendererOptions(html.WithHardWraps(), html.WithXHTML(), html.WithUnsafe(), renderer.WithNodeRenderers(util.Prioritized(shout{}, 1))),
	)
	fmt.Println(md.Convert([]byte(doc), &b))
	fmt.Println(b.String())
	tree := md.Parser().Parse(text.NewReader([]byte(doc)))
	kinds := map[string]int{}
	_ = ast.Walk(tree, func(n ast.Node, in bool) (ast.WalkStatus, error) {
		if in {
			kinds[n.Kind().String()]++
		}
		return ast.WalkContinue, nil
	})
	fmt.Println(kinds)
}
