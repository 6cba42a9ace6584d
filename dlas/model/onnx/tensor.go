package onnx

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"math/bits"
	"runtime"
	"unsafe"

	"github.com/godlas/godlas/dlas/ir"
)

const (
	maxAxes  = 16
	maxElems = 1 << 28 // of one tensor, as ir/op bounds any value
	// maxExtra bounds what reading allocates beyond the file: lists of numbers that are longer in memory than in the
	// file, tables of names, nodes.
	maxExtra = 40 << 20
)

// errExtra is that of a file whose content takes far more memory than the file.
var errExtra = errors.New("it takes far more memory than its file has bytes; save weights as raw_data")

// dataTypes are ONNX's TensorProto.DataType by number; those without an ir.Type are not computed with.
var dataTypes = [...]struct {
	typ  ir.Type
	name string
}{
	1: {ir.F32, "float"}, 2: {ir.U8, "uint8"}, 3: {ir.I8, "int8"}, 4: {ir.U16, "uint16"}, 5: {ir.I16, "int16"},
	6: {ir.I32, "int32"}, 7: {ir.I64, "int64"}, 8: {"", "string"}, 9: {ir.Bool, "bool"}, 10: {ir.F16, "float16"},
	11: {ir.F64, "double"}, 12: {ir.U32, "uint32"}, 13: {ir.U64, "uint64"}, 14: {"", "complex64"},
	15: {"", "complex128"}, 16: {ir.BF16, "bfloat16"}, 17: {"", "float8e4m3fn"}, 18: {"", "float8e4m3fnuz"},
	19: {"", "float8e5m2"}, 20: {"", "float8e5m2fnuz"}, 21: {"", "uint4"}, 22: {"", "int4"}, 23: {"", "float4e2m1"},
}

// TypeOf is the element type of an ONNX data type's number.
func TypeOf(number int64) (ir.Type, error) {
	if number < 1 || number >= int64(len(dataTypes)) {
		return "", fmt.Errorf("unknown data type %d", number)
	}
	d := dataTypes[number]
	if d.typ == "" {
		return "", fmt.Errorf("data type %s is unsupported", d.name)
	}
	return d.typ, nil
}

// numberOf is ONNX's number of an element type.
func numberOf(t ir.Type) int64 {
	for i, d := range dataTypes {
		if d.typ == t && t != "" {
			return int64(i)
		}
	}
	return 0
}

// extra counts what reading allocates beyond the file.
type extra struct{ left int64 }

func (e *extra) spend(bytes int64) error {
	if bytes > e.left {
		return errExtra
	}
	e.left -= bytes
	return nil
}

// ReadTensor decodes a TensorProto, as the files input_0.pb and output_0.pb of ONNX's test cases hold. Elements may be a
// view of raw, which must then stay as it is. External data is refused.
func ReadTensor(raw []byte) (name string, t *ir.Tensor, err error) {
	d := decoder{extra: extra{maxExtra}}
	name, t, err = d.tensor(raw)
	return name, t, err
}

// tensorProto is a TensorProto with its data as it lies in the file.
type tensorProto struct {
	name     string
	dims     []int64
	dataType int64
	raw      []byte
	hasRaw   bool
	packed   []field // of the typed lists: float_data, int32_data, int64_data, double_data, uint64_data
	strings  int
	external []property
	location int64
}

type property struct{ key, value string }

func (d *decoder) tensorProto(raw []byte) (*tensorProto, error) {
	p := &tensorProto{}
	err := each(raw, func(f field) error {
		switch f.num {
		case 1:
			var err error
			p.dims, err = f.varints(p.dims, maxAxes)
			return err
		case 2, 14:
			if err := f.want(wireVarint); err != nil {
				return err
			}
			if f.num == 2 {
				p.dataType = int64(f.n)
			} else {
				p.location = int64(f.n)
			}
		case 3:
			return errors.New("is stored in segments, which nothing writes")
		case 4, 5, 7, 10, 11:
			if len(p.packed) > 0 && p.packed[0].num != f.num {
				return errors.New("has its elements in two lists")
			}
			if len(p.packed) == cap(p.packed) {
				if err := d.spend(int64(2*cap(p.packed)+1) * int64(unsafe.Sizeof(f))); err != nil {
					return err
				}
			}
			p.packed = append(p.packed, f)
		case 6:
			p.strings++
		case 8, 9, 13:
			if err := f.want(wireBytes); err != nil {
				return err
			}
			switch f.num {
			case 8:
				p.name = string(f.b)
			case 9:
				p.raw, p.hasRaw = f.b, true
			default:
				kv, err := d.property(f.b)
				if err != nil {
					return err
				}
				p.external = append(p.external, kv)
			}
		}
		return nil
	})
	return p, err
}

