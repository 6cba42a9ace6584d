package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/godlas/godlas/dlas"
)

// TestMain is the program itself where a test starts it as one: the notebook's session is this binary too.
func TestMain(m *testing.M) {
	if os.Getenv("DLAS_TEST_MAIN") != "" {
		main()
	}
	dir, err := os.MkdirTemp("", "dlas-test")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(exitFailed)
	}
	for name, value := range map[string]string{"DLAS_TEST_MAIN": "1", "DLAS_STORE": filepath.Join(dir, "store"), "DLAS_CACHE": filepath.Join(dir, "cache"), "DLAS_DATA": filepath.Join(dir, "data"), "DLAS_CHECK_MESSAGES": "1"} {
		os.Setenv(name, value)
	}
	code := m.Run()
	os.RemoveAll(dir)
	os.Exit(code)
}

// start runs the program with arguments.
func start(t *testing.T, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, os.Args[0], args...)
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	if err := cmd.Run(); err != nil && cmd.ProcessState == nil {
		t.Fatal(err)
	}
	return cmd.ProcessState.ExitCode(), out.String(), errs.String()
}

// TestBadInput: exit code 2 and exactly one line on stderr, nothing on stdout.
func TestBadInput(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	for _, c := range []struct {
		args []string
		want string // the line, or its beginning where it ends in …
	}{
		{[]string{"rn"}, `unknown command "rn"; try run, …`},
		{[]string{"run", "--data", "fashon"}, `L1 data: unknown data set "fashon"; try fashion-mnist, …`},
		{[]string{"run", "--data", "fashion-mnist(n=20000)"}, "L1 data: n=20000 is more than the 10000 images of fashion-mnist's split test; try n=10000"},
		{[]string{"run", "--data", "fashion-mnist(n=x)"}, "L1 data: n=x of fashion-mnist is not a number from 1"},
		{[]string{"run", "--data", "cifar10"}, "L1 data: …"},
		{[]string{"run", "--model", "resnet9"}, `L2 model: unknown model "resnet9"; try resnet8, …`},
		{[]string{"run", "--compress", "prune(1.5)"}, "L3 compress: prune(1.5): the fraction must be from 0 to 1; write prune(0.9) for nine of ten"},
		{[]string{"run", "--compress", "prune(0.9"}, "L3 compress: missing , or ) at the end of `prune(0.9`"},
		{[]string{"run", "--compress", "prune(0, .5)"}, "these choices are 2 points, and run measures one; use sweep"},
		{[]string{"run", "--primitive", "winograd csr"}, "L4 primitive: …"},
		{[]string{"run", "--primitive", "winograd bsr"}, "L4 primitive: …"},
		{[]string{"run", "--primitive", "dirct"}, `L4 primitive: unknown algorithm "dirct"; try direct, …`},
		{[]string{"run", "--schedule", "tuned(0)"}, "L5 schedule: tuned(0) does not say how many candidates to measure; try tuned(300)"},
		{[]string{"run", "--hardware", "cpu(threads=0)"}, "L6 hardware: threads=0 is not possible here; 1 to …"},
		{[]string{"run", "--hardware", "cpu(isa=avx1024)"}, `L6 hardware: unknown isa "avx1024"; try avx…`},
		{[]string{"run", "--modle", "resnet8"}, `run: unknown flag "--modle"; try --model, …`},
		{[]string{"run", "--model"}, "run: --model needs a value: --model CHOICE"},
		{[]string{"run", "fast"}, `run: unexpected argument "fast"; usage: dlas run [--json] …`},
		{[]string{"run", "--spec", filepath.Join(dir, "none.json")}, "cannot read the spec: open …"},
		{[]string{"run", "--spec", write("a.json", "{")}, "the spec is not a JSON object: unexpected end of JSON input; …"},
		{[]string{"run", "--spec", write("b.json", `{"mdel": "resnet8"}`)}, `unknown layer "mdel"; try model, …`},
		{[]string{"run", "--go", "--model", "x"}, `L2 model: unknown model "x"; try …`},
		{[]string{"sweep", "--compress", "prune(0, 2)"}, "L3 compress: prune(2): the fraction must be from 0 to 1; write prune(0.9) for nine of ten"},
		{[]string{"compare", "one"}, "compare: one result; usage: dlas compare [--stored] [A B]"},
		{[]string{"compare"}, "compare needs two results, and there are 0; run two stacks first"},
		{[]string{"compare", "a", "b"}, `there is no result "a", nor any other; run a stack first`},
		{[]string{"data"}, "data: too few arguments; usage: dlas data list | data get NAME"},
		{[]string{"data", "get", "cifar"}, `L1 data: unknown data set to download "cifar"; try cifar10, …`},
		{[]string{"data", "put", "cifar10"}, "data: say list, or get and a name; usage: dlas data list | data get NAME"},
		{[]string{"results", "--results", filepath.Join(dir, "none.jsonl")}, "cannot read the results: open …"},
		{[]string{"results", "--results", write("e.jsonl", "\n{\n")}, "line 2 of the results is no result: unexpected end of JSON input"},
		{[]string{"plot", "grph"}, `unknown plot "grph"; try graph, …`},
		{[]string{"nodes"}, "there is no result yet; measure one with dlas run"},
		{[]string{"explain"}, "there is no result yet; measure one with run"},
		{[]string{"results"}, "there is no result yet; measure one with dlas run"},
		{[]string{"results", "resnet8"}, "there is no result yet; measure one with dlas run"},
		{[]string{"plot", "pareto"}, "plot: -o names no file; usage: dlas plot …"},
		{[]string{"plot", "pareto", "-o", filepath.Join(dir, "x.svg")}, "there is no result to plot; measure one with run or sweep"},
		{[]string{"nb", "run", filepath.Join(dir, "none.ipynb")}, "…"},
		{[]string{"nb", "run", write("c.ipynb", "{")}, "…"},
		{[]string{"nb", "run", "-p", "x", write("d.ipynb", "{}")}, `nb run: -p: "x" is not name=value with a name of Go`},
		{[]string{"nb", "run", "-o", filepath.Join(dir, "none", "x.ipynb"), write("o.ipynb", `{"cells": [], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}`)}, "nb run: -o …"},
		{[]string{"nb", "run", "--write", "-p", "x=1", write("w.ipynb", "{}")}, "nb run: --write stores the notebook as it is written: without -o and -p"},
		{[]string{"nb", "run", "-p"}, "nb run: -p needs a value: -p NAME=VALUE"},
		{[]string{"nb", "run", "-q"}, `nb run: unknown flag "-q"; try -…`},
		{[]string{"nb", "run", "--timeout", "soon", "x.ipynb"}, `nb run: --timeout: "soon" is not a time such as 90s, 5m or 1h`},
		{[]string{"nb", "test", "--tolerance", "x", "x.ipynb"}, `nb test: --tolerance: "x" is not a number such as 0.01`},
		{[]string{"lab", "--port", "x"}, `lab: --port: "x" is not a whole number`},
		{[]string{"lab", "--no-browser=x"}, `lab: --no-browser: "x" is not true or false`},
		{[]string{"nb", "walk", "x"}, `nb: unknown verb "walk"; there are run, test, convert, clean`},
		{[]string{"lab", "--port", "70000"}, "lab: port 70000 is not in 0..65535"},
		{[]string{"install", "--user", "--prefix", dir}, "install: --user and --prefix name two places"},
		{[]string{"uninstall", "--sys-prefix", "--prefix", dir}, "uninstall: --prefix and --sys-prefix name two places"},
		{[]string{"install", "--prefix", dir, "--env", "A"}, `install: --env: "A" is not NAME=VALUE`},
		{[]string{"install", "--prefix", dir, "--memory", "lots"}, "install: --memory: …"},
		{[]string{"install", "--prefix", dir, "--memory", "1MiB"}, "install: --memory 1MiB is too little; 256MiB is the least"},
		{[]string{"kernel"}, "kernel: Jupyter starts this command, with --connection-file; dlas install tells it how"},
		{[]string{"help", "latensy"}, `unknown word "latensy"; try latency, …`},
	} {
		code, stdout, stderr := start(t, c.args...)
		if code != exitBadInput || stdout != "" {
			t.Errorf("%v: exit code %d, stdout %q, stderr %q", c.args, code, stdout, stderr)
		}
		line, one := strings.CutSuffix(stderr, "\n")
		line, named := strings.CutPrefix(line, "dlas: ")
		if !one || !named || strings.ContainsAny(line, "\n\r\x1b") {
			t.Errorf("%v: not one line: %q", c.args, stderr)
		}
		if begin, open := strings.CutSuffix(c.want, "…"); line != c.want && !(open && strings.HasPrefix(line, begin)) {
			t.Errorf("%v:\n got %s\nwant %s", c.args, line, c.want)
		}
	}
}

