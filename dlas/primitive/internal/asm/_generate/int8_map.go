package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// byteWindow is asm.ByteWindow, byteRun asm.ByteRun.
var byteWindow = []field{
	{"In", word},
	{"W", word},
	{"Bias", word},
	{"Scale", word},
	{"Out", word},
	{"Table", word},
	{"KH", word},
	{"KW", word},
	{"RowStep", word},
	{"TapStep", word},
	{"Pixel", word},
	{"Rows", word},
	{"InRow", word},
	{"OutRow", word},
	{"Quads", word},
	{"LastIn", word},
	{"LastOut", word},
	{"Mask", float},
	{"Zero", float},
	{"Lo", float},
	{"Hi", float},
}

var byteRun = []field{
	{"A", word},
	{"B", word},
	{"Out", word},
	{"Mul", word},
	{"Add", word},
	{"Table", word},
	{"Rows", word},
	{"ARow", word},
	{"BRow", word},
	{"OutRow", word},
	{"Quads", word},
	{"Tail", word},
	{"AZero", float},
	{"BZero", float},
	{"AScale", float},
	{"BScale", float},
	{"Zero", float},
	{"Lo", float},
	{"Hi", float},
}

func byteWindows() {
	byteWindow512("byteWindow4", 1, false)
	byteWindow512("byteWindow8", 2, false)
	byteWindow512("byteWindowPair", 1, true)
	byteMax512()
}

// windowRows is the loop over rows and quads of pixels: body is given the pointers of a quad, and a call of it is emitted
// for the quads but the last and one for the last, whose pixels K1 selects.
func windowRows(at func(string) Mem, body func(in, out reg.Register, label string)) {
	in, out, rows := GP64(), GP64(), GP64()
	MOVQ(at("In"), in)
	MOVQ(at("Out"), out)
	MOVQ(at("Rows"), rows)
	k := GP32()
	MOVL(at("Mask"), k)
	KMOVW(k, reg.K1)
	kFull := GP32()
	MOVL(U32(0xffff), kFull)
	KMOVW(kFull, reg.K3)
	Label("line")
	x, y, quads, pixel := GP64(), GP64(), GP64(), GP64()
	MOVQ(in, x)
	MOVQ(out, y)
	MOVQ(at("Quads"), quads)
	MOVQ(at("Pixel"), pixel)
	// One body, whose mask is all pixels until the last quad.
	KMOVW(reg.K3, reg.K4)
	Label("quad")
	DECQ(quads)
	JNZ(LabelRef("whole"))
	ADDQ(at("LastIn"), x)
	ADDQ(at("LastOut"), y)
	KMOVW(reg.K1, reg.K4)
	Label("whole")
	body(x, y, "")
	LEAQ(Mem{Base: x, Index: pixel, Scale: 4}, x)
	ADDQ(U8(64), y)
	TESTQ(quads, quads)
	JNZ(LabelRef("quad"))
	ADDQ(at("InRow"), in)
	ADDQ(at("OutRow"), out)
	DECQ(rows)
	JNZ(LabelRef("line"))
	VZEROUPPER()
	RET()
}

