package op

import (
	"fmt"
	"slices"

	"github.com/godlas/godlas/dlas/ir"
)

// losses are NegativeLogLikelihoodLoss on log-probabilities and SoftmaxCrossEntropyLoss on numbers before the softmax,
// whose second output is the log-probabilities. Inputs: x (N,C,...), the right classes (N,...), a weight each class.
func losses() []Row {
	lossOf := func(name string, entropy bool) Row {
		outs := 1
		if entropy {
			outs = 2
		}
		return Row{
			Name: name, Least: 2, Most: 3, Outs: outs, Attrs: []string{"ignore_index", "reduction"},
			Infer: func(n *ir.Node, in []Operand) ([]Operand, error) {
				x, t := in[0].Shape, in[1].Shape
				if len(x) < 2 || !t.Equal(slices.Concat(x[:1], x[2:])) || !in[0].Type.Float() || !in[1].Type.Integer() {
					return nil, fmt.Errorf("classes of %s %v for %s %v", in[1].Type, t, in[0].Type, x)
				}
				if len(in) > 2 && in[2].Type != "" && (!in[2].Shape.Equal(ir.Shape{x[1]}) || !in[2].Type.Float()) {
					return nil, fmt.Errorf("weights of %v for %d classes", in[2].Shape, x[1])
				}
				loss := ir.Shape{}
				switch r := n.Attrs.Str("reduction", "mean"); r {
				case "none":
					loss = t
				case "mean", "sum":
				default:
					return nil, fmt.Errorf("unknown reduction %q; there is: mean, sum, none", r)
				}
				return []Operand{{Type: in[0].Type, Shape: loss}, {Type: in[0].Type, Shape: x}}[:outs], nil
			},
			Eval: func(n *ir.Node, in, out []Array) {
				x, classes, plane := in[0].Data, in[0].Shape[1], in[0].Shape[2:].Elems()
				if entropy {
					logSoftmax().Eval(&ir.Node{Attrs: ir.Attrs{"axis": 1}}, in[:1], out[1:])
					x = out[1].Data
				}
				ignored, some := n.Attrs["ignore_index"].(int)
				sum, weights := 0.0, 0.0
				for i, class := range in[1].Data {
					c, w := wrapped(class, classes), 1.0
					if given(in, 2) {
						w = in[2].Data[c]
					}
					if some && class == float64(ignored) {
						w = 0
					}
					loss := 0.0
					if w != 0 {
						loss = -w * x[(i/plane*classes+c)*plane+i%plane]
					}
					sum, weights = sum+loss, weights+w
					if len(out[0].Data) == len(in[1].Data) {
						out[0].Data[i] = loss
					}
				}
				switch n.Attrs.Str("reduction", "mean") {
				case "mean":
					out[0].Data[0] = sum / weights
				case "sum":
					out[0].Data[0] = sum
				}
			},
		}
	}
	return []Row{lossOf("NegativeLogLikelihoodLoss", false), lossOf("SoftmaxCrossEntropyLoss", true)}
}
