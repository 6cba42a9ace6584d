package primitive

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/godlas/godlas/dlas/internal/exactness"
	"github.com/godlas/godlas/dlas/ir"
	"github.com/godlas/godlas/dlas/ir/op"
	"github.com/godlas/godlas/dlas/primitive/internal/asm"
)

// shape is a row of the table of problems that every kernel of an operator must solve: a node, the shapes of its inputs,
// and which of them are weights.
type shape struct {
	op      string
	attrs   ir.Attrs
	in      []ir.Shape // nil: left out
	weights map[int]bool
	half    bool                                        // input 1, the weights, are float16
	prune   func(r *rand.Rand, w []float32, s ir.Shape) // of input 1; nil: as it is
}

func (s shape) String() string { return fmt.Sprintf("%s%v %v", s.op, s.in, s.attrs) }

// convShape is a convolution of an n x c x h x w input to m channels with a kh x kw window.
func convShape(n, c, h, w, m, kh, kw, group int, attrs ir.Attrs, bias, residual bool) shape {
	if attrs == nil {
		attrs = ir.Attrs{}
	}
	attrs["group"] = group
	s := shape{op: "Conv", attrs: attrs, in: []ir.Shape{{n, c, h, w}, {m, c / group, kh, kw}, nil, nil}, weights: map[int]bool{1: true, 2: true}}
	if bias {
		s.in[2] = ir.Shape{m}
	}
	if residual {
		win, err := op.WindowOf(&ir.Node{Attrs: attrs}, kh, kw)
		if err != nil {
			panic(err)
		}
		oh, ow, err := win.Out(h, w)
		if err != nil {
			panic(err)
		}
		s.in[3] = ir.Shape{n, m, oh, ow}
	}
	return s
}

func pads(v ...int) ir.Attrs { return ir.Attrs{"pads": v} }

func strided(s int, p ...int) ir.Attrs { return ir.Attrs{"strides": []int{s, s}, "pads": p} }

