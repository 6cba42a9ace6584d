package op

import (
	"fmt"

	"github.com/godlas/godlas/dlas/ir"
)

// gemm is a linear layer: y = x W^T + B, then act where the graph rewrite fused one. It is ONNX's Gemm with transB=1
// and alpha = beta = 1, as every exporter of a linear layer writes it. Inputs: x (N,K), W (M,K), B (M).
func gemm() Row {
	return Row{
		Name: "Gemm", Least: 2, Most: 3,
		Attrs: []string{"transB", "act", "min", "max"},
		Infer: oneType(floats, func(n *ir.Node, in []ir.Shape) (ir.Shape, error) {
			x, w := in[0], in[1]
			if n.Attrs.Int("transB", 0) != 1 {
				return nil, fmt.Errorf("transB is not 1")
			}
			if len(x) != 2 || len(w) != 2 || x[1] != w[1] {
				return nil, fmt.Errorf("weights %v do not fit an input of %v", w, x)
			}
			if len(in) > 2 && in[2] != nil && !in[2].Equal(ir.Shape{w[0]}) {
				return nil, fmt.Errorf("its bias' shape is %v, not %d", in[2], w[0])
			}
			return ir.Shape{x[0], w[0]}, checkAct(n)
		}),
		MACs: func(_ *ir.Node, in []ir.Shape, out ir.Shape) int64 {
			return int64(out.Elems()) * int64(in[0][1])
		},
		Eval: func(n *ir.Node, in, out []Array) {
			x, w := in[0], in[1]
			k, m := x.Shape[1], out[0].Shape[1]
			for i := range out[0].Data {
				sum := optional(in, 2, i%m)
				row, col := x.Data[i/m*k:], w.Data[i%m*k:]
				for j := range k {
					sum += row[j] * col[j]
				}
				out[0].Data[i] = activate(n, sum)
			}
		},
	}
}
