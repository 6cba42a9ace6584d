package main

import (
	"fmt"
	"strings"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// stripFrame is what all loops over strips share, whatever their entries are: how they begin, and how the sums of an
// output channel begin and end.
type stripFrame struct {
	isa
	rows, cols, each         int // each: registers of a vector
	p                        reg.Register
	left, bias, res, entries Mem
	base                     []reg.GPVirtual // of the tile's rows
	ptr, out, at, end        reg.GPVirtual
}

// beginStrips begins a loop of that many rows and columns; scale makes bytes of the first of Ptr.
func beginStrips(set isa, rows, cols int, name, doc string, scale func(at reg.GPVirtual)) *stripFrame {
	f := &stripFrame{isa: set, rows: rows, cols: cols, each: 64 / set.bytes}
	TEXT(name, NOSPLIT, "func(t *Strip)")
	Pragma("noescape")
	Doc(doc)
	locals := AllocLocal(4 * word)
	f.left, f.bias, f.res, f.entries = locals.Offset(0), locals.Offset(8), locals.Offset(16), locals.Offset(24)
	f.p = Load(Param("t"), GP64())
	move(f.arg("Rows"), f.left)
	move(f.arg("Bias"), f.bias)
	move(f.arg("Res"), f.res)
	move(f.arg("Entries"), f.entries)
	f.base = make([]reg.GPVirtual, rows)
	for r := range f.base {
		f.base[r] = GP64()
		if r == 0 {
			MOVQ(f.arg("In"), f.base[0])
			continue
		}
		MOVQ(f.base[r-1], f.base[r])
		ADDQ(f.arg("InRow"), f.base[r])
	}
	f.ptr, f.out, f.at, f.end = GP64(), GP64(), GP64(), GP64()
	MOVQ(f.arg("Ptr"), f.ptr)
	MOVQ(f.arg("Out"), f.out)
	MOVLQSX(mem(f.ptr, 0), f.at)
	scale(f.at)
	ADDQ(f.entries, f.at)
	return f
}

func (f *stripFrame) arg(field string) Mem { return mem(f.p, offset(strip, field)) }

// sums are registers for n tiles.
func (f *stripFrame) sums(n int) [][]reg.VecVirtual {
	acc := make([][]reg.VecVirtual, n)
	for i := range acc {
		for range f.rows * f.cols * f.each {
			acc[i] = append(acc[i], f.reg())
		}
	}
	return acc
}

// tile calls do for each vector of an output channel, whose first row is at start, with its register of a tile.
func (f *stripFrame) tile(start reg.Register, step string, acc []reg.VecVirtual, do func(m Mem, a reg.VecVirtual)) {
	q := start
	if f.rows > 1 {
		q = GP64()
		MOVQ(start, q)
	}
	for r := range f.rows {
		if r > 0 {
			ADDQ(f.arg(step), q)
		}
		for c := range f.cols {
			for u := range f.each {
				do(mem(q, 64*c+f.bytes*u), acc[(r*f.cols+c)*f.each+u])
			}
		}
	}
}

// tiles does so for several output channels, and moves start on to the next.
func (f *stripFrame) tiles(start reg.GPVirtual, rowStep, step string, acc [][]reg.VecVirtual, do func(m Mem, a reg.VecVirtual)) {
	for _, a := range acc {
		f.tile(start, rowStep, a, do)
		ADDQ(f.arg(step), start)
	}
}

// fromBias begins the sums of an output channel each with its bias, or goes to the label goon where there is none: in the
// chunks after the first.
func (f *stripFrame) fromBias(acc [][]reg.VecVirtual) {
	b := GP64()
	MOVQ(f.bias, b)
	TESTQ(b, b)
	JEQ(LabelRef("goon"))
	for o := range acc {
		VBROADCASTSS(mem(b, 4*o), acc[o][0])
		for _, a := range acc[o][1:] {
			VMOVAPS(acc[o][0], a)
		}
	}
	ADDQ(U8(uint8(4*len(acc))), b)
	MOVQ(b, f.bias)
	JMP(LabelRef("begin"))
}

// finish adds the residual after the last chunk, where there is one, clamps, stores, and goes on to the label row.
func (f *stripFrame) finish(acc [][]reg.VecVirtual) {
	CMPQ(f.arg("Last"), U8(0))
	JEQ(LabelRef("store"))
	{
		q := GP64()
		MOVQ(f.res, q)
		TESTQ(q, q)
		JEQ(LabelRef("clamp"))
		f.tiles(q, "ResRow", "ResStep", acc, func(m Mem, a reg.VecVirtual) { VADDPS(m, a, a) })
		MOVQ(q, f.res)
	}
	Label("clamp")
	{
		lo, hi := f.reg(), f.reg()
		VBROADCASTSS(f.arg("Lo"), lo)
		VBROADCASTSS(f.arg("Hi"), hi)
		for o := range acc {
			for _, a := range acc[o] {
				// With this order of operands a NaN stays a NaN.
				VMAXPS(a, lo, a)
				VMINPS(a, hi, a)
			}
		}
	}
	Label("store")
	for o := range acc {
		f.tile(f.out, "OutRow", acc[o], func(m Mem, a reg.VecVirtual) { VMOVUPS(a, m) })
		if o == len(acc)-1 {
			Label("next")
		}
		ADDQ(f.arg("OutStep"), f.out)
	}
	DECQ(f.left)
	JNZ(LabelRef("row"))
	VZEROUPPER()
	RET()
}

// move copies a word by way of a register.
func move(from, to Mem) {
	t := GP64()
	MOVQ(from, t)
	MOVQ(t, to)
}

// stripChoice is the choice of a kernel of rows, columns and stride.
func stripChoice(what string, tiles func(set isa, f func(rows, cols int)), name func(set isa, rows, cols, stride int) string) string {
	var b strings.Builder
	for _, set := range []isa{isa512, isa256} {
		fmt.Fprintf(&b, "\n// call%s%s calls the kernel of rows, columns and stride; it reports whether there is one.\nfunc call%s%s(t *Strip, rows, cols, stride int) bool {\n\tswitch rows | cols<<8 | stride<<16 {\n", what, set.name, what, set.name)
		for _, stride := range []int{1, 2} {
			tiles(set, func(rows, cols int) {
				fmt.Fprintf(&b, "\tcase %d | %d<<8 | %d<<16:\n\t\t%s(t)\n", rows, cols, stride, name(set, rows, cols, stride))
			})
		}
		b.WriteString("\tdefault:\n\t\treturn false\n\t}\n\treturn true\n}\n")
	}
	return b.String()
}
