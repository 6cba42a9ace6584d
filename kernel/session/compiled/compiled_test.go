package compiled

import (
	"bytes"
	"encoding/gob"
	"errors"
	"fmt"
	"go/token"
	"io"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/janpfeifer/gonb/gonbui/protocol"

	"github.com/godlas/godlas/kernel/interp"
	"github.com/godlas/godlas/kernel/session/magic"
)

func TestCut(t *testing.T) {
	kinds := func(cs []chunk) (out []string) {
		for _, c := range cs {
			k := c.kind.String()
			if c.kind == token.ILLEGAL {
				k = "stmt"
			}
			out = append(out, fmt.Sprintf("%s@%d:%d", k, c.at.line, c.at.col))
		}
		return out
	}
	for text, want := range map[string]string{
		"fmt.Println(1)": "stmt@1:1",
		"import \"fmt\"; x := 1\n\n// doc\nfunc f() {\n}\nf()":     "import@1:1 stmt@1:15 func@3:1 stmt@6:1",
		"func (t T) M() {}\nfunc() { f() }()\nfunc(a int) {}(1)":   "func@1:1 stmt@2:1 stmt@3:1",
		"func G[T any](x T) {}\nvar (\n\ta = 1\n)\ntype X int":     "func@1:1 var@2:1 type@5:1",
		"x := `\n%%\n`\n%%\ny := 1":                                "stmt@1:1",
		"/*\n%%\n*/\nf()\n":                                        "stmt@1:1",
		"if x {\n\tf()\n} else {\n}\nconst c = 1":                  "stmt@1:1 const@5:1",
		"package p\nimport (\n\t\"a\"\n)\n":                        "package@1:1 import@2:1",
		"defer func() {\n}()\ngo f()\nfor {\n}":                    "stmt@1:1 stmt@3:1 stmt@4:1",
		"func f() { // a }\n}\n\tf(\"func x\")":                    "func@1:1 stmt@3:2",
		"a, b :=\n\t1, 2\nlabel:\n\tfor {\n\t\tbreak label\n\t}\n": "stmt@1:1 stmt@3:1",
	} {
		s := cut(text, place{"c", 1, 1})
		if got := strings.Join(kinds(s.chunks), " "); got != want {
			t.Errorf("%q: %s, want %s", text, got, want)
		}
	}
	s := cut("func f() {}\n//gonb:%main -x=1 'a b'\nf()\nreturn", place{"c", 2, 1})
	if s.main == nil || s.main.text != "f()\nreturn" || s.main.at != (place{"c", 4, 1}) || s.args == nil || *s.args != "-x=1 'a b'" {
		t.Errorf("%+v", s)
	}
	for line, want := range map[string]bool{"%%": true, " %% -x": true, "%main": true, "%mainly": false, "%%go": false, "//gonb:%%": true, "%": false, "%main\ta": true} {
		if _, ok := MainLine(line); ok != want {
			t.Errorf("%q: %v", line, ok)
		}
	}
}

func declsOf(t *testing.T, cell, text string, program bool) (out []*decl) {
	t.Helper()
	for _, c := range cut(text, place{cell, 1, 1}).chunks {
		ds, err := c.parse()
		if err != nil {
			t.Fatalf("%q: %v", text, err)
		}
		for _, d := range ds {
			d.program = program
		}
		out = append(out, ds...)
	}
	return out
}

