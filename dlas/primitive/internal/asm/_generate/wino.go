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
}, record{"WinoMap", winoMap, false}, record{"WinoMul", winoMulArgs, false})

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

// winoIn transforms input tiles: columns first, a few rows of the result at a time so that they stay in registers.
func winoIn(v vec, m int) {
	name := fmt.Sprintf("wino%din%s", m, v.name)
	TEXT(name, NOSPLIT, "func(a *WinoMap)")
	Pragma("noescape")
	Doc(fmt.Sprintf("%s is the loop of WinoMap.In with tiles of %dx%d.", name, m+2, m+2))
	p := Load(Param("a"), GP64())
	in, out := pointer(p, winoMap, "Map"), pointer(p, winoMap, "Mat")
	step := bytesOf(p, winoMap, "Step")
	tiles := pointer(p, winoMap, "Tiles")
	rows := newSix(in, bytesOf(p, winoMap, "Row"))
	plane := bytesOf(p, winoMap, "Plane")
	matrixRow, q := GP64(), GP64() // bytes of a row of the tile's planes
	IMUL3Q(U8(m+2), plane, matrixRow)
	MOVQ(out, q)
	places := newSix(q, plane)
	to := func(i int) { // the planes of row i of the tile
		MOVQ(out, q)
		for range i {
			ADDQ(matrixRow, q)
		}
		places.reset()
	}
	var n numbers
	if m == 4 {
		n = v.numbers(2, 4, 5)
	}
	Label("tile")
	v.halves(func() {
		rows.reset()
		if m == 4 {
			v.in4(n, rows, places, to)
		} else {
			v.in2(rows, places, to)
		}
	}, in, out)
	ADDQ(step, in)
	ADDQ(U8(64), out)
	DECQ(tiles)
	JNZ(LabelRef("tile"))
	VZEROUPPER()
	RET()
}

// in4 multiplies with the rows of B' = [4 0 -5 0 1 0; 0 -4 -4 1 1 0; 0 4 -4 -1 1 0; 0 -2 -1 2 1 0; 0 2 -1 -2 1 0; 0 4 0 -5 0 1]
// from both sides.
func (v vec) in4(n numbers, rows, places six, to func(int)) {
	row := func(i int, x []reg.VecVirtual) {
		to(i)
		store := func(j int, r reg.VecVirtual) { VMOVUPS(r, places.at(j, 0)) }
		a, b := v.copy(x[4]), v.copy(x[3])
		n.fma(-4, x[2], a)
		n.fma(-4, x[1], b)
		t := v.reg()
		VADDPS(a, b, t)
		store(1, t)
		VSUBPS(b, a, a)
		store(2, a)
		VSUBPS(x[2], x[4], a)
		VSUBPS(x[1], x[3], b)
		t = v.copy(a)
		n.fma(2, b, t)
		store(3, t)
		n.fma(-2, b, a)
		store(4, a)
		n.fma(-5, x[2], x[4])
		n.fma(4, x[0], x[4])
		store(0, x[4])
		n.fma(-5, x[3], x[5])
		n.fma(4, x[1], x[5])
		store(5, x[5])
	}
	var first, second [6]reg.VecVirtual
	for c := range 6 {
		a, b := v.load(rows.at(4, 64*c)), v.load(rows.at(3, 64*c))
		n.fma(-4, v.load(rows.at(2, 64*c)), a)
		n.fma(-4, v.load(rows.at(1, 64*c)), b)
		first[c], second[c] = v.reg(), a
		VADDPS(a, b, first[c])
		VSUBPS(b, a, a)
	}
	row(1, first[:])
	row(2, second[:])
	for c := range 6 {
		a, b := v.load(rows.at(4, 64*c)), v.load(rows.at(3, 64*c))
		VSUBPS(rows.at(2, 64*c), a, a)
		VSUBPS(rows.at(1, 64*c), b, b)
		first[c], second[c] = v.copy(a), a
		n.fma(2, b, first[c])
		n.fma(-2, b, a)
	}
	row(3, first[:])
	row(4, second[:])
	for c := range 6 {
		for k, t := range []*reg.VecVirtual{&first[c], &second[c]} {
			a := v.load(rows.at(4+k, 64*c))
			n.fma(-5, v.load(rows.at(2+k, 64*c)), a)
			n.fma(4, v.load(rows.at(k, 64*c)), a)
			*t = a
		}
	}
	row(0, first[:])
	row(5, second[:])
}

