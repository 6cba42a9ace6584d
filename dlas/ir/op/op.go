// Package op is the table of operators: what a node of a network means.
//
// An operator is one file and one row of the table: the attributes it takes, its shape rule, its multiply-accumulates
// and its loop in float64. The loops are the reference executor (Reference), which is the definition of every operator:
// a kernel is right where it agrees with it. Names, attributes and meanings are ONNX's (onnx.ai, operator schemas,
// opset 24) unless the row's file says otherwise.
package op

import (
	"fmt"
	"maps"
	"slices"
	"sync"

	"github.com/godlas/godlas/dlas/ir"
)

// MaxElems and MaxNodes bound the elements of any one value and the nodes of a network, so that a hostile one cannot ask
// for all memory and time.
const (
	MaxElems = 1 << 28
	MaxNodes = 1 << 14
)

// Operand is what is known of a value before anything runs.
type Operand struct {
	Type  ir.Type // empty: an input left out
	Shape ir.Shape
	Const *ir.Tensor // its elements, where they are known: a weight, or what follows from weights and shapes alone
}

// Row is an operator.
type Row struct {
	Name string
	// Least and Most bound the number of inputs; an input past Least may be left out (an empty name).
	Least, Most int
	// Outs is the most outputs there are; 0 means 1.
	Outs int
	// Attrs are the attributes there are; a node with any other is an error.
	Attrs []string
	// Params names, by input position, the attribute that says the same as that input: ONNX moved it from one to the
	// other in some opset. A node gives one of them; Fold makes constant inputs attributes.
	Params map[int]string
	// Infer is the rule for the types and shapes of the outputs (and their elements, where it knows them), or says in
	// one line what is wrong with the node. It returns as many operands as the operator may have outputs.
	Infer func(n *ir.Node, in []Operand) ([]Operand, error)
	// MACs are the multiply-accumulates of the definition; nil where there are none.
	MACs func(n *ir.Node, in []ir.Shape, out ir.Shape) int64
	// Eval computes the outputs, whose types and shapes are set. Operands have been checked; an output that nobody wants
	// is there too.
	Eval func(n *ir.Node, in, out []Array)
	// Keep: not computed ahead where its inputs are constant. A dequantised weight stays the integers that it is.
	Keep bool
}

// rows is a function, so that a process that never runs a network does not pay for the table at its start.
func rows() []Row {
	return slices.Concat(unaries(), binaries(), reductions(), reshapings(), softmaxes(), globalPools(), losses(), []Row{
		averagePool(), batchNormalization(), cast(), castLike(), centerCropPad(), clip(), compress(), concat(), constant(),
		constantOfShape(), conv(), depthToSpace(), expand(),
		eyeLike(), gather(), gatherElements(), gatherND(), gemm(), groupNormalization(), instanceNormalization(),
		layerNormalization(), lpPool(), lrn(), matMul(), maxPool(), maxUnpool(), meanVarianceNormalization(),
		nonZero(), oneHot(), pad(), rangeRow(), reverseSequence(),
		rmsNormalization(), running("CumProd", 1, func(p, x float64) float64 { return p * x }),
		running("CumSum", 0, func(sum, x float64) float64 { return sum + x }), scatterElements("Scatter"),
		scatterElements("ScatterElements"), scatterND(), shapeOf(), sizeOf(), slice(), spaceToDepth(), split(),
		tensorScatter(), tile(), topK(), transpose(), trilu(), where(), affineGrid(), col2Im(), convTranspose(), deformConv(),
		attention(), einsum(), gridSample(), resize(), roiAlign(), rotaryEmbedding(),
	})
}

var table = sync.OnceValue(func() map[string]Row {
	t := map[string]Row{}
	for _, r := range append(rows(), quantRows()...) {
		if r.Outs == 0 {
			r.Outs = 1
		}
		t[r.Name] = r
	}
	return t
})

// Lookup returns the operator of that name.
func Lookup(name string) (Row, bool) {
	r, ok := table()[name]
	return r, ok
}

// Names lists the operators there are.
func Names() []string { return slices.Sorted(maps.Keys(table())) }

// intsOf returns an attribute of exactly n integers, or def where it is absent.
func intsOf(n *ir.Node, name string, def ...int) ([]int, error) {
	v, ok := n.Attrs[name]
	if !ok {
		return def, nil
	}
	list, ok := v.([]int)
	if !ok || len(list) != len(def) {
		return nil, fmt.Errorf("attribute %s is not a list of %d integers", name, len(def))
	}
	return list, nil
}

// axisOf returns the attribute axis counted from the front, for a value of that many axes.
func axisOf(n *ir.Node, def, axes int) (int, error) {
	a := n.Attrs.Int("axis", def)
	if a < -axes || a >= axes {
		return 0, fmt.Errorf("attribute axis is %d for %d axes", a, axes)
	}
	if a < 0 {
		a += axes
	}
	return a, nil
}

func fourAxes(s ir.Shape) error {
	if len(s) != 4 {
		return fmt.Errorf("its input's shape is %v, not N x C x H x W", s)
	}
	return nil
}