// tensor decodes a TensorProto with its elements.
func (d *decoder) tensor(raw []byte) (string, *ir.Tensor, error) {
	p, err := d.tensorProto(raw)
	if err != nil {
		return "", nil, err
	}
	t, err := d.elements(p)
	if err != nil {
		return p.name, nil, fmt.Errorf("tensor %q: %w", p.name, err)
	}
	return p.name, t, nil
}

func (d *decoder) elements(p *tensorProto) (*ir.Tensor, error) {
	typ, err := TypeOf(p.dataType)
	if err != nil {
		return nil, err
	}
	if p.strings > 0 {
		return nil, errors.New("holds strings")
	}
	shape, err := shapeOf(p.dims)
	if err != nil {
		return nil, err
	}
	size := int64(shape.Elems()) * int64(typ.Size())
	if p.location == 1 {
		if p.raw, err = d.externalData(p.external, size); err != nil {
			return nil, err
		}
		p.hasRaw = true
	}
	if !p.hasRaw {
		return d.typed(p, typ, shape)
	}
	if int64(len(p.raw)) != size {
		return nil, fmt.Errorf("of shape %v and type %s takes %d bytes, and has %d", shape, typ, size, len(p.raw))
	}
	if len(p.packed) > 0 {
		return nil, errors.New("has its elements twice")
	}
	data, err := d.view(p.raw, typ)
	if err != nil {
		return nil, err
	}
	return &ir.Tensor{Shape: shape, Type: typ, Data: data}, nil
}

func shapeOf(dims []int64) (ir.Shape, error) {
	shape, elems := make(ir.Shape, len(dims)), int64(1)
	for i, v := range dims {
		if v < 0 || v > maxElems || v > 0 && elems > maxElems/v {
			return nil, fmt.Errorf("has the shape %v, which is negative or more than %d elements", dims, maxElems)
		}
		elems *= v
		shape[i] = int(v)
	}
	return shape, nil
}

// unaligned reports whether a slice of numbers may begin at any byte: the machines that run fastest load them so, and
// protocol buffers align nothing.
const unaligned = runtime.GOARCH == "amd64" || runtime.GOARCH == "arm64"

// view makes little-endian bytes the slice that a tensor of that type holds, without copying where the machine can.
func (d *decoder) view(raw []byte, typ ir.Type) (any, error) {
	switch typ {
	case ir.F32:
		return viewOf[float32](d, raw)
	case ir.F64:
		return viewOf[float64](d, raw)
	case ir.F16, ir.BF16, ir.U16:
		return viewOf[uint16](d, raw)
	case ir.I8:
		return viewOf[int8](d, raw)
	case ir.U8:
		return raw, nil
	case ir.I16:
		return viewOf[int16](d, raw)
	case ir.I32:
		return viewOf[int32](d, raw)
	case ir.U32:
		return viewOf[uint32](d, raw)
	case ir.I64:
		return viewOf[int64](d, raw)
	case ir.U64:
		return viewOf[uint64](d, raw)
	case ir.Bool: // copied: a byte that is neither 0 nor 1 would be no bool
		if err := d.spend(int64(len(raw))); err != nil {
			return nil, err
		}
		out := make([]bool, len(raw))
		for i, b := range raw {
			out[i] = b != 0
		}
		return out, nil
	}
	return nil, fmt.Errorf("type %s is unsupported", typ)
}

func viewOf[T any](d *decoder, raw []byte) ([]T, error) {
	size := int(unsafe.Sizeof(*new(T)))
	n := len(raw) / size
	if n == 0 {
		return []T{}, nil
	}
	little := binary.NativeEndian.Uint16([]byte{1, 0}) == 1
	if little && (unaligned || uintptr(unsafe.Pointer(&raw[0]))%uintptr(size) == 0) {
		return unsafe.Slice((*T)(unsafe.Pointer(&raw[0])), n), nil
	}
	if err := d.spend(int64(len(raw))); err != nil {
		return nil, err
	}
	out := make([]T, n)
	_, err := binary.Decode(raw, binary.LittleEndian, out)
	return out, err
}

