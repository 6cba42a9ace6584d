package primitive

import (
	"errors"
	"fmt"

	"github.com/godlas/godlas/dlas/ir"
	"github.com/godlas/godlas/dlas/ir/op"
)

// This file runs transposed convolutions as what they are to the pixels of one remainder of the coordinates by the strides:
// a convolution of stride 1 with those of the taps that reach them, whose results lie a stride apart. (Shi et al.: Is the
// deconvolution layer the same as a convolutional layer?, 2016.)

const (
	maxUpPhases = 1 << 11
	maxUpParts  = 1 << 15 // of all phases together
)

func upKernels() []ir.Kernel {
	var ks []ir.Kernel
	for _, l := range levels() {
		if l.half {
			continue
		}
		ks = append(ks, ir.Kernel{
			Name: "convtranspose_f32_phases_dense__" + l.isa, Op: "ConvTranspose", Format: Dense, Type: ir.F32, ISA: l.isa, Exact: ir.ExactF32,
			Fits: func(p ir.Problem) error {
				if err := constant(1, 2)(p); err != nil {
					return err
				}
				if p.TypeIn(0) != ir.F32 || p.TypeOut(0) != ir.F32 || p.Weights[1].Type != ir.F32 || p.Weights[0] != nil {
					return errors.New("it runs f32 with weights of f32")
				}
				if err := clamps(p); err != nil {
					return err
				}
				_, err := upPhases(p, l)
				return err
			},
			Layouts: func(p ir.Problem) (in, out []ir.Layout) {
				in = make([]ir.Layout, len(p.In))
				in[0] = ir.Blocked
				phases, err := upPhases(p, l)
				if err == nil {
					for _, f := range phases {
						in[0].Border = in[0].Border.Union(f.border())
					}
				}
				return in, []ir.Layout{ir.Blocked}
			},
			Bind: func(p ir.Problem, _ ir.Schedule) (ir.Bound, error) { return bindUp(p, l) },
		})
	}
	return ks
}

// upPhase is the convolution that makes the pixels whose coordinates leave the remainders (y, x).
type upPhase struct {
	convolution
	y, x             int
	sh, sw           int
	tapsDown, tapsAt []int // taps of the window, in the order in which the convolution meets them
}

// border is how far the windows reach over the map's edges, which may lie inside the map.
func (f *upPhase) border() ir.Border {
	w := f.win
	return ir.Border{
		Top: max(0, w.Top), Left: max(0, w.Left),
		Bottom: max(0, f.oh-1+(w.KH-1)*w.DH-w.Top-f.h+1),
		Right:  max(0, f.ow-1+(w.KW-1)*w.DW-w.Left-f.w+1),
	}
}

// upTaps are the taps that reach the pixels of a remainder, from the last to the first: the pixel of the input that the
// first of these reads is `from` behind the pixel's number, the others are `step` apart.
func upTaps(remainder, taps, stride, dilation, before int) (list []int, from, step int) {
	step = 1
	for k := taps - 1; k >= 0; k-- {
		d := remainder + before - k*dilation
		if d%stride != 0 {
			continue
		}
		switch d /= stride; len(list) {
		case 0:
			from = d
		case 1:
			step = d - from
		}
		list = append(list, k)
	}
	return list, from, step
}

