package primitive

import (
	"bytes"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/godlas/godlas/dlas/internal/exactness"
	"github.com/godlas/godlas/dlas/ir"
	"github.com/godlas/godlas/dlas/ir/op"
)

// operatorShapes are problems of the operators that detectors, segmenters and transformers have beside convolutions.
func operatorShapes() []shape {
	var list []shape
	add := func(operator string, attrs ir.Attrs, weights map[int]bool, in ...ir.Shape) {
		list = append(list, shape{op: operator, attrs: attrs, in: in, weights: weights})
	}
	// Products of two activations, or of a constant and one.
	add("MatMul", nil, nil, ir.Shape{5, 7}, ir.Shape{7, 3})
	add("MatMul", nil, nil, ir.Shape{2, 3, 37, 20}, ir.Shape{2, 3, 20, 33})
	add("MatMul", nil, nil, ir.Shape{3, 19, 16}, ir.Shape{16, 64})
	add("MatMul", nil, nil, ir.Shape{2, 1, 300, 5}, ir.Shape{4, 5, 48})
	add("MatMul", nil, map[int]bool{0: true}, ir.Shape{1, 2, 29, 31}, ir.Shape{1, 2, 31, 17})
	add("MatMul", nil, nil, ir.Shape{1, 1, 1}, ir.Shape{1, 1, 1})

	// Rows.
	for _, n := range []int{1, 15, 16, 37, 200} {
		rows := ir.Shape{3, 2, n}
		add("LayerNormalization", ir.Attrs{"axis": -1, "epsilon": 1e-6}, map[int]bool{1: true, 2: true}, rows, ir.Shape{n}, ir.Shape{n})
		add("LayerNormalization", ir.Attrs{"axis": 1}, nil, rows, ir.Shape{2, n})
		add("LogSoftmax", nil, nil, rows)
		add("LogSoftmax", ir.Attrs{"axis": 1}, nil, rows)
		add("Softmax", nil, nil, rows)
		if n > 1 && n < 37 {
			continue
		}
		for _, r := range reductionsOf() {
			for _, axes := range [][]int{{-1}, {1}, {0, 1}, {0}, {1, 2}, nil} {
				a := ir.Attrs{"keepdims": n % 2}
				if axes != nil {
					a["axes"] = axes
				}
				add(r.op, a, nil, rows)
			}
		}
	}
	add("ReduceSum", ir.Attrs{"axes": []int{0}}, nil, ir.Shape{600, 20})
	add("LayerNormalization", nil, nil, ir.Shape{1, 5000}, ir.Shape{5000})
	add("ReduceMean", ir.Attrs{"axes": []int{0, 2}}, nil, ir.Shape{4, 5, 6}) // no neighbours: the definition runs it
	add("Pow", nil, map[int]bool{1: true}, ir.Shape{2, 19, 37}, ir.Shape{})
	add("GlobalAveragePool", nil, nil, ir.Shape{2, 19, 5, 7})
	add("GroupNormalization", ir.Attrs{"num_groups": 4}, nil, ir.Shape{2, 20, 5, 7}, ir.Shape{20}, ir.Shape{20})
	add("InstanceNormalization", nil, nil, ir.Shape{2, 5, 19, 23}, ir.Shape{5}, ir.Shape{5})

	// Transpositions.
	for _, c := range []struct {
		perm []int
		in   ir.Shape
	}{
		{[]int{0, 2, 3, 1}, ir.Shape{2, 35, 5, 19}},
		{[]int{0, 2, 3, 1}, ir.Shape{2, 16, 33, 3}},
		{[]int{0, 3, 1, 2}, ir.Shape{2, 5, 19, 48}},
		{[]int{0, 3, 1, 2}, ir.Shape{2, 5, 19, 21}},
		{[]int{0, 1, 3, 2}, ir.Shape{2, 3, 70, 37}},
		{[]int{1, 0}, ir.Shape{17, 16}},
		{nil, ir.Shape{1, 40, 33}},
		{[]int{2, 0, 1}, ir.Shape{20, 1, 40}},
		{[]int{0, 2, 1, 3}, ir.Shape{2, 5, 6, 7}},
		{[]int{3, 2, 1, 0}, ir.Shape{2, 3, 4, 5}},
	} {
		a := ir.Attrs{}
		if c.perm != nil {
			a["perm"] = c.perm
		}
		add("Transpose", a, nil, c.in)
	}

	// Transposed convolutions.
	both := map[int]bool{1: true, 2: true}
	up := func(c, m, h, w, kh, kw, group int, attrs ir.Attrs) {
		add("ConvTranspose", attrs, both, ir.Shape{2, c, h, w}, ir.Shape{c, m, kh, kw}, ir.Shape{m * group})
	}
	two := []int{2, 2}
	up(20, 33, 5, 7, 2, 2, 1, ir.Attrs{"strides": two})
	up(16, 16, 9, 4, 4, 4, 1, ir.Attrs{"strides": two, "pads": []int{1, 1, 1, 1}})
	up(17, 5, 6, 6, 3, 3, 1, ir.Attrs{"strides": two, "pads": []int{1, 1, 1, 1}, "output_padding": []int{1, 1}})
	up(8, 20, 6, 5, 3, 5, 1, ir.Attrs{"strides": []int{1, 3}, "pads": []int{0, 2, 1, 0}})
	up(8, 20, 6, 5, 3, 3, 1, ir.Attrs{"strides": two, "dilations": []int{3, 1}, "pads": []int{2, 1, 0, 0}})
	up(4, 6, 3, 3, 1, 1, 1, ir.Attrs{"strides": two}) // some pixels are the bias alone
	up(6, 4, 5, 5, 3, 3, 2, ir.Attrs{"strides": two, "group": 2})
	up(3, 40, 1, 1, 4, 4, 1, nil)
	up(4, 18, 30, 30, 8, 8, 1, ir.Attrs{"strides": []int{4, 4}, "pads": []int{2, 2, 2, 2}})
	return list
}

