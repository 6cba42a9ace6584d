package op

import (
	"fmt"
	"math"
	"slices"

	"github.com/godlas/godlas/dlas/ir"
)

// resize is ONNX's Resize: each axis by itself, by the factors scales or to the extents sizes (of all axes, or those in
// axes). Inputs: x, roi, scales, sizes.
func resize() Row {
	return Row{
		Name: "Resize", Least: 1, Most: 4, Params: map[int]string{1: "roi", 2: "scales", 3: "sizes"},
		Attrs: []string{
			"antialias", "axes", "coordinate_transformation_mode", "cubic_coeff_a", "exclude_outside", "extrapolation_value",
			"keep_aspect_ratio_policy", "mode", "nearest_mode", "roi", "scales", "sizes",
		},
		Infer: func(n *ir.Node, in []Operand) ([]Operand, error) {
			p, err := resized(n, in[0].Shape, known(in, 1), known(in, 2), known(in, 3))
			return []Operand{{Type: in[0].Type, Shape: p.out}}, err
		},
		Eval: func(n *ir.Node, in, out []Array) {
			p, _ := resized(n, in[0].Shape, arg(in, 1), arg(in, 2), arg(in, 3))
			axes := make([][][]weighted, len(p.out))
			for a, d := range p.out {
				for at := range d {
					taps, _ := p.taps(n, a, at, in[0].Shape)
					axes[a] = append(axes[a], taps)
				}
			}
			step := strides(in[0].Shape)
			outside := n.Attrs.Float("extrapolation_value", 0)
			var sum func(axis, at int, index []int) float64
			sum = func(axis, at int, index []int) float64 {
				if axis == len(axes) {
					return in[0].Data[at]
				}
				v := 0.0
				for _, t := range axes[axis][index[axis]] {
					v += t.weight * sum(axis+1, at+t.at*step[axis], index)
				}
				return v
			}
			eachIndex(out[0].Shape, func(i int, index []int) {
				for axis, x := range index {
					if axes[axis][x] == nil {
						out[0].Data[i] = outside
						return
					}
				}
				out[0].Data[i] = sum(0, 0, index)
			})
		},
	}
}

// weighted is a place of the input and its share in a number of the output.
type weighted struct {
	at     int
	weight float64
}

// floatsParam reads numbers that a node gives as an attribute or as an input.
func floatsParam(n *ir.Node, attr string, a Array) ([]float64, error) {
	if v := n.Attrs.Floats(attr); v != nil {
		return v, nil
	}
	if n.Attrs[attr] != nil {
		return nil, fmt.Errorf("attribute %s is no list of numbers", attr)
	}
	if a.Type == "" {
		return nil, nil
	}
	return a.Data, constantParam(attr, a)
}

// resized reads how a node scales an input of that shape.
func resized(n *ir.Node, x ir.Shape, roiIn, scalesIn, sizesIn Array) (p resizing, err error) {
	crop := n.Attrs.Str("coordinate_transformation_mode", "half_pixel") == "tf_crop_and_resize"
	var roi []float64
	if crop {
		if roi, err = floatsParam(n, "roi", roiIn); err != nil {
			return p, err
		}
	}
	scales, err := floatsParam(n, "scales", scalesIn)
	if err != nil {
		return p, err
	}
	sizes, bySize, err := intParam(n, "sizes", sizesIn)
	if err != nil {
		return p, err
	}
	along := n.Attrs.Ints("axes")
	if along == nil {
		for i := range x {
			along = append(along, i)
		}
	}
	if _, err := axesIn(along, len(x)); err != nil {
		return p, err
	}
	bySize = bySize && len(sizes) > 0
	if bySize && len(sizes) != len(along) || !bySize && len(scales) != len(along) || crop && len(roi) != 2*len(along) {
		return p, fmt.Errorf("scales %v, sizes %v, roi %v for axes %v", scales, sizes, roi, along)
	}
	out := slices.Clone(x)
	factor, from, to := make([]float64, len(x)), make([]float64, len(x)), make([]float64, len(x))
	for i := range x {
		factor[i], to[i] = 1, 1
	}
	for i, a := range along {
		a, _ = axisIn(a, len(x))
		if x[a] < 1 {
			return p, fmt.Errorf("axis %d of %v is empty", a, x)
		}
		if bySize {
			factor[a], out[a] = float64(sizes[i])/float64(x[a]), sizes[i]
		} else {
			factor[a] = scales[i]
			out[a] = int(min(math.Floor(float64(x[a])*scales[i]), MaxElems))
		}
		if crop {
			from[a], to[a] = roi[i], roi[i+len(along)]
		}
		if !(factor[a] > 0) || out[a] < 1 || math.IsInf(factor[a], 0) {
			return p, fmt.Errorf("it scales axis %d of %v by %v", a, x, factor[a])
		}
	}
	if policy := n.Attrs.Str("keep_aspect_ratio_policy", "stretch"); bySize && policy != "stretch" {
		s := factor[(along[0]+len(x))%len(x)]
		for _, a := range along {
			if f := factor[(a+len(x))%len(x)]; policy == "not_smaller" {
				s = max(s, f)
			} else {
				s = min(s, f)
			}
		}
		for _, a := range along {
			a, _ = axisIn(a, len(x))
			factor[a], out[a] = s, int(s*float64(x[a])+0.5)
		}
	}
	if err := checkConst(out); err != nil {
		return p, err
	}
	p = resizing{out: out, factor: factor, from: from, to: to, crop: crop}
	for a := range x {
		if _, err := p.taps(n, a, 0, x); err != nil {
			return p, err
		}
	}
	return p, nil
}

