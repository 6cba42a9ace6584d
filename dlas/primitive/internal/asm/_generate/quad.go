package main

import (
	"fmt"

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
	each := 64 / set.bytes // registers of a vector
	f := beginStrips(set, rows, cols, name, fmt.Sprintf("%s is the loop of QuadGo for tiles of %d x %d vectors and a stride of %d.", name, rows, cols, stride), func(at reg.GPVirtual) {
		IMUL3Q(U8(quadBytes), at, at)
	})
	base, ptr, at, end := f.base, f.ptr, f.at, f.end

	Label("row")
	acc := f.sums(4)
	MOVLQSX(mem(ptr, 4), end)
	IMUL3Q(U8(quadBytes), end, end)
	ADDQ(f.entries, end)
	ADDQ(U8(4), ptr)
	f.fromBias(acc)
	Label("goon")
	{
		q := GP64()
		MOVQ(f.out, q)
		f.tiles(q, "OutRow", "OutStep", acc, func(m Mem, a reg.VecVirtual) { VMOVUPS(m, a) })
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
	f.finish(acc)
}

// quadEntries is the choice of a kernel.
func quadEntries() string { return stripChoice("Quad", quadTiles, quadName) }
