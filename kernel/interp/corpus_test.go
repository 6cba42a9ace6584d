package interp

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"golang.org/x/tools/txtar"

	"github.com/godlas/godlas/internal/heard"
)

// A script is a notebook as text: testdata/cells/NAME.txt, a txtar archive. Its comment says what it shows. A part called
// cell is a cell; the parts behind it are what it gives, those that are empty left out:
//
//	stdout, stderr  what it writes
//	result          the values of its last expression, one a line, as "type: value"
//	error           its diagnostics, or its panic and the interpreted stack
//	note            what else the session says of it
//
// A comment that begins with "go:" says that Go compiles the cells, too, and that the program gives the same;
// TestCorpusAgainstGo sees to it. Every other expectation was read by somebody.
type script struct {
	name    string
	comment string
	cells   []cellTest
}

type cellTest struct {
	src  string
	want map[string]string
}

// given are the names of the parts that a cell can give.
var given = []string{"stdout", "stderr", "result", "error", "note"}

func corpus(t testing.TB) (out []script) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join("testdata", "cells", "*.txt"))
	if err != nil || len(files) == 0 {
		t.Fatal("no scripts", err)
	}
	for _, file := range files {
		b, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		a := txtar.Parse(b)
		s := script{name: strings.TrimSuffix(filepath.Base(file), ".txt"), comment: strings.TrimSpace(string(a.Comment))}
		for _, f := range a.Files {
			if f.Name == "cell" {
				s.cells = append(s.cells, cellTest{strings.TrimSuffix(string(f.Data), "\n"), map[string]string{}})
				continue
			}
			if len(s.cells) == 0 {
				t.Fatalf("%s: %s before the first cell", file, f.Name)
			}
			s.cells[len(s.cells)-1].want[f.Name] = string(f.Data)
		}
		out = append(out, s)
	}
	return out
}

func (s script) compiled() bool { return strings.HasPrefix(s.comment, "go: ") }

// TestCorpus runs the notebooks of testdata/cells; -update writes what they give.
func TestCorpus(t *testing.T) {
	scripts := corpus(t)
	if len(scripts) < 240 {
		t.Errorf("%d scripts; the corpus has at least 240", len(scripts))
	}
	for _, s := range scripts {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			if s.comment == "" {
				t.Error("no comment says what the script shows")
			}
			stdout, stderr := &heard.Buffer{}, &heard.Buffer{}
			in := New(Options{
				Libraries: []Library{Std()}, Stdout: stdout, Stderr: stderr,
				Stdin: strings.NewReader("42 word\nnext line\nlast line\n"), Exit: func(code int) { fmt.Fprintf(stderr, "exit %d\n", code) },
			})
			ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
			defer cancel()
			for i, c := range s.cells {
				r, err := in.Eval(ctx, Cell{N: i + 1, Source: c.src})
				got := map[string]string{"result": resultText(r.Values), "error": errorText(err), "note": lines(r.Notes...)}
				got["stdout"], got["stderr"] = lines(stdout.Take()), lines(stderr.Take())
				if *update {
					s.cells[i].want = got
					continue
				}
				for _, part := range given {
					if got[part] != c.want[part] {
						t.Errorf("cell %d, %s\n%s\ngot:\n%swant:\n%s", i+1, part, c.src, got[part], c.want[part])
					}
				}
			}
			if *update {
				write(t, filepath.Join("testdata", "cells", s.name+".txt"), s.format())
			}
		})
	}
}

func (s script) format() string {
	a := txtar.Archive{Comment: []byte(s.comment + "\n")}
	for _, c := range s.cells {
		a.Files = append(a.Files, txtar.File{Name: "cell", Data: []byte(c.src + "\n")})
		for _, part := range given {
			if c.want[part] != "" {
				a.Files = append(a.Files, txtar.File{Name: part, Data: []byte(c.want[part])})
			}
		}
	}
	return string(txtar.Format(&a))
}

// lines ends each text by a newline.
func lines(texts ...string) string {
	var b strings.Builder
	for _, s := range texts {
		if s != "" {
			b.WriteString(strings.TrimSuffix(s, "\n") + "\n")
		}
	}
	return b.String()
}

func resultText(vs []reflect.Value) string {
	var b strings.Builder
	for _, v := range vs {
		b.WriteString(valueText(v.Interface()) + "\n")
	}
	return b.String()
}

// valueText is a value without what differs from run to run.
func valueText(x any) string {
	v := reflect.ValueOf(x)
	if !v.IsValid() {
		return "nil"
	}
	switch v.Kind() {
	case reflect.Func, reflect.Chan, reflect.UnsafePointer:
		if v.IsNil() {
			return v.Type().String() + ": nil"
		}
		return v.Type().String()
	}
	return fmt.Sprintf("%T: %v", x, x)
}

func errorText(err error) string {
	if err == nil {
		return ""
	}
	var b strings.Builder
	b.WriteString(err.Error() + "\n")
	if p, ok := err.(*PanicError); ok {
		for i, f := range p.Stack {
			if i == 0 || f != p.Stack[i-1] {
				fmt.Fprintf(&b, "\tin %s at %s:%d:%d\n", f.Func, f.Cell, f.Line, f.Col)
			}
		}
	}
	return b.String()
}
