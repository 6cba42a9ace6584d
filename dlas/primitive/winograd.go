package primitive

import (
	"fmt"

	"github.com/godlas/godlas/dlas/ir"
	"github.com/godlas/godlas/dlas/ir/op"
	"github.com/godlas/godlas/dlas/primitive/internal/asm"
	"github.com/godlas/godlas/dlas/primitive/internal/mem"
)

// Winograd is convolution by minimal filtering.
const Winograd = "winograd"

// winogradKernels are convolutions of 3x3 windows by Winograd's minimal filtering F(2x2, 3x3) and F(4x4, 3x3): a tile of
// the input and the weights are transformed so that their convolution becomes a product element by element, which over
// all channels is a matrix product for each of the tile's 16 or 36 places. Of m*m outputs' 9*m*m multiplications (m+2)*(m+2)
// are left. Source: Lavin, Gray, Fast Algorithms for Convolutional Neural Networks, CVPR 2016.
func winogradKernels() []ir.Kernel {
	levels := []struct {
		name string
		isa  asm.ISA
		have bool
	}{{"go", asm.GoISA, true}, {"avx2", asm.AVX2, asm.HasAVX2()}, {"avx512", asm.AVX512, asm.HasAVX512()}}
	var ks []ir.Kernel
	for _, l := range levels {
		if !l.have {
			continue
		}
		ks = append(ks, ir.Kernel{
			Name: "conv_f32_winograd_dense__" + l.name, Op: "Conv", Algorithm: Winograd, Format: Dense, Type: ir.F32, ISA: l.name,
			Exact: ir.ExactWinograd, Fits: winogradFits, Layouts: winogradLayouts,
			Cost: func(p ir.Problem) float64 {
				w := newWinograd(p, l.isa)
				// The plan's time is that of all threads together; other kernels tell that of one.
				best := w.best()
				return float64(w.threads) * (w.cost(best) + w.shareCost(best))
			},
			Schedules: func(p ir.Problem) []ir.Schedule { return newWinograd(p, l.isa).schedules() },
			Bind:      func(p ir.Problem, s ir.Schedule) (ir.Bound, error) { return newWinograd(p, l.isa).bind(p, s) },
		})
	}
	return ks
}

func winogradFits(p ir.Problem) error {
	if p.TypeIn(0) != ir.F32 || p.TypeOut(0) != ir.F32 {
		return fmt.Errorf("winograd is for f32")
	}
	if err := constant(1, 2)(p); err != nil {
		return err
	}
	if p.Weights[1] == nil || len(p.In[0]) != 4 || len(p.In[1]) != 4 {
		return fmt.Errorf("winograd is for maps and constant weights")
	}
	if p.Weights[0] != nil || len(p.Weights) > 3 && p.Weights[3] != nil {
		return fmt.Errorf("winograd reads no constant map")
	}
	if g := p.Node.Attrs.Int("group", 1); g != 1 {
		return fmt.Errorf("winograd does not run a convolution with %d groups", g)
	}
	win, err := op.WindowOf(p.Node, p.In[1][2], p.In[1][3])
	if err != nil {
		return err
	}
	switch {
	case win.KH != 3 || win.KW != 3:
		return fmt.Errorf("winograd is for 3x3 windows, not %dx%d", win.KH, win.KW)
	case win.SH != 1 || win.SW != 1:
		return fmt.Errorf("winograd does not run stride %dx%d", win.SH, win.SW)
	case win.DH != 1 || win.DW != 1:
		return fmt.Errorf("winograd does not run dilation %dx%d", win.DH, win.DW)
	case max(win.Top, win.Left, win.Bottom, win.Right) > 2:
		return fmt.Errorf("winograd does not run a padding of more than 2")
	}
	return nil
}

