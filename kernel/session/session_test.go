package session

import (
	"context"
	"encoding/json"
	"errors"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/godlas/godlas/internal/awake"
	"github.com/godlas/godlas/kernel/display"
	"github.com/godlas/godlas/kernel/internal/pipe"
	"github.com/godlas/godlas/kernel/interp"
	"github.com/godlas/godlas/kernel/session/magic"
)

func toyOptions() Options {
	return Options{
		Language: newToy,
		Message: func(v any) (string, bool) {
			_, ok := v.(oneLiner)
			return "dlas", ok
		},
		Magics: []magic.Magic{
			{Name: "fails", Line: true, Help: "h", Run: func(context.Context, *magic.Call) error { return errors.New("no\x1b[2J such thing") }},
			{Name: "panics", Line: true, Help: "h", Run: func(context.Context, *magic.Call) error { panic("oh") }},
			{Name: "words", Line: true, Cell: true, Help: "h", Run: func(_ context.Context, c *magic.Call) error {
				return c.Set("word", c.Args+c.Body)
			}, Complete: func(c magic.Completing) ([]magic.Match, int) { return magic.Words(c.Text, " \n", "alpha", "beta") }},
			{Name: "page", Line: true, Help: "h", Run: func(_ context.Context, c *magic.Call) error {
				c.Page("text")
				c.SetNextInput("next", true)
				return nil
			}},
		},
	}
}

func TestOutput(t *testing.T) {
	c := start(t, toyOptions())
	for _, x := range []struct {
		code string
		want []string
	}{
		{"", nil},
		{"print a\nprint b", []string{"stdout: a\nb\n"}},
		{"print 1 %\r\x1b[1m2 %\x1b[0m", []string{"stdout: 1 %\r\x1b[1m2 %\x1b[0m\n"}},
		{"print a\nerr b\nprint c", []string{"stdout: a\n", "stderr: b\n", "stdout: c\n"}},
		{"print a\nhtml <b>x</b>\nprint c\nvalue 42", []string{"stdout: a\n", "display: x", "stdout: c\n", "result: 42"}},
		{"value 42;", nil},
		{"pair", []string{"result: 7"}},
		{"clear\nprint x", []string{`clear: {"wait":true}`, "stdout: x\n"}},
		{"print a\n%words q\nget word", []string{"stdout: a\nq true\n"}},
		{"%%words\nx y", nil},
		{"get word", []string{"stdout: x y true\n"}},
		{"value 1\n%words z", nil},
		{"bad", []string{"error: CompileError: cell[1]:1:1: undefined: bad"}},
		{"print a\n%words w\n  bad\nprint never", []string{"stdout: a\n", "error: CompileError: cell[1]:3:3: undefined: bad"}},
		{"panic index", []string{"error: panic: index"}},
		{"must L4 primitive: no", []string{"error: dlas: L4 primitive: no"}},
		{"%fails\nprint never", []string{"error: Error: no[2J such thing"}},
		{"%panics", []string{"error: Error: %panics: oh"}},
		{"%wrds", []string{"error: Error: there is no magic %wrds; did you mean %words?"}},
		{"print a\n%%words\nb", []string{"error: Error: %%words must be the first line of its cell"}},
		{"%time value 5", []string{"result: 5", "stdout: wall"}},
		{"%time\tbad", []string{"error: CompileError: cell[1]:1:7: undefined: bad"}},
		{"%page", []string{`payload: {"data":{"text/plain":"text"},"source":"page","start":0}`, `payload: {"replace":true,"source":"set_next_input","text":"next"}`}},
		{" exit\n", []string{`payload: {"keepkernel":false,"source":"ask_exit"}`}},
		{"quit()", []string{`payload: {"keepkernel":false,"source":"ask_exit"}`}},
		{"bad exit", []string{"error: CompileError: cell[1]:1:1: undefined: bad"}},
		{"%words?", []string{`payload: {"data":{"text/plain":"%words\n%%words\n\nh"},"source":"page","start":0}`}},
		{"print?", []string{`payload: {"data":{"text/markdown":"` + "```go\\nfunc print()\\n```" + `\n\nPrint prints.\n\n\tindented","text/plain":"func print()\n\nPrint prints.\n\n\tindented"},"source":"page","start":0}`}},
		{"nothing?", []string{"error: Error: nothing is known of nothing"}},
	} {
		out, done := c.run(x.code)
		for i := range out {
			if strings.HasPrefix(out[i], "stdout: wall") {
				out[i] = "stdout: wall"
			}
		}
		if !slices.Equal(out, x.want) {
			t.Errorf("%q:\n got %q\nwant %q", x.code, out, x.want)
		}
		failed := len(out) > 0 && strings.HasPrefix(out[len(out)-1], "error: ")
		if (done.Err != nil) != failed {
			t.Errorf("%q: done with %v", x.code, done.Err)
		}
	}
}

