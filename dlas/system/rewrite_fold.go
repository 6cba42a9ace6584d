package system

import (
	"github.com/godlas/godlas/dlas/ir"
	"github.com/godlas/godlas/dlas/ir/op"
)

// scaling is a convolution whose output channels are to be multiplied, and get another bias.
type scaling struct {
	conv *ir.Node
	mul  []float64
	add  []float64
}

// foldBatchNorms turns a convolution, then y = x*mul + add, into one with weights W*mul and bias B*mul + add.
func (r *rewriter) foldBatchNorms() {
	for _, n := range r.Nodes {
		if n.Op != "BatchNormalization" {
			continue
		}
		c := r.scalable(n.In[0])
		if c == nil {
			continue
		}
		var par [4][]float32
		constant := true
		for i := range par {
			if t := r.Weights[n.In[i+1]]; t != nil && t.Type == ir.F32 {
				par[i] = t.F32()
			} else {
				constant = false
			}
		}
		if !constant {
			continue
		}
		s := scaling{conv: c, mul: make([]float64, len(par[0])), add: make([]float64, len(par[0]))}
		for m := range s.mul {
			s.mul[m], s.add[m] = op.NormAffine(n, float64(par[0][m]), float64(par[1][m]), float64(par[2][m]), float64(par[3][m]))
		}
		r.takeOver(c, n)
		r.scale(s)
	}
}

// foldScales does the same with a multiplication by, or an addition of, a constant for each channel.
func (r *rewriter) foldScales() {
	for _, n := range r.Nodes {
		if n.Op != "Mul" && n.Op != "Add" || len(n.In) != 2 || n.Attrs.Str("act", op.ActNone) != op.ActNone {
			continue
		}
		for i, in := range n.In {
			c, k := r.scalable(in), r.Weights[n.In[1-i]]
			if c == nil || k == nil || k.Type != ir.F32 || !r.values[n.Out[0]].Shape.Equal(r.values[in].Shape) {
				continue
			}
			channels := r.values[in].Shape[1]
			if !perChannel(k.Shape, channels, len(r.values[in].Shape)) {
				continue
			}
			s := scaling{conv: c, mul: make([]float64, channels), add: make([]float64, channels)}
			for m := range channels {
				v := float64(k.F32()[m%k.Shape.Elems()])
				if s.mul[m] = 1; n.Op == "Mul" {
					s.mul[m] = v
				} else {
					s.add[m] = v
				}
			}
			r.takeOver(c, n)
			r.scale(s)
			break
		}
	}
}

// perChannel reports whether a constant of that shape is one number, or one for each channel, of a value of that many axes.
func perChannel(s ir.Shape, channels, axes int) bool {
	if s.Elems() == 1 {
		return len(s) <= axes
	}
	return s.Elems() == channels && (len(s) == axes-1 && s[0] == channels || len(s) == axes && s[1] == channels)
}

// scalable is the convolution that makes a value which nothing else needs, if its weights and bias are constant and
// nothing was fused into it yet.
func (r *rewriter) scalable(value string) *ir.Node {
	c := r.plainConv(value)
	if c == nil {
		c = r.only(value, "ConvTranspose")
	}
	if c == nil {
		return nil
	}
	if w := r.Weights[c.In[1]]; w == nil || w.Type != ir.F32 || c.Op == "ConvTranspose" && c.Attrs.Int("group", 1) != 1 {
		return nil
	}
	if len(c.In) > 2 && c.In[2] != "" {
		if b := r.Weights[c.In[2]]; b == nil || b.Type != ir.F32 {
			return nil
		}
	}
	return c
}

// scale is what the output channels of a convolution's weights are multiplied by.
type scale struct {
	mul   []float32
	inner bool // the output channels are the weights' second axis, as a transposed convolution has them
}

// apply writes the scaled weights to dst, which it returns.
func (s scale) apply(dst []float32, w *ir.Tensor) []float32 {
	channels := len(s.mul)
	rows := channels
	if s.inner {
		rows *= w.Shape[0]
	}
	each := w.Shape.Elems() / rows
	for i := range rows {
		m, to := s.mul[i%channels], dst[i*each:(i+1)*each]
		for j, v := range w.F32()[i*each : (i+1)*each] {
			to[j] = v * m
		}
	}
	return dst
}

// scale gives a convolution its new bias, and notes what its weights are to be multiplied by.
func (r *rewriter) scale(s scaling) {
	c, channels := s.conv, len(s.mul)
	w, old := r.Weights[c.In[1]], r.scales[c.In[1]]
	mul, biases := make([]float32, channels), make([]float32, channels)
	for m := range channels {
		if mul[m] = float32(s.mul[m]); old.mul != nil {
			mul[m] *= old.mul[m]
		}
		b := s.add[m]
		if len(c.In) > 2 && c.In[2] != "" {
			b += float64(r.Weights[c.In[2]].F32()[m]) * s.mul[m]
		}
		biases[m] = float32(b)
	}
	name := r.newWeight(c.In[1]+" folded", w)
	r.scales[name] = scale{mul: mul, inner: c.Op == "ConvTranspose"}
	c.In = []string{c.In[0], name, r.newWeight(c.In[1]+" folded bias", ir.NewF32(biases, channels))}
}
