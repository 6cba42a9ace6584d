package op

import (
	"fmt"
	"math"

	"github.com/godlas/godlas/dlas/ir"
)

// binary is the row of an operator of two values that broadcast: f gives the function of a node for the type of its
// inputs.
func binary(name string, k kinds, f func(n *ir.Node, t ir.Type) func(x, y float64) float64, attrs ...string) Row {
	return Row{
		Name: name, Least: 2, Most: 2, Attrs: attrs,
		Infer: oneType(k, func(_ *ir.Node, in []ir.Shape) (ir.Shape, error) { return broadcast(in...) }),
		Eval: func(n *ir.Node, in, out []Array) {
			eachPair(in[0], in[1], out[0], f(n, in[0].Type))
		},
	}
}

func eachPair(x, y, out Array, f func(x, y float64) float64) {
	walk(out.Shape, []int{0, 0}, [][]int{stretched(x.Shape, out.Shape), stretched(y.Shape, out.Shape)}, func(i int, at []int) {
		out.Data[i] = f(x.Data[at[0]], y.Data[at[1]])
	})
}

// of is a function that is the same for every node and type.
func of(f func(x, y float64) float64) func(*ir.Node, ir.Type) func(x, y float64) float64 {
	return func(*ir.Node, ir.Type) func(x, y float64) float64 { return f }
}

// compare is a binary operator whose output is Bool.
func compare(name string, k kinds, f func(x, y float64) bool) Row {
	r := binary(name, k, of(func(x, y float64) float64 { return truth(f(x, y)) }))
	r.Infer = typed(ir.Bool, r.Infer)
	return r
}

// onBits is a binary operator on integers as bits.
func onBits(name string, f func(x, y int64) int64) Row {
	return binary(name, integers, of(func(x, y float64) float64 { return float64(f(toInt(x), toInt(y))) }))
}

// binaries are the operators that are one function of two elements, a line each.
func binaries() []Row {
	return []Row{
		addition(),
		binary("Sub", numbers, of(func(x, y float64) float64 { return x - y })),
		binary("Mul", numbers, of(func(x, y float64) float64 { return x * y })),
		binary("Div", numbers, divide),
		binary("Mod", numbers, modulo, "fmod"),
		power(),
		binary("PRelu", numbers, of(func(x, y float64) float64 { return below(x, x*y) })),
		compare("Equal", anyType, func(x, y float64) bool { return x == y }),
		compare("Greater", numbers, func(x, y float64) bool { return x > y }),
		compare("GreaterOrEqual", numbers, func(x, y float64) bool { return x >= y }),
		compare("Less", numbers, func(x, y float64) bool { return x < y }),
		compare("LessOrEqual", numbers, func(x, y float64) bool { return x <= y }),
		compare("And", bools, func(x, y float64) bool { return x != 0 && y != 0 }),
		compare("Or", bools, func(x, y float64) bool { return x != 0 || y != 0 }),
		compare("Xor", bools, func(x, y float64) bool { return x != y }),
		onBits("BitwiseAnd", func(x, y int64) int64 { return x & y }),
		onBits("BitwiseOr", func(x, y int64) int64 { return x | y }),
		onBits("BitwiseXor", func(x, y int64) int64 { return x ^ y }),
		binary("BitShift", integers, shift, "direction"),
		many("Max", func(x []float64) float64 {
			m := x[0]
			for _, v := range x[1:] {
				m = max(m, v)
			}
			return m
		}),
		many("Min", func(x []float64) float64 {
			m := x[0]
			for _, v := range x[1:] {
				m = min(m, v)
			}
			return m
		}),
		many("Sum", total),
		many("Mean", func(x []float64) float64 { return total(x) / float64(len(x)) }),
	}
}

// addition is Add, followed by act where the graph rewrite fused one.
func addition() Row {
	r := binary("Add", numbers, func(n *ir.Node, _ ir.Type) func(x, y float64) float64 {
		return func(x, y float64) float64 { return activate(n, x+y) }
	}, "act", "min", "max")
	sum := r.Infer
	r.Infer = func(n *ir.Node, in []Operand) ([]Operand, error) {
		if err := checkAct(n); err != nil {
			return nil, err
		}
		return sum(n, in)
	}
	return r
}

// divide drops the fraction of integers. A division of integers by zero, which has no meaning, gives 0.
func divide(_ *ir.Node, t ir.Type) func(x, y float64) float64 {
	if t.Float() {
		return func(x, y float64) float64 { return x / y }
	}
	return func(x, y float64) float64 {
		if y == 0 {
			return 0
		}
		return math.Trunc(x / y)
	}
}

// modulo has the divisor's sign, as Python's, or with fmod the dividend's, as C's.
func modulo(n *ir.Node, t ir.Type) func(x, y float64) float64 {
	c := n.Attrs.Int("fmod", 0) != 0
	return func(x, y float64) float64 {
		if y == 0 && !t.Float() {
			return 0
		}
		m := math.Mod(x, y)
		if !c && m != 0 && (m < 0) != (y < 0) {
			m += y
		}
		return m
	}
}

// power takes an exponent of another type than the base.
func power() Row {
	r := binary("Pow", numbers, of(math.Pow))
	r.Infer = func(_ *ir.Node, in []Operand) ([]Operand, error) {
		if !numbers.has(in[0].Type) || !numbers.has(in[1].Type) {
			return nil, fmt.Errorf("its inputs have the types %s and %s", in[0].Type, in[1].Type)
		}
		s, err := broadcast(Shapes(in)...)
		return []Operand{{Type: in[0].Type, Shape: s}}, err
	}
	return r
}

func shift(n *ir.Node, _ ir.Type) func(x, y float64) float64 {
	if n.Attrs.Str("direction", "LEFT") == "RIGHT" {
		return func(x, y float64) float64 { return math.Floor(math.Ldexp(x, -int(min(y, 64)))) }
	}
	return func(x, y float64) float64 { return float64(uint64(toInt(x)) << uint(min(y, 64)) & (1<<53 - 1)) }
}

// many is the row of an operator of any number of values that broadcast.
func many(name string, f func([]float64) float64) Row {
	return Row{
		Name: name, Least: 1, Most: 1 << 10,
		Infer: oneType(numbers, func(_ *ir.Node, in []ir.Shape) (ir.Shape, error) {
			for i, s := range in {
				if s == nil {
					return nil, fmt.Errorf("its input %d is left out", i)
				}
			}
			return broadcast(in...)
		}),
		Eval: func(_ *ir.Node, in, out []Array) {
			steps, x := make([][]int, len(in)), make([]float64, len(in))
			for k, a := range in {
				steps[k] = stretched(a.Shape, out[0].Shape)
			}
			walk(out[0].Shape, make([]int, len(in)), steps, func(i int, at []int) {
				for k, a := range in {
					x[k] = a.Data[at[k]]
				}
				out[0].Data[i] = f(x)
			})
		},
	}
}

func total(x []float64) float64 {
	sum := 0.0
	for _, v := range x {
		sum += v
	}
	return sum
}
