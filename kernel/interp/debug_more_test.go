package interp

import (
	"fmt"
	"runtime"
	"strings"
	"testing"
	"time"
)

// TestDebugVariables stops in functions of all kinds and compares what can be seen, each at the line that says "here".
func TestDebugVariables(t *testing.T) {
	for _, c := range []struct{ name, cell, locals, eval, want string }{
		{"shadowing", "func f(x int) {\n\tif x := \"in\"; true {\n\t\tprintln(x) // here\n\t}\n}\nf(1)", `x="in"`, `x + "side"`, `"inside"`},
		{"named results", "func f() (n int, err error) {\n\tn = 3\n\treturn // here\n}\nf()", "n=3 err=nil", "n == 3 && err == nil", "true"},
		{"closure", "func f() func() int {\n\tk := 5\n\treturn func() int {\n\t\tk++\n\t\treturn k // here\n\t}\n}\nf()()", "k=6", "k * k", "36"},
		{"loop", "var fs []func()\nfor i := 0; i < 3; i++ {\n\tj := i * i\n\tfs = append(fs, func() { _ = i })\n\tif i == 2 {\n\t\tprintln(j) // here\n\t}\n}", "j=4 i=2", "i + j", "6"},
		{"loop that escapes not", "for i, s := 0, \"\"; i < 3; i, s = i+1, s+\"x\" {\n\tif i == 2 {\n\t\tprintln() // here\n\t}\n}", `i=2 s="xx"`, "len(s)", "2"},
		{"generic function", "func f[T any](xs []T) int {\n\tn := len(xs)\n\treturn n // here\n}\nf([]string{\"a\"})", `xs=[]string{"a"} n=1`, "xs[0]", `"a"`},
		{"method of a generic type", "type S[T any] struct{ xs []T }\nfunc (s *S[T]) Push(x T) {\n\ts.xs = append(s.xs, x) // here\n}\nvar s S[float64]\ns.Push(1.5)", "s=&S[float64]{xs: nil} x=1.5", "x * 2", "3"},
		{"range over func", "func seq(yield func(int) bool) {\n\t_ = yield(1) && yield(2)\n}\nfunc f() {\n\tsum := 0\n\tfor v := range seq {\n\t\tsum += v\n\t\tif v == 2 {\n\t\t\tprintln(v) // here\n\t\t}\n\t}\n}\nf()", "v=2 sum=3", "sum - v", "1"},
		{"type switch", "func f(x any) {\n\tswitch v := x.(type) {\n\tcase string:\n\tcase []int:\n\t\tprintln(len(v)) // here\n\t}\n}\nf([]int{7})", "v=[]int{7} x=[]int{7}", "v[0]", "7"},
		{"select", "func f(c chan int) {\n\tselect {\n\tcase n, ok := <-c:\n\t\tprintln(n, ok) // here\n\t}\n}\nc := make(chan int, 1)\nc <- 4\nf(c)", "n=4 ok=true c=chan int with 0 of 1", "cap(c) + n", "5"},
		{"deferred", "func f() (err error) {\n\tdefer func() {\n\t\tr := recover()\n\t\terr = fmt.Errorf(\"%v\", r) // here\n\t}()\n\tpanic(\"x\")\n}\nf()", `r="x" err=nil`, "r == any(\"x\")", "true"},
		{"local type and constant", "func f() {\n\ttype pair struct{ a, b int }\n\tconst k = 10\n\tp := pair{1, 2}\n\tprintln(p.a) // here\n}\nf()", "p=pair{a: 1, b: 2}", "pair{k, p.b}.a + p.b", "12"},
		{"goto", "func f() int {\n\ti := 0\nagain:\n\ti++\n\tif i < 3 {\n\t\tgoto again\n\t}\n\treturn i // here\n}\nf()", "i=3", "i", "3"},
		{"labels", "n := 0\nouter:\nfor i := range 3 {\n\tfor j := range 3 {\n\t\tif j == 1 {\n\t\t\tn++\n\t\t\tif i == 2 {\n\t\t\t\tbreak outer // here\n\t\t\t}\n\t\t\tcontinue outer\n\t\t}\n\t}\n}\nn", "j=1 i=2", "n", "3"},
		{"name of a package", "func f(path string) int {\n\treturn len(path) // here\n}\nf(\"abc\")", `path="abc"`, "strings.ToUpper(path)", `"ABC"`},
		{"array and pointer", "func f() {\n\tvar a [3]int\n\tp := &a\n\tp[1] = 5\n\tprintln(a[1]) // here\n}\nf()", "a=[3]int{0, 5, 0} p=&[3]int{0, 5, 0}", "*p == a", "true"},
		{"else if", "func f(n int) {\n\tif n == 1 {\n\t} else if m := n * 2; m > 3 {\n\t\tprintln(m) // here\n\t}\n}\nf(2)", "m=4 n=2", "m-n", "2"},
		{"variadic", "func f(a int, rest ...string) {\n\tprintln(a, len(rest)) // here\n}\nf(1, \"x\", \"y\")", `a=1 rest=[]string{"x", "y"}`, "rest[1]", `"y"`},
		{"interface", "type shape interface{ Area() float64 }\ntype sq float64\nfunc (s sq) Area() float64 {\n\treturn float64(s * s)\n}\nfunc f(s shape) {\n\tprintln(s.Area()) // here\n}\nf(sq(3))", "s=3", "s.Area()", "9"},
	} {
		t.Run(c.name, func(t *testing.T) {
			g := newDebugged(t)
			g.attach()
			line := 1 + strings.Count(c.cell[:strings.Index(c.cell, "// here")], "\n")
			g.breakAt(c.cell, Breakpoint{Line: line})
			g.start(t.Context(), c.cell)
			s := g.next()
			fs, err := g.d.Stack(s.Thread)
			if err != nil || fs[0].Line != line {
				t.Fatalf("stopped at %+v, %v", fs, err)
			}
			if got := g.locals(0); got != c.locals {
				t.Errorf("locals %s, want %s", got, c.locals)
			}
			if got := g.eval(0, c.eval); got != c.want {
				t.Errorf("%s is %s, want %s", c.eval, got, c.want)
			}
			g.d.Continue()
			if err := g.ended(); err != nil {
				t.Error(err)
			}
		})
	}
}

