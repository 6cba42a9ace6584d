package main

import (
	"fmt"
	"strings"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// The register tile of dense products. Its meaning is the doc comment of asm.Tile.
var _ = add("conv", func() {
	table.name = "tileConstants"
	for blocks, rows := range map512 {
		for r := 1; r <= rows; r++ {
			tileLoop(isa512, r, blocks+1, false)
		}
	}
	for r := 1; r <= 6; r++ {
		tileLoop(isa256, r, 1, false)
	}
	for r := 1; r <= 14; r++ {
		tileLoop(isa512, r, 1, true)
		tileLoop(isa512, r, 2, true)
	}
	for r := 1; r <= 6; r++ {
		tileLoop(isa256, r, 1, true)
	}
	table.write()
}, record{"Tile", tile, false})

var _ = addGo("conv", tileEntries)

// map512 has the most rows of a tile of 1, 2 and 3 blocks of 16 channels: as many as there are registers for.
var map512 = [3]int{14, 14, 8}

// pointers is the most rows whose addresses are given one by one. Of more, they are given in four groups.
const pointers = 8

var tile = []field{
	{"In", word},
	{"W", word},
	{"Bias", word},
	{"Res", word},
	{"Out", word},
	{"At", pointers * word},
	{"ResAt", pointers * word},
	{"To", pointers * word},
	{"InPixel", word},
	{"ResPixel", word},
	{"OutPixel", word},
	{"ResBlock", word},
	{"OutBlock", word},
	{"Blocks", word},
	{"InBlock", word},
	{"KH", word},
	{"InRow", word},
	{"KW", word},
	{"InTap", word},
	{"Depth", word},
	{"LastDepth", word},
	{"Tiles", word},
	{"InTile", word},
	{"ResTile", word},
	{"OutTile", word},
	{"Ahead", word},
	{"Next", word},
	{"NextStep", word},
	{"Reach", word},
	{"Lo", float},
	{"Hi", float},
	{"Off", word},
	{"SiLU", word},
}

// A vector instruction set: how many bytes a register has, and how it gets one.
type isa struct {
	name  string
	bytes int
	reg   func() reg.VecVirtual
}

var (
	isa512 = isa{"512", 64, ZMM}
	isa256 = isa{"256", 32, YMM}
)

// groupOf says to which of the four groups of rows a row belongs, and which of it it is.
func groupOf(r int) (group, at int) {
	group = r / 7 * 2
	at = r % 7
	if at >= 4 {
		return group + 1, at - 4
	}
	return group, at
}

// tileGen writes one kernel.
type tileGen struct {
	tileFrame
	half   bool
	w, idx reg.GPVirtual
	ahead  reg.GPVirtual
	fetch  reg.Register // nil: results are not fetched
	pixels Mem          // left to fetch
	toRes  Mem          // from where a result goes to what is added to it
	base   []reg.GPVirtual
	s, s3  reg.GPVirtual
	reach  reg.GPVirtual // what is fetched of the input next
}

// input is the address of a row's element c of the current step.
func (g *tileGen) input(r, c int) Mem {
	if !g.grouped() {
		return Mem{Base: g.base[r], Index: g.idx, Scale: 1, Disp: 4 * c}
	}
	group, at := groupOf(r)
	m := mem(g.base[group], 4*c)
	switch at {
	case 1:
		m.Index, m.Scale = g.s, 1
	case 2:
		m.Index, m.Scale = g.s, 2
	case 3:
		m.Index, m.Scale = g.s3, 1
	}
	return m
}

// step multiplies n elements of the depth.
func (g *tileGen) step(n int) {
	size := g.bytes
	if g.half {
		size /= 2
	}
	for c := range n {
		for v := range g.wv {
			at := (c*g.vecs + v) * size
			if g.half {
				VCVTPH2PS(mem(g.w, at), g.wv[v])
			} else {
				VMOVUPS(mem(g.w, at), g.wv[v])
			}
			if at%64 == 0 {
				PREFETCHT0(Mem{Base: g.w, Index: g.ahead, Scale: 1, Disp: at})
			}
		}
		for r := range g.acc {
			if g.bytes == 64 && g.vecs == 1 {
				VFMADD231PS_BCST(g.input(r, c), g.wv[0], g.acc[r][0])
				continue
			}
			b := g.reg()
			VBROADCASTSS(g.input(r, c), b)
			for v := range g.wv {
				VFMADD231PS(b, g.wv[v], g.acc[r][v])
			}
		}
	}
	ADDQ(U32(uint32(n*g.vecs*size)), g.w)
	if n > 1 {
		PREFETCHT1(mem(g.next, 0))
		PREFETCHT1(mem(g.next, 64))
		ADDQ(g.nextStep, g.next)
		g.fetchResults()
		g.fetchInput(n)
	}
	if !g.grouped() {
		ADDQ(U8(uint8(4*n)), g.idx)
		return
	}
	for _, b := range g.base {
		ADDQ(U8(uint8(4*n)), b)
	}
}

// each calls f with the place of every register of the tile in an array of blocks: from, its pixels at the offsets
// `at`, Pixel apart in a group, Block from block to block.
func (g *tileGen) each(from Mem, at, pixel, block string, f func(m Mem, a reg.VecVirtual)) {
	b, stride := GP64(), GP64()
	MOVQ(from, b)
	MOVQ(g.arg(block), stride)
	perBlock := 64 / g.bytes
	for v := 0; v < g.vecs; v += perBlock {
		var q reg.GPVirtual
		for r := range g.rows {
			group, in := r, 0
			if g.grouped() {
				group, in = groupOf(r)
			}
			if in == 0 {
				q = GP64()
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

// fetchResults fetches the residuals of the next tile, and the places of its results, a pixel for every step: where the
// depth is small, waiting for them would take a good part of the time of the products.
func (g *tileGen) fetchResults() {
	if g.fetch == nil {
		return
	}
	DECQ(g.pixels)
	JLT(LabelRef("fetched"))
	t := GP64()
	PREFETCHT0(mem(g.fetch, 0))
	MOVQ(g.toRes, t)
	PREFETCHT0(Mem{Base: g.fetch, Index: t, Scale: 1})
	if g.vecs > 1 {
		MOVQ(g.arg("ResBlock"), t)
		ADDQ(g.toRes, t)
		PREFETCHT0(Mem{Base: g.fetch, Index: t, Scale: 1})
		MOVQ(g.arg("OutBlock"), t)
		PREFETCHT0(Mem{Base: g.fetch, Index: t, Scale: 1})
	}
	ADDQ(U8(64), g.fetch)
	Label("fetched")
}

// fetchInput fetches what the next block, or the next tile, will read: its places are too far apart for the processor to
// guess.
func (g *tileGen) fetchInput(n int) {
	for i := range n {
		m := mem(g.reach, 0)
		switch {
		case !g.grouped():
			if m.Disp = 64 * i; i > 1 {
				continue
			}
		case i == 1:
			m.Index, m.Scale = g.s, 1
		case i == 2:
			m.Index, m.Scale = g.s, 2
		case i == 3:
			m.Index, m.Scale = g.s3, 1
		}
		PREFETCHT0(m)
	}
	ADDQ(g.arg("Reach"), g.reach)
}

func tileLoop(set isa, rows, blocks int, half bool) {
	g := &tileGen{tileFrame: tileFrame{isa: set, rows: rows, vecs: blocks * 64 / set.bytes, silu: set.bytes == 64 && !half}, half: half}
	name := fmt.Sprintf("tile%s_%dx%d", set.name, rows, 16*blocks)
	if half {
		name += "h"
	}
	what := "is"
	if half {
		what = "with weights of 16 bits is"
	}
	local := g.begin(name, fmt.Sprintf("%s %s the loop of Tile with %d rows and %d blocks.", name, what, rows, blocks), 15)
	in, out, res := g.in, g.out, g.res
	left, at, fours, ones, tap, kh := local(4), local(5), local(6), local(7), local(8), local(9)
	kw := local(10)
	g.nextStep = local(11)
	move(g.arg("NextStep"), g.nextStep)
	g.next = GP64()
	MOVQ(g.arg("Next"), g.next)

	g.sums(g.each)
	g.w, g.ahead = GP64(), GP64()
	MOVQ(g.arg("W"), g.w)
	MOVQ(g.arg("Ahead"), g.ahead)
	groups := rows
	if g.grouped() {
		fetch, t := GP64(), GP64()
		g.fetch, g.pixels, g.toRes = fetch, local(12), local(13)
		MOVQ(out, fetch)
		ADDQ(g.arg("OutTile"), fetch)
		r := GP64()
		MOVQ(res, r)
		MOVQ(g.arg("ResTile"), t)
		ADDQ(r, t)
		SUBQ(fetch, t)
		MOVQ(t, g.toRes)
		// Without a residual nothing is waited for.
		MOVQ(U32(uint32(rows)), t)
		TESTQ(r, r)
		CMOVQEQ(r, t)
		MOVQ(t, g.pixels)
		groups = 4
		g.s, g.s3 = GP64(), GP64()
		MOVQ(g.arg("InPixel"), g.s)
		LEAQ(Mem{Base: g.s, Index: g.s, Scale: 2}, g.s3)
		if rows <= 11 {
			groups = 3
		}
	} else {
		g.idx = GP64()
		for r := range rows {
			b := GP64()
			g.base = append(g.base, b)
			MOVQ(g.argAt("At", r), b)
			ADDQ(in, b)
		}
	}
	if g.grouped() {
		for range groups {
			g.base = append(g.base, GP64())
		}
	}
	move(g.arg("Blocks"), left)
	zero := GP64()
	XORQ(zero, zero)
	MOVQ(zero, at)

	Label("block")
	{
		depth, last := GP64(), GP64()
		MOVQ(g.arg("Depth"), depth)
		MOVQ(g.arg("LastDepth"), last)
		CMPQ(left, U8(1))
		CMOVQEQ(last, depth)
		t := GP64()
		MOVQ(depth, t)
		SHRQ(U8(2), t)
		MOVQ(t, fours)
		MOVQ(depth, t)
		ANDQ(U8(3), t)
		MOVQ(t, ones)
		SHLQ(U8(2), depth)
		MOVQ(g.arg("InTap"), t)
		SUBQ(depth, t)
		MOVQ(t, tap)
		// The next block; after the last, the next tile.
		g.reach = GP64()
		MOVQ(g.arg("InTile"), t)
		MOVQ(at, g.reach)
		ADDQ(g.arg("InBlock"), g.reach)
		CMPQ(left, U8(1))
		CMOVQEQ(t, g.reach)
		ADDQ(in, g.reach)
		if !g.grouped() {
			ADDQ(g.argAt("At", 0), g.reach)
		}
	}
	// Of 8 rows with an address each, this one has no register.
	var row Op = local(14)
	if g.grouped() {
		row = GP64()
		MOVQ(at, row)
	} else {
		move(at, local(14))
	}
	move(g.arg("KH"), kh)
	Label("kh")
	move(g.arg("KW"), kw)
	if g.grouped() {
		for i, b := range g.base {
			MOVQ(g.argAt("At", i), b)
			ADDQ(in, b)
			ADDQ(row, b)
		}
	} else {
		MOVQ(row, g.idx)
	}
	Label("kw")
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
	JEQ(LabelRef("next"))
	Label("one")
	g.step(1)
	DECQ(n)
	JNZ(LabelRef("one"))
	Label("next")
	if g.grouped() {
		for _, b := range g.base {
			ADDQ(tap, b)
		}
	} else {
		ADDQ(tap, g.idx)
	}
	DECQ(kw)
	JNZ(LabelRef("kw"))
	{
		t := GP64()
		MOVQ(g.arg("InRow"), t)
		ADDQ(t, row)
	}
	DECQ(kh)
	JNZ(LabelRef("kh"))
	t := GP64()
	MOVQ(g.arg("InBlock"), t)
	ADDQ(t, at)
	DECQ(left)
	JNZ(LabelRef("block"))

	g.finish(g.each)
}

// tileEntries is the choice of a kernel by rows and blocks. It is a switch, since a call through a variable would put
// every argument struct on the heap.
func tileEntries() string {
	var b strings.Builder
	entry := func(f, isa, half string, rows ...int) {
		fmt.Fprintf(&b, "\n// %s calls the kernel of rows and blocks; it reports whether there is one.\nfunc %s(t *Tile, rows, blocks int) bool {\n\tswitch rows | blocks<<8 {\n", f, f)
		for i, most := range rows {
			for r := 1; r <= most; r++ {
				fmt.Fprintf(&b, "\tcase %d | %d<<8:\n\t\ttile%s_%dx%d%s(t)\n", r, i+1, isa, r, 16*(i+1), half)
			}
		}
		b.WriteString("\tdefault:\n\t\treturn false\n\t}\n\treturn true\n}\n")
	}
	entry("callTile512", "512", "", map512[:]...)
	entry("callTile512Half", "512", "h", 14, 14)
	entry("callTile256", "256", "", 6)
	entry("callTile256Half", "256", "h", 6)
	return b.String()
}
