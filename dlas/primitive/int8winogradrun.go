package primitive

import (
	"github.com/godlas/godlas/dlas/ir"
	"github.com/godlas/godlas/dlas/ir/op"
	"github.com/godlas/godlas/dlas/primitive/internal/asm"
)

// run does a part: some panels of output channels of a chunk of tiles, or where the transformed weights are kept for all
// chunks, first some of those.
func (w *byteWinograd) run(call ir.Call) {
	scratch := call.Scratch
	take := func(n int) ir.Memory {
		m := scratch[:n]
		scratch = scratch[n:]
		return m
	}
	temp, products, weights := take(asm.Wino8Temp), take(w.mBytes()), take(asm.Wino8Places*w.uPlane())
	if w.kept {
		weights = call.Workspace
		if call.Phase == 0 {
			from, to := part(w.panels(), w.keptParts(), call.Part)
			for panel := from; panel < to; panel++ {
				w.transform(panel, weights[panel*asm.Wino8Places*w.uPlane():])
			}
			return
		}
	}
	chunk, share := call.Part/w.shares, call.Part%w.shares
	c := byteChunk{call: &call, temp: temp, v: scratch, m: products, groups: w.groups}
	c.from, c.to = w.chunkBounds(chunk)
	if c.to-c.from != w.chunkRows(0) {
		c.groups = w.few
	}
	w.forward(&c)
	from, to := part(w.panels(), w.shares, share)
	for panel := from; panel < to; panel++ {
		u := weights
		if w.kept {
			u = weights[panel*asm.Wino8Places*w.uPlane():]
		} else {
			w.transform(panel, weights)
		}
		for g := range c.groups {
			w.multiply(&c, panel, g, u)
			w.back(&c, panel, g)
		}
	}
}

// winoIn, winoWeights, winoMul and winoOut run the level's loops.
func (l *byteLevel) winoIn(a *asm.Wino8In, signed bool) {
	switch {
	case l.wide:
		asm.Wino8In512(a, signed)
	case l.isa == isaGo:
		asm.Wino8InGo(a, signed)
	default:
		asm.Wino8In256(a, signed)
	}
}

func (l *byteLevel) winoWeights(a *asm.Wino8Weights) {
	switch {
	case l.wide:
		asm.Wino8Weights512(a)
	case l.isa == isaGo:
		asm.Wino8WeightsGo(a)
	default:
		asm.Wino8Weights256(a)
	}
}

func (l *byteLevel) winoMul(a *asm.Wino8Mul, rows, vectors int) {
	switch {
	case l.wide:
		asm.Wino8Mul512(a, rows, vectors)
	case l.isa == isaGo:
		asm.Wino8MulGo(a, rows, vectors)
	case l.pairs:
		asm.Wino8Pair(a, rows)
	default:
		asm.Wino8VNNI(a, rows)
	}
}

func (l *byteLevel) winoOut(a *asm.Wino8Out) {
	switch {
	case l.wide:
		asm.Wino8Out512(a)
	case l.isa == isaGo:
		asm.Wino8OutGo(a)
	default:
		asm.Wino8Out256(a)
	}
}

// byteChunk is a range of rows of tiles with the memory of its transforms.
type byteChunk struct {
	call       *ir.Call
	from, to   int
	groups     []tileGroup
	temp, v, m ir.Memory
}

// mostUnits bounds a call that transforms weights.
const mostUnits = 1 << 10

// transform makes the transformed weights of a panel.
func (w *byteWinograd) transform(panel int, to ir.Memory) {
	vectors := w.panelVectors(panel)
	a := asm.Wino8Weights{Plane: w.uPlane()}
	u, at := to.I16(), w.panelAt(panel)
	for units := 0; units < w.pairs()*vectors; units += mostUnits {
		a.Units = min(mostUnits, w.pairs()*vectors-units)
		a.W, a.U = &w.weights[at+288*units], &u[32*units]
		w.level.winoWeights(&a)
	}
}

// eachRun calls f for every run of a group's tiles that lie in one row: the image, the row of tiles in it, the run's first
// tile and the one after its last, and where the run begins in the group.
func (w *byteWinograd) eachRun(c *byteChunk, g tileGroup, f func(image, row, from, to, at int)) {
	for at := g.first; at < g.first+g.tiles; {
		row := at / w.tw
		next := min(g.first+g.tiles, (row+1)*w.tw)
		f((c.from+row)/w.th, (c.from+row)%w.th, at-row*w.tw, next-row*w.tw, at-g.first)
		at = next
	}
}

