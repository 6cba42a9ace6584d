package op

import (
	"fmt"

	"github.com/godlas/godlas/dlas/ir"
)

// conv is ONNX's Conv in two dimensions, with what the graph rewrite of L5 fuses into it: a fourth input, which is added,
// and act, which is applied last. Inputs: x (N,C,H,W), W (M,C/group,KH,KW), B (M), residual (N,M,OH,OW).
func conv() Row {
	return Row{
		Name: "Conv", Least: 2, Most: 4,
		Attrs: []string{"kernel_shape", "strides", "pads", "dilations", "group", "act", "min", "max"},
		Infer: oneType(floats, convShape),
		MACs: func(_ *ir.Node, in []ir.Shape, out ir.Shape) int64 {
			return int64(out.Elems()) * int64(in[1].Elems()/in[1][0])
		},
		Eval: convEval,
	}
}

func convShape(n *ir.Node, in []ir.Shape) (ir.Shape, error) {
	x, w := in[0], in[1]
	if err := fourAxes(x); err != nil {
		return nil, err
	}
	if len(w) != 4 {
		return nil, fmt.Errorf("its weights' shape is %v, not M x C x KH x KW", w)
	}
	group := n.Attrs.Int("group", 1)
	if group < 1 || x[1]%group != 0 || w[0]%group != 0 || w[1] != x[1]/group {
		return nil, fmt.Errorf("weights %v with group %d do not fit an input of %v", w, group, x)
	}
	if err := checkAct(n); err != nil {
		return nil, err
	}
	v, err := WindowOf(n, w[2], w[3])
	if err != nil {
		return nil, err
	}
	oh, ow, err := v.Out(x[2], x[3])
	if err != nil {
		return nil, err
	}
	out := ir.Shape{x[0], w[0], oh, ow}
	if len(in) > 2 && in[2] != nil && !in[2].Equal(ir.Shape{w[0]}) {
		return nil, fmt.Errorf("its bias' shape is %v, not %d", in[2], w[0])
	}
	if len(in) > 3 && in[3] != nil && !in[3].Equal(out) {
		return nil, fmt.Errorf("its residual's shape is %v, its output's %v", in[3], out)
	}
	return out, nil
}

func convEval(n *ir.Node, in, out []Array) {
	x, w := in[0], in[1]
	v, _ := WindowOf(n, w.Shape[2], w.Shape[3])
	h, wd := x.Shape[2], x.Shape[3]
	m, oh, ow := out[0].Shape[1], out[0].Shape[2], out[0].Shape[3]
	cg := w.Shape[1]
	rowsPerGroup := m / n.Attrs.Int("group", 1)
	at := 0
	for b := range out[0].Shape[0] {
		for oc := range m {
			plane := x.Data[(b*x.Shape[1]+oc/rowsPerGroup*cg)*h*wd:]
			weights := w.Data[oc*cg*v.KH*v.KW:]
			for oy := range oh {
				for ox := range ow {
					sum := optional(in, 2, oc)
					v.taps(oy, ox, h, wd, func(kh, kw, iy, ix int) {
						for c := range cg {
							sum += plane[(c*h+iy)*wd+ix] * weights[(c*v.KH+kh)*v.KW+kw]
						}
					})
					out[0].Data[at] = activate(n, sum+optional(in, 3, at))
					at++
				}
			}
		}
	}
}

// optional is element i of an input that may be left out, which stands for zeros.
func optional(in []Array, input, i int) float64 {
	if !given(in, input) {
		return 0
	}
	return in[input].Data[i]
}
