package primitive

import (
	"slices"

	"github.com/godlas/godlas/dlas/ir"
	"github.com/godlas/godlas/dlas/primitive/internal/asm"
)

// plan is how a convolution by minimal filtering is cut. A schedule's Tiles hold it: [0] m, [1] rows of tiles of a chunk
// (0: all), [2] 1 for chunks that are done one by one from input to output, each by one thread in memory of its own, 2
// for chunks whose three stages all threads share, 3 for chunks as with 1 whose products transform the weights.
type plan struct {
	m      int // outputs of a tile are m x m
	chunk  int
	staged bool
	late   bool // products transform their weights themselves
}

const (
	inTurn = 1 + iota
	inStages
	withLate
)

func (p plan) schedule() ir.Schedule {
	t := []int{p.m, p.chunk, inTurn}
	switch {
	case p.staged:
		t[2] = inStages
	case p.late:
		t[2] = withLate
	}
	return ir.Schedule{Name: "tuned", Tiles: t}
}

// planOf is the plan that a schedule asks for; what it leaves open is decided by the estimated time.
func (w *winograd) planOf(s ir.Schedule) plan {
	if s.Name == "untuned" {
		return plan{m: 2, chunk: 1}
	}
	least, best := 0.0, plan{}
	for _, p := range w.plans() {
		if t := tile(s, 0); t == 2 || t == 4 {
			if p.m != t {
				continue
			}
		}
		if t := tile(s, 1); t > 0 {
			p.chunk = t
			p = w.cuttable(p)
		}
		if t := tile(s, 2); t > 0 && t != p.schedule().Tiles[2] {
			continue
		}
		if c := w.cost(p); best.m == 0 || c < least {
			least, best = c, p
		}
	}
	if best.m == 0 { // the schedule asks for what there is not
		return w.best()
	}
	return best
}

// apply makes a plan the one that the convolution follows.
func (w *winograd) apply(p plan) {
	w.plan = p
	w.n, w.tw, w.th = p.m+2, ceilDiv(w.ow, p.m), ceilDiv(w.oh, p.m)
	w.rows = w.images * w.th
	w.chunk = max(1, min(w.chunk, w.rows))
	most := w.chunkTiles() / w.tw
	w.vPlane, w.mPlane = lines(w.icb*most*w.tw), lines(w.ocb*most*w.tw)
}

// plans are those worth a thought: chunks of about 7 to 112 tiles, and all of them.
func (w *winograd) plans() []plan {
	var list []plan
	for _, m := range []int{2, 4} {
		tw, rows := ceilDiv(w.ow, m), w.images*ceilDiv(w.oh, m)
		for tiles := 7; ; tiles *= 2 {
			chunk := min(rows, max(1, tiles/tw))
			// Even chunks, as many as come out.
			chunk = ceilDiv(rows, ceilDiv(rows, chunk))
			for _, p := range []plan{{m: m, chunk: chunk}, {m: m, chunk: chunk, staged: true}, {m: m, chunk: chunk, late: true}} {
				if p.late && m != 4 {
					continue
				}
				if p = w.cuttable(p); !slices.Contains(list, p) {
					list = append(list, p)
				}
			}
			if chunk == rows || tiles > 500 {
				break
			}
		}
	}
	return list
}

// cuttable is the plan, in stages where a chunk takes a thread longer than a run that is cancelled may wait for.
func (w *winograd) cuttable(p plan) plan {
	if p.staged || p.late {
		return p
	}
	v := *w
	v.apply(p)
	rows := v.chunkRows(0)
	cycles := 0.0
	for stage := range 3 {
		cycles += v.stageCycles(stage, rows)
	}
	p.staged = cycles > mostPartCycles
	return p
}

func (w *winograd) schedules() []ir.Schedule {
	var list []ir.Schedule
	for _, p := range w.plans() {
		list = append(list, p.schedule())
	}
	return list
}

// best is the plan whose estimated time is least.
func (w *winograd) best() plan { return w.planOf(ir.Schedule{}) }

// winogradSpeeds are an ISA's speeds: cycles to transform a tile of a block of channels (m = 2, m = 4), vectors of a
// product a cycle.
type winogradSpeeds struct {
	in, out [2]float64
	fma     float64 // multiply-accumulates a cycle
	step    float64 // least cycles for one input channel of a product: the latency of an accumulation
}

func (w *winograd) speeds() winogradSpeeds {
	switch w.isa {
	case asm.AVX512:
		return winogradSpeeds{in: [2]float64{45, 110}, out: [2]float64{40, 90}, fma: 32, step: 4}
	case asm.AVX2:
		return winogradSpeeds{in: [2]float64{80, 220}, out: [2]float64{75, 190}, fma: 16, step: 4}
	}
	return winogradSpeeds{in: [2]float64{2000, 5000}, out: [2]float64{1500, 4000}, fma: 1, step: 4}
}

// Bytes a cycle that weights and transforms are read with, from the second-level cache and from behind it.
const (
	nearBytes  = 32.0
	farBytes   = 10.0
	panelBytes = 6.5 // weights from behind the second-level cache, between products
	crossBytes = 6.5 // what another core has just written
	coldBytes  = 5.0 // weights that other nodes' have pushed out since the last run
)

