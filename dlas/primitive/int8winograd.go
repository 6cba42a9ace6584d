package primitive

import (
	"fmt"

	"github.com/godlas/godlas/dlas/ir"
	"github.com/godlas/godlas/dlas/ir/op"
	"github.com/godlas/godlas/dlas/primitive/internal/asm"
	"github.com/godlas/godlas/dlas/primitive/internal/mem"
)

// byteWinogradKernel is quantised convolutions of 3x3 windows by Winograd's F(4x4, 3x3) in whole numbers: 36 products of 16
// bits for 16 outputs instead of 144 of 8, whose sums are the very ones of the definition. What asm.Wino8Out makes of them is
// right while a sum, the bias in it, stays below 2^25 in magnitude, which the weights of each output channel and the bytes'
// range prove, or the kernel does not run the node. Transformed weights are never kept: a run makes those of a panel of
// output channels from bytes, four times as many, in the cache.
func byteWinogradKernel(l byteLevel) ir.Kernel {
	return ir.Kernel{
		Name: "conv_i8_winograd_dense__" + l.isa, Op: "QLinearConv", Algorithm: Winograd, Format: Dense, Type: ir.I8, ISA: l.isa,
		Exact: ir.ExactInt, Fits: byteWinogradFits, Layouts: byteWinogradLayouts,
		Cost: func(p ir.Problem) float64 {
			w := newByteWinograd(p, l)
			return float64(w.threads) * w.cost(w.best())
		},
		Schedules: func(p ir.Problem) (list []ir.Schedule) {
			for _, plan := range newByteWinograd(p, l).plans() {
				list = append(list, plan.schedule())
			}
			return list
		},
		Bind: func(p ir.Problem, s ir.Schedule) (ir.Bound, error) { return newByteWinograd(p, l).bind(p, s) },
	}
}

const (
	// byteSumLimit is what a sum's magnitude must stay below.
	byteSumLimit = 1 << 25
	// byteRowLimit is the most tiles of a row, times blocks of input channels: a part transforms a row at least, and must be
	// short. Rows count as 16 tiles at least, so that the weights of a panel are no more either.
	byteRowLimit = 1 << 13
)

// byteWinogradFits looks at the weights once for all rows.
func byteWinogradFits(p ir.Problem) error {
	type fits struct{}
	return ir.Find(p.Known, fits{}, func() unfit { return unfit{byteWinogradFit(p)} }).why
}

func byteWinogradFit(p ir.Problem) error {
	if err := byteConvFits(p); err != nil {
		return err
	}
	w := p.Weights[op.QConvW]
	if g := p.Node.Attrs.Int("group", 1); g != 1 {
		return fmt.Errorf("winograd does not run a convolution with %d groups", g)
	}
	win, err := op.WindowOf(p.Node, w.Shape[2], w.Shape[3])
	if err != nil {
		return err
	}
	switch {
	case isFixed(p):
		return notFixed(p)
	case p.TypeIn(0) == ir.F32 || isStem(p):
		return fmt.Errorf("winograd is for more than 4 input channels")
	case win.KH != 3 || win.KW != 3:
		return fmt.Errorf("winograd is for 3x3 windows, not %dx%d", win.KH, win.KW)
	case win.SH != 1 || win.SW != 1:
		return fmt.Errorf("winograd does not run stride %dx%d", win.SH, win.SW)
	case win.DH != 1 || win.DW != 1:
		return fmt.Errorf("winograd does not run dilation %dx%d", win.DH, win.DW)
	case max(win.Top, win.Left, win.Bottom, win.Right) > 2:
		return fmt.Errorf("winograd does not run a padding of more than 2")
	case max(16, ceilDiv(p.Out[0][3], 4))*ceilDiv(p.In[0][1], ir.Lanes) > byteRowLimit:
		return fmt.Errorf("winograd does not run rows of %d pixels and %d channels", p.Out[0][3], p.In[0][1])
	}
	d, ok := w.Data.([]int8)
	if !ok || !noZeroPoint(p.Weights[op.QConvWZero]) {
		return fmt.Errorf("winograd is for weights of i8 without zero point")
	}
	least, most := byteRange(p)
	zero, each := int64(number(p, op.QConvXZero)), len(d)/w.Shape[0]
	for o := range w.Shape[0] {
		sum, above := asm.Wino8Sums(d[o*each : (o+1)*each])
		below := int64(sum - above)
		from := int64(biasAt(p, o)) - zero*int64(sum)
		lo, hi := from+most*below+least*int64(above), from+most*int64(above)+least*below
		if lo <= -byteSumLimit || hi >= byteSumLimit {
			return fmt.Errorf("winograd: the sums of channel %d may be %d to %d", o, lo, hi)
		}
		if requantScale(scale32(p, op.QConvXScale), perChannel(p.Weights[op.QConvWScale], o), scale32(p, op.QConvYScale)) < 1e-30 {
			return fmt.Errorf("winograd: the scale of channel %d is too small", o) // a 64th of it must not lose digits
		}
	}
	return nil
}

