package primitive

import (
	"fmt"
	"math"

	"github.com/godlas/godlas/dlas/ir"
	"github.com/godlas/godlas/dlas/ir/op"
	"github.com/godlas/godlas/dlas/primitive/internal/asm"
)

// conv is a convolution bound to its loops. It runs in up to three phases: copy the input with its border, build the
// im2col matrix (gemm only), multiply.
type conv struct {
	g      *geometry
	avx2   bool
	matrix bool // build the im2col matrix
	lanes  int  // of a panel: 2 for the dense loop, 2 or 8 for the sparse one
	panels int  // of an image
	bias   []float32
	lo, hi float32

	off   []int32 // what the loops add to a lane's position: the geometry's, or the matrix' rows
	reach int     // 1 + the largest

	rows  rows
	block func(call ir.Call, panel, from, to int) // computes units from..to-1 of rows for a panel
	cut   cut
}

// rows are a convolution's weights as one of the two loops wants them, in units that can be shared out.
type rows interface {
	units() int
	macs() int // multiply-accumulates of one unit and one pixel, on average
	packedBytes() int64
	executed() int64 // multiply-accumulates of all units for one pixel, zeros and padding included
}

// bindConv binds a convolution. sparse chooses the loop; zeros are left out of it unless kept.
func bindConv(p ir.Problem, s ir.Schedule, avx2, matrix, sparse, zeros bool) (ir.Bound, error) {
	g, err := newGeometry(p)
	if err != nil {
		return ir.Bound{}, err
	}
	c := &conv{g: g, avx2: avx2, matrix: matrix, lanes: 2, bias: biasOf(p, g.m), off: g.off, reach: g.reach}
	c.lo, c.hi = clampOf(p.Node)
	if sparse {
		c.lanes = sparseLanes(s, len(g.lanes))
	}
	c.panels = ceilDiv(len(g.lanes), c.lanes)
	if matrix {
		if c.panels > maxImage/g.n/c.panelSize() {
			return ir.Bound{}, fmt.Errorf("its im2col matrix is larger than %d elements", maxImage)
		}
		width := c.lanes * asm.Lane
		c.off = make([]int32, g.depth)
		for k := range c.off {
			c.off[k] = int32(k * width)
		}
		c.reach = (g.depth-1)*width + 1
	}
	if w := p.Weights[1].F32(); sparse {
		c.packSparse(w, zeros)
	} else {
		c.packDense(w, s)
	}
	c.cut = cutOf(s, c.rows, g.n*c.panels, c.lanes*asm.Lane, p.Machine)
	return c.bound(p.Machine), nil
}

// bound puts the phases together.
func (c *conv) bound(m ir.Machine) ir.Bound {
	g := c.g
	b := ir.Bound{
		PackedBytes:  c.rows.packedBytes() + 4*int64(len(c.bias)),
		MACsExecuted: c.rows.executed() * int64(c.panels*c.lanes*asm.Lane),
	}
	var phases []func(ir.Call)
	add := func(parts int, run func(ir.Call)) {
		b.Phases = append(b.Phases, parts)
		phases = append(phases, run)
	}
	if g.copied {
		items := g.n * g.ph
		parts := chunksFor(items, g.image/g.ph, m)
		add(parts, func(call ir.Call) {
			from, to := part(items, parts, call.Part)
			g.copyRows(from, to, call.In[0], call.Workspace)
		})
		b.WorkspaceBytes += 4 * int64(g.copySize())
	}
	if c.matrix {
		items := g.n * c.panels
		parts := chunksFor(items, c.panelSize(), m)
		add(parts, func(call ir.Call) {
			from, to := part(items, parts, call.Part)
			c.fill(from, to, call)
		})
		b.WorkspaceBytes += 4 * int64(c.matrixSize())
	}
	add(c.cut.panelChunks*c.cut.unitChunks, c.multiply)
	b.Run = func(call ir.Call) { phases[call.Phase](call) }
	return b
}

// biasOf is a node's bias by output channel; zeros where it has none.
func biasOf(p ir.Problem, m int) []float32 {
	if len(p.Weights) > 2 && p.Weights[2] != nil {
		return p.Weights[2].F32()
	}
	return make([]float32, m)
}

// clampOf is the range to which a node's fused activation limits its output.
func clampOf(n *ir.Node) (lo, hi float32) {
	lo, hi = float32(math.Inf(-1)), float32(math.Inf(1))
	switch n.Attrs.Str("act", op.ActNone) {
	case op.ActRelu:
		lo = 0
	case op.ActRelu6:
		lo, hi = 0, 6
	}
	return lo, hi
}

// lane is lane v of a panel; a panel that has too few repeats the last.
func (c *conv) lane(panel, v int) lane {
	return c.g.lanes[min(panel*c.lanes+v, len(c.g.lanes)-1)]
}

// multiply runs one part of the last phase.
func (c *conv) multiply(call ir.Call) {
	panel0, panel1 := part(c.g.n*c.panels, c.cut.panelChunks, call.Part/c.cut.unitChunks)
	unit0, unit1 := part(c.rows.units(), c.cut.unitChunks, call.Part%c.cut.unitChunks)
	for p := panel0; p < panel1; p += c.cut.panels {
		for u := unit0; u < unit1; u += c.cut.units {
			for q := p; q < min(p+c.cut.panels, panel1); q++ {
				c.block(call, q, u, min(u+c.cut.units, unit1))
			}
		}
	}
}

// input returns what the loops read for a panel, and where its lanes start.
func (c *conv) input(call ir.Call, panel int, at []int) []float32 {
	if c.matrix {
		for v := range at {
			at[v] = v * asm.Lane
		}
		return call.Workspace[c.g.copySize()+panel*c.panelSize():][:c.panelSize()]
	}
	for v := range at {
		at[v] = int(c.lane(panel%c.panels, v).at)
	}
	return c.g.imageOf(panel/c.panels, call.In[0], call.Workspace)
}

// residual is the fused residual of a call, or nil.
func residual(call ir.Call) []float32 {
	if len(call.In) > 3 {
		return call.In[3]
	}
	return nil
}

// place stores a scratch tile of rows x lanes: adds the residual, clamps, and picks the pixels that exist.
func (c *conv) place(call ir.Call, panel, row, rows int, tile []float32) {
	g := c.g
	pixels := g.oh * g.ow
	width := c.lanes * asm.Lane
	base := (panel/c.panels*g.m + row) * pixels
	out, res := call.Out[0], residual(call)
	put := func(r, at, q int) {
		x := tile[r*width+at]
		i := base + r*pixels + q
		if res != nil {
			x += res[i]
		}
		if x < c.lo {
			x = c.lo
		}
		if x > c.hi {
			x = c.hi
		}
		out[i] = x
	}
	for v := range c.lanes {
		if panel%c.panels*c.lanes+v >= len(g.lanes) {
			break
		}
		l := c.lane(panel%c.panels, v)
		for r := range rows {
			if g.scatter {
				g.pick(l, func(j, q int) { put(r, v*asm.Lane+j, q) })
				continue
			}
			for j := range asm.Lane {
				put(r, v*asm.Lane+j, int(l.to)+j)
			}
		}
	}
}
