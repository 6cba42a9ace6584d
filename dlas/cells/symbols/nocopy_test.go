package symbols_test

import (
	"context"
	"io"
	"runtime"
	"testing"

	"github.com/godlas/godlas/dlas/cells/symbols"
	"github.com/godlas/godlas/kernel/interp"
)

// TestSlicesAreNotCopied hands a slice of 80 MB to gonum and back: the result
// shares its memory, and calls allocate next to nothing.
func TestSlicesAreNotCopied(t *testing.T) {
	in := interp.New(interp.Options{Libraries: append([]interp.Library{interp.Std()}, symbols.Libraries()...), Stdout: io.Discard, Stderr: io.Discard})
	eval := func(src string) interp.Result {
		t.Helper()
		r, err := in.Eval(context.Background(), interp.Cell{N: 1, Source: src})
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	eval(`import ("gonum.org/v1/gonum/floats"; "gonum.org/v1/gonum/mat"; "gonum.org/v1/gonum/stat")
xs := make([]float64, 10_000_000)
func sums(n int) (s float64) {
	for range n {
		s += floats.Sum(xs) + stat.Mean(xs[:10], nil) + xs[len(xs)-1]
	}
	return s
}
sums(1)`)
	if r := eval(`m := mat.NewDense(1000, 10_000, xs)
m.Set(999, 9999, 3)
&m.RawMatrix().Data[0] == &xs[0] && xs[len(xs)-1] == 3`); !r.Values[0].Bool() {
		t.Error("a matrix of a slice has memory of its own")
	}
	if r := eval("floats.AddConst(1, xs[:2]); xs[0] + xs[1]"); r.Values[0].Float() != 2 {
		t.Errorf("gonum changed a copy: %v", r.Values[0])
	}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	eval("sums(20)")
	runtime.ReadMemStats(&after)
	if grown := after.TotalAlloc - before.TotalAlloc; grown > 1<<20 {
		t.Errorf("20 calls with a slice of 80 MB allocate %d bytes", grown)
	}
}
