package interp

import (
	"bytes"
	"context"
	"fmt"
	"testing"

	"github.com/godlas/godlas/internal/heard"
)

// session makes an interpreter and runs cells that must succeed.
func session(t testing.TB, cells ...string) (*Interp, *heard.Buffer) {
	t.Helper()
	out := &heard.Buffer{}
	in := New(Options{Libraries: []Library{Std()}, Stdout: out, Stderr: out})
	for i, c := range cells {
		if _, err := in.Eval(context.Background(), Cell{N: i + 1, Source: c}); err != nil {
			t.Fatalf("%s\n%v", c, err)
		}
	}
	return in, out
}

func TestIsComplete(t *testing.T) {
	in, _ := session(t)
	for _, c := range []struct{ src, status, indent string }{
		{"x := 1", "complete", ""},
		{"", "complete", ""},
		{"// a comment", "complete", ""},
		{"/* a comment */", "complete", ""},
		{"import \"fmt\"", "complete", ""},
		{"for i := range 3 {\n\tx++\n}", "complete", ""},
		{"x := `a\nb`", "complete", ""},
		{"x++", "complete", ""},
		{"break", "complete", ""},
		{"f(1,\n2)", "complete", ""},
		{"type T struct {\n\tA int\n}\nT{}", "complete", ""},
		{"package main\nfunc main() {}", "complete", ""},
		{"x := 1\nx, err", "complete", ""},
		{"x, y = 1", "complete", ""},
		{"if true { x, y }", "invalid", ""},
		{"for i := range 3 {", "incomplete", "\t"},
		{"if x {", "incomplete", "\t"},
		{"if x {\n\ty()\n} else {", "incomplete", "\t"},
		{"func f() {\n\tif true {", "incomplete", "\t\t"},
		{"func f() {\n\tif true {\n\t\t", "incomplete", "\t\t"},
		{"func f() {\n\tif true {\n\t}", "incomplete", "\t"},
		{"f(func() {", "incomplete", "\t"},
		{"f(g(1, func(x int) {\n\tfor {", "incomplete", "\t\t"},
		{"fmt.Println(", "incomplete", "\t"},
		{"fmt.Println(1,", "incomplete", "\t"},
		{"x := []int{", "incomplete", "\t"},
		{"x := []int{\n\t1,", "incomplete", "\t"},
		{"m := map[string]int{\n\t\"a\":", "incomplete", "\t"},
		{"import (", "incomplete", "\t"},
		{"switch x {\ncase 1:", "incomplete", "\t"},
		{"x := 1 +", "incomplete", "\t"},
		{"x :=", "incomplete", "\t"},
		{"x.", "incomplete", "\t"},
		{"a, ", "incomplete", "\t"},
		{"ok := a &&", "incomplete", "\t"},
		{"c <-", "incomplete", "\t"},
		{"if true {\n\tx := 1 +", "incomplete", "\t\t"},
		{"var", "incomplete", "\t"},
		{"func", "incomplete", "\t"},
		{"type T struct", "incomplete", "\t"},
		{"x := `a", "incomplete", ""},
		{"x := `a\n  b", "incomplete", ""},
		{"if true {\n\tx := `a", "incomplete", ""},
		{"/* a", "incomplete", ""},
		{"x := 1 /* a\n b", "incomplete", ""},
		{"x := )", "invalid", ""},
		{"x := \"abc", "invalid", ""},
		{"x := 'a", "invalid", ""},
		{"x y z", "invalid", ""},
		{"if x\n{", "incomplete", "\t"},
		{"for i := range 3 { ]", "invalid", ""},
		{"if x { f(1 }", "invalid", ""},
		{"x := f(1]", "invalid", ""},
		{"}", "invalid", ""},
		{"@", "invalid", ""},
	} {
		if status, indent := in.IsComplete(c.src); status != c.status || indent != c.indent {
			t.Errorf("%q: %s %q, want %s %q", c.src, status, indent, c.status, c.indent)
		}
	}
}

func TestSetGetVars(t *testing.T) {
	in, out := session(t, "type T struct{ A int }; v := T{3}; f := 1.5; const k = 7; func g() {}")
	for name, v := range map[string]any{"xs": []float64{1, 2}, "m": map[string][]int{"a": {1}}, "buf": bytes.NewBufferString("hello"), "n": 5, "s": "str", "nothing": nil} {
		if err := in.Set(name, v); err != nil {
			t.Error(name, err)
		}
	}
	_, err := in.Eval(context.Background(), Cell{N: 9, Source: `import "fmt"
xs = append(xs, 3)
fmt.Println(xs, m["a"][0], buf.String(), n+1, s, nothing)`})
	if want := "[1 2 3] 1 hello 6 str <nil>\n"; err != nil || out.String() != want {
		t.Error(err, out.String())
	}
	if v, ok := in.Get("xs"); !ok || v.Len() != 3 {
		t.Error(v, ok)
	}
	v, ok := in.Get("v")
	if !ok || v.Field(0).Int() != 3 {
		t.Error(v, ok)
	}
	if err := in.Set("w", v.Interface()); err != nil {
		t.Error(err)
	}
	if err := in.Set("1x", 1); err == nil {
		t.Error("a bad name is taken")
	}
	kinds := map[string]string{}
	for _, v := range in.Vars() {
		kinds[v.Name] = v.Kind + " " + v.Type
		if v.Kind == "const" && (!v.Value.IsValid() || fmt.Sprint(v.Value) != "7") {
			t.Errorf("%s is %v", v.Name, v.Value)
		}
	}
	for n, want := range map[string]string{"T": "type struct{A int}", "v": "var main.T", "f": "var float64", "k": "const untyped int", "g": "func func()", "w": "var main.T"} {
		if kinds[n] != want {
			t.Errorf("%s: %q, want %q", n, kinds[n], want)
		}
	}
	in.Reset()
	if len(in.Vars()) != 0 {
		t.Error("names after Reset")
	}
}
