package interp

import (
	"bytes"
	"context"
	"sync"
	"testing"
)

type output struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.b.Write(p)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.b.String()
}

func TestFirst(t *testing.T) {
	var out output
	in := New(Options{Libraries: []Library{Std()}, Stdout: &out, Stderr: &out})
	for i, src := range []string{
		"x := 1+1",
		"x",
		`import "fmt"
func f(n int) int { if n < 2 { return n }; return f(n-1) + f(n-2) }
fmt.Println("hello", x, f(10))`,
		`type P struct { X, Y int; S []string; m map[string]P }
func (p P) String() string { return fmt.Sprintf("<%d %d>", p.X, p.Y) }
p := P{1, 2, nil, nil}
fmt.Println(p, &p, []P{p})
fmt.Printf("%T\n", p)
p`,
		`var s []int
for i := range 10 { s = append(s, i*i) }
m := map[string][]int{"a": s}
m["b"] = append(m["b"], 3)
fmt.Println(m, len(m), m["c"] == nil)
for k, v := range m { _ = k; _ = v }
s[3:5]`,
		`import ("sort"; "strings"; "errors")
sort.Slice(s, func(i, j int) bool { return s[i] > s[j] })
fmt.Println(s, strings.ToUpper("abc"))
func div(a, b int) (r int, err error) {
	defer func() { if e := recover(); e != nil { err = fmt.Errorf("caught: %v", e) } }()
	return a / b, nil
}
fmt.Println(div(1, 0))
fmt.Println(errors.New("q"))`,
		`ch := make(chan int)
go func() { for i := range 3 { ch <- i }; close(ch) }()
for v := range ch { fmt.Print(v, " ") }
fmt.Println()`,
		`func Map[T, U any](xs []T, f func(T) U) []U { var out []U; for _, x := range xs { out = append(out, f(x)) }; return out }
Map([]int{1,2,3}, func(i int) string { return strings.Repeat("x", i) })`,
		`import "slices"
slices.Max(s)`,
		`strconv.Itoa(5)`,
		"s[100]",
		"y := undefinedThing + 1",
		"x := \"str\" + strconv.Itoa(x)", "x",
	} {
		r, err := in.Eval(context.Background(), Cell{N: i + 1, Source: src})
		t.Logf("--- %d: err=%v", i+1, err)
		if pe, ok := err.(*PanicError); ok {
			t.Log(pe.Stack)
		}
		for _, v := range r.Values {
			t.Logf("value %v", v)
		}
	}
	t.Log(out.String())
}
