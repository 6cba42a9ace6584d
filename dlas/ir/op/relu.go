package op

import "github.com/godlas/godlas/dlas/ir"

// relu is max(x, 0).
func relu() Row {
	return Row{
		Name: "Relu", Least: 1, Most: 1,
		Infer: oneType(floats, sameShape),
		Eval: func(_ *ir.Node, in, out []Array) {
			for i, v := range in[0].Data {
				out[0].Data[i] = max(v, 0)
			}
		},
	}
}

func sameShape(_ *ir.Node, in []ir.Shape) (ir.Shape, error) { return in[0], nil }