// winogradLayouts wants a border that the tiles of any size need: they may reach past the map's end.
func winogradLayouts(p ir.Problem) (in, out []ir.Layout) {
	x, y := p.In[0], p.Out[0]
	win, _ := op.WindowOf(p.Node, 3, 3)
	reach := func(size, before, outputs int) int {
		last := 0
		for _, m := range []int{2, 4} {
			last = max(last, ceilDiv(outputs, m)*m+2)
		}
		return max(0, last-before-size)
	}
	in = make([]ir.Layout, len(p.In))
	in[0] = ir.Layout{Block: ir.Lanes, Border: ir.Border{
		Top: win.Top, Left: win.Left, Bottom: reach(x[2], win.Top, y[2]), Right: reach(x[3], win.Left, y[3]),
	}}
	if len(in) > 3 {
		in[3] = ir.Blocked
	}
	return in, []ir.Layout{ir.Blocked}
}

// winograd is a convolution by minimal filtering. Its tiles are counted in rows of tiles over all images.
type winograd struct {
	isa          asm.ISA
	images       int
	inC, outC    int
	icb, ocb     int // blocks of 16 channels
	quads        int // input channels in fours
	oh, ow       int
	win          op.Window
	threads      int
	l1, l2       int // bytes of a core's caches
	lo, hi       float32
	act          fusedAct // an activation that is more than a range; nil for none
	in, out, res ir.Strides
	bias         []float32
	u            []float32 // transformed weights: for each place of a tile, panels of output channels; or what packLate makes
	uPlace       int       // floats of one place

	plan
	n, tw, th, rows int // of the plan's tiles
	vPlane, mPlane  int // floats of a place in a full chunk
}

func newWinograd(p ir.Problem, isa asm.ISA) *winograd {
	x, y := p.In[0], p.Out[0]
	win, _ := op.WindowOf(p.Node, 3, 3)
	w := &winograd{
		isa: isa, images: x[0], inC: x[1], outC: y[1], icb: ceilDiv(x[1], 16), ocb: ceilDiv(y[1], 16), quads: ceilDiv(x[1], 4),
		oh: y[2], ow: y[3], win: win, threads: max(1, p.Machine.Threads), l1: p.Machine.L1D, l2: p.Machine.L2,
	}
	w.lo, w.hi = clampOf(p.Node)
	w.act = actFor(p.Node, level{isa: map[asm.ISA]string{asm.GoISA: isaGo, asm.AVX2: isaAVX2, asm.AVX512: isaAVX512}[isa]})
	return w
}

func (w *winograd) bind(p ir.Problem, s ir.Schedule) (ir.Bound, error) {
	w.apply(w.planOf(s))
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
	if len(p.In) > 3 && p.In[3] != nil {
		w.res = p.LayoutIn(3).StridesOf(p.In[3])
	}
	w.bias = mem.F32(16 * w.ocb)
	if len(p.Weights) > 2 && p.Weights[2] != nil {
		copy(w.bias, p.Weights[2].F32())
	}
	if w.late {
		w.packLate(p.Weights[1].F32())
	} else {
		w.pack(p.Weights[1].F32())
	}

	b := ir.Bound{Run: w.run, PackedBytes: 4 * int64(len(w.u)+len(w.bias))}
	b.MACsExecuted = int64(w.n*w.n) * int64(w.th*w.tw) * int64(4*w.quads) * int64(16*w.ocb)
	space := 4 * int64(w.n*w.n) * int64(w.vPlane+w.mPlane)
	switch {
	case w.late:
		b.ScratchBytes = 4 * (36*int64(ir.Lanes*(w.icb+1)*w.chunkTiles()) + lateColumns)
		b.Run, b.Phases = w.runLate, []int{w.chunks() * w.lateParts()}
	case w.staged:
		b.WorkspaceBytes = space
		b.Run = w.runStage
		for c := range w.chunks() {
			rows := w.chunkRows(c)
			b.Phases = append(b.Phases, w.stageParts(0, rows), w.stageParts(1, rows), w.stageParts(2, rows))
		}
	default:
		b.ScratchBytes = space
		b.Phases = []int{w.chunks()}
	}
	return b, nil
}

