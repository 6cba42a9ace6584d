package primitive

import (
	"fmt"
	"math"

	"github.com/godlas/godlas/dlas/ir"
	"github.com/godlas/godlas/dlas/ir/op"
	"github.com/godlas/godlas/dlas/primitive/internal/asm"
)

// poolRows are poolings over blocks of channels.
func poolRows(isa string) []ir.Kernel {
	rows := []ir.Kernel{
		laneRow("MaxPool", "maxpool_f32", isa, poolFits, blocked, func(p ir.Problem, level asm.ISA) (ir.Bound, error) { return bindSlide(p, level, asm.SlideMax) }),
		laneRow("AveragePool", "averagepool_f32", isa, poolFits, blocked, func(p ir.Problem, level asm.ISA) (ir.Bound, error) { return bindSlide(p, level, asm.SlideSum) }),
	}
	for _, g := range []struct {
		op      string
		largest bool
	}{{"GlobalAveragePool", false}, {"GlobalMaxPool", true}, {"ReduceMean", false}, {"ReduceMax", true}} {
		rows = append(rows, laneRow(g.op, opName(g.op)+"_f32", isa, globalFits, globalLayouts, func(p ir.Problem, level asm.ISA) (ir.Bound, error) {
			return bindGlobal(p, level, g.largest), nil
		}))
	}
	return rows
}

func poolFits(p ir.Problem) error {
	if len(p.In[0]) != 4 {
		return fmt.Errorf("its input's shape is %v, not N x C x H x W", p.In[0])
	}
	if len(p.Node.Out) > 1 && p.Node.Out[1] != "" {
		return fmt.Errorf("it makes no indices")
	}
	if p.Weights[0] != nil {
		return fmt.Errorf("its input is constant")
	}
	_, err := op.WindowOf(p.Node, 0, 0)
	return err
}

// stretch is a range of output positions along one axis whose windows have the same taps inside the map.
type stretch struct{ at, n, from, to int }

// stretches are those of an axis: next to its ends single positions, between them all that have every tap.
func stretches(positions, size, taps, stride, dilation, before int) []stretch {
	var list []stretch
	for at := 0; at < positions; at++ {
		from, to := inside(at*stride-before, taps, dilation, size)
		if n := len(list); n > 0 && list[n-1].from == 0 && list[n-1].to == taps && from == 0 && to == taps {
			list[n-1].n++
			continue
		}
		list = append(list, stretch{at, 1, from, to})
	}
	return list
}

// inside is the range of taps from..to-1 whose position start + tap*dilation lies in 0..size-1.
func inside(start, taps, dilation, size int) (from, to int) {
	from = max(0, ceilDiv(-start, dilation))
	to = min(taps, ceilDiv(size-start, dilation))
	return from, max(from, to)
}

