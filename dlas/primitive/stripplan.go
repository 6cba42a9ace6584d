package primitive

import (
	"math"

	"github.com/godlas/godlas/dlas/ir"
	"github.com/godlas/godlas/dlas/primitive/internal/asm"
)

// A sparse convolution's schedule: [0] the most vectors of a row of a tile, [1] the most rows of a tile, [2] input channels
// of a chunk. 0 leaves the number to the estimate below.
const (
	stripCols = iota
	stripRows
	stripChunk
)

// stripPlan is how the loops of a sparse convolution over strips are cut: into tiles of the map, whose sums stay in
// registers, and the depth into chunks of input channels, whose pixels under a tile stay in the first-level cache while all
// output channels pass by.
type stripPlan struct {
	rows, cols int
	chunk      int     // input channels
	cycles     float64 // of an image
}

// The plan's numbers.
const (
	stripNearShare  = 0.7  // of the first-level cache that a chunk's pixels may fill
	stripGoCycles   = 21.0 // of 16 products in Go
	stripWideStride = 3    // strides from which on there is no assembly
)

// loopCycles are the cycles of a loop over strips.
type loopCycles struct {
	each float64 // of an entry, for a whole tile
	far  float64 // of a vector that comes from the second-level cache, for each entry
	sum  float64 // of a vector of sums that is loaded and stored once more, for each chunk and output channel
	row  float64 // of an output channel of a chunk: its last product's branch is rarely foreseen
}

// cycles are those of a tile of n vectors, fitted to measurements on a Xeon with AVX-512.
func (f stripForm) cycles(isa asm.ISA, n int) loopCycles {
	v := float64(n)
	switch {
	case f.quads:
		return loopCycles{quadCycles(isa, n), 0.85, 2.2, 20}
	case isa == asm.AVX512 && f.pattern: // pixels are shared by the weights of a run; three runs end
		return loopCycles{max(0.53*v+0.5, 2), 0.25, 2.2, 40}
	case isa == asm.AVX512:
		return loopCycles{max(0.58*v+1, 2), 0.85, 2.2, 20}
	case isa == asm.AVX2 && f.pattern: // there are no registers to keep pixels in
		return loopCycles{max(0.93*v+1.4, 2), 0.4, 4.5, 16}
	case isa == asm.AVX2:
		return loopCycles{max(0.93*v+1.7, 2), 0.4, 4.5, 8}
	}
	return loopCycles{stripGoCycles * v, 0, 2.2, 20}
}

// mostVectors is the most vectors of a tile.
func mostVectors(isa asm.ISA, f stripForm) int {
	switch {
	case f.quads && isa == asm.AVX2:
		return asm.QuadVectors256
	case f.quads:
		return asm.QuadVectors512
	}
	if isa == asm.AVX2 {
		return asm.StripVectors256
	}
	return asm.StripVectors512
}

// form is how an algorithm lays out what a tile reads.
type stripForm struct {
	copied  bool // packed for each tile: the rows and columns of other tiles do not lie between
	matrix  bool // the im2col matrix: a tile's vectors for every weight
	quads   bool // four output channels together
	pattern bool // runs of the weights of few masks
}

// unit is the number of output channels that a tile has.
func (f stripForm) unit() int {
	if f.quads {
		return 4
	}
	return 1
}

// ptrs is the number of pointers to entries that an output channel has, or four of them.
func (f stripForm) ptrs() int {
	if f.pattern {
		return asm.PatternPtrs
	}
	return 1
}

func formOf(algorithm string) stripForm {
	return stripForm{copied: algorithm != Direct, matrix: algorithm == Gemm}
}

// channelBytes is what a tile reads of an input channel.
func (s *strips) channelBytes(rows, cols int, f stripForm) int {
	if f.matrix {
		return 64 * rows * cols * s.win.KH * s.win.KW
	}
	return 64 * ((rows-1)*s.win.SH + (s.win.KH-1)*s.win.DH + 1) * ((cols-1)*s.win.SW + (s.win.KW-1)*s.win.DW + 1)
}

// estimate fills in the cycles of a plan for weights of that density.
func (s *strips) estimate(p stripPlan, isa asm.ISA, density float64, f stripForm) stripPlan {
	entries := density * float64(min(p.chunk, s.c)*s.win.KH*s.win.KW)
	near := float64(s.p.Machine.L1D)
	if near == 0 {
		near = 32 << 10
	}
	chunks := float64(ceilDiv(s.c, p.chunk))
	far := float64(p.chunk*s.channelBytes(p.rows, p.cols, f)) > stripNearShare*near
	p.cycles = 0
	for _, y := range pieces(s.to.H, p.rows) {
		for _, x := range pieces(s.to.W, p.cols) {
			n := y * x
			level := isa
			if s.win.SW >= stripWideStride {
				level = asm.GoISA
			}
			t := f.cycles(level, n)
			if far {
				t.each += t.far * float64(n)
			}
			unit := f.unit()
			p.cycles += float64(s.m/unit) * chunks * (entries*t.each + t.sum*float64(n*unit) + t.row)
		}
	}
	return p
}

// pieces cuts n into even pieces of at most that many.
func pieces(n, most int) []int {
	list := make([]int, 0, ceilDiv(n, most))
	for i := range cap(list) {
		a, b := part(n, cap(list), i)
		list = append(list, b-a)
	}
	return list
}

