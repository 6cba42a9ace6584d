package compiled

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"
	"sync"

	"github.com/godlas/godlas/kernel/internal/modules"
	"github.com/godlas/godlas/kernel/session/magic"
)

// testRun is what %%test is asked for.
type testRun struct {
	build []string // flags of go test that are about building
	args  []string // of the test program, as -test.v
	given map[string]bool
}

// testFlags reads the flags of %%test, which are those of go test, with or without its "test." in front.
func testFlags(words []string) (t testRun, err error) {
	t.given = map[string]bool{}
	values := map[string]bool{
		"run": true, "bench": true, "skip": true, "count": true, "timeout": true, "benchtime": true, "cpu": true, "parallel": true,
		"coverprofile": true, "list": true, "shuffle": true, "cpuprofile": true, "memprofile": true, "blockprofile": true, "mutexprofile": true, "trace": true, "outputdir": true,
	}
	plain := map[string]bool{"v": true, "short": true, "failfast": true, "benchmem": true, "fullpath": true}
	for i := 0; i < len(words); i++ {
		w := words[i]
		if w == "" {
			t.given[""] = true // GoNB's way to say: no flags, and not those that are taken without any either
			continue
		}
		if w == "-args" || w == "--args" {
			t.args = append(t.args, words[i+1:]...)
			break
		}
		name, value, has := strings.Cut(strings.TrimPrefix(strings.TrimLeft(w, "-"), "test."), "=")
		if !strings.HasPrefix(w, "-") {
			return t, fmt.Errorf("%s is no flag; tests are chosen by -run %s", w, w)
		}
		if err := noC(name); err != nil {
			return t, err
		}
		switch valued, isBuild := goFlags()[name]; {
		case name == "fuzz":
			return t, errors.New("-fuzz: what a cell's Fuzz functions are given here is their seeds; fuzzing wants a package in a folder (go test -fuzz)")
		case name == "coverprofile":
			t.build = append(t.build, "-cover")
		case name == "input" || name == "mod":
			return t, fmt.Errorf("there is no flag -%s", name)
		case isBuild:
			if valued && !has {
				if i++; i == len(words) {
					return t, fmt.Errorf("-%s needs a value", name)
				}
				w += "=" + words[i]
			}
			t.build = append(t.build, "-"+strings.TrimLeft(w, "-"))
			continue
		case !values[name] && !plain[name]:
			near := magic.Nearest(name, []string{"run", "bench", "v", "cover", "count", "benchmem", "short", "skip", "timeout", "benchtime"})
			if len(near) > 0 {
				return t, fmt.Errorf("there is no flag -%s; did you mean -%s?", name, near[0])
			}
			return t, fmt.Errorf("there is no flag -%s; there are -run, -bench, -v, -cover, -count, -short and others of go test", name)
		}
		t.given[name] = true
		if values[name] && !has {
			if i++; i == len(words) {
				return t, fmt.Errorf("-%s needs a value", name)
			}
			value, has = words[i], true
		}
		arg := "-test." + name
		if has {
			arg += "=" + value
		}
		t.args = append(t.args, arg)
	}
	return t, nil
}

// choose adds what is run where the flags do not say: the tests of the cell, or all where it has none, and its benchmarks.
// Without any flag each test is named.
func (t *testRun) choose(ds []*decl, flags bool) {
	var tests, benchmarks []string
	for _, d := range ds {
		switch {
		case !d.isTest():
		case isTestName(d.names[0], "Benchmark"):
			benchmarks = append(benchmarks, d.names[0])
		default:
			tests = append(tests, d.names[0])
		}
	}
	if !flags {
		t.args = append(t.args, "-test.v")
	}
	if !t.given["run"] && !t.given["list"] && len(tests)+len(benchmarks) > 0 && !t.given["bench"] {
		t.args = append(t.args, "-test.run="+only(tests))
	}
	if !t.given["bench"] && len(benchmarks) > 0 {
		t.args = append(t.args, "-test.bench="+only(benchmarks))
	}
}

// only is the pattern of these names and no others.
func only(names []string) string {
	if len(names) == 0 {
		return "^$"
	}
	for i, n := range names {
		names[i] = regexp.QuoteMeta(n)
	}
	return "^(" + strings.Join(names, "|") + ")$"
}

