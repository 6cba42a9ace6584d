package op

import (
	"fmt"

	"github.com/godlas/godlas/dlas/ir"
)

// broadcast is the shape that values of these shapes have together: axes are matched from the last, and an extent of 1
// stretches (ONNX: multidirectional broadcasting). A nil shape is an input left out.
func broadcast(shapes ...ir.Shape) (ir.Shape, error) {
	axes := 0
	for _, s := range shapes {
		axes = max(axes, len(s))
	}
	out := make(ir.Shape, axes)
	for i := range out {
		out[i] = 1
		for _, s := range shapes {
			j := i - (axes - len(s))
			if j < 0 || s[j] == 1 || s[j] == out[i] {
				continue
			}
			if out[i] != 1 {
				return nil, fmt.Errorf("its inputs' shapes are %v and %v", shapes[0], s)
			}
			out[i] = s[j]
		}
	}
	return out, nil
}

// strides are the distances of neighbours along each axis of a row-major array.
func strides(s ir.Shape) []int {
	d := make([]int, len(s))
	step := 1
	for i := len(s) - 1; i >= 0; i-- {
		d[i] = step
		step *= s[i]
	}
	return d
}

// stretched are the strides of an array seen as one of shape out, to which it broadcasts: 0 along a stretched axis.
func stretched(s, out ir.Shape) []int {
	d := make([]int, len(out))
	skip := len(out) - len(s)
	for i, step := range strides(s) {
		if s[i] != 1 {
			d[skip+i] = step
		}
	}
	return d
}

// walk goes through the elements of a shape in row-major order, and through other arrays beside it, each with strides
// of its own along the same axes, from the places in at. f gets the element's number and the place in each array.
func walk(s ir.Shape, at []int, steps [][]int, f func(i int, at []int)) {
	if s.Elems() == 0 {
		return
	}
	index := make([]int, len(s))
	for i := 0; ; i++ {
		f(i, at)
		axis := len(s) - 1
		for ; axis >= 0; axis-- {
			index[axis]++
			for k, step := range steps {
				at[k] += step[axis]
			}
			if index[axis] < s[axis] {
				break
			}
			for k, step := range steps {
				at[k] -= s[axis] * step[axis]
			}
			index[axis] = 0
		}
		if axis < 0 {
			return
		}
	}
}

// known is what Infer knows of input i as Eval would get it: Data is nil where the elements are not known.
func known(in []Operand, i int) Array {
	if i >= len(in) || in[i].Type == "" {
		return Array{}
	}
	if in[i].Const == nil || in[i].Shape.Elems() > foldLimit {
		return Array{Type: in[i].Type, Shape: in[i].Shape}
	}
	return Widen(in[i].Const)
}

// arg is input i, or a zero Array.
func arg(in []Array, i int) Array {
	if i >= len(in) {
		return Array{}
	}
	return in[i]
}

// intParam reads integers that a node gives as an attribute or as the input a, whichever there is.
func intParam(n *ir.Node, attr string, a Array) (v []int, there bool, err error) {
	switch x := n.Attrs[attr].(type) {
	case []int:
		return x, true, nil
	case int:
		return []int{x}, true, nil
	case nil:
	default:
		return nil, false, fmt.Errorf("attribute %s is not a list of integers", attr)
	}
	if a.Type == "" {
		return nil, false, nil
	}
	if err := constantParam(attr, a); err != nil {
		return nil, false, err
	}
	v = make([]int, len(a.Data))
	for i, x := range a.Data {
		v[i] = int(toInt(x))
	}
	return v, true, nil
}

// floatParam is intParam for one number.
func floatParam(n *ir.Node, attr string, a Array, def float64) (float64, error) {
	switch x := n.Attrs[attr].(type) {
	case float64:
		return x, nil
	case int:
		return float64(x), nil
	case []int:
		if len(x) == 1 {
			return float64(x[0]), nil
		}
		return 0, fmt.Errorf("attribute %s has %d numbers", attr, len(x))
	case nil:
	default:
		return 0, fmt.Errorf("attribute %s is not a number", attr)
	}
	if a.Type == "" {
		return def, nil
	}
	if err := constantParam(attr, a); err != nil {
		return 0, err
	}
	if len(a.Data) != 1 {
		return 0, fmt.Errorf("its input %s has %d elements, not 1", attr, len(a.Data))
	}
	return a.Data[0], nil
}

func constantParam(attr string, a Array) error {
	if a.Data == nil && a.Shape.Elems() > 0 {
		return notConstant(attr)
	}
	return nil
}

// notConstant is the error for an input whose elements decide a shape, and are not known.
type notConstant string

func (e notConstant) Error() string {
	return fmt.Sprintf("its input %s is not constant, and the shape of what it makes depends on it", string(e))
}

// axisIn is an axis counted from the front.
func axisIn(a, axes int) (int, error) {
	if a < -axes || a >= axes {
		return 0, fmt.Errorf("axis %d of %d axes", a, axes)
	}
	if a < 0 {
		a += axes
	}
	return a, nil
}

// axesIn are several different axes, counted from the front, as a set.
func axesIn(list []int, axes int) ([]bool, error) {
	set := make([]bool, axes)
	for _, a := range list {
		a, err := axisIn(a, axes)
		if err != nil {
			return nil, err
		}
		if set[a] {
			return nil, fmt.Errorf("axis %d is named twice", a)
		}
		set[a] = true
	}
	return set, nil
}
