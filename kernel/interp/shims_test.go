package interp

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"reflect"
	"runtime"
	"sync"
	"testing"
)

// TestFuncValues calls func values of a cell as compiled code does: on the
// goroutine of a cell, and on one of its own.
func TestFuncValues(t *testing.T) {
	in, _ := session(t, `import ("errors"; "io"; "net/http")
k := 1000
boom := errors.New("boom")
n := 0`)
	n := 7
	p, q := &n, new(int)
	for _, c := range []struct {
		src  string
		args []any
		want any // nil if there is no result: then n grows
	}{
		{"func() { n++ }", nil, nil},
		{"func() int { return k }", nil, 1000},
		{"func() float64 { return float64(k) / 2 }", nil, 500.0},
		{`func() string { return "s" }`, nil, "s"},
		{"func() bool { return k > 1 }", nil, true},
		{"func() error { return boom }", nil, errors.New("boom")},
		{"func(i int) { n += i - 4 }", []any{5}, nil},
		{"func(s string) { n += len(s) }", []any{"a"}, nil},
		{"func(x float64) { n += int(x) }", []any{1.0}, nil},
		{"func(p *int) { n += *p - 6 }", []any{p}, nil},
		{"func(e error) { if e.Error() == \"x\" { n++ } }", []any{errors.New("x")}, nil},
		{"func(i int) int { return i + k }", []any{1}, 1001},
		{"func(i int) float64 { return float64(i) }", []any{3}, 3.0},
		{"func(x float64) float64 { return x * x }", []any{3.0}, 9.0},
		{"func(s string) string { return s + s }", []any{"ab"}, "abab"},
		{"func(s string) bool { return s == \"x\" }", []any{"x"}, true},
		{"func(r rune) rune { return r + 1 }", []any{'a'}, 'b'},
		{"func(r rune) bool { return r == 'a' }", []any{'a'}, true},
		{"func(xs []float64) float64 { return xs[1] }", []any{[]float64{1, 2}}, 2.0},
		{"func(s string) error { return errors.New(s) }", []any{"e"}, errors.New("e")},
		{"func(w http.ResponseWriter, r *http.Request) { n++ }", []any{nil, (*http.Request)(nil)}, nil},
		{"func(to, from []float64) { to[0] = from[0]; n++ }", []any{make([]float64, 1), []float64{4}}, nil},
		{"func(i, j int) bool { return i < j }", []any{1, 2}, true},
		{"func(a, b string) bool { return a < b }", []any{"b", "a"}, false},
		{"func(a, b string) int { return len(a) - len(b) }", []any{"abc", "a"}, 2},
		{"func(a, b float64) float64 { return a - b }", []any{3.0, 1.0}, 2.0},
		{"func(a, b *int) bool { return a == b }", []any{p, q}, false},
		{"func(a, b any) int { return a.(int) + b.(int) }", []any{1, 2}, 3},
		{"func(i int, x float64) float64 { return float64(i) * x }", []any{2, 1.5}, 3.0},
		{"func(p []byte) (int, error) { return len(p), io.EOF }", []any{[]byte("abc")}, 3}, // by reflect
	} {
		r, err := in.Eval(context.Background(), Cell{N: 1, Source: c.src})
		if err != nil {
			t.Fatalf("%s: %v", c.src, err)
		}
		fn := r.Values[0]
		if err := in.Set("f", fn.Interface()); err != nil {
			t.Fatal(err)
		}
		call := func() {
			args := make([]reflect.Value, len(c.args))
			for i, a := range c.args {
				if args[i] = reflect.Zero(fn.Type().In(i)); a != nil {
					args[i] = reflect.ValueOf(a)
				}
			}
			before, _ := in.Get("n")
			old := int(before.Int())
			out := fn.Call(args)
			runtime.GC()
			switch {
			case c.want == nil:
				if now, _ := in.Get("n"); int(now.Int()) != old+1 {
					t.Errorf("%s: n is %d after %d", c.src, now.Int(), old)
				}
			case fmt.Sprint(out[0]) != fmt.Sprint(c.want):
				t.Errorf("%s: %v, want %v", c.src, out[0], c.want)
			}
		}
		call()
		var wg sync.WaitGroup
		wg.Go(call)
		wg.Wait()
	}
}

// TestCallbacks hands func values to compiled code from a cell.
func TestCallbacks(t *testing.T) {
	in, out := session(t)
	_, err := in.Eval(context.Background(), Cell{N: 1, Source: `
import ("fmt"; "sort"; "strings"; "errors"; "slices")
xs := []int{3, 1, 2}
depth := 0
sort.Slice(xs, func(i, j int) bool {
	depth++
	if depth == 1 { ys := []string{"b", "a"}; sort.Slice(ys, func(i, j int) bool { return ys[i] < ys[j] }); fmt.Println(ys) }
	return xs[i] < xs[j]
})
fmt.Println(xs, strings.Map(func(r rune) rune { if r == 'a' { return -1 }; return r + 1 }, "abc"), strings.IndexFunc("ab1", func(r rune) bool { return r < 'a' }))
func safely(f func()) (err any) { defer func() { err = recover() }(); f(); return nil }
fmt.Println(safely(func() { sort.Slice(xs, func(i, j int) bool { panic("less") }) }))
sort.Slice(xs, func(i, j int) bool { return xs[i] > xs[j] })
fmt.Println(xs, slices.SortedFunc(slices.Values(xs), func(a, b int) int { return a - b }), errors.Is(nil, nil))
`})
	if err != nil {
		t.Fatal(err)
	}
	if want := "[a b]\n[1 2 3] cd 2\nless\n[3 2 1] [1 2 3] true\n"; out.String() != want {
		t.Errorf("got %q, want %q", out, want)
	}
}
