package nb

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/godlas/godlas/kernel/internal/pipe"
)

func TestAlike(t *testing.T) {
	for _, c := range []struct {
		a, b string
		want bool
	}{
		{"x", "x", true},
		{"x", "y", false},
		{"loss 0.5000001", "loss 0.5", true},
		{"loss 0.51", "loss 0.5", false},
		{"n 5", "n 6", false},
		{"1e-3 1", "0.001 1", true},
		{"took 1.5s", "took 733.2µs", true},
		{"took 1m2.5s", "took 3s", true},
		{"at 2026-01-02 03:04:05.6 +0000 UTC m=+0.5", "at 2025-11-12 13:14:15 +0000 UTC m=+1.25", true},
		{"at 12:01:02", "at 2:03:04", true},
		{"p 0xc000012345", "p 0xc0000abcde", true},
		{"p 0xff", "p 0xfe", false},
		{"64a3a4b5-0000-1111-2222-333344445555", "74a3a4b5-0000-1111-2222-333344445556", true},
		{"wall 183 µs, 27.4 kB allocated", "wall 1.2 ms, 3 B allocated", true},
		{"12 B/op 3 allocs/op", "9 B/op 1 allocs/op", true},
		{"5/5  94.6/s  50ms in all", "5/5  1.2e+06/s  1.2s in all", true},
		{"5/5  94.6/s", "4/5  94.6/s", false},
		{"3 MB  94.6 MB/s", "3 MB  5 kB/s", true},
		{"5 kB", "6 kB", false},
		{"a 1", "a 1 1", false},
		{"5 items", "5 itemz", false},
		{"BenchmarkX 100 ns/op", "BenchmarkX 90.5 ns/op", true},
	} {
		if got := alike(c.a, c.b, DefaultTolerance); got != c.want {
			t.Errorf("%q and %q: %v", c.a, c.b, got)
		}
	}
}

func TestUnified(t *testing.T) {
	equal := func(a, b string) bool { return a == b }
	a := strings.Split("a b c d e f g h i j", " ")
	for _, c := range []struct{ b, want string }{
		{"a b c d e f g h i j", ""},
		{"a b c X e f g h i j", "@@ -2,5 +2,5 @@\n b\n c\n-d\n+X\n e\n f\n"},
		{"Y a b c d e f g h i", "@@ -1,2 +1,3 @@\n+Y\n a\n b\n@@ -8,3 +9,2 @@\n h\n i\n-j\n"},
		{"", "@@ -1,10 +1,0 @@\n-a\n-b\n-c\n-d\n-e\n-f\n-g\n-h\n-i\n-j\n"},
	} {
		if got := unified(a, strings.Fields(c.b), equal); got != c.want {
			t.Errorf("%q: %q, want %q", c.b, got, c.want)
		}
	}
	// a large one is not squared
	x, y := make([]string, 30_000), make([]string, 30_000)
	for i := range x {
		x[i], y[i] = "x", "y"
	}
	if n := strings.Count(unified(x, y, equal), "\n"); n != 60_001 {
		t.Errorf("%d lines", n)
	}
}

// TestTest compares runs of a script with what was stored.
func TestTest(t *testing.T) {
	n := notebook("print 1.00000001\nerr e\nresult r", "print b", "print c", "print d", "fail f", "print g", "print h", "fail no")
	store := func(i int, tags []any, outputs ...Output) {
		n.Cells[i].Outputs, n.Cells[i].Metadata = outputs, map[string]any{"tags": tags}
	}
	stdout := func(s string) Output { return Output{Type: "stream", Name: "stdout", Text: s} }
	store(0, nil, Output{Type: "stream", Name: "stderr", Text: "e\n"}, stdout("1.0\n"), Output{Type: "execute_result", Data: map[string]any{"text/plain": "r", "application/json": 1}})
	store(1, nil, stdout("B\n"))
	store(2, []any{"ignore-output"}, stdout("other\n"))
	store(3, nil)
	n.Cells[3].Count = 0
	store(4, []any{"raises-exception"}, Output{Type: "error", EName: "panic", EValue: "f"})
	store(5, []any{"skip-execution"}, stdout("other\n"))
	store(6, nil, stdout("\x1b[1mh\x1b[0m\n"))
	before := n.Cells[1].Outputs[0].Text
	got, err := Test(t.Context(), n, &script{}, Options{}, DefaultTolerance)
	if err != nil {
		t.Fatal(err)
	}
	var verdicts []string
	for _, g := range got {
		verdicts = append(verdicts, g.Verdict)
	}
	if want := []string{Same, Differs, Ignored, NoOutputs, Same, NotRun, Same, Failed}; !slices.Equal(verdicts, want) {
		t.Errorf("%q, want %q", verdicts, want)
	}
	if got[1].Diff != "@@ -1,2 +1,2 @@\n [stdout]\n-B\n+b\n" || !strings.Contains(got[7].Diff, "no") {
		t.Errorf("%q, %q", got[1].Diff, got[7].Diff)
	}
	if n.Cells[1].Outputs[0].Text != before || n.Cells[1].Count != 99 {
		t.Error("the notebook was changed")
	}
}