// shapes has every edge size: single pixels, odd maps, maps narrower than a lane and not a multiple of it, channel counts
// around the loops' groups, strides, padding on one side only, dilation, batches.
func shapes() []shape {
	list := []shape{
		convShape(1, 1, 1, 1, 1, 1, 1, 1, nil, false, false),
		convShape(1, 3, 1, 1, 5, 3, 3, 1, pads(1, 1, 1, 1), true, false),
		convShape(2, 3, 2, 2, 5, 1, 1, 1, nil, true, true),
		convShape(1, 5, 3, 3, 16, 1, 1, 1, nil, false, true),
		convShape(2, 16, 7, 7, 17, 3, 3, 1, pads(1, 1, 1, 1), true, true),
		convShape(1, 17, 4, 4, 16, 3, 3, 1, pads(1, 1, 1, 1), true, false),
		convShape(1, 16, 8, 8, 16, 3, 3, 1, pads(1, 1, 1, 1), true, true),
		convShape(2, 3, 13, 11, 6, 3, 3, 1, pads(1, 1, 1, 1), true, false),
		convShape(1, 4, 16, 16, 4, 3, 3, 1, nil, false, false),
		convShape(1, 2, 9, 40, 7, 5, 1, 1, pads(2, 0, 2, 0), true, false),
		convShape(1, 2, 40, 9, 8, 1, 7, 1, pads(0, 3, 0, 3), true, true),
		convShape(1, 6, 17, 17, 10, 3, 3, 1, strided(2, 1, 1, 1, 1), true, true),
		convShape(2, 6, 16, 16, 14, 3, 3, 1, strided(2, 1, 1, 1, 1), true, false),
		convShape(1, 8, 16, 16, 9, 1, 1, 1, strided(2, 0, 0, 0, 0), false, true),
		convShape(1, 3, 23, 23, 12, 7, 7, 1, strided(3, 3, 3, 3, 3), true, false),
		convShape(1, 3, 12, 20, 5, 3, 3, 1, ir.Attrs{"strides": []int{2, 1}, "pads": []int{0, 2, 1, 0}}, true, false),
		convShape(1, 3, 12, 20, 5, 3, 2, 1, ir.Attrs{"strides": []int{1, 3}, "pads": []int{2, 0, 0, 1}}, true, true),
		convShape(1, 4, 15, 15, 8, 3, 3, 1, ir.Attrs{"dilations": []int{2, 2}, "pads": []int{2, 2, 2, 2}}, true, false),
		convShape(1, 4, 15, 19, 8, 3, 3, 1, ir.Attrs{"dilations": []int{3, 2}, "strides": []int{2, 3}, "pads": []int{1, 2, 3, 0}}, true, false),
		convShape(1, 3, 2, 2, 3, 3, 3, 1, pads(4, 4, 4, 4), true, false),
		convShape(1, 70, 10, 10, 33, 3, 3, 1, pads(1, 1, 1, 1), true, true),
		convShape(1, 3, 10, 10, 8, 3, 3, 1, ir.Attrs{"pads": []int{1, 1, 1, 1}, "act": "relu"}, true, true),
		convShape(1, 3, 5, 5, 7, 3, 3, 1, ir.Attrs{"pads": []int{1, 1, 1, 1}, "act": "relu6"}, true, true),
		// Winograd's tiles past the edges on any side, panels of 32 and 16 channels, activations of all sorts.
		convShape(2, 20, 11, 6, 48, 3, 3, 1, pads(0, 1, 2, 1), true, true),
		convShape(1, 36, 5, 30, 33, 3, 3, 1, pads(2, 0, 0, 2), true, false),
		convShape(1, 16, 12, 9, 16, 3, 3, 1, ir.Attrs{"pads": []int{1, 1, 1, 1}, "act": "silu"}, true, true),
		convShape(1, 7, 6, 6, 20, 3, 3, 1, ir.Attrs{"pads": []int{1, 1, 1, 1}, "act": "hardswish"}, true, false),
		convShape(1, 7, 6, 6, 20, 3, 3, 1, ir.Attrs{"pads": []int{1, 1, 1, 1}, "act": "clip", "min": -0.5, "max": 0.25}, true, true),
		// Large enough to be cut into parts for 16 threads, across the borders of images and rows.
		convShape(3, 8, 20, 20, 12, 3, 3, 1, pads(1, 1, 1, 1), true, true),
		convShape(3, 32, 5, 5, 32, 3, 3, 1, pads(1, 1, 1, 1), true, true),
		convShape(5, 16, 9, 13, 34, 3, 3, 1, strided(2, 1, 1, 1, 1), true, false),
		// Tiles of pixels of several images.
		convShape(5, 20, 7, 7, 34, 3, 3, 1, strided(1, 1, 1, 1, 1), true, true),
		convShape(9, 33, 2, 2, 48, 1, 1, 1, strided(1, 0, 0, 0, 0), true, false),
		convShape(17, 16, 1, 1, 31, 1, 1, 1, strided(1, 0, 0, 0, 0), false, true),
		convShape(3, 32, 8, 6, 40, 3, 3, 2, strided(2, 0, 1, 1, 0), true, false),
		convShape(3, 40, 9, 9, 40, 1, 1, 1, nil, true, false),
		convShape(2, 24, 6, 19, 24, 3, 3, 1, pads(1, 1, 1, 1), true, true),
		convShape(1, 256, 1, 1, 128, 3, 3, 1, pads(1, 1, 1, 1), false, false),
		convShape(2, 64, 17, 17, 64, 3, 3, 64, pads(1, 1, 1, 1), true, false),
		convShape(3, 64, 6, 6, 96, 3, 3, 2, pads(1, 1, 1, 1), true, true),
		// Strassen's tiles of each size, over odd numbers of blocks, and of several bands.
		convShape(1, 32, 4, 4, 32, 1, 1, 1, nil, false, false),
		convShape(1, 64, 8, 8, 96, 1, 1, 1, ir.Attrs{"act": "silu"}, true, true),
		convShape(1, 32, 14, 14, 64, 1, 1, 1, ir.Attrs{"act": "relu6"}, true, true),
		convShape(3, 32, 2, 28, 96, 1, 1, 1, nil, true, false),
		convShape(1, 64, 6, 10, 64, 1, 1, 1, nil, true, true),
		convShape(1, 32, 4, 12, 64, 1, 1, 1, ir.Attrs{"act": "relu"}, false, true),
		convShape(1, 32, 4, 30, 32, 1, 1, 1, nil, true, true),
		// Depthwise and grouped.
		convShape(1, 1, 8, 8, 1, 3, 3, 1, pads(1, 1, 1, 1), true, false),
		convShape(2, 5, 7, 9, 5, 3, 3, 5, pads(1, 1, 1, 1), true, true),
		convShape(1, 16, 32, 32, 16, 3, 3, 16, ir.Attrs{"pads": []int{1, 1, 1, 1}, "act": "relu6"}, true, false),
		convShape(1, 6, 14, 14, 12, 3, 3, 6, strided(2, 1, 1, 1, 1), false, false),
		convShape(1, 12, 9, 9, 18, 1, 1, 3, nil, true, true),
		convShape(1, 4, 1, 1, 4, 3, 3, 4, pads(1, 1, 1, 1), true, false),
	}
	constantResidual := convShape(1, 3, 9, 9, 5, 3, 3, 1, pads(1, 1, 1, 1), true, true)
	constantResidual.weights = map[int]bool{0: true, 1: true, 2: true, 3: true}
	list = append(list, constantResidual)
	for _, n := range []int{1, 2, 7, 11} {
		for _, km := range [][2]int{{1, 1}, {64, 10}, {33, 16}, {5, 47}} {
			list = append(list, shape{op: "Gemm", attrs: ir.Attrs{"transB": 1}, in: []ir.Shape{{n, km[0]}, {km[1], km[0]}, {km[1]}}, weights: map[int]bool{1: true, 2: true}})
		}
	}
	for _, n := range []int{1, 3, 15, 40} {
		w := map[int]bool{1: true, 2: true}
		list = append(list,
			shape{op: "Gemm", attrs: ir.Attrs{"alpha": 0.5, "beta": 2.0, "act": "silu"}, in: []ir.Shape{{n, 37}, {37, 50}, {1, 50}}, weights: w},
			shape{op: "Gemm", attrs: ir.Attrs{"beta": 3.0}, in: []ir.Shape{{n, 8}, {8, 96}, {1}}, weights: w},
			shape{op: "MatMul", in: []ir.Shape{{2, n, 19}, {19, 33}}, weights: w},
			shape{op: "MatMul", in: []ir.Shape{{n, 130}, {130, 1}}, weights: w},
		)
	}
	list = append(list, shape{op: "Gemm", attrs: ir.Attrs{"transB": 1, "act": "relu"}, in: []ir.Shape{{2, 9}, {20, 9}, nil}, weights: map[int]bool{1: true}})
	for i, s := range slices.Clone(list) {
		if slices.Contains([]string{"Conv", "Gemm", "MatMul"}, s.op) && i%3 == 0 {
			s.half = true
			list = append(list, s)
		}
	}
	map1, map2 := ir.Shape{2, 5, 7, 9}, ir.Shape{1, 3, 1, 1}
	for _, x := range []ir.Shape{map1, map2, {1, 16, 64, 64}} {
		c := ir.Shape{x[1]}
		list = append(list,
			shape{op: "Relu", in: []ir.Shape{x}},
			shape{op: "Clip", in: []ir.Shape{x}},
			shape{op: "Clip", attrs: ir.Attrs{"min": -0.5, "max": 0.25}, in: []ir.Shape{x}},
			shape{op: "Identity", in: []ir.Shape{x}},
			shape{op: "Flatten", in: []ir.Shape{x}},
			shape{op: "Add", in: []ir.Shape{x, x}},
			shape{op: "Add", attrs: ir.Attrs{"act": "relu6"}, in: []ir.Shape{x, x}, weights: map[int]bool{1: true}},
			shape{op: "BatchNormalization", attrs: ir.Attrs{"epsilon": 1e-3}, in: []ir.Shape{x, c, c, c, c}, weights: map[int]bool{1: true, 2: true, 3: true, 4: true}},
			shape{op: "InstanceNormalization", in: []ir.Shape{x, c, c}, weights: map[int]bool{1: true, 2: true}},
			shape{op: "GroupNormalization", attrs: ir.Attrs{"num_groups": x[1], "epsilon": 0.25}, in: []ir.Shape{x, c, c}},
			shape{op: "GroupNormalization", attrs: ir.Attrs{"num_groups": 1}, in: []ir.Shape{x, {1}, {1}}},
			shape{op: "LRN", attrs: ir.Attrs{"size": 5, "alpha": 0.5}, in: []ir.Shape{x}},
			shape{op: "LRN", attrs: ir.Attrs{"size": 2, "alpha": 2.0, "beta": 0.5, "bias": 2.0}, in: []ir.Shape{x}},
			shape{op: "GlobalAveragePool", in: []ir.Shape{x}},
			shape{op: "Softmax", in: []ir.Shape{x}},
			shape{op: "Softmax", attrs: ir.Attrs{"axis": 1}, in: []ir.Shape{x}},
			shape{op: "Softmax", attrs: ir.Attrs{"axis": -2}, in: []ir.Shape{x}},
			shape{op: "Pad", attrs: pads(0, 1, 2, 3, 0, 2, 0, 1), in: []ir.Shape{x}},
			shape{op: "Pad", attrs: ir.Attrs{"pads": []int{0, 0, 1, 1, 0, 0, 1, 1}, "value": -1.5}, in: []ir.Shape{x}},
			shape{op: "Concat", attrs: ir.Attrs{"axis": 1}, in: []ir.Shape{x, x, x}},
			shape{op: "Concat", attrs: ir.Attrs{"axis": -1}, in: []ir.Shape{x, x}, weights: map[int]bool{0: true}},
			shape{op: "MaxPool", attrs: ir.Attrs{"kernel_shape": []int{1, 1}, "strides": []int{2, 2}}, in: []ir.Shape{x}},
			shape{op: "MaxPool", attrs: ir.Attrs{"kernel_shape": []int{3, 3}, "strides": []int{2, 2}, "pads": []int{1, 1, 1, 1}}, in: []ir.Shape{x}},
			shape{op: "AveragePool", attrs: ir.Attrs{"kernel_shape": []int{1, 1}, "strides": []int{3, 2}}, in: []ir.Shape{x}},
			shape{op: "AveragePool", attrs: ir.Attrs{"kernel_shape": []int{3, 2}, "strides": []int{2, 2}, "pads": []int{1, 1, 1, 0}}, in: []ir.Shape{x}},
			shape{op: "AveragePool", attrs: ir.Attrs{"kernel_shape": []int{3, 3}, "strides": []int{2, 2}, "pads": []int{1, 1, 1, 1}, "count_include_pad": 1, "ceil_mode": 1}, in: []ir.Shape{x}},
		)
	}
	return append(list,
		shape{op: "ConvTranspose", attrs: ir.Attrs{"strides": []int{2, 2}}, in: []ir.Shape{{2, 16, 9, 7}, {16, 5, 2, 2}, {5}}, weights: map[int]bool{1: true, 2: true}},
		shape{op: "ConvTranspose", attrs: ir.Attrs{"strides": []int{2, 3}, "pads": []int{1, 2, 0, 1}, "output_padding": []int{1, 0}, "dilations": []int{2, 1}, "group": 2}, in: []ir.Shape{{1, 6, 5, 4}, {6, 3, 3, 4}}, weights: map[int]bool{1: true}},
		shape{op: "ConvTranspose", attrs: ir.Attrs{"strides": []int{3, 2}, "auto_pad": "SAME_UPPER"}, in: []ir.Shape{{1, 2, 3, 3}, {2, 1, 5, 1}}},
		shape{op: "ConvTranspose", attrs: ir.Attrs{"pads": []int{3, 3, 3, 3}}, in: []ir.Shape{{1, 1, 6, 5}, {1, 2, 4, 4}, {2}}},
		shape{op: "Softmax", in: []ir.Shape{{3, 10}}},
		shape{op: "Flatten", in: []ir.Shape{{3, 10}}},
		shape{op: "MaxPool", attrs: ir.Attrs{"kernel_shape": []int{2, 3}, "strides": []int{2, 3}, "dilations": []int{2, 1}, "ceil_mode": 1}, in: []ir.Shape{map1}},
	)
}

