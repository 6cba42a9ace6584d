package interp

import (
	"context"
	"strings"
	"testing"
	"time"
)

var inspectCells = []string{
	`import "strings"
// Area computes an area.
// It is a test.
func Area(w, h float64) float64 {
	return w * h
}
// Point is a point.
type Point struct {
	X, Y int // the coordinates
	// Label says what it is.
	Label string
	hidden bool
}
// Norm is a method.
func (p Point) Norm() int { return p.X*p.X + p.Y*p.Y }
p := Point{X: 1, Y: 2, Label: "a \"b\""}`,
	`// Shape is anything with an area.
type Shape interface {
	// Size is how large it is.
	Size() float64
}
type Square struct { Point; Side float64 }
func (s Square) Size() float64 { return s.Side * s.Side }
// limit is how many.
limit := 10 // or so
total := 0 // all of them
var shape Shape = Square{Side: 3}
const (
	// Small is small.
	Small = iota
	Big // Big is big.
)
// Version is which.
const Version = "1.2"
m := map[string][]int{"a": {1, 2}, "b": nil}
var nothing *Point
big := make([]int, 1000)
type List[T any] struct { head *T }
// First is the first.
func First[T any](xs []T) (first T) { return xs[0] }
// variadic takes many.
func variadic(format string, args ...any) {}
type Loop struct { next *Loop; name string }
loop := &Loop{name: "x"}
loop.next = loop
type Loud int
func (Loud) String() string { panic("called") }
func (Loud) GoString() string { panic("called") }
func (Loud) Error() string { panic("called") }
loud := Loud(3)
f := func(a int) string { return "" }`,
}