// bindSlide slides windows without their taps in the padding, which are none of a pooling's business.
func bindSlide(p ir.Problem, isa asm.ISA, s asm.Sliding) (ir.Bound, error) {
	v, err := op.WindowOf(p.Node, 0, 0)
	if err != nil {
		return ir.Bound{}, err
	}
	x, y := p.In[0], p.Out[0]
	blocks := ir.Blocks(x)
	ix, iy := p.LayoutIn(0).StridesOf(x), p.LayoutOut(0).StridesOf(y)
	down := stretches(y[2], x[2], v.KH, v.SH, v.DH, v.Top)
	across := stretches(y[3], x[3], v.KW, v.SW, v.DW, v.Left)
	act := afterOf(p.Node)
	do := func(in, out []float32, planes int, r, c stretch) {
		w := asm.Pixels{Width: c.n, SH: v.SH, InPitch: 4 * ix.Row, Window: asm.Window{
			KH: r.to - r.from, KW: c.to - c.from, HStep: 4 * v.DH * ix.Row, WStep: 64 * v.DW, Stride: 64 * v.SW, OutPitch: 4 * iy.Row,
			Rows: r.n, Planes: planes, InPlane: 4 * ix.Block, OutPlane: 4 * iy.Block, Lo: act.lo, Hi: act.hi, Scale: 1 / float32(op.PoolCount(p.Node, v, r.at, c.at, x[2], x[3])),
		}}
		w.Out = out[r.at*iy.Row+c.at*ir.Lanes:]
		if w.KH < 1 || w.KW < 1 { // a window that lies in the padding
			empty := float32(0)
			if s == asm.SlideMax {
				empty = float32(math.Inf(-1))
			}
			for i := range r.n * planes {
				for j := range c.n * ir.Lanes {
					w.Out[i/r.n*iy.Block+i%r.n*iy.Row+j] = empty
				}
			}
			return
		}
		w.In = in[(r.at*v.SH-v.Top+r.from*v.DH)*ix.Row+(c.at*v.SW-v.Left+c.from*v.DW)*ir.Lanes:]
		w.Slide(s, isa)
	}
	step := y[2]
	if y[2]*y[3]*64 > smallMap {
		step = depthwiseRows
	}
	units := ceilDiv(y[2], step)
	nanos := float64(x[0]*blocks*y[2]*y[3]) * laneCost(isa, 0.2*float64(v.KH*v.KW)+1)
	return shared(p, x[0]*blocks*units, nanos, func(call ir.Call, from, to int) {
		in, out := call.In[0].F32(), call.Out[0].F32()
		some := func(n, b, planes, y0, y1 int) {
			in, out := in[n*ix.Image+b*ix.Block+ix.Origin:], out[n*iy.Image+b*iy.Block+iy.Origin:]
			for _, r := range down {
				end := min(r.at+r.n, y1)
				if r.at = max(r.at, y0); r.at >= end {
					continue
				}
				r.n = end - r.at
				for _, c := range across {
					do(in, out, planes, r, c)
				}
			}
			for i := range planes {
				act.apply(isa, out[i*iy.Block+y0*iy.Row:], iy.Row, y1-y0, y[3])
			}
		}
		if units == 1 {
			grid{1, blocks}.each(from, to, func(n, _, b, count int) {
				hot := max(1, hotBytes/(x[2]*x[3]*64))
				for i := 0; i < count; i += hot {
					some(n, b+i, min(hot, count-i), 0, y[2])
				}
			})
			return
		}
		grid{blocks, units}.each(from, to, func(n, b, u, count int) { some(n, b, 1, u*step, min((u+count)*step, y[2])) })
	}), nil
}

// globalFits takes the operators that make one number of each map: the last two of four axes.
func globalFits(p ir.Problem) error {
	if len(p.In[0]) != 4 || p.Weights[0] != nil {
		return fmt.Errorf("its input is no map")
	}
	if len(p.In) > 1 && p.In[1] != nil {
		return fmt.Errorf("its axes are an input")
	}
	if p.Node.Op == "GlobalAveragePool" || p.Node.Op == "GlobalMaxPool" {
		return nil
	}
	axes := p.Node.Attrs.Ints("axes")
	seen := [4]bool{}
	for _, a := range axes {
		if a < 0 {
			a += 4
		}
		if a >= 0 && a < 4 {
			seen[a] = true
		}
	}
	if seen != [4]bool{2: true, 3: true} {
		return fmt.Errorf("its axes are %v, not the last two of four", axes)
	}
	return nil
}

func globalLayouts(p ir.Problem) (in, out []ir.Layout) {
	if p.LayoutIn(0).Block == 0 {
		return []ir.Layout{ir.Plain}, []ir.Layout{ir.Plain}
	}
	out = []ir.Layout{ir.Plain}
	if len(p.Out[0]) == 4 {
		out[0] = ir.Blocked
	}
	return []ir.Layout{ir.Blocked}, out
}

