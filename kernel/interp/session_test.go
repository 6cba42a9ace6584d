package interp

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/godlas/godlas/internal/heard"
)

// TestSessions runs cells one after the other. A step is a cell and what it
// prints, followed by its values as "=> v"; or, for an error, its text.
func TestSessions(t *testing.T) {
	tests := []struct {
		name  string
		steps []string // cell, want, cell, want, ...
	}{
		{"values", []string{
			"1 + 2", "=> 3",
			"x := 5", "",
			"x", "=> 5",
			"x * 2.0", "=> 10",
			`"a" + "b"`, "=> ab",
			"x > 3", "=> true",
			"func() (int, string) { return 1, \"s\" }()", "=> 1 => s",
			"[]int{1, 2}", "=> [1 2]",
			"nilErr := error(nil); nilErr", "=> <nil>",
			"x = 7", "",
			"x++\nx", "=> 8",
			"fmt.Println(x)", "8\n",
			"func nothing() {}\nnothing()", "",
			"struct{ A int }{3}", "=> {3}",
			"'a'", "=> 97",
			"&x != nil", "=> true",
			"", "",
			"// only a comment", "",
			";;", "",
			"x;", "=> 8",
			"x // trailing", "=> 8",
		}},
		{"state and imports", []string{
			"import \"strings\"", "",
			"strings.ToUpper(\"a\")", "=> A",
			"import str \"strings\"\nstr.Repeat(\"b\", 2)", "=> bb",
			"str.Repeat(\"c\", 2)", "=> cc",
			"import . \"math\"\nSqrt(4)", "=> 2",
			"Floor(2.5)", "=> 2",
			"import _ \"image/png\"", "",
			"import \"strings\"\nimport \"strings\"\nstrings.ToLower(\"D\")", "=> d",
			"import rnd \"math/rand/v2\"\nrnd.N(1)", "=> 0",
		}},
		{"packages without import", []string{
			"strconv.Itoa(5) + filepath.Base(\"a/b\")", "=> 5b",
			"json.Valid([]byte(`{}`))", "=> true",
			"rand.Intn(1) + rand.IntN(1) - len(rand.Text())", "!undefined: rand.Intn (but have IntN)",
			"rand.Intn(1)", "=> 0",
			"strings := 3; strings", "=> 3",
			"strings + 1", "=> 4",
		}},
		{"redefinition", []string{
			"x := 1\nfunc get() int { return x }", "",
			"x := 2", "",
			"get()", "=> 2",
			"x := \"now a string\"", "",
			"get()", "=> 2",
			"x", "=> now a string",
			"x := x + \"!\"\nx", "=> now a string!",
			"x := len(x)\nx", "=> 13",
			"x, y := x+1, x\nx*100 + y", "=> 1413",
			"func f() int { return 1 }\nfunc g() int { return f() * 10 }", "",
			"func f() int { return 2 }", "",
			"g()", "=> 20",
			"func f() string { return \"other\" }", "",
			"g()", "=> 20",
			"f()", "=> other",
			"const c = 1", "",
			"const c = c2 * 2\nconst c2 = 21\nc", "=> 42",
			"var z int = 5", "",
			"var z int\nz", "=> 0",
			"x := 1; x := 2", "!no new variables on left side of :=",
			"a, err := strconv.Atoi(\"1\")\nb, err := strconv.Atoi(\"x\")\nerr != nil", "=> true",
		}},
		{"types", []string{
			"type T struct{ A int }\nfunc (t T) Get() int { return t.A }\nv := T{1}", "",
			"v.Get()", "=> 1",
			"type T struct{ A int }\nfunc (t T) Get() int { return t.A * 100 }", "",
			"v.Get()", "=> 100",
			"v = T{2}\nv.Get()", "=> 200",
			"func (t T) String() string { return fmt.Sprint(\"T#\", t.A) }", "",
			"v.String()", "=> T#2",
			"func (t *T) Inc() { t.A++ }\nv.Inc()\nv.A", "=> 3",
			"type T struct{ A, B int }\nw := T{1, 2}\nw.B", "=> 2",
			"v.A", "=> 3",
			"v = w", "!cannot use w",
			"type Shape interface{ Area() float64 }\ntype Sq float64", "",
			"func (s Sq) Area() float64 { return float64(s * s) }", "",
			"var sh Shape = Sq(3)\nsh.Area()", "=> 9",
			"type Sq float64\nfunc (s Sq) Area(unit string) float64 { return 0 }\nSq(1).Area(\"m\")", "=> 0",
			"func (s Sq) Area() float64 { return 0 }", "!another signature",
			"type G[T any] struct{ v T }\nfunc (g G[T]) Val() T { return g.v }", "",
			"G[string]{\"x\"}.Val()", "=> x",
			"type point struct{ x, y int; in []struct{ z int } }", "",
			"p := point{1, 2, []struct{ z int }{{3}}}\nm := map[point2]*point{{1, 2}: &point{x: 5}}\ntype point2 struct{ a, b int }\np.x + p.in[0].z + m[point2{1, 2}].x", "=> 9",
			"ps := []point{{1, 2, nil}, {3, 4, nil}}\nfor _, q := range []*point{{5, 6, nil}} { ps = append(ps, *q, point{7, 8, nil}) }\nlen(ps)", "=> 4",
			"point{1, \"a\", nil}", "cell[22]:1:10: cannot use \"a\" (untyped string constant) as int value in struct literal",
			"point{1, 2}", "!too few values in struct literal",
			"type A struct{ b *B }\ntype B struct{ a A; m map[string]A }\nB{}.a.b == nil", "=> true",
			"type E struct{ *T }\nE{&w}.B", "=> 2",
		}},
		{"late method is seen", []string{
			"type C float64", "",
			"func (c C) String() string { return \"degrees\" }", "",
			"fmt.Println(C(3), []C{1})", "degrees [degrees]\n",
		}},
		{"functions", []string{
			"func even(n int) bool { if n == 0 { return true }; return odd(n-1) }\nfunc odd(n int) bool { if n == 0 { return false }; return even(n-1) }\neven(10)", "=> true",
			"total := 0\nfunc add(n int) { total += n }\nadd(3); add(4)\ntotal", "=> 7",
			"func ping(n int) int { if n == 0 { return hits }; return pong(n - 1) }\nfunc pong(n int) int { return ping(n) }\nvar hits = 5\nping(3)", "=> 5",
			"later := func() int { return defined() }\nfunc defined() int { return 9 }\nlater()", "=> 9",
			"f := fmt.Sprintf\nf(\"%d-%s\", 1, \"a\")", "=> 1-a",
			"m := map[string]func(float64) float64{\"sqrt\": math.Sqrt}\nm[\"sqrt\"](9)", "=> 3",
			"import \"slices\"\nxs := []string{\"b\", \"a\"}\nslices.Sort(xs)\nxs", "=> [a b]",
		}},
		{"top-level flow", []string{
			"for i := range 3 { fmt.Print(i) }", "012",
			"if true { y := 1; fmt.Print(y) }", "1",
			"y", "!undefined: y",
			"defer fmt.Print(\"end \")\nfmt.Print(\"begin \")", "begin end ",
			"L:\nfor { for { break L } }\nfmt.Print(\"out\")", "out",
			"return", "",
			"var a, b = 1, \"x\"\nvar (\n\tc = a + 1\n\td int = 7\n)\nfmt.Print(a, b, c, d)", "1x2 7",
			"var q = r + 1\nvar r = 10", "",
			"q", "=> 11",
			"var one fmt.Stringer = two\nvar two = 2 * time.Second\nvar three, four = one.String(), two", "",
			"three", "=> 2s",
			"_, ok := map[string]int{}[\"a\"]\nok", "=> false",
			"var _ = fmt.Sprint()\nvar _ fmt.Stringer = time.Second", "",
			"func init() { fmt.Print(\"init \") }\nfmt.Print(\"after\")", "init after",
			"ch := make(chan int, 1)\nch <- 4\nv := <-ch\nv", "=> 4",
		}},
		{"a whole program", []string{
			"package main\n\nimport \"fmt\"\n\nvar b = a * 2\nvar a = 21\n\nfunc main() {\n\tfmt.Println(b)\n}\n", "42\n",
		}},
		{"compile errors", []string{
			"x := undefinedName\nvar s string = 3\n", "cell[1]:1:6: undefined: undefinedName\ncell[1]:2:16: cannot use 3 (untyped int constant) as string value in variable declaration",
			"x", "!undefined: x",
			"\n\n  foo.Bar()", "cell[3]:3:3: undefined: foo",
			"fmt.Printn(1)", "cell[4]:1:5: undefined: fmt.Printn; did you mean fmt.Println?",
			"for i := 0; i < 3; i++ {\n\tvar unused int\n}", "",
			"func f() int {\n}", "cell[6]:2:1: missing return",
			"if x := 1; x {\n}", "cell[7]:1:12: non-boolean condition in if statement",
			"a := [3]int{1,2,3}\na[5]", "cell[8]:2:3: invalid argument: index 5 out of bounds [0:3]",
			"import \"no/such/pkg\"", "!no/such/pkg is not built into this kernel",
			"x := 1 +", "!cell[10]:1:",
			"type T struct {\n\tA int\n", "cell[11]:2:7: syntax error: unexpected end of cell, expected } for the { in line 1",
			"é := 1\né + \"a\"", "!cell[12]:2:",
			"x := 1\n}\ny := 2", "cell[13]:2:1: syntax error: unexpected }",
			"f := func() int {\n\treturn (1 + 2\n}", "cell[14]:3:1: syntax error: unexpected }, expected ) for the ( in line 2",
			"p := q\nq := p", "!initialization cycle",
			"a b", "!cell[16]:1:3: expected ';', found b",
			"type T struct { A int B int }\nx := 1", "!cell[17]:1:23: expected ';'",
			"s := \"abc\nt := 1", "!cell[18]:1:6: string literal not terminated",
			"var x int = \"a\"; var y string = 1", "cell[19]:1:13: cannot use \"a\" (untyped string constant) as int value in variable declaration\ncell[19]:1:33: cannot use 1 (untyped int constant) as string value in variable declaration",
			"fmt.Println(strings.Foo)", "cell[20]:1:21: undefined: strings.Foo",
		}},
		{"a failed cell changes nothing", []string{
			"a := 1", "",
			"a = 2\nb := undefinedName", "!undefined",
			"a", "=> 1",
			"b", "!undefined: b",
			"a = 3\npanic(\"x\")\na = 4", "!panic: x",
			"a", "=> 3",
		}},
		{"standard streams", []string{
			"fmt.Fprintln(os.Stdout, \"out\"); fmt.Fprintln(os.Stderr, \"err\")", "out\nerr\n",
			"println(\"p\", 1, true, nil == nil, 1.5); print(\"q\\n\")", "!operator == not defined on untyped nil",
			"println(\"p\", 1, true, 1.5, int8(3)); print(\"a\", 1, \"\\n\")", "p 1 true 1.5 3\na1\n",
			"log.SetFlags(0); log.Println(\"logged\"); log.Printf(\"%d\", 5)", "logged\n5\n",
			"os.Stdout.WriteString(\"direct\\n\")", "direct\n=> 7 => <nil>",
			"w := bufio.NewWriter(os.Stdout); w.WriteString(\"buffered\\n\"); w.Flush()", "buffered\n=> <nil>",
			"var n int\nvar s string\nfmt.Scan(&n, &s)\nfmt.Print(n, s)", "42word",
			"sc := bufio.NewScanner(os.Stdin)\nsc.Scan()\nsc.Scan()\nsc.Text()", "=> next line",
			"old := os.Stdout\nr, w2, _ := os.Pipe()\nos.Stdout = w2\nfmt.Print(\"captured\")\nw2.Close()\nos.Stdout = old\nb, _ := io.ReadAll(r)\nstring(b)", "=> captured",
		}},
		{"library types", []string{
			"var mu sync.Mutex\nmu.Lock()\nmu.TryLock()", "=> false",
			"type safe struct { sync.RWMutex; n int }\nvar s safe\ns.Lock()\ns.n++\ns.Unlock()\ns.n", "=> 1",
			"var b strings.Builder\nfmt.Fprint(&b, \"x\", 1)\nb.String()", "=> x1",
			"d := 1500 * time.Millisecond\nd", "=> 1.5s",
			"var e *fs.PathError\nerrors.As(&fs.PathError{Op: \"o\", Path: \"p\", Err: io.EOF}, &e)", "=> true",
			"var r io.Reader = strings.NewReader(\"abc\")\n_, isSeeker := r.(io.Seeker)\nisSeeker", "=> true",
			"v := reflect.ValueOf(map[string]int{\"a\": 1})\nv.Len()", "=> 1",
			"var v2 atomic.Value\nv2.Store([]int{1})\nv2.Load().([]int)[0]", "=> 1",
			"url.Parse(\"http://h/p?q=1\")", "=> http://h/p?q=1 => <nil>",
			"unsafe.Sizeof(int32(0))", "=> 4",
			"u := unique.Make(\"a\")\nu.Value() + fmt.Sprint(u == unique.Make(\"a\"))", "=> atrue",
			"binary.Size(uint32(1))", "=> 4",
			"html.EscapeString(\"<a>\")", "=> &lt;a&gt;",
		}},
	}
	for _, c := range tests {
		t.Run(c.name, func(t *testing.T) {
			if c.name != "standard streams" { // which puts another file into os.Stdout
				t.Parallel()
			}
			out := &heard.Buffer{}
			in := New(Options{Libraries: []Library{Std()}, Stdout: out, Stderr: out, Stdin: strings.NewReader("42 word\nnext line\n")})
			for i := 0; i < len(c.steps); i += 2 {
				src, want := c.steps[i], c.steps[i+1]
				r, err := in.Eval(context.Background(), Cell{N: i/2 + 1, Source: src})
				got := out.Take()
				if err != nil {
					got += err.Error()
				}
				var vs []string
				for _, v := range r.Values {
					vs = append(vs, fmt.Sprint("=> ", v))
				}
				got += strings.Join(vs, " ")
				if part, ok := strings.CutPrefix(want, "!"); ok {
					if err == nil || !strings.Contains(got, part) {
						t.Errorf("%s\ngot:  %q\nwant an error with %q", src, got, part)
					}
				} else if got != want {
					t.Errorf("%s\ngot:  %q\nwant: %q", src, got, want)
				}
			}
		})
	}
}