func TestTraceback(t *testing.T) {
	c := start(t, toyOptions())
	_, done := c.run("print é\n\té bad\n\tbad")
	want := []string{bold + "cell[1]:3:2:" + plain + " " + red + "undefined: bad" + plain, "    \tbad\n    \t^"}
	if !slices.Equal(done.Err.Traceback, want) {
		t.Errorf("got %q, want %q", done.Err.Traceback, want)
	}
	_, done = c.execute(pipe.Execute{Code: "panic a", Count: 2})
	f, g := bold+"cell[2]:1:1:"+plain+" in main.f", bold+"cell[0]:1:1:"+plain+" in main.g (2 times)"
	want = []string{red + "panic: a" + plain, f, "    panic a\n    ^", g}
	if !slices.Equal(done.Err.Traceback, want) {
		t.Errorf("got %q, want %q", done.Err.Traceback, want)
	}
	if _, done = c.execute(pipe.Execute{Code: "panic many times over", Count: 2}); len(done.Err.Traceback) != 2+maxFrames+1 || done.Err.Traceback[3] != g {
		t.Errorf("a long stack: %q", done.Err.Traceback)
	}
	long := newSources()
	long.put("cell[1]", strings.Repeat("a", 200)+"\n"+strings.Repeat("é", 100))
	for _, c := range []struct {
		line, col int
		want      string
	}{
		{1, 1, "    " + strings.Repeat("a", 80) + "…\n    ^"},
		{1, 101, "    …" + strings.Repeat("a", 79) + "…\n     " + strings.Repeat(" ", 40) + "^"},
		{1, 200, "    …" + strings.Repeat("a", 41) + "\n     " + strings.Repeat(" ", 40) + "^"},
		{2, 5, "    " + strings.Repeat("é", 80) + "…\n      ^"},
	} {
		if got := long.caret("cell[1]", c.line, c.col); got != c.want {
			t.Errorf("%d:%d:\n%s\nwant\n%s", c.line, c.col, got, c.want)
		}
	}
	if got := newSources().caret("cell[9]", 1, 1); got != "" {
		t.Errorf("a cell that is not known has the line %q", got)
	}
}

func TestSilent(t *testing.T) {
	c := start(t, toyOptions())
	out, done := c.execute(pipe.Execute{Code: "print a\nhtml b\nbad", Silent: true})
	if len(out) != 0 || done.Err == nil {
		t.Errorf("%q, %v", out, done.Err)
	}
	if out, _ := c.run("print b"); len(out) != 1 {
		t.Errorf("the next cell: %q", out)
	}
}

func TestUTF8IsNotCut(t *testing.T) {
	c := start(t, toyOptions())
	out, _ := c.run(`bytes "\xc3"` + "\nhtml x\n" + `bytes "\xa9"`)
	if want := []string{"display: x", "stdout: é"}; !slices.Equal(out, want) {
		t.Errorf("got %q, want %q", out, want)
	}
	out, _ = c.run(`bytes "a\xc3"`)
	if want := []string{"stdout: a\ufffd"}; !slices.Equal(out, want) && !slices.Equal(out, []string{"stdout: a", "stdout: \ufffd"}) {
		t.Errorf("got %q, want %q", out, want)
	}
	long := strings.Repeat("世", maxChunk)
	out, _ = c.run(`bytes "` + long + `"`)
	var got strings.Builder
	for _, s := range out {
		got.WriteString(strings.TrimPrefix(s, "stdout: "))
	}
	if got.String() != long || len(out) < 3 {
		t.Errorf("%d frames of %d bytes hold %d of %d", len(out), maxChunk, got.Len(), len(long))
	}
}