// in2 multiplies with the rows of B' = [1 0 -1 0; 0 1 1 0; 0 -1 1 0; 0 1 0 -1] from both sides.
func (v vec) in2(rows, places six, to func(int)) {
	difference := func(i, j, c int) reg.VecVirtual {
		r := v.load(rows.at(i, 64*c))
		VSUBPS(rows.at(j, 64*c), r, r)
		return r
	}
	for i := range 4 {
		var x [4]reg.VecVirtual
		for c := range x {
			switch i {
			case 0:
				x[c] = difference(0, 2, c)
			case 1:
				x[c] = v.load(rows.at(1, 64*c))
				VADDPS(rows.at(2, 64*c), x[c], x[c])
			case 2:
				x[c] = difference(2, 1, c)
			case 3:
				x[c] = difference(1, 3, c)
			}
		}
		to(i)
		t := v.reg()
		VSUBPS(x[2], x[0], x[0])
		VMOVUPS(x[0], places.at(0, 0))
		VADDPS(x[1], x[2], t)
		VMOVUPS(t, places.at(1, 0))
		VSUBPS(x[1], x[2], x[2])
		VMOVUPS(x[2], places.at(2, 0))
		VSUBPS(x[3], x[1], x[1])
		VMOVUPS(x[1], places.at(3, 0))
	}
}

// winoOut transforms products into output tiles, with all that follows a convolution.
func winoOut(v vec, m int) {
	name := fmt.Sprintf("wino%dout%s", m, v.name)
	TEXT(name, NOSPLIT, "func(a *WinoMap)")
	Pragma("noescape")
	Doc(fmt.Sprintf("%s is the loop of WinoMap.Out with tiles of %dx%d.", name, m, m))
	p := Load(Param("a"), GP64())
	out, in, res, bias := pointer(p, winoMap, "Map"), pointer(p, winoMap, "Mat"), pointer(p, winoMap, "Res"), pointer(p, winoMap, "Bias")
	plane := bytesOf(p, winoMap, "Plane")
	matrixRow, pc := GP64(), GP64()
	IMUL3Q(U8(m+2), plane, matrixRow)
	MOVQ(in, pc)
	column := newSix(pc, matrixRow)
	var n numbers
	if m == 4 {
		n = v.numbers(2, 4, 8)
	}
	var lo, hi reg.VecVirtual
	limits := func() {
		lo, hi = v.reg(), v.reg()
		VBROADCASTSS(mem(p, offset(winoMap, "Lo")), lo)
		VBROADCASTSS(mem(p, offset(winoMap, "Hi")), hi)
	}
	if v.bytes == 64 {
		limits()
	}
	to, from, t := GP64(), GP64(), GP64()
	tiles := AllocLocal(8)
	MOVQ(mem(p, offset(winoMap, "Tiles")), t)
	MOVQ(t, tiles)
	Label("tile")
	begin := func(f func(c int)) {
		MOVQ(in, pc)
		for c := range m + 2 {
			column.reset()
			f(c)
			if c < m+1 {
				ADDQ(plane, pc)
			}
		}
	}
	load := func(i, c int) reg.VecVirtual {
		x := v.load(column.at(i, 0))
		if i == 1 && c == 1 { // what stands there reaches every output once
			VADDPS(mem(bias, 0), x, x)
		}
		return x
	}
	// put stores row j of the tile.
	put := func(j int, y ...reg.VecVirtual) {
		label := func(s string) string { return fmt.Sprintf("%s%d", s, j) }
		CMPQ(mem(p, offset(winoMap, "Rows")), U8(j))
		JLE(LabelRef(label("skip")))
		if v.bytes == 32 {
			limits()
		}
		MOVQ(mem(p, offset(winoMap, "Row")), t)
		if j > 0 {
			IMUL3Q(U8(4*j), t, t)
		} else {
			XORQ(t, t)
		}
		LEAQ(Mem{Base: out, Index: t, Scale: 1}, to)
		CMPQ(mem(p, offset(winoMap, "Res")), U8(0))
		JNE(LabelRef(label("res")))
		store := func(add bool) {
			for c, x := range y {
				if c > 0 {
					CMPQ(mem(p, offset(winoMap, "Cols")), U8(c))
					JLE(LabelRef(label("skip")))
				}
				if add {
					VADDPS(mem(from, 64*c), x, x)
				}
				// With this order of operands a NaN stays a NaN.
				VMAXPS(x, lo, x)
				VMINPS(x, hi, x)
				VMOVUPS(x, mem(to, 64*c))
			}
		}
		store(false)
		JMP(LabelRef(label("skip")))
		Label(label("res"))
		MOVQ(mem(p, offset(winoMap, "ResRow")), t)
		if j > 0 {
			IMUL3Q(U8(4*j), t, t)
		} else {
			XORQ(t, t)
		}
		LEAQ(Mem{Base: res, Index: t, Scale: 1}, from)
		store(true)
		Label(label("skip"))
	}
	v.halves(func() {
		if m == 4 {
			v.out4(n, begin, load, column, put)
		} else {
			v.out2(begin, load, put)
		}
	}, in, out, bias, res)
	MOVQ(mem(p, offset(winoMap, "Step")), t)
	LEAQ(Mem{Base: out, Index: t, Scale: 4}, out)
	LEAQ(Mem{Base: res, Index: t, Scale: 4}, res)
	ADDQ(U8(64), in)
	DECQ(tiles)
	JNZ(LabelRef("tile"))
	VZEROUPPER()
	RET()
}

