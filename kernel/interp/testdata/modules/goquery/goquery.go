// Package goquery reads HTML.
package goquery

import (
	"fmt"
	"strings"

	"github.com/PuerkitoBio/goquery"
	"github.com/andybalholm/cascadia"
	"golang.org/x/net/html"
)

const doc = `<!doctype html><html><head><title>T &amp; U</title></head><body>
<div id=main class="a b"><p>One <b>bold</b><p>Two<br>lines<ul><li data-n=1>x<li data-n=2 class=sel>y<li data-n=3>z</ul></div>
<table><tr><td>1<td>2</table><script>if (a < b) {}</script></body></html>`

// Main prints what the package says.
func Main() {
	d, err := goquery.NewDocumentFromReader(strings.NewReader(doc))
	fmt.Println(err, d.Find("title").Text(), d.Find("p").Length())
	d.Find("li").Each(func(i int, s *goquery.Selection) {
		n, ok := s.Attr("data-n")
		fmt.Print(i, n, ok, s.HasClass("sel"), strings.TrimSpace(s.Text()), " ")
	})
	fmt.Println()
	fmt.Println(d.Find("ul > li:nth-child(odd)").Map(func(_ int, s *goquery.Selection) string { return s.Text() }))
	fmt.Println(d.Find("li.sel").Prev().Text(), d.Find("li.sel").NextAll().Text(), d.Find("b").Closest("div").AttrOr("id", "none"))
	d.Find("li").First().SetAttr("title", `q"t`).AddClass("new").AppendHtml("<em>added</em>")
	d.Find("table").Remove()
	h, err := d.Find("#main").Html()
	fmt.Println(h, err)
	sel, err := cascadia.Parse("div.a[id^=ma] p:contains('Two')")
	fmt.Println(err, cascadia.Query(d.Get(0), sel).FirstChild.Data)
	_, err = cascadia.Parse("p[")
	fmt.Println(err)
	z := html.NewTokenizer(strings.NewReader("<a href='x'>t</a><!-- c --><br/>"))
	for z.Next() != html.ErrorToken {
		fmt.Print(z.Token().String(), "|")
	}
	fmt.Println(z.Err(), html.EscapeString("<&>"))
	for i, s := range d.Find("li").EachIter() {
		fmt.Print(i, s.Text(), " ")
		break
	}
	fmt.Println()
}
