package op

import (
	"fmt"
	"math"
	"slices"

	"github.com/godlas/godlas/dlas/ir"
)

// gridSample takes each number of the output from where the grid says, in -1..1 over the map, last axis first.
func gridSample() Row {
	return Row{
		Name: "GridSample", Least: 2, Most: 2, Attrs: []string{"align_corners", "mode", "padding_mode"},
		Infer: func(n *ir.Node, in []Operand) ([]Operand, error) {
			x, g := in[0].Shape, in[1].Shape
			if len(x) < 3 || len(g) != len(x) || g[0] != x[0] || g[len(g)-1] != len(x)-2 || !in[1].Type.Float() || !in[0].Type.Float() {
				return nil, fmt.Errorf("a grid of %s %v for %s %v", in[1].Type, g, in[0].Type, x)
			}
			if m := n.Attrs.Str("mode", "linear"); !slices.Contains([]string{"linear", "bilinear", "nearest", "cubic", "bicubic"}, m) {
				return nil, fmt.Errorf("unknown mode %q", m)
			}
			if m := n.Attrs.Str("padding_mode", "zeros"); !slices.Contains([]string{"zeros", "border", "reflection"}, m) {
				return nil, fmt.Errorf("unknown padding_mode %q", m)
			}
			return []Operand{{Type: in[0].Type, Shape: slices.Concat(x[:2], g[1:len(g)-1])}}, nil
		},
		Eval: func(n *ir.Node, in, out []Array) {
			x, axes := in[0].Shape, len(in[0].Shape)-2
			plane, points := x[2:].Elems(), out[0].Shape[2:].Elems()
			at := make([]float64, axes)
			for b := range x[0] {
				for p := range points {
					for k := range at {
						at[k] = in[1].Data[(b*points+p)*axes+axes-1-k]
					}
					taps := gridTaps(n, at, x[2:])
					for c := range x[1] {
						sum := 0.0
						for _, t := range taps {
							sum += t.weight * in[0].Data[(b*x[1]+c)*plane+t.at]
						}
						out[0].Data[(b*x[1]+c)*points+p] = sum
					}
				}
			}
		},
	}
}

// gridTaps is what a number at a point of -1..1 is made of: places in the map, and their weights.
func gridTaps(n *ir.Node, at []float64, over ir.Shape) []weighted {
	mode, padding := n.Attrs.Str("mode", "linear"), n.Attrs.Str("padding_mode", "zeros")
	corners := n.Attrs.Int("align_corners", 0) != 0
	all := []weighted{{0, 1}}
	for k, d := range over {
		lo, hi := -0.5, float64(d)-0.5
		x := f32(((at[k]+1)*float64(d) - 1) / 2)
		if corners {
			lo, hi = 0, float64(d-1)
			x = f32((at[k] + 1) / 2 * float64(d-1))
		}
		if mode == "nearest" {
			x = math.RoundToEven(x)
		}
		if x != x || math.IsInf(x, 0) {
			return nil
		}
		// inside is where a position outside takes its number from, or none.
		inside := func(x float64) float64 {
			switch {
			case padding == "border":
				return min(max(x, 0), float64(d-1))
			case padding == "reflection" && (x < lo || x > hi):
				return reflected(x, lo, hi)
			}
			return x
		}
		if x < lo || x > hi {
			x = inside(x)
		}
		base := math.Floor(x)
		var taps []weighted
		add := func(from, to int, weight func(d float64) float64) {
			for i := from; i <= to; i++ {
				p := math.Trunc(inside(base + float64(i)))
				if p >= 0 && p < float64(d) {
					taps = append(taps, weighted{int(p), weight(math.Abs(base + float64(i) - x))})
				}
			}
		}
		switch mode {
		case "nearest":
			add(0, 0, func(float64) float64 { return 1 })
		case "cubic", "bicubic":
			add(-1, 2, func(d float64) float64 { return cubic(-0.75, d) })
		default:
			add(0, 1, func(d float64) float64 { return max(1-d, 0) })
		}
		var next []weighted
		for _, t := range all {
			for _, u := range taps {
				next = append(next, weighted{t.at*d + u.at, t.weight * u.weight})
			}
		}
		all = next
	}
	return all
}

// reflected folds a position back at lo and hi until it is between them.
func reflected(x, lo, hi float64) float64 {
	span := hi - lo
	if span <= 0 {
		return lo
	}
	d := math.Mod(math.Abs(x-lo), 2*span)
	return lo + min(d, 2*span-d)
}

