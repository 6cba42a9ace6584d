package primitive

import (
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/godlas/godlas/dlas/internal/exactness"
	"github.com/godlas/godlas/dlas/ir"
)

// laneShapes are problems of the rows that work in lanes: channel counts around 16, maps of every width around the
// groups of the loops, every way to broadcast.
func laneShapes() []shape {
	var list []shape
	act := func(a string, more ir.Attrs) ir.Attrs {
		m := ir.Attrs{"act": a}
		for k, v := range more {
			m[k] = v
		}
		return m
	}
	// Depthwise.
	for _, c := range []int{1, 3, 16, 17, 32, 40} {
		for _, hw := range [][2]int{{1, 1}, {2, 3}, {4, 4}, {7, 7}, {9, 5}, {14, 15}, {19, 8}} {
			for i, k := range [][2]int{{3, 3}, {5, 5}, {2, 3}, {1, 7}} {
				if i > 1 && hw[0]+hw[1] < 9 {
					continue
				}
				for s := 1; s <= 3; s++ {
					if c%3 == 0 && s == 2 || i > 1 && s > 1 {
						continue
					}
					a := ir.Attrs{"strides": []int{s, s}, "pads": []int{k[0] / 2, k[1] / 2, k[0] / 2, k[1] / 2}}
					list = append(list, convShape(1+c%2, c, hw[0], hw[1], c, k[0], k[1], c, a, c%3 != 0, false))
				}
			}
		}
	}
	dw := func(attrs ir.Attrs, residual bool) {
		list = append(list, convShape(2, 20, 11, 13, 20, 3, 3, 20, attrs, true, residual))
	}
	dw(act("relu6", pads(1, 1, 1, 1)), false)
	dw(act("clip", ir.Attrs{"min": -0.5, "max": 0.25, "pads": []int{1, 1, 1, 1}}), false)
	dw(act("silu", pads(1, 1, 1, 1)), false)
	dw(act("hardswish", pads(1, 1, 1, 1)), true)
	dw(act("sigmoid", pads(0, 1, 2, 3)), true)
	dw(act("relu", ir.Attrs{"pads": []int{2, 1, 0, 1}, "dilations": []int{2, 1}}), true)
	dw(ir.Attrs{"pads": []int{4, 4, 4, 4}, "dilations": []int{4, 4}}, false)
	dw(ir.Attrs{"pads": []int{0, 0, 1, 1}, "strides": []int{2, 2}}, false)
	dw(ir.Attrs{"strides": []int{1, 2}}, false)
	list = append(list, convShape(1, 48, 70, 33, 48, 3, 3, 48, act("relu6", pads(1, 1, 1, 1)), true, false))

	// One operand.
	for _, o := range unaryFns() {
		for _, x := range []ir.Shape{{1, 17, 5, 6}, {2, 32, 1, 1}, {3, 37}, {1, 16, 40, 41}} {
			list = append(list, shape{op: o.op, in: []ir.Shape{x}})
		}
	}
	list = append(list,
		shape{op: "LeakyRelu", attrs: ir.Attrs{"alpha": 0.3}, in: []ir.Shape{{2, 20, 3, 3}}},
		shape{op: "HardSigmoid", attrs: ir.Attrs{"alpha": 0.3, "beta": 0.2}, in: []ir.Shape{{2, 20, 3, 3}}},
		shape{op: "Elu", attrs: ir.Attrs{"alpha": 2.5}, in: []ir.Shape{{2, 20, 3, 3}}},
		shape{op: "Selu", attrs: ir.Attrs{"alpha": 2.5, "gamma": 0.5}, in: []ir.Shape{{2, 20, 3, 3}}},
		shape{op: "Gelu", attrs: ir.Attrs{"approximate": "tanh"}, in: []ir.Shape{{2, 20, 3, 3}}},
		shape{op: "Swish", attrs: ir.Attrs{"alpha": 1.0}, in: []ir.Shape{{2, 20, 3, 3}}},
	)

	// Two.
	big := ir.Shape{2, 19, 5, 7}
	for _, o := range []string{"Add", "Sub", "Mul", "Div", "Min", "Max", "Sum", "PRelu"} {
		for _, y := range []ir.Shape{big, {2, 19, 1, 1}, {1, 19, 1, 1}, {19, 1, 1}, {1}, {}, {1, 19, 5, 7}, {5, 7}, {1, 1, 5, 1}, {2, 1, 5, 7}, {7}, {2, 1, 1, 1}} {
			for _, w := range []map[int]bool{nil, {1: true}} {
				list = append(list, shape{op: o, in: []ir.Shape{big, y}, weights: w})
				if o != "PRelu" {
					list = append(list, shape{op: o, in: []ir.Shape{y, big}, weights: map[int]bool{0: w != nil}})
				}
			}
		}
		list = append(list,
			shape{op: o, in: []ir.Shape{{3, 40}, {3, 40}}},
			shape{op: o, in: []ir.Shape{{3, 40}, {40}}, weights: map[int]bool{1: true}},
			shape{op: o, in: []ir.Shape{{1, 32, 33, 35}, {1, 32, 33, 35}}},
			shape{op: o, in: []ir.Shape{{1, 32, 33, 35}, {1, 32, 1, 1}}},
		)
		if o != "PRelu" {
			list = append(list, shape{op: o, in: []ir.Shape{{3, 1, 5}, {4, 1}}})
		}
	}
	for _, a := range []string{"relu", "silu", "hardswish", "sigmoid"} {
		list = append(list, shape{op: "Add", attrs: act(a, nil), in: []ir.Shape{big, big}})
	}
	list = append(list, shape{op: "Add", attrs: act("clip", ir.Attrs{"min": 0.0, "max": 0.5}), in: []ir.Shape{big, big}})

	// Normalizations and poolings.
	for _, x := range []ir.Shape{{2, 19, 5, 7}, {1, 48, 40, 40}, {3, 20}, {2, 16, 9}} {
		c := ir.Shape{x[1]}
		list = append(list, shape{op: "BatchNormalization", in: []ir.Shape{x, c, c, c, c}, weights: map[int]bool{1: true, 2: true, 3: true, 4: true}})
	}
	for _, o := range []string{"MaxPool", "AveragePool"} {
		for _, a := range []ir.Attrs{
			{"kernel_shape": []int{3, 3}, "strides": []int{2, 2}},
			{"kernel_shape": []int{3, 3}, "strides": []int{2, 2}, "ceil_mode": 1},
			{"kernel_shape": []int{2, 2}, "strides": []int{2, 2}},
			{"kernel_shape": []int{5, 5}, "pads": []int{2, 2, 2, 2}},
			{"kernel_shape": []int{3, 5}, "pads": []int{1, 0, 2, 4}, "strides": []int{1, 3}},
			{"kernel_shape": []int{13, 13}, "pads": []int{6, 6, 6, 6}},
		} {
			for _, x := range []ir.Shape{{1, 17, 13, 15}, {2, 32, 16, 14}, {1, 64, 55, 55}} {
				list = append(list, shape{op: o, attrs: a, in: []ir.Shape{x}})
			}
		}
	}
	list = append(list, shape{op: "AveragePool", attrs: ir.Attrs{"kernel_shape": []int{3, 3}, "pads": []int{1, 1, 1, 1}, "count_include_pad": 1}, in: []ir.Shape{{2, 17, 9, 8}}})
	for _, x := range []ir.Shape{{2, 19, 5, 7}, {1, 64, 1, 1}, {1, 40, 90, 70}} {
		list = append(list,
			shape{op: "GlobalAveragePool", in: []ir.Shape{x}},
			shape{op: "GlobalMaxPool", in: []ir.Shape{x}},
			shape{op: "ReduceMean", attrs: ir.Attrs{"axes": []int{2, 3}}, in: []ir.Shape{x}},
			shape{op: "ReduceMean", attrs: ir.Attrs{"axes": []int{-1, -2}, "keepdims": 0}, in: []ir.Shape{x}},
			shape{op: "ReduceMax", attrs: ir.Attrs{"axes": []int{2, 3}}, in: []ir.Shape{x}},
		)
	}
	for _, x := range []ir.Shape{{1, 1000}, {4, 3, 17}, {2, 21, 9, 31}, {1, 5, 40, 40}} {
		for axis := range x {
			list = append(list, shape{op: "Softmax", attrs: ir.Attrs{"axis": axis}, in: []ir.Shape{x}})
		}
	}
	return list
}

