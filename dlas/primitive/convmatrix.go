package primitive

import (
	"github.com/godlas/godlas/dlas/ir"
	"github.com/godlas/godlas/dlas/primitive/internal/asm"
)

// This file has the two ways to copy a convolution's input before it is multiplied. With blocks of channels neither is
// needed; both are here because others do it, and to see what it costs.

// im2col makes the tiles read the im2col matrix: a row for each pixel of the output, with all numbers under its window.
func (c *convolution) im2col(d *dense) source {
	w := c.win
	depth := c.c * w.KH * w.KW
	// Rows that are a multiple of a page apart would fall into the same few lines of the first-level cache.
	pitch := depth
	if pitch%1024 == 0 {
		pitch += asm.Block
	}
	t := &d.tile
	t.KH, t.KW = 1, 1
	for i := range d.weights.groups {
		d.weights.groups[i].deep = chain{blocks: 1, depth: depth, last: depth}
		d.weights.groups[i].in = 0
	}
	parts := min(c.oh, max(d.bandParts*d.groupParts, ceilDiv(c.oh*c.ow*depth, longestCopy)))
	d.matrix = func(call ir.Call, image, i int) {
		y0, y1 := part(c.oh, parts, i)
		to, from := call.Workspace.F32(), call.In[0].F32()[image*c.in.Image:]
		for y := y0; y < y1; y++ {
			for x := range c.ow {
				row := to[(y*c.ow+x)*pitch:][:depth]
				first := c.window(y, x)
				for b := 0; b < c.c; b += asm.Block {
					n := min(asm.Block, c.c-b)
					for kh := range w.KH {
						at := first + b/asm.Block*c.in.Block + kh*w.DH*c.in.Row
						for range w.KW {
							copyBlock(row, from[at:], n)
							row = row[n:]
							at += w.DW * asm.Block
						}
					}
				}
			}
		}
	}
	return source{
		workspace: 4 * int64(c.oh*c.ow*pitch), parts: parts,
		at: func(_ *band, y, x int) int { return 4 * (y*c.ow + x) * pitch },
	}
}

// longestCopy bounds the elements of a part that copies.
const longestCopy = 1 << 18

// copyBlock copies n channels of a block.
func copyBlock(to, from []float32, n int) {
	if n == asm.Block {
		*(*[asm.Block]float32)(to) = *(*[asm.Block]float32)(from)
		return
	}
	// A call to copy would take longer than so few numbers.
	to, from = to[:n], from[:n]
	for i := range to {
		to[i] = from[i]
	}
}

// spatialPack makes the tiles read packed pieces of the input: for each tile of neighbouring pixels of a row everything
// that their windows cover, row by row, block of channels by block of channels; what two tiles share is there twice.
func (c *convolution) spatialPack(d *dense) source {
	w := c.win
	pieces := ceilDiv(c.ow, c.packedPixels(d))
	wide := (ceilDiv(c.ow, pieces)-1)*w.SW + (w.KW-1)*w.DW + 1
	blocks := ceilDiv(c.c, asm.Block)
	row := wide * asm.Block
	size := blocks * w.KH * row
	t := &d.tile
	t.InBlock = 4 * w.KH * row
	t.KH, t.InRow = w.KH, 4*row
	t.KW, t.InTap = w.KW, pixelBytes*w.DW
	parts := min(c.oh, max(d.bandParts*d.groupParts, ceilDiv(c.oh*pieces*size, longestCopy)))
	d.matrix = func(call ir.Call, image, i int) {
		y0, y1 := part(c.oh, parts, i)
		to, from := call.Workspace.F32(), call.In[0].F32()[image*c.in.Image:]
		for y := y0; y < y1; y++ {
			for j := range pieces {
				x0, x1 := part(c.ow, pieces, j)
				n := ((x1-x0-1)*w.SW + (w.KW-1)*w.DW + 1) * asm.Block
				first := c.window(y, x0)
				at := (y*pieces + j) * size
				for b := range blocks {
					for kh := range w.KH {
						copy(to[at:at+n], from[first+b*c.in.Block+kh*w.DH*c.in.Row:])
						at += row
					}
				}
			}
		}
	}
	return source{
		workspace: 4 * int64(c.oh*pieces*size), parts: parts,
		at: func(_ *band, y, x int) int {
			j := (x*pieces + pieces - 1) / c.ow
			for x0, x1 := part(c.ow, pieces, j); x < x0 || x >= x1; x0, x1 = part(c.ow, pieces, j) {
				if x < x0 {
					j--
				} else {
					j++
				}
			}
			x0, _ := part(c.ow, pieces, j)
			return 4 * ((y*pieces+j)*size + (x-x0)*w.SW*asm.Block)
		},
	}
}

// packedPixels is the number of pixels that are packed together: as many as a tile has.
func (c *convolution) packedPixels(d *dense) int {
	n := asm.TileRows512[2]
	for i := range d.weights.groups {
		n = min(n, c.level.mostRows(d.weights.groups[i].blocks))
	}
	return n
}
