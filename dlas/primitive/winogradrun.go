package primitive

import (
	"github.com/godlas/godlas/dlas/ir"
	"github.com/godlas/godlas/dlas/primitive/internal/asm"
)

// piece is a range of rows of tiles with the memory of its transforms.
type piece struct {
	call           *ir.Call
	from, to       int // rows of tiles
	v, m           []float32
	u              []float32 // of half transformed weights
	vPlane, mPlane int
}

func (w *winograd) chunks() int { return ceilDiv(w.rows, w.chunk) }

// chunkBounds are the rows of tiles of a chunk: all chunks come out as even as can be.
func (w *winograd) chunkBounds(i int) (from, to int) { return part(w.rows, w.chunks(), i) }

// chunkTiles are the tiles of the largest chunk.
func (w *winograd) chunkTiles() int { return ceilDiv(w.rows, w.chunks()) * w.tw }

func (w *winograd) chunkRows(i int) int {
	from, to := w.chunkBounds(i)
	return to - from
}

// lines is a number of floats of that many lines of 16, made odd so that the places of a tile do not fall into one set of
// the cache.
func lines(n int) int { return 16 * (n | 1) }

func (w *winograd) piece(call *ir.Call, space ir.Memory, chunk int) piece {
	p := piece{call: call}
	p.from, p.to = w.chunkBounds(chunk)
	tiles := (p.to - p.from) * w.tw
	p.vPlane, p.mPlane = lines(w.icb*tiles), lines(w.ocb*tiles)
	f := space.F32()
	p.v, p.m = f[:w.n*w.n*p.vPlane], f[w.n*w.n*w.vPlane:][:w.n*w.n*p.mPlane]
	return p
}

// run does all of one chunk, in the thread's own memory.
func (w *winograd) run(call ir.Call) {
	p := w.piece(&call, call.Scratch, call.Part)
	w.forward(&p, 0, w.icb*(p.to-p.from))
	w.multiply(&p, 0, w.n*w.n*w.panels())
	w.back(&p, 0, w.ocb*(p.to-p.from))
}

// runStage does a part of one of the three stages of a chunk.
func (w *winograd) runStage(call ir.Call) {
	p := w.piece(&call, call.Workspace, call.Phase/3)
	rows := p.to - p.from
	stage := call.Phase % 3
	from, to := part(w.stageItems(stage, rows), w.stageParts(stage, rows), call.Part)
	switch stage {
	case 0:
		w.forward(&p, from, to)
	case 1:
		w.multiply(&p, from, to)
	case 2:
		w.back(&p, from, to)
	}
}

// stageItems is the number of pieces of work that a stage can be cut into.
func (w *winograd) stageItems(stage, rows int) int {
	switch stage {
	case 0:
		return w.icb * rows
	case 1:
		return w.n * w.n * w.panels()
	}
	return w.ocb * rows
}

// stageCycles is the estimated time of a stage.
func (w *winograd) stageCycles(stage, rows int) float64 {
	tiles := float64(rows * w.tw)
	switch stage {
	case 0:
		return tiles * float64(w.icb) * w.speeds().in[w.m/4]
	case 1:
		return float64(w.n*w.n) * w.productCycles(rows*w.tw)
	}
	return tiles * float64(w.ocb) * w.speeds().out[w.m/4]
}

// stageParts cuts a stage: several parts a thread where they are worth handing over.
func (w *winograd) stageParts(stage, rows int) int {
	return partsOf(w.stageItems(stage, rows), w.stageCycles(stage, rows), w.threads)
}

// Bounds of a part, in cycles: what is worth handing to another thread, and what may pass before a run that is cancelled
// notices.
const (
	sharedCycles    = 5e3  // of a stage that is worth sharing
	leastPartCycles = 15e3 // of a part that is worth cutting finer than one a thread
	mostPartCycles  = 2e6
)

// partsOf is the number of parts of work that can be cut into items: a multiple of the threads where that can be.
func partsOf(items int, cycles float64, threads int) int {
	parts := int(cycles/mostPartCycles) + 1
	if threads > 1 {
		parts = max(parts, min(4*threads, int(cycles/leastPartCycles)/threads*threads))
		parts = ceilDiv(parts, threads) * threads
		if cycles < sharedCycles {
			parts = 1
		}
	}
	return max(1, min(parts, items))
}

// forward transforms the input of items from..to-1: rows of tiles inside, blocks of channels outside.
func (w *winograd) forward(p *piece, from, to int) {
	rows := p.to - p.from
	in := p.call.In[0].F32()
	a := asm.WinoMap{Row: w.in.Row, Step: 16 * w.m, Plane: p.vPlane, Tiles: w.tw}
	for i := from; i < to; i++ {
		block, row := i/rows, i%rows
		image, y := (p.from+row)/w.th, (p.from+row)%w.th
		a.Map = in[image*w.in.Image+block*w.in.Block+w.in.Origin+y*w.m*w.in.Row:]
		a.Mat = p.v[(block*rows+row)*w.tw*16:]
		asm.WinoIn(w.isa, w.m, &a)
	}
}