func TestOutputComesBeforeTheEnd(t *testing.T) {
	c := start(t, toyOptions())
	id := c.send(pipe.KindExecute, 0, pipe.Execute{Code: "spin"})
	if f := c.next(); f.Kind != pipe.KindStream { // while the cell runs
		t.Fatalf("got %s", f.Kind)
	}
	c.send(pipe.KindInterrupt, id, nil)
	out, last := c.answer(id)
	done := body[pipe.Done](t, last)
	if !done.Interrupted || done.Err == nil || done.Err.Name != "Interrupted" || len(out) != 1 || out[0].Kind != pipe.KindError {
		t.Errorf("%v, %+v", out, done)
	}
}

func TestInterrupt(t *testing.T) {
	c := start(t, toyOptions())
	c.run("set x")
	first := c.send(pipe.KindExecute, 0, pipe.Execute{Code: "spin"})
	second := c.send(pipe.KindExecute, 0, pipe.Execute{Code: "print second"})
	third := c.send(pipe.KindExecute, 0, pipe.Execute{Code: "print third"})
	c.next()
	c.send(pipe.KindInterrupt, second, nil) // while it waits
	c.send(pipe.KindInterrupt, first, nil)
	c.answer(first)
	if out, last := c.answer(second); !body[pipe.Done](t, last).Interrupted || len(out) != 1 {
		t.Errorf("the second cell gives %v", out)
	}
	if out, _ := c.answer(third); len(out) != 1 || brief(t, out[0]) != "stdout: third\n" {
		t.Errorf("the third cell gives %v", out)
	}
	for _, code := range []string{"spin", "slow", "!echo up; sleep 100"} {
		id := c.send(pipe.KindExecute, 0, pipe.Execute{Code: code})
		if code != "slow" {
			c.next()
		}
		c.send(pipe.KindInterrupt, 0, nil)
		if _, last := c.answer(id); !body[pipe.Done](t, last).Interrupted {
			t.Errorf("%s is not interrupted", code)
		}
	}
	if out, _ := c.run("get x"); !slices.Equal(out, []string{"stdout: 0 true\n"}) {
		t.Errorf("variables after it: %q", out)
	}
}

func TestContextOfTheCell(t *testing.T) {
	var during, after context.Context
	o := toyOptions()
	o.Magics = []magic.Magic{{Name: "ctx", Line: true, Help: "h", Run: func(ctx context.Context, _ *magic.Call) error {
		during = display.Context()
		if during != ctx {
			return errors.New("display has another context")
		}
		return nil
	}}}
	c := start(t, o)
	if _, done := c.run("%ctx"); done.Err != nil {
		t.Error(done.Err.Value)
	}
	after = display.Context()
	if during.Err() != nil || after.Done() != nil {
		t.Errorf("after the cell: its context %v, that of none %v", during.Err(), after)
	}
}

