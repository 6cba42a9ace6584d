package main

import (
	"fmt"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

var reduceFields = []field{
	{"Out", slice},
	{"A", slice},
	{"Pitch", word},
	{"Rows", word},
	{"Vecs", word},
	{"Mean", float},
}

// reduces: Out[j] is the sum, the maximum, or the sum of squared distances from Mean, of all A[..][16i+j].
func (v width) reduces() {
	for _, r := range []struct {
		name string
		f    func(...Op)
	}{{"Sum", VADDPS}, {"Max", VMAXPS}, {"Squares", VADDPS}} {
		TEXT("reduce"+r.name+v.isa, NOSPLIT, "func(r *Reduce)")
		Pragma("noescape")
		p := Load(Param("r"), GP64())
		row, count := arg(p, reduceFields, "A"), arg(p, reduceFields, "Rows")
		acc := make([]reg.VecVirtual, 4*v.halves())
		start := v.zero()
		if r.name == "Max" {
			VMOVUPS(table.word(0xff800000), start)
		}
		for i := range acc {
			acc[i] = v.copy(start)
		}
		take := func(m Mem, a reg.VecVirtual) { r.f(m, a, a) }
		if r.name == "Squares" {
			mean := v.load(p, reduceFields, "Mean")
			take = func(m Mem, a reg.VecVirtual) {
				d := v.vec()
				VMOVUPS(m, d)
				VSUBPS(mean, d, d)
				VFMADD231PS(d, d, a)
			}
		}
		Label("row")
		at, left := GP64(), arg(p, reduceFields, "Vecs")
		MOVQ(row, at)
		ADDQ(mem(p, offset(reduceFields, "Pitch")), row)
		SUBQ(U8(4), left)
		JLT(LabelRef("few"))
		Label("four")
		for i := range acc {
			take(mem(at, i*v.bytes), acc[i])
		}
		ADDQ(U32(256), at)
		SUBQ(U8(4), left)
		JGE(LabelRef("four"))
		Label("few")
		ADDQ(U8(4), left)
		JEQ(LabelRef("next"))
		Label("one")
		for i := range v.halves() {
			take(mem(at, i*v.bytes), acc[i])
		}
		ADDQ(U8(64), at)
		DECQ(left)
		JNZ(LabelRef("one"))
		Label("next")
		DECQ(count)
		JNZ(LabelRef("row"))
		n := v.halves()
		out := arg(p, reduceFields, "Out")
		for i := range n {
			r.f(acc[n+i], acc[i], acc[i])
			r.f(acc[3*n+i], acc[2*n+i], acc[2*n+i])
			r.f(acc[2*n+i], acc[i], acc[i])
			VMOVUPS(acc[i], mem(out, i*v.bytes))
		}
		VZEROUPPER()
		RET()
	}
}

var windowFields = []field{
	{"In", slice},
	{"W", slice},
	{"Bias", slice},
	{"Out", slice},
	{"Half", word},
	{"KH", word},
	{"KW", word},
	{"HStep", word},
	{"WStep", word},
	{"Stride", word},
	{"InRow", word},
	{"OutRow", word},
	{"OutPitch", word},
	{"Rows", word},
	{"Groups", word},
	{"InBack", word},
	{"OutBack", word},
	{"InRowBack", word},
	{"OutRowBack", word},
	{"Planes", word},
	{"InPlane", word},
	{"OutPlane", word},
	{"WPlane", word},
	{"Form", word},
	{"Lo", float},
	{"Hi", float},
	{"Scale", float},
}

// planes runs body for every plane: it finds where the plane's arrays are in the registers given, and the others where
// it is told, and jumps to end.
func planes(p reg.Register, names []string, at []reg.GPVirtual, body func(others []Mem)) {
	space := AllocLocal(40)
	half := arg(p, windowFields, "Half")
	for i, n := range names {
		r := arg(p, windowFields, n)
		ADDQ(half, r)
		MOVQ(r, space.Offset(8*i))
	}
	count := arg(p, windowFields, "Planes")
	MOVQ(count, space.Offset(32))
	Label("plane")
	for i := range at {
		MOVQ(space.Offset(8*i), at[i])
	}
	var others []Mem
	for i := len(at); i < len(names); i++ {
		others = append(others, space.Offset(8*i))
	}
	body(others)
	Label("end")
	for i, n := range names {
		r := GP64()
		if n == "Bias" {
			MOVQ(U32(64), r)
		} else {
			MOVQ(mem(p, offset(windowFields, n+"Plane")), r)
		}
		ADDQ(r, space.Offset(8*i))
	}
	DECQ(space.Offset(32))
	JNZ(LabelRef("plane"))
	VZEROUPPER()
	RET()
}

// grid runs body for all groups of pixels of all rows of a window: in and out are where it reads and writes; it moves on
// by the bytes given, a number or a register. suffix keeps labels apart.
func grid(p reg.Register, suffix string, in, out reg.GPVirtual, inStep, outStep Op, body func()) {
	rows := arg(p, windowFields, "Rows")
	inRow, outRow := GP64(), GP64()
	MOVQ(in, inRow)
	MOVQ(out, outRow)
	Label("row" + suffix)
	MOVQ(inRow, in)
	MOVQ(outRow, out)
	ADDQ(mem(p, offset(windowFields, "InRow")), inRow)
	ADDQ(mem(p, offset(windowFields, "OutRow")), outRow)
	CMPQ(rows, U8(1))
	JNE(LabelRef("inner" + suffix))
	SUBQ(mem(p, offset(windowFields, "InRowBack")), in)
	SUBQ(mem(p, offset(windowFields, "OutRowBack")), out)
	Label("inner" + suffix)
	left := arg(p, windowFields, "Groups")
	Label("group" + suffix)
	CMPQ(left, U8(1))
	JNE(LabelRef("full" + suffix))
	SUBQ(mem(p, offset(windowFields, "InBack")), in)
	SUBQ(mem(p, offset(windowFields, "OutBack")), out)
	Label("full" + suffix)
	body()
	ADDQ(inStep, in)
	ADDQ(outStep, out)
	DECQ(left)
	JNZ(LabelRef("group" + suffix))
	DECQ(rows)
	JNZ(LabelRef("row" + suffix))
	JMP(LabelRef("end"))
}

// windows: the general loops, whose taps are counted and whose pixels lie at any stride. A group is R pixels.
func (v width) windows() {
	forms := []int{1, 4, 7}
	if v.wide() {
		forms = append(forms, 14)
	}
	for _, name := range []string{"Depthwise", "Max", "Sum"} {
		TEXT("window"+name+v.isa, NOSPLIT, "func(w *Window)")
		Pragma("noescape")
		p := Load(Param("w"), GP64())
		in, out := GP64(), GP64()
		names := []string{"In", "Out"}
		if name == "Depthwise" {
			names = append(names, "W", "Bias")
		}
		planes(p, names, []reg.GPVirtual{in, out}, func(others []Mem) {
			form := arg(p, windowFields, "Form")
			for i := len(forms) - 1; i > 0; i-- {
				CMPQ(form, U8(forms[i]))
				JEQ(LabelRef(fmt.Sprint("form", forms[i])))
			}
			for _, r := range forms {
				suffix := fmt.Sprint(r)
				Label("form" + suffix)
				stride := arg(p, windowFields, "Stride")
				step := GP64()
				MOVQ(stride, step)
				IMUL3Q(U8(r), step, step)
				grid(p, suffix, in, out, step, U32(64*r), func() { v.taps(name, suffix, p, in, out, stride, others, r) })
			}
		})
	}
}

// taps does one group of the general loop.
func (v width) taps(name, suffix string, p reg.Register, in, out, stride reg.GPVirtual, others []Mem, r int) {
	acc := make([]reg.VecVirtual, r)
	w := GP64()
	switch name {
	case "Depthwise":
		MOVQ(others[0], w)
		bias := GP64()
		MOVQ(others[1], bias)
		for i := range acc {
			acc[i] = v.vec()
			VMOVUPS(mem(bias, 0), acc[i])
		}
	default:
		start := v.zero()
		if name == "Max" {
			VMOVUPS(table.word(0xff800000), start)
		}
		for i := range acc {
			acc[i] = v.copy(start)
		}
	}
	// Pixels at 0, s, 2s, 3s, ... by way of three more registers where there are many.
	row, kh := GP64(), arg(p, windowFields, "KH")
	MOVQ(in, row)
	Label("kh" + suffix)
	at, kw := GP64(), arg(p, windowFields, "KW")
	MOVQ(row, at)
	ADDQ(mem(p, offset(windowFields, "HStep")), row)
	Label("kw" + suffix)
	var x reg.VecVirtual
	if name == "Depthwise" {
		x = v.vec()
		VMOVUPS(mem(w, 0), x)
		ADDQ(U8(64), w)
	}
	q := GP64()
	MOVQ(at, q)
	for i := range acc {
		m := Mem{Base: q}
		switch i % 3 {
		case 1:
			m = Mem{Base: q, Index: stride, Scale: 1}
		case 2:
			m = Mem{Base: q, Index: stride, Scale: 2}
		}
		switch name {
		case "Depthwise":
			VFMADD231PS(m, x, acc[i])
		case "Max":
			VMAXPS(m, acc[i], acc[i])
		default:
			VADDPS(m, acc[i], acc[i])
		}
		if i%3 == 2 && i < r-1 {
			LEAQ(Mem{Base: q, Index: stride, Scale: 2}, q)
			ADDQ(stride, q)
		}
	}
	ADDQ(mem(p, offset(windowFields, "WStep")), at)
	DECQ(kw)
	JNZ(LabelRef("kw" + suffix))
	DECQ(kh)
	JNZ(LabelRef("kh" + suffix))
	if name == "Sum" {
		s := v.load(p, windowFields, "Scale")
		for i := range acc {
			VMULPS(s, acc[i], acc[i])
		}
	}
	lo, hi := v.load(p, windowFields, "Lo"), v.load(p, windowFields, "Hi")
	for i := range acc {
		VMAXPS(acc[i], lo, acc[i])
		VMINPS(acc[i], hi, acc[i])
		VMOVUPS(acc[i], mem(out, 64*i))
	}
}

// depthwises: windows of 3x3 and 5x5 without dilation at strides 1 and 2. A group is J pixels of Q rows; the loop goes
// over its input columns, reads each pixel once and adds it to all sums that it is part of, while the weights stay in
// registers.
func (v width) depthwises() {
	for _, k := range []int{3, 5} {
		for _, s := range []int{1, 2} {
			v.depthwise(k, s)
		}
	}
}

func (v width) depthwise(k, s int) {
	TEXT(fmt.Sprintf("depthwise%ds%d%s", k, s, v.isa), NOSPLIT, "func(w *Window)")
	Pragma("noescape")
	p := Load(Param("w"), GP64())
	in, out, w, bias := GP64(), GP64(), GP64(), GP64()
	planes(p, []string{"In", "Out", "W", "Bias"}, []reg.GPVirtual{in, out, w, bias}, func([]Mem) { v.square(k, s, p, in, out, w, bias) })
}

// What is done to a sum before it is stored, as the loop's form says it.
const (
	afterClamp = 1
	afterSiLU  = 64
)

// square does one plane.
func (v width) square(k, s int, p reg.Register, in, out, w, bias reg.GPVirtual) {
	h := arg(p, windowFields, "HStep")
	h3, h5 := GP64(), GP64()
	LEAQ(Mem{Base: h, Index: h, Scale: 2}, h3)
	LEAQ(Mem{Base: h, Index: h, Scale: 4}, h5)
	pitch := arg(p, windowFields, "OutPitch")
	// As many weights as there are registers for; the last ones are read from memory.
	keep := map[bool]map[int]int{true: {3: 9, 5: 16}, false: {3: 9, 5: 7}}[v.wide()][k]
	weights := make([]Op, k*k)
	for i := range weights {
		if weights[i] = mem(w, 64*i); i < keep {
			r := v.vec()
			VMOVUPS(weights[i], r)
			weights[i] = r
		}
	}
	type form struct {
		q, j  int
		after int // 0, or afterClamp, afterSiLU
	}
	var forms []form
	for _, q := range []int{1, 2} {
		if q == 2 && !v.wide() {
			continue
		}
		for _, j := range []int{1, 4, 7} {
			forms = append(forms, form{q, j, 0}, form{q, j, afterClamp})
			if v.wide() {
				forms = append(forms, form{q, j, afterSiLU})
			}
		}
	}
	code := func(f form) int {
		return 16*f.q + 2*f.j + f.after
	}
	which := arg(p, windowFields, "Form")
	for _, f := range forms[1:] {
		CMPQ(which, U8(code(f)))
		JEQ(LabelRef(fmt.Sprint("form", code(f))))
	}
	for _, f := range forms {
		suffix := fmt.Sprint(code(f))
		Label("form" + suffix)
		var powers reg.VecVirtual
		if f.after == afterSiLU {
			powers = ZMM()
			VMOVUPS(table.place(sixteenths()), powers)
		}
		grid(p, suffix, in, out, U32(64*s*f.j), U32(64*f.j), func() {
			row := func(y int) Mem {
				switch y {
				case 0:
					return Mem{Base: in}
				case 3:
					return Mem{Base: in, Index: h3, Scale: 1}
				case 5:
					return Mem{Base: in, Index: h5, Scale: 1}
				case 6:
					return Mem{Base: in, Index: h3, Scale: 2}
				}
				return Mem{Base: in, Index: h, Scale: uint8(y)}
			}
			sums := map[[2]int]reg.VecVirtual{}
			for c := range (f.j-1)*s + k {
				for y := range (f.q-1)*s + k {
					m := row(y)
					m.Disp = 64 * c
					var x reg.VecVirtual
					for kh := range k {
						for kw := range k {
							q, j := (y-kh)/s, (c-kw)/s
							if y < kh || c < kw || q*s+kh != y || j*s+kw != c || q >= f.q || j >= f.j {
								continue
							}
							if x == nil {
								x = v.vec()
								VMOVUPS(m, x)
							}
							at := [2]int{q, j}
							if sums[at] == nil {
								sums[at] = v.vec()
								VMOVUPS(mem(bias, 0), sums[at])
							}
							VFMADD231PS(weights[kh*k+kw], x, sums[at])
						}
					}
				}
				if j := (c - k + 1) / s; c >= k-1 && j*s == c-k+1 {
					for q := range f.q {
						a := sums[[2]int{q, j}]
						switch f.after {
						case afterSiLU:
							a = siluOf(a, powers)
						case afterClamp:
							lo := v.load(p, windowFields, "Lo")
							VMAXPS(a, lo, a)
							hi := v.load(p, windowFields, "Hi")
							VMINPS(a, hi, a)
						}
						m := Mem{Base: out, Disp: 64 * j}
						if q == 1 {
							m.Index, m.Scale = pitch, 1
						}
						VMOVUPS(a, m)
					}
				}
			}
		})
	}
}