// smallPanel is the size of a panel of weights, in bytes, below which several places are done in one call.
const smallPanel = 8 << 10

// multiply does the products of items from..to-1: panels of output channels inside, places outside.
func (w *winograd) multiply(p *piece, from, to int) {
	tiles := (p.to - p.from) * w.tw
	most := asm.WinoRows(w.isa)
	groups := ceilDiv(tiles, most)
	panels := w.panels()
	a := asm.WinoMul{VBlock: 16 * tiles, MBlock: 16 * tiles, Quads: w.quads}
	if groups == 1 && 16*w.quads*asm.WinoWidth(w.isa) <= smallPanel && panels == 1 {
		at, width := w.panel(0)
		a.VStep, a.UStep, a.MStep = p.vPlane, w.uPlace, p.mPlane
		a.Count = to - from
		w.fetch(&a, width, 1)
		a.V, a.U, a.M = p.v[from*p.vPlane:], w.u[from*w.uPlace+at:], p.m[from*p.mPlane:]
		asm.WinoProduct(w.isa, tiles, width, &a)
		return
	}
	rows, more := tiles/groups, tiles%groups // the first groups have one more
	for i := from; i < to; i++ {
		place, n := i/panels, i%panels
		at, width := w.panel(n)
		a.U = w.u[place*w.uPlace+at:]
		v, m := p.v[place*p.vPlane:], p.m[place*p.mPlane+n*asm.WinoWidth(w.isa)*tiles:]
		w.fetch(&a, width, groups)
		do := func(rows, count int) {
			limit := max(1, asm.MaxMACs/(rows*width*4*w.quads))
			for count > 0 {
				a.V, a.M, a.Count = v, m, min(count, limit)
				a.VStep, a.MStep = 16*rows, 16*rows
				asm.WinoProduct(w.isa, rows, width, &a)
				count -= a.Count
				a.Ahead += a.Count * w.quads * a.AheadStep
				v, m = v[a.Count*16*rows:], m[a.Count*16*rows:]
			}
		}
		if more > 0 {
			do(rows+1, more)
		}
		do(rows, groups-more)
	}
}

// fetch has the weights fetched ahead: those of the same panel where it is used once, else, spread over its uses, those of
// the next panel, so that memory is asked for the same amount at all times.
func (w *winograd) fetch(a *asm.WinoMul, width, uses int) {
	a.Ahead, a.AheadStep = fetchAhead, 4*width
	if uses > 1 {
		a.Ahead, a.AheadStep = max(fetchAhead, 4*w.quads*width), 16*ceilDiv(width/4, uses)
	}
}

// fetchAhead is how far before their use weights are fetched, in floats.
const fetchAhead = 512

// back transforms the products of items from..to-1 and ends the convolution.
func (w *winograd) back(p *piece, from, to int) {
	rows := p.to - p.from
	out := p.call.Out[0].F32()
	var res []float32
	if len(p.call.In) > 3 {
		res = p.call.In[3].F32()
	}
	a := asm.WinoMap{Row: w.out.Row, Step: 16 * w.m, Plane: p.mPlane, ResRow: w.res.Row, Lo: w.lo, Hi: w.hi}
	for i := from; i < to; i++ {
		block, row := i/rows, i%rows
		image, y := (p.from+row)/w.th, (p.from+row)%w.th*w.m
		a.Bias = w.bias[16*block:]
		a.Rows = min(w.m, w.oh-y)
		a.Map = out[image*w.out.Image+block*w.out.Block+w.out.Origin+y*w.out.Row:]
		a.Mat = p.m[(block*rows+row)*w.tw*16:]
		if res != nil {
			a.Res = res[image*w.res.Image+block*w.res.Block+w.res.Origin+y*w.res.Row:]
		}
		whole := w.ow / w.m
		if whole > 0 {
			a.Tiles, a.Cols = whole, w.m
			asm.WinoOut(w.isa, w.m, &a)
		}
		if left := w.ow % w.m; left > 0 {
			a.Tiles, a.Cols = 1, left
			a.Map, a.Mat = a.Map[whole*a.Step:], a.Mat[16*whole:]
			if res != nil {
				a.Res = a.Res[whole*a.Step:]
			}
			asm.WinoOut(w.isa, w.m, &a)
		}
		if w.act != nil {
			for r := range a.Rows {
				w.act(out[image*w.out.Image+block*w.out.Block+w.out.Origin+(y+r)*w.out.Row:][:w.ow*ir.Lanes])
			}
		}
	}
}
