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
	{"Next", slice},
	{"VBlock", word},
	{"WStep", word},
	{"Quads", word},
	{"Row", word},
	{"NextStep", word},
	{"NextGap", word},
	{"Add", word},
	{"More", word},
}

var winoColumnsArgs = []field{
	{"W", slice},
	{"To", slice},
	{"Quads", word},
	{"Mid", float},
	{"Far", float},
}

// The places of a row of a tile that a loop multiplies: all six, or three at a time of more tiles.
var winoPlaces = map[string][]int{"": {0, 5, 1, 2, 3, 4}, "a": {0, 1, 2}, "b": {5, 3, 4}}

// winoScale is what the rows of F(4x4, 3x3)'s G are multiplied with in the end, so that the loops have whole numbers.
var winoScale = [6]float64{1. / 4, -1. / 6, -1. / 6, 1. / 24, 1. / 24, 1}

// winoRows writes the loops of WinoColumns and WinoRow, and what they read.
func winoRows() {
	GLOBL("winoscale", 8|16) // RODATA|NOPTR
	for i, x := range winoScale {
		for j, y := range winoScale {
			DATA(4*(6*i+j), F32(float32(x*y)))
		}
	}
	for _, v := range []vec{{"512", 64}, {"256", 32}} {
		winoColumns(v)
		most := 4
		if v.bytes == 32 {
			most = 2
		}
		for tiles := 1; tiles <= most; tiles++ {
			for row := range 6 {
				winoRow(row, "", tiles, v)
			}
			winoRow(-1, "a", most+tiles, v)
			winoRow(-1, "b", most+tiles, v)
		}
	}
}

func winoColumns(v vec) {
	name := "winocolumns" + v.name
	TEXT(name, NOSPLIT, "func(a *WinoColumns)")
	Pragma("noescape")
	Doc(name + " is the loop of WinoColumns.")
	p := Load(Param("a"), GP64())
	from, out := pointer(p, winoColumnsArgs, "W"), pointer(p, winoColumnsArgs, "To")
	mid, far := v.reg(), v.reg()
	VBROADCASTSS(mem(p, offset(winoColumnsArgs, "Mid")), mid)
	VBROADCASTSS(mem(p, offset(winoColumnsArgs, "Far")), far)
	count := pointer(p, winoColumnsArgs, "Quads")
	SHLQ(U8(2), count)
	Label("channel")
	for c := range 3 {
		for h := 0; h < 64; h += v.bytes {
			x := v.load(mem(from, 64*c+h))
			VFMADD231PS(mem(from, 64*(6+c)+h), far, x)
			VFMADD231PS(mem(from, 64*(3+c)+h), mid, x)
			VMOVUPS(x, mem(out, 64*c+h))
		}
	}
	ADDQ(U32(576), from)
	ADDQ(U32(192), out)
	DECQ(count)
	JNZ(LabelRef("channel"))
	VZEROUPPER()
	RET()
}

// winoRow writes the loop for a row that transforms the weights altogether, or one for any row (-1) that is given columns.
func winoRow(row int, half string, tiles int, v vec) {
	name := fmt.Sprintf("winorow%sx%d", half, tiles)
	if row >= 0 {
		name = fmt.Sprintf("winorow%dx%d", row, tiles)
	}
	if v.bytes == 32 {
		name += "y"
	}
	TEXT(name, NOSPLIT, "func(a *WinoRow)")
	Pragma("noescape")
	Doc(fmt.Sprintf("%s is the loop of WinoRow for %d tiles.", name, tiles))
	p := Load(Param("a"), GP64())
	in, w, out := pointer(p, winoRowArgs, "V"), pointer(p, winoRowArgs, "W"), pointer(p, winoRowArgs, "M")
	l := rowLoop{v: v, p: p, row: row, in: in, w: w, out: out, places: winoPlaces[half], tiles: tiles, n: v.numbers(2, 4)}
	l.block = bytesOf(p, winoRowArgs, "VBlock")
	if row < 0 {
		l.step = bytesOf(p, winoRowArgs, "WStep")
	}
	l.next, l.nextStep, l.gap = pointer(p, winoRowArgs, "Next"), bytesOf(p, winoRowArgs, "NextStep"), bytesOf(p, winoRowArgs, "NextGap")
	v.halves(l.write, w, out)
	VZEROUPPER()
	RET()
}

// rowLoop is what a loop of WinoRow holds in registers.
type rowLoop struct {
	v                                vec
	p                                reg.Register
	in, w, out                       reg.GPVirtual
	block, step, next, nextStep, gap reg.GPVirtual
	places                           []int
	row                              int
	tiles                            int
	n                                numbers
}

