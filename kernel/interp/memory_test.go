package interp

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"runtime"
	"testing"
)

// live is what the collector leaves.
func live() uint64 {
	var m runtime.MemStats
	for range 3 { // pools and finalizers take more than one
		runtime.GC()
	}
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// growth runs a cell in n forms after some that pay for what is made once, and
// returns by how many bytes a session grew.
func growth(t *testing.T, n int, src func(i int) string) int64 {
	t.Helper()
	in, _ := session(t)
	run := func(i int) {
		if _, err := in.Eval(context.Background(), Cell{N: i + 1, Source: src(i)}); err != nil {
			t.Fatal(err)
		}
	}
	const first = 200 // the history of results is full after it
	for i := range first {
		run(i)
	}
	before := live()
	for i := range n {
		run(first + i)
	}
	after := live()
	runtime.KeepAlive(in)
	return int64(after) - int64(before)
}

func TestMemoryOfCells(t *testing.T) {
	g := growth(t, 1000, func(i int) string {
		return fmt.Sprintf("v%d := %d\nfunc f%d(x int) int { return x + v%d }\nf%d(1)", i, i, i, i, i)
	})
	t.Logf("%.1f MB", float64(g)/1e6)
	if g > 20e6 {
		t.Errorf("1,000 cells keep %d bytes", g)
	}
}

func TestMemoryOfCellRunAgain(t *testing.T) {
	g := growth(t, 1000, func(int) string {
		return "v := 1\ntype T struct{ a int }\nfunc (t T) M() int { return t.a }\nfunc f(x int) int { return x + v }\nf(T{2}.M())"
	})
	t.Logf("%.2f MB", float64(g)/1e6)
	if g > 0.5e6 {
		t.Errorf("running a cell again 1,000 times keeps %d bytes", g)
	}
}

// TestForgottenCells runs what is held of cells that have been run again many
// times.
func TestForgottenCells(t *testing.T) {
	in, _ := session(t)
	n := 0
	run := func(src string) (Result, error) {
		n++
		return in.Eval(context.Background(), Cell{N: n, Source: src})
	}
	must := func(src string) Result {
		t.Helper()
		r, err := run(src)
		if err != nil {
			t.Fatalf("%s: %v", src, err)
		}
		return r
	}
	must("var kept []func() int")
	must("func f() int { return 1 }")
	must("func g() int { return f() * 10 }") // first called after f has changed many times
	must("func step() int { return 100 }\nfunc user() int { return step() }")
	for i := range 300 {
		must(fmt.Sprintf("base := %d\nfunc helper() int { base++; return base }\nkept = append(kept, func() int { return helper() }, func() int { var p *int; return *p })", i*1000))
		must(fmt.Sprintf("func f() int { return %d }", i))
		must(fmt.Sprintf("func step(a [%d]int) int { return len(a) }", i)) // user keeps the first
	}
	if got := must("g()").Values[0].Int(); got != 2990 {
		t.Errorf("g calls an earlier f: %d", got)
	}
	if got := must("user()").Values[0].Int(); got != 100 {
		t.Errorf("user calls another step: %d", got)
	}
	// the variable is one, and all helpers are the last
	if got := must("kept[0]() + kept[2]()").Values[0].Int(); got != 299001+299002 {
		t.Errorf("closures of forgotten cells return %d", got)
	}
	_, err := run("kept[1]()")
	var p *PanicError
	if !errors.As(err, &p) || len(p.Stack) < 2 || p.Stack[0].Cell != "cell[5]" || p.Stack[0].Line != 3 {
		t.Errorf("the panic of a closure of a forgotten cell: %+v", p.Stack)
	}
}

// TestMemoryOfGenericsRunAgain: a generic function that was declared anew goes, with what was made of it.
func TestMemoryOfGenericsRunAgain(t *testing.T) {
	g := growth(t, 500, func(int) string {
		return "func Map[A, B any](xs []A, f func(A) B) (out []B) { for _, x := range xs { out = append(out, f(x)) }; return }\nMap([]int{1, 2}, strconv.Itoa)"
	})
	t.Logf("%.2f MB", float64(g)/1e6)
	if g > 6e6 { // 38 kB a cell if they stayed
		t.Errorf("running a cell again 500 times keeps %d bytes", g)
	}
}

// TestForgottenGenericsGoOn: a value of a generic function works when that has long been declared anew.
func TestForgottenGenericsGoOn(t *testing.T) {
	in, _ := session(t)
	eval := func(src string) []reflect.Value {
		t.Helper()
		r, err := in.Eval(context.Background(), Cell{Source: src})
		if err != nil {
			t.Fatal(err)
		}
		return r.Values
	}
	eval("func twice[A any](x A) []A { return pair(x) }\nfunc pair[A any](x A) []A { g := func() []A { return []A{x, x} }; return g() }\nheld := twice[string]\nlater := func(n int) any { return twice(n) }")
	for i := range 60 {
		eval(fmt.Sprintf("func twice[A any](x A) []A { return nil }\nfunc pair[A any](x A) []A { return nil }\ntwice(%d)", i))
	}
	runtime.GC()
	if v := eval("fmt.Sprint(held(\"a\"), later(1), twice(2))"); v[0].String() != "[a a] [1 1] []" {
		t.Errorf("%v", v[0])
	}
}
