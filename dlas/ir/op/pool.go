package op

import (
	"fmt"
	"math"
	"slices"

	"github.com/godlas/godlas/dlas/ir"
)

var poolAttrs = []string{"kernel_shape", "strides", "pads", "auto_pad", "ceil_mode", "dilations"}

// pooled is the shape of a pooling.
func pooled(n *ir.Node, x ir.Shape) (ir.Shape, error) {
	if len(x) < 3 {
		return nil, fmt.Errorf("its input's shape is %v, not N x C x H x W", x)
	}
	v, err := slidingOf(n, nil, x[2:])
	if err != nil {
		return nil, err
	}
	for i := range v.kernel {
		// Every window then reads at least one position of the map.
		if v.before[i] >= v.reach(i) || v.after[i] >= v.reach(i) {
			return nil, fmt.Errorf("pads reach over the whole %v kernel", ir.Shape(v.kernel))
		}
	}
	over, err := v.out(x[2:])
	return slices.Concat(x[:2], over), err
}

// eachPool calls f for every window of every channel of every image: its number in the output, its position, the
// channel's map and where the window's places are in it.
func eachPool(n *ir.Node, x, y ir.Shape, data []float64, f func(i int, v sliding, at []int, plane []float64, taps []tap)) {
	v, _ := slidingOf(n, nil, x[2:])
	size, made := x[2:].Elems(), y[2:].Elems()
	v.eachWindow(x[2:], y[2:], func(o int, at []int, taps []tap) {
		for c := range x[0] * x[1] {
			f(c*made+o, v, at, data[c*size:(c+1)*size], taps)
		}
	})
}

// averagePool is ONNX's AveragePool; count_include_pad counts padding as zeros.
func averagePool() Row {
	return Row{
		Name: "AveragePool", Least: 1, Most: 1,
		Attrs: append([]string{"count_include_pad"}, poolAttrs...),
		Infer: oneType(floats, func(n *ir.Node, in []ir.Shape) (ir.Shape, error) { return pooled(n, in[0]) }),
		Eval: func(n *ir.Node, in, out []Array) {
			with := n.Attrs.Int("count_include_pad", 0) != 0
			over := in[0].Shape[2:]
			eachPool(n, in[0].Shape, out[0].Shape, in[0].Data, func(i int, v sliding, at []int, plane []float64, taps []tap) {
				sum := 0.0
				for _, t := range taps {
					sum += plane[t.x]
				}
				out[0].Data[i] = sum / float64(v.count(over, at, taps, with))
			})
		},
	}
}

// count is the number that an average over a window divides by: its places inside the map, or with padding those inside
// map and padding.
func (v sliding) count(over ir.Shape, at []int, taps []tap, padding bool) int {
	if !padding {
		return len(taps)
	}
	count := 1
	for axis, d := range over {
		from := at[axis]*v.stride[axis] - v.before[axis]
		count *= insideOf(from, v.kernel[axis], v.dilation[axis], -v.before[axis], d+v.after[axis])
	}
	return count
}

// insideOf is the number of places of a kernel at from that are in lo..hi-1.
func insideOf(from, k, d, lo, hi int) int {
	c := 0
	for i := range k {
		if at := from + i*d; at >= lo && at < hi {
			c++
		}
	}
	return c
}

// PoolCount is the number that an average pooling divides by at an output position of a map of h x w.
func PoolCount(n *ir.Node, v Window, oy, ox, h, w int) int {
	before, after := [2]int{}, [2]int{}
	if n.Attrs.Int("count_include_pad", 0) != 0 {
		before, after = [2]int{v.Top, v.Left}, [2]int{v.Bottom, v.Right}
	}
	return insideOf(oy*v.SH-v.Top, v.KH, v.DH, -before[0], h+after[0]) * insideOf(ox*v.SW-v.Left, v.KW, v.DW, -before[1], w+after[1])
}

// maxPool is ONNX's MaxPool; padding never wins. The second output is where the largest was, in the whole input; with
// storage_order 1 the first axis of the map runs fastest in that count.
func maxPool() Row {
	return Row{
		Name: "MaxPool", Least: 1, Most: 1, Outs: 2,
		Attrs: append([]string{"storage_order"}, poolAttrs...),
		Infer: func(n *ir.Node, in []Operand) ([]Operand, error) {
			if !numbers.has(in[0].Type) {
				return nil, fmt.Errorf("its input has the type %s", in[0].Type)
			}
			s, err := pooled(n, in[0].Shape)
			return []Operand{{Type: in[0].Type, Shape: s}, {Type: ir.I64, Shape: s}}, err
		},
		Eval: func(n *ir.Node, in, out []Array) {
			over := in[0].Shape[2:]
			size, made := over.Elems(), out[0].Shape[2:].Elems()
			eachPool(n, in[0].Shape, out[0].Shape, in[0].Data, func(i int, _ sliding, _ []int, plane []float64, taps []tap) {
				best := tap{-1, -1}
				top := math.Inf(-1)
				for _, t := range taps {
					if best.x < 0 || plane[t.x] > top || plane[t.x] != plane[t.x] {
						best, top = t, plane[t.x]
					}
				}
				out[0].Data[i] = top
				if n.Attrs.Int("storage_order", 0) != 0 {
					place, step, rest := 0, 1, best.x
					inner := size
					for _, d := range over {
						inner /= d
						place += rest / inner * step
						rest %= inner
						step *= d
					}
					best.x = place
				}
				out[1].Data[i] = float64(i/made*size + best.x)
			})
		},
	}
}

