package model

import (
	"slices"

	"github.com/godlas/godlas/dlas/ir"
	"github.com/godlas/godlas/dlas/ir/op"
)

// ONNX's numbers of the types that a Cast may lead to.
const (
	castF32  = 1
	castF16  = 10
	castBF16 = 16
)

// widenHalves makes a network that computes in float16 or bfloat16 one that computes in f32, as every kernel here does:
// inputs, outputs and constants are f32, casts between the three are copies. Weights of dense convolutions and products
// stay as stored, in float16. It reports whether there was anything to do.
func widenHalves(g *ir.Graph) bool {
	half := func(t ir.Type) bool { return t == ir.F16 || t == ir.BF16 }
	found := false
	for i, v := range g.Inputs {
		if half(v.Type) {
			g.Inputs[i].Type, found = ir.F32, true
		}
	}
	for _, n := range g.Nodes {
		if to := n.Attrs.Int("to", 0); n.Op == "Cast" && (to == castF16 || to == castBF16) {
			found = true
		}
	}
	if !found {
		return false
	}
	stored := map[string]bool{} // weights that some kernel reads as they are, and no node otherwise
	for _, n := range g.Nodes {
		for i, name := range n.In {
			dense := i == 1 && readsHalves(n)
			if before, seen := stored[name]; !seen || before {
				stored[name] = dense
			}
		}
		if to := n.Attrs.Int("to", 0); n.Op == "Cast" && (to == castF16 || to == castBF16) {
			n.Attrs["to"] = castF32
		}
		for name, v := range n.Attrs {
			if t, ok := v.(*ir.Tensor); ok && t != nil && half(t.Type) {
				n.Attrs[name] = widened(t)
			}
		}
	}
	for name, t := range g.Weights {
		if t.Type == ir.F16 && stored[name] || !half(t.Type) {
			continue
		}
		g.Weights[name] = widened(t)
	}
	return true
}

// keepHalves takes out casts of float16 weights to f32 where dense convolutions and products alone read what they give:
// kernels read the weights as they are stored.
func keepHalves(g *ir.Graph) {
	stored := map[string]string{} // the weight that a value is the f32 of
	for _, n := range g.Nodes {
		if n.Op != "Cast" || len(n.In) != 1 || len(n.Out) != 1 || n.Attrs.Int("to", 0) != castF32 || slices.Contains(g.Outputs, n.Out[0]) {
			continue
		}
		if w := g.Weights[n.In[0]]; w != nil && w.Type == ir.F16 {
			stored[n.Out[0]] = n.In[0]
		}
	}
	for _, n := range g.Nodes {
		for i, name := range n.In {
			if !(i == 1 && readsHalves(n)) {
				delete(stored, name)
			}
		}
	}
	if len(stored) == 0 {
		return
	}
	for _, n := range g.Nodes {
		for i, name := range n.In {
			if w, ok := stored[name]; ok {
				n.In[i] = w
			}
		}
	}
	g.Nodes = slices.DeleteFunc(g.Nodes, func(n *ir.Node) bool { return len(n.Out) == 1 && stored[n.Out[0]] != "" })
}

// readsHalves: the node's kernels read a weight in float16.
func readsHalves(n *ir.Node) bool {
	return n.Op == "Conv" && n.Attrs.Int("group", 1) == 1 || n.Op == "Gemm" || n.Op == "MatMul"
}

// widened is a tensor of halves in f32.
func widened(t *ir.Tensor) *ir.Tensor {
	return &ir.Tensor{Shape: t.Shape, Type: ir.F32, Data: op.Floats(t)}
}
