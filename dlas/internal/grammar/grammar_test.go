package grammar

import (
	"errors"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/godlas/godlas/dlas/ir"
)

func TestCanonical(t *testing.T) {
	for _, c := range []struct {
		text, want string
		points     []string
	}{
		{"none", "none", []string{"none"}},
		{"  direct   csr ", "direct csr", []string{"direct csr"}},
		{"direct dense|direct csr", "direct dense|direct csr", []string{"direct dense", "direct csr"}},
		{"(direct|gemm) (dense|csr)", "(direct|gemm) (dense|csr)", []string{"direct dense", "direct csr", "gemm dense", "gemm csr"}},
		{"(direct|gemm)(dense|csr)", "(direct|gemm) (dense|csr)", []string{"direct dense", "direct csr", "gemm dense", "gemm csr"}},
		{"((a|b))", "a|b", []string{"a", "b"}},
		{"(a b) c", "a b c", []string{"a b c"}},
		{"a|(b|c)|d", "a|b|c|d", []string{"a", "b", "c", "d"}},
		{"prune(0, .5, .80, 9e-1)", "prune(0, 0.5, 0.8, 0.9)", []string{"prune(0)", "prune(0.5)", "prune(0.8)", "prune(0.9)"}},
		{"prune(0.5|0.9)", "prune(0.5, 0.9)", []string{"prune(0.5)", "prune(0.9)"}},
		{"prune(.5, 0.50)", "prune(0.5)", []string{"prune(0.5)"}},
		{"prune()", "prune", []string{"prune"}},
		{"blocks(16x1, .8) int8", "blocks(0.8, 16x1) int8", []string{"blocks(0.8, 16x1) int8"}},
		{"blocks(.8, 16x1|8x1)", "blocks(0.8, 16x1|8x1)", []string{"blocks(0.8, 16x1)", "blocks(0.8, 8x1)"}},
		{"channels(elbow, drop=2)", "channels(elbow, drop=2)", []string{"channels(elbow, drop=2)"}},
		{"channels(.5|elbow)", "channels(0.5|elbow)", []string{"channels(0.5)", "channels(elbow)"}},
		{"cpu(threads=1|02, isa=avx2)", "cpu(isa=avx2, threads=1|2)", []string{"cpu(isa=avx2, threads=1)", "cpu(isa=avx2, threads=2)"}},
		{"auto(latency<=300us, accuracy>=-0.5pt)", "auto(accuracy>=-0.5pt, latency<=0.3ms)", []string{"auto(accuracy>=-0.5pt, latency<=0.3ms)"}},
		{"auto(accuracy<=1, accuracy>=.9)", "auto(accuracy<=1, accuracy>=0.9)", []string{"auto(accuracy<=1, accuracy>=0.9)"}},
		{"folder(mean=[.485 .456 0.4060])", "folder(mean=[0.485 0.456 0.406])", []string{"folder(mean=[0.485 0.456 0.406])"}},
		{`"/home/me/my pictures"(n=5)`, `"/home/me/my pictures"(n=5)`, []string{`"/home/me/my pictures"(n=5)`}},
		{`"plain.safetensors"`, `plain.safetensors`, []string{`plain.safetensors`}},
		{`f(path="C:\a b\c")`, `f(path="C:\\a b\\c")`, []string{`f(path="C:\\a b\\c")`}},
		{`f(path="C:\\a b\\c")`, `f(path="C:\\a b\\c")`, []string{`f(path="C:\\a b\\c")`}},
		{`f("a\"b|c")`, `f("a\"b|c")`, []string{`f("a\"b|c")`}},
		{"random(1x3x32x32, seed=18446744073709551615)", "random(1x3x32x32, seed=18446744073709551615)", []string{"random(1x3x32x32, seed=18446744073709551615)"}},
		{"f(1e30, -0, +3)", "f(1e+30, 0, 3)", []string{"f(1e+30)", "f(0)", "f(3)"}},
	} {
		l, err := Parse(ir.Compress, c.text)
		if err != nil {
			t.Errorf("%s: %v", c.text, err)
			continue
		}
		if got := l.String(); got != c.want {
			t.Errorf("%s: canonical %s, want %s", c.text, got, c.want)
		}
		ps, err := l.Points(ir.Compress)
		if err != nil {
			t.Errorf("%s: %v", c.text, err)
		}
		var got []string
		for _, p := range ps {
			var words []string
			for _, w := range p {
				words = append(words, w.String())
			}
			got = append(got, strings.Join(words, " "))
		}
		if strings.Join(got, "; ") != strings.Join(c.points, "; ") {
			t.Errorf("%s: points %q, want %q", c.text, got, c.points)
		}
	}
}