func TestInput(t *testing.T) {
	c := start(t, toyOptions())
	ask := func(code, prompt, reply string) string {
		t.Helper()
		id := c.send(pipe.KindExecute, 0, pipe.Execute{Code: code, AllowStdin: true})
		f := c.next()
		if in := body[pipe.Input](t, f); f.Kind != pipe.KindInputRequest || in.Prompt != prompt || f.Parent != id {
			t.Fatalf("%s asks %s %+v", code, f.Kind, in)
		}
		c.send(pipe.KindInputReply, id+100, pipe.Input{Value: "another's"})
		c.send(pipe.KindInputReply, id, pipe.Input{Value: reply})
		out, _ := c.answer(id)
		return brief(t, out[0])
	}
	if got := ask("input Name?", "Name?", "Ada"); got != "stdout: Ada <nil>\n" {
		t.Error(got)
	}
	if got := ask("read", "", "one line"); got != `stdout: "one line\n" <nil>`+"\n" {
		t.Error(got)
	}
	if out, _ := c.run("input x\nread"); !slices.Equal(out, []string{"stdout:  " + errNoInput.Error() + "\n\"\" EOF\n"}) {
		t.Errorf("without a user: %q", out)
	}
	id := c.send(pipe.KindExecute, 0, pipe.Execute{Code: "input x", AllowStdin: true})
	c.next()
	c.send(pipe.KindInterrupt, id, nil)
	if out, _ := c.answer(id); brief(t, out[0]) != "stdout:  interrupted\n" {
		t.Errorf("interrupted question: %q", brief(t, out[0]))
	}
}

func TestUserExpressions(t *testing.T) {
	c := start(t, toyOptions())
	_, done := c.execute(pipe.Execute{Code: "print a", UserExpressions: map[string]string{"v": "value 3", "b": "bad", "n": "print x"}})
	if e := done.Expressions["v"]; e["status"] != "ok" || !reflect.DeepEqual(e["data"], map[string]any{"text/plain": "3"}) || e["metadata"] == nil {
		t.Errorf("v: %v", e)
	}
	if e := done.Expressions["b"]; e["status"] != "error" || e["ename"] != "CompileError" || e["traceback"] == nil {
		t.Errorf("b: %v", e)
	}
	if e := done.Expressions["n"]; e["status"] != "error" {
		t.Errorf("n: %v", e)
	}
	if _, done := c.execute(pipe.Execute{Code: "bad", UserExpressions: map[string]string{"v": "value 3"}}); done.Expressions != nil {
		t.Errorf("evaluated after an error: %v", done.Expressions)
	}
}

func TestQuestionsWhileACellRuns(t *testing.T) {
	c := start(t, toyOptions())
	id := c.send(pipe.KindExecute, 0, pipe.Execute{Code: "spin"})
	c.next()
	for _, kind := range []pipe.Kind{pipe.KindComplete, pipe.KindInspect, pipe.KindIsComplete, pipe.KindUsage, pipe.KindDebug} {
		if out, _ := c.answer(c.send(kind, 0, pipe.Cursor{Code: "pr", Pos: 2})); len(out) != 0 {
			t.Errorf("%s: %v comes first", kind, out)
		}
	}
	c.send(pipe.KindInterrupt, id, nil)
	c.answer(id)
	_, last := c.answer(c.send(pipe.KindUsage, 0, nil))
	if u := body[pipe.Done](t, last).Usage; u["pid"] == nil || u["kernel_memory"].(float64) <= 0 {
		t.Errorf("usage %v", u)
	}
}

func TestReset(t *testing.T) {
	c := start(t, toyOptions())
	c.run("set x")
	c.answer(c.send(pipe.KindReset, 0, nil))
	if out, _ := c.run("get x"); !strings.HasSuffix(out[0], "false\n") {
		t.Errorf("%q", out)
	}
	c.run("set x")
	if out, _ := c.run("%reset\nget x"); !strings.HasSuffix(out[0], "false\n") {
		t.Errorf("%q", out)
	}
}

func TestMagicsNeedNoLanguage(t *testing.T) {
	for _, broken := range []func(interp.Options) (Language, error){
		func(interp.Options) (Language, error) { return nil, errors.New("broken") },
		func(interp.Options) (Language, error) { panic("broken") },
	} {
		o := toyOptions()
		o.Language = broken
		c := start(t, o)
		if out, done := c.run("%lsmagic\n!echo a"); done.Err != nil || len(out) != 1 || !strings.HasSuffix(out[0], "\na\n") {
			t.Errorf("%q, %v", out, done.Err)
		}
		if out, _ := c.run("x"); len(out) != 1 || !strings.Contains(out[0], "broken") {
			t.Errorf("%q", out)
		}
		for _, kind := range []pipe.Kind{pipe.KindComplete, pipe.KindInspect, pipe.KindIsComplete, pipe.KindReset} {
			c.answer(c.send(kind, 0, pipe.Cursor{Code: "x", Pos: 1}))
		}
	}
}

