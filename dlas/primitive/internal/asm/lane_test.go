package asm

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/klauspost/cpuid/v2"
)

// levels are those that this processor can run; without assembly they all are the loop in Go.
func levels() []ISA {
	list := []ISA{GoISA}
	if HasAVX2() {
		list = append(list, AVX2)
		if cpuid.CPU.Supports(cpuid.AVX512F, cpuid.AVX512BW, cpuid.AVX512DQ, cpuid.AVX512VL) {
			list = append(list, AVX512)
		}
	}
	if HasNEON() {
		list = append(list, NEON)
	}
	return list
}

func inf32() float32 { return float32(math.Inf(1)) }

// exact is a function in float64, written apart from the loops in Go.
func exact(f Fn, m *Map, a, b, c float64) float64 {
	clamp := func(v float64) float64 { return math.Min(math.Max(v, float64(m.Lo)), float64(m.Hi)) }
	alpha, beta := float64(m.Alpha), float64(m.Beta)
	sigmoid := func(v float64) float64 { return 1 / (1 + math.Exp(-v)) }
	switch f {
	case FnAdd:
		return clamp(a + b)
	case FnSub:
		return clamp(a - b)
	case FnMul:
		return clamp(a * b)
	case FnDiv:
		return clamp(a / b)
	case FnMin:
		return math.Min(a, b)
	case FnMax:
		return math.Max(a, b)
	case FnPRelu:
		if a < 0 {
			return a * b
		}
		return a
	case FnAffine:
		return clamp(a*b + c)
	case FnNorm:
		return (a-alpha)*beta*b + c
	case FnExpSub:
		return math.Exp(float64(float32(a) - float32(b)))
	case FnClip:
		return clamp(a)
	case FnLeaky:
		if a < 0 {
			return a * alpha
		}
		return a
	case FnSigmoid:
		return sigmoid(a)
	case FnSiLU:
		return a * sigmoid(a)
	case FnHardSigmoid:
		return math.Min(math.Max(alpha*a+beta, 0), 1)
	case FnHardSwish:
		return a * math.Min(math.Max(a/6+0.5, 0), 1)
	case FnTanh:
		return math.Tanh(a)
	case FnExp:
		return math.Exp(a)
	case FnElu:
		if a < 0 {
			return beta * alpha * math.Expm1(a)
		}
		return beta * a
	case FnGelu:
		return a / 2 * (1 + math.Erf(a/math.Sqrt2))
	case FnGeluTanh:
		return a / 2 * (1 + math.Tanh(math.Sqrt(2/math.Pi)*(a+0.044715*a*a*a)))
	case FnSoftplus:
		return math.Max(a, 0) + math.Log1p(math.Exp(-math.Abs(a)))
	case FnMish:
		return a * math.Tanh(math.Log1p(math.Exp(a)))
	case FnSqrt:
		return math.Sqrt(a)
	case FnAbs:
		return math.Abs(a)
	case FnNeg:
		return -a
	case FnReciprocal:
		return 1 / a
	case FnFloor:
		return math.Floor(a)
	case FnCeil:
		return math.Ceil(a)
	case FnErf:
		return math.Erf(a)
	case FnLog:
		return math.Log(a)
	}
	return math.RoundToEven(a)
}

// TestMapPrecision holds every function to its largest relative error over numbers of all sizes, both signs.
func TestMapPrecision(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 3))
	var a, b, c []float32
	for _, size := range []float64{1e-6, 1e-3, 0.1, 1, 5, 20, 80} {
		for range 997 {
			a = append(a, float32(size*r.NormFloat64()))
			b = append(b, float32(r.NormFloat64()))
			c = append(c, float32(r.NormFloat64()))
		}
	}
	m := Map{Alpha: 0.3, Beta: 0.45, Lo: -1e30, Hi: 1e30, AStep: 64, BStep: 64, CStep: 64}
	for _, isa := range levels() {
		for f := range fnCount {
			a := slices.Clone(a)
			// What cancels for some arguments is held to an error beside the sizes of what it is made of.
			scale := func(i int, want float64) float64 { return math.Abs(want) }
			switch f {
			case FnSqrt, FnExpSub, FnLog:
				for i := range a {
					a[i] = float32(math.Abs(float64(a[i])))
					if f == FnExpSub {
						a[i] = -a[i]
					}
				}
			case FnHardSigmoid, FnHardSwish:
				scale = func(i int, want float64) float64 { return max(math.Abs(want), min(1, math.Abs(float64(a[i])))) }
			case FnGelu, FnGeluTanh:
				scale = func(i int, want float64) float64 { return max(math.Abs(want), 5e-2*math.Abs(float64(a[i]))) }
			case FnAdd, FnSub, FnAffine, FnNorm:
				scale = func(i int, want float64) float64 {
					return math.Abs(float64(a[i])*float64(b[i])) + math.Abs(float64(a[i])) + math.Abs(float64(b[i])) + math.Abs(float64(c[i]))
				}
			}
			out := make([]float32, len(a))
			m.Vector(f, isa, out, a, b, c)
			worst, at := 0.0, 0
			for i := range a {
				want := exact(f, &m, float64(a[i]), float64(b[i]), float64(c[i]))
				if math.Abs(want) < 1e-34 || math.Abs(want) > 3e38 {
					continue // next to what is no normal number
				}
				if d := math.Abs(float64(out[i])-want) / scale(i, want); !(d <= worst) {
					worst, at = d, i
				}
			}
			if !(worst <= 2e-6) {
				t.Errorf("level %d function %d: relative error %g of %v (%v): %v", isa, f, worst, a[at], b[at], out[at])
			}
		}
	}
}