// result is what the tests read of --json.
type result struct {
	Spec     dlas.Spec `json:"spec"`
	Hash     string    `json:"spec_hash"`
	Accuracy struct {
		N int `json:"n"`
	} `json:"accuracy"`
}

func TestRunJSON(t *testing.T) {
	code, stdout, stderr := start(t, "run", "--data", "fashion-mnist(n=50)", "--compress", "prune(.5)", "--primitive", "csr direct", "--json")
	if code != exitOK || stderr != "" || strings.Count(stdout, "\n") != 1 {
		t.Fatalf("exit code %d, stderr %q, %d lines", code, stderr, strings.Count(stdout, "\n"))
	}
	var r result
	if err := json.Unmarshal([]byte(stdout), &r); err != nil {
		t.Fatal(err)
	}
	if r.Accuracy.N != 50 || r.Spec.Primitive != "direct csr" || r.Spec.Compress != "prune(0.5)" {
		t.Errorf("%+v", r)
	}
	// A result is a Spec for --spec; a flag changes it.
	path := filepath.Join(t.TempDir(), "result.json")
	if err := os.WriteFile(path, []byte(stdout), 0o600); err != nil {
		t.Fatal(err)
	}
	code, stdout, stderr = start(t, "sweep", "--spec", path, "--compress", "prune(.5, .6)", "--json")
	if code != exitOK || stderr != "" || strings.Count(stdout, "\n") != 2 {
		t.Fatalf("exit code %d, stderr %q, stdout %q", code, stderr, stdout)
	}
	var first result
	if err := json.NewDecoder(strings.NewReader(stdout)).Decode(&first); err != nil || first.Hash != r.Hash {
		t.Errorf("hash %s, want %s, %v", first.Hash, r.Hash, err)
	}
	lines := filepath.Join(filepath.Dir(path), "results.jsonl")
	if err := os.WriteFile(lines, []byte(stdout), 0o600); err != nil {
		t.Fatal(err)
	}
	figure := filepath.Join(filepath.Dir(path), "fig.svg")
	if code, _, stderr := start(t, "plot", "bars", "--results", lines, "-o", figure); code != exitOK {
		t.Errorf("plot: exit code %d, %s", code, stderr)
	} else if b, err := os.ReadFile(figure); err != nil || !bytes.Contains(b, []byte("</svg>")) {
		t.Errorf("no figure: %v", err)
	}
	// The flags of layers choose among the results.
	if code, _, stderr := start(t, "plot", "bars", "--results", lines, "--compress", "prune(.9)", "-o", figure); code == exitOK || !strings.Contains(stderr, "no result has these choices; measure one") {
		t.Errorf("plot of what there is not: exit code %d, %s", code, stderr)
	}
	numbers := filepath.Join(filepath.Dir(path), "fig.csv")
	if code, _, stderr := start(t, "plot", "bars", "--results", lines, "--compress", "prune(.6)", "-o", numbers); code != exitOK {
		t.Errorf("plot: exit code %d, %s", code, stderr)
	} else if b, err := os.ReadFile(numbers); err != nil || !bytes.Contains(b, []byte("prune(0.6)")) || bytes.Contains(b, []byte("prune(0.5)")) {
		t.Errorf("the figure has %s, %v", b, err)
	}
	if code, text, stderr := start(t, "nodes", "prune(0.6)"); code != exitOK || !strings.Contains(text, "_csr_") || !strings.Contains(text, "spec ") || strings.Count(text, "conv1 ") < 1 {
		t.Errorf("nodes: exit code %d, %s%s", code, text, stderr)
	}
	if code, _, stderr := start(t, "nodes", "resnet9"); code != exitBadInput || stderr != "dlas: no result has \"resnet9\" in its name, hash or choices; dlas results lists them\n" {
		t.Errorf("nodes of no result: exit code %d, %s", code, stderr)
	}
	if code, text, stderr := start(t, "results", "prune(0.6)"); code != exitOK || strings.Count(text, "prune(0.6)") != 1 || strings.Contains(text, "prune(0.5)") {
		t.Errorf("results: exit code %d, %s%s", code, text, stderr)
	}
	code, stdout, stderr = start(t, "compare", "--stored")
	if code != exitOK || stderr != "" || !strings.Contains(stdout, "unpaired") {
		t.Errorf("exit code %d, stderr %q, stdout %q", code, stderr, stdout)
	}
}

