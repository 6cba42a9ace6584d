package session

import (
	"slices"
	"strings"
	"testing"

	"github.com/godlas/godlas/kernel/internal/pipe"
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
		{"print\n  %w|", 8, 10, []string{"%who", "%words"}},
		{"%|who", 0, 1, []string{"%%bash", "%cd", "%env", "%fails", "%get", "%help", "%load", "%lsmagic", "%page", "%panics", "%reset", "%%sh", "%time", "%timeit", "%use", "%who", "%words"}},
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
		{"if x {", "incomplete", "\t"},
		{"%who", "complete", ""},
		{"%who\nif x {", "incomplete", "\t"},
		{"%%bash\nls", "incomplete", ""},
		{"%%bash\nls\n", "complete", ""},
		{"%%time\nfor {", "incomplete", "\t"},
		{"%time for {", "incomplete", "\t"},
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
