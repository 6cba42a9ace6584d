package onnx

import (
	"errors"
	"fmt"
	"math"

	"github.com/godlas/godlas/dlas/ir"
)

// The messages of onnx.proto (onnx.ai, ONNX IR specification) as this package needs them. The numbers in the switches
// are those of the fields there.

const (
	maxNodes = 1 << 14 // as ir/op bounds a network
	maxNames = 1 << 18 // inputs, outputs, weights and properties of a file
	maxList  = 1 << 20 // numbers of an attribute
	maxEnds  = 1 << 14 // inputs or outputs of a node
	// maxStrings bounds the texts of an attribute.
	maxStrings = 1 << 16
)

// decoder reads one file.
type decoder struct {
	extra
	folder   *Folder
	spans    map[span][]byte
	sizes    map[string]int64
	external int64 // bytes read of external data
	names    int
}

// named counts another row of some table, and what it takes beyond the bytes of the file.
func (d *decoder) named(bytes int) error {
	if d.names++; d.names > maxNames {
		return fmt.Errorf("names more than %d things", maxNames)
	}
	return d.spend(int64(bytes))
}

type modelProto struct {
	irVersion int64
	producer  string
	graph     *graphProto
	opsets    map[string]int64
	meta      map[string]string
	functions map[string]bool // local functions, by domain and name
}

type graphProto struct {
	name    string
	nodes   []*nodeProto
	weights map[string]*tensorProto
	sparse  []*sparseProto
	inputs  []valueProto
	outputs []valueProto
}

type nodeProto struct {
	name, op, domain string
	in, out          []string
	attrs            []attrProto
}

type attrProto struct {
	name  string
	kind  int64
	value any // what ir.Attrs holds
	ref   string
	graph bool
}

type valueProto struct {
	name  string
	typ   int64  // data type; 0: not a tensor, or not told
	kind  string // what it is where it is no tensor
	dims  []dim
	shape bool // dims is told
}

// dim is an axis: a number, a name, or neither.
type dim struct {
	n    int64
	name string
	told bool
}

func (d *decoder) model(raw []byte) (*modelProto, error) {
	m := &modelProto{opsets: map[string]int64{}, meta: map[string]string{}, functions: map[string]bool{}}
	err := each(raw, func(f field) error {
		switch f.num {
		case 1:
			m.irVersion = int64(f.n)
			return f.want(wireVarint)
		case 2:
			m.producer = string(f.b)
			return f.want(wireBytes)
		case 7:
			if err := f.want(wireBytes); err != nil {
				return err
			}
			if m.graph != nil {
				return errors.New("has two graphs")
			}
			g, err := d.graph(f.b)
			m.graph = g
			return err
		case 8:
			if err := f.want(wireBytes); err != nil {
				return err
			}
			if err := d.named(64); err != nil {
				return err
			}
			var domain string
			var version int64
			err := each(f.b, func(f field) error {
				switch f.num {
				case 1:
					domain = string(f.b)
				case 2:
					version = int64(f.n)
				}
				return nil
			})
			if domain == "ai.onnx" {
				domain = ""
			}
			m.opsets[domain] = version
			return err
		case 14:
			if err := f.want(wireBytes); err != nil {
				return err
			}
			if err := d.named(64); err != nil {
				return err
			}
			kv, err := d.property(f.b)
			m.meta[kv.key] = kv.value
			return err
		case 25:
			if err := d.named(64); err != nil {
				return err
			}
			var name, domain string
			err := each(f.b, func(f field) error {
				switch f.num {
				case 1:
					name = string(f.b)
				case 10:
					domain = string(f.b)
				}
				return nil
			})
			m.functions[domain+"\x00"+name] = true
			return err
		}
		return nil
	})
	if err == nil && m.graph == nil {
		err = errors.New("has no graph: not an ONNX file")
	}
	return m, err
}

func (d *decoder) property(raw []byte) (kv property, err error) {
	if err := d.named(32); err != nil {
		return kv, err
	}
	err = each(raw, func(f field) error {
		switch f.num {
		case 1:
			kv.key = string(f.b)
			return f.want(wireBytes)
		case 2:
			kv.value = string(f.b)
			return f.want(wireBytes)
		}
		return nil
	})
	return kv, err
}

