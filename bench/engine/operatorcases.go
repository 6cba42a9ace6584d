package engine

import (
	"fmt"
	"math"
	"math/rand/v2"

	"github.com/godlas/godlas/dlas/ir"
)

// operatorCase is a small network of one operator, or of the few that exporters write for one, at a size that real
// networks have.
type operatorCase struct {
	name  string
	shape ir.Shape // of the input
	most  float64  // goal: our time divided by theirs
	build func(b *caseBuilder) string
}

// caseBuilder makes the graph of a case. The input's name is x.
type caseBuilder struct {
	g   *ir.Graph
	rng *rand.Rand
}

func (c operatorCase) graph() *ir.Graph {
	b := &caseBuilder{g: &ir.Graph{Inputs: []ir.Value{{Name: "x", Shape: c.shape}}, Weights: map[string]*ir.Tensor{}}, rng: rand.New(rand.NewPCG(7, 7))}
	b.g.Outputs = []string{c.build(b)}
	return b.g
}

// do adds a node and returns its first output.
func (b *caseBuilder) do(operator string, attrs ir.Attrs, in ...string) string {
	name := fmt.Sprintf("n%d", len(b.g.Nodes))
	b.g.Nodes = append(b.g.Nodes, &ir.Node{Name: name, Op: operator, In: in, Out: []string{name}, Attrs: attrs})
	return name
}

func (b *caseBuilder) add(t *ir.Tensor) string {
	name := fmt.Sprintf("w%d", len(b.g.Weights))
	b.g.Weights[name] = t
	return name
}

// weight is a constant of normally distributed numbers whose squares sum to about 1 over the last axes.
func (b *caseBuilder) weight(shape ...int) string {
	s := ir.Shape(shape)
	v := make([]float32, s.Elems())
	scale := 1.0
	if len(s) > 1 {
		scale = 1 / math.Sqrt(float64(s[1:].Elems()))
	}
	for i := range v {
		v[i] = float32(scale * b.rng.NormFloat64())
	}
	return b.add(&ir.Tensor{Type: ir.F32, Shape: s, Data: v})
}

func (b *caseBuilder) ints(v ...int64) string {
	return b.add(&ir.Tensor{Type: ir.I64, Shape: ir.Shape{len(v)}, Data: v})
}

func (b *caseBuilder) floats(v ...float32) string {
	return b.add(&ir.Tensor{Type: ir.F32, Shape: ir.Shape{len(v)}, Data: v})
}

func (b *caseBuilder) float(v float32) string {
	return b.add(&ir.Tensor{Type: ir.F32, Shape: ir.Shape{}, Data: []float32{v}})
}

// bytes are the value as u8 and from there as f32 again, the pair that quantised networks have between all operators.
func (b *caseBuilder) bytes(x string) string {
	scale, zero := b.float(0.05), b.add(&ir.Tensor{Type: ir.U8, Shape: ir.Shape{}, Data: []uint8{128}})
	return b.do("DequantizeLinear", nil, b.do("QuantizeLinear", nil, x, scale, zero), scale, zero)
}

// one is a case of one operator whose other inputs are constants that made makes.
func one(operator string, attrs ir.Attrs, made ...func(b *caseBuilder) string) func(b *caseBuilder) string {
	return func(b *caseBuilder) string {
		in := []string{"x"}
		for _, f := range made {
			in = append(in, f(b))
		}
		return b.do(operator, attrs, in...)
	}
}

// quantised is a case between pairs of QuantizeLinear and DequantizeLinear.
func quantised(operator string, attrs ir.Attrs, made ...func(b *caseBuilder) string) func(b *caseBuilder) string {
	return func(b *caseBuilder) string {
		in := []string{b.bytes("x")}
		for _, f := range made {
			in = append(in, f(b))
		}
		return b.bytes(b.do(operator, attrs, in...))
	}
}

func weight(shape ...int) func(b *caseBuilder) string {
	return func(b *caseBuilder) string { return b.weight(shape...) }
}

func ints(v ...int64) func(b *caseBuilder) string {
	return func(b *caseBuilder) string { return b.ints(v...) }
}

func floats(v ...float32) func(b *caseBuilder) string {
	return func(b *caseBuilder) string { return b.floats(v...) }
}

func none(*caseBuilder) string { return "" }

// Goals: as fast where an operator is usual, half as fast elsewhere.
const (
	usualGoal = 1.0
	rareGoal  = 2.0
)