// problem fills a shape with random numbers. zero is the fraction of zeros among a convolution's weights.
func (s shape) problem(r *rand.Rand, zero float64, m ir.Machine) (ir.Problem, [][]float32, []float64) {
	p, data, arrays := s.unsolved(r, zero, m)
	row, _ := op.Lookup(s.op)
	made, _ := row.Infer(p.Node, op.Operands(s.in...))
	var results []op.Array
	for _, o := range made {
		results = append(results, op.Array{Type: o.Type, Shape: o.Shape, Data: make([]float64, o.Shape.Elems())})
	}
	row.Eval(p.Node, arrays, results)
	return p, data, results[0].Data
}

// unsolved is a problem without its solution.
func (s shape) unsolved(r *rand.Rand, zero float64, m ir.Machine) (ir.Problem, [][]float32, []op.Array) {
	g := &ir.Graph{Inputs: []ir.Value{{Name: "x"}}, Outputs: []string{"y"}, Weights: map[string]*ir.Tensor{}}
	p := ir.Problem{Machine: m}
	n := &ir.Node{Name: "node", Op: s.op, Attrs: s.attrs, Out: []string{"y"}}
	if s.op == "Split" {
		n.Out = append(n.Out, "z")
	}
	arrays := make([]op.Array, len(s.in))
	data := make([][]float32, len(s.in))
	for i, sh := range s.in {
		p.In = append(p.In, sh)
		p.Weights = append(p.Weights, nil)
		if sh == nil {
			n.In = append(n.In, "")
			continue
		}
		n.In = append(n.In, fmt.Sprint("in", i))
		data[i] = make([]float32, sh.Elems())
		wide := make([]float64, sh.Elems())
		for j := range data[i] {
			v := float32(r.NormFloat64())
			if s.op == "BatchNormalization" && i == 4 {
				v = v*v + 0.1
			}
			if s.op == "Sqrt" || s.op == "Log" || s.op == "Pow" {
				v = max(v, -v)
			}
			if s.op == "Conv" && i == 1 && r.Float64() < zero {
				v = 0
			}
			if s.half && i == 1 {
				v = asm.FromHalf(asm.ToHalf(v))
			}
			data[i][j], wide[j] = v, float64(v)
		}
		if s.prune != nil && i == 1 {
			s.prune(r, data[i], sh)
			for j, v := range data[i] {
				wide[j] = float64(v)
			}
		}
		if s.weights[i] {
			p.Weights[i] = ir.NewF32(data[i], sh...)
			if s.half && i == 1 {
				bits := make([]uint16, len(data[i]))
				for j, v := range data[i] {
					bits[j] = asm.ToHalf(v)
				}
				p.Weights[i] = &ir.Tensor{Shape: sh, Type: ir.F16, Data: bits}
			}
		}
		arrays[i] = op.Array{Type: ir.F32, Shape: sh, Data: wide}
	}
	p.Node = n
	g.Nodes = []*ir.Node{n}
	row, _ := op.Lookup(s.op)
	made, err := row.Infer(n, op.Operands(s.in...))
	if err != nil {
		panic(fmt.Sprintf("%v: %v", s, err))
	}
	for i := range n.Out {
		p.Out = append(p.Out, made[i].Shape)
	}
	return p, data, arrays
}

