package interp

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/godlas/godlas/internal/need"
)

// TestPrograms runs whole programs, most of them smallest forms of what was once wrong. What they print must be what the
// compiled program prints; TestProgramsAgainstGo made sure of that.
func TestPrograms(t *testing.T) {
	want := map[string]string{}
	for _, s := range sections(t, "programs.out") {
		want[s.name] = s.src
	}
	for _, s := range sections(t, "programs.txt") {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			in, out := session(t)
			ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
			defer cancel()
			if _, err := in.Eval(ctx, Cell{N: 1, Source: s.src}); err != nil {
				t.Fatal(err)
			}
			if got := out.String(); got != want[s.name] {
				t.Errorf("got:\n%s\nwant:\n%s", got, want[s.name])
			}
		})
	}
}

// TestProgramsAgainstGo compiles the programs, as packages of one.
func TestProgramsAgainstGo(t *testing.T) {
	goTool := need.Program(t, "go", "go")
	dir := t.TempDir()
	list := sections(t, "programs.txt")
	text := runGo(t, goTool, dir, list)
	file := filepath.Join("testdata", "programs.out")
	if *update {
		write(t, file, text)
		return
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if text != string(want) {
		t.Errorf("the compiled programs print something else than %s; run with -update and look at the difference", file)
	}
}

// runGo compiles programs and returns what they print, each under its name.
func runGo(t *testing.T, goTool, dir string, list []snippet) string {
	t.Helper()
	write(t, filepath.Join(dir, "go.mod"), "module programs\ngo 1.26\n")
	for i, s := range list {
		write(t, filepath.Join(dir, fmt.Sprintf("p%03d", i), "main.go"), s.src)
	}
	bin := filepath.Join(dir, "bin") + string(filepath.Separator)
	cmd := exec.Command(goTool, "build", "-ldflags=-s -w", "-o", bin, "./...")
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "GOFLAGS=-mod=mod", "GOWORK=off")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	var b strings.Builder
	for i, s := range list {
		out, err := exec.Command(bin + fmt.Sprintf("p%03d", i)).Output()
		if err != nil {
			t.Fatalf("%s: %v", s.name, err)
		}
		b.WriteString("== " + s.name + "\n" + string(out))
	}
	return b.String()
}
