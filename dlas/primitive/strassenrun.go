package primitive

import (
	"unsafe"

	"github.com/godlas/godlas/dlas/ir"
	"github.com/godlas/godlas/dlas/primitive/internal/asm"
	"github.com/godlas/godlas/dlas/primitive/internal/mem"
)

// strassen is a 1x1 convolution bound to seven products of its quarters. Its pixels are paired tile by tile, so that all
// that belongs together lies near; its channels, in and out, are the first half and the second.
//
// The work is a grid: the pairs of tiles of all images by groups of output channels. A part is a rectangle of it, and takes
// some pairs at a time: it makes their sums in the thread's scratch, then a group after the other takes all of them, so that
// its weights come once.
type strassen struct {
	c       *convolution
	level   level
	seven   asm.Seven // what all calls share
	stretch int
	half    int // blocks of half of the input channels
	groups  []sevenGroup
	weights ir.Memory
	bias    []float32
	act     fusedAct

	pairs      []sevenPair // of an image
	unit       int         // pairs that make whole rows, of which there are unitRows
	unitRows   int
	band       int // units whose sums are in the scratch at a time
	bandParts  int // of all images
	groupParts int
	sumBytes   int // of the sums of one pair
	in         ir.Strides
	out, res   ir.Strides
}

// sevenGroup is one or two blocks of output channels of the first half, and as many of the second.
type sevenGroup struct{ first, blocks, w, bytes int }

// sevenPair is where two tiles lie: their first pixels, and in bytes the second stretch behind the first one.
type sevenPair struct {
	one, two spot
	second   spot
}

func bindStrassen(p ir.Problem, s ir.Schedule, l level) (ir.Bound, error) {
	c, err := newConvolution(p, l)
	if err != nil {
		return ir.Bound{}, err
	}
	t := &strassen{c: c, level: l, stretch: stretchOf(c.oh, c.ow), half: c.c / 2 / asm.Block}
	t.in, t.out = p.LayoutIn(0).StridesOf(p.In[0]), p.LayoutOut(0).StridesOf(p.Out[0])
	t.res = t.out
	if len(p.In) > 3 && p.In[3] != nil {
		t.res = p.LayoutIn(3).StridesOf(p.In[3])
	}
	t.seven.Lo, t.seven.Hi = clampOf(p.Node)
	t.act = actFor(p.Node, l)
	t.seven.OutBlock, t.seven.ResBlock = 4*t.out.Block, 4*t.res.Block
	t.seven.Blocks, t.seven.Ahead = t.half, ahead
	t.bias = mem.F32(c.m)
	if len(p.Weights) > 2 && p.Weights[2] != nil {
		b := p.Weights[2].F32()
		copy(t.bias, b)
		for i := range c.m / 2 { // to all pixels of the second half the first half's is added too
			t.bias[c.m/2+i] -= b[i]
		}
	}
	t.pack(p.Weights[1].F32())
	t.cut(s)
	tile := 2 * t.stretch
	pairs := c.oh * c.ow / (2 * tile)
	return ir.Bound{
		Run: t.run, Phases: []int{t.bandParts * t.groupParts},
		PackedBytes:  int64(len(t.weights)) + 4*int64(len(t.bias)),
		ScratchBytes: int64(asm.SevenKeep) + int64(t.band*t.unit*t.sumBytes),
		MACsExecuted: 7 * int64(pairs*tile) * int64(c.c/2) * int64(c.m/2),
	}, nil
}

