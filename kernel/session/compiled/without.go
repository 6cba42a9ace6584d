package compiled

import (
	"context"
	"fmt"
	"go/ast"
	"go/doc"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/godlas/godlas/kernel/internal/modules"
	"github.com/godlas/godlas/kernel/session/magic"
)

// without runs tests where there is no toolchain: interpreted, by the program that the session was given for that, in a process
// of its own. What runs them is package testing, as in a compiled program.
func (cs *Cells) without(ctx context.Context, c *magic.Call, ds []*decl, all memory, t testRun) error {
	if len(cs.Interpreter) == 0 {
		return fmt.Errorf("%%%%test needs a Go toolchain: %w", modules.NoToolchain{})
	}
	if len(t.build) > 0 {
		return fmt.Errorf("%%%%test: %s needs a Go toolchain: %w", t.build[0], modules.NoToolchain{})
	}
	text, fuzz := testMain(all)
	cs.mu.Lock()
	p, err := compose(cs.world(c, withoutPrograms(all)), body{main: text})
	cs.mu.Unlock()
	if err != nil {
		return err
	}
	if err := cs.build.cache.open(); err != nil {
		return err
	}
	dir, err := os.MkdirTemp(cs.build.cache.dir, buildPrefix())
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	file := filepath.Join(dir, "main.go")
	if err := os.WriteFile(file, []byte(p.main), 0o600); err != nil {
		return err
	}
	fmt.Fprintln(c.Stderr, "note: there is no go command on the PATH, so the tests run interpreted")
	if fuzz {
		fmt.Fprintln(c.Stderr, "note: the seeds of fuzz tests are left out")
	}
	cs.mu.Lock()
	cs.memory = cs.memory.merge(ds)
	cs.mu.Unlock()
	out := &verdicts{w: c.Stdout}
	err = run(ctx, launch{
		title: "%%test", name: cs.name, path: cs.Interpreter[0], args: slices.Concat(cs.Interpreter[1:], []string{file}, t.args), source: cs.line,
		stdout: out, stderr: c.Stderr, question: question(c),
	})
	return out.end(ctx, err)
}

// withoutPrograms is a memory of which a program has what it needs alone: without a compiler, what is not used takes time.
func withoutPrograms(m memory) memory {
	var out memory
	for _, d := range m.decls {
		x := *d
		x.program = d.program && (d.isInit() || d.kind == token.IMPORT)
		out.decls = append(out.decls, &x)
	}
	return out
}

// testMain is a func main that runs the tests of a memory; fuzz says that there are some that it cannot run.
func testMain(m memory) (text string, fuzz bool) {
	var tests, benchmarks, examples []string
	for _, d := range m.decls {
		name := d.names[0]
		switch {
		case !d.isTest():
		case isTestName(name, "Test"):
			if name != "TestMain" {
				tests = append(tests, fmt.Sprintf("{%q, %s}", name, name))
			}
		case isTestName(name, "Benchmark"):
			benchmarks = append(benchmarks, fmt.Sprintf("{%q, %s}", name, name))
		case isTestName(name, "Fuzz"):
			fuzz = true
		default:
			f, err := parser.ParseFile(token.NewFileSet(), "x_test.go", "package p\n"+d.text, parser.ParseComments)
			if err != nil {
				continue
			}
			for _, x := range doc.Examples([]*ast.File{f}...) {
				if x.Output != "" || x.EmptyOutput {
					examples = append(examples, fmt.Sprintf("{%q, %s, %q, %v}", name, name, x.Output, x.Unordered))
				}
			}
		}
	}
	return "func main() {\ntesting.Main(regexp.MatchString, []testing.InternalTest{" + strings.Join(tests, ", ") + "}, []testing.InternalBenchmark{" +
		strings.Join(benchmarks, ", ") + "}, []testing.InternalExample{" + strings.Join(examples, ", ") + "})\n}", fuzz
}
