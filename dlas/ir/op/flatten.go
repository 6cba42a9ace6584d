package op

import (
	"fmt"

	"github.com/godlas/godlas/dlas/ir"
)

// flatten is ONNX's Flatten at axis 1: N images of whatever shape become N rows.
func flatten() Row {
	return Row{
		Name: "Flatten", Least: 1, Most: 1,
		Attrs: []string{"axis"},
		Infer: oneType(floats, func(n *ir.Node, in []ir.Shape) (ir.Shape, error) {
			if a := n.Attrs.Int("axis", 1); a != 1 || len(in[0]) < 2 {
				return nil, fmt.Errorf("axis %d of %v; there is: axis 1", a, in[0])
			}
			return ir.Shape{in[0][0], in[0][1:].Elems()}, nil
		}),
		Eval: func(_ *ir.Node, in, out []Array) { copy(out[0].Data, in[0].Data) },
	}
}
