package primitive

import (
	"bytes"
	"fmt"
	"maps"
	"testing"

	"github.com/godlas/godlas/dlas/ir"
	"github.com/godlas/godlas/dlas/ir/op"
)

// moveShapes are problems of the rows that move, of values that can be in blocks and of others.
func moveShapes() []shape {
	var list []shape
	add := func(o string, attrs ir.Attrs, in ...ir.Shape) {
		list = append(list, shape{op: o, attrs: attrs, in: in})
	}
	x := ir.Shape{2, 32, 5, 6}
	for _, a := range []int{0, 1, 2, 3, -1} {
		add("Concat", ir.Attrs{"axis": a}, x, x)
	}
	add("Concat", ir.Attrs{"axis": 1}, ir.Shape{2, 32, 5, 6}, ir.Shape{2, 16, 5, 6}, ir.Shape{2, 7, 5, 6})
	add("Concat", ir.Attrs{"axis": 1}, ir.Shape{1, 3, 2, 2}, ir.Shape{1, 20, 2, 2})
	add("Concat", ir.Attrs{"axis": 0}, ir.Shape{5}, ir.Shape{2})
	add("Concat", ir.Attrs{"axis": 1}, ir.Shape{1, 64, 40, 40}, ir.Shape{1, 64, 40, 40})
	list = append(list, shape{op: "Concat", attrs: ir.Attrs{"axis": 1}, in: []ir.Shape{{1, 16, 3, 3}, {1, 16, 3, 3}}, weights: map[int]bool{1: true}})
	add("Split", ir.Attrs{"axis": 1, "split": []int{16, 16}}, x)
	add("Split", ir.Attrs{"axis": 1, "split": []int{12, 20}}, x)
	add("Split", ir.Attrs{"axis": -1, "split": []int{2, 4}}, x)
	add("Split", ir.Attrs{"split": []int{1, 1}}, x)
	add("Slice", ir.Attrs{"starts": []int{1, 0}, "ends": []int{5, 100}, "axes": []int{2, 3}, "steps": []int{2, 3}}, x)
	add("Slice", ir.Attrs{"starts": []int{-1}, "ends": []int{-100}, "axes": []int{3}, "steps": []int{-1}}, x)
	add("Slice", ir.Attrs{"starts": []int{3}, "ends": []int{30}, "axes": []int{1}}, x)
	add("Pad", ir.Attrs{"pads": []int{0, 0, 1, 2, 0, 0, 3, 0}}, x)
	add("Pad", ir.Attrs{"pads": []int{0, 0, 1, 2, 0, 0, 3, 0}, "value": 1.5}, x)
	add("Pad", ir.Attrs{"pads": []int{0, 0, 1, 2, 0, 0, 3, 1}, "mode": "reflect"}, x)
	add("Pad", ir.Attrs{"pads": []int{0, 0, 1, 2, 0, 0, 3, 1}, "mode": "edge"}, x)
	add("Pad", ir.Attrs{"pads": []int{0, 1, 0, 0, 1, 2, -1, 0}, "value": -2.0}, x)
	add("Transpose", ir.Attrs{"perm": []int{0, 2, 3, 1}}, x)
	add("Transpose", ir.Attrs{"perm": []int{1, 0}}, ir.Shape{70, 90})
	add("Transpose", ir.Attrs{"perm": []int{0, 2, 1, 3, 4}}, ir.Shape{1, 3, 16, 4, 5})
	add("DepthToSpace", ir.Attrs{"blocksize": 2}, x)
	add("DepthToSpace", ir.Attrs{"blocksize": 2, "mode": "CRD"}, x)
	add("SpaceToDepth", ir.Attrs{"blocksize": 2}, ir.Shape{1, 16, 6, 8})
	add("Expand", ir.Attrs{"shape": []int{2, 4, 5}}, ir.Shape{4, 1})
	add("Tile", ir.Attrs{"repeats": []int{2, 1, 3}}, ir.Shape{2, 3, 4})
	add("Reshape", ir.Attrs{"shape": []int{10, -1}}, x)
	add("Flatten", nil, x)
	add("Identity", nil, x)
	add("Squeeze", ir.Attrs{"axes": []int{0}}, ir.Shape{1, 5})
	add("Unsqueeze", ir.Attrs{"axes": []int{0}}, ir.Shape{1, 5})
	add("CenterCropPad", ir.Attrs{"shape": []int{4, 9}, "axes": []int{2, 3}}, x)
	add("Trilu", ir.Attrs{"upper": 1}, ir.Shape{5, 6})
	return list
}

// resizeShapes scale maps in every way.
func resizeShapes() []shape {
	var list []shape
	for _, x := range []ir.Shape{{1, 16, 5, 6}, {2, 21, 7, 4}} {
		for _, mode := range []string{"half_pixel", "align_corners", "asymmetric", "pytorch_half_pixel"} {
			for _, a := range []ir.Attrs{
				{"scales": []float64{1, 1, 2, 3}},
				{"scales": []float64{1, 1, 0.6, 1}},
				{"sizes": []int{x[0], x[1], 9, 5}},
			} {
				for _, kind := range []string{"linear", "cubic"} {
					b := maps.Clone(a)
					b["mode"], b["coordinate_transformation_mode"] = kind, mode
					list = append(list, shape{op: "Resize", attrs: b, in: []ir.Shape{x}})
				}
			}
		}
		list = append(list,
			shape{op: "Resize", attrs: ir.Attrs{"scales": []float64{1, 1, 2, 3}}, in: []ir.Shape{x}},
			shape{op: "Resize", attrs: ir.Attrs{"sizes": []int{x[0], x[1], 8, 3}}, in: []ir.Shape{x}},
			shape{op: "Resize", attrs: ir.Attrs{"scales": []float64{1, 1, 0.5, 0.5}, "mode": "linear", "antialias": 1}, in: []ir.Shape{x}},
		)
	}
	return list
}