// affineGrid is the grid that theta maps the regular one of an image of that size to.
func affineGrid() Row {
	return Row{
		Name: "AffineGrid", Least: 1, Most: 2, Params: map[int]string{1: "size"}, Attrs: []string{"align_corners", "size"},
		Infer: func(n *ir.Node, in []Operand) ([]Operand, error) {
			size, err := shapeParam(n, "size", known(in, 1))
			if err != nil {
				return nil, err
			}
			axes := len(size) - 2
			if axes != 2 && axes != 3 || !in[0].Shape.Equal(ir.Shape{size[0], axes, axes + 1}) || !in[0].Type.Float() {
				return nil, fmt.Errorf("theta of %v for a size of %v", in[0].Shape, size)
			}
			return []Operand{{Type: in[0].Type, Shape: slices.Concat(size[:1], size[2:], ir.Shape{axes})}}, nil
		},
		Eval: func(n *ir.Node, in, out []Array) {
			s := out[0].Shape
			axes := len(s) - 2
			corners := n.Attrs.Int("align_corners", 0) != 0
			eachIndex(s, func(i int, index []int) {
				theta := in[0].Data[(index[0]*axes+index[axes+1])*(axes+1):]
				sum := theta[axes]
				for k := range axes {
					d := float64(s[axes-k])
					p := (2*float64(index[axes-k])+1)/d - 1
					if corners {
						p = 2*float64(index[axes-k])/(d-1) - 1
					}
					sum += theta[k] * p
				}
				out[0].Data[i] = sum
			})
		},
	}
}

// bilinear is a number between the pixels of a map of h x w, from its four neighbours; combine gets each one's share.
func bilinear(plane []float64, h, w int, y, x float64, combine func(v float64)) {
	if y < -1 || y > float64(h) || x < -1 || x > float64(w) || y != y || x != x {
		for range 4 {
			combine(0)
		}
		return
	}
	part := func(v float64, d int) (lo, hi int, frac float64) {
		v = max(v, 0)
		if lo = int(v); lo >= d-1 {
			return d - 1, d - 1, 0
		}
		return lo, lo + 1, v - float64(lo)
	}
	y0, y1, fy := part(y, h)
	x0, x1, fx := part(x, w)
	combine((1 - fy) * (1 - fx) * plane[y0*w+x0])
	combine((1 - fy) * fx * plane[y0*w+x1])
	combine(fy * (1 - fx) * plane[y1*w+x0])
	combine(fy * fx * plane[y1*w+x1])
}

// roiAlign pools regions of maps into small ones of one size (He et al., Mask R-CNN, 2017). Inputs: x, rois (x1,y1,x2,y2),
// the image of each.
func roiAlign() Row {
	return Row{
		Name: "RoiAlign", Least: 3, Most: 3,
		Attrs: []string{"coordinate_transformation_mode", "mode", "output_height", "output_width", "sampling_ratio", "spatial_scale"},
		Infer: func(n *ir.Node, in []Operand) ([]Operand, error) {
			x, r := in[0].Shape, in[1].Shape
			if len(x) != 4 || len(r) != 2 || r[1] != 4 || !in[2].Shape.Equal(r[:1]) || !in[2].Type.Integer() || !in[0].Type.Float() {
				return nil, fmt.Errorf("regions of %v and %v for %v", r, in[2].Shape, x)
			}
			h, w := n.Attrs.Int("output_height", 1), n.Attrs.Int("output_width", 1)
			if h < 1 || w < 1 || h > maxExtent || w > maxExtent || n.Attrs.Int("sampling_ratio", 0) > 1<<8 {
				return nil, fmt.Errorf("an output of %dx%d, sampling_ratio %d", h, w, n.Attrs.Int("sampling_ratio", 0))
			}
			if m := n.Attrs.Str("mode", "avg"); m != "avg" && m != "max" {
				return nil, fmt.Errorf("unknown mode %q", m)
			}
			return []Operand{{Type: in[0].Type, Shape: ir.Shape{r[0], x[1], h, w}}}, nil
		},
		Eval: func(n *ir.Node, in, out []Array) {
			x, s := in[0].Shape, out[0].Shape
			scale, offset := n.Attrs.Float("spatial_scale", 1), 0.5
			half := n.Attrs.Str("coordinate_transformation_mode", "half_pixel") == "half_pixel"
			if !half {
				offset = 0
			}
			top := n.Attrs.Str("mode", "avg") == "max"
			for i := range out[0].Data {
				px, py, c, r := i%s[3], i/s[3]%s[2], i/(s[3]*s[2])%s[1], i/(s[3]*s[2]*s[1])
				roi := in[1].Data[4*r:]
				x0, y0 := roi[0]*scale-offset, roi[1]*scale-offset
				wide, high := roi[2]*scale-offset-x0, roi[3]*scale-offset-y0
				if !half {
					wide, high = max(wide, 1), max(high, 1)
				}
				binX, binY := wide/float64(s[3]), high/float64(s[2])
				samples := func(bin float64) int {
					if k := n.Attrs.Int("sampling_ratio", 0); k > 0 {
						return k
					}
					return int(min(max(math.Ceil(bin), 0), 1<<8))
				}
				nx, ny := samples(binX), samples(binY)
				plane := in[0].Data[(wrapped(in[2].Data[r], x[0])*x[1]+c)*x[2]*x[3]:]
				sum, best := 0.0, math.Inf(-1)
				for sy := range ny {
					for sx := range nx {
						y := y0 + float64(py)*binY + (float64(sy)+0.5)*binY/float64(ny)
						z := x0 + float64(px)*binX + (float64(sx)+0.5)*binX/float64(nx)
						bilinear(plane, x[2], x[3], y, z, func(v float64) { sum, best = sum+v, max(best, v) })
					}
				}
				if out[0].Data[i] = sum / float64(max(1, nx*ny)); top {
					if out[0].Data[i] = best; nx*ny == 0 {
						out[0].Data[i] = 0
					}
				}
			}
		},
	}
}

