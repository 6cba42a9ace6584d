package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// byteRuns are the element-wise loops. A quad is 64 bytes: 4 pixels of 16 channels.
func byteRuns() {
	wide := func(m Mem, v reg.VecVirtual) {
		VPMOVZXBD(m, v)
		VCVTDQ2PS(v, v)
	}
	byteRunLoop("byteAdd", "adds two runs", func(at func(string) Mem) (func(a, b Mem) reg.VecVirtual, bool) {
		fixed, as, bs := ZMM(), ZMM(), ZMM()
		VBROADCASTSS(at("AZero"), fixed)
		VBROADCASTSS(at("AScale"), as)
		VBROADCASTSS(at("BScale"), bs)
		return func(a, b Mem) reg.VecVirtual {
			x, y := ZMM(), ZMM()
			wide(a, x)
			wide(b, y)
			VFMADD213PS(fixed, bs, y)
			VFMADD213PS(y, as, x)
			return x
		}, true
	})
	byteRunLoop("byteMul", "multiplies two runs", func(at func(string) Mem) (func(a, b Mem) reg.VecVirtual, bool) {
		az, bz, as, zero := ZMM(), ZMM(), ZMM(), ZMM()
		VBROADCASTSS(at("AZero"), az)
		VBROADCASTSS(at("BZero"), bz)
		VBROADCASTSS(at("AScale"), as)
		VBROADCASTSS(at("BScale"), zero)
		return func(a, b Mem) reg.VecVirtual {
			x, y := ZMM(), ZMM()
			wide(a, x)
			wide(b, y)
			VSUBPS(az, x, x)
			VSUBPS(bz, y, y)
			VMULPS(y, x, x)
			VMULPS(as, x, x)
			VADDPS(zero, x, x)
			return x
		}, true
	})
	byteRunLoop("byteMulOne", "multiplies a run by one pixel", func(at func(string) Mem) (func(a, b Mem) reg.VecVirtual, bool) {
		az, bz, as, zero, y := ZMM(), ZMM(), ZMM(), ZMM(), ZMM()
		VBROADCASTSS(at("AZero"), az)
		VBROADCASTSS(at("BZero"), bz)
		VBROADCASTSS(at("AScale"), as)
		VBROADCASTSS(at("BScale"), zero)
		q := GP64()
		MOVQ(at("B"), q)
		wide(mem(q, 0), y)
		VSUBPS(bz, y, y)
		return func(a, _ Mem) reg.VecVirtual {
			x := ZMM()
			wide(a, x)
			VSUBPS(az, x, x)
			VMULPS(y, x, x)
			VMULPS(as, x, x)
			VADDPS(zero, x, x)
			return x
		}, false
	})
	byteRunLoop("byteAffine", "multiplies and adds by channel", func(at func(string) Mem) (func(a, b Mem) reg.VecVirtual, bool) {
		az, mul, sum := ZMM(), ZMM(), ZMM()
		VBROADCASTSS(at("AZero"), az)
		q := GP64()
		MOVQ(at("Mul"), q)
		VMOVUPS(mem(q, 0), mul)
		MOVQ(at("Add"), q)
		VMOVUPS(mem(q, 0), sum)
		return func(a, _ Mem) reg.VecVirtual {
			x := ZMM()
			wide(a, x)
			VSUBPS(az, x, x)
			VMULPS(mul, x, x)
			VADDPS(sum, x, x)
			return x
		}, false
	})
	byteRunLoop("byteQuantize", "divides floats by AScale", func(at func(string) Mem) (func(a, b Mem) reg.VecVirtual, bool) {
		as, lo, hi := ZMM(), ZMM(), ZMM()
		VBROADCASTSS(at("AScale"), as)
		VBROADCASTSS(at("AZero"), lo)
		VBROADCASTSS(at("BZero"), hi)
		return func(a, _ Mem) reg.VecVirtual {
			x := ZMM()
			VMOVUPS(a, x)
			VDIVPS(as, x, x)
			VMAXPS(lo, x, x)
			VMINPS(hi, x, x)
			return x
		}, false
	})
	byteLookUp()
	byteFloat()
	byteSum()
	bytePlanes()
}

