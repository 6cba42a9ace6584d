package tflite

import (
	"errors"
	"fmt"
	"slices"

	"github.com/godlas/godlas/dlas/ir"
)

// axis is one of the file's axes in our order.
func axis(a, axes int) (int, error) {
	if a < 0 {
		a += axes
	}
	if a < 0 || a >= axes {
		return 0, fmt.Errorf("has the axis %d of %d", a, axes)
	}
	if axes == 4 {
		return [4]int{0, 2, 3, 1}[a], nil
	}
	return a, nil
}

func (n *node) concat() error {
	axes := len(n.y().shape)
	a, err := axis(int(n.opts.int(0, 0)), axes)
	if err != nil {
		return err
	}
	in := make([]string, len(n.in))
	for k, i := range n.in {
		if n.x(k).isConst && axes == 4 {
			in[k], err = n.r.constant(i, []int{0, 3, 1, 2})
		} else {
			in[k], err = n.r.value(i)
		}
		if err != nil {
			return err
		}
	}
	return n.finish(n.emit("Concat", ir.Attrs{"axis": a}, in...), n.opts.byte(1, 0))
}

// list is a constant input of integers.
func (n *node) list(k int) ([]int, error) {
	t := n.x(k)
	if !t.isConst {
		return nil, fmt.Errorf("its input %d is computed: unsupported", k)
	}
	if len(t.data) > 1<<10 {
		return nil, fmt.Errorf("its input %d has %d bytes", k, len(t.data))
	}
	var out []int
	switch t.typ {
	case ir.I32:
		for _, v := range view[int32](t.data) {
			out = append(out, int(v))
		}
	case ir.I64:
		for _, v := range view[int64](t.data) {
			out = append(out, int(v))
		}
	default:
		return nil, fmt.Errorf("its input %d has the type %s", k, t.typ)
	}
	return out, nil
}

// pad: a start and an end for each axis.
func (n *node) pad() error {
	p, err := n.list(1)
	if err != nil {
		return err
	}
	axes := len(n.x(0).shape)
	if len(p) != 2*axes {
		return fmt.Errorf("has %d pads for %d axes", len(p), axes)
	}
	pads := make([]int, 2*axes)
	for a := range axes {
		to, err := axis(a, axes)
		if err != nil {
			return err
		}
		pads[to], pads[axes+to] = p[2*a], p[2*a+1]
	}
	name, err := n.r.value(n.in[0])
	if err != nil {
		return err
	}
	return n.finish(n.emit("Pad", ir.Attrs{"pads": pads}, name), 0)
}

func (n *node) mean() error {
	list, err := n.list(1)
	if err != nil {
		return err
	}
	axes := len(n.x(0).shape)
	for i, a := range list {
		if list[i], err = axis(a, axes); err != nil {
			return err
		}
	}
	slices.Sort(list)
	name, err := n.r.value(n.in[0])
	if err != nil {
		return err
	}
	keep := n.opts.byte(0, 0) != 0
	n.usual = "xnnpack"
	if axes == 4 && slices.Equal(list, []int{2, 3}) {
		name = n.emit("GlobalAveragePool", nil, name)
		if !keep {
			name = n.emit("Flatten", nil, name)
		}
		return n.finish(name, 0)
	}
	if axes == 4 && !keep {
		return fmt.Errorf("drops the axes %v of four: unsupported", list)
	}
	flag := 0
	if keep {
		flag = 1
	}
	return n.finish(n.emit("ReduceMean", ir.Attrs{"axes": list, "keepdims": flag}, name), 0)
}

// reshape: the result's shape in the file says all.
func (n *node) reshape() error {
	x, y := n.x(0), n.y()
	if sameNumbers(x, y) && x.typ == y.typ && n.r.made[x.name] {
		// Integers keep their places as numbers do.
		name, err := n.flatten(x.name, x.shape, y.shape)
		if err != nil {
			return err
		}
		n.takeName(name)
		return nil
	}
	name, err := n.r.value(n.in[0])
	if err != nil {
		return err
	}
	if name, err = n.flatten(name, x.shape, y.shape); err != nil {
		return err
	}
	return n.finish(name, 0)
}

// flatten gives a value of that shape another one, elements in the file's order.
func (n *node) flatten(name string, from []int, to []int) (string, error) {
	if len(from) == 4 && from[1]*from[2] > 1 && from[3] > 1 {
		name = n.emit("Transpose", ir.Attrs{"perm": []int{0, 2, 3, 1}}, name)
	}
	if len(to) == 0 || len(from) == 0 {
		return "", errors.New("makes or takes a scalar: unsupported")
	}
	// The batch is free: what has the same first axis before and after keeps the one it gets.
	to = slices.Clone(to)
	if len(to) == 2 && (from[0] == to[0] || to[0] == 0) {
		return n.emit("Flatten", ir.Attrs{"axis": 1}, name), nil
	}
	turn := len(to) == 4 && to[1]*to[2] > 1 && to[3] > 1
	if len(to) == 4 && !turn {
		to = []int{to[0], to[3], to[1], to[2]}
	}
	if from[0] == to[0] {
		to[0] = 0
	}
	list := make([]int64, len(to))
	for i, d := range to {
		list[i] = int64(d)
	}
	shape := n.r.weight(n.y().name+"_shape", &ir.Tensor{Type: ir.I64, Shape: ir.Shape{len(list)}, Data: list})
	name = n.emit("Reshape", nil, name, shape)
	if turn {
		name = n.emit("Transpose", ir.Attrs{"perm": []int{0, 3, 1, 2}}, name)
	}
	return name, nil
}
