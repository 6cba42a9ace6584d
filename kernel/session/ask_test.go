package session

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/godlas/godlas/kernel/internal/pipe"
	"github.com/godlas/godlas/kernel/interp"
)

// cursor splits code at its | .
func cursor(code string) pipe.Cursor {
	before, after, _ := strings.Cut(code, "|")
	return pipe.Cursor{Code: before + after, Pos: len([]rune(before))}
}

func TestComplete(t *testing.T) {
	t.Chdir(t.TempDir())
	c := start(t, toyOptions())
	for _, x := range []struct {
		code       string
		start, end int
		want       []string
	}{
		{"pr|", 0, 2, []string{"print"}},
		{"é p|x", 2, 3, []string{"print", "panic"}},
		{"%words é\nva|", 9, 11, []string{"value"}},
		{"%tim|", 0, 4, []string{"%time", "%timeit"}},
		{"print\n  %wo|", 8, 11, []string{"%words"}},
		{"%%b|", 0, 3, []string{"%%bash"}},
		{"%words al|", 7, 9, []string{"alpha"}},
		{"%words x |", 9, 9, []string{"alpha", "beta"}},
		{"%%words\né be|", 10, 12, []string{"beta"}},
		{"%%words al|\nx", 8, 10, []string{"alpha"}},
		{"%time pr|", 6, 8, []string{"print"}},
		{"%%time\npr|", 7, 9, []string{"print"}},
		{"%nosuch x|", 9, 9, nil},
		{"%who\n|", 5, 5, []string{"print", "panic", "value"}},
		{"|\n%who", 0, 0, []string{"print", "panic", "value"}},
		{"print? |", 7, 7, nil},
		{"!ls nofile|", 4, 10, nil},
	} {
		_, last := c.answer(c.send(pipe.KindComplete, 0, cursor(x.code)))
		got := body[pipe.Completed](t, last)
		var texts []string
		for _, m := range got.Matches {
			texts = append(texts, m.Text)
		}
		if !slices.Equal(texts, x.want) || got.Start != x.start || got.End != x.end {
			t.Errorf("%q: %q from %d to %d, want %q from %d to %d", x.code, texts, got.Start, got.End, x.want, x.start, x.end)
		}
	}
}

// TestCompleteMagics: behind a % all magics are offered, each as it is written.
func TestCompleteMagics(t *testing.T) {
	c := start(t, toyOptions())
	_, last := c.answer(c.send(pipe.KindComplete, 0, cursor("%|who")))
	got := body[pipe.Completed](t, last)
	found := map[string]bool{}
	for _, m := range got.Matches {
		found[m.Text] = true
	}
	for name, want := range map[string]bool{"%%bash": true, "%bash": false, "%who": true, "%words": true, "%%writefile": true, "%capture": true} {
		if found[name] != want {
			t.Errorf("%s: %v", name, found[name])
		}
	}
	if got.Start != 0 || got.End != 1 {
		t.Errorf("from %d to %d", got.Start, got.End)
	}
}

// TestCompleteArguments: flags, files behind them, and names that cells have declared.
func TestCompleteArguments(t *testing.T) {
	t.Chdir(t.TempDir())
	if err := os.WriteFile("a file.txt", nil, 0o600); err != nil {
		t.Fatal(err)
	}
	c := start(t, Options{Libraries: []interp.Library{interp.Std()}})
	c.run("total, tally := 1, 2")
	for code, want := range map[string]string{
		"%history -|":             "[-n -o -u -l -g -f]",
		"%history -n -l|":         "[-l]",
		"%timeit -|":              "[-n -r -q -o]",
		"%timeit -n 5 tot|":       "[total]",
		"%%sh --no|":              "[--no-raise-error]",
		"%reset t|":               "[tally total]",
		"%reset -f to|":           "[total]",
		"%load -r 1-3 a|":         "[a file.txt]",
		"%%writefile -a a|\ntext": "[a file.txt]",
		"%save -f a|":             `[a\ file.txt]`,
		"%save x tot|":            "[total]",
		"//gonb:%res|":            "[%reset]",
		"//gonb:!cat a|":          `[a\ file.txt]`,
	} {
		_, last := c.answer(c.send(pipe.KindComplete, 0, cursor(code)))
		var texts []string
		for _, m := range body[pipe.Completed](t, last).Matches {
			texts = append(texts, m.Text)
		}
		if got := fmt.Sprint(texts); got != want {
			t.Errorf("%q: %s, want %s", code, got, want)
		}
	}
}

