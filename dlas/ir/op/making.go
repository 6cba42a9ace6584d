package op

import (
	"fmt"
	"math"
	"slices"

	"github.com/godlas/godlas/dlas/ir"
)

// constant is a value that the node itself holds.
func constant() Row {
	return Row{
		Name: "Constant", Least: 0, Most: 0,
		Attrs: []string{"value", "value_float", "value_floats", "value_int", "value_ints"},
		Infer: func(n *ir.Node, _ []Operand) ([]Operand, error) {
			var t *ir.Tensor
			if len(n.Attrs) != 1 {
				return nil, fmt.Errorf("it has %d values", len(n.Attrs))
			}
			for _, v := range n.Attrs {
				switch v := v.(type) {
				case *ir.Tensor:
					t = v
				case float64:
					t = Array{Type: ir.F32, Shape: ir.Shape{}, Data: []float64{v}}.Tensor()
				case []float64:
					t = Array{Type: ir.F32, Shape: ir.Shape{len(v)}, Data: v}.Tensor()
				case int:
					t = &ir.Tensor{Type: ir.I64, Shape: ir.Shape{}, Data: []int64{int64(v)}}
				case []int:
					list := make([]int64, len(v))
					for i, x := range v {
						list[i] = int64(x)
					}
					t = &ir.Tensor{Type: ir.I64, Shape: ir.Shape{len(v)}, Data: list}
				default:
					return nil, fmt.Errorf("its value is of a type that is not supported")
				}
			}
			if err := checkTensor(t); err != nil {
				return nil, fmt.Errorf("its value %w", err)
			}
			return []Operand{{Type: t.Type, Shape: t.Shape, Const: t}}, nil
		},
		Eval: func(n *ir.Node, _, out []Array) {
			made, _ := constant().Infer(n, nil)
			copy(out[0].Data, Widen(made[0].Const).Data)
		},
	}
}

// constantOfShape is a value of that shape with one number everywhere.
func constantOfShape() Row {
	value := func(n *ir.Node) (*ir.Tensor, error) {
		t, ok := n.Attrs["value"].(*ir.Tensor)
		if !ok {
			return ir.NewF32([]float32{0}, 1), nil
		}
		if err := checkTensor(t); err != nil || t.Shape.Elems() != 1 {
			return nil, fmt.Errorf("attribute value is not one number")
		}
		return t, nil
	}
	return Row{
		Name: "ConstantOfShape", Least: 0, Most: 1, Params: map[int]string{0: "shape"}, Attrs: []string{"shape", "value"},
		Infer: func(n *ir.Node, in []Operand) ([]Operand, error) {
			s, err := shapeParam(n, "shape", known(in, 0))
			if err != nil {
				return nil, err
			}
			t, err := value(n)
			if err != nil {
				return nil, err
			}
			return []Operand{{Type: t.Type, Shape: s}}, nil
		},
		Eval: func(n *ir.Node, _, out []Array) {
			t, _ := value(n)
			v := Widen(t).Data[0]
			for i := range out[0].Data {
				out[0].Data[i] = v
			}
		},
	}
}

// shapeOf is the extents of the axes from start to end, size their product: known before anything runs.
func shapeOf() Row {
	return Row{
		Name: "Shape", Least: 1, Most: 1, Attrs: []string{"start", "end"},
		Infer: func(n *ir.Node, in []Operand) ([]Operand, error) {
			s := in[0].Shape
			place := func(p int) int {
				if p < 0 {
					p += len(s)
				}
				return min(max(p, 0), len(s))
			}
			from, to := place(n.Attrs.Int("start", 0)), place(n.Attrs.Int("end", len(s)))
			v := []int64{}
			for i := from; i < to; i++ {
				v = append(v, int64(s[i]))
			}
			t := &ir.Tensor{Type: ir.I64, Shape: ir.Shape{len(v)}, Data: v}
			return []Operand{{Type: ir.I64, Shape: t.Shape, Const: t}}, nil
		},
		Eval: func(n *ir.Node, in, out []Array) {
			made, _ := shapeOf().Infer(n, []Operand{{Type: in[0].Type, Shape: in[0].Shape}})
			copy(out[0].Data, Widen(made[0].Const).Data)
		},
	}
}