func TestInspect(t *testing.T) {
	in, _ := session(t, inspectCells...)
	tests := []struct{ src, signature, doc, source string }{
		{"Area|", "func Area(w float64, h float64) float64", "It is a test.", "return w * h"},
		{"Are|a(1, 2)", "func Area(w float64, h float64) float64", "It is a test.", "return w * h"},
		{"Area(1, |", "func Area(", "computes", ""},
		{"strings.Repeat|", "func strings.Repeat(s string, count int) string", "copies of the string", ""},
		{"strings.Repeat(\"a\", |)", "func strings.Repeat(", "copies", ""},
		{"str|ings.Repeat(\"a\", 1)", "package strings", "UTF-8", ""},
		{"strings|", "package strings", "UTF-8", ""},
		{"import \"strings|\"", "package strings", "UTF-8", ""},
		{"import \"encoding/j|son\"", "package json", "JSON", ""},
		{"json|", "package json", "JSON", ""},
		{"p|", "var p Point", "", "p := Point{X: 1"},
		{"p.Norm|", "func (Point).Norm() int", "is a method", "p.X*p.X"},
		{"p.X|", "field X int", "the coordinates", "X, Y int"},
		{"p.La|bel", "field Label string", "says what it is", ""},
		{"Point{Lab|el: \"\"}", "field Label string", "says what it is", ""},
		{"Point{Label|", "field Label string", "says what it is", ""},
		{"Point|", "type Point struct {\n\tX      int\n", "is a point", "X, Y int"},
		{"Point|", "func (Point).Norm() int", "is a point", ""},
		{"Shape|", "interface {\n\tSize() float64\n}", "anything with", ""},
		{"shape.Size|", "func (Shape).Size() float64", "how large", ""},
		{"Square{}.La|bel", "field Label string", "says what it is", ""},
		{"Square{}.No|rm()", "func (Point).Norm() int", "is a method", ""},
		{"limit|", "var limit int", "how many", "limit := 10"},
		{"total|", "var total int", "all of them", ""},
		{"Small|", "const Small untyped int = 0", "is small", ""},
		{"Big|", "const Big untyped int = 1", "is big", ""},
		{"Version|", "const Version untyped string = \"1.2\"", "is which", ""},
		{"List|", "type List[T any] struct", "", "head *T"},
		{"First|", "func First[T any](xs []T) (first T)", "the first", ""},
		{"First|([]int{1})", "func First(xs []int) (first int)", "the first", ""},
		{"f|", "var f func(a int) string", "", ""},
		{"f(|", "var f func(a int) string", "", ""},
		{"nothing|", "var nothing *Point", "", ""},
		{"strings.Builder|", "WriteString", "efficiently build", ""},
		{"strings.Builder|", "// Has unexported fields.", "efficiently build", ""},
		{"var b strings.Builder; b.WriteStri|ng(\"x\")", "WriteString(s string)", "appends", ""},
		{"fmt.Println|", "func fmt.Println(a ...any)", "standard output", ""},
		{"http.StatusNotFound|", "const http.StatusNotFound untyped int = 404", "RFC 9110", ""},
		{"var r http.Request; r.UR|L", "field URL *net/url.URL"[:9], "specifies either the URI", ""},
		{"http.Server{Add|r: \":80\"}", "field Addr string", "TCP address", ""},
		{"io.EOF|", "var io.EOF error", "", ""},
		{"io.Reader|", "Read(p []byte) (n int, err error)", "basic Read method", ""},
		{"var r io.Reader; r.Re|ad(nil)", "Read(p []byte)", "", ""},
		{"os.Stdout.Wri|te(nil)", "func (*os.File).Write(b []byte)", "writes", ""},
		{"slices.Sort|", "func slices.Sort", "ascending", ""},
		{"time.Duration|", "type time.Duration int64", "elapsed time", ""},
		{"rand.IntN|", "func rand.IntN(n int) int", "pseudo-random", ""},
		{"rand.Rea|d(nil)", "func rand.Read(b []byte)", "cryptographically", ""},
		{"ran|d.Read(nil)", "crypto/rand", "cryptographically", ""},
		{"append|", "func append(slice []Type, elems ...Type) []Type", "Appends elements", ""},
		{"x := appe|nd(xs, 1)", "func append(", "", ""},
		{"make|", "func make(t Type, size ...IntegerType) Type", "Allocates", ""},
		{"make(|", "func make(", "", ""},
		{"len|", "func len(v Type) int", "", ""},
		{"int|", "type int", "signed integer", ""},
		{"error|", "type error interface", "", ""},
		{"any|", "type any", "", ""},
		{"nil|", "var nil Type", "zero value", ""},
		{"true|", "const true", "", ""},
		{"iota|", "iota", "", ""},
		{"func|", "func name(x T) R", "function", ""},
		{"sel|ect {}", "select {", "Waits", ""},
		{"for|", "for i, x := range xs", "loop", ""},
		{"// Local is here.\nfunc Local(a int) {}\nLoc|al(1)", "func Local(a int)", "is here", "func Local(a int) {}"},
		{"// Local is here.\nfunc Lo|cal(a int) {}", "func Local(a int)", "is here", ""},
		{"type T struct {\n\t// A is it.\n\tA int\n}\nT{}.|A", "field A int", "A is it.", ""},
		{"// Twice is new.\nfunc (p *Point) Twi|ce(n int) int { return n }", "func (*Point).Twice(n int) int", "is new", "Twice(n int)"},
		{"func (p *Point) Twice(n int) int { return n }\nTwi|ce(1)", "", "", ""},
		{"limit := lim|it + 1", "var limit int", "how many", ""},
		{"// x is.\nx := 3\nx|", "var x int", "x is.", "x := 3"},
		{"y := strings.Fields(\"\")\ny|", "var y []string", "", ""},
		{"y| := strings.Fields(\"\")", "var y []string", "", ""},
		{"for i, part| := range strings.Fields(\"\") {\n}", "var part string", "", ""},
		{"func g(param int) {\n\tpar|am++\n}", "var param int", "", ""},
		{"func g(param int) {\n\tpar|am", "var param int", "", ""},
		{"if x := 1 +; true {\n}\np.No|rm()", "func (Point).Norm() int", "", ""},
		{"s := \"😀\"; Ar|ea(1, 2)", "func Area(", "", ""},
		{"p.Norm() // Ar|ea", "", "", ""},
		{"\"Ar|ea\"", "", "", ""},
		{"nothingLikeThis|", "", "", ""},
		{"p.nothing|", "", "", ""},
		{"|", "", "", ""},
		{"x + |", "", "", ""},
		{"import f \"no/such|\"", "", "", ""},
	}
	for _, c := range tests {
		before, after, _ := strings.Cut(c.src, "|")
		i, ok := in.Inspect(before+after, len(before), 1)
		if ok != (c.signature != "") || !strings.Contains(i.Signature, c.signature) || !strings.Contains(i.Doc, c.doc) || !strings.Contains(i.Source, c.source) {
			t.Errorf("%q: %v %+v", c.src, ok, i)
		}
	}
	if i, _ := in.Inspect("Area", 4, 0); i.Source != "" {
		t.Error("source without detail")
	}
}

