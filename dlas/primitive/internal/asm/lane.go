package asm

import "math"

//go:generate go run -C _generate . -set lane -out ../lane_amd64.s -stubs ../lane_amd64.go -pkg asm -layout ../lane_layout_amd64.go
//go:generate go run -C _generate ./neon -out ../neon_arm64.s

// ISA is the level of instructions that a loop of the lanes' set runs on. A level that this build or processor lacks
// must not be asked for, but in a build without assembly every level runs the loop in Go.
type ISA uint8

// The levels that these loops tell apart; ISAOf maps the names of the definitions to them.
const (
	GoISA ISA = iota
	AVX2
	AVX512
	NEON // depthwise windows alone
)

// ISAOf is the level of a name: the VNNI levels have no other f32 loops than those they build on.
func ISAOf(name string) ISA {
	switch name {
	case "avx2", "avxvnni":
		return AVX2
	case "avx512", "avx512vnni":
		return AVX512
	case "neon":
		return NEON
	}
	return GoISA
}

// Vec is the number of floats that the lanes' loops count in: the channels of a block.
const Vec = 16

// Fn is an element-wise function. Its meaning, for a of A, b of B and c of C:
type Fn uint8

const (
	FnAdd         Fn = iota // clamp(a + b)
	FnSub                   // clamp(a - b)
	FnMul                   // clamp(a * b)
	FnDiv                   // clamp(a / b)
	FnMin                   // min(a, b)
	FnMax                   // max(a, b)
	FnPRelu                 // max(a, 0) + b min(a, 0)
	FnAffine                // clamp(a*b + c)
	FnNorm                  // (a - Alpha) Beta b + c
	FnExpSub                // e^(a-b)
	FnClip                  // clamp(a): the larger of a and Lo, then the smaller of that and Hi
	FnLeaky                 // max(a, 0) + Alpha min(a, 0)
	FnSigmoid               // 1 / (1 + e^-a)
	FnSiLU                  // a sigmoid(a)
	FnHardSigmoid           // a Alpha + Beta, at least 0 and at most 1
	FnHardSwish             // a times (a/6 + 1/2, at least 0 and at most 1)
	FnTanh                  //
	FnExp                   //
	FnElu                   // Beta (max(a, 0) + Alpha (e^min(a,0) - 1))
	FnGelu                  // a/2 (1 + erf(a/sqrt 2))
	FnGeluTanh              // a/2 (1 + tanh(sqrt(2/pi) (a + 0.044715 a^3)))
	FnSoftplus              // log(1 + e^a)
	FnMish                  // a tanh(softplus(a))
	FnSqrt                  //
	FnAbs                   //
	FnNeg                   //
	FnReciprocal            //
	FnFloor                 //
	FnCeil                  //
	FnRound                 // to the nearest, halves to even
	FnErf                   // the error function
	FnLog                   // natural; of a negative number a NaN
	fnCount
)

// operands is the number of arrays that a function reads besides A.
func (f Fn) operands() int {
	switch {
	case f == FnAffine, f == FnNorm:
		return 2
	case f <= FnExpSub:
		return 1
	}
	return 0
}

// Map applies a function to Rows rows of Vecs times 16 floats:
//
//	for y := range Rows {
//		for x := range Vecs {
//			for j := range Vec {
//				Out[y*OutPitch+x*64+4*j] = f(A[y*APitch+x*AStep+4*j], B[y*BPitch+x*BStep+4*j], C[y*CPitch+x*CStep+4*j])
//			}
//		}
//	}
//
// where pitches and steps are in bytes and multiples of 4. A step is 64, or 0 for an operand that is the same 16 numbers
// all along a row. Out may be A or B. The largest relative error is 2e-6 (FnGelu: of the largest of its results).
type Map struct {
	Out, A, B, C                     []float32
	OutPitch, APitch, BPitch, CPitch int
	AStep, BStep, CStep              int
	Rows, Vecs                       int
	Alpha, Beta                      float32
	Lo, Hi                           float32
}

// maxVecs bounds one call of an assembly loop to some 100 microseconds.
const maxVecs = 1 << 12

