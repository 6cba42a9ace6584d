package main

import (
	"math"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// tileFrame is what the loops of dense products and of those that are picked share: how a run of tiles begins, and how the
// sums of each begin and end.
type tileFrame struct {
	isa
	rows, vecs          int // vecs: registers of a row
	p                   reg.Register
	acc                 [][]reg.VecVirtual
	wv                  []reg.VecVirtual
	in, out, res, tiles Mem // where the tile lies, and how many are left
	next                reg.GPVirtual
	nextStep            Mem
	silu                bool
}

// eachOf calls f with the place of every register of a tile in an array of blocks: from, its pixels at the offsets `at`,
// Pixel apart in a group, Block from block to block.
type eachOf func(from Mem, at, pixel, block string, f func(m Mem, a reg.VecVirtual))

func (g *tileFrame) arg(name string) Mem { return mem(g.p, offset(tile, name)) }

func (g *tileFrame) argAt(name string, i int) Mem { return mem(g.p, offset(tile, name)+8*i) }

func (g *tileFrame) grouped() bool { return g.rows > pointers }

// begin begins a function with its locals, of which the first four are where the tile lies.
func (g *tileFrame) begin(name, doc string, locals int) (local func(i int) Mem) {
	TEXT(name, NOSPLIT, "func(t *Tile)")
	Pragma("noescape")
	Doc(doc)
	room := AllocLocal(locals * word)
	local = func(i int) Mem { return room.Offset(8 * i) }
	g.in, g.out, g.res, g.tiles = local(0), local(1), local(2), local(3)
	g.p = Load(Param("t"), GP64())
	move(g.arg("In"), g.in)
	move(g.arg("Out"), g.out)
	move(g.arg("Res"), g.res)
	move(g.arg("Tiles"), g.tiles)
	return local
}

// sums begins a tile's sums with the bias and what is added to them.
func (g *tileFrame) sums(each eachOf) {
	Label("tile")
	bias := GP64()
	MOVQ(g.arg("Bias"), bias)
	g.acc = make([][]reg.VecVirtual, g.rows)
	for r := range g.acc {
		for v := range g.vecs {
			a := g.reg()
			g.acc[r] = append(g.acc[r], a)
			if r == 0 {
				VMOVUPS(mem(bias, v*g.bytes), a)
			} else {
				VMOVAPS(g.acc[0][v], a)
			}
		}
	}
	CMPQ(g.arg("Res"), U8(0))
	JEQ(LabelRef("start"))
	each(g.res, "ResAt", "ResPixel", "ResBlock", func(m Mem, a reg.VecVirtual) { VADDPS(m, a, a) })
	Label("start")
	for range g.vecs {
		g.wv = append(g.wv, g.reg())
	}
}

// siluOf is x / (1 + e^-x) as width.sigmoid finds it, with all numbers but the sixteenths in memory, since a tile leaves no
// registers. Each is read alone: a whole register's worth may lie across two lines of the cache.
func siluOf(a, powers reg.VecVirtual) reg.VecVirtual {
	one := func(x float64) Mem { return table.word(math.Float32bits(float32(x))) }
	x, t, n, e, p, y, d := ZMM(), ZMM(), ZMM(), ZMM(), ZMM(), ZMM(), ZMM()
	VRANGEPS_BCST(U8(2), one(87), a, x) // the one that is nearer to zero, with the sign of a
	VBROADCASTSS(one(magic/16), t)
	VFNMADD231PS_BCST(one(log2e), x, t)
	VSUBPS_BCST(one(magic/16), t, n)
	VFNMSUB231PS_BCST(one(ln2), n, x)
	VBROADCASTSS(one(shortCoefficients[0]), p)
	VFMADD213PS_BCST(one(shortCoefficients[1]), x, p)
	VFMADD213PS_BCST(one(shortCoefficients[2]), x, p)
	VPERMPS(powers, t, e)
	VPSLLD(U8(19), t, t)
	VPADDD(t, e, e)
	VFMADD213PS_BCST(one(1), p, e)
	VRCP14PS(e, y)
	VBROADCASTSS(one(1), d)
	VFNMADD231PS(e, y, d)
	VFMADD231PS(y, d, y)
	VMULPS(a, y, y) // last: of what is infinite, d times y is no number
	return y
}

// finish clamps and stores a tile, or applies SiLU while it is in registers, and goes on with the next.
func (g *tileFrame) finish(each eachOf) {
	if g.silu {
		CMPQ(g.arg("SiLU"), U8(0))
		JEQ(LabelRef("plain"))
		powers := ZMM()
		VMOVUPS(table.place(sixteenths()), powers)
		each(g.out, "To", "OutPixel", "OutBlock", func(m Mem, a reg.VecVirtual) { VMOVUPS(siluOf(a, powers), m) })
		JMP(LabelRef("stored"))
		Label("plain")
	}
	lo, hi := g.reg(), g.reg()
	VBROADCASTSS(g.arg("Lo"), lo)
	VBROADCASTSS(g.arg("Hi"), hi)
	each(g.out, "To", "OutPixel", "OutBlock", func(m Mem, a reg.VecVirtual) {
		// With this order of operands a NaN stays a NaN.
		VMAXPS(a, lo, a)
		VMINPS(a, hi, a)
		VMOVUPS(a, m)
	})
	if g.silu {
		Label("stored")
	}
	for _, adv := range []struct {
		name string
		to   Mem
	}{{"InTile", g.in}, {"ResTile", g.res}, {"OutTile", g.out}} {
		t := GP64()
		MOVQ(g.arg(adv.name), t)
		ADDQ(t, adv.to)
	}
	DECQ(g.tiles)
	JNZ(LabelRef("tile"))
	VZEROUPPER()
	RET()
}
