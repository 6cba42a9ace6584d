package packed

import (
	"encoding/binary"
	"errors"
	"fmt"
	"maps"
	"slices"
	"unsafe"

	"github.com/godlas/godlas/dlas/ir"
)

// Stored is the form in which a file holds a tensor, in words, and how many bytes that is.
func Stored(t *ir.Tensor) (encoding string, bytes int64) {
	e := encodingOf(t)
	return e.text(t.Type), e.bytes(t.Shape.Elems(), t.Type.Size())
}

// Sum is the bytes of all tensors in such forms, and how many of them are in which.
func Sum(weights map[string]*ir.Tensor) (total int64, by map[string]int64) {
	tensors := slices.Collect(maps.Values(weights))
	texts, sizes := make([]string, len(tensors)), make([]int64, len(tensors))
	_ = each(len(tensors), func(i int) error {
		texts[i], sizes[i] = Stored(tensors[i])
		return nil
	})
	by = map[string]int64{}
	for i, n := range sizes {
		total += n
		by[texts[i]] += n
	}
	return total, by
}

func encodingOf(t *ir.Tensor) Encoding {
	m := t.Memory()
	switch t.Type.Size() {
	case 1:
		return choose(m.U8(), t.Shape, t.Type)
	case 2:
		return choose(m.U16(), t.Shape, t.Type)
	case 8:
		return choose(m.U64(), t.Shape, t.Type)
	}
	return choose(m.U32(), t.Shape, t.Type)
}

// payload is what a file holds of a tensor: its palette, its elements, its codes. Elements that are stored as they are
// are not copied where the machine has them as files do.
func payload(t *ir.Tensor, e Encoding) []byte {
	m := t.Memory()
	switch t.Type.Size() {
	case 1:
		return pack(m.U8(), t.Shape, e)
	case 2:
		return pack(m.U16(), t.Shape, e)
	case 8:
		return pack(m.U64(), t.Shape, e)
	}
	return pack(m.U32(), t.Shape, e)
}

// restore is the inverse of payload. Whatever the bytes are, it ends in a tensor or in an error. The payload must have
// the size that the encoding says.
func restore(t *ir.Tensor, e Encoding, raw []byte) error {
	n, rows := t.Shape.Elems(), 1
	if len(t.Shape) > 0 {
		rows = t.Shape[0]
	}
	var err error
	switch t.Type.Size() {
	case 1:
		var d []uint8
		if d, err = unpack[uint8](raw, n, rows, e); err == nil {
			err = setData(t, ir.MemoryOf(d))
		}
	case 2:
		var d []uint16
		if d, err = unpack[uint16](raw, n, rows, e); err == nil {
			err = setData(t, ir.MemoryOf(d))
		}
	case 8:
		var d []uint64
		if d, err = unpack[uint64](raw, n, rows, e); err == nil {
			err = setData(t, ir.MemoryOf(d))
		}
	default:
		var d []uint32
		if d, err = unpack[uint32](raw, n, rows, e); err == nil {
			err = setData(t, ir.MemoryOf(d))
		}
	}
	return err
}

// setData gives a tensor its elements in the Go type of its own.
func setData(t *ir.Tensor, m ir.Memory) error {
	switch t.Type {
	case ir.F32:
		t.Data = some(m.F32())
	case ir.F64:
		t.Data = some(m.F64())
	case ir.F16, ir.BF16, ir.U16:
		t.Data = some(m.U16())
	case ir.I8:
		t.Data = some(m.I8())
	case ir.U8:
		t.Data = some(m.U8())
	case ir.I16:
		t.Data = some(m.I16())
	case ir.I32:
		t.Data = some(m.I32())
	case ir.U32:
		t.Data = some(m.U32())
	case ir.I64:
		t.Data = some(m.I64())
	case ir.U64:
		t.Data = some(m.U64())
	case ir.Bool:
		for _, b := range m {
			if b > 1 {
				return fmt.Errorf("holds %d, which is no truth value", b)
			}
		}
		t.Data = some(m.Bool())
	default:
		return fmt.Errorf("has the type %q", t.Type)
	}
	return nil
}

func some[T any](v []T) []T {
	if v == nil {
		return []T{}
	}
	return v
}

