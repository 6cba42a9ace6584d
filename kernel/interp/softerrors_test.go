package interp

import (
	"context"
	"strings"
	"testing"
)

// TestSoftErrors: of what go/types calls soft, only unused names are forgiven in a cell.
func TestSoftErrors(t *testing.T) {
	in, _ := session(t)
	eval := func(src string) string {
		_, err := in.Eval(context.Background(), Cell{N: 1, Source: src})
		if err == nil {
			return ""
		}
		return err.Error()
	}
	for _, src := range []string{
		"func num[T ~int | ~float64](x T) T { return x }\nfunc str[T fmt.Stringer](x T) string { return x.String() }\nfunc same[T comparable](a, b T) bool { return a == b }",
		"type Set[T comparable] map[T]bool",
		"num(3)", "str(time.Second)", "same(\"a\", \"b\")", "Set[string]{}",
		"unused := 3", "func f() { unused := 3 }", "import \"net/url\"", "func() { L: for { break } }()",
		"goto done\nx := 1\ndone: fmt.Sprint(x)", "done: fmt.Sprint(1)",
	} {
		if got := eval(src); got != "" {
			t.Errorf("%s: %s", src, got)
		}
	}
	for src, want := range map[string]string{
		`num("a")`:                               "string does not satisfy ~int | ~float64",
		"func g() { num(true) }":                 "bool does not satisfy ~int | ~float64",
		"num[string]":                            "string does not satisfy ~int | ~float64",
		"str(3)":                                 "int does not satisfy fmt.Stringer (missing method String)",
		"same([]int{}, nil)":                     "[]int does not satisfy comparable",
		"Set[func()]{}":                          "func() does not satisfy comparable",
		"for range 3.5 {}":                       "cannot range over 3.5",
		"for a, b := range 3 {}":                 "range over 3 (untyped int constant) permits only one iteration variable",
		"func h() { a := 1; a := 2; _ = a }":     "no new variables on left side of :=",
		"func() { goto L; v := 1; _ = v; L: }()": "jumps over variable declaration",
		"var c interface{ comparable }":          "outside a type constraint",
		"type U interface{ int | ~int }":         "overlapping terms",
		"num(1)\nnum(\"b\")":                     "string does not satisfy ~int | ~float64",
	} {
		if got := eval(src); !strings.Contains(got, want) {
			t.Errorf("%s: %q does not say %q", src, got, want)
		}
	}
}