func bindGlobal(p ir.Problem, isa asm.ISA, largest bool) ir.Bound {
	x := p.In[0]
	if p.LayoutIn(0).Block == 0 {
		r := reductionsOf()[0]
		if largest {
			r.op, r.fn = "ReduceMax", asm.FnMax
		}
		return reducing{x[0] * x[1], x[2] * x[3], 1}.rows(p, r, isa)
	}
	blocks := ir.Blocks(x)
	ix := p.LayoutIn(0).StridesOf(x)
	scale := 1 / float32(x[2]*x[3])
	toBlocks := p.LayoutOut(0).Block != 0
	var iy ir.Strides
	if toBlocks {
		iy = p.LayoutOut(0).StridesOf(p.Out[0])
	}
	rows, vecs := x[2], x[3]
	if ix.Block == x[2]*x[3]*ir.Lanes {
		rows, vecs = 1, x[2]*x[3]
	}
	nanos := float64(x[0]*blocks) * (float64(x[2]*x[3])*laneCost(isa, 1) + 40)
	write := func(call ir.Call, n, b int, sum *[ir.Lanes]float32) {
		if !largest {
			for j := range sum {
				sum[j] *= scale
			}
		}
		out := call.Out[0].F32()
		if toBlocks {
			copy(out[n*iy.Image+b*iy.Block+iy.Origin:][:ir.Lanes], sum[:])
		} else {
			copy(out[n*x[1]+b*ir.Lanes:n*x[1]+min(x[1], (b+1)*ir.Lanes)], sum[:])
		}
	}
	if x[0] == 1 && p.Machine.Threads > 1 && p.Machine.ByRows(x) {
		return globalRows(p, isa, largest, ix, nanos, write)
	}
	return shared(p, x[0]*blocks, nanos, func(call ir.Call, from, to int) {
		in := call.In[0].F32()
		for i := from; i < to; i++ {
			n, b := i/blocks, i%blocks
			var sum [ir.Lanes]float32
			r := asm.Reduce{A: in[n*ix.Image+b*ix.Block+ix.Origin:], Pitch: 4 * ix.Row, Rows: rows, Vecs: vecs}
			total(&r, &sum, largest, isa)
			write(call, n, b, &sum)
		}
	})
}

// globalRows has each thread reduce rows of its own, all channels, and then one of them what came out.
func globalRows(p ir.Problem, isa asm.ISA, largest bool, ix ir.Strides, nanos float64, write func(call ir.Call, n, b int, sum *[ir.Lanes]float32)) ir.Bound {
	x, blocks := p.In[0], ir.Blocks(p.In[0])
	b := sharedRows(p, x, nanos, nil)
	parts := b.Phases[0]
	b.Phases = append(b.Phases, 1)
	b.WorkspaceBytes = 64 * int64(parts*blocks)
	b.Run = func(call ir.Call) {
		some := call.Workspace.F32()
		if call.Phase == 0 {
			y0, y1 := part(x[2], parts, call.Part)
			for b := range blocks {
				r := asm.Reduce{A: call.In[0].F32()[b*ix.Block+ix.Origin+y0*ix.Row:], Pitch: 4 * ix.Row, Rows: y1 - y0, Vecs: x[3]}
				total(&r, (*[ir.Lanes]float32)(some[(call.Part*blocks+b)*ir.Lanes:]), largest, isa)
			}
			return
		}
		for b := range blocks {
			var sum [ir.Lanes]float32
			r := asm.Reduce{A: some[b*ir.Lanes:], Pitch: 64 * blocks, Rows: parts, Vecs: 1}
			total(&r, &sum, largest, isa)
			write(call, 0, b, &sum)
		}
	}
	return b
}

// total runs a reduction of any size in pieces that a call may have.
func total(r *asm.Reduce, sum *[ir.Lanes]float32, largest bool, isa asm.ISA) {
	const most = 1 << 12
	all := *r
	for j := range sum {
		if sum[j] = 0; largest {
			sum[j] = float32(math.Inf(-1))
		}
	}
	cols := min(all.Vecs, most)
	rows := max(1, most/cols)
	var some [ir.Lanes]float32
	for y := 0; y < all.Rows; y += rows {
		for x := 0; x < all.Vecs; x += cols {
			c := asm.Reduce{A: all.A[y*all.Pitch/4+x*ir.Lanes:], Pitch: all.Pitch, Rows: min(rows, all.Rows-y), Vecs: min(cols, all.Vecs-x), Out: some[:]}
			if largest {
				c.Max(isa)
			} else {
				c.Sum(isa)
			}
			for j, v := range some {
				if largest {
					sum[j] = max(sum[j], v)
				} else {
					sum[j] += v
				}
			}
		}
	}
}

