package op

import (
	"fmt"
	"math"
	"slices"

	"github.com/godlas/godlas/dlas/ir"
)

// transpose permutes the axes: axis i of the output is axis perm[i] of the input; by default they are reversed.
func transpose() Row {
	return Row{
		Name: "Transpose", Least: 1, Most: 1,
		Attrs: []string{"perm"},
		Infer: oneType(anyType, func(n *ir.Node, in []ir.Shape) (ir.Shape, error) {
			perm, err := permutation(n, len(in[0]))
			if err != nil {
				return nil, err
			}
			out := make(ir.Shape, len(perm))
			for i, p := range perm {
				out[i] = in[0][p]
			}
			return out, nil
		}),
		Eval: func(n *ir.Node, in, out []Array) {
			perm, _ := permutation(n, len(in[0].Shape))
			from, step := strides(in[0].Shape), make([]int, len(perm))
			for i, p := range perm {
				step[i] = from[p]
			}
			walk(out[0].Shape, []int{0}, [][]int{step}, func(i int, at []int) { out[0].Data[i] = in[0].Data[at[0]] })
		},
	}
}

func permutation(n *ir.Node, axes int) ([]int, error) {
	perm := n.Attrs.Ints("perm")
	if len(perm) == 0 {
		for i := range axes {
			perm = append(perm, axes-1-i)
		}
		return perm, nil
	}
	if len(perm) != axes {
		return nil, fmt.Errorf("attribute perm has %d axes, its input %d", len(perm), axes)
	}
	set := make([]bool, axes)
	for _, p := range perm {
		if p < 0 || p >= axes || set[p] {
			return nil, fmt.Errorf("attribute perm %v is no permutation of %d axes", perm, axes)
		}
		set[p] = true
	}
	return perm, nil
}

// expand stretches a value to the shape that it has together with the one given.
func expand() Row {
	return Row{
		Name: "Expand", Least: 1, Most: 2, Params: map[int]string{1: "shape"}, Attrs: []string{"shape"},
		Infer: func(n *ir.Node, in []Operand) ([]Operand, error) {
			list, err := shapeParam(n, "shape", known(in, 1))
			if err != nil {
				return nil, err
			}
			out, err := broadcast(in[0].Shape, list)
			return []Operand{{Type: in[0].Type, Shape: out}}, err
		},
		Eval: func(_ *ir.Node, in, out []Array) {
			walk(out[0].Shape, []int{0}, [][]int{stretched(in[0].Shape, out[0].Shape)}, func(i int, at []int) { out[0].Data[i] = in[0].Data[at[0]] })
		},
	}
}

// shapeParam is a shape that a node is given: no extent is negative.
func shapeParam(n *ir.Node, attr string, a Array) (ir.Shape, error) {
	list, there, err := intParam(n, attr, a)
	if err != nil {
		return nil, err
	}
	if !there {
		return nil, fmt.Errorf("no %s is given", attr)
	}
	if len(list) > maxAxes {
		return nil, fmt.Errorf("%s has %d axes, more than %d", attr, len(list), maxAxes)
	}
	return list, checkConst(list)
}

// tile repeats a value along each axis.
func tile() Row {
	return Row{
		Name: "Tile", Least: 1, Most: 2, Params: map[int]string{1: "repeats"}, Attrs: []string{"repeats"},
		Infer: func(n *ir.Node, in []Operand) ([]Operand, error) {
			r, there, err := intParam(n, "repeats", known(in, 1))
			if err != nil {
				return nil, err
			}
			if !there || len(r) != len(in[0].Shape) {
				return nil, fmt.Errorf("repeats %v for %d axes", r, len(in[0].Shape))
			}
			out := slices.Clone(in[0].Shape)
			for i := range out {
				if r[i] < 0 || r[i] > MaxElems {
					return nil, fmt.Errorf("repeats %v", r)
				}
				out[i] *= r[i]
			}
			return []Operand{{Type: in[0].Type, Shape: out}}, nil
		},
		Eval: func(_ *ir.Node, in, out []Array) {
			from := strides(in[0].Shape)
			eachIndex(out[0].Shape, func(i int, index []int) {
				at := 0
				for k, x := range index {
					at += x % in[0].Shape[k] * from[k]
				}
				out[0].Data[i] = in[0].Data[at]
			})
		},
	}
}

