package op

import (
	"math"
	"math/rand/v2"
	"testing"
)

// TestWholeSum: what a sum in whole numbers is, against the real one, and factors in float32 that make the same bytes of
// every two bytes.
func TestWholeSum(t *testing.T) {
	r := rand.New(rand.NewPCG(21, 4))
	found, moved := 0, 0
	const sums = 40
	for i := range sums {
		scale := func() float32 { return float32(math.Exp2(r.Float64()*6-3) / 40) }
		sa, sb, sc := scale(), scale(), scale()
		if i%8 == 0 { // a tie in every second sum
			sb, sc = sa, 2*sa
		}
		za, zb, zc := float32(r.IntN(256)), float32(r.IntN(256)), float32(r.IntN(256))
		s, ok := NewWholeSum(sa, za, sb, zb, sc, zc)
		if !ok {
			t.Fatalf("no sum of %v and %v in %v", sa, sb, sc)
		}
		fa, fb, add, ok := s.Floats()
		if ok {
			found++
		}
		ra, rb := float64(sa/sc), float64(sb/sc)
		for a := range int64(256) {
			for b := range int64(256) {
				got := s.Of(a, b)
				exact := (float64(a)-float64(za))*ra + (float64(b)-float64(zb))*rb + float64(zc)
				if math.Abs(float64(got)-exact) > 0.5+255*max(ra, rb)*0x1p-20 {
					t.Fatalf("%d and %d with %+v: %d, and %v exactly", a, b, s, got, exact)
				}
				if math.RoundToEven(exact) != float64(got) {
					moved++
				}
				if byFactor := s.Factor().Scale(s.A(a)+s.B(b)) + int64(zc); byFactor != got {
					t.Fatalf("%d and %d with %+v: %d by the factor, want %d", a, b, s, byFactor, got)
				}
				want := min(max(got, 0), 255)
				if y := min(max(math.RoundToEven(fma32(float64(a), float64(fa), fma32(float64(b), float64(fb), float64(add)))), 0), 255); ok && y != float64(want) {
					t.Fatalf("%d and %d with %+v: %v by the factors %v, %v, %v, want %d", a, b, s, y, fa, fb, add, want)
				}
			}
		}
	}
	if found < sums*9/10 || moved == 0 {
		t.Errorf("factors were found for %d of %d sums, of which %d round otherwise than the nearest", found, sums, moved)
	}
	for _, sc := range []float32{0, 1e-3, 3e4, float32(math.NaN()), float32(math.Inf(1)), -1} { // hostile, or too different
		if s, ok := NewWholeSum(1, 0, 2, 0, sc, 0); ok {
			t.Errorf("a sum in %v: %+v", sc, s)
		}
	}
}
