package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// windowPixels is the loop over the rows of a ByteWindow and their pixels, one at a time, of which Quads says how many.
func windowPixels(at func(string) Mem, body func(in, out reg.Register)) {
	in, out, rows := GP64(), GP64(), GP64()
	MOVQ(at("In"), in)
	MOVQ(at("Out"), out)
	MOVQ(at("Rows"), rows)
	Label("line")
	x, y, n := GP64(), GP64(), GP64()
	MOVQ(in, x)
	MOVQ(out, y)
	MOVQ(at("Quads"), n)
	Label("pixel")
	body(x, y)
	ADDQ(at("Pixel"), x)
	ADDQ(U8(16), y)
	DECQ(n)
	JNZ(LabelRef("pixel"))
	ADDQ(at("InRow"), in)
	ADDQ(at("OutRow"), out)
	DECQ(rows)
	JNZ(LabelRef("line"))
	VZEROUPPER()
	RET()
}

// byteWindow256 is a depthwise window: the bytes of two neighbours side by side, made 16-bit numbers, are multiplied and
// added by VPMADDWD, which nothing can overflow.
func byteWindow256() {
	TEXT("byteWindow2", NOSPLIT, "func(w *ByteWindow)")
	Pragma("noescape")
	Doc("byteWindow2 is the loop of ByteWindow on weights of 16 bits, two taps at a time, over Quads pixels a row, without table.")
	p := Load(Param("w"), GP64())
	at := func(f string) Mem { return mem(p, offset(byteWindow, f)) }
	bias, scale := []reg.VecVirtual{YMM(), YMM()}, []reg.VecVirtual{YMM(), YMM()}
	zero, lo, hi := YMM(), XMM(), XMM()
	q := GP64()
	for i := range 2 {
		MOVQ(at("Bias"), q)
		VMOVDQU(mem(q, 32*i), bias[i])
		MOVQ(at("Scale"), q)
		VMOVUPS(mem(q, 32*i), scale[i])
	}
	VPBROADCASTW(at("Zero"), zero)
	VPBROADCASTB(at("Lo"), lo)
	VPBROADCASTB(at("Hi"), hi)
	pairs := GP64()
	MOVQ(at("KW"), pairs)
	INCQ(pairs)
	SHRQ(U8(1), pairs)
	windowPixels(at, func(in, out reg.Register) {
		acc := []reg.VecVirtual{YMM(), YMM()}
		VMOVDQA(bias[0], acc[0])
		VMOVDQA(bias[1], acc[1])
		row, kh, w := GP64(), GP64(), GP64()
		MOVQ(in, row)
		MOVQ(at("KH"), kh)
		MOVQ(at("W"), w)
		Label("kh")
		tap, k := GP64(), GP64()
		MOVQ(row, tap)
		MOVQ(pairs, k)
		Label("kw")
		a, b := XMM(), XMM()
		VMOVDQU(mem(tap, 0), a)
		VPUNPCKHBW(mem(tap, 16), a, b)
		VPUNPCKLBW(mem(tap, 16), a, a)
		for i, x := range []reg.VecVirtual{a, b} {
			y := YMM()
			VPMOVZXBW(x, y)
			VPMADDWD(mem(w, 32*i), y, y)
			VPADDD(y, acc[i], acc[i])
		}
		ADDQ(U8(32), tap)
		ADDQ(U8(64), w)
		DECQ(k)
		JNZ(LabelRef("kw"))
		ADDQ(at("RowStep"), row)
		DECQ(kh)
		JNZ(LabelRef("kh"))
		for i, v := range acc {
			VCVTDQ2PS(v, v)
			VMULPS(scale[i], v, v)
			VCVTPS2DQ(v, v)
		}
		v, high := acc[0], XMM()
		VPACKSSDW(acc[1], v, v)
		VPERMQ(U8(0xd8), v, v)
		VPADDSW(zero, v, v)
		VEXTRACTI128(U8(1), v, high)
		VPACKUSWB(high, v.AsX(), v.AsX())
		VPMAXUB(lo, v.AsX(), v.AsX())
		VPMINUB(hi, v.AsX(), v.AsX())
		VMOVDQU(v.AsX(), Mem{Base: out})
	})
}

func byteMax256() {
	TEXT("byteMax2", NOSPLIT, "func(w *ByteWindow)")
	Pragma("noescape")
	Doc("byteMax2 is the maximum over each window of ByteWindow, over Quads pixels a row.")
	p := Load(Param("w"), GP64())
	at := func(f string) Mem { return mem(p, offset(byteWindow, f)) }
	windowPixels(at, func(in, out reg.Register) {
		acc := XMM()
		VPXOR(acc, acc, acc)
		row, kh := GP64(), GP64()
		MOVQ(in, row)
		MOVQ(at("KH"), kh)
		Label("kh")
		tap, kw := GP64(), GP64()
		MOVQ(row, tap)
		MOVQ(at("KW"), kw)
		Label("kw")
		VPMAXUB(Mem{Base: tap}, acc, acc)
		ADDQ(at("TapStep"), tap)
		DECQ(kw)
		JNZ(LabelRef("kw"))
		ADDQ(at("RowStep"), row)
		DECQ(kh)
		JNZ(LabelRef("kh"))
		VMOVDQU(acc, Mem{Base: out})
	})
}
