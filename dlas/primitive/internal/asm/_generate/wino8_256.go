package main

import (
	"fmt"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// The loops of wino8.go with 16 registers of 32 bytes: what does not fit goes through memory.
var _ = add("wino8_256", func() {
	wino8Order2 = GLOBL("wino8Order2", RODATA|NOPTR)
	for i, d := range []uint32{0, 4, 1, 5, 2, 6, 3, 7} {
		DATA(4*i, U32(d))
	}
	wino8Inverse = GLOBL("wino8Inverse", RODATA|NOPTR)
	for i := range 8 {
		DATA(4*i, U32(954437177))
	}
	wino8In256("wino8In256", false)
	wino8In256("wino8In256Signed", true)
	wino8Weights256()
	for _, vnni := range []bool{true, false} {
		for rows := 1; rows <= 6; rows++ {
			wino8Mul256(rows, vnni)
		}
	}
	wino8Out256("wino8Out256", false)
	wino8Out256("wino8Out256Res", true)
})

// wino8Order2 is as order2, wino8Inverse that of 9 modulo 2^32.
var wino8Order2, wino8Inverse Mem

func wino8In256(name string, signed bool) {
	TEXT(name, NOSPLIT, "func(a *Wino8In)")
	Pragma("noescape")
	of := "bytes"
	if signed {
		of = "signed bytes"
	}
	Doc(name + " is the loop of Wino8In on " + of + ".")
	p := Load(Param("a"), GP64())
	field := func(name string) reg.GPVirtual { return pointer(p, wino8InArgs, name) }
	in, temp, tiles := field("Map"), field("Temp"), field("Tiles")
	rows := newSix(in, field("Row"))
	pixels := GP64()
	LEAQ(Mem{Base: tiles, Index: tiles, Scale: 1, Disp: 1}, pixels)
	ADDQ(pixels, pixels)
	w := whole{bytes: 32}
	at := GP64()
	MOVQ(temp, at)
	Label("column")
	var x [6]reg.VecVirtual
	for i := range x {
		x[i] = YMM()
		if signed {
			VPMOVSXBW(rows.at(i, 0), x[i])
		} else {
			VPMOVZXBW(rows.at(i, 0), x[i])
		}
	}
	for i, y := range w.forward(x) {
		VMOVDQU(y, mem(at, i*wino8Pitch))
	}
	ADDQ(U8(16), in)
	ADDQ(U8(16), rows.base1)
	ADDQ(U8(32), at)
	DECQ(pixels)
	JNZ(LabelRef("column"))
	out, q := field("Mat"), GP64()
	places := newSix(q, field("Plane"))
	line := GP64()
	LEAQ(Mem{Base: places.stride3, Index: places.stride3, Scale: 1}, line)
	Label("tile")
	MOVQ(out, q)
	for i := range 6 {
		var x [6]reg.VecVirtual
		for c := range x {
			x[c] = YMM()
			VMOVDQU(mem(temp, i*wino8Pitch+32*c), x[c])
		}
		places.reset()
		for j, y := range w.forward(x) {
			VMOVDQU(y, places.at(j, 0))
		}
		if i < 5 {
			ADDQ(line, q)
		}
	}
	SUBQ(I8(-128), temp)
	ADDQ(U8(32), out)
	DECQ(tiles)
	JNZ(LabelRef("tile"))
	VZEROUPPER()
	RET()
}

func wino8Weights256() {
	TEXT("wino8Weights256", NOSPLIT, "func(a *Wino8Weights)")
	Pragma("noescape")
	Doc("wino8Weights256 is the loop of Wino8Weights.")
	p := Load(Param("a"), GP64())
	field := func(name string) reg.GPVirtual { return pointer(p, wino8WeightsArgs, name) }
	in, out, units := field("W"), field("U"), field("Units")
	half := AllocLocal(18 * 32)
	q := GP64()
	places := newSix(q, field("Plane"))
	line := GP64()
	LEAQ(Mem{Base: places.stride3, Index: places.stride3, Scale: 1}, line)
	w := whole{bytes: 32}
	// Six times x is what four times and twice it make.
	six := func(x reg.VecVirtual) reg.VecVirtual {
		t := w.four(x)
		w.add(x, t, t)
		return w.add(x, t, t)
	}
	transform := func(x [3]reg.VecVirtual, store func(i int, y reg.VecVirtual)) {
		store(0, six(x[0]))
		store(5, six(x[2]))
		a := w.add(x[2], x[0])
		store(1, w.add(x[1], a))
		store(2, w.sub(x[1], a, a))
		b, c := w.add(w.four(x[2]), x[0]), w.add(x[1], x[1])
		store(3, w.add(c, b))
		store(4, w.sub(c, b, b))
	}
	ADDQ(units, units) // halves of them
	h := GP64()
	XORQ(h, h)
	Label("unit")
	for c := range 3 {
		var x [3]reg.VecVirtual
		for y := range x {
			x[y] = YMM()
			VPMOVSXBW(mem(in, 96*y+32*c), x[y])
		}
		transform(x, func(i int, y reg.VecVirtual) { VMOVDQU(y, half.Offset(32*(3*i+c))) })
	}
	MOVQ(out, q)
	for i := range 6 {
		places.reset()
		var x [3]reg.VecVirtual
		for c := range x {
			x[c] = YMM()
			VMOVDQU(half.Offset(32*(3*i+c)), x[c])
		}
		transform(x, func(j int, y reg.VecVirtual) { VMOVDQU(y, places.at(j, 0)) })
		if i < 5 {
			ADDQ(line, q)
		}
	}
	ADDQ(U8(16), in)
	ADDQ(U8(32), out)
	XORQ(U8(1), h)
	JNZ(LabelRef("same"))
	ADDQ(U32(288-32), in)
	Label("same")
	DECQ(units)
	JNZ(LabelRef("unit"))
	VZEROUPPER()
	RET()
}

func wino8Mul256(rows int, vnni bool) {
	name := fmt.Sprintf("wino8Pair%d", rows)
	if vnni {
		name = fmt.Sprintf("wino8VNNI%d", rows)
	}
	TEXT(name, NOSPLIT, "func(a *Wino8Mul)")
	Pragma("noescape")
	Doc(fmt.Sprintf("%s is the loop of Wino8Mul for %d rows and one vector.", name, rows))
	p := Load(Param("a"), GP64())
	field := func(name string) reg.GPVirtual { return pointer(p, wino8MulArgs, name) }
	in, w, out, ahead, aheadStep := field("V"), field("U"), field("M"), field("Ahead"), field("AheadStep")
	count, block := field("Count"), field("VBlock")
	Label("product")
	acc := make([][2]reg.VecVirtual, rows)
	for r := range acc {
		for j := range 2 {
			acc[r][j] = YMM()
			VPXOR(acc[r][j], acc[r][j], acc[r][j])
		}
	}
	at, u, blocks := GP64(), GP64(), GP64()
	MOVQ(in, at)
	MOVQ(w, u)
	MOVQ(mem(p, offset(wino8MulArgs, "Blocks")), blocks)
	Label("block")
	PREFETCHT1(mem(ahead, 0))
	PREFETCHT1(mem(ahead, 64))
	for k := range 8 {
		var b [2]reg.VecVirtual
		for j := range b {
			b[j] = YMM()
			VMOVDQU(mem(u, 64*k+32*j), b[j])
		}
		PREFETCHT0(mem(u, 64*k+wino8Ahead))
		for r := range acc {
			x := YMM()
			VPBROADCASTD(mem(at, 32*r+4*k), x)
			if vnni {
				VPDPWSSD(b[0], x, acc[r][0])
				VPDPWSSD(b[1], x, acc[r][1])
				continue
			}
			t := YMM()
			VPMADDWD(b[0], x, t)
			VPADDD(t, acc[r][0], acc[r][0])
			VPMADDWD(b[1], x, x)
			VPADDD(x, acc[r][1], acc[r][1])
		}
	}
	ADDQ(U32(512), u)
	ADDQ(aheadStep, ahead)
	ADDQ(block, at)
	DECQ(blocks)
	JNZ(LabelRef("block"))
	for r := range acc {
		for j := range 2 {
			VMOVDQU(acc[r][j], mem(out, 64*r+32*j))
		}
	}
	ADDQ(mem(p, offset(wino8MulArgs, "VStep")), in)
	ADDQ(mem(p, offset(wino8MulArgs, "UStep")), w)
	ADDQ(mem(p, offset(wino8MulArgs, "MStep")), out)
	DECQ(count)
	JNZ(LabelRef("product"))
	VZEROUPPER()
	RET()
}

func wino8Out256(name string, residual bool) {
	TEXT(name, NOSPLIT, "func(a *Wino8Out)")
	Pragma("noescape")
	with := "without"
	if residual {
		with = "with"
	}
	Doc(name + " is the loop of Wino8Out for whole tiles " + with + " a residual.")
	p := Load(Param("a"), GP64())
	at := func(name string) Mem { return mem(p, offset(wino8OutArgs, name)) }
	field := func(name string) reg.GPVirtual { return pointer(p, wino8OutArgs, name) }
	in, out, post, plane, temp := field("Mat"), field("Map"), field("Post"), field("Plane"), field("Temp")
	ends := func(name string, disp int) Mem { return mem(post, offset(wino8Post, name)+disp) }
	line, pc := GP64(), GP64()
	IMUL3Q(U8(6), plane, line)
	MOVQ(in, pc)
	column := newSix(pc, line)
	var res reg.GPVirtual
	if residual {
		res = field("Res")
	}
	tiles := AllocLocal(8)
	to, from, left := GP64(), GP64(), GP64()
	MOVQ(at("Tiles"), left)
	MOVQ(left, tiles)
	w := whole{bytes: 32, long: true}
	place := func(half, y, c int) Mem { return mem(temp, 32*((4*half+y)*6+c)) }
	Label("tile")
	MOVQ(in, pc)
	for c := range 6 {
		column.reset()
		for half := range 2 {
			var x [6]reg.VecVirtual
			for i := range x {
				x[i] = YMM()
				VMOVDQU(column.at(i, 32*half), x[i])
			}
			for y, h := range w.back(x) {
				VMOVDQU(h, place(half, y, c))
			}
		}
		if c < 5 {
			ADDQ(plane, pc)
		}
	}
	MOVQ(out, to)
	if residual {
		MOVQ(res, from)
	}
	MOVQ(at("Rows"), left)
	shift := []int{0, 1, 2, 2}
	for y := range 4 {
		var v [2][4]reg.VecVirtual
		for half := range v {
			var x [6]reg.VecVirtual
			for c := range x {
				x[c] = YMM()
				VMOVDQU(place(half, y, c), x[c])
			}
			v[half] = w.back(x)
			for i, r := range v[half] {
				s := 64*(shift[y]+shift[i]) + 32*half
				VPMULLD(wino8Inverse, r, r)
				VPADDD(ends("Bias", s), r, r)
				VCVTDQ2PS(r, r)
				VMULPS(ends("Scale", s), r, r)
			}
		}
		if residual {
			first, pack := fmt.Sprintf("first%d", y), fmt.Sprintf("pack%d", y)
			each := func(f func(a, r reg.VecVirtual, of func(string) reg.VecVirtual)) {
				of := func(name string) reg.VecVirtual {
					c := YMM()
					VBROADCASTSS(at(name), c)
					return c
				}
				for half := range v {
					for i, a := range v[half] {
						VMAXPS(of("Least"), a, a)
						VMINPS(of("Most"), a, a)
						VADDPS(of("Rounder"), a, a)
						VSUBPS(of("Unrounder"), a, a)
						r := YMM()
						VPMOVZXBD(mem(from, 16*i+8*half), r)
						VCVTDQ2PS(r, r)
						f(a, r, of)
					}
				}
			}
			CMPL(at("ResFirst"), U8(0))
			JNE(LabelRef(first))
			each(func(a, r reg.VecVirtual, of func(string) reg.VecVirtual) {
				VFMADD213PS(of("Fixed"), of("Other"), r)
				VFMADD132PS(of("Own"), r, a)
			})
			JMP(LabelRef(pack))
			Label(first)
			each(func(a, r reg.VecVirtual, of func(string) reg.VecVirtual) {
				VFMADD213PS(of("Fixed"), of("Own"), a)
				VFMADD231PS(of("Other"), r, a)
			})
			Label(pack)
		}
		for i := range 4 {
			VCVTPS2DQ(v[0][i], v[0][i])
			VCVTPS2DQ(v[1][i], v[1][i])
			VPACKSSDW(v[1][i], v[0][i], v[0][i])
			VPADDSW(ends("Zero", 0), v[0][i], v[0][i])
		}
		for i := 0; i < 4; i += 2 {
			x, order := v[0][i], YMM()
			VPACKUSWB(v[0][i+1], x, x)
			VMOVDQU(wino8Order2, order)
			VPERMD(x, order, x)
			VPMAXUB(ends("Lo", 0), x, x)
			VPMINUB(ends("Hi", 0), x, x)
			VMOVDQU(x, mem(to, 16*i))
		}
		if y < 3 {
			DECQ(left)
			JZ(LabelRef("next"))
			ADDQ(at("Row"), to)
			if residual {
				ADDQ(at("ResRow"), from)
			}
		}
	}
	Label("next")
	ADDQ(U8(64), in)
	ADDQ(U8(64), out)
	if residual {
		ADDQ(U8(64), res)
	}
	DECQ(tiles)
	JNZ(LabelRef("tile"))
	VZEROUPPER()
	RET()
}
