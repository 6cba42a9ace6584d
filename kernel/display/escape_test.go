package display

import (
	"errors"
	"regexp"
	"strings"
	"testing"
)

// tags are all that tables are made of; where they are taken out of a page, nothing of HTML may be left.
var tags = regexp.MustCompile(`</?(?:table|thead|tbody|tr|p|pre|th|td)>|<t[hd] style="text-align:(?:left|right)"(?: title="[^"<>]*")?>`)

var entities = regexp.MustCompile(`&(?:lt|gt|amp|#34|#39);`)

// harmful is values of the kinds that make HTML, with s wherever a text can stand.
func harmful(s string) []any {
	type row struct {
		A string
		B error
		C any
		D map[string]string
	}
	r := row{s, errors.New(s), s, map[string]string{s: s}}
	return []any{
		[]row{r, r},
		[]*row{&r},
		map[string]row{s: r},
		map[string]string{s: s},
		[]map[string]any{{s: r}},
		[][]any{{s, r}},
		map[any]any{s: r, 1: []string{s}},
		mime{map[string]any{s: 1, "text/html": "<table>", "image/png": s}},
		[]struct{ S fmtText }{{fmtText(s)}},
	}
}

type fmtText string

func (f fmtText) String() string { return string(f) }

func checkEscaped(t *testing.T, s string) {
	for _, v := range harmful(s) {
		d, _ := Bundle(v)
		page, ok := d["text/html"].(string)
		if !ok {
			t.Errorf("%T has no HTML: %v", v, d)
			continue
		}
		rest := tags.ReplaceAllString(page, "")
		if i := strings.IndexAny(entities.ReplaceAllString(rest, ""), "<>&\""); i >= 0 {
			t.Fatalf("%q leaves markup in\n%s", s, rest)
		}
		for _, r := range page {
			if r != '\n' && hidden(r) {
				t.Fatalf("%q leaves %U in\n%s", s, r, page)
			}
		}
	}
}

var hostileTexts = []string{
	`<img src=x onerror=alert(1)>`, `"><script>alert(1)</script>`, `</td></table><svg onload=alert(1)>`, `' onmouseover='x`, `<!--`, `]]>`,
	"&lt;b&gt;", "\x1b[31mred\x1b[0m", "a\x00b\rc\bd", "\u202egnp.exe", "\xff\xfe<b>", "<\u0000script>", "`<x>`", "$<b>$", "\n<tr>",
}

func TestEscaped(t *testing.T) {
	for _, s := range hostileTexts {
		checkEscaped(t, s)
	}
}

func FuzzEscaped(f *testing.F) {
	for _, s := range hostileTexts {
		f.Add(s)
	}
	f.Fuzz(checkEscaped)
}