func (d *decoder) graph(raw []byte) (*graphProto, error) {
	g := &graphProto{weights: map[string]*tensorProto{}}
	err := each(raw, func(f field) error {
		switch f.num {
		case 1, 2, 5, 11, 12, 15:
			if err := f.want(wireBytes); err != nil {
				return err
			}
		}
		switch f.num {
		case 1:
			if len(g.nodes) == maxNodes {
				return fmt.Errorf("has more than %d nodes", maxNodes)
			}
			n, err := d.node(f.b)
			if err != nil {
				return fmt.Errorf("node %d: %w", len(g.nodes), err)
			}
			g.nodes = append(g.nodes, n)
		case 2:
			g.name = string(f.b)
		case 5:
			if err := d.named(240); err != nil {
				return err
			}
			t, err := d.tensorProto(f.b)
			if err != nil {
				return fmt.Errorf("weight %q: %w", t.name, err)
			}
			if _, twice := g.weights[t.name]; twice {
				return fmt.Errorf("has two weights %q", t.name)
			}
			g.weights[t.name] = t
		case 11, 12:
			v, err := d.value(f.b)
			if err != nil {
				return fmt.Errorf("value %q: %w", v.name, err)
			}
			if f.num == 11 {
				g.inputs = append(g.inputs, v)
			} else {
				g.outputs = append(g.outputs, v)
			}
		case 15:
			if err := d.named(600); err != nil {
				return err
			}
			p, err := d.sparseProto(f.b)
			if err != nil {
				return fmt.Errorf("sparse weight %q: %w", p.values.name, err)
			}
			g.sparse = append(g.sparse, p)
		}
		return nil
	})
	return g, err
}

func (d *decoder) value(raw []byte) (valueProto, error) {
	var v valueProto
	if err := d.named(400); err != nil { // as the list of them grows
		return v, err
	}
	err := each(raw, func(f field) error {
		switch f.num {
		case 1:
			v.name = string(f.b)
			return f.want(wireBytes)
		case 2:
			return each(f.b, func(f field) error {
				switch f.num {
				case 1:
					return d.tensorType(f.b, &v)
				case 4:
					v.kind = "a sequence"
				case 5:
					v.kind = "a map"
				case 8:
					v.kind = "a sparse tensor"
				case 9:
					v.kind = "optional"
				}
				return nil
			})
		}
		return nil
	})
	return v, err
}

func (d *decoder) tensorType(raw []byte, v *valueProto) error {
	return each(raw, func(f field) error {
		switch f.num {
		case 1:
			v.typ = int64(f.n)
			return f.want(wireVarint)
		case 2:
			v.shape = true
			return each(f.b, func(f field) error {
				if f.num != 1 {
					return nil
				}
				if len(v.dims) == maxAxes {
					return fmt.Errorf("has more than %d axes", maxAxes)
				}
				var x dim
				err := each(f.b, func(f field) error {
					switch f.num {
					case 1:
						x.n, x.told = int64(f.n), true
						return f.want(wireVarint)
					case 2:
						x.name = string(f.b)
						return f.want(wireBytes)
					}
					return nil
				})
				v.dims = append(v.dims, x)
				return err
			})
		}
		return nil
	})
}

func (d *decoder) node(raw []byte) (*nodeProto, error) {
	n := &nodeProto{}
	if err := d.spend(400); err != nil {
		return n, err
	}
	err := each(raw, func(f field) error {
		switch f.num {
		case 1, 2, 3, 4, 5, 7:
			if err := f.want(wireBytes); err != nil {
				return err
			}
		}
		switch f.num {
		case 1, 2:
			list := &n.in
			if f.num == 2 {
				list = &n.out
			}
			if *list = append(*list, string(f.b)); len(*list) > maxEnds {
				return fmt.Errorf("has more than %d inputs or outputs", maxEnds)
			}
			return d.spend(64)
		case 3:
			n.name = string(f.b)
		case 4:
			n.op = string(f.b)
		case 5:
			if err := d.spend(200); err != nil {
				return err
			}
			a, err := d.attr(f.b)
			if err != nil {
				return fmt.Errorf("attribute %q: %w", a.name, err)
			}
			n.attrs = append(n.attrs, a)
		case 7:
			n.domain = string(f.b)
		}
		return nil
	})
	return n, err
}

