package cell

import (
	"fmt"
	"go/scanner"
	"go/token"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"
)

// show writes pieces in short: kind, line, name, args, and for Go the source with its leading newlines counted.
func show(src string) []string {
	var out []string
	for _, p := range Split(src) {
		switch p.Kind {
		case Go:
			body := strings.TrimLeft(p.Source(src), "\n")
			out = append(out, fmt.Sprintf("go@%d %q", p.Line, strings.TrimRight(body, "\n")))
		case Line:
			out = append(out, fmt.Sprintf("line@%d %s [%s]", p.Line, p.Name, p.Args))
		case Whole:
			out = append(out, fmt.Sprintf("whole@%d %s [%s] %q", p.Line, p.Name, p.Args, p.Body))
		case Shell:
			out = append(out, fmt.Sprintf("shell@%d [%s]", p.Line, p.Args))
		case Help:
			out = append(out, fmt.Sprintf("help@%d %s %s", p.Line, p.Name, p.Args))
		}
	}
	return out
}

func TestSplit(t *testing.T) {
	for _, c := range []struct {
		src  string
		want []string
	}{
		{"", nil},
		{" \n\t\n", nil},
		{"x := 1\ny := 2", []string{`go@1 "x := 1\ny := 2"`}},
		{"%who", []string{"line@1 who []"}},
		{"\n%%bash -x\nls\n%who\n", []string{`whole@2 bash [-x] "ls\n%who\n"`}},
		{"x := 1\n%%bash\nls", []string{`go@1 "x := 1"`, `whole@2 bash [] ""`, `go@3 "ls"`}},
		{"x := 1\n%time f()\ny := x\n!ls -l\n", []string{`go@1 "x := 1"`, "line@2 time [f()]", `go@3 "y := x"`, "shell@4 [ls -l]"}},
		{"  %cd  /tmp \r\nx", []string{"line@1 cd [/tmp]", `go@2 "x"`}},
		{"%dlas compress prune(0, \\\n  .5)\nx", []string{"line@1 dlas [compress prune(0, .5)]", `go@3 "x"`}},
		{"s := `\n%who\n!ls\n`\n%who", []string{"go@1 \"s := `\\n%who\\n!ls\\n`\"", "line@5 who []"}},
		{"/* a\n%who\n*/\n// `\n%who", []string{`go@1 "/* a\n%who\n*/\n// ` + "`" + `"`, "line@5 who []"}},
		{"f(a,\n!b)\n!b", []string{`go@1 "f(a,\n!b)"`, "shell@3 [b]"}},
		{"ok := a &&\n!b\n%who", []string{`go@1 "ok := a &&\n!b"`, "line@3 who []"}},
		{"x := 7\n%who", []string{`go@1 "x := 7"`, "line@2 who []"}},
		{"x := 1.\n%who", []string{`go@1 "x := 1."`, "line@2 who []"}},
		{"x++\n%who", []string{`go@1 "x++"`, "line@2 who []"}},
		{"x := '`'\n%who", []string{"go@1 \"x := '`'\"", "line@2 who []"}},
		{`x := "\"` + "`\"\n%who", []string{"go@1 \"x := \\\"\\\\\\\"`\\\"\"", "line@2 who []"}},
		{"x := a %\nb", []string{`go@1 "x := a %\nb"`}},
		{"func f() {\n%who\n}\n%who", []string{`go@1 "func f() {\n%who\n}"`, "line@4 who []"}},
		{"fmt.Println?", []string{"help@1 fmt.Println ?"}},
		{"??x\n%dlas?", []string{"help@1 x ??", "help@2 %dlas ?"}},
		{"!ls *?", []string{"shell@1 [ls *?]"}},
		{"if x {\n} else {\n}\n!ls", []string{`go@1 "if x {\n} else {\n}"`, "shell@4 [ls]"}},
		{"for\n%who", []string{`go@1 "for\n%who"`}},
		{"return\n%who", []string{`go@1 "return"`, "line@2 who []"}},
		{"x /* y\n%who */ +\n%who", []string{`go@1 "x /* y\n%who */ +\n%who"`}},
		{"%", []string{"line@1  []"}},
		{"//gonb:%who x\n// gonb:%who\n//gonb:!ls\n//gonb: %who", []string{"line@1 who [x]", `go@2 "// gonb:%who"`, "shell@3 [ls]", `go@4 "//gonb: %who"`}},
		{"//gonb:%%bash -x\nls", []string{`whole@1 bash [-x] "ls"`}},
		{"%who\n\n\nx", []string{"line@1 who []", `go@2 "x"`}},
	} {
		if got := show(c.src); !slices.Equal(got, c.want) {
			t.Errorf("%q:\n got %q\nwant %q", c.src, got, c.want)
		}
	}
}

