package main

import (
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/godlas/godlas/internal/need"
	"github.com/godlas/godlas/kernel/nb"
)

// The example notebooks of GoNB, which are its own tests too, run here as they are, and once more with every cell of Go as a
// program (%%go in front of it), and show what is stored in them. What differs, and why, is in gonbDifferences.

// gonbTests is the folder of the notebooks, in the module cache.
func gonbTests(t *testing.T) string {
	t.Helper()
	need.Program(t, "go", "go")
	if runtime.GOOS == "windows" {
		t.Skip("the notebooks use the shell of Unix")
	}
	out, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "github.com/janpfeifer/gonb").Output()
	dir := strings.TrimSpace(string(out))
	if err != nil || dir == "" {
		need.Missing(t, "go", "the module of GoNB is not in the module cache (go mod download has it)")
	}
	return filepath.Join(dir, "examples", "tests")
}

// difference is what a cell of a notebook shows in another way, and why.
type difference struct{ shows, why string }

const (
	lives     = "state lives: init functions run once, when they are declared, and init_x is a function like others"
	plainLs   = "%ls is text, and says what is of programs"
	noCloned  = "there is no clone of GoNB's repository to test"
	covered   = "the functions that are tested are no part of the test's file, so what is covered is known"
	ownDir    = "there is no folder of the kernel's own: !* runs where the notebook's go.mod is"
	ownWords  = "the kernel's own words"
	machine   = "a measurement"
	elsewhere = "%%capture FILE before a %%go cell writes what the cell shows in place of showing it"
)

// gonbDifferences are by notebook and number of the cell, from 0, among those of code; under "" for both ways to run it, or under
// the way alone.
func gonbDifferences() map[string]map[string]difference {
	return map[string]map[string]difference{
		"": {
			"gonbui 1":      {`stdout: ok|stderr: .*\[\[: not found`, "! is the system's sh, which knows no [[; here as there it takes that for no"},
			"gonbui 2":      {`error: .*goworkfix: there is nothing to mend`, noCloned},
			"gotest 2":      {"(?s)stdout: === RUN   TestA\nTesting A\n--- PASS: TestA .*\nPASS\ncoverage: .*% of statements\n", covered},
			"gotest 3":      {"(?s)imports .*functions .*", plainLs},
			"gotest 4":      {"(?s)stdout: === RUN   TestA\nTesting A\n--- PASS: TestA .*\nPASS\ncoverage: .*% of statements\n", covered},
			"gotest 5":      {"(?s)stdout: === RUN   TestB\nTesting B\n--- PASS: TestB .*\n=== RUN   TestAB\nTesting AB\n--- PASS: TestAB .*\nPASS\ncoverage: .*% of statements\n", covered + "; tests run in the order of the cell"},
			"gotest 6":      {"stdout: Testing A\nTesting B\nTesting AB\nPASS\ncoverage: .*% of statements\n", covered},
			"gotest 7":      {"(?s)stdout: goos: .*BenchmarkFibonacciA32.* ns/op\nBenchmarkFibonacciB32.*ns/op\nPASS\ncoverage: .*", machine},
			"gotest 8":      {"(?s)stdout: goos: .*BenchmarkFibonacciA32.* ns/op\nBenchmarkFibonacciB32.*ns/op\nPASS\ncoverage: .*", machine},
			"script 3":      {`error: `, ownWords},
			"bash_script 1": {`stdout: /.*\n$`, ownDir},
			"bash_script 2": {"^stdout: (/\\S+\n){2}\n\n$", ownDir + ", and no clone of GoNB's repository"},
			"writefile 0":   {"poetry.txt", ownWords},
			"writefile 1":   {"poetry.txt", ownWords},
		},
		"interpreted": {
			"init 1":     {"^$", lives},
			"init 2":     {"^$", lives},
			"init 3":     {"stdout: init: v0\n$", lives},
			"init 4":     {"stdout: init: v1\n$", lives},
			"init 6":     {"stdout: Done\n$", lives},
			"vartuple 1": {"variables +a, c\n +functions +tupleFn\n", plainLs},
			"vartuple 3": {"removed var a", "a variable lives on, whatever was declared with it"},
		},
		"%%go": {
			"vartuple 1": {"variables +a, c\n +functions +tupleFn\n", plainLs},
			"capture 0":  {"stderr: wrote 5 bytes", elsewhere},
			"capture 2":  {"stderr: appended 5 bytes", elsewhere},
			"capture 4":  {"stderr: wrote 10 bytes", elsewhere},
			"capture 6":  {"stderr: wrote 14 bytes", elsewhere},
		},
	}
}

func TestNotebooksOfGoNB(t *testing.T) {
	dir := gonbTests(t)
	for _, name := range []string{"hello", "functions", "init", "vartuple", "gotest", "gonbui", "script", "bash_script", "writefile", "capture"} {
		for _, how := range []string{"interpreted", "%%go"} {
			if how == "%%go" && slices.Contains([]string{"gotest", "script", "bash_script", "writefile"}, name) {
				continue // which are no different then
			}
			t.Run(name+"/"+strings.Trim(how, "%"), func(t *testing.T) {
				n, err := nb.Open(filepath.Join(dir, name+".ipynb"))
				if err != nil {
					t.Fatal(err)
				}
				wants := map[int]string{}
				var cells []*nb.Cell
				place := map[*nb.Cell]int{}
				number := 0
				for _, c := range n.Cells {
					if c.Kind != "code" {
						continue
					}
					wants[number] = shows(c.Outputs)
					for _, source := range written(c.Source, how) {
						x := &nb.Cell{Kind: "code", Source: source, Metadata: map[string]any{"tags": []any{"raises-exception"}}}
						place[x] = number
						cells = append(cells, x)
					}
					number++
				}
				n.Cells = cells
				gonbHome(t)
				p, err := nb.Start(t.Context(), os.Args[0], "session")
				if err != nil {
					t.Fatal(err)
				}
				defer p.Close()
				if err := nb.Run(t.Context(), n, p, nb.Options{}); err != nil {
					t.Fatal(err)
				}
				got := map[int][]nb.Output{}
				for _, c := range cells {
					got[place[c]] = append(got[place[c]], c.Outputs...)
				}
				for i := range number {
					compareGoNB(t, fmt.Sprintf("%s %d", name, i), how, shows(got[i]), wants[i])
				}
			})
		}
	}
}

