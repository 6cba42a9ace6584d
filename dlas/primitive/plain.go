package primitive

import (
	"github.com/godlas/godlas/dlas/ir"
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

func bindCopy(p ir.Problem) ir.Bound {
	return perElement(p, func(call ir.Call, from, to int) { copy(call.Out[0].F32()[from:to], call.In[0].F32()[from:to]) })
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
