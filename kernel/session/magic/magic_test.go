package magic

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/godlas/godlas/internal/awake"
	"github.com/godlas/godlas/internal/heard"
	"github.com/godlas/godlas/internal/need"
	"github.com/godlas/godlas/kernel/display"
)

// host is a session that evaluates nothing and notes what it is asked.
type host struct {
	folder  string
	loaded  map[string]string
	reloads []string

	table   *Table
	sources []string
	results int
	resets  int
	next    string
	forgot  []string
	inputs  []Input
	copied  string
	answers chan string
	asked   []bool
	ran     []string
	set     map[string]any
	vars    []Var
	sleep   time.Duration // a run of a loop's body takes
}

func (h *host) Eval(ctx context.Context, src string) ([]reflect.Value, error) {
	h.sources = append(h.sources, src)
	if _, after, ok := strings.Cut(src, "for range "); ok && h.sleep > 0 {
		n, _ := strconv.Atoi(strings.Fields(after)[0])
		time.Sleep(time.Duration(n) * h.sleep)
	}
	if strings.Contains(src, "fails") {
		return nil, errors.New("it fails")
	}
	return []reflect.Value{reflect.ValueOf(1)}, ctx.Err()
}
func (h *host) Result([]reflect.Value) { h.results++ }
func (h *host) Vars() []Var            { return h.vars }
func (h *host) Get(name string) (reflect.Value, bool) {
	v, ok := h.set[name]
	return reflect.ValueOf(v), ok
}

func (h *host) Set(name string, v any) error {
	if h.set == nil {
		h.set = map[string]any{}
	}
	h.set[name] = v
	return nil
}
func (h *host) Reset()                           { h.resets++ }
func (h *host) Forget(name string)               { h.forgot = append(h.forgot, name) }
func (h *host) Inputs() []Input                  { return h.inputs }
func (h *host) Copy(path string, add bool) error { h.copied = fmt.Sprint(path, add); return nil }
func (h *host) Run(_ context.Context, s string) error {
	h.ran = append(h.ran, s)
	return nil
}

func (h *host) Capture(_ context.Context, s string) (*display.Captured, error) {
	h.ran = append(h.ran, s)
	return &display.Captured{Parts: []display.Part{{Stream: "stdout", Text: "out\n"}, {Data: map[string]any{"text/html": "<p>"}}}}, nil
}
func (h *host) Page(string)                         {}
func (h *host) SetNextInput(s string, replace bool) { h.next = s }
func (h *host) Table() *Table                       { return h.table }
func (h *host) Folder() string                      { return h.folder }
func (h *host) CanAsk() bool                        { return h.answers != nil }
func (h *host) Ask(ctx context.Context, prompt string, password bool) (string, error) {
	h.asked = append(h.asked, password)
	select {
	case a, ok := <-h.answers:
		if !ok {
			return "", errors.New("nobody is there")
		}
		return a, nil
	case <-ctx.Done():
		return "", ctx.Err()
	}
}
func (h *host) BuiltIn(module string) bool { return module == "gonum.org/v1/gonum" }
func (h *host) Loaded() map[string]string  { return h.loaded }
func (h *host) Reload(module string) []string {
	h.reloads = append(h.reloads, module)
	return []string{module}
}

func newHost() *host { return &host{table: NewTable(Builtin())} }

func (h *host) do(t *testing.T, name, args, body string, whole bool) (string, error) {
	t.Helper()
	return h.doCtx(t, t.Context(), name, args, body, whole)
}

func (h *host) doCtx(t *testing.T, ctx context.Context, name, args, body string, whole bool) (string, error) {
	t.Helper()
	m, err := h.table.Find(name, whole)
	if err != nil {
		return "", err
	}
	var out heard.Buffer
	err = m.Run(ctx, &Call{Session: h, Name: name, Args: args, Whole: whole, Body: body, Stdout: &out, Stderr: &out, Line: 1, Column: len(name) + 3})
	return out.String(), err
}

func TestTable(t *testing.T) {
	row := func(name string) Magic { return Magic{Name: name, Line: true} }
	tab := NewTable(Builtin(), []Magic{row("dlas"), {Name: "time", Line: true, Help: "mine"}})
	if m, err := tab.Find("time", false); err != nil || m.Help != "mine" {
		t.Errorf("a later row does not win: %v, %v", m.Help, err)
	}
	for _, c := range []struct {
		name  string
		whole bool
		want  string
	}{
		{"dals", false, "there is no magic %dals; did you mean %dlas?"},
		{"bsh", true, "there is no magic %%bsh; did you mean %%bash or %%sh?"},
		{"bash", false, "there is no %bash; write %%bash as the first line of a cell"},
		{"who", true, "there is no %%who; write %who on a line of its own"},
		{"quantise", false, "there is no magic %quantise; %lsmagic lists what there is"},
		{"", false, "there is no magic %; %lsmagic lists what there is"},
	} {
		if _, err := tab.Find(c.name, c.whole); err == nil || err.Error() != c.want {
			t.Errorf("%s: %v, want %s", c.name, err, c.want)
		}
	}
	if !slices.IsSortedFunc(tab.Rows(), func(a, b Magic) int { return strings.Compare(a.Name, b.Name) }) {
		t.Error("rows are not sorted")
	}
}

