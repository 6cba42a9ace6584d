package interp

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/godlas/godlas/internal/need"
)

var update = flag.Bool("update", false, "write testdata/snippets.out by running the snippets with the Go toolchain")

type snippet struct{ name, src string }

// sections reads a file of parts that begin with "== name".
func sections(t testing.TB, file string) (out []snippet) {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("testdata", file))
	if err != nil {
		t.Fatal(err)
	}
	for _, part := range strings.Split("\n"+string(b), "\n== ")[1:] {
		name, src, _ := strings.Cut(part, "\n")
		out = append(out, snippet{name, strings.TrimSuffix(src, "\n") + "\n"})
	}
	return out
}

// TestSnippets runs ordinary cells. What they print must be what the compiled
// program prints; TestSnippetsAgainstGo made sure of that.
func TestSnippets(t *testing.T) {
	want := map[string]string{}
	for _, s := range sections(t, "snippets.out") {
		want[s.name] = s.src
	}
	for _, s := range sections(t, "snippets.txt") {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			in, out := session(t)
			ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
			defer cancel()
			_, err := in.Eval(ctx, Cell{N: 1, Source: s.src})
			if err != nil {
				t.Fatal(err)
			}
			if got := out.String(); got != want[s.name] {
				t.Errorf("got:\n%s\nwant:\n%s", got, want[s.name])
			}
		})
	}
}

// TestSnippetsAgainstGo compiles the snippets as one program.
func TestSnippetsAgainstGo(t *testing.T) {
	goTool := need.Program(t, "go", "go")
	dir := t.TempDir()
	var imports, calls strings.Builder
	for i, s := range sections(t, "snippets.txt") {
		pkg := fmt.Sprintf("s%02d", i)
		write(t, filepath.Join(dir, pkg, "s.go"), asPackage(pkg, s.src))
		fmt.Fprintf(&imports, "import %q\n", "snippets/"+pkg)
		fmt.Fprintf(&calls, "\tfmt.Println(%q)\n\t%s.Run()\n", "== "+s.name, pkg)
	}
	write(t, filepath.Join(dir, "go.mod"), "module snippets\ngo 1.26\n")
	write(t, filepath.Join(dir, "main.go"), "package main\nimport \"fmt\"\n"+imports.String()+"func main() {\n"+calls.String()+"}\n")
	cmd := exec.Command(goTool, "run", ".")
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "GOFLAGS=-mod=mod", "GOWORK=off")
	var stderr strings.Builder
	cmd.Stderr = &stderr
	got, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v\n%s", err, stderr.String())
	}
	// in a cell's own package types are main's
	text := got
	for i := range sections(t, "snippets.txt") {
		text = []byte(strings.ReplaceAll(string(text), fmt.Sprintf("s%02d.", i), "main."))
		text = []byte(strings.ReplaceAll(string(text), fmt.Sprintf("snippets/s%02d", i), "main"))
	}
	file := filepath.Join("testdata", "snippets.out")
	if *update {
		write(t, file, string(text))
		return
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if string(text) != string(want) {
		t.Errorf("the compiled snippets print something else than %s; run with -update and look at the difference", file)
	}
}

func write(t *testing.T, file, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

// asPackage makes a package of a snippet: declarations begin at the start of a
// line with their keyword and end where a line begins with their bracket.
func asPackage(name, src string) string {
	var imports, decls, body strings.Builder
	lines := strings.SplitAfter(src, "\n")
	for i := 0; i < len(lines); i++ {
		l := lines[i]
		dst := &body
		switch {
		case strings.HasPrefix(l, "import "):
			dst = &imports
		case strings.HasPrefix(l, "func "), strings.HasPrefix(l, "type "), strings.HasPrefix(l, "const "):
			dst = &decls
		}
		dst.WriteString(l)
		if dst == &body || !strings.HasSuffix(l, "{\n") && !strings.HasSuffix(l, "(\n") {
			continue
		}
		for i++; i < len(lines); i++ {
			dst.WriteString(lines[i])
			if strings.HasPrefix(lines[i], "}") || strings.HasPrefix(lines[i], ")") {
				break
			}
		}
	}
	return "package " + name + "\n" + imports.String() + decls.String() + "func Run() {\n" + body.String() + "}\n"
}
