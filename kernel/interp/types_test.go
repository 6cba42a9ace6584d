package interp

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime/debug"
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
		if got := out.take(); got != c.want || strings.Join(r.Notes, "\n") != c.note {
			t.Errorf("got %q and the notes %q", got, r.Notes)
		}
		if i == 2 && !strings.Contains(fmt.Sprint(r.Values[0]), "compiled code sees no methods here") {
			t.Error(r.Values[0])
		}
	}
}

// TestTypesOfManyGoroutines calls methods from native code on several goroutines while the collector runs all the time:
// receivers live on growing stacks, and compiled code keeps method values and finalizers.
func TestTypesOfManyGoroutines(t *testing.T) {
	defer debug.SetGCPercent(debug.SetGCPercent(1))
	in, out := session(t, `type leaf struct { name string; p *int; kids []leaf; m map[string]*leaf }
func (l leaf) String() string { return l.name + fmt.Sprint(*l.p, len(l.kids)) }
type byName []leaf
func (b byName) Len() int { return len(b) }
func (b byName) Less(i, j int) bool { return b[i].name < b[j].name }
func (b byName) Swap(i, j int) { b[i], b[j] = b[j], b[i] }
type handle struct{ id int; buf []byte }
func (h *handle) Close() error { closed.Add(1); return nil }
var closed atomic.Int64
func grow(n int, l leaf) string { // the stack grows and shrinks with native calls on it
	if n == 0 { return fmt.Sprint(l) }
	var pad [64]int
	pad[n%64] = n
	return grow(n-1, l)[pad[n%64]-n:]
}
func work(g int) (out []string) {
	for i := range 12 {
		x := i
		ls := byName{}
		for _, k := range []string{"c", "a", "b"} { ls = append(ls, leaf{name: k, p: &x, kids: make([]leaf, i%3), m: map[string]*leaf{}}) }
		sort.Sort(ls)
		f := sync.OnceValue(ls[0].String)
		var once sync.Once
		once.Do(func() { runtime.SetFinalizer(&handle{id: i, buf: make([]byte, 1000)}, (*handle).Close) })
		runtime.AddCleanup(&handle{id: i, buf: make([]byte, 1000)}, func(l leaf) { if l.String() != "" { closed.Add(1) } }, ls[1])
		out = append(out, f(), grow(20+i, ls[2]), fmt.Sprint(ls))
	}
	return out
}`)
	_, err := in.Eval(context.Background(), Cell{N: 2, Source: `var wg sync.WaitGroup
var mu sync.Mutex
seen := map[string]int{}
for g := range 4 { wg.Go(func() { s := strings.Join(work(g), " "); mu.Lock(); seen[s]++; mu.Unlock() }) }
wg.Wait()
for range 200 { if closed.Load() >= 80 { break }; runtime.GC(); time.Sleep(10*time.Millisecond) }
for s, n := range seen { fmt.Println(n, strings.HasPrefix(s, "a0 0 c0 0 [a0 0 b0 0 c0 0] a1 1 c1 1"), len(strings.Fields(s)), closed.Load() >= 80) }`})
	if err != nil {
		t.Fatal(err)
	}
	if got := out.take(); got != "4 true 120 true\n" {
		t.Error(got)
	}
}
