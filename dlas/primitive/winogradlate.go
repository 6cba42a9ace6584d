package primitive

import (
	"github.com/godlas/godlas/dlas/ir"
	"github.com/godlas/godlas/dlas/primitive/internal/asm"
	"github.com/godlas/godlas/dlas/primitive/internal/mem"
)

// This file is the convolution by F(4x4, 3x3) whose weights stay as they are: the loop of a product transforms them in
// registers. A map with few tiles uses each weight but a few times, so its time is that of reading weights, and the
// transformed ones are four times as many. A part does all of some blocks of output channels by itself, the transform of
// the input included, which costs less than fetching what another core has transformed.

// lateGroups cuts the tiles of a chunk into what the loop takes at once: as few as can be, all about as large.
func (w *winograd) lateGroups(tiles int) int { return ceilDiv(tiles, 2*asm.WinoRowTiles(w.isa)) }

// latePlaces are the calls for one row of places of that many tiles.
func (w *winograd) latePlaces(tiles int) []asm.WinoPlaces {
	if tiles <= asm.WinoRowTiles(w.isa) {
		return placesAll
	}
	return placesHalves
}

var (
	placesAll    = []asm.WinoPlaces{asm.WinoAll}
	placesHalves = []asm.WinoPlaces{asm.WinoNear, asm.WinoFar}
)

// latePanel is the number of weights of a block of output channels.
func (w *winograd) latePanel() int { return 4 * w.quads * 9 * ir.Lanes }

// packLate stores the weights as the loop reads them: blocks of output channels, input channels, the window's places, the
// block's channels.
func (w *winograd) packLate(weights []float32) {
	size := w.latePanel()
	w.u = mem.F32(w.ocb * size)
	for o := range w.outC {
		to := w.u[o/ir.Lanes*size+o%ir.Lanes:]
		for i, v := range weights[o*w.inC*9 : (o+1)*w.inC*9] {
			to[i*ir.Lanes] = v
		}
	}
}

// lateParts are the parts of a chunk: each does a range of the blocks of output channels.
func (w *winograd) lateParts() int {
	chunks := w.chunks()
	cycles := w.lateCycles(float64(w.rows)/float64(chunks)*float64(w.tw)) * float64(w.ocb)
	parts := int(cycles/mostPartCycles) + 1
	if chunks%w.threads != 0 {
		parts = ceilDiv(parts, w.threads) * w.threads
		if cycles*float64(chunks) < sharedCycles {
			parts = 1
		}
	}
	return max(1, min(parts, w.ocb))
}

// lateCycles is the time of one block of output channels for that many tiles: products and the weights' transform, the way
// back of the output, and for each of a group's 36 places what its loop takes beside.
func (w *winograd) lateCycles(tiles float64) float64 {
	groups := float64(ceilDiv(int(tiles+0.5), 2*asm.WinoRowTiles(w.isa)))
	depth := float64(4 * w.quads)
	each := 60.0 // instructions that transform the weights of an input channel
	vectors, perCycle := 1.0, 1.75
	if tiles > float64(asm.WinoRowTiles(w.isa)) {
		each, perCycle = 84, 1.85
	}
	switch w.isa {
	case asm.AVX2:
		vectors = 2
	case asm.GoISA:
		perCycle, each = 0.06, 30*each
	}
	return depth*vectors*(36*tiles+each*groups)/perCycle + tiles*w.speeds().out[1] + 36*40*groups
}

// runLate does a part.
func (w *winograd) runLate(call ir.Call) {
	parts := w.lateParts()
	chunk := call.Part / parts
	from, to := part(w.ocb, parts, call.Part%parts)
	p := piece{call: &call}
	p.from, p.to = w.chunkBounds(chunk)
	tiles := (p.to - p.from) * w.tw
	f := call.Scratch.F32()
	most := 36 * ir.Lanes * w.chunkTiles()
	p.v, p.m, p.u = f[:36*w.icb*ir.Lanes*tiles], f[w.icb*most:(w.icb+1)*most], f[(w.icb+1)*most:]
	w.lateForward(&p)
	for block := from; block < to; block++ {
		w.lateMultiply(&p, block)
		w.lateBack(&p, block)
	}
}

// eachRun calls f for every run of tiles that lie in one row and in one group: the row, its tiles from..to-1, the group's
// first tile and size.
func (w *winograd) eachRun(p *piece, f func(row, from, to, first, size int)) {
	tiles := (p.to - p.from) * w.tw
	groups := w.lateGroups(tiles)
	for g := range groups {
		first, end := part(tiles, groups, g)
		for at := first; at < end; {
			row := at / w.tw
			next := min(end, (row+1)*w.tw)
			f(row, at-row*w.tw, next-row*w.tw, first, end-first)
			at = next
		}
	}
}