// resizing is how a Resize scales each axis.
type resizing struct {
	out              ir.Shape
	factor, from, to []float64
	crop             bool
}

// taps are what a position along an axis is made of; nil: it lies outside.
func (p resizing) taps(n *ir.Node, axis, at int, x ir.Shape) ([]weighted, error) {
	if p.out[axis] == x[axis] && p.factor[axis] == 1 && !p.crop {
		return []weighted{{at, 1}}, nil
	}
	return resizeTaps(n, at, x[axis], p.out[axis], p.factor[axis], p.from[axis], p.to[axis])
}

// resizeTaps is what position p of an axis is made of, which had in positions and gets out of them, factor times as many.
func resizeTaps(n *ir.Node, p, in, out int, factor, from, to float64) ([]weighted, error) {
	x, wide, last := float64(p), factor*float64(in), float64(in-1)
	switch mode := n.Attrs.Str("coordinate_transformation_mode", "half_pixel"); mode {
	case "half_pixel":
		x = (x+0.5)/factor - 0.5
	case "half_pixel_symmetric":
		x = float64(in)/2*(1-float64(out)/wide) + (x+0.5)/factor - 0.5
	case "pytorch_half_pixel":
		if x = (x+0.5)/factor - 0.5; wide == 1 {
			x = -0.5
		}
	case "align_corners":
		if x *= last / (wide - 1); wide == 1 {
			x = 0
		}
	case "asymmetric":
		x /= factor
	case "tf_crop_and_resize":
		if x = from*last + x*(to-from)*last/(wide-1); wide == 1 {
			x = from*last + (to-from)*last/2
		}
		if x < 0 || x > last {
			return nil, nil
		}
	default:
		return nil, fmt.Errorf("unknown coordinate_transformation_mode %q", mode)
	}
	shrink := 1.0
	if n.Attrs.Int("antialias", 0) != 0 {
		shrink = min(factor, 1)
	}
	base := math.Ceil(x) - 1 // the neighbour before: where x is a position, that itself weighs all
	var taps []weighted
	add := func(from, to int, weight func(d float64) float64) {
		sum := 0.0
		for i := from; i <= to; i++ {
			at := base + float64(i)
			w := weight(math.Abs(at-x) * shrink)
			if n.Attrs.Int("exclude_outside", 0) != 0 && (at < 0 || at > last) {
				w = 0
			}
			sum += w
			taps = append(taps, weighted{int(min(max(at, 0), last)), w})
		}
		for i := range taps {
			taps[i].weight /= sum
		}
	}
	reach := func(r float64) int { return int(math.Floor(-r/shrink)) + 1 }
	if 1/shrink > maxExtent {
		return nil, fmt.Errorf("it shrinks an axis by %v", 1/shrink)
	}
	switch mode := n.Attrs.Str("mode", "nearest"); mode {
	case "nearest":
		switch how := n.Attrs.Str("nearest_mode", "round_prefer_floor"); how {
		case "round_prefer_floor":
			x = math.Ceil(x - 0.5)
		case "round_prefer_ceil":
			x = math.Floor(x + 0.5)
		case "floor":
			x = math.Floor(x)
		case "ceil":
			x = math.Ceil(x)
		default:
			return nil, fmt.Errorf("unknown nearest_mode %q", how)
		}
		return []weighted{{int(min(max(x, 0), last)), 1}}, nil
	case "linear":
		r := reach(1)
		add(r, 1-r, func(d float64) float64 { return max(1-d, 0) })
	case "cubic":
		a := n.Attrs.Float("cubic_coeff_a", -0.75)
		r := reach(2)
		add(r, 1-r, func(d float64) float64 { return cubic(a, d) })
	default:
		return nil, fmt.Errorf("unknown mode %q", mode)
	}
	return taps, nil
}

// cubic is the weight of a neighbour at distance d in cubic convolution (Keys, 1981).
func cubic(a, d float64) float64 {
	switch {
	case d <= 1:
		return ((a+2)*d-(a+3))*d*d + 1
	case d < 2:
		return ((a*d-5*a)*d+8*a)*d - 4*a
	}
	return 0
}
