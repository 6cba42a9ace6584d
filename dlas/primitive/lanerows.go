package primitive

import (
	"errors"
	"fmt"
	"math"

	"github.com/godlas/godlas/dlas/ir"
	"github.com/godlas/godlas/dlas/ir/op"
	"github.com/godlas/godlas/dlas/primitive/internal/asm"
)

// This file standardises rows of plain values: layers, groups, instances. A row stays in the first-level cache while its
// mean, then its deviation, then its result are computed, so that nothing cancels.

func rowKernels(isa string) []ir.Kernel {
	return []ir.Kernel{
		laneRow("LayerNormalization", "layernorm_f32", isa, layerNormFits, nil, bindLayerNorm),
		laneRow("GroupNormalization", "groupnorm_f32", isa, always, nil, bindGroupNorm),
		laneRow("InstanceNormalization", "instancenorm_f32", isa, always, nil, bindGroupNorm),
	}
}

// pieceOf is the most floats that one sum of 16 lanes takes in single precision; sums of pieces are added in double.
const pieceOf = 1 << 12

// sumOf is the sum of some floats, or of the squares of their distances from a mean.
func sumOf(x []float32, squares bool, mean float32, isa asm.ISA) float64 {
	sum := 0.0
	for len(x) > 0 {
		piece := x[:min(len(x), pieceOf)]
		x = x[len(piece):]
		n := len(piece) / ir.Lanes
		if n > 0 {
			var lanes [ir.Lanes]float32
			r := asm.Reduce{Out: lanes[:], A: piece, Rows: 1, Vecs: n, Mean: mean}
			if squares {
				r.Squares(isa)
			} else {
				r.Sum(isa)
			}
			a, b := 0.0, 0.0
			for j := range 8 {
				a += float64(lanes[j])
				b += float64(lanes[j+8])
			}
			sum += a + b
		}
		for _, v := range piece[n*ir.Lanes:] {
			if squares {
				sum += float64(v-mean) * float64(v-mean)
			} else {
				sum += float64(v)
			}
		}
	}
	return sum
}

// standard is a row's mean and what its distances from it are to be multiplied with.
func standard(x []float32, epsilon float64, isa asm.ISA) (near float32, mul float64) {
	mean := sumOf(x, false, 0, isa) / float64(len(x))
	near = float32(mean) // the squares about it are too many by that of its distance from the mean
	off := mean - float64(near)
	variance := max(0, sumOf(x, true, near, isa)/float64(len(x))-off*off)
	return near, 1 / math.Sqrt(variance+epsilon)
}

func layerNormFits(p ir.Problem) error {
	for i, name := range p.Node.Out {
		if i > 0 && name != "" {
			return errors.New("it makes no statistics")
		}
	}
	x := p.In[0]
	each := layerOf(p)
	for i, s := range p.In[1:] {
		if s != nil && s.Elems() != each {
			return fmt.Errorf("parameter %d has shape %v for rows of %d", i+1, s, each)
		}
	}
	if each == 0 || x.Elems() == 0 {
		return errors.New("it is empty")
	}
	return nil
}

// layerOf is the elements of a row of a LayerNormalization.
func layerOf(p ir.Problem) int {
	axis := p.Node.Attrs.Int("axis", -1)
	if axis < 0 {
		axis += len(p.In[0])
	}
	return p.In[0][axis:].Elems()
}

func bindLayerNorm(p ir.Problem, isa asm.ISA) (ir.Bound, error) {
	each, epsilon := layerOf(p), p.Node.Attrs.Float("epsilon", op.DefaultEpsilon)
	items := p.In[0].Elems() / each
	none := make([]float32, each)
	return shared(p, items, float64(items)*(50+float64(each)/ir.Lanes*laneCost(isa, 3)), func(call ir.Call, from, to int) {
		in, out, scale, bias := call.In[0].F32(), call.Out[0].F32(), call.In[1].F32(), none
		if len(call.In) > 2 && call.In[2] != nil {
			bias = call.In[2].F32()
		}
		m := asm.Map{AStep: 64, BStep: 64, CStep: 64}
		for i := from; i < to; i++ {
			x := in[i*each : (i+1)*each]
			mean, mul := standard(x, epsilon, isa)
			m.Alpha, m.Beta = mean, float32(mul)
			m.Vector(asm.FnNorm, isa, out[i*each:(i+1)*each], x, scale[:each], bias[:each])
		}
	}), nil
}

// bindGroupNorm standardises each group of channels of each image; without num_groups each channel is one.
func bindGroupNorm(p ir.Problem, isa asm.ISA) (ir.Bound, error) {
	x := p.In[0]
	groups, plane := p.Node.Attrs.Int("num_groups", x[1]), x[2:].Elems()
	epsilon := p.Node.Attrs.Float("epsilon", op.DefaultEpsilon)
	channels := x[1] / groups
	each := channels * plane
	nanos := float64(x[0]*groups) * (50 + float64(each)/ir.Lanes*laneCost(isa, 3))
	return shared(p, x[0]*groups, nanos, func(call ir.Call, from, to int) {
		scale, bias := call.In[1].F32(), call.In[2].F32()
		in, out := call.In[0].F32(), call.Out[0].F32()
		var ones, shift [ir.Lanes]float32
		for j := range ones {
			ones[j] = 1
		}
		m := asm.Map{AStep: 64}
		for i := from; i < to; i++ {
			mean, inverse := standard(in[i*each:(i+1)*each], epsilon, isa)
			for c := range channels {
				channel := i%groups*channels + c
				// A parameter is one number a channel, or one a group.
				m.Alpha, m.Beta = mean, float32(inverse*float64(scale[channel*len(scale)/x[1]]))
				for j := range shift {
					shift[j] = bias[channel*len(bias)/x[1]]
				}
				at := i*each + c*plane
				m.Vector(asm.FnNorm, isa, out[at:at+plane], in[at:at+plane], ones[:], shift[:])
			}
		}
	}), nil
}
