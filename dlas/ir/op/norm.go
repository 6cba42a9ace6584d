package op

import (
	"fmt"
	"math"

	"github.com/godlas/godlas/dlas/ir"
)

// alongAxis is the row of an operator that makes of each row of numbers along axis (the last, or def) another one.
func alongAxis(name string, def int, f func(n *ir.Node, x, y []float64), attrs ...string) Row {
	return Row{
		Name: name, Least: 1, Most: 1, Attrs: append([]string{"axis"}, attrs...),
		Infer: oneType(floats, func(n *ir.Node, in []ir.Shape) (ir.Shape, error) {
			_, err := axisOf(n, def, len(in[0]))
			return in[0], err
		}),
		Eval: func(n *ir.Node, in, out []Array) {
			axis, _ := axisOf(n, def, len(in[0].Shape))
			x, y := make([]float64, in[0].Shape[axis]), make([]float64, in[0].Shape[axis])
			rowsAlong(in[0].Shape, axis, func(_, at, _, step int) {
				for j := range x {
					x[j] = in[0].Data[at+j*step]
				}
				f(n, x, y)
				for j := range y {
					out[0].Data[at+j*step] = y[j]
				}
			})
		},
	}
}

func softmaxes() []Row {
	return []Row{
		alongAxis("Softmax", -1, func(_ *ir.Node, x, y []float64) { softmaxOf(x, y) }),
		logSoftmax(),
		alongAxis("Hardmax", -1, func(_ *ir.Node, x, y []float64) {
			top := highest(x)
			found := false
			for j, v := range x {
				y[j] = truth(v == top && !found)
				found = found || v == top
			}
		}),
		alongAxis("LpNormalization", -1, func(n *ir.Node, x, y []float64) {
			sum := 0.0
			for _, v := range x {
				if n.Attrs.Int("p", 2) == 1 {
					sum += math.Abs(v)
				} else {
					sum += v * v
				}
			}
			if n.Attrs.Int("p", 2) != 1 {
				sum = math.Sqrt(sum)
			}
			for j, v := range x {
				y[j] = v / sum
			}
		}, "p"),
	}
}

func softmaxOf(x, y []float64) {
	top := highest(x)
	for j, v := range x {
		y[j] = math.Exp(v - top)
	}
	sum := total(y)
	for j := range y {
		y[j] /= sum
	}
}

func logSoftmax() Row {
	return alongAxis("LogSoftmax", -1, func(_ *ir.Node, x, y []float64) {
		top, sum := highest(x), 0.0
		for _, v := range x {
			sum += math.Exp(v - top)
		}
		for j, v := range x {
			y[j] = v - top - math.Log(sum)
		}
	})
}

func highest(x []float64) float64 {
	top := math.Inf(-1)
	for _, v := range x {
		top = max(top, v)
	}
	return top
}

// standardised writes (x - mean) / sqrt(variance + epsilon) and returns the mean and the divisor's reciprocal.
func standardised(x, y []float64, epsilon float64) (mean, inverse float64) {
	mean = total(x) / float64(len(x))
	for _, v := range x {
		inverse += (v - mean) * (v - mean)
	}
	inverse = 1 / math.Sqrt(inverse/float64(len(x))+epsilon)
	for i, v := range x {
		y[i] = (v - mean) * inverse
	}
	return mean, inverse
}

// instanceNormalization standardises each channel of each image.
func instanceNormalization() Row {
	return Row{
		Name: "InstanceNormalization", Least: 3, Most: 3, Attrs: []string{"epsilon"},
		Infer: oneType(floats, func(n *ir.Node, in []ir.Shape) (ir.Shape, error) {
			return in[0], checkNorm(n, in, 2)
		}),
		Eval: func(n *ir.Node, in, out []Array) {
			c, plane := in[0].Shape[1], in[0].Shape[2:].Elems()
			for i := range in[0].Shape[0] * c {
				y := out[0].Data[i*plane : (i+1)*plane]
				standardised(in[0].Data[i*plane:(i+1)*plane], y, n.Attrs.Float("epsilon", DefaultEpsilon))
				for j := range y {
					y[j] = y[j]*in[1].Data[i%c] + in[2].Data[i%c]
				}
			}
		},
	}
}

