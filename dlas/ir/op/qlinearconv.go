package op

import (
	"fmt"
	"math"

	"github.com/godlas/godlas/dlas/ir"
)

// Inputs of QLinearConv. Those from QConvRes on are what the rewriting of quantised graphs fuses into it.
const (
	QConvX = iota
	QConvXScale
	QConvXZero
	QConvW
	QConvWScale
	QConvWZero
	QConvYScale
	QConvYZero
	QConvBias // i32
	QConvRes  // a value that is added: with its scale and zero point, and those of the sum
	QConvResScale
	QConvResZero
	QConvSumScale
	QConvSumZero
	QConvTable // u8 of 256 elements: the result is looked up in it last
	QConvInputs
)

// qLinearConv is ONNX's QLinearConv in two dimensions:
//
//	y = saturate(round(sum((x-x_zero)*(w-w_zero)) + B) * (x_scale*w_scale/y_scale)) + y_zero)
//
// What the rewriting of L5 may fuse into it: floats in place of x, which are quantised first; a residual,
//
//	y = QLinearAdd(y, y_scale, y_zero, res, res_scale, res_zero, sum_scale, sum_zero)
//
// with the attribute res_first the other way round, which may differ in the last bit before rounding;
// the attributes least and most, between which y is clamped; and a table in which y is looked up last. With the attribute
// fixed sums are scaled in fixed point; with xnnpack the residual is added in whole numbers.
func qLinearConv() Row {
	return Row{
		Name: "QLinearConv", Least: 8, Most: QConvInputs,
		Attrs: []string{"kernel_shape", "strides", "pads", "dilations", "group", "auto_pad", "least", "most", "res_first", "fixed", "xnnpack", "sum_floats"},
		Infer: func(n *ir.Node, in []Operand) ([]Operand, error) {
			x, w := in[QConvX], in[QConvW]
			if !byteType(x.Type) && x.Type != ir.F32 || !byteType(w.Type) || !byteType(in[QConvYZero].Type) {
				return nil, fmt.Errorf("it convolves %s with %s into %s", x.Type, w.Type, in[QConvYZero].Type)
			}
			if x.Type != ir.F32 && in[QConvXZero].Type != x.Type || in[QConvWZero].Type != w.Type {
				return nil, fmt.Errorf("its zero points have the types %s and %s", in[QConvXZero].Type, in[QConvWZero].Type)
			}
			s, err := convShape(n, []ir.Shape{x.Shape, w.Shape})
			if err != nil {
				return nil, err
			}
			for _, i := range []int{QConvXScale, QConvXZero, QConvYScale, QConvYZero} {
				if in[i].Shape.Elems() != 1 {
					return nil, fmt.Errorf("its input %d has the shape %v, not one element", i, in[i].Shape)
				}
			}
			for _, i := range []int{QConvXScale, QConvWScale, QConvYScale} {
				if in[i].Type != ir.F32 {
					return nil, fmt.Errorf("its scale %d has the type %s", i, in[i].Type)
				}
			}
			for _, i := range []int{QConvWScale, QConvWZero} {
				if e := in[i].Shape.Elems(); e != 1 && !in[i].Shape.Equal(ir.Shape{s[1]}) {
					return nil, fmt.Errorf("its input %d has the shape %v for %d channels", i, in[i].Shape, s[1])
				}
			}
			if has(in, QConvBias) && (in[QConvBias].Type != ir.I32 || !in[QConvBias].Shape.Equal(ir.Shape{s[1]})) {
				return nil, fmt.Errorf("its bias is %s %v for %d channels", in[QConvBias].Type, in[QConvBias].Shape, s[1])
			}
			t := in[QConvYZero].Type
			if has(in, QConvRes) {
				if len(in) <= QConvSumZero || !in[QConvRes].Shape.Equal(s) || in[QConvRes].Type != ir.U8 {
					return nil, fmt.Errorf("its residual is %s %v", in[QConvRes].Type, in[QConvRes].Shape)
				}
				for i := QConvResScale; i <= QConvSumZero; i++ {
					want := ir.F32
					if i == QConvResZero || i == QConvSumZero {
						want = ir.U8
					}
					if in[i].Type != want || in[i].Shape.Elems() != 1 {
						return nil, fmt.Errorf("its input %d is %s %v", i, in[i].Type, in[i].Shape)
					}
				}
			}
			if has(in, QConvTable) && (in[QConvTable].Type != ir.U8 || !in[QConvTable].Shape.Equal(ir.Shape{256}) || t != ir.U8) {
				return nil, fmt.Errorf("its table is %s %v", in[QConvTable].Type, in[QConvTable].Shape)
			}
			return []Operand{{Type: t, Shape: s}}, nil
		},
		MACs: func(_ *ir.Node, in []ir.Shape, out ir.Shape) int64 {
			return int64(out.Elems()) * int64(in[QConvW].Elems()/in[QConvW][0])
		},
		Eval: qLinearConvEval,
	}
}

// has reports whether operand i is there.
func has(in []Operand, i int) bool { return i < len(in) && in[i].Type != "" }