// TestOperators holds every row of these operators that is none of the lanes' to their definitions, plain and in blocks.
func TestOperators(t *testing.T) {
	r := rand.New(rand.NewPCG(4, 2))
	lanes := map[string]bool{} // TestLanes is theirs
	for _, k := range laneKernels() {
		lanes[k.Name] = true
	}
	for _, s := range operatorShapes() {
		for _, threads := range []int{1, 3} {
			p, in, want := s.problem(r, 0, testMachine(threads))
			fast := 0
			for _, k := range Kernels() {
				if k.Op != s.op || k.Type == "" && k.Algorithm == "" && threads > 1 {
					continue
				}
				if lanes[k.Name] {
					fast++
					continue
				}
				for _, block := range []int{0, ir.Lanes} {
					q, ok := arrange(k, p, block)
					if !ok {
						continue
					}
					if k.Type != "" {
						fast++
					}
					b, err := k.Bind(q, ir.Schedule{})
					if err != nil {
						t.Fatal(err)
					}
					got := run(t, r, b, q, in)
					if d := exactness.Distance(got, want); !(d <= bounds[k.Exact]) {
						t.Fatalf("%s, block %d, threads=%d: %v, weights %v: error %g", k.Name, block, threads, s, s.weights, d)
					}
				}
			}
			if fast == 0 && s.op != "Transpose" {
				t.Errorf("%d rows beside the definition run %v", fast, s)
			}
		}
	}
}

// TestPower holds powers to the definition, of numbers that have no logarithm too.
func TestPower(t *testing.T) {
	inf := float32(math.Inf(1))
	x := []float32{0, float32(math.Copysign(0, -1)), 1, -1, inf, -inf, -2.5, 2.5, 1e-42, 3e4, float32(math.NaN())}
	for i := range 700 {
		x = append(x, float32(i)*0.37)
	}
	for _, k := range laneKernels() {
		if k.Op != "Pow" {
			continue
		}
		for _, e := range []float32{0, 0.5, 1, 2, 3, 2.2, -1, -0.5, 1. / 3, 7} {
			p := ir.Problem{
				Node: &ir.Node{Op: "Pow", In: []string{"x", "e"}, Out: []string{"y"}}, In: []ir.Shape{{len(x)}, {}}, Out: []ir.Shape{{len(x)}},
				Weights: []*ir.Tensor{nil, ir.NewF32([]float32{e})}, Machine: testMachine(1),
			}
			b, err := k.Bind(p, ir.Schedule{})
			if err != nil {
				t.Fatal(err)
			}
			got := make([]float32, len(x))
			runParts(rand.New(rand.NewPCG(1, 1)), b, ir.Call{In: []ir.Memory{ir.MemoryOf(x), nil}, Out: []ir.Memory{ir.MemoryOf(got)}})
			for i, v := range x {
				want := math.Pow(float64(v), float64(e))
				if g := float64(got[i]); g != float64(float32(want)) && !(g != g && want != want) && !(math.Abs(g-want) <= 5e-6*math.Abs(want)+1e-37) {
					t.Errorf("%s: %v to the power of %v is %v, want %v", k.Name, v, e, g, want)
				}
			}
		}
	}
}