func upPhases(p ir.Problem, l level) ([]*upPhase, error) {
	x, w, y := p.In[0], p.In[1], p.Out[0]
	s, err := op.SpreadOf(p.Node, x, w)
	if err != nil {
		return nil, err
	}
	if g := p.Node.Attrs.Int("group", 1); g != 1 {
		return nil, fmt.Errorf("it does not run %d groups", g)
	}
	if n := min(s.SH, y[2]) * min(s.SW, y[3]); n > maxUpPhases {
		return nil, fmt.Errorf("it would be %d convolutions, more than %d", n, maxUpPhases)
	}
	var list []*upPhase
	for ry := range min(s.SH, y[2]) {
		for rx := range min(s.SW, y[3]) {
			f := &upPhase{y: ry, x: rx, sh: s.SH, sw: s.SW}
			var fromY, stepY, fromX, stepX int
			f.tapsDown, fromY, stepY = upTaps(ry, w[2], s.SH, s.DH, s.Top)
			f.tapsAt, fromX, stepX = upTaps(rx, w[3], s.SW, s.DW, s.Left)
			if len(f.tapsDown) == 0 || len(f.tapsAt) == 0 {
				return nil, errors.New("no tap reaches some pixels")
			}
			f.convolution = convolution{
				p: p, level: l, n: x[0], c: x[1], h: x[2], w: x[3], m: y[1], oh: ceilDiv(y[2]-ry, s.SH), ow: ceilDiv(y[3]-rx, s.SW),
				groups: 1, cg: x[1], mg: y[1], weightRow: x[1] * len(f.tapsDown) * len(f.tapsAt),
				win: op.Window{KH: len(f.tapsDown), KW: len(f.tapsAt), SH: 1, SW: 1, DH: stepY, DW: stepX, Top: -fromY, Left: -fromX},
			}
			b := f.border()
			if (b.Top+f.h+b.Bottom)*(b.Left+f.w+b.Right) > maxImage/ir.Blocks(x)/ir.Lanes {
				return nil, fmt.Errorf("its padded input is larger than %d elements", maxImage)
			}
			list = append(list, f)
		}
	}
	return list, nil
}

func bindUp(p ir.Problem, l level) (ir.Bound, error) {
	phases, err := upPhases(p, l)
	if err != nil {
		return ir.Bound{}, err
	}
	w, from := p.In[1], p.Weights[1].F32()
	var bias []float32
	if len(p.Weights) > 2 && p.Weights[2] != nil {
		bias = p.Weights[2].F32()
	}
	out := p.LayoutOut(0).StridesOf(p.Out[0])
	all := make([]*dense, len(phases))
	ends := make([]int, len(phases)) // of each phase's parts
	b := ir.Bound{Phases: []int{0}}
	for i, f := range phases {
		c := &f.convolution
		c.in, c.out = p.LayoutIn(0).StridesOf(p.In[0]), out
		c.res = out
		d := &dense{level: l, images: c.n, oh: c.oh}
		d.tile.Lo, d.tile.Hi = clampOf(p.Node)
		d.tile.OutBlock = 4 * out.Block
		d.imageStep = spot{in: 4 * c.in.Image, out: 4 * out.Image}
		taps := len(f.tapsDown) * len(f.tapsAt)
		own := make([]float32, c.m*c.weightRow)
		for ch := range c.c {
			for m := range c.m {
				src := from[(ch*c.m+m)*w[2]*w[3]:]
				dst := own[m*c.weightRow+ch*taps:]
				for j, ky := range f.tapsDown {
					for k, kx := range f.tapsAt {
						dst[j*len(f.tapsAt)+k] = src[ky*w[3]+kx]
					}
				}
			}
		}
		packInto(c, d, own, bias, c.outGroups(0))
		d.cutDense(c, ir.Schedule{}, false)
		if n := maxUpParts / len(phases); d.bandParts*d.groupParts > n {
			d.bandParts, d.groupParts = min(d.bandParts, n), 1
		}
		c.sourceOf(d, Direct)
		f.tileBands(d)
		all[i] = d
		b.Phases[0] += d.bandParts * d.groupParts
		ends[i] = b.Phases[0]
		b.PackedBytes += d.weights.bytes()
		for _, g := range d.weights.groups {
			b.MACsExecuted += int64(g.macs) * int64(c.oh*c.ow)
		}
	}
	b.Run = func(call ir.Call) {
		i, first := 0, 0
		for call.Part >= ends[i] {
			first = ends[i]
			i++
		}
		call.Part -= first
		call.In = call.In[:1]
		all[i].run(call)
	}
	return b, nil
}

// tileBands cuts every band into tiles.
func (f *upPhase) tileBands(d *dense) {
	for i := range d.bands {
		b := &d.bands[i]
		for j := range d.weights.groups {
			n := d.weights.groups[j].blocks
			if b.runs[n] != nil {
				continue
			}
			b.runs[n] = tilesOf(f.level, b.y1-b.y0, f.ow, n, 0, func(y, x int) spot {
				y += b.y0
				return spot{in: 4 * f.window(y, x), out: 4 * (f.out.Origin + (y*f.sh+f.y)*f.out.Row + (x*f.sw+f.x)*ir.Lanes)}
			}).runs
			for _, r := range b.runs[n] {
				b.tiles[n] += r.tiles
			}
		}
	}
}
