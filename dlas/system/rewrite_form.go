package system

import (
	"slices"

	"github.com/godlas/godlas/dlas/ir"
	"github.com/godlas/godlas/dlas/ir/op"
)

// dropIdentities takes out what hands its input on.
func (r *rewriter) dropIdentities() {
	same := map[string]string{}
	for _, n := range r.Nodes {
		for i, in := range n.In {
			if src, ok := same[in]; ok {
				n.In[i] = src
			}
		}
		if r.identity(n) && !slices.Contains(r.Outputs, n.Out[0]) {
			same[n.Out[0]] = n.In[0]
			r.gone[n] = true
		}
	}
}

// identity reports whether a node's only needed output is its first input.
func (r *rewriter) identity(n *ir.Node) bool {
	switch n.Op {
	case "Identity":
		return true
	case "Dropout":
		mode := len(n.In) < 3 || n.In[2] == ""
		return mode && (len(n.Out) < 2 || r.uses[n.Out[1]] == 0)
	case "Pad":
		pads, ok := n.Attrs["pads"].([]int)
		return ok && !slices.ContainsFunc(pads, func(p int) bool { return p != 0 })
	}
	return false
}

// normalise brings the ways in which exporters write a layer to the one that kernels know.
func (r *rewriter) normalise() {
	for _, n := range r.Nodes {
		switch n.Op {
		case "ReduceMean":
			r.meanToPool(n)
		case "AveragePool":
			r.wholeToGlobal(n)
		case "MatMul":
			r.matMulToGemm(n)
		case "Gemm":
			r.plainGemm(n)
		}
	}
}

// meanToPool makes the mean over all pixels of a map a global average pooling.
func (r *rewriter) meanToPool(n *ir.Node) {
	axes, ok := n.Attrs["axes"].([]int)
	in := r.values[n.In[0]].Shape
	if !ok || len(n.In) > 1 && n.In[1] != "" || len(in) != 4 || len(axes) != 2 {
		return
	}
	seen := [4]bool{}
	for _, a := range axes {
		seen[(a+4)%4] = true
	}
	if !seen[2] || !seen[3] {
		return
	}
	keep := n.Attrs.Int("keepdims", 1) != 0
	n.Op, n.In, n.Attrs = "GlobalAveragePool", n.In[:1], nil
	if keep {
		return
	}
	flat := &ir.Node{Name: n.Name, Op: "Flatten", In: []string{r.newValue(n.Out[0]+" pooled", ir.Shape{in[0], in[1], 1, 1}, n.Out[0])}, Out: []string{n.Out[0]}}
	n.Name, n.Out = n.Name+" (mean)", []string{flat.In[0]}
	r.after[n] = flat
}

// newValue is a free name like that for a value of a shape, of the type of another value.
func (r *rewriter) newValue(name string, s ir.Shape, like string) string {
	for {
		if _, taken := r.values[name]; !taken {
			r.values[name] = op.Operand{Type: r.values[like].Type, Shape: s}
			return name
		}
		name += "'"
	}
}

// wholeToGlobal makes an average pooling whose window is the whole map a global one.
func (r *rewriter) wholeToGlobal(n *ir.Node) {
	in, out := r.values[n.In[0]].Shape, r.values[n.Out[0]].Shape
	k := n.Attrs.Ints("kernel_shape")
	if len(in) != 4 || len(k) != 2 || k[0] != in[2] || k[1] != in[3] || len(out) != 4 || out[2]*out[3] != 1 {
		return
	}
	if slices.ContainsFunc(n.Attrs.Ints("pads"), func(p int) bool { return p != 0 }) || n.Attrs.Str("auto_pad", "NOTSET") != "NOTSET" {
		return
	}
	n.Op, n.Attrs = "GlobalAveragePool", nil
}

// matMulToGemm makes the product of a matrix with constant weights a linear layer, with the addition of a constant row
// that follows it.
func (r *rewriter) matMulToGemm(n *ir.Node) {
	x, w := r.values[n.In[0]].Shape, r.Weights[n.In[1]]
	if len(x) != 2 || w == nil || len(w.Shape) != 2 || w.Type != ir.F32 {
		return
	}
	n.Op, n.Attrs = "Gemm", nil
	if add := r.onlyUser(n.Out[0]); add != nil && add.Op == "Add" {
		for i, in := range add.In {
			b := r.Weights[in]
			if add.In[1-i] != n.Out[0] || b == nil || b.Type != ir.F32 || b.Shape.Elems() != w.Shape[1] || b.Shape[len(b.Shape)-1] != w.Shape[1] || len(b.Shape) > 2 {
				continue
			}
			n.In = append(n.In[:2:2], r.newWeight(in+" as a row", ir.NewF32(b.F32(), w.Shape[1])))
			r.takeOver(n, add)
			break
		}
	}
	r.plainGemm(n)
}

