package onnx

import (
	"encoding/binary"
	"fmt"
	"io"
	"maps"
	"slices"

	"github.com/godlas/godlas/dlas/ir"
	"github.com/godlas/godlas/dlas/ir/op"
)

// The version that a file is written in. Opset 17 has every operator that networks are built of here and is read by the
// runtimes of the last years; a network read from a newer file that needs an operator of a later set is written in
// MostOpset, which fewer of them read.
const (
	writtenOpset = 17
	irOfOpset17  = 8
	irOfMost     = 10 // the oldest IR version that runtimes take opset 24 with
)

// maxFile is the size that a protocol buffers message may not reach.
const maxFile = 1 << 31

// Write writes a network as an ONNX file: every operator by the definition of the opset that the file states, weights
// as raw_data, and meta as metadata_props. The first axis of inputs and outputs is written as the free axis N where the
// network runs any batch. A network that a compilation has fused, or weights of 2 GB and more, are errors of layer model.
func Write(w io.Writer, g *ir.Graph, meta map[string]string) error {
	fail := func(err error) error { return &ir.Error{Layer: ir.Model, What: "cannot be written as ONNX", Err: err} }
	one, err := op.Infer(g, 1)
	if err != nil {
		return err
	}
	two, err := op.Infer(g, 2)
	if err != nil {
		two = nil // a batch of one is part of it
	}
	s := &writer{g: g, used: map[string]bool{}, opset: writtenOpset, added: map[string]*ir.Tensor{}, wide: map[string]string{}}
	for _, n := range g.Nodes {
		if newer(n) {
			s.opset = MostOpset
		}
	}
	for name := range one {
		s.used[name] = true
	}
	var body encoder // the graph without its weights
	for _, n := range g.Nodes {
		if err := s.node(&body, n, one); err != nil {
			return fail(fmt.Errorf("node %q (%s) %w", n.Name, n.Op, err))
		}
	}
	name := g.Name
	if name == "" {
		name = "network"
	}
	body.string(2, name)
	weights := s.weights()
	for _, v := range g.Inputs {
		body.message(11, func(e *encoder) { writeValue(e, v.Name, one[v.Name], two[v.Name]) })
	}
	for _, o := range g.Outputs {
		body.message(12, func(e *encoder) { writeValue(e, o, one[o], two[o]) })
	}
	size := int64(len(body.b))
	heads := make([][]byte, len(weights))
	for i, t := range weights {
		heads[i] = tensorHead(t.name, t.Tensor)
		n := int64(len(heads[i])) + t.Bytes()
		size += n + int64(len(binary.AppendUvarint(nil, uint64(n)))) + 1
	}
	if size >= maxFile-1<<20 {
		return fail(fmt.Errorf("its weights take %d bytes, and a file holds less than %d", size, int64(maxFile)))
	}
	var head encoder
	head.int(1, map[bool]int64{true: irOfOpset17, false: irOfMost}[s.opset == writtenOpset])
	head.string(2, "godlas")
	domains := map[string]int{"": s.opset}
	if s.microsoft {
		domains["com.microsoft"] = 1
	}
	for _, d := range slices.Sorted(maps.Keys(domains)) {
		head.message(8, func(e *encoder) { e.text(1, d); e.int(2, int64(domains[d])) })
	}
	for _, k := range slices.Sorted(maps.Keys(meta)) {
		head.message(14, func(e *encoder) { e.string(1, k); e.string(2, meta[k]) })
	}
	head.key(7, wireBytes)
	head.b = binary.AppendUvarint(head.b, uint64(size))
	head.b = append(head.b, body.b...)
	if _, err := w.Write(head.b); err != nil {
		return err
	}
	for i, t := range weights {
		var e encoder
		e.key(5, wireBytes)
		e.b = binary.AppendUvarint(e.b, uint64(len(heads[i]))+uint64(t.Bytes()))
		e.b = append(e.b, heads[i]...)
		if _, err := w.Write(e.b); err != nil {
			return err
		}
		if err := writeElements(w, t.Tensor); err != nil {
			return err
		}
	}
	return nil
}

// writer is one file being written.
type writer struct {
	g         *ir.Graph
	opset     int
	used      map[string]bool // names of values
	added     map[string]*ir.Tensor
	wide      map[string]string // the f32 of a weight stored in halves, by its name
	microsoft bool
}

type namedTensor struct {
	name string
	*ir.Tensor
}

// weights are those that nodes read, the file's own additions included, by name.
func (s *writer) weights() []namedTensor {
	read := map[string]bool{}
	for _, n := range s.g.Nodes {
		for _, in := range n.In {
			read[in] = true
		}
	}
	var out []namedTensor
	for name, t := range s.g.Weights {
		if read[name] {
			out = append(out, namedTensor{name, t})
		}
	}
	for name, t := range s.added {
		out = append(out, namedTensor{name, t})
	}
	slices.SortFunc(out, func(a, b namedTensor) int {
		if a.name < b.name {
			return -1
		}
		return 1
	})
	return out
}
