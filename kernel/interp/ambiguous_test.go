package interp

import (
	"fmt"
	"os"
	"path"
	"path/filepath"
	"strings"
	"testing"

	"github.com/godlas/godlas/kernel/interp/internal/front"
)

// TestAmbiguousNames compares the table of docs/cells.md with the packages of the standard library: it has a row for each
// name that several of them have, and the row is what a cell gets.
func TestAmbiguousNames(t *testing.T) {
	doc, err := os.ReadFile(filepath.Join("..", "..", "docs", "cells.md"))
	if err != nil {
		t.Fatal(err)
	}
	packages := front.NewPackages([]string{Std().Data})
	byName := map[string][]string{}
	for _, p := range packages.Paths() {
		name := path.Base(p)
		if strings.HasPrefix(name, "v") && strings.Trim(name[1:], "0123456789") == "" {
			name = path.Base(path.Dir(p))
		}
		byName[name] = append(byName[name], p)
	}
	rows := 0
	for name, paths := range byName {
		if len(paths) == 1 {
			continue
		}
		rows++
		order := packages.Preferred(name)
		if len(order) != len(paths) {
			t.Errorf("%s: %d of %d packages", name, len(order), len(paths))
		}
		row := fmt.Sprintf("| `%s` | `%s` |\n", name, strings.Join(order, "`, `"))
		if !strings.Contains(string(doc), row) {
			t.Errorf("docs/cells.md lacks the row %s", row)
		}
	}
	if n := strings.Count(string(doc), "\n| `"); n != rows || rows == 0 {
		t.Errorf("docs/cells.md has %d rows for %d names", n, rows)
	}
}

// TestLongCell runs a cell of 5,000 lines, and one with an error at its end.
func TestLongCell(t *testing.T) {
	in, _ := session(t)
	var src strings.Builder
	for i := range 1000 {
		fmt.Fprintf(&src, "func f%d(n int) int {\n\treturn n + %d\n}\n", i, i)
	}
	src.WriteString("s := 0\n")
	for i := range 1998 {
		fmt.Fprintf(&src, "s += f%d(1)\n", i%1000)
	}
	r, err := in.Eval(t.Context(), Cell{N: 1, Source: src.String() + "s"})
	want := int64(0)
	for i := range 1998 {
		want += int64(i%1000) + 1
	}
	if err != nil || r.Values[0].Int() != want {
		t.Fatal(err, r.Values, want)
	}
	_, err = in.Eval(t.Context(), Cell{N: 2, Source: src.String() + "nope"})
	if err == nil || err.Error() != "cell[2]:5000:1: undefined: nope" {
		t.Error(err)
	}
	line := "x := \"" + strings.Repeat("y", 1<<20) + "\"; x.z"
	_, err = in.Eval(t.Context(), Cell{N: 3, Source: line})
	if want := fmt.Sprintf("cell[3]:1:%d: ", len(line)); err == nil || !strings.HasPrefix(err.Error(), want) {
		t.Errorf("%.80v, want %s", err, want)
	}
}
