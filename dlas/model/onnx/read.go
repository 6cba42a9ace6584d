package onnx

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/godlas/godlas/dlas/ir"
)

// The operator sets of ONNX's own domain that are read. Older ones than Least are read too, where a node's attributes
// are those of a known definition.
const (
	LeastOpset = 7
	MostOpset  = 24
)

// Options say how a file is read.
type Options struct {
	// Folder holds the model's external data; nil: it may have none. Close it when no more is read from the file.
	Folder *Folder
	// Input is the shape (N x C x H x W) that free axes of the first input are bound to. A free first axis is the batch
	// and becomes 1, whatever Input says.
	Input ir.Shape
}

// Model is a file as read.
type Model struct {
	Graph    *ir.Graph         // with the nodes as they stand in the file, in an order in which they can run
	Opsets   map[string]int    // version by domain; ONNX's own is the empty one
	Producer string            // the program that wrote it
	Meta     map[string]string // metadata_props
}

// Read decodes a network. The elements of its weights are views of raw wherever that is possible, so raw must stay as it
// is. Errors are *ir.Error of layer model.
func Read(raw []byte, o Options) (*Model, error) {
	d := &decoder{extra: extra{maxExtra}, folder: o.Folder}
	p, err := d.model(raw)
	if err != nil {
		return nil, &ir.Error{Layer: ir.Model, What: "not read", Err: err}
	}
	m := &Model{Opsets: map[string]int{}, Producer: p.producer, Meta: p.meta}
	for domain, v := range p.opsets {
		m.Opsets[domain] = int(v)
	}
	v, ok := p.opsets[""]
	switch {
	case !ok && len(p.opsets) == 0:
		m.Opsets[""] = 1 // IR version 2 and before
	case ok && v > MostOpset:
		return nil, &ir.Error{Layer: ir.Model, What: fmt.Sprintf("the file is written in opset %d, and opsets to %d are known", v, MostOpset), Try: fmt.Sprintf("export it with opset %d or older", MostOpset)}
	case ok && v < 1:
		return nil, ir.Errorf(ir.Model, "the file states opset %d", v)
	}
	r := reader{decoder: d, p: p, version: m.Opsets}
	if m.Graph, err = r.graph(o.Input); err != nil {
		var known *ir.Error
		if !errors.As(err, &known) {
			err = &ir.Error{Layer: ir.Model, What: "not read", Err: err}
		}
		return nil, err
	}
	return m, nil
}

// reader turns the messages of a file into a graph.
type reader struct {
	*decoder
	p       *modelProto
	g       *ir.Graph
	version map[string]int
}

func (r *reader) graph(input ir.Shape) (*ir.Graph, error) {
	in := r.p.graph
	r.g = &ir.Graph{Name: in.name, Weights: map[string]*ir.Tensor{}, Trained: true}
	for name, t := range in.weights {
		if name == "" {
			return nil, errors.New("a weight has no name")
		}
		w, err := r.elements(t)
		if err != nil {
			return nil, fmt.Errorf("weight %q: %w", name, err)
		}
		r.g.Weights[name] = w
	}
	for _, p := range in.sparse {
		name := p.values.name
		if _, twice := r.g.Weights[name]; twice || name == "" {
			return nil, fmt.Errorf("has two weights %q, or one without a name, of which one is sparse", name)
		}
		w, err := r.dense(p)
		if err != nil {
			return nil, fmt.Errorf("sparse weight %q: %w", name, err)
		}
		r.g.Weights[name] = w
	}
	if err := r.inputs(input); err != nil {
		return nil, err
	}
	for _, o := range in.outputs {
		if o.kind != "" {
			return nil, fmt.Errorf("output %q is %s: unsupported", o.name, o.kind)
		}
		r.g.Outputs = append(r.g.Outputs, o.name)
	}
	if err := r.nodes(); err != nil {
		return nil, err
	}
	if err := sortNodes(r.g); err != nil {
		return nil, err
	}
	dropUnused(r.g)
	return r.g, nil
}

