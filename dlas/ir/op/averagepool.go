package op

import "github.com/godlas/godlas/dlas/ir"

// averagePool is ONNX's AveragePool in two dimensions; count_include_pad counts padding as zeros.
func averagePool() Row {
	return Row{
		Name: "AveragePool", Least: 1, Most: 1,
		Attrs: []string{"kernel_shape", "strides", "pads", "ceil_mode", "count_include_pad"},
		Infer: oneType(floats, poolShape),
		Eval: func(n *ir.Node, in, out []Array) {
			v, _ := WindowOf(n, 0, 0)
			eachWindow(in[0], out[0], func(plane []float64, h, w, oy, ox int) float64 {
				sum := 0.0
				v.taps(oy, ox, h, w, func(_, _, iy, ix int) { sum += plane[iy*w+ix] })
				return sum / float64(PoolCount(n, v, oy, ox, h, w))
			})
		},
	}
}

// PoolCount is the number that an average pooling divides by at an output position of a map of h x w.
func PoolCount(n *ir.Node, v Window, oy, ox, h, w int) int {
	before, after := [2]int{}, [2]int{}
	if n.Attrs.Int("count_include_pad", 0) != 0 {
		before, after = [2]int{v.Top, v.Left}, [2]int{v.Bottom, v.Right}
	}
	inside := func(from, k, d, lo, hi int) int {
		c := 0
		for i := range k {
			if at := from + i*d; at >= lo && at < hi {
				c++
			}
		}
		return c
	}
	return inside(oy*v.SH-v.Top, v.KH, v.DH, -before[0], h+after[0]) * inside(ox*v.SW-v.Left, v.KW, v.DW, -before[1], w+after[1])
}