// TestCompleteGo asks a session with the interpreter, as a client counts: in code points.
func TestCompleteGo(t *testing.T) {
	t.Chdir(t.TempDir())
	for _, f := range []string{"a file.txt", "data.csv"} {
		if err := os.WriteFile(f, nil, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	c := start(t, Options{Libraries: []interp.Library{interp.Std()}})
	if out, done := c.run("type Point struct{ X, Y int }\npoint := Point{1, 2}\nm := map[string]int{\"kéy😀\": 1}"); done.Err != nil {
		t.Fatal(out)
	}
	for _, x := range []struct {
		code       string
		start, end int
		want       []string // the first
	}{
		{"point.|", 6, 6, []string{"X", "Y"}},
		{"s := \"😀é\"; poi|nt", 11, 16, []string{"point"}},
		{"/* 😀 */ point.X|", 14, 15, []string{"X"}},
		{`m["|"]`, 3, 3, []string{"kéy😀"}},
		{`m["ké|y😀"]`, 3, 7, []string{"kéy😀"}},
		{`os.Open("da|")`, 9, 11, []string{"data.csv"}},
		{`os.Open("a f|")`, 9, 12, []string{"a file.txt"}},
		{"!cat a\\ f|", 5, 9, []string{`a\ file.txt`}},
		{"!cat \"a f|", 6, 9, []string{"a file.txt"}},
		{"!cat da|", 5, 7, []string{"data.csv"}},
		{"%load a f|", 6, 9, []string{"a file.txt"}},
		{"%cd |", 4, 4, []string{"a file.txt", "data.csv"}},
		{"%%bash\nls d|", 10, 11, []string{"data.csv"}},
		{"%time point.|", 12, 12, []string{"X", "Y"}},
		{"%timeit -n 5 point.|", 19, 19, []string{"X", "Y"}},
		{"%%time\npoint.|", 13, 13, []string{"X", "Y"}},
		{"?point.|", 7, 7, []string{"X", "Y"}},
		{"?poi|", 1, 4, []string{"point"}},
		{"point.|?", 6, 6, []string{"X", "Y"}},
		{"point? |", 7, 7, nil},
		{"%lsmagic\npoint.|\n!ls", 15, 15, []string{"X", "Y"}},
	} {
		_, last := c.answer(c.send(pipe.KindComplete, 0, cursor(x.code)))
		got := body[pipe.Completed](t, last)
		var texts []string
		for _, m := range got.Matches[:min(len(x.want), len(got.Matches))] {
			texts = append(texts, m.Text)
		}
		if !slices.Equal(texts, x.want) || got.Start != x.start || got.End != x.end || x.want == nil && len(got.Matches) > 0 {
			t.Errorf("%q: %q from %d to %d, want %q from %d to %d", x.code, texts, got.Start, got.End, x.want, x.start, x.end)
		}
	}
	for _, x := range []struct{ code, text, markdown string }{
		{"poi|nt", "var point Point\n\nvalue: Point{X: 1, Y: 2}", "```go\nvar point Point\n```\n\nvalue: `Point{X: 1, Y: 2}`"},
		{"s := \"😀\"; strings.Repeat(s, |)", "func strings.Repeat(s string, count int) string\n\nargument 2: count int\n\nRepeat", "argument 2: `count int`"},
		{"%timeit -n 5 poi|nt", "var point Point", "```go"},
		{"poi|nt?", "var point Point", "```go"},
		{"?poi|nt", "var point Point", "```go"},
		{"%tim|e x", "%time STATEMENT", "```text\n%time STATEMENT"},
	} {
		_, last := c.answer(c.send(pipe.KindInspect, 0, cursor(x.code)))
		got := body[pipe.Inspected](t, last)
		text, _ := got.Data["text/plain"].(string)
		md, _ := got.Data["text/markdown"].(string)
		if !got.Found || !strings.HasPrefix(text, x.text) || !strings.Contains(md, x.markdown) {
			t.Errorf("%q: %q\n%q", x.code, text, md)
		}
	}
}

// TestMarkdown describes what has characters that Markdown takes for its own.
func TestMarkdown(t *testing.T) {
	d := describeInfo(interp.Info{Signature: "var x string", Value: "\"`a` ``b``\"", Doc: "a <img src=x onerror=y> *b*", Source: "x := `\n` + \"\\n```\\n\""}, 1)
	want := "```go\nvar x string\n```\n\nvalue: ``` \"`a` ``b``\" ```\n\na \\<img src=x onerror=y> \\*b\\*\n\n````go\nx := `\n` + \"\\n```\\n\"\n````"
	if d["text/markdown"] != want {
		t.Errorf("%q\nwant %q", d["text/markdown"], want)
	}
}

func TestInspect(t *testing.T) {
	c := start(t, toyOptions())
	for _, x := range []struct{ code, want string }{
		{"print|", "func print()\n\nPrint prints.\n\n\tindented"},
		{"%wor|ds x", "%words\n%%words\n\nh"},
		{"%time print|", "func print()\n\nPrint prints.\n\n\tindented"},
		{"unknown|", ""},
		{"%unknown|", ""},
	} {
		_, last := c.answer(c.send(pipe.KindInspect, 0, cursor(x.code)))
		got := body[pipe.Inspected](t, last)
		if text, _ := got.Data["text/plain"].(string); text != x.want || got.Found != (x.want != "") {
			t.Errorf("%q: %v %q, want %q", x.code, got.Found, text, x.want)
		}
	}
	q := cursor("print|")
	q.Detail = 1
	_, last := c.answer(c.send(pipe.KindInspect, 0, q))
	if text := body[pipe.Inspected](t, last).Data["text/plain"].(string); !strings.HasSuffix(text, "func print() {}") {
		t.Errorf("in detail: %q", text)
	}
}

func TestIsComplete(t *testing.T) {
	c := start(t, toyOptions())
	for _, x := range []struct{ code, status, indent string }{
		{"", "complete", ""},
		{"x", "complete", ""},
		{"if x {", "incomplete", "    "},
		{"if x {\n\tif y {", "incomplete", "\t"},
		{"%who", "complete", ""},
		{"%who\nif x {", "incomplete", "    "},
		{"%%bash\nls", "incomplete", ""},
		{"%%bash\nls\n", "complete", ""},
		{"%%time\nfor {", "incomplete", "    "},
		{"%time for {", "incomplete", "    "},
	} {
		_, last := c.answer(c.send(pipe.KindIsComplete, 0, pipe.Cursor{Code: x.code}))
		if got := body[pipe.Judged](t, last); got.Status != x.status || got.Indent != x.indent {
			t.Errorf("%q: %+v, want %s %q", x.code, got, x.status, x.indent)
		}
	}
}

func TestLastStatement(t *testing.T) {
	for _, x := range []struct {
		src, callee string
		semicolon   bool
	}{
		{"fmt.Println(x)", "Println", false},
		{"fmt.Println(x);", "Println", true},
		{"f(1); g(h(2))\n// end", "g", false},
		{"f(1)\nx", "", false},
		{"for i := 0; i < 3; i++ {\n f(i);\n}", "", false},
		{"b.Get(1).Write(p)", "Write", false},
		{"\"unfinished", "", false},
	} {
		callee, semicolon := lastStatement(x.src)
		if callee != x.callee || semicolon != x.semicolon {
			t.Errorf("%q: %q, %v", x.src, callee, semicolon)
		}
	}
}
