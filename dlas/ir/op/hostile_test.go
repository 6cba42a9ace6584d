package op

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/godlas/godlas/dlas/ir"
)

// anyNode makes a graph of one node of an operator from random numbers: most are wrong, some are right.
func anyNode(r *rand.Rand, row Row) (*ir.Graph, []Array) {
	types := []ir.Type{ir.F32, ir.F32, ir.F32, ir.I64, ir.I64, ir.I32, ir.U8, ir.I8, ir.Bool, ir.F16, ir.U64}
	extent := func() int { return []int{1, 1, 2, 2, 3, 3, 4, 5, 6, 8}[r.IntN(10)] }
	common := make(ir.Shape, r.IntN(6))
	for i := range common {
		common[i] = extent()
	}
	// A third of the nodes look like those of a network: maps, weights of windows, a number a channel.
	net := r.IntN(3) == 0
	channels, kernel := extent(), 1+r.IntN(3)
	if net {
		common = ir.Shape{1 + r.IntN(2), channels, extent(), extent()}
	}
	number := func() int {
		return []int{0, 1, 1, 1, 2, 2, 3, 4, -1, -2, 5, 1 << 40, math.MaxInt, math.MinInt}[r.IntN(14)]
	}
	whole := types[r.IntN(len(types))]
	g := &ir.Graph{Weights: map[string]*ir.Tensor{}}
	n := &ir.Node{Name: "n", Op: row.Name, Attrs: ir.Attrs{}}
	var inputs []Array
	count := row.Least + r.IntN(min(row.Most-row.Least, 4)+1)
	for i := range count {
		if i >= row.Least && r.IntN(4) == 0 {
			n.In = append(n.In, "")
			continue
		}
		s := common
		switch r.IntN(4) {
		case 0:
			s = make(ir.Shape, r.IntN(5))
			for k := range s {
				s[k] = extent()
			}
		case 1:
			s = ir.Shape{len(common)}
			if r.IntN(2) == 0 {
				s = ir.Shape{}
			}
		}
		if net {
			switch s = common; {
			case i == 1 && row.Least > 1 && r.IntN(4) > 0, i == 3 && row.Least > 6:
				s = ir.Shape{channels, channels, kernel, kernel}
			case i > 0:
				s = ir.Shape{channels}
				if row.Least > 6 && r.IntN(4) > 0 {
					s = ir.Shape{1}
				}
			}
		}
		a := Array{Type: whole, Shape: s, Data: make([]float64, s.Elems())}
		if r.IntN(3) == 0 {
			a.Type = types[r.IntN(len(types))]
		}
		for k := range a.Data {
			if a.Data[k] = float64(r.IntN(7) - 2); r.IntN(20) == 0 {
				a.Data[k] = []float64{math.NaN(), math.Inf(1), 1e30, -1e30}[r.IntN(4)]
			}
		}
		t := a.Tensor()
		a = Widen(t)
		name := fmt.Sprint("i", i)
		n.In = append(n.In, name)
		if i > 0 && r.IntN(2) == 0 || r.IntN(20) == 0 {
			g.Weights[name] = t
		} else if s.Elems() > 0 {
			g.Inputs = append(g.Inputs, ir.Value{Name: name, Type: a.Type, Shape: s})
			inputs = append(inputs, a)
		}
	}
	for _, attr := range row.Attrs {
		if net && r.IntN(2) == 0 {
			small := []int{1 + r.IntN(3), 1 + r.IntN(3), r.IntN(3), r.IntN(3)}
			switch attr {
			case "kernel_shape":
				n.Attrs[attr] = []int{kernel, kernel}
			case "strides", "dilations":
				n.Attrs[attr] = small[:2]
			case "pads":
				n.Attrs[attr] = small
			case "group", "num_groups":
				n.Attrs[attr] = []int{1, channels}[r.IntN(2)]
			}
			continue
		}
		switch r.IntN(7) {
		case 0:
			n.Attrs[attr] = number()
		case 1, 2:
			list := make([]int, []int{len(common), max(0, len(common)-2), 2 * max(0, len(common)-2), r.IntN(9)}[r.IntN(4)])
			for k := range list {
				if list[k] = r.IntN(3); r.IntN(4) == 0 {
					list[k] = number()
				}
			}
			n.Attrs[attr] = list
		case 3:
			n.Attrs[attr] = []float64{0, 1, -1, 0.5, math.NaN(), 1e300}[r.IntN(6)]
			if attr == "scales" || attr == "roi" {
				n.Attrs[attr] = []float64{1, 1, r.Float64() * 4, 2}[:len(common)%5]
			}
		case 4:
			words := []string{"", "constant", "reflect", "edge", "wrap", "nearest", "linear", "cubic", "SAME_UPPER", "SAME_LOWER", "VALID", "add", "max", "ij,jk->ik", "...i,...i->...", "ii->i", "asymmetric", "tf_crop_and_resize", "reflection", "border", "tanh", "CRD", "f32", "i8", "<script>"}
			n.Attrs[attr] = words[r.IntN(len(words))]
		}
	}
	outs := 1 + r.IntN(min(row.Outs, 4))
	for i := range outs {
		n.Out = append(n.Out, fmt.Sprint("o", i))
	}
	g.Nodes, g.Outputs = []*ir.Node{n}, n.Out
	return g, inputs
}

