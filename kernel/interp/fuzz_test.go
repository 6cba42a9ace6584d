package interp

import (
	"strings"
	"testing"
)

// FuzzSource checks, completes and inspects anything that can be typed. Nothing
// runs. What is wrong with a source must be said of it, not of us.
func FuzzSource(f *testing.F) {
	for _, s := range sections(f, "snippets.txt") {
		f.Add(s.src, uint16(len(s.src)/2))
		f.Add(s.src[:len(s.src)/3], uint16(len(s.src)/3))
		f.Add(s.src[len(s.src)/3:], uint16(7))
	}
	for _, s := range []string{
		"x := ", "func", "func (", "func (a) b()", "type T = T", "type T [len(x)]int\nvar x T", "}", ")(", "import", "import \"", "package", "package x",
		"var x = y\nvar y = x", "x, y :=", "a.b.c.", "/* */ x", "label:", "goto l", "break", "return 1", "defer", "go", "switch {", "for {", "if x := 1; {",
		"func init() {", "func main() {}\nmain", "const a = iota", "var (", "x.(type)", "type I interface { I }", "type S struct { S }", "_ := 1", "nil", "_", "fmt", "int", "1,2", "...",
		"x := x", "func f() { f := f }", "\x00", "\xff\xfe", "`", "'", "\"", "//line a:1:2\nx", "/*line b:7:7*/y", "Ξcell1()", "Ξ := 1",
	} {
		f.Add(s, uint16(len(s)))
	}
	in, _ := session(f, "type T struct{ A int; next *T }\nfunc (t T) M() int { return t.A }\nv := T{}\nimport \"strings\"")
	f.Fuzz(func(t *testing.T, src string, cursor uint16) {
		in.fault = func(v any) { t.Errorf("an answer panics: %v", v) }
		at := min(int(cursor), len(src))
		c := in.Complete(src, at)
		if c.Start > c.End || c.End > len(src) {
			t.Errorf("replaces %d-%d of %d", c.Start, c.End, len(src))
		}
		in.Inspect(src, at, 1)
		in.IsComplete(src)
		in.Reset()
		_, _, err := in.compileCell(Cell{N: 1, Source: src})
		if err == nil {
			return
		}
		if strings.Contains(err.Error(), "cannot compile this cell") {
			t.Error(err)
		}
		lines := strings.Count(src, "\n") + 1
		for _, d := range err.(*CompileError).Diags {
			if d.Line < 1 || d.Line > lines || d.Col < 1 || strings.Contains(d.Msg, "Ξ") && !strings.Contains(src, "Ξ") {
				if !strings.Contains(src, "line ") { // the source has line directives of its own
					t.Errorf("%v of %d lines", d, lines)
				}
			}
		}
	})
}
