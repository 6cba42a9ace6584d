package op

import (
	"math"

	"github.com/godlas/godlas/dlas/ir"
)

// The attribute xnnpack of QuantizeLinear and of the operators on bytes that become of it says that a sum or a mean is
// rounded as XNNPACK rounds it, which TensorFlow Lite runs by default. It is 1 where the bytes are the file's own, 2 where
// they are 128 more than its signed ones. A convolution with a residual has WholeSum's Floats in the attribute sum_floats.
const xnnpackI8 = 2

func isXNNPACK(n *ir.Node) bool { return n.Attrs.Int("xnnpack", 0) != 0 }

// WholeSum adds quantised values in whole numbers (XNNPACK's qs8-vadd and qu8-vadd): each value less its zero point is
// multiplied by a factor of at most 2^21, and both products together are divided by one power of two, a tie upwards.
type WholeSum struct {
	a, b                int64
	zeroA, zeroB, zero  int64
	shift               int
	ratioA, ratioB, add float64 // the same in floats: a*ratioA + b*ratioB + add
}

// NewWholeSum is the addition of two scales into a third; ok is false where they are so different that there is none.
func NewWholeSum(aScale, aZero, bScale, bZero, scale, zero float32) (s WholeSum, ok bool) {
	ra, rb := aScale/scale, bScale/scale
	least, most := min(ra, rb), max(ra, rb)
	if !(least >= 0x1p-10 && most < 0x1p8) {
		return WholeSum{}, false
	}
	_, exp := math.Frexp(float64(most))
	s = WholeSum{zeroA: int64(aZero), zeroB: int64(bZero), zero: int64(zero), shift: 21 - exp}
	s.a, s.b = int64(math.RoundToEven(math.Ldexp(float64(ra), s.shift))), int64(math.RoundToEven(math.Ldexp(float64(rb), s.shift)))
	s.ratioA, s.ratioB = math.Ldexp(float64(s.a), -s.shift), math.Ldexp(float64(s.b), -s.shift)
	s.add = float64(zero) - s.ratioA*float64(aZero) - s.ratioB*float64(bZero)
	return s, true
}

// Of is the sum of two bytes before it is clamped.
func (s WholeSum) Of(a, b int64) int64 {
	return (s.parts(a, b)+1<<(s.shift-1))>>s.shift + s.zero
}

// A and B are what the bytes contribute, and Factor by what both together are scaled.
func (s WholeSum) A(a int64) int64 { return (a - s.zeroA) * s.a }
func (s WholeSum) B(b int64) int64 { return (b - s.zeroB) * s.b }
func (s WholeSum) Factor() Fixed   { return Fixed{M: 1 << 30, Shift: 1 - s.shift, Once: true} }

func (s WholeSum) parts(a, b int64) int64 { return s.A(a) + s.B(b) }

// Floats are factors for kernels that add in float32: for every two bytes
//
//	fma(a, fa, fma(b, fb, add))
//
// rounds to the nearest (a tie to the even) byte that the sum is clamped to. Such factors are looked for beside the exact
// ones; ok is false where none are found.
func (s WholeSum) Floats() (fa, fb, add float32, ok bool) {
	// Rounding two sums to float32 and moving the summand changes a sum by less than near. So only sums that are nearer to
	// where the rounding changes have to be looked at.
	largest := 255*(s.ratioA+s.ratioB) + math.Abs(s.add) + 256
	step := math.Ldexp(1, math.Ilogb(largest)-28)
	const steps = 64
	near := math.Ldexp(largest, -22) + 2*steps*step
	type pair struct{ a, b, sum float64 }
	var pairs []pair
	unit := math.Ldexp(1, -s.shift)
	for a := range int64(256) {
		for b := range int64(256) {
			above := s.parts(a, b) + 1<<(s.shift-1)
			sum := above>>s.shift + s.zero
			rest := float64(above&(1<<s.shift-1)) * unit
			if sum < -1 || sum > 256 || min(rest, 1-rest) > near {
				continue
			}
			pairs = append(pairs, pair{float64(a), float64(b), float64(min(max(sum, 0), 255))})
		}
	}
	right := func(fa, fb, add float64) bool {
		for i := len(pairs) - 1; i >= 0; i-- {
			p := pairs[i]
			if y := math.RoundToEven(fma32(p.a, fa, fma32(p.b, fb, add))); min(max(y, 0), 255) != p.sum {
				pairs[i], pairs[len(pairs)-1] = pairs[len(pairs)-1], pairs[i] // the next ones are likely wrong here, too
				return false
			}
		}
		return true
	}
	fa, fb = float32(s.ratioA), float32(s.ratioB)
	for i := range 2*steps + 1 {
		k := float64((i + 1) / 2)
		if i%2 == 0 {
			k = -k
		}
		if add = float32(s.add + k*step); right(float64(fa), float64(fb), float64(add)) {
			return fa, fb, add, true
		}
	}
	return 0, 0, 0, false
}

// XNNPACKMean is a mean of bytes with the sum given: its float operations in their order, on the file's own bytes.
func XNNPACKMean(kind int, sum, count int64, scale, zero, yScale, yZero float32) float32 {
	offset := float32(0)
	if kind == xnnpackI8 {
		sum, offset = sum-128*count, 128
	}
	factor := float32(scale/yScale) * (1 / float32(count))
	first := (yZero - offset) - float32(float32(count*int64(zero-offset))*factor)
	return float32(math.RoundToEven(float64(float32(float32(sum)*factor)+first))) + offset
}