func TestErrors(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{"", "L3 compress: a choice is missing at the end of ``"},
		{"|", "L3 compress: a choice is missing before '|' at column 1 of `|`"},
		{"a|", "L3 compress: a choice is missing at the end of `a|`"},
		{"'prune(0.9)'", "L3 compress: a choice is missing before '\\'' at column 1 of `'prune(0.9)'`; single quotes are for a shell: leave them out"},
		{"()", "L3 compress: a choice is missing before ')' at column 2 of `()`"},
		{"prune(0.9", "L3 compress: missing , or ) at the end of `prune(0.9`"},
		{"prune(0.9))", "L3 compress: unexpected ')' at column 11 of `prune(0.9))`"},
		{"prune(0.9 0.8)", "L3 compress: missing , or ) at column 11 of `prune(0.9 0.8)`"},
		{"prune(90%)", "L3 compress: shares are fractions, 0.9 for 90 %, but there is a % at column 9 of `prune(90%)`"},
		{"prune(0.9,)", "L3 compress: a value is missing at column 11 of `prune(0.9,)`"},
		{"prune(,)", "L3 compress: a value is missing before ',' at column 7 of `prune(,)`"},
		{"prune(1e999)", "L3 compress: the number 1e999 is out of range at column 12 of `prune(1e999)`"},
		{"f(n=)", "L3 compress: a value is missing before ')' at column 5 of `f(n=)`"},
		{"f(n=1, n=2)", "L3 compress: n= stands twice at column 8 of `f(n=1, n=2)`"},
		{"f(1=2)", "L3 compress: \"1\" is no name of an argument at column 3 of `f(1=2)`"},
		{"f([1 2)", "L3 compress: a value is missing before ')' at column 7 of `f([1 2)`"},
		{"f([])", "L3 compress: an empty vector at column 5 of `f([])`"},
		{`f("a)`, "L3 compress: missing closing \" at column 3 of `f(\"a)`"},
		{"a$b", "L3 compress: unexpected '$' at column 2 of `a$b`"},
		{strings.Repeat("(", 100), "L3 compress: brackets nest deeper than 32 at column 34 of `" + strings.Repeat("(", 80) + "…`"},
		{"a\xff", "L3 compress: the choice is not UTF-8 text"},
	} {
		_, err := Parse(ir.Compress, c.text)
		var e *ir.Error
		if !errors.As(err, &e) {
			t.Errorf("%s: no *ir.Error but %v", c.text, err)
		} else if got := err.Error(); got != c.want {
			t.Errorf("%s:\n got %s\nwant %s", c.text, got, c.want)
		}
	}
}

func TestTooManyPoints(t *testing.T) {
	text := strings.Repeat("(a|b|c|d|e|f|g|h|i|j)", 9)
	l, err := Parse(ir.Compress, text)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := l.Points(ir.Compress); err == nil {
		t.Error("10^9 points were multiplied out")
	}
}

// TestLongTexts: no text takes a second or 64 MB, whatever is written in it up to its greatest length.
func TestLongTexts(t *testing.T) {
	filled := func(begin, end string, more func(i int) string) string {
		var b strings.Builder
		b.WriteString(begin)
		for i := 0; b.Len() < maxText-len(end)-12; i++ {
			b.WriteString(more(i))
		}
		return b.String() + end
	}
	name := func(i int) string { return "a" + strconv.FormatInt(int64(i), 36) }
	for what, text := range map[string]string{
		"words":        filled("", "", func(int) string { return "a " }),
		"alternatives": filled("", "a", func(i int) string { return name(i) + "|" }),
		"numbers":      filled("f(", "0)", func(i int) string { return strconv.Itoa(i) + "," }),
		"values":       filled("f(", "a)", func(int) string { return "a," }),
		"a list":       filled("f(", "a)", func(i int) string { return name(i) + "|" }),
		"arguments":    filled("f(", "a=1)", func(i int) string { return name(i) + "=1," }),
		"a vector":     filled("f([", "])", func(int) string { return "1 " }),
		"a product":    filled("f(1,2,3,4,5,6,7,8,9) g(1,2,3,4,5,6,7,8,9) h(1,2,3,4,5,6,7,8,9) ", "", func(int) string { return "a " }),
		"brackets":     filled("", "a", func(int) string { return "(a|b) " }),
	} {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		begin := time.Now()
		l, err := Parse(ir.Data, text)
		if err != nil {
			t.Fatalf("%s: %v", what, err)
		}
		_ = l.String()
		points, err := l.Points(ir.Data)
		took := time.Since(begin)
		runtime.ReadMemStats(&after)
		if bytes := after.TotalAlloc - before.TotalAlloc; took > time.Second || bytes > 64<<20 {
			t.Errorf("%s: %d points (%v) took %v and %d bytes", what, len(points), err, took, bytes)
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, s := range []string{
		"prune(0, .5, .8, .9) int8|none", "(direct|gemm) (dense|csr)", "cpu(isa=go|avx2, threads=1|2)", `f("a \"b", [1 2 .5], x>=3us, x<=1s)`,
		"((a|b) c)|d", `"["`, `f("[a b]")`, `"a"(1)`, "f(1|a, 2)", "f(1e-7, 00, +.5E3)",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		l, err := Parse(ir.Data, text)
		if err != nil {
			if strings.ContainsAny(err.Error(), "\n\r") {
				t.Errorf("the error has more than one line: %q", err)
			}
			return
		}
		once := l.String()
		again, err := Parse(ir.Data, once)
		if err != nil {
			t.Fatalf("canonical %q of %q does not parse: %v", once, text, err)
		}
		if twice := again.String(); twice != once {
			t.Fatalf("canonical form of %q is no fixed point: %q, then %q", text, once, twice)
		}
		if n, _ := l.count(); n > 1000 {
			return
		}
		ps, err := l.Points(ir.Data)
		if err != nil || len(ps) == 0 {
			t.Fatalf("%q has no points: %v", text, err)
		}
		for _, p := range ps {
			for _, c := range p {
				if _, err := Parse(ir.Data, c.String()); err != nil {
					t.Fatalf("choice %q of %q does not parse: %v", c, text, err)
				}
			}
		}
	})
}