// TestDebugRedefinition declares functions again while a debugger is there, and calls them after it has gone, and the other way round.
func TestDebugRedefinition(t *testing.T) {
	g := newDebugged(t)
	say := func(want string) {
		t.Helper()
		g.run("fmt.Print(caller(), \" \", T{}.M())")
		if got := strings.TrimPrefix(g.out.String(), ""); !strings.HasSuffix(got, want) {
			t.Errorf("it says %q, want %s at the end", got, want)
		}
	}
	g.run("func f() int { return 1 }\nfunc caller() int { return f() }\ntype T struct{}\nfunc (T) M() int { return f() * 10 }")
	say("1 10")
	g.attach()
	say("1 10")
	g.run("func f() int { return 2 }")
	say("2 20")
	g.d.Detach()
	say("2 20")
	g.run("func f() int { return 3 }")
	say("3 30")
	g.attach()
	say("3 30")
	g.run("func (T) M() int { return 7 }\nfunc caller() int { return f() + 1 }")
	say("4 7")
	g.run("func f() int {\n\treturn 5\n}")
	g.breakAt("func f() int {\n\treturn 5\n}", Breakpoint{Line: 2})
	g.start(t.Context(), "caller()")
	g.at("breakpoint f:2 caller:2 cell:1")
	g.d.Continue()
	g.ended()
	g.d.Detach()
	say("6 7")
}

// TestDebugCellsAreForgotten runs many cells with a debugger: what is forgotten without one is forgotten with one.
func TestDebugCellsAreForgotten(t *testing.T) {
	g := newDebugged(t)
	g.attach()
	for i := range 200 {
		g.run(fmt.Sprintf("x := %d\nfunc f() int { return x }\n_ = f()", i))
	}
	g.in.m.Mu.Lock()
	n := len(g.in.front.Kept())
	g.in.m.Mu.Unlock()
	if n > 60 {
		t.Errorf("%d cells are kept", n)
	}
	g.d.Detach()
	g.run("if f() != 199 { panic(f()) }")
}

