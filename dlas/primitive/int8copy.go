package primitive

import (
	"fmt"

	"github.com/godlas/godlas/dlas/ir"
	"github.com/godlas/godlas/dlas/ir/op"
)

// This file has the two ways to copy a quantised convolution's input before it is multiplied, as convmatrix.go has them for
// floats: the tiles, and what they are given of the weights, are those of direct.

// byteCopyFits refuses what has no matrix, or one beyond all bounds.
func byteCopyFits(p ir.Problem) error {
	if n := p.Node.Attrs.Int("group", 1); n > 1 {
		return fmt.Errorf("it does not run a convolution with %d groups", n)
	}
	w, out := p.In[op.QConvW], p.Out[0]
	if out[2]*out[3] > maxImage/(16*ceilDiv(w[1], 16)*w[2]*w[3]+64) {
		return fmt.Errorf("its im2col matrix is larger than %d elements", maxImage)
	}
	return nil
}

// byteCopyCycles is what copying a byte costs.
const byteCopyCycles = 0.2

// byteCopyCost estimates the cycles of an algorithm's copies.
func byteCopyCost(p ir.Problem, algorithm string) float64 {
	if algorithm == Direct {
		return 0
	}
	w, out := p.In[op.QConvW], p.Out[0]
	unit := 16 * ceilDiv(w[1], 16)
	if isStem(p) {
		unit = 4
	}
	return byteCopyCycles * float64(out[0]*out[2]*out[3]*unit*w[2]*w[3])
}

// copied reports whether the tiles read a copy.
func (c *byteConv) copied() bool { return c.algorithm != Direct }

// unit is the bytes of a pixel of one block of channels.
func (c *byteConv) unit() int { return 4 * c.groups }

// copies lays out what the tiles read instead of the map, once the pieces of a line are known. The copies of one image are
// made at a time.
func (c *byteConv) copies(m ir.Machine) {
	v, t, u := c.win, &c.proto, c.unit()
	last := c.lines[len(c.lines)-1]
	lines := last.y + last.rows
	if c.algorithm == Gemm {
		// A row for each pixel of the output, with all bytes under its window. Rows that are a multiple of a page apart would
		// fall into the same few lines of the first-level cache.
		taps := v.KH * v.KW
		row := c.blocks() * taps * u
		if row%4096 == 0 {
			row += 64
		}
		t.KH, t.KW, t.RowStep, t.TapStep, t.BlockStep, t.Pixel = 1, taps, 0, u, taps*u, row
		for i := range c.pieces {
			c.pieces[i].in = c.pieces[i].x * row
		}
		c.runBytes = v.KW * u
		if v.DW > 1 {
			c.runBytes = u
		}
		for b := range c.blocks() {
			for kh := range v.KH {
				for kw := 0; kw < v.KW; kw += c.runBytes / u {
					c.runs = append(c.runs, b*c.block+kh*v.DH*c.row+kw*v.DW*u)
				}
			}
		}
		end := c.pieces[len(c.pieces)-1]
		c.lineStep = (end.x + end.pixels) * row
	} else {
		// Everything that the windows of a piece cover, row by row, block by block; what two pieces share is there twice.
		wide := 0
		for _, q := range c.pieces {
			wide = max(wide, c.covered(q))
		}
		t.RowStep, t.TapStep, t.BlockStep = wide*u, v.DW*u, v.KH*wide*u
		c.pieceBytes = c.blocks() * t.BlockStep
		for i := range c.pieces {
			c.pieces[i].in = i * c.pieceBytes
		}
		c.lineStep = len(c.pieces) * c.pieceBytes
	}
	c.copyBytes = lines * c.lineStep
	c.copyParts = chunksFor(lines*len(c.pieces), ceilDiv(c.copyBytes, lines*len(c.pieces)), m)
}

// blocks is the number of blocks of input channels.
func (c *byteConv) blocks() int { return ceilDiv(c.in[1], 4*c.groups) }

// covered is how many pixels of a row the windows of a piece reach over.
func (c *byteConv) covered(q bytePiece) int {
	return (q.pixels-1)*c.win.SW + (c.win.KW-1)*c.win.DW + 1
}

// copy makes a part of an image's copies; from is the first window.
func (c *byteConv) copy(to, from ir.Memory, i int) {
	v, u := c.win, c.unit()
	first, end := part(c.copyBytes/c.lineStep*len(c.pieces), c.copyParts, i)
	for ; first < end; first++ {
		y, q := first/len(c.pieces), c.pieces[first%len(c.pieces)]
		src, dst := from[y*v.SH*c.row+q.x*c.pixel:], to[y*c.lineStep+q.in:]
		if c.algorithm == SpatialPack {
			n := c.covered(q) * u
			for b := range c.blocks() {
				for kh := range v.KH {
					copy(dst[b*c.proto.BlockStep+kh*c.proto.RowStep:][:n], src[b*c.block+kh*v.DH*c.row:])
				}
			}
			continue
		}
		for x := range q.pixels {
			copyRuns(dst[x*c.proto.Pixel:], src[x*c.pixel:], c.runs, c.runBytes)
		}
	}
}

// copyRuns copies runs of that many bytes, one after the other; at is where they are. A call to copy would take longer than
// the sizes that there are most.
func copyRuns(to, from []byte, at []int, size int) {
	switch size {
	case 12:
		for i, a := range at {
			*(*[12]byte)(to[12*i:]) = *(*[12]byte)(from[a:])
		}
	case 16:
		for i, a := range at {
			*(*[16]byte)(to[16*i:]) = *(*[16]byte)(from[a:])
		}
	case 48:
		for i, a := range at {
			d, s := (*[48]byte)(to[48*i:]), (*[48]byte)(from[a:]) // whose assignment would be a call
			*(*[16]byte)(d[:16]) = *(*[16]byte)(s[:16])
			*(*[16]byte)(d[16:32]) = *(*[16]byte)(s[16:32])
			*(*[16]byte)(d[32:]) = *(*[16]byte)(s[32:])
		}
	default:
		for i, a := range at {
			copy(to[size*i:size*(i+1)], from[a:])
		}
	}
}