// softmaxRow runs along the last axis or across the others, over plain values.
func softmaxRow(isa, operator string) ir.Kernel {
	log := operator == "LogSoftmax"
	return laneRow(operator, opName(operator)+"_f32", isa, always, nil, func(p ir.Problem, level asm.ISA) (ir.Bound, error) {
		s := p.In[0]
		axis := p.Node.Attrs.Int("axis", -1)
		if axis < 0 {
			axis += len(s)
		}
		extent, step := s[axis], s[axis+1:].Elems()
		nanos := float64(s.Elems()) / ir.Lanes * laneCost(level, 12)
		if step == 1 {
			return shared(p, s.Elems()/extent, nanos, func(call ir.Call, from, to int) {
				x, out := call.In[0].F32(), call.Out[0].F32()
				for i := from; i < to; i++ {
					softmaxRun(level, out[i*extent:(i+1)*extent], x[i*extent:(i+1)*extent], log)
				}
			}), nil
		}
		// Columns of many softmaxes side by side, some hundred at a time: they stay in the first-level cache.
		const width = 256
		cols := ceilDiv(step, width)
		b := shared(p, s.Elems()/extent/step*cols, nanos, func(call ir.Call, from, to int) {
			x, out := call.In[0].F32(), call.Out[0].F32()
			for i := from; i < to; i++ {
				at := i/cols*extent*step + i%cols*width
				n := min(width, step-i%cols*width)
				softmaxColumns(level, out[at:], x[at:], n, extent, step, log)
			}
		})
		return b, nil
	})
}

// softmaxRun computes one softmax; its logarithm where log says so.
func softmaxRun(isa asm.ISA, out, x []float32, log bool) {
	if log && len(x) == 1 { // exactly
		out[0] = x[0] - x[0]
		return
	}
	n := len(x) / ir.Lanes * ir.Lanes
	top := largest(x, isa)
	var lanes [ir.Lanes]float32
	for j := range lanes {
		lanes[j] = top
	}
	m := asm.Map{Out: out, A: x, B: lanes[:], AStep: 64, Rows: 1, Vecs: n / ir.Lanes}
	m.Run(asm.FnExpSub, isa)
	if n < len(x) {
		if n > 0 { // the last 16 once more, some of them for the second time
			m.Out, m.A, m.Vecs = out[len(x)-ir.Lanes:], x[len(x)-ir.Lanes:], 1
			m.Run(asm.FnExpSub, isa)
		} else {
			m.Vector(asm.FnExpSub, isa, out, x, lanes[:], nil)
		}
	}
	sum := sumOf(out[:len(x)], false, 0, isa)
	if log {
		var ones [ir.Lanes]float32
		for j := range lanes {
			ones[j], lanes[j] = 1, float32(-max(0, math.Log(sum)))
		}
		// The largest goes first: it may be much larger than what is left.
		asm.Map{AStep: 64, Alpha: top, Beta: 1}.Vector(asm.FnNorm, isa, out, x, ones[:], lanes[:])
		return
	}
	factor := float32(1 / sum)
	for j := range lanes {
		lanes[j] = factor
	}
	m = asm.Map{Out: out, A: out, B: lanes[:], AStep: 64, Rows: 1, Vecs: n / ir.Lanes, Lo: 0, Hi: 1}
	m.Run(asm.FnMul, isa)
	for i, v := range out[n:len(x)] {
		out[n+i] = v * factor
	}
}

func softmaxColumns(isa asm.ISA, out, x []float32, n, extent, step int, log bool) {
	var tops, sums [256]float32
	top, sum := tops[:n], sums[:n]
	two := asm.Map{AStep: 64, BStep: 64, Lo: 0, Hi: float32(math.Inf(1))}
	copy(top, x[:n])
	if log && extent == 1 {
		two.Lo = float32(math.Inf(-1))
		two.Vector(asm.FnSub, isa, out[:n], top, top, nil)
		return
	}
	for j := 1; j < extent; j++ {
		two.Vector(asm.FnMax, isa, top, top, x[j*step:][:n], nil)
	}
	for j := range extent {
		o := out[j*step:][:n]
		two.Vector(asm.FnExpSub, isa, o, x[j*step:][:n], top, nil)
		two.Vector(asm.FnAdd, isa, sum, sum, o, nil)
	}
	if log {
		for j, v := range sum {
			sum[j] = float32(math.Log(float64(v)))
		}
		two.Lo, two.Hi = float32(math.Inf(-1)), 0
		for j := range extent {
			o := out[j*step:][:n]
			two.Vector(asm.FnSub, isa, o, x[j*step:][:n], top, nil)
			two.Vector(asm.FnSub, isa, o, o, sum, nil)
		}
		return
	}
	for j := range extent {
		o := out[j*step:][:n]
		two.Vector(asm.FnDiv, isa, o, o, sum, nil)
	}
}