func qLinearConvEval(n *ir.Node, in, out []Array) {
	x := in[QConvX]
	if x.Type == ir.F32 {
		q := Array{Type: in[QConvXZero].Type, Shape: x.Shape, Data: make([]float64, len(x.Data))}
		for i, v := range x.Data {
			q.Data[i] = saturate(f32(v/in[QConvXScale].Data[0]), in[QConvXZero].Data[0], q.Type)
		}
		x = q
	}
	sums := Array{Shape: out[0].Shape, Data: make([]float64, len(out[0].Data))}
	integerConv(n, x, in[QConvW], scalarAt(in, QConvXZero), in[QConvWZero].Data, sums)
	y := out[0]
	plane := y.Shape[2:].Elems()
	least, most := float64(n.Attrs.Int("least", math.MinInt32)), float64(n.Attrs.Int("most", math.MaxInt32))
	yScale, yZero := in[QConvYScale].Data[0], in[QConvYZero].Data[0]
	for i, s := range sums.Data {
		c := i / plane % y.Shape[1]
		if given(in, QConvBias) {
			s += in[QConvBias].Data[c]
		}
		ws := in[QConvWScale].Data
		scale := f32(f32(in[QConvXScale].Data[0]*ws[min(c, len(ws)-1)]) / yScale)
		q := saturate(f32(f32(s)*scale), yZero, y.Type)
		if isFixed(n) {
			f := FixedProduct(n, float32(in[QConvXScale].Data[0]), float32(ws[min(c, len(ws)-1)]), float32(yScale))
			q = saturate(float64(f.Scale(int64(s))), yZero, y.Type)
		}
		if given(in, QConvRes) {
			a, b := quantity{q, yScale, yZero}, quantity{in[QConvRes].Data[i], in[QConvResScale].Data[0], in[QConvResZero].Data[0]}
			if n.Attrs.Int("res_first", 0) != 0 {
				a, b = b, a
			}
			q = saturate(sumOf(n, a, b, in[QConvSumScale].Data[0], in[QConvSumZero].Data[0]), 0, y.Type)
		}
		q = min(max(q, least), most)
		if given(in, QConvTable) {
			q = in[QConvTable].Data[int(q)]
		}
		y.Data[i] = q
	}
}

// integerConv sums (x-xZero) * (w-wZero) over each window; wZero has one element, or one a channel.
func integerConv(n *ir.Node, x, w Array, xZero float64, wZero []float64, out Array) {
	v, _ := slidingOf(n, w.Shape[2:], x.Shape[2:])
	plane, kernel, made := x.Shape[2:].Elems(), w.Shape[2:].Elems(), out.Shape[2:].Elems()
	m, each := w.Shape[0], w.Shape[1]
	perGroup := m / n.Attrs.Int("group", 1)
	v.eachWindow(x.Shape[2:], out.Shape[2:], func(o int, _ []int, taps []tap) {
		for i := range x.Shape[0] * m {
			b, oc := i/m, i%m
			data, weights := x.Data[(b*x.Shape[1]+oc/perGroup*each)*plane:], w.Data[oc*each*kernel:]
			zero := 0.0
			if len(wZero) > 0 {
				zero = wZero[min(oc, len(wZero)-1)]
			}
			sum := 0.0
			for c := range each {
				for _, t := range taps {
					sum += (data[c*plane+t.x] - xZero) * (weights[c*kernel+t.k] - zero)
				}
			}
			out.Data[i*made+o] = sum
		}
	})
}

// convInteger is ONNX's: the sums of a quantised convolution as i32. Inputs: x, w, x_zero_point, w_zero_point.
func convInteger() Row {
	return Row{
		Name: "ConvInteger", Least: 2, Most: 4,
		Attrs: []string{"kernel_shape", "strides", "pads", "dilations", "group", "auto_pad"},
		Infer: func(n *ir.Node, in []Operand) ([]Operand, error) {
			if !byteType(in[0].Type) || !byteType(in[1].Type) || has(in, 2) && (in[2].Type != in[0].Type || in[2].Shape.Elems() != 1) || has(in, 3) && in[3].Type != in[1].Type {
				return nil, fmt.Errorf("it convolves %s with %s", in[0].Type, in[1].Type)
			}
			s, err := convShape(n, []ir.Shape{in[0].Shape, in[1].Shape})
			if err == nil && has(in, 3) && in[3].Shape.Elems() != 1 && in[3].Shape.Elems() != s[1] {
				err = fmt.Errorf("its weights' zero points are %v for %d channels", in[3].Shape, s[1])
			}
			return []Operand{{Type: ir.I32, Shape: s}}, err
		},
		MACs: func(_ *ir.Node, in []ir.Shape, out ir.Shape) int64 {
			return int64(out.Elems()) * int64(in[1].Elems()/in[1][0])
		},
		Eval: func(n *ir.Node, in, out []Array) {
			var zeros []float64
			if given(in, 3) {
				zeros = in[3].Data
			}
			integerConv(n, in[0], in[1], scalarAt(in, 2), zeros, out[0])
		},
	}
}
