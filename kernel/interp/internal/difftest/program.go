// Package difftest writes random Go programs: valid, ending, and printing the same wherever they run, so that what an
// interpreter prints can be compared with what the compiled program prints.
//
// A program is a number of functions that do not depend on each other. What Go leaves open is not in them: the order of a
// map's elements, of a variable's reading and a call that changes it, the room that append leaves, addresses.
package difftest

import (
	"fmt"
	"math/rand/v2"
	"strings"
)

// gen writes one function and the declarations that it uses.
type gen struct {
	r     *rand.Rand
	id    string
	decls strings.Builder
	b     *strings.Builder
	tabs  int
	n     int // names given

	// risked says that what is being written may already panic in one way: which of two panics comes first is open.
	risked bool

	scope  []variable
	types  []*typ // that the function declares
	basics []*typ
	pures  []pure   // functions without effects
	loops  []string // labels of the loops around, "" for those without
	ret    *typ     // what the innermost function returns, nil if it cannot be returned from
}

type variable struct {
	name string
	t    *typ
	// fixed variables are not assigned to: loop counters, and what a loop ranges over.
	fixed bool
}

type pure struct {
	name   string
	in     []*typ
	out    *typ
	method bool // the first parameter is the receiver
}

// Function returns the declarations of a function called f followed by id, which prints its values. The same seed makes the
// same function.
func Function(id string, seed uint64) string {
	g := &gen{r: rand.New(rand.NewPCG(seed, 1)), id: id, b: new(strings.Builder)}
	g.declareTypes()
	for range g.r.IntN(3) {
		g.pureFunction()
	}
	g.line("func f%s() {", id)
	g.block(func() {
		for range 4 + g.r.IntN(4) {
			g.declareVar(g.anyType())
		}
		for range 5 + g.r.IntN(6) {
			g.statement(3)
		}
	})
	g.line("}")
	return g.decls.String() + g.b.String()
}

// Program returns a program that runs the functions of seeds one after another, each under a line "== id".
func Program(seeds []uint64) string {
	var b strings.Builder
	b.WriteString(prelude)
	var calls strings.Builder
	for i, s := range seeds {
		id := fmt.Sprintf("%d", i)
		b.WriteString(Function(id, s))
		fmt.Fprintf(&calls, "\trun(%d, f%s)\n", s, id)
	}
	b.WriteString("\nfunc main() {\n" + calls.String() + "}\n")
	return b.String()
}

func (g *gen) line(format string, a ...any) {
	g.b.WriteString(strings.Repeat("\t", g.tabs))
	fmt.Fprintf(g.b, format, a...)
	g.b.WriteByte('\n')
}

// block writes what f writes, and at its end prints the variables that it declared.
func (g *gen) block(f func()) {
	n := len(g.scope)
	g.tabs++
	f()
	for _, v := range g.scope[n:] {
		g.line("show(%q, %s)", v.name, g.shown(v.name, v.t))
	}
	g.tabs--
	g.scope = g.scope[:n]
}

// inner is block for a body whose variables are not printed.
func (g *gen) inner(f func()) { g.returning(nil, f) }

// returning is inner for a body that returns a value of type t at its end.
func (g *gen) returning(t *typ, f func()) {
	n := len(g.scope)
	g.tabs++
	f()
	x := ""
	if t != nil {
		x = g.expr(t, 2)
	}
	for _, v := range g.scope[n:] {
		g.line("_ = %s", v.name)
	}
	if t != nil {
		g.line("return %s", x)
	}
	g.tabs--
	g.scope = g.scope[:n]
}

// shown is an expression that prints the same on each run.
func (g *gen) shown(x string, t *typ) string {
	switch t.kind {
	case kindFunc:
		return x + " == nil"
	case kindPointer:
		return "deref(" + x + ")"
	case kindChan:
		return "len(" + x + ")"
	}
	return x
}

func (g *gen) name() string {
	g.n++
	return fmt.Sprintf("v%d", g.n)
}

func (g *gen) chance(percent int) bool { return g.r.IntN(100) < percent }

func pick[T any](g *gen, xs []T) T { return xs[g.r.IntN(len(xs))] }

// prelude is what the functions share.
const prelude = `package main

import (
	"errors"
	"fmt"
	"runtime"
)

func run(seed int, f func()) {
	fmt.Println("==", seed)
	defer func() {
		if r := recover(); r != nil {
			_, ok := r.(runtime.Error)
			fmt.Println("panic:", r, ok)
		}
	}()
	f()
}

func show(name string, x any) {
	if e, ok := x.(error); ok {
		fmt.Println(name, "error", e)
		return
	}
	fmt.Printf("%s %T %+v %#v\n", name, x, x, x)
}

// same keeps a constant from the compiler.
func same[T any](x T) T { return x }

func elem[T any](s []T, i int) (x T) {
	if len(s) > 0 {
		x = s[uint(i)%uint(len(s))]
	}
	return x
}

func deref[T any](p *T) any {
	if p == nil {
		return nil
	}
	return *p
}

// lim keeps what grows in loops small.
func lim[S ~[]T, T any](s S) S {
	if len(s) > 12 {
		s = s[len(s)-12:]
	}
	return s[:len(s):len(s)]
}

func lims[T ~string](s T) T {
	if len(s) > 40 {
		return s[len(s)-40:]
	}
	return s
}

type integer interface {
	~int | ~int8 | ~int16 | ~int32 | ~int64 | ~uint | ~uint8 | ~uint16 | ~uint32 | ~uint64
}

type number interface {
	integer | ~float32 | ~float64
}

func sum[T number](xs ...T) (t T) {
	for _, x := range xs {
		t += x
	}
	return t
}

func apply[A, B any](xs []A, f func(A) B) []B {
	var out []B
	for _, x := range xs {
		out = append(out, f(x))
	}
	return out
}

func fold[A, B any](xs []A, b B, f func(B, A) B) B {
	for _, x := range xs {
		b = f(b, x)
	}
	return b
}

type pair[A, B any] struct {
	A A
	B B
}

func (p pair[A, B]) swap() pair[B, A] { return pair[B, A]{p.B, p.A} }

func (p *pair[A, B]) set(a A, b B) { p.A, p.B = a, b }

type stack[T any] []T

func (s *stack[T]) push(x T) { *s = append(*s, x) }

func (s *stack[T]) pop() (x T, ok bool) {
	if len(*s) == 0 {
		return x, false
	}
	x = (*s)[len(*s)-1]
	*s = (*s)[:len(*s)-1]
	return x, true
}

func seq[T any](xs ...T) func(func(int, T) bool) {
	return func(yield func(int, T) bool) {
		for i, x := range xs {
			if !yield(i, x) {
				return
			}
		}
	}
}

func upTo[T integer](n T) func(func(T) bool) {
	return func(yield func(T) bool) {
		defer func() { fmt.Print(".") }()
		for i := T(0); i < n && i < 5; i++ {
			if !yield(i) {
				return
			}
		}
	}
}

type failure struct{ Code int }

func (f failure) Error() string { return fmt.Sprint("failure ", f.Code) }

func fail(n int) error {
	if n%3 == 0 {
		return nil
	}
	return fmt.Errorf("wrapped: %w", failure{n})
}

var _ = errors.As

`
