package primitive

import (
	"math"

	"github.com/godlas/godlas/dlas/ir"
	"github.com/godlas/godlas/dlas/ir/op"
)

// rareKernels are loops in Go for operators that segmenters and older classifiers have a few of: some tens of times the
// speed of their definitions, and on all threads.
func rareKernels() []ir.Kernel {
	return []ir.Kernel{
		row("ConvTranspose", "convtranspose_f32_direct", "", "go", bindConvTranspose, func(p ir.Problem) error {
			_, err := op.SpreadOf(p.Node, p.In[0], p.In[1])
			return err
		}),
		row("LRN", "lrn_f32", "", "go", bindLRN),
	}
}

// inParts is plain for items that take that many nanoseconds each: parts of about a tenth of a millisecond.
func inParts(p ir.Problem, items int, nanos float64, run func(call ir.Call, from, to int)) ir.Bound {
	const most = 1 << 12
	parts := min(items, most, max(1, int(float64(items)*nanos/1e5)))
	if t := p.Machine.Threads; float64(items)*nanos > 2e4 {
		parts = min(items, max(parts, t))
	}
	return ir.Bound{Phases: []int{parts}, Unpacked: true, Run: func(call ir.Call) {
		from, to := part(items, parts, call.Part)
		run(call, from, to)
	}}
}

// bindConvTranspose adds, for each output channel, every input pixel times a weight to where its tap lies.
func bindConvTranspose(p ir.Problem) ir.Bound {
	x, w, y := p.In[0], p.In[1], p.Out[0]
	s, _ := op.SpreadOf(p.Node, x, w)
	perGroup := w[1]
	channels := x[1] / (y[1] / perGroup) // of a group
	macs := channels * w[2] * w[3] * x[2] * x[3]
	b := inParts(p, y[0]*y[1], float64(macs), func(call ir.Call, from, to int) {
		in, weights, out := call.In[0].F32(), call.In[1].F32(), call.Out[0].F32()
		for i := from; i < to; i++ {
			n, m := i/y[1], i%y[1]
			plane := out[i*y[2]*y[3] : (i+1)*y[2]*y[3]]
			bias := float32(0)
			if len(call.In) > 2 && call.In[2] != nil {
				bias = call.In[2].F32()[m]
			}
			for j := range plane {
				plane[j] = bias
			}
			first := m / perGroup * channels
			for c := first; c < first+channels; c++ {
				src := in[(n*x[1]+c)*x[2]*x[3]:][:x[2]*x[3]]
				taps := weights[(c*perGroup+m%perGroup)*w[2]*w[3]:][:w[2]*w[3]]
				for t, v := range taps {
					spreadTap(plane, src, v, x, y, s, t/w[3]*s.DH-s.Top, t%w[3]*s.DW-s.Left)
				}
			}
		}
	})
	b.MACsExecuted = int64(macs) * int64(y[1])
	return b
}

// spreadTap adds v times a map to another, moved by (dy, dx) and with strides.
func spreadTap(dst, src []float32, v float32, x, y ir.Shape, s op.Spread, dy, dx int) {
	lo := 0
	if dx < 0 {
		lo = (-dx + s.SW - 1) / s.SW
	}
	hi := x[3]
	if room := y[3] - dx; room <= 0 {
		return
	} else if most := (room + s.SW - 1) / s.SW; most < hi {
		hi = most
	}
	if lo >= hi {
		return
	}
	for iy := range x[2] {
		oy := iy*s.SH + dy
		if oy < 0 || oy >= y[2] {
			continue
		}
		from, to := src[iy*x[3]+lo:iy*x[3]+hi], dst[oy*y[3]+lo*s.SW+dx:(oy+1)*y[3]]
		for i, u := range from {
			to[i*s.SW] += v * u
		}
	}
}

// bindLRN divides each number by a power of the sum of squares of its neighbours in other channels, an item being a pixel
// of an image. The power is taken as the exponential of a logarithm unless it is 3/4, the usual one.
func bindLRN(p ir.Problem) ir.Bound {
	x, a := p.In[0], p.Node.Attrs
	size, channels, plane := a.Int("size", 0), x[1], x[2:].Elems()
	alpha, beta, bias := a.Float("alpha", 1e-4)/float64(size), a.Float("beta", 0.75), a.Float("bias", 1)
	return inParts(p, x[0]*plane, 15*float64(channels), func(call ir.Call, from, to int) {
		in, out := call.In[0].F32(), call.Out[0].F32()
		for i := from; i < to; i++ {
			at := i/plane*channels*plane + i%plane
			sum := 0.0
			square := func(c int) float64 {
				if c < 0 || c >= channels {
					return 0
				}
				v := float64(in[at+c*plane])
				return v * v
			}
			before, after := (size-1)/2, size/2
			for c := range min(after, channels) {
				sum += square(c)
			}
			for c := range channels {
				sum += square(c + after)
				d := bias + alpha*max(sum, 0)
				if beta == 0.75 {
					r := math.Sqrt(d)
					d = r * math.Sqrt(r)
				} else {
					d = math.Pow(d, beta)
				}
				out[at+c*plane] = float32(float64(in[at+c*plane]) / d)
				sum -= square(c - before)
			}
		}
	})
}