func TestCard(t *testing.T) {
	code, stdout, stderr := start(t, "run", "--data", "fashion-mnist(n=50)")
	if code != exitOK || stderr != "" {
		t.Fatalf("exit code %d, stderr %q", code, stderr)
	}
	for _, want := range []string{"L4 Algorithms & Data Formats: primitive", "top-1", "n = 50", "latency", "95 % interval", "parameters", "MACs", "weights", "time by node"} {
		if !strings.Contains(stdout, want) {
			t.Errorf("the card lacks %q:\n%s", want, stdout)
		}
	}
}

func TestHelp(t *testing.T) {
	const most = time.Second // it takes 20 ms
	least := time.Hour       // of some tries: other work on the machine makes them longer, never shorter
	var code int
	var stdout string
	for try := 0; try < 5 && least > most; try++ {
		begin := time.Now()
		code, stdout, _ = start(t, "help")
		least = min(least, time.Since(begin))
	}
	if least > most {
		t.Errorf("help took %v", least)
	}
	for _, row := range commands() {
		if strings.Contains(stdout, "\n  "+row.name+" ") == row.internal {
			t.Errorf("help lists %s: %v", row.name, !row.internal)
		}
		if code, text, stderr := start(t, row.name, "--help"); code != exitOK && !row.internal || !strings.Contains(text, row.usage) && !row.internal {
			t.Errorf("%s --help: exit code %d, %q, %q", row.name, code, text, stderr)
		}
	}
	if code != exitOK {
		t.Errorf("exit code %d", code)
	}
	for _, word := range []string{"prune", "csr", "primitive", "latency", "data", "run", "elbow", "flip", "histogram", "pareto"} {
		if code, text, stderr := start(t, "help", word); code != exitOK || !strings.Contains(text, word) {
			t.Errorf("help %s: exit code %d, %q", word, code, stderr)
		}
	}
	if code, text, _ := start(t, "version"); code != exitOK || !strings.HasPrefix(text, "dlas "+dlas.Version) {
		t.Errorf("version: exit code %d, %q", code, text)
	}
}

