package op

import (
	"math"
	"math/big"
	"math/rand/v2"
	"testing"
)

// TestFMA32 compares sums that are rounded once with exact ones; half of them lie next to a tie, where rounding twice is
// wrong.
func TestFMA32(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1))
	twice := 0
	for range 20000 {
		x, y, z := float64(r.IntN(256)), float64(r.Float32()), float64(r.Float32()-0.5)*math.Ldexp(1, r.IntN(60)-20)
		z = f32(z)
		if r.IntN(2) == 0 { // halfway between two float32, and a little
			x, y = float64(1+r.IntN(255)), f32(math.Ldexp(1+r.Float64(), -70+r.IntN(20)))*float64(1-2*r.IntN(2))
			z = math.Ldexp(float64(1<<24+2*r.IntN(1<<23)+1), -r.IntN(8))
		}
		exact := new(big.Float).SetPrec(300).Mul(big.NewFloat(x), big.NewFloat(y))
		exact.Add(exact, new(big.Float).SetFloat64(z))
		want, _ := exact.Float32()
		if got := fma32(x, y, z); got != float64(want) {
			t.Fatalf("fma(%v, %v, %v) = %v, want %v", x, y, z, got, want)
		}
		if f32(x*y+z) != float64(want) {
			twice++
		}
	}
	if twice == 0 {
		t.Error("no sum was one that rounding twice gets wrong")
	}
}
