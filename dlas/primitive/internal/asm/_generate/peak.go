package main

import (
	. "github.com/mmcloughlin/avo/build"
	"github.com/mmcloughlin/avo/ir"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// Loops that do nothing but what a processor does most of.
var _ = add("peak", func() {
	peakLoop("peakFMA512", "multiplies and adds 16 floats in each of 16 registers", 16, ZMM, func(a, x, y reg.VecVirtual, _ int) { VFMADD231PS(x, y, a) })
	peakLoop("peakFMA256", "multiplies and adds 8 floats in each of 12 registers", 12, YMM, func(a, x, y reg.VecVirtual, _ int) { VFMADD231PS(x, y, a) })
	peakLoop("peakDot512", "adds the products of 64 pairs of bytes in each of 16 registers", 16, ZMM, func(a, x, y reg.VecVirtual, _ int) { VPDPBUSD(x, y, a) })
	peakLoop("peakDot256", "adds the products of 32 pairs of bytes in each of 12 registers (AVX-VNNI)", 12, YMM, func(_, _, _ reg.VecVirtual, i int) {
		// VPDPBUSD Y14, Y15, Yi as AVX-VNNI encodes it, which the assembler does not know.
		for _, b := range []int{0xc4, 0x42 | 0x80*(1-i/8), 0x05, 0x50, 0xc0 | i%8<<3 | 6} {
			Instruction(&ir.Instruction{Opcode: "BYTE", Operands: []Op{Imm(uint64(b))}})
		}
	})
	peakLoop("peakPairs256", "adds the products of 16 pairs of words in each of 10 registers", 10, YMM, func(a, x, y reg.VecVirtual, _ int) {
		t := YMM()
		VPMADDWD(x, y, t)
		VPADDD(t, a, a)
	})
	readLoop("readAll512", 64, ZMM)
	readLoop("readAll256", 32, YMM)
})

// peakLoop repeats an instruction on independent registers, n times 4.
func peakLoop(name, what string, registers int, vec func() reg.VecVirtual, f func(a, x, y reg.VecVirtual, i int)) {
	TEXT(name, NOSPLIT, "func(n int)")
	Doc(name + " " + what + ", 4 n times.")
	n := Load(Param("n"), GP64())
	acc := make([]reg.VecVirtual, registers)
	x, y := vec(), vec()
	zero := func(v reg.VecVirtual) {
		if v.Size() == 64 {
			VPXORD(v, v, v)
		} else {
			VPXOR(v, v, v)
		}
	}
	zero(x)
	zero(y)
	for i := range acc {
		acc[i] = vec()
		zero(acc[i])
	}
	Label("loop")
	for range 4 {
		for i := range acc {
			f(acc[i], x, y, i)
		}
	}
	DECQ(n)
	JNZ(LabelRef("loop"))
	VZEROUPPER()
	RET()
}

// readLoop loads memory in 16 vectors at a time.
func readLoop(name string, bytes int, vec func() reg.VecVirtual) {
	TEXT(name, NOSPLIT, "func(p *byte, n int)")
	Pragma("noescape")
	Doc(name + " reads n times 16 vectors from p on.")
	p := Load(Param("p"), GP64())
	n := Load(Param("n"), GP64())
	Label("loop")
	for i := range 16 {
		VMOVUPS(mem(p, i*bytes), vec())
		PREFETCHT0(mem(p, i*bytes+4096))
	}
	ADDQ(U32(uint32(16*bytes)), p)
	DECQ(n)
	JNZ(LabelRef("loop"))
	VZEROUPPER()
	RET()
}