// lateForward transforms the input of a chunk: for every group of tiles blocks of channels, in each the tile's places.
func (w *winograd) lateForward(p *piece) {
	in := p.call.In[0].F32()
	a := asm.WinoMap{Row: w.in.Row, Step: 16 * w.m}
	w.eachRun(p, func(row, from, to, first, size int) {
		image, y := (p.from+row)/w.th, (p.from+row)%w.th
		a.Plane, a.Tiles = 16*size, to-from
		at := image*w.in.Image + w.in.Origin + y*w.m*w.in.Row + from*a.Step
		mat := 36*16*w.icb*first + 16*(row*w.tw+from-first)
		for block := range w.icb {
			a.Map = in[at+block*w.in.Block:]
			a.Mat = p.v[mat+block*36*16*size:]
			asm.WinoIn(w.isa, w.m, &a)
		}
	})
}

// lateDepth is how many input channels are gone through at a time, in fours: what a row of places reads of their weights
// stays in the first-level cache while every group of tiles takes it.
const lateDepth = 16

// lateColumns is the number of half transformed weights of so many channels, for a row of places.
const lateColumns = 4 * lateDepth * 3 * ir.Lanes

// Of rows 1 to 4 of G, what the second and third weight of a column are multiplied with.
var lateMid, lateFar = [6]float32{1: 1, 2: -1, 3: 2, 4: -2}, [6]float32{1: 1, 2: 1, 3: 4, 4: 4}

// lateMultiply makes the products of a block of output channels. Meanwhile the next weights come from memory, a few lines
// at a time: a core waits for no more than a dozen lines at once.
func (w *winograd) lateMultiply(p *piece, block int) {
	tiles := (p.to - p.from) * w.tw
	groups := w.lateGroups(tiles)
	calls := 6 * groups * len(w.latePlaces(tiles/groups))
	size := w.latePanel()
	a := asm.WinoRow{NextStep: 2 * 9 * ir.Lanes / calls, NextGap: ir.Lanes}
	for from := 0; from < w.quads; from += lateDepth {
		a.Quads = min(lateDepth, w.quads-from)
		a.Add, a.More = min(from, 1), min(w.quads-from-a.Quads, 1)
		at, depth := block*size+from*4*9*ir.Lanes, a.Quads*4*9*ir.Lanes
		weights := w.u[at : at+depth]
		next := at + depth
		if calls == 6 { // a third of the next weights each, so that the processor sees three streams
			a.NextGap, a.NextStep = depth/3, ir.Lanes
		}
		for a.Row = range 6 {
			columns := weights[a.Row/5*6*ir.Lanes:]
			columnStep := 9 * ir.Lanes
			if a.Row%5 != 0 && calls > 6 {
				asm.WinoRowColumns(w.isa, &asm.WinoColumns{W: weights, To: p.u, Quads: a.Quads, Mid: lateMid[a.Row], Far: lateFar[a.Row]})
				columns, columnStep = p.u, 3*ir.Lanes
			}
			for g := range groups {
				first, end := part(tiles, groups, g)
				n := end - first
				a.VBlock = 36 * 16 * n
				a.V = p.v[36*16*w.icb*first+from/4*a.VBlock+6*16*n*a.Row : 36*16*w.icb*end]
				a.M = p.m[36*16*first+6*16*n*a.Row:]
				for _, places := range w.latePlaces(n) {
					a.W, a.WStep = columns, columnStep
					if places == asm.WinoAll {
						a.W = weights
					}
					a.Next = w.u[min(next, len(w.u)):]
					asm.WinoRowProduct(w.isa, n, places, &a)
					next += 2 * a.Quads * a.NextStep
				}
			}
		}
	}
}

// lateBack transforms the products of a block of output channels and ends the convolution.
func (w *winograd) lateBack(p *piece, block int) {
	out := p.call.Out[0].F32()
	var res []float32
	if len(p.call.In) > 3 {
		res = p.call.In[3].F32()
	}
	a := asm.WinoMap{Row: w.out.Row, Step: 16 * w.m, ResRow: w.res.Row, Lo: w.lo, Hi: w.hi, Bias: w.bias[16*block:]}
	whole := w.ow / w.m
	w.eachRun(p, func(row, from, to, first, size int) {
		image, y := (p.from+row)/w.th, (p.from+row)%w.th*w.m
		a.Rows, a.Plane = min(w.m, w.oh-y), 16*size
		do := func(from, to, cols int) {
			a.Tiles, a.Cols = to-from, cols
			a.Map = out[image*w.out.Image+block*w.out.Block+w.out.Origin+y*w.out.Row+from*a.Step:]
			a.Mat = p.m[36*16*first+16*(row*w.tw+from-first):]
			if res != nil {
				a.Res = res[image*w.res.Image+block*w.res.Block+w.res.Origin+y*w.res.Row+from*a.Step:]
			}
			asm.WinoOut(w.isa, w.m, &a)
		}
		if n := min(to, whole); n > from {
			do(from, n, w.m)
		}
		if to > whole {
			do(whole, to, w.ow%w.m)
		}
	})
	if w.act == nil {
		return
	}
	for row := p.from; row < p.to; row++ {
		image, y := row/w.th, row%w.th*w.m
		for r := range min(w.m, w.oh-y) {
			w.act(out[image*w.out.Image+block*w.out.Block+w.out.Origin+(y+r)*w.out.Row:][:w.ow*ir.Lanes])
		}
	}
}
