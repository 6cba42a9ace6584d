package op

import (
	"math"
	"testing"

	"github.com/godlas/godlas/dlas/ir"
)

func TestNonzero(t *testing.T) {
	minus, nan, tiny := float32(math.Copysign(0, -1)), float32(math.NaN()), math.Float32frombits(1)
	for _, c := range []struct {
		v    []float32
		want int64
	}{
		{nil, 0},
		{[]float32{0, minus, 0, minus, 0}, 0},
		{[]float32{1, -1, tiny, -tiny, nan, minus, float32(math.Inf(-1)), math.MaxFloat32, 0}, 7},
	} {
		if got := Nonzero(ir.NewF32(c.v, len(c.v))); got != c.want {
			t.Errorf("%v: %d are not zero, want %d", c.v, got, c.want)
		}
	}
}

func TestNonzeroOfIntegers(t *testing.T) {
	for _, c := range []*ir.Tensor{
		{Type: ir.I8, Shape: ir.Shape{5}, Data: []int8{0, 1, 0, -128, 7}},
		{Type: ir.I32, Shape: ir.Shape{5}, Data: []int32{0, 1, 0, -1, 7}},
	} {
		if n := Nonzero(c); n != 3 {
			t.Errorf("%v: %d are not zero, want 3", c.Data, n)
		}
	}
}
