package primitive

import (
	"math/rand/v2"
	"testing"

	"github.com/godlas/godlas/dlas/internal/exactness"
	"github.com/godlas/godlas/dlas/ir"
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
	add("GlobalAveragePool", nil, nil, ir.Shape{2, 19, 5, 7})
	add("GroupNormalization", ir.Attrs{"num_groups": 4}, nil, ir.Shape{2, 20, 5, 7}, ir.Shape{20}, ir.Shape{20})
	add("InstanceNormalization", nil, nil, ir.Shape{2, 5, 19, 23}, ir.Shape{5}, ir.Shape{5})

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
			if fast == 0 {
				t.Errorf("%d rows beside the definition run %v", fast, s)
			}
		}
	}
}