// TestMemory: what is declared again replaces what had one of its names, with what was declared beside it.
func TestMemory(t *testing.T) {
	var m memory
	names := func() string {
		var out []string
		for _, d := range m.decls {
			out = append(out, d.names...)
		}
		return strings.Join(out, " ")
	}
	for _, step := range []struct{ text, want string }{
		{"var a, _, c = f()\nfunc f() (x, y, z int) { return }", "a _ c:1:1 1 c f"},
		{"var c = 1", "f c"},
		{"type T struct{}\nfunc (t *T) M() {}\nfunc (t T) N() {}", "f c T T.M T.N"},
		{"type T int\nfunc (T) N() {}", "f c T.M T T.N"},
		{"const (\n\tA = iota\n\tB\n)\nvar (\n\tu = 1\n\tv = 2\n)", "f c T.M T T.N A B u v"},
		{"const B = 7\nvar u = 3", "f c T.M T T.N v B u"},
		{"import (\n\t\"os\"\n\tf \"fmt\"\n)", "f c T.M T T.N v B u os f"},
		{"func (l List[K, V]) Len() int { return 0 }\nfunc init_x() {}", "f c T.M T T.N v B u os f List.Len init_x"},
	} {
		m = m.merge(declsOf(t, "c", step.text, true))
		if got := names(); got != step.want {
			t.Errorf("%q: %s, want %s", step.text, got, step.want)
		}
	}
	if k := m.remove("T"); !slices.Equal(k, []string{"type"}) || m.remove("none") != nil {
		t.Errorf("%q", k)
	}
}

func TestCompose(t *testing.T) {
	named := interp.NewNamed(interp.Std())
	live := map[string]any{"n": 3, "xs": []string{"a", "b"}}
	w := world{path: named.Path, value: func(name string) (string, bool, error) {
		v, ok := live[name]
		if !ok {
			return "", false, nil
		}
		s, err := declare(name, fmt.Sprintf("%T", v), reflect.ValueOf(v))
		return s, err == nil, err
	}}
	w.memory = w.memory.merge(declsOf(t, "interpreted", "type P struct{ X int }\nfunc (p P) Get() int { return p.X + deep() }\nfunc deep() int { return len(xs) }\nfunc unused() { undefined() }\nimport str \"strings\"\nvar n = 1", false))
	w.memory = w.memory.merge(declsOf(t, "compiled", "func kept() {}\nfunc init_b() {}\nfunc init_a() {}\nimport _ \"embed\"\nimport \"os\"", true))
	p, err := compose(w, body{statements: chunks("fmt.Println(P{n}.Get(), str.ToUpper(\"a\"), rand.IntN(3))", place{"cell", 7, 1})})
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"import fmt \"fmt\"", "\"math/rand/v2\"", "str \"strings\"", "_ \"embed\"", "var n int = int(3)", "var xs []string = []string{\"a\", \"b\", }",
		"//line interpreted:1:1\ntype P", "//line interpreted:2:1\nfunc (p P) Get", "//line interpreted:3:1\nfunc deep", "func kept", "//line cell:7:1\nfmt.Println",
		"func init/*line compiled:3:12*/() {}\n//line compiled:2:1\nfunc init/*line compiled:2:12*/() {}",
	} {
		if !strings.Contains(p.main, want) {
			t.Errorf("without %q:\n%s", want, p.main)
		}
	}
	for _, no := range []string{"unused", "\"os\"", "var n = 1"} {
		if strings.Contains(p.main, no) {
			t.Errorf("with %q:\n%s", no, p.main)
		}
	}
	live["n"] = make(chan int)
	if _, err := compose(w, body{statements: chunks("fmt.Println(n)", place{"cell", 1, 1})}); err == nil || !strings.Contains(err.Error(), "n is a variable of the interpreted cells") || !strings.Contains(err.Error(), "chan") {
		t.Errorf("a channel: %v", err)
	}
}

