package model

import (
	"slices"
	"strings"
	"testing"

	"github.com/godlas/godlas/dlas/ir"
	"github.com/godlas/godlas/dlas/ir/op"
)

// TestJoin: a network that is its own head has every name twice.
func TestJoin(t *testing.T) {
	g := &ir.Graph{
		Name: "sum", Inputs: []ir.Value{{Name: "x", Shape: ir.Shape{1, 2}}}, Outputs: []string{"y"},
		Nodes: []*ir.Node{
			{Name: "head/y", Op: "Mul", In: []string{"x", "w"}, Out: []string{"z"}},
			{Name: "y", Op: "Add", In: []string{"z", "x"}, Out: []string{"y"}},
		},
		Weights: map[string]*ir.Tensor{"w": ir.NewF32([]float32{2, 3}, 2)}, Trained: true,
	}
	path := written(t, g)
	alone, err := ReadFile(path, FileOptions{Digest: true})
	if err != nil {
		t.Fatal(err)
	}
	f, err := ReadFile(path, FileOptions{Digest: true, Head: path})
	if err != nil {
		t.Fatal(err)
	}
	out, err := op.Exact(t.Context(), f.Graph, op.Array{Shape: ir.Shape{1, 2}, Data: []float64{1, 10}}, nil)
	if err != nil || !slices.Equal(out.Data, []float64{9, 160}) {
		t.Errorf("%v, %v", out.Data, err)
	}
	var names []string
	for _, n := range f.Graph.Nodes {
		names = append(names, n.Name)
	}
	if slices.Sort(names); len(slices.Compact(names)) != 4 || f.Graph.Digest == alone.Graph.Digest || f.Graph.Digest == "" {
		t.Errorf("nodes %v, digest %q", names, f.Graph.Digest)
	}
	if notes := strings.Join(f.Graph.Notes, "\n"); !strings.Contains(notes, "goes on in "+path+" with 1x2 of plain numbers") {
		t.Errorf("notes %q", notes)
	}

	g.Inputs[0].Shape = ir.Shape{1, 1}
	g.Weights["w"] = ir.NewF32([]float32{2}, 1)
	other := written(t, g)
	if _, err := ReadFile(path, FileOptions{Head: other}); err == nil || !strings.Contains(err.Error(), "does not fit: it takes f32 1x1, and the network before it gives f32 1x2") {
		t.Errorf("another width: %v", err)
	}
	if _, err := ReadFile(path, FileOptions{Head: path + "."}); err == nil || !strings.Contains(err.Error(), "no such file") {
		t.Errorf("no such file: %v", err)
	}
}
