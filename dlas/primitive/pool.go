package primitive

import (
	"math"

	"github.com/godlas/godlas/dlas/ir"
	"github.com/godlas/godlas/dlas/ir/op"
)

// bindMaxPool and bindAveragePool go over the windows of each map; the parts of a window that lie in the padding are
// cut off before the inner loops.
func bindMaxPool(p ir.Problem) ir.Bound {
	return bindPool(p, func(plane []float32, pitch int, w op.Window, y0, x0, kh0, kh1, kw0, kw1, _ int) float32 {
		best := float32(math.Inf(-1))
		for kh := kh0; kh < kh1; kh++ {
			row := plane[(y0+kh*w.DH)*pitch:]
			for kw := kw0; kw < kw1; kw++ {
				best = max(best, row[x0+kw*w.DW])
			}
		}
		return best
	})
}

func bindAveragePool(p ir.Problem) ir.Bound {
	return bindPool(p, func(plane []float32, pitch int, w op.Window, y0, x0, kh0, kh1, kw0, kw1, count int) float32 {
		sum := float32(0)
		for kh := kh0; kh < kh1; kh++ {
			row := plane[(y0+kh*w.DH)*pitch:]
			for kw := kw0; kw < kw1; kw++ {
				sum += row[x0+kw*w.DW]
			}
		}
		return sum / float32(count)
	})
}

// bindPool gives f a window: its map, its first position (which may lie outside), and the range of its taps inside.
func bindPool(p ir.Problem, f func(plane []float32, pitch int, w op.Window, y0, x0, kh0, kh1, kw0, kw1, count int) float32) ir.Bound {
	w, _ := op.WindowOf(p.Node, 0, 0)
	h, wd, oh, ow := p.In[0][2], p.In[0][3], p.Out[0][2], p.Out[0][3]
	counts := make([]int, oh*ow)
	for i := range counts {
		counts[i] = op.PoolCount(p.Node, w, i/ow, i%ow, h, wd)
	}
	if w.KH*w.KW == 1 && w.Top+w.Left+w.Bottom+w.Right == 0 {
		return bindPick(p, w)
	}
	return plain(p, p.In[0][0]*p.In[0][1], oh*ow*w.KH*w.KW, func(call ir.Call, from, to int) {
		for i := from; i < to; i++ {
			plane := call.In[0].F32()[i*h*wd : (i+1)*h*wd]
			out := call.Out[0].F32()[i*oh*ow : (i+1)*oh*ow]
			for oy := range oh {
				y0 := oy*w.SH - w.Top
				kh0, kh1 := inside(y0, w.KH, w.DH, h)
				for ox := range ow {
					x0 := ox*w.SW - w.Left
					kw0, kw1 := inside(x0, w.KW, w.DW, wd)
					out[oy*ow+ox] = f(plane, wd, w, y0, x0, kh0, kh1, kw0, kw1, counts[oy*ow+ox])
				}
			}
		}
	})
}

// bindPick is a pooling of one tap, which only picks every so many pixels: the shortcut of CIFAR's ResNets.
func bindPick(p ir.Problem, w op.Window) ir.Bound {
	h, wd, oh, ow := p.In[0][2], p.In[0][3], p.Out[0][2], p.Out[0][3]
	return plain(p, p.In[0][0]*p.In[0][1], oh*ow, func(call ir.Call, from, to int) {
		for i := from; i < to; i++ {
			for oy := range oh {
				row := call.In[0].F32()[(i*h+oy*w.SH)*wd:][:wd]
				out := call.Out[0].F32()[(i*oh+oy)*ow:][:ow]
				for j := range out {
					out[j] = row[j*w.SW]
				}
			}
		}
	})
}

// inside is the range of taps from..to-1 whose position start + tap*dilation lies in 0..size-1.
func inside(start, taps, dilation, size int) (from, to int) {
	from = max(0, ceilDiv(-start, dilation))
	to = min(taps, ceilDiv(size-start, dilation))
	return from, max(from, to)
}

// bindGlobalAverage sums in float64, four sums at a time.
func bindGlobalAverage(p ir.Problem) ir.Bound {
	plane := p.In[0][2] * p.In[0][3]
	return plain(p, p.In[0][0]*p.In[0][1], plane, func(call ir.Call, from, to int) {
		for i := from; i < to; i++ {
			x := call.In[0].F32()[i*plane : (i+1)*plane]
			var s [4]float64
			for len(x) >= 4 {
				s[0] += float64(x[0])
				s[1] += float64(x[1])
				s[2] += float64(x[2])
				s[3] += float64(x[3])
				x = x[4:]
			}
			for _, v := range x {
				s[0] += float64(v)
			}
			call.Out[0].F32()[i] = float32((s[0] + s[1] + s[2] + s[3]) / float64(plane))
		}
	})
}
