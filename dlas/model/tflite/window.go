package tflite

import (
	"errors"
	"fmt"
	"slices"

	"github.com/godlas/godlas/dlas/ir"
)

// pads are the pads of a window in ONNX's order. SAME makes the result as large as the input divided by the stride,
// with the odd pixel at the end.
func (n *node) pads(window [2]int, strides, dilations []int) ([]int, error) {
	x := n.x(0).shape
	switch n.opts.byte(0, 0) {
	case 1: // VALID
		return []int{0, 0, 0, 0}, nil
	case 0:
	default:
		return nil, fmt.Errorf("has padding %d", n.opts.byte(0, 0))
	}
	p := make([]int, 4)
	for a := range 2 {
		size := x[1+a]
		out := (size + strides[a] - 1) / strides[a]
		total := max((out-1)*strides[a]+(window[a]-1)*dilations[a]+1-size, 0)
		p[a], p[2+a] = total/2, total-total/2
	}
	return p, nil
}

// window reads strides and dilations from the options' fields and computes the pads.
func (n *node) window(kh, kw, strideW, dilationW int) (ir.Attrs, error) {
	const most = 1 << 16
	s := []int{int(n.opts.int(strideW+1, 0)), int(n.opts.int(strideW, 0))}
	d := []int{1, 1}
	if dilationW > 0 {
		d = []int{int(n.opts.int(dilationW+1, 1)), int(n.opts.int(dilationW, 1))}
	}
	for _, v := range append(slices.Clone(s), d[0], d[1], kh, kw) {
		if v < 1 || v > most {
			return nil, fmt.Errorf("has strides %v, dilations %v and a window of %dx%d", s, d, kh, kw)
		}
	}
	if len(n.x(0).shape) != 4 {
		return nil, fmt.Errorf("its input has the shape %v", n.x(0).shape)
	}
	p, err := n.pads([2]int{kh, kw}, s, d)
	if err != nil {
		return nil, err
	}
	a := ir.Attrs{"kernel_shape": []int{kh, kw}, "strides": s, "pads": p}
	if dilationW > 0 {
		a["dilations"] = d
	}
	return a, nil
}

// weighted are the names of an input, its weights with their axes turned, and the bias if there is one.
func (n *node) weighted(perm []int) ([]string, error) {
	x, err := n.r.value(n.in[0])
	if err != nil {
		return nil, err
	}
	if !n.x(1).isConst {
		return nil, errors.New("its weights are computed: unsupported")
	}
	w, err := n.r.constant(n.in[1], perm)
	if err != nil {
		return nil, err
	}
	in := []string{x, w}
	if len(n.in) > 2 && n.in[2] >= 0 {
		b, err := n.r.value(n.in[2])
		if err != nil {
			return nil, err
		}
		in = append(in, b)
	}
	return in, nil
}

// conv: weights are out x height x width x in.
func (n *node) conv() error {
	w := n.x(1).shape
	if len(w) != 4 || w[3] < 1 || len(n.x(0).shape) != 4 {
		return fmt.Errorf("its weights have the shape %v", w)
	}
	a, err := n.window(w[1], w[2], 1, 4)
	if err != nil {
		return err
	}
	a["group"] = max(n.x(0).shape[3]/w[3], 1)
	n.fixed = true
	in, err := n.weighted([]int{0, 3, 1, 2})
	if err != nil {
		return err
	}
	return n.finish(n.emit("Conv", a, in...), n.opts.byte(3, 0))
}

// depthwise: weights are 1 x height x width x out.
func (n *node) depthwise() error {
	w := n.x(1).shape
	if len(w) != 4 || w[0] != 1 {
		return fmt.Errorf("its weights have the shape %v", w)
	}
	a, err := n.window(w[1], w[2], 1, 5)
	if err != nil {
		return err
	}
	a["group"] = n.x(0).shape[3]
	in, err := n.weighted([]int{3, 0, 1, 2})
	if err != nil {
		return err
	}
	return n.finish(n.emit("Conv", a, in...), n.opts.byte(4, 0))
}

// dense: weights are out x in, over an input whose last axes are flattened in the file's order.
func (n *node) dense() error {
	w := n.x(1)
	if len(w.shape) != 2 || n.opts.byte(1, 0) != 0 {
		return fmt.Errorf("its weights have the shape %v, or an order of their own", w.shape)
	}
	x := n.x(0)
	if len(n.y().shape) != 2 || n.opts.byte(2, 0) != 0 {
		return fmt.Errorf("its result has the shape %v: unsupported", n.y().shape)
	}
	n.fixed = true
	in, err := n.weighted(nil)
	if err != nil {
		return err
	}
	if len(x.shape) != 2 {
		if in[0], err = n.flatten(in[0], x.shape, []int{0, w.shape[1]}); err != nil {
			return err
		}
	}
	return n.finish(n.emit("Gemm", ir.Attrs{"transB": 1}, in...), n.opts.byte(0, 0))
}

func (n *node) pool(op string) error {
	kw, kh := int(n.opts.int(3, 0)), int(n.opts.int(4, 0))
	a, err := n.window(kh, kw, 1, 0)
	if err != nil {
		return err
	}
	in, err := n.r.value(n.in[0])
	if err != nil {
		return err
	}
	x := n.x(0).shape
	n.fixed = op == "AveragePool" && sameNumbers(n.x(0), n.y())
	if y := n.y().shape; op == "AveragePool" && kh == x[1] && kw == x[2] && len(y) == 4 && y[1] == 1 && y[2] == 1 && slices.Max(a["pads"].([]int)) == 0 {
		if n.fixed {
			n.usual = "fixed" // XNNPACK leaves it to LiteRT's own kernel
		}
		return n.finish(n.emit("GlobalAveragePool", nil, in), n.opts.byte(5, 0))
	}
	return n.finish(n.emit(op, a, in), n.opts.byte(5, 0))
}