// out4 multiplies with A' = [1 1 1 1 1 0; 0 1 -1 2 -2 0; 0 1 1 4 4 0; 0 1 -1 8 -8 1] from both sides.
func (v vec) out4(n numbers, begin func(func(c int)), load func(i, c int) reg.VecVirtual, column six, put func(int, ...reg.VecVirtual)) {
	row := func(j int, x [6]reg.VecVirtual) {
		s, t := v.reg(), v.reg()
		VADDPS(x[2], x[1], s)
		VSUBPS(x[2], x[1], x[1]) // d
		VADDPS(x[4], x[3], t)
		VSUBPS(x[4], x[3], x[3]) // e
		VADDPS(s, x[0], x[0])
		VADDPS(t, x[0], x[0])
		VMOVAPS(x[1], x[2])
		n.fma(2, x[3], x[2])
		n.fma(4, t, s)
		VADDPS(x[1], x[5], x[5])
		n.fma(8, x[3], x[5])
		put(j, x[0], x[2], s, x[5])
	}
	even := func(c int, x1 reg.VecVirtual, x2, x3, x4 Op) (y0, y2 reg.VecVirtual) {
		s, t := v.reg(), v.reg()
		VADDPS(x2, x1, s)
		y0 = v.load(column.at(0, 0))
		VMOVUPS(x3, t)
		VADDPS(x4, t, t)
		VADDPS(s, y0, y0)
		VADDPS(t, y0, y0)
		n.fma(4, t, s)
		return y0, s
	}
	odd := func(c int, x1 reg.VecVirtual, x2, x3, x4 Op) (y1, y3 reg.VecVirtual) {
		e := v.reg()
		VSUBPS(x2, x1, x1)
		VMOVUPS(x3, e)
		VSUBPS(x4, e, e)
		y3 = v.load(column.at(5, 0))
		VADDPS(x1, y3, y3)
		n.fma(8, e, y3)
		n.fma(2, e, x1)
		return x1, y3
	}
	var y [4][6]reg.VecVirtual
	if v.bytes == 64 {
		begin(func(c int) {
			x1, x2, x3, x4 := load(1, c), load(2, c), load(3, c), load(4, c)
			y[0][c], y[2][c] = even(c, x1, x2, x3, x4)
			y[1][c], y[3][c] = odd(c, x1, x2, x3, x4)
		})
	} else {
		begin(func(c int) { y[0][c], y[2][c] = even(c, load(1, c), column.at(2, 0), column.at(3, 0), column.at(4, 0)) })
		row(0, y[0])
		row(2, y[2])
		begin(func(c int) { y[1][c], y[3][c] = odd(c, load(1, c), column.at(2, 0), column.at(3, 0), column.at(4, 0)) })
		row(1, y[1])
		row(3, y[3])
		return
	}
	for j := range y {
		row(j, y[j])
	}
}

