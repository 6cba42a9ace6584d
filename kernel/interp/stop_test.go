package interp

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/godlas/godlas/internal/awake"
	"github.com/godlas/godlas/internal/heard"
)

var errStop = errors.New("stopped by the test")

// interruptAfter runs a cell, interrupts it once it has printed "go", and
// returns how it ended.
func interrupted(t *testing.T, in *Interp, out *heard.Buffer, src string) error {
	t.Helper()
	ctx, cancel := context.WithCancelCause(context.Background())
	done := make(chan error, 1)
	out.Take()
	go func() {
		_, err := in.Eval(ctx, Cell{N: 1, Source: "fmt.Print(\"go\")\n" + src})
		done <- err
	}()
	if !awake.Until(20*time.Second, func() bool { return strings.Contains(out.String(), "go") }) {
		t.Fatal("the cell does not begin")
	}
	time.Sleep(5 * time.Millisecond)
	cancel(errStop)
	select {
	case err := <-done:
		return err
	case <-awake.After(20 * time.Second):
		t.Fatalf("%s\nis not stopped", src)
		return nil
	}
}

func TestInterrupt(t *testing.T) {
	for _, src := range []string{
		"for {}",
		"for { n++ }",
		"spin()",
		"deep(0)",
		"<-make(chan int)",
		"var c chan int; c <- 1",
		"make(chan int) <- 1",
		"select {}",
		"select { case <-make(chan int): case make(chan int) <- 1: }",
		"for range make(chan int) {}",
		"time.Sleep(time.Hour)",
		"<-context.Background().Done()",
		"sort.Slice(make([]int, 10), func(i, j int) bool { for {} })",
		"func() { defer func() { recover() }(); for {} }(); for {}",
		"func() { defer func() { recover(); for {} }(); for {} }()",
		"x: goto x",
		"for i := range forever { n = i }",
		"var wg sync.WaitGroup; wg.Add(1); wg.Wait()",
		"var mu sync.Mutex; mu.Lock(); mu.Lock()",
		"t := time.NewTicker(time.Hour); <-t.C",
		"go func() { for {} }(); select {}",
		"fmt.Sprint(looper(1)); for {}",
	} {
		t.Run(src, func(t *testing.T) {
			t.Parallel()
			in, out := session(t, `n := 0
kept := 41
func spin() { for { n++ } }
func deep(k int) { if k > 1000 { spin() }; deep(k+1) }
func forever(yield func(int) bool) { for i := 0; ; i++ { if !yield(i) { return } } }
type looper int
func (l looper) String() string { for { } }
kept++`)
			if err := interrupted(t, in, out, src); !errors.Is(err, errStop) {
				t.Fatalf("error %v", err)
			}
			// all is there, and the next cell runs
			r, err := in.Eval(context.Background(), Cell{N: 2, Source: "kept += n - n; kept"})
			if err != nil || r.Values[0].Int() != 42 {
				t.Error(r, err)
			}
		})
	}
}

// TestInterruptLeavesNothing looks for goroutines that go on after interrupts.
func TestInterruptLeavesNothing(t *testing.T) {
	in, out := session(t)
	before := runtime.NumGoroutine()
	for range 10 {
		if err := interrupted(t, in, out, "go func() { n := 0; for { n++ } }()\nfor range 4 { go func() { <-make(chan int) }() }\nfor {}"); !errors.Is(err, errStop) {
			t.Fatal(err)
		}
	}
	if !awake.Until(20*time.Second, func() bool { return runtime.NumGoroutine() <= before+2 }) {
		t.Fatalf("%d goroutines, %d before", runtime.NumGoroutine(), before)
	}
}

// TestDeferredCallsAfterInterrupt wants locks given back.
func TestDeferredCallsAfterInterrupt(t *testing.T) {
	in, out := session(t, "var mu sync.Mutex\nlog := []string{}\nfunc f() { mu.Lock(); defer mu.Unlock(); defer func() { log = append(log, \"done\") }(); for {} }")
	if err := interrupted(t, in, out, "f()"); !errors.Is(err, errStop) {
		t.Fatal(err)
	}
	r, err := in.Eval(context.Background(), Cell{N: 2, Source: "fmt.Sprint(mu.TryLock(), log)"})
	if err != nil || r.Values[0].String() != "true [done]" {
		t.Error(r, err)
	}
}

func TestGoroutinesOutliveTheirCell(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	in, _ := session(t)
	if _, err := in.Eval(ctx, Cell{N: 1, Source: "c, d := make(chan int), make(chan int)\ngo func() { for v := range c { d <- v * 2 } }()"}); err != nil {
		t.Fatal(err)
	}
	cancel() // after the cell: of no concern to it
	r, err := in.Eval(context.Background(), Cell{N: 2, Source: "c <- 21\n<-d"})
	if err != nil || r.Values[0].Int() != 42 {
		t.Error(r, err)
	}
}

func TestContextOfCell(t *testing.T) {
	var seen context.Context
	in := New(Options{Libraries: []Library{Std()}, OnCell: func(ctx context.Context) { seen = ctx }})
	type key struct{}
	ctx, cancel := context.WithCancelCause(context.WithValue(context.Background(), key{}, "v"))
	if _, err := in.Eval(ctx, Cell{N: 1, Source: "x := 1"}); err != nil || seen == nil || seen.Value(key{}) != "v" {
		t.Fatal(err, seen)
	}
	cancel(errStop)
	if _, err := in.Eval(ctx, Cell{N: 2, Source: "x = 2"}); !errors.Is(err, errStop) {
		t.Error("a cell runs in an ended context:", err)
	}
}

