package primitive

import (
	"github.com/godlas/godlas/dlas/ir"
	"github.com/godlas/godlas/dlas/primitive/internal/asm"
)

// This file decides how a dense convolution's work is cut, and where its tiles read.

// The rules' numbers.
const (
	partMACs   = 1 << 19 // multiply-adds of a part that is worth handing to another thread: some 10 us
	threadPart = 4       // parts of a thread: they even out what threads lose to other processes
	weightMACs = 8       // multiply-adds that a thread does while it reads a weight
	leastRows  = 7       // rows of a band that is cut for threads
)

// longestPart bounds the multiply-adds of a part by time: about half a millisecond.
func (l level) longestPart() int {
	switch l.isa {
	case isaAVX512:
		return 40 << 20
	case isaAVX2:
		return 20 << 20
	case isaNEON:
		return 5 << 20
	}
	return 1 << 19
}

// bindDense binds a dense convolution.
func bindDense(p ir.Problem, s ir.Schedule, l level, algorithm string) (ir.Bound, error) {
	c, err := newConvolution(p, l)
	if err != nil {
		return ir.Bound{}, err
	}
	s = fixed(s)
	d := &dense{level: l, images: c.n, oh: c.oh}
	c.plainIn = p.LayoutIn(0).Block == 0
	if !c.plainIn {
		c.in = p.LayoutIn(0).StridesOf(p.In[0])
	}
	c.out = p.LayoutOut(0).StridesOf(p.Out[0])
	c.res = c.out
	if len(p.In) > 3 && p.In[3] != nil {
		c.res = p.LayoutIn(3).StridesOf(p.In[3])
	}
	d.tile.Lo, d.tile.Hi = clampOf(p.Node)
	isa := asm.ISAOf(l.isa)
	switch act := afterOf(p.Node); {
	case act.more && act.fn == asm.FnSiLU && !l.half && !l.picks && asm.TileSiLU(isa):
		d.tile.SiLU = 1
	case act.more:
		d.act = func(out []float32, pitch, rows, vecs int) { act.apply(isa, out, pitch, rows, vecs) }
	}
	d.tile.OutBlock, d.tile.ResBlock = 4*c.out.Block, 4*c.res.Block
	d.imageStep = spot{in: 4 * c.in.Image, res: 4 * c.res.Image, out: 4 * c.out.Image}
	d.rowStep, d.rowVecs, d.outFirst = 4*c.out.Row, c.ow, 4*c.out.Origin

	var groups []outGroup
	var weights []float32
	switch {
	case l.picks && l.half:
		// What is left is little: it is widened here.
		weights = asm.Widen(p.Weights[1].Data.([]uint16))
		groups = pickGroups(c, tile(s, tileBlocks), weights)
	case l.picks:
		weights = p.Weights[1].F32()
		groups = pickGroups(c, tile(s, tileBlocks), weights)
	default:
		groups = c.outGroups(tile(s, tileBlocks))
	}
	var bias []float32
	if len(p.Weights) > 2 && p.Weights[2] != nil {
		bias = p.Weights[2].F32()
	}
	switch {
	case l.picks:
		packInto(c, d, weights, bias, groups)
	case l.half:
		packInto(c, d, p.Weights[1].Data.([]uint16), bias, groups)
	default:
		packInto(c, d, p.Weights[1].F32(), bias, groups)
	}
	if c.spans(algorithm) {
		d.images, d.span = 1, c.n
	}
	d.cutDense(c, s, algorithm != Direct)

	src := c.sourceOf(d, algorithm)
	if l.picks {
		d.place()
	}
	limit := tile(s, tilePixels)
	if algorithm == SpatialPack {
		limit = c.packedPixels(d)
	}
	d.tileBands(c, limit, src.at)
	b := ir.Bound{
		Run: d.run, Phases: []int{d.bandParts * d.groupParts}, PackedBytes: d.weights.bytes(),
		WorkspaceBytes: src.workspace, ScratchBytes: src.scratch,
	}
	if d.matrix != nil {
		b.Phases = nil
		for range c.n {
			b.Phases = append(b.Phases, src.parts, d.bandParts*d.groupParts)
		}
	}
	for _, g := range groups {
		b.MACsExecuted += int64(g.macs) * int64(c.oh*c.ow)
	}
	return b, nil
}

