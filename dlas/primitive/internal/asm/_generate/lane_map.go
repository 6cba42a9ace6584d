package main

import (
	"math"
	"slices"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

var mapFields = []field{
	{"Out", slice},
	{"A", slice},
	{"B", slice},
	{"C", slice},
	{"OutPitch", word},
	{"APitch", word},
	{"BPitch", word},
	{"CPitch", word},
	{"AStep", word},
	{"BStep", word},
	{"CStep", word},
	{"Rows", word},
	{"Vecs", word},
	{"Alpha", float},
	{"Beta", float},
	{"Lo", float},
	{"Hi", float},
}

// mapping is an element-wise loop: f takes a and what operands it has, and returns the result; it may change a.
type mapping struct {
	name     string
	operands int // besides A
	clamp    bool
	uses     []string // of Alpha and Beta
	keep     []spread // constants that the wide loop holds in registers
	f        func(v width, a reg.VecVirtual, in []Op, par []reg.VecVirtual) reg.VecVirtual
}

// into is for the instructions that take a, b and write a.
func into(f func(...Op)) func(width, reg.VecVirtual, []Op, []reg.VecVirtual) reg.VecVirtual {
	return func(_ width, a reg.VecVirtual, in []Op, _ []reg.VecVirtual) reg.VecVirtual {
		f(in[0], a, a)
		return a
	}
}

func unary(f func(v width, a reg.VecVirtual) reg.VecVirtual) func(width, reg.VecVirtual, []Op, []reg.VecVirtual) reg.VecVirtual {
	return func(v width, a reg.VecVirtual, _ []Op, _ []reg.VecVirtual) reg.VecVirtual { return f(v, a) }
}

var mappings = []mapping{
	{"Add", 1, true, nil, nil, into(VADDPS)},
	{"Sub", 1, true, nil, nil, into(VSUBPS)},
	{"Mul", 1, true, nil, nil, into(VMULPS)},
	{"Div", 1, true, nil, nil, into(VDIVPS)},
	{"Min", 1, false, nil, nil, into(VMINPS)},
	{"Max", 1, false, nil, nil, into(VMAXPS)},
	{"PRelu", 1, false, nil, hardNumbers, func(v width, a reg.VecVirtual, in []Op, _ []reg.VecVirtual) reg.VecVirtual {
		neg, zero := v.vec(), v.zero()
		VMINPS(a, zero, neg)
		VMAXPS(a, zero, a)
		VFMADD231PS(in[0], neg, a)
		return a
	}},
	{"Affine", 2, true, nil, nil, func(_ width, a reg.VecVirtual, in []Op, _ []reg.VecVirtual) reg.VecVirtual {
		b := in[0].(reg.VecVirtual)
		VFMADD213PS(in[1], b, a)
		return a
	}},
	{"Norm", 2, false, []string{"Alpha", "Beta"}, nil, func(_ width, a reg.VecVirtual, in []Op, par []reg.VecVirtual) reg.VecVirtual {
		VSUBPS(par[0], a, a)
		VMULPS(par[1], a, a)
		VFMADD213PS(in[1], in[0].(reg.VecVirtual), a)
		return a
	}},
	{"ExpSub", 1, false, nil, expNumbers, func(v width, a reg.VecVirtual, in []Op, _ []reg.VecVirtual) reg.VecVirtual {
		VSUBPS(in[0], a, a)
		return v.exp(a)
	}},
	{"Clip", 0, true, nil, nil, unary(func(_ width, a reg.VecVirtual) reg.VecVirtual { return a })},
	{"Leaky", 0, false, []string{"Alpha"}, hardNumbers, func(v width, a reg.VecVirtual, _ []Op, par []reg.VecVirtual) reg.VecVirtual {
		neg, zero := v.vec(), v.zero()
		VMINPS(a, zero, neg)
		VMAXPS(a, zero, a)
		VFMADD231PS(par[0], neg, a)
		return a
	}},
	{"Sigmoid", 0, false, nil, sigmoidNumbers, unary(func(v width, a reg.VecVirtual) reg.VecVirtual { return v.sigmoid(a, true) })},
	{"SiLU", 0, false, nil, sigmoidNumbers, unary(func(v width, a reg.VecVirtual) reg.VecVirtual {
		s := v.sigmoid(v.copy(a), false)
		VMULPS(s, a, a)
		return a
	})},
	{"HardSigmoid", 0, false, []string{"Alpha", "Beta"}, hardNumbers, func(_ width, a reg.VecVirtual, _ []Op, par []reg.VecVirtual) reg.VecVirtual {
		VFMADD213PS(par[1], par[0], a)
		clampTo(a, 0, 1)
		return a
	}},
	{"HardSwish", 0, false, nil, hardNumbers, unary(func(v width, a reg.VecVirtual) reg.VecVirtual {
		s := v.vec()
		VMOVUPS(table.float(1./6), s)
		VFMADD213PS(table.float(0.5), a, s)
		clampTo(s, 0, 1)
		VMULPS(s, a, a)
		return a
	})},
	{"Tanh", 0, false, nil, expm1Numbers, unary(func(v width, a reg.VecVirtual) reg.VecVirtual {
		VADDPS(a, a, a)
		clampTo(a, -30, 30)
		e, d := v.expm1(a), v.vec()
		VADDPS(table.float(2), e, d)
		VDIVPS(d, e, e)
		return e
	})},
	{"Exp", 0, false, nil, expNumbers, unary(width.exp)},
	{"Elu", 0, false, []string{"Alpha", "Beta"}, expm1Numbers, func(v width, a reg.VecVirtual, _ []Op, par []reg.VecVirtual) reg.VecVirtual {
		neg := v.copy(a)
		clampTo(neg, -87, 0)
		neg = v.expm1(neg)
		VMAXPS(a, v.zero(), a)
		VFMADD231PS(par[0], neg, a)
		VMULPS(par[1], a, a)
		return a
	}},
	{"Gelu", 0, false, nil, softNumbers, unary(width.gelu)},
	{"GeluTanh", 0, false, nil, sigmoidNumbers, unary(func(v width, a reg.VecVirtual) reg.VecVirtual {
		// x/2 (1+tanh u) is x times the sigmoid of 2u.
		u := v.vec()
		VMULPS(a, a, u)
		t := v.vec()
		VMOVUPS(table.float(2*0.7978845608028654*0.044715), t)
		VFMADD213PS(table.float(2*0.7978845608028654), t, u)
		VMULPS(a, u, u)
		s := v.sigmoid(u, false)
		VMULPS(s, a, a)
		return a
	})},
	{"Softplus", 0, false, nil, softNumbers, unary(width.softplus)},
	{"Mish", 0, false, nil, softNumbers, unary(func(v width, a reg.VecVirtual) reg.VecVirtual {
		// tanh(log(1+e)) is q/(q+2) with q = e(e+2).
		x := v.copy(a)
		clampTo(x, -87, 40)
		e, q := v.expSoft(x, false), v.vec()
		VADDPS(table.float(2), e, q)
		VMULPS(e, q, q)
		VADDPS(table.float(2), q, e)
		VDIVPS(e, q, q)
		VMULPS(q, a, a)
		return a
	})},
	{"Sqrt", 0, false, nil, nil, unary(func(_ width, a reg.VecVirtual) reg.VecVirtual { VSQRTPS(a, a); return a })},
	{"Abs", 0, false, nil, nil, unary(func(v width, a reg.VecVirtual) reg.VecVirtual { v.and(a, 0x7fffffff); return a })},
	{"Neg", 0, false, nil, nil, unary(func(v width, a reg.VecVirtual) reg.VecVirtual {
		if v.wide() {
			VPXORD(table.word(0x80000000), a, a)
		} else {
			VXORPS(table.word(0x80000000), a, a)
		}
		return a
	})},
	{"Reciprocal", 0, false, nil, nil, unary(func(v width, a reg.VecVirtual) reg.VecVirtual {
		one := v.vec()
		VMOVUPS(table.float(1), one)
		VDIVPS(a, one, one)
		return one
	})},
	{"Floor", 0, false, nil, nil, unary(func(v width, a reg.VecVirtual) reg.VecVirtual { return v.round(a, 9) })},
	{"Ceil", 0, false, nil, nil, unary(func(v width, a reg.VecVirtual) reg.VecVirtual { return v.round(a, 10) })},
	{"Round", 0, false, nil, nil, unary(func(v width, a reg.VecVirtual) reg.VecVirtual { return v.round(a, 8) })},
	{"Erf", 0, false, nil, same(slices.Concat(erfAbove, erfBelow)...), unary(width.erf)},
	{"Log", 0, false, nil, same(append([]float64{ln2Hi, ln2Lo, 1}, atanhCoefficients...)...), unary(width.log)},
}

func (v width) maps() {
	for _, m := range mappings {
		v.mapLoop(m)
	}
}

func (v width) mapLoop(m mapping) {
	TEXT("map"+m.name+v.isa, NOSPLIT, "func(m *Map)")
	Pragma("noescape")
	p := Load(Param("m"), GP64())
	names := []string{"Out", "A", "B", "C"}[:2+m.operands]
	var rows, at []reg.GPVirtual
	for _, n := range names {
		rows = append(rows, arg(p, mapFields, n))
		at = append(at, GP64())
	}
	steps := []reg.GPVirtual{nil}
	for _, n := range names[1:] {
		steps = append(steps, arg(p, mapFields, n+"Step"))
	}
	var par []reg.VecVirtual
	for _, n := range m.uses {
		par = append(par, v.load(p, mapFields, n))
	}
	var lo, hi reg.VecVirtual
	if m.clamp {
		lo, hi = v.load(p, mapFields, "Lo"), v.load(p, mapFields, "Hi")
	}
	table.keep(v)
	if v.wide() {
		table.keep(v, m.keep...)
	}
	defer table.keep(v)
	count := arg(p, mapFields, "Rows")
	Label("row")
	for i := range names {
		MOVQ(rows[i], at[i])
		ADDQ(mem(p, offset(mapFields, names[i]+"Pitch")), rows[i])
	}
	left := arg(p, mapFields, "Vecs")
	Label("vec")
	for h := range v.halves() {
		d := h * v.bytes
		a := v.vec()
		VMOVUPS(mem(at[1], d), a)
		var in []Op
		for i := range m.operands {
			b := v.vec()
			VMOVUPS(mem(at[2+i], d), b)
			in = append(in, b)
		}
		a = m.f(v, a, in, par)
		if m.clamp {
			// With this order of operands a NaN stays a NaN.
			VMAXPS(a, lo, a)
			VMINPS(a, hi, a)
		}
		VMOVUPS(a, mem(at[0], d))
	}
	ADDQ(U8(64), at[0])
	for i := range names[1:] {
		ADDQ(steps[1+i], at[1+i])
	}
	DECQ(left)
	JNZ(LabelRef("vec"))
	DECQ(count)
	JNZ(LabelRef("row"))
	VZEROUPPER()
	RET()
}

// clampTo limits a; a NaN becomes a number only through the second bound's order of operands, which keeps it.
func clampTo(a reg.VecVirtual, lo, hi float64) {
	l := likeOf(a)
	VMOVUPS(table.float(lo), l)
	VMAXPS(a, l, a)
	h := likeOf(a)
	VMOVUPS(table.float(hi), h)
	VMINPS(a, h, a)
}

func likeOf(a reg.VecVirtual) reg.VecVirtual {
	if a.Size() == 64 {
		return ZMM()
	}
	return YMM()
}

func (v width) and(a reg.VecVirtual, mask uint32) {
	if v.wide() {
		VPANDD(table.word(mask), a, a)
	} else {
		VANDPS(table.word(mask), a, a)
	}
}

func (v width) round(a reg.VecVirtual, mode uint8) reg.VecVirtual {
	if v.wide() {
		VRNDSCALEPS(U8(mode), a, a)
	} else {
		VROUNDPS(U8(mode), a, a)
	}
	return a
}

const (
	log2e = 1.4426950408889634
	magic = 12582912 // 1.5 * 2^23: adding it rounds to an integer, which then stands in the low bits
	ln2   = 0.6931471805599453
	ln2Hi = 0.693359375
	ln2Lo = ln2Hi - ln2
)

// horner evaluates a polynomial, coefficients from the highest, into a new register.
func (v width) horner(r reg.VecVirtual, coefficients ...float64) reg.VecVirtual {
	p := v.vec()
	VMOVUPS(table.float(coefficients[0]), p)
	for _, c := range coefficients[1:] {
		VFMADD213PS(table.float(c), r, p)
	}
	return p
}

// expCoefficients are of e^r for |r| <= ln(2)/2, of least relative error (7.5e-8), found by a weighted least-squares
// fit; expm1Coefficients of (e^r - 1 - r)/r^2, so that e^r - 1 has a small error even next to 0; shortCoefficients of e^r
// for |r| <= ln(2)/32 (4.4e-7).
var (
	shortCoefficients = []float64{0.49998530745506287, 1.0000587701797485, 1}
	expCoefficients   = []float64{0.008297616615891457, 0.04191562905907631, 0.16667576134204865, 0.4999889135360718, 0.9999997019767761, 1.0000001192092896}
	expm1Coefficients = []float64{0.0013946493854746222, 0.00836661085486412, 0.04166628047823906, 0.1666654348373413, 0.5}
	atanhCoefficients = []float64{0.12212450057268143, 0.1069498136639595, 0.14310520887374878, 0.19999338686466217, 0.33333340287208557, 1}
)

// sixteenths are 2 to 0, 1, .. 15 sixteenths less what their numbers become when they are shifted beside the exponent.
func sixteenths() (l spread) {
	for i := range l {
		l[i] = math.Float32bits(float32(math.Exp2(float64(i)/16))) - uint32(i)<<19
	}
	return l
}

// expSoft is e^x, or e^-x, for |x| <= 87. It uses x up.
func (v width) expSoft(x reg.VecVirtual, negative bool) reg.VecVirtual {
	t, n := v.vec(), v.vec()
	VMOVUPS(table.float(magic), t)
	if negative {
		VFNMADD231PS(table.float(log2e), x, t)
	} else {
		VFMADD231PS(table.float(log2e), x, t)
	}
	VSUBPS(table.float(magic), t, n)
	if negative {
		VFNMSUB231PS(table.float(ln2), n, x)
	} else {
		VFNMADD231PS(table.float(ln2), n, x)
	}
	p := v.horner(x, expCoefficients...)
	VPSLLD(U8(23), t, t)
	VPADDD(t, p, p)
	return p
}

// The numbers of the functions: read from memory each time, they would take longer than the arithmetic.
var (
	hardNumbers    = same(0, 1, 0.5, 1./6)
	softNumbers    = append(same(0, 0.5, 1, 2, 87, magic, log2e, ln2), same(expCoefficients...)...)
	sigmoidNumbers = append(append(same(1, -87, 87, magic/16, log2e, ln2), same(shortCoefficients...)...), sixteenths())
	expNumbers     = append(same(-104, 89, magic, log2e, ln2Hi, ln2Lo), same(expCoefficients...)...)
	expm1Numbers   = append(same(0, 1, 2, -30, 30, -87, magic, log2e, ln2Hi, ln2Lo), same(expm1Coefficients...)...)
)

// sigmoid is 1/(1+e^-x), and of a NaN a NaN if it is strict, else anything. It uses x up. The wide form takes the
// reciprocal by one step of Newton's, since a division takes as long as all the rest, and finds 2 to the sixteenths in a
// register: a long polynomial has too much wait for too little.
func (v width) sigmoid(x reg.VecVirtual, strict bool) reg.VecVirtual {
	if v.wide() && !strict {
		l := v.vec()
		VMOVUPS(table.float(87), l)
		VRANGEPS(U8(2), l, x, x) // the one that is nearer to zero, with the sign of x
	} else {
		clampTo(x, -87, 87)
	}
	if !v.wide() {
		e, y := v.expSoft(x, true), v.vec()
		VADDPS(table.float(1), e, e)
		VMOVUPS(table.float(1), y)
		VDIVPS(e, y, y)
		return y
	}
	e, p := v.expParts(x)
	VFMADD213PS(table.float(1), p, e)
	y := v.vec()
	VRCP14PS(e, y)
	d := v.vec()
	VMOVUPS(table.float(1), d)
	VFNMADD231PS(e, y, d)
	VFMADD231PS(y, d, y)
	return y
}

// expParts are two factors of e^-x for |x| <= 87, of relative error 5e-7: 2 to the next sixteenth, and a polynomial of what
// is left. It uses x up.
func (v width) expParts(x reg.VecVirtual) (power, p reg.VecVirtual) {
	t, n, power := v.vec(), v.vec(), v.vec()
	VMOVUPS(table.float(magic/16), t)
	VFNMADD231PS(table.float(log2e), x, t)
	VSUBPS(table.float(magic/16), t, n)
	VFNMSUB231PS(table.float(ln2), n, x)
	p = v.horner(x, shortCoefficients...)
	VPERMPS(table.get(sixteenths()), t, power) // by the last four bits
	VPSLLD(U8(19), t, t)
	VPADDD(t, power, power)
	return power, p
}

// exp is e^x for every x: the power of two is multiplied in twice, so that neither half overflows.
func (v width) exp(x reg.VecVirtual) reg.VecVirtual {
	clampTo(x, -104, 89)
	t, n := v.vec(), v.vec()
	VMOVUPS(table.float(magic), t)
	VFMADD231PS(table.float(log2e), x, t)
	VSUBPS(table.float(magic), t, n)
	VFNMADD231PS(table.float(ln2Hi), n, x)
	VFMADD231PS(table.float(ln2Lo), n, x)
	p := v.horner(x, expCoefficients...)
	VPSUBD(table.float(magic), t, t)
	half := v.vec()
	VPSRAD(U8(1), t, half)
	VPSUBD(half, t, t)
	for _, i := range []reg.VecVirtual{half, t} {
		VPADDD(table.word(127), i, i)
		VPSLLD(U8(23), i, i)
		VMULPS(i, p, p)
	}
	return p
}

// expm1 is e^x - 1 for -87 <= x <= 87. It uses x up.
func (v width) expm1(x reg.VecVirtual) reg.VecVirtual {
	t, n := v.vec(), v.vec()
	VMOVUPS(table.float(magic), t)
	VFMADD231PS(table.float(log2e), x, t)
	VSUBPS(table.float(magic), t, n)
	VFNMADD231PS(table.float(ln2Hi), n, x)
	VFMADD231PS(table.float(ln2Lo), n, x)
	q := v.horner(x, expm1Coefficients...)
	VMULPS(x, q, q)
	VFMADD213PS(x, x, q) // r + r^2 q
	VPSLLD(U8(23), t, t)
	VPADDD(table.float(1), t, t) // 2^n
	VMOVAPS(t, n)
	VSUBPS(table.float(1), n, n)
	VFMADD213PS(n, t, q)
	return q
}

// gelu is x/2 (1 + erf(x/sqrt 2)), with erf by formula 7.1.26 of Abramowitz and Stegun (its error is below 1.5e-7),
// arranged so that nothing cancels: max(x,0) - |x|/2 (1 - erf|x/sqrt 2|).
func (v width) gelu(x reg.VecVirtual) reg.VecVirtual {
	m := v.copy(x)
	v.and(m, 0x7fffffff)
	d := v.vec()
	VMOVUPS(table.float(0.3275911*0.7071067811865476), d)
	VFMADD213PS(table.float(1), m, d)
	t := v.vec()
	VMOVUPS(table.float(1), t)
	VDIVPS(d, t, t)
	q := v.horner(t, 1.061405429, -1.453152027, 1.421413741, -0.284496736, 0.254829592)
	VMULPS(t, q, q)
	e := v.vec()
	VMULPS(m, m, e)
	VMULPS(table.float(0.5), e, e)
	h := v.vec()
	VMOVUPS(table.float(87), h)
	VMINPS(e, h, e)
	e = v.expSoft(e, true)
	VMULPS(e, q, q)
	VMULPS(table.float(0.5), m, m)
	VMULPS(m, q, q)
	z := v.zero()
	VMAXPS(x, z, x)
	VSUBPS(q, x, x)
	return x
}

// softplus is log(1+e^x) = max(x,0) + log(1+z) with z = e^-|x|, and log(1+z) = 2 atanh(z/(2+z)).
func (v width) softplus(x reg.VecVirtual) reg.VecVirtual {
	m := v.copy(x)
	v.and(m, 0x7fffffff)
	h := v.vec()
	VMOVUPS(table.float(87), h)
	VMINPS(m, h, m)
	z := v.expSoft(m, true)
	d := v.vec()
	VADDPS(table.float(2), z, d)
	VDIVPS(d, z, z)
	u := v.vec()
	VMULPS(z, z, u)
	q := v.horner(u, atanhCoefficients...)
	VADDPS(z, z, z)
	zero := v.zero()
	VMAXPS(x, zero, x)
	VFMADD231PS(q, z, x)
	return x
}

// erf(x)/x as a quotient of polynomials of x^2, of least relative error (2e-8) up to where the float32 next to erf(x) is 1.
var (
	erfAbove = []float64{2.0507346e-06, 0.0002848879, 0.0037644836, 0.05274536, 0.19037603, 1.1283791}
	erfBelow = []float64{3.809866e-05, 0.0011623169, 0.014966934, 0.11409713, 0.5020491, 1}
)

const erfEnd = 3.9192059

// erf is the error function. It uses x up.
func (v width) erf(x reg.VecVirtual) reg.VecVirtual {
	clampTo(x, -erfEnd, erfEnd)
	u := v.vec()
	VMULPS(x, x, u)
	p, q := v.horner(u, erfAbove...), v.horner(u, erfBelow...)
	VMULPS(x, p, p)
	VDIVPS(q, p, p)
	clampTo(p, -1, 1)
	return p
}

// Predicates of comparisons: less, not at least (or not comparable), equal.
const (
	isLess   = 1
	isBelow  = 9
	isEqual  = 0
	leastBit = 0x00800000 // of the smallest normal number
)

// pick is yes where x compares so with y, else no.
func (v width) pick(predicate uint8, x reg.VecVirtual, y Op, yes, no reg.VecVirtual) reg.VecVirtual {
	out := v.vec()
	if v.wide() {
		k := K()
		VCMPPS(U8(predicate), y, x, k)
		VBLENDMPS(yes, no, k, out)
		return out
	}
	k := v.vec()
	VCMPPS(U8(predicate), y, x, k)
	VBLENDVPS(k, yes, no, out)
	return out
}

// log is the natural logarithm: x is 2^n m with m next to 1, and log m is 2 atanh((m-1)/(m+1)).
func (v width) log(x reg.VecVirtual) reg.VecVirtual {
	big, none, back := v.vec(), v.zero(), v.vec()
	VMULPS(table.float(1<<24), x, big)
	VMOVUPS(table.float(-24), back)
	m := v.pick(isLess, x, table.word(leastBit), big, x)
	back = v.pick(isLess, x, table.word(leastBit), back, none)
	n := v.vec()
	VPSUBD(table.word(math.Float32bits(math.Sqrt2/2)), m, n)
	VPSRAD(U8(23), n, n)
	t := v.vec()
	VPSLLD(U8(23), n, t)
	VPSUBD(t, m, m)
	VCVTDQ2PS(n, n)
	VADDPS(back, n, n)
	d := v.vec()
	VADDPS(table.float(1), m, d)
	VSUBPS(table.float(1), m, m)
	VDIVPS(d, m, m)
	u := v.vec()
	VMULPS(m, m, u)
	q := v.horner(u, atanhCoefficients...)
	VADDPS(m, m, m)
	VMULPS(m, q, q)
	VFNMADD231PS(table.float(ln2Lo), n, q)
	VFMADD231PS(table.float(ln2Hi), n, q)
	special := v.vec()
	for _, s := range []struct {
		predicate uint8
		y, result uint32
	}{{isBelow, 0, 0x7fc00000}, {isEqual, 0, 0xff800000}, {isEqual, 0x7f800000, 0x7f800000}} {
		VMOVUPS(table.word(s.result), special)
		q = v.pick(s.predicate, x, table.word(s.y), special, q)
	}
	return q
}
