package op

import (
	"fmt"
	"slices"

	"github.com/godlas/godlas/dlas/ir"
)

// sliding is how a window slides over a map of any number of axes; Window is the same for two.
type sliding struct {
	kernel, stride, dilation, before, after []int
	ceil                                    bool
}

// slidingOf reads kernel_shape, strides, dilations, pads, auto_pad, ceil_mode of a node over a map of that shape, whose
// kernel is the one given unless that is nil: then kernel_shape is mandatory.
func slidingOf(n *ir.Node, kernel []int, over ir.Shape) (v sliding, err error) {
	axes := len(over)
	if axes == 0 {
		return v, fmt.Errorf("its input has no map to slide over")
	}
	ones, zeros := slices.Repeat([]int{1}, axes), make([]int, 2*axes)
	if v.kernel, err = intsOf(n, "kernel_shape", slices.Repeat([]int{0}, axes)...); err != nil {
		return v, err
	}
	if kernel != nil {
		if n.Attrs["kernel_shape"] != nil && !slices.Equal(v.kernel, kernel) {
			return v, fmt.Errorf("kernel_shape is %v, its weights are %v", ir.Shape(v.kernel), ir.Shape(kernel))
		}
		v.kernel = kernel
	}
	if v.stride, err = intsOf(n, "strides", ones...); err != nil {
		return v, err
	}
	if v.dilation, err = intsOf(n, "dilations", ones...); err != nil {
		return v, err
	}
	pads, err := intsOf(n, "pads", zeros...)
	if err != nil {
		return v, err
	}
	for _, list := range [][]int{v.kernel, v.stride, v.dilation} {
		for _, x := range list {
			if x < 1 || x > maxExtent {
				return v, fmt.Errorf("kernel %v, strides %v or dilations %v are not from 1 to %d", ir.Shape(v.kernel), v.stride, v.dilation, maxExtent)
			}
		}
	}
	for _, x := range pads {
		if x < 0 || x > maxExtent {
			return v, fmt.Errorf("pads %v are not from 0 to %d", pads, maxExtent)
		}
	}
	v.before, v.after = pads[:axes], pads[axes:]
	v.ceil = n.Attrs.Int("ceil_mode", 0) != 0
	switch auto := n.Attrs.Str("auto_pad", "NOTSET"); auto {
	case "NOTSET", "":
	case "VALID":
		v.before, v.after = zeros[:axes], zeros[axes:]
	case "SAME_UPPER", "SAME_LOWER":
		v.before, v.after, v.ceil = make([]int, axes), make([]int, axes), false
		for i, d := range over {
			all := max(0, (ceilDiv(d, v.stride[i])-1)*v.stride[i]+v.reach(i)-d)
			if v.before[i], v.after[i] = all/2, all-all/2; auto == "SAME_LOWER" {
				v.before[i], v.after[i] = v.after[i], v.before[i]
			}
		}
	default:
		return v, fmt.Errorf("unknown auto_pad %q", auto)
	}
	return v, nil
}

// reach is the extent of the kernel with its gaps.
func (v sliding) reach(axis int) int { return (v.kernel[axis]-1)*v.dilation[axis] + 1 }

// out is the number of positions along each axis.
func (v sliding) out(over ir.Shape) (ir.Shape, error) {
	s := make(ir.Shape, len(over))
	for i, d := range over {
		w := Window{Ceil: v.ceil}
		if s[i] = w.positions(d, v.kernel[i], v.stride[i], v.dilation[i], v.before[i], v.after[i]); s[i] < 1 {
			return nil, fmt.Errorf("a %v kernel does not fit into a map of %v", ir.Shape(v.kernel), over)
		}
	}
	return s, nil
}

// tap is a place of the kernel and the place of the map that it lies on.
type tap struct{ k, x int }

// eachWindow calls f for every position with those places of its kernel that lie inside the map.
func (v sliding) eachWindow(over, out ir.Shape, f func(o int, at []int, taps []tap)) {
	var taps []tap
	eachIndex(out, func(o int, at []int) {
		taps = append(taps[:0], tap{})
		for axis, d := range over {
			have := len(taps)
			for _, t := range taps[:have] {
				for k := range v.kernel[axis] {
					if x := at[axis]*v.stride[axis] - v.before[axis] + k*v.dilation[axis]; x >= 0 && x < d {
						taps = append(taps, tap{t.k*v.kernel[axis] + k, t.x*d + x})
					}
				}
			}
			taps = taps[:copy(taps, taps[have:])]
		}
		f(o, at, taps)
	})
}

// ExplicitPads are pads that say what a node's auto_pad does over a map of that shape, whose kernel is the one given
// unless that is nil.
func ExplicitPads(n *ir.Node, kernel []int, over ir.Shape) ([]int, error) {
	v, err := slidingOf(n, kernel, over)
	return slices.Concat(v.before, v.after), err
}
