package primitive

import (
	"math"

	"github.com/godlas/godlas/dlas/ir"
	"github.com/godlas/godlas/dlas/ir/op"
	"github.com/godlas/godlas/dlas/primitive/internal/asm"
)

// conv is a convolution bound to its loops. A part of it is a range of panels of pixels (and, where there are few panels,
// of output channels). It does everything that its range needs by itself, in memory of its own: copies the rows of the
// input with their border, and multiplies. So parts neither wait for each
// other nor pull each other's data from another processor's cache, which costs more than the few rows copied twice.
type conv struct {
	g      *geometry
	avx2   bool
	lanes  int // of a panel: 2 or 8
	panels int // of an image
	bias   []float32
	lo, hi float32
	cut    cut
	bounds []int // of the parts' ranges of panels, counted over all images

	copySize         int   // elements of a part's workspace
	packed, executed int64 // bytes of the weights; their multiply-accumulates for one pixel, padding included
	units            int   // groups or rows

	off   []int32 // what the loops add to a lane's position: the geometry's
	reach int     // 1 + the largest
	block func(s segment, panel, from, to int)
}

// segment is what a part does of one image.
type segment struct {
	in       []float32 // what the loops read: a band of the copied image, or the map itself
	out, res []float32 // of the image; res is nil where there is no residual
	base     int       // position of the band's beginning in the whole image
}

// bindConv binds a convolution with groups.
func bindConv(p ir.Problem, s ir.Schedule, avx2 bool) (ir.Bound, error) {
	g, err := newGeometry(p)
	if err != nil {
		return ir.Bound{}, err
	}
	c := &conv{g: g, avx2: avx2, bias: biasOf(p, g.m)}
	c.lo, c.hi = clampOf(p.Node)
	w := p.Weights[1].F32()
	c.lanes = sparseLanes(s, len(g.lanes))
	l := load{units: g.m, macs: g.depth, bytes: 8 * g.depth}
	c.panels = ceilDiv(len(g.lanes), c.lanes)
	c.cut = cutOf(s, l, g.n*c.panels, c.lanes*asm.Lane, p.Machine)
	c.share()
	c.layOut()
	c.packSparse(w)
	parts := c.cut.panelParts * c.cut.unitParts
	return ir.Bound{
		Run: c.run, Phases: []int{parts}, Unpacked: p.Weights[0] != nil || len(p.Weights) > 3 && p.Weights[3] != nil,
		WorkspaceBytes: 4 * int64(parts) * int64(c.copySize),
		PackedBytes:    c.packed + 4*int64(len(c.bias)),
		MACsExecuted:   c.executed * int64(c.panels*c.lanes*asm.Lane),
	}, nil
}

// share gives each part its panels. Where the last lane of a row overlaps the one before, both go to the same part: no
// two threads write the same pixel.
func (c *conv) share() {
	for i := range c.cut.panelParts + 1 {
		b, _ := part(c.g.n*c.panels, c.cut.panelParts, i)
		for p := b % c.panels; p > 0 && c.lane(p, 0).to < c.lane(p-1, c.lanes-1).to+asm.Lane; p = b % c.panels {
			b++
		}
		c.bounds = append(c.bounds, b)
	}
}

// layOut decides what a part's workspace holds and where the loops find the pixels in it.
func (c *conv) layOut() {
	g := c.g
	rows, panels := g.ph, 0
	if g.copied {
		rows = 0
	}
	for i := range c.cut.panelParts {
		c.eachSegment(i, func(_, from, to int) {
			panels = max(panels, to-from)
			if g.copied {
				y0, y1 := c.rowsOf(from, to)
				rows = max(rows, y1-y0)
			}
		})
	}
	g.layOut(rows)
	c.off, c.reach = g.off, g.reach
	if g.copied {
		c.copySize = g.image
	}
}