func TestLiteral(t *testing.T) {
	type self struct{ Next *self }
	loop := &self{}
	loop.Next = loop
	for _, x := range []struct {
		v    any
		want string // or what is wrong with it, behind !
	}{
		{true, "true"},
		{"a\n\"", `"a\n\""`},
		{7, "int(7)"},
		{uint8(7), "uint8(7)"},
		{1.5, "float64(1.5)"},
		{float32(0.1), "float32(0.1)"},
		{time.Second, "time.Duration(1000000000)"},
		{[]int(nil), "[]int(nil)"},
		{[2]bool{true, false}, "[2]bool{true, false, }"},
		{map[string]int{"a": 1}, `map[string]int{"a": int(1), }`},
		{struct{ X, Y int }{X: 3}, "struct { X int; Y int }{X: int(3), }"},
		{[]any{1, "a", nil}, `[]interface {}{int(1), "a", nil, }`},
		{(*int)(nil), "(*int)(nil)"},
		{make(chan int), "!chan"},
		{func() {}, "!func"},
		{loop, "!nested"},
		{time.Unix(5, 7), "time.Unix(5, 7)"},
		{time.Unix(5, 0).UTC(), "time.Unix(5, 0).UTC()"},
		{time.Unix(5, 0).In(time.FixedZone("X", 60)), `time.Unix(5, 0).In(time.FixedZone("X", 60))`},
		{[]error{errors.New("e"), nil}, `[]error{errors.New("e"), nil, }`},
		{&sync.Mutex{}, "&sync.Mutex{}"},
		{*bytes.NewBufferString("a"), "!its package's own"},
		{new(int), "!pointer"},
		{[]float64{0, nan()}, "!NaN"},
	} {
		var w literal
		w.value(reflect.ValueOf(x.v), 0)
		bad, isBad := strings.CutPrefix(x.want, "!")
		if isBad && !strings.Contains(w.err, bad) || !isBad && (w.err != "" || w.String() != x.want) {
			t.Errorf("%#v: %s %s, want %s", x.v, w.String(), w.err, x.want)
		}
	}
}

func nan() float64 {
	z := 0.0
	return z / z
}

func TestFields(t *testing.T) {
	for line, want := range map[string][]string{
		"":                       nil,
		` a  b	c `:               {"a", "b", "c"},
		`-x=17 "a b" 'c "d"' ""`: {"-x=17", "a b", `c "d"`, ""},
		`a\ b "\"" é`:            {"a b", `"`, "é"},
	} {
		if got, err := magic.Fields(line); err != nil || !slices.Equal(got, want) {
			t.Errorf("%s: %q, %v", line, got, err)
		}
	}
	if _, err := magic.Fields(`"a`); err == nil {
		t.Error("an open quote is taken")
	}
	for line, want := range map[string]string{
		"-tags=a -x=17 b":          "[-tags=a] [-x=17 b]",
		"-tags a --cover -- -race": "[-tags=a -cover] [-race]",
		"file -tags=a":             "[] [file -tags=a]",
	} {
		words, _ := magic.Fields(line)
		flags, args, err := buildFlags(words)
		if got := fmt.Sprint(flags, " ", args); err != nil || strings.ReplaceAll(got, "  ", " ") != want {
			t.Errorf("%s: %s %v", line, got, err)
		}
	}
	for _, line := range []string{"-race", "-tags"} {
		if _, _, err := buildFlags([]string{line}); err == nil {
			t.Errorf("%s is taken", line)
		}
	}
}

func TestTestFlags(t *testing.T) {
	ds := declsOf(t, "c", "func TestA(t *testing.T) {}\nfunc BenchmarkB(b *testing.B) {}\nfunc Testing() {}\nfunc helper() {}\nfunc ExampleX() {}", true)
	for line, want := range map[string]string{
		"":                                  "-test.v -test.run=^(TestA|ExampleX)$ -test.bench=^(BenchmarkB)$",
		`""`:                                "-test.run=^(TestA|ExampleX)$ -test.bench=^(BenchmarkB)$",
		"-v":                                "-test.v -test.run=^(TestA|ExampleX)$ -test.bench=^(BenchmarkB)$",
		"-run A -count=2":                   "-test.run=A -test.count=2 -test.bench=^(BenchmarkB)$",
		"-test.bench=. -test.run=Benchmark": "-test.bench=. -test.run=Benchmark",
		"-bench .":                          "-test.bench=.",
	} {
		words, _ := magic.Fields(line)
		tr, err := testFlags(words)
		if err != nil {
			t.Errorf("%s: %v", line, err)
			continue
		}
		tr.choose(ds, len(words) > 0)
		if got := strings.Join(tr.args, " "); got != want {
			t.Errorf("%s: %s, want %s", line, got, want)
		}
	}
	for line, want := range map[string]string{"-race": "needs C", "-rum x": "did you mean -run?", "TestA": "-run TestA", "-fuzz=F": "seeds", "-run": "needs a value"} {
		words, _ := magic.Fields(line)
		if _, err := testFlags(words); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", line, err)
		}
	}
}

