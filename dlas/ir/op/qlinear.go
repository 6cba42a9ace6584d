package op

import (
	"fmt"
	"math"

	"github.com/godlas/godlas/dlas/ir"
)

// The element-wise and pooling operators on quantised values are ONNX Runtime's (domain com.microsoft). Their description
// leaves the order of the float operations open; here they are these loops, rounded to float32 after each operation, in
// the order of that library's kernels for x86 so that the bits are its as well.

// qShape is the shape of two values together: axes are matched from the last, and an extent of 1 stretches.
func qShape(a, b ir.Shape) (ir.Shape, error) {
	if len(a) < len(b) {
		a, b = b, a
	}
	out := append(ir.Shape(nil), a...)
	for i := range b {
		j := len(a) - len(b) + i
		if a[j] != b[i] && a[j] != 1 && b[i] != 1 {
			return nil, fmt.Errorf("its inputs' shapes are %v and %v", a, b)
		}
		out[j] = max(a[j], b[i])
	}
	return out, nil
}

// qPlace is the element of an array of shape s that element i of the larger shape out reads.
func qPlace(i int, out, s ir.Shape) int {
	at, step := 0, 1
	for j := len(out) - 1; j >= 0; j-- {
		index := i % out[j]
		i /= out[j]
		if k := j - (len(out) - len(s)); k >= 0 {
			if s[k] != 1 {
				at += index * step
			}
			step *= s[k]
		}
	}
	return at
}

// qBinary is an operator with the inputs A, A_scale, A_zero_point, B, B_scale, B_zero_point, C_scale, C_zero_point. f gets
// both operands and the result's scale and zero point, and returns the result before it is rounded. The attributes least
// and most clamp it.
func qBinary(name string, f func(n *ir.Node, a, b quantity, scale, zero float64) float64, attrs ...string) Row {
	return Row{
		Name: name, Least: 7, Most: 8, Attrs: append([]string{"least", "most"}, attrs...),
		Infer: func(_ *ir.Node, in []Operand) ([]Operand, error) {
			if !byteType(in[0].Type) || in[3].Type != in[0].Type {
				return nil, fmt.Errorf("its inputs have the types %s and %s", in[0].Type, in[3].Type)
			}
			for _, i := range []int{1, 2, 4, 5, 6, 7} {
				if has(in, i) && in[i].Shape.Elems() != 1 {
					return nil, fmt.Errorf("its input %d has the shape %v", i, in[i].Shape)
				}
			}
			s, err := qShape(in[0].Shape, in[3].Shape)
			return []Operand{{Type: in[0].Type, Shape: s}}, err
		},
		Eval: func(n *ir.Node, in, out []Array) {
			least, most := float64(n.Attrs.Int("least", math.MinInt32)), float64(n.Attrs.Int("most", math.MaxInt32))
			for i := range out[0].Data {
				a := quantity{in[0].Data[qPlace(i, out[0].Shape, in[0].Shape)], scalarAt(in, 1), scalarAt(in, 2)}
				b := quantity{in[3].Data[qPlace(i, out[0].Shape, in[3].Shape)], scalarAt(in, 4), scalarAt(in, 5)}
				y := f(n, a, b, scalarAt(in, 6), scalarAt(in, 7))
				out[0].Data[i] = min(max(saturate(y, 0, out[0].Type), least), most)
			}
		},
	}
}

// quantity is an element of a quantised value: the number (v-zero)*scale.
type quantity struct{ v, scale, zero float64 }

// quantisedSum is what a+b rounds to in units of scale, its zero point added:
//
//	ra, rb = a.scale/scale, b.scale/scale
//	fma(a.v, ra, fma(b.v, rb, zero-fma(ra, a.zero, rb*b.zero)))
func quantisedSum(a, b quantity, scale, zero float64) float64 {
	ra, rb := f32(a.scale/scale), f32(b.scale/scale)
	fixed := f32(zero - fma32(ra, a.zero, f32(rb*b.zero)))
	return fma32(a.v, ra, fma32(b.v, rb, fixed))
}