var bounds = map[ir.Exactness]float64{ir.ExactInt: 0, ir.ExactF32: 2e-5, ir.ExactWinograd: 1e-4}

func testMachine(threads int) ir.Machine {
	return ir.Machine{ISA: "avx2", ISAs: []string{"go", "avx2"}, Threads: threads, L1D: 32 << 10, L2: 1 << 20}
}

// TestConformance holds every row of the table to the float64 definition of its operator, with its inputs plain and in
// blocks where the row takes those.
func TestConformance(t *testing.T) {
	// The problems' numbers are the same however many rows there are.
	r, numbers := rand.New(rand.NewPCG(1, 2)), rand.New(rand.NewPCG(1, 3))
	used, cut := map[string]int{}, map[string]int{}
	schedules := []ir.Schedule{{}, {Tiles: []int{6, 1, 1 << 20}}, {Tiles: []int{4, 3, 2}}, {Tiles: []int{2, 2, 3}}, {Tiles: []int{8, 1, 1 << 20}}}
	for _, s := range shapes() {
		zeros := []float64{0}
		if s.op == "Conv" {
			zeros = []float64{0, 0.6, 0.95, 1}
		}
		for _, zero := range zeros {
			for _, threads := range []int{1, 2, 16} {
				p, in, want := s.problem(numbers, zero, testMachine(threads))
				for _, k := range Kernels() {
					definition := k.Algorithm == "" && k.Type == "" // run by the row's own loop
					if k.Op != s.op || k.Format != Dense && k.Format != "" && threads == 2 || zero > 0 && k.Format == Dense && k.Algorithm != depthwise || definition && threads+int(zero) > 1 {
						continue
					}
					for _, block := range []int{0, ir.Lanes, ir.Strips} {
						q, ok := arrange(k, p, block)
						if !ok {
							continue
						}
						used[k.Name]++
						trials := schedules
						if k.Schedules != nil {
							trials = []ir.Schedule{{}, {Name: "untuned"}}
							all := k.Schedules(q)
							for range min(2, len(all)) { // the tables' many shapes go through all of them
								trials = append(trials, all[r.IntN(len(all))])
							}
						} else if s.op != "Conv" || definition {
							trials = schedules[:1]
						}
						for _, sch := range trials {
							b, err := k.Bind(q, sch)
							if err != nil {
								t.Fatal(err)
							}
							cut[s.op] = max(cut[s.op], b.Phases[0])
							got := run(t, r, b, q, in)
							if d := exactness.Distance(got, want); !(d <= bounds[k.Exact]) {
								t.Fatalf("%s, block %d, threads=%d, zeros %v, schedule %v: %v: error %g", k.Name, block, threads, zero, sch, s, d)
							}
						}
					}
				}
			}
		}
	}
	if cut["Conv"] < 16 || cut["Relu"] < 16 {
		t.Errorf("no shape of the table is cut into parts for 16 threads: %v", cut)
	}
	lanes := map[string]bool{} // TestLanes and TestOperators are theirs
	for _, k := range slices.Concat(laneKernels(), productKernels(), upKernels(), transposeKernels()) {
		lanes[k.Name] = true
	}
	for _, k := range Kernels() {
		if used[k.Name] == 0 && (k.Type == ir.F32 || k.Type == ir.F16) && k.Op != "Layout" && !lanes[k.Name] {
			t.Errorf("no shape of the table fits %s", k.Name)
		}
	}
}

