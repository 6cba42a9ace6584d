package op

import (
	"fmt"
	"slices"

	"github.com/godlas/godlas/dlas/ir"
)

// wrapped is an index of an axis of extent d, counted from the end where it is below 0 and kept inside: an index from
// an activation cannot be checked before it is there.
func wrapped(x float64, d int) int {
	if x < 0 {
		x += float64(d)
	}
	return int(min(max(x, 0), float64(d-1)))
}

// checkIndices refuses constant indices that are outside -d..d-1, and indices that are no integers.
func checkIndices(o Operand, d int) error {
	if o.Type != ir.I32 && o.Type != ir.I64 {
		return fmt.Errorf("its indices have the type %s", o.Type)
	}
	if d == 0 && o.Shape.Elems() > 0 {
		return fmt.Errorf("indices into an empty axis")
	}
	for _, x := range known([]Operand{o}, 0).Data {
		if x < float64(-d) || x >= float64(d) {
			return fmt.Errorf("index %v of an axis of %d", x, d)
		}
	}
	return nil
}

// gather takes the slices of axis that indices name.
func gather() Row {
	return Row{
		Name: "Gather", Least: 2, Most: 2, Attrs: []string{"axis"},
		Infer: func(n *ir.Node, in []Operand) ([]Operand, error) {
			axis, err := axisIn(n.Attrs.Int("axis", 0), len(in[0].Shape))
			if err != nil {
				return nil, err
			}
			x := in[0].Shape
			return []Operand{{Type: in[0].Type, Shape: slices.Concat(x[:axis], in[1].Shape, x[axis+1:])}}, checkIndices(in[1], x[axis])
		},
		Eval: func(n *ir.Node, in, out []Array) {
			x := in[0].Shape
			axis, _ := axisIn(n.Attrs.Int("axis", 0), len(x))
			inner, at := x[axis+1:].Elems(), 0
			for outer := range x[:axis].Elems() {
				for _, index := range in[1].Data {
					from := (outer*x[axis] + wrapped(index, x[axis])) * inner
					at += copy(out[0].Data[at:], in[0].Data[from:from+inner])
				}
			}
		},
	}
}

// gatherElements takes along axis the element that the index at each place names.
func gatherElements() Row {
	return Row{
		Name: "GatherElements", Least: 2, Most: 2, Attrs: []string{"axis"},
		Infer: func(n *ir.Node, in []Operand) ([]Operand, error) {
			axis, err := elementwise(n, in)
			if err != nil {
				return nil, err
			}
			return []Operand{{Type: in[0].Type, Shape: in[1].Shape}}, checkIndices(in[1], in[0].Shape[axis])
		},
		Eval: func(n *ir.Node, in, out []Array) {
			axis, _ := axisIn(n.Attrs.Int("axis", 0), len(in[0].Shape))
			from := strides(in[0].Shape)
			eachIndex(in[1].Shape, func(i int, index []int) {
				out[0].Data[i] = in[0].Data[placed(index, from, axis, wrapped(in[1].Data[i], in[0].Shape[axis]))]
			})
		},
	}
}

// elementwise checks that indices (input 1) fit into the data (input 0) along all axes but one, which it returns.
func elementwise(n *ir.Node, in []Operand) (int, error) {
	x, s := in[0].Shape, in[1].Shape
	axis, err := axisIn(n.Attrs.Int("axis", 0), len(x))
	if err != nil {
		return 0, err
	}
	if len(s) != len(x) {
		return 0, fmt.Errorf("indices of %v into %v", s, x)
	}
	for i := range s {
		if i != axis && s[i] > x[i] {
			return 0, fmt.Errorf("indices of %v into %v along axis %d", s, x, axis)
		}
	}
	return axis, nil
}

// placed is the place of an index whose axis is replaced.
func placed(index, steps []int, axis, with int) int {
	at := 0
	for k, c := range index {
		if k == axis {
			c = with
		}
		at += c * steps[k]
	}
	return at
}

// gatherND takes the slices that the last axis of indices names.
func gatherND() Row {
	return Row{
		Name: "GatherND", Least: 2, Most: 2, Attrs: []string{"batch_dims"},
		Infer: func(n *ir.Node, in []Operand) ([]Operand, error) {
			x, s, b := in[0].Shape, in[1].Shape, n.Attrs.Int("batch_dims", 0)
			if len(s) == 0 || b < 0 || b >= len(s) || b >= len(x) || s[len(s)-1] < 1 || b+s[len(s)-1] > len(x) || !s[:b].Equal(x[:b]) {
				return nil, fmt.Errorf("indices of %v into %v with batch_dims %d", s, x, b)
			}
			if in[1].Type != ir.I64 && in[1].Type != ir.I32 || slices.Contains(x, 0) {
				return nil, fmt.Errorf("indices of type %s into %v", in[1].Type, x)
			}
			return []Operand{{Type: in[0].Type, Shape: slices.Concat(s[:len(s)-1], x[b+s[len(s)-1]:])}}, nil
		},
		Eval: func(n *ir.Node, in, out []Array) {
			x, s, b := in[0].Shape, in[1].Shape, n.Attrs.Int("batch_dims", 0)
			tuple := s[len(s)-1]
			each, images := x[b+tuple:].Elems(), s[:b].Elems()
			tuples := s[:len(s)-1].Elems()
			for t := range tuples {
				at := t / (tuples / images)
				for k := range tuple {
					at = at*x[b+k] + wrapped(in[1].Data[t*tuple+k], x[b+k])
				}
				copy(out[0].Data[t*each:(t+1)*each], in[0].Data[at*each:])
			}
		},
	}
}

