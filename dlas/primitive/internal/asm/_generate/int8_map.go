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
