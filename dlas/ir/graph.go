package ir

import (
	"maps"
	"slices"
)

// Graph is a network: nodes in an order in which every input is made before it is used. Values (activations and
// weights) are named; a weight is a value that Weights holds.
type Graph struct {
	Name    string
	Inputs  []Value // of one image: their shapes have N = 1; a program may run any batch
	Outputs []string
	Nodes   []*Node
	Weights map[string]*Tensor
	Prep    Preprocess
	Classes []string // names in the order of the output, if known
	Trained bool     // false: random weights, whose accuracy means nothing
	Notes   []string // what a user must know of the network, such as what was assumed of it; a line each
	Digest  string   // SHA-256 of the weights file as read, hex; empty for random weights
}

// Value is a named activation. An empty Type is F32.
type Value struct {
	Name  string
	Type  Type
	Shape Shape
}

// Input is the first input, which a classifier has alone; a graph without one has the zero Value.
func (g *Graph) Input() Value {
	if len(g.Inputs) == 0 {
		return Value{}
	}
	return g.Inputs[0]
}

// Output is the name of the first output, which a classifier has alone; empty where there is none.
func (g *Graph) Output() string {
	if len(g.Outputs) == 0 {
		return ""
	}
	return g.Outputs[0]
}

// Node is one operation. Its operator (a row of the table in ir/op) says what inputs, attributes and shapes mean.
type Node struct {
	Name  string   // unique in its graph
	Op    string   // ONNX's name of the operator: Conv, Gemm, Relu, Add, GlobalAveragePool, ...
	In    []string // an empty name: an optional input left out
	Out   []string // an empty name: an optional output that nobody wants
	Attrs Attrs
}

// Attrs are a node's attributes: int, []int, float64, []float64, string, []string or *Tensor by name, with ONNX's names.
type Attrs map[string]any

// Int returns an integer attribute, or def.
func (a Attrs) Int(name string, def int) int {
	if v, ok := a[name].(int); ok {
		return v
	}
	return def
}

// Ints returns an integer list, or def.
func (a Attrs) Ints(name string, def ...int) []int {
	if v, ok := a[name].([]int); ok {
		return v
	}
	return def
}

// Float returns a number, or def.
func (a Attrs) Float(name string, def float64) float64 {
	if v, ok := a[name].(float64); ok {
		return v
	}
	return def
}

// Floats returns a list of numbers, or def.
func (a Attrs) Floats(name string, def ...float64) []float64 {
	if v, ok := a[name].([]float64); ok {
		return v
	}
	return def
}

// Str returns a string, or def.
func (a Attrs) Str(name, def string) string {
	if v, ok := a[name].(string); ok {
		return v
	}
	return def
}

// Clone copies the graph's structure. Weights are shared until replaced: a pass that changes one clones that tensor.
func (g *Graph) Clone() *Graph {
	c := *g
	c.Inputs, c.Outputs = slices.Clone(g.Inputs), slices.Clone(g.Outputs)
	c.Weights = maps.Clone(g.Weights)
	c.Nodes = make([]*Node, len(g.Nodes))
	for i, n := range g.Nodes {
		m := *n
		m.In, m.Out, m.Attrs = slices.Clone(n.In), slices.Clone(n.Out), maps.Clone(n.Attrs)
		c.Nodes[i] = &m
	}
	return &c
}

// Node returns the node of that name, or nil.
func (g *Graph) Node(name string) *Node {
	for _, n := range g.Nodes {
		if n.Name == name {
			return n
		}
	}
	return nil
}

// Preprocess is what a model wants done to an image's raw pixels (0..255) before its input: pad by Pad zero pixels a
// side, then (pixel*Scale - Mean[c]) / Std[c] for each channel c of the input. Empty Mean and Std mean 0 and 1.
type Preprocess struct {
	Pad   int
	Scale float64 // 0 means 1
	Mean  []float64
	Std   []float64
	BGR   bool // the input's first channel is blue; images have red first
	NHWC  bool // the input is N x H x W x C
	// Resize is the pixels of a picture's short side before the middle of the input's size is cut out; 0: nothing is said.
	Resize int
}

// Image is raw pixels, channel by channel: Pix[(c*H+y)*W+x].
type Image struct {
	C, H, W int
	Pix     []uint8
}