// pack writes the elements of a tensor.
func pack[T word](data []T, shape ir.Shape, e Encoding) []byte {
	kept := data
	var codes bitWriter
	if e.Rows > 0 {
		rows := shape[0]
		kept, codes = gather(data, rows, len(data)/rows, e)
	}
	var one T
	size := int(unsafe.Sizeof(one))
	if e == (Encoding{}) {
		return asBytes(data)
	}
	out := make([]byte, 0, e.bytes(len(data), size))
	var places []byte
	if e.Palette > 0 {
		kept, places = indexed(kept, e)
	}
	switch e.Half {
	case ir.F16:
		for _, v := range kept {
			h, _ := narrow(uint32(v))
			out = binary.LittleEndian.AppendUint16(out, h)
		}
	case ir.BF16:
		for _, v := range kept {
			out = binary.LittleEndian.AppendUint16(out, uint16(uint32(v)>>16))
		}
	default:
		out = append(out, asBytes(kept)...)
	}
	out = append(out, places...)
	return append(out, codes.end()...)
}

// indexed are the different elements, or runs of them, and the place of each among them.
func indexed[T word](data []T, e Encoding) (table []T, places []byte) {
	var w bitWriter
	width := uint(e.indexBits())
	if d := e.Vector; d > 1 {
		set := newRunSet[T](d)
		for at := 0; at < len(data); at += d {
			i, _ := set.place(data[at : at+d])
			w.put(uint32(i), width)
		}
		return set.words, w.end()
	}
	set := newSet[T]()
	for _, v := range data {
		i, _ := set.place(v)
		w.put(uint32(i), width)
	}
	return set.words, w.end()
}

// gather takes the columns that are stored, in order, and the codes of those that are left out between them.
func gather[T word](data []T, rows, cols int, e Encoding) ([]T, bitWriter) {
	kept := make([]T, 0, e.Stored)
	codes := bitWriter{b: make([]byte, 0, (e.Codes*e.Skip+7)/8)}
	most, run := 1<<e.Skip-1, 0
	for at := 0; at < rows; at += e.Rows {
		end := min(rows, at+e.Rows)
		for j := range cols {
			any := T(0)
			for i := at; i < end; i++ {
				any |= data[i*cols+j]
			}
			if any == 0 {
				run++
				continue
			}
			for ; run >= most; run -= most {
				codes.put(uint32(most), uint(e.Skip))
			}
			codes.put(uint32(run), uint(e.Skip))
			run = 0
			for i := at; i < end; i++ {
				kept = append(kept, data[i*cols+j])
			}
		}
	}
	return kept, codes
}

// unpack is the inverse of pack, for a payload of the size that the encoding says.
func unpack[T word](raw []byte, n, rows int, e Encoding) ([]T, error) {
	var one T
	size := int(unsafe.Sizeof(one))
	table, values, _ := e.sizes(n, size)
	if int64(len(raw)) != e.bytes(n, size) {
		return nil, fmt.Errorf("lies in %d bytes, and takes %d", len(raw), e.bytes(n, size))
	}
	words, stored, codes := raw[:table], raw[table:table+values], raw[table+values:]
	if e.Palette == 0 {
		words = stored
	}
	var kept []T
	switch e.Half {
	case ir.F16:
		kept = make([]T, len(words)/2)
		for i := range kept {
			kept[i] = T(widen(binary.LittleEndian.Uint16(words[2*i:])))
		}
	case ir.BF16:
		kept = make([]T, len(words)/2)
		for i := range kept {
			kept[i] = T(uint64(binary.LittleEndian.Uint16(words[2*i:])) << 16)
		}
	default:
		kept = ofBytes[T](words)
	}
	if e.Palette > 0 {
		var err error
		if kept, err = looked(kept, stored, e.stored(n), e); err != nil {
			return nil, err
		}
	}
	if e.Rows == 0 {
		return kept, nil
	}
	return scatter(kept, codes, n, rows, e)
}

// looked is the inverse of indexed, of n elements.
func looked[T word](table []T, places []byte, n int, e Encoding) ([]T, error) {
	d := max(1, e.Vector)
	m := ir.NewMemory(n * int(unsafe.Sizeof(*new(T))))
	out := wordsOf[T](m)
	r, width := bitReader{b: places}, uint(e.indexBits())
	for at := 0; at+d <= len(out); at += d {
		k := int(r.next(width))
		if k >= e.Palette {
			return nil, fmt.Errorf("names element %d of a palette of %d", k, e.Palette)
		}
		if d == 1 {
			out[at] = table[k]
		} else {
			copy(out[at:at+d], table[k*d:])
		}
	}
	if !r.ended() {
		return nil, errPadded
	}
	return out, nil
}