// tryNode infers and, where that works, runs a node: it may be refused, but not panic.
func tryNode(g *ir.Graph, inputs []Array) (ran bool, fault string) {
	defer func() {
		if v := recover(); v != nil {
			n := g.Nodes[0]
			text := fmt.Sprintf("%s %v: panic: %v;", n.Op, n.Attrs, v)
			for _, in := range n.In {
				if w := g.Weights[in]; w != nil {
					text += fmt.Sprintf(" weight %s %v %v", w.Type, w.Shape, w.Data)
				}
			}
			fault = fmt.Sprintf("%s inputs %v", text, g.Inputs)
		}
	}()
	known, err := Infer(g, 1)
	if err != nil {
		if text := err.Error(); !strings.HasPrefix(text, "L2 model: ") || strings.ContainsAny(text, "\n\x1b") {
			return false, "an error that is not one line of layer model: " + text
		}
		return false, ""
	}
	for _, name := range g.Outputs {
		if o := known[name]; o.Shape.Elems() > 1<<14 {
			return false, ""
		}
	}
	if _, err := ExactAll(context.Background(), g, 1, inputs, nil); err != nil {
		return false, fmt.Sprintf("%s %v: inferred, but not run: %v", g.Nodes[0].Op, g.Nodes[0].Attrs, err)
	}
	if _, err := Fold(g); err != nil {
		return false, fmt.Sprintf("%s %v: inferred, but not folded: %v", g.Nodes[0].Op, g.Nodes[0].Attrs, err)
	}
	return true, ""
}

// TestHostileNodes throws random nodes of every operator at Infer, Fold and the loops.
func TestHostileNodes(t *testing.T) {
	const rounds = 800
	r := rand.New(rand.NewPCG(1, 2))
	faults := 0
	var never []string
	for _, name := range Names() {
		row, _ := Lookup(name)
		ran := 0
		for range rounds {
			ok, fault := tryNode(anyNode(r, row))
			if ok {
				ran++
			}
			if fault != "" {
				if faults++; faults < 40 {
					t.Error(fault)
				}
				break
			}
		}
		if ran == 0 {
			never = append(never, name)
		}
	}
	t.Logf("no random node was right for: %v", never)
}

// TestConcatWithoutScale: a scale or zero point of no elements is refused before the loop reads it.
func TestConcatWithoutScale(t *testing.T) {
	for _, empty := range []string{"scale", "zero"} {
		g := &ir.Graph{
			Inputs: []ir.Value{{Name: "x", Type: ir.I8, Shape: ir.Shape{1, 3}}}, Outputs: []string{"y"},
			Nodes: []*ir.Node{{Name: "y", Op: "QLinearConcat", In: []string{"scale", "zero", "x", "xscale", "xzero"}, Out: []string{"y"}}},
			Weights: map[string]*ir.Tensor{
				"scale": ir.NewF32([]float32{1}), "zero": {Type: ir.I8, Shape: ir.Shape{}, Data: []int8{0}},
				"xscale": ir.NewF32([]float32{1}), "xzero": {Type: ir.I8, Shape: ir.Shape{}, Data: []int8{0}},
			},
		}
		if ok, fault := tryNode(g, []Array{{Type: ir.I8, Shape: ir.Shape{1, 3}, Data: make([]float64, 3)}}); !ok || fault != "" {
			t.Fatalf("a right one: %v, %s", ok, fault)
		}
		w := *g.Weights[empty]
		w.Shape = ir.Shape{0}
		if w.Data = []float32{}; w.Type == ir.I8 {
			w.Data = []int8{}
		}
		g.Weights[empty] = &w
		if _, err := Infer(g, 1); err == nil || !strings.Contains(err.Error(), "its output has the scale") {
			t.Errorf("no %s: %v", empty, err)
		}
	}
}

// FuzzNode is TestHostileNodes for as long as one wants.
func FuzzNode(f *testing.F) {
	f.Add(uint64(1), uint16(3))
	names := Names()
	f.Fuzz(func(t *testing.T, seed uint64, which uint16) {
		row, _ := Lookup(names[int(which)%len(names)])
		if _, fault := tryNode(anyNode(rand.New(rand.NewPCG(seed, 7)), row)); fault != "" {
			t.Error(fault)
		}
	})
}
