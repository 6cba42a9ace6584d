package interp_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/godlas/godlas/internal/need"
	"github.com/godlas/godlas/kernel/interp"
)

// localModule writes a module and returns a session that imports from it.
func localModule(t *testing.T, files map[string]string) (in *interp.Interp, out *bytes.Buffer, dir string) {
	t.Helper()
	need.Program(t, "go", "go")
	dir = t.TempDir()
	for name, text := range files {
		p := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(p), 0o777); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(p, []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	out = &bytes.Buffer{}
	return interp.New(interp.Options{Libraries: []interp.Library{interp.Std()}, Source: interp.Modules(dir), Stdout: out, Stderr: out}), out, dir
}

// cells runs pairs of a cell and what it prints, ends in, or fails with.
func cells(t *testing.T, in *interp.Interp, out *bytes.Buffer, pairs [][2]string) {
	t.Helper()
	for i, p := range pairs {
		out.Reset()
		r, err := in.Eval(context.Background(), interp.Cell{N: i + 1, Source: p[0]})
		got := out.String()
		for _, v := range r.Values {
			got += fmt.Sprint(v)
		}
		if err != nil {
			got += err.Error()
		}
		if !strings.Contains(got, p[1]) || p[1] == "" && got != "" {
			t.Errorf("%s:\n got %s\nwant %s", p[0], got, p[1])
		}
	}
}

func TestModuleInit(t *testing.T) {
	in, out, _ := localModule(t, map[string]string{
		"go.mod": "module example.net/m\n\ngo 1.24\n",
		"log/log.go": `package log
var Lines []string
func Add(s string) int { Lines = append(Lines, s); return len(Lines) }
`,
		"a/a.go": "package a\n\nimport (\n\t_ \"example.net/m/z\"\n\t\"example.net/m/log\"\n)\n\nvar X = Y + 1\nvar Y = log.Add(\"a.Y\")\n\nfunc init() { log.Add(\"a.init1\") }\nfunc init() { log.Add(\"a.init2\") }\n",
		"b/b.go": "package b\n\nimport (\n\t\"example.net/m/a\"\n\t\"example.net/m/log\"\n)\n\nvar B = log.Add(\"b\") + a.X\n",
		"z/z.go": "package z\n\nimport \"example.net/m/log\"\n\nvar _ = log.Add(\"z\")\n",
		"bad/bad.go": `package bad
import "os"
var V = f()
func f() int {
	if _, err := os.Stat(os.Getenv("MODULES_TEST_FILE")); err != nil { panic("not yet") }
	return 7
}
`,
	})
	cells(t, in, out, [][2]string{
		{"import (\n\t\"example.net/m/b\"\n\t\"example.net/m/log\"\n)\nlog.Lines", "[z a.Y a.init1 a.init2 b]"},
		{"import \"example.net/m/a\"\na.X + b.B + len(log.Lines)", "16"}, // 3 and 5+3 and 5: nothing ran twice
		{"a.X = 100\nlog.Lines[0]", "z"},
		{"a.X", "100"},
		{"import \"example.net/m/bad\"\nbad.V", "panic: not yet"},
		{"fmt.Sprint(\"goes on \", a.X)", "goes on 100"},
		{"bad.V", "panic: not yet"},
	})
	file := filepath.Join(t.TempDir(), "there")
	if err := os.WriteFile(file, nil, 0o666); err != nil {
		t.Fatal(err)
	}
	t.Setenv("MODULES_TEST_FILE", file)
	cells(t, in, out, [][2]string{{"bad.V", "7"}})
}

func TestModuleEmbed(t *testing.T) {
	in, out, _ := localModule(t, map[string]string{
		"go.mod": "module example.net/m\n\ngo 1.24\n",
		"m.go": `package m

import (
	"embed"
	_ "embed"
)

//go:embed data/one.txt
var One string

//go:embed "data/two words.txt"
var Two []byte

var (
	//go:embed data *.md
	//go:embed all:hidden
	Files embed.FS
)

type Text string

//go:embed data/one.txt
var Typed Text

var Len = len(One)
`,
		"data/one.txt": "one", "data/two words.txt": "two", "data/.no": "x", "data/_no": "x", "data/sub/deep.txt": "deep", "top.md": "top", "hidden/.yes": "y",
	})
	cells(t, in, out, [][2]string{
		{"import \"example.net/m\"\nm.One + string(m.Two) + string(m.Typed) + strconv.Itoa(m.Len)", "onetwoone3"},
		{`var names []string
fs.WalkDir(m.Files, ".", func(p string, d fs.DirEntry, err error) error { names = append(names, p); return err })
strings.Join(names, " ")`, ". data data/one.txt data/sub data/sub/deep.txt data/two words.txt hidden hidden/.yes top.md"},
		{"b, err := m.Files.ReadFile(\"data/sub/deep.txt\")\nfmt.Sprint(string(b), err)", "deep<nil>"},
		{"_, err = m.Files.Open(\"data/.no\")\nerrors.Is(err, fs.ErrNotExist)", "true"},
	})
}

// TestModuleLanguage crosses the border between a cell and a package with everything that has a name.
func TestModuleLanguage(t *testing.T) {
	in, out, _ := localModule(t, map[string]string{
		"go.mod": "module example.net/m\n\ngo 1.24\n",
		"m.go": `package m

import (
	"errors"
	"fmt"

	"example.net/m/internal/hidden"
)

type Shape interface {
	Area() float64
	sealed()
}

type Base struct{ id int }

func (b *Base) SetID(n int) { b.id = n }
func (b Base) ID() int      { return b.id }
func (Base) sealed()        {}

type Square struct {
	Base
	Side float64
}

func (s Square) Area() float64   { return s.Side * s.Side }
func (s Square) String() string  { return fmt.Sprintf("square %g", s.Side) }

func Total(ss ...Shape) (t float64) {
	for _, s := range ss {
		t += s.Area()
	}
	return t
}

type List[T any] struct{ head *node[T]; n int }
type node[T any] struct { v T; next *node[T] }

func (l *List[T]) Push(v T) *List[T] { l.head = &node[T]{v, l.head}; l.n++; return l }
func (l *List[T]) All() func(yield func(int, T) bool) {
	return func(yield func(int, T) bool) {
		i := 0
		for n := l.head; n != nil; n = n.next {
			if !yield(i, n.v) {
				return
			}
			i++
		}
	}
}

type Number interface{ ~int | ~float64 }

func Sum[T Number](xs ...T) (t T) {
	for _, x := range xs {
		t += x
	}
	return
}

type Color int

const (
	Red Color = iota
	Green
)

func (c Color) String() string { return [...]string{"red", "green"}[c] }

var ErrGone = errors.New("m: gone")

type Fault struct{ Code int }

func (f *Fault) Error() string { return fmt.Sprint("fault ", f.Code) }

func Fail(code int) error {
	if code == 0 {
		return fmt.Errorf("wrapped: %w", ErrGone)
	}
	return &Fault{code}
}

func Do(f func(int) int) int { return f(hidden.Secret) }

func Crash(p *Square) float64 { return p.Side }

type Handler func(string) string

func (h Handler) Serve(s string) string { return h(s) }

type Opt func(*conf)
type conf struct{ a, b int }

func WithA(n int) Opt { return func(c *conf) { c.a = n } }
func New(opts ...Opt) string {
	var c conf
	for _, o := range opts {
		o(&c)
	}
	return fmt.Sprintf("%+v", c)
}
`,
		"internal/hidden/h.go":   "package hidden\n\nconst Secret = 20\n",
		"sub/internal/deep/d.go": "package deep\n",
		"asm/asm.go":             "package asm\n\nfunc Fast(x int) int\n\nfunc Slow(x int) int { return x * 2 }\n",
		"asm/asm.s":              "// none\n",
		"conly/c.go":             "package conly\n\nimport \"C\"\n",
		"wrong/w.go":             "package wrong\n\nfunc F() int { return \"x\" }\n",
		"uses/u.go":              "package uses\n\nimport _ \"example.net/m/wrong\"\n",
		"loops/l.go":             "package loops\n\nimport _ \"example.net/m/loops/b\"\n",
		"loops/b/b.go":           "package b\n\nimport _ \"example.net/m/loops\"\n",
		"syn/s.go":               "package syn\n\nfunc (\n",
		"old/go.mod":             "module example.net/old\n\ngo 1.20\n",
		"tagged/t.go":            "//go:build !purego\n\npackage tagged\n\nconst Which = \"asm\"\n",
		"tagged/p.go":            "//go:build purego\n\npackage tagged\n\nconst Which = \"go\"\n",
	})
	cells(t, in, out, [][2]string{
		{"import \"example.net/m\"\ns := m.Square{Side: 2}\ns.SetID(4)\nfmt.Sprint(s, s.ID(), m.Total(s, m.Square{Side: 1}))", "square 2 4 5"},
		{"fmt.Sprintf(\"%T %v %+v\", s, m.Green, struct{ C m.Color }{m.Green})", "m.Square green {C:green}"},
		{"l := (&m.List[string]{}).Push(\"a\").Push(\"b\")\nfor i, v := range l.All() { fmt.Print(i, v, \" \") }", "0b 1a"},
		{"type mine int\nfmt.Sprintf(\"%v %T\", m.Sum(mine(1), 2, 3), m.Sum(mine(1)))", "6 main.mine"},
		{"m.Sum(1.5, 2)", "3.5"},
		{"type wide struct { m.Square; name string }\nw := wide{m.Square{Side: 3}, \"w\"}\nw.SetID(9)\nvar sh m.Shape = w\nfmt.Sprint(sh.Area(), w.ID(), m.Total(sh))", "9 9 9"},
		{"_, isSquare := sh.(m.Square)\n_, isWide := sh.(wide)\nfmt.Sprint(isSquare, isWide)", "false true"},
		{"type none struct{}\nfunc (none) Area() float64 { return 0 }\nvar bad m.Shape = none{}", "missing method sealed"},
		{"s.id", "s.id undefined"},
		{"errors.Is(m.Fail(0), m.ErrGone)", "true"},
		{"var f *m.Fault\nok := errors.As(fmt.Errorf(\"x: %w\", m.Fail(3)), &f)\nfmt.Sprint(ok, f.Code, f)", "true 3 fault 3"},
		{"k := 1\nm.Do(func(n int) int { k += n; return k })", "21"},
		{"g := m.Square.Area\nh := s.Area\nfmt.Sprint(g(m.Square{Side: 5}), h(), m.Handler(strings.ToUpper).Serve(\"up\"))", "25 4UP"},
		{"m.New(m.WithA(3))", "{a:3 b:0}"},
		{"m.Crash(nil)", "nil pointer dereference"},
		{"import \"example.net/m/internal/hidden\"\nhidden.Secret", "20"}, // the cell is in the same module
		{"import \"example.net/m/sub/internal/deep\"", "use of internal package example.net/m/sub/internal/deep not allowed"},
		{"import \"example.net/m/asm\"\nasm.Slow(4)", "8"},
		{"asm.Fast(4)", "example.net/m/asm.Fast has no body in Go"},
		{"import \"example.net/m/conly\"", "has no Go source for this platform without C"},
		{"import \"example.net/m/wrong\"", "example.net/m/wrong/w.go:3:23: cannot use \"x\""},
		{"import \"example.net/m/uses\"", "example.net/m/wrong/w.go:3:23: cannot use \"x\""},
		{"import \"example.net/m/loops\"", "import cycle not allowed"},
		{"import \"example.net/m/syn\"", "expected"},
		{"import \"example.net/m/none\"", "package example.net/m/none"},
		{"import \"./tagged\"", "a cell has no folder of its own to import from"},
		{"import \"example.net/m/tagged\"\ntagged.Which", "go"},
		{"import n \"example.net/m\"\nn.Red", "red"},
		{"import . \"example.net/m\"\nNew(WithA(1))", "{a:1 b:0}"},
		{"Square{Side: 7}", "square 7"},
	})
}

// TestModuleStack shows where in a package a panic was.
func TestModuleStack(t *testing.T) {
	in, _, _ := localModule(t, map[string]string{
		"go.mod": "module example.net/m\n\ngo 1.24\n",
		"d/d.go": "package d\n\ntype T struct{}\n\nfunc (*T) Deep(f func()) { f() }\n\nfunc Index(i int) int {\n\treturn []int{1}[i]\n}\n",
	})
	_, err := in.Eval(context.Background(), interp.Cell{N: 1, Source: "import \"example.net/m/d\"\nnew(d.T).Deep(func() { d.Index(3) })"})
	var p *interp.PanicError
	if !errors.As(err, &p) {
		t.Fatal(err)
	}
	var got []string
	for _, f := range p.Stack {
		got = append(got, fmt.Sprintf("%s %s:%d", f.Func, f.Cell, f.Line))
	}
	want := "example.net/m/d.Index example.net/m/d/d.go:8\nmain.cell.func1 cell[1]:2\nexample.net/m/d.(*T).Deep example.net/m/d/d.go:5\nmain.cell cell[1]:2"
	if s := strings.Join(got, "\n"); s != want {
		t.Errorf("%s\nwant\n%s", s, want)
	}
}

// TestModuleTables compares large literals, which are not run as code, with the same in pieces, which are.
func TestModuleTables(t *testing.T) {
	var rows, pieces strings.Builder
	fmt.Fprintf(&rows, "package m\n\ntype Kind uint8\n\nfunc (k Kind) String() string { return string('a' + rune(k)) }\n\ntype sub struct {\n\tf float32\n\tc complex128\n}\n\n")
	fmt.Fprintf(&rows, "type Row struct {\n\tName string\n\tK    Kind\n\tr    rune\n\tn    int64\n\tp    *sub\n\tin   sub\n\tl    []int8\n\tok   bool\n\tany  any\n\t_    int\n}\n\n")
	row := func(i int) string {
		return fmt.Sprintf("{Name: \"r%d\", K: %d, r: 'x' + %d, n: -1 << %d, p: &sub{f: %d.1, c: %di}, in: sub{%d, 1 + 2i}, l: []int8{3: -%d, 1}, ok: %d > 3}", i, i%20, i, i%60, i, i, i, i%100, i)
	}
	for _, lit := range []struct{ name, of string }{{"Slice", "[]Row"}, {"Pointers", "[]*Row"}, {"Array", "[100]Row"}, {"Map", "map[string]Row"}, {"Ints", "[...]uint16"}} {
		fmt.Fprintf(&rows, "var %s = %s{\n", lit.name, lit.of)
		for i := range 80 {
			switch lit.name {
			case "Map":
				fmt.Fprintf(&rows, "\"k%d\": %s,\n", i, row(i))
			case "Ints":
				fmt.Fprintf(&rows, "%d: %d,\n", i*3, i*800)
			default:
				fmt.Fprintf(&rows, "%s,\n", row(i))
			}
		}
		rows.WriteString("}\n\n")
	}
	pieces.WriteString("func piece(i int) Row {\n\tswitch i {\n")
	for i := range 80 {
		fmt.Fprintf(&pieces, "\tcase %d:\n\t\treturn Row%s\n", i, row(i))
	}
	pieces.WriteString(`	}
	return Row{}
}

func same(a, b Row) bool { return fmt.Sprint(*a.p) == fmt.Sprint(*b.p) && a.p != b.p && rest(a) == rest(b) }

func rest(a Row) string { a.p = nil; return fmt.Sprintf("%#v", a) }

func Differences() (out []string) {
	for i := range 80 {
		want := piece(i)
		for n, r := range map[string]Row{"slice": Slice[i], "pointers": *Pointers[i], "array": Array[i], "map": Map[fmt.Sprint("k", i)]} {
			if !same(r, want) {
				out = append(out, fmt.Sprintf("%s %d: %#v, want %#v", n, i, r, want))
			}
		}
		if Ints[i*3] != uint16(i*800) {
			out = append(out, fmt.Sprint("ints ", i))
		}
	}
	return out
}

var mixed = func() int { return 7 }()

var WithCode = []int{`)
	pieces.WriteString(strings.Repeat("1, ", 70) + "mixed}\n\nvar Held any = []int{" + strings.Repeat("2, ", 70) + "}\n")
	in, out, _ := localModule(t, map[string]string{
		"go.mod": "module example.net/m\n\ngo 1.24\n",
		"m.go":   strings.Replace(rows.String(), "package m\n", "package m\n\nimport \"fmt\"\n", 1) + pieces.String(),
	})
	cells(t, in, out, [][2]string{
		{"import \"example.net/m\"\nlen(m.Differences())", "0"},
		{"m.Differences()", "[]"},
		{"len(m.Slice) + len(m.Pointers) + len(m.Array) + len(m.Map) + len(m.Ints)", "578"},
		{"fmt.Sprint(m.Slice[3].K, m.WithCode[70], len(m.Held.([]int)))", "d 7 70"},
	})
	if d := out.String(); strings.Contains(d, "want") {
		t.Error(d)
	}
}