// A cell that only declares variables stops before each is given its value, in the order in which that happens.
func TestDebugDeclarations(t *testing.T) {
	g := newDebugged(t)
	g.attach()
	cell := "func f(n int) int {\n\treturn n * 2\n}\nvar (\n\ta = f(b)\n\tb = 4\n)\nvar c, d = f(1), func() int {\n\treturn a\n}()"
	var lines []int
	for _, s := range g.in.Statements(cell) {
		lines = append(lines, s.Line)
	}
	if fmt.Sprint(lines) != "[2 5 6 8 8 9]" {
		t.Errorf("statements at %v", lines)
	}
	g.breakAt(cell, Breakpoint{Line: 5}, Breakpoint{Line: 6}, Breakpoint{Line: 8}, Breakpoint{Line: 9})
	g.start(t.Context(), cell)
	g.at("breakpoint init:6")
	g.d.Continue()
	g.at("breakpoint init:5")
	if got := g.eval(0, "b"); got != "4" {
		t.Errorf("b is %s", got)
	}
	g.d.Step(1, StepIn)
	g.at("step f:2 init:5")
	g.d.Continue()
	g.at("breakpoint init:8")
	g.d.Continue()
	g.at("breakpoint init.func1:9 init:10")
	g.d.Continue()
	if err := g.ended(); err != nil {
		t.Error(err)
	}
	if got := g.eval(-1, "fmt.Sprint(a, b, c, d)"); got != `"8 4 2 8"` {
		t.Errorf("they are %s", got)
	}
}

// Two cells beside each other are two threads.
func TestDebugCellsBesideEachOther(t *testing.T) {
	g := newDebugged(t)
	g.attach()
	other := "y := 1\ny++ // other"
	g.breakAt(other, Breakpoint{Line: 2})
	g.start(t.Context(), "for again := true; again; {\n\tselect {\n\tcase <-quit:\n\t\tagain = false\n\tdefault:\n\t}\n}")
	_ = g.done
	if err := g.ended(); err == nil || !strings.Contains(err.Error(), "undefined: quit") {
		t.Fatal(err)
	}
	g.run("quit := make(chan bool, 1)")
	g.start(t.Context(), "<-quit")
	for len(g.d.Threads()) == 0 {
		runtime.Gosched()
	}
	first := g.done
	g.done = make(chan error, 1)
	g.start(t.Context(), other)
	s := g.next()
	if s.Thread != 2 || g.where(2) != " cell:2" {
		t.Errorf("stopped: %+v%s", s, g.where(s.Thread))
	}
	if got := g.eval(-1, "y"); got != "1" {
		t.Errorf("y is %s", got)
	}
	quiet := false
	if !g.d.Quiet(func() { quiet = true }) || !quiet {
		t.Error("a cell that waits in a channel keeps values from being read")
	}
	if got := g.eval(-1, "quit <- true"); got != "" {
		t.Error(got)
	}
	g.d.Continue()
	if err := g.ended(); err != nil {
		t.Error(err)
	}
	if err := <-first; err != nil {
		t.Error(err)
	}
}

// TestDebugEvalThatDoesNotEnd: it is stopped, and says why.
func TestDebugEvalThatDoesNotEnd(t *testing.T) {
	defer func(d time.Duration) { evalFor = d }(evalFor)
	evalFor = 50 * time.Millisecond
	g := newDebugged(t)
	g.attach()
	cell := "x := 1\nx++\nx"
	g.breakAt(cell, Breakpoint{Line: 2})
	g.start(t.Context(), cell)
	g.next()
	for _, call := range []int{0, -1} { // in a call, and in none
		if got := g.eval(call, "func() int { for {} }()"); !strings.Contains(got, "longer than 50ms") {
			t.Errorf("call %d: %s", call, got)
		}
	}
	evalFor = debugPatience
	if got := g.eval(0, "x"); got != "1" {
		t.Errorf("then x is %s", got)
	}
	g.d.Continue()
	if err := g.ended(); err != nil {
		t.Error(err)
	}
}
