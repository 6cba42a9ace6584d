package primitive

import (
	"unsafe"

	"github.com/godlas/godlas/dlas/ir"
	"github.com/godlas/godlas/dlas/primitive/internal/asm"
)

// dense is a product of pixels and weights bound to the tiles of package asm. What a pixel is, and where the numbers lie
// that its weights multiply, its source says: a map in blocks of channels, a plain map, the im2col matrix.
//
// The work is a grid: bands of rows of the map (counted over all images) by groups of output channels. A part is a
// rectangle of it. Inside, the bands come first: a band's pixels stay in the second-level cache while all weights of the
// part pass by.
type dense struct {
	level   level
	tile    asm.Tile // what all tiles share
	weights packedWeights
	act     func(out []float32, pitch, rows, vecs int) // what is done to rows of a tile's output while they are in the cache; nil: nothing

	images    int
	imageStep spot // from image to image
	span      int  // images whose rows follow each other as those of one map; 0: each image is a map of its own
	oh        int  // rows of an image
	bands     []band
	rowStep   int // bytes from one row of the output map to the next, and pixels of one
	rowVecs   int
	outFirst  int // bytes of the first pixel of the output
	bandParts int
	// groupParts are the parts of all groups; part i of both is i%groupParts of them.
	groupParts int
	threads    int

	// fill copies what a band reads into the thread's scratch, from where the tiles read then; nil: they read the input.
	fill func(call ir.Call, image int, b *band)
	// matrix is the source that phase 0 of each image builds in the workspace; nil: none.
	matrix func(call ir.Call, image, part int)
}

// band is a number of rows of the output map, and its tiles for groups of 1, 2 and 3 blocks.
type band struct {
	y0, y1 int
	runs   [4][]tileRun
	tiles  [4]int // of all runs
}

// run is one part.
func (d *dense) run(call ir.Call) {
	image0, images := 0, d.images
	if d.matrix != nil {
		image0, images = call.Phase/2, 1
		if call.Phase%2 == 0 {
			d.matrix(call, image0, call.Part)
			return
		}
	}
	items := images * len(d.bands)
	from, to := part(items, d.bandParts, call.Part/d.groupParts)
	g0, g1 := part(len(d.weights.groups), d.groupParts, call.Part%d.groupParts)
	end := g1
	if d.goesOn(call.Part) {
		end++
	}
	t := d.tile
	var in, res []byte
	switch {
	case d.matrix != nil:
		in = call.Workspace
	case d.fill != nil:
		in = call.Scratch
	default:
		in = call.In[0]
	}
	if len(call.In) > 3 {
		res = call.In[3]
	}
	for i := from; i < to; i++ {
		fetch := d.weights.fetching(g0, g1, end)
		image := image0 + i/len(d.bands)
		b := &d.bands[i%len(d.bands)]
		at := spot{res: image * d.imageStep.res, out: image * d.imageStep.out}
		switch {
		case d.fill != nil:
			d.fill(call, image, b)
		case d.matrix == nil:
			at.in = image * d.imageStep.in
		}
		for g := g0; g < g1; g++ {
			next := fetch.take()
			d.weights.load(&t, g, next, b.tiles[d.weights.groups[g].blocks])
			d.multiply(&t, &d.weights.groups[g], b, at, next, in, res, call.Out[0])
		}
	}
}

// goesOn reports whether the part after that one has the next groups, and is the same thread's: their weights are then
// worth fetching ahead.
func (d *dense) goesOn(part int) bool {
	next, n := part+1, d.bandParts*d.groupParts
	if next%d.groupParts == 0 {
		return false
	}
	t := ceilDiv(next*d.threads, n)
	return n*t/d.threads != next
}

// multiply computes one group of output channels for a band.
func (d *dense) multiply(t *asm.Tile, g *outGroup, b *band, at spot, next ir.Memory, in, res, out []byte) {
	first := g.first / asm.Block
	at.in += g.in
	at.res += first * t.ResBlock
	at.out += first * t.OutBlock
	depth := g.macs / g.blocks / asm.Block
	fetched := 0
	most := max(1, asm.MaxMACs/max(1, g.macs*d.level.mostRows(g.blocks)))
	runs := b.runs[g.blocks]
	var last *pattern
	for i := range runs {
		r := &runs[i]
		if r.pattern != last || r.tiles > 1 {
			r.load(t)
			last = r.pattern
		}
		from := at.plus(r.first)
		for left := r.tiles; left > 0; left -= t.Tiles {
			t.Tiles = min(left, most)
			t.In = pointer(in, from.in)
			t.Out = pointer(out, from.out)
			if res != nil {
				t.Res = pointer(res, from.res)
			}
			d.level.run(t, r.pattern.rows, g.blocks)
			if fetched += t.NextStep * depth / 4 * t.Tiles; fetched < len(next) {
				t.Next = unsafe.Pointer(&next[fetched])
			}
			from.in += t.Tiles * r.step.in
			from.res += t.Tiles * r.step.res
			from.out += t.Tiles * r.step.out
		}
	}
	if d.act == nil {
		return
	}
	for v := range g.blocks {
		for y := b.y0; y < b.y1; {
			rows := min(b.y1-y, d.oh-y%d.oh) // of one image
			row := at.out + v*t.OutBlock + d.outFirst + y/d.oh*d.imageStep.out + y%d.oh*d.rowStep
			d.act(ir.Memory(out[row:]).F32(), d.rowStep/4, rows, d.rowVecs)
			y += rows
		}
	}
}

// pointer is a place in memory, which must be there.
func pointer(m []byte, at int) *float32 { return (*float32)(unsafe.Pointer(&m[at])) }

// fusedAct is an activation that is applied to a tile's output while it is in the cache; nil where the tile itself
// limits its range.
type fusedAct func(v []float32)
