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
		Shape: func(n *ir.Node, in []ir.Shape) (ir.Shape, error) {
			lo, hi := ClipBounds(n)
			if !(lo <= hi) {
				return nil, fmt.Errorf("attribute min is %v, max %v", lo, hi)
			}
			return in[0], nil
		},
		Eval: func(n *ir.Node, in []Array, out Array) {
			lo, hi := ClipBounds(n)
			for i, v := range in[0].Data {
				out.Data[i] = min(max(v, lo), hi)
			}
		},
	}
}

// ClipBounds are a Clip's bounds, infinite where it gives none.
func ClipBounds(n *ir.Node) (lo, hi float64) {
	return n.Attrs.Float("min", math.Inf(-1)), n.Attrs.Float("max", math.Inf(1))
}