func sizeOf() Row {
	return Row{
		Name: "Size", Least: 1, Most: 1,
		Infer: func(_ *ir.Node, in []Operand) ([]Operand, error) {
			t := &ir.Tensor{Type: ir.I64, Shape: ir.Shape{}, Data: []int64{int64(in[0].Shape.Elems())}}
			return []Operand{{Type: ir.I64, Shape: t.Shape, Const: t}}, nil
		},
		Eval: func(_ *ir.Node, in, out []Array) { out[0].Data[0] = float64(in[0].Shape.Elems()) },
	}
}

// rangeRow is start, start+delta, ... up to limit, which is not reached.
func rangeRow() Row {
	return Row{
		Name: "Range", Least: 3, Most: 3,
		Infer: func(_ *ir.Node, in []Operand) ([]Operand, error) {
			if err := checkTypes(numbers, in); err != nil {
				return nil, err
			}
			var v [3]float64
			for i := range v {
				a := known(in, i)
				if err := constantParam([]string{"start", "limit", "delta"}[i], a); err != nil {
					return nil, err
				}
				if len(a.Data) != 1 {
					return nil, fmt.Errorf("its input %d is not one number", i)
				}
				v[i] = a.Data[0]
			}
			count := math.Max(0, math.Ceil((v[1]-v[0])/v[2]))
			if !(count <= MaxElems) {
				return nil, fmt.Errorf("from %v to %v in steps of %v", v[0], v[1], v[2])
			}
			return []Operand{{Type: in[0].Type, Shape: ir.Shape{int(count)}}}, nil
		},
		Eval: func(_ *ir.Node, in, out []Array) {
			for i := range out[0].Data {
				out[0].Data[i] = in[0].Data[0] + float64(i)*in[2].Data[0]
			}
		},
	}
}

// cast changes the element type; a number that the new one cannot hold wraps (integers) or rounds.
func cast() Row {
	return Row{
		Name: "Cast", Least: 1, Most: 1, Attrs: []string{"to", "saturate", "round_mode"},
		Infer: func(n *ir.Node, in []Operand) ([]Operand, error) {
			t, err := typeAttr(n, "to")
			return []Operand{{Type: t, Shape: in[0].Shape}}, err
		},
		Eval: func(_ *ir.Node, in, out []Array) { recast(in[0], out[0]) },
	}
}

func castLike() Row {
	return Row{
		Name: "CastLike", Least: 2, Most: 2, Attrs: []string{"saturate", "round_mode"},
		Infer: func(_ *ir.Node, in []Operand) ([]Operand, error) {
			return []Operand{{Type: in[1].Type, Shape: in[0].Shape}}, nil
		},
		Eval: func(_ *ir.Node, in, out []Array) { recast(in[0], out[0]) },
	}
}

func recast(x, y Array) {
	for i, v := range x.Data {
		switch {
		case y.Type == ir.Bool:
			v = truth(v != 0)
		case y.Type.Integer():
			v = math.Trunc(v)
		}
		y.Data[i] = v
	}
}

// onnxTypes are the element types by ONNX's numbers (TensorProto.DataType).
var onnxTypes = [...]ir.Type{
	1: ir.F32, 2: ir.U8, 3: ir.I8, 4: ir.U16, 5: ir.I16, 6: ir.I32, 7: ir.I64, 9: ir.Bool, 10: ir.F16, 11: ir.F64,
	12: ir.U32, 13: ir.U64, 16: ir.BF16,
}

