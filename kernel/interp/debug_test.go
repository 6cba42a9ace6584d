package interp

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/godlas/godlas/internal/awake"
	"github.com/godlas/godlas/internal/heard"
)

// debugged is a session with a debugger.
type debugged struct {
	t     *testing.T
	in    *Interp
	d     *Debugger
	stops chan Stop
	out   *heard.Buffer
	n     int
	done  chan error
}

// debugPatience is far more than anything here takes.
const debugPatience = time.Minute

func newDebugged(t *testing.T) *debugged {
	g := &debugged{t: t, out: &heard.Buffer{}, stops: make(chan Stop, 1000), done: make(chan error, 1)}
	g.in = New(Options{Libraries: []Library{Std()}, Stdout: g.out, Stderr: g.out, Exit: func(int) {}})
	return g
}

func (g *debugged) attach() {
	g.t.Helper()
	var err error
	g.d, err = g.in.Debug(DebugOptions{
		Path:      func(cell string) string { return "path of " + cell },
		Stopped:   func(s Stop) { g.stops <- s },
		Continued: func() {},
		Thread:    func(int, bool) {},
		Output:    func(_ context.Context, s string) { fmt.Fprint(g.out, s) },
	})
	if err != nil {
		g.t.Fatal(err)
	}
}

// run runs a cell to its end.
func (g *debugged) run(src string) {
	g.t.Helper()
	g.n++
	if _, err := g.in.Eval(context.Background(), Cell{N: g.n, Source: src}); err != nil {
		g.t.Fatalf("%s\n%v", src, err)
	}
}

// start runs a cell on a goroutine.
func (g *debugged) start(ctx context.Context, src string) {
	g.n++
	n, done := g.n, g.done
	go func() {
		_, err := g.in.Eval(ctx, Cell{N: n, Source: src})
		done <- err
	}()
}

func (g *debugged) breakAt(src string, ps ...Breakpoint) {
	g.t.Helper()
	if err := g.d.SetBreakpoints("path of "+src, ps); err != nil {
		g.t.Fatal(err)
	}
}

// at waits for a stop and says where: reason, function and line of the calls.
func (g *debugged) at(want string) Stop {
	g.t.Helper()
	s := g.next()
	if got := s.Reason + g.where(s.Thread); got != want {
		g.t.Fatalf("stopped at %s, want %s (%s)", got, want, s.Text)
	}
	return s
}

// next waits for a stop.
func (g *debugged) next() Stop {
	g.t.Helper()
	select {
	case s := <-g.stops:
		return s
	case err := <-g.done:
		g.t.Fatalf("the cell ended (%v), want a stop", err)
	case <-awake.After(debugPatience):
		g.t.Fatal("no stop")
	}
	return Stop{}
}

func (g *debugged) where(thread int) string {
	g.t.Helper()
	fs, err := g.d.Stack(thread)
	if err != nil {
		g.t.Fatal(err)
	}
	var b strings.Builder
	for _, f := range fs {
		fmt.Fprintf(&b, " %s:%d", f.Func, f.Line)
	}
	return b.String()
}

func (g *debugged) ended() error {
	g.t.Helper()
	select {
	case err := <-g.done:
		return err
	case s := <-g.stops:
		g.t.Fatalf("stopped (%s%s), want the end", s.Reason, g.where(s.Thread))
	case <-awake.After(debugPatience):
		g.t.Fatal("the cell does not end")
	}
	return nil
}

// locals are the variables of a call, as name=value.
func (g *debugged) locals(call int) string {
	g.t.Helper()
	fs, err := g.d.Stack(1)
	if err != nil {
		g.t.Fatal(err)
	}
	vs, err := g.d.Locals(fs[call].ID)
	if err != nil {
		g.t.Fatal(err)
	}
	var out []string
	for _, v := range vs {
		out = append(out, v.Name+"="+Brief(v.Value, 100))
	}
	return strings.Join(out, " ")
}

func (g *debugged) eval(call int, src string) string {
	g.t.Helper()
	id := 0
	if call >= 0 {
		fs, err := g.d.Stack(1)
		if err != nil {
			g.t.Fatal(err)
		}
		id = fs[call].ID
	}
	vs, err := g.d.Eval(context.Background(), id, src)
	if err != nil {
		return err.Error()
	}
	var out []string
	for _, v := range vs {
		out = append(out, Brief(v, 100))
	}
	return strings.Join(out, ", ")
}