// TestFarLogits holds logarithms of softmaxes to the definition where all numbers are much larger than their differences.
func TestFarLogits(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 2))
	for _, axis := range []int{-1, 1} {
		s := shape{op: "LogSoftmax", attrs: ir.Attrs{"axis": axis}, in: []ir.Shape{{2, 3, 37}}}
		p, in, arrays := s.unsolved(r, 0, testMachine(1))
		for i, v := range in[0] {
			in[0][i] = 3e4 + v
			arrays[0].Data[i] = float64(in[0][i])
		}
		want := op.Array{Type: ir.F32, Shape: s.in[0], Data: make([]float64, len(in[0]))}
		row, _ := op.Lookup(s.op)
		row.Eval(p.Node, arrays, []op.Array{want})
		for _, k := range laneKernels() {
			if k.Op != s.op {
				continue
			}
			b, err := k.Bind(p, ir.Schedule{})
			if err != nil {
				t.Fatal(err)
			}
			if d := exactness.Distance(run(t, r, b, p, in), want.Data); !(d <= bounds[k.Exact]) {
				t.Errorf("%s, axis %d: error %g", k.Name, axis, d)
			}
		}
	}
}

// TestRefused asks kernels that may not run a problem: nothing to choose the largest of, and more phases of a transposed
// convolution than are worth having.
func TestRefused(t *testing.T) {
	for _, p := range []ir.Problem{
		{Node: &ir.Node{Op: "ArgMax", In: []string{"x"}, Out: []string{"y"}, Attrs: ir.Attrs{"axis": 0}}, In: []ir.Shape{{0, 3000}}, Out: []ir.Shape{{1, 3000}}, OutType: []ir.Type{ir.I64}, Weights: make([]*ir.Tensor, 1)},
		{
			Node: &ir.Node{Op: "ConvTranspose", In: []string{"x", "w"}, Out: []string{"y"}, Attrs: ir.Attrs{"strides": []int{300, 300}}},
			In:   []ir.Shape{{1, 1, 1, 1}, {1, 1, 300, 300}}, Out: []ir.Shape{{1, 1, 300, 300}}, Weights: []*ir.Tensor{nil, ir.NewF32(make([]float32, 300*300), 1, 1, 300, 300)},
		},
	} {
		for _, k := range Kernels() {
			if fast := k.Op == "ArgMax" && !strings.Contains(k.Name, "reference") || strings.Contains(k.Name, "phases"); k.Op == p.Node.Op && fast && k.Fits(p) == nil {
				t.Errorf("%s takes %v", k.Name, p.In)
			}
		}
	}
}