// pack makes the seven right sides of each group, some of the depth at a time, so that they stay in the cache.
func (t *strassen) pack(w []float32) {
	const piece = 32
	c := t.c
	depth, blocks, bytes := c.c/2, c.m/2/asm.Block, 0
	for at := 0; at < blocks; {
		n := min(2, blocks-at)
		g := sevenGroup{first: at * asm.Block, blocks: n, w: bytes, bytes: 7 * 4 * depth * n * asm.Block}
		t.groups = append(t.groups, g)
		bytes += g.bytes
		at += n
	}
	t.weights = mem.Alloc(bytes)
	for _, g := range t.groups {
		width := g.blocks * asm.Block
		to := unsafe.Slice((*float32)(unsafe.Pointer(&t.weights[g.w])), g.bytes/4)
		for from := 0; from < depth; from += piece {
			for j := range width {
				one, two := w[(g.first+j)*c.c+from:], w[(c.m/2+g.first+j)*c.c+from:]
				asm.SevenWeights(to[from*width+j:], depth*width, width, min(piece, depth-from), one, one[depth:], two, two[depth:])
			}
		}
	}
}

// strassenPart is the most multiply-adds of a part.
const strassenPart = 64 << 20

// cut decides the bands and the parts.
func (t *strassen) cut(s ir.Schedule) {
	c := t.c
	threads := max(1, c.p.Machine.Threads)
	for t.unitRows = 1; t.unitRows*c.ow%(4*t.stretch) != 0; {
		t.unitRows++
	}
	t.unit = t.unitRows * c.ow / (4 * t.stretch)
	units := c.oh / t.unitRows
	total := c.n * c.oh * c.ow * c.c * c.m
	longest := strassenPart
	if t.level.isa == isaGo {
		longest = t.level.longestPart()
	}
	want := max(1, ceilDiv(total, longest))
	if threads > 1 && worthParts(float64(total)) {
		want = max(want, min(threads*threadPart, total/partMACs))
		want = ceilDiv(want, threads) * threads
	}
	t.bandParts = 1
	if threads == 1 || c.p.Machine.ByRows(ir.Shape{c.n, c.m, c.oh, c.ow}) {
		t.bandParts = min(want, c.n*units)
		if threads > 1 && want > threads {
			t.bandParts = min(t.bandParts, threads*max(1, c.n*c.oh/threads/leastRows))
		}
	}
	t.groupParts = min(len(t.groups), ceilDiv(want, t.bandParts))
	// A band's input and its sums stay in the second-level cache, and in a small part of it where all weights do too.
	l2 := c.p.Machine.L2
	if l2 == 0 {
		l2 = 1 << 20
	}
	space := l2 / 2
	if len(t.weights) <= l2/3 {
		space = l2 / 8
	}
	t.band = max(1, min(units, space/(8*c.c*c.ow*t.unitRows)))
	if r := tile(s, 0); r > 0 {
		t.band = min(units, max(1, r/t.unitRows))
	}
	t.sumBytes = 4 * t.half * 2 * t.stretch * pixelBytes
	t.pair()
}

// units are those of all images that a part takes. Where they are no multiple of the parts, every other group of output
// channels has one more in the parts before, so that all threads have as much.
func (t *strassen) units(bandPart, groupPart int) (from, to int) {
	n := t.c.n * (t.c.oh / t.unitRows)
	at := func(i int) int { return (n*i + groupPart%2*(t.bandParts-1)) / t.bandParts }
	if bandPart > 0 {
		from = at(bandPart)
	}
	return from, min(n, at(bandPart+1))
}

// pair pairs the tiles of an image.
func (t *strassen) pair() {
	c := t.c
	at := func(i int) spot {
		q := i * t.stretch
		y, x := q/c.ow, q%c.ow*asm.Block
		return spot{
			in:  4 * (t.in.Origin + y*t.in.Row + x),
			res: 4 * (t.res.Origin + y*t.res.Row + x),
			out: 4 * (t.out.Origin + y*t.out.Row + x),
		}
	}
	for i := 0; i < c.oh*c.ow/t.stretch; i += 4 {
		p := sevenPair{one: at(i), two: at(i + 2), second: at(i + 1).minus(at(i))}
		if at(i+3).minus(at(i+2)) != p.second {
			panic("primitive: unequal tiles")
		}
		t.pairs = append(t.pairs, p)
	}
}