// TestTrace: the report of a panic is held back, and is an error; what only looks like one is passed on.
func TestTrace(t *testing.T) {
	plain := func(b []byte) []byte { return b }
	var out bytes.Buffer
	tr := &trace{w: &out, name: plain}
	for _, s := range []string{"before\npan", "ic: no\npanic: boom\n\ngoroutine 7 [running]:\nmain.f(0x1, {0x2})\n\tmod/dlas_cell/cell[3]:5 +0x1d\nmain.(*T).g(...)\n\tcell[2]:9\nruntime.x()\n\t/go/src/y.go:1 +0x2\n", "created by main.main in goroutine 1\n\tcell[3]:8 +0x3\n\ngoroutine 8 [x]:\nmain.h()\n\tcell[3]:1\nexit status 2\n"} {
		tr.Write([]byte(s))
	}
	if !tr.end(true) || out.String() != "before\npanic: no\n" {
		t.Errorf("%q", out.String())
	}
	var p *interp.PanicError
	if !errors.As(tr.panic(func(string, int) string { return "\t\tx()" }), &p) {
		t.Fatal("it is no panic")
	}
	want := []interp.Frame{{Func: "f", Cell: "cell[3]", Line: 5, Col: 3}, {Func: "(*T).g", Cell: "cell[2]", Line: 9, Col: 3}, {Func: "main", Cell: "cell[3]", Line: 8, Col: 3, Created: true}}
	if p.Text != "panic: boom" || !slices.Equal(p.Stack, want) {
		t.Errorf("%q %+v", p.Text, p.Stack)
	}
	out.Reset()
	tr = &trace{w: &out, name: plain}
	tr.Write([]byte("panic: said the program\n"))
	tr.end(false)
	tr.release()
	if out.String() != "panic: said the program\n" {
		t.Errorf("%q", out.String())
	}
}

// TestHost speaks with the kernel's end as GoNB's programs do.
func TestHost(t *testing.T) {
	r, w := io.Pipe()
	var notes bytes.Buffer
	var acks []any
	var asked []string
	h := &host{
		from: r, notes: &notes, before: func() {},
		answer: func(v *protocol.CommValue) error { acks = append(acks, v.Address, v.Value); return nil },
		input:  func(prompt string, password bool) { asked = append(asked, fmt.Sprint(prompt, password)) },
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		h.serve()
	}()
	enc := gob.NewEncoder(w)
	for _, v := range []any{
		&protocol.CommValue{Address: protocol.GonbuiSyncAddress, Value: 5},
		&protocol.CommValue{Address: "/x", Value: []string{"a"}},
		&protocol.CommValue{Address: "/x", Request: true},
	} {
		if err := enc.Encode(&protocol.DisplayData{Data: map[protocol.MIMEType]any{protocol.MIMECommValue: v}}); err != nil {
			t.Fatal(err)
		}
	}
	enc.Encode(&protocol.DisplayData{Data: map[protocol.MIMEType]any{protocol.MIMEJupyterInput: &protocol.InputRequest{Prompt: "p", Password: true}}})
	enc.Encode(&protocol.DisplayData{Data: map[protocol.MIMEType]any{protocol.MIMECommSubscribe: &protocol.CommSubscription{Address: "/x"}}})
	enc.Encode(&protocol.DisplayData{Data: map[protocol.MIMEType]any{protocol.MIMEJupyterInput: "no request"}})
	w.Write([]byte("what follows is of no interest"))
	w.Close()
	<-done
	if fmt.Sprint(acks) != "["+protocol.GonbuiSyncAckAddress+" 5]" || fmt.Sprint(asked) != "[p true]" && fmt.Sprint(asked) != "[ptrue]" {
		t.Errorf("%v, %v", acks, asked)
	}
	if n := strings.Count(notes.String(), "\n"); n != 3 || !strings.Contains(notes.String(), "string in place of an InputRequest") {
		t.Errorf("%d notes: %s", n, &notes)
	}
}

