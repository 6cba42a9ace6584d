package primitive

import (
	"errors"
	"fmt"

	"github.com/godlas/godlas/dlas/ir"
	"github.com/godlas/godlas/dlas/ir/op"
	"github.com/godlas/godlas/dlas/primitive/internal/asm"
)

// convolution is what the dense rows know of a Conv node.
type convolution struct {
	p              ir.Problem
	level          level
	n, c, h, w     int
	m, oh, ow      int
	groups, cg, mg int
	win            op.Window
	in, res, out   ir.Strides
	plainIn        bool // the input is plain: it is copied, with its border, before it is read
	weightRow      int  // weights of an output channel
}

const pixelBytes = 4 * asm.Block

func newConvolution(p ir.Problem, l level) (*convolution, error) {
	x, out, w := p.In[0], p.Out[0], p.In[1]
	win, err := op.WindowOf(p.Node, w[2], w[3])
	if err != nil {
		return nil, err
	}
	c := &convolution{
		p: p, level: l, n: x[0], c: x[1], h: x[2], w: x[3], m: out[1], oh: out[2], ow: out[3], win: win,
		groups: p.Node.Attrs.Int("group", 1), cg: w[1], weightRow: w[1] * w[2] * w[3],
	}
	c.mg = c.m / c.groups
	b := c.border()
	if (b.Top+c.h+b.Bottom)*(b.Left+c.w+b.Right) > maxImage/ceilDiv(c.c, asm.Block)/asm.Block {
		return nil, fmt.Errorf("its padded input is larger than %d elements", maxImage)
	}
	return c, nil
}

// border is how far the windows reach over the map's edges.
func (c *convolution) border() ir.Border {
	w := c.win
	return ir.Border{
		Top: w.Top, Left: w.Left,
		Bottom: max(0, (c.oh-1)*w.SH+(w.KH-1)*w.DH-w.Top-c.h+1),
		Right:  max(0, (c.ow-1)*w.SW+(w.KW-1)*w.DW-w.Left-c.w+1),
	}
}

// planes is the most channels of a plain input that a convolution reads as it is, channel by channel: what a block of 16
// would mostly fill with nothing.
const planes = 8

func readsPlanes(p ir.Problem) bool {
	return p.LayoutIn(0).Block == 0 && p.In[0][1] <= planes && p.Node.Attrs.Int("group", 1) == 1
}

// denseFits is the part of Fits that the dense rows share.
func denseFits(p ir.Problem, l level) error {
	if err := constant(1, 2)(p); err != nil {
		return err
	}
	if len(p.In[0]) != 4 || len(p.In[1]) != 4 {
		return errors.New("only convolutions in two dimensions")
	}
	if p.TypeIn(0) != ir.F32 || p.TypeOut(0) != ir.F32 || p.Weights[1].Type != l.weight() {
		return fmt.Errorf("it runs f32 with weights of %s", l.weight())
	}
	if p.Weights[0] != nil || len(p.Weights) > 3 && p.Weights[3] != nil {
		return errors.New("an input that is a constant has no blocks")
	}
	if g := p.Node.Attrs.Int("group", 1); g > 1 && g == p.In[0][1] && g == p.Out[0][1] {
		return errors.New("a depthwise convolution runs depthwise")
	}
	_, err := newConvolution(p, l)
	return err
}

// copiesFit refuses what would need a matrix beyond all bounds.
func copiesFit(p ir.Problem) error {
	if n := p.Node.Attrs.Int("group", 1); n > 1 {
		return fmt.Errorf("it does not run a convolution with %d groups", n)
	}
	out, w := p.Out[0], p.In[1]
	if out[2]*out[3] > maxImage/((p.In[0][1]+asm.Block)*w[2]*w[3]+asm.Block) {
		return fmt.Errorf("its im2col matrix is larger than %d elements", maxImage)
	}
	return nil
}

// denseLayouts wants everything in blocks, with the border that the windows reach into.
func denseLayouts(p ir.Problem, planar bool) (in, out []ir.Layout) {
	c, err := newConvolution(p, level{isa: isaGo})
	if err != nil {
		return nil, nil
	}
	in = make([]ir.Layout, len(p.In))
	if !planar || !readsPlanes(p) {
		in[0] = ir.Layout{Block: ir.Lanes, Border: c.border()}
	}
	if len(in) > 3 && p.In[3] != nil {
		in[3] = ir.Blocked
	}
	return in, []ir.Layout{ir.Blocked}
}

// A dense convolution's schedule: [0] the most pixels of a tile, [1] the blocks of output channels of a tile, [2] rows of
// a band, [3] how the parts are cut: 1 by rows, 2 by output channels. 0 leaves the number to the rules of this file.
const (
	tilePixels = iota
	tileBlocks
	bandRows
	partsBy
)

const (
	byRows     = 1
	byChannels = 2
)

// fixed is what the schedule untuned means: a tile that every level has, one row of the map at a time, parts by rows.
func fixed(s ir.Schedule) ir.Schedule {
	if s.Name == "untuned" {
		return ir.Schedule{Name: s.Name, Tiles: []int{6, 1, 1, byRows}}
	}
	return s
}

