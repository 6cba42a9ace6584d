package main

import (
	"regexp"
	"strings"
	"testing"

	"github.com/godlas/godlas/install/installtest"
	"github.com/godlas/godlas/kernel/nb"
)

// TestWithoutToolchain: %%go says what it needs, and tests of cells run all the same, interpreted.
func TestWithoutToolchain(t *testing.T) {
	dlas := installtest.Binary(t) // the test's own program has the flags of package testing already
	t.Setenv("PATH", t.TempDir())
	t.Setenv("XDG_CACHE_HOME", t.TempDir())
	t.Chdir(t.TempDir())
	p, err := nb.Start(t.Context(), dlas, "session")
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	steps := []struct{ source, want string }{
		{"%%go\nfmt.Println(1)", `^error: %%go needs a Go toolchain: there is no go command on the PATH .*\. Cells without %%go run without one\n$`},
		{"type P struct{ X int }\nfunc (p P) Twice() int { return 2 * p.X }\nstart := P{3}\nfunc Fib(n int) int {\n\tif n < 2 {\n\t\treturn n\n\t}\n\treturn Fib(n-1) + Fib(n-2)\n}", `^$`},
		{
			"%%test\nfunc TestTwice(t *testing.T) {\n\tif start.Twice() != 6 {\n\t\tt.Error(\"no\")\n\t}\n}\n" +
				"func check(t *testing.T, n int) {\n\tt.Helper()\n\tt.Errorf(\"got %d\\nof all\", n)\n}\n" +
				"func TestBad(t *testing.T) {\n\tt.Run(\"sub\", func(t *testing.T) {\n\t\tt.Fatal(\"end\")\n\t})\n\tcheck(t, Fib(10))\n\tt.Skip(\"enough\")\n}\n" +
				"func ExampleFib() {\n\tfmt.Println(Fib(7))\n\t// Output: 13\n}",
			`(?s)--- PASS: TestTwice .*=== RUN   TestBad/sub\n    cell\[3\]:13: end\n.*    cell\[3\]:15: got 55\n        of all\n    cell\[3\]:16: enough\n--- FAIL: TestBad .*--- PASS: ExampleFib .*FAIL\nerror: %%test: TestBad fails\n$`,
		},
		{"%%test\nfunc BenchmarkFib(b *testing.B) {\n\tfor b.Loop() {\n\t\tFib(3)\n\t}\n}", `(?s)BenchmarkFib.* ns/op\nPASS\n$`},
		{"%%test -run Twice", `(?s)^[^R]*PASS\n$`},
		{"%%test\nfunc TestPanics(t *testing.T) {\n\tvar m map[int]int\n\tm[1] = 2\n}", `(?s)error: .*assignment to entry in nil map`},
		{"%%test -cover", `-cover needs a Go toolchain`},
		{"%%test\nfunc TestUndefined(t *testing.T) {\n\tundef(t)\n}", `cell\[8\]:3:2: undefined: undef`},
		{"import svgo \"github.com/ajstarks/svgo\"", `importing github.com/ajstarks/svgo needs a Go toolchain`}, // which gonum/plot needs, and cells do not have
		{"start.X", `^result: 3\n$`},
	}
	n := &nb.Notebook{Minor: 5}
	for _, s := range steps {
		n.Cells = append(n.Cells, &nb.Cell{Kind: "code", Source: s.source, Metadata: map[string]any{"tags": []any{"raises-exception"}}})
	}
	if err := nb.Run(t.Context(), n, p, nb.Options{}); err != nil {
		t.Fatal(err)
	}
	for i, s := range steps {
		got := shows(n.Cells[i].Outputs)
		for _, o := range n.Cells[i].Outputs {
			if o.Type == "execute_result" {
				got += "result: " + o.Data["text/plain"].(string) + "\n"
			}
		}
		if !regexp.MustCompile(s.want).MatchString(got) {
			t.Errorf("%s\nshows\n%s\nwhich is not %s", s.source, got, s.want)
		}
		if strings.Contains(got, "~") {
			t.Errorf("%s\nshows a name that no reader knows:\n%s", s.source, got)
		}
	}
}
