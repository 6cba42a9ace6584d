package op

import "github.com/godlas/godlas/dlas/ir"

// identity hands its input on: what Dropout is at inference, and the do-nothing network's only node.
func identity() Row {
	return Row{
		Name: "Identity", Least: 1, Most: 1,
		Infer: oneType(floats, sameShape),
		Eval:  func(_ *ir.Node, in, out []Array) { copy(out[0].Data, in[0].Data) },
	}
}
