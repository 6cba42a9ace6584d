package onnx

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"maps"
	"math"
	"slices"
	"strings"
	"unsafe"

	"github.com/godlas/godlas/dlas/ir"
	"github.com/godlas/godlas/dlas/ir/op"
)

// moved is an attribute that an opset made an input: its position, and the first opset that has it so where that is
// after writtenOpset.
type moved struct {
	attr         string
	input, since int
}

// movedOf are those of an operator, in the order of their inputs.
func movedOf(name string) []moved {
	row, _ := op.Lookup(name)
	since := 0
	if strings.HasPrefix(name, "Reduce") && name != "ReduceSum" {
		since = 18
	}
	var list []moved
	for _, input := range slices.Sorted(maps.Keys(row.Params)) {
		list = append(list, moved{row.Params[input], input, since})
	}
	return list
}

// newer reports whether a node has a definition only in opsets after 17.
func newer(n *ir.Node) bool {
	switch n.Op {
	case "Mish", "GroupNormalization", "BitwiseAnd", "BitwiseOr", "BitwiseNot", "BitwiseXor", "CenterCropPad", "Col2Im",
		"Gelu", "RMSNormalization", "RotaryEmbedding", "Attention", "Swish":
		return true
	case "Pad":
		if _, ok := n.Attrs["axes"]; ok || n.Attrs.Str("mode", "") == "wrap" {
			return true
		}
	case "Split":
		_, ok := n.Attrs["num_outputs"]
		return ok
	case "Resize":
		for _, a := range []string{"antialias", "axes", "keep_aspect_ratio_policy"} {
			if _, ok := n.Attrs[a]; ok {
				return true
			}
		}
	case "QuantizeLinear", "DequantizeLinear":
		for _, a := range []string{"block_size", "output_dtype", "precision"} {
			if _, ok := n.Attrs[a]; ok {
				return true
			}
		}
	case "AveragePool":
		_, ok := n.Attrs["dilations"]
		return ok
	}
	return strings.HasPrefix(n.Op, "Reduce") && n.Op != "ReduceSum" && len(n.In) > 1
}

// ofMicrosoft are the operators of ONNX Runtime's own domain.
var ofMicrosoft = []string{"QLinearAdd", "QLinearMul", "QLinearConcat", "QLinearGlobalAveragePool", "QLinearAveragePool", "QLinearSigmoid", "QLinearLeakyRelu", "QLinearSoftmax", "QGemm"}

// node writes one node by the definition of the file's opset.
func (s *writer) node(to *encoder, n *ir.Node, types map[string]op.Operand) error {
	attrs := maps.Clone(n.Attrs)
	in := slices.Clone(n.In)
	switch n.Op {
	case "Conv":
		if _, fused := attrs["act"]; fused || len(in) > 3 {
			return errors.New("has been fused with its neighbours, which ONNX has no operator for")
		}
	case "QuantizeLinear":
		delete(attrs, "fixed") // ONNX rounds as it does
		delete(attrs, "xnnpack")
	case "Clip":
		// A node without bounds gives both as inputs left out.
		for _, bound := range []string{"min", "max"} {
			if v, ok := attrs[bound].(float64); ok && math.IsInf(v, 0) {
				delete(attrs, bound)
			}
		}
	}
	for _, m := range movedOf(n.Op) {
		v, ok := attrs[m.attr]
		if !ok || s.opset < m.since || len(in) > m.input && in[m.input] != "" {
			continue
		}
		typ := ir.F32
		if o, ok := types[n.In[0]]; ok && n.Op != "Dropout" {
			typ = o.Type
		}
		t, err := asTensor(v, typ)
		if err != nil {
			return fmt.Errorf("has an attribute %q that cannot become an input: %w", m.attr, err)
		}
		for len(in) <= m.input {
			in = append(in, "")
		}
		in[m.input] = s.constant(n.Name+"."+m.attr, t)
		delete(attrs, m.attr)
	}
	// Beside f32 values ONNX wants f32 weights: those stored in halves are cast, which runtimes do when they load the file.
	for i, name := range in {
		w := s.g.Weights[name]
		if i == 0 || n.Op == "Cast" || w == nil || w.Type != ir.F16 && w.Type != ir.BF16 || types[in[0]].Type != ir.F32 {
			continue
		}
		if s.wide[name] == "" {
			s.wide[name] = s.free(name + ".f32")
			to.message(1, func(e *encoder) {
				e.string(1, name)
				e.string(2, s.wide[name])
				e.string(3, s.wide[name])
				e.string(4, "Cast")
				e.message(5, func(e *encoder) { _ = writeAttr(e, "to", int(numberOf(ir.F32))) })
			})
		}
		in[i] = s.wide[name]
	}
	domain := ""
	if slices.Contains(ofMicrosoft, n.Op) {
		domain, s.microsoft = "com.microsoft", true
	} else if i := strings.LastIndexByte(n.Op, '.'); i >= 0 {
		return errors.New("is of a domain of its own")
	}
	var failed error
	to.message(1, func(e *encoder) {
		for _, name := range in {
			e.string(1, name)
		}
		for _, name := range n.Out {
			e.string(2, name)
		}
		e.string(3, n.Name)
		e.string(4, n.Op)
		for _, name := range slices.Sorted(maps.Keys(attrs)) {
			e.message(5, func(e *encoder) {
				if err := writeAttr(e, name, attrs[name]); err != nil {
					failed = err
				}
			})
		}
		e.text(7, domain)
	})
	return failed
}