// eachIndex goes through the elements of a shape in row-major order.
func eachIndex(s ir.Shape, f func(i int, index []int)) {
	steps := make([][]int, len(s))
	for k := range s {
		steps[k] = make([]int, len(s))
		steps[k][k] = 1
	}
	walk(s, make([]int, len(s)), steps, f)
}

// concat joins values along axis.
func concat() Row {
	return Row{
		Name: "Concat", Least: 1, Most: 1 << 12,
		Attrs: []string{"axis"},
		Infer: oneType(anyType, func(n *ir.Node, in []ir.Shape) (ir.Shape, error) {
			axis, err := axisOf(n, 1, len(in[0]))
			if err != nil {
				return nil, err
			}
			out := slices.Clone(in[0])
			for _, s := range in[1:] {
				for i := range out {
					if s == nil || len(s) != len(out) || i != axis && s[i] != out[i] {
						return nil, fmt.Errorf("its inputs' shapes %v and %v do not fit along axis %d", in[0], s, axis)
					}
				}
				out[axis] += s[axis]
			}
			return out, nil
		}),
		Eval: func(n *ir.Node, in, out []Array) {
			axis, _ := axisOf(n, 1, len(out[0].Shape))
			at := 0
			for outer := range out[0].Shape[:axis].Elems() {
				for _, x := range in {
					run := x.Shape[axis:].Elems()
					at += copy(out[0].Data[at:], x.Data[outer*run:(outer+1)*run])
				}
			}
		},
	}
}

// split cuts a value along axis, into the extents given or into equal ones (of which the last may be smaller).
func split() Row {
	return Row{
		Name: "Split", Least: 1, Most: 2, Outs: 1 << 10, Params: map[int]string{1: "split"},
		Attrs: []string{"axis", "split", "num_outputs"},
		Infer: func(n *ir.Node, in []Operand) ([]Operand, error) {
			axis, err := axisOf(n, 0, len(in[0].Shape))
			if err != nil {
				return nil, err
			}
			parts, there, err := intParam(n, "split", known(in, 1))
			if err != nil {
				return nil, err
			}
			extent := in[0].Shape[axis]
			if !there {
				count := n.Attrs.Int("num_outputs", len(n.Out))
				if count != len(n.Out) {
					return nil, fmt.Errorf("attribute num_outputs is %d for %d outputs", count, len(n.Out))
				}
				each := (extent + count - 1) / count
				for left := extent; len(parts) < count; left -= each {
					parts = append(parts, max(0, min(each, left)))
				}
			}
			sum := 0
			out := make([]Operand, len(parts))
			for i, d := range parts {
				if d < 0 || d > extent {
					return nil, fmt.Errorf("split %v of %d", parts, extent)
				}
				sum += d
				s := slices.Clone(in[0].Shape)
				s[axis] = d
				out[i] = Operand{Type: in[0].Type, Shape: s}
			}
			if sum != extent || len(parts) != len(n.Out) {
				return nil, fmt.Errorf("split %v of %d into %d outputs", parts, extent, len(n.Out))
			}
			return out, nil
		},
		Eval: func(n *ir.Node, in, out []Array) {
			axis, _ := axisOf(n, 0, len(in[0].Shape))
			at := 0
			for outer := range in[0].Shape[:axis].Elems() {
				for _, y := range out {
					run := y.Shape[axis:].Elems()
					at += copy(y.Data[outer*run:(outer+1)*run], in[0].Data[at:])
				}
			}
		},
	}
}

// slice takes the elements from start to end (exclusive) in steps along some axes; numbers below 0 count from the end.
func slice() Row {
	return Row{
		Name: "Slice", Least: 1, Most: 5, Params: map[int]string{1: "starts", 2: "ends", 3: "axes", 4: "steps"},
		Attrs: []string{"starts", "ends", "axes", "steps"},
		Infer: func(n *ir.Node, in []Operand) ([]Operand, error) {
			_, _, out, err := sliced(n, in[0].Shape, known(in, 1), known(in, 2), known(in, 3), known(in, 4))
			return []Operand{{Type: in[0].Type, Shape: out}}, err
		},
		Eval: func(n *ir.Node, in, out []Array) {
			start, step, _, _ := sliced(n, in[0].Shape, arg(in, 1), arg(in, 2), arg(in, 3), arg(in, 4))
			from, at := strides(in[0].Shape), 0
			for i := range step {
				at += start[i] * from[i]
				step[i] *= from[i]
			}
			walk(out[0].Shape, []int{at}, [][]int{step}, func(i int, at []int) { out[0].Data[i] = in[0].Data[at[0]] })
		},
	}
}

