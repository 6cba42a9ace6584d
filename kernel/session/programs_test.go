package session

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/godlas/godlas/internal/need"
	"github.com/godlas/godlas/kernel/internal/pipe"
	"github.com/godlas/godlas/kernel/interp"
)

// compiler makes a session whose compiled cells have a place of the test's, and the user's build cache.
func compiler(t *testing.T) *client {
	t.Helper()
	need.Program(t, "go", "go")
	if os.Getenv("GOCACHE") == "" {
		d, err := os.UserCacheDir()
		if err != nil {
			t.Fatal(err)
		}
		t.Setenv("GOCACHE", filepath.Join(d, "go-build"))
	}
	if os.Getenv("GOMODCACHE") == "" && os.Getenv("GOPATH") == "" {
		home, _ := os.UserHomeDir()
		t.Setenv("GOPATH", filepath.Join(home, "go"))
	}
	t.Setenv("XDG_CACHE_HOME", t.TempDir())
	t.Setenv("HOME", t.TempDir())
	t.Chdir(t.TempDir())
	return start(t, Options{Libraries: []interp.Library{interp.Std()}})
}

func TestCompiledCells(t *testing.T) {
	c := compiler(t)
	steps(t, c, [][2]string{
		{"%%go\nfmt.Println(\"hi\", 1+2)", "stdout: hi 3\n"},
		{"%%go\nfunc double(n int) int { return 2 * n }\n%%\nfmt.Println(double(4), os.Args[1:])", "stdout: 8 []\n"},
		{"%%go\n%% -n 3 \"a b\"\nfmt.Println(double(5), len(os.Args))\n", "stdout: 10 4"},
		{"%%go\nx := 3\n\n\tundef(x)", "error: CompileError: cell[4]:4:2: undefined: undef"},
		{"%%go\nfunc f() {\n\tvar m map[string]int\n\tm[\"a\"] = 1\n}\nfmt.Println(\"before\")\nf()", "stdout: before\n | error: panic: assignment to entry in nil map"},
		{"type P struct{ X, Y int }\nfunc (p P) Sum() int { return p.X + p.Y }\nps := []P{{1, 2}, {3, 4}}\nname := \"Ada\"", ""},
		{"%%go\nfor _, p := range ps {\n\tfmt.Println(name, p.Sum())\n}", "stdout: Ada 3\nAda 7\n"},
		{"%%go\nos.Exit(3)", "error: Error: %%go: the program ended with exit status 3"},
		{"%%go\nimport \"github.com/janpfeifer/gonb/gonbui\"\nfmt.Println(1)\ngonbui.DisplayHTML(\"<b>h</b>\")\nfmt.Println(2)", "stdout: 1\n | display: h | stdout: 2\n"},
		{"%%go\npackage main\n\nfunc main() {\n\tfmt.Println(\"whole\")\n}", "stdout: whole\n"},
		{"%%go\nfunc f( {", "error: CompileError: cell[11]:2:"},
		{"%%go\nimport \"example.org/none\"\nnone.F()", "no module that is recorded here has package example.org/none: %get example.org/none@latest gets it"},
		{"%%go\nimport \"github.com/janpfeifer/gonb/gonbui/dom\"\ndom.Append()", "changing the page from a program needs GoNB's script"},
		{"import \"github.com/janpfeifer/gonb/gonbui/widgets\"", "error: Error: github.com/janpfeifer/gonb/gonbui/widgets: GoNB's own widgets need its script"},
		{"%wasm", "error: Error: %wasm: cells that are compiled to WebAssembly are GoNB's alone"},
		{"%%go\ndisplay.HTML(\"a\")", "cell[16]:2:1: undefined: display; package display is of the session"},
		{"%%go -race\nfmt.Println()", "-race needs C"},
		{"func Add(a, b int) int { return a + b }", ""},
		{"%%test\nfunc TestAdd(t *testing.T) {\n\tif Add(1, 2) != 3 {\n\t\tt.Error(\"no\")\n\t}\n}", "--- PASS: TestAdd"},
		{"%%test -v\nfunc TestBad(t *testing.T) {\n\tt.Errorf(\"it is %d\", Add(1, 1))\n}", "cell[20]:3: it is 2"},
		{"%%test\nfunc TestBad(t *testing.T) {\n\tt.Errorf(\"it is %d\", Add(1, 1))\n}", "error: Error: %%test: TestBad fails"},
		{"%%test -cover -run Add", "coverage: 25.0% of statements"},
	})
}

