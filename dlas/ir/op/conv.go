package op

import (
	"fmt"
	"slices"

	"github.com/godlas/godlas/dlas/ir"
)

// conv is ONNX's Conv, with what the graph rewrite of L5 fuses into it: a fourth input, which is added, and act, which is
// applied last. Inputs: x (N,C,H,W), W (M,C/group,KH,KW), B (M), residual (N,M,OH,OW); a map may have any number of axes.
func conv() Row {
	return Row{
		Name: "Conv", Least: 2, Most: 4,
		Attrs: []string{"kernel_shape", "strides", "pads", "dilations", "group", "auto_pad", "act", "min", "max"},
		Infer: storedWeights(oneType(floats, convShape)),
		MACs: func(_ *ir.Node, in []ir.Shape, out ir.Shape) int64 {
			return int64(out.Elems()) * int64(in[1].Elems()/in[1][0])
		},
		Eval: func(n *ir.Node, in, out []Array) {
			convolve(n, in[0], in[1], out[0], func(c, i int, sum float64) float64 {
				return activate(n, sum+optional(in, 2, c)+optional(in, 3, i))
			})
		},
	}
}

func convShape(n *ir.Node, in []ir.Shape) (ir.Shape, error) {
	x, w := in[0], in[1]
	if len(x) < 3 {
		return nil, fmt.Errorf("its input's shape is %v, not N x C x H x W", x)
	}
	if len(w) != len(x) {
		return nil, fmt.Errorf("its weights' shape is %v, not M x C x KH x KW", w)
	}
	group := n.Attrs.Int("group", 1)
	if group < 1 || x[1]%group != 0 || w[0] < 1 || w[0]%group != 0 || w[1] != x[1]/group {
		return nil, fmt.Errorf("weights %v with group %d do not fit an input of %v", w, group, x)
	}
	if err := checkAct(n); err != nil {
		return nil, err
	}
	v, err := slidingOf(n, w[2:], x[2:])
	if err != nil {
		return nil, err
	}
	over, err := v.out(x[2:])
	if err != nil {
		return nil, err
	}
	out := slices.Concat(ir.Shape{x[0], w[0]}, over)
	if len(in) > 2 && in[2] != nil && !in[2].Equal(ir.Shape{w[0]}) {
		return nil, fmt.Errorf("its bias' shape is %v, not %d", in[2], w[0])
	}
	if len(in) > 3 && in[3] != nil && !in[3].Equal(out) {
		return nil, fmt.Errorf("its residual's shape is %v, its output's %v", in[3], out)
	}
	return out, nil
}

// convolve puts the sums of a convolution, each finished with its channel and its place, into y.
func convolve(n *ir.Node, x, w, y Array, finish func(c, i int, sum float64) float64) {
	v, _ := slidingOf(n, w.Shape[2:], x.Shape[2:])
	images, channels, m, each := x.Shape[0], x.Shape[1], w.Shape[0], w.Shape[1]
	plane, kernel, made := x.Shape[2:].Elems(), w.Shape[2:].Elems(), y.Shape[2:].Elems()
	perGroup := m / n.Attrs.Int("group", 1)
	v.eachWindow(x.Shape[2:], y.Shape[2:], func(o int, _ []int, taps []tap) {
		for b := range images {
			for oc := range m {
				data := x.Data[(b*channels+oc/perGroup*each)*plane:]
				weights := w.Data[oc*each*kernel:]
				sum := 0.0
				for c := range each {
					for _, t := range taps {
						sum += data[c*plane+t.x] * weights[c*kernel+t.k]
					}
				}
				i := (b*m+oc)*made + o
				y.Data[i] = finish(oc, i, sum)
			}
		}
	})
}

// optional is element i of an input that may be left out, which stands for zeros.
func optional(in []Array, input, i int) float64 {
	if !given(in, input) {
		return 0
	}
	return in[input].Data[i]
}
