package op

import (
	"fmt"
	"slices"

	"github.com/godlas/godlas/dlas/ir"
)

// pad is ONNX's Pad: pads are all starts, then all ends, for all axes or those in axes; below 0 they crop. Modes:
// constant (value), edge, reflect, wrap. In mode constant it is how the shortcut of a CIFAR ResNet (option A) gets its
// new channels: a 1x1 AveragePool of stride 2, then zero channels.
func pad() Row {
	return Row{
		Name: "Pad", Least: 1, Most: 4, Params: map[int]string{1: "pads", 2: "value", 3: "axes"},
		Attrs: []string{"pads", "value", "axes", "mode"},
		Infer: func(n *ir.Node, in []Operand) ([]Operand, error) {
			x := in[0].Shape
			p, err := Pads(n, x, known(in, 1), known(in, 3))
			if err != nil {
				return nil, err
			}
			out := slices.Clone(x)
			for i := range out {
				out[i] += p[i] + p[i+len(x)]
				if out[i] < 0 {
					return nil, fmt.Errorf("pads %v of %v", p, x)
				}
			}
			switch mode := n.Attrs.Str("mode", "constant"); mode {
			case "constant":
				if len(in) > 2 && in[2].Type != "" && in[2].Type != in[0].Type {
					return nil, fmt.Errorf("its value has the type %s, its input %s", in[2].Type, in[0].Type)
				}
				if len(in) > 2 && in[2].Type != "" && in[2].Shape.Elems() != 1 {
					return nil, fmt.Errorf("its value's shape is %v", in[2].Shape)
				}
			case "edge", "reflect", "wrap":
				for i, d := range x {
					if d == 0 || mode == "reflect" && d == 1 && out[i] > 1 {
						return nil, fmt.Errorf("mode %s of %v", mode, x)
					}
				}
			default:
				return nil, fmt.Errorf("unknown mode %q; there is: constant, edge, reflect, wrap", mode)
			}
			return []Operand{{Type: in[0].Type, Shape: out}}, nil
		},
		Eval: func(n *ir.Node, in, out []Array) {
			x, from := in[0].Shape, strides(in[0].Shape)
			p, _ := Pads(n, x, arg(in, 1), arg(in, 3))
			value, _ := floatParam(n, "value", arg(in, 2), 0)
			mode := n.Attrs.Str("mode", "constant")
			eachIndex(out[0].Shape, func(i int, index []int) {
				at := 0
				for k, c := range index {
					if c = mirrored(c-p[k], x[k], mode); c < 0 {
						out[0].Data[i] = value
						return
					}
					at += c * from[k]
				}
				out[0].Data[i] = in[0].Data[at]
			})
		},
	}
}

// Pads are the paddings of all axes of a Pad's input: all starts, then all ends. pads and axes are its inputs of that
// name, if they are no attributes.
func Pads(n *ir.Node, x ir.Shape, pads, axes Array) ([]int, error) {
	p, there, err := intParam(n, "pads", pads)
	if err != nil {
		return nil, err
	}
	along, some, err := intParam(n, "axes", axes)
	if err != nil {
		return nil, err
	}
	if !some {
		for i := range x {
			along = append(along, i)
		}
	}
	if !there || len(p) != 2*len(along) {
		return nil, fmt.Errorf("attribute pads is not a list of %d integers", 2*len(along))
	}
	if _, err := axesIn(along, len(x)); err != nil {
		return nil, err
	}
	all := make([]int, 2*len(x))
	for i, a := range along {
		a, _ = axisIn(a, len(x))
		all[a], all[a+len(x)] = p[i], p[i+len(along)]
		for _, v := range []int{p[i], p[i+len(along)]} {
			if v < -maxExtent || v > maxExtent {
				return nil, fmt.Errorf("pads %v are not from %d to %d", p, -maxExtent, maxExtent)
			}
		}
	}
	return all, nil
}

// mirrored is the place from which a position outside 0..n-1 takes its value, or -1.
func mirrored(c, n int, mode string) int {
	if c >= 0 && c < n {
		return c
	}
	switch mode {
	case "edge":
		return min(max(c, 0), n-1)
	case "wrap":
		return ((c % n) + n) % n
	case "reflect":
		round := 2 * (n - 1)
		c = ((c % round) + round) % round
		return min(c, round-c)
	}
	return -1
}