func notebook(t *testing.T, cells ...string) string {
	t.Helper()
	type cell struct {
		Type     string         `json:"cell_type"`
		ID       string         `json:"id"`
		Metadata map[string]any `json:"metadata"`
		Count    *int           `json:"execution_count"`
		Outputs  []any          `json:"outputs"`
		Source   string         `json:"source"`
	}
	var cs []cell
	for i, source := range cells {
		cs = append(cs, cell{"code", fmt.Sprint("c", i), map[string]any{}, nil, []any{}, source})
	}
	b, err := json.Marshal(map[string]any{"cells": cs, "metadata": map[string]any{}, "nbformat": 4, "nbformat_minor": 5})
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "n.ipynb")
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// TestNotebookWrite: a notebook takes its own outputs in, but none of a run that failed.
func TestNotebookWrite(t *testing.T) {
	for source, want := range map[string]string{`fmt.Println("it", 6*7)`: "it 42", "fmt.Println(\"it\", 6*7)\npanic(1)": ""} {
		path := notebook(t, source)
		before, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		code, _, stderr := start(t, "nb", "run", "--write", path)
		after, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if want == "" {
			if code == exitOK || !bytes.Equal(before, after) {
				t.Errorf("a run that fails: exit code %d, %s\n%s", code, stderr, after)
			}
		} else if code != exitOK || !strings.Contains(string(after), want) {
			t.Errorf("exit code %d, %s\n%s", code, stderr, after)
		}
	}
}

