package op

import (
	"math"

	"github.com/godlas/godlas/dlas/ir"
)

// The attribute fixed of QuantizeLinear and of the operators on bytes that become of it says that integers are scaled in
// fixed point, as TensorFlow Lite's reference kernels do (BUILTIN_REF), and not in float32: fixedU8 where the bytes are the
// file's own, fixedI8 where they are 128 more than its signed ones.
const (
	fixedU8 = 1
	FixedI8 = 2
)

// Fixed is a factor M * 2^(Shift-31) by which integers are scaled.
type Fixed struct {
	M     int32 // 0, or 2^30 to 2^31-1
	Shift int
	Once  bool // rounded once
}

// FixedOf is the factor next to a positive number below 2^30; 0 where that is too small for it.
func FixedOf(x float64) Fixed {
	frac, shift := math.Frexp(x)
	m := math.Round(frac * (1 << 31))
	if m == 1<<31 {
		m, shift = m/2, shift+1
	}
	switch {
	case shift < -31 || !(m > 0):
		return Fixed{}
	case shift > 30 || m > 1<<31: // none that a network has
		return Fixed{M: math.MaxInt32, Shift: 30}
	}
	return Fixed{M: int32(m), Shift: shift}
}

// Scale is x times the factor. Where that is a half or less it is rounded twice: to the 31st bit behind the factor's first
// (a tie upwards), and then to the integer (a tie away from zero); with Once at once, a tie upwards.
func (f Fixed) Scale(x int64) int64 {
	s := 31 - f.Shift
	half := int64(1) << (s - 1)
	switch {
	case f.Shift >= 0 || f.Once:
	case x < 0:
		half -= 1 << 30
	default:
		half += 1 << 30
	}
	return (x*int64(f.M) + half) >> s
}

// Point is the factor for sums as floats: the scaled sum is the floor of sum*factor + above, or + below for a sum below zero,
// with one rounding down if any.
func (f Fixed) Point() (factor, above, below float64) {
	extra := 0.0
	if f.Shift < 0 && !f.Once {
		extra = math.Ldexp(1, f.Shift-1)
	}
	return math.Ldexp(float64(f.M), f.Shift-31), 0.5 + extra, 0.5 - extra
}

// FixedProduct is the factor of a convolution's or linear layer's sums. Convolutions of bytes that are the file's own, and
// linear layers, multiply the scales in float32 first; those of linear layers are rounded once.
func FixedProduct(n *ir.Node, x, w, y float32) Fixed {
	if n.Attrs.Int("fixed", 0) == FixedI8 && n.Op == "QLinearConv" {
		return FixedOf(float64(x) * float64(w) / float64(y))
	}
	f := FixedOf(float64(x*w) / float64(y))
	f.Once = n.Op == "QGemm"
	return f
}

// fixedLeft is how many bits the operands of an addition are moved to the left.
const fixedLeft = 20

// FixedSum adds quantised values in fixed point: both are brought to the scale of the larger times two first.
type FixedSum struct {
	a, b, sum   Fixed
	zeroA, zero int64
	zeroB       int64
}

// NewFixedSum is the addition of two scales into a third.
func NewFixedSum(aScale, aZero, bScale, bZero, scale, zero float32) FixedSum {
	twice := 2 * float64(max(aScale, bScale))
	return FixedSum{
		FixedOf(float64(aScale) / twice), FixedOf(float64(bScale) / twice), FixedOf(twice / (float64(scale) * (1 << fixedLeft))),
		int64(aZero), int64(zero), int64(bZero),
	}
}

// A and B are an operand's part of the sum, Of the sum's byte before it is clamped, Factor what Of multiplies by.
func (s FixedSum) A(q int64) int64      { return s.a.Scale((q - s.zeroA) << fixedLeft) }
func (s FixedSum) B(q int64) int64      { return s.b.Scale((q - s.zeroB) << fixedLeft) }
func (s FixedSum) Of(parts int64) int64 { return s.sum.Scale(parts) + s.zero }
func (s FixedSum) Factor() Fixed        { return s.sum }

// FixedMean is a mean of that many bytes with the sum given: rounded to the nearest, a tie away from the file's zero.
func FixedMean(fixed int, sum, count int64) int64 {
	if count == 0 {
		return 0
	}
	offset := int64(0)
	if fixed == FixedI8 {
		offset = 128
	}
	sum -= offset * count
	if sum > 0 {
		return (sum+count/2)/count + offset
	}
	return (sum-count/2)/count + offset
}

// isFixed is the attribute fixed.
func isFixed(n *ir.Node) bool { return n.Attrs.Int("fixed", 0) != 0 }