// scatterElements is the data with the elements that indices name along axis replaced by updates, or combined with them.
func scatterElements(name string) Row {
	return Row{
		Name: name, Least: 3, Most: 3, Attrs: []string{"axis", "reduction"},
		Infer: func(n *ir.Node, in []Operand) ([]Operand, error) {
			axis, err := elementwise(n, in)
			if err != nil {
				return nil, err
			}
			if !in[2].Shape.Equal(in[1].Shape) || in[2].Type != in[0].Type {
				return nil, fmt.Errorf("updates of %s %v for indices of %v", in[2].Type, in[2].Shape, in[1].Shape)
			}
			if _, err := combining(n); err != nil {
				return nil, err
			}
			return []Operand{{Type: in[0].Type, Shape: in[0].Shape}}, checkIndices(in[1], in[0].Shape[axis])
		},
		Eval: func(n *ir.Node, in, out []Array) {
			axis, _ := axisIn(n.Attrs.Int("axis", 0), len(in[0].Shape))
			f, _ := combining(n)
			copy(out[0].Data, in[0].Data)
			to := strides(in[0].Shape)
			eachIndex(in[1].Shape, func(i int, index []int) {
				y := &out[0].Data[placed(index, to, axis, wrapped(in[1].Data[i], in[0].Shape[axis]))]
				*y = f(*y, in[2].Data[i])
			})
		},
	}
}

// combining is how a scatter puts an update to what is there.
func combining(n *ir.Node) (func(old, update float64) float64, error) {
	switch r := n.Attrs.Str("reduction", "none"); r {
	case "none":
		return func(_, u float64) float64 { return u }, nil
	case "add":
		return func(x, u float64) float64 { return x + u }, nil
	case "mul":
		return func(x, u float64) float64 { return x * u }, nil
	case "max":
		return func(x, u float64) float64 { return max(x, u) }, nil
	case "min":
		return func(x, u float64) float64 { return min(x, u) }, nil
	default:
		return nil, fmt.Errorf("unknown reduction %q; there is: none, add, mul, max, min", r)
	}
}

// scatterND is the data with the slices that the last axis of indices names replaced by updates, or combined with them.
func scatterND() Row {
	return Row{
		Name: "ScatterND", Least: 3, Most: 3, Attrs: []string{"reduction"},
		Infer: func(n *ir.Node, in []Operand) ([]Operand, error) {
			x, s := in[0].Shape, in[1].Shape
			if len(s) == 0 || s[len(s)-1] > len(x) || s[len(s)-1] < 1 || slices.Contains(x, 0) {
				return nil, fmt.Errorf("indices of %v into %v", s, x)
			}
			want := slices.Concat(s[:len(s)-1], x[s[len(s)-1]:])
			if !in[2].Shape.Equal(want) || in[2].Type != in[0].Type || !in[1].Type.Integer() {
				return nil, fmt.Errorf("updates of %s %v, not %v", in[2].Type, in[2].Shape, want)
			}
			_, err := combining(n)
			return []Operand{{Type: in[0].Type, Shape: x}}, err
		},
		Eval: func(n *ir.Node, in, out []Array) {
			x, s := in[0].Shape, in[1].Shape
			tuple := s[len(s)-1]
			each := x[tuple:].Elems()
			f, _ := combining(n)
			copy(out[0].Data, in[0].Data)
			for t := range s[:len(s)-1].Elems() {
				at := 0
				for k := range tuple {
					at = at*x[k] + wrapped(in[1].Data[t*tuple+k], x[k])
				}
				for i := range each {
					y := &out[0].Data[at*each+i]
					*y = f(*y, in[2].Data[t*each+i])
				}
			}
		},
	}
}

// tensorScatter writes a run of steps of each sequence into a cache, from write_indices on (ONNX opset 24).
func tensorScatter() Row {
	return Row{
		Name: "TensorScatter", Least: 2, Most: 3, Attrs: []string{"axis", "mode"},
		Infer: func(n *ir.Node, in []Operand) ([]Operand, error) {
			x, u := in[0].Shape, in[1].Shape
			axis, err := axisIn(n.Attrs.Int("axis", -2), len(x))
			if err != nil {
				return nil, err
			}
			if len(u) != len(x) || axis == 0 || in[0].Type != in[1].Type {
				return nil, fmt.Errorf("an update of %s %v of %s %v along axis %d", in[1].Type, u, in[0].Type, x, axis)
			}
			for i := range x {
				if u[i] > x[i] || i != axis && u[i] != x[i] {
					return nil, fmt.Errorf("an update of %v of %v along axis %d", u, x, axis)
				}
			}
			if len(in) > 2 && in[2].Type != "" && !in[2].Shape.Equal(x[:1]) {
				return nil, fmt.Errorf("write_indices of %v", in[2].Shape)
			}
			if m := n.Attrs.Str("mode", "linear"); m != "linear" && m != "circular" {
				return nil, fmt.Errorf("unknown mode %q; there is: linear, circular", m)
			}
			return []Operand{{Type: in[0].Type, Shape: x}}, nil
		},
		Eval: func(n *ir.Node, in, out []Array) {
			x := in[0].Shape
			axis, _ := axisIn(n.Attrs.Int("axis", -2), len(x))
			circular := n.Attrs.Str("mode", "linear") == "circular"
			copy(out[0].Data, in[0].Data)
			to := strides(x)
			eachIndex(in[1].Shape, func(i int, index []int) {
				step := index[axis]
				if given(in, 2) {
					step += int(in[2].Data[index[0]])
				}
				if circular {
					step = (step%x[axis] + x[axis]) % x[axis]
				}
				if step >= 0 && step < x[axis] {
					out[0].Data[placed(index, to, axis, step)] = in[1].Data[i]
				}
			})
		},
	}
}