// pack transforms the weights, G w G', in float64. Channels that there are not get zeros. The places of the product are
// megabytes apart, often by a power of two, so a few channels are done in a buffer first.
func (w *winograd) pack(weights []float32) {
	const few = 16
	width, places := asm.WinoWidth(w.isa), w.n*w.n
	depth := 4 * w.quads
	w.uPlace = 16 * w.ocb * depth
	w.u = mem.F32(places * w.uPlace)
	buffer := make([]float32, places*few*width)
	for panel := range ceilDiv(w.outC, width) {
		at, wide := w.panel(panel)
		for c := 0; c < w.inC; c += few {
			channels := min(few, w.inC-c)
			size := channels * wide
			if w.outC < (panel+1)*width {
				clear(buffer)
			}
			for o := panel * width; o < min(w.outC, (panel+1)*width); o++ {
				for i := range channels {
					k := (*[9]float32)(weights[(o*w.inC+c+i)*9:])
					if u := buffer[i*wide+o%width:]; w.m == 2 {
						transform2(u, size, k)
					} else {
						transform4(u, size, k)
					}
				}
			}
			for p := range places {
				copy(w.u[p*w.uPlace+at+c*wide:][:size], buffer[p*size:])
			}
		}
	}
}

// transform2 and transform4 write the transform of a window, its numbers pitch apart.
func transform2(u []float32, pitch int, k *[9]float32) {
	var half [4][3]float64 // G w
	for x := range 3 {
		half[0][x], half[1][x], half[2][x], half[3][x] = winograd2(float64(k[x]), float64(k[3+x]), float64(k[6+x]))
	}
	at := 0
	for i := range half {
		a, b, c, d := winograd2(half[i][0], half[i][1], half[i][2])
		u[at], u[at+pitch], u[at+2*pitch], u[at+3*pitch] = float32(a), float32(b), float32(c), float32(d)
		at += 4 * pitch
	}
}

func transform4(u []float32, pitch int, k *[9]float32) {
	var half [6][3]float64
	for x := range 3 {
		half[0][x], half[1][x], half[2][x], half[3][x], half[4][x], half[5][x] = winograd4(float64(k[x]), float64(k[3+x]), float64(k[6+x]))
	}
	at := 0
	for i := range half {
		a, b, c, d, e, f := winograd4(half[i][0], half[i][1], half[i][2])
		u[at], u[at+pitch], u[at+2*pitch] = float32(a), float32(b), float32(c)
		u[at+3*pitch], u[at+4*pitch], u[at+5*pitch] = float32(d), float32(e), float32(f)
		at += 6 * pitch
	}
}

// winograd2 is the product of F(2x2, 3x3)'s G and a column: rows 1 0 0, 1/2 1/2 1/2, 1/2 -1/2 1/2, 0 0 1.
func winograd2(x, y, z float64) (a, b, c, d float64) {
	even, odd := (x+z)*0.5, y*0.5
	return x, even + odd, even - odd, z
}

// winograd4 is that of F(4x4, 3x3)'s: rows 1/4 0 0, -1/6 -1/6 -1/6, -1/6 1/6 -1/6, 1/24 1/12 1/6, 1/24 -1/12 1/6, 0 0 1.
func winograd4(x, y, z float64) (a, b, c, d, e, f float64) {
	near, mid := (x+z)*(-1./6), y*(1./6)
	far, half := x*(1./24)+z*(1./6), y*(1./12)
	return x * 0.25, near - mid, near + mid, far + half, far - half, z
}

// panels is the number of panels of output channels; panel says where one begins in a place, and its width.
func (w *winograd) panels() int { return ceilDiv(16*w.ocb, asm.WinoWidth(w.isa)) }

func (w *winograd) panel(i int) (at, width int) {
	width = asm.WinoWidth(w.isa)
	return i * width * 4 * w.quads, min(width, 16*w.ocb-i*width)
}
