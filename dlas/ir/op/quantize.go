package op

import (
	"fmt"
	"math"

	"github.com/godlas/godlas/dlas/ir"
)

// Quantised values are integers q that stand for (q - zero point) * scale. Their operators work in float32, as ONNX
// defines them: each result of a float operation is rounded to it, and integers come from rounding to the nearest, even on
// a tie, and clamping to the type's range.

// f32 rounds to float32.
func f32(x float64) float64 { return float64(float32(x)) }

// rangeOf is the range of an integer type of one or two bytes.
func rangeOf(t ir.Type) (lo, hi float64) {
	switch t {
	case ir.I8:
		return -128, 127
	case ir.I16:
		return -1 << 15, 1<<15 - 1
	case ir.U16:
		return 0, 1<<16 - 1
	}
	return 0, 255
}

// saturate is the integer of a type that stands for y, a number in units of its scale.
func saturate(y, zero float64, t ir.Type) float64 {
	lo, hi := rangeOf(t)
	if y != y {
		return lo
	}
	return min(max(math.RoundToEven(y)+zero, lo), hi)
}

// byteType reports whether a type is one that quantised networks compute in.
func byteType(t ir.Type) bool { return t == ir.U8 || t == ir.I8 }

// scalarAt reads the element of an input that is a scalar or has one element; 0 where it is left out.
func scalarAt(in []Array, i int) float64 {
	if !given(in, i) || len(in[i].Data) == 0 {
		return 0
	}
	return in[i].Data[0]
}

// along finds how the scale of (de)quantization runs over x: of one element, of one for each index of the axis, or of
// blocks along it. It returns what gives the scale's index of an element.
func along(n *ir.Node, x, scale ir.Shape) (func(i int) int, error) {
	if scale.Elems() == 1 && len(scale) < 2 {
		return func(int) int { return 0 }, nil
	}
	if len(x) == 0 {
		return nil, fmt.Errorf("its scale's shape is %v for a scalar", scale)
	}
	axis, err := axisOf(n, 1, len(x))
	if err != nil {
		return nil, err
	}
	inner := x[axis+1:].Elems()
	if block := n.Attrs.Int("block_size", 0); block != 0 {
		if block < 0 || len(scale) != len(x) {
			return nil, fmt.Errorf("blocks of %d with scales of %v do not fit %v", block, scale, x)
		}
		for a := range x {
			if a != axis && scale[a] != x[a] || a == axis && scale[a] != (x[a]+block-1)/block {
				return nil, fmt.Errorf("blocks of %d with scales of %v do not fit %v", block, scale, x)
			}
		}
		return func(i int) int {
			at := i / inner % x[axis] / block
			return (i/inner/x[axis]*scale[axis]+at)*inner + i%inner
		}, nil
	}
	if len(scale) != 1 || scale[0] != x[axis] {
		return nil, fmt.Errorf("scales of %v do not fit axis %d of %v", scale, axis, x)
	}
	return func(i int) int { return i / inner % x[axis] }, nil
}

// quantizeLinear is ONNX's: y = saturate(round(x / y_scale) + y_zero_point). Inputs: x, y_scale, y_zero_point. The attributes
// fixed and xnnpack do nothing to floats: they say how integers are scaled that L5 puts in their place.
func quantizeLinear() Row {
	return Row{
		Name: "QuantizeLinear", Least: 2, Most: 3, Attrs: []string{"axis", "saturate", "block_size", "output_dtype", "precision", "fixed", "xnnpack"},
		Infer: func(n *ir.Node, in []Operand) ([]Operand, error) {
			t := ir.U8
			switch n.Attrs.Int("output_dtype", 0) {
			case 0:
			case 2:
			case 3:
				t = ir.I8
			case 4:
				t = ir.U16
			case 5:
				t = ir.I16
			default:
				return nil, fmt.Errorf("the type %d that it quantises to is not 8 or 16 bits", n.Attrs.Int("output_dtype", 0))
			}
			if len(in) > 2 && in[2].Type != "" {
				if t = in[2].Type; !in[2].Shape.Equal(in[1].Shape) && in[2].Shape.Elems() != 1 {
					return nil, fmt.Errorf("its zero point's shape is %v, its scale's %v", in[2].Shape, in[1].Shape)
				}
			}
			if !byteType(t) && t != ir.I16 && t != ir.U16 {
				return nil, fmt.Errorf("it quantises to %s", t)
			}
			if in[0].Type != ir.F32 && in[0].Type != ir.F16 && in[0].Type != ir.I32 || !in[1].Type.Float() {
				return nil, fmt.Errorf("it quantises %s by a scale of %s", in[0].Type, in[1].Type)
			}
			if _, err := along(n, in[0].Shape, in[1].Shape); err != nil {
				return nil, err
			}
			return []Operand{{Type: t, Shape: in[0].Shape}}, nil
		},
		Eval: func(n *ir.Node, in, out []Array) {
			at, _ := along(n, in[0].Shape, in[1].Shape)
			for i, x := range in[0].Data {
				s := at(i)
				zero := 0.0
				if given(in, 2) {
					zero = in[2].Data[min(s, len(in[2].Data)-1)]
				}
				y := f32(x / in[1].Data[s])
				if in[0].Type == ir.F16 && in[1].Type == ir.F16 {
					y = float64(Half(HalfBits(x / in[1].Data[s])))
				}
				out[0].Data[i] = saturate(y, zero, out[0].Type)
			}
		},
	}
}

