package op

import "github.com/godlas/godlas/dlas/ir"

// identity hands its input on: what Dropout is at inference, and the do-nothing network's only node.
func identity() Row {
	return Row{
		Name: "Identity", Least: 1, Most: 1,
		Shape: sameShape,
		Eval:  func(_ *ir.Node, in []Array, out Array) { copy(out.Data, in[0].Data) },
	}
}