// inputs are those of the file that are no weights: until IR version 4 weights were listed as inputs too.
func (r *reader) inputs(bound ir.Shape) error {
	names := map[string]int{} // axes bound by name
	for _, v := range r.p.graph.inputs {
		if _, weight := r.g.Weights[v.name]; weight {
			continue
		}
		if v.kind != "" {
			return fmt.Errorf("input %q is %s: unsupported", v.name, v.kind)
		}
		typ, err := TypeOf(v.typ)
		if err != nil {
			return fmt.Errorf("input %q: %w", v.name, err)
		}
		if !v.shape {
			if len(bound) == 0 || len(r.g.Inputs) > 0 {
				return unboundInput(v, "does not say how many axes it has")
			}
			v.dims = make([]dim, len(bound))
		}
		shape := make(ir.Shape, len(v.dims))
		for i, x := range v.dims {
			// Exporters write a free axis as a name, as nothing, as 0 or as -1.
			free := !x.told || x.n <= 0 && len(v.dims) > 1 && (i == 0 || x.n < 0)
			named, known := names[x.name]
			switch {
			case !free:
				if x.n > maxElems {
					return fmt.Errorf("input %q has an axis of %d", v.name, x.n)
				}
				shape[i] = int(x.n)
			case x.name != "" && known:
				shape[i] = named
			case i == 0 && len(v.dims) > 1:
				shape[i] = 1
			case len(r.g.Inputs) == 0 && len(bound) == len(v.dims):
				shape[i] = bound[i]
			default:
				return unboundInput(v, "leaves axes open")
			}
			if free && x.name != "" {
				names[x.name] = shape[i]
			}
		}
		r.g.Inputs = append(r.g.Inputs, ir.Value{Name: v.name, Type: typ, Shape: shape})
	}
	return nil
}

func unboundInput(v valueProto, what string) error {
	axes := make([]string, len(v.dims))
	for i, x := range v.dims {
		switch {
		case x.told && x.n > 0:
			axes[i] = fmt.Sprint(x.n)
		case x.name != "":
			axes[i] = x.name
		default:
			axes[i] = "?"
		}
	}
	if len(axes) > 0 {
		what += " (" + strings.Join(axes, "x") + ")"
	}
	return &ir.Error{Layer: ir.Model, What: fmt.Sprintf("input %q %s", v.name, what), Try: "say its shape with the data, such as random(1x3x224x224)"}
}

func (r *reader) nodes() error {
	used := make(map[string]bool, len(r.p.graph.nodes))
	for _, n := range r.p.graph.nodes {
		used[n.name] = true
	}
	taken := make(map[string]bool, len(r.p.graph.nodes))
	for i, n := range r.p.graph.nodes {
		name := n.name
		for k := i; name == "" || taken[name]; k++ {
			if name = fmt.Sprintf("%s_%d", n.op, k); used[name] {
				name = ""
			}
		}
		taken[name] = true
		op, err := r.operator(n, name)
		if err != nil {
			return err
		}
		if op == "Constant" && len(n.in) == 0 && len(n.out) == 1 {
			t, err := constant(n)
			if err != nil {
				return fmt.Errorf("node %q (Constant): %w", name, err)
			}
			if _, twice := r.g.Weights[n.out[0]]; twice || n.out[0] == "" {
				return fmt.Errorf("node %q (Constant): its output %q exists already", name, n.out[0])
			}
			r.g.Weights[n.out[0]] = t
			continue
		}
		m := &ir.Node{Name: name, Op: op, In: trimEmpty(n.in), Out: trimEmpty(n.out)}
		if len(n.attrs) > 0 {
			m.Attrs = make(ir.Attrs, len(n.attrs))
		}
		for _, a := range n.attrs {
			if _, twice := m.Attrs[a.name]; twice {
				return fmt.Errorf("node %q (%s) has two attributes %q", name, op, a.name)
			}
			m.Attrs[a.name] = a.value
		}
		r.g.Nodes = append(r.g.Nodes, m)
	}
	return nil
}

// trimEmpty drops the empty names at the end of a list: optional inputs or outputs left out.
func trimEmpty(names []string) []string {
	for len(names) > 0 && names[len(names)-1] == "" {
		names = names[:len(names)-1]
	}
	return names
}

