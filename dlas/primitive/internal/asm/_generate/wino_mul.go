package main

import (
	"fmt"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

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