// TestPartsAreDisjoint shows that no two parts of a convolution write the same pixel, not even with the same value.
func TestPartsAreDisjoint(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for _, s := range shapes() {
		if s.op != "Conv" {
			continue
		}
		p, in, _ := s.problem(r, 0.5, testMachine(16))
		for _, k := range Kernels() {
			if k.Op != s.op || k.ISA != "go" {
				continue
			}
			p, ok := arrange(k, p, 0)
			if !ok || p.LayoutOut(0).Block != 0 || p.LayoutIn(0).Block != 0 {
				continue
			}
			b, err := k.Bind(p, ir.Schedule{})
			if err != nil {
				t.Fatal(err)
			}
			writers := make([]int, p.Out[0].Elems())
			out := make([]float32, len(writers))
			workspace := ir.NewMemory(int(b.WorkspaceBytes))
			for part := range b.Phases[0] {
				for i := range out {
					out[i] = guard
				}
				b.Run(ir.Call{In: memories(in), Out: []ir.Memory{ir.MemoryOf(out)}, Workspace: workspace, Part: part})
				for i, v := range out {
					if v != guard {
						writers[i]++
					}
				}
			}
			for i, n := range writers {
				if n != 1 {
					t.Fatalf("%s: %v: %d parts write element %d", k.Name, s, n, i)
				}
			}
		}
	}
}