func TestBuiltinRows(t *testing.T) {
	for _, m := range Builtin() {
		if m.Name == "" || m.Help == "" || m.Run == nil || !m.Line && !m.Cell {
			t.Errorf("row %q is not whole", m.Name)
		}
	}
}

func TestHelp(t *testing.T) {
	h := newHost()
	out, err := h.do(t, "help", "", "", false)
	if err != nil || !strings.Contains(out, "%timeit …") || !strings.Contains(out, "%%bash") {
		t.Errorf("%v: %s", err, out)
	}
	out, err = h.do(t, "help", "%time", "", false)
	if err != nil || !strings.HasPrefix(out, "%time STATEMENT\n%%time STATEMENT\n\n") {
		t.Errorf("%v: %s", err, out)
	}
	if _, err = h.do(t, "help", "tim", "", false); err == nil || !strings.Contains(err.Error(), "%time or %timeit") {
		t.Errorf("%v", err)
	}
	if out, _ = h.do(t, "lsmagic", "", "", false); !strings.Contains(out, "%who") || !strings.Contains(out, "%%sh") {
		t.Error(out)
	}
	for l := range strings.Lines(out) {
		if len(l) > 82 || strings.HasPrefix(l, " ") {
			t.Errorf("a line is %q", l)
		}
	}
}

func TestTime(t *testing.T) {
	h := newHost()
	out, err := h.do(t, "time", "f(x)", "", false)
	if err != nil || h.results != 1 || !strings.HasPrefix(out, "wall ") || h.sources[0] != "      f(x)" {
		t.Errorf("%q, %v, %q", out, err, h.sources)
	}
	if out, err = h.do(t, "time", "fails", "", false); err == nil || out != "" {
		t.Errorf("a failing statement: %q, %v", out, err)
	}
	h.do(t, "time", "", "a\nb", true)
	if got := h.sources[len(h.sources)-1]; got != "\na\nb" {
		t.Errorf("whole cell runs %q", got)
	}
	if _, err = h.do(t, "time", "", "", false); err == nil {
		t.Error("nothing to time is no error")
	}
}

func TestTimeIt(t *testing.T) {
	h := newHost()
	h.sleep = 200 * time.Microsecond
	out, err := h.do(t, "timeit", "-n 5 x+1", "", false)
	if err != nil || !strings.Contains(out, "7 rounds of 5;") || len(h.sources) != 8 {
		t.Fatalf("%q, %v, %d runs", out, err, len(h.sources))
	}
	if got := h.sources[1]; got != "for range 5 { /*line :1:10*/_ = x+1\n}" {
		t.Errorf("runs %q", got)
	}
	h.sources = nil
	if _, err := h.do(t, "timeit", "f()", "", false); err != nil {
		t.Fatal(err)
	}
	last := strings.Fields(h.sources[len(h.sources)-1])
	if n, _ := strconv.Atoi(last[2]); n < 20 || n > 2000 { // 100 ms of 200 µs are 500
		t.Errorf("chose %d rounds", n)
	}
	for _, args := range []string{"", "-n x f()", "-n 0 f()", "-n 5"} {
		if _, err := h.do(t, "timeit", args, "", false); err == nil {
			t.Errorf("%q is accepted", args)
		}
	}
}

func TestDigits(t *testing.T) {
	for d, want := range map[time.Duration]string{0: "0 ns", 12: "12 ns", 1500: "1.5 µs", 12345 * time.Microsecond: "12.3 ms", 90 * time.Second: "90 s", 2 * time.Hour: "2h0m0s"} {
		if got := digits(d); got != want {
			t.Errorf("%d: %s, want %s", d, got, want)
		}
	}
	if got := size(12345678); got != "12.3 MB" {
		t.Error(got)
	}
}

func TestWho(t *testing.T) {
	h := newHost()
	if out, _ := h.do(t, "who", "", "", false); out != "no names yet\n" {
		t.Error(out)
	}
	h.vars = []Var{{"x", "var", "int", reflect.ValueOf(3)}, {"f", "func", "func()", reflect.ValueOf(func() {})}, {"s", "var", "string", reflect.ValueOf(strings.Repeat("a\n", 50))}}
	if out, err := h.do(t, "who", "func int", "", false); err != nil || out != "f  x\n" {
		t.Errorf("%v: %s", err, out)
	}
	if _, err := h.do(t, "who", "chan", "", false); err == nil || err.Error() != `%who: "chan" is no kind (var, func, type, const) and nothing has this type` {
		t.Error(err)
	}
	out, err := h.do(t, "whos", "", "", false)
	if err != nil || strings.Count(out, "\n") != 4 || !strings.Contains(out, "var   x     int     3") || strings.Contains(out, "0x") {
		t.Errorf("%v:\n%s", err, out)
	}
}