// byteRange is that of the input's elements.
func byteRange(p ir.Problem) (least, most int64) {
	if p.TypeIn(0) == ir.I8 {
		return -128, 127
	}
	return 0, 255
}

// byteWinogradLayouts wants a border that whole tiles reach.
func byteWinogradLayouts(p ir.Problem) (in, out []ir.Layout) {
	x, y := p.In[0], p.Out[0]
	win, _ := op.WindowOf(p.Node, 3, 3)
	reach := func(size, before, outputs int) int { return max(0, ceilDiv(outputs, 4)*4+2-before-size) }
	in = make([]ir.Layout, len(p.In))
	in[0] = ir.Layout{Block: ir.Lanes, Border: ir.Border{
		Top: win.Top, Left: win.Left, Bottom: reach(x[2], win.Top, y[2]), Right: reach(x[3], win.Left, y[3]),
	}}
	if len(in) > op.QConvRes {
		in[op.QConvRes] = ir.Blocked
	}
	return in, []ir.Layout{ir.Blocked}
}

// byteWinograd is such a convolution. Its tiles are counted in rows of tiles over all images.
type byteWinograd struct {
	level        byteLevel
	speeds       byteWinogradSpeeds
	images       int
	inC, outC    int
	icb, ocb     int // blocks of 16 channels
	oh, ow       int
	tw, th, rows int // tiles of a row, rows of an image and of all
	win          op.Window
	threads, l2  int
	signed       bool
	in, out, res ir.Strides
	weights      []int8 // by panel of output channels: two input channels, vector, place of the window, 16 output channels by 2
	posts        []asm.Wino8Post
	proto        asm.Wino8Out
	table        *[256]uint8

	byteWinogradPlan
	groups []tileGroup // of a chunk with that many rows
	few    []tileGroup // of one with a row less
}

// tileGroup is the tiles that a product takes at once: the first and how many.
type tileGroup struct{ first, tiles int }

func newByteWinograd(p ir.Problem, l byteLevel) *byteWinograd {
	x, y := p.In[0], p.Out[0]
	win, _ := op.WindowOf(p.Node, 3, 3)
	w := &byteWinograd{
		level: l, images: x[0], inC: x[1], outC: y[1], icb: ceilDiv(x[1], 16), ocb: ceilDiv(y[1], 16), oh: y[2], ow: y[3],
		tw: ceilDiv(y[3], 4), th: ceilDiv(y[2], 4), win: win, threads: max(1, p.Machine.Threads), l2: max(p.Machine.L2, 1<<20),
		signed: p.TypeIn(0) == ir.I8,
	}
	w.rows, w.speeds = w.images*w.th, l.winogradSpeeds()
	return w
}

func (w *byteWinograd) bind(p ir.Problem, s ir.Schedule) (ir.Bound, error) {
	w.byteWinogradPlan = w.planOf(s)
	for _, l := range []ir.Layout{p.LayoutIn(0), p.LayoutOut(0)} {
		if l.Block != ir.Lanes {
			return ir.Bound{}, fmt.Errorf("winograd reads and writes blocks of %d channels", ir.Lanes)
		}
	}
	w.in, w.out = p.LayoutIn(0).StridesOf(p.In[0]), p.LayoutOut(0).StridesOf(p.Out[0])
	w.in.Origin -= w.win.Top*w.in.Row + w.win.Left*ir.Lanes
	if w.in.Origin < 0 {
		return ir.Bound{}, fmt.Errorf("the border of the input is too narrow")
	}
	w.finish(p)
	w.pack(p.Weights[op.QConvW].Data.([]int8))
	rows := w.chunkRows(0)
	w.groups = w.groupsOf(rows * w.tw)
	w.few = w.groupsOf(max(1, rows-1) * w.tw)

	b := ir.Bound{Run: w.run, PackedBytes: int64(len(w.weights)) + int64(w.ocb)*64*13}
	b.MACsExecuted = asm.Wino8Places * int64(w.th*w.tw) * int64(16*w.icb) * int64(16*w.ocb)
	b.ScratchBytes = int64(asm.Wino8Temp + w.vBytes(rows*w.tw) + w.mBytes() + asm.Wino8Places*w.uPlane())
	parts := w.chunks() * w.shares
	if w.kept {
		b.WorkspaceBytes = int64(w.panels() * asm.Wino8Places * w.uPlane())
		b.Phases = append(b.Phases, w.keptParts())
	}
	b.Phases = append(b.Phases, parts)
	return b, nil
}