// TestGonbuiItself: programs that use GoNB's module, where it and what it needs are on this machine.
func TestGonbuiItself(t *testing.T) {
	c := compiler(t)
	write(t, "go.mod", "module notebook\n\ngo 1.24.4\n")
	get := func(env ...string) ([]byte, error) {
		cmd := exec.Command("go", "get", "github.com/janpfeifer/gonb/gonbui@v0.11.4")
		cmd.Env = append(append(os.Environ(), "GOFLAGS=-mod=mod"), env...)
		return cmd.CombinedOutput()
	}
	if _, err := get("GOPROXY=off", "GOSUMDB=off"); err != nil {
		if out, err := get(); err != nil {
			need.Missing(t, "go", "the modules that GoNB's gonbui needs are not in the module cache and cannot be downloaded here: "+string(out))
		}
	}
	steps(t, c, [][2]string{
		{
			"%%go\nimport \"github.com/janpfeifer/gonb/gonbui\"\nfmt.Println(1)\ngonbui.DisplayHTML(\"<b>h</b>\")\ngonbui.Sync()\nfmt.Println(2)\n" +
				"gonbui.UpdateMarkdown(\"id\", \"a\")\ngonbui.UpdateMarkdown(\"id\", \"b\")\ngonbui.DisplayPNG([]byte(\"\\x89PNG\\r\\n\\x1a\\n\"))\ngonbui.RequestInput(\"?\", false)\ngonbui.Sync()",
			"stdout: 1\n | display: h | stdout: 2\n | display: a | update: b | display: image/png, 8 bytes",
		},
		{"%%go\nimport \"github.com/janpfeifer/gonb/gonbui/comms\"\n_ = comms.Send", "GoNB's own widgets need its script"},
	})
}

// TestCompiledQuestions: in a %%go cell, what earlier ones declare is offered and explained too.
func TestCompiledQuestions(t *testing.T) {
	c := compiler(t)
	steps(t, c, [][2]string{
		{"%%go\n// Doubled is twice n.\nfunc Doubled(n int) int { return 2 * n }\ntype (\n\tDuo struct{ Left, Right int }\n)\nimport str \"strings\"", ""},
	})
	for text, want := range map[string]string{
		"%%go\nDoub|": "Doubled", "%%go\n%% -x\nvar d Duo\nd.Le|": "Left", "%%test\nfunc TestX() { Doub|": "Doubled", "%%go\nstr.ToTitl|": "ToTitleToTitleSpecial", "Doub|": "",
		"%%go -gc|": "-gcflags",
	} {
		_, last := c.answer(c.send(pipe.KindComplete, 0, cursor(text)))
		got := body[pipe.Completed](t, last)
		words := ""
		for _, m := range got.Matches {
			words += m.Text
		}
		typed := strings.LastIndexAny(text, ".\n ") + 1
		if words != want || want != "" && (got.Start != typed || got.End != len(text)-1) {
			t.Errorf("%q: %q, %d to %d", text, words, got.Start, got.End)
		}
	}
	_, last := c.answer(c.send(pipe.KindInspect, 0, cursor("%%go\nDoub|led(2)")))
	if d := body[pipe.Inspected](t, last); !d.Found || !strings.Contains(d.Data["text/plain"].(string), "is twice n") {
		t.Errorf("%+v", d)
	}
}

// TestProgramsOfTwoShells: programs of two subshells are built and run beside each other, and each one's output is its own.
func TestProgramsOfTwoShells(t *testing.T) {
	c := compiler(t)
	ids := map[uint64]string{}
	for i, shell := range []string{"", "other", "third"} {
		code := fmt.Sprintf("%%%%go\nfor i := range 20 {\n\tfmt.Println(%d, i)\n\ttime.Sleep(time.Millisecond)\n}", i)
		c.id++
		b, err := json.Marshal(pipe.Execute{Code: code, Count: i + 1})
		if err != nil {
			t.Fatal(err)
		}
		if err := c.conn.Write(pipe.Frame{Kind: pipe.KindExecute, ID: c.id, Shell: shell, Body: b}); err != nil {
			t.Fatal(err)
		}
		ids[c.id] = fmt.Sprint(i)
	}
	texts := map[uint64]string{}
	for done := 0; done < len(ids); {
		f := c.next()
		switch f.Kind {
		case pipe.KindStream:
			texts[f.Parent] += body[pipe.Stream](t, f).Text
		case pipe.KindDone:
			done++
			if d := body[pipe.Done](t, f); d.Err != nil {
				t.Error(d.Err.Value)
			}
		}
	}
	for id, n := range ids {
		want := ""
		for i := range 20 {
			want += fmt.Sprintln(n, i)
		}
		if texts[id] != want {
			t.Errorf("%s prints %q", n, texts[id])
		}
	}
}