// groupAt is where a group's transformed input begins.
func (w *byteWinograd) groupAt(i int, g tileGroup) int {
	return asm.Wino8Places * (32*w.icb*g.first + 64*i)
}

// forward transforms the input of a chunk: for every group the places of a tile, in each the blocks of channels.
func (w *byteWinograd) forward(c *byteChunk) {
	in, v := c.call.In[0], c.v.I16()
	a := asm.Wino8In{Temp: &c.temp.I16()[0], Row: w.in.Row}
	for i, g := range c.groups {
		a.Plane = w.vPlane(g.tiles)
		w.eachRun(c, g, func(image, row, from, to, at int) {
			a.Tiles = to - from
			begin := image*w.in.Image + w.in.Origin + row*4*w.in.Row + from*4*ir.Lanes
			for block := range w.icb {
				a.Map = &in[begin+block*w.in.Block]
				a.Mat = &v[w.groupAt(i, g)/2+16*(block*g.tiles+at)]
				w.level.winoIn(&a, w.signed)
			}
		})
	}
}

// multiply makes the products of a group of tiles and a panel. Meanwhile the next panel's weights come from memory.
func (w *byteWinograd) multiply(c *byteChunk, panel, group int, u ir.Memory) {
	g, vectors := c.groups[group], w.panelVectors(panel)
	a := asm.Wino8Mul{
		V: &c.v.I16()[w.groupAt(group, g)/2], U: &u.I16()[0], M: &c.m.I32()[0],
		Blocks: w.icb, VBlock: 32 * g.tiles, MBlock: 64 * g.tiles,
		VStep: w.vPlane(g.tiles), UStep: w.uPlane(), MStep: w.mPlane(g.tiles),
	}
	ahead := 0
	if next := w.panelAt(panel + 1); !w.kept && next < len(w.weights) {
		a.AheadStep = 64 * vectors / len(c.groups)
		ahead = next + group*asm.Wino8Places*w.icb*a.AheadStep
	}
	limit := max(1, callCycles/(w.pairs()*g.tiles*vectors))
	for done := 0; done < asm.Wino8Places; done += a.Count {
		a.Count = min(limit, asm.Wino8Places-done)
		a.Ahead = &w.weights[min(ahead+done*w.icb*a.AheadStep, len(w.weights)-1)]
		w.level.winoMul(&a, g.tiles, vectors)
		a.V, a.U, a.M = asm.Plus(a.V, a.Count*a.VStep), asm.Plus(a.U, a.Count*a.UStep), asm.Plus(a.M, a.Count*a.MStep)
	}
}

// back makes bytes of the products of a group of tiles and a panel.
func (w *byteWinograd) back(c *byteChunk, panel, group int) {
	g := c.groups[group]
	out, m := c.call.Out[0], c.m.I32()
	var res ir.Memory
	if len(c.call.In) > op.QConvRes {
		res = c.call.In[op.QConvRes]
	}
	a := w.proto
	a.Plane, a.Temp = w.mPlane(g.tiles), &c.temp.I32()[0]
	for v := range w.panelVectors(panel) {
		block := panel*w.vectors + v
		a.Post = &w.posts[block]
		w.eachRun(c, g, func(image, row, from, to, at int) {
			y := 4 * row
			a.Rows = min(4, w.oh-y)
			begin := image*w.out.Image + block*w.out.Block + w.out.Origin + y*w.out.Row + from*4*ir.Lanes
			resBegin := image*w.res.Image + block*w.res.Block + w.res.Origin + y*w.res.Row + from*4*ir.Lanes
			do := func(skip, tiles, cols int) {
				a.Tiles, a.Mask = tiles, 1<<(4*cols)-1
				a.Mat, a.Map = &m[16*(v*g.tiles+at+skip)], &out[begin+skip*4*ir.Lanes]
				if res != nil {
					a.Res = &res[resBegin+skip*4*ir.Lanes]
				}
				w.level.winoOut(&a)
			}
			whole := min(to, w.ow/4) - from
			if whole > 0 {
				do(0, whole, 4)
			}
			if whole < to-from {
				do(whole, 1, w.ow%4)
			}
			if w.table != nil {
				p := &out[begin]
				r := asm.ByteRun{A: p, Out: p, Rows: a.Rows, ARow: w.out.Row, OutRow: w.out.Row, Tail: min(4*to, w.ow) - 4*from, Table: w.table}
				r.Quads, r.Tail = r.Tail/4, r.Tail%4
				callBytes(&r, loopLookUp, w.level.wide)
			}
		})
	}
}
