package interp

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/godlas/godlas/internal/need"
)

// TestAskEverywhere completes and inspects at positions all over the cells of the tests, with what follows and without. No
// answer may fail, or take long.
func TestAskEverywhere(t *testing.T) {
	var cells []string
	for _, s := range corpus(t) {
		for _, c := range s.cells {
			cells = append(cells, c.src)
		}
	}
	for _, file := range []string{"snippets.txt", "programs.txt"} {
		for _, s := range sections(t, file) {
			cells = append(cells, s.src)
		}
	}
	in, _ := session(t, completeCells...)
	in.fault = func(v any) { t.Errorf("%v", v) }
	const slowest = 2 * time.Second // twenty times what the first may take
	total, n := 0, 0
	for _, src := range cells {
		total += len(src)
	}
	stride := total/800 | 1
	for i, src := range cells {
		for at := i * 7 % stride; at <= len(src); at += stride {
			for _, text := range []string{src, src[:at]} {
				start := time.Now()
				c := in.Complete(text, at)
				if c.Start < 0 || c.Start > at || c.End < at || c.End > len(text) {
					t.Fatalf("%q: replaces %d-%d at %d", text, c.Start, c.End, at)
				}
				if utf8.ValidString(text) && (!utf8.ValidString(text[:c.Start]) || !utf8.ValidString(text[:c.End])) && utf8.ValidString(text[:at]) {
					t.Fatalf("%q: replaces %d-%d, which cuts a character", text, c.Start, c.End)
				}
				for _, it := range c.Items {
					if it.Text == "" || strings.Contains(it.Text, "Ξ") {
						t.Fatalf("%q at %d: %+v", text, at, it)
					}
				}
				i, ok := in.Inspect(text, at, 1)
				if ok && i.Signature == "" || strings.Contains(i.Signature, "Ξ") {
					t.Errorf("%q at %d: %+v", text, at, i)
				}
				if d := time.Since(start); d > slowest {
					t.Errorf("%q at %d: %v", text, at, d)
				}
				n++
			}
			if t.Failed() {
				t.FailNow()
			}
		}
	}
	if n < 500 {
		t.Errorf("only %d questions", n)
	}
}

// TestAskLibraries asks what libraries and the go.mod of a folder add.
func TestAskLibraries(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "go.mod"), []byte("module example.org/notebook\n\nrequire (\n\texample.org/known v1.2.3\n)\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	std := Std()
	std.Strings = func(path, fn string, arg int, typed string) ([]string, int) {
		switch {
		case path == "time" && fn == "Time.Format" && arg == 0:
			return []string{"2006-01-02", "2006", "say \"é\""}, len(typed)
		case path == "net/http" && fn == "Server.Addr" && arg == -1:
			return []string{":80", ":443"}, len(typed)
		case path == "strings" && fn == "Fields":
			return []string{"alpha", "beta"}, len(typed) - strings.LastIndexByte(typed, ' ') - 1
		}
		return nil, 0
	}
	in := New(Options{Libraries: []Library{std}, Source: Modules(dir)})
	checkCompletions(t, in, []completions{
		{`time.Now().Format("|`, `2006-01-02 2006 say`[:15], "", "2006-01-02 2006"},
		{`time.Now().Format("2006-|")`, "2006-01-02", "2006", ""},
		{"http.Server{Addr: \":|\"}", ":80 :443", "", ""},
		{"&http.Server{Addr: \":4|", ":443", ":80", ""},
		{`strings.Fields("x al|")`, "alpha", "beta", ""},
		{`strings.Fields("|")`, "alpha beta", "", ""},
		{`strings.Split("|")`, "", "*", ""},
		{`import "exa|"`, "example.org/known example.org/notebook", "", ""},
	})
	if c := in.Complete(`strings.Fields("x al")`, 20); c.Start != 18 || c.End != 20 {
		t.Errorf("%+v", c)
	}
	c := in.Complete("time.Now().Format(\"s\")", 20)
	if i := slices.IndexFunc(c.Items, func(i Item) bool { return i.Text == `say \"é\"` }); i < 0 {
		t.Errorf("%+v", c)
	}
}

// TestAskWhileCompiling asks while the lock is held for long, as by the import of a large module: the answer is late but
// empty, and later ones are whole.
func TestAskWhileCompiling(t *testing.T) {
	in, _ := session(t, "x := 1")
	in.m.Mu.Lock()
	if c := in.Complete("x", 1); len(c.Items) > 0 || c.Start != 1 || c.End != 1 {
		t.Errorf("%+v", c)
	}
	if _, ok := in.Inspect("x", 1, 0); ok {
		t.Error("an answer without the lock")
	}
	in.m.Mu.Unlock()
	if c := in.Complete("x", 1); len(c.Items) == 0 {
		t.Error("no answer after")
	}
}

// TestAskFault asks what a fault leaves behind: nothing.
func TestAskFault(t *testing.T) {
	in, _ := session(t, "x := 1")
	faults := 0
	in.fault = func(any) { faults++ }
	in.front.Words = func(string, string, int, string) ([]string, int) { panic("a library's") }
	if c := in.Complete(`strings.Fields("`, 16); len(c.Items) > 0 || faults != 1 {
		t.Errorf("%+v, %d faults", c, faults)
	}
	if _, err := in.Eval(context.Background(), Cell{N: 2, Source: "y := x + 1"}); err != nil {
		t.Error(err)
	}
	if c := in.Complete("y", 1); len(c.Items) == 0 {
		t.Error("no answer after a fault")
	}
}

// TestAskSource asks about a package that is interpreted from source.
func TestAskSource(t *testing.T) {
	need.Program(t, "go", "go")
	dir := t.TempDir()
	for name, text := range map[string]string{
		"go.mod": "module example.org/notebook\n\ngo 1.26\n",
		"shapes/shapes.go": `// Package shapes has shapes.
package shapes

// Circle is round.
type Circle struct {
	R float64 // the radius
	hidden int
}

// Area is what it covers.
func (c *Circle) Area() float64 { return 3 * c.R * c.R }

// Old makes one.
//
// Deprecated: use Circle.
func Old() *Circle { return nil }

// New makes one, too.
func New(r float64) *Circle { return &Circle{R: r} }
`,
	} {
		file := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	in := New(Options{Libraries: []Library{Std()}, Source: Modules(dir)})
	if _, err := in.Eval(t.Context(), Cell{N: 1, Source: "import \"example.org/notebook/shapes\"\nc := shapes.New(2)"}); err != nil {
		t.Fatal(err)
	}
	checkCompletions(t, in, []completions{
		{"shapes.|", "Circle New Old", "", "Circle New Old"},
		{"c.|", "Area R", "hidden", ""},
		{"shapes.New(1).|", "Area R", "hidden", ""},
		{"shapes.Circle{|", "R", "hidden", "R"},
		{"import \"example.org/|\"", "example.org/notebook example.org/notebook/shapes", "", ""},
	})
	for src, want := range map[string]string{"shapes": "has shapes", "shapes.New": "makes one, too", "c.Area": "what it covers", "c.R": "the radius", "shapes.Circle": "is round"} {
		if i, ok := in.Inspect(src, len(src), 0); !ok || !strings.Contains(i.Doc, want) {
			t.Errorf("%s: %+v", src, i)
		}
	}
	if i, _ := in.Inspect("c", 1, 0); i.Signature != "var c *shapes.Circle" || i.Value != "&shapes.Circle{R: 2, hidden: 0}" {
		t.Errorf("%+v", i)
	}
}
