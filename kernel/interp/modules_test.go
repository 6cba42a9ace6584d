package interp_test

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
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
