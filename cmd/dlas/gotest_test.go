package main

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/godlas/godlas/internal/need"
)

var (
	updateGotest = flag.Bool("update-gotest", false, "write testdata/gotest.txt: what fails, with the reasons it has there")
	onlyGotest   = flag.String("gotest", "", "run only the programs of GOROOT/test whose path holds this, and show their output")
)

// gotestList names the programs that fail, a line each: path, tab, reason.
const gotestList = "testdata/gotest.txt"

// How long a program may take, and one of which it is known that it fails, perhaps by not ending.
const (
	gotestLimit       = 5 * time.Minute
	gotestListedLimit = 20 * time.Second
)

// gotestShare is what must pass of each group, in percent.
var gotestShare = [2]float64{97, 75}

// TestGotest runs the programs of GOROOT/test that need no flag, each in its own process. They exit with 0 and what they
// write is the file .out beside them, or nothing. What fails is listed, and the list is exact.
func TestGotest(t *testing.T) {
	if raceEnabled || testing.Short() {
		t.Skip("a thousand programs")
	}
	root := gotestRoot(t)
	programs := gotestPrograms(t, root)
	known := readGotestList(t)
	type outcome struct {
		why  string
		took time.Duration
	}
	results := map[string]outcome{}
	var mu sync.Mutex
	var wg sync.WaitGroup
	queue := make(chan string)
	for range min(2, runtime.GOMAXPROCS(0)) {
		wg.Go(func() {
			for p := range queue {
				begin := time.Now()
				limit := gotestLimit
				if known[p] != "" {
					limit = gotestListedLimit
				}
				why := runGotest(root, p, limit)
				mu.Lock()
				results[p] = outcome{why, time.Since(begin)}
				mu.Unlock()
			}
		})
	}
	var counts, passed [2]int
	for _, p := range slices.Sorted(maps.Keys(programs)) {
		if strings.Contains(p, *onlyGotest) {
			queue <- p
		}
	}
	close(queue)
	wg.Wait()
	var list strings.Builder
	for _, p := range slices.Sorted(maps.Keys(results)) {
		g := programs[p]
		counts[g]++
		r := results[p]
		reason, listed := known[p]
		if r.took > 20*time.Second {
			t.Logf("%s took %.0f s", p, r.took.Seconds())
		}
		switch {
		case r.why == "":
			passed[g]++
			if listed && !*updateGotest {
				t.Errorf("%s passes: drop it from %s", p, gotestList)
			}
			continue
		case *onlyGotest != "":
			t.Logf("%s: %s", p, r.why)
		case !listed && !*updateGotest:
			t.Errorf("%s: %s", p, r.why)
		}
		if !listed {
			reason, _, _ = strings.Cut(r.why, "\n")
		}
		fmt.Fprintf(&list, "%s\t%s\n", p, reason)
	}
	if *onlyGotest != "" {
		return
	}
	for p := range known {
		if _, ok := programs[p]; !ok {
			t.Errorf("%s is listed in %s and not there", p, gotestList)
		}
	}
	if *updateGotest {
		if err := os.WriteFile(gotestList, []byte(list.String()), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	for g, name := range []string{"of the language and the library", "that import runtime, unsafe, syscall or os/exec"} {
		share := 100 * float64(passed[g]) / float64(counts[g])
		t.Logf("programs %s: %d of %d pass, %.1f %%", name, passed[g], counts[g], share)
		if share < gotestShare[g] {
			t.Errorf("that is less than %g %%", gotestShare[g])
		}
	}
}

// gotestRoot is the folder of Go's own test programs.
func gotestRoot(t *testing.T) string {
	root := ""
	if out, err := exec.Command("go", "env", "GOROOT").Output(); err == nil {
		root = filepath.Join(strings.TrimSpace(string(out)), "test")
	}
	if _, err := os.Stat(filepath.Join(root, "helloworld.go")); root == "" || err != nil {
		need.Missing(t, "gotest", "there is no Go toolchain with its folder test")
	}
	return root
}

// gotestPrograms maps the programs to their group: 0, or 1 for those that reach below the language.
func gotestPrograms(t *testing.T, root string) map[string]int {
	programs := map[string]int{}
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(path, ".go") {
			return err
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		if !bytes.HasPrefix(text, []byte("// run\n")) {
			return nil
		}
		f, err := parser.ParseFile(token.NewFileSet(), path, text, parser.ImportsOnly)
		if err != nil {
			return err
		}
		group := 0
		for _, im := range f.Imports {
			p, _ := strconv.Unquote(im.Path.Value)
			first, _, _ := strings.Cut(p, "/")
			switch {
			case p == "C":
				return nil
			case first == "runtime" || p == "unsafe" || p == "syscall" || p == "os/exec":
				group = 1
			}
		}
		rel, err := filepath.Rel(root, path)
		programs[filepath.ToSlash(rel)] = group
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return programs
}

func readGotestList(t *testing.T) map[string]string {
	text, err := os.ReadFile(gotestList)
	if err != nil && (!*updateGotest || !errors.Is(err, fs.ErrNotExist)) {
		t.Fatal(err)
	}
	known := map[string]string{}
	for line := range strings.Lines(string(text)) {
		path, reason, _ := strings.Cut(strings.TrimSuffix(line, "\n"), "\t")
		if reason == "" {
			t.Errorf("%s: %s has no reason", gotestList, path)
		}
		known[path] = reason
	}
	return known
}

// runGotest runs one program and says what is wrong with it; empty: nothing.
func runGotest(root, path string, limit time.Duration) string {
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	file := filepath.Join(root, filepath.FromSlash(path))
	cmd := exec.CommandContext(ctx, os.Args[0], "exec", file)
	cmd.Dir = root
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	cmd.WaitDelay = time.Second
	err := cmd.Run()
	want, readErr := os.ReadFile(strings.TrimSuffix(file, ".go") + ".out")
	if readErr != nil && !errors.Is(readErr, fs.ErrNotExist) {
		return readErr.Error()
	}
	switch {
	case ctx.Err() != nil:
		return "does not end"
	case err != nil:
		lines := strings.Split(strings.TrimSpace(out.String()), "\n")
		return fmt.Sprintf("%s (%v)\n%s", lines[0], err, out.String())
	case !bytes.Equal(out.Bytes(), want):
		return fmt.Sprintf("writes %s\n%s", firstDifference(out.String(), string(want)), out.String())
	}
	return ""
}

// firstDifference shows the first line in which two texts differ.
func firstDifference(got, want string) string {
	g, w := strings.Split(got, "\n"), strings.Split(want, "\n")
	for i := range max(len(g), len(w)) {
		switch {
		case i >= len(g):
			return fmt.Sprintf("nothing in line %d, not %q", i+1, w[i])
		case i >= len(w):
			return fmt.Sprintf("%q in line %d, not nothing", g[i], i+1)
		case g[i] != w[i]:
			return fmt.Sprintf("%q in line %d, not %q", g[i], i+1, w[i])
		}
	}
	return "the same"
}
