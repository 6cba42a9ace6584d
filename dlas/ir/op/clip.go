package op

import (
	"fmt"
	"math"

	"github.com/godlas/godlas/dlas/ir"
)

// clip is min(max(x, min), max); ReLU6 is Clip with 0 and 6.
func clip() Row {
	return Row{
		Name: "Clip", Least: 1, Most: 3, Params: map[int]string{1: "min", 2: "max"},
		Attrs: []string{"min", "max"},
		Infer: func(n *ir.Node, in []Operand) ([]Operand, error) {
			if err := checkTypes(numbers, in); err != nil {
				return nil, err
			}
			for _, o := range in[1:] {
				if o.Type != "" && o.Shape.Elems() != 1 {
					return nil, fmt.Errorf("a bound has the shape %v", o.Shape)
				}
			}
			if lo, hi := ClipBounds(n); math.IsNaN(lo) || math.IsNaN(hi) {
				return nil, fmt.Errorf("attribute min is %v, max %v", lo, hi)
			}
			return []Operand{{Type: in[0].Type, Shape: in[0].Shape}}, nil
		},
		Eval: func(n *ir.Node, in, out []Array) {
			lo, hi := ClipBounds(n)
			if given(in, 1) {
				lo = in[1].Data[0]
			}
			if given(in, 2) {
				hi = in[2].Data[0]
			}
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

// ClipBounds are the bounds that a node has as attributes, infinite where it gives none.
func ClipBounds(n *ir.Node) (lo, hi float64) {
	return n.Attrs.Float("min", math.Inf(-1)), n.Attrs.Float("max", math.Inf(1))
}
