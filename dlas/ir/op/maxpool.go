package op

import (
	"fmt"
	"math"

	"github.com/godlas/godlas/dlas/ir"
)

// maxPool is ONNX's MaxPool in two dimensions; padding never wins.
func maxPool() Row {
	return Row{
		Name: "MaxPool", Least: 1, Most: 1,
		Attrs: []string{"kernel_shape", "strides", "pads", "dilations", "ceil_mode"},
		Infer: oneType(floats, poolShape),
		Eval: func(n *ir.Node, in, out []Array) {
			v, _ := WindowOf(n, 0, 0)
			eachWindow(in[0], out[0], func(plane []float64, h, w, oy, ox int) float64 {
				best := math.Inf(-1)
				v.taps(oy, ox, h, w, func(_, _, iy, ix int) { best = max(best, plane[iy*w+ix]) })
				return best
			})
		},
	}
}

func poolShape(n *ir.Node, in []ir.Shape) (ir.Shape, error) {
	x := in[0]
	if err := fourAxes(x); err != nil {
		return nil, err
	}
	v, err := WindowOf(n, 0, 0)
	if err != nil {
		return nil, err
	}
	// Every window then reads at least one position of the map.
	if v.Top >= v.KH || v.Bottom >= v.KH || v.Left >= v.KW || v.Right >= v.KW {
		return nil, fmt.Errorf("pads reach over the whole %dx%d kernel", v.KH, v.KW)
	}
	oh, ow, err := v.Out(x[2], x[3])
	if err != nil {
		return nil, err
	}
	return ir.Shape{x[0], x[1], oh, ow}, nil
}

func eachWindow(x, out Array, f func(plane []float64, h, w, oy, ox int) float64) {
	h, w := x.Shape[2], x.Shape[3]
	oh, ow := out.Shape[2], out.Shape[3]
	for p := range x.Shape[0] * x.Shape[1] {
		plane := x.Data[p*h*w : (p+1)*h*w]
		for oy := range oh {
			for ox := range ow {
				out.Data[(p*oh+oy)*ow+ox] = f(plane, h, w, oy, ox)
			}
		}
	}
}