// constant adds a tensor to the file's weights and returns its name, which is the wanted one or near it.
func (s *writer) constant(name string, t *ir.Tensor) string {
	name = s.free(name)
	s.added[name] = t
	return name
}

// free is a name that no value has yet, the wanted one or near it.
func (s *writer) free(name string) string {
	for s.used[name] {
		name += "_"
	}
	s.used[name] = true
	return name
}

// asTensor is an attribute as the input that took its place: lists are int64, numbers of the node's own type.
func asTensor(v any, typ ir.Type) (*ir.Tensor, error) {
	switch v := v.(type) {
	case int:
		return &ir.Tensor{Type: ir.I64, Shape: ir.Shape{1}, Data: []int64{int64(v)}}, nil
	case []int:
		data := make([]int64, len(v))
		for i, x := range v {
			data[i] = int64(x)
		}
		return &ir.Tensor{Type: ir.I64, Shape: ir.Shape{len(data)}, Data: data}, nil
	case []float64:
		return op.Array{Type: ir.F32, Shape: ir.Shape{len(v)}, Data: v}.Tensor(), nil
	case float64:
		return op.Array{Type: typ, Shape: ir.Shape{}, Data: []float64{v}}.Tensor(), nil
	case *ir.Tensor:
		return v, nil
	}
	return nil, fmt.Errorf("it is a %T", v)
}

func writeAttr(e *encoder, name string, v any) error {
	e.string(1, name)
	switch v := v.(type) {
	case float64:
		e.float(2, float32(v))
		e.int(20, attrFloat)
	case int:
		e.int(3, int64(v))
		e.int(20, attrInt)
	case string:
		e.string(4, v)
		e.int(20, attrString)
	case *ir.Tensor:
		var t encoder
		t.b = append(t.b, tensorHead("", v)...)
		var buf sliceWriter
		if err := writeElements(&buf, v); err != nil {
			return err
		}
		e.bytes(5, append(t.b, buf...))
		e.int(20, attrTensor)
	case []float64:
		for _, x := range v {
			e.float(7, float32(x))
		}
		e.int(20, attrFloats)
	case []int:
		for _, x := range v {
			e.int(8, int64(x))
		}
		e.int(20, attrInts)
	case []string:
		for _, x := range v {
			e.string(9, x)
		}
		e.int(20, attrStrings)
	default:
		return fmt.Errorf("has an attribute %q of type %T", name, v)
	}
	return nil
}

// writeValue writes the ValueInfoProto of an input or output. one and two are what it is for batches of 1 and 2; the
// axis that differs is free.
func writeValue(e *encoder, name string, one, two op.Operand) {
	e.string(1, name)
	e.message(2, func(e *encoder) {
		e.message(1, func(e *encoder) {
			e.int(1, numberOf(one.Type))
			e.message(2, func(e *encoder) {
				for i, d := range one.Shape {
					e.message(1, func(e *encoder) {
						if i == 0 && d == 1 && len(two.Shape) > 0 && two.Shape[0] == 2 {
							e.string(2, "N")
						} else {
							e.int(1, int64(d))
						}
					})
				}
			})
		})
	})
}

// tensorHead is a TensorProto up to its elements, which are the last field: its key and length are there.
func tensorHead(name string, t *ir.Tensor) []byte {
	var e encoder
	for _, d := range t.Shape {
		e.int(1, int64(d))
	}
	e.int(2, numberOf(t.Type))
	e.text(8, name)
	e.key(9, wireBytes)
	return binary.AppendUvarint(e.b, uint64(t.Bytes()))
}

type sliceWriter []byte

func (s *sliceWriter) Write(b []byte) (int, error) {
	*s = append(*s, b...)
	return len(b), nil
}

// writeElements writes the elements as raw_data has them: little-endian.
func writeElements(w io.Writer, t *ir.Tensor) error {
	switch d := t.Data.(type) {
	case []float32:
		return writeSlice(w, d)
	case []float64:
		return writeSlice(w, d)
	case []uint16:
		return writeSlice(w, d)
	case []int16:
		return writeSlice(w, d)
	case []int8:
		return writeSlice(w, d)
	case []uint8:
		return writeSlice(w, d)
	case []int32:
		return writeSlice(w, d)
	case []uint32:
		return writeSlice(w, d)
	case []int64:
		return writeSlice(w, d)
	case []uint64:
		return writeSlice(w, d)
	case []bool:
		return writeSlice(w, d)
	}
	return fmt.Errorf("a tensor of type %s cannot be written", t.Type)
}

func writeSlice[T any](w io.Writer, d []T) error {
	if len(d) == 0 {
		return nil
	}
	if binary.NativeEndian.Uint16([]byte{1, 0}) != 1 {
		return binary.Write(w, binary.LittleEndian, d)
	}
	_, err := w.Write(unsafe.Slice((*byte)(unsafe.Pointer(&d[0])), len(d)*int(unsafe.Sizeof(d[0]))))
	return err
}
