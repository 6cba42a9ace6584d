package primitive

import (
	"slices"

	"github.com/godlas/godlas/dlas/ir"
	"github.com/godlas/godlas/dlas/primitive/internal/asm"
)

// byteWinogradPlan is how a quantised convolution by minimal filtering is cut. A schedule's Tiles hold it: [0] rows of
// tiles of a chunk, [1] blocks of output channels of a panel, [2] parts that share the panels of a chunk, each of which
// transforms the input for itself, [3] 2 where all transformed weights are kept through a run, 1 where they are made anew
// for each chunk.
type byteWinogradPlan struct {
	chunk   int
	vectors int
	shares  int
	kept    bool
}

func (p byteWinogradPlan) schedule() ir.Schedule {
	kept := 1
	if p.kept {
		kept = 2
	}
	return ir.Schedule{Name: "tuned", Tiles: []int{p.chunk, p.vectors, p.shares, kept}}
}

// planOf is the plan that a schedule asks for.
func (w *byteWinograd) planOf(s ir.Schedule) byteWinogradPlan {
	if s.Name == "untuned" {
		v := *w
		v.byteWinogradPlan = byteWinogradPlan{chunk: 1, vectors: 1, shares: 1}
		v.shares = v.enough()
		return v.byteWinogradPlan
	}
	p := w.best()
	if len(s.Tiles) > 3 {
		p = byteWinogradPlan{s.Tiles[0], s.Tiles[1], s.Tiles[2], s.Tiles[3] == 2}
	}
	p.chunk = min(max(1, p.chunk), w.rows)
	p.vectors = min(max(1, p.vectors), w.speeds.vectors, w.ocb)
	p.shares = min(max(1, p.shares), ceilDiv(w.ocb, p.vectors))
	return p
}

// plans are those worth a thought.
func (w *byteWinograd) plans() (list []byteWinogradPlan) {
	for tiles := 14; ; tiles += 14 {
		chunk := min(w.rows, max(1, tiles/w.tw))
		chunk = ceilDiv(w.rows, ceilDiv(w.rows, chunk)) // even chunks, as many as come out
		for vectors := 1; vectors <= min(w.speeds.vectors, w.ocb); vectors++ {
			for _, kept := range []bool{false, true} {
				v := *w
				v.byteWinogradPlan = byteWinogradPlan{chunk, vectors, 1, kept}
				// What one thread does at a time is short enough, and there is as much for each.
				v.shares = v.enough()
				if n := v.chunks(); n%w.threads != 0 {
					v.shares = ceilDiv(v.shares, w.threads) * w.threads
				}
				v.shares = min(v.shares, v.panels())
				if !slices.Contains(list, v.byteWinogradPlan) {
					list = append(list, v.byteWinogradPlan)
				}
			}
		}
		if chunk == w.rows || tiles >= 196 {
			return list
		}
	}
}

// enough is how many parts a chunk is cut into for each to be short.
func (w *byteWinograd) enough() int {
	return max(1, min(int(w.cycles()/mostPartCycles+0.999), w.panels()))
}

// keptParts is how many parts transform the weights that are kept: one a thread, or as many as it takes for each to be short.
func (w *byteWinograd) keptParts() int {
	units := float64(w.pairs()*w.ocb) * w.speeds.unit
	return min(w.panels(), max(w.threads, int(units/mostPartCycles)+1))
}

// best is the plan whose estimated time is least.
func (w *byteWinograd) best() (best byteWinogradPlan) {
	least := 0.0
	for _, p := range w.plans() {
		if c := w.cost(p); best.chunk == 0 || c < least {
			least, best = c, p
		}
	}
	return best
}

// byteWinogradSpeeds are the speeds of a level's loops: cycles to transform a tile of a block of channels and a unit of
// weights, and to end a tile of a block; multiply-accumulates of a product a cycle, the least cycles of a step of two input
// channels, and the most tiles and vectors of a product.
type byteWinogradSpeeds struct {
	forward, unit, back float64
	rate, step          float64
	rows, vectors       int
	more                float64 // what layers take beyond the sum of their loops' times
}

func (l *byteLevel) winogradSpeeds() byteWinogradSpeeds {
	switch {
	case l.wide:
		return byteWinogradSpeeds{95, 120, 145, 64, 5.8, asm.Wino8Rows, 2, 1.17}
	case l.isa == isaGo:
		return byteWinogradSpeeds{12e3, 8e3, 12e3, 0.6, 0, asm.Wino8Rows, 2, 1.1}
	case l.pairs:
		return byteWinogradSpeeds{100, 220, 180, 21, 5, asm.Wino8Rows256, 1, 1.08}
	}
	return byteWinogradSpeeds{100, 220, 180, 31, 5.5, asm.Wino8Rows256, 1, 1.08}
}

// productCycles is the time of a place's product with a panel, for all groups of that many tiles.
func (w *byteWinograd) productCycles(tiles int) float64 {
	groups := float64(ceilDiv(tiles, w.speeds.rows))
	rows := float64(tiles) / groups
	least := w.speeds.step
	if w.vectors == 1 && w.speeds.vectors > 1 {
		least = 4.5 + 0.18*rows // a product waits for the one before
	}
	return groups * (float64(w.pairs())*max(rows*float64(32*w.vectors)/w.speeds.rate, least) + 20)
}

// cycles is the time of a chunk's work by one thread.
func (w *byteWinograd) cycles() float64 {
	tiles := float64(w.rows) / float64(w.chunks()) * float64(w.tw)
	panels := float64(w.panels())
	c := tiles * float64(w.icb) * w.speeds.forward
	c += panels * asm.Wino8Places * w.productCycles(int(tiles+0.5))
	c += tiles * float64(w.ocb) * w.speeds.back
	if !w.kept {
		c += float64(w.pairs()*w.ocb) * w.speeds.unit
	}
	return c
}

// cost estimates the cycles of one run with one thread's share of the work.
func (w *byteWinograd) cost(p byteWinogradPlan) float64 {
	v := *w
	v.byteWinogradPlan = p
	chunks := v.chunks()
	tiles := float64(v.rows) / float64(chunks) * float64(v.tw)
	forward := tiles * float64(v.icb) * w.speeds.forward
	one := (v.cycles()-forward)/float64(v.shares) + forward
	rounds := float64(ceilDiv(chunks*v.shares, v.threads))
	total := rounds * one
	u := float64(asm.Wino8Places * v.uPlane())
	if v.kept {
		total += float64(v.pairs()*v.ocb)*w.speeds.unit/min(float64(v.threads), float64(v.panels())) + handover(v.threads)
		u *= float64(v.panels())
		// A thread fetches what the others have made.
		total += u * (1 - 1/float64(v.threads)) / crossBytes
	}
	// The chunk's transforms are read once for every panel; what is more than the second-level cache comes from behind it.
	space := float64(v.vBytes(int(tiles+0.5)) + v.mBytes())
	if more := u + space - 0.85*float64(v.l2); more > 0 {
		reads := float64(v.panels()) / float64(v.shares)
		total += rounds * min(more*reads, space*reads+u) / farBytes
	}
	return v.speeds.more*total + handover(v.threads)
}
