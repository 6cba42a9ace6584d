package primitive

import "github.com/godlas/godlas/dlas/ir"

// A schedule's Tiles mean, for convolutions with groups: [0] lanes of a panel (2 or 8), [1] panels of a block, [2] rows of a
// block. 0 leaves the number to this file's rules, which go by shape.

// tile is a schedule's number i, or 0.
func tile(s ir.Schedule, i int) int {
	if i < len(s.Tiles) {
		return s.Tiles[i]
	}
	return 0
}

// load is the work of a convolution's rows, in the units in which the loop takes them: single rows.
type load struct {
	units int
	macs  int // multiply-accumulates of one unit and one pixel
	bytes int // of the weights of one unit
}

// cut is how a product is cut, in panels of pixels and units of rows.
type cut struct {
	panels, units         int // of a block
	panelParts, unitParts int // parts that may run on different threads, of all panels and all units
}

// The rules' numbers.
const (
	blockWeights = 16 << 10 // bytes of a block's weights: a third of the usual first-level cache
	blockPanels  = 16       // panels of a block: their pixels stay in the second-level cache
	leastPart    = 1 << 14  // multiply-accumulates of a part that is worth handing to another thread
	finePart     = 1 << 20  // multiply-accumulates of a part that is worth cutting finer than one a thread
	mostParts    = 4        // a thread: they even out what threads lose to other processes
)

// cutOf cuts a product of rows with panels of width pixels.
func cutOf(s ir.Schedule, l load, panels, width int, m ir.Machine) cut {
	c := cut{panels: tile(s, 1), units: tile(s, 2), panelParts: 1, unitParts: 1}
	if c.panels < 1 {
		c.panels = blockPanels
	}
	if c.units < 1 {
		c.units = max(1, blockWeights/l.bytes)
	}
	c.units = min(c.units, l.units)
	total := l.units * l.macs * width * panels
	if m.Threads < 2 || total < leastPart*m.Threads {
		return c
	}
	// Parts come in multiples of the threads, or a thread would have to take of another's share every time.
	want := m.Threads * max(1, min(mostParts, total/m.Threads/finePart))
	c.panelParts = min(want, panels)
	c.unitParts = max(1, min(want/c.panelParts, l.units))
	return c
}

// chunksFor is the number of parts for items that move about that many elements each: as few for each thread as a run
// that is cancelled may wait for, since a thread finds in its cache what it wrote.
func chunksFor(items, elements int, m ir.Machine) int {
	parts := ceilDiv(items*elements, mostMove)
	if m.Threads > 1 && items*elements >= leastMove*m.Threads {
		parts = ceilDiv(parts, m.Threads) * m.Threads
	}
	return max(1, min(parts, items))
}

// Bounds of the elements that a part of copying moves: what is worth handing to another thread, and what may pass before
// a run that is cancelled notices: a few tenths of a millisecond, at the slowest order of elements.
const (
	leastMove = 1 << 10
	mostMove  = 1 << 18
)

// part is the range of items that part i of n gets.
func part(items, n, i int) (from, to int) { return items * i / n, items * (i + 1) / n }
