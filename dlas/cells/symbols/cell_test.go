package symbols_test

import (
	"bytes"
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/godlas/godlas/dlas/cells/symbols"
	"github.com/godlas/godlas/kernel/interp"
)

// TestCells runs cells that use what the tables hold, each in the same session.
func TestCells(t *testing.T) {
	var out bytes.Buffer
	in := interp.New(interp.Options{
		Libraries: append([]interp.Library{interp.Std()}, symbols.Libraries()...),
		Stdout:    &out, Stderr: &out,
	})
	for i, c := range []struct{ src, want string }{
		{`import "fmt"
import "gonum.org/v1/gonum/mat"
a := mat.NewDense(2, 2, []float64{1, 2, 3, 4})
var p mat.Dense
p.Mul(a, a)
p.At(1, 1)`, "22"},
		{`import "gonum.org/v1/gonum/stat"
stat.Mean([]float64{1, 2, 6}, nil)`, "3"},
		{`import ("gonum.org/v1/plot"; "gonum.org/v1/plot/plotter"; "gonum.org/v1/plot/vg"; "github.com/godlas/godlas/plotting")
type parabola int
func (n parabola) Len() int { return int(n) }
func (n parabola) XY(i int) (x, y float64) { return float64(i), float64(i*i) }
q := plot.New()
line, err := plotter.NewLine(parabola(10))
if err != nil { panic(err) }
q.Add(line)
q.Title.Text = "mine"
fig := plotting.Render(q, 10*vg.Centimeter, 6*vg.Centimeter)
svg, err := fig.SVG()
fmt.Sprintln(string(svg[:5]), err, q.Y.Max)`, "<?xml <nil> 81"},
		{`import ("github.com/godlas/godlas/dlas"; "github.com/godlas/godlas/kernel/display")
s := dlas.New().Model("resnet8").Prune(0.5)
d, _ := display.Bundle(s.Spec().Compress)
fmt.Sprintln(s.Spec().Compress, d["text/plain"])`, "prune(0.5) prune(0.5)"},
		{`import ("slices"; "maps"; "cmp"; "strings")
m := map[string]int{"b": 2, "a": 1, "c": 3}
ks := slices.SortedFunc(maps.Keys(m), func(x, y string) int { return cmp.Compare(m[y], m[x]) })
fmt.Sprintln(strings.Join(ks, ""), slices.Max([]float64{1, 4, 2}))`, "cba 4"},
		{`import "iter"
next, stop := iter.Pull(slices.Values([]int{7, 8}))
v1, ok1 := next()
v2, ok2 := next()
_, ok3 := next()
stop()
fmt.Sprintln(v1, ok1, v2, ok2, ok3)`, "7 true 8 true false"},
		{`import ("errors"; "io/fs"; "os")
_, oerr := os.Open("/there/is/none")
pe, isPath := errors.AsType[*fs.PathError](fmt.Errorf("wrapped: %w", oerr))
fmt.Sprintln(pe.Op, isPath, errors.Is(oerr, fs.ErrNotExist))`, "open true true"},
		{`type mine struct{ n int }
func (m *mine) Error() string { return fmt.Sprint("mine ", m.n) }
me, isMine := errors.AsType[*mine](errors.Join(errors.New("x"), &mine{4}))
fmt.Sprintln(me.n, isMine)`, "4 true"},
		{`import "math/rand/v2"
n := rand.N(10)
n >= 0 && n < 10`, "true"},
		{`import ("sync"; "sync/atomic")
type box struct{ n int }
var at atomic.Pointer[box]
at.Store(&box{5})
once := sync.OnceValue(func() int { return at.Load().n + 1 })
fmt.Sprintln(once(), once())`, "6 6"},
		{`import "unique"
fmt.Sprintln(unique.Make("x") == unique.Make("x"), unique.Make(3) == unique.Make(4), unique.Make("x").Value())`, "true false x"},
		{`import ("runtime"; "path/filepath")
fmt.Sprintln(runtime.GOOS != "", os.PathSeparator == filepath.Separator)`, "true true"},
	} {
		r, err := in.Eval(context.Background(), interp.Cell{Name: fmt.Sprintf("cell[%d]", i+1), N: i + 1, Source: c.src})
		if err != nil {
			t.Errorf("cell %d: %v\n%s", i+1, err, out.String())
			continue
		}
		got := ""
		for k, v := range r.Values {
			if k > 0 {
				got += " "
			}
			got += strings.TrimSpace(fmt.Sprint(v))
		}
		if got != c.want {
			t.Errorf("cell %d: %s, want %s", i+1, got, c.want)
		}
	}
}