// TestMovesTypes moves elements of every size, picks by constant indices, and looks at all outputs.
func TestMovesTypes(t *testing.T) {
	indices := func(v ...int64) *ir.Tensor { return &ir.Tensor{Shape: ir.Shape{len(v)}, Type: ir.I64, Data: v} }
	rows := map[string]ir.Kernel{}
	for _, k := range movingRows() {
		rows[k.Op] = k
	}
	used := map[string]bool{}
	for _, c := range []struct {
		op     string
		attrs  ir.Attrs
		in     []ir.Shape
		second *ir.Tensor
	}{
		{"Gather", ir.Attrs{"axis": 1}, []ir.Shape{{3, 4, 5}}, indices(2, 0, -1, 2)},
		{"GatherElements", ir.Attrs{"axis": 0}, []ir.Shape{{4}}, indices(2, 0, -1, 2)},
		{"GatherND", nil, []ir.Shape{{4, 3}}, &ir.Tensor{Shape: ir.Shape{2, 1}, Type: ir.I64, Data: []int64{3, 1}}},
		{"Compress", ir.Attrs{"axis": 0}, []ir.Shape{{4, 3}}, &ir.Tensor{Shape: ir.Shape{4}, Type: ir.Bool, Data: []bool{false, true, true, false}}},
		{"ReverseSequence", ir.Attrs{"batch_axis": 1, "time_axis": 0}, []ir.Shape{{4, 2}}, indices(3, 2)},
		{"Transpose", ir.Attrs{"perm": []int{2, 0, 1}}, []ir.Shape{{7, 5, 9}}, nil},
		{"Pad", ir.Attrs{"pads": []int{1, 0, 2, 3}}, []ir.Shape{{7, 5}}, nil},
		{"Split", ir.Attrs{"axis": 1, "split": []int{2, 3}}, []ir.Shape{{7, 5}}, nil},
		{"Concat", ir.Attrs{"axis": 1}, []ir.Shape{{7, 5}, {7, 2}}, nil},
		{"Slice", ir.Attrs{"starts": []int{1}, "ends": []int{6}, "steps": []int{2}, "axes": []int{1}}, []ir.Shape{{2, 7}}, nil},
		{"Resize", ir.Attrs{"scales": []float64{1, 1, 2, 3}}, []ir.Shape{{1, 2, 3, 2}}, nil},
	} {
		if _, ok := op.Lookup(c.op); !ok {
			continue
		}
		for _, typ := range []ir.Type{ir.Bool, ir.U8, ir.I8, ir.F16, ir.I32, ir.F32, ir.I64, ir.F64} {
			node := &ir.Node{Name: "n", Op: c.op, Attrs: c.attrs, Out: []string{"y"}}
			if c.op == "Split" {
				node.Out = append(node.Out, "z")
			}
			p := ir.Problem{Node: node, Machine: testMachine(2)}
			var known []op.Operand
			var arrays []op.Array
			call := ir.Call{}
			for i, s := range c.in {
				a := op.Array{Type: typ, Shape: s, Data: make([]float64, s.Elems())}
				for j := range a.Data {
					if a.Data[j] = float64((j*7 + 13*i) % 120); typ == ir.Bool {
						a.Data[j] = float64(j % 2)
					}
				}
				arrays = append(arrays, a)
				known = append(known, op.Operand{Type: typ, Shape: s})
				p.In, p.InType, p.Weights = append(p.In, s), append(p.InType, typ), append(p.Weights, nil)
				node.In = append(node.In, fmt.Sprint("x", i))
				call.In = append(call.In, a.Tensor().Memory())
			}
			if c.second != nil {
				arrays = append(arrays, op.Widen(c.second))
				known = append(known, op.Operand{Type: c.second.Type, Shape: c.second.Shape, Const: c.second})
				p.In, p.InType, p.Weights = append(p.In, c.second.Shape), append(p.InType, c.second.Type), append(p.Weights, c.second)
				node.In = append(node.In, "i")
				call.In = append(call.In, c.second.Memory())
			}
			row, _ := op.Lookup(c.op)
			made, err := row.Infer(node, known)
			if err != nil {
				t.Fatalf("%s: %v", c.op, err)
			}
			var want []op.Array
			for _, o := range made {
				want = append(want, op.Array{Type: o.Type, Shape: o.Shape, Data: make([]float64, o.Shape.Elems())})
				p.Out = append(p.Out, o.Shape)
				call.Out = append(call.Out, ir.NewMemory(o.Shape.Elems()*o.Type.Size()))
			}
			row.Eval(node, arrays, want)
			k := rows[c.op]
			if err := k.Fits(p); err != nil {
				t.Fatalf("%s: %v", k.Name, err)
			}
			b, err := k.Bind(p, ir.Schedule{})
			if err != nil {
				t.Fatalf("%s: %v", k.Name, err)
			}
			for call.Part = range b.Phases[0] {
				b.Run(call)
			}
			for i, w := range want {
				if !bytes.Equal(w.Tensor().Memory(), call.Out[i]) {
					t.Errorf("%s of %s: output %d is %v, want %v", k.Name, typ, i, call.Out[i], w.Tensor().Data)
				}
			}
			used[c.op] = true
		}
	}
	for _, s := range moveShapes() {
		used[s.op] = true
	}
	for o := range rows {
		if _, known := op.Lookup(o); known && !used[o] {
			t.Errorf("no case moves by %s", o)
		}
	}
}