// lpPool is the p-norm of each window.
func lpPool() Row {
	return Row{
		Name: "LpPool", Least: 1, Most: 1,
		Attrs: append([]string{"p"}, poolAttrs...),
		Infer: oneType(floats, func(n *ir.Node, in []ir.Shape) (ir.Shape, error) { return pooled(n, in[0]) }),
		Eval: func(n *ir.Node, in, out []Array) {
			p := float64(n.Attrs.Int("p", 2))
			eachPool(n, in[0].Shape, out[0].Shape, in[0].Data, func(i int, _ sliding, _ []int, plane []float64, taps []tap) {
				sum := 0.0
				for _, t := range taps {
					sum += math.Pow(math.Abs(plane[t.x]), p)
				}
				out[0].Data[i] = math.Pow(sum, 1/p)
			})
		},
	}
}

// globalPool is the row of an operator that makes one number of each channel's map; its axes stay, with extent 1.
func globalPool(name string, f func(n *ir.Node, plane []float64) float64, attrs ...string) Row {
	return Row{
		Name: name, Least: 1, Most: 1, Attrs: attrs,
		Infer: oneType(floats, func(_ *ir.Node, in []ir.Shape) (ir.Shape, error) {
			if len(in[0]) < 3 {
				return nil, fmt.Errorf("its input's shape is %v, not N x C x H x W", in[0])
			}
			return slices.Concat(in[0][:2], slices.Repeat(ir.Shape{1}, len(in[0])-2)), nil
		}),
		Eval: func(n *ir.Node, in, out []Array) {
			plane := in[0].Shape[2:].Elems()
			for i := range out[0].Data {
				out[0].Data[i] = f(n, in[0].Data[i*plane:(i+1)*plane])
			}
		},
	}
}

func globalPools() []Row {
	return []Row{
		globalPool("GlobalAveragePool", func(_ *ir.Node, plane []float64) float64 { return total(plane) / float64(len(plane)) }),
		globalPool("GlobalMaxPool", func(_ *ir.Node, plane []float64) float64 { return highest(plane) }),
		globalPool("GlobalLpPool", func(n *ir.Node, plane []float64) float64 {
			p, sum := float64(n.Attrs.Int("p", 2)), 0.0
			for _, v := range plane {
				sum += math.Pow(math.Abs(v), p)
			}
			return math.Pow(sum, 1/p)
		}, "p"),
	}
}

// maxUnpool puts each number where its index (of a MaxPool) says, zeros elsewhere.
func maxUnpool() Row {
	return Row{
		Name: "MaxUnpool", Least: 2, Most: 3, Params: map[int]string{2: "output_shape"},
		Attrs: []string{"kernel_shape", "strides", "pads", "output_shape"},
		Infer: func(n *ir.Node, in []Operand) ([]Operand, error) {
			x := in[0].Shape
			if len(x) < 3 || !in[1].Shape.Equal(x) || in[1].Type != ir.I64 {
				return nil, fmt.Errorf("indices of %s %v for %v", in[1].Type, in[1].Shape, x)
			}
			v, err := slidingOf(n, nil, x[2:])
			if err != nil {
				return nil, err
			}
			list, there, err := intParam(n, "output_shape", known(in, 2))
			if err != nil {
				return nil, err
			}
			if there {
				if len(list) != len(x) {
					return nil, fmt.Errorf("output_shape %v of %v", list, x)
				}
				return []Operand{{Type: in[0].Type, Shape: list}}, nil
			}
			out := slices.Clone(x)
			for i := range v.kernel {
				out[i+2] = (x[i+2]-1)*v.stride[i] + v.kernel[i] - v.before[i] - v.after[i]
			}
			return []Operand{{Type: in[0].Type, Shape: out}}, nil
		},
		Eval: func(n *ir.Node, in, out []Array) {
			// The indices count in the map as it was without output_shape.
			bare := &ir.Node{Attrs: ir.Attrs{}}
			for _, a := range []string{"kernel_shape", "strides", "pads"} {
				if v, ok := n.Attrs[a]; ok {
					bare.Attrs[a] = v
				}
			}
			made, err := maxUnpool().Infer(bare, []Operand{{Type: in[0].Type, Shape: in[0].Shape}, {Type: ir.I64, Shape: in[1].Shape}})
			if err != nil || checkConst(made[0].Shape) != nil {
				return
			}
			from, to := strides(made[0].Shape), strides(out[0].Shape)
			for i, v := range in[0].Data {
				rest, at, inside := int(in[1].Data[i]), 0, true
				for k, step := range from {
					c := rest / step
					rest %= step
					inside = inside && c >= 0 && c < out[0].Shape[k]
					at += c * to[k]
				}
				if inside {
					out[0].Data[at] = v
				}
			}
		},
	}
}