// TestCounts checks what kernels tell of themselves on a shape without padding of any kind.
func TestCounts(t *testing.T) {
	s := convShape(2, 16, 16, 16, 12, 3, 3, 1, pads(1, 1, 1, 1), true, false)
	p, _, _ := s.problem(rand.New(rand.NewPCG(1, 2)), 0.75, testMachine(1))
	macs := int64(16 * 9 * 12 * 256)
	nonzero := op.Nonzero(p.Weights[1]) * 256
	// One thread does one image after the other in the same workspace.
	matrix := int64(4 * 16 * 9 * 256)
	for _, k := range Kernels() {
		if k.Op != "Conv" || k.Algorithm == Winograd || k.Algorithm == "" || k.Fits(p) != nil {
			continue
		}
		q, _ := arrange(k, p, ir.Lanes)
		b, err := k.Bind(q, ir.Schedule{})
		if err != nil {
			t.Fatal(err)
		}
		wantMACs, wantSpace := nonzero, map[string]int64{Gemm: matrix}[k.Algorithm] // whose maps have their border already
		if k.Format == Dense {                                                      // of which every tile has 16 channels
			wantMACs = macs / 12 * 16
		}
		if k.Format == BSR { // what is zero for all 12 channels is left out
			wantMACs = pickedMACs(p.Weights[1], 16) * 256
		}
		if k.Format == Punched || k.Format == BSR && k.Strips {
			wantMACs = pickedMACs(p.Weights[1], 4) * 256
		}
		if k.Algorithm == SpatialPack && k.Format == CSR { // of strips of 4x4 pixels: tiles of 4x4, of 1x4 with AVX2
			wantSpace = 4 * 16 * 16 * 6 * 6
			if k.ISA == "avx2" {
				wantSpace = 4 * 16 * 16 * 4 * 3 * 6
			}
		}
		if k.Algorithm == SpatialPack && k.Format != CSR { // tiles of 6 or of 14 pixels at most: three or two in a row, each three rows high
			wantSpace = 4 * 16 * 3 * 8 * (3 * 16)
			if k.ISA == "avx512" {
				wantSpace = 4 * 16 * 3 * 10 * (2 * 16)
			}
		}
		if b.MACsExecuted != wantMACs || b.WorkspaceBytes != wantSpace {
			t.Errorf("%s: %d MACs executed, %d bytes of workspace; want %d and %d", k.Name, b.MACsExecuted, b.WorkspaceBytes, wantMACs, wantSpace)
		}
	}
}