// TestLogic holds the loops that are no arithmetic to their definitions, over every way to broadcast and every type.
func TestLogic(t *testing.T) {
	r := rand.New(rand.NewPCG(9, 2))
	big := ir.Shape{2, 3, 5000}
	shapes := [][3]ir.Shape{{big, big, big}, {big, {}, big}, {{}, big, big}, {big, {3, 1}, {5000}}, {{2, 1, 1}, big, {3, 5000}}, {{7}, {7}, {1}}, {{4, 1}, {1, 5}, {4, 5}}}
	kinds := map[string][][]ir.Type{
		"Where": {{ir.Bool, ir.F32, ir.F32}, {ir.Bool, ir.I64, ir.I64}, {ir.Bool, ir.U8, ir.U8}},
		"And":   {{ir.Bool, ir.Bool}}, "Or": {{ir.Bool, ir.Bool}}, "Xor": {{ir.Bool, ir.Bool}}, "Not": {{ir.Bool}},
		"Sign": {{ir.F32}}, "ArgMax": {{ir.F32}}, "ArgMin": {{ir.F32}},
	}
	for _, c := range []string{"Equal", "Greater", "GreaterOrEqual", "Less", "LessOrEqual"} {
		kinds[c] = [][]ir.Type{{ir.F32, ir.F32}, {ir.I64, ir.I64}, {ir.I32, ir.I32}, {ir.U8, ir.U8}}
	}
	try := func(k ir.Kernel, types []ir.Type, shapes []ir.Shape, attrs ir.Attrs) {
		p := ir.Problem{Node: &ir.Node{Op: k.Op, Attrs: attrs, Out: []string{"y"}}, InType: types, In: shapes, Weights: make([]*ir.Tensor, len(types)), Machine: testMachine(3)}
		var known []op.Operand
		var call ir.Call
		var in []op.Array
		for i, s := range shapes {
			p.Node.In = append(p.Node.In, string(rune('a'+i)))
			a := op.Array{Type: types[i], Shape: s, Data: make([]float64, s.Elems())}
			for j := range a.Data {
				switch v := r.IntN(7) - 3; types[i] {
				case ir.Bool:
					a.Data[j] = float64(v & 1)
				case ir.U8:
					a.Data[j] = float64(v + 3)
				case ir.F32:
					a.Data[j] = float64(v) / 2
					if len(types) == 1 && j%50 == 7 {
						a.Data[j] = []float64{1e30, -1e30, math.NaN(), 3e9, math.Copysign(0, -1)}[j/50%5]
					}
					if strings.HasPrefix(k.Op, "Arg") && a.Data[j] != a.Data[j] {
						a.Data[j] = 0
					}
				default:
					a.Data[j] = float64(v)
				}
			}
			in = append(in, a)
			call.In = append(call.In, a.Tensor().Memory())
			known = append(known, op.Operand{Type: types[i], Shape: s})
		}
		row, _ := op.Lookup(k.Op)
		made, err := row.Infer(p.Node, known)
		if err != nil {
			t.Fatal(k.Name, err)
		}
		p.Out, p.OutType = []ir.Shape{made[0].Shape}, []ir.Type{made[0].Type}
		if err := k.Fits(p); err != nil {
			t.Fatal(k.Name, types, err)
		}
		want := op.Array{Type: made[0].Type, Shape: made[0].Shape, Data: make([]float64, made[0].Shape.Elems())}
		row.Eval(p.Node, in, []op.Array{want})
		b, err := k.Bind(p, ir.Schedule{})
		if err != nil {
			t.Fatal(err)
		}
		wanted := want.Tensor().Memory()
		call.Out = []ir.Memory{ir.NewMemory(len(wanted))}
		runParts(r, b, call)
		if !bytes.Equal(call.Out[0], wanted) {
			t.Errorf("%s of %v %v %v is not as defined", k.Name, types, shapes, attrs)
		}
	}
	for _, k := range logicKernels() {
		for _, types := range kinds[k.Op] {
			for _, s := range shapes {
				if strings.HasPrefix(k.Op, "Arg") {
					for axis := range len(s[2]) {
						try(k, types, s[2:], ir.Attrs{"axis": axis, "select_last_index": axis % 2})
					}
					continue
				}
				try(k, types, s[:len(types)], nil)
			}
		}
	}
	all := []ir.Type{ir.F32, ir.F16, ir.I32, ir.I64, ir.U8, ir.Bool}
	numbers := map[ir.Type]int{ir.F32: 1, ir.U8: 2, ir.I32: 6, ir.I64: 7, ir.Bool: 9, ir.F16: 10}
	for _, k := range logicKernels() {
		for _, from := range all {
			for _, to := range all {
				if k.Op == "Cast" && castOf(from, to) != nil {
					try(k, []ir.Type{from}, []ir.Shape{{999}}, ir.Attrs{"to": numbers[to]})
				}
			}
		}
	}
}