// worthParts reports whether that many multiply-adds are worth handing to several threads.
func worthParts(macs float64) bool { return macs >= 2*partMACs/threadPart }

// spanPixels is the most pixels of a map whose images are taken together.
const spanPixels = 64

// spans reports whether the rows of all images of a batch are cut as those of one map: of small maps a tile has pixels of
// several images, and weights come once for all of them.
func (c *convolution) spans(algorithm string) bool {
	return algorithm == Direct && !c.plainIn && c.n > 1 && c.oh*c.ow <= spanPixels
}

// cutDense decides the bands and the parts. Parts are cut by rows or by output channels as other kernels cut the same map;
// on one thread by channels where there are more weights than input.
func (d *dense) cutDense(c *convolution, s ir.Schedule, single bool) {
	threads := max(1, c.p.Machine.Threads)
	d.threads = threads
	images, oh := c.n, c.oh
	if single {
		images = 1
	}
	total := 0
	for _, g := range d.weights.groups {
		total += g.macs * c.oh * c.ow
	}
	total *= images
	want := 1
	if threads > 1 {
		// Where there are few pixels, a weight's way from the last cache takes longer than its products.
		total := total + weightMACs*len(d.weights.data)/d.weights.size
		want = max(1, min(threads*threadPart, total/partMACs))
		want = (want + threads - 1) / threads * threads
		if !worthParts(float64(total)) {
			want = 1
		}
	}
	want = max(want, ceilDiv(total, c.level.longestPart()), ceilDiv(movedBytes(c.p), partBytes))

	inBytes := images * c.c * c.h * c.w * 4
	by := tile(s, partsBy)
	if by == 0 {
		by = byRows
		out := ir.Shape{images, c.m, c.oh, c.ow}
		if threads > 1 && !c.p.Machine.ByRows(out) || threads == 1 && (len(d.weights.data) > inBytes || c.oh < 4 && images == 1) {
			by = byChannels
		}
		if d.span > 0 && len(d.weights.data) > 4*inBytes {
			by = byChannels
		}
	}
	if d.span > 0 {
		images, oh = 1, oh*d.span
	}
	n := len(d.weights.groups)
	rows := tile(s, bandRows)
	perImage := oh // the most bands that are worth it
	if by == byRows {
		d.groupParts = 1
		bandParts := min(want, images*perImage)
		if threads > 1 && want > threads {
			// Bands of a few rows would have all weights come again and again.
			bandParts = min(bandParts, threads*max(1, images*perImage/threads/leastRows))
		}
		if bandParts < want && n > 1 {
			d.groupParts = min(n, ceilDiv(want, bandParts))
		}
		if rows == 0 {
			rows = max(1, oh/max(1, ceilDiv(bandParts, images)))
		}
		d.bandParts = bandParts
	} else {
		d.groupParts = min(n, want)
		d.bandParts = 1
		if d.groupParts < want {
			d.bandParts = min(images*perImage, ceilDiv(want, d.groupParts))
		}
		if rows == 0 {
			rows = max(1, oh/max(1, ceilDiv(d.bandParts, images)))
		}
	}
	// A band's input stays in the second-level cache.
	if tile(s, bandRows) == 0 {
		l2 := c.p.Machine.L2
		if l2 == 0 {
			l2 = 1 << 20
		}
		row := 4 * c.c * c.w * c.win.SH
		rows = min(rows, max(1, l2/2/row))
	}
	bands := ceilDiv(oh, rows)
	for i := range bands {
		y0, y1 := part(oh, bands, i)
		d.bands = append(d.bands, band{y0: y0, y1: y1})
	}
	d.bandParts = min(d.bandParts, images*bands)
}