// run is one part.
func (t *strassen) run(call ir.Call) {
	from, to := t.units(call.Part/t.groupParts, call.Part%t.groupParts)
	g0, g1 := part(len(t.groups), t.groupParts, call.Part%t.groupParts)
	w := sevenWork{strassen: t, seven: t.seven, in: call.In[0], out: call.Out[0], sums: call.Scratch[asm.SevenKeep:]}
	w.seven.Keep = pointer(call.Scratch, 0)
	if len(call.In) > 3 {
		w.res = call.In[3]
	}
	for i := range w.seven.Second {
		w.seven.Second[i], w.seven.InBlock[i] = t.stretch*pixelBytes, 2*t.stretch*pixelBytes
	}
	units := len(t.pairs) / t.unit
	for end := from; from < to; from = end {
		image := from / units
		end = min(to, from+t.band, (image+1)*units)
		pairs := t.pairs[from%units*t.unit:][:(end-from)*t.unit]
		w.at = t.image(image)
		for k, calls := 0, len(pairs)*(g1-g0); k < calls; k++ {
			pair, group := k%len(pairs), g0+k/len(pairs)
			next := sevenNext{sevenPair: &pairs[pair], at: w.at, group: group}
			switch {
			case k+1 < calls:
				j, g := (k+1)%len(pairs), g0+(k+1)/len(pairs)
				next.sevenPair, next.group, next.fresh = &pairs[j], g, g == g0
			case end < to:
				next.sevenPair, next.group, next.fresh = &t.pairs[end%units*t.unit], g0, true
				next.at = t.image(end / units)
			}
			own := w.sums[pair*t.sumBytes:]
			if group == g0 {
				t.makeSums(&pairs[pair], w.in, w.at.in, own)
			}
			w.fetchWeights(group, g1, pair, len(pairs))
			w.multiply(&t.groups[group], &pairs[pair], own, &next)
		}
		if t.act != nil {
			y := from % units * t.unitRows
			t.activate(&w, y, y+(end-from)*t.unitRows, g0, g1)
		}
	}
}

// image is where an image begins.
func (t *strassen) image(i int) spot {
	return spot{in: 4 * i * t.in.Image, res: 4 * i * t.res.Image, out: 4 * i * t.out.Image}
}

// sevenWork is what the calls of a part have in common.
type sevenWork struct {
	*strassen
	seven              asm.Seven
	in, res, out, sums ir.Memory
	at                 spot // of the image
	second             spot // that To and ResAt are of
}

// sevenNext is what the call after one works on; fresh: its input has not been read yet.
type sevenNext struct {
	*sevenPair
	at    spot
	group int
	fresh bool
}

// makeSums makes the sums of a pair's input.
func (t *strassen) makeSums(p *sevenPair, in ir.Memory, at int, to ir.Memory) {
	plane := t.half * 2 * t.stretch * pixelBytes
	s := asm.SevenSums{Pixels: t.stretch, Blocks: t.half, InBlock: 4 * t.in.Block, OutBlock: 2 * t.stretch * pixelBytes}
	for k := range 2 {
		for q := range s.In {
			first := p.one.in
			if q >= 2 {
				first = p.two.in
			}
			s.In[q] = pointer(in, at+first+k*p.second.in+q%2*t.half*s.InBlock)
			s.Out[q] = pointer(to, q*plane+k*t.stretch*pixelBytes)
		}
		if t.level.isa == isaAVX512 {
			asm.SevenSums512(&s)
		} else {
			asm.SevenSumsGo(&s)
		}
	}
}

// fetchWeights has the weights of the next group come while this one is multiplied.
func (w *sevenWork) fetchWeights(group, end, pair, pairs int) {
	g, s := &w.groups[group], &w.seven
	s.W = unsafe.Pointer(&w.weights[g.w])
	s.Next, s.NextStep = s.W, 0
	if group+1 == end {
		return
	}
	next := w.weights[w.groups[group+1].w:][:w.groups[group+1].bytes]
	steps := 7 * w.half * 4
	step := min(mostNext, len(next)/(steps*pairs)+1)
	if at := pair * steps * step; at < len(next) {
		s.Next, s.NextStep = unsafe.Pointer(&next[at]), step
	}
}

