package primitive

import "github.com/godlas/godlas/dlas/ir"

// A schedule's Tiles mean, for convolutions: [0] rows of a dense group (4 or 6) or lanes of a sparse panel (2 or 8),
// [1] panels of a block, [2] groups or rows of a block. 0 leaves the number to this file's rules, which go by shape.

// tile is a schedule's number i, or 0.
func tile(s ir.Schedule, i int) int {
	if i < len(s.Tiles) {
		return s.Tiles[i]
	}
	return 0
}

// The rules' numbers, in bytes and multiply-accumulates.
const (
	blockWeights = 16 << 10 // of a block's weights: a third of the usual first-level cache
	blockPanels  = 16       // of a block: their pixels stay in the second-level cache
	leastChunk   = 1 << 15  // multiply-accumulates of a part that is worth handing to another thread
	chunksEach   = 4        // parts a thread, so that a thread that starts late still finds some
)

// cut is how a product is cut, in panels of pixels and units of rows: the loops go over blocks of panels, inside over
// blocks of units, inside over the block's panels. Chunks are the parts that may run on different threads.
type cut struct {
	panels, units           int // of a block
	panelChunks, unitChunks int
}

// cutOf cuts a product of units of rows with panels of width pixels.
func cutOf(s ir.Schedule, r rows, panels, width int, m ir.Machine) cut {
	units := r.units()
	c := cut{panels: tile(s, 1), units: tile(s, 2), panelChunks: 1, unitChunks: 1}
	if c.panels < 1 {
		c.panels = blockPanels
	}
	if c.units < 1 {
		c.units = max(1, int(blockWeights*int64(units)/max(1, r.packedBytes())))
	}
	c.units = min(c.units, units)
	if m.Threads < 2 {
		return c
	}
	// Parts come in multiples of the threads, or a thread would have to take of another's share every time.
	want := min(chunksEach*m.Threads, units*r.macs()*width*panels/leastChunk)
	want = want / m.Threads * m.Threads
	c.panelChunks = max(1, min(want, panels))
	if rest := want / c.panelChunks; rest > 1 {
		c.unitChunks = min(rest, units)
	}
	return c
}

// chunksFor is the number of parts for items that move about that many elements each: one a thread, which will find in
// its cache what it wrote.
func chunksFor(items, elements int, m ir.Machine) int {
	if m.Threads < 2 || items*elements < leastMove*m.Threads {
		return 1
	}
	return min(items, m.Threads)
}

// leastMove is the number of elements of a part of copying that is worth handing to another thread.
const leastMove = 1 << 10

// part is the range of items that part i of n gets.
func part(items, n, i int) (from, to int) { return items * i / n, items * (i + 1) / n }
