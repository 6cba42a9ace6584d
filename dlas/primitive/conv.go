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
	lanes  int // lanes of a panel: 2 for the dense loop, 2 or 8 for the sparse one
	panels int // of an image
	matrix bool
	bias   []float32
	lo, hi float32
	cut    cut

	off   []int32 // what the loops add to a lane's position: the geometry's, or the matrix' rows
	reach int

	dense  *denseRows
	sparse *sparseRows
}

// rows of a convolution's weights as one of the two loops wants them: units is how many there are to share out.
type rows interface {
	units() int
	macs() int // multiply-accumulates of one unit and one pixel, on average
	packedBytes() int64
	executed() int64 // of all units for one pixel, zeros and padding included
}

// cut is how the work is cut, in panels and units of rows: the loops go over blocks of panels, inside over blocks of
// units, inside over the block's panels. chunks is the number of parts that may run on different threads.
type cut struct {
	panels, units int
	panelChunks   int
	unitChunks    int
}

// bindConv binds a convolution. sparse chooses the loop; zeros are left out of it unless kept.
func bindConv(p ir.Problem, s ir.Schedule, avx2, matrix, sparse, zeros bool) (ir.Bound, error) {
	g, err := newGeometry(p)
	if err != nil {
		return ir.Bound{}, err
	}
	c := &conv{g: g, avx2: avx2, matrix: matrix, lanes: 2, bias: biasOf(p, g.m)}
	c.lo, c.hi = clampOf(p.Node)
	if sparse {
		c.lanes = sparseLanes(s, len(g.lanes))
	}
	c.panels = (len(g.lanes) + c.lanes - 1) / c.lanes
	c.off, c.reach = g.off, g.reach()
	if matrix {
		width := c.lanes * asm.Lane
		if c.panels > maxImage/g.n/g.depth/width {
			return ir.Bound{}, fmt.Errorf("its im2col matrix is larger than %d elements", maxImage)
		}
		c.off = make([]int32, g.depth)
		for k := range c.off {
			c.off[k] = int32(k * width)
		}
		c.reach = (g.depth-1)*width + 1
	}
	w := p.Weights[1].F32()
	var r rows
	if sparse {
		c.sparse = packSparse(c, w, zeros)
		r = c.sparse
	} else {
		c.dense = packDense(c, w, s)
		r = c.dense
	}
	c.cut = cutOf(s, r, g.n*c.panels, c.lanes*asm.Lane, p.Machine)

	copyChunks, matrixChunks := 0, 0
	if g.copied {
		copyChunks = chunksFor(g.n*g.c, g.image/g.c, p.Machine)
	}
	if matrix {
		matrixChunks = chunksFor(g.n*c.panels, g.depth*c.lanes*asm.Lane, p.Machine)
	}
	b := ir.Bound{
		PackedBytes:  r.packedBytes() + 4*int64(len(c.bias)),
		MACsExecuted: r.executed() * int64(c.panels*c.lanes*asm.Lane),
	}
	var steps []func(ir.Call)
	step := func(chunks int, run func(ir.Call)) {
		b.Phases = append(b.Phases, chunks)
		steps = append(steps, run)
	}
	if g.copied {
		step(copyChunks, func(call ir.Call) {
			from, to := part(g.n*g.c, copyChunks, call.Part)
			g.copyChannels(from, to, call.In[0], call.Workspace)
		})
	}
	b.WorkspaceBytes = 4 * int64(g.copySize())
	if matrix {
		b.WorkspaceBytes += 4 * int64(c.matrixSize())
		step(matrixChunks, func(call ir.Call) {
			from, to := part(g.n*c.panels, matrixChunks, call.Part)
			c.fill(from, to, call)
		})
	}
	step(c.cut.panelChunks*c.cut.unitChunks, c.multiply)
	b.Run = func(call ir.Call) { steps[call.Phase](call) }
	return b, nil
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

// matrixSize is the number of elements of the im2col matrices of all images.
func (c *conv) matrixSize() int { return c.g.n * c.panels * c.g.depth * c.lanes * asm.Lane }

// fill builds panels from..to-1 of the im2col matrix, counted over all images. A panel holds its pixels' column for
// each weight, one row of the matrix after the other.
func (c *conv) fill(from, to int, call ir.Call) {
	g := c.g
	width := c.lanes * asm.Lane
	all := call.Workspace[g.copySize():]
	var at [8]int
	for i := from; i < to; i++ {
		image := g.imageOf(i/c.panels, call.In[0], call.Workspace)
		for v := range c.lanes {
			at[v] = int(c.lane(i%c.panels, v).at)
		}
		panel := all[i*g.depth*width : (i+1)*g.depth*width]
		for v := 0; v < c.lanes; v += 2 {
			fillPair(panel[v*asm.Lane:], width, image[at[v]:], image[at[v+1]:], g.off)
		}
	}
}

// fillPair copies two lanes for every weight. It is not inlined, so that each call is a safe point.
//
//go:noinline
func fillPair(dst []float32, width int, a, b []float32, off []int32) {
	at := 0
	for _, o := range off {
		row := (*[2 * asm.Lane]float32)(dst[at : at+2*asm.Lane])
		// A value in between spares the call of memmove, which the compiler makes where source and target may overlap.
		x, y := *(*[asm.Lane]float32)(a[o : o+asm.Lane]), *(*[asm.Lane]float32)(b[o : o+asm.Lane])
		*(*[asm.Lane]float32)(row[:asm.Lane]) = x
		*(*[asm.Lane]float32)(row[asm.Lane:]) = y
		at += width
	}
}

// lane is lane v of a panel; a panel that has too few repeats the last.
func (c *conv) lane(panel, v int) lane {
	return c.g.lanes[min(panel*c.lanes+v, len(c.g.lanes)-1)]
}

// multiply runs one part of the last phase.
func (c *conv) multiply(call ir.Call) {
	g := c.g
	panel0, panel1 := part(g.n*c.panels, c.cut.panelChunks, call.Part/c.cut.unitChunks)
	units := c.units()
	unit0, unit1 := part(units, c.cut.unitChunks, call.Part%c.cut.unitChunks)
	for p := panel0; p < panel1; p += c.cut.panels {
		for u := unit0; u < unit1; u += c.cut.units {
			for q := p; q < min(p+c.cut.panels, panel1); q++ {
				if c.sparse != nil {
					c.sparseBlock(call, q, u, min(u+c.cut.units, unit1))
				} else {
					c.denseBlock(call, q, u, min(u+c.cut.units, unit1))
				}
			}
		}
	}
}

func (c *conv) units() int {
	if c.sparse != nil {
		return c.sparse.units()
	}
	return c.dense.units()
}

// input returns what the loops read for a panel, and where its lanes start.
func (c *conv) input(call ir.Call, panel int, at []int) []float32 {
	if c.matrix {
		size := c.g.depth * c.lanes * asm.Lane
		for v := range at {
			at[v] = v * asm.Lane
		}
		return call.Workspace[c.g.copySize()+panel*size:][:size]
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
