package primitive

import (
	"unsafe"

	"github.com/godlas/godlas/dlas/ir"
	"github.com/godlas/godlas/dlas/primitive/internal/asm"
	"github.com/godlas/godlas/dlas/primitive/internal/mem"
)

// This file skips zeros that four output channels have in common, over strips: blocks of 4x1, and the rows of
// block-punched weights (Cai et al., YOLObile, 2021), whose blocks of 8x4 are two fours high. A
// vector of the input is loaded once for the four channels, so that the products are bound by multiplying alone, which
// those of csr, a load each, are not.

// stripRow is an algorithm and a format over strips; name is what the kernel's name has for the format.
type stripRow struct {
	algorithm, format, name string
	form                    stripForm
}

func stripRowsOf() []stripRow {
	var list []stripRow
	for _, algorithm := range []string{Direct, Gemm, SpatialPack} {
		list = append(list, stripRow{algorithm, CSR, CSR, formOf(algorithm)})
	}
	quads := formOf(Direct)
	quads.quads = true
	patterns := formOf(Direct)
	patterns.pattern = true
	return append(list, stripRow{Direct, BSR, "bsr4", quads}, stripRow{Direct, Punched, Punched, quads}, stripRow{Direct, Pattern, Pattern, patterns})
}

// quadBytes is the size of an asm.Quad.
const quadBytes = 20

// bytes is the size of an entry, of patterns of a word.
func (f stripForm) bytes() int {
	switch {
	case f.quads:
		return quadBytes
	case f.pattern:
		return 4
	}
	return 8
}

// quadCycles is the time of a quad with a tile of n vectors.
func quadCycles(isa asm.ISA, n int) float64 {
	switch isa {
	case asm.AVX512:
		return max(2*float64(n)+0.5, 4.5)
	case asm.AVX2:
		return max(4*float64(n)+0.5, 4.5)
	}
	return 4 * stripGoCycles * float64(n)
}

// density is the share of the entries that are stored, from some thousands of them.
func (s *strips) density(f stripForm) float64 {
	if !f.quads {
		return densityOf(s.p)
	}
	type share struct{}
	return ir.Find(s.p.Known, share{}, func() float64 { return s.quadDensity(s.p.Weights[1].F32()) })
}

func (s *strips) quadDensity(w []float32) float64 {
	each := len(w) / s.m
	all := s.m / 4 * each
	if all == 0 {
		return 0
	}
	step, looked, found := sampleStep(all, 1<<12), 0, 0
	for i := 0; i < all; i += step {
		looked++
		if quadAt(w, i/each, i%each, each) != ([4]float32{}) {
			found++
		}
	}
	return float64(found) / float64(looked)
}

// quadAt are the weights of four output channels for one element of the depth, of `each`.
func quadAt(w []float32, four, k, each int) (q [4]float32) {
	for i := range q {
		q[i] = w[(4*four+i)*each+k]
	}
	return q
}

// packQuads is packEntries for four output channels at a time.
func (c *stripConv) packQuads(w []float32) {
	taps := c.win.KH * c.win.KW
	each := c.c * taps
	n := 0
	for four := range c.m / 4 {
		for k := range each {
			if quadAt(w, four, k, each) != ([4]float32{}) {
				n++
			}
		}
	}
	room := mem.Alloc(quadBytes * max(1, n))
	quads := unsafe.Slice((*asm.Quad)(unsafe.Pointer(&room[0])), max(1, n))
	c.entries = unsafe.Slice((*asm.Entry)(unsafe.Pointer(&room[0])), 1)
	at := 0
	for first := 0; first < c.c; first += c.chunk {
		ptr := []int32{int32(at)}
		for four := range c.m / 4 {
			for ch := first; ch < min(c.c, first+c.chunk); ch++ {
				for k := range taps {
					if q := quadAt(w, four, ch*taps+k, each); q != ([4]float32{}) {
						quads[at] = asm.Quad{Off: int32(c.offset(ch, k/c.win.KW, k%c.win.KW)), W: q}
						at++
					}
				}
			}
			ptr = append(ptr, int32(at))
		}
		c.ptr = append(c.ptr, ptr)
	}
}

// callQuads runs the loop of a level.
func callQuads(isa asm.ISA, s *asm.Strip, tile *stripTile, stride int) {
	switch {
	case stride >= stripWideStride:
		asm.QuadGo(s, tile.rows, tile.cols, stride)
	case isa == asm.AVX512:
		asm.Quad512(s, tile.rows, tile.cols, stride)
	case isa == asm.AVX2:
		asm.Quad256(s, tile.rows, tile.cols, stride)
	default:
		asm.QuadGo(s, tile.rows, tile.cols, stride)
	}
}

// quadSchedules are the candidates of a tuner.
func quadSchedules(p ir.Problem, isa asm.ISA) []ir.Schedule {
	s, err := newStrips(p)
	if err != nil {
		return nil
	}
	var list []ir.Schedule
	for _, size := range [][2]int{{1, 6}, {1, 5}, {2, 3}, {3, 2}, {1, 4}, {2, 2}, {1, 1}} {
		if size[0]*size[1] > mostVectors(isa, stripForm{quads: true}) || size[0] > s.to.H || size[1] > s.to.W {
			continue
		}
		for _, chunk := range []int{0, 16, 32, 64, s.c} {
			if chunk <= s.c {
				list = append(list, ir.Schedule{Tiles: []int{size[1], size[0], chunk}})
			}
		}
	}
	return list
}