func TestInspectArgument(t *testing.T) {
	in, _ := session(t, inspectCells...)
	for _, c := range []struct {
		src, parameter string
		argument       int
	}{
		{"Area(|", "w float64", 1},
		{"Area(|)", "w float64", 1},
		{"Area( |1, 2)", "w float64", 1},
		{"Area(1, |", "h float64", 2},
		{"Area(1, |2)", "h float64", 2},
		{"Area(Area(1, 2), |", "h float64", 2},
		{"Area(1, Area(|", "w float64", 1},
		{"Area(1, []float64{1, 2, 3}[|", "h float64", 2},
		{"variadic(\"\", 1, 2, |", "args ...any", 4},
		{"strings.Repeat(\"a,b(\", |", "count int", 2},
		{"strings.Repeat(\"a|\", 1)", "s string", 1},
		{"f(|", "a int", 1},
		{"func(q int) {}(|", "q int", 1},
		{"shape.Size(|", "", 0},
		{"Area(1, 2, 3, |", "", 0},
		{"go Area(1, |", "h float64", 2},
		{"x := Area(\n\t1,\n\t|\n)", "h float64", 2},
		{"First[int](|", "xs []int", 1},
		{"if strings.HasPrefix(\"a\", |", "prefix string", 2},
		{"time.AfterFunc(1, func() { |", "", 0},
		{"strings.Map(func(r rune) rune { return r }, |", "s string", 2},
		{"strings.NewReplacer().Replace(|", "s string", 1},
	} {
		before, after, _ := strings.Cut(c.src, "|")
		i, _ := in.Inspect(before+after, len(before), 0)
		if i.Parameter != c.parameter || i.Argument != c.argument {
			t.Errorf("%q: %d %q, want %d %q (%s)", c.src, i.Argument, i.Parameter, c.argument, c.parameter, i.Signature)
		}
	}
}

func TestInspectValue(t *testing.T) {
	in, _ := session(t, inspectCells...)
	for src, want := range map[string][2]string{
		"p|":             {`Point{X: 1, Y: 2, Label: "a \"b\"", hidden: false}`, ""},
		"p.Label|":       {`"a \"b\""`, ""},
		"limit|":         {"10", ""},
		"m|":             {`map[string][]int{"a": []int{1, 2}, "b": nil}`, ""},
		"nothing|":       {"nil", ""},
		"shape|":         {`Square{Point: Point{X: 0, Y: 0, Label: "", hidden: false}, Side: 3}`, "Square"},
		"loop|":          {`&Loop{next: (*Loop)(…), name: "x"}`, ""},
		"loop.next|":     {`&Loop{next: (*Loop)(…), name: "x"}`, ""},
		"nothing.X|":     {"", ""},
		"loud|":          {"3", ""},
		"x := limit + 1": {"", ""},
		"f|":             {"func(int) string", ""},
	} {
		at := strings.IndexByte(src, '|')
		if at < 0 {
			at = len(src)
		}
		i, _ := in.Inspect(strings.Replace(src, "|", "", 1), at, 0)
		if i.Value != want[0] || i.Dynamic != want[1] {
			t.Errorf("%q: %q of type %q, want %q", src, i.Value, i.Dynamic, want)
		}
	}
	if i, _ := in.Inspect("big", 3, 0); !strings.HasPrefix(i.Value, "[]int{0, 0") || !strings.HasSuffix(i.Value, "(1000 elements)") || len(i.Value) > 300 {
		t.Errorf("%q", i.Value)
	}
}

// TestAskWhileRunning asks while a cell writes the map that is asked about: the
// answer comes at once, and from the types alone.
func TestAskWhileRunning(t *testing.T) {
	in, _ := session(t, `m := map[string]int{"key": 1}
stop := make(chan bool)
beat := make(chan bool)`)
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	done := make(chan error, 1)
	go func() {
		_, err := in.Eval(ctx, Cell{N: 2, Source: `go func() { beat <- true }()
for i := 0; ; i++ {
	m[string(rune('a'+i%26))] = i
	delete(m, string(rune('a'+(i+5)%26)))
	select {
	case <-stop:
		panic("stopped")
	default:
	}
}`})
		done <- err
	}()
	v, _ := in.Get("beat")
	v.Recv()
	for range 200 {
		if c := in.Complete(`m["`, 3); len(c.Items) > 0 {
			t.Fatalf("%v is offered while it is written", c.Items)
		}
		if i, ok := in.Inspect("m", 1, 0); !ok || i.Signature != "var m map[string]int" || i.Value != "" {
			t.Fatalf("%+v", i)
		}
		if c := in.Complete("sto", 3); len(c.Items) == 0 {
			t.Fatal("no name while a cell runs")
		}
	}
	s, _ := in.Get("stop")
	s.Close()
	if err := <-done; err == nil || err.Error() != "panic: stopped" && !strings.Contains(err.Error(), "stopped") {
		t.Fatal(err)
	}
	for deadline := time.Now().Add(time.Minute); ; { // its goroutine may end a moment after it
		if c := in.Complete(`m["`, 3); len(c.Items) > 0 {
			break
		}
		if time.Now().After(deadline) {
			t.Fatal("no keys after the cell")
		}
	}
}