// byteWindow512 is a depthwise window of up to 4 or 8 taps a row: the bytes of 4 neighbours are gathered by channel, so
// that one VPDPBUSD takes 4 taps of 16 channels. With pair two neighbouring outputs share a gathering, the second's
// weights being one byte further (3 taps, stride 1).
func byteWindow512(name string, chunks int, pair bool) {
	TEXT(name, NOSPLIT, "func(w *ByteWindow)")
	Pragma("noescape")
	Doc(name + " is the loop of ByteWindow; see there for its weights.")
	p := Load(Param("w"), GP64())
	at := func(f string) Mem { return mem(p, offset(byteWindow, f)) }
	bias, scale, zero, lo, hi, order, taps := ZMM(), ZMM(), ZMM(), ZMM(), ZMM(), ZMM(), ZMM()
	q := GP64()
	MOVQ(at("Bias"), q)
	VMOVDQU32(mem(q, 0), bias)
	MOVQ(at("Scale"), q)
	VMOVDQU32(mem(q, 0), scale)
	VPBROADCASTW(at("Zero"), zero)
	VPBROADCASTB(at("Lo"), lo)
	VPBROADCASTB(at("Hi"), hi)
	VMOVDQU32(order4, order)
	VMOVDQU32(taps4, taps)
	table := GP64()
	MOVQ(at("Table"), table)
	t := []reg.VecVirtual{ZMM(), ZMM(), ZMM(), ZMM()}
	for i := range t {
		VPXORD(t[i], t[i], t[i])
	}
	TESTQ(table, table)
	JZ(LabelRef("begin"))
	for i := range t {
		VMOVDQU32(mem(table, 64*i), t[i])
	}
	Label("begin")
	windowRows(at, func(in, out reg.Register, _ string) {
		acc := []reg.VecVirtual{ZMM(), ZMM(), ZMM(), ZMM()}
		for _, a := range acc {
			VMOVDQA32(bias, a)
		}
		row, kh, w, step, step3 := GP64(), GP64(), GP64(), GP64(), GP64()
		MOVQ(in, row)
		MOVQ(at("KH"), kh)
		MOVQ(at("W"), w)
		MOVQ(at("Pixel"), step)
		LEAQ(Mem{Base: step, Index: step, Scale: 2}, step3)
		Label("kh")
		if pair {
			w0, w1, x := ZMM(), ZMM(), ZMM()
			VMOVDQU32(mem(w, 0), w0)
			VMOVDQU32(mem(w, 64), w1)
			for i := 0; i < 4; i += 2 {
				VPERMB(mem(row, 16*i), taps, x)
				VPDPBUSD(w0, x, acc[i])
				VPDPBUSD(w1, x, acc[i+1])
			}
			ADDQ(U32(128), w)
		} else {
			for c := range chunks {
				wz := ZMM()
				VMOVDQU32(mem(w, 64*c), wz)
				for i := range 4 {
					x := ZMM()
					m := mem(row, 64*c)
					switch i {
					case 1:
						m.Index, m.Scale = step, 1
					case 2:
						m.Index, m.Scale = step, 2
					case 3:
						m.Index, m.Scale = step3, 1
					}
					VPERMB(m, taps, x)
					VPDPBUSD(wz, x, acc[i])
				}
			}
			ADDQ(U32(uint32(64*chunks)), w)
		}
		ADDQ(at("RowStep"), row)
		DECQ(kh)
		JNZ(LabelRef("kh"))
		for _, a := range acc {
			VCVTDQ2PS(a, a)
			VMULPS(scale, a, a)
			VCVTPS2DQ(a, a)
		}
		packQuad(acc, zero, lo, hi, order)
		TESTQ(table, table)
		JZ(LabelRef("store"))
		lookUp(t, acc[0])
		Label("store")
		VMOVDQU32(acc[0], reg.K4, Mem{Base: out})
	})
}

// packQuad packs four pixels of 16 numbers into acc[0].
func packQuad(acc []reg.VecVirtual, zero, lo, hi, order reg.VecVirtual) {
	VPACKSSDW(acc[1], acc[0], acc[0])
	VPACKSSDW(acc[3], acc[2], acc[2])
	VPADDSW(zero, acc[0], acc[0])
	VPADDSW(zero, acc[2], acc[2])
	VPACKUSWB(acc[2], acc[0], acc[0])
	VPERMD(acc[0], order, acc[0])
	VPMAXUB(lo, acc[0], acc[0])
	VPMINUB(hi, acc[0], acc[0])
}

