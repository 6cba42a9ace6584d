// Package packed reads and writes networks in this program's own format: a graph and its weights in one file, each
// tensor in whichever lossless form takes the fewest bytes. What is read has the same bits as what was written.
//
// A file begins with "DLASnet" and a byte 2, the version; then four bytes, little-endian, of the header's length and
// four of its CRC-32C; then the header, JSON in zlib's format (RFC 1950) with zeros behind it. From there on, at a multiple of 64 bytes, the tensors
// follow in the header's order, each at a multiple of 64 and followed by the CRC-32C of its bytes.
//
// Files are hostile: no length in one is believed before the file covers it, and as forms that leave zeros out stand for
// more than they take, a file's tensors take at most 256 times its size: one of hardly anything but zeros ends in filler.
package packed

import (
	"bytes"
	"compress/zlib"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"maps"
	"runtime"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"unicode/utf8"

	"github.com/godlas/godlas/dlas/ir"
)

// Magic is what a file begins with.
const Magic = "DLASnet\x02"

const (
	prefix    = len(Magic) + 8
	align     = 64
	maxHeader = 4 << 20
	maxValues = 1 << 17 // of the header's JSON
	maxAxes   = 8
	most      = 256 // times a file's bytes that its tensors may take
	inflates  = 64  // times its bytes in the file that a header may have
	maxMemory = 1 << 33
)

// Network is what a file holds.
type Network struct {
	Graph *ir.Graph
	// PrepKnown: Graph.Prep is what the network wants; otherwise it is empty.
	PrepKnown bool
	Meta      map[string]string // what else the file says of itself
}

// head is the header.
type head struct {
	Name       string            `json:"name"`
	Inputs     []value           `json:"inputs"`
	Outputs    []string          `json:"outputs"`
	Nodes      []node            `json:"nodes"`
	Tensors    []tensor          `json:"tensors"`
	Preprocess *ir.Preprocess    `json:"preprocess,omitempty"`
	Classes    []string          `json:"classes,omitempty"`
	Trained    bool              `json:"trained"`
	Meta       map[string]string `json:"meta,omitempty"`
	// Filler is the number of bytes after the last tensor that mean nothing: a file is never less than a part of what
	// its tensors take in memory.
	Filler int64 `json:"filler,omitempty"`
}

type value struct {
	Name  string  `json:"name"`
	Type  ir.Type `json:"type,omitempty"`
	Shape []int   `json:"shape"`
}

type node struct {
	Name  string          `json:"name"`
	Op    string          `json:"op"`
	In    []string        `json:"in"`
	Out   []string        `json:"out"`
	Attrs map[string]attr `json:"attrs,omitempty"`
}

// attr is an attribute: one of these.
type attr struct {
	Int    *int      `json:"int,omitempty"`
	Ints   *[]int    `json:"ints,omitempty"`
	Float  *number   `json:"float,omitempty"`
	Floats *[]number `json:"floats,omitempty"`
	Text   *string   `json:"text,omitempty"`
	Texts  *[]string `json:"texts,omitempty"`
	Tensor *int      `json:"tensor,omitempty"` // its place among the tensors
}

// number is a float64 in JSON, which has no infinities: as text.
type number float64

func (f number) MarshalText() ([]byte, error) {
	return strconv.AppendFloat(nil, float64(f), 'g', -1, 64), nil
}

func (f *number) UnmarshalText(b []byte) error {
	v, err := strconv.ParseFloat(string(b), 64)
	*f = number(v)
	return err
}

// tensor is a tensor's row: where its bytes lie, from the first tensor's on. One without a name is an attribute.
type tensor struct {
	Name  string  `json:"name,omitempty"`
	Type  ir.Type `json:"type"`
	Shape []int   `json:"shape"`
	At    int64   `json:"at"`
	Bytes int64   `json:"bytes"`
	Encoding
}

func aligned(n int64) int64 { return (n + align - 1) &^ (align - 1) }

var castagnoli = sync.OnceValue(func() *crc32.Table { return crc32.MakeTable(crc32.Castagnoli) })

func sum(b []byte) uint32 { return crc32.Checksum(b, castagnoli()) }

