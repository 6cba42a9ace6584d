package session

import (
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/godlas/godlas/kernel/internal/pipe"
	"github.com/godlas/godlas/kernel/interp"
)

// TestGo runs cells through the real interpreter, frame by frame.
func TestGo(t *testing.T) {
	errs := []string{"stderr: e\n1\n"}
	if os.Stderr == os.Stdout { // as with go test -json
		errs = []string{"stdout: e\n", "stderr: 1\n"}
	}
	c := start(t, Options{Libraries: []interp.Library{interp.Std()}})
	for i, x := range []struct {
		code string
		want []string
	}{
		{"x := 6\nx * 7", []string{"result: 42"}},
		{"import \"fmt\"\nfmt.Println(\"x is\", x)", []string{"stdout: x is 6\n"}},
		{"import \"os\"\nfmt.Fprintln(os.Stderr, \"e\")\nprintln(1)", errs},
		{"y := 1\n\n\tx + undefinedName", []string{"error: CompileError: cell[4]:3:6: undefined: undefinedName"}},
		{"a := []int{1}\n%who\na[x]", []string{"stdout: a  x\n", "error: panic: runtime error: index out of range [6] with length 1"}},
		{"%time z := x + 1\nz", []string{"stdout: wall", "result: 7"}},
		{"%time z + undef", []string{"error: CompileError: cell[7]:1:11: undefined: undef"}},
		{"%timeit -n 10 x*x", []string{"stdout: "}},
		{"%timeit -n 10 f(x)", []string{"error: CompileError: cell[9]:1:15: undefined: f"}},
		{"\n%timeit -n 10 f(x)", []string{"error: CompileError: cell[10]:2:15: undefined: f"}},
		{"%%timeit -n 10\nq := x\n_ = q", []string{"stdout: "}},
		{"%%time\nx + undef", []string{"error: CompileError: cell[12]:2:5: undefined: undef"}},
		{"type T struct{ n int }\nfunc (t T) MimeBundle() map[string]any { return map[string]any{\"text/html\": \"<b>T</b>\"} }\nT{5}", []string{"result: T"}},
		{"x, fmt.Errorf(\"e\")", []string{"result: 6, e"}},
		{"import \"strconv\"\nstrconv.Atoi(\"12\")", []string{"result: 12"}},
		{"strconv.Atoi(\"a\")", []string{"result: 0, strconv.Atoi: parsing \"a\": invalid syntax"}},
		{"var e error\ne", nil},
		{"var p any\np", []string{"result: <nil>"}},
		{"len(\"abc\")", []string{"result: 3"}},
		{"float64(x)", []string{"result: 6"}},
		{"fmt.Println(1);", []string{"stdout: 1\n"}},
		{"func f(n int) int { return n * 2 }\n%time f(4)\nf(5)", []string{"result: 8", "stdout: wall", "result: 10"}},
		{"strconv.Quote?", []string{"payload: "}},
		{"type Day int\nfunc (d Day) String() string { return []string{\"Mon\"}[d] }\nDay(7)", []string{"result: %!v(PANIC=String method: runtime error: index out of range [7] with length 1)"}},
		{"Day(0)", []string{"result: Mon"}},
		{"type Ptr struct{ n int }\nfunc (p *Ptr) String() string { return fmt.Sprint(p.n) }\n[]*Ptr{nil, {5}}", []string{"result: [<nil> 5]"}},
		{"type Bad int\nfunc (Bad) MimeBundle() map[string]any { panic(\"no\") }\nBad(7)", []string{"result: main.Bad (showing it panics: no)"}},
		{"%reset\nx", []string{"error: CompileError: cell[28]:2:1: undefined: x"}},
	} {
		out, done := c.execute(pipe.Execute{Code: x.code, Count: i + 1})
		same := slices.EqualFunc(out, x.want, strings.HasPrefix)
		if !same {
			t.Errorf("%q:\n got %q\nwant %q", x.code, out, x.want)
			if done.Err != nil {
				t.Logf("%s", strings.Join(done.Err.Traceback, "\n"))
			}
		}
	}
}

