package dlas

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strconv"

	"github.com/godlas/godlas/dlas/internal/grammar"
	"github.com/godlas/godlas/dlas/ir"
	"github.com/godlas/godlas/dlas/model"
)

// Network is a network that was read from a file. It is not changed after that, so any number of programs may be
// compiled from it; it holds the weights until it is forgotten, a program does not need it.
type Network struct {
	graph *ir.Graph
	meta  map[string]string
}

// Load reads a network from an ONNX (opset 7 to 24) or TensorFlow Lite file, or one that Export wrote. Every fault of the file is found here: the
// error is an *ir.Error of layer model that names the file, and the operator and node where one is unknown. The file may
// leave its batch open, no other axis: see LoadFor.
func Load(path string) (*Network, error) { return LoadFor(path, nil) }

// LoadFor is Load for a file that leaves axes of its first input open, as for pictures of any size: they are taken from
// input, N x C x H x W, but for N.
func LoadFor(path string, input ir.Shape) (*Network, error) {
	f, err := model.ReadFile(path, model.FileOptions{Input: input})
	if err != nil {
		return nil, err
	}
	return &Network{f.Graph, f.Meta}, nil
}

// Inputs are the network's inputs, each for one image: channels before height and width, also where the file has them
// last.
func (n *Network) Inputs() []ir.Value { return slices.Clone(n.graph.Inputs) }

// Outputs are the names of the network's outputs.
func (n *Network) Outputs() []string { return slices.Clone(n.graph.Outputs) }

// Classes are the names of the classes, where the file holds them.
func (n *Network) Classes() []string { return slices.Clone(n.graph.Classes) }

// Meta is what else the file says of itself: an ONNX file's metadata_props.
func (n *Network) Meta() map[string]string { return maps.Clone(n.meta) }

// CompileOptions say how a network is to run. Each text is one choice of its layer in the grammar of a Spec; empty, or
// 0, stands for the layer's default.
type CompileOptions struct {
	Batch     int    // images a run; 0: 1
	Threads   int    // 0: the physical cores there are
	ISA       string // 0: the best there is
	Compress  string // such as prune(0.9)
	Primitive string // such as direct
	Schedule  string // such as untuned
}

// Open is Load and Compile of a network that is compiled only once. It takes much less memory: that of the weights is
// given back as they are packed.
func Open(path string, o CompileOptions) (*Program, error) {
	n, err := Load(path)
	if err != nil {
		return nil, err
	}
	return n.compile(o, true)
}

// Compile makes the network ready to run, without measuring anything. Errors are *ir.Error.
func (n *Network) Compile(o CompileOptions) (*Program, error) { return n.compile(o, false) }

func (n *Network) compile(o CompileOptions, consume bool) (*Program, error) {
	spec := Spec{Compress: o.Compress, Primitive: o.Primitive, Schedule: o.Schedule, Hardware: "cpu"}
	switch {
	case o.ISA != "" && o.Threads != 0:
		spec.Hardware = fmt.Sprintf("cpu(isa=%s, threads=%d)", ir.Quote(o.ISA), o.Threads)
	case o.ISA != "":
		spec.Hardware = fmt.Sprintf("cpu(isa=%s)", ir.Quote(o.ISA))
	case o.Threads != 0:
		spec.Hardware = "cpu(threads=" + strconv.Itoa(o.Threads) + ")"
	}
	if o.Batch < 0 {
		return nil, ir.Errorf(ir.Data, "a batch of %d images", o.Batch)
	}
	c := map[ir.Layer][]ir.Choice{}
	for _, l := range []ir.Layer{ir.Compress, ir.Primitive, ir.Sched, ir.Hardware} {
		text, err := canonicalLayer(l, spec.Layer(l), "")
		if err != nil {
			return nil, err
		}
		line, err := grammar.Parse(l, text)
		if err != nil {
			return nil, err
		}
		points, err := line.Points(l)
		if err != nil {
			return nil, err
		}
		if len(points) != 1 {
			return nil, &ir.Error{Layer: l, What: fmt.Sprintf("these choices are %d points, and one is compiled", len(points))}
		}
		c[l] = points[0]
	}
	run := &runner{graph: n.graph, batch: max(o.Batch, 1), consume: consume}
	if err := run.compile(context.Background(), c); err != nil {
		return nil, err
	}
	// The program has packed what it needs of the weights.
	g := *run.graph
	g.Weights, g.Nodes = nil, nil
	run.graph = &g
	return &Program{run}, nil
}