// deformConv is a convolution each of whose taps is moved by an offset and weighed by a mask (Zhu et al., Deformable
// ConvNets v2, 2019). Inputs: x, w, offset, bias, mask.
func deformConv() Row {
	return Row{
		Name: "DeformConv", Least: 3, Most: 5,
		Attrs: []string{"dilations", "group", "kernel_shape", "offset_group", "pads", "strides"},
		Infer: func(n *ir.Node, in []Operand) ([]Operand, error) {
			s, x := Shapes(in), in[0].Shape
			if len(x) != 4 {
				return nil, fmt.Errorf("its input's shape is %v, not N x C x H x W", x)
			}
			args := []ir.Shape{x, s[1]}
			if len(s) > 3 {
				args = append(args, s[3])
			}
			out, err := convShape(n, args)
			if err != nil {
				return nil, err
			}
			groups, taps := n.Attrs.Int("offset_group", 1), s[1][2]*s[1][3]
			if groups < 1 || x[1]%groups != 0 || !s[2].Equal(ir.Shape{x[0], 2 * groups * taps, out[2], out[3]}) {
				return nil, fmt.Errorf("offsets of %v in %d groups for %v", s[2], groups, out)
			}
			if len(s) > 4 && s[4] != nil && !s[4].Equal(ir.Shape{x[0], groups * taps, out[2], out[3]}) {
				return nil, fmt.Errorf("a mask of %v for %v", s[4], out)
			}
			return []Operand{{Type: in[0].Type, Shape: out}}, checkTypes(floats, in)
		},
		MACs: func(_ *ir.Node, in []ir.Shape, out ir.Shape) int64 {
			return int64(out.Elems()) * int64(in[1].Elems()/in[1][0])
		},
		Eval: func(n *ir.Node, in, out []Array) {
			x, w, s := in[0].Shape, in[1].Shape, out[0].Shape
			v, _ := slidingOf(n, w[2:], x[2:])
			groups, taps, made := n.Attrs.Int("offset_group", 1), w[2]*w[3], s[2]*s[3]
			perGroup := s[1] / n.Attrs.Int("group", 1)
			eachIndex(s, func(i int, at []int) {
				sum := optional(in, 3, at[1])
				for c := range w[1] {
					ic := at[1]/perGroup*w[1] + c
					plane := in[0].Data[(at[0]*x[1]+ic)*x[2]*x[3]:]
					for k := range taps {
						t := (at[0]*groups+ic/(x[1]/groups))*taps + k
						pos := at[2]*s[3] + at[3]
						y := float64(at[2]*v.stride[0]-v.before[0]+k/w[3]*v.dilation[0]) + in[2].Data[2*t*made+pos]
						z := float64(at[3]*v.stride[1]-v.before[1]+k%w[3]*v.dilation[1]) + in[2].Data[(2*t+1)*made+pos]
						m := 1.0
						if given(in, 4) {
							m = in[4].Data[t*made+pos]
						}
						sum += m * in[1].Data[(at[1]*w[1]+c)*taps+k] * between(plane, x[2], x[3], y, z)
					}
				}
				out[0].Data[i] = sum
			})
		},
	}
}

// between is a number between the pixels of a map, which has zeros around it.
func between(plane []float64, h, w int, y, x float64) float64 {
	y0, x0, sum := math.Floor(y), math.Floor(x), 0.0
	for i := range 4 {
		py, px := y0+float64(i/2), x0+float64(i%2)
		if py >= 0 && py < float64(h) && px >= 0 && px < float64(w) {
			sum += (1 - math.Abs(y-py)) * (1 - math.Abs(x-px)) * plane[int(py)*w+int(px)]
		}
	}
	return sum
}