// typeAttr is an attribute that names a type by its number, or by its name here.
func typeAttr(n *ir.Node, name string) (ir.Type, error) {
	switch v := n.Attrs[name].(type) {
	case int:
		if v > 0 && v < len(onnxTypes) && onnxTypes[v] != "" {
			return onnxTypes[v], nil
		}
		return "", fmt.Errorf("attribute %s: ONNX's type %d is not supported", name, v)
	case string:
		if slices.Contains(onnxTypes[:], ir.Type(v)) && v != "" {
			return ir.Type(v), nil
		}
		return "", fmt.Errorf("attribute %s: unknown type %q", name, v)
	}
	return "", fmt.Errorf("no attribute %s", name)
}

// eyeLike has ones on a diagonal.
func eyeLike() Row {
	return Row{
		Name: "EyeLike", Least: 1, Most: 1, Attrs: []string{"dtype", "k"},
		Infer: func(n *ir.Node, in []Operand) ([]Operand, error) {
			t, err := in[0].Type, error(nil)
			if n.Attrs["dtype"] != nil {
				t, err = typeAttr(n, "dtype")
			}
			if len(in[0].Shape) != 2 {
				err = fmt.Errorf("its input's shape is %v, not a matrix", in[0].Shape)
			}
			return []Operand{{Type: t, Shape: in[0].Shape}}, err
		},
		Eval: func(n *ir.Node, _, out []Array) {
			k := n.Attrs.Int("k", 0)
			eachIndex(out[0].Shape, func(i int, at []int) { out[0].Data[i] = truth(at[1]-at[0] == k) })
		},
	}
}

// oneHot has values[1] where the position along axis is the index, values[0] elsewhere.
func oneHot() Row {
	return Row{
		Name: "OneHot", Least: 3, Most: 3, Attrs: []string{"axis"},
		Infer: func(n *ir.Node, in []Operand) ([]Operand, error) {
			depth := known(in, 1)
			if err := constantParam("depth", depth); err != nil {
				return nil, err
			}
			if len(depth.Data) != 1 || depth.Data[0] < 1 || depth.Data[0] > MaxElems || !in[2].Shape.Equal(ir.Shape{2}) {
				return nil, fmt.Errorf("depth %v, values of %v", depth.Data, in[2].Shape)
			}
			axis, err := axisIn(n.Attrs.Int("axis", -1), len(in[0].Shape)+1)
			if err != nil {
				return nil, err
			}
			return []Operand{{Type: in[2].Type, Shape: slices.Insert(slices.Clone(in[0].Shape), axis, int(depth.Data[0]))}}, nil
		},
		Eval: func(n *ir.Node, in, out []Array) {
			axis, _ := axisIn(n.Attrs.Int("axis", -1), len(out[0].Shape))
			rowsAlong(out[0].Shape, axis, func(row, at, extent, step int) {
				hot := math.Trunc(in[0].Data[row])
				if hot < 0 {
					hot += float64(extent)
				}
				for j := range extent {
					out[0].Data[at+j*step] = in[2].Data[int(truth(float64(j) == hot))]
				}
			})
		},
	}
}

// trilu keeps the upper or lower triangle of matrices, from diagonal k on.
func trilu() Row {
	return Row{
		Name: "Trilu", Least: 1, Most: 2, Params: map[int]string{1: "k"}, Attrs: []string{"upper", "k"},
		Infer: func(n *ir.Node, in []Operand) ([]Operand, error) {
			if len(in[0].Shape) < 2 {
				return nil, fmt.Errorf("its input's shape is %v, not that of matrices", in[0].Shape)
			}
			_, err := floatParam(n, "k", known(in, 1), 0)
			return []Operand{{Type: in[0].Type, Shape: in[0].Shape}}, err
		},
		Eval: func(n *ir.Node, in, out []Array) {
			k, _ := floatParam(n, "k", arg(in, 1), 0)
			upper := n.Attrs.Int("upper", 1) != 0
			s := out[0].Shape
			h, w := s[len(s)-2], s[len(s)-1]
			for i, v := range in[0].Data {
				if d := float64(i%w - i/w%h); d >= k && upper || d <= k && !upper {
					out[0].Data[i] = v
				}
			}
		},
	}
}