// each does n things on all processors and returns the first error.
func each(n int, do func(i int) error) error {
	var next atomic.Int64
	var all sync.WaitGroup
	errs := make([]error, n)
	for range min(n, runtime.GOMAXPROCS(0)) {
		all.Go(func() {
			for {
				i := int(next.Add(1)) - 1
				if i >= n {
					return
				}
				errs[i] = do(i)
			}
		})
	}
	all.Wait()
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// headOf is the header of a network, and its tensors in the header's order.
func headOf(net Network) (*head, []*ir.Tensor, error) {
	g := net.Graph
	h := &head{Name: g.Name, Outputs: g.Outputs, Nodes: make([]node, len(g.Nodes)), Classes: g.Classes, Trained: g.Trained, Meta: net.Meta}
	if net.PrepKnown {
		h.Preprocess = &g.Prep
	}
	for _, v := range g.Inputs {
		h.Inputs = append(h.Inputs, value{v.Name, v.Type, some(v.Shape)})
	}
	var tensors []*ir.Tensor
	add := func(name string, t *ir.Tensor) {
		tensors = append(tensors, t)
		h.Tensors = append(h.Tensors, tensor{Name: name, Type: t.Type, Shape: some(t.Shape)})
	}
	for _, name := range slices.Sorted(maps.Keys(g.Weights)) {
		if name == "" {
			return nil, nil, errors.New("a weight has no name")
		}
		add(name, g.Weights[name])
	}
	for i, n := range g.Nodes {
		h.Nodes[i] = node{Name: n.Name, Op: n.Op, In: some(n.In), Out: some(n.Out)}
		for _, key := range slices.Sorted(maps.Keys(n.Attrs)) {
			var a attr
			switch v := n.Attrs[key].(type) {
			case int:
				a.Int = &v
			case []int:
				v = some(v)
				a.Ints = &v
			case float64:
				f := number(v)
				a.Float = &f
			case []float64:
				f := make([]number, len(v))
				for i, x := range v {
					f[i] = number(x)
				}
				a.Floats = &f
			case string:
				a.Text = &v
			case []string:
				v = some(v)
				a.Texts = &v
			case *ir.Tensor:
				at := len(tensors)
				a.Tensor = &at
				add("", v)
			default:
				return nil, nil, fmt.Errorf("node %q has an attribute %q of type %T", n.Name, key, v)
			}
			if h.Nodes[i].Attrs == nil {
				h.Nodes[i].Attrs = map[string]attr{}
			}
			h.Nodes[i].Attrs[key] = a
		}
	}
	return h, tensors, nil
}

// text is the header as JSON.
func (h *head) text() ([]byte, error) {
	names := append([]string{h.Name}, h.Outputs...)
	for _, v := range h.Inputs {
		names = append(names, v.Name)
	}
	for _, n := range h.Nodes {
		names = append(append(append(names, n.Name, n.Op), n.In...), n.Out...)
	}
	for _, t := range h.Tensors {
		names = append(names, t.Name)
	}
	for _, name := range names { // JSON would make another name of it
		if !utf8.ValidString(name) {
			return nil, fmt.Errorf("the name %q is not UTF-8", name)
		}
	}
	return json.Marshal(h)
}

// deflated is the text of a header as it stands in a file, filled up to where tensors may begin.
func deflated(text []byte) ([]byte, error) {
	var b bytes.Buffer
	z, err := zlib.NewWriterLevel(&b, zlib.BestCompression)
	if err == nil {
		_, err = z.Write(text)
	}
	if err == nil {
		err = z.Close()
	}
	for (prefix+b.Len())%align != 0 || b.Len()*inflates < len(text) {
		b.WriteByte(0)
	}
	return b.Bytes(), err
}

// inflated is the text of a header that stands in a file so.
func inflated(stored []byte) ([]byte, error) {
	z, err := zlib.NewReader(bytes.NewReader(stored))
	if err != nil {
		return nil, fmt.Errorf("its header cannot be unpacked: %w", err)
	}
	most := min(maxHeader, inflates*len(stored))
	text, err := io.ReadAll(io.LimitReader(z, int64(most)+1))
	if err != nil {
		return nil, fmt.Errorf("its header cannot be unpacked: %w", err)
	}
	if len(text) > most {
		return nil, fmt.Errorf("its header of %d bytes stands for more than %d", len(stored), most)
	}
	return text, nil
}

// graph is the network that a header describes, with its tensors.
func (h *head) graph(tensors []*ir.Tensor) (*ir.Graph, error) {
	g := &ir.Graph{Name: h.Name, Outputs: h.Outputs, Weights: make(map[string]*ir.Tensor, len(tensors)), Classes: h.Classes, Trained: h.Trained}
	if h.Preprocess != nil {
		g.Prep = *h.Preprocess
	}
	for _, v := range h.Inputs {
		g.Inputs = append(g.Inputs, ir.Value{Name: v.Name, Type: v.Type, Shape: v.Shape})
	}
	for i, t := range h.Tensors {
		if t.Name == "" {
			continue
		}
		if _, twice := g.Weights[t.Name]; twice {
			return nil, fmt.Errorf("has two tensors %q", t.Name)
		}
		g.Weights[t.Name] = tensors[i]
	}
	for _, n := range h.Nodes {
		m := &ir.Node{Name: n.Name, Op: n.Op, In: n.In, Out: n.Out}
		for key, a := range n.Attrs {
			v, err := a.value(tensors)
			if err != nil {
				return nil, fmt.Errorf("node %q: its attribute %q %w", n.Name, key, err)
			}
			if m.Attrs == nil {
				m.Attrs = make(ir.Attrs, len(n.Attrs))
			}
			m.Attrs[key] = v
		}
		g.Nodes = append(g.Nodes, m)
	}
	return g, nil
}

func (a attr) value(tensors []*ir.Tensor) (any, error) {
	var found []any
	if a.Int != nil {
		found = append(found, *a.Int)
	}
	if a.Ints != nil {
		found = append(found, *a.Ints)
	}
	if a.Float != nil {
		found = append(found, float64(*a.Float))
	}
	if a.Floats != nil {
		list := make([]float64, len(*a.Floats))
		for i, x := range *a.Floats {
			list[i] = float64(x)
		}
		found = append(found, list)
	}
	if a.Text != nil {
		found = append(found, *a.Text)
	}
	if a.Texts != nil {
		found = append(found, *a.Texts)
	}
	if a.Tensor != nil {
		if *a.Tensor < 0 || *a.Tensor >= len(tensors) {
			return nil, fmt.Errorf("names tensor %d of %d", *a.Tensor, len(tensors))
		}
		found = append(found, tensors[*a.Tensor])
	}
	if len(found) != 1 {
		return nil, fmt.Errorf("has %d values, not 1", len(found))
	}
	return found[0], nil
}