// TestGoInterrupt checks that an interrupt ends what does not end by itself, and that variables are kept.
func TestGoInterrupt(t *testing.T) {
	c := start(t, Options{Libraries: []interp.Library{interp.Std()}})
	c.run("import \"time\"\nkept := 5")
	for _, code := range []string{
		"println(0)\nfor {}",
		"println(0)\nfor { kept++; kept-- }",
		"println(0)\n<-make(chan int)",
		"println(0)\ntime.Sleep(time.Hour)",
		"println(0)\nfunc r(n int) { for { r2(n) } }\nfunc r2(n int) {}\nr(1)",
		"println(0)\n%timeit for {}",
		"println(0)\nselect {}",
		"type Loop int\nfunc (Loop) String() string { println(0); for {} }\nLoop(1)",
	} {
		id := c.send(pipe.KindExecute, 0, pipe.Execute{Code: code, Count: 2})
		c.next()
		c.send(pipe.KindInterrupt, id, nil)
		if _, last := c.answer(id); !body[pipe.Done](t, last).Interrupted {
			t.Errorf("%q is not interrupted: %s", code, last.Body)
		}
	}
	if out, _ := c.run("kept"); !slices.Equal(out, []string{"result: 5"}) {
		t.Errorf("after it: %q", out)
	}
}

func TestGoStdin(t *testing.T) {
	c := start(t, Options{Libraries: []interp.Library{interp.Std()}})
	id := c.send(pipe.KindExecute, 0, pipe.Execute{Code: "import (\"bufio\"; \"os\")\ns := bufio.NewScanner(os.Stdin)\ns.Scan()\ns.Text()", AllowStdin: true, Count: 1})
	if f := c.next(); f.Kind != pipe.KindInputRequest {
		t.Fatalf("%s %s", f.Kind, f.Body)
	}
	c.send(pipe.KindInputReply, id, pipe.Input{Value: "Ada"})
	out, _ := c.answer(id)
	if len(out) != 1 || brief(t, out[0]) != "result: Ada" {
		t.Errorf("%v", out)
	}
}

func TestGoQuestions(t *testing.T) {
	c := start(t, Options{Libraries: []interp.Library{interp.Std()}})
	c.run("import \"strings\"\nlonger := strings.Repeat(\"a\", 3)")
	_, last := c.answer(c.send(pipe.KindComplete, 0, cursor("é := 1\n%who\nstrings.Rep|")))
	got := body[pipe.Completed](t, last)
	var texts []string
	for _, m := range got.Matches {
		texts = append(texts, m.Text)
	}
	if !slices.Equal(texts, []string{"Repeat", "Replace", "ReplaceAll", "Replacer"}) || got.Start != 20 || got.End != 23 {
		t.Errorf("%q %+v", texts, got)
	}
	_, last = c.answer(c.send(pipe.KindInspect, 0, cursor("strings.Repe|at")))
	if d := body[pipe.Inspected](t, last); !d.Found || !strings.Contains(d.Data["text/plain"].(string), "Repeat returns a new string") {
		t.Errorf("%+v", d)
	}
	for code, want := range map[string]string{"x := 1": "complete", "if true {": "incomplete", "%who\nif true {": "incomplete", "x := )": "invalid"} {
		_, last = c.answer(c.send(pipe.KindIsComplete, 0, pipe.Cursor{Code: code}))
		if j := body[pipe.Judged](t, last); j.Status != want {
			t.Errorf("%q: %+v", code, j)
		}
	}
	_, done := c.execute(pipe.Execute{Code: "1", Count: 2, UserExpressions: map[string]string{"a": "longer + \"b\""}})
	if d, _ := done.Expressions["a"]["data"].(map[string]any); d["text/plain"] != "aaab" {
		t.Errorf("%v", done.Expressions)
	}
}
