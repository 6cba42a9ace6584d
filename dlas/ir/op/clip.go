package op

import (
	"fmt"
	"math"

	"github.com/godlas/godlas/dlas/ir"
)

// clip is min(max(x, min), max), with both bounds as attributes; ReLU6 is Clip with 0 and 6.
func clip() Row {
	return Row{
		Name: "Clip", Least: 1, Most: 1,
		Attrs: []string{"min", "max"},
		Infer: oneType(floats, func(n *ir.Node, in []ir.Shape) (ir.Shape, error) {
			return in[0], checkBounds(n)
		}),
		Eval: func(n *ir.Node, in, out []Array) {
			lo, hi := ClipBounds(n)
			for i, v := range in[0].Data {
				out[0].Data[i] = min(max(v, lo), hi)
			}
		},
	}
}

func checkBounds(n *ir.Node) error {
	if lo, hi := ClipBounds(n); !(lo <= hi) {
		return fmt.Errorf("attribute min is %v, max %v", lo, hi)
	}
	return nil
}

// ClipBounds are a Clip's bounds, infinite where it gives none.
func ClipBounds(n *ir.Node) (lo, hi float64) {
	return n.Attrs.Float("min", math.Inf(-1)), n.Attrs.Float("max", math.Inf(1))
}
