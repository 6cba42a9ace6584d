package op

import (
	"fmt"
	"runtime"
	"testing"
	"time"

	"github.com/godlas/godlas/dlas/ir"
)

// TestFoldBound folds networks whose constants would become many times as large as their file: within 64 MB and a second
// Fold stops and leaves the rest of the nodes to run.
func TestFoldBound(t *testing.T) {
	weight := func(n int) *ir.Tensor { return ir.NewF32(make([]float32, n), n) }
	shape := func(n int) *ir.Tensor { return i64(int64(n)) }
	net := func(w map[string]*ir.Tensor, nodes ...*ir.Node) *ir.Graph {
		last := nodes[len(nodes)-1].Out[0]
		return &ir.Graph{
			Inputs: []ir.Value{{Name: "x", Shape: ir.Shape{1, 1}}}, Outputs: []string{"y"}, Weights: w,
			Nodes: append(nodes, node("Add", nil, "y", "x", last)),
		}
	}
	doubled := func(operator string, times int) *ir.Graph {
		var nodes []*ir.Node
		for i := range times {
			in := []string{fmt.Sprint("w", i), fmt.Sprint("w", i)}
			attrs := ir.Attrs{"axis": 0}
			if operator == "Tile" {
				in[1], attrs = "twice", nil
			}
			nodes = append(nodes, node(operator, attrs, fmt.Sprint("w", i+1), in...))
		}
		return net(map[string]*ir.Tensor{"w0": weight(1 << 16), "twice": shape(2)}, nodes...)
	}
	var many, sums []*ir.Node
	for i := range 200 {
		many = append(many, node("Neg", nil, fmt.Sprint("n", i), "w"))
		sums = append(sums, node("Add", nil, fmt.Sprint("n", i), "w", fmt.Sprint("n", i-1)))
	}
	sums[0].In[1] = "w"
	all := node("Sum", nil, "s")
	for i := range 200 {
		all.In = append(all.In, fmt.Sprint("n", i))
	}
	for name, g := range map[string]*ir.Graph{
		"a weight doubled again and again": doubled("Concat", 11),
		"tiled again and again":            doubled("Tile", 11),
		"one weight in many nodes":         net(map[string]*ir.Tensor{"w": weight(1 << 20)}, append(many, all)...),
		"a long chain":                     net(map[string]*ir.Tensor{"w": weight(1 << 20)}, sums...),
		"a number expanded":                net(map[string]*ir.Tensor{"w": weight(1), "to": shape(1 << 27)}, node("Expand", nil, "e", "w", "to")),
		"a constant of a shape":            net(map[string]*ir.Tensor{"to": shape(1 << 27)}, node("ConstantOfShape", nil, "e", "to")),
		"a range":                          net(map[string]*ir.Tensor{"a": ir.NewF32([]float32{0}), "b": ir.NewF32([]float32{1 << 26}), "c": ir.NewF32([]float32{1})}, node("Range", nil, "e", "a", "b", "c")),
		"one hot":                          net(map[string]*ir.Tensor{"i": i64(make([]int64, 1<<10)...), "d": scalar(1 << 16), "v": ir.NewF32([]float32{0, 1}, 2)}, node("OneHot", nil, "e", "i", "d", "v")),
		"a product":                        net(map[string]*ir.Tensor{"a": ir.NewF32(make([]float32, 1<<13), 1<<13, 1), "b": ir.NewF32(make([]float32, 1<<13), 1, 1<<13)}, node("MatMul", nil, "e", "a", "b")),
		"an outer sum":                     net(map[string]*ir.Tensor{"a": ir.NewF32(make([]float32, 1<<13), 1<<13, 1), "b": ir.NewF32(make([]float32, 1<<13), 1, 1<<13)}, node("Add", nil, "e", "a", "b")),
	} {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		began := time.Now()
		f, err := Fold(g)
		took := time.Since(began)
		runtime.ReadMemStats(&after)
		if n := after.TotalAlloc - before.TotalAlloc; n > 64<<20 {
			t.Errorf("%s: folding allocates %d MB", name, n>>20)
		}
		if took > 20*time.Second {
			t.Errorf("%s: folding takes %v", name, took)
		}
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if len(f.Nodes) < 2 {
			t.Errorf("%s: everything was folded", name)
		}
		if _, err := Infer(f, 1); err != nil {
			t.Errorf("%s: what is left does not fit: %v", name, err)
		}
	}
}
