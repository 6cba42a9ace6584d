package op

import (
	"fmt"
	"math"

	"github.com/godlas/godlas/dlas/ir"
)

// batchNormalization is ONNX's, as used for inference: y = (x - mean) / sqrt(var + epsilon) * scale + bias for each
// channel. Inputs: x (N,C,...), scale, bias, mean, var (C each).
func batchNormalization() Row {
	return Row{
		Name: "BatchNormalization", Least: 5, Most: 5,
		Attrs: []string{"epsilon"},
		Infer: oneType(floats, func(n *ir.Node, in []ir.Shape) (ir.Shape, error) {
			if len(in[0]) < 2 {
				return nil, fmt.Errorf("its input's shape is %v, which has no channels", in[0])
			}
			for _, s := range in[1:] {
				if !s.Equal(ir.Shape{in[0][1]}) {
					return nil, fmt.Errorf("a parameter's shape is %v, not %d", s, in[0][1])
				}
			}
			if e := n.Attrs.Float("epsilon", DefaultEpsilon); !(e >= 0) || math.IsInf(e, 0) {
				return nil, fmt.Errorf("attribute epsilon is %v", e)
			}
			return in[0], nil
		}),
		Eval: func(n *ir.Node, in, out []Array) {
			x := in[0]
			channels := x.Shape[1]
			plane := x.Shape[2:].Elems()
			for i, v := range x.Data {
				c := i / plane % channels
				scale, shift := NormAffine(n, in[1].Data[c], in[2].Data[c], in[3].Data[c], in[4].Data[c])
				out[0].Data[i] = v*scale + shift
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
