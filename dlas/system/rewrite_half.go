package system

import (
	"slices"

	"github.com/godlas/godlas/dlas/ir"
	"github.com/godlas/godlas/dlas/ir/op"
)

// leastHalf is the share of weights that are not zero from which float16 is read as stored: below, kernels that skip zeros
// may be faster, and they take f32.
const leastHalf = 0.7

// widenHalves makes weights that are stored in two bytes f32, exactly, but for those that a kernel reads as they are: dense
// float16 of products, and of convolutions in one group that nothing is to be folded into.
func (r *rewriter) widenHalves() {
	for name, t := range r.Weights {
		if t.Type != ir.F16 && t.Type != ir.BF16 || !r.halfWeights(name) {
			continue
		}
		if t.Type == ir.F16 && !slices.ContainsFunc(r.users[name], func(n *ir.Node) bool { return !r.readAsStored(n, t) }) {
			continue
		}
		r.Weights[name] = widened(t)
		r.values[name] = op.Operand{Type: ir.F32, Shape: t.Shape, Const: r.Weights[name]}
	}
}

// halfWeights reports whether all that need a tensor multiply values of f32 by it, so that it may be f32, too.
func (r *rewriter) halfWeights(name string) bool {
	if slices.Contains(r.Outputs, name) {
		return false
	}
	for _, n := range r.users[name] {
		if n.Op != "Conv" && n.Op != "Gemm" && n.Op != "MatMul" || n.In[1] != name || r.values[n.In[0]].Type != ir.F32 {
			return false
		}
	}
	return true
}

// readAsStored reports whether a kernel is to read a node's float16 weights.
func (r *rewriter) readAsStored(n *ir.Node, t *ir.Tensor) bool {
	if float64(op.Nonzero(t)) < leastHalf*float64(t.Shape.Elems()) {
		return false
	}
	switch n.Op {
	case "Gemm", "MatMul":
		return true
	case "Conv":
		return n.Attrs.Int("group", 1) == 1 && !r.scaledLater(n)
	}
	return false
}

// scaledLater reports whether what follows a convolution is folded into its weights, which then are f32.
func (r *rewriter) scaledLater(n *ir.Node) bool {
	users := r.users[n.Out[0]]
	if len(users) != 1 || r.uses[n.Out[0]] != 1 {
		return false
	}
	switch next := users[0]; next.Op {
	case "BatchNormalization":
		return true
	case "Mul", "Add":
		for _, in := range next.In {
			if r.Weights[in] != nil {
				return true
			}
		}
	}
	return false
}

// widened is a tensor of halves in f32.
func widened(t *ir.Tensor) *ir.Tensor {
	return &ir.Tensor{Shape: t.Shape, Type: ir.F32, Data: op.Floats(t)}
}
