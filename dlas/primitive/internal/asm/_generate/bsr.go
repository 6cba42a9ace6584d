package main

import (
	"fmt"
	"strings"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// The register tile of products that are picked from the depth. Its meaning is the doc comment of asm.PickGo.
var _ = add("bsr", func() {
	for blocks, most := range pick512 {
		for r := 1; r <= most; r++ {
			pickLoop(isa512, r, blocks+1, false)
		}
	}
	for r := pointers + 1; r <= pick512[0]; r++ {
		pickLoop(isa512, r, 1, true)
	}
	for r := 1; r <= pick256; r++ {
		pickLoop(isa256, r, 1, false)
	}
}, record{"Tile", tile, false})

var _ = addGo("bsr", pickEntries)

// pick512 has the most rows of a tile of 1 and 2 blocks of 16 channels, pick256 that of one block in AVX2.
var pick512 = [2]int{28, 14}

const (
	pick256   = 6
	pickGroup = 7    // rows of a tile of more than 8 that lie at one distance
	pickAhead = 1024 // bytes before they are multiplied weights are fetched
)

// pickGen writes one kernel.
type pickGen struct {
	tileFrame
	near      bool // the pixels of a group are 64 bytes apart: an address with an index is a step more for the processor
	w, off    reg.GPVirtual
	base      []reg.GPVirtual
	s, s3, s5 reg.GPVirtual
}

// multiply adds the products of one row.
func (g *pickGen) multiply(r int, m Mem) {
	if g.bytes == 64 && g.vecs == 1 {
		VFMADD231PS_BCST(m, g.wv[0], g.acc[r][0])
		return
	}
	b := g.reg()
	VBROADCASTSS(m, b)
	for v := range g.wv {
		VFMADD231PS(b, g.wv[v], g.acc[r][v])
	}
}

// step multiplies n elements that are picked.
func (g *pickGen) step(n int) {
	for c := range n {
		q := GP64()
		MOVLQSX(mem(g.off, 4*c), q)
		for v := range g.wv {
			at := (c*g.vecs + v) * g.bytes
			VMOVUPS(mem(g.w, at), g.wv[v])
			if at%64 == 0 && (g.vecs > 1 || c%4 == 0) { // of one block every load counts
				PREFETCHT0(mem(g.w, at+pickAhead))
			}
		}
		if !g.grouped() {
			for r, b := range g.base {
				g.multiply(r, Mem{Base: b, Index: q, Scale: 1})
			}
			continue
		}
		for i, b := range g.base {
			a := q
			if i == len(g.base)-1 {
				ADDQ(b, q)
			} else {
				a = GP64()
				LEAQ(Mem{Base: b, Index: q, Scale: 1}, a)
			}
			for j := range min(pickGroup, g.rows-i*pickGroup) {
				m := mem(a, 0)
				if g.near {
					g.multiply(i*pickGroup+j, mem(a, 64*j))
					continue
				}
				switch j {
				case 1, 2, 4:
					m.Index, m.Scale = g.s, uint8(j)
				case 3, 6:
					m.Index, m.Scale = g.s3, uint8(j/3)
				case 5:
					m.Index, m.Scale = g.s5, 1
				}
				g.multiply(i*pickGroup+j, m)
			}
		}
	}
	ADDQ(U8(uint8(4*n)), g.off)
	ADDQ(U32(uint32(n*g.vecs*g.bytes)), g.w)
	if n > 1 {
		PREFETCHT1(mem(g.next, 0))
		PREFETCHT1(mem(g.next, 64))
		ADDQ(g.nextStep, g.next)
	}
}

// each calls f with the place of every register of the tile in an array of blocks.
func (g *pickGen) each(from Mem, at, pixel, block string, f func(m Mem, a reg.VecVirtual)) {
	b, stride, q := GP64(), GP64(), GP64()
	MOVQ(from, b)
	perBlock := 64 / g.bytes
	if g.vecs > perBlock {
		MOVQ(g.arg(block), stride)
	}
	for v := 0; v < g.vecs; v += perBlock {
		for r := range g.rows {
			group, in := r, 0
			if g.grouped() {
				group, in = r/pickGroup, r%pickGroup
			}
			if in == 0 {
				MOVQ(g.argAt(at, group), q)
				ADDQ(b, q)
			} else {
				ADDQ(g.arg(pixel), q)
			}
			for u := range perBlock {
				f(mem(q, u*g.bytes), g.acc[r][v+u])
			}
		}
		if v+perBlock < g.vecs {
			ADDQ(stride, b)
		}
	}
}

func pickLoop(set isa, rows, blocks int, near bool) {
	g := &pickGen{tileFrame: tileFrame{isa: set, rows: rows, vecs: blocks * 64 / set.bytes}, near: near}
	name, what := fmt.Sprintf("pick%s_%dx%d", set.name, rows, 16*blocks), ""
	if near {
		name, what = name+"n", ", pixels of a stretch 64 bytes apart"
	}
	local := g.begin(name, fmt.Sprintf("%s is the loop of PickGo with %d rows and %d blocks%s.", name, rows, blocks, what), 7)
	in, fours, ones := g.in, local(4), local(5)
	g.nextStep = local(6)
	move(g.arg("NextStep"), g.nextStep)
	{
		n := GP64()
		MOVQ(g.arg("Depth"), n)
		SHRQ(U8(2), n)
		MOVQ(n, fours)
		MOVQ(g.arg("Depth"), n)
		ANDQ(U8(3), n)
		MOVQ(n, ones)
	}
	g.next = GP64()
	MOVQ(g.arg("Next"), g.next)

	g.sums(g.each)
	g.w, g.off = GP64(), GP64()
	MOVQ(g.arg("W"), g.w)
	MOVQ(g.arg("Off"), g.off)
	bases := rows
	if g.grouped() {
		bases = (rows + pickGroup - 1) / pickGroup
	}
	if g.grouped() && !near {
		g.s, g.s3, g.s5 = GP64(), GP64(), GP64()
		MOVQ(g.arg("InPixel"), g.s)
		LEAQ(Mem{Base: g.s, Index: g.s, Scale: 2}, g.s3)
		LEAQ(Mem{Base: g.s, Index: g.s, Scale: 4}, g.s5)
	}
	for i := range bases {
		b := GP64()
		g.base = append(g.base, b)
		MOVQ(g.argAt("At", i), b)
		ADDQ(in, b)
	}
	n := GP64()
	MOVQ(fours, n)
	TESTQ(n, n)
	JEQ(LabelRef("rest"))
	Label("four")
	g.step(4)
	DECQ(n)
	JNZ(LabelRef("four"))
	Label("rest")
	MOVQ(ones, n)
	TESTQ(n, n)
	JEQ(LabelRef("end"))
	Label("one")
	g.step(1)
	DECQ(n)
	JNZ(LabelRef("one"))
	Label("end")

	g.finish(g.each)
}

// pickEntries is the choice of a kernel by rows and blocks.
func pickEntries() string {
	var b strings.Builder
	entry := func(f, isa, kind string, first int, rows ...int) {
		fmt.Fprintf(&b, "\n// %s calls the kernel of rows and blocks; it reports whether there is one.\nfunc %s(t *Tile, rows, blocks int) bool {\n\tswitch rows | blocks<<8 {\n", f, f)
		for i, most := range rows {
			for r := first; r <= most; r++ {
				fmt.Fprintf(&b, "\tcase %d | %d<<8:\n\t\tpick%s_%dx%d%s(t)\n", r, i+1, isa, r, 16*(i+1), kind)
			}
		}
		b.WriteString("\tdefault:\n\t\treturn false\n\t}\n\treturn true\n}\n")
	}
	entry("callPick512", "512", "", 1, pick512[:]...)
	entry("callPick512Near", "512", "n", pointers+1, pick512[0])
	entry("callPick256", "256", "", 1, pick256)
	return b.String()
}