// sumOf is the sum as the node's attribute xnnpack wants it.
func sumOf(n *ir.Node, a, b quantity, scale, zero float64) float64 {
	if isXNNPACK(n) {
		if s, ok := NewWholeSum(float32(a.scale), float32(a.zero), float32(b.scale), float32(b.zero), float32(scale), float32(zero)); ok {
			return float64(s.Of(int64(a.v), int64(b.v)))
		}
	}
	return quantisedSum(a, b, scale, zero)
}

// fma32 is x*y + z rounded once, to float32; x*y must be exact in float64, as the product of two float32 is.
func fma32(x, y, z float64) float64 {
	p := x * y
	sum := p + z
	// What the addition lost (Knuth). If anything, the last bit is set where it says that there is more: then rounding
	// again cannot take the sum for a tie.
	t := sum - p
	if lost := (p - (sum - t)) + (z - t); (lost < 0 || lost > 0) && math.Float64bits(sum)&1 == 0 {
		if bits := math.Float64bits(sum); (lost > 0) == (sum > 0) {
			sum = math.Float64frombits(bits + 1)
		} else {
			sum = math.Float64frombits(bits - 1)
		}
	}
	return f32(sum)
}

// qLinearAdd adds. With the attribute fixed it does so in fixed point, with xnnpack in whole numbers.
func qLinearAdd() Row {
	return qBinary("QLinearAdd", func(n *ir.Node, a, b quantity, scale, zero float64) float64 {
		if isFixed(n) {
			s := NewFixedSum(float32(a.scale), float32(a.zero), float32(b.scale), float32(b.zero), float32(scale), float32(zero))
			return float64(s.Of(s.A(int64(a.v)) + s.B(int64(b.v))))
		}
		return sumOf(n, a, b, scale, zero)
	}, "fixed", "xnnpack")
}

func qLinearMul() Row {
	return qBinary("QLinearMul", func(_ *ir.Node, a, b quantity, scale, zero float64) float64 {
		return f32(f32((a.v-a.zero)*(b.v-b.zero)*f32(f32(a.scale*b.scale)/scale)) + zero)
	})
}

// qTable is a function of one element, y = round(f((x-X_zero)*X_scale) / Y_scale) + Y_zero. Inputs: X, X_scale,
// X_zero_point, Y_scale, Y_zero_point.
func qTable(name string, f func(n *ir.Node, x float64) float64, attrs ...string) Row {
	return Row{
		Name: name, Least: 4, Most: 5, Attrs: attrs,
		Infer: func(_ *ir.Node, in []Operand) ([]Operand, error) {
			if !byteType(in[0].Type) || in[1].Shape.Elems() != 1 || in[3].Shape.Elems() != 1 {
				return nil, fmt.Errorf("its input is %s with a scale of %v", in[0].Type, in[1].Shape)
			}
			return []Operand{{Type: in[0].Type, Shape: in[0].Shape}}, nil
		},
		Eval: func(n *ir.Node, in, out []Array) {
			for i, x := range in[0].Data {
				y := f32(f(n, f32((x-scalarAt(in, 2))*scalarAt(in, 1))))
				out[0].Data[i] = saturate(f32(y/scalarAt(in, 3)), scalarAt(in, 4), out[0].Type)
			}
		},
	}
}

func qLinearSigmoid() Row {
	return qTable("QLinearSigmoid", func(_ *ir.Node, x float64) float64 { return logistic(x) })
}

func qLinearLeakyRelu() Row {
	return qTable("QLinearLeakyRelu", func(n *ir.Node, x float64) float64 {
		if x < 0 {
			x *= f32(n.Attrs.Float("alpha", 0.01))
		}
		return x
	}, "alpha")
}

// byteTable replaces each byte by its entry in a table of 256: what the rewriting of quantised graphs makes of any
// function of one element between two quantised values. Inputs: x (u8), table (u8).
func byteTable() Row {
	return Row{
		Name: "ByteTable", Least: 2, Most: 2,
		Infer: func(_ *ir.Node, in []Operand) ([]Operand, error) {
			if in[0].Type != ir.U8 || in[1].Type != ir.U8 || !in[1].Shape.Equal(ir.Shape{256}) {
				return nil, fmt.Errorf("it looks up %s in %s %v", in[0].Type, in[1].Type, in[1].Shape)
			}
			return []Operand{{Type: ir.U8, Shape: in[0].Shape}}, nil
		},
		Eval: func(_ *ir.Node, in, out []Array) {
			for i, x := range in[0].Data {
				out[0].Data[i] = in[1].Data[int(x)]
			}
		},
	}
}

