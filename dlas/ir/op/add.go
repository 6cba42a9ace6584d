package op

import (
	"fmt"

	"github.com/godlas/godlas/dlas/ir"
)

// add is x + y for two values of one shape, followed by act where the graph rewrite fused one.
func add() Row {
	return Row{
		Name: "Add", Least: 2, Most: 2,
		Attrs: []string{"act", "min", "max"},
		Infer: oneType(floats, func(n *ir.Node, in []ir.Shape) (ir.Shape, error) {
			if !in[0].Equal(in[1]) {
				return nil, fmt.Errorf("its inputs' shapes are %v and %v", in[0], in[1])
			}
			return in[0], checkAct(n)
		}),
		Eval: func(n *ir.Node, in, out []Array) {
			for i, v := range in[0].Data {
				out[0].Data[i] = activate(n, v+in[1].Data[i])
			}
		},
	}
}