func TestExit(t *testing.T) {
	o := toyOptions()
	code := make(chan int, 1)
	o.Exit = func(c int) { code <- c }
	c := start(t, o)
	out, _ := c.run("print last words\nexit")
	if !slices.Equal(out, []string{"stdout: last words\n"}) || <-code != 3 {
		t.Errorf("%q", out)
	}
}

func TestMarker(t *testing.T) {
	var one, two strings.Builder
	o := toyOptions()
	o.Native = append(o.Native, &one, &two)
	c := start(t, o)
	_, first := c.run("print a")
	_, second := c.run("bad")
	if len(first.Marker) != pipe.MarkerLen || first.Marker == second.Marker {
		t.Errorf("markers %q, %q", first.Marker, second.Marker)
	}
	if want := first.Marker + second.Marker; one.String() != want || two.String() != want {
		t.Errorf("written %q, %q; want %q", one.String(), two.String(), want)
	}
}

func TestEndOfThePipe(t *testing.T) {
	c := start(t, toyOptions())
	c.send(pipe.KindExecute, 0, pipe.Execute{Code: "spin"})
	c.next()
	c.w.Close()
	select {
	case err := <-c.ended:
		if err != nil {
			t.Error(err)
		}
		c.ended <- nil
	case <-awake.After(deadline):
		t.Fatal("the session does not end")
	}
}

func TestBadBodies(t *testing.T) {
	c := start(t, toyOptions())
	for _, kind := range []pipe.Kind{pipe.KindExecute, pipe.KindComplete, pipe.KindInspect, pipe.KindIsComplete} {
		c.answer(c.send(kind, 0, json.RawMessage(`"text"`)))
	}
	c.send("nonsense", 0, nil)
	for _, pos := range []int{-1, 100} {
		c.answer(c.send(pipe.KindComplete, 0, pipe.Cursor{Code: "é", Pos: pos}))
	}
	if out, _ := c.run("print still"); len(out) != 1 {
		t.Errorf("%q", out)
	}
}

func TestGoroutinesOutliveTheCell(t *testing.T) {
	c := start(t, toyOptions())
	id := c.send(pipe.KindExecute, 0, pipe.Execute{Code: "later tick"})
	c.answer(id)
	ticks := 0
	for ticks < 4 {
		f := c.next()
		if f.Kind != pipe.KindStream || f.Parent != id {
			t.Fatalf("%s of %d, not of %d", f.Kind, f.Parent, id)
		}
		ticks += strings.Count(body[pipe.Stream](t, f).Text, "tick")
	}
	first := c.send(pipe.KindExecute, 0, pipe.Execute{Code: "asklater", AllowStdin: true})
	c.answer(first)
	second := c.send(pipe.KindExecute, 0, pipe.Execute{Code: "input mine", AllowStdin: true})
	for {
		f := c.next()
		if f.Kind == pipe.KindInputRequest {
			if f.Parent != second {
				t.Errorf("the question is of %d", f.Parent)
			}
			break
		}
	}
	c.send(pipe.KindInputReply, second, pipe.Input{Value: "yes"})
	out, _ := c.answer(second)
	if len(out) != 1 || !strings.Contains(brief(t, out[0]), "yes <nil>") {
		t.Errorf("%v", out)
	}
}

func TestManyPrint(t *testing.T) {
	c := start(t, toyOptions())
	var code strings.Builder
	for i := range 2000 {
		code.WriteString([]string{"print out\n", "err err\n"}[i/100%2])
	}
	out, _ := c.run(code.String())
	if len(out) > 60 || strings.Count(strings.Join(out, ""), "out\n") != 1000 {
		t.Errorf("%d frames", len(out))
	}
}
