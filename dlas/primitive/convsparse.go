package primitive

import (
	"math"

	"github.com/godlas/godlas/dlas/ir"
	"github.com/godlas/godlas/dlas/primitive/internal/asm"
)

// sparseRows are weights by output channel, each with the position of the pixel that it multiplies.
type sparseRows struct {
	entries []asm.Entry
	ptr     []int32
}

// sparseLanes is the number of lanes of a panel: 8, or 2 where 8 would leave most of them without pixels.
func sparseLanes(s ir.Schedule, lanes int) int {
	if l := tile(s, 0); l == 2 || l == 8 {
		return l
	}
	if lanes <= 3 {
		return 2
	}
	return 8
}

// packSparse makes a convolution use the loop of entries, one for every weight: it takes groups of any size, and any
// window.
func (c *conv) packSparse(w []float32) {
	g := c.g
	s := &sparseRows{ptr: []int32{0}}
	for m := range g.m {
		group := int32(m / g.mg * g.cg * g.channel)
		for k, v := range w[m*g.depth : (m+1)*g.depth] {
			at := c.off[k] + group
			s.entries = append(s.entries, asm.Entry{Off: at, W: v})
			c.reach = max(c.reach, int(at)+1)
		}
		s.ptr = append(s.ptr, int32(len(s.entries)))
	}
	c.packed, c.executed = 8*int64(len(s.entries))+4*int64(len(s.ptr)), int64(len(s.entries))
	c.units = g.m
	c.block = func(seg segment, panel, from, to int) { c.sparseBlock(s, seg, panel, from, to) }
}

// scratchRows is the number of output channels that a scratch tile has room for.
const scratchRows = 8

// sparseBlock computes output channels from..to-1 for one panel.
func (c *conv) sparseBlock(rows *sparseRows, seg segment, panel, from, to int) {
	g := c.g
	var s asm.Sparse
	s.In = c.input(seg, panel, s.At[:c.lanes])
	s.Entries, s.Reach = rows.entries, c.reach
	if g.scatter {
		c.sparseEdge(rows, seg, panel, from, to, s)
		return
	}
	for v := range c.lanes {
		s.To[v] = int(c.lane(panel, v).to)
	}
	pixels := g.oh * g.ow
	s.Pitch, s.Lo, s.Hi = pixels, c.lo, c.hi
	for from < to {
		s.Out = seg.out[from*pixels:]
		if seg.res != nil {
			s.Res = seg.res[from*pixels:]
		}
		s.Ptr, s.Bias, s.Rows = rows.ptr[from:], c.bias[from:], rows.callRows(from, to, c.lanes*asm.Lane)
		c.runSparse(&s)
		from += s.Rows
	}
}

// sparseEdge is sparseBlock by way of a scratch tile, whose results are picked one by one.
func (c *conv) sparseEdge(rows *sparseRows, seg segment, panel, from, to int, s asm.Sparse) {
	var tile [scratchRows * 8 * asm.Lane]float32
	s.Out, s.Pitch = tile[:], c.lanes*asm.Lane
	s.Lo, s.Hi = float32(math.Inf(-1)), float32(math.Inf(1))
	for v := range c.lanes {
		s.To[v] = v * asm.Lane
	}
	for ; from < to; from += s.Rows {
		s.Rows = min(scratchRows, rows.callRows(from, to, c.lanes*asm.Lane))
		s.Ptr, s.Bias = rows.ptr[from:], c.bias[from:]
		c.runSparse(&s)
		c.place(seg, panel, from, s.Rows, tile[:])
	}
}

// callRows is the number of output channels, from from on, that one call of the loop may compute.
func (s *sparseRows) callRows(from, to, width int) int {
	n := 1
	for from+n < to && int(s.ptr[from+n+1]-s.ptr[from])*width <= asm.MaxMACs {
		n++
	}
	return n
}

func (c *conv) runSparse(s *asm.Sparse) {
	if c.avx2 {
		asm.SparseAVX2(s, c.lanes)
	} else {
		asm.SparseGo(s, c.lanes)
	}
}
