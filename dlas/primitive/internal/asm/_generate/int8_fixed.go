package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// byteFixed is asm.ByteFixed.
var byteFixed = []field{
	{"Sums", word},
	{"A", word},
	{"B", word},
	{"TableA", word},
	{"TableB", word},
	{"Point", word},
	{"Out", word},
	{"Pixels", word},
	{"Zero", float},
	{"Lo", float},
	{"Hi", float},
}

// Where the parts of ByteFixed.Point begin, in bytes.
const (
	pointAbove = 128
	pointBelow = 256
)

// byteFixed512 is the loop of ByteFixed: eight sums at a time are doubles, and the one addition rounds down.
func byteFixed512(name string, sum bool) {
	TEXT(name, NOSPLIT, "func(f *ByteFixed)")
	Pragma("noescape")
	Doc(name + " is the loop of ByteFixed.")
	p := Load(Param("f"), GP64())
	at := func(f string) Mem { return mem(p, offset(byteFixed, f)) }
	point, out, n := GP64(), GP64(), GP64()
	MOVQ(at("Point"), point)
	MOVQ(at("Out"), out)
	MOVQ(at("Pixels"), n)
	var factor, above, below [2]reg.VecVirtual
	for h := range 2 {
		factor[h], above[h], below[h] = ZMM(), ZMM(), ZMM()
		VMOVUPD(mem(point, 64*h), factor[h])
		VMOVUPD(mem(point, pointAbove+64*h), above[h])
		VMOVUPD(mem(point, pointBelow+64*h), below[h])
	}
	zero, lo, hi := ZMM(), ZMM(), ZMM()
	VPBROADCASTD(at("Zero"), zero)
	VPBROADCASTD(at("Lo"), lo)
	VPBROADCASTD(at("Hi"), hi)
	sums, a, b, tableA, tableB := GP64(), GP64(), GP64(), GP64(), GP64()
	if sum {
		MOVQ(at("A"), a)
		MOVQ(at("B"), b)
		MOVQ(at("TableA"), tableA)
		MOVQ(at("TableB"), tableB)
	} else {
		MOVQ(at("Sums"), sums)
	}
	Label("pixel")
	x, high := ZMM(), ZMM()
	if sum {
		for i, s := range []struct {
			from, table reg.GPVirtual
		}{{a, tableA}, {b, tableB}} {
			index, part := ZMM(), ZMM()
			VPMOVZXBD(mem(s.from, 0), index)
			KXNORW(reg.K1, reg.K1, reg.K1)
			VPGATHERDD(Mem{Base: s.table, Index: index, Scale: 4}, reg.K1, part)
			if i == 0 {
				VMOVDQA32(part, x)
			} else {
				VPADDD(part, x, x)
			}
			ADDQ(U8(16), s.from)
		}
	} else {
		VMOVDQU32(mem(sums, 0), x)
		ADDQ(U8(64), sums)
	}
	VPMOVD2M(x, reg.K1)
	KSHIFTRW(U8(8), reg.K1, reg.K2)
	VEXTRACTI32X8(U8(1), x, high.AsY())
	VCVTDQ2PD(high.AsY(), high)
	VCVTDQ2PD(x.AsY(), x)
	for h, v := range []reg.VecVirtual{x, high} {
		c := ZMM()
		VBLENDMPD(below[h], above[h], []reg.OpmaskPhysical{reg.K1, reg.K2}[h], c)
		VFMADD213PD_RD_SAE(c, factor[h], v)
		VCVTPD2DQ_RD_SAE(v, v.AsY())
	}
	VINSERTI32X8(U8(1), high.AsY(), x, x)
	VPADDD(zero, x, x)
	VPMAXSD(lo, x, x)
	VPMINSD(hi, x, x)
	VPMOVDB(x, mem(out, 0))
	ADDQ(U8(16), out)
	DECQ(n)
	JNZ(LabelRef("pixel"))
	VZEROUPPER()
	RET()
}

// byteFixed256 is the same for AVX2, whose additions round to the nearest: where that made a sum an integer that is a little
// more, what is left of the sum without it tells.
func byteFixed256(name string, sum bool) {
	TEXT(name, NOSPLIT, "func(f *ByteFixed)")
	Pragma("noescape")
	Doc(name + " is the loop of ByteFixed.")
	p := Load(Param("f"), GP64())
	at := func(f string) Mem { return mem(p, offset(byteFixed, f)) }
	point, out, n := GP64(), GP64(), GP64()
	MOVQ(at("Point"), point)
	MOVQ(at("Out"), out)
	MOVQ(at("Pixels"), n)
	zero, lo, hi := XMM(), XMM(), XMM()
	VPBROADCASTD(at("Zero"), zero)
	VPBROADCASTD(at("Lo"), lo)
	VPBROADCASTD(at("Hi"), hi)
	one, nothing := YMM(), YMM()
	VPCMPEQD(one, one, one)
	VPSRLQ(U8(54), one, one)
	VPSLLQ(U8(52), one, one)
	VPXOR(nothing, nothing, nothing)
	sums, a, b, tableA, tableB := GP64(), GP64(), GP64(), GP64(), GP64()
	if sum {
		MOVQ(at("A"), a)
		MOVQ(at("B"), b)
		MOVQ(at("TableA"), tableA)
		MOVQ(at("TableB"), tableB)
	} else {
		MOVQ(at("Sums"), sums)
	}
	Label("pixel")
	var quarter [4]reg.VecVirtual
	x, c, parts, index, all := YMM(), YMM(), []reg.VecVirtual{XMM(), XMM()}, XMM(), XMM()
	for q := range quarter {
		y := YMM()
		quarter[q] = y
		if sum {
			for i, part := range parts {
				VPMOVZXBD(mem([]reg.GPVirtual{a, b}[i], 4*q), index)
				VPCMPEQD(all, all, all)
				VPGATHERDD(all, Mem{Base: []reg.GPVirtual{tableA, tableB}[i], Index: index, Scale: 4}, part)
			}
			VPADDD(parts[0], parts[1], parts[1])
			VCVTDQ2PD(parts[1], x)
		} else {
			VCVTDQ2PD(mem(sums, 16*q), x)
		}
		VMOVUPD(mem(point, pointAbove+32*q), c)
		VBLENDVPD(x, mem(point, pointBelow+32*q), c, c)
		VMOVAPD(x, y)
		VFMADD132PD(mem(point, 32*q), c, y)
		VROUNDPD(U8(1), y, y)
		VSUBPD(y, c, c)
		VFMADD231PD(mem(point, 32*q), x, c)
		VCMPPD(U8(1), nothing, c, c)
		VANDPD(one, c, c)
		VSUBPD(c, y, y)
		VCVTPD2DQY(y, y.AsX())
		VPADDD(zero, y.AsX(), y.AsX())
		VPMAXSD(lo, y.AsX(), y.AsX())
		VPMINSD(hi, y.AsX(), y.AsX())
	}
	VPACKUSDW(quarter[1].AsX(), quarter[0].AsX(), quarter[0].AsX())
	VPACKUSDW(quarter[3].AsX(), quarter[2].AsX(), quarter[2].AsX())
	VPACKUSWB(quarter[2].AsX(), quarter[0].AsX(), quarter[0].AsX())
	VMOVDQU(quarter[0].AsX(), mem(out, 0))
	if sum {
		ADDQ(U8(16), a)
		ADDQ(U8(16), b)
	} else {
		ADDQ(U8(64), sums)
	}
	ADDQ(U8(16), out)
	DECQ(n)
	JNZ(LabelRef("pixel"))
	VZEROUPPER()
	RET()
}