// denseSchedules are the candidates of a tuner.
func denseSchedules(p ir.Problem, l level) []ir.Schedule {
	c, err := newConvolution(p, l)
	if err != nil {
		return nil
	}
	var list []ir.Schedule
	blocks := ceilDiv(c.m, asm.Block)
	for _, b := range []int{2, 3, 1} { // the likeliest first
		if l.mostRows(b) == 0 || b > blocks {
			continue
		}
		seen := map[[3]int]bool{}
		for _, pixels := range []int{l.mostRows(b), 14, 12, 10, 8, 7, 6, 5, 4} {
			pixels = min(pixels, l.mostRows(b), c.oh*c.ow)
			// What tilesOf makes of it: others that make the same are the same candidate.
			same := [3]int{ceilDiv(c.ow, pixels), min(pixels, 8), 0}
			if n := pixels / c.ow; l.joins(c.ow, n) {
				same[2] = min(n, c.oh)
			}
			if seen[same] {
				continue
			}
			seen[same] = true
			rows := map[int]bool{}
			for _, r := range []int{0, 1, 4, 8, 16, c.oh} {
				if r = min(r, c.oh); rows[r] {
					continue
				}
				rows[r] = true
				for _, by := range []int{byRows, byChannels} {
					if p.Machine.Threads > 1 || by == byRows {
						list = append(list, ir.Schedule{Tiles: []int{pixels, b, r, by}})
					}
				}
			}
		}
	}
	return list
}

// shortDepth is the length of a product that takes hardly longer than to begin it and to store what it makes.
const shortDepth = 48

// outGroups makes the groups of output channels. Those of a convolution with groups read the channels of their own groups
// alone, or of the block of channels in which these lie.
func (c *convolution) outGroups(blocks int) []outGroup {
	var list []outGroup
	taps := c.win.KH * c.win.KW
	add := func(first, n, from, to int) {
		g := outGroup{first: first, blocks: n}
		if !c.plainIn {
			from = from / asm.Block * asm.Block
			g.in = from / asm.Block * c.in.Block * 4
			g.deep = channels(to - from)
		} else {
			g.deep = chain{blocks: c.c, depth: c.planeDepth(), last: c.planeDepth()}
		}
		g.macs = (to - from) * taps * n * asm.Block
		list = append(list, g)
	}
	if c.groups == 1 {
		// Of a short product the results are most of the work: fewer, wider tiles.
		if blocks == 0 && c.weightRow <= shortDepth && ceilDiv(c.m, asm.Block)%3 == 0 && c.level.mostRows(3) > 0 {
			blocks = 3
		}
		first := 0
		for _, n := range blocksOf(c.level, c.m, blocks) {
			add(first, n, 0, c.c)
			first += n * asm.Block
		}
		return list
	}
	for first := 0; first < c.m; {
		n := 1
		group := first / c.mg
		// As many blocks as lie in one group; or one that may lie in several.
		for first+(n+1)*asm.Block <= (group+1)*c.mg && c.level.mostRows(n+1) > 0 && n < 2 {
			n++
		}
		last := (min(c.m, first+n*asm.Block) - 1) / c.mg
		add(first, n, group*c.cg, (last+1)*c.cg)
		first += n * asm.Block
	}
	return list
}

// packInto packs the weights in each group's order: blocks of channels, rows and columns of the window, channels of the block.
// c.cg channels of each output channel are stored; of others the weight is zero.
func packInto[T weight](c *convolution, d *dense, w []T, bias []float32, groups []outGroup) {
	d.weights = packedWeights{groups: groups, ahead: ahead, picked: c.level.picks}
	taps := c.win.KH * c.win.KW
	if c.groups > 1 {
		packGrouped(c, d, w, bias)
		return
	}
	// All groups of one kind have the same order.
	var from []int32
	pack(&d.weights, w, bias, c.m, c.weightRow, func(g *outGroup) []int32 {
		if from != nil {
			return from
		}
		if c.plainIn {
			for i := range c.weightRow {
				from = append(from, int32(i))
			}
			return from
		}
		for b := 0; b < c.c; b += asm.Block {
			for k := range taps {
				for i := b; i < min(c.c, b+asm.Block); i++ {
					from = append(from, int32(i*taps+k))
				}
			}
		}
		return from
	})
}

// packGrouped spreads the weights of a convolution with groups over all channels of its blocks: what lies in another group
// is zero.
func packGrouped[T weight](c *convolution, d *dense, w []T, bias []float32) {
	taps := c.win.KH * c.win.KW
	deepest := 0
	for i := range d.weights.groups {
		g := &d.weights.groups[i]
		deepest = max(deepest, g.macs/taps/g.blocks/asm.Block)
	}
	each := deepest * taps
	wide := make([]T, c.m*each)
	for m := range c.m {
		first := 0
		for i := range d.weights.groups {
			g := &d.weights.groups[i]
			if m >= g.first && m < g.first+g.blocks*asm.Block {
				first = g.in / (c.in.Block * 4) * asm.Block
			}
		}
		at := m/c.mg*c.cg - first
		copy(wide[m*each+at*taps:(m+1)*each], w[m*c.weightRow:(m+1)*c.weightRow])
	}
	pack(&d.weights, wide, bias, c.m, each, func(g *outGroup) []int32 {
		var from []int32
		n := g.macs / taps / g.blocks / asm.Block
		for b := 0; b < n; b += asm.Block {
			for k := range taps {
				for i := b; i < min(n, b+asm.Block); i++ {
					from = append(from, int32(i*taps+k))
				}
			}
		}
		return from
	})
}