// TestFourSpellings runs one Spec as a magic, as fluent Go in a cell, from the command line and from JSON.
func TestFourSpellings(t *testing.T) {
	stack := dlas.New().Data("fashion-mnist(n=50)").Prune(0.5).Primitive("gemm", "csr").Untuned().CPU(dlas.ISA("go"), dlas.Threads(1))
	want := stack.Spec().Hash()

	path := notebook(t,
		"%%dlas\ndata fashion-mnist(batch=1, n=50)\ncompress prune(.50)\nprimitive csr gemm\nschedule untuned\nhardware cpu(threads=1, isa=go)",
		"%dlas run",
		`fmt.Println("magic", dlas.Last().SpecHash)`,
		strings.TrimSuffix(stack.Go(true), "r\n"),
		`fmt.Println("fluent", r.SpecHash)`,
	)
	out := filepath.Join(t.TempDir(), "out.ipynb")
	if code, _, stderr := start(t, "nb", "run", path, "-o", out); code != exitOK {
		t.Fatalf("exit code %d: %s", code, stderr)
	}
	b, err := os.ReadFile(out)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"magic", "fluent"} {
		if !strings.Contains(string(b), name+" "+want) {
			t.Errorf("the notebook lacks %s %s:\n%s", name, want, b)
		}
	}

	code, stdout, stderr := start(t, "run", "--json", "--data", "fashion-mnist(n=50)", "--compress", "prune(0.5)", "--primitive", "gemm csr", "--schedule", "untuned", "--hardware", "cpu(isa=go, threads=1)")
	var r result
	if err := json.Unmarshal([]byte(stdout), &r); code != exitOK || err != nil || r.Hash != want {
		t.Errorf("command line: %s, want %s; exit code %d, %s", r.Hash, want, code, stderr)
	}
	spec, err := json.Marshal(stack.Spec())
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "spec.json")
	if err := os.WriteFile(file, spec, 0o600); err != nil {
		t.Fatal(err)
	}
	code, stdout, stderr = start(t, "run", "--json", "--spec", file)
	if err := json.Unmarshal([]byte(stdout), &r); code != exitOK || err != nil || r.Hash != want {
		t.Errorf("JSON: %s, want %s; exit code %d, %s", r.Hash, want, code, stderr)
	}
}