var errPadded = errors.New("has bits set after its last")

// scatter puts the columns that are stored to their places among zeros.
func scatter[T word](kept []T, raw []byte, n, rows int, e Encoding) ([]T, error) {
	cols := n / rows
	data := ir.NewMemory(n * int(unsafe.Sizeof(*new(T))))
	out := wordsOf[T](data)
	r, most := bitReader{b: raw}, 1<<e.Skip-1
	at, columns := 0, (rows+e.Rows-1)/e.Rows*cols // of the next column, of all groups one after the other
	for range e.Codes {
		code := int(r.next(uint(e.Skip)))
		if at += code; code == most {
			continue
		}
		if at >= columns {
			return nil, fmt.Errorf("stores column %d of %d", at, columns)
		}
		first := at / cols * e.Rows
		height := min(e.Rows, rows-first)
		if height > len(kept) {
			return nil, fmt.Errorf("has codes for more than its %d elements", e.Stored)
		}
		for i, v := range kept[:height] {
			out[(first+i)*cols+at%cols] = v
		}
		kept = kept[height:]
		at++
	}
	if len(kept) > 0 {
		return nil, fmt.Errorf("has %d elements without a place", len(kept))
	}
	if !r.ended() {
		return nil, errPadded
	}
	return out, nil
}

// wordsOf is memory as elements; it must begin where they may.
func wordsOf[T word](m ir.Memory) []T {
	size := int(unsafe.Sizeof(*new(T)))
	if len(m) < size {
		return nil
	}
	return unsafe.Slice((*T)(unsafe.Pointer(unsafe.SliceData(m))), len(m)/size)
}

var little = binary.NativeEndian.Uint16([]byte{1, 0}) == 1

// asBytes is elements as files have them: little-endian.
func asBytes[T word](v []T) []byte {
	m := ir.MemoryOf(v)
	if little || len(m) == len(v) {
		return m
	}
	return swapped[T](m)
}

// ofBytes is the inverse: a view where the bytes begin at a place for elements.
func ofBytes[T word](b []byte) []T {
	size := int(unsafe.Sizeof(*new(T)))
	if len(b) < size {
		return nil
	}
	if !little && size > 1 {
		return wordsOf[T](swapped[T](b))
	}
	if uintptr(unsafe.Pointer(unsafe.SliceData(b)))%uintptr(size) != 0 {
		m := ir.NewMemory(len(b))
		copy(m, b)
		return wordsOf[T](m)
	}
	return wordsOf[T](b)
}

func swapped[T word](b []byte) ir.Memory {
	size := int(unsafe.Sizeof(*new(T)))
	m := ir.NewMemory(len(b))
	for i := 0; i+size <= len(b); i += size {
		for k := range size {
			m[i+k] = b[i+size-1-k]
		}
	}
	return m
}

// bitWriter puts numbers of some bits one after the other, the lowest bits of a byte first.
type bitWriter struct {
	b    []byte
	acc  uint64
	have uint
}

func (w *bitWriter) put(v uint32, width uint) {
	w.acc |= uint64(v) << w.have
	for w.have += width; w.have >= 8; w.have -= 8 {
		w.b = append(w.b, byte(w.acc))
		w.acc >>= 8
	}
}

func (w *bitWriter) end() []byte {
	if w.have > 0 {
		w.b = append(w.b, byte(w.acc))
		w.acc, w.have = 0, 0
	}
	return w.b
}

// bitReader reads what a bitWriter wrote; who uses it knows how many there are.
type bitReader struct {
	b    []byte
	acc  uint64
	have uint
}

func (r *bitReader) next(width uint) uint32 {
	for r.have < width {
		if len(r.b) >= 4 {
			r.acc |= uint64(binary.LittleEndian.Uint32(r.b)) << r.have
			r.b, r.have = r.b[4:], r.have+32
			continue
		}
		r.acc |= uint64(r.b[0]) << r.have
		r.b, r.have = r.b[1:], r.have+8
	}
	v := uint32(r.acc & (1<<width - 1))
	r.acc >>= width
	r.have -= width
	return v
}

// ended reports whether all was read but for bits of 0 that fill the last byte.
func (r *bitReader) ended() bool { return len(r.b) == 0 && r.acc == 0 && r.have < 8 }
