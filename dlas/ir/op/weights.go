package op

import (
	"strings"

	"github.com/godlas/godlas/dlas/ir"
)

// Weight is a constant tensor by which convolutions or linear layers multiply: what sparsity is a fraction of, and what
// compression changes. Biases and batch norm are none. Its elements are numbered by row (an output channel), column (an
// input channel of the row's group) and tap (a kernel position, in row-major order): At finds them, whichever order the
// operator stores them in.
type Weight struct {
	Name  string     // of the tensor in the graph's weights
	Nodes []*ir.Node // what multiplies by it, in the graph's order; the numbering is the first one's
	// Rows, Cols and Taps are the extents; a matrix product of several matrices has a tap for each of these.
	Rows, Cols, Taps int
	// RowStep, ColStep and TapStep are the distances of neighbours in the tensor's elements.
	RowStep, ColStep, TapStep int
	// Kernel is the extents of a convolution's kernel, Taps in all; nil of a linear layer.
	Kernel ir.Shape
	// Group is a convolution's number of groups, else 1.
	Group int
}

// At is the index of an element in the tensor.
func (w Weight) At(row, col, tap int) int {
	return row*w.RowStep + col*w.ColStep + tap*w.TapStep
}

// Elems is the number of elements.
func (w Weight) Elems() int { return w.Rows * w.Cols * w.Taps }

// Weights lists the weights of a graph's convolutions and linear layers, each tensor once, in the order of the nodes.
// Integer weights that are dequantised before a node multiplies by them are listed, too.
func Weights(g *ir.Graph) []Weight {
	stored := map[string]string{} // a value that DequantizeLinear makes: the integers that it is made of
	for _, n := range g.Nodes {
		if n.Op == "DequantizeLinear" && len(n.In) > 0 && len(n.Out) > 0 && g.Weights[n.In[0]] != nil {
			stored[n.Out[0]] = n.In[0]
		}
	}
	constant := func(n *ir.Node, at int) (string, *ir.Tensor) {
		if at >= len(n.In) {
			return "", nil
		}
		name := n.In[at]
		if from, ok := stored[name]; ok {
			name = from
		}
		return name, g.Weights[name]
	}
	var all []Weight
	index := map[string]int{}
	for _, n := range g.Nodes {
		if !multiplies(n.Op) {
			continue
		}
		at := WeightInput(n.Op)
		name, t := constant(n, at)
		left := false
		if t == nil && (n.Op == "Gemm" || n.Op == "MatMul") { // W x, where most write x W
			name, t = constant(n, 0)
			left = true
		}
		if t == nil {
			continue
		}
		if i, ok := index[name]; ok {
			all[i].Nodes = append(all[i].Nodes, n)
			continue
		}
		w, ok := weightOf(n, t.Shape, left)
		if !ok {
			continue
		}
		w.Name, w.Nodes = name, []*ir.Node{n}
		index[name] = len(all)
		all = append(all, w)
	}
	return all
}

// Statistic reports whether input i of a node describes its values and is learnt by no training: a batch norm's mean and
// variance, the scale and zero point of integers.
func Statistic(n *ir.Node, i int) bool {
	switch n.Op {
	case "BatchNormalization":
		return i == 3 || i == 4
	case "QuantizeLinear", "DequantizeLinear":
		return i > 0
	case "ConvInteger", "MatMulInteger":
		return i > 1
	case "QLinearConv":
		return i != 0 && i != 3 && i != 8
	case "QGemm":
		return i != 0 && i != 3 && i != 6
	case "QLinearMatMul", "QLinearAdd", "QLinearMul":
		return i != 0 && i != 3
	case "QLinearConcat": // of the result, then of each input behind it
		return i%3 != 2
	}
	return strings.HasPrefix(n.Op, "QLinear") && i > 0
}

// multiplies reports whether an operator is a convolution or a linear layer.
func multiplies(operator string) bool {
	switch operator {
	case "Conv", "ConvTranspose", "DeformConv", "Gemm", "MatMul", "QLinearConv", "ConvInteger", "QLinearMatMul", "MatMulInteger", "QGemm":
		return true
	}
	return false
}

// weightOf is the numbering of a node's weights; left: they stand before the activation. It is false for shapes that no
// such node has.
func weightOf(n *ir.Node, s ir.Shape, left bool) (Weight, bool) {
	if s.Elems() <= 0 {
		return Weight{}, false
	}
	switch n.Op {
	case "Conv", "ConvTranspose", "DeformConv", "QLinearConv", "ConvInteger":
		if len(s) < 3 {
			return Weight{}, false
		}
		taps := s[2:].Elems()
		w := Weight{Rows: s[0], Cols: s[1], Taps: taps, RowStep: s[1] * taps, ColStep: taps, TapStep: 1, Kernel: s[2:], Group: n.Attrs.Int("group", 1)}
		if n.Op == "ConvTranspose" { // its weights are C x M/group
			w.Rows, w.Cols, w.RowStep, w.ColStep = w.Cols, w.Rows, w.ColStep, w.RowStep
		}
		return w, true
	}
	w := Weight{Taps: 1, Group: 1}
	if len(s) == 1 {
		w.Rows, w.Cols, w.RowStep, w.ColStep, w.TapStep = 1, s[0], s[0], 1, s[0]
		return w, true
	}
	if len(s) < 2 {
		return Weight{}, false
	}
	a, b := s[len(s)-2], s[len(s)-1] // x W has rows of inputs, columns of outputs
	w.Taps, w.TapStep = s[:len(s)-2].Elems(), a*b
	transposed := n.Attrs.Int("transB", 0) != 0
	if left {
		transposed = n.Attrs.Int("transA", 0) == 0
	}
	if transposed {
		w.Rows, w.Cols, w.RowStep, w.ColStep = a, b, b, 1
	} else {
		w.Rows, w.Cols, w.RowStep, w.ColStep = b, a, 1, b
	}
	return w, true
}
