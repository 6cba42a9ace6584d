package primitive

import (
	"math"

	"github.com/godlas/godlas/dlas/ir"
	"github.com/godlas/godlas/dlas/ir/op"
)

// plain is a kernel without weights to pack whose work is a number of like items, each of about that many elements:
// channels of images, rows of a matrix.
func plain(p ir.Problem, items, elements int, run func(call ir.Call, from, to int)) ir.Bound {
	chunks := chunksFor(items, elements, p.Machine)
	return ir.Bound{Phases: []int{chunks}, Unpacked: true, Run: func(call ir.Call) {
		from, to := part(items, chunks, call.Part)
		run(call, from, to)
	}}
}

// perElement applies f to ranges of the elements of the output.
func perElement(p ir.Problem, f func(call ir.Call, from, to int)) ir.Bound {
	const step = 1 << 12
	n := p.Out[0].Elems()
	return plain(p, ceilDiv(n, step), step, func(call ir.Call, from, to int) { f(call, from*step, min(n, to*step)) })
}

func clampSlice(dst, src []float32, lo, hi float32) {
	for i, v := range src {
		if v < lo {
			v = lo
		}
		if v > hi {
			v = hi
		}
		dst[i] = v
	}
}

func bindClamp(lo, hi float32) func(ir.Problem) ir.Bound {
	return func(p ir.Problem) ir.Bound {
		return perElement(p, func(call ir.Call, from, to int) {
			clampSlice(call.Out[0].F32()[from:to], call.In[0].F32()[from:to], lo, hi)
		})
	}
}

func bindRelu(p ir.Problem) ir.Bound { return bindClamp(0, float32(math.Inf(1)))(p) }

func bindClip(p ir.Problem) ir.Bound {
	lo, hi := op.ClipBounds(p.Node)
	return bindClamp(float32(lo), float32(hi))(p)
}

func bindAdd(p ir.Problem) ir.Bound {
	lo, hi := clampOf(p.Node)
	return perElement(p, func(call ir.Call, from, to int) {
		x, y, out := call.In[0].F32()[from:to], call.In[1].F32()[from:to], call.Out[0].F32()[from:to]
		for i, v := range x {
			v += y[i]
			if v < lo {
				v = lo
			}
			if v > hi {
				v = hi
			}
			out[i] = v
		}
	})
}

func bindCopy(p ir.Problem) ir.Bound {
	return perElement(p, func(call ir.Call, from, to int) { copy(call.Out[0].F32()[from:to], call.In[0].F32()[from:to]) })
}

// bindBatchNorm is the batch normalization that no convolution before it could take in.
func bindBatchNorm(p ir.Problem) ir.Bound {
	channels := p.In[0][1]
	plane := p.In[0][2:].Elems()
	mul, add := make([]float32, channels), make([]float32, channels)
	par := func(i, c int) float64 { return float64(p.Weights[i].F32()[c]) }
	for c := range channels {
		m, a := op.NormAffine(p.Node, par(1, c), par(2, c), par(3, c), par(4, c))
		mul[c], add[c] = float32(m), float32(a)
	}
	b := plain(p, p.In[0][0]*channels, plane, func(call ir.Call, from, to int) {
		for i := from; i < to; i++ {
			m, a := mul[i%channels], add[i%channels]
			out := call.Out[0].F32()[i*plane : (i+1)*plane]
			for j, v := range call.In[0].F32()[i*plane : (i+1)*plane] {
				out[j] = v*m + a
			}
		}
	})
	b.PackedBytes, b.Unpacked = 8*int64(channels), p.Weights[0] != nil
	return b
}

// bindSoftmax works in float64, since it is small and its sum is long.
func bindSoftmax(p ir.Problem) ir.Bound {
	s := p.In[0]
	axis := p.Node.Attrs.Int("axis", -1)
	if axis < 0 {
		axis += len(s)
	}
	extent, step := s[axis], s[axis+1:].Elems()
	return plain(p, s.Elems()/extent, extent, func(call ir.Call, from, to int) {
		for i := from; i < to; i++ {
			at := i/step*extent*step + i%step
			x, out := call.In[0].F32()[at:], call.Out[0].F32()[at:]
			top, sum := math.Inf(-1), 0.0
			for j := range extent {
				top = max(top, float64(x[j*step]))
			}
			for j := range extent {
				sum += math.Exp(float64(x[j*step]) - top)
			}
			for j := range extent {
				out[j*step] = float32(math.Exp(float64(x[j*step])-top) / sum)
			}
		}
	})
}

func bindConcat(p ir.Problem) ir.Bound {
	axis := p.Node.Attrs.Int("axis", 1)
	if axis < 0 {
		axis += len(p.Out[0])
	}
	outer := p.Out[0][:axis].Elems()
	runs := make([]int, len(p.In))
	for i, s := range p.In {
		runs[i] = s[axis:].Elems()
	}
	return plain(p, outer, p.Out[0][axis:].Elems(), func(call ir.Call, from, to int) {
		at := from * p.Out[0][axis:].Elems()
		for o := from; o < to; o++ {
			for i, x := range call.In {
				at += copy(call.Out[0].F32()[at:], x.F32()[o*runs[i]:(o+1)*runs[i]])
			}
		}
	})
}

func bindPad(p ir.Problem) ir.Bound {
	x, s := p.In[0], p.Out[0]
	pads := p.Node.Attrs.Ints("pads", 0, 0, 0, 0, 0, 0, 0, 0)
	value := float32(p.Node.Attrs.Float("value", 0))
	return plain(p, s[0]*s[1], s[2]*s[3], func(call ir.Call, from, to int) {
		for i := from; i < to; i++ {
			plane := call.Out[0].F32()[i*s[2]*s[3] : (i+1)*s[2]*s[3]]
			for j := range plane {
				plane[j] = value
			}
			c := i%s[1] - pads[1]
			if c < 0 || c >= x[1] {
				continue
			}
			src := call.In[0].F32()[(i/s[1]*x[1]+c)*x[2]*x[3]:]
			for y := range x[2] {
				copy(plane[(y+pads[2])*s[3]+pads[3]:], src[y*x[3]:(y+1)*x[3]])
			}
		}
	})
}