// plainGemm brings a linear layer with constant weights to y = x W^T + B, B a row.
func (r *rewriter) plainGemm(n *ir.Node) {
	w := r.Weights[n.In[1]]
	if w == nil || w.Type != ir.F32 || n.Attrs.Int("transA", 0) != 0 {
		return
	}
	alpha, beta := n.Attrs.Float("alpha", 1), n.Attrs.Float("beta", 1)
	k, m := w.Shape[0], w.Shape[1]
	transposed := n.Attrs.Int("transB", 0) != 0
	if transposed {
		k, m = m, k
	}
	var bias *ir.Tensor
	if len(n.In) > 2 && n.In[2] != "" {
		if bias = r.Weights[n.In[2]]; bias == nil || bias.Type != ir.F32 || bias.Shape.Elems() != m && bias.Shape.Elems() != 1 {
			return
		}
		if s := bias.Shape; len(s) > 0 && s.Elems() == m && s[len(s)-1] != m {
			return // a column
		}
	}
	attrs := ir.Attrs{"transB": 1}
	for _, a := range []string{"act", "min", "max"} {
		if v, ok := n.Attrs[a]; ok {
			attrs[a] = v
		}
	}
	if !transposed || alpha != 1 {
		data := make([]float32, k*m)
		src := w.F32()
		if transposed {
			for i, v := range src {
				data[i] = float32(alpha) * v
			}
		} else {
			transpose(data, src, k, m, float32(alpha))
		}
		n.In[1] = r.newWeight(n.In[1]+" transposed", ir.NewF32(data, m, k))
	}
	if bias != nil && (beta != 1 || len(bias.Shape) != 1 || bias.Shape[0] != m) {
		row := make([]float32, m)
		for i := range row {
			row[i] = float32(beta) * bias.F32()[i%bias.Shape.Elems()]
		}
		n.In[2] = r.newWeight(n.In[2]+" as a row", ir.NewF32(row, m))
	}
	n.Attrs = attrs
}

// transpose writes the k x m matrix src as m x k, times a factor, in squares that stay in the cache.
func transpose(dst, src []float32, k, m int, factor float32) {
	const square = 32
	for i := 0; i < k; i += square {
		for j := 0; j < m; j += square {
			for a := i; a < min(k, i+square); a++ {
				for b := j; b < min(m, j+square); b++ {
					dst[b*k+a] = factor * src[a*m+b]
				}
			}
		}
	}
}

// onlyUser is the only node that needs a value, or nil.
func (r *rewriter) onlyUser(value string) *ir.Node {
	if r.uses[value] != 1 || slices.Contains(r.Outputs, value) {
		return nil
	}
	for _, n := range r.users[value] {
		if !r.gone[n] {
			return n
		}
	}
	return nil
}

// foldPads lets a convolution do the zero padding that a node of its own does before it.
func (r *rewriter) foldPads() {
	for _, n := range r.Nodes {
		if n.Op != "Conv" || n.Attrs.Str("auto_pad", "NOTSET") != "NOTSET" {
			continue
		}
		p := r.only(n.In[0], "Pad")
		if p == nil || p.Attrs.Str("mode", "constant") != "constant" || p.Attrs.Float("value", 0) != 0 || p.Attrs["axes"] != nil {
			continue
		}
		if slices.ContainsFunc(p.In[1:], func(in string) bool { return in != "" }) {
			continue
		}
		pads, ok := p.Attrs["pads"].([]int)
		if !ok || len(pads) != 8 || slices.Min(pads) < 0 || pads[0]+pads[1]+pads[4]+pads[5] != 0 {
			continue
		}
		sum := slices.Clone(n.Attrs.Ints("pads", 0, 0, 0, 0))
		if len(sum) != 4 {
			continue
		}
		for i, at := range []int{2, 3, 6, 7} {
			sum[i] += pads[at]
		}
		if slices.Max(sum) > 1<<16 {
			continue
		}
		with(n, "pads", sum)
		n.In[0] = p.In[0]
		r.gone[p] = true
	}
}
