package primitive

import (
	"fmt"

	"github.com/godlas/godlas/dlas/ir"
	"github.com/godlas/godlas/dlas/ir/op"
	"github.com/godlas/godlas/dlas/primitive/internal/asm"
	"github.com/godlas/godlas/dlas/primitive/internal/mem"
)

// depthwiseRow is the convolution whose every channel is a group of its own, over blocks of 16 of them.
func depthwiseRow(isa string) ir.Kernel {
	k := laneRow("Conv", "conv_f32_depthwise_dense", isa, depthwiseFits, depthwiseLayouts, bindDepthwise)
	k.Algorithm, k.Format = depthwise, Dense
	k.Cost = func(p ir.Problem) float64 { return float64(p.Out[0].Elems()*p.In[1][2:].Elems()) / 16 }
	return k
}

var depthwiseConstant = constant(1, 2)

func depthwiseFits(p ir.Problem) error {
	if err := depthwiseConstant(p); err != nil {
		return err
	}
	x, w := p.In[0], p.In[1]
	if len(x) != 4 || w[1] != 1 || w[0] != x[1] || p.Node.Attrs.Int("group", 1) != x[1] {
		return fmt.Errorf("its groups are not one channel in, one out")
	}
	if len(p.Weights) > 3 && p.Weights[3] != nil {
		return fmt.Errorf("its residual is constant")
	}
	if p.Weights[1].Type != ir.F32 {
		return fmt.Errorf("its weights are %s", p.Weights[1].Type)
	}
	in, _ := depthwiseLayouts(p)
	b := in[0].Border
	if pixels := (x[2] + b.Top + b.Bottom) * (x[3] + b.Left + b.Right); pixels > maxImage/ir.Lanes/ir.Blocks(x)/x[0] || w[2:].Elems() > 1<<12 {
		return fmt.Errorf("its map with the border is larger than %d elements", maxImage)
	}
	return nil
}

func depthwiseLayouts(p ir.Problem) (in, out []ir.Layout) {
	v, err := op.WindowOf(p.Node, p.In[1][2], p.In[1][3])
	if err != nil {
		return nil, nil
	}
	x, y := p.In[0], p.Out[0]
	after := func(size, positions, stride, taps, dilation, before int) int {
		return max(0, (positions-1)*stride+(taps-1)*dilation+1-before-size)
	}
	border := ir.Border{
		Top: v.Top, Left: v.Left,
		Bottom: after(x[2], y[2], v.SH, v.KH, v.DH, v.Top), Right: after(x[3], y[3], v.SW, v.KW, v.DW, v.Left),
	}
	in = make([]ir.Layout, len(p.In))
	in[0] = ir.Layout{Block: ir.Lanes, Border: border}
	if len(in) > 3 && p.In[3] != nil {
		in[3] = ir.Blocked
	}
	return in, []ir.Layout{ir.Blocked}
}

// A part does whole maps where they are small, else some rows of one.
const (
	smallMap      = 64 << 10 // bytes
	depthwiseRows = 8
	hotBytes      = 24 << 10 // of output to which the activation is applied while it is in the first-level cache
)

