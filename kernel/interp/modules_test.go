package interp_test

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/godlas/godlas/internal/need"
	"github.com/godlas/godlas/kernel/interp"
)

// moduleCells are the packages of testdata/modules: what one does with a well-known module, as a cell and compiled.
var moduleCells = []string{
	"btree", "cmp", "cobra", "gjson", "goldmark", "goquery", "lo", "mux", "participle", "pflag", "testify", "toml", "uuid", "yaml",
}

// buildModules compiles the programs of testdata/modules into one. The modules come from the module cache, or else are
// downloaded as they would be for any program.
func buildModules(t *testing.T) (dir, program string) {
	goCmd := need.Program(t, "go", "go")
	dir, err := filepath.Abs(filepath.Join("testdata", "modules"))
	if err != nil {
		t.Fatal(err)
	}
	program = filepath.Join(t.TempDir(), "modules")
	build := func(env ...string) ([]byte, error) {
		cmd := exec.Command(goCmd, "build", "-o", program, ".")
		cmd.Dir = dir
		cmd.Env = append(os.Environ(), append(env, "GOWORK=off", "GOFLAGS=-trimpath", "CGO_ENABLED=0")...)
		return cmd.CombinedOutput()
	}
	if _, err := build("GOPROXY=off"); err == nil {
		return dir, program
	}
	if out, err := build(); err != nil {
		if bytes.Contains(out, []byte("dial tcp")) || bytes.Contains(out, []byte("module lookup disabled")) {
			need.Missing(t, "go", "the modules of the test are not in the module cache and cannot be downloaded here")
		}
		t.Fatalf("%v\n%s", err, out)
	}
	return dir, program
}

// TestModules runs what uses a module as a cell and compares what it prints with the compiled program.
func TestModules(t *testing.T) {
	dir, program := buildModules(t)
	for _, name := range moduleCells {
		t.Run(name, func(t *testing.T) {
			want, err := exec.Command(program, name).Output()
			if err != nil || len(want) == 0 {
				t.Fatalf("the compiled program: %v\n%s", err, want)
			}
			src, err := os.ReadFile(filepath.Join(dir, name, name+".go"))
			if err != nil {
				t.Fatal(err)
			}
			ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
			defer cancel()
			var out bytes.Buffer
			in := interp.New(interp.Options{Libraries: []interp.Library{interp.Std()}, Source: interp.Modules(dir), Stdout: &out, Stderr: &out})
			if _, err := in.Eval(ctx, interp.Cell{N: 1, Source: string(src) + "\nMain()"}); err != nil {
				t.Fatalf("%v\n%s", err, out.String())
			}
			// a cell's package is main
			got := strings.ReplaceAll(out.String(), "main.", name+".")
			if got != string(want) {
				t.Errorf("the cell prints\n%s\nthe program prints\n%s", got, want)
			}
			if n := len(in.Loaded()); n == 0 {
				t.Error("no module was loaded from source")
			}
		})
	}
}

// TestModuleTests runs modules' own tests, interpreted like the modules.
func TestModuleTests(t *testing.T) {
	dir, _ := buildModules(t)
	for _, module := range []string{"github.com/google/uuid", "github.com/gorilla/mux", "github.com/spf13/pflag"} {
		t.Run(path.Base(module), func(t *testing.T) {
			list := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", module)
			list.Dir = dir
			from, err := list.Output()
			if err != nil {
				t.Fatal(err)
			}
			copied, n := testsOf(t, strings.TrimSpace(string(from)), path.Base(module))
			t.Chdir(copied)
			var out bytes.Buffer
			in := interp.New(interp.Options{Libraries: []interp.Library{interp.Std()}, Source: interp.Modules(copied), Stdout: &out, Stderr: &out})
			ctx, cancel := context.WithTimeout(t.Context(), 4*time.Minute)
			defer cancel()
			r, err := in.Eval(ctx, interp.Cell{N: 1, Source: "import (\n\t\"testing\"\n\tm \"" + module + "\"\n)\nall := func(string, string) (bool, error) { return true, nil }\ntesting.RunTests(all, m.OwnTests)"})
			if err != nil || len(r.Values) != 1 || !r.Values[0].Bool() || n < 20 {
				t.Errorf("%d tests: %v, %v\n%s", n, r.Values, err, out.String())
			}
		})
	}
}

// flaky are tests that fail by the clock, compiled too. NewV6 of uuid 1.6 writes its version over four bits of the
// time, so that two identifiers made around any multiple of 409.6 us come out of order.
var flaky = map[string]bool{"TestVersion6": true}

var (
	testFunc  = regexp.MustCompile(`(?m)^func (Test\w*)\(\w+ \*testing\.T\)`)
	asPackage = regexp.MustCompile(`(?m)^package (\w+)`)
)

// testsOf copies a package with the tests that are in it, which become a part of it and are listed in its variable OwnTests.
func testsOf(t *testing.T, from, name string) (dir string, n int) {
	t.Helper()
	dir = t.TempDir()
	files, err := os.ReadDir(from)
	if err != nil {
		t.Fatal(err)
	}
	list := "package " + name + "\n\nimport \"testing\"\n\nvar OwnTests = []testing.InternalTest{\n"
	for _, f := range files {
		if f.IsDir() || !strings.HasSuffix(f.Name(), ".go") && f.Name() != "go.mod" {
			continue
		}
		b, err := os.ReadFile(filepath.Join(from, f.Name()))
		if err != nil {
			t.Fatal(err)
		}
		to, isTest := strings.CutSuffix(f.Name(), "_test.go")
		if isTest {
			if m := asPackage.FindSubmatch(b); string(m[1]) != name {
				continue
			}
			for _, m := range testFunc.FindAllSubmatch(b, -1) {
				if flaky[string(m[1])] {
					continue
				}
				list += fmt.Sprintf("\t{Name: %q, F: %s},\n", m[1], m[1])
				n++
			}
			to += "_own.go"
		}
		if err := os.WriteFile(filepath.Join(dir, to), b, 0o666); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(dir, "own_list.go"), []byte(list+"}\n"), 0o666); err != nil {
		t.Fatal(err)
	}
	return dir, n
}