// AttributeProto.AttributeType.
const (
	attrFloat   = 1
	attrInt     = 2
	attrString  = 3
	attrTensor  = 4
	attrGraph   = 5
	attrFloats  = 6
	attrInts    = 7
	attrStrings = 8
)

func (d *decoder) attr(raw []byte) (attrProto, error) {
	var a attrProto
	var one any
	var ints []int64
	var floats []float64
	var strings []string
	err := each(raw, func(f field) (err error) {
		switch f.num {
		case 1, 4, 5, 6, 9, 21:
			if err := f.want(wireBytes); err != nil {
				return err
			}
		}
		switch f.num {
		case 1:
			a.name = string(f.b)
		case 2:
			one = float64(math.Float32frombits(uint32(f.n)))
			return f.want(wireFixed32)
		case 3:
			if a.kind == 0 {
				a.kind = attrInt // the oldest files leave the type out
			}
			one = int(int64(f.n))
			return f.want(wireVarint)
		case 4:
			one = string(f.b)
		case 5:
			_, t, err := d.tensor(f.b)
			one = t
			return err
		case 6, 11:
			a.graph = true
		case 7:
			if floats, err = floatsOf(floats, f); err == nil {
				err = d.spend(int64(len(f.b)))
			}
		case 8:
			before := len(ints)
			if ints, err = f.varints(ints, maxList); err == nil {
				err = d.spend(16 * int64(len(ints)-before))
			}
		case 9:
			if strings = append(strings, string(f.b)); len(strings) > maxStrings {
				return fmt.Errorf("has more than %d texts", maxStrings)
			}
			return d.spend(64)
		case 20:
			a.kind = int64(f.n)
			return f.want(wireVarint)
		case 21:
			a.ref = string(f.b)
		}
		return err
	})
	if err != nil {
		return a, err
	}
	switch a.kind {
	case attrInts:
		list := make([]int, len(ints))
		for i, v := range ints {
			list[i] = int(v)
		}
		a.value = list
	case attrFloats:
		a.value = floats
	case attrStrings:
		a.value = strings
	case attrFloat:
		if one == nil {
			one = 0.0
		}
		a.value = one
	case attrInt:
		if one == nil {
			one = 0
		}
		a.value = one
	case attrString:
		if one == nil {
			one = ""
		}
		a.value = one
	case attrTensor:
		a.value = one
	case attrGraph, 10:
		a.graph = true
	default:
		if a.ref == "" {
			return a, fmt.Errorf("of type %d is unsupported", a.kind)
		}
	}
	if ok := typeFits(a); !ok {
		return a, fmt.Errorf("is said to have type %d and holds another", a.kind)
	}
	return a, nil
}

// typeFits reports whether a single value is of the type that the attribute states.
func typeFits(a attrProto) bool {
	ok := true
	switch a.kind {
	case attrFloat:
		_, ok = a.value.(float64)
	case attrInt:
		_, ok = a.value.(int)
	case attrString:
		_, ok = a.value.(string)
	case attrTensor:
		_, ok = a.value.(*ir.Tensor)
	}
	return ok
}

func floatsOf(to []float64, f field) ([]float64, error) {
	if f.wire == wireFixed32 {
		if len(to) >= maxList {
			return nil, fmt.Errorf("a list has more than %d numbers", maxList)
		}
		return append(to, float64(math.Float32frombits(uint32(f.n)))), nil
	}
	if err := f.want(wireBytes); err != nil {
		return nil, err
	}
	if len(f.b)%4 != 0 || len(f.b)/4+len(to) > maxList {
		return nil, fmt.Errorf("a list of %d bytes is no list of floats, or has more than %d", len(f.b), maxList)
	}
	for m := (message{f.b}); len(m.rest) > 0; {
		b, _ := m.take(4)
		to = append(to, float64(math.Float32frombits(uint32(b[0])|uint32(b[1])<<8|uint32(b[2])<<16|uint32(b[3])<<24)))
	}
	return to, nil
}