func TestEnvAndCd(t *testing.T) {
	h := newHost()
	t.Setenv("DLAS_TEST_A", "1")
	if out, err := h.do(t, "env", "DLAS_TEST_A = two words", "", false); err != nil || out != "" || os.Getenv("DLAS_TEST_A") != "two words" {
		t.Errorf("%q, %v", out, err)
	}
	if out, _ := h.do(t, "env", "DLAS_TEST_A", "", false); out != "two words\n" {
		t.Error(out)
	}
	if _, err := h.do(t, "env", "DLAS_TEST_NONE", "", false); err == nil {
		t.Error("no error for a variable that is not set")
	}
	if _, err := h.do(t, "env", "=x", "", false); err == nil {
		t.Error("no error for no name")
	}
	t.Chdir(t.TempDir())
	if err := os.Mkdir("sub", 0o700); err != nil {
		t.Fatal(err)
	}
	if out, err := h.do(t, "cd", "sub", "", false); err != nil || !strings.HasSuffix(out, "sub\n") {
		t.Errorf("%q, %v", out, err)
	}
	if _, err := h.do(t, "cd", "nowhere", "", false); err == nil || strings.Contains(err.Error(), "chdir") {
		t.Errorf("%v", err)
	}
}

func TestLoad(t *testing.T) {
	h := newHost()
	path := filepath.Join(t.TempDir(), "a.go")
	os.WriteFile(path, []byte("x := 1"), 0o600)
	if _, err := h.do(t, "load", path, "", false); err != nil || h.next != "x := 1" {
		t.Errorf("%q, %v", h.next, err)
	}
	big := filepath.Join(t.TempDir(), "big")
	os.WriteFile(big, nil, 0o600)
	os.Truncate(big, maxLoad+1)
	for _, p := range []string{"", path + "x", big} {
		if _, err := h.do(t, "load", p, "", false); err == nil {
			t.Errorf("%q is loaded", p)
		}
	}
}

func TestComplete(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(dir)
	os.Mkdir("data", 0o700)
	os.WriteFile("date.txt", nil, 0o600)
	os.WriteFile(".hidden", nil, 0o600)
	m, n := Files("cat da")
	if n != 2 || len(m) != 2 || m[0].Text != "data/" || m[1].Text != "date.txt" {
		t.Errorf("%v, %d", m, n)
	}
	if m, _ := Files(""); len(m) != 2 {
		t.Errorf("hidden files are offered: %v", m)
	}
	if m, n := Words("a b(c", " (", "cat", "dog"); n != 1 || len(m) != 1 || m[0].Text != "cat" {
		t.Errorf("%v, %d", m, n)
	}
	if m, n := completeMagics(Completing{Text: "%tim", Table: NewTable(Builtin())}); n != 3 || len(m) != 2 {
		t.Errorf("%v, %d", m, n)
	}
}

func unixOnly(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("the command lines of this test are for a Unix shell")
	}
}

func TestShell(t *testing.T) {
	unixOnly(t)
	h := newHost()
	shell := func(ctx context.Context, line string) (string, error) {
		var out heard.Buffer
		err := Shell(ctx, &Call{Session: h, Args: line, Stdout: &out, Stderr: &out})
		return out.String(), err
	}
	if out, err := shell(t.Context(), "echo a; echo b >&2"); err != nil || out != "a\nb\n" {
		t.Errorf("%q, %v", out, err)
	}
	if _, err := shell(t.Context(), "exit 3"); err == nil || err.Error() != "!exit: exit status 3" {
		t.Errorf("%v", err)
	}
	if _, err := shell(t.Context(), ""); err == nil {
		t.Error("no command is no error")
	}
}

func TestShellInterrupt(t *testing.T) {
	unixOnly(t)
	for _, line := range []string{
		"echo up; sleep 100",
		"trap '' INT; echo up; sleep 100; sleep 100", // deaf to the first signal
		"sleep 100 & echo up; wait",
	} {
		ctx, stop := context.WithCancelCause(t.Context())
		why := errors.New("interrupted")
		var out heard.Buffer
		done := make(chan error, 1)
		go func() { done <- Shell(ctx, &Call{Session: newHost(), Args: line, Stdout: &out, Stderr: &out}) }()
		for out.String() == "" {
			time.Sleep(time.Millisecond)
		}
		stop(why)
		select {
		case err := <-done:
			if !errors.Is(err, why) {
				t.Errorf("%s: ends in %v", line, err)
			}
		case <-awake.After(20 * grace):
			t.Fatalf("%s: does not stop", line)
		}
	}
}

func TestScripts(t *testing.T) {
	need.Program(t, "bash", "bash")
	h := newHost()
	if out, err := h.do(t, "bash", "", "x=(1 2)\necho ${x[1]}\n", true); err != nil || out != "2\n" {
		t.Errorf("%q, %v", out, err)
	}
	if _, err := h.do(t, "sh", "", "exit 2", true); err == nil || err.Error() != "%%sh: exit status 2" {
		t.Errorf("%v", err)
	}
	if _, err := h.do(t, "sh", "", " \n", true); err == nil {
		t.Error("an empty script is no error")
	}
}