// out2 multiplies with A' = [1 1 1 0; 0 1 -1 -1] from both sides.
func (v vec) out2(begin func(func(c int)), load func(i, c int) reg.VecVirtual, put func(int, ...reg.VecVirtual)) {
	two := func(x0, x1, x2, x3 reg.VecVirtual) (reg.VecVirtual, reg.VecVirtual) {
		VADDPS(x1, x0, x0)
		VADDPS(x2, x0, x0)
		VSUBPS(x2, x1, x1)
		VSUBPS(x3, x1, x1)
		return x0, x1
	}
	var y [2][4]reg.VecVirtual
	begin(func(c int) { y[0][c], y[1][c] = two(load(0, c), load(1, c), load(2, c), load(3, c)) })
	for j := range y {
		a, b := two(y[j][0], y[j][1], y[j][2], y[j][3])
		put(j, a, b)
	}
}

// winoMul multiplies rows tiles with panels of nv vectors of output channels.
func winoMul(rows, nv, bytes int) {
	v := vec{"", bytes}
	width := nv * bytes / 4
	name := fmt.Sprintf("winomul%dx%d", rows, width)
	if bytes == 32 {
		name += "y"
	}
	TEXT(name, NOSPLIT, "func(a *WinoMul)")
	Pragma("noescape")
	Doc(fmt.Sprintf("%s is the loop of WinoMul for %d tiles and %d output channels.", name, rows, width))
	p := Load(Param("a"), GP64())
	in, w, out := pointer(p, winoMulArgs, "V"), pointer(p, winoMulArgs, "U"), pointer(p, winoMulArgs, "M")
	block := bytesOf(p, winoMulArgs, "VBlock")
	count := pointer(p, winoMulArgs, "Count")
	ahead, aheadStep := bytesOf(p, winoMulArgs, "Ahead"), bytesOf(p, winoMulArgs, "AheadStep")
	ADDQ(w, ahead)
	Label("product")
	acc := make([][]reg.VecVirtual, rows)
	for r := range acc {
		for range nv {
			x := v.reg()
			if bytes == 64 {
				VPXORD(x, x, x)
			} else {
				VXORPS(x, x, x)
			}
			acc[r] = append(acc[r], x)
		}
	}
	x, u, at, quads, inner := GP64(), GP64(), GP64(), GP64(), GP64()
	MOVQ(in, x)
	MOVQ(w, u)
	MOVQ(mem(p, offset(winoMulArgs, "Quads")), quads)
	Label("block")
	MOVQ(x, at)
	MOVQ(U32(4), inner)
	CMPQ(quads, inner)
	CMOVQLT(quads, inner)
	SUBQ(inner, quads)
	Label("quad")
	for k := range 4 {
		b := make([]reg.VecVirtual, nv)
		for j := range b {
			b[j] = v.load(mem(u, (k*nv+j)*bytes))
			if d := (k*nv + j) * bytes; d%64 == 0 {
				PREFETCHT1(mem(ahead, d))
			}
		}
		for r := range acc {
			m := mem(at, 64*r+4*k)
			if nv == 1 && bytes == 64 {
				VFMADD231PS_BCST(m, b[0], acc[r][0])
				continue
			}
			t := v.reg()
			VBROADCASTSS(m, t)
			for j := range b {
				VFMADD231PS(t, b[j], acc[r][j])
			}
		}
	}
	ADDQ(U32(uint32(4*nv*bytes)), u)
	ADDQ(aheadStep, ahead)
	ADDQ(U8(16), at)
	DECQ(inner)
	JNZ(LabelRef("quad"))
	ADDQ(block, x)
	TESTQ(quads, quads)
	JNZ(LabelRef("block"))
	MOVQ(out, x)
	MOVQ(mem(p, offset(winoMulArgs, "MBlock")), at)
	for j := range nv {
		for r := range acc {
			d := 64 * r
			if bytes == 32 {
				d += 32 * j
			}
			VMOVUPS(acc[r][j], mem(x, d))
		}
		if bytes == 64 && j < nv-1 {
			LEAQ(Mem{Base: x, Index: at, Scale: 4}, x)
		}
	}
	for _, s := range []struct {
		name string
		p    reg.GPVirtual
	}{{"VStep", in}, {"UStep", w}, {"MStep", out}} {
		MOVQ(mem(p, offset(winoMulArgs, s.name)), at)
		LEAQ(Mem{Base: s.p, Index: at, Scale: 4}, s.p)
	}
	DECQ(count)
	JNZ(LabelRef("product"))
	VZEROUPPER()
	RET()
}
