package op

import (
	"fmt"
	"slices"

	"github.com/godlas/godlas/dlas/ir"
)

// convTranspose spreads each number of a map over a window: the transpose of Conv. Inputs: x (N,C,H,W),
// W (C,M/group,KH,KW), B (M).
func convTranspose() Row {
	return Row{
		Name: "ConvTranspose", Least: 2, Most: 3,
		Attrs: []string{"auto_pad", "dilations", "group", "kernel_shape", "output_padding", "output_shape", "pads", "strides"},
		Infer: oneType(floats, func(n *ir.Node, in []ir.Shape) (ir.Shape, error) {
			_, out, err := spreading(n, in[0], in[1])
			if err == nil && len(in) > 2 && in[2] != nil && !in[2].Equal(out[1:2]) {
				err = fmt.Errorf("its bias' shape is %v, not %d", in[2], out[1])
			}
			return out, err
		}),
		MACs: func(_ *ir.Node, in []ir.Shape, _ ir.Shape) int64 {
			return int64(in[0].Elems()) * int64(in[1].Elems()/in[1][0])
		},
		Eval: func(n *ir.Node, in, out []Array) {
			x, w, y := in[0].Shape, in[1].Shape, out[0].Shape
			before, _, _ := spreading(n, x, w)
			stride := n.Attrs.Ints("strides", slices.Repeat([]int{1}, len(x)-2)...)
			dilation := n.Attrs.Ints("dilations", slices.Repeat([]int{1}, len(x)-2)...)
			group := n.Attrs.Int("group", 1)
			plane, kernel, made := x[2:].Elems(), w[2:].Elems(), y[2:].Elems()
			for i := range out[0].Data {
				out[0].Data[i] = optional(in, 2, i/made%y[1])
			}
			eachIndex(x[2:], func(p int, at []int) {
				eachIndex(w[2:], func(k int, tap []int) {
					to := 0
					for axis, a := range at {
						c := a*stride[axis] + tap[axis]*dilation[axis] - before[axis]
						if c < 0 || c >= y[axis+2] {
							return
						}
						to = to*y[axis+2] + c
					}
					for b := range x[0] {
						for c := range x[1] {
							v := in[0].Data[(b*x[1]+c)*plane+p]
							first := c / (x[1] / group) * w[1]
							for m := range w[1] {
								out[0].Data[(b*y[1]+first+m)*made+to] += v * in[1].Data[(c*w[1]+m)*kernel+k]
							}
						}
					}
				})
			})
		},
	}
}

// spreading is the padding before each axis that a ConvTranspose cuts off, and the output's shape.
func spreading(n *ir.Node, x, w ir.Shape) (before []int, out ir.Shape, err error) {
	axes := len(x) - 2
	if axes < 1 || len(w) != len(x) {
		return nil, nil, fmt.Errorf("weights %v do not fit an input of %v", w, x)
	}
	group := n.Attrs.Int("group", 1)
	if group < 1 || w[0] != x[1] || x[1]%group != 0 || w[1] > MaxElems/group {
		return nil, nil, fmt.Errorf("weights %v with group %d do not fit an input of %v", w, group, x)
	}
	bare := &ir.Node{Attrs: ir.Attrs{}}
	for _, a := range []string{"kernel_shape", "strides", "dilations", "pads"} {
		if v, ok := n.Attrs[a]; ok {
			bare.Attrs[a] = v
		}
	}
	v, err := slidingOf(bare, w[2:], x[2:])
	if err != nil {
		return nil, nil, err
	}
	extra, err := intsOf(n, "output_padding", make([]int, axes)...)
	if err != nil {
		return nil, nil, err
	}
	auto := n.Attrs.Str("auto_pad", "NOTSET")
	want := n.Attrs.Ints("output_shape")
	if want != nil && len(want) == axes+2 {
		want = want[2:]
	}
	if want != nil && len(want) != axes {
		return nil, nil, fmt.Errorf("attribute output_shape is %v", want)
	}
	before, out = slices.Clone(v.before), ir.Shape{x[0], w[1] * group}
	for i := range axes {
		if extra[i] < 0 || extra[i] > maxExtent || x[i+2] > MaxElems/v.stride[i] {
			return nil, nil, fmt.Errorf("output_padding %v of %v", extra, x)
		}
		full := v.stride[i]*(x[i+2]-1) + extra[i] + v.reach(i)
		d := full - v.before[i] - v.after[i]
		same := auto == "SAME_UPPER" || auto == "SAME_LOWER"
		if auto == "VALID" {
			before[i], d = 0, full
		}
		if want != nil || same {
			if d = x[i+2] * v.stride[i]; want != nil {
				d = want[i]
			}
			all := max(0, full-d)
			if before[i] = all / 2; auto != "SAME_UPPER" {
				before[i] = all - all/2
			}
		}
		if d < 1 {
			return nil, nil, fmt.Errorf("pads %v cut all of %v away", v.before, x)
		}
		out = append(out, d)
	}
	return before, out, checkConst(out)
}

// col2Im adds the columns of an im2col matrix up where they came from. Inputs: columns (N, C*K, L), the image's extents,
// the block's.
func col2Im() Row {
	read := func(n *ir.Node, x ir.Shape, image, block Array) (size, kernel []int, v sliding, over ir.Shape, err error) {
		if size, _, err = intParam(n, "image_shape", image); err != nil {
			return
		}
		if kernel, _, err = intParam(n, "block_shape", block); err != nil {
			return
		}
		if len(size) == 0 || len(kernel) != len(size) || len(size) > maxAxes-2 || len(x) != 3 || checkConst(size) != nil || checkConst(kernel) != nil {
			return nil, nil, v, nil, fmt.Errorf("blocks of %v for an image of %v from %v", kernel, size, x)
		}
		bare := &ir.Node{Attrs: ir.Attrs{}}
		for _, a := range []string{"strides", "dilations", "pads"} {
			if p, ok := n.Attrs[a]; ok {
				bare.Attrs[a] = p
			}
		}
		if v, err = slidingOf(bare, kernel, size); err != nil {
			return
		}
		if over, err = v.out(size); err == nil && (x[2] != over.Elems() || x[1]%ir.Shape(kernel).Elems() != 0) {
			err = fmt.Errorf("columns of %v for an image of %v", x, size)
		}
		return
	}
	return Row{
		Name: "Col2Im", Least: 1, Most: 3, Params: map[int]string{1: "image_shape", 2: "block_shape"},
		Attrs: []string{"image_shape", "block_shape", "dilations", "pads", "strides"},
		Infer: func(n *ir.Node, in []Operand) ([]Operand, error) {
			size, kernel, _, _, err := read(n, in[0].Shape, known(in, 1), known(in, 2))
			if err != nil {
				return nil, err
			}
			return []Operand{{Type: in[0].Type, Shape: slices.Concat(ir.Shape{in[0].Shape[0], in[0].Shape[1] / ir.Shape(kernel).Elems()}, size)}}, nil
		},
		Eval: func(n *ir.Node, in, out []Array) {
			size, kernel, v, over, _ := read(n, in[0].Shape, arg(in, 1), arg(in, 2))
			taps, columns, plane := ir.Shape(kernel).Elems(), over.Elems(), ir.Shape(size).Elems()
			v.eachWindow(size, over, func(o int, _ []int, list []tap) {
				for c := range out[0].Shape[0] * out[0].Shape[1] {
					for _, t := range list {
						out[0].Data[c*plane+t.x] += in[0].Data[(c*taps+t.k)*columns+o]
					}
				}
			})
		},
	}
}
