package op

import (
	"fmt"
	"slices"

	"github.com/godlas/godlas/dlas/ir"
)

// same copies the elements: what an operator does that gives them another shape.
func same(_ *ir.Node, in, out []Array) { copy(out[0].Data, in[0].Data) }

// reshaping is the row of an operator that gives the elements another shape. shape gets what is known of the inputs.
func reshaping(name, param string, shape func(n *ir.Node, x ir.Shape, list []int, there bool) (ir.Shape, error), attrs ...string) Row {
	r := Row{
		Name: name, Least: 1, Most: 1, Attrs: attrs,
		Infer: func(n *ir.Node, in []Operand) ([]Operand, error) {
			var list []int
			var there bool
			if param != "" {
				var err error
				if list, there, err = intParam(n, param, known(in, 1)); err != nil {
					return nil, err
				}
			}
			s, err := shape(n, in[0].Shape, list, there)
			if err == nil && checkConst(s) == nil && s.Elems() != in[0].Shape.Elems() {
				err = fmt.Errorf("%v does not fit into %v", in[0].Shape, s)
			}
			return []Operand{{Type: in[0].Type, Shape: s}}, err
		},
		Eval: same,
	}
	if param != "" {
		r.Most, r.Params, r.Attrs = 2, map[int]string{1: param}, append(r.Attrs, param)
	}
	return r
}

func reshapings() []Row {
	return []Row{
		reshaping("Flatten", "", flattened, "axis"),
		reshaping("Identity", "", func(_ *ir.Node, x ir.Shape, _ []int, _ bool) (ir.Shape, error) { return x, nil }),
		reshaping("Reshape", "shape", reshaped, "allowzero"),
		reshaping("Squeeze", "axes", squeezed),
		reshaping("Unsqueeze", "axes", unsqueezed),
		dropout(),
	}
}

// flattened makes two axes: those before axis, and those from it.
func flattened(n *ir.Node, x ir.Shape, _ []int, _ bool) (ir.Shape, error) {
	a := n.Attrs.Int("axis", 1)
	if a < -len(x) || a > len(x) {
		return nil, fmt.Errorf("axis %d of %d axes", a, len(x))
	}
	if a < 0 {
		a += len(x)
	}
	return ir.Shape{x[:a].Elems(), x[a:].Elems()}, nil
}

// reshaped: 0 copies the input's extent (unless allowzero), one -1 is what remains.
func reshaped(n *ir.Node, x ir.Shape, list []int, there bool) (ir.Shape, error) {
	if !there {
		return nil, fmt.Errorf("no shape is given")
	}
	out := ir.Shape(slices.Clone(list))
	open, elems := -1, 1
	for i, d := range out {
		switch {
		case d == -1 && open < 0:
			open = i
			continue
		case d < 0:
			return nil, fmt.Errorf("shape %v", list)
		case d == 0 && n.Attrs.Int("allowzero", 0) == 0:
			if i >= len(x) {
				return nil, fmt.Errorf("shape %v copies axis %d of %v", list, i, x)
			}
			out[i] = x[i]
		}
		if out[i] > MaxElems || elems > MaxElems {
			return nil, fmt.Errorf("shape %v has more than %d elements", list, MaxElems)
		}
		elems *= out[i]
	}
	if open >= 0 {
		if elems == 0 || x.Elems()%elems != 0 {
			return nil, fmt.Errorf("%v does not fit into shape %v", x, list)
		}
		out[open] = x.Elems() / elems
	}
	return out, nil
}

// squeezed drops axes of extent 1: those named, or all.
func squeezed(_ *ir.Node, x ir.Shape, list []int, there bool) (ir.Shape, error) {
	set, err := axesIn(list, len(x))
	if err != nil {
		return nil, err
	}
	out := ir.Shape{}
	for i, d := range x {
		switch {
		case there && set[i] && d != 1:
			return nil, fmt.Errorf("axis %d of %v is not 1", i, x)
		case there && set[i] || !there && d == 1:
		default:
			out = append(out, d)
		}
	}
	return out, nil
}

// unsqueezed puts axes of extent 1 at the places that they have in the output.
func unsqueezed(_ *ir.Node, x ir.Shape, list []int, _ bool) (ir.Shape, error) {
	if len(list) > maxAxes {
		return nil, fmt.Errorf("%d axes, more than %d", len(list), maxAxes)
	}
	set, err := axesIn(list, len(x)+len(list))
	if err != nil {
		return nil, err
	}
	out := ir.Shape{}
	for _, added := range set {
		if added {
			out = append(out, 1)
		} else {
			out, x = append(out, x[0]), x[1:]
		}
	}
	return out, nil
}

// dropout at inference hands its input on; the mask is all true.
func dropout() Row {
	return Row{
		Name: "Dropout", Least: 1, Most: 3, Outs: 2,
		Attrs: []string{"ratio", "seed", "is_test"},
		Infer: func(_ *ir.Node, in []Operand) ([]Operand, error) {
			if t := known(in, 2); t.Type != "" && (t.Data == nil || len(t.Data) != 1 || t.Data[0] != 0) {
				// A ratio of 0 drops nothing in training either.
				if r := known(in, 1); r.Type == "" || len(r.Data) != 1 || r.Data[0] != 0 {
					return nil, fmt.Errorf("training mode is not supported")
				}
			}
			return []Operand{{Type: in[0].Type, Shape: in[0].Shape}, {Type: ir.Bool, Shape: in[0].Shape}}, nil
		},
		Eval: func(_ *ir.Node, in, out []Array) {
			copy(out[0].Data, in[0].Data)
			for i := range out[1].Data {
				out[1].Data[i] = 1
			}
		},
	}
}
