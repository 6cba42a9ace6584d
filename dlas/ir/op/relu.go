package op

import "github.com/godlas/godlas/dlas/ir"

// relu is max(x, 0).
func relu() Row {
	return Row{
		Name: "Relu", Least: 1, Most: 1,
		Shape: sameShape,
		Eval: func(_ *ir.Node, in []Array, out Array) {
			for i, v := range in[0].Data {
				out.Data[i] = max(v, 0)
			}
		},
	}
}

func sameShape(_ *ir.Node, in []ir.Shape) (ir.Shape, error) { return in[0], nil }