// compareGoNB compares what a cell shows with what is stored, or with the difference that is known: a difference that there
// is no more is an error as well.
func compareGoNB(t *testing.T, cell, how, got, want string) {
	t.Helper()
	all := gonbDifferences()
	d, known := all[how][cell]
	if !known {
		d, known = all[""][cell]
	}
	switch {
	case !known && got != want:
		t.Errorf("%s shows\n%s\nstored is\n%s", cell, got, want)
	case known && got == want:
		t.Errorf("%s shows what is stored, though there is a reason not to: %s", cell, d.why)
	case known && !regexp.MustCompile(d.shows).MatchString(got):
		t.Errorf("%s shows\n%s\nwhich is not %q (%s)", cell, got, d.shows, d.why)
	}
}

// written is a cell as it is, or as a program: what is not Go of it in a cell before.
func written(source, how string) []string {
	if how != "%%go" || strings.Contains(source, "%test") || regexp.MustCompile(`^%%[a-z]`).MatchString(source) {
		return []string{source}
	}
	var special, program []string
	for _, l := range strings.Split(source, "\n") {
		bare := strings.TrimPrefix(l, "//gonb:")
		switch {
		case len(special) > 0 && strings.HasSuffix(special[len(special)-1], `\`), strings.HasPrefix(bare, "!"), strings.HasPrefix(bare, "%") && !strings.HasPrefix(bare, "%%"):
			special = append(special, l)
		default:
			program = append(program, l)
		}
	}
	if strings.HasPrefix(source, "%capture") { // which is of one cell: as GoNB has it, but of %%go
		file := strings.TrimPrefix(special[0], "%capture")
		return []string{"%%capture" + file + "\n%%go\n" + strings.Join(program, "\n")}
	}
	var out []string
	if len(special) > 0 {
		out = append(out, strings.Join(special, "\n"))
	}
	text := strings.Join(program, "\n")
	if strings.TrimSpace(regexp.MustCompile(`(?m)^//.*$`).ReplaceAllString(text, "")) != "" || strings.Contains(text, "//gonb:") {
		out = append(out, "%%go\n"+text)
	}
	return out
}

// gonbHome makes a folder for a notebook, with modules in place of those that the notebooks import, and what GoNB's own tests
// have in the environment.
func gonbHome(t *testing.T) {
	t.Helper()
	cache, err := os.UserCacheDir()
	if err != nil {
		t.Fatal(err)
	}
	home, err := os.UserHomeDir()
	if err != nil {
		t.Fatal(err)
	}
	for name, value := range map[string]string{"GOCACHE": filepath.Join(cache, "go-build"), "GOPATH": filepath.Join(home, "go")} {
		if os.Getenv(name) == "" {
			t.Setenv(name, value)
		}
	}
	dir := t.TempDir()
	t.Setenv("XDG_CACHE_HOME", t.TempDir())
	t.Setenv("TEST_DIR", dir+"/")
	t.Setenv("GOCOVERDIR", "/tmp/gonb_test_coverage.KSoWMYTrKF") // as stored; that it is not there is a warning
	t.Chdir(dir)
	for name, text := range map[string]string{
		"go.mod": "module notebook\n\ngo 1.24\n\nrequire (\n\tgithub.com/stretchr/testify v0.0.0\n\tgolang.org/x/exp v0.0.0\n)\n\n" +
			"replace github.com/stretchr/testify => ./testify\n\nreplace golang.org/x/exp => ./exp\n",
		"testify/go.mod":                 "module github.com/stretchr/testify\n\ngo 1.24\n",
		"testify/require/require.go":     "package require\n\nimport \"testing\"\n\nfunc Equal(t *testing.T, want, got any) {\n\tif want != got {\n\t\tt.Fatalf(\"%v, want %v\", got, want)\n\t}\n}\n",
		"exp/go.mod":                     "module golang.org/x/exp\n\ngo 1.24\n",
		"exp/constraints/constraints.go": "package constraints\n\ntype Integer interface{ ~int | ~int64 }\n\ntype Float interface{ ~float32 | ~float64 }\n",
	} {
		p := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(p), 0o777); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(p, []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
	}
}

var colour = regexp.MustCompile("\x1b\\[[0-9]*m")

// shows is what outputs show: one line or more for each, "stdout: …", "text/html: …", "error: …".
func shows(outputs []nb.Output) string {
	var b strings.Builder
	last := ""
	for _, o := range outputs {
		before := last
		last = o.Name
		switch o.Type {
		case "stream":
			text := colour.ReplaceAllString(o.Text, "")
			if o.Name == "stderr" && strings.Contains(text, "coverage") && strings.Contains(text, "emit failed") {
				last = before
				continue
			}
			if before != o.Name {
				b.WriteString(o.Name + ": ")
			}
			b.WriteString(text)
		case "display_data":
			for _, mime := range slices.Sorted(maps.Keys(o.Data)) {
				if mime != "text/plain" {
					fmt.Fprintf(&b, "%s: %v\n", mime, o.Data[mime])
				}
			}
		case "error":
			b.WriteString("error: " + o.EValue + "\n")
		}
	}
	return b.String()
}