// operator is the name under which the table of operators has a node's, or why it cannot be there. Operators of ONNX
// Runtime's own domain have no namesake in ONNX with another meaning, and go by their names alone.
func (r *reader) operator(n *nodeProto, name string) (string, error) {
	domain := n.domain
	if domain == "ai.onnx" {
		domain = ""
	}
	what := n.op
	if domain != "" {
		what = domain + "." + n.op
	}
	refuse := func(why string) error {
		e := ir.Errorf(ir.Model, "node %q: operator %s %s", name, what, why)
		if v, ok := r.version[domain]; ok {
			e.What = fmt.Sprintf("node %q: operator %s of opset %d %s", name, what, v, why)
		}
		return e
	}
	if n.op == "" {
		return "", refuse("has no name")
	}
	if r.p.functions[domain+"\x00"+n.op] {
		return "", refuse("is a function of the file's own: unsupported; export the model with functions inlined")
	}
	for _, a := range n.attrs {
		switch {
		case a.graph:
			return "", refuse("holds a graph of its own: control flow is unsupported")
		case a.ref != "":
			return "", refuse("refers to an attribute of a function")
		}
	}
	if domain == "" || domain == "com.microsoft" {
		return n.op, nil
	}
	return what, nil
}

// constant is the tensor of a Constant node.
func constant(n *nodeProto) (*ir.Tensor, error) {
	if len(n.attrs) != 1 {
		return nil, fmt.Errorf("has %d attributes, not 1", len(n.attrs))
	}
	a := n.attrs[0]
	switch v := a.value.(type) {
	case *ir.Tensor:
		if a.name == "value" && v != nil {
			return v, nil
		}
	case float64:
		if a.name == "value_float" {
			return ir.NewF32([]float32{float32(v)}), nil
		}
	case []float64:
		if a.name == "value_floats" {
			data := make([]float32, len(v))
			for i, x := range v {
				data[i] = float32(x)
			}
			return ir.NewF32(data, len(data)), nil
		}
	case int:
		if a.name == "value_int" {
			return &ir.Tensor{Type: ir.I64, Shape: ir.Shape{}, Data: []int64{int64(v)}}, nil
		}
	case []int:
		if a.name == "value_ints" {
			data := make([]int64, len(v))
			for i, x := range v {
				data[i] = int64(x)
			}
			return &ir.Tensor{Type: ir.I64, Shape: ir.Shape{len(data)}, Data: data}, nil
		}
	}
	return nil, fmt.Errorf("attribute %q is unsupported", a.name)
}

// sortNodes puts nodes into an order in which they can run, and leaves one that is in such an order as it is. Values
// that nothing makes are left to the check of the graph.
func sortNodes(g *ir.Graph) error {
	maker := map[string]int{}
	for i, n := range g.Nodes {
		for _, o := range n.Out {
			if o == "" {
				continue
			}
			if j, twice := maker[o]; twice {
				return fmt.Errorf("the nodes %q and %q both make the value %q", g.Nodes[j].Name, n.Name, o)
			}
			maker[o] = i
		}
	}
	waits := make([]int, len(g.Nodes))
	users := make([][]int, len(g.Nodes))
	sorted := true
	for i, n := range g.Nodes {
		for _, name := range n.In {
			if j, made := maker[name]; made && name != "" {
				waits[i]++
				users[j] = append(users[j], i)
				sorted = sorted && j < i
			}
		}
	}
	if sorted {
		return nil
	}
	var ready []int
	for i := range g.Nodes {
		if waits[i] == 0 {
			ready = append(ready, i)
		}
	}
	order := make([]*ir.Node, 0, len(g.Nodes))
	for ; len(ready) > 0; ready = ready[1:] {
		i := ready[0]
		order = append(order, g.Nodes[i])
		for _, u := range users[i] {
			if waits[u]--; waits[u] == 0 {
				ready = append(ready, u)
			}
		}
	}
	if len(order) < len(g.Nodes) {
		i := slices.IndexFunc(waits, func(w int) bool { return w > 0 })
		return fmt.Errorf("the network runs in a circle: node %q waits for its own output", g.Nodes[i].Name)
	}
	g.Nodes = order
	return nil
}

// dropUnused forgets weights that no node reads.
func dropUnused(g *ir.Graph) {
	used := make(map[string]bool, len(g.Weights))
	for _, n := range g.Nodes {
		for _, name := range n.In {
			used[name] = true
		}
	}
	for _, name := range g.Outputs {
		used[name] = true
	}
	for name := range g.Weights {
		if !used[name] {
			delete(g.Weights, name)
		}
	}
}
