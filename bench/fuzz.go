package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"time"
)

// fuzzTime is how long each test is fuzzed.
const fuzzTime = time.Minute

// benchFuzz lets Go's fuzzer look for inputs that break what reads others' files and messages. What it finds is by chance,
// so it is no part of the gate, which runs the tests' seeds and mutations of a fixed seed. Words choose some tests.
func benchFuzz(words ...string) func(context.Context, *report) error {
	return func(ctx context.Context, r *report) error {
		r.head = []string{"package", "test", "inputs", "found"}
		r.machine = fmt.Sprintf("%d processors, %s/%s, %s", runtime.NumCPU(), runtime.GOOS, runtime.GOARCH, runtime.Version())
		tests, err := fuzzTests(".")
		if err != nil {
			return err
		}
		var failed []error
		for _, t := range tests {
			if slices.ContainsFunc(words, func(w string) bool { return !strings.Contains(t.dir+" "+t.name, w) }) {
				continue
			}
			out, err := exec.CommandContext(ctx, "go", "test", "./"+t.dir, "-run", "^$", "-fuzz", "^"+t.name+"$", "-fuzztime", fuzzTime.String(), "-fuzzminimizetime", "20x").CombinedOutput()
			if ctx.Err() != nil {
				return context.Cause(ctx)
			}
			inputs, found := "0", "nothing"
			if all := regexp.MustCompile(`execs: (\d+)`).FindAllSubmatch(out, -1); len(all) > 0 {
				inputs = string(all[len(all)-1][1])
			}
			if err != nil {
				found = "a fault"
				failed = append(failed, fmt.Errorf("%s %s: %s", t.dir, t.name, out))
			}
			r.add(t.dir, t.name, inputs, found)
		}
		if len(r.rows) == 0 {
			return fmt.Errorf("no test for the fuzzer has all of %q in its package and name", words)
		}
		r.verdict = append(r.verdict, fmt.Sprintf("%d tests, %v each, %d faults.", len(r.rows), fuzzTime, len(failed)))
		return errors.Join(failed...)
	}
}

// fuzzTest is a test for the fuzzer in a folder.
type fuzzTest struct{ dir, name string }

// fuzzTests are all there are below a folder, in the order of their paths.
func fuzzTests(root string) ([]fuzzTest, error) {
	begin := regexp.MustCompile(`(?m)^func (Fuzz\w+)\(`)
	var list []fuzzTest
	err := filepath.WalkDir(root, func(path string, e fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case e.IsDir() && path != root && (strings.HasPrefix(e.Name(), "_") || strings.HasPrefix(e.Name(), ".") || e.Name() == "testdata"):
			return filepath.SkipDir
		case e.IsDir() || !strings.HasSuffix(path, "_test.go"):
			return nil
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		for _, m := range begin.FindAllSubmatch(text, -1) {
			list = append(list, fuzzTest{filepath.ToSlash(filepath.Dir(path)), string(m[1])})
		}
		return nil
	})
	return list, err
}