// TestAutoCost checks that the estimates order dense and sparse rows as they were measured: the more a level multiplies
// at once, the more zeros it takes.
func TestAutoCost(t *testing.T) {
	s := convShape(1, 32, 16, 16, 32, 3, 3, 1, pads(1, 1, 1, 1), true, false)
	dense, csr := "conv_f32_direct_dense__", "conv_f32_direct_csr__"
	tried := 0
	for level, isas := range map[string][]string{"go": {"go"}, "avx2": {"go", "avx2"}, "avx512": {"go", "avx2", "avx512"}} {
		for _, c := range []struct {
			zero        float64
			plain, wide string // the loops in Go, and those of vectors
		}{{0, dense, dense}, {0.2, csr, dense}, {0.6, csr, csr}, {0.95, csr, csr}} {
			p, _, _ := s.unsolved(rand.New(rand.NewPCG(1, 2)), c.zero, testMachine(1))
			best, least, there := "", math.Inf(1), false
			for _, k := range Kernels() {
				if k.Op != "Conv" || k.Algorithm != Direct || !slices.Contains(isas, k.ISA) || k.Fits(p) != nil {
					continue
				}
				there = there || k.ISA == level
				if cost := k.Cost(p); cost < least {
					best, least = k.Name, cost
				}
			}
			want := c.wide
			if level == "go" {
				want = c.plain
			}
			if there {
				tried++
				if !strings.HasPrefix(best, want) {
					t.Errorf("%s: at %v zeros auto takes %s, want %s", level, c.zero, best, want)
				}
			}
		}
	}
	if tried < 4 {
		t.Error("nothing was tried")
	}
}

