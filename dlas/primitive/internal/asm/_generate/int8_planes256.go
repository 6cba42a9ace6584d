package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
)

// bytePlanes256 quantizes up to four planes of floats into pixels of 4 bytes, 8 pixels at a time.
func bytePlanes256() {
	TEXT("bytePlanes2", NOSPLIT, "func(r *ByteRun)")
	Pragma("noescape")
	Doc("bytePlanes2 quantizes BRow planes of floats, ARow bytes apart, into Quads times 8 pixels of 4 bytes: a loop of ByteRun.")
	p := Load(Param("r"), GP64())
	at := func(f string) Mem { return mem(p, offset(byteRun, f)) }
	as, lo, hi, zero := YMM(), YMM(), YMM(), YMM()
	VBROADCASTSS(at("AScale"), as)
	VBROADCASTSS(at("AZero"), lo)
	VBROADCASTSS(at("BZero"), hi)
	VPBROADCASTD(at("Zero"), zero)
	a, out, n, plane := GP64(), GP64(), GP64(), GP64()
	MOVQ(at("A"), a)
	MOVQ(at("Out"), out)
	MOVQ(at("Quads"), n)
	MOVQ(at("ARow"), plane)
	Label("pixels")
	sum, x, planes := YMM(), GP64(), GP64()
	VPXOR(sum, sum, sum)
	MOVQ(a, x)
	MOVQ(at("BRow"), planes)
	Label("plane")
	v := YMM()
	VMOVUPS(Mem{Base: x}, v)
	VDIVPS(as, v, v)
	VMAXPS(lo, v, v)
	VMINPS(hi, v, v)
	VCVTPS2DQ(v, v)
	VPADDD(zero, v, v)
	// Planes come last first: the sum moves up by a byte for each.
	VPSLLD(U8(8), sum, sum)
	VPOR(v, sum, sum)
	SUBQ(plane, x)
	DECQ(planes)
	JNZ(LabelRef("plane"))
	VMOVDQU(sum, Mem{Base: out})
	ADDQ(U8(32), a)
	ADDQ(U8(32), out)
	DECQ(n)
	JNZ(LabelRef("pixels"))
	VZEROUPPER()
	RET()
}