func TestPanics(t *testing.T) {
	tests := []struct {
		src, text string
		stack     string // functions and positions, innermost first
	}{
		{"panic(\"boom\")", "panic: boom", "cell 1:1"},
		{"var p *int\n*p = 1", "panic: runtime error: invalid memory address or nil pointer dereference\n[signal SIGSEGV: segmentation violation]", "cell 2:1"},
		{"func f(xs []int) int {\n\treturn xs[5]\n}\nfunc g() { f(nil) }\n\ng()", "panic: runtime error: index out of range [5] with length 0", "f 2:11; g 4:12; cell 6:1"},
		{"type T struct{}\nfunc (t *T) M() { panic(fmt.Errorf(\"an error\")) }\nx := &T{}\nx.M()", "panic: an error", "(*T).M 2:19; cell 4:3"},
		{"var v any = 1\n_ = v.(string)", "panic: interface conversion: interface {} is int, not string", "cell 2:7"},
		{"func() {\n  panic(3)\n}()", "panic: 3", "cell.func1 2:3; cell 3:2"},
		{"sort.Slice([]int{2, 1}, func(i, j int) bool {\n\tpanic(\"in callback\")\n})", "panic: in callback", "cell.func1 2:2; cell 1:6"},
		{"m := map[string]int(nil)\nm[\"a\"] = 1", "panic: assignment to entry in nil map", "cell 2:2"},
		{"a, b := 1, 0\na / b", "panic: runtime error: integer divide by zero", "cell 2:3"},
		{"func r(n int) int { return r(n+1) + 1 }\nr(0)", "panic: stack overflow", ""},
		{"defer func() { panic(\"second\") }()\npanic(\"first\")", "panic: first\n\tpanic: second", "cell.func1 1:16; cell"},
		{"type E int\nfunc (e E) Error() string { return \"E!\" }\npanic(E(1))", "panic: E!", "cell 3:1"},
		{"type K string\npanic(K(\"k\"))", "panic: main.K(\"k\")", "cell 2:1"},
		{"panic(nil)", "panic: " + new(runtime.PanicNilError).Error(), "cell 1:1"},
		{"make([]int, 1<<50)", "panic: runtime error: makeslice: len out of range", ""},
		{"strings.Repeat(\"x\", -1)", "panic: strings: negative Repeat count", "cell 1:9"},
		{"var e error\ne.Error()", "panic: runtime error: invalid memory address or nil pointer dereference\n[signal SIGSEGV: segmentation violation]", "cell 2:3"},
	}
	for _, c := range tests {
		t.Run(c.src, func(t *testing.T) {
			t.Parallel()
			in, _ := session(t, "before := 1")
			_, err := in.Eval(context.Background(), Cell{N: 7, Source: c.src})
			var p *PanicError
			if !errors.As(err, &p) {
				t.Fatalf("error %v", err)
			}
			if p.Text != c.text {
				t.Errorf("text %q, want %q", p.Text, c.text)
			}
			var stack []string
			for _, f := range p.Stack {
				if f.Cell != "cell[7]" {
					t.Errorf("a frame is in %q", f.Cell)
				}
				stack = append(stack, fmt.Sprintf("%s %d:%d", strings.ReplaceAll(f.Func, "main.", ""), f.Line, f.Col))
			}
			if got := strings.Join(stack, "; "); !strings.HasPrefix(got, c.stack) {
				t.Errorf("stack %q, want %q", got, c.stack)
			}
			if _, err := in.Eval(context.Background(), Cell{N: 8, Source: "before++"}); err != nil {
				t.Error(err)
			}
		})
	}
}

// TestPanicsElsewhere panics where no cell can catch it.
func TestPanicsElsewhere(t *testing.T) {
	for _, src := range []string{
		"go func() { panic(\"lost\") }()",
		"go fmt.Sprint(func() int { panic(\"lost\") }())",
		"time.AfterFunc(0, func() { panic(\"lost\") })",
		"var wg sync.WaitGroup\nwg.Go(func() { panic(\"lost\") })\nwg.Wait()",
		"type T struct{}\nfunc (T) M() { panic(\"lost\") }\ngo T{}.M()",
		"c := make(chan int)\ngo func() { defer close(c); panic(\"lost\") }()\n<-c",
	} {
		in, out := session(t)
		_, err := in.Eval(context.Background(), Cell{N: 3, Source: src})
		if strings.HasPrefix(src, "go fmt") { // operands are evaluated here
			if err == nil {
				t.Errorf("%s: no error", src)
			}
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", src, err)
		}
		if !awake.Until(20*time.Second, func() bool { return strings.Contains(out.String(), "panic: lost\n\ngoroutine:\n") }) {
			t.Fatalf("%s: %q", src, out.String())
		}
		if !strings.Contains(out.String(), "cell[3]:") {
			t.Errorf("%s: %q", src, out.String())
		}
	}
}

func TestExit(t *testing.T) {
	var codes []int
	out := &heard.Buffer{}
	in := New(Options{Libraries: []Library{Std()}, Stdout: out, Stderr: out, Exit: func(c int) { codes = append(codes, c) }})
	for _, src := range []string{"os.Exit(3); fmt.Print(\"not here\")", "log.SetFlags(0); log.Fatalf(\"fatal %d\", 1)", "func() { defer func() { recover() }(); os.Exit(4) }(); fmt.Print(\"nor here\")", "runtime.Goexit()"} {
		if _, err := in.Eval(context.Background(), Cell{N: 1, Source: src}); err != nil {
			t.Errorf("%s: %v", src, err)
		}
	}
	if fmt.Sprint(codes) != "[3 1 4]" || out.String() != "fatal 1\n" {
		t.Error(codes, out.String())
	}
}