// TestMapEnds looks at arguments past what fits.
func TestMapEnds(t *testing.T) {
	inf, nan := inf32(), float32(math.NaN())
	for _, isa := range levels() {
		for _, c := range []struct {
			f       Fn
			a, want float32
		}{
			{FnExp, 100, inf},
			{FnExp, -200, 0},
			{FnExp, inf, inf},
			{FnExp, -inf, 0},
			{FnExp, 88.5, float32(math.Exp(88.5))},
			{FnTanh, 50, 1},
			{FnTanh, -50, -1},
			{FnSigmoid, 200, 1},
			{FnSigmoid, -200, 0},
			{FnSiLU, 1e6, 1e6},
			{FnSiLU, -300, 0},
			{FnSoftplus, 1e4, 1e4},
			{FnSoftplus, -300, 0},
			{FnMish, 1e4, 1e4},
			{FnMish, -300, 0},
			{FnGelu, 1e4, 1e4},
			{FnGelu, -1e4, 0},
			{FnElu, -1e4, -1},
			{FnRound, 2.5, 2},
			{FnRound, -1.5, -2},
			{FnClip, nan, nan},
			{FnLeaky, nan, nan},
			{FnSigmoid, nan, nan},
			{FnSiLU, nan, nan},
			{FnExp, nan, nan},
			{FnTanh, nan, nan},
			{FnErf, 50, 1},
			{FnErf, -inf, -1},
			{FnErf, nan, nan},
			{FnLog, 0, -inf},
			{FnLog, inf, inf},
			{FnLog, -1, nan},
			{FnLog, nan, nan},
			{FnLog, 1, 0},
			{FnLog, 1e-42, float32(math.Log(float64(float32(1e-42))))},
			{FnLog, 3e38, float32(math.Log(float64(float32(3e38))))},
		} {
			x := make([]float32, 21)
			for i := range x {
				x[i] = c.a
			}
			Map{Alpha: 1, Beta: 1, Lo: -inf, Hi: inf}.Act(c.f, isa, x)
			for _, v := range x {
				same := v == c.want || v != v && c.want != c.want
				if !same && !(math.Abs(float64(v)-float64(c.want)) <= 2e-6*math.Max(math.Abs(float64(c.want)), 1e-29)) {
					t.Errorf("level %d: function %d of %v is %v, want %v", isa, c.f, c.a, v, c.want)
					break
				}
			}
		}
	}
}

// TestMapRows moves rows of odd numbers of vectors with pitches of their own and an operand that stays.
func TestMapRows(t *testing.T) {
	r := rand.New(rand.NewPCG(4, 4))
	for _, isa := range levels() {
		for _, vecs := range []int{1, 3, 4, 7, 70} {
			for _, rows := range []int{1, 2, 5, 130} {
				m := Map{
					Rows: rows, Vecs: vecs, OutPitch: 64 * (vecs + 2), APitch: 64 * vecs, AStep: 64, BPitch: 64, BStep: 0, CPitch: 0, CStep: 64,
					Lo: -1, Hi: 1.5,
				}
				m.A, m.B, m.C = random(r, 16*rows*vecs), random(r, 16*rows), random(r, 16*vecs)
				m.Out = make([]float32, 16*((rows-1)*(vecs+2)+vecs))
				m.Run(FnAffine, isa)
				for i, got := range m.Out {
					y, x, j := i/16/(vecs+2), i/16%(vecs+2), i%16
					want := float32(0)
					if x < vecs {
						want = min(max(m.A[(y*vecs+x)*16+j]*m.B[y*16+j]+m.C[x*16+j], -1), 1.5)
					}
					if math.Abs(float64(got-want)) > 1e-6 {
						t.Fatalf("level %d, %d rows of %d: element %d is %v, want %v", isa, rows, vecs, i, got, want)
					}
				}
			}
		}
	}
}