// TestBounded: the length of a message is seen before anything of it is read.
func TestBounded(t *testing.T) {
	var b bytes.Buffer
	enc := gob.NewEncoder(&b)
	for _, n := range []int{0, 1, 100, 5000, 70000} {
		enc.Encode(strings.Repeat("x", n))
	}
	dec := gob.NewDecoder(&bounded{r: iotestOne{&b}})
	for _, n := range []int{0, 1, 100, 5000, 70000} {
		var s string
		if err := dec.Decode(&s); err != nil || len(s) != n {
			t.Fatalf("%d: %d, %v", n, len(s), err)
		}
	}
	if err := dec.Decode(new(string)); !errors.Is(err, io.EOF) {
		t.Error(err)
	}
	for _, bad := range []string{"\xfc\x7f\xff\xff\xff", "\x80aaaaaaaaa", "\xfe\x01"} {
		if _, err := io.ReadAll(&bounded{r: strings.NewReader(bad)}); err == nil {
			t.Errorf("%q is read", bad)
		}
	}
}

// iotestOne reads a byte at a time.
type iotestOne struct{ r io.Reader }

func (o iotestOne) Read(p []byte) (int, error) { return o.r.Read(p[:min(1, len(p))]) }

// FuzzHost: whatever a program sends, its conversation ends and the session does not.
func FuzzHost(f *testing.F) {
	var b bytes.Buffer
	enc := gob.NewEncoder(&b)
	enc.Encode(&protocol.DisplayData{Data: map[protocol.MIMEType]any{protocol.MIMECommValue: &protocol.CommValue{Address: "/x", Value: map[string]float64{"a": 1}}}})
	enc.Encode(&protocol.DisplayData{Data: map[protocol.MIMEType]any{protocol.MIMEJupyterInput: &protocol.InputRequest{}}, Metadata: map[string]any{"a": 1}})
	f.Add(b.Bytes())
	f.Add([]byte("\xf8\xff"))
	f.Fuzz(func(t *testing.T, data []byte) {
		h := &host{
			from: bytes.NewReader(data), notes: io.Discard, before: func() {}, input: func(string, bool) {},
			answer: func(*protocol.CommValue) error { return nil },
		}
		h.messages()
	})
}

func TestCacheIsBounded(t *testing.T) {
	c := cache{dir: t.TempDir()}
	for i := range maxPrograms + 20 {
		src := filepath.Join(c.dir, "program")
		if err := os.WriteFile(src, []byte("x"), 0o700); err != nil {
			t.Fatal(err)
		}
		p, err := c.put(fmt.Sprint(i), src)
		if err != nil {
			t.Fatal(err)
		}
		old := time.Now().Add(time.Duration(i-1000) * time.Minute)
		os.Chtimes(p, old, old)
		if _, ok := c.find("0"); !ok { // in use all the time
			t.Fatalf("after %d the one in use is gone", i)
		}
	}
	entries, err := os.ReadDir(c.programs())
	if err != nil || len(entries) != maxPrograms {
		t.Errorf("%d programs, %v", len(entries), err)
	}
	if _, ok := c.find("1"); ok {
		t.Error("the oldest is still there")
	}
}

func TestVerdicts(t *testing.T) {
	var out bytes.Buffer
	v := &verdicts{w: &out}
	for _, s := range []string{"=== RUN   TestA\nhello", " world\n--- FA", "IL: TestA (0.00s)\n    --- PASS: TestA/x (0.00s)\nFAIL"} {
		v.Write([]byte(s))
	}
	err := v.end(t.Context(), errors.New("%%test: the program ended with exit status 1"))
	want := dim + "=== RUN   TestA" + plain + "\nhello world\n" + red + "--- FAIL: TestA (0.00s)" + plain + "\n" + green + "    --- PASS: TestA/x (0.00s)" + plain + "\n" + red + "FAIL" + plain
	if out.String() != want || err == nil || err.Error() != "%%test: TestA fails" {
		t.Errorf("%q %v", out.String(), err)
	}
}
