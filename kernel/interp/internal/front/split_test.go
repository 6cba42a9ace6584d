package front

import (
	"go/scanner"
	"go/token"
	"strings"
	"testing"
)

var splitSeeds = []string{
	"", ";", "x", "x := 1; func f() {}\ny", "import \"fmt\"\nimport (\n\"os\"\n)\nfmt.Println(os.Args)", "package main\n\nfunc main() {\n}\n",
	"func (t T) m() {}\nfunc(a int) {}(1)\nfunc() {}()", "type T struct {\n\ta int // a\n}\n/* b\n*/ const c = 1 /* d */ ; x", "var (\n\ta = 1\n\tb\n)\n// end",
	"for {\n}\n\n\n", "x := `a\nb`; y := 'c'", "}\n)", "((", "func init() {}\nvar x = 1\nfunc init() {}", "if x {\n} else if y {\n}\ntype A = B", "\"unclosed\nx", "`unclosed\nfunc f() {}",
	"日本 := 1\ntype ü struct{}\n日本", "\xff\nfunc f() {}", "a\r\nfunc f() {}\r\nb", "L:\nfor {\n\tbreak L\n}", "func f[T any](x T) {}\nf(1)", "go func() {}()\nfunc g() {}", "/*line x:3:4*/a\nfunc f() {}",
}

// FuzzSplit: cutting a cell loses no token, makes none, keeps their order, and each keeps its line and column in the package
// that is made of the pieces.
func FuzzSplit(f *testing.F) {
	for _, s := range splitSeeds {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, src string) {
		whole := scan(src)
		whole = whole[:len(whole)-1]
		for len(whole) > 0 && whole[0].tok == token.SEMICOLON {
			whole = whole[1:]
		}
		pieces := split(src)
		var joined []tok
		end := -1
		for i, p := range pieces {
			if p.from >= p.to || end >= 0 && p.from != end {
				t.Fatalf("piece %d is %d-%d, the one before ends at %d", i, p.from, p.to, end)
			}
			end = p.to
			toks := scan(src[p.from:p.to])
			for _, k := range toks[:len(toks)-1] {
				k.off += p.from
				joined = append(joined, k)
			}
		}
		if len(pieces) > 0 && end != len(src) {
			t.Errorf("the last piece ends at %d of %d", end, len(src))
		}
		if len(joined) != len(whole) {
			t.Fatalf("%d tokens became %d", len(whole), len(joined))
		}
		for i, k := range joined {
			if k != whole[i] {
				t.Fatalf("token %d: %v became %v", i, whole[i], k)
			}
		}
		checkPositions(t, src, pieces)
	})
}

// checkPositions looks each token of the pieces up in the assembled package.
func checkPositions(t *testing.T, src string, pieces []piece) {
	if strings.Contains(src, "line ") || strings.ContainsAny(src, marker+"\r") || strings.Contains(src, "init") {
		return // directives of its own, or names that are changed
	}
	var own scanner.Scanner
	own.Init(token.NewFileSet().AddFile("", -1, len(src)), []byte(src), nil, scanner.ScanComments)
	for tok := token.ILLEGAL; tok != token.EOF; {
		_, tok, _ = own.Scan()
	}
	if own.ErrorCount > 0 {
		return // what is not closed swallows what follows
	}
	b := &builder{id: 1, file: "c1", src: src}
	b.assemble()
	fset := token.NewFileSet()
	file := fset.AddFile("text", -1, len(b.text))
	var s scanner.Scanner
	s.Init(file, []byte(b.text), func(token.Position, string) {}, 0)
	type where struct{ line, col int }
	at := map[where]string{}
	for {
		pos, k, lit := s.Scan()
		if k == token.EOF {
			break
		}
		if p := fset.Position(pos); p.Filename == "c1" && k != token.SEMICOLON {
			at[where{p.Line, p.Column}] = k.String() + lit
		}
	}
	for _, p := range pieces {
		if p.kind == packageClause {
			continue
		}
		toks := scan(src[p.from:p.to])
		for _, k := range toks[:len(toks)-1] {
			if k.tok == token.SEMICOLON || k.tok == token.ILLEGAL {
				continue
			}
			off := p.from + k.off
			w := where{strings.Count(src[:off], "\n") + 1, off - (strings.LastIndexByte(src[:off], '\n') + 1) + 1}
			if got := at[w]; got != k.tok.String()+k.lit {
				t.Errorf("%d:%d: %q, in the package %q", w.line, w.col, k.tok.String()+k.lit, got)
			}
		}
	}
}
