package onnx

import (
	"bytes"
	"testing"

	"github.com/godlas/godlas/dlas/ir"
)

// small is a network with a weight, a bound that the file keeps as an input, and a list that it keeps as an input.
func small() *ir.Graph {
	data := make([]float32, 4*3*3*3)
	for i := range data {
		data[i] = float32(i%7) - 3
	}
	return &ir.Graph{
		Name:   "small",
		Inputs: []ir.Value{{Name: "input", Type: ir.F32, Shape: ir.Shape{1, 3, 8, 8}}}, Outputs: []string{"pad"},
		Nodes: []*ir.Node{
			{Name: "conv", Op: "Conv", In: []string{"input", "w"}, Out: []string{"conv"}, Attrs: ir.Attrs{"pads": []int{1, 1, 1, 1}, "group": 1}},
			{Name: "clip", Op: "Clip", In: []string{"conv"}, Out: []string{"clip"}, Attrs: ir.Attrs{"min": 0.0, "max": 6.0}},
			{Name: "pad", Op: "Pad", In: []string{"clip"}, Out: []string{"pad"}, Attrs: ir.Attrs{"pads": []int{0, 1, 0, 0, 0, 1, 0, 0}}},
		},
		Weights: map[string]*ir.Tensor{"w": ir.NewF32(data, 4, 3, 3, 3)},
	}
}

func encoded(t testing.TB, g *ir.Graph, meta map[string]string) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := Write(&b, g, meta); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestRoundTrip(t *testing.T) {
	want := small()
	m, err := Read(encoded(t, want, map[string]string{"a": "b"}), Options{})
	if err != nil {
		t.Fatal(err)
	}
	if m.Meta["a"] != "b" || m.Opsets[""] != writtenOpset || m.Producer != "godlas" {
		t.Errorf("%+v", m)
	}
	g := m.Graph
	if len(g.Nodes) != 3 || len(g.Inputs) != 1 || !g.Inputs[0].Shape.Equal(ir.Shape{1, 3, 8, 8}) || g.Outputs[0] != "pad" {
		t.Fatalf("read as %+v", g)
	}
	if w := g.Weights["w"]; w == nil || !bytes.Equal(rawOf(t, w), rawOf(t, want.Weights["w"])) {
		t.Error("the weight is another")
	}
	if in := g.Nodes[1].In; len(in) != 3 || g.Weights[in[1]].F32()[0] != 0 || g.Weights[in[2]].F32()[0] != 6 {
		t.Errorf("Clip reads %v", in)
	}
}

func rawOf(t *testing.T, x *ir.Tensor) []byte {
	var b sliceWriter
	if err := writeElements(&b, x); err != nil {
		t.Fatal(err)
	}
	return b
}