func TestCheck(t *testing.T) {
	const there = "; there is: auto, direct dense, direct bsr, gemm dense, gemm bsr, spatialpack dense, spatialpack bsr, direct csr, gemm csr, spatialpack csr, direct punched, direct pattern, depthwise dense, winograd dense, strassen dense"
	for _, c := range []struct{ algorithm, format, want string }{
		{"auto", "", ""},
		{"auto", "csr", ""},
		{"direct", "dense", ""},
		{"gemm", "csr", ""},
		{"gemm", "", ""},
		{"winograd", "dense", ""},
		{"winograd", "csr", "L4 primitive: there is no winograd with csr" + there},
		{"spatialpack", "bsr", ""},
		{"spatialpack", "csr", ""},
		{"direct", "pattern", ""},
		{"gemm", "pattern", "L4 primitive: there is no gemm with pattern" + there},
		{"direct", "punched", ""},
		{"depthwise", "dense", ""},
		{"depthwise", "csr", "L4 primitive: there is no depthwise with csr" + there},
		{"direkt", "dense", `L4 primitive: unknown algorithm "direkt"; try direct, depthwise, gemm`},
		{"direct", "crs", `L4 primitive: unknown format "crs"; try csr, bsr, dense`},
	} {
		got := ""
		if err := Check(c.algorithm, c.format); err != nil {
			got = err.Error()
		}
		if got != c.want {
			t.Errorf("%s %s: %s\nwant %s", c.algorithm, c.format, got, c.want)
		}
	}
}

func TestTooLarge(t *testing.T) {
	p := ir.Problem{
		Node: &ir.Node{Name: "big", Op: "Conv", In: []string{"x", "w"}, Attrs: ir.Attrs{"pads": []int{65000, 65000, 65000, 65000}}},
		In:   []ir.Shape{{1, 1, 1, 1}, {1, 1, 3, 3}}, Out: []ir.Shape{{1, 1, 129999, 129999}}, Weights: []*ir.Tensor{nil, ir.NewF32(make([]float32, 9), 1, 1, 3, 3)},
	}
	for _, k := range Kernels() {
		if k.Op == "Conv" && k.Algorithm == Direct && k.Fits(p) == nil {
			t.Errorf("%s takes a padded input of 17 billion elements", k.Name)
		}
	}
}
