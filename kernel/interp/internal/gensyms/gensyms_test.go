package main

import (
	"go/ast"
	"go/parser"
	"go/token"
	"go/types"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
)

// checked type-checks a source that imports nothing.
func checked(t *testing.T, src string) *types.Package {
	t.Helper()
	fset := token.NewFileSet()
	f, err := parser.ParseFile(fset, "p.go", "package p\n"+src, 0)
	if err != nil {
		t.Fatal(err)
	}
	p, err := (&types.Config{}).Check("p", fset, []*ast.File{f}, nil)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestSymbols(t *testing.T) {
	src := `
const C = 1
var V int
var hidden int
type T struct{}
type A = T
type G[X any] struct{}
type GA[X any] = []X
type Constraint interface{ ~int | ~string }
type I interface{ M() }
func F() {}
func Gen[X any](x X) {}
func (T) M() {}
`
	w := &world{checked: map[platform]map[string]*types.Package{}}
	for _, p := range platforms {
		s := src + "func Everywhere() {}\n"
		if p.os != "windows" {
			s += "func NotOnWindows() {}\nvar Kind int\n"
		} else {
			s += "func Kind() {}\n"
		}
		w.checked[p] = map[string]*types.Package{"p": checked(t, s)}
	}
	want := []symbol{
		{"A", "reflect.ValueOf((*p.A)(nil))"},
		{"Everywhere", "reflect.ValueOf(p.Everywhere)"},
		{"F", "reflect.ValueOf(p.F)"},
		{"I", "reflect.ValueOf((*p.I)(nil))"},
		{"T", "reflect.ValueOf((*p.T)(nil))"},
		{"V", "reflect.ValueOf(&p.V).Elem()"},
	}
	if got := w.symbols("p"); !reflect.DeepEqual(got, want) {
		t.Errorf("symbols %v, want %v", got, want)
	}
}

// TestSurface tells which differences a cell can see.
func TestSurface(t *testing.T) {
	base := `
const C = 1
type S struct{ A int; b byte }
func (S) M(int) {}
func F(int)
`
	for name, c := range map[string]struct {
		from, to string
		visible  bool
	}{
		"a constant's value":         {"C = 1", "C = 2", true},
		"a field's type":             {"A int", "A string", true},
		"the type of a hidden field": {"b byte", "b string", true}, // it can move others
		"a method's signature":       {"M(int)", "M(string)", true},
		"a function's signature":     {"F(int)", "F(int) bool", true},
		"a hidden function":          {"func F", "func f()\nfunc F", false},
	} {
		other := strings.Replace(base, c.from, c.to, 1)
		if got := surface(checked(t, base)) != surface(checked(t, other)); got != c.visible {
			t.Errorf("%s: visible %v, want %v", name, got, c.visible)
		}
	}
}

func TestDocs(t *testing.T) {
	dir := t.TempDir()
	src := `// Package p does.
package p

// Group.
const (
	One = 1 // first
	Two = 2
)

// T is.
type T struct {
	// A counts.
	A int
	B int // beside
	c int
}

// M acts.
func (T) M() {}

// NewT makes.
func NewT() T { return T{} }

// I asks.
type I interface {
	// Ask asks.
	Ask()
}

// hidden is not shown.
func hidden() {}
`
	if err := os.WriteFile(filepath.Join(dir, "p.go"), []byte(src), 0o666); err != nil {
		t.Fatal(err)
	}
	got, err := docs(&listedPackage{ImportPath: "p", Dir: dir, GoFiles: []string{"p.go"}})
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]string{
		"": "Package p does.", "One": "first", "Two": "Group.", "T": "T is.", "T.A": "A counts.", "T.B": "beside",
		"T.M": "M acts.", "NewT": "NewT makes.", "I": "I asks.", "I.Ask": "Ask asks.",
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("docs %q, want %q", got, want)
	}
}

func TestWithout(t *testing.T) {
	w := &world{o: options{without: list{"std", "gonum.org/...", "a.b/c"}}}
	for path, want := range map[string]bool{"gonum.org/v1/plot": true, "gonum.organ/x": false, "a.b/c": true, "a.b/c/d": false} {
		if got := w.elsewhere(&listedPackage{ImportPath: path}); got != want {
			t.Errorf("%s: %v, want %v", path, got, want)
		}
	}
	if !w.elsewhere(&listedPackage{ImportPath: "fmt", Standard: true}) {
		t.Error("fmt is not std")
	}
	for path, want := range map[string]bool{"fmt": true, "internal/abi": false, "vendor/golang.org/x/net": false, "syscall": false} {
		if got := w.public(&listedPackage{ImportPath: path, Name: "p", Standard: true}); got != want {
			t.Errorf("%s: public %v, want %v", path, got, want)
		}
	}
}
