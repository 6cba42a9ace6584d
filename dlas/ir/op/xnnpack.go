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
	// Rounding two sums to float32 and moving factors and summand changes a sum by less than near. So only sums that are
	// nearer to where the rounding changes have to be looked at.
	largest := 255*(s.ratioA+s.ratioB) + math.Abs(s.add) + 256
	step := math.Ldexp(1, math.Ilogb(largest)-28)
	const steps, bits = 64, 3 // of the summand, of a factor's last bit
	near := math.Ldexp(largest, -22) + 2*steps*step + bits*math.Ldexp(255*(s.ratioA+s.ratioB), -22)
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
	for i := range 2*bits + 1 {
		for j := range 2*bits + 1 {
			fa, fb = moved(s.ratioA, i), moved(s.ratioB, j)
			for k := range 2*steps + 1 {
				if add = float32(s.add + float64(around(k))*step); right(float64(fa), float64(fb), float64(add)) {
					return fa, fb, add, true
				}
			}
		}
	}
	return 0, 0, 0, false
}

// around counts 0, 1, -1, 2, -2, ...
func around(i int) int {
	if i%2 == 0 {
		return -i / 2
	}
	return (i + 1) / 2
}

// moved is a number in float32 with its last bit moved around.
func moved(x float64, i int) float32 {
	return math.Float32frombits(math.Float32bits(float32(x)) + uint32(around(i)))
}

// XNNPACKMean takes the mean of so many bytes: its float operations in their order, on the file's own bytes.
type XNNPACKMean struct {
	factor, first float32
	less          int64 // what bytes that are 128 more than the file's sum up to too much
	offset        float32
}

// NewXNNPACKMean is the mean of count bytes; kind is the attribute xnnpack.
func NewXNNPACKMean(kind int, count int64, scale, zero, yScale, yZero float32) XNNPACKMean {
	m := XNNPACKMean{factor: float32(scale/yScale) * (1 / float32(count))}
	if kind == xnnpackI8 {
		m.less, m.offset = 128*count, 128
	}
	m.first = (yZero - m.offset) - float32(float32(count*int64(zero-m.offset))*m.factor)
	return m
}

// Of is the mean of bytes with that sum before it is clamped.
func (m XNNPACKMean) Of(sum int64) float32 {
	return float32(math.RoundToEven(float64(float32(float32(sum-m.less)*m.factor)+m.first))) + m.offset
}
