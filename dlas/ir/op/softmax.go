package op

import (
	"math"

	"github.com/godlas/godlas/dlas/ir"
)

// softmax is exp(x) / sum exp(x) along axis (the last by default).
func softmax() Row {
	return Row{
		Name: "Softmax", Least: 1, Most: 1,
		Attrs: []string{"axis"},
		Infer: oneType(floats, func(n *ir.Node, in []ir.Shape) (ir.Shape, error) {
			_, err := axisOf(n, -1, len(in[0]))
			return in[0], err
		}),
		Eval: func(n *ir.Node, in, out []Array) {
			axis, _ := axisOf(n, -1, len(in[0].Shape))
			extent, step := in[0].Shape[axis], in[0].Shape[axis+1:].Elems()
			for i := range in[0].Data {
				if i/step%extent != 0 {
					continue
				}
				top, sum := math.Inf(-1), 0.0
				for j := range extent {
					top = max(top, in[0].Data[i+j*step])
				}
				for j := range extent {
					e := math.Exp(in[0].Data[i+j*step] - top)
					out[0].Data[i+j*step] = e
					sum += e
				}
				for j := range extent {
					out[0].Data[i+j*step] /= sum
				}
			}
		},
	}
}
