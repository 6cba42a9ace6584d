package main

import (
	"fmt"
	"strings"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

var winoRowArgs = []field{
	{"V", slice},
	{"W", slice},
	{"M", slice},
	{"VBlock", word},
	{"Quads", word},
	{"Row", word},
	{"Ahead", word},
	{"AheadStep", word},
	{"AheadGap", word},
	{"Add", word},
	{"More", word},
}

// The places of a row of a tile that a loop multiplies: all six, or three at a time of more tiles.
var winoPlaces = map[string][]int{"": {0, 5, 1, 2, 3, 4}, "a": {0, 1, 2}, "b": {5, 3, 4}}

// winoScale is what the rows of F(4x4, 3x3)'s G are multiplied with in the end, so that the loop has whole numbers.
var winoScale = [6]float64{1. / 4, -1. / 6, -1. / 6, 1. / 24, 1. / 24, 1}

// winoRows writes the loops of WinoRow for every row of places, and what they read.
func winoRows() {
	GLOBL("winoscale", 8|16) // RODATA|NOPTR
	for i, x := range winoScale {
		for j, y := range winoScale {
			DATA(4*(6*i+j), F32(float32(x*y)))
		}
	}
	for row := range 6 {
		for tiles := 1; tiles <= 4; tiles++ {
			winoRow(row, "", tiles, vec{"512", 64})
			winoRow(row, "a", 4+tiles, vec{"512", 64})
			winoRow(row, "b", 4+tiles, vec{"512", 64})
		}
		for tiles := 1; tiles <= 2; tiles++ {
			winoRow(row, "", tiles, vec{"256", 32})
			winoRow(row, "a", 2+tiles, vec{"256", 32})
			winoRow(row, "b", 2+tiles, vec{"256", 32})
		}
	}
}

func winoRow(row int, half string, tiles int, v vec) {
	name := fmt.Sprintf("winorow%d%sx%d", row, half, tiles)
	if v.bytes == 32 {
		name += "y"
	}
	TEXT(name, NOSPLIT, "func(a *WinoRow)")
	Pragma("noescape")
	Doc(fmt.Sprintf("%s is the loop of WinoRow for row %d and %d tiles.", name, row, tiles))
	p := Load(Param("a"), GP64())
	in, w, out := pointer(p, winoRowArgs, "V"), pointer(p, winoRowArgs, "W"), pointer(p, winoRowArgs, "M")
	block := bytesOf(p, winoRowArgs, "VBlock")
	ahead, aheadStep, gap := bytesOf(p, winoRowArgs, "Ahead"), bytesOf(p, winoRowArgs, "AheadStep"), bytesOf(p, winoRowArgs, "AheadGap")
	ADDQ(w, ahead)
	n := v.numbers(2, 4)
	v.halves(func() { v.winoRow(row, winoPlaces[half], tiles, n, p, in, w, out, block, ahead, aheadStep, gap) }, w, out)
	VZEROUPPER()
	RET()
}

func (v vec) winoRow(row int, places []int, tiles int, n numbers, p reg.Register, in, w, out, block, ahead, aheadStep, gap reg.GPVirtual) {
	acc := map[int][]reg.VecVirtual{}
	each := func(f func(j, t int, a reg.VecVirtual)) {
		for _, j := range places {
			for t, a := range acc[j] {
				f(j, t, a)
			}
		}
	}
	for _, j := range places {
		for range tiles {
			x := v.reg()
			if v.bytes == 64 {
				VPXORD(x, x, x)
			} else {
				VXORPS(x, x, x)
			}
			acc[j] = append(acc[j], x)
		}
	}
	to := func(j, t int) Mem { return mem(out, 64*(tiles*j+t)) }
	CMPQ(mem(p, offset(winoRowArgs, "Add")), U8(0))
	JE(LabelRef("begin"))
	each(func(j, t int, a reg.VecVirtual) { VMOVUPS(to(j, t), a) })
	Label("begin")
	x, u, at, quads, inner := GP64(), GP64(), GP64(), GP64(), GP64()
	MOVQ(in, x)
	MOVQ(w, u)
	MOVQ(mem(p, offset(winoRowArgs, "Quads")), quads)
	Label("block")
	MOVQ(x, at)
	MOVQ(U32(4), inner)
	CMPQ(quads, inner)
	CMOVQLT(quads, inner)
	SUBQ(inner, quads)
	SHLQ(U8(1), inner)
	Label("pair")
	PREFETCHT1(mem(ahead, 0))
	PREFETCHT1(Mem{Base: ahead, Index: gap, Scale: 1})
	if len(places) == 6 {
		PREFETCHT1(Mem{Base: ahead, Index: gap, Scale: 2})
	}
	for k := range 2 {
		// Column c of G w in this row, without its factor.
		column := func(c int) reg.VecVirtual {
			tap := func(r int) Mem { return mem(u, 576*k+64*(3*r+c)) }
			if row == 5 {
				return v.load(tap(2))
			}
			t := v.load(tap(0))
			switch row {
			case 1, 2:
				VADDPS(tap(2), t, t)
				if row == 1 {
					VADDPS(tap(1), t, t)
				} else {
					VSUBPS(tap(1), t, t)
				}
			case 3, 4:
				n.fmaFrom(v, 4, tap(2), t)
				if row == 3 {
					n.fmaFrom(v, 2, tap(1), t)
				} else {
					n.fmaFrom(v, -2, tap(1), t)
				}
			}
			return t
		}
		multiply := func(j int, f reg.VecVirtual) {
			for t, a := range acc[j] {
				m := mem(at, 64*(tiles*j+t)+4*k)
				if v.bytes == 64 {
					VFMADD231PS_BCST(m, f, a)
					continue
				}
				b := v.reg()
				VBROADCASTSS(m, b)
				VFMADD231PS(b, f, a)
			}
		}
		c0, c1, c2 := column(0), column(1), column(2)
		first, second := acc[0] != nil, acc[5] != nil
		near := c0
		if first {
			multiply(0, c0)
			if second {
				multiply(5, c2)
				near = v.reg()
			}
			VADDPS(c2, c0, near)
			if second {
				n.fma(4, c2, c0)
			}
			VADDPS(c1, near, near)
			multiply(1, near)
			n.fma(-2, c1, near)
			multiply(2, near)
		} else {
			multiply(5, c2)
			n.fma(4, c2, c0)
		}
		if second {
			n.fma(2, c1, c0)
			multiply(3, c0)
			n.fma(-4, c1, c0)
			multiply(4, c0)
		}
	}
	ADDQ(U32(2*576), u)
	ADDQ(aheadStep, ahead)
	ADDQ(U8(8), at)
	DECQ(inner)
	JNZ(LabelRef("pair"))
	ADDQ(block, x)
	TESTQ(quads, quads)
	JNZ(LabelRef("block"))
	CMPQ(mem(p, offset(winoRowArgs, "More")), U8(0))
	JNE(LabelRef("store"))
	for _, j := range places {
		scale := v.reg()
		VBROADCASTSS(NewDataAddr(NewStaticSymbol("winoscale"), 4*(6*row+j)), scale)
		for _, a := range acc[j] {
			VMULPS(scale, a, a)
		}
	}
	Label("store")
	each(func(j, t int, a reg.VecVirtual) { VMOVUPS(a, to(j, t)) })
}

// fmaFrom adds c times what lies in memory to a, or takes it away.
func (n numbers) fmaFrom(v vec, c float32, m Mem, a reg.VecVirtual) {
	if v.bytes == 64 {
		if c < 0 {
			VFNMADD231PS(m, n[-c].(reg.VecVirtual), a)
		} else {
			VFMADD231PS(m, n[c].(reg.VecVirtual), a)
		}
		return
	}
	t := v.load(m)
	n.fma(c, t, a)
}

var _ = addGo("wino", func() string {
	var b strings.Builder
	b.WriteString("\n// winoRowVector calls the loop for a row, a choice of its places and a number of tiles.\n")
	b.WriteString("func winoRowVector(l ISA, row, tiles int, places WinoPlaces, a *WinoRow) {\n\tswitch {\n")
	for _, isa := range []struct {
		name, suffix string
		most         int
	}{{"AVX512", "", 4}, {"AVX2", "y", 2}} {
		for i, half := range []string{"", "a", "b"} {
			fmt.Fprintf(&b, "\tcase l == %s && places == %s:\n\t\tswitch 10*row + tiles {\n", isa.name, []string{"WinoAll", "WinoNear", "WinoFar"}[i])
			for row := range 6 {
				for tiles := 1; tiles <= isa.most; tiles++ {
					n := tiles
					if half != "" {
						n += isa.most
					}
					fmt.Fprintf(&b, "\t\tcase %d:\n\t\t\twinorow%d%sx%d%s(a)\n", 10*row+n, row, half, n, isa.suffix)
				}
			}
			b.WriteString("\t\t}\n")
		}
	}
	b.WriteString("\t}\n}\n")
	return b.String()
})