// plan chooses tiles and chunks by the estimate, within what a schedule asks for.
func (s *strips) plan(isa asm.ISA, sch ir.Schedule, density float64, f stripForm) stripPlan {
	near := s.p.Machine.L1D
	if near == 0 {
		near = 32 << 10
	}
	best := stripPlan{cycles: math.Inf(1)}
	for rows := 1; rows <= min(asm.StripRows, s.to.H); rows++ {
		for cols := 1; cols <= min(asm.StripCols, s.to.W); cols++ {
			// Sizes that make the same pieces, and those that a schedule does not ask for, are left out.
			rowsWanted, colsWanted := min(tile(sch, stripRows), asm.StripRows, s.to.H), min(tile(sch, stripCols), asm.StripCols, s.to.W)
			if rowsWanted > 0 && rows != rowsWanted || rowsWanted == 0 && rows > ceilDiv(s.to.H, ceilDiv(s.to.H, rows)) ||
				colsWanted > 0 && cols != colsWanted || colsWanted == 0 && cols > ceilDiv(s.to.W, ceilDiv(s.to.W, cols)) {
				continue
			}
			p := stripPlan{rows: rows, cols: cols}
			// What a schedule asks for may be more than there are registers for.
			for p.rows > 1 && p.rows*p.cols > mostVectors(isa, f) {
				p.rows--
			}
			p.cols = min(p.cols, mostVectors(isa, f))
			fit := max(1, int(stripNearShare*float64(near))/s.channelBytes(p.rows, p.cols, f))
			for _, chunk := range []int{fit, s.c} {
				if want := tile(sch, stripChunk); want > 0 {
					chunk = want
				}
				// One output channel of a chunk is one call at least, which must be short.
				chunk = min(chunk, s.c, max(1, asm.MaxMACs/(ir.Lanes*p.rows*p.cols*f.unit()*s.win.KH*s.win.KW)))
				p.chunk = ceilDiv(s.c, ceilDiv(s.c, chunk))
				if q := s.estimate(p, isa, density, f); q.cycles < best.cycles {
					best = q
				}
			}
		}
	}
	return best
}

// Cycles of copying a vector of 16 pixels.
const stripCopyCycles = 2.5

// mostDensity is the share of weights from which on no plan beats dense kernels, so that the best is not looked for: that
// would be most of the time in which a network of full weights is compiled.
const mostDensity = 0.9

// stripCost estimates the cycles of one run, conversions of what it reads and writes left out.
func stripCost(p ir.Problem, isa asm.ISA, f stripForm) float64 {
	s, err := newStrips(p)
	if err != nil {
		return 0
	}
	d := s.density(f)
	sch := ir.Schedule{}
	if d > mostDensity {
		sch.Tiles = []int{stripCols: 8, stripRows: 1, stripChunk: s.c}
	}
	plan := s.plan(isa, sch, d, f)
	cost := plan.cycles
	switch {
	case f.matrix:
		cost += stripCopyCycles * float64(s.vectors()*s.c*s.win.KH*s.win.KW)
	case f.copied:
		tiles := ceilDiv(s.to.H, plan.rows) * ceilDiv(s.to.W, plan.cols)
		cost += stripCopyCycles * float64(tiles*s.c*s.channelBytes(plan.rows, plan.cols, f)/64)
	}
	// The border of what it makes: of most nodes, a pixel to each side.
	cost += edgeCycles * float64(s.m*2*(s.to.H+s.to.W+2))
	// Entries come from afar once a run.
	each := 8.0
	switch {
	case f.quads:
		each = quadBytes / 4
	case f.pattern:
		each = patternBytes
	}
	bytes := each * d * float64(s.m*s.c*s.win.KH*s.win.KW)
	come := bytes / comeBytes(bytes, p.Machine.L2)
	cost *= float64(s.n)
	cost = max(cost, come) + overlap*min(cost, come)
	threads := float64(max(1, p.Machine.Threads))
	if threads == 1 || s.alone(cost) {
		return threads * cost
	}
	return cost + threads*s.crossCycles()
}

// What several threads cost beside their work, fitted to ResNets over maps of 8 to 32 pixels with two threads: strips have
// pixels of all of a map's places side by side, so that under a thread's windows most is what another core has written.
const (
	stripShare = 12e3 // cycles of handing over: of the tiles, and of the borders
	stripCross = 0.2  // cycles of a byte of the input with its border
	stripNear  = 8    // rows of a strip of which no thread has any for itself
)

// crossCycles is what a thread takes longer than its share of the work where a node is cut for several.
func (s *strips) crossCycles() float64 {
	b := s.border()
	bytes := 64 * s.n * s.c * (b.Top + s.from.H + b.Bottom) * (b.Left + s.from.W + b.Right)
	return stripShare + stripCross*float64(bytes)*min(1, stripNear/float64(s.to.H*s.n))
}

// alone reports whether one thread is faster with so many cycles of work than all together.
func (s *strips) alone(cycles float64) bool {
	threads := float64(s.p.Machine.Threads)
	return threads > 1 && cycles < cycles/threads+s.crossCycles()
}

// stripSchedules are the candidates of a tuner.
func stripSchedules(p ir.Problem, isa asm.ISA) []ir.Schedule {
	s, err := newStrips(p)
	if err != nil {
		return nil
	}
	var list []ir.Schedule
	for rows := min(asm.StripRows, s.to.H); rows > 0; rows-- {
		for _, cols := range []int{8, 7, 4, 2} {
			cols = min(cols, s.to.W)
			if !asm.HasStrip(isa, rows, cols) {
				continue
			}
			for _, chunk := range []int{0, 8, 16, 32, 64, s.c} {
				if chunk <= s.c {
					list = append(list, ir.Schedule{Tiles: []int{cols, rows, chunk}})
				}
			}
		}
	}
	return list
}