// where takes x where the condition holds, y elsewhere.
func where() Row {
	return Row{
		Name: "Where", Least: 3, Most: 3,
		Infer: func(_ *ir.Node, in []Operand) ([]Operand, error) {
			if in[0].Type != ir.Bool || in[1].Type != in[2].Type {
				return nil, fmt.Errorf("its inputs have the types %s, %s and %s", in[0].Type, in[1].Type, in[2].Type)
			}
			s, err := broadcast(Shapes(in)...)
			return []Operand{{Type: in[1].Type, Shape: s}}, err
		},
		Eval: func(_ *ir.Node, in, out []Array) {
			s := out[0].Shape
			walk(s, []int{0, 0, 0}, [][]int{stretched(in[0].Shape, s), stretched(in[1].Shape, s), stretched(in[2].Shape, s)}, func(i int, at []int) {
				if in[0].Data[at[0]] != 0 {
					out[0].Data[i] = in[1].Data[at[1]]
				} else {
					out[0].Data[i] = in[2].Data[at[2]]
				}
			})
		},
	}
}

// running is the row of CumSum and CumProd: what f has made of the numbers up to each one.
func running(name string, start float64, f func(sum, x float64) float64) Row {
	return Row{
		Name: name, Least: 1, Most: 2, Params: map[int]string{1: "axis"}, Attrs: []string{"axis", "exclusive", "reverse"},
		Infer: func(n *ir.Node, in []Operand) ([]Operand, error) {
			if !numbers.has(in[0].Type) {
				return nil, fmt.Errorf("its input has the type %s", in[0].Type)
			}
			list, there, err := intParam(n, "axis", known(in, 1))
			if err == nil && (!there || len(list) != 1) {
				err = fmt.Errorf("axis %v", list)
			}
			if err == nil {
				_, err = axisIn(list[0], len(in[0].Shape))
			}
			return []Operand{{Type: in[0].Type, Shape: in[0].Shape}}, err
		},
		Eval: func(n *ir.Node, in, out []Array) {
			list, _, _ := intParam(n, "axis", arg(in, 1))
			axis, _ := axisIn(list[0], len(in[0].Shape))
			exclusive, reverse := n.Attrs.Int("exclusive", 0) != 0, n.Attrs.Int("reverse", 0) != 0
			rowsAlong(in[0].Shape, axis, func(_, at, extent, step int) {
				sum := start
				for j := range extent {
					if reverse {
						j = extent - 1 - j
					}
					next := f(sum, in[0].Data[at+j*step])
					if exclusive {
						out[0].Data[at+j*step] = sum
					} else {
						out[0].Data[at+j*step] = next
					}
					sum = next
				}
			})
		},
	}
}