// byteAffine is y = saturate(round((x-x_zero)*mul[c] + add[c]) + y_zero): what the rewriting of quantised graphs makes of a
// batch normalization between two quantised values. Inputs: x (u8, N,C,...), x_zero, mul (C), add (C), y_zero. The
// attributes least and most clamp it.
func byteAffine() Row {
	return Row{
		Name: "ByteAffine", Least: 5, Most: 5, Attrs: []string{"least", "most"},
		Infer: func(_ *ir.Node, in []Operand) ([]Operand, error) {
			if in[0].Type != ir.U8 || len(in[0].Shape) < 2 || in[1].Shape.Elems() != 1 || in[4].Shape.Elems() != 1 ||
				!in[2].Shape.Equal(ir.Shape{in[0].Shape[1]}) || !in[3].Shape.Equal(in[2].Shape) || in[2].Type != ir.F32 || in[3].Type != ir.F32 {
				return nil, fmt.Errorf("its input is %s %v, its factors %s %v and %s %v", in[0].Type, in[0].Shape, in[2].Type, in[2].Shape, in[3].Type, in[3].Shape)
			}
			return []Operand{{Type: ir.U8, Shape: in[0].Shape}}, nil
		},
		Eval: func(n *ir.Node, in, out []Array) {
			plane := in[0].Shape[2:].Elems()
			least, most := float64(n.Attrs.Int("least", 0)), float64(n.Attrs.Int("most", 255))
			for i, x := range in[0].Data {
				c := i / plane % in[0].Shape[1]
				y := f32(f32((x-in[1].Data[0])*in[2].Data[c]) + in[3].Data[c])
				out[0].Data[i] = min(max(saturate(y, in[4].Data[0], ir.U8), least), most)
			}
		},
	}
}

// qPool is the mean of a window of quantised values: round(sum(x-x_zero) * (x_scale/(y_scale*count))) + y_zero. Inputs: X,
// x_scale, x_zero_point, y_scale, y_zero_point.
func qPool(name string, attrs []string, window func(n *ir.Node, x ir.Shape) (*ir.Node, error)) Row {
	return Row{
		Name: name, Least: 4, Most: 5, Attrs: attrs,
		Infer: func(n *ir.Node, in []Operand) ([]Operand, error) {
			if !byteType(in[0].Type) || in[1].Shape.Elems() != 1 || in[3].Shape.Elems() != 1 || n.Attrs.Int("channels_last", 0) != 0 {
				return nil, fmt.Errorf("its input is %s with a scale of %v; channels_last is not there", in[0].Type, in[1].Shape)
			}
			if err := fourAxes(in[0].Shape); err != nil {
				return nil, err
			}
			n, err := window(n, in[0].Shape)
			if err != nil {
				return nil, err
			}
			s, err := pooled(n, in[0].Shape)
			return []Operand{{Type: in[0].Type, Shape: s}}, err
		},
		Eval: func(n *ir.Node, in, out []Array) {
			n, _ = window(n, in[0].Shape)
			with, zero := n.Attrs.Int("count_include_pad", 0) != 0, scalarAt(in, 2)
			fixed, xnnpack := n.Attrs.Int("fixed", 0), n.Attrs.Int("xnnpack", 0)
			eachPool(n, in[0].Shape, out[0].Shape, in[0].Data, func(i int, v sliding, at []int, plane []float64, taps []tap) {
				sum := 0.0
				for _, t := range taps {
					sum += plane[t.x] - zero
				}
				if fixed != 0 { // with one scale for both, and over the pixels alone that there are
					count := int64(len(taps))
					out[0].Data[i] = saturate(float64(FixedMean(fixed, int64(sum+zero*float64(count)), count)), 0, out[0].Type)
					return
				}
				if xnnpack != 0 {
					count := int64(len(taps))
					mean := NewXNNPACKMean(xnnpack, count, float32(in[1].Data[0]), float32(zero), float32(in[3].Data[0]), float32(scalarAt(in, 4)))
					out[0].Data[i] = saturate(float64(mean.Of(int64(sum+zero*float64(count)))), 0, out[0].Type)
					return
				}
				scale := f32(in[1].Data[0] / f32(in[3].Data[0]*float64(v.count(in[0].Shape[2:], at, taps, with))))
				out[0].Data[i] = saturate(f32(f32(sum)*scale), scalarAt(in, 4), out[0].Type)
			})
		},
	}
}