// testCell is %%test, and %test anywhere in a cell.
func (cs *Cells) testCell(ctx context.Context, c *magic.Call) (err error) {
	defer func() { err = cs.namedError(err) }()
	words, err := magic.Fields(c.Args)
	if err != nil {
		return fmt.Errorf("%%%%test: %w", err)
	}
	t, err := testFlags(words)
	if err != nil {
		return fmt.Errorf("%%%%test: %w", err)
	}
	ds, b, _, err := cs.read(c, cellOf(c))
	if err != nil {
		return err
	}
	if len(b.statements) > 0 {
		return compileError(b.statements[0].at, "a cell of tests is declarations alone: statements go into a test, or into a cell before it")
	}
	t.choose(ds, len(words) > 0)
	cs.mu.Lock()
	cs.catchUp()
	m := cs.memory.merge(ds)
	// the tests of earlier cells, interpreted ones too, are tests of this program
	all := memory{}
	any := false
	for _, d := range m.decls {
		if d.isTest() && !d.program {
			x := *d
			x.program = true
			d = &x
		}
		any = any || d.isTest()
		all.decls = append(all.decls, d)
	}
	p, err := compose(cs.world(c, all), body{test: true})
	flags := slices.Concat(cs.flags, t.build)
	cs.mu.Unlock()
	if err != nil {
		return err
	}
	if !any {
		return errors.New("%%test: no cell has declared a test; one is func TestName(t *testing.T)")
	}
	bin, err := cs.build.build(ctx, target{program: *p, test: true, flags: flags, running: cellOf(c), notes: noteWriter{c.Stderr, cs.name}})
	if none := new(modules.NoToolchain); errors.As(err, none) {
		return cs.without(ctx, c, ds, all, t)
	}
	if err != nil {
		return why("%%test", err)
	}
	cs.mu.Lock()
	cs.memory = cs.memory.merge(ds)
	cs.mu.Unlock()
	out := &verdicts{w: c.Stdout}
	err = run(ctx, launch{title: "%%test", name: cs.name, path: bin, args: t.args, source: cs.line, stdout: out, stderr: c.Stderr, question: question(c)})
	return out.end(ctx, err)
}

// verdicts colours what go test says and notes which tests fail.
type verdicts struct {
	mu     sync.Mutex
	w      io.Writer
	part   []byte
	failed []string
	some   bool
}

const (
	green, red, yellow, dim, plain = "\x1b[32m", "\x1b[31m", "\x1b[33m", "\x1b[2m", "\x1b[0m"
)

func (v *verdicts) Write(b []byte) (int, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.part = append(v.part, b...)
	i := bytes.LastIndexByte(v.part, '\n')
	if i < 0 {
		// what a test prints need not end a line
		if !mayBeVerdict(v.part) {
			_, _ = v.w.Write(v.part)
			v.part, v.some = v.part[:0], true
		}
		return len(b), nil
	}
	var out []byte
	for l := range bytes.Lines(v.part[:i+1]) {
		if v.some { // the rest of a line
			out, v.some = append(out, l...), false
			continue
		}
		out = append(out, v.line(l)...)
	}
	v.part = append(v.part[:0], v.part[i+1:]...)
	if len(v.part) > 0 && !mayBeVerdict(v.part) {
		out = append(out, v.part...)
		v.part, v.some = v.part[:0], true
	}
	_, err := v.w.Write(out)
	return len(b), err
}

// mayBeVerdict reports whether a line begins as one of go test's own does, or may once there is more of it.
func mayBeVerdict(b []byte) bool {
	t := bytes.TrimLeft(b, " \t")
	for _, p := range []string{"--- ", "=== ", "PASS", "FAIL", "ok", "coverage"} {
		if bytes.HasPrefix(t, []byte(p)) || strings.HasPrefix(p, string(t)) {
			return len(b) < 4096
		}
	}
	return false
}

func (v *verdicts) line(l []byte) []byte {
	s := string(bytes.TrimRight(l, "\r\n"))
	end := string(l[len(s):])
	t := strings.TrimLeft(s, " ")
	colour := ""
	switch {
	case strings.HasPrefix(t, "--- PASS"), s == "PASS":
		colour = green
	case strings.HasPrefix(t, "--- FAIL"), s == "FAIL":
		colour = red
	case strings.HasPrefix(t, "--- SKIP"), strings.HasPrefix(s, "testing: warning: no tests to run"):
		colour = yellow
	case strings.HasPrefix(t, "=== "):
		colour = dim
	}
	if rest, ok := strings.CutPrefix(s, "--- FAIL: "); ok {
		name, _, _ := strings.Cut(rest, " ")
		v.failed = append(v.failed, name)
	}
	if colour == "" {
		return l
	}
	return []byte(colour + s + plain + end)
}

// end says how the tests ended.
func (v *verdicts) end(ctx context.Context, err error) error {
	v.mu.Lock()
	defer v.mu.Unlock()
	if len(v.part) > 0 {
		_, _ = v.w.Write(v.line(v.part))
	}
	switch {
	case err == nil, ctx.Err() != nil:
		return err
	case len(v.failed) == 0 || !strings.HasSuffix(err.Error(), "exit status 1"):
		return err
	case len(v.failed) == 1:
		return errors.New("%%test: " + v.failed[0] + " fails")
	case len(v.failed) > 5:
		return fmt.Errorf("%%%%test: %d tests fail: %s …", len(v.failed), strings.Join(v.failed[:5], ", "))
	}
	return fmt.Errorf("%%%%test: %d tests fail: %s", len(v.failed), strings.Join(v.failed, ", "))
}
