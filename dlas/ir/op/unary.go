package op

import (
	"math"

	"github.com/godlas/godlas/dlas/ir"
)

// unary is the row of an operator that takes each element for itself: f gives the function of a node, which has the
// attributes named. The output has the input's type.
func unary(name string, k kinds, f func(n *ir.Node) func(float64) float64, attrs ...string) Row {
	return Row{
		Name: name, Least: 1, Most: 1, Attrs: attrs,
		Infer: oneType(k, sameShape),
		Eval: func(n *ir.Node, in, out []Array) {
			y := f(n)
			for i, x := range in[0].Data {
				out[0].Data[i] = y(x)
			}
		},
	}
}

// plainly is a function without attributes.
func plainly(f func(float64) float64) func(*ir.Node) func(float64) float64 {
	return func(*ir.Node) func(float64) float64 { return f }
}

// with is a function of one attribute, whose default is def.
func with(attr string, def float64, f func(a, x float64) float64) func(*ir.Node) func(float64) float64 {
	return func(n *ir.Node) func(float64) float64 {
		a := n.Attrs.Float(attr, def)
		return func(x float64) float64 { return f(a, x) }
	}
}

// with2 is a function of two.
func with2(p string, pdef float64, q string, qdef float64, f func(p, q, x float64) float64) func(*ir.Node) func(float64) float64 {
	return func(n *ir.Node) func(float64) float64 {
		a, b := n.Attrs.Float(p, pdef), n.Attrs.Float(q, qdef)
		return func(x float64) float64 { return f(a, b, x) }
	}
}

// unaries are the operators that are one function of each element, a line each.
func unaries() []Row {
	rows := []Row{
		unary("Abs", numbers, plainly(math.Abs)),
		unary("Acos", floats, plainly(math.Acos)),
		unary("Acosh", floats, plainly(math.Acosh)),
		unary("Asin", floats, plainly(math.Asin)),
		unary("Asinh", floats, plainly(math.Asinh)),
		unary("Atan", floats, plainly(math.Atan)),
		unary("Atanh", floats, plainly(math.Atanh)),
		unary("BitwiseNot", integers, plainly(func(x float64) float64 { return -x - 1 })),
		unary("Ceil", floats, plainly(math.Ceil)),
		unary("Celu", floats, with("alpha", 1, func(a, x float64) float64 { return max(0, x) + min(0, a*math.Expm1(x/a)) }), "alpha"),
		unary("Cos", floats, plainly(math.Cos)),
		unary("Cosh", floats, plainly(math.Cosh)),
		unary("Elu", floats, with("alpha", 1, func(a, x float64) float64 { return below(x, a*math.Expm1(x)) }), "alpha"),
		unary("Erf", numbers, plainly(math.Erf)),
		unary("Exp", floats, plainly(math.Exp)),
		unary("Floor", floats, plainly(math.Floor)),
		unary("Gelu", floats, gelu, "approximate"),
		unary("HardSigmoid", floats, with2("alpha", 0.2, "beta", 0.5, func(a, b, x float64) float64 { return min(max(a*x+b, 0), 1) }), "alpha", "beta"),
		unary("HardSwish", floats, plainly(func(x float64) float64 { return x * min(max(x/6+0.5, 0), 1) })),
		unary("LeakyRelu", floats, with("alpha", 0.01, func(a, x float64) float64 { return below(x, a*x) }), "alpha"),
		unary("Log", floats, plainly(math.Log)),
		unary("Mish", floats, plainly(func(x float64) float64 { return x * math.Tanh(softplus(x)) })),
		unary("Neg", signed, plainly(func(x float64) float64 { return -x })),
		unary("Not", bools, plainly(func(x float64) float64 { return 1 - x })),
		unary("Reciprocal", floats, plainly(func(x float64) float64 { return 1 / x })),
		unary("Relu", signed, plainly(func(x float64) float64 { return max(x, 0) })),
		unary("Round", floats, plainly(math.RoundToEven)),
		unary("Selu", floats, with2("alpha", 1.67326319217681884765625, "gamma", 1.05070102214813232421875, func(a, g, x float64) float64 { return g * below(x, a*math.Expm1(x)) }), "alpha", "gamma"),
		unary("Shrink", numbers, with2("bias", 0, "lambd", 0.5, shrink), "bias", "lambd"),
		unary("Sigmoid", floats, plainly(logistic)),
		unary("Sign", numbers, plainly(sign)),
		unary("Sin", floats, plainly(math.Sin)),
		unary("Sinh", floats, plainly(math.Sinh)),
		unary("Softplus", floats, plainly(softplus)),
		unary("Softsign", floats, plainly(func(x float64) float64 { return x / (1 + math.Abs(x)) })),
		unary("Sqrt", floats, plainly(math.Sqrt)),
		unary("Swish", floats, with("alpha", 1, func(a, x float64) float64 { return x * logistic(a*x) }), "alpha"),
		unary("Tan", floats, plainly(math.Tan)),
		unary("Tanh", floats, plainly(math.Tanh)),
		unary("ThresholdedRelu", floats, with("alpha", 1, func(a, x float64) float64 {
			if x > a {
				return x
			}
			return 0
		}), "alpha"),
		unary("IsInf", floats, isInf, "detect_negative", "detect_positive"),
		unary("IsNaN", floats, plainly(func(x float64) float64 { return truth(x != x) })),
	}
	for i := range rows {
		if name := rows[i].Name; name == "IsInf" || name == "IsNaN" {
			rows[i].Infer = typed(ir.Bool, rows[i].Infer)
		}
	}
	return rows
}

// typed changes the type that a rule gives the outputs.
func typed(t ir.Type, f func(*ir.Node, []Operand) ([]Operand, error)) func(*ir.Node, []Operand) ([]Operand, error) {
	return func(n *ir.Node, in []Operand) ([]Operand, error) {
		out, err := f(n, in)
		for i := range out {
			out[i].Type = t
		}
		return out, err
	}
}

// below is x, or y where x is below 0.
func below(x, y float64) float64 {
	if x < 0 {
		return y
	}
	return x
}

func gelu(n *ir.Node) func(float64) float64 {
	if n.Attrs.Str("approximate", "none") == "tanh" {
		return func(x float64) float64 {
			return x / 2 * (1 + math.Tanh(math.Sqrt(2/math.Pi)*(x+0.044715*x*x*x)))
		}
	}
	return func(x float64) float64 { return x / 2 * (1 + math.Erf(x/math.Sqrt2)) }
}

// softplus is log(1 + exp(x)) without overflow.
func softplus(x float64) float64 { return max(x, 0) + math.Log1p(math.Exp(-math.Abs(x))) }

func shrink(bias, lambda, x float64) float64 {
	switch {
	case x < -lambda:
		return x + bias
	case x > lambda:
		return x - bias
	}
	return 0
}

func sign(x float64) float64 {
	switch {
	case x > 0:
		return 1
	case x < 0:
		return -1
	}
	return x
}

func isInf(n *ir.Node) func(float64) float64 {
	neg, pos := n.Attrs.Int("detect_negative", 1) != 0, n.Attrs.Int("detect_positive", 1) != 0
	return func(x float64) float64 { return truth(neg && math.IsInf(x, -1) || pos && math.IsInf(x, 1)) }
}

func truth(b bool) float64 {
	if b {
		return 1
	}
	return 0
}

func sameShape(_ *ir.Node, in []ir.Shape) (ir.Shape, error) { return in[0], nil }