// topK is the k largest (or smallest) numbers along axis, best first, and where they were; the first of equals wins.
func topK() Row {
	return Row{
		Name: "TopK", Least: 1, Most: 2, Outs: 2, Params: map[int]string{1: "k"}, Attrs: []string{"axis", "k", "largest", "sorted"},
		Infer: func(n *ir.Node, in []Operand) ([]Operand, error) {
			k, err := floatParam(n, "k", known(in, 1), -1)
			if err != nil {
				return nil, err
			}
			axis, err := axisIn(n.Attrs.Int("axis", -1), len(in[0].Shape))
			if err != nil {
				return nil, err
			}
			s := slices.Clone(in[0].Shape)
			if !(k >= 0 && k <= float64(s[axis])) || !numbers.has(in[0].Type) {
				return nil, fmt.Errorf("the %v largest of %d", k, s[axis])
			}
			s[axis] = int(k)
			return []Operand{{Type: in[0].Type, Shape: s}, {Type: ir.I64, Shape: s}}, nil
		},
		Eval: func(n *ir.Node, in, out []Array) {
			axis, _ := axisIn(n.Attrs.Int("axis", -1), len(in[0].Shape))
			largest := n.Attrs.Int("largest", 1) != 0
			order := make([]int, in[0].Shape[axis])
			k, s := out[0].Shape[axis], out[0].Shape[axis+1:].Elems()
			rowsAlong(in[0].Shape, axis, func(row, at, _, step int) {
				for j := range order {
					order[j] = j
				}
				slices.SortStableFunc(order, func(i, j int) int {
					x, y := in[0].Data[at+i*step], in[0].Data[at+j*step]
					if largest {
						x, y = y, x
					}
					switch {
					case x < y:
						return -1
					case x > y:
						return 1
					}
					return 0
				})
				for j := range k {
					to := row/s*k*s + row%s + j*s
					out[0].Data[to], out[1].Data[to] = in[0].Data[at+order[j]*step], float64(order[j])
				}
			})
		},
	}
}

// nonZero is the indices of the elements that are not zero, a row an axis. Their number is known for constants alone.
func nonZero() Row {
	return Row{
		Name: "NonZero", Least: 1, Most: 1,
		Infer: func(_ *ir.Node, in []Operand) ([]Operand, error) {
			x := known(in, 0)
			if x.Data == nil {
				return nil, notConstant("x")
			}
			count := 0
			for _, v := range x.Data {
				count += int(truth(v != 0))
			}
			return []Operand{{Type: ir.I64, Shape: ir.Shape{max(1, len(x.Shape)), count}}}, nil
		},
		Eval: func(_ *ir.Node, in, out []Array) {
			k, count := 0, out[0].Shape[1]
			eachIndex(in[0].Shape, func(i int, index []int) {
				if in[0].Data[i] != 0 {
					for a, x := range index {
						out[0].Data[a*count+k] = float64(x)
					}
					k++
				}
			})
		},
	}
}

// compress takes the slices of axis (or, without one, the elements) where the condition holds, which must be constant.
func compress() Row {
	return Row{
		Name: "Compress", Least: 2, Most: 2, Attrs: []string{"axis"},
		Infer: func(n *ir.Node, in []Operand) ([]Operand, error) {
			c := known(in, 1)
			if c.Data == nil && c.Type != "" {
				return nil, notConstant("condition")
			}
			if len(c.Shape) != 1 || c.Type != ir.Bool {
				return nil, fmt.Errorf("its condition is no list of bool")
			}
			s := in[0].Shape
			axis := 0
			if n.Attrs["axis"] == nil {
				s = ir.Shape{s.Elems()}
			} else {
				var err error
				if axis, err = axisIn(n.Attrs.Int("axis", 0), len(s)); err != nil {
					return nil, err
				}
				s = slices.Clone(s)
			}
			count := 0
			for i, v := range c.Data {
				if v != 0 && i >= s[axis] {
					return nil, fmt.Errorf("a condition of %d for %d", len(c.Data), s[axis])
				}
				count += int(v)
			}
			s[axis] = count
			return []Operand{{Type: in[0].Type, Shape: s}}, nil
		},
		Eval: func(n *ir.Node, in, out []Array) {
			s, axis := in[0].Shape, 0
			if n.Attrs["axis"] == nil {
				s = ir.Shape{s.Elems()}
			} else {
				axis, _ = axisIn(n.Attrs.Int("axis", 0), len(s))
			}
			inner, at := s[axis+1:].Elems(), 0
			for outer := range s[:axis].Elems() {
				for i, v := range in[1].Data {
					if v != 0 {
						from := (outer*s[axis] + i) * inner
						at += copy(out[0].Data[at:], in[0].Data[from:from+inner])
					}
				}
			}
		},
	}
}
