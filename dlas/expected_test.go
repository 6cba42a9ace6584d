package dlas

import (
	"math"
	"testing"
)

// TestExpectedOfSplitNodes: two nodes in the place of one share its time by their work.
func TestExpectedOfSplitNodes(t *testing.T) {
	ms := func(v float64) *float64 { return &v }
	base := &Result{Nodes: []Node{
		{Name: "a", Type: "f32", MACs: 100, MACsNonzero: 100, MS: ms(1)},
		{Name: "pool", Type: "f32", MS: ms(0.5)},
	}}
	r := &Result{Nodes: []Node{
		{Name: "a.left", Type: "f32", MACs: 20, MACsNonzero: 20},
		{Name: "a.right", Type: "f32", MACs: 30, MACsNonzero: 30},
		{Name: "pool", Type: "f32"},
	}}
	if got, ok := Expected(base, r); !ok || math.Abs(got-1.5) > 1e-12 {
		t.Errorf("%v %v, want 1.5", got, ok)
	}
}
