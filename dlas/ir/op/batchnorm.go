package op

import (
	"fmt"
	"math"

	"github.com/godlas/godlas/dlas/ir"
)

// batchNormalization is ONNX's, as used for inference: y = (x - mean) / sqrt(var + epsilon) * scale + bias for each
// channel, then act where the graph rewrite fused one. Inputs: x (N,C,...), scale, bias, mean, var (C each).
func batchNormalization() Row {
	return Row{
		Name: "BatchNormalization", Least: 5, Most: 5,
		Attrs: []string{"epsilon", "momentum", "training_mode", "act", "min", "max"},
		Infer: oneType(floats, func(n *ir.Node, in []ir.Shape) (ir.Shape, error) {
			if n.Attrs.Int("training_mode", 0) != 0 {
				return nil, fmt.Errorf("training mode is not supported")
			}
			if err := checkAct(n); err != nil {
				return nil, err
			}
			if len(in[0]) == 1 {
				in[0] = ir.Shape{in[0][0], 1}
				return in[0][:1], checkNorm(n, in, 2)
			}
			return in[0], checkNorm(n, in, 2)
		}),
		Eval: func(n *ir.Node, in, out []Array) {
			x := in[0]
			channels, plane := 1, 1
			if len(x.Shape) > 1 {
				channels, plane = x.Shape[1], x.Shape[2:].Elems()
			}
			for i, v := range x.Data {
				c := i / plane % channels
				scale, shift := NormAffine(n, in[1].Data[c], in[2].Data[c], in[3].Data[c], in[4].Data[c])
				out[0].Data[i] = activate(n, v*scale+shift)
			}
		},
	}
}

// DefaultEpsilon is BatchNormalization's epsilon where the node does not give it.
const DefaultEpsilon = 1e-5

// NormAffine is a batch normalization's channel as y = x*mul + add.
func NormAffine(n *ir.Node, scale, bias, mean, variance float64) (mul, add float64) {
	mul = scale / math.Sqrt(variance+n.Attrs.Float("epsilon", DefaultEpsilon))
	return mul, bias - mean*mul
}
