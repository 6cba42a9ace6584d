package op

import (
	"fmt"

	"github.com/godlas/godlas/dlas/ir"
)

// gemm is alpha*A*B + beta*C, with A or B transposed where transA or transB says so and C broadcast to the output, then
// act where the graph rewrite fused one. A linear layer y = x W^T + b is Gemm with transB=1: x (N,K), W (M,K), b (M).
func gemm() Row {
	return Row{
		Name: "Gemm", Least: 2, Most: 3,
		Attrs: []string{"alpha", "beta", "transA", "transB", "act", "min", "max"},
		Infer: storedWeights(oneType(numbers, func(n *ir.Node, in []ir.Shape) (ir.Shape, error) {
			x, w := in[0], in[1]
			if len(x) != 2 || len(w) != 2 {
				return nil, fmt.Errorf("weights %v do not fit an input of %v", w, x)
			}
			m, k := x[0], x[1]
			if n.Attrs.Int("transA", 0) != 0 {
				m, k = k, m
			}
			k2, c := w[0], w[1]
			if n.Attrs.Int("transB", 0) != 0 {
				k2, c = c, k2
			}
			if k != k2 {
				return nil, fmt.Errorf("weights %v do not fit an input of %v", w, x)
			}
			out := ir.Shape{m, c}
			if len(in) > 2 && in[2] != nil {
				if s, err := broadcast(out, in[2]); err != nil || !s.Equal(out) {
					return nil, fmt.Errorf("its bias' shape is %v, not %d", in[2], c)
				}
			}
			return out, checkAct(n)
		})),
		MACs: func(n *ir.Node, in []ir.Shape, out ir.Shape) int64 {
			if n.Attrs.Int("transA", 0) != 0 {
				return int64(out.Elems()) * int64(in[0][0])
			}
			return int64(out.Elems()) * int64(in[0][1])
		},
		Eval: func(n *ir.Node, in, out []Array) {
			x, w, c := in[0], in[1], out[0].Shape[1]
			xi, xk := x.Shape[1], 1
			k := x.Shape[1]
			if n.Attrs.Int("transA", 0) != 0 {
				xi, xk, k = 1, x.Shape[1], x.Shape[0]
			}
			wj, wk := 1, w.Shape[1]
			if n.Attrs.Int("transB", 0) != 0 {
				wj, wk = w.Shape[1], 1
			}
			for i := range out[0].Data {
				sum := 0.0
				for l := range k {
					sum += x.Data[i/c*xi+l*xk] * w.Data[i%c*wj+l*wk]
				}
				out[0].Data[i] = sum * n.Attrs.Float("alpha", 1)
			}
			if given(in, 2) {
				beta := n.Attrs.Float("beta", 1)
				eachPair(out[0], in[2], out[0], func(x, y float64) float64 { return x + beta*y })
			}
			for i, v := range out[0].Data {
				out[0].Data[i] = activate(n, v)
			}
		},
	}
}
