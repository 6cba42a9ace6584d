package op

import (
	"math"
	"math/big"
	"math/rand/v2"
	"testing"
)

// TestFixedScale holds the one step of Fixed to the two of its definition: the high half of the doubled product, rounded,
// and the division by a power of two, rounded; and Point, rounded down, to both.
func TestFixedScale(t *testing.T) {
	twice := func(x int32, m int32, shift int) int64 {
		for ; shift > 0; shift-- {
			x *= 2
		}
		product := int64(x) * int64(m)
		nudge := int64(1) << 30
		if product < 0 {
			nudge = 1 - nudge
		}
		high := (product + nudge) / (1 << 31) // towards zero
		mask := int64(1)<<-shift - 1
		threshold := mask >> 1
		if high < 0 {
			threshold++
		}
		rounded := high >> -shift
		if high&mask > threshold {
			rounded++
		}
		return rounded
	}
	r := rand.New(rand.NewPCG(8, 1))
	moved := 0
	for range 200000 {
		f := FixedOf(math.Ldexp(0.5+r.Float64()/2, -r.IntN(24)+1))
		if f.M < 1<<30 || r.IntN(20) == 0 {
			f.M = 1 << 30 // many ties
		}
		x := int32(r.Uint32()) >> (2 + r.IntN(28))
		want := twice(x, f.M, f.Shift)
		if got := f.Scale(int64(x)); got != want {
			t.Fatalf("%d times %+v is %d, want %d", x, f, got, want)
		}
		factor, above, below := f.Point()
		if x < 0 {
			above = below
		}
		sum := new(big.Float).SetPrec(300).Mul(big.NewFloat(float64(x)), big.NewFloat(factor))
		sum.Add(sum, big.NewFloat(above))
		floor, _ := sum.Int64() // towards zero
		if sum.Sign() < 0 && !sum.IsInt() {
			floor--
		}
		if floor != want {
			t.Fatalf("%d times %+v is %d as floats, want %d", x, f, floor, want)
		}
		f.Once = true
		once, _ := new(big.Float).Add(sum.Mul(big.NewFloat(float64(x)), big.NewFloat(factor)), big.NewFloat(0.5)).Float64()
		if got := f.Scale(int64(x)); float64(got) > once || float64(got) <= once-1 {
			t.Fatalf("%d times %+v is %d, and %v before it is rounded down", x, f, got, once)
		}
		if math.RoundToEven(float64(x)*factor) != float64(want) {
			moved++
		}
	}
	if moved == 0 {
		t.Error("rounding twice never told")
	}
	for _, x := range []float64{0, math.NaN(), math.Inf(1), -1, 1e300, 1e-300} { // hostile
		if y := FixedOf(x).Scale(math.MaxInt32); y < 0 {
			t.Errorf("%v times a number is %d", x, y)
		}
	}
}
