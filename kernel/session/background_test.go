package session

import (
	"strings"
	"testing"

	"github.com/godlas/godlas/kernel/internal/pipe"
	"github.com/godlas/godlas/kernel/interp"
)

func goSession(t *testing.T) *client {
	t.Helper()
	return start(t, Options{Libraries: []interp.Library{interp.Std()}, Prelude: []string{"github.com/godlas/godlas/kernel/display"}})
}

// until takes frames up to one whose short form contains text.
func (c *client) until(text string) pipe.Frame {
	c.t.Helper()
	for {
		f := c.next()
		if strings.Contains(brief(c.t, f), text) {
			return f
		}
		if f.Kind == pipe.KindDone {
			c.t.Fatalf("%q does not come; the cell ends: %s", text, f.Body)
		}
	}
}

// TestOutputOfGoroutines: what goroutines print belongs to the cell that has started them, whichever cell runs.
func TestOutputOfGoroutines(t *testing.T) {
	c := goSession(t)
	first := c.send(pipe.KindExecute, 0, pipe.Execute{Count: 1, Code: `step, done := make(chan int), make(chan bool)
inner := make(chan bool) // not done: the cell that waits for that would go on with one of these
go func() {
	for n := range step {
		fmt.Println("printed", n)
		fmt.Fprintln(os.Stderr, "written", n)
		println("built in", n)
		log.Print("logged ", n)
		go func() { fmt.Println("started", n); inner <- true }()
		time.AfterFunc(0, func() { fmt.Println("timed", n); inner <- true })
		var wg sync.WaitGroup
		wg.Go(func() { fmt.Println("grouped", n) })
		wg.Wait()
		<-inner
		<-inner
		done <- true
	}
}()
srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { fmt.Println("served") }))`})
	c.answer(first)
	second := c.send(pipe.KindExecute, 0, pipe.Execute{Count: 2, Code: "fmt.Println(\"mine\")\nstep <- 1\n<-done\nr, _ := http.Get(srv.URL); r.Body.Close()\nfmt.Println(\"mine too\")"})
	frames, last := c.answer(second)
	if e := body[pipe.Done](t, last).Err; e != nil {
		t.Fatal(e)
	}
	text := map[uint64]string{}
	for _, f := range frames {
		if f.Kind == pipe.KindStream {
			text[f.Parent] += body[pipe.Stream](t, f).Text
		}
	}
	if text[second] != "mine\nmine too\n" {
		t.Errorf("of the cell that runs: %q", text[second])
	}
	for _, want := range []string{"printed 1", "written 1", "built in 1", "logged 1", "started 1", "timed 1", "grouped 1", "served"} {
		if !strings.Contains(text[first], want) {
			t.Errorf("of the cell that has started it: %q, without %q", text[first], want)
		}
	}
}

// TestPanicOfAGoroutine: it is shown under the cell that has started the goroutine, also when none runs.
func TestPanicOfAGoroutine(t *testing.T) {
	c := goSession(t)
	first := c.send(pipe.KindExecute, 0, pipe.Execute{Count: 1, Code: "on := make(chan bool)\nfunc fall(xs []int) int { return xs[3] }\ngo func() {\n\t<-on\n\tfall(nil)\n}()"})
	c.answer(first)
	c.answer(c.send(pipe.KindExecute, 0, pipe.Execute{Count: 2, Code: "time.AfterFunc(20*time.Millisecond, func() { close(on) })"}))
	f := c.until("panic: runtime error: index out of range [3] with length 0")
	text := body[pipe.Stream](t, f).Text
	if f.Parent != first || !strings.Contains(text, "cell[1]:2:36") || !strings.Contains(text, "cell[1]:5:2") || !strings.Contains(text, "created by main.cell") || !strings.Contains(text, "cell[1]:3:") {
		t.Errorf("of %d, not of %d: %s", f.Parent, first, text)
	}
	if out, _ := c.run("1 + 1"); len(out) != 1 || out[0] != "result: 2" {
		t.Errorf("%q", out)
	}
}

// TestInterruptWhileShowing: the methods that show a value are stopped, not only left.
func TestInterruptWhileShowing(t *testing.T) {
	for _, method := range []string{
		"String() string { println(0); for { n++ }; return \"\" }",
		"MimeBundle() map[string]any { println(0); for { n++ }; return nil }",
		"Error() string { println(0); time.Sleep(time.Hour); return \"\" }",
	} {
		c := goSession(t)
		c.run("var n int\ntype T int\nfunc (T) " + method)
		id := c.send(pipe.KindExecute, 0, pipe.Execute{Count: 2, Code: "T(1)"})
		c.until("0")
		c.send(pipe.KindInterrupt, id, nil)
		if _, last := c.answer(id); !body[pipe.Done](t, last).Interrupted {
			t.Errorf("%s: %s", method, last.Body)
		}
		if out, _ := c.run("m := n; time.Sleep(20 * time.Millisecond); n == m"); len(out) != 1 || out[0] != "result: true" {
			t.Errorf("%s goes on: %q", method, out)
		}
	}
}

// TestEndsOfACell are ways to end that a compiled program does not survive, and what a session makes of them.
func TestEndsOfACell(t *testing.T) {
	c := goSession(t)
	c.run("kept := 1")
	for _, tc := range []struct{ code, want string }{
		{"var mu sync.Mutex\nmu.Unlock()", "fatal error: sync: unlock of unlocked mutex"},
		{"var rw sync.RWMutex\nrw.RUnlock()", "fatal error: sync: RUnlock of unlocked RWMutex"},
		{"var rw sync.RWMutex\nrw.RLock()\nrw.Unlock()", "fatal error: sync: Unlock of unlocked RWMutex"},
		{"var mu sync.Mutex\ndefer func() { recover() }()\nmu.Unlock()", "fatal error: sync: unlock of unlocked mutex"},
		{"var wg sync.WaitGroup\nwg.Done()", "sync: negative WaitGroup counter"},
		{"ch := make(chan int)\nclose(ch)\nclose(ch)", "close of closed channel"},
		{"close(chan int(nil))", "close of nil channel"},
		{"ch := make(chan int)\nclose(ch)\nch <- 1", "send on closed channel"},
		{"var f func()\ngo f()", "go of nil func value"},
		{"var f func()\nf()", "invalid memory address or nil pointer dereference"},
		{"func r() { r() }\nr()", "stack overflow"},
		{"runtime.Goexit()", ""},
	} {
		out, done := c.run(tc.code)
		text := strings.Join(out, "\n")
		if (done.Err != nil) != (tc.want != "") || !strings.Contains(text, tc.want) {
			t.Errorf("%s: %q", tc.code, text)
		}
		if out, _ := c.run("kept"); len(out) != 1 || out[0] != "result: 1" {
			t.Fatalf("after %s: %q", tc.code, out)
		}
	}
}
