package main

import (
	"fmt"
	"strings"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// Products over strips of a map with the weights of few masks, cut into runs of neighbours. Their meaning is the doc comment
// of asm.PatternGo.
var _ = add("pattern", func() {
	for _, stride := range []int{1, 2} {
		stripTiles(isa512, func(rows, cols int) { patternLoop(isa512, rows, cols, stride) })
		stripTiles(isa256, func(rows, cols int) { patternLoop(isa256, rows, cols, stride) })
	}
}, record{"Strip", strip, false})

var _ = addGo("pattern", patternEntries)

func patternName(set isa, rows, cols, stride int) string {
	return fmt.Sprintf("pattern%s_%dx%ds%d", set.name, rows, cols, stride)
}

// patternSets is how many sums there are for a number, so that the weights of a run need not wait for each other.
func patternSets(set isa, n int) int {
	if set.bytes == 64 {
		if n <= 7 {
			return 3
		}
		return 1
	}
	switch {
	case n <= 4:
		return 3
	case n <= 6:
		return 2
	}
	return 1
}

func patternLoop(set isa, rows, cols, stride int) {
	name := patternName(set, rows, cols, stride)
	TEXT(name, NOSPLIT, "func(t *Strip)")
	Pragma("noescape")
	Doc(fmt.Sprintf("%s is the loop of PatternGo for tiles of %d x %d vectors and a stride of %d.", name, rows, cols, stride))
	each := 64 / set.bytes // registers of a vector
	n := rows * cols * each
	sets := patternSets(set, n)
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
	SHLQ(U8(2), at)
	ADDQ(entries, at)

	Label("row")
	acc := make([][]reg.VecVirtual, sets)
	for s := range acc {
		for range n {
			acc[s] = append(acc[s], set.reg())
		}
	}
	tile := func(start reg.Register, step string, f func(m Mem, a reg.VecVirtual)) {
		q := start
		if rows > 1 {
			q = GP64()
			MOVQ(start, q)
		}
		for r := range rows {
			if r > 0 {
				ADDQ(arg(step), q)
			}
			for c := range cols {
				for u := range each {
					f(mem(q, 64*c+set.bytes*u), acc[0][(r*cols+c)*each+u])
				}
			}
		}
	}
	{
		b := GP64()
		MOVQ(bias, b)
		TESTQ(b, b)
		JEQ(LabelRef("goon"))
		VBROADCASTSS(mem(b, 0), acc[0][0])
		for _, a := range acc[0][1:] {
			VMOVAPS(acc[0][0], a)
		}
		ADDQ(U8(4), b)
		MOVQ(b, bias)
		JMP(LabelRef("begin"))
	}
	Label("goon")
	tile(out, "OutRow", func(m Mem, a reg.VecVirtual) { VMOVUPS(m, a) })
	Label("begin")
	for _, more := range acc[1:] {
		for _, a := range more {
			VXORPS(a, a, a)
		}
	}
	for i, width := range []int{3, 2, 1} {
		loop, done := fmt.Sprintf("run%d", width), fmt.Sprintf("done%d", width)
		MOVLQSX(mem(ptr, 4*i+4), end)
		SHLQ(U8(2), end)
		ADDQ(entries, end)
		CMPQ(at, end)
		JCC(LabelRef(done))
		Label(loop)
		off := GP64()
		MOVLQSX(mem(at, 0), off)
		pixel := func(r, x, u int) Mem {
			return Mem{Base: base[r], Index: off, Scale: 1, Disp: 64*x + set.bytes*u}
		}
		if set.bytes == 32 {
			// There are no registers left to keep pixels in.
			for t := range width {
				w := set.reg()
				VBROADCASTSS(mem(at, 4+4*t), w)
				for r := range rows {
					for c := range cols {
						for u := range each {
							VFMADD231PS(pixel(r, stride*c+t, u), w, acc[t%sets][(r*cols+c)*each+u])
						}
					}
				}
			}
		} else {
			var w []reg.VecVirtual
			for t := range width {
				w = append(w, set.reg())
				VBROADCASTSS(mem(at, 4+4*t), w[t])
			}
			for r := range rows {
				for x := range stride*(cols-1) + width {
					var taps []int // the weights that a column of the tile multiplies with this vector
					for t := range width {
						if c := (x - t) / stride; x >= t && (x-t)%stride == 0 && c < cols {
							taps = append(taps, t)
						}
					}
					sum := func(t int) reg.VecVirtual { return acc[t%sets][r*cols+(x-t)/stride] }
					if len(taps) == 1 {
						VFMADD231PS(pixel(r, x, 0), w[taps[0]], sum(taps[0]))
						continue
					}
					if len(taps) == 0 {
						continue
					}
					v := set.reg()
					VMOVUPS(pixel(r, x, 0), v)
					for _, t := range taps {
						VFMADD231PS(v, w[t], sum(t))
					}
				}
			}
		}
		ADDQ(U8(4+4*width), at)
		CMPQ(at, end)
		JCS(LabelRef(loop))
		Label(done)
	}
	ADDQ(U8(12), ptr)
	for _, more := range acc[1:] {
		for i, a := range more {
			VADDPS(a, acc[0][i], acc[0][i])
		}
	}
	CMPQ(arg("Last"), U8(0))
	JEQ(LabelRef("store"))
	{
		q := GP64()
		MOVQ(res, q)
		TESTQ(q, q)
		JEQ(LabelRef("clamp"))
		tile(q, "ResRow", func(m Mem, a reg.VecVirtual) { VADDPS(m, a, a) })
		ADDQ(arg("ResStep"), q)
		MOVQ(q, res)
	}
	Label("clamp")
	{
		lo, hi := set.reg(), set.reg()
		VBROADCASTSS(arg("Lo"), lo)
		VBROADCASTSS(arg("Hi"), hi)
		for _, a := range acc[0] {
			// With this order of operands a NaN stays a NaN.
			VMAXPS(a, lo, a)
			VMINPS(a, hi, a)
		}
	}
	Label("store")
	tile(out, "OutRow", func(m Mem, a reg.VecVirtual) { VMOVUPS(a, m) })
	ADDQ(arg("OutStep"), out)
	DECQ(left)
	JNZ(LabelRef("row"))
	VZEROUPPER()
	RET()
}

// patternEntries is the choice of a kernel.
func patternEntries() string {
	var b strings.Builder
	for _, set := range []isa{isa512, isa256} {
		fmt.Fprintf(&b, "\n// callPattern%s calls the kernel of rows, columns and stride; it reports whether there is one.\nfunc callPattern%s(t *Strip, rows, cols, stride int) bool {\n\tswitch rows | cols<<8 | stride<<16 {\n", set.name, set.name)
		for _, stride := range []int{1, 2} {
			stripTiles(set, func(rows, cols int) {
				fmt.Fprintf(&b, "\tcase %d | %d<<8 | %d<<16:\n\t\t%s(t)\n", rows, cols, stride, patternName(set, rows, cols, stride))
			})
		}
		b.WriteString("\tdefault:\n\t\treturn false\n\t}\n\treturn true\n}\n")
	}
	return b.String()
}