func TestDebugStepsThroughACell(t *testing.T) {
	g := newDebugged(t)
	g.attach()
	cell := `func add(a, b int) int {
	sum := a
	sum += b
	return sum
}
total := 0
for i := 0; i < 2; i++ {
	total = add(total, i+1)
	if total > 100 {
		break
	}
}
println("total", total)`
	g.breakAt(cell, Breakpoint{Line: 8})
	g.start(t.Context(), cell)
	g.at("breakpoint cell:8")
	if got := g.locals(0); got != "i=0" {
		t.Errorf("locals %s", got)
	}
	step := func(how Step, want string) {
		t.Helper()
		if !g.d.Step(1, how) {
			t.Fatal("it is not stopped")
		}
		g.at("step " + want)
	}
	step(StepIn, "add:2 cell:8")
	if got := g.locals(0); got != "a=0 b=1" {
		t.Errorf("locals %s", got)
	}
	step(StepOver, "add:3 cell:8")
	if got := g.locals(0); got != "a=0 b=1 sum=0" {
		t.Errorf("locals %s", got)
	}
	if got := g.eval(0, "sum*10 + a + b"); got != "1" {
		t.Errorf("evaluates to %s", got)
	}
	if got := g.eval(0, "sum = 40"); got != "" {
		t.Errorf("evaluates to %s", got)
	}
	if got := g.eval(1, "fmt.Sprint(i, total)"); got != `"0 0"` {
		t.Errorf("evaluates to %s", got)
	}
	step(StepOver, "add:4 cell:8")
	if got := g.locals(0); got != "a=0 b=1 sum=41" {
		t.Errorf("locals %s", got)
	}
	step(StepOut, "cell:8")
	step(StepOver, "cell:9")
	if got := g.eval(-1, "total"); got != "41" {
		t.Errorf("total is %s", got)
	}
	step(StepOver, "cell:7")
	g.d.Step(1, StepOver)
	g.at("breakpoint cell:8")
	if got := g.locals(0); got != "i=1" {
		t.Errorf("locals %s", got)
	}
	g.d.Continue()
	if err := g.ended(); err != nil {
		t.Fatal(err)
	}
	if got := g.out.String(); got != "total 43\n" {
		t.Errorf("it says %q", got)
	}
}

func TestDebugEarlierFunctions(t *testing.T) {
	g := newDebugged(t)
	earlier := "func twice(n int) int {\n\tm := n * 2\n\treturn m\n}\nkeep := func(s string) string {\n\treturn s + s\n}"
	g.run(earlier)
	g.run("type T struct{ n int }\nfunc (t *T) Inc(by int) {\n\tt.n += by\n}")
	g.attach()
	g.breakAt(earlier, Breakpoint{Line: 3})
	g.breakAt("type T struct{ n int }\nfunc (t *T) Inc(by int) {\n\tt.n += by\n}", Breakpoint{Line: 3})
	g.start(t.Context(), "x := twice(21)\nvar t T\nt.Inc(x)\nvar i interface{ Inc(int) } = &t\ni.Inc(1)\nt.n")
	g.at("breakpoint twice:3 cell:1")
	if got := g.locals(0); got != "n=21 m=42" {
		t.Errorf("locals %s", got)
	}
	g.d.Continue()
	g.at("breakpoint (*T).Inc:3 cell:3")
	if got := g.locals(0); got != "t=&T{n: 0} by=42" {
		t.Errorf("locals %s", got)
	}
	g.d.Continue()
	g.at("breakpoint (*T).Inc:3 cell:5")
	g.d.Continue()
	if err := g.ended(); err != nil {
		t.Fatal(err)
	}
	g.d.Detach()
	g.run("twice(1)")
	g.attach()
	g.breakAt(earlier, Breakpoint{Line: 2})
	g.start(t.Context(), "twice(2)")
	g.at("breakpoint twice:2 cell:1")
	g.d.Detach() // goes on
	if err := g.ended(); err != nil {
		t.Fatal(err)
	}
}