// checkNorm demands that the parameters after input 0 have one number a channel.
func checkNorm(n *ir.Node, in []ir.Shape, least int) error {
	if len(in[0]) < least {
		return fmt.Errorf("its input's shape is %v, which has no channels", in[0])
	}
	for _, s := range in[1:] {
		if !s.Equal(ir.Shape{in[0][1]}) {
			return fmt.Errorf("a parameter's shape is %v, not %d", s, in[0][1])
		}
	}
	return checkEpsilon(n)
}

func checkEpsilon(n *ir.Node) error {
	if e := n.Attrs.Float("epsilon", DefaultEpsilon); !(e >= 0) || math.IsInf(e, 0) {
		return fmt.Errorf("attribute epsilon is %v", e)
	}
	return nil
}

// groupNormalization standardises each group of channels of each image; scale and bias are one a channel (opset 21) or
// one a group (18).
func groupNormalization() Row {
	return Row{
		Name: "GroupNormalization", Least: 3, Most: 3, Attrs: []string{"epsilon", "num_groups", "stash_type"},
		Infer: oneType(floats, func(n *ir.Node, in []ir.Shape) (ir.Shape, error) {
			x, g := in[0], n.Attrs.Int("num_groups", 0)
			if len(x) < 2 || g < 1 || x[1]%g != 0 {
				return nil, fmt.Errorf("%d groups of %v", g, x)
			}
			for _, s := range in[1:] {
				if !s.Equal(ir.Shape{x[1]}) && !s.Equal(ir.Shape{g}) {
					return nil, fmt.Errorf("a parameter's shape is %v, not %d", s, x[1])
				}
			}
			return x, checkEpsilon(n)
		}),
		Eval: func(n *ir.Node, in, out []Array) {
			s, g := in[0].Shape, n.Attrs.Int("num_groups", 0)
			c, plane := s[1], s[2:].Elems()
			each := c / g * plane
			at := func(p Array, channel int) float64 { return p.Data[channel*len(p.Data)/c] }
			for i := range s[0] * g {
				y := out[0].Data[i*each : (i+1)*each]
				standardised(in[0].Data[i*each:(i+1)*each], y, n.Attrs.Float("epsilon", DefaultEpsilon))
				for j := range y {
					channel := (i*each + j) / plane % c
					y[j] = y[j]*at(in[1], channel) + at(in[2], channel)
				}
			}
		},
	}
}

// layerNormalization standardises the numbers of the axes from axis on; scale and bias broadcast to them.
func layerNormalization() Row {
	return Row{
		Name: "LayerNormalization", Least: 2, Most: 3, Outs: 3, Attrs: []string{"axis", "epsilon", "stash_type"},
		Infer: func(n *ir.Node, in []Operand) ([]Operand, error) {
			axis, err := normAxis(n, in)
			if err != nil {
				return nil, err
			}
			stat := make(ir.Shape, len(in[0].Shape))
			for i := range stat {
				if stat[i] = 1; i < axis {
					stat[i] = in[0].Shape[i]
				}
			}
			return []Operand{{Type: in[0].Type, Shape: in[0].Shape}, {Type: ir.F32, Shape: stat}, {Type: ir.F32, Shape: stat}}, nil
		},
		Eval: func(n *ir.Node, in, out []Array) {
			s := in[0].Shape
			axis, _ := axisOf(n, -1, len(s))
			each := s[axis:].Elems()
			for i := range s[:axis].Elems() {
				out[1].Data[i], out[2].Data[i] = standardised(in[0].Data[i*each:(i+1)*each], out[0].Data[i*each:(i+1)*each], n.Attrs.Float("epsilon", DefaultEpsilon))
			}
			eachPair(out[0], in[1], out[0], func(x, y float64) float64 { return x * y })
			if given(in, 2) {
				eachPair(out[0], in[2], out[0], func(x, y float64) float64 { return x + y })
			}
		},
	}
}