// multiply computes a group of output channels for a pair of tiles.
func (w *sevenWork) multiply(g *sevenGroup, p *sevenPair, sums ir.Memory, next *sevenNext) {
	s := &w.seven
	rows := 2 * w.stretch
	plane := w.half * rows * pixelBytes
	inHalf := w.half * 4 * w.strassen.in.Block
	first, second := g.first/asm.Block, (w.c.m/2+g.first)/asm.Block
	if p.second != w.second {
		w.second = p.second
		for _, i := range [3]int{0, 1, 4} {
			s.Second[i], s.InBlock[i] = p.second.in, 4*w.strassen.in.Block
		}
		for r := range rows {
			d := spot{res: r * pixelBytes, out: r * pixelBytes}
			if r >= w.stretch {
				d = spot{res: p.second.res + (r-w.stretch)*pixelBytes, out: p.second.out + (r-w.stretch)*pixelBytes}
			}
			s.To[r], s.ResAt[r] = d.out, d.res
		}
	}
	s.Bias = [2]*float32{&w.bias[g.first], &w.bias[w.c.m/2+g.first]}
	in := w.in[w.at.in:]
	s.In = [8]*float32{
		pointer(in, p.one.in), pointer(in, p.one.in+inHalf), pointer(sums, 0), pointer(sums, plane),
		pointer(in, p.two.in+inHalf), pointer(sums, 2*plane), pointer(sums, 3*plane), pointer(w.in, next.at.in+next.one.in),
	}
	out := w.out[w.at.out:]
	s.Out = [4]*float32{
		pointer(out, p.one.out+first*s.OutBlock), pointer(out, p.one.out+second*s.OutBlock),
		pointer(out, p.two.out+first*s.OutBlock), pointer(out, p.two.out+second*s.OutBlock),
	}
	if w.res != nil {
		res := w.res[w.at.res:]
		s.Res = [4]*float32{
			pointer(res, p.one.res+first*s.ResBlock), pointer(res, p.one.res+second*s.ResBlock),
			pointer(res, p.two.res+first*s.ResBlock), pointer(res, p.two.res+second*s.ResBlock),
		}
	}
	w.fetch(next, inHalf, (second-first)*s.OutBlock)
	if w.level.isa == isaAVX512 {
		asm.Seven512(s, rows, g.blocks)
	} else {
		asm.SevenGo(s, rows, g.blocks)
	}
}

// fetch has what the next call reads and writes come during this one.
func (w *sevenWork) fetch(next *sevenNext, inHalf, outHalf int) {
	s := &w.seven
	s.FarBlock, s.FarHalf, s.FarOutHalf = 0, 0, outHalf
	if next.fresh {
		s.FarBlock, s.FarHalf = 4*w.strassen.in.Block, inHalf
	}
	in, out := w.in[next.at.in:], w.out[next.at.out+w.groups[next.group].first/asm.Block*s.OutBlock:]
	for i := range s.Far {
		x, at := 4*i, next.one
		if x >= 2*w.stretch {
			x, at = min(x-2*w.stretch, 2*w.stretch-1), next.two
		}
		if x >= w.stretch {
			x, at = x-w.stretch, at.plus(next.second)
		}
		s.Far[i], s.FarOut[i] = pointer(in, at.in+x*pixelBytes), pointer(out, at.out+x*pixelBytes)
	}
}

// activate applies an activation that is more than a range to some rows.
func (t *strassen) activate(w *sevenWork, y0, y1, g0, g1 int) {
	c := t.c
	for _, g := range t.groups[g0:g1] {
		for _, first := range [2]int{g.first / asm.Block, (c.m/2 + g.first) / asm.Block} {
			for v := range g.blocks {
				for y := y0; y < y1; y++ {
					row := w.at.out + 4*((first+v)*t.out.Block+t.out.Origin+y*t.out.Row)
					t.act(w.out[row : row+pixelBytes*c.ow].F32())
				}
			}
		}
	}
}