func bindDepthwise(p ir.Problem, isa asm.ISA) (ir.Bound, error) {
	v, err := op.WindowOf(p.Node, p.In[1][2], p.In[1][3])
	if err != nil {
		return ir.Bound{}, err
	}
	x, y := p.In[0], p.Out[0]
	blocks, taps := ir.Blocks(x), v.KH*v.KW
	w := mem.F32(blocks * taps * ir.Lanes)
	for c := range x[1] {
		for t, k := range p.Weights[1].F32()[c*taps : (c+1)*taps] {
			w[(c/ir.Lanes*taps+t)*ir.Lanes+c%ir.Lanes] = k
		}
	}
	bias := mem.F32(blocks * ir.Lanes)
	copy(bias, biasOf(p, x[1]))
	act := afterOf(p.Node)
	ix, iy := p.LayoutIn(0).StridesOf(x), p.LayoutOut(0).StridesOf(y)
	residual := len(p.In) > 3 && p.In[3] != nil
	var ir3 ir.Strides
	first := act
	if residual {
		ir3 = p.LayoutIn(3).StridesOf(y)
		first = afterOf(&ir.Node{})
	}
	origin := ix.Origin - v.Top*ix.Row - v.Left*ir.Lanes
	step := y[2]
	if y[2]*y[3]*64 > smallMap {
		step = depthwiseRows
	}
	units := ceilDiv(y[2], step)
	nanos := float64(x[0]*blocks*y[2]*y[3]) * (laneCost(isa, 0.2*float64(taps)+1) + laneCost(isa, act.cost()))
	fused := false
	// do slides over rows y0..y0+rows-1 of some blocks.
	do := func(call ir.Call, n, b, planes, y0, rows int) {
		o := call.Out[0].F32()[n*iy.Image+b*iy.Block+iy.Origin+y0*iy.Row:]
		s := asm.Pixels{
			Width: y[3], SH: v.SH, InPitch: 4 * ix.Row,
			Window: asm.Window{
				In: call.In[0].F32()[n*ix.Image+b*ix.Block+origin+y0*v.SH*ix.Row:], Out: o, W: w[b*taps*ir.Lanes:], Bias: bias[b*ir.Lanes:],
				KH: v.KH, KW: v.KW, HStep: 4 * v.DH * ix.Row, WStep: 64 * v.DW, Stride: 64 * v.SW, OutPitch: 4 * iy.Row,
				Rows: rows, Lo: first.lo, Hi: first.hi, Planes: planes, InPlane: 4 * ix.Block, OutPlane: 4 * iy.Block,
			},
			SiLU: fused,
		}
		s.Slide(asm.SlideDepthwise, isa)
		for i := range planes {
			o := o[i*iy.Block:]
			if residual {
				m := asm.Map{
					Out: o, A: o, B: call.In[3].F32()[n*ir3.Image+(b+i)*ir3.Block+ir3.Origin+y0*ir3.Row:], Rows: rows, Vecs: y[3],
					OutPitch: 4 * iy.Row, APitch: 4 * iy.Row, BPitch: 4 * ir3.Row, AStep: 64, BStep: 64, Lo: act.lo, Hi: act.hi,
				}
				m.Run(asm.FnAdd, isa)
			}
			if !fused {
				act.apply(isa, o, iy.Row, rows, y[3])
			}
		}
	}
	if act.more && act.fn == asm.FnSiLU && !residual {
		like := asm.Pixels{SH: v.SH, InPitch: 4 * ix.Row, Window: asm.Window{KH: v.KH, KW: v.KW, HStep: 4 * v.DH * ix.Row, WStep: 64 * v.DW, Stride: 64 * v.SW}}
		fused = like.Fuses(asm.SlideDepthwise, isa)
	}
	hotPlanes, hotRows := blocks, y[2]
	if residual || act.more && !fused {
		hotPlanes = max(1, hotBytes/(y[2]*y[3]*64))
		hotRows = max(2, hotBytes/(y[3]*64)&^1)
	}
	b := ir.Bound{}
	if p.Machine.Threads > 1 && p.Machine.ByRows(x) {
		b = sharedRows(p, y, nanos, func(call ir.Call, n, y0, y1 int) {
			hotPlanes := hotPlanes
			if hotPlanes < blocks {
				hotPlanes = max(1, min(blocks, hotBytes/((y1-y0)*y[3]*64)))
			}
			for i := 0; i < blocks; i += hotPlanes {
				for y0 := y0; y0 < y1; y0 += hotRows {
					do(call, n, i, min(hotPlanes, blocks-i), y0, min(hotRows, y1-y0))
				}
			}
		})
	} else {
		b = shared(p, x[0]*blocks*units, nanos, func(call ir.Call, from, to int) {
			if units == 1 && hotRows >= y[2] {
				grid{1, blocks}.each(from, to, func(n, _, b, count int) {
					for i := 0; i < count; i += hotPlanes {
						do(call, n, b+i, min(hotPlanes, count-i), 0, y[2])
					}
				})
				return
			}
			grid{blocks, units}.each(from, to, func(n, b, u, count int) {
				for y0, y1 := u*step, min((u+count)*step, y[2]); y0 < y1; y0 += hotRows {
					do(call, n, b, 1, y0, min(hotRows, y1-y0))
				}
			})
		})
	}
	b.Unpacked = p.Weights[0] != nil
	b.PackedBytes = 4 * int64(len(w)+len(bias))
	b.MACsExecuted = int64(blocks*ir.Lanes) * int64(taps) * int64(y[2]*y[3])
	return b, nil
}