// eachSegment calls f for every image of a range of panels: the image, and the panels of it.
func (c *conv) eachSegment(panelPart int, f func(image, from, to int)) {
	at, end := c.bounds[panelPart], c.bounds[panelPart+1]
	for at < end {
		image := at / c.panels
		next := min(end, (image+1)*c.panels)
		f(image, at-image*c.panels, next-image*c.panels)
		at = next
	}
}

// rowsOf are the rows of the phases' planes that panels from..to-1 of an image read.
func (c *conv) rowsOf(from, to int) (y0, y1 int) {
	g := c.g
	last := int(c.lane(to-1, c.lanes-1).at)
	if g.scatter {
		last += asm.Lane - 1
	}
	return int(c.lane(from, 0).at) / g.pw, min(g.oh-1, last/g.pw) + g.ph - g.oh + 1
}

// lane is lane v of a panel; a panel that has too few repeats the last.
func (c *conv) lane(panel, v int) lane {
	return c.g.lanes[min(panel*c.lanes+v, len(c.g.lanes)-1)]
}

// run is one part.
func (c *conv) run(call ir.Call) {
	g := c.g
	unit0, unit1 := part(c.units, c.cut.unitParts, call.Part%c.cut.unitParts)
	chan0, chan1 := c.channelsOf(unit0, unit1)
	size := c.copySize
	space := call.Workspace.F32()[call.Part*size : (call.Part+1)*size]
	pixels := g.m * g.oh * g.ow
	c.eachSegment(call.Part/c.cut.unitParts, func(image, from, to int) {
		x := call.In[0].F32()[image*g.c*g.h*g.w : (image+1)*g.c*g.h*g.w]
		s := segment{in: x, out: call.Out[0].F32()[image*pixels : (image+1)*pixels]}
		if len(call.In) > 3 && call.In[3] != nil {
			s.res = call.In[3].F32()[image*pixels : (image+1)*pixels]
		}
		if g.copied {
			y0, y1 := c.rowsOf(from, to)
			g.copyRows(y0, y1, chan0, chan1, x, space)
			s.in, s.base = space[:c.copySize], y0*g.pw
		}
		c.multiply(s, from, to, unit0, unit1)
	})
}

// channelsOf are the input channels that units from..to-1 read: all of them, unless they are rows of some groups.
func (c *conv) channelsOf(from, to int) (c0, c1 int) {
	g := c.g
	if g.cg == g.c {
		return 0, g.c
	}
	return from / g.mg * g.cg, ((to-1)/g.mg + 1) * g.cg
}

// multiply goes over blocks of panels, inside over blocks of units, inside over the block's panels.
func (c *conv) multiply(s segment, panel0, panel1, unit0, unit1 int) {
	for p := panel0; p < panel1; p += c.cut.panels {
		for u := unit0; u < unit1; u += c.cut.units {
			for q := p; q < min(p+c.cut.panels, panel1); q++ {
				c.block(s, q, u, min(u+c.cut.units, unit1))
			}
		}
	}
}

// input returns what the loops read for a panel, and where its lanes start.
func (c *conv) input(s segment, panel int, at []int) []float32 {
	for v := range at {
		at[v] = int(c.lane(panel, v).at) - s.base
	}
	return s.in
}

// place stores a scratch tile of rows x lanes: adds the residual, clamps, and picks the pixels that exist.
func (c *conv) place(s segment, panel, row, rows int, tile []float32) {
	g := c.g
	pixels := g.oh * g.ow
	width := c.lanes * asm.Lane
	put := func(r, at, q int) {
		x := tile[r*width+at]
		i := (row+r)*pixels + q
		if s.res != nil {
			x += s.res[i]
		}
		if x < c.lo {
			x = c.lo
		}
		if x > c.hi {
			x = c.hi
		}
		s.out[i] = x
	}
	for v := range min(c.lanes, len(g.lanes)-panel*c.lanes) {
		l := c.lane(panel, v)
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
	case op.ActClip:
		l, h := op.ClipBounds(n)
		lo, hi = float32(l), float32(h)
	}
	return lo, hi
}
