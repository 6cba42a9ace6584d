package primitive

import (
	"fmt"
	"math"
	"unsafe"

	"github.com/godlas/godlas/dlas/ir"
	"github.com/godlas/godlas/dlas/primitive/internal/asm"
	"github.com/godlas/godlas/dlas/primitive/internal/mem"
)

// This file skips zeros of 3x3 kernels that have few masks, over strips (Niu et al., PatDNN, ASPLOS 2020: a fixed set of
// patterns). A mask is known as its runs of neighbours, one offset each: what a kernel keeps of a row of the window. The runs
// of an output channel are sorted by their length, so that the loop is the same for all of a length, whatever the mask; a
// vector of pixels is loaded once for all of a run's weights, so that the products are bound by multiplying alone.

// What weights of the format pattern look like: a kernel has so many weights at most, a layer so many masks.
const (
	patternWeights = 5
	patternMasks   = 16
)

// patternFits says why weights have no patterns, from some thousands of their kernels: the loop is right for any weights.
func patternFits(p ir.Problem) error {
	type fits struct{}
	return ir.Find(p.Known, fits{}, func() unfit { return unfit{patternsOf(p.Weights[1])} }).why
}

func patternsOf(w *ir.Tensor) error {
	if !w.Shape[2:].Equal(ir.Shape{3, 3}) {
		return fmt.Errorf("its kernels of %v are not 3x3", w.Shape[2:])
	}
	v := w.F32()
	kernels := len(v) / 9
	var seen [512]bool
	step := sampleStep(kernels, 1<<12)
	for i := 0; i < kernels; i += step {
		mask := 0
		for k, x := range v[9*i : 9*i+9] {
			if x != 0 {
				mask |= 1 << k
			}
		}
		seen[mask] = true
	}
	// A kernel that lacks one of its mask's weights has no mask of its own.
	n := 0
	for mask, there := range seen {
		if !there {
			continue
		}
		if most := maskWeights(mask); most > patternWeights {
			return fmt.Errorf("a kernel has %d weights, more than the %d of a pattern", most, patternWeights)
		}
		own := true
		for other := mask + 1; other < len(seen) && own; other++ {
			own = !seen[other] || mask&^other != 0
		}
		if own {
			n++
		}
	}
	if n > patternMasks {
		return fmt.Errorf("its kernels have %d masks, more than %d", n, patternMasks)
	}
	return nil
}

func maskWeights(mask int) (n int) {
	for ; mask != 0; mask &= mask - 1 {
		n++
	}
	return n
}

// runs calls f for each run of a kernel: where it begins and how many weights it has.
func (c *stripConv) runs(kernel []float32, f func(kh, kw, width int)) {
	longest := asm.PatternPtrs
	if c.win.DW > 1 {
		longest = 1 // whose neighbours are not side by side
	}
	for kh := range c.win.KH {
		row := kernel[kh*c.win.KW:][:c.win.KW]
		for kw := 0; kw < len(row); {
			n := 0
			for n < longest && kw+n < len(row) && row[kw+n] != 0 {
				n++
			}
			if n > 0 {
				f(kh, kw, n)
			}
			kw += max(1, n)
		}
	}
}

// packPatterns is packEntries for runs: of each chunk and output channel, those of three weights, of two, of one.
func (c *stripConv) packPatterns(w []float32) {
	taps, size := c.win.KH*c.win.KW, 0
	for i := range c.m * c.c {
		c.runs(w[i*taps:(i+1)*taps], func(_, _, width int) {
			size += 1 + width
			c.weights += width
		})
	}
	room := mem.Alloc(4 * max(2, size))
	words := unsafe.Slice((*int32)(unsafe.Pointer(&room[0])), max(2, size))
	c.entries = unsafe.Slice((*asm.Entry)(unsafe.Pointer(&room[0])), 1)
	at := 0
	for first := 0; first < c.c; first += c.chunk {
		ptr := []int32{int32(at)}
		for m := range c.m {
			for want := asm.PatternPtrs; want > 0; want-- {
				for ch := first; ch < min(c.c, first+c.chunk); ch++ {
					kernel := w[(m*c.c+ch)*taps : (m*c.c+ch+1)*taps]
					c.runs(kernel, func(kh, kw, width int) {
						if width != want {
							return
						}
						words[at] = int32(c.offset(ch, kh, kw))
						at++
						for _, v := range kernel[kh*c.win.KW+kw:][:width] {
							words[at] = int32(math.Float32bits(v))
							at++
						}
					})
				}
				ptr = append(ptr, int32(at))
			}
		}
		c.ptr = append(c.ptr, ptr)
	}
}

// patternBytes is what a weight takes, of patterns of four.
const patternBytes = 6.3

// callPattern runs the loop of a level.
func callPattern(isa asm.ISA, s *asm.Strip, tile *stripTile, stride int) {
	switch {
	case stride >= stripWideStride:
		asm.PatternGo(s, tile.rows, tile.cols, stride)
	case isa == asm.AVX512:
		asm.Pattern512(s, tile.rows, tile.cols, stride)
	case isa == asm.AVX2:
		asm.Pattern256(s, tile.rows, tile.cols, stride)
	default:
		asm.PatternGo(s, tile.rows, tile.cols, stride)
	}
}
