package interp

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/godlas/godlas/internal/need"
	"github.com/godlas/godlas/kernel/interp/internal/rt"
)

// TestTypes runs programs whose types compiled packages look into. What they print must be what the compiled program
// prints; TestTypesAgainstGo made sure of that.
func TestTypes(t *testing.T) {
	want := map[string]string{}
	for _, s := range sections(t, "types.out") {
		want[s.name] = s.src
	}
	for _, s := range sections(t, "types.txt") {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			in, out := session(t)
			ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
			defer cancel()
			r, err := in.Eval(ctx, Cell{N: 1, Source: s.src})
			if err != nil {
				t.Fatal(err)
			}
			if got := out.String(); got != want[s.name] || len(r.Notes) > 0 {
				t.Errorf("got:\n%s\nwant:\n%s\nnotes: %q", got, want[s.name], r.Notes)
			}
		})
	}
}

// TestTypesAgainstGo compiles the programs of TestTypes.
func TestTypesAgainstGo(t *testing.T) {
	goTool := need.Program(t, "go", "go")
	got := runGo(t, goTool, t.TempDir(), sections(t, "types.txt"))
	file := filepath.Join("testdata", "types.out")
	if *update {
		write(t, file, got)
		return
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("the compiled programs print something else than %s; run with -update and look at the difference", file)
	}
}

// TestWithoutMethods runs types of cells where compiled code cannot see their methods: they work all the same, and the
// session says once what does not.
func TestWithoutMethods(t *testing.T) {
	defer rt.Fail(errors.New("compiled code sees no methods here"))()
	in, out := session(t)
	for i, c := range []struct{ src, want, note string }{
		{`type temp float64
func (t temp) String() string { return "warm" }
type fault struct{ code int }
func (f *fault) Error() string { return fmt.Sprint("fault ", f.code) }
type shape interface{ area() int }
type square struct{ side int }
func (s square) area() int { return s.side * s.side }
type cube struct{ square }
var err error = &fault{3}
f, ok := err.(*fault)
var s shape = cube{square{4}}
st := []fmt.Stringer{temp(1.5)}
_, none := any(temp(2)).(error)
fmt.Println(err.Error(), ok, f.code, s.area(), st[0].String(), none, err == error(f))
fmt.Printf("%T %T %v\n", temp(1), s, temp(1.5))`, "fault 3 true 3 16 warm false true\nmain.temp main.cube 1.5\n", "compiled code sees no methods here"},
		{`switch x := any(temp(1)).(type) { case error: fmt.Println("error"); case fmt.Stringer: fmt.Println(x.String()) }
type other []temp
func (o other) Len() int { return len(o) }
other{1}.Len()`, "warm\n", ""},
		{`type down []int
func (d down) Len() int { return len(d) }
func (d down) Less(i, j int) bool { return d[i] > d[j] }
func (d down) Swap(i, j int) { d[i], d[j] = d[j], d[i] }
func() (r any) { defer func() { r = recover() }(); sort.Sort(down{1, 2}); return }()`, "", ""},
	} {
		r, err := in.Eval(context.Background(), Cell{N: i + 1, Source: c.src})
		if err != nil {
			t.Fatal(err)
		}
		if got := out.Take(); got != c.want || strings.Join(r.Notes, "\n") != c.note {
			t.Errorf("got %q and the notes %q", got, r.Notes)
		}
		if i == 2 && !strings.Contains(fmt.Sprint(r.Values[0]), "compiled code sees no methods here") {
			t.Error(r.Values[0])
		}
	}
}