func normAxis(n *ir.Node, in []Operand) (int, error) {
	if err := checkTypes(floats, in); err != nil {
		return 0, err
	}
	axis, err := axisOf(n, -1, len(in[0].Shape))
	if err != nil {
		return 0, err
	}
	for _, o := range in[1:] {
		if o.Type == "" {
			continue
		}
		if s, err := broadcast(in[0].Shape, o.Shape); err != nil || !s.Equal(in[0].Shape) {
			return 0, fmt.Errorf("a parameter's shape is %v, its input's %v", o.Shape, in[0].Shape)
		}
	}
	return axis, checkEpsilon(n)
}

// rmsNormalization divides by the root of the mean square of the axes from axis on (ONNX opset 23).
func rmsNormalization() Row {
	return Row{
		Name: "RMSNormalization", Least: 2, Most: 2, Attrs: []string{"axis", "epsilon", "stash_type"},
		Infer: func(n *ir.Node, in []Operand) ([]Operand, error) {
			_, err := normAxis(n, in)
			return []Operand{{Type: in[0].Type, Shape: in[0].Shape}}, err
		},
		Eval: func(n *ir.Node, in, out []Array) {
			s := in[0].Shape
			axis, _ := axisOf(n, -1, len(s))
			each := s[axis:].Elems()
			for i := range s[:axis].Elems() {
				sum := 0.0
				for _, v := range in[0].Data[i*each : (i+1)*each] {
					sum += v * v
				}
				root := math.Sqrt(sum/float64(each) + n.Attrs.Float("epsilon", DefaultEpsilon))
				for j, v := range in[0].Data[i*each : (i+1)*each] {
					out[0].Data[i*each+j] = v / root
				}
			}
			eachPair(out[0], in[1], out[0], func(x, y float64) float64 { return x * y })
		},
	}
}

// lrn divides by a power of the sum of squares of neighbouring channels.
func lrn() Row {
	return Row{
		Name: "LRN", Least: 1, Most: 1, Attrs: []string{"alpha", "beta", "bias", "size"},
		Infer: oneType(floats, func(n *ir.Node, in []ir.Shape) (ir.Shape, error) {
			if size := n.Attrs.Int("size", 0); size < 1 || size > maxExtent || len(in[0]) < 2 {
				return nil, fmt.Errorf("size %d of %v", size, in[0])
			}
			return in[0], nil
		}),
		Eval: func(n *ir.Node, in, out []Array) {
			size, c, plane := n.Attrs.Int("size", 0), in[0].Shape[1], in[0].Shape[2:].Elems()
			alpha, beta, bias := n.Attrs.Float("alpha", 1e-4), n.Attrs.Float("beta", 0.75), n.Attrs.Float("bias", 1)
			for i, v := range in[0].Data {
				channel, sum := i/plane%c, 0.0
				for k := max(0, channel-(size-1)/2); k <= min(c-1, channel+size/2); k++ {
					x := in[0].Data[i+(k-channel)*plane]
					sum += x * x
				}
				out[0].Data[i] = v / math.Pow(bias+alpha/float64(size)*sum, beta)
			}
		},
	}
}

// meanVarianceNormalization standardises over axes (all but the channels by default).
func meanVarianceNormalization() Row {
	return Row{
		Name: "MeanVarianceNormalization", Least: 1, Most: 1, Attrs: []string{"axes"},
		Infer: oneType(floats, func(n *ir.Node, in []ir.Shape) (ir.Shape, error) {
			_, err := axesIn(n.Attrs.Ints("axes", 0, 2, 3), len(in[0]))
			return in[0], err
		}),
		Eval: func(n *ir.Node, in, out []Array) {
			s := in[0].Shape
			set, _ := axesIn(n.Attrs.Ints("axes", 0, 2, 3), len(s))
			kept := without(s, set, true)
			mean, square := make([]float64, kept.Elems()), make([]float64, kept.Elems())
			count := float64(s.Elems() / kept.Elems())
			steps := [][]int{stretched(kept, s)}
			walk(s, []int{0}, steps, func(i int, at []int) { mean[at[0]] += in[0].Data[i] / count })
			walk(s, []int{0}, steps, func(i int, at []int) {
				d := in[0].Data[i] - mean[at[0]]
				square[at[0]] += d * d / count
			})
			walk(s, []int{0}, steps, func(i int, at []int) {
				out[0].Data[i] = (in[0].Data[i] - mean[at[0]]) / (math.Sqrt(square[at[0]]) + 1e-9)
			})
		},
	}
}