// dequantizeLinear is ONNX's: y = (x - x_zero_point) * x_scale. Inputs: x, x_scale, x_zero_point. Constants are kept as
// the integers that they are.
func dequantizeLinear() Row {
	return Row{
		Name: "DequantizeLinear", Least: 2, Most: 3, Attrs: []string{"axis", "block_size", "output_dtype"}, Keep: true,
		Infer: func(n *ir.Node, in []Operand) ([]Operand, error) {
			if t := in[0].Type; !byteType(t) && t != ir.I32 && t != ir.I16 && t != ir.U16 || in[1].Type != ir.F32 && in[1].Type != ir.F16 {
				return nil, fmt.Errorf("it dequantises %s by a scale of %s", in[0].Type, in[1].Type)
			}
			if len(in) > 2 && in[2].Type != "" && (in[2].Type != in[0].Type || !in[2].Shape.Equal(in[1].Shape) && in[2].Shape.Elems() != 1) {
				return nil, fmt.Errorf("its zero point is %s %v, its scale's shape %v", in[2].Type, in[2].Shape, in[1].Shape)
			}
			if _, err := along(n, in[0].Shape, in[1].Shape); err != nil {
				return nil, err
			}
			t := in[1].Type
			switch n.Attrs.Int("output_dtype", 0) {
			case 0:
			case 1:
				t = ir.F32
			case 10:
				t = ir.F16
			default:
				return nil, fmt.Errorf("the type %d that it dequantises to is not f32 or f16", n.Attrs.Int("output_dtype", 0))
			}
			return []Operand{{Type: t, Shape: in[0].Shape}}, nil
		},
		Eval: func(n *ir.Node, in, out []Array) {
			at, _ := along(n, in[0].Shape, in[1].Shape)
			for i, x := range in[0].Data {
				s := at(i)
				if given(in, 2) {
					x -= in[2].Data[min(s, len(in[2].Data)-1)]
				}
				out[0].Data[i] = f32(f32(x) * in[1].Data[s])
			}
		},
	}
}

// dynamicQuantizeLinear is ONNX's: it finds scale and zero point of u8 from the least and the greatest of x and 0.
// Outputs: y, y_scale, y_zero_point.
func dynamicQuantizeLinear() Row {
	return Row{
		Name: "DynamicQuantizeLinear", Least: 1, Most: 1, Outs: 3,
		Infer: func(_ *ir.Node, in []Operand) ([]Operand, error) {
			if in[0].Type != ir.F32 {
				return nil, fmt.Errorf("its input has the type %s", in[0].Type)
			}
			return []Operand{{Type: ir.U8, Shape: in[0].Shape}, {Type: ir.F32, Shape: ir.Shape{}}, {Type: ir.U8, Shape: ir.Shape{}}}, nil
		},
		Eval: func(_ *ir.Node, in, out []Array) {
			lo, hi := 0.0, 0.0
			for _, x := range in[0].Data {
				lo, hi = min(lo, x), max(hi, x)
			}
			scale := f32(f32(hi-lo) / 255)
			zero := 0.0
			if scale > 0 {
				zero = min(max(math.RoundToEven(f32(-lo/scale)), 0), 255)
			}
			for i, x := range in[0].Data {
				y := 0.0
				if scale > 0 {
					y = f32(x / scale)
				}
				out[0].Data[i] = saturate(y, zero, ir.U8)
			}
			out[1].Data[0], out[2].Data[0] = scale, zero
		},
	}
}