func TestPositions(t *testing.T) {
	src := "a := 1\n  %time  f(x)\nb := 2\n"
	p := Split(src)
	if got := p[1].Col; src[7:][got-1:got+3] != "f(x)" {
		t.Errorf("the argument is at column %d", got)
	}
	if want := "\n\nb := 2\n"; p[2].Source(src) != want {
		t.Errorf("got source %q, want %q", p[2].Source(src), want)
	}
}

func TestBlank(t *testing.T) {
	for src, want := range map[string]string{
		"a\n%wé o\nb": "a\n      \nb",
		"%%x\ny":      "   \n ",
		"a := `\n%b`": "a := `\n%b`",
	} {
		if got := Blank(src); got != want {
			t.Errorf("%q: got %q, want %q", src, got, want)
		}
	}
}

// FuzzSplit checks that pieces cover the cell, keep its lines, and never take what Go's own scanner calls a string or a
// comment for a magic.
func FuzzSplit(f *testing.F) {
	for _, s := range []string{"x := 1\n%who\ny", "%%bash\nls", "s := `\n%a`\n!b", "/*\n%*/", "a+\n%b", "f(\n!a)", "x?\n?y", "'\\\n%a", "\"\\\n!"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, src string) {
		pieces := Split(src)
		pos := 0
		for i, p := range pieces {
			if p.Start != pos && (i > 0 || strings.TrimSpace(src[:p.Start]) != "") {
				t.Fatalf("piece %d begins at %d, the one before ended at %d", i, p.Start, pos)
			}
			pos = p.End
			if line := 1 + strings.Count(src[:p.Start], "\n"); p.Kind == Go && p.Line != line {
				t.Fatalf("Go at line %d says line %d", line, p.Line)
			}
		}
		if strings.TrimSpace(src[pos:]) != "" {
			t.Fatalf("%q is lost", src[pos:])
		}
		if b := Blank(src); len(b) != len(src) || strings.Count(b, "\n") != strings.Count(src, "\n") {
			t.Fatalf("Blank changes %q to %q", src, b)
		}
		i := slices.IndexFunc(pieces, func(p Piece) bool { return p.Kind != Go })
		if i < 0 || !utf8.ValidString(src) || strings.ContainsAny(src, "\x00\ufeff") {
			return
		}
		start := pieces[i].Start
		for start < len(src) && strings.ContainsRune(" \t\r\n", rune(src[start])) {
			start++
		}
		checkOutside(t, src, start)
	})
}

// checkOutside fails if Go's scanner, without an error before it, finds off within a string or a comment.
func checkOutside(t *testing.T, src string, off int) {
	fset := token.NewFileSet()
	file := fset.AddFile("", -1, len(src))
	var s scanner.Scanner
	first := len(src)
	s.Init(file, []byte(src), func(p token.Position, _ string) { first = min(first, p.Offset) }, scanner.ScanComments)
	for {
		pos, tok, lit := s.Scan()
		if tok == token.EOF || file.Offset(pos) >= off || first < off {
			return
		}
		if (tok == token.COMMENT || tok == token.STRING || tok == token.CHAR) && file.Offset(pos)+len(lit) > off {
			t.Fatalf("%q: offset %d is in %s %q", src, off, tok, lit)
		}
	}
}
