package session

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/godlas/godlas/kernel/display"
	"github.com/godlas/godlas/kernel/internal/pipe"
	"github.com/godlas/godlas/kernel/interp"
	"github.com/godlas/godlas/kernel/session/magic"
)

// through sends a cell to be run in a subshell.
func (c *client) through(shell string, ex pipe.Execute) uint64 {
	c.t.Helper()
	c.id++
	b, err := json.Marshal(ex)
	if err != nil {
		c.t.Fatal(err)
	}
	if err := c.conn.Write(pipe.Frame{Kind: pipe.KindExecute, ID: c.id, Shell: shell, Body: b}); err != nil {
		c.t.Fatal(err)
	}
	return c.id
}

// collect reads frames until all of ids are done, and returns the text that each has printed and its end.
func (c *client) collect(ids ...uint64) (text map[uint64]string, done map[uint64]pipe.Done) {
	c.t.Helper()
	text, done = map[uint64]string{}, map[uint64]pipe.Done{}
	for len(done) < len(ids) {
		f := c.next()
		switch f.Kind {
		case pipe.KindDone:
			done[f.ID] = body[pipe.Done](c.t, f)
		case pipe.KindStream:
			text[f.Parent] += body[pipe.Stream](c.t, f).Text
		case pipe.KindDisplay, pipe.KindResult:
			text[f.Parent] += body[pipe.Display](c.t, f).Data["text/plain"].(string)
		}
	}
	return text, done
}

// showing is a session of Go with magics that show, ask and wait by package display, as compiled code does.
func showing(t *testing.T) *client {
	return start(t, Options{Libraries: []interp.Library{interp.Std()}, Magics: []magic.Magic{
		{Name: "show", Line: true, Help: "h", Run: func(_ context.Context, c *magic.Call) error {
			done := make(chan *display.Handle)
			go func() { done <- display.Markdown(c.Args) }()
			<-done
			return nil
		}},
		{Name: "ask", Line: true, Help: "h", Run: func(_ context.Context, c *magic.Call) error {
			text, err := display.Input(c.Args)
			fmt.Fprintln(c.Stdout, text, err)
			return nil
		}},
		{Name: "wait", Line: true, Help: "h", Run: func(context.Context, *magic.Call) error {
			<-display.Context().Done()
			return nil
		}},
	}})
}

// TestSubshell: a cell in a subshell runs while one of the main shell waits for it, and what each shows is its own, whether Go,
// a magic, a command or a goroutine shows it.
func TestSubshell(t *testing.T) {
	c := showing(t)
	c.run("up, back := make(chan bool), make(chan bool)")
	a := c.through("", pipe.Execute{Code: "fmt.Println(\"a1\")\nup <- true\n<-back\nfmt.Println(\"a2\")\n%show a3", Count: 2})
	b := c.through("s1", pipe.Execute{Code: "<-up\nfmt.Println(\"b1\")\n!echo b2\ngo func() { fmt.Println(\"b3\"); up <- true }()\n<-up\n%show b4", Count: 3})
	d := c.through("s1", pipe.Execute{Code: "\"after b\"", Count: 4})
	e := c.through("s2", pipe.Execute{Code: "time.Sleep(0)\nback <- true", Count: 5})
	text, done := c.collect(a, b, d, e)
	for id, x := range done {
		if x.Err != nil {
			t.Errorf("%d: %v", id, x.Err)
		}
	}
	for id, want := range map[uint64]string{a: "a1\na2\na3", b: "b1\nb2\nb3\nb4", d: "after b", e: ""} {
		if text[id] != want {
			t.Errorf("%d: %q, want %q", id, text[id], want)
		}
	}
}

// TestSubshellContexts: the context and the questions of each cell are its own.
func TestSubshellContexts(t *testing.T) {
	c := showing(t)
	a := c.through("", pipe.Execute{Code: "%ask a?\n%wait", AllowStdin: true, Count: 2})
	f := c.next()
	if f.Kind != pipe.KindInputRequest || f.Parent != a {
		t.Fatalf("%s of %d", f.Kind, f.Parent)
	}
	// b waits for its turn to ask; its client takes no questions
	b := c.through("s", pipe.Execute{Code: "%ask b?\n%wait", Count: 3})
	c.send(pipe.KindInputReply, b, pipe.Input{Value: "no"})
	c.send(pipe.KindInputReply, a, pipe.Input{Value: "yes"})
	text := map[uint64]string{}
	for !strings.Contains(text[a], "\n") || !strings.Contains(text[b], "\n") {
		if f := c.next(); f.Kind == pipe.KindStream {
			text[f.Parent] += body[pipe.Stream](c.t, f).Text
		}
	}
	if text[a] != "yes <nil>\n" || !strings.Contains(text[b], "takes no input") {
		t.Errorf("%q, %q", text[a], text[b])
	}
	for _, id := range []uint64{b, a} {
		c.send(pipe.KindInterrupt, id, nil)
		_, done := c.collect(id)
		if len(done) != 1 || !done[id].Interrupted && done[id].Err != nil {
			t.Errorf("%d: %+v", id, done)
		}
	}
}