// comeBytes is how many bytes a cycle a node's weights come with that it last read a run ago. Those that fill little of the
// second-level cache are as a rule still there: networks of small weights have small ones all over.
func comeBytes(bytes float64, l2 int) float64 {
	if bytes <= float64(max(l2, 1<<20))/8 {
		return nearBytes
	}
	return coldBytes
}

// overlap is the part of reading weights that products do not hide.
const overlap = 0.15

// productCycles is the time of one place's product for that many tiles.
func (w *winograd) productCycles(tiles int) float64 {
	s := w.speeds()
	most := asm.WinoRows(w.isa)
	groups := ceilDiv(tiles, most)
	sum := 0.0
	depth := float64(4 * w.quads)
	for i := range w.panels() {
		_, width := w.panel(i)
		rows := float64(tiles) / float64(groups)
		step := max(rows*float64(width)/s.fma, s.step, (rows+float64(width)/8)/2)
		sum += float64(groups) * (depth*step + 25)
	}
	return sum
}

// cost estimates the cycles of one run with one thread's share of the work.
func (w *winograd) cost(p plan) float64 {
	v := *w
	v.apply(p)
	if p.late {
		return v.lateCost()
	}
	s := v.speeds()
	chunks := v.chunks()
	rows := float64(v.rows) / float64(chunks)
	tiles := rows * float64(v.tw)
	places := float64(v.n * v.n)
	u := 4 * places * 16 * float64(v.ocb) * float64(4*v.quads)
	space := 4 * places * 16 * tiles * float64(v.icb+v.ocb)
	transforms := tiles * (float64(v.icb)*s.in[v.m/4] + float64(v.ocb)*s.out[v.m/4])
	product := places * v.productCycles(int(tiles+0.5))
	threads, shared, crossed := float64(v.threads), 1.0, 0.0
	if v.staged {
		// A stage that is too short to be handed over is done by one thread.
		shares := func(stage int) float64 { return min(threads, float64(v.stageParts(stage, int(rows+0.5)))) }
		transforms = tiles * (float64(v.icb)*s.in[v.m/4]/shares(0) + float64(v.ocb)*s.out[v.m/4]/shares(2))
		product, u, space, shared = product/shares(1), u/shares(1), space/threads, threads
		if n := shares(1); n > 1 {
			crossed = space * (1 - 1/n) / crossBytes
		}
	}
	l2 := float64(max(v.l2, 1<<20)) * 0.9
	// Weights come once a run from behind the second-level cache, which other nodes have used since.
	first := u / comeBytes(u, w.l2)
	again := u / nearBytes
	maps := 4 * 16 * tiles * float64(v.m*v.m) * float64(v.icb+v.ocb) / shared
	if u+space+maps > l2 {
		again = u / panelBytes
	}
	moved := crossed
	if space+maps > l2 {
		moved += 2 * (space + maps - l2) / farBytes
	}
	// Where the weights leave room in the first-level cache, transforms that do not fit there cost a way to the second.
	if l1 := float64(max(w.l1, 32<<10)); u <= l1 && space > l1 {
		moved += space / nearBytes
	}
	one := transforms + max(product, again) + overlap*min(product, again) + moved
	total := float64(chunks)*one + max(0, first-product) + overlap*max(0, min(first, product)-min(again, product))
	if v.staged {
		return total + float64(chunks)*3*handover(v.threads)
	}
	return total/float64(chunks)*float64(ceilDiv(chunks, v.threads)) + handover(v.threads)
}

// lateCost is cost where products transform the weights.
func (w *winograd) lateCost() float64 {
	chunks, parts := float64(w.chunks()), float64(w.lateParts())
	tiles := float64(w.rows) / chunks * float64(w.tw)
	forward := tiles * float64(w.icb) * w.speeds().in[1]
	product := w.lateCycles(tiles) * float64(w.ocb)
	weights := 4 * float64(w.ocb*w.latePanel())
	space := 4 * 36 * 16 * tiles * float64(w.icb)
	panel := 4 * float64(w.latePanel())
	l2 := float64(max(w.l2, 1<<20)) * 0.9
	if space+2*panel > l2 { // what was transformed comes from behind the second-level cache for every block
		product += float64(w.ocb) * (space + panel) / panelBytes
	}
	rounds := float64(ceilDiv(int(chunks*parts), w.threads))
	come := weights / parts / comeBytes(weights, w.l2)
	one := forward + max(product/parts, come) + overlap*min(product/parts, come)
	return rounds*one + handover(w.threads)
}

// handover is what a phase costs beside its work, in cycles.
func handover(threads int) float64 {
	if threads > 1 {
		return 2000
	}
	return 200
}

// shareCost is what a node that threads share takes longer for it, beside what tells one plan from another: measured as
// directShare. Chunks are mostly of what a thread has made itself; where products transform the weights each thread reads
// all of the input.
func (w *winograd) shareCost(p plan) float64 {
	switch {
	case w.threads == 1:
		return 0
	case p.late:
		return 9000
	}
	return 7000
}