// typed decodes the elements of one of the typed lists (TensorProto: which list belongs to which type).
func (d *decoder) typed(p *tensorProto, typ ir.Type, shape ir.Shape) (*ir.Tensor, error) {
	list := map[ir.Type]int{
		ir.F32: 4, ir.I32: 5, ir.I16: 5, ir.I8: 5, ir.U16: 5, ir.U8: 5, ir.Bool: 5, ir.F16: 5, ir.BF16: 5,
		ir.I64: 7, ir.F64: 10, ir.U32: 11, ir.U64: 11,
	}[typ]
	n := shape.Elems()
	have := 0
	for _, f := range p.packed {
		if f.num != list {
			return nil, fmt.Errorf("of type %s has its elements in the list of another type", typ)
		}
		switch f.wire {
		case wireBytes:
			have += countIn(f)
		default:
			have++
		}
	}
	if have != n {
		return nil, fmt.Errorf("of shape %v has %d elements", shape, have)
	}
	// A packed list of floats lies as raw_data does.
	if len(p.packed) == 1 && p.packed[0].wire == wireBytes && (typ == ir.F32 || typ == ir.F64) {
		data, err := d.view(p.packed[0].b, typ)
		return &ir.Tensor{Shape: shape, Type: typ, Data: data}, err
	}
	if err := d.spend(int64(n) * int64(typ.Size())); err != nil {
		return nil, err
	}
	t := &ir.Tensor{Shape: shape, Type: typ}
	var err error
	switch typ {
	case ir.F32:
		t.Data, err = listOf(p.packed, n, wireFixed32, func(v uint64) float32 { return math.Float32frombits(uint32(v)) })
	case ir.F64:
		t.Data, err = listOf(p.packed, n, wireFixed64, math.Float64frombits)
	case ir.F16, ir.BF16, ir.U16:
		t.Data, err = listOf(p.packed, n, wireVarint, func(v uint64) uint16 { return uint16(v) })
	case ir.I8:
		t.Data, err = listOf(p.packed, n, wireVarint, func(v uint64) int8 { return int8(v) })
	case ir.U8:
		t.Data, err = listOf(p.packed, n, wireVarint, func(v uint64) uint8 { return uint8(v) })
	case ir.I16:
		t.Data, err = listOf(p.packed, n, wireVarint, func(v uint64) int16 { return int16(v) })
	case ir.I32:
		t.Data, err = listOf(p.packed, n, wireVarint, func(v uint64) int32 { return int32(v) })
	case ir.U32:
		t.Data, err = listOf(p.packed, n, wireVarint, func(v uint64) uint32 { return uint32(v) })
	case ir.I64:
		t.Data, err = listOf(p.packed, n, wireVarint, func(v uint64) int64 { return int64(v) })
	case ir.U64:
		t.Data, err = listOf(p.packed, n, wireVarint, func(v uint64) uint64 { return v })
	case ir.Bool:
		t.Data, err = listOf(p.packed, n, wireVarint, func(v uint64) bool { return v != 0 })
	}
	return t, err
}

// countIn is the number of elements in a packed list.
func countIn(f field) int {
	switch f.num {
	case 4:
		return len(f.b) / 4
	case 10:
		return len(f.b) / 8
	}
	n := 0 // a varint ends with the byte whose top bit is clear
	for ; len(f.b) >= 8; f.b = f.b[8:] {
		n += bits.OnesCount64(^binary.LittleEndian.Uint64(f.b) & 0x8080808080808080)
	}
	for _, b := range f.b {
		if b < 0x80 {
			n++
		}
	}
	return n
}

// listOf decodes n elements of packed and single fields.
func listOf[T any](fields []field, n, wire int, of func(uint64) T) ([]T, error) {
	out := make([]T, 0, n)
	for _, f := range fields {
		if f.wire == wire {
			out = append(out, of(f.n))
			continue
		}
		if err := f.want(wireBytes); err != nil {
			return nil, err
		}
		for m := (message{f.b}); len(m.rest) > 0; {
			var v uint64
			var err error
			switch wire {
			case wireVarint:
				v, err = m.varint()
			case wireFixed32:
				var b []byte
				if b, err = m.take(4); err == nil {
					v = uint64(binary.LittleEndian.Uint32(b))
				}
			default:
				var b []byte
				if b, err = m.take(8); err == nil {
					v = binary.LittleEndian.Uint64(b)
				}
			}
			if err != nil {
				return nil, err
			}
			if len(out) == n {
				return nil, fmt.Errorf("has more than %d elements", n)
			}
			out = append(out, of(v))
		}
	}
	if len(out) != n {
		return nil, fmt.Errorf("has %d elements, and its shape %d", len(out), n)
	}
	return out, nil
}