func qLinearAveragePool() Row {
	return qPool("QLinearAveragePool", []string{"kernel_shape", "strides", "pads", "ceil_mode", "count_include_pad", "auto_pad", "channels_last", "fixed"},
		func(n *ir.Node, _ ir.Shape) (*ir.Node, error) { return n, nil })
}

func qLinearGlobalAveragePool() Row {
	return qPool("QLinearGlobalAveragePool", []string{"channels_last", "fixed", "xnnpack"}, func(n *ir.Node, x ir.Shape) (*ir.Node, error) {
		if x[2] > maxExtent || x[3] > maxExtent {
			return nil, fmt.Errorf("its input's shape is %v", x)
		}
		return &ir.Node{Name: n.Name, Op: n.Op, Attrs: ir.Attrs{"kernel_shape": []int{x[2], x[3]}, "fixed": n.Attrs.Int("fixed", 0), "xnnpack": n.Attrs.Int("xnnpack", 0)}}, nil
	})
}

// qLinearConcat joins quantised values of different scales along axis: each becomes round((x-x_zero)*x_scale / Y_scale) +
// Y_zero. Inputs: Y_scale, Y_zero_point, then x, x_scale, x_zero_point of each.
func qLinearConcat() Row {
	return Row{
		Name: "QLinearConcat", Least: 5, Most: 3<<10 + 2, Attrs: []string{"axis"},
		Infer: func(n *ir.Node, in []Operand) ([]Operand, error) {
			if len(in)%3 != 2 {
				return nil, fmt.Errorf("it has %d inputs", len(in))
			}
			if in[0].Shape.Elems() != 1 || in[1].Shape.Elems() != 1 {
				return nil, fmt.Errorf("its output has the scale %v and the zero point %v", in[0].Shape, in[1].Shape)
			}
			axis, err := axisOf(n, 1, len(in[2].Shape))
			if err != nil {
				return nil, err
			}
			out := append(ir.Shape(nil), in[2].Shape...)
			out[axis] = 0
			for i := 2; i < len(in); i += 3 {
				s := in[i].Shape
				if !byteType(in[i].Type) || in[i].Type != in[2].Type || len(s) != len(out) || in[i+1].Type == "" || in[i+1].Shape.Elems() != 1 || in[i+2].Type == "" || in[i+2].Shape.Elems() != 1 {
					return nil, fmt.Errorf("its input %d is %s %v", i, in[i].Type, s)
				}
				for j := range out {
					if j != axis && s[j] != out[j] {
						return nil, fmt.Errorf("its inputs' shapes %v and %v do not fit along axis %d", in[2].Shape, s, axis)
					}
				}
				out[axis] += s[axis]
			}
			return []Operand{{Type: in[2].Type, Shape: out}}, nil
		},
		Eval: func(n *ir.Node, in, out []Array) {
			axis, _ := axisOf(n, 1, len(out[0].Shape))
			at := 0
			for outer := range out[0].Shape[:axis].Elems() {
				for i := 2; i < len(in); i += 3 {
					run := in[i].Shape[axis:].Elems()
					for _, x := range in[i].Data[outer*run : (outer+1)*run] {
						y := f32((x - in[i+2].Data[0]) * in[i+1].Data[0])
						out[0].Data[at] = saturate(f32(y/in[0].Data[0]), in[1].Data[0], out[0].Type)
						at++
					}
				}
			}
		},
	}
}

// quantRows are the operators of quantised networks.
func quantRows() []Row {
	return []Row{
		quantizeLinear(), dequantizeLinear(), dynamicQuantizeLinear(),
		qLinearConv(), convInteger(), qLinearMatMul(), matMulInteger(), qGemm(),
		qLinearAdd(), qLinearMul(), qLinearSigmoid(), qLinearLeakyRelu(), qLinearAveragePool(), qLinearGlobalAveragePool(), qLinearConcat(),
		byteTable(), byteAffine(),
	}
}