// finish prepares what ends the sums.
func (w *byteWinograd) finish(p ir.Problem) {
	weights := p.Weights[op.QConvW].Data.([]int8)
	t, zero := asm.ByteTile{}, int32(number(p, op.QConvYZero))
	lo, hi := clampBytes(p.Node, p.TypeOut(0))
	w.table = tableOf(p, op.QConvTable)
	if p.TypeOut(0) == ir.I8 {
		zero += 128
		w.table = flipTable()
	}
	if len(p.Node.In) > op.QConvRes && p.Node.In[op.QConvRes] != "" {
		w.res = p.LayoutIn(op.QConvRes).StridesOf(p.Out[0])
		t.Zero = zero
		byteResidual(&t, p)
		zero = t.Zero
		w.proto = asm.Wino8Out{
			ResRow: w.res.Row, ResFirst: t.ResFirst, Least: t.Least, Most: t.Most, Rounder: t.Rounder, Unrounder: t.Unrounder,
			Own: t.Own, Other: t.Other, Fixed: t.Fixed,
		}
	}
	w.proto.Row = w.out.Row
	w.posts = make([]asm.Wino8Post, w.ocb)
	each, xZero := w.inC*9, int32(number(p, op.QConvXZero))
	for o := range w.ocb * ir.Lanes {
		post := &w.posts[o/ir.Lanes]
		if o%ir.Lanes == 0 {
			post.Ends(zero, lo, hi)
		}
		if o < w.outC {
			sum, _ := asm.Wino8Sums(weights[o*each : (o+1)*each])
			scale := requantScale(scale32(p, op.QConvXScale), perChannel(p.Weights[op.QConvWScale], o), scale32(p, op.QConvYScale))
			post.Set(o%ir.Lanes, biasAt(p, o)-xZero*sum, scale)
		}
	}
}

// pairs is the number of input channels in twos.
func (w *byteWinograd) pairs() int { return 8 * w.icb }

// panels is the number of panels of output channels; the last may have fewer vectors.
func (w *byteWinograd) panels() int { return ceilDiv(w.ocb, w.vectors) }

func (w *byteWinograd) panelVectors(i int) int { return min(w.vectors, w.ocb-i*w.vectors) }

// panelAt is where a panel's weights begin.
func (w *byteWinograd) panelAt(i int) int { return i * w.vectors * w.pairs() * 288 }

// uPlane is the bytes of a place of a panel's transformed weights: an odd number of lines.
func (w *byteWinograd) uPlane() int { return 64 * (w.pairs()*w.vectors + 1) }

// pack lays the weights out as asm.Wino8Weights reads them.
func (w *byteWinograd) pack(weights []int8) {
	w.weights = mem.Alloc(w.ocb * w.pairs() * 288).I8()
	for panel := range w.panels() {
		vectors := w.panelVectors(panel)
		to := w.weights[w.panelAt(panel):]
		for v := range vectors {
			first := (panel*w.vectors + v) * ir.Lanes
			for o := range min(ir.Lanes, w.outC-first) {
				from := weights[(first+o)*w.inC*9 : (first+o+1)*w.inC*9]
				for c := 0; c < w.inC; c += 2 {
					unit := to[(c/2*vectors+v)*288+2*o:]
					a := from[9*c : 9*c+9]
					if c+1 == w.inC {
						for k, x := range a {
							unit[32*k] = x
						}
						break
					}
					b := from[9*c+9 : 9*c+18]
					for k := range 9 {
						pair := unit[32*k : 32*k+2]
						pair[0], pair[1] = a[k], b[k]
					}
				}
			}
		}
	}
}

// groupsOf cuts tiles into groups, as few as can be, all about as large.
func (w *byteWinograd) groupsOf(tiles int) (list []tileGroup) {
	n := ceilDiv(tiles, w.speeds.rows)
	for i := range n {
		from, to := part(tiles, n, i)
		list = append(list, tileGroup{from, to - from})
	}
	return list
}

func (w *byteWinograd) chunks() int { return ceilDiv(w.rows, w.chunk) }

// chunkRows is the number of a chunk's rows; the first has the most, which may be one more than others have.
func (w *byteWinograd) chunkRows(i int) int {
	from, to := w.chunkBounds(i)
	return to - from
}

func (w *byteWinograd) chunkBounds(i int) (from, to int) {
	n := w.chunks()
	return ceilDiv(w.rows*i, n), ceilDiv(w.rows*(i+1), n)
}

// vPlane is the bytes of a place of a group's transformed input, vBytes those of all groups of that many tiles, mPlane
// and mBytes those of a group's products.
func (w *byteWinograd) vPlane(tiles int) int { return 32*w.icb*tiles + 64 }

func (w *byteWinograd) vBytes(tiles int) int {
	return asm.Wino8Places * (32*w.icb*tiles + 64*ceilDiv(tiles, w.speeds.rows))
}

func (w *byteWinograd) mPlane(tiles int) int { return 64 * (tiles*w.vectors | 1) }

func (w *byteWinograd) mBytes() int { return asm.Wino8Places * w.mPlane(w.speeds.rows) }