func sliced(n *ir.Node, x ir.Shape, starts, ends, axes, steps Array) (start, step []int, out ir.Shape, err error) {
	from, has1, err1 := intParam(n, "starts", starts)
	to, has2, err2 := intParam(n, "ends", ends)
	along, has3, err3 := intParam(n, "axes", axes)
	by, has4, err4 := intParam(n, "steps", steps)
	for _, e := range []error{err1, err2, err3, err4} {
		if e != nil {
			return nil, nil, nil, e
		}
	}
	if !has1 || !has2 || len(to) != len(from) || has3 && len(along) != len(from) || has4 && len(by) != len(from) || !has3 && len(from) > len(x) {
		return nil, nil, nil, fmt.Errorf("starts %v, ends %v, axes %v, steps %v do not fit", from, to, along, by)
	}
	start, step, out = make([]int, len(x)), make([]int, len(x)), slices.Clone(x)
	for i := range step {
		step[i] = 1
	}
	seen := make([]bool, len(x))
	for i := range from {
		a := i
		if has3 {
			if a, err = axisIn(along[i], len(x)); err != nil {
				return nil, nil, nil, err
			}
		}
		if seen[a] {
			return nil, nil, nil, fmt.Errorf("axis %d is named twice", a)
		}
		seen[a] = true
		d := 1
		if has4 {
			d = by[i]
		}
		if d == 0 || d == math.MinInt {
			return nil, nil, nil, fmt.Errorf("steps %v", by)
		}
		place := func(p, lo, hi int) int {
			if p < 0 {
				p += x[a]
			}
			return min(max(p, lo), hi)
		}
		if d > 0 {
			s, e := place(from[i], 0, x[a]), place(to[i], 0, x[a])
			start[a], step[a], out[a] = s, d, max(0, ceilDiv(e-s, d))
		} else {
			s, e := place(from[i], 0, x[a]-1), place(to[i], -1, x[a]-1)
			start[a], step[a], out[a] = max(s, 0), d, max(0, ceilDiv(s-e, -d))
		}
		if out[a] <= 1 {
			step[a] = 1 // a huge step is never taken
		}
	}
	return start, step, out, nil
}

// ceilDiv is a/b rounded up, for b above 0, without overflow.
func ceilDiv(a, b int) int {
	q := a / b
	if a%b > 0 {
		q++
	}
	return q
}

// depthToSpace moves channels into blocks of pixels, spaceToDepth back.
func depthToSpace() Row {
	return Row{
		Name: "DepthToSpace", Least: 1, Most: 1,
		Attrs: []string{"blocksize", "mode"},
		Infer: oneType(anyType, func(n *ir.Node, in []ir.Shape) (ir.Shape, error) {
			b, x := n.Attrs.Int("blocksize", 0), in[0]
			if err := fourAxes(x); err != nil {
				return nil, err
			}
			if b < 1 || b > maxExtent || x[1]%(b*b) != 0 {
				return nil, fmt.Errorf("blocksize %d of %v", b, x)
			}
			return ir.Shape{x[0], x[1] / (b * b), x[2] * b, x[3] * b}, nil
		}),
		Eval: func(n *ir.Node, in, out []Array) {
			b, s := n.Attrs.Int("blocksize", 0), out[0].Shape
			x, h, w := in[0].Shape, in[0].Shape[2], in[0].Shape[3]
			crd := n.Attrs.Str("mode", "DCR") == "CRD"
			eachIndex(s, func(i int, at []int) {
				block := at[2]%b*b + at[3]%b
				c := block*s[1] + at[1]
				if crd {
					c = at[1]*b*b + block
				}
				out[0].Data[i] = in[0].Data[((at[0]*x[1]+c)*h+at[2]/b)*w+at[3]/b]
			})
		},
	}
}

