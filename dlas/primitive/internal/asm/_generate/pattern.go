package main

import (
	"fmt"

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
	each := 64 / set.bytes // registers of a vector
	n := rows * cols * each
	sets := patternSets(set, n)
	f := beginStrips(set, rows, cols, name, fmt.Sprintf("%s is the loop of PatternGo for tiles of %d x %d vectors and a stride of %d.", name, rows, cols, stride), func(at reg.GPVirtual) {
		SHLQ(U8(2), at)
	})
	base, ptr, at, end := f.base, f.ptr, f.at, f.end

	Label("row")
	acc := f.sums(sets)
	f.fromBias(acc[:1])
	Label("goon")
	f.tile(f.out, "OutRow", acc[0], func(m Mem, a reg.VecVirtual) { VMOVUPS(m, a) })
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
		ADDQ(f.entries, end)
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
	f.finish(acc[:1])
}

// patternEntries is the choice of a kernel.
func patternEntries() string { return stripChoice("Pattern", stripTiles, patternName) }
