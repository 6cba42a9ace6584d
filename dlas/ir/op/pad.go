package op

import (
	"fmt"

	"github.com/godlas/godlas/dlas/ir"
)

// pad is ONNX's Pad in mode constant, with pads (all starts, then all ends) and value as attributes. It is how the
// shortcut of a CIFAR ResNet (option A) gets its new channels: a 1x1 AveragePool of stride 2, then zero channels.
func pad() Row {
	return Row{
		Name: "Pad", Least: 1, Most: 1,
		Attrs: []string{"pads", "value"},
		Infer: oneType(floats, func(n *ir.Node, in []ir.Shape) (ir.Shape, error) {
			if err := fourAxes(in[0]); err != nil {
				return nil, err
			}
			p, err := intsOf(n, "pads", 0, 0, 0, 0, 0, 0, 0, 0)
			if err != nil {
				return nil, err
			}
			out := append(ir.Shape(nil), in[0]...)
			for i := range out {
				if p[i] < 0 || p[i+4] < 0 || p[i] > maxExtent || p[i+4] > maxExtent {
					return nil, fmt.Errorf("pads %v are not from 0 to %d", p, maxExtent)
				}
				out[i] += p[i] + p[i+4]
			}
			if out[0] != in[0][0] {
				return nil, fmt.Errorf("pads %v change the batch", p)
			}
			return out, nil
		}),
		Eval: func(n *ir.Node, in, out []Array) {
			p, _ := intsOf(n, "pads", 0, 0, 0, 0, 0, 0, 0, 0)
			for i := range out[0].Data {
				out[0].Data[i] = n.Attrs.Float("value", 0)
			}
			x, s := in[0].Shape, out[0].Shape
			for i, v := range in[0].Data {
				w, h, c, b := i%x[3], i/x[3]%x[2], i/(x[3]*x[2])%x[1], i/(x[3]*x[2]*x[1])
				out[0].Data[((b*s[1]+c+p[1])*s[2]+h+p[2])*s[3]+w+p[3]] = v
			}
		},
	}
}
