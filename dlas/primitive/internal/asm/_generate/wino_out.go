package main

import (
	"fmt"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

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