// TestTestWithParams: the cell that parameters make is no cell of the stored notebook.
func TestTestWithParams(t *testing.T) {
	n := notebook("print a", "print b")
	n.Cells[0].Metadata = map[string]any{"tags": []any{"parameters"}}
	for i, c := range n.Cells {
		c.Outputs = []Output{{Type: "stream", Name: "stdout", Text: string(rune('a'+i)) + "\n"}}
	}
	got, err := Test(t.Context(), n, &script{}, Options{Params: []Param{{"a", "5"}}}, 0)
	if err != nil || len(got) != 3 || got[0].Verdict != Same || got[1].Verdict != NoOutputs || got[2].Verdict != Same {
		t.Errorf("%+v, %v", got, err)
	}
}

func TestClean(t *testing.T) {
	n := sample()
	n.Metadata["widgets"] = map[string]any{}
	n.Metadata["language_info"] = map[string]any{"name": "go", "version": "1"}
	n.Cells[2].Outputs, n.Cells[2].Metadata = []Output{{Type: "execute_result", Count: 7}}, map[string]any{"tags": []any{"keep-output"}, "jupyter": map[string]any{"outputs_hidden": true}}
	if !n.Clean() {
		t.Error("nothing was there")
	}
	c := n.Cells[1]
	if c.Outputs != nil || c.Count != 0 || len(c.Metadata) != 1 || n.Metadata["widgets"] != nil || len(n.Metadata["language_info"].(map[string]any)) != 1 {
		t.Errorf("%+v, %v", c, n.Metadata)
	}
	if k := n.Cells[2]; len(k.Outputs) != 1 || k.Outputs[0].Count != 0 || len(k.Metadata) != 1 {
		t.Errorf("%+v", k)
	}
	if n.Clean() {
		t.Error("a clean notebook is cleaned again")
	}
	// One that says so keeps outputs and counts, and loses all else.
	n = sample()
	n.Metadata["keep_output"], n.Metadata["papermill"] = true, map[string]any{}
	n.Cells[1].Outputs, n.Cells[1].Count = []Output{{Type: "execute_result", Count: 7}}, 7
	n.Cells[1].Metadata["scrolled"] = true
	if !n.Clean() || len(n.Cells[1].Outputs) != 1 || n.Cells[1].Count != 7 || n.Cells[1].Outputs[0].Count != 7 || n.Cells[1].Metadata["scrolled"] != nil || n.Metadata["papermill"] != nil {
		t.Errorf("%+v, %v", n.Cells[1], n.Metadata)
	}
	if n.Clean() {
		t.Error("a clean notebook is cleaned again")
	}
}

// TestKeptOutputs: what a notebook keeps must be of the kinds that it shows.
func TestKeptOutputs(t *testing.T) {
	start := func(context.Context) (Runner, func(), error) { return &script{}, func() {}, nil }
	n := notebook("print a\nprint b", "print not tried", "show x")
	n.Cells[0].Metadata = map[string]any{"solution": "print right"}
	n.Cells[1].Metadata = map[string]any{"tags": []any{"check"}}
	faults := func() (out []string) {
		t.Helper()
		checked, err := Exercises(t.Context(), n, start, Options{})
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range checked {
			if c.Kept {
				out = append(out, fmt.Sprint(c.Place, " ", c.Fault))
			}
		}
		return out
	}
	if f := faults(); f != nil {
		t.Errorf("a notebook that keeps nothing: %q", f)
	}
	n.Metadata = map[string]any{"keep_output": true}
	if f := faults(); len(f) != 3 || f[0] != `1 the notebook keeps "run 99, 1 lines of stdout" of it, and it shows "run 1, 2 lines of stdout": dlas nb run --write` {
		t.Errorf("%q", f)
	}
	if err := Run(t.Context(), n, &script{}, Options{}); err != nil {
		t.Fatal(err)
	}
	if f := faults(); f != nil {
		t.Errorf("what was just run: %q", f)
	}
	n.Cells[2].Outputs = nil
	if f := faults(); len(f) != 1 || !strings.HasPrefix(f[0], "3 ") {
		t.Errorf("%q", f)
	}
}

// slow is a Runner whose cells end with their context.
type slow struct{ script }

func (s *slow) Execute(ctx context.Context, ex pipe.Execute, out func(pipe.Frame)) (pipe.Done, error) {
	if ex.Code == "wait" {
		<-ctx.Done()
		return pipe.Done{Interrupted: true, Err: &pipe.Error{Name: "Interrupted"}}, nil
	}
	return s.script.Execute(ctx, ex, out)
}

func TestTimeout(t *testing.T) {
	err := Run(t.Context(), notebook("print a", "wait", "print b"), &slow{}, Options{Timeout: 50 * time.Millisecond})
	if err == nil || err.Error() != "cell 2: Timeout: it has not ended within 50ms" {
		t.Errorf("%v", err)
	}
}