func (l rowLoop) write() {
	v, n := l.v, l.n
	acc := map[int][]reg.VecVirtual{}
	each := func(f func(j, t int, a reg.VecVirtual)) {
		for _, j := range l.places {
			for t, a := range acc[j] {
				f(j, t, a)
			}
		}
	}
	for _, j := range l.places {
		for range l.tiles {
			x := v.reg()
			if v.bytes == 64 {
				VPXORD(x, x, x)
			} else {
				VXORPS(x, x, x)
			}
			acc[j] = append(acc[j], x)
		}
	}
	to := func(j, t int) Mem { return mem(l.out, 64*(l.tiles*j+t)) }
	CMPQ(mem(l.p, offset(winoRowArgs, "Add")), U8(0))
	JE(LabelRef("begin"))
	each(func(j, t int, a reg.VecVirtual) { VMOVUPS(to(j, t), a) })
	Label("begin")
	x, u, at, quads, inner := GP64(), GP64(), GP64(), GP64(), GP64()
	MOVQ(l.in, x)
	MOVQ(l.w, u)
	MOVQ(mem(l.p, offset(winoRowArgs, "Quads")), quads)
	Label("block")
	MOVQ(x, at)
	MOVQ(U32(4), inner)
	CMPQ(quads, inner)
	CMOVQLT(quads, inner)
	SUBQ(inner, quads)
	SHLQ(U8(1), inner)
	Label("pair")
	PREFETCHT1(mem(l.next, 0))
	PREFETCHT1(Mem{Base: l.next, Index: l.gap, Scale: 1})
	if len(l.places) == 6 {
		PREFETCHT1(Mem{Base: l.next, Index: l.gap, Scale: 2})
	}
	for k := range 2 {
		column := func(c int) reg.VecVirtual {
			tap := func(y int) Mem { return mem(u, 576*k+64*(3*y+c)) }
			switch {
			case l.row < 0 && k == 1:
				return v.load(Mem{Base: u, Index: l.step, Scale: 1, Disp: 64 * c})
			case l.row < 0:
				return v.load(mem(u, 64*c))
			case l.row == 5:
				return v.load(tap(2))
			}
			t := v.load(tap(0))
			if l.row == 0 {
				return t
			}
			if far := []float32{1, 4}[(l.row-1)/2]; far == 1 {
				VADDPS(tap(2), t, t)
			} else {
				n.fmaFrom(v, far, tap(2), t)
			}
			switch mid := tap(1); l.row {
			case 1:
				VADDPS(mid, t, t)
			case 2:
				VSUBPS(mid, t, t)
			case 3:
				n.fmaFrom(v, 2, mid, t)
			case 4:
				n.fmaFrom(v, -2, mid, t)
			}
			return t
		}
		multiply := func(j int, f reg.VecVirtual) {
			for t, a := range acc[j] {
				m := mem(at, 64*(l.tiles*j+t)+4*k)
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
	if l.row < 0 {
		LEAQ(Mem{Base: u, Index: l.step, Scale: 2}, u)
	} else {
		ADDQ(U32(2*576), u)
	}
	ADDQ(l.nextStep, l.next)
	ADDQ(U8(8), at)
	DECQ(inner)
	JNZ(LabelRef("pair"))
	ADDQ(l.block, x)
	TESTQ(quads, quads)
	JNZ(LabelRef("block"))
	CMPQ(mem(l.p, offset(winoRowArgs, "More")), U8(0))
	JNE(LabelRef("store"))
	MOVQ(mem(l.p, offset(winoRowArgs, "Row")), at)
	IMUL3Q(U8(24), at, at)
	LEAQ(NewDataAddr(NewStaticSymbol("winoscale"), 0), x)
	ADDQ(at, x)
	for _, j := range l.places {
		scale := v.reg()
		VBROADCASTSS(mem(x, 4*j), scale)
		for _, a := range acc[j] {
			VMULPS(scale, a, a)
		}
	}
	Label("store")
	each(func(j, t int, a reg.VecVirtual) { VMOVUPS(a, to(j, t)) })
}

// fmaFrom adds c times what lies in memory to a, or takes it away.
func (n numbers) fmaFrom(v vec, c float32, m Mem, a reg.VecVirtual) {
	if v.bytes < 64 { // the factor is in memory itself
		n.fma(c, v.load(m), a)
		return
	}
	if c < 0 {
		VFNMADD231PS(m, n[-c].(reg.VecVirtual), a)
	} else {
		VFMADD231PS(m, n[c].(reg.VecVirtual), a)
	}
}

var _ = addGo("wino", func() string {
	var b strings.Builder
	b.WriteString("\n// winoRowVector calls the loop for a choice of a row's places and a number of tiles.\n")
	b.WriteString("func winoRowVector(l ISA, tiles int, places WinoPlaces, a *WinoRow) {\n\tswitch {\n")
	for _, isa := range []struct {
		name, suffix string
		most         int
	}{{"AVX512", "", 4}, {"AVX2", "y", 2}} {
		choice := func(places, number string, from, to int, loop func(i int) string) {
			fmt.Fprintf(&b, "\tcase l == %s && places == %s:\n\t\tswitch %s {\n", isa.name, places, number)
			for i := from; i <= to; i++ {
				if name := loop(i); name != "" {
					fmt.Fprintf(&b, "\t\tcase %d:\n\t\t\twinorow%s%s(a)\n", i, name, isa.suffix)
				}
			}
			b.WriteString("\t\t}\n")
		}
		choice("WinoAll", "10*a.Row + tiles", 1, 50+isa.most, func(i int) string {
			if n := i % 10; n < 1 || n > isa.most {
				return ""
			}
			return fmt.Sprintf("%dx%d", i/10, i%10)
		})
		for i, half := range []string{"a", "b"} {
			choice([]string{"WinoNear", "WinoFar"}[i], "tiles", isa.most+1, 2*isa.most, func(i int) string { return fmt.Sprintf("%sx%d", half, i) })
		}
	}
	b.WriteString("\t}\n}\n")
	return b.String()
})