func inside(a []float32, pitch, step, rows, vecs int) bool {
	return pitch >= 0 && step >= 0 && ((rows-1)*pitch+(vecs-1)*step)/4+Vec <= len(a)
}

// Run applies f.
func (m *Map) Run(f Fn, isa ISA) {
	if m.Rows < 1 || m.Vecs < 1 {
		return
	}
	n := f.operands()
	if f >= fnCount || !inside(m.Out, m.OutPitch, 64, m.Rows, m.Vecs) || !inside(m.A, m.APitch, m.AStep, m.Rows, m.Vecs) ||
		n > 0 && !inside(m.B, m.BPitch, m.BStep, m.Rows, m.Vecs) || n > 1 && !inside(m.C, m.CPitch, m.CStep, m.Rows, m.Vecs) {
		panic("asm: map leaves its arrays")
	}
	if m.Rows*m.Vecs <= maxVecs {
		m.run(f, isa)
		return
	}
	vecs := min(m.Vecs, maxVecs)
	rows := max(1, maxVecs/vecs)
	for y := 0; y < m.Rows; y += rows {
		for x := 0; x < m.Vecs; x += vecs {
			c := *m
			c.Rows, c.Vecs = min(rows, m.Rows-y), min(vecs, m.Vecs-x)
			c.Out, c.A = m.Out[(y*m.OutPitch+x*64)/4:], m.A[(y*m.APitch+x*m.AStep)/4:]
			if n > 0 {
				c.B = m.B[(y*m.BPitch+x*m.BStep)/4:]
			}
			if n > 1 {
				c.C = m.C[(y*m.CPitch+x*m.CStep)/4:]
			}
			c.run(f, isa)
		}
	}
}

// Vector applies f to whole slices of one length, which need not be a multiple of 16. An operand may be 16 numbers that
// are all the same, which stand for all elements (step 0); else it is as long as out (step 64).
func (m Map) Vector(f Fn, isa ISA, out, a, b, c []float32) {
	n := len(out)
	m.Out, m.A, m.B, m.C = out, a, b, c
	m.Rows, m.Vecs = 1, n/Vec
	m.Run(f, isa)
	at := n / Vec * Vec
	if at == n {
		return
	}
	var space [4][Vec]float32
	rest := func(i int, v []float32, step int) []float32 {
		if v == nil {
			return nil
		}
		if step > 0 {
			v = v[at:]
		}
		copy(space[i][:], v)
		return space[i][:]
	}
	t := m
	t.Out, t.A, t.B, t.C = space[0][:], rest(1, a, m.AStep), rest(2, b, m.BStep), rest(3, c, m.CStep)
	t.Vecs = 1
	t.Run(f, isa)
	copy(out[at:], space[0][:])
}

// Act applies a function of one operand to a slice in place.
func (m Map) Act(f Fn, isa ISA, x []float32) {
	m.AStep = 64
	m.Vector(f, isa, x, x, nil, nil)
}

// Go runs the loop in Go.
func (m *Map) goLoop(f Fn) {
	for y := range m.Rows {
		for x := range m.Vecs {
			out, a := m.Out[(y*m.OutPitch+x*64)/4:][:Vec], m.A[(y*m.APitch+x*m.AStep)/4:][:Vec]
			b, c := a, a
			if f.operands() > 0 {
				b = m.B[(y*m.BPitch+x*m.BStep)/4:][:Vec]
			}
			if f.operands() > 1 {
				c = m.C[(y*m.CPitch+x*m.CStep)/4:][:Vec]
			}
			switch f {
			case FnAdd:
				for j := range out {
					out[j] = m.clamp(a[j] + b[j])
				}
			case FnMul:
				for j := range out {
					out[j] = m.clamp(a[j] * b[j])
				}
			case FnAffine:
				for j := range out {
					out[j] = m.clamp(a[j]*b[j] + c[j])
				}
			case FnNorm:
				for j := range out {
					out[j] = (a[j]-m.Alpha)*m.Beta*b[j] + c[j]
				}
			case FnClip:
				for j := range out {
					out[j] = m.clamp(a[j])
				}
			default:
				for j := range out {
					out[j] = m.one(f, a[j], b[j])
				}
			}
		}
	}
}