// tileBands cuts every band into tiles, for each size of group that there is.
func (d *dense) tileBands(c *convolution, limit int, in func(b *band, y, x int) int) {
	for i := range d.bands {
		b := &d.bands[i]
		for j := range d.weights.groups {
			n := d.weights.groups[j].blocks
			if b.runs[n] != nil {
				continue
			}
			b.runs[n] = tilesOf(c.level, b.y1-b.y0, c.ow, n, limit, func(y, x int) spot {
				y += b.y0
				image := 0
				if d.span > 0 {
					image, y = y/c.oh, y%c.oh
				}
				return spot{
					in:  image*d.imageStep.in + in(b, y, x),
					res: image*d.imageStep.res + 4*(c.res.Origin+y*c.res.Row+x*asm.Block),
					out: image*d.imageStep.out + 4*(c.out.Origin+y*c.out.Row+x*asm.Block),
				}
			}).runs
			for _, r := range b.runs[n] {
				b.tiles[n] += r.tiles
			}
		}
	}
}

// source is where the tiles of a convolution read.
type source struct {
	at                 func(b *band, y, x int) int // bytes to the first number that a pixel's window covers
	workspace, scratch int64
	parts              int // of the phase that builds the matrix
}

// planeDepth is the depth of a block of a plain input: a row of the window, if its columns are neighbours.
func (c *convolution) planeDepth() int {
	if c.win.DW == 1 {
		return c.win.KW
	}
	return 1
}

// sourceOf sets how tiles go through their depth, and what is to be built before they can.
func (c *convolution) sourceOf(d *dense, algorithm string) source {
	switch {
	case algorithm == Gemm:
		return c.im2col(d)
	case algorithm == SpatialPack:
		return c.spatialPack(d)
	case c.plainIn:
		return c.planes(d)
	}
	t := &d.tile
	t.InBlock = 4 * c.in.Block
	t.KH, t.InRow = c.win.KH, 4*c.win.DH*c.in.Row
	t.KW, t.InTap = c.win.KW, pixelBytes*c.win.DW
	return source{at: func(_ *band, y, x int) int { return 4 * c.window(y, x) }}
}

// window is the place of the first number under a pixel's window in a blocked input, in elements.
func (c *convolution) window(y, x int) int {
	return c.in.Origin + (y*c.win.SH-c.win.Top)*c.in.Row + (x*c.win.SW-c.win.Left)*asm.Block
}

// planes reads a plain input of few channels from a copy of a band's rows with their border, in the thread's scratch.
func (c *convolution) planes(d *dense) source {
	w := c.win
	most := 0
	for _, b := range d.bands {
		most = max(most, b.y1-b.y0)
	}
	pitch := (c.ow-1)*w.SW + (w.KW-1)*w.DW + 1
	plane := ((most-1)*w.SH + (w.KH-1)*w.DH + 1) * pitch
	t := &d.tile
	t.InBlock = 4 * plane
	t.KH, t.InRow = w.KH, 4*w.DH*pitch
	t.KW, t.InTap = 1, 0
	if w.DW > 1 {
		t.KW, t.InTap = w.KW, 4*w.DW
	}
	d.fill = func(call ir.Call, image int, b *band) {
		to := call.Scratch.F32()
		from := call.In[0].F32()[image*c.c*c.h*c.w:]
		y0, y1 := b.y0*w.SH-w.Top, (b.y1-1)*w.SH+(w.KH-1)*w.DH+1-w.Top
		x1 := min(c.w, pitch-w.Left)
		for ch := range c.c {
			for y := y0; y < y1; y++ {
				row := to[ch*plane+(y-y0)*pitch:][:pitch]
				if y < 0 || y >= c.h || x1 <= 0 {
					clear(row)
					continue
				}
				clear(row[:w.Left])
				copy(row[w.Left:], from[(ch*c.h+y)*c.w:][:x1])
				clear(row[w.Left+x1:])
			}
		}
	}
	return source{
		scratch: 4 * int64(c.c*plane),
		at:      func(b *band, y, x int) int { return 4 * ((y-b.y0)*w.SH*pitch + x*w.SW) },
	}
}