// TestLanes holds the rows that work in lanes to the definitions of their operators, plain and in blocks.
func TestLanes(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	used, cut := map[string][2]int{}, map[string]int{}
	for _, s := range slices.Concat(laneShapes(), moveShapes(), resizeShapes(), operatorShapes()) {
		for _, threads := range []int{1, 16} {
			p, in, want := s.problem(r, 0, testMachine(threads))
			for _, k := range laneKernels() {
				if k.Op != s.op {
					continue
				}
				for i, block := range []int{0, ir.Lanes} {
					q, ok := arrange(k, p, block)
					if !ok {
						continue
					}
					u := used[k.Name]
					u[i]++
					used[k.Name] = u
					b, err := k.Bind(q, ir.Schedule{})
					if err != nil {
						t.Fatal(err)
					}
					cut[k.Op] = max(cut[k.Op], b.Phases[0])
					got := run(t, r, b, q, in)
					if d := exactness.Distance(got, want); !(d <= bounds[k.Exact]) {
						t.Fatalf("%s, block %d, threads=%d: %v, weights %v: error %g", k.Name, block, threads, s, s.weights, d)
					}
				}
			}
		}
	}
	for _, k := range laneKernels() {
		if u := used[k.Name]; k.Exact != ir.ExactInt && (u[0] == 0 || u[1] == 0 && k.Layouts != nil) {
			t.Errorf("%d shapes of the table fit %s plain, %d in blocks", u[0], k.Name, u[1])
		}
	}
	for _, o := range []string{"Conv", "Relu", "MaxPool", "Softmax", "Add"} {
		if cut[o] < 16 {
			t.Errorf("%s is not cut into parts for 16 threads", o)
		}
	}
}