func TestReduce(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 5))
	for _, isa := range levels() {
		for _, vecs := range []int{1, 2, 3, 4, 5, 9, 70} {
			for _, rows := range []int{1, 4, 7} {
				a := random(r, 16*rows*(vecs+1))
				m := Reduce{A: a, Pitch: 64 * (vecs + 1), Rows: rows, Vecs: vecs, Out: make([]float32, 16)}
				for _, what := range []reduction{reduceSum, reduceMax, reduceSquares} {
					m.Mean = 0.3
					switch what {
					case reduceMax:
						m.Max(isa)
					case reduceSquares:
						m.Squares(isa)
					default:
						m.Sum(isa)
					}
					for j := range 16 {
						want := 0.0
						if what == reduceMax {
							want = math.Inf(-1)
						}
						for y := range rows {
							for x := range vecs {
								switch v := float64(a[(y*(vecs+1)+x)*16+j]); what {
								case reduceMax:
									want = max(want, v)
								case reduceSquares:
									want += (v - 0.3) * (v - 0.3)
								default:
									want += v
								}
							}
						}
						if math.Abs(float64(m.Out[j])-want) > 1e-5*max(10, math.Abs(want)) {
							t.Fatalf("level %d, %d rows of %d: %v, want %v", isa, rows, vecs, m.Out[j], want)
						}
					}
				}
			}
		}
	}
}

// TestSlide compares windows of all kinds with a loop in float64, and looks whether they write anything else.
func TestSlide(t *testing.T) {
	r := rand.New(rand.NewPCG(7, 7))
	for _, isa := range levels() {
		for _, k := range []struct{ kh, kw, sh, sw, dh, dw int }{
			{3, 3, 1, 1, 1, 1},
			{3, 3, 2, 2, 1, 1},
			{5, 5, 1, 1, 1, 1},
			{5, 5, 2, 2, 1, 1},
			{3, 3, 1, 2, 1, 1},
			{3, 3, 3, 3, 1, 1},
			{3, 3, 1, 1, 2, 3},
			{2, 7, 1, 1, 1, 1},
			{1, 1, 2, 1, 1, 1},
		} {
			for _, width := range []int{1, 2, 3, 4, 5, 7, 8, 11, 14, 15, 28} {
				for _, rows := range []int{1, 2, 3, 7} {
					for s := range SlideSum + 1 {
						for _, clamp := range []bool{false, true} {
							slideCase(t, r, isa, s, k.kh, k.kw, k.sh, k.sw, k.dh, k.dw, width, rows, clamp)
						}
					}
				}
			}
		}
	}
}

func slideCase(t *testing.T, r *rand.Rand, isa ISA, s Sliding, kh, kw, sh, sw, dh, dw, width, rows int, clamp bool) {
	t.Helper()
	const planes = 3
	iw, ih := (width-1)*sw+(kw-1)*dw+1, (rows-1)*sh+(kh-1)*dh+1
	pitch, outPitch := iw+1, width+2
	inPlane, outPlane := pitch*ih+1, outPitch*rows+2
	p := Pixels{Width: width, SH: sh, InPitch: 64 * pitch, Window: Window{
		In: random(r, 16*((planes-1)*inPlane+(ih-1)*pitch+iw)), W: random(r, 16*kh*kw*planes), Bias: random(r, 16*planes), KH: kh, KW: kw,
		HStep: 64 * dh * pitch, WStep: 64 * dw, Stride: 64 * sw, OutPitch: 64 * outPitch, Rows: rows, Lo: -inf32(), Hi: inf32(), Scale: 0.25,
		Planes: planes, InPlane: 64 * inPlane, OutPlane: 64 * outPlane,
	}}
	if clamp {
		p.Lo, p.Hi = -0.5, 1
	}
	p.SiLU = !clamp && (width+rows)%2 == 0 && p.Fuses(s, isa)
	p.Out = make([]float32, 16*((planes-1)*outPlane+(rows-1)*outPitch+width))
	in, out := p.In, p.Out
	for i := range out {
		out[i] = 99
	}
	p.Slide(s, isa)
	for i, got := range out {
		b, y, x, j := i/16/outPlane, i/16%outPlane/outPitch, i/16%outPlane%outPitch, i%16
		want := 99.0
		if x < width && y < rows {
			switch s {
			case SlideDepthwise:
				want = float64(p.Bias[16*b+j])
			case SlideMax:
				want = math.Inf(-1)
			default:
				want = 0
			}
			for k := range kh * kw {
				v := float64(in[(b*inPlane+(y*sh+k/kw*dh)*pitch+x*sw+k%kw*dw)*16+j])
				switch s {
				case SlideDepthwise:
					want += v * float64(p.W[(b*kh*kw+k)*16+j])
				case SlideMax:
					want = max(want, v)
				default:
					want += v / 4
				}
			}
			want = min(max(want, float64(p.Lo)), float64(p.Hi))
			if p.SiLU {
				want /= 1 + math.Exp(-want)
			}
		}
		if !(math.Abs(float64(got)-want) <= 1e-5) {
			t.Fatalf("level %d, %s: element %d is %v, want %v", isa, fmt.Sprint(s, kh, kw, sh, sw, dh, dw, width, rows, clamp), i, got, want)
		}
	}
}