var (
	tokens = ir.Shape{1, 197, 768}
	heads  = ir.Shape{1, 12, 197, 64}
	scores = ir.Shape{1, 12, 197, 197}
	wide   = ir.Shape{1, 64, 56, 56}
	deep   = ir.Shape{1, 256, 14, 14}
)

// operatorCases is the table.
func operatorCases() []operatorCase {
	var list []operatorCase
	add := func(name string, shape ir.Shape, most float64, build func(b *caseBuilder) string) {
		list = append(list, operatorCase{name, shape, most, build})
	}
	both := func(name string, most float64, build func(b *caseBuilder) string) {
		add(name, wide, most, build)
		add(name, deep, most, build)
	}
	gelu := func(b *caseBuilder) string {
		e := b.do("Erf", nil, b.do("Div", nil, "x", b.float(math.Sqrt2)))
		return b.do("Mul", nil, b.do("Mul", nil, "x", b.do("Add", nil, e, b.float(1))), b.float(0.5))
	}
	add("GELU of five nodes", ir.Shape{1, 197, 3072}, usualGoal, gelu)
	add("GELU of five nodes", ir.Shape{1, 49, 768}, usualGoal, gelu)
	add("Gelu", ir.Shape{1, 197, 3072}, usualGoal, one("Gelu", nil))
	for _, u := range []string{"Erf", "Sigmoid", "Tanh"} {
		add(u, ir.Shape{1, 197, 3072}, usualGoal, one(u, nil))
		both(u, usualGoal, one(u, nil))
	}
	for _, u := range []string{"Exp", "Abs", "Neg", "Floor", "HardSigmoid", "HardSwish", "Softplus", "Mish", "LeakyRelu", "Elu", "Sin", "Cos", "Sign", "Identity"} {
		both(u, rareGoal, one(u, nil))
	}
	positive := func(u string) func(b *caseBuilder) string {
		return func(b *caseBuilder) string { return b.do(u, nil, b.do("Abs", nil, "x")) }
	}
	both("Abs, Sqrt", rareGoal, positive("Sqrt"))
	both("Abs, Log", rareGoal, positive("Log"))
	both("Abs, Reciprocal", rareGoal, positive("Reciprocal"))
	power := func(p float32) func(b *caseBuilder) string {
		return func(b *caseBuilder) string { return b.do("Pow", nil, b.do("Abs", nil, "x"), b.float(p)) }
	}
	both("Abs, Pow 2", rareGoal, power(2))
	both("Abs, Pow 0.5", rareGoal, power(0.5))
	both("Abs, Pow 2.2", rareGoal, power(2.2))
	for _, o := range []string{"Add", "Sub", "Mul", "Div", "Max"} {
		both(o+" of maps", usualGoal, func(b *caseBuilder) string { return b.do(o, nil, b.do("Abs", nil, "x"), "x") })
	}
	add("Add of channels", wide, usualGoal, one("Add", nil, weight(1, 64, 1, 1)))
	add("Mul of channels", wide, usualGoal, one("Mul", nil, weight(1, 64, 1, 1)))
	add("Add of a row", tokens, usualGoal, one("Add", nil, weight(768)))
	both("Greater, Where", rareGoal, func(b *caseBuilder) string {
		return b.do("Where", nil, b.do("Greater", nil, "x", b.float(0)), "x", b.float(-1))
	})
	both("Less, And, Not, Cast", rareGoal, func(b *caseBuilder) string {
		p, q := b.do("Less", nil, "x", b.float(1)), b.do("Greater", nil, "x", b.float(-1))
		return b.do("Cast", ir.Attrs{"to": 1}, b.do("Not", nil, b.do("And", nil, p, q)))
	})
	for _, c := range []struct {
		to   int
		name string
	}{{6, "int32"}, {7, "int64"}, {2, "uint8"}, {10, "float16"}} {
		both("Cast to "+c.name+" and back", rareGoal, func(b *caseBuilder) string {
			x := "x"
			if c.to == 2 {
				x = b.do("Abs", nil, x)
			}
			return b.do("Cast", ir.Attrs{"to": 1}, b.do("Cast", ir.Attrs{"to": c.to}, x))
		})
	}
	operatorCasesOfSums(add, both)
	operatorCasesOfMoves(add, both)
	operatorCasesOfWindows(add, both)
	return list
}
