package main

import (
	"fmt"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// The loops of Winograd's convolution. Their meaning is the doc comment of asm.WinoMap and asm.WinoMul.
var _ = add("wino", func() {
	for _, c := range []float32{2, 4, 5, 8} {
		GLOBL(constant(c), 8|16) // RODATA|NOPTR
		for i := range 8 {
			DATA(4*i, F32(c))
		}
	}
	for _, v := range []vec{{"256", 32}, {"512", 64}} {
		for _, m := range []int{2, 4} {
			winoIn(v, m)
			winoOut(v, m)
		}
	}
	for rows := 1; rows <= 14; rows++ {
		winoMul(rows, 2, 64)
		winoMul(rows, 1, 64)
	}
	for rows := 1; rows <= 6; rows++ {
		winoMul(rows, 2, 32)
	}
	winoRows()
}, record{"WinoMap", winoMap, false}, record{"WinoMul", winoMulArgs, false}, record{"WinoRow", winoRowArgs, false}, record{"WinoColumns", winoColumnsArgs, false})

var winoMap = []field{
	{"Map", slice},
	{"Mat", slice},
	{"Res", slice},
	{"Bias", slice},
	{"Row", word},
	{"Step", word},
	{"Plane", word},
	{"ResRow", word},
	{"Tiles", word},
	{"Rows", word},
	{"Cols", word},
	{"Lo", float},
	{"Hi", float},
}

var winoMulArgs = []field{
	{"V", slice},
	{"U", slice},
	{"M", slice},
	{"VBlock", word},
	{"Quads", word},
	{"MBlock", word},
	{"Count", word},
	{"VStep", word},
	{"UStep", word},
	{"MStep", word},
	{"Ahead", word},
	{"AheadStep", word},
}

// vec is a width of vectors: its name and bytes.
type vec struct {
	name  string
	bytes int
}

func (v vec) reg() reg.VecVirtual {
	if v.bytes == 64 {
		return ZMM()
	}
	return YMM()
}

func constant(c float32) string { return fmt.Sprintf("wino%d", int(c)) }

// numbers are constants for use in formulas: in registers where there are 32 of them, else in memory.
type numbers map[float32]Op

func (v vec) numbers(list ...float32) numbers {
	n := numbers{}
	for _, c := range list {
		m := NewDataAddr(NewStaticSymbol(constant(c)), 0)
		if v.bytes == 64 {
			r := v.reg()
			VBROADCASTSS(m, r)
			n[c] = r
		} else {
			n[c] = m
		}
	}
	return n
}

// fma adds c*x to a, or takes it away.
func (n numbers) fma(c float32, x, a reg.VecVirtual) {
	if c < 0 {
		VFNMADD231PS(n[-c], x, a)
	} else {
		VFMADD231PS(n[c], x, a)
	}
}

func (v vec) load(m Op) reg.VecVirtual {
	r := v.reg()
	VMOVUPS(m, r)
	return r
}

func (v vec) copy(x reg.VecVirtual) reg.VecVirtual {
	r := v.reg()
	VMOVAPS(x, r)
	return r
}

// six are the addresses base + i*stride for i < 6, in a part of the registers that holds only the base.
type six struct{ base, base1, stride, stride3 reg.GPVirtual }

func newSix(base, stride reg.GPVirtual) six {
	s := six{base, GP64(), stride, GP64()}
	LEAQ(Mem{Base: stride, Index: stride, Scale: 2}, s.stride3)
	s.reset()
	return s
}

// reset must follow a change of base.
func (s six) reset() { LEAQ(Mem{Base: s.base, Index: s.stride, Scale: 1}, s.base1) }

func (s six) at(i, disp int) Mem {
	switch i {
	case 0:
		return Mem{Base: s.base, Disp: disp}
	case 1:
		return Mem{Base: s.base1, Disp: disp}
	case 2:
		return Mem{Base: s.base, Index: s.stride, Scale: 2, Disp: disp}
	case 3:
		return Mem{Base: s.base, Index: s.stride3, Scale: 1, Disp: disp}
	case 4:
		return Mem{Base: s.base, Index: s.stride, Scale: 4, Disp: disp}
	}
	return Mem{Base: s.base1, Index: s.stride, Scale: 4, Disp: disp}
}

// bytesOf loads a field that counts elements, as bytes.
func bytesOf(p reg.Register, fields []field, name string) reg.GPVirtual {
	r := GP64()
	MOVQ(mem(p, offset(fields, name)), r)
	SHLQ(U8(2), r)
	return r
}

func pointer(p reg.Register, fields []field, name string) reg.GPVirtual {
	r := GP64()
	MOVQ(mem(p, offset(fields, name)), r)
	return r
}

// halves repeats body for each part of a tile's 16 channels that a vector holds; the pointers move on by it.
func (v vec) halves(body func(), pointers ...reg.GPVirtual) {
	if v.bytes == 64 {
		body()
		return
	}
	h := GP64()
	MOVQ(U32(2), h)
	Label("half")
	body()
	for _, p := range pointers {
		ADDQ(U8(32), p)
	}
	DECQ(h)
	JNZ(LabelRef("half"))
	for _, p := range pointers {
		SUBQ(U8(64), p)
	}
}