func spaceToDepth() Row {
	return Row{
		Name: "SpaceToDepth", Least: 1, Most: 1,
		Attrs: []string{"blocksize"},
		Infer: oneType(anyType, func(n *ir.Node, in []ir.Shape) (ir.Shape, error) {
			b, x := n.Attrs.Int("blocksize", 0), in[0]
			if err := fourAxes(x); err != nil {
				return nil, err
			}
			if b < 1 || b > maxExtent || x[2]%b != 0 || x[3]%b != 0 {
				return nil, fmt.Errorf("blocksize %d of %v", b, x)
			}
			return ir.Shape{x[0], x[1] * b * b, x[2] / b, x[3] / b}, nil
		}),
		Eval: func(n *ir.Node, in, out []Array) {
			b, x := n.Attrs.Int("blocksize", 0), in[0].Shape
			eachIndex(out[0].Shape, func(i int, at []int) {
				block, c := at[1]/x[1], at[1]%x[1]
				y, z := at[2]*b+block/b, at[3]*b+block%b
				out[0].Data[i] = in[0].Data[((at[0]*x[1]+c)*x[2]+y)*x[3]+z]
			})
		},
	}
}

// centerCropPad crops or pads with zeros around the middle, to the shape given for some axes.
func centerCropPad() Row {
	return Row{
		Name: "CenterCropPad", Least: 1, Most: 2, Params: map[int]string{1: "shape"}, Attrs: []string{"shape", "axes"},
		Infer: func(n *ir.Node, in []Operand) ([]Operand, error) {
			want, err := shapeParam(n, "shape", known(in, 1))
			if err != nil {
				return nil, err
			}
			axes := n.Attrs.Ints("axes")
			if axes == nil {
				for i := range in[0].Shape {
					axes = append(axes, i)
				}
			}
			if _, err := axesIn(axes, len(in[0].Shape)); err != nil {
				return nil, err
			}
			if len(axes) != len(want) {
				return nil, fmt.Errorf("shape %v for axes %v", want, axes)
			}
			out := slices.Clone(in[0].Shape)
			for i, a := range axes {
				a, _ = axisIn(a, len(out))
				out[a] = want[i]
			}
			return []Operand{{Type: in[0].Type, Shape: out}}, nil
		},
		Eval: func(_ *ir.Node, in, out []Array) {
			from, s := strides(in[0].Shape), in[0].Shape
			eachIndex(out[0].Shape, func(i int, index []int) {
				at := 0
				for k, x := range index {
					if d := s[k] - out[0].Shape[k]; d > 0 {
						x += d / 2
					} else {
						x -= -d / 2
					}
					if x < 0 || x >= s[k] {
						return
					}
					at += x * from[k]
				}
				out[0].Data[i] = in[0].Data[at]
			})
		},
	}
}

// reverseSequence turns the first sequence_lens[b] steps of each sequence b round.
func reverseSequence() Row {
	return Row{
		Name: "ReverseSequence", Least: 2, Most: 2,
		Attrs: []string{"batch_axis", "time_axis"},
		Infer: func(n *ir.Node, in []Operand) ([]Operand, error) {
			b, t := n.Attrs.Int("batch_axis", 1), n.Attrs.Int("time_axis", 0)
			x := in[0].Shape
			if len(x) < 2 || b < 0 || b > 1 || t < 0 || t > 1 || b == t {
				return nil, fmt.Errorf("batch_axis %d, time_axis %d of %v", b, t, x)
			}
			if len(in[1].Shape) != 1 || in[1].Shape[0] != x[b] || !in[1].Type.Integer() {
				return nil, fmt.Errorf("its sequences' lengths are %s %v for a batch of %d", in[1].Type, in[1].Shape, x[b])
			}
			return []Operand{{Type: in[0].Type, Shape: x}}, nil
		},
		Eval: func(n *ir.Node, in, out []Array) {
			b, t := n.Attrs.Int("batch_axis", 1), n.Attrs.Int("time_axis", 0)
			from := strides(in[0].Shape)
			eachIndex(out[0].Shape, func(i int, index []int) {
				at := i
				if length := min(int(in[1].Data[index[b]]), in[0].Shape[t]); index[t] < length {
					at += (length - 1 - 2*index[t]) * from[t]
				}
				out[0].Data[i] = in[0].Data[at]
			})
		},
	}
}