// byteRunLoop makes quads of 4 float vectors into bytes. The floats that quantize reads are 4 times as many bytes.
func byteRunLoop(name, doc string, prepare func(at func(string) Mem) (func(a, b Mem) reg.VecVirtual, bool)) {
	TEXT(name, NOSPLIT, "func(r *ByteRun)")
	Pragma("noescape")
	Doc(name + " " + doc + ": a loop of ByteRun.")
	p := Load(Param("r"), GP64())
	at := func(f string) Mem { return mem(p, offset(byteRun, f)) }
	zero, lo, hi, order := ZMM(), ZMM(), ZMM(), ZMM()
	VPBROADCASTW(at("Zero"), zero)
	VPBROADCASTB(at("Lo"), lo)
	VPBROADCASTB(at("Hi"), hi)
	VMOVDQU32(order4, order)
	value, both := prepare(at)
	size := 16
	if name == "byteQuantize" {
		size = 64
	}
	a, b, out, rows := GP64(), GP64(), GP64(), GP64()
	MOVQ(at("A"), a)
	MOVQ(at("B"), b)
	MOVQ(at("Out"), out)
	MOVQ(at("Rows"), rows)
	Label("line")
	x, y, z, n := GP64(), GP64(), GP64(), GP64()
	MOVQ(a, x)
	MOVQ(b, y)
	MOVQ(out, z)
	MOVQ(at("Quads"), n)
	TESTQ(n, n)
	JZ(LabelRef("tail"))
	Label("quad")
	var acc []reg.VecVirtual
	for i := range 4 {
		acc = append(acc, value(mem(x, size*i), mem(y, 16*i)))
	}
	for _, v := range acc {
		VCVTPS2DQ(v, v)
	}
	packQuad(acc, zero, lo, hi, order)
	VMOVDQU32(acc[0], Mem{Base: z})
	ADDQ(U32(uint32(4*size)), x)
	if both {
		ADDQ(U32(64), y)
	}
	ADDQ(U32(64), z)
	DECQ(n)
	JNZ(LabelRef("quad"))
	Label("tail")
	MOVQ(at("Tail"), n)
	TESTQ(n, n)
	JZ(LabelRef("next"))
	Label("pixel")
	one := value(mem(x, 0), mem(y, 0))
	VCVTPS2DQ(one, one)
	VPACKSSDW(one, one, one)
	VPADDSW(zero, one, one)
	VPACKUSWB(one, one, one)
	VPERMD(one, order, one)
	VPMAXUB(lo, one, one)
	VPMINUB(hi, one, one)
	VMOVDQU32(one.AsX(), Mem{Base: z})
	ADDQ(U32(uint32(size)), x)
	if both {
		ADDQ(U32(16), y)
	}
	ADDQ(U32(16), z)
	DECQ(n)
	JNZ(LabelRef("pixel"))
	Label("next")
	ADDQ(at("ARow"), a)
	if both {
		ADDQ(at("BRow"), b)
	}
	ADDQ(at("OutRow"), out)
	DECQ(rows)
	JNZ(LabelRef("line"))
	VZEROUPPER()
	RET()
}

func byteLookUp() {
	TEXT("byteLookUp", NOSPLIT, "func(r *ByteRun)")
	Pragma("noescape")
	Doc("byteLookUp replaces bytes by entries of Table: a loop of ByteRun.")
	p := Load(Param("r"), GP64())
	at := func(f string) Mem { return mem(p, offset(byteRun, f)) }
	table := GP64()
	MOVQ(at("Table"), table)
	t := byteTable(table)
	a, out, rows := GP64(), GP64(), GP64()
	MOVQ(at("A"), a)
	MOVQ(at("Out"), out)
	MOVQ(at("Rows"), rows)
	Label("line")
	x, z, n := GP64(), GP64(), GP64()
	MOVQ(a, x)
	MOVQ(out, z)
	MOVQ(at("Quads"), n)
	TESTQ(n, n)
	JZ(LabelRef("tail"))
	Label("quad")
	v := ZMM()
	VMOVDQU32(Mem{Base: x}, v)
	lookUp(t, v)
	VMOVDQU32(v, Mem{Base: z})
	ADDQ(U32(64), x)
	ADDQ(U32(64), z)
	DECQ(n)
	JNZ(LabelRef("quad"))
	Label("tail")
	MOVQ(at("Tail"), n)
	TESTQ(n, n)
	JZ(LabelRef("next"))
	Label("pixel")
	u := ZMM()
	VMOVDQU32(Mem{Base: x}, u.AsX())
	lookUp(t, u)
	VMOVDQU32(u.AsX(), Mem{Base: z})
	ADDQ(U32(16), x)
	ADDQ(U32(16), z)
	DECQ(n)
	JNZ(LabelRef("pixel"))
	Label("next")
	ADDQ(at("ARow"), a)
	ADDQ(at("OutRow"), out)
	DECQ(rows)
	JNZ(LabelRef("line"))
	VZEROUPPER()
	RET()
}

