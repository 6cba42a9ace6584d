package op

import (
	"fmt"
	"strings"

	"github.com/godlas/godlas/dlas/ir"
)

// Modernise brings the nodes of a graph that was written in those opsets (by domain; ONNX's own is the empty one) to the
// meaning that the table gives them, which is that of the newest. Most operators need nothing: what one opset has as an attribute
// and a later one as an input, a row takes either way. Those whose meaning changed are rewritten, in place. Errors are
// *ir.Error.
func Modernise(g *ir.Graph, opsets map[string]int) error {
	opset := opsets[""]
	var nodes []*ir.Node
	for _, n := range g.Nodes {
		for i, out := range n.Out {
			if out == "" && i == 0 {
				n.Out[0] = n.Name + " unused"
			}
		}
		f := old(n.Op)
		if f == nil {
			if _, ok := Lookup(n.Op); !ok {
				return unknown(n, opsets)
			}
			nodes = append(nodes, n)
			continue
		}
		list, err := f(n, opset)
		if err != nil {
			return ir.Errorf(ir.Model, "node %q (%s of opset %d): %v", n.Name, n.Op, opset, err)
		}
		nodes = append(nodes, list...)
	}
	g.Nodes = nodes
	return nil
}

// unknown says of which node and opset an operator is that the table has not, and why where that is known.
func unknown(n *ir.Node, opsets map[string]int) error {
	domain := n.Op[:max(0, strings.LastIndexByte(n.Op, '.'))]
	why := ""
	switch n.Op {
	case "NonMaxSuppression", "Unique":
		why = "the shape of what it makes depends on its input's numbers: unsupported; end the network before it"
	case "Bernoulli", "Multinomial", "RandomNormal", "RandomNormalLike", "RandomUniform", "RandomUniformLike":
		why = "what it makes is random: unsupported"
	case "GRU", "LSTM", "RNN":
		why = "recurrent layers are unsupported"
	case "If", "Loop", "Scan":
		why = "control flow is unsupported"
	}
	if domain != "" {
		why = "the domain " + domain + " is unsupported"
	}
	if why != "" {
		return ir.Errorf(ir.Model, "node %q: operator %q (opset %d): %s", n.Name, n.Op, opsets[domain], why)
	}
	e := ir.Unknown(ir.Model, "operator", n.Op, Names())
	e.What = fmt.Sprintf("node %q: %s (opset %d)", n.Name, e.What, opsets[domain])
	return e
}

// old is what rewrites an operator of an older opset; nil: nothing needs to.
func old(operator string) func(n *ir.Node, opset int) ([]*ir.Node, error) {
	switch operator {
	case "BatchNormalization":
		return oldBatchNorm
	case "Dropout":
		return oldDropout
	case "Gemm":
		return oldGemm
	case "Hardmax", "LogSoftmax", "Softmax":
		return oldSoftmax
	case "Resize":
		return oldResize
	case "Upsample":
		return upsample
	}
	return nil
}

// oldSoftmax: before opset 13 the axis (1 by default) only said where to flatten; all numbers behind it are one row.
func oldSoftmax(n *ir.Node, opset int) ([]*ir.Node, error) {
	axis := n.Attrs.Int("axis", 1)
	if opset >= 13 || axis == -1 {
		return []*ir.Node{n}, nil
	}
	if len(n.In) != 1 || len(n.Out) != 1 {
		return nil, fmt.Errorf("has %d inputs and %d outputs", len(n.In), len(n.Out))
	}
	part := func(name, op string, attrs ir.Attrs, in ...string) *ir.Node {
		return &ir.Node{Name: n.Name + " " + name, Op: op, Attrs: attrs, In: in, Out: []string{n.Out[0] + " " + name}}
	}
	rows := part("rows", "Flatten", ir.Attrs{"axis": axis}, n.In[0])
	shape := part("shape", "Shape", nil, n.In[0])
	flat := &ir.Node{Name: n.Name, Op: n.Op, In: rows.Out, Out: []string{n.Out[0] + " flat"}, Attrs: ir.Attrs{"axis": -1}}
	back := &ir.Node{Name: n.Name + " back", Op: "Reshape", In: []string{flat.Out[0], shape.Out[0]}, Out: n.Out}
	return []*ir.Node{rows, shape, flat, back}, nil
}

// oldBatchNorm: attributes that only training needs fall away, and so do the outputs of training.
func oldBatchNorm(n *ir.Node, _ int) ([]*ir.Node, error) {
	if n.Attrs.Int("spatial", 1) != 1 {
		return nil, fmt.Errorf("spatial 0 is unsupported")
	}
	for _, a := range []string{"spatial", "is_test", "consumed_inputs"} {
		delete(n.Attrs, a)
	}
	return []*ir.Node{n}, nil
}

func oldDropout(n *ir.Node, _ int) ([]*ir.Node, error) {
	delete(n.Attrs, "consumed_inputs")
	return []*ir.Node{n}, nil
}

func oldGemm(n *ir.Node, _ int) ([]*ir.Node, error) {
	delete(n.Attrs, "broadcast") // before opset 7 it had to be asked for
	return []*ir.Node{n}, nil
}

// oldResize: opset 10 had the scales as its second input and no choice of coordinates.
func oldResize(n *ir.Node, opset int) ([]*ir.Node, error) {
	if opset > 10 {
		return []*ir.Node{n}, nil
	}
	return upsample(n, opset)
}

// upsample is Resize with coordinates that are scaled alone, rounded down.
func upsample(n *ir.Node, _ int) ([]*ir.Node, error) {
	m := &ir.Node{Name: n.Name, Op: "Resize", Out: n.Out, Attrs: ir.Attrs{
		"mode": n.Attrs.Str("mode", "nearest"), "coordinate_transformation_mode": "asymmetric", "nearest_mode": "floor",
	}}
	switch scales := n.Attrs["scales"].(type) {
	case []float64:
		if len(n.In) != 1 {
			return nil, fmt.Errorf("has %d inputs", len(n.In))
		}
		m.In, m.Attrs["scales"] = n.In, scales
	case nil:
		if len(n.In) != 2 {
			return nil, fmt.Errorf("has %d inputs", len(n.In))
		}
		m.In = []string{n.In[0], "", n.In[1]}
	default:
		return nil, fmt.Errorf("scales are no numbers")
	}
	return []*ir.Node{m}, nil
}