// TestNotebookFails: a failing cell ends the run with exit code 1 and its name; an error of DLAS is one line.
func TestNotebookFails(t *testing.T) {
	path := notebook(t, "x := 1\nx", `dlas.New().Compress("prunee(1)").MustRun()`, `fmt.Println("not reached")`)
	code, _, stderr := start(t, "nb", "run", path)
	if code != exitFailed || !strings.Contains(stderr, `cell 2 (c1): DLAS: L3 compress: unknown pass "prunee"; try prune`) || strings.Contains(stderr, "goroutine") {
		t.Errorf("exit code %d, %s", code, stderr)
	}
	path = notebook(t, "%dlas compress prune(.5)", "%dlas compress prune(7)")
	if code, _, stderr := start(t, "nb", "run", path); code != exitFailed || !strings.Contains(stderr, "cell 2 (c1): DLAS: L3 compress: prune(7): the fraction must be from 0 to 1") {
		t.Errorf("exit code %d, %s", code, stderr)
	}
	path = notebook(t, "%dlas data cifar10")
	if code, _, stderr := start(t, "nb", "run", path); code != exitFailed || !strings.Contains(stderr, "cell 1 (c0): DLAS: L1 data: cifar10 was not found; looked in ") {
		t.Errorf("exit code %d, %s", code, stderr)
	}
	path = notebook(t, "os.Exit(3)", "1")
	if code, _, stderr := start(t, "nb", "run", path); code != exitFailed || !strings.Contains(stderr, "cell 1 (c0)") {
		t.Errorf("exit code %d, %s", code, stderr)
	}
}

// TestLabFolder: a folder that cannot be had is named before an environment is made.
func TestLabFolder(t *testing.T) {
	file := notebook(t)
	if code, stdout, stderr := start(t, "lab", "--no-browser", "--dir", file); code != exitFailed || stdout != "" || stderr != "dlas: "+file+" is not a folder\n" {
		t.Errorf("exit code %d: %s%s", code, stdout, stderr)
	}
}

// TestInterrupt: Ctrl-C ends a run at once, in one line, with the exit code that shells give it.
func TestInterrupt(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("a test cannot send Ctrl-C on Windows")
	}
	cmd := exec.Command(os.Args[0], "run", "--hardware", "cpu(isa=go, threads=1)", "--primitive", "gemm csr")
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	afterWork(cmd.Process.Pid)
	if err := cmd.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	begin := time.Now()
	cmd.Wait()
	if code := cmd.ProcessState.ExitCode(); code != exitInterrupted || stderr.String() != "dlas: interrupted\n" {
		t.Errorf("exit code %d, %q", code, stderr.String())
	}
	if took := time.Since(begin); took > 10*time.Second {
		t.Errorf("it ended %v after the interrupt", took)
	}
}

// afterWork returns when a process has computed for 0.3 s: in far less it has started, and the runs of tests take far more.
func afterWork(pid int) {
	if runtime.GOOS != "linux" {
		time.Sleep(5 * time.Second)
		return
	}
	for end := time.Now().Add(time.Minute); time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
		b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
		if err != nil {
			return
		}
		_, after, _ := strings.Cut(string(b), ") ")
		var ticks [2]int // of 10 ms, in the program and in the system for it
		if f := strings.Fields(after); len(f) > 12 {
			ticks[0], _ = strconv.Atoi(f[11])
			ticks[1], _ = strconv.Atoi(f[12])
		}
		if ticks[0]+ticks[1] >= 30 {
			return
		}
	}
}

func TestOneLine(t *testing.T) {
	if got := oneLine("a\nb\x1b[31m\x00c"); got != "a b [31m c" {
		t.Errorf("%q", got)
	}
}

// TestFoldersStay: a relative folder in the environment is the one of the start, whatever %cd does later.
func TestFoldersStay(t *testing.T) {
	t.Chdir(t.TempDir())
	t.Setenv("DLAS_DATA", "images")
	here, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	absoluteFolders()
	if got, want := os.Getenv("DLAS_DATA"), filepath.Join(here, "images"); got != want {
		t.Errorf("DLAS_DATA is %s, want %s", got, want)
	}
}

