package primitive

import (
	"math"

	"github.com/godlas/godlas/dlas/ir"
	"github.com/godlas/godlas/dlas/primitive/internal/asm"
)

// sparseRows are weights in compressed sparse rows: for each output channel its weights that are not zero, each with the
// position of the pixel that it multiplies.
type sparseRows struct {
	entries []asm.Entry
	ptr     []int32
}

// packSparse makes a convolution use the sparse loop. It leaves the zeros out, unless every weight is wanted (depthwise
// convolutions are stored like this too, for the sake of the loop).
func (c *conv) packSparse(w []float32, zeros bool) {
	g := c.g
	s := &sparseRows{ptr: []int32{0}}
	for m := range g.m {
		group := int32(0)
		if !c.matrix {
			group = int32(m / g.mg * g.cg * g.channel)
		}
		for k, v := range w[m*g.depth : (m+1)*g.depth] {
			if v != 0 || zeros {
				at := c.off[k] + group
				s.entries = append(s.entries, asm.Entry{Off: at, W: v})
				c.reach = max(c.reach, int(at)+1)
			}
		}
		s.ptr = append(s.ptr, int32(len(s.entries)))
	}
	c.rows = s
	c.block = func(call ir.Call, panel, from, to int) { c.sparseBlock(s, call, panel, from, to) }
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

func (s *sparseRows) units() int         { return len(s.ptr) - 1 }
func (s *sparseRows) macs() int          { return len(s.entries)/s.units() + 1 }
func (s *sparseRows) packedBytes() int64 { return 8*int64(len(s.entries)) + 4*int64(len(s.ptr)) }
func (s *sparseRows) executed() int64    { return int64(len(s.entries)) }

// scratchRows is the number of output channels that a scratch tile has room for.
const scratchRows = 8

// sparseBlock computes output channels from..to-1 for one panel.
func (c *conv) sparseBlock(rows *sparseRows, call ir.Call, panel, from, to int) {
	g := c.g
	pixels := g.oh * g.ow
	width := c.lanes * asm.Lane
	var s asm.Sparse
	s.In = c.input(call, panel, s.At[:c.lanes])
	s.Entries, s.Reach = rows.entries, c.reach
	if g.scatter {
		var tile [scratchRows * 8 * asm.Lane]float32
		s.Out, s.Pitch = tile[:], width
		s.Lo, s.Hi = float32(math.Inf(-1)), float32(math.Inf(1))
		for v := range c.lanes {
			s.To[v] = v * asm.Lane
		}
		for m := from; m < to; m += scratchRows {
			s.Rows = min(scratchRows, to-m)
			s.Ptr, s.Bias = rows.ptr[m:], c.bias[m:]
			c.runSparse(&s)
			c.place(call, panel, m, s.Rows, tile[:])
		}
		return
	}
	for v := range c.lanes {
		s.To[v] = int(c.lane(panel%c.panels, v).to)
	}
	s.Pitch, s.Lo, s.Hi = pixels, c.lo, c.hi
	res := residual(call)
	for from < to {
		n := rows.callRows(from, to, width)
		base := (panel/c.panels*g.m + from) * pixels
		s.Out = call.Out[0][base:]
		if res != nil {
			s.Res = res[base:]
		}
		s.Ptr, s.Bias, s.Rows = rows.ptr[from:], c.bias[from:], n
		c.runSparse(&s)
		from += n
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