func byteFloat() {
	TEXT("byteFloat", NOSPLIT, "func(r *ByteRun)")
	Pragma("noescape")
	Doc("byteFloat turns bytes into floats: (A - AZero) * AScale, a loop of ByteRun over Tail pixels a row.")
	p := Load(Param("r"), GP64())
	at := func(f string) Mem { return mem(p, offset(byteRun, f)) }
	az, as := ZMM(), ZMM()
	VBROADCASTSS(at("AZero"), az)
	VBROADCASTSS(at("AScale"), as)
	a, out, rows := GP64(), GP64(), GP64()
	MOVQ(at("A"), a)
	MOVQ(at("Out"), out)
	MOVQ(at("Rows"), rows)
	Label("line")
	x, z, n := GP64(), GP64(), GP64()
	MOVQ(a, x)
	MOVQ(out, z)
	MOVQ(at("Tail"), n)
	Label("pixel")
	v := ZMM()
	VPMOVZXBD(Mem{Base: x}, v)
	VCVTDQ2PS(v, v)
	VSUBPS(az, v, v)
	VMULPS(as, v, v)
	VMOVUPS(v, Mem{Base: z})
	ADDQ(U32(16), x)
	ADDQ(U32(64), z)
	DECQ(n)
	JNZ(LabelRef("pixel"))
	ADDQ(at("ARow"), a)
	ADDQ(at("OutRow"), out)
	DECQ(rows)
	JNZ(LabelRef("line"))
	VZEROUPPER()
	RET()
}

func byteSum() {
	TEXT("byteSum", NOSPLIT, "func(r *ByteRun)")
	Pragma("noescape")
	Doc("byteSum sums the Tail pixels of each row by channel into 16 int32: a loop of ByteRun.")
	p := Load(Param("r"), GP64())
	at := func(f string) Mem { return mem(p, offset(byteRun, f)) }
	a, out, rows := GP64(), GP64(), GP64()
	MOVQ(at("A"), a)
	MOVQ(at("Out"), out)
	MOVQ(at("Rows"), rows)
	sum := ZMM()
	VPXORD(sum, sum, sum)
	Label("line")
	x, n := GP64(), GP64()
	MOVQ(a, x)
	MOVQ(at("Tail"), n)
	Label("pixel")
	v := ZMM()
	VPMOVZXBD(Mem{Base: x}, v)
	VPADDD(v, sum, sum)
	ADDQ(U32(16), x)
	DECQ(n)
	JNZ(LabelRef("pixel"))
	ADDQ(at("ARow"), a)
	DECQ(rows)
	JNZ(LabelRef("line"))
	VMOVDQU32(sum, Mem{Base: out})
	VZEROUPPER()
	RET()
}

// bytePlanes quantizes up to four planes of floats into pixels of 4 bytes. Tail is the number of pixels, ARow and BRow
// the bytes from one plane to the next and the number of planes.
func bytePlanes() {
	TEXT("bytePlanes", NOSPLIT, "func(r *ByteRun)")
	Pragma("noescape")
	Doc("bytePlanes quantizes BRow planes of floats, ARow bytes apart, into Tail pixels of 4 bytes: a loop of ByteRun.")
	p := Load(Param("r"), GP64())
	at := func(f string) Mem { return mem(p, offset(byteRun, f)) }
	as, lo, hi, zero := ZMM(), ZMM(), ZMM(), ZMM()
	VBROADCASTSS(at("AScale"), as)
	VBROADCASTSS(at("AZero"), lo)
	VBROADCASTSS(at("BZero"), hi)
	VPBROADCASTD(at("Zero"), zero)
	a, out, n, plane := GP64(), GP64(), GP64(), GP64()
	MOVQ(at("A"), a)
	MOVQ(at("Out"), out)
	MOVQ(at("Tail"), n)
	MOVQ(at("ARow"), plane)
	all := GP32()
	MOVL(U32(0xffff), all)
	KMOVW(all, reg.K1)
	Label("pixels")
	CMPQ(n, U32(16))
	JGE(LabelRef("whole"))
	// The mask of the last n pixels.
	k := GP64()
	MOVQ(U32(1), k)
	{
		c := reg.RCX
		MOVQ(n, c)
		SHLQ(reg.CL, k)
	}
	DECQ(k)
	KMOVW(k.As32(), reg.K1)
	Label("whole")
	sum, x, planes := ZMM(), GP64(), GP64()
	VPXORD(sum, sum, sum)
	MOVQ(a, x)
	MOVQ(at("BRow"), planes)
	Label("plane")
	v := ZMM()
	VMOVUPS_Z(Mem{Base: x}, reg.K1, v)
	VDIVPS(as, v, v)
	VMAXPS(lo, v, v)
	VMINPS(hi, v, v)
	VCVTPS2DQ(v, v)
	VPADDD(zero, v, v)
	// Planes come last first: the sum moves up by a byte for each.
	VPSLLD(U8(8), sum, sum)
	VPORD(v, sum, sum)
	SUBQ(plane, x)
	DECQ(planes)
	JNZ(LabelRef("plane"))
	VMOVDQU32(sum, reg.K1, Mem{Base: out})
	ADDQ(U32(64), a)
	ADDQ(U32(64), out)
	SUBQ(U32(16), n)
	JG(LabelRef("pixels"))
	VZEROUPPER()
	RET()
}