// TestGonbui runs cells that use GoNB's package, which is there under its own path.
func TestGonbui(t *testing.T) {
	path := notebook(t,
		"import (\n\t\"fmt\"\n\t\"github.com/janpfeifer/gonb/gonbui\"\n)\ngonbui.DisplayHTML(fmt.Sprintf(\"<b>%v %d</b>\", gonbui.IsNotebook, len(gonbui.UniqueId())))",
		"for i := range 3 {\n\tgonbui.UpdateMarkdown(\"live\", fmt.Sprint(\"*step\", i, \"*\"))\n}\nfmt.Println(gonbui.Open(), gonbui.Error())\ngonbui.Sync()",
	)
	out := filepath.Join(t.TempDir(), "out.ipynb")
	if code, _, stderr := start(t, "nb", "run", path, "-o", out); code != exitOK {
		t.Fatalf("exit code %d: %s", code, stderr)
	}
	b, err := os.ReadFile(out)
	if err != nil {
		t.Fatal(err)
	}
	var nb struct {
		Cells []struct {
			Outputs []struct{ Data map[string]any }
		}
	}
	if err := json.Unmarshal(b, &nb); err != nil {
		t.Fatal(err)
	}
	var shown []string
	for _, c := range nb.Cells {
		for _, o := range c.Outputs {
			for _, mime := range []string{"text/html", "text/markdown"} {
				if v, ok := o.Data[mime]; ok {
					shown = append(shown, strings.Trim(fmt.Sprint(v), "[]"))
				}
			}
		}
	}
	if want := []string{"<b>true 8</b>", "*step2*"}; !slices.Equal(shown, want) {
		t.Errorf("shown %q, want %q\n%s", shown, want, b)
	}
}

// TestNotebookVerbs: a notebook that was run passes its own test, one whose output was changed does not; what is clean stays so.
func TestNotebookVerbs(t *testing.T) {
	path := notebook(t, "x := 21\nfmt.Println(x, time.Now())\nx * 2", "image.NewRGBA(image.Rect(0, 0, 3, 2))")
	dir := t.TempDir()
	ran := filepath.Join(dir, "ran.ipynb")
	if code, _, stderr := start(t, "nb", "run", path, "-o", ran); code != exitOK {
		t.Fatal(stderr)
	}
	if code, stdout, stderr := start(t, "nb", "test", ran); code != exitOK || !strings.HasSuffix(stdout, ": 2 same\n") {
		t.Errorf("exit code %d: %s%s", code, stdout, stderr)
	}
	b, err := os.ReadFile(ran)
	if err != nil {
		t.Fatal(err)
	}
	changed := filepath.Join(dir, "changed.ipynb")
	if err := os.WriteFile(changed, []byte(strings.Replace(string(b), `"42"`, `"43"`, 1)), 0o600); err != nil {
		t.Fatal(err)
	}
	if code, stdout, _ := start(t, "nb", "test", ran, changed); code != exitFailed || !strings.Contains(stdout, "-43\n+42\n") || !strings.Contains(stdout, "changed.ipynb: 1 same, 1 differs\n") {
		t.Errorf("exit code %d: %s", code, stdout)
	}
	for _, to := range []string{"go", "html", "md"} {
		if code, stdout, stderr := start(t, "nb", "convert", ran, "--to", to, "-o", "-"); code != exitOK || !strings.Contains(stdout, "21") {
			t.Errorf("to %s: exit code %d: %s%s", to, code, stdout, stderr)
		}
	}
	for i, c := range []struct {
		code int
		args []string
	}{{exitFailed, []string{"nb", "clean", "--check", ran}}, {exitOK, []string{"nb", "clean", ran}}, {exitOK, []string{"nb", "clean", "--check", ran}}, {exitBadInput, []string{"nb", "convert", ran, "--to", "pdf"}}, {exitBadInput, []string{"nb", "convert", ran}}} {
		if code, stdout, stderr := start(t, c.args...); code != c.code {
			t.Errorf("step %d: exit code %d: %s%s", i, code, stdout, stderr)
		}
	}
}