func byteMax512() {
	TEXT("byteMax", NOSPLIT, "func(w *ByteWindow)")
	Pragma("noescape")
	Doc("byteMax is the maximum over each window of ByteWindow.")
	p := Load(Param("w"), GP64())
	at := func(f string) Mem { return mem(p, offset(byteWindow, f)) }
	windowRows(at, func(in, out reg.Register, _ string) {
		acc := []reg.VecVirtual{XMM(), XMM(), XMM(), XMM()}
		for _, a := range acc {
			VPXOR(a, a, a)
		}
		row, kh, step, step3 := GP64(), GP64(), GP64(), GP64()
		MOVQ(in, row)
		MOVQ(at("KH"), kh)
		MOVQ(at("Pixel"), step)
		LEAQ(Mem{Base: step, Index: step, Scale: 2}, step3)
		Label("kh")
		tap, kw := GP64(), GP64()
		MOVQ(row, tap)
		MOVQ(at("KW"), kw)
		Label("kw")
		VPMAXUB(Mem{Base: tap}, acc[0], acc[0])
		VPMAXUB(Mem{Base: tap, Index: step, Scale: 1}, acc[1], acc[1])
		VPMAXUB(Mem{Base: tap, Index: step, Scale: 2}, acc[2], acc[2])
		VPMAXUB(Mem{Base: tap, Index: step3, Scale: 1}, acc[3], acc[3])
		ADDQ(at("TapStep"), tap)
		DECQ(kw)
		JNZ(LabelRef("kw"))
		ADDQ(at("RowStep"), row)
		DECQ(kh)
		JNZ(LabelRef("kh"))
		z := ZMM()
		VINSERTI128(U8(1), acc[1], acc[0].AsY(), acc[0].AsY())
		VINSERTI128(U8(1), acc[3], acc[2].AsY(), acc[2].AsY())
		VINSERTI64X4(U8(1), acc[2].AsY(), acc[0].AsZ(), z)
		VMOVDQU32(z, reg.K4, Mem{Base: out})
	})
}

// byteRuns are the element-wise loops. A quad is 64 bytes: 4 pixels of 16 channels.
func byteRuns() {
	wide := func(m Mem, v reg.VecVirtual) {
		VPMOVZXBD(m, v)
		VCVTDQ2PS(v, v)
	}
	byteRunLoop("byteAdd", "adds two runs", func(at func(string) Mem) (func(a, b Mem) reg.VecVirtual, bool) {
		az, bz, as, bs := ZMM(), ZMM(), ZMM(), ZMM()
		VBROADCASTSS(at("AZero"), az)
		VBROADCASTSS(at("BZero"), bz)
		VBROADCASTSS(at("AScale"), as)
		VBROADCASTSS(at("BScale"), bs)
		return func(a, b Mem) reg.VecVirtual {
			x, y := ZMM(), ZMM()
			wide(a, x)
			wide(b, y)
			VSUBPS(az, x, x)
			VSUBPS(bz, y, y)
			VMULPS(as, x, x)
			VMULPS(bs, y, y)
			VADDPS(y, x, x)
			return x
		}, true
	})
	byteRunLoop("byteMul", "multiplies two runs", func(at func(string) Mem) (func(a, b Mem) reg.VecVirtual, bool) {
		az, bz, as := ZMM(), ZMM(), ZMM()
		VBROADCASTSS(at("AZero"), az)
		VBROADCASTSS(at("BZero"), bz)
		VBROADCASTSS(at("AScale"), as)
		return func(a, b Mem) reg.VecVirtual {
			x, y := ZMM(), ZMM()
			wide(a, x)
			wide(b, y)
			VSUBPS(az, x, x)
			VSUBPS(bz, y, y)
			VMULPS(y, x, x)
			VMULPS(as, x, x)
			return x
		}, true
	})
	byteRunLoop("byteMulOne", "multiplies a run by one pixel", func(at func(string) Mem) (func(a, b Mem) reg.VecVirtual, bool) {
		az, bz, as, y := ZMM(), ZMM(), ZMM(), ZMM()
		VBROADCASTSS(at("AZero"), az)
		VBROADCASTSS(at("BZero"), bz)
		VBROADCASTSS(at("AScale"), as)
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
