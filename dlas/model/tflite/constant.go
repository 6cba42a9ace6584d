package tflite

import (
	"encoding/binary"
	"fmt"
	"slices"
	"unsafe"

	"github.com/godlas/godlas/dlas/ir"
)

// known is the name of a tensor's numbers, and the order of axes that a constant's were read in.
type known struct {
	name string
	perm []int
}

// constant is the name of a constant's numbers, with its axes turned by perm (nil: as they are).
func (r *reader) constant(i int, perm []int) (string, error) {
	t := r.all[i]
	if k, ok := r.real[t]; ok {
		if !slices.Equal(k.perm, perm) {
			return "", fmt.Errorf("the constant %q is read in two orders of its axes: unsupported", t.name)
		}
		return k.name, nil
	}
	w, err := r.elements(i, perm)
	if err != nil {
		return "", err
	}
	name := t.name
	r.g.Weights[name] = w
	if t.quantised() {
		axis := t.axis
		for to, from := range perm {
			if from == t.axis {
				axis = to
			}
		}
		q, attrs, err := r.quantParams(t, axis)
		if err != nil {
			return "", err
		}
		name = r.add("DequantizeLinear", t.name+"_real", attrs, append([]string{name}, q...)...)
	} else if t.typ == ir.F16 {
		name = r.add("Cast", t.name+"_real", ir.Attrs{"to": 1}, name)
	}
	r.real[t] = known{name, perm}
	return name, nil
}

// elements are a constant's elements with its axes turned.
func (r *reader) elements(i int, perm []int) (*ir.Tensor, error) {
	t := r.all[i]
	shape := make(ir.Shape, len(t.shape))
	copy(shape, t.shape)
	data := t.data
	if perm != nil && !trivial(t.shape, perm) {
		// Turned in the file's own bytes, which nobody else reads then.
		if r.users[t.buffer] > 1 || r.turned[t.buffer] {
			if err := r.spend(int64(len(data))); err != nil {
				return nil, err
			}
			data = append([]byte(nil), data...)
		} else {
			r.turned[t.buffer] = true
		}
		if cap(r.scratch) < len(data) {
			if err := r.spend(int64(len(data) - cap(r.scratch))); err != nil {
				return nil, err
			}
			r.scratch = make([]byte, len(data))
		}
		turn(r.scratch[:len(data)], data, t.shape, perm, t.typ.Size())
		copy(data, r.scratch)
	}
	for to, from := range perm {
		shape[to] = t.shape[from]
	}
	x := &ir.Tensor{Shape: shape, Type: t.typ}
	switch t.typ {
	case ir.F32:
		x.Data = view[float32](data)
	case ir.F64:
		x.Data = view[float64](data)
	case ir.F16:
		x.Data = view[uint16](data)
	case ir.I8:
		x.Data = view[int8](data)
	case ir.U8:
		x.Data = data
	case ir.I16:
		x.Data = view[int16](data)
	case ir.I32:
		x.Data = view[int32](data)
	case ir.I64:
		x.Data = view[int64](data)
	default:
		return nil, fmt.Errorf("a constant of type %s is unsupported", t.typ)
	}
	return x, nil
}

// trivial reports whether turning the axes leaves the elements where they are: those that move past each other have
// one entry.
func trivial(shape, perm []int) bool {
	last := -1
	for _, from := range perm {
		if shape[from] == 1 {
			continue
		}
		if from < last {
			return false
		}
		last = from
	}
	return true
}

// turn writes src with its axes in the order perm to dst.
func turn(dst, src []byte, shape, perm []int, size int) {
	strides := make([]int, len(shape)) // of src, in bytes
	for i, s := len(shape)-1, size; i >= 0; i-- {
		strides[i] = s
		s *= shape[i]
	}
	index := make([]int, len(perm))
	from := 0
	for at := 0; at < len(dst); at += size {
		copy(dst[at:at+size], src[from:])
		for a := len(perm) - 1; a >= 0; a-- {
			index[a]++
			from += strides[perm[a]]
			if index[a] < shape[perm[a]] {
				break
			}
			from -= index[a] * strides[perm[a]]
			index[a] = 0
		}
	}
}

// view makes little-endian bytes numbers. The format aligns them; a file that does not is copied.
func view[T any](b []byte) []T {
	size := int(unsafe.Sizeof(*new(T)))
	n := len(b) / size
	if n == 0 {
		return []T{}
	}
	if binary.NativeEndian.Uint16([]byte{1, 0}) == 1 && uintptr(unsafe.Pointer(&b[0]))%uintptr(size) == 0 {
		return unsafe.Slice((*T)(unsafe.Pointer(&b[0])), n)
	}
	out := make([]T, n)
	if _, err := binary.Decode(b, binary.LittleEndian, out); err != nil {
		panic(err) // the lengths agree
	}
	return out
}