func (m *Map) clamp(v float32) float32 {
	if v < m.Lo {
		v = m.Lo
	}
	if v > m.Hi {
		v = m.Hi
	}
	return v
}

// one is f of one element, for the functions that goLoop has no loop of their own for.
func (m *Map) one(f Fn, a, b float32) float32 {
	x := float64(a)
	switch f {
	case FnSub:
		return m.clamp(a - b)
	case FnDiv:
		return m.clamp(a / b)
	case FnMin:
		return min(a, b)
	case FnMax:
		return max(a, b)
	case FnPRelu:
		return max(a, 0) + b*min(a, 0)
	case FnExpSub:
		return float32(math.Exp(float64(a - b)))
	case FnLeaky:
		return max(a, 0) + m.Alpha*min(a, 0)
	case FnSigmoid:
		return float32(1 / (1 + math.Exp(-x)))
	case FnSiLU:
		return float32(x / (1 + math.Exp(-x)))
	case FnHardSigmoid:
		return min(1, max(0, a*m.Alpha+m.Beta))
	case FnHardSwish:
		return a * min(1, max(0, a/6+0.5))
	case FnTanh:
		return float32(math.Tanh(x))
	case FnExp:
		return float32(math.Exp(x))
	case FnElu:
		return m.Beta * (max(a, 0) + m.Alpha*float32(math.Expm1(min(x, 0))))
	case FnGelu:
		return float32(x / 2 * math.Erfc(-x/math.Sqrt2))
	case FnGeluTanh:
		return float32(x / (1 + math.Exp(-2*math.Sqrt(2/math.Pi)*(x+0.044715*x*x*x))))
	case FnSoftplus:
		return float32(max(x, 0) + math.Log1p(math.Exp(-math.Abs(x))))
	case FnMish:
		return float32(x * math.Tanh(max(x, 0)+math.Log1p(math.Exp(-math.Abs(x)))))
	case FnSqrt:
		return float32(math.Sqrt(x))
	case FnAbs:
		return float32(math.Abs(x))
	case FnNeg:
		return -a
	case FnReciprocal:
		return 1 / a
	case FnFloor:
		return float32(math.Floor(x))
	case FnCeil:
		return float32(math.Ceil(x))
	case FnRound:
		return float32(math.RoundToEven(x))
	case FnErf:
		return float32(math.Erf(x))
	case FnLog:
		return float32(math.Log(x))
	}
	panic("asm: unknown function")
}

// Reduce makes 16 numbers of Rows rows of Vecs times 16 floats: Out[j] is the sum, the maximum, or the sum of the squares of
// the distances from Mean, of all A[y*Pitch+x*64+4*j], the pitch in bytes. Neighbours go to different partial sums.
type Reduce struct {
	Out        []float32
	A          []float32
	Pitch      int
	Rows, Vecs int
	Mean       float32
}

func (r *Reduce) check() {
	if r.Rows < 1 || r.Vecs < 1 || r.Rows*r.Vecs > 1<<16 || len(r.Out) < Vec || !inside(r.A, r.Pitch, 64, r.Rows, r.Vecs) {
		panic("asm: reduction leaves its arrays")
	}
}

// What a reduction makes of its numbers.
type reduction uint8

const (
	reduceSum reduction = iota
	reduceMax
	reduceSquares
)

func (r *Reduce) goLoop(what reduction) {
	var acc [4][Vec]float32
	if what == reduceMax {
		for i := range acc {
			for j := range acc[i] {
				acc[i][j] = float32(math.Inf(-1))
			}
		}
	}
	for y := range r.Rows {
		for x := range r.Vecs {
			a, s := r.A[(y*r.Pitch+x*64)/4:][:Vec], &acc[x%4]
			for j, v := range a {
				switch what {
				case reduceMax:
					s[j] = max(s[j], v)
				case reduceSquares:
					s[j] += (v - r.Mean) * (v - r.Mean)
				default:
					s[j] += v
				}
			}
		}
	}
	for j := range Vec {
		if what == reduceMax {
			r.Out[j] = max(acc[0][j], acc[1][j], acc[2][j], acc[3][j])
		} else {
			r.Out[j] = (acc[0][j] + acc[1][j]) + (acc[2][j] + acc[3][j])
		}
	}
}