func TestDebugConditions(t *testing.T) {
	g := newDebugged(t)
	g.attach()
	cell := "s := 0\nfor i := range 1000 {\n\ts += i\n}\ns"
	for _, c := range []struct {
		p    Breakpoint
		want []string
	}{
		{Breakpoint{Line: 3, Condition: "i == 500"}, []string{"i=500"}},
		{Breakpoint{Line: 3, Condition: "i > 990 && s%2 == 0"}, []string{"i=992", "i=993", "i=996", "i=997"}},
		{Breakpoint{Line: 3, Hits: "% 400"}, []string{"i=399", "i=799"}},
		{Breakpoint{Line: 3, Hits: "3"}, []string{"i=2"}},
	} {
		g.breakAt(cell, c.p)
		g.start(t.Context(), cell)
		for _, want := range c.want {
			g.at("breakpoint cell:3")
			if got := g.locals(0); got != want {
				t.Errorf("%+v: locals %s, want %s", c.p, got, want)
			}
			g.d.Continue()
		}
		if err := g.ended(); err != nil {
			t.Fatal(err)
		}
	}
	g.breakAt(cell, Breakpoint{Line: 3, Condition: "i == 999", Log: "i is {i}, s {s} {nothing}"})
	g.run(cell)
	if got, want := g.out.String(), "i is 999, s 498501 {nothing: debugger:1:1: undefined: nothing}\n"; got != want {
		t.Errorf("it says %q, want %q", got, want)
	}
	g.breakAt(cell, Breakpoint{Line: 3, Condition: "i + 1"})
	g.start(t.Context(), cell)
	if s := g.at("breakpoint cell:3"); !strings.Contains(s.Text, "it is no bool") {
		t.Errorf("it says %q", s.Text)
	}
	g.breakAt(cell)
	g.d.Continue()
	g.ended()
	if err := g.d.SetBreakpoints("x", []Breakpoint{{Line: 1, Hits: "often"}}); err == nil {
		t.Error("a hit condition that is none is taken")
	}
}

func TestDebugPanicsAndPause(t *testing.T) {
	g := newDebugged(t)
	g.attach()
	g.d.StopOnPanic(true)
	g.start(t.Context(), "func f(xs []int, k int) int {\n\treturn xs[k]\n}\nf([]int{1}, 7)")
	s := g.at("exception f:2 cell:4")
	if !strings.Contains(s.Text, "index out of range [7]") {
		t.Errorf("it says %q", s.Text)
	}
	if got := g.locals(0); got != "xs=[]int{1} k=7" {
		t.Errorf("locals %s", got)
	}
	g.d.Continue()
	if err := g.ended(); err == nil || !strings.Contains(err.Error(), "index out of range") {
		t.Errorf("the cell ends with %v", err)
	}
	g.d.StopOnPanic(false)

	ctx, interrupt := context.WithCancelCause(context.Background())
	g.start(ctx, "n := 0\nfor {\n\tn++\n}")
	for len(g.d.Threads()) == 0 {
		time.Sleep(time.Millisecond)
	}
	g.d.Pause()
	s = g.next()
	for s.Reason+g.where(s.Thread) == "pause cell:0" { // before its first line
		g.d.Continue()
		g.d.Pause()
		s = g.next()
	}
	if got := s.Reason + g.where(s.Thread); got != "pause cell:3" {
		t.Fatalf("stopped at %s", got)
	}
	g.d.Step(1, StepOver)
	g.at("step cell:3")
	interrupt(errInterrupt)
	if err := g.ended(); err != errInterrupt {
		t.Errorf("an interrupt while it is stopped gives %v", err)
	}
	if len(g.d.Stopped()) != 0 || g.d.Continue() {
		t.Error("it is still stopped")
	}
	g.run("n > 0")
	g.d.Pause() // what runs: nothing
	g.run("n > 0")
}

var errInterrupt = fmt.Errorf("interrupt")

func TestDebugGoroutines(t *testing.T) {
	g := newDebugged(t)
	g.attach()
	cell := `var wg sync.WaitGroup
for k := range 3 {
	wg.Go(func() {
		mine := k * 10
		_ = mine
	})
}
wg.Wait()`
	g.breakAt(cell, Breakpoint{Line: 5})
	g.start(t.Context(), cell)
	seen := map[string]bool{}
	for range 3 {
		select {
		case s := <-g.stops:
			fs, err := g.d.Stack(s.Thread)
			if err != nil || s.Thread == 1 || fs[0].Line != 5 {
				t.Fatalf("stopped at %+v, %v", fs, err)
			}
			vs, _ := g.d.Locals(fs[0].ID)
			var out []string
			for _, v := range vs {
				out = append(out, v.Name+"="+Brief(v.Value, 100))
			}
			seen[strings.Join(out, " ")] = true
			if !slices.ContainsFunc(g.d.Threads(), func(x Thread) bool { return x.ID == s.Thread && x.Stopped }) {
				t.Errorf("threads %+v lack %d", g.d.Threads(), s.Thread)
			}
			g.d.Continue()
		case <-awake.After(debugPatience):
			t.Fatal("no stop")
		}
	}
	if err := g.ended(); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"mine=0 k=0", "mine=10 k=1", "mine=20 k=2"} {
		if !seen[want] {
			t.Errorf("seen %v, want %s", seen, want)
		}
	}
}
