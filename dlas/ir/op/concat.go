package op

import (
	"fmt"

	"github.com/godlas/godlas/dlas/ir"
)

// concat joins values along axis, which is not the batch's.
func concat() Row {
	return Row{
		Name: "Concat", Least: 1, Most: 1 << 10,
		Attrs: []string{"axis"},
		Infer: oneType(floats, func(n *ir.Node, in []ir.Shape) (ir.Shape, error) {
			axis, err := axisOf(n, 1, len(in[0]))
			if err != nil {
				return nil, err
			}
			if axis == 0 {
				return nil, fmt.Errorf("axis 0 is the batch's")
			}
			out := append(ir.Shape(nil), in[0]...)
			for _, s := range in[1:] {
				for i := range out {
					if s == nil || len(s) != len(out) || i != axis && s[i] != out[i] {
						return nil, fmt.Errorf("its inputs' shapes %v and %v do not fit along axis %d", in[0], s, axis)
					}
				}
				out[axis] += s[axis]
			}
			return out, nil
		}),
		Eval: func(n *ir.Node, in, out []Array) {
			axis, _ := axisOf(n, 1, len(out[0].Shape))
			at := 0
			for outer := range out[0].Shape[:axis].Elems() {
				for _, x := range in {
					run := x.Shape[axis:].Elems()
					at += copy(out[0].Data[at:], x.Data[outer*run:(outer+1)*run])
				}
			}
		},
	}
}
