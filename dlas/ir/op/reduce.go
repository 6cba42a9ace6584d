package op

import (
	"fmt"
	"math"
	"slices"

	"github.com/godlas/godlas/dlas/ir"
)

// reduction is the row of an operator that makes one number of all those along some axes (all axes, where none is
// named): it adds f(x) up from start by fold, and finish ends it, knowing how many there were.
func reduction(name string, start float64, fold func(sum, x float64) float64, finish func(sum, n float64) float64) Row {
	return Row{
		Name: name, Least: 1, Most: 2, Params: map[int]string{1: "axes"},
		Attrs: []string{"axes", "keepdims", "noop_with_empty_axes"},
		Infer: func(n *ir.Node, in []Operand) ([]Operand, error) {
			set, err := reduced(n, in[0].Shape, known(in, 1))
			if err != nil {
				return nil, err
			}
			if in[0].Type == ir.Bool && name != "ReduceMax" && name != "ReduceMin" {
				return nil, fmt.Errorf("its input 0 has the type %s", in[0].Type)
			}
			return []Operand{{Type: in[0].Type, Shape: without(in[0].Shape, set, n.Attrs.Int("keepdims", 1) != 0)}}, nil
		},
		Eval: func(n *ir.Node, in, out []Array) {
			x := in[0]
			set, _ := reduced(n, x.Shape, arg(in, 1))
			if !slices.Contains(set, true) && n.Attrs.Int("noop_with_empty_axes", 0) != 0 {
				// Nothing is reduced, yet each number passes through the function for itself.
				set = make([]bool, len(x.Shape))
			}
			kept := without(x.Shape, set, true)
			for i := range out[0].Data {
				out[0].Data[i] = start
			}
			walk(x.Shape, []int{0}, [][]int{stretched(kept, x.Shape)}, func(i int, at []int) {
				out[0].Data[at[0]] = fold(out[0].Data[at[0]], x.Data[i])
			})
			count := float64(x.Shape.Elems() / max(1, kept.Elems()))
			for i, v := range out[0].Data {
				out[0].Data[i] = finish(v, count)
			}
		},
	}
}

// reduced is the set of axes that a reduction takes away.
func reduced(n *ir.Node, s ir.Shape, input Array) ([]bool, error) {
	list, there, err := intParam(n, "axes", input)
	if err != nil {
		return nil, err
	}
	if (!there || len(list) == 0) && n.Attrs.Int("noop_with_empty_axes", 0) == 0 {
		return slices.Repeat([]bool{true}, len(s)), nil
	}
	return axesIn(list, len(s))
}

// without is a shape whose axes of a set have extent 1, or fall away.
func without(s ir.Shape, set []bool, keep bool) ir.Shape {
	out := ir.Shape{}
	for i, d := range s {
		switch {
		case !set[i]:
			out = append(out, d)
		case keep:
			out = append(out, 1)
		}
	}
	return out
}

func reductions() []Row {
	plus := func(sum, x float64) float64 { return sum + x }
	square := func(sum, x float64) float64 { return sum + x*x }
	done := func(sum, _ float64) float64 { return sum }
	return []Row{
		reduction("ReduceL1", 0, func(sum, x float64) float64 { return sum + math.Abs(x) }, done),
		reduction("ReduceL2", 0, square, func(sum, _ float64) float64 { return math.Sqrt(sum) }),
		reduction("ReduceLogSum", 0, plus, func(sum, _ float64) float64 { return math.Log(sum) }),
		reduction("ReduceLogSumExp", math.Inf(-1), logAdd, done),
		reduction("ReduceMax", math.Inf(-1), func(sum, x float64) float64 { return max(sum, x) }, done),
		reduction("ReduceMean", 0, plus, func(sum, n float64) float64 { return sum / n }),
		reduction("ReduceMin", math.Inf(1), func(sum, x float64) float64 { return min(sum, x) }, done),
		reduction("ReduceProd", 1, func(sum, x float64) float64 { return sum * x }, done),
		reduction("ReduceSum", 0, plus, done),
		reduction("ReduceSumSquare", 0, square, done),
		extremum("ArgMax", func(x, best float64) bool { return x > best }),
		extremum("ArgMin", func(x, best float64) bool { return x < best }),
	}
}

// logAdd is log(exp(a) + exp(b)) without overflow.
func logAdd(a, b float64) float64 {
	if a < b {
		a, b = b, a
	}
	if math.IsInf(b, -1) {
		return a
	}
	return a + math.Log1p(math.Exp(b-a))
}

// extremum is the row of ArgMax and ArgMin: the place of the first (or last) best number along an axis.
func extremum(name string, better func(x, best float64) bool) Row {
	return Row{
		Name: name, Least: 1, Most: 1,
		Attrs: []string{"axis", "keepdims", "select_last_index"},
		Infer: func(n *ir.Node, in []Operand) ([]Operand, error) {
			axis, err := axisIn(n.Attrs.Int("axis", 0), len(in[0].Shape))
			if err != nil {
				return nil, err
			}
			set, _ := axesIn([]int{axis}, len(in[0].Shape))
			return []Operand{{Type: ir.I64, Shape: without(in[0].Shape, set, n.Attrs.Int("keepdims", 1) != 0)}}, nil
		},
		Eval: func(n *ir.Node, in, out []Array) {
			x := in[0]
			axis, _ := axisIn(n.Attrs.Int("axis", 0), len(x.Shape))
			last := n.Attrs.Int("select_last_index", 0) != 0
			rowsAlong(x.Shape, axis, func(row, at, extent, step int) {
				best := 0
				for j := range extent {
					v, top := x.Data[at+j*step], x.Data[at+best*step]
					if better(v, top) || last && v == top {
						best = j
					}
				}
				out[0].Data[row] = float64(best)
			})
		},
	}
}

// rowsAlong calls f for every row of numbers along an axis: the row's number in row-major order of the other axes, where
// it begins, how many numbers it has and how far they are apart.
func rowsAlong(s ir.Shape, axis int, f func(row, at, extent, step int)) {
	extent, step := s[axis], s[axis+1:].Elems()
	for row := range s[:axis].Elems() * step {
		f(row, row/step*extent*step+row%step, extent, step)
	}
}
