package interp

import (
	"bytes"
	"context"
	"slices"
	"strings"
	"testing"
)

// session makes an interpreter and runs cells that must succeed.
func session(t testing.TB, cells ...string) (*Interp, *output) {
	t.Helper()
	out := &output{}
	in := New(Options{Libraries: []Library{Std()}, Stdout: out, Stderr: out})
	for i, c := range cells {
		if _, err := in.Eval(context.Background(), Cell{N: i + 1, Source: c}); err != nil {
			t.Fatalf("%s\n%v", c, err)
		}
	}
	return in, out
}

func TestComplete(t *testing.T) {
	in, _ := session(t, `import "strings"
import "bytes"
type Base struct { ID int }
func (b *Base) Save() error { return nil }
type User struct { Base; Name string; age int }
func (u User) Greet() string { return "hi " + u.Name }
user := User{Name: "ann"}
var buf bytes.Buffer
counter := 1
func helper(a, b int) int { return a + b }`)
	tests := []struct {
		src  string // the cursor is at |
		want string // names that must be there
		not  string // names that must not
	}{
		{"user.|", "Name age Base ID Greet Save", "counter"},
		{"user.G|", "Greet", "Name"},
		{"x := user.Base.|", "ID Save", "Name"},
		{"strings.ToU|", "ToUpper ToUpperSpecial", "ToLower"},
		{"fmt.Println(strings.Rep|)", "Repeat Replace", "Split"},
		{"buf.Wri|", "Write WriteString WriteByte", "Read"},
		{"coun|", "counter", ""},
		{"hel|", "helper", ""},
		{"for i := range 3 {\n\tlocal := i\n\tlo|", "local", ""},
		{"func f(param int) int {\n\treturn par|\n}", "param", ""},
		{"if user.|", "Name", ""},
		{"if user.Gr| {\n}", "Greet", ""},
		{"switch user.Na|", "Name", ""},
		{"json.Mar|", "Marshal MarshalIndent", "Decoder"},
		{"import \"enc|\"", "encoding/json encoding/csv", "bytes"},
		{"import (\n\t\"net/ht|", "net/http", "net"},
		{"u := User{Na|", "Name", ""},
		{"u := User{Name: \"x\", a|", "age", ""},
		{"ra|", "range", ""},
		{"x := \"user.|\"", "", "Name"},
		{"// user.|", "", "Name"},
		{"func (u User) Other() {\n\tu.Gre|", "Greet", ""},
		{"strings.NewReader(\"x\").Le|", "Len", ""},
		{"func() { defer user.Sa|\n}()", "Save", ""},
		{"[]User{user}[0].Na|", "Name", ""},
		{"ap|", "append", ""},
	}
	for _, c := range tests {
		at := strings.IndexByte(c.src, '|')
		src := c.src[:at] + c.src[at+1:]
		got := in.Complete(src, at)
		var names []string
		for _, it := range got.Items {
			names = append(names, it.Text)
		}
		for _, w := range strings.Fields(c.want) {
			if !slices.Contains(names, w) {
				t.Errorf("%q: no %s among %v", c.src, w, names)
			}
		}
		for _, w := range strings.Fields(c.not) {
			if slices.Contains(names, w) {
				t.Errorf("%q: %s is offered", c.src, w)
			}
		}
		if c.want != "" && (got.Start > at || got.End < at) {
			t.Errorf("%q: range %d-%d", c.src, got.Start, got.End)
		}
	}
	c := in.Complete("user.Gr", 7)
	if len(c.Items) != 1 || c.Start != 5 || c.End != 7 || c.Items[0].Type != "method" || c.Items[0].Signature != "() string" {
		t.Errorf("%+v", c)
	}
	// nothing that is typed may be declared
	if _, ok := in.Get("local"); ok {
		t.Error("completion declares names")
	}
}

func TestInspect(t *testing.T) {
	in, _ := session(t, `import "strings"
// Area computes an area.
// It is a test.
func Area(w, h float64) float64 {
	return w * h
}
// Point is a point.
type Point struct{ X, Y int }
// Norm is a method.
func (p Point) Norm() int { return p.X*p.X + p.Y*p.Y }
p := Point{}`)
	tests := []struct{ src, signature, doc, source string }{
		{"Area|", "func Area(w float64, h float64) float64", "It is a test.", "return w * h"},
		{"Area(1, |", "func Area(", "computes", ""},
		{"strings.Repeat|", "func strings.Repeat(s string, count int) string", "copies of the string", ""},
		{"strings.Repeat(\"a\", |)", "func strings.Repeat(", "copies", ""},
		{"strings|", "package strings", "UTF-8", ""},
		{"p|", "var p Point", "", ""},
		{"p.Norm|", "func (Point).Norm() int", "is a method", "p.X*p.X"},
		{"p.X|", "field X int", "", ""},
		{"Point|", "type Point struct", "is a point", "X, Y int"},
		{"strings.Builder|", "WriteString", "efficiently build", ""},
		{"var b strings.Builder; b.WriteStri|ng(\"x\")", "WriteString(s string)", "appends", ""},
		{"fmt.Println|", "func fmt.Println(a ...any)", "standard output", ""},
	}
	for _, c := range tests {
		at := strings.IndexByte(c.src, '|')
		i, ok := in.Inspect(c.src[:at]+c.src[at+1:], at, 1)
		if !ok || !strings.Contains(i.Signature, c.signature) || !strings.Contains(i.Doc, c.doc) || !strings.Contains(i.Source, c.source) {
			t.Errorf("%q: %v %+v", c.src, ok, i)
		}
	}
	if i, ok := in.Inspect("nothingLikeThis", 4, 0); ok {
		t.Error(i)
	}
	if i, _ := in.Inspect("Area", 4, 0); i.Source != "" {
		t.Error("source without detail")
	}
}

func TestIsComplete(t *testing.T) {
	in, _ := session(t)
	for src, want := range map[string]string{
		"x := 1":                        "complete",
		"":                              "complete",
		"for i := range 3 {":            "incomplete",
		"for i := range 3 {\n\tx++\n}":  "complete",
		"fmt.Println(":                  "incomplete",
		"x := `a":                       "incomplete",
		"/* a":                          "incomplete",
		"x := 1 +":                      "incomplete",
		"x := )":                        "invalid",
		"x := \"abc":                    "invalid",
		"func f() {\n\tif true {\n\t\t": "incomplete",
		"x y z":                         "invalid",
		"import \"fmt\"":                "complete",
	} {
		if got, _ := in.IsComplete(src); got != want {
			t.Errorf("%q: %s, want %s", src, got, want)
		}
	}
	if _, indent := in.IsComplete("func f() {\n\tif true {"); indent != "\t\t" {
		t.Errorf("indent %q", indent)
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
