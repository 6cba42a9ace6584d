package main

import (
	"fmt"
	"strings"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// Products over strips of a map for four output channels at a time, whose weights are zero together. Their meaning is the
// doc comment of asm.QuadGo.
var _ = add("quad", func() {
	for _, stride := range []int{1, 2} {
		quadTiles(isa512, func(rows, cols int) { quadLoop(isa512, rows, cols, stride) })
		quadTiles(isa256, func(rows, cols int) { quadLoop(isa256, rows, cols, stride) })
	}
}, record{"Quad", quad, true})

var _ = addGo("quad", quadEntries)

var quad = []field{{"Off", 4}, {"W", 16}}

const quadBytes = 20

// quadTiles calls f for every size of a tile that has registers.
func quadTiles(set isa, f func(rows, cols int)) {
	most := 6
	if set.bytes == 32 {
		most = 1
	}
	for rows := 1; rows <= 4; rows++ {
		for cols := 1; cols <= 6 && rows*cols <= most; cols++ {
			f(rows, cols)
		}
	}
}

func quadName(set isa, rows, cols, stride int) string {
	return fmt.Sprintf("quad%s_%dx%ds%d", set.name, rows, cols, stride)
}

func quadLoop(set isa, rows, cols, stride int) {
	name := quadName(set, rows, cols, stride)
	TEXT(name, NOSPLIT, "func(t *Strip)")
	Pragma("noescape")
	Doc(fmt.Sprintf("%s is the loop of QuadGo for tiles of %d x %d vectors and a stride of %d.", name, rows, cols, stride))
	each := 64 / set.bytes // registers of a vector
	n := rows * cols * each
	locals := AllocLocal(4 * word)
	left, bias, res, entries := locals.Offset(0), locals.Offset(8), locals.Offset(16), locals.Offset(24)
	p := Load(Param("t"), GP64())
	arg := func(field string) Mem { return mem(p, offset(strip, field)) }
	move := func(from, to Mem) {
		t := GP64()
		MOVQ(from, t)
		MOVQ(t, to)
	}
	move(arg("Rows"), left)
	move(arg("Bias"), bias)
	move(arg("Res"), res)
	move(arg("Entries"), entries)
	base := make([]reg.GPVirtual, rows)
	for r := range base {
		base[r] = GP64()
		if r == 0 {
			MOVQ(arg("In"), base[0])
			continue
		}
		MOVQ(base[r-1], base[r])
		ADDQ(arg("InRow"), base[r])
	}
	ptr, out, at, end := GP64(), GP64(), GP64(), GP64()
	MOVQ(arg("Ptr"), ptr)
	MOVQ(arg("Out"), out)
	MOVLQSX(mem(ptr, 0), at)
	IMUL3Q(U8(quadBytes), at, at)
	ADDQ(entries, at)

	Label("row")
	var acc [4][]reg.VecVirtual
	for o := range acc {
		for range n {
			acc[o] = append(acc[o], set.reg())
		}
	}
	// tile calls f for each vector of the four output channels; start moves on to the next four.
	tile := func(start reg.Register, rowStep, step string, f func(m Mem, a reg.VecVirtual)) {
		for o := range acc {
			q := start
			if rows > 1 {
				q = GP64()
				MOVQ(start, q)
			}
			for r := range rows {
				if r > 0 {
					ADDQ(arg(rowStep), q)
				}
				for c := range cols {
					for u := range each {
						f(mem(q, 64*c+set.bytes*u), acc[o][(r*cols+c)*each+u])
					}
				}
			}
			ADDQ(arg(step), start)
		}
	}
	MOVLQSX(mem(ptr, 4), end)
	IMUL3Q(U8(quadBytes), end, end)
	ADDQ(entries, end)
	ADDQ(U8(4), ptr)
	{
		b := GP64()
		MOVQ(bias, b)
		TESTQ(b, b)
		JEQ(LabelRef("goon"))
		for o := range acc {
			VBROADCASTSS(mem(b, 4*o), acc[o][0])
			for _, a := range acc[o][1:] {
				VMOVAPS(acc[o][0], a)
			}
		}
		ADDQ(U8(16), b)
		MOVQ(b, bias)
		JMP(LabelRef("begin"))
	}
	Label("goon")
	{
		q := GP64()
		MOVQ(out, q)
		tile(q, "OutRow", "OutStep", func(m Mem, a reg.VecVirtual) { VMOVUPS(m, a) })
	}
	Label("begin")
	CMPQ(at, end)
	JCC(LabelRef("sum"))
	Label("one")
	{
		off := GP64()
		MOVLQSX(mem(at, 0), off)
		var w [4]reg.VecVirtual
		if set.bytes == 64 {
			for o := range w {
				w[o] = set.reg()
				VBROADCASTSS(mem(at, 4+4*o), w[o])
			}
		}
		var xs []reg.VecVirtual
		for r := range rows {
			for c := range cols {
				for u := range each {
					x := set.reg()
					VMOVUPS(Mem{Base: base[r], Index: off, Scale: 1, Disp: 64*stride*c + set.bytes*u}, x)
					if set.bytes == 32 {
						xs = append(xs, x)
						continue
					}
					for o := range acc {
						VFMADD231PS(x, w[o], acc[o][(r*cols+c)*each+u])
					}
				}
			}
		}
		if set.bytes == 32 {
			for o := range acc {
				v := set.reg()
				VBROADCASTSS(mem(at, 4+4*o), v)
				for i, x := range xs {
					VFMADD231PS(x, v, acc[o][i])
				}
			}
		}
	}
	ADDQ(U8(quadBytes), at)
	CMPQ(at, end)
	JCS(LabelRef("one"))
	Label("sum")
	CMPQ(arg("Last"), U8(0))
	JEQ(LabelRef("store"))
	{
		q := GP64()
		MOVQ(res, q)
		TESTQ(q, q)
		JEQ(LabelRef("clamp"))
		tile(q, "ResRow", "ResStep", func(m Mem, a reg.VecVirtual) { VADDPS(m, a, a) })
		MOVQ(q, res)
	}
	Label("clamp")
	{
		lo, hi := set.reg(), set.reg()
		VBROADCASTSS(arg("Lo"), lo)
		VBROADCASTSS(arg("Hi"), hi)
		for o := range acc {
			for _, a := range acc[o] {
				// With this order of operands a NaN stays a NaN.
				VMAXPS(a, lo, a)
				VMINPS(a, hi, a)
			}
		}
	}
	Label("store")
	tile(out, "OutRow", "OutStep", func(m Mem, a reg.VecVirtual) { VMOVUPS(a, m) })
	DECQ(left)
	JNZ(LabelRef("row"))
	VZEROUPPER()
	RET()
}

// quadEntries is the choice of a kernel.
func quadEntries() string {
	var b strings.Builder
	for _, set := range []isa{isa512, isa256} {
		fmt.Fprintf(&b, "\n// callQuad%s calls the kernel of rows, columns and stride; it reports whether there is one.\nfunc callQuad%s(t *Strip, rows, cols, stride int) bool {\n\tswitch rows | cols<<8 | stride<<16 {\n", set.name, set.name)
		for _, stride := range []int{1, 2} {
			quadTiles(set, func(rows, cols int) {
				fmt.Fprintf(&b, "\tcase %d | %d<<8 | %d<<16:\n\t\t%s(t)\n", rows, cols, stride, quadName(set, rows, cols, stride))
			})
		}
		b.WriteString("\tdefault:\n\t\treturn false\n\t}\n\treturn true\n}\n")
	}
	return b.String()
}
