package compress

import (
	"fmt"
	"slices"
	"strings"

	"github.com/godlas/godlas/dlas/ir"
	"github.com/godlas/godlas/dlas/ir/op"
)

// A dependency analysis says which channels of a network can only go together: a channel of a residual sum is made by
// every layer that is added up there, a depthwise convolution makes of each channel the same one again, a concatenation
// hands on those of its parts. Each place along the channel axis of each value has the number of a channel; operators
// join numbers (union-find), take them over, or hold them: what an operator holds cannot go. It is the idea of Fang et
// al., DepGraph, CVPR 2023, at the grain of single channels instead of layers, so that concatenations, cuts, zero channels
// and flattened maps need no case of their own. What an operator's rule (dependops.go) does not know, it holds.
type dependency struct {
	g      *ir.Graph
	values map[string]op.Operand
	lanes  map[string]lanes // of activations; none: nothing along this value can go
	parent []int32          // union-find; a root stands for the channels that go together
	why    map[int32]string // of roots that are held
	cuts   []cut
	edits  []edit
	layers []layer
	norms  []cut  // scales of batch norms
	reads  []read // what layers multiply
}

// lanes are the channels along one axis of a value.
type lanes struct {
	axis int
	of   []int32
}

// cut says that an input of a node, which is a weight, has the channels along one of its axes.
type cut struct {
	node  *ir.Node
	input int
	axis  int
	of    []int32
}

// edit changes a node's attributes when channels have gone. Nodes are those of the new graph.
type edit struct {
	node *ir.Node
	do   func(n *ir.Node, kept func(int32) bool)
}

// layer is a convolution or linear layer with the channels that it makes.
type layer struct {
	cut  // of its weights, along the outputs
	name string
}

// read is a value that a layer multiplies, with its channels.
type read struct {
	value string
	lanes lanes
}

// depend analyses a graph.
func depend(g *ir.Graph) (*dependency, error) {
	values, err := op.Infer(g, 1)
	if err != nil {
		return nil, err
	}
	d := &dependency{g: g, values: values, lanes: map[string]lanes{}, why: map[int32]string{}}
	for _, n := range g.Nodes {
		if quantised(n.Op) {
			return nil, &ir.Error{Layer: ir.Compress, What: fmt.Sprintf("channels narrows float networks, and %q is %s", n.Name, n.Op), Try: "write channels before int8, or take the network that has not been quantised"}
		}
		d.rule(n)
	}
	for _, name := range g.Outputs {
		d.hold(d.lanes[name], outputHolds)
	}
	return d, nil
}

// outputHolds is why the last layer's channels stay.
const outputHolds = "the network's output"

// quantised reports whether an operator is one of a network of integers.
func quantised(operator string) bool {
	return strings.HasPrefix(operator, "QLinear") || slices.Contains([]string{
		"QuantizeLinear", "DequantizeLinear", "DynamicQuantizeLinear", "ConvInteger", "MatMulInteger", "QGemm",
	}, operator)
}

func (d *dependency) root(c int32) int32 {
	for d.parent[c] != c {
		d.parent[c] = d.parent[d.parent[c]]
		c = d.parent[c]
	}
	return c
}

// join makes two channels one: the lower number is the root.
func (d *dependency) join(a, b int32) {
	a, b = d.root(a), d.root(b)
	if a > b {
		a, b = b, a
	}
	if a == b {
		return
	}
	d.parent[b] = a
	if w, held := d.why[b]; held {
		if _, already := d.why[a]; !already {
			d.why[a] = w
		}
		delete(d.why, b)
	}
}

func (d *dependency) joinAll(a, b []int32) {
	for i := range a {
		d.join(a[i], b[i])
	}
}

// fresh are n channels of which nothing is known yet.
func (d *dependency) fresh(n int) []int32 {
	of := make([]int32, n)
	for i := range of {
		of[i] = int32(len(d.parent))
		d.parent = append(d.parent, of[i])
	}
	return of
}

// hold says that these channels stay.
func (d *dependency) hold(l lanes, why string) {
	for _, c := range l.of {
		if r := d.root(c); d.why[r] == "" {
			d.why[r] = why
		}
	}
}

// holdNode holds all channels that a node reads; what it makes has none that could go.
func (d *dependency) holdNode(n *ir.Node) {
	for _, in := range n.In {
		d.hold(d.lanes[in], fmt.Sprintf("%s %q", n.Op, n.Name))
	}
}

// last says that a value's channels are held because they are the network's output but for a softmax.
func (d *dependency) last(value string) {
	for _, c := range d.lanes[value].of {
		d.why[d.root(c)] = outputHolds
	}
}

func (d *dependency) shape(value string) ir.Shape { return d.values[value].Shape }

// constant is the weight of that name, nil for an activation.
func (d *dependency) constant(n *ir.Node, input int) *ir.Tensor {
	if input >= len(n.In) {
		return nil
	}
	return d.g.Weights[n.In[input]]
}

// ints reads numbers that a node gives as an attribute or as a constant input.
func (d *dependency) ints(n *ir.Node, attr string, input int) (v []int, there, known bool) {
	switch x := n.Attrs[attr].(type) {
	case []int:
		return x, true, true
	case int:
		return []int{x}, true, true
	}
	if input >= len(n.In) || n.In[input] == "" {
		return nil, false, true
	}
	t := d.values[n.In[input]].Const
	if t == nil {
		return nil, true, false
	}
	for _, x := range op.Widen(t).Data {
		v = append(v, int(x))
	}
	return v, true, true
}

// setInts gives a node numbers as an attribute, instead of the input that may say the same.
func setInts(n *ir.Node, attr string, input int, v []int) {
	if n.Attrs == nil {
		n.Attrs = ir.Attrs{}
	}
	n.Attrs[attr] = v
	if input < len(n.In) {
		n.In[input] = ""
		for len(n.In) > 0 && n.In[len(n.In)-1] == "" {
			n.In = n.In[:len(n.In)-1]
		}
	}
}

// count is how many of the channels are kept.
func count(of []int32, kept func(int32) bool) int {
	k := 0
	for _, c := range of {
		if kept(c) {
			k++
		}
	}
	return k
}
