package ir

import (
	"os"
	"unsafe"
)

// Memory is the memory of a value or a workspace: bytes, of which each kernel takes the view that its type demands. It
// begins at a multiple of 64 bytes (a value that lies inside another one, as a part of a concatenation, at a multiple of
// its element block). Views share the memory and allocate nothing.
type Memory []byte

// NewMemory allocates that many zeroed bytes at a multiple of 64, and asks for huge pages where they fill some: a walk
// through large arrays touches more pages than the processor remembers addresses of. It is garbage like all other.
func NewMemory(bytes int) Memory {
	if bytes == 0 {
		return nil
	}
	align := 64
	if bytes >= hugePage {
		align = hugePage
	}
	raw := make(Memory, bytes+align-1)
	skip := int(-uintptr(unsafe.Pointer(unsafe.SliceData(raw))) & uintptr(align-1))
	if align == hugePage {
		// Fresh memory has not been touched yet, so the pages come huge when they first are.
		end := min(len(raw), skip+(bytes+hugePage-1)&^(hugePage-1))
		adviseHuge(raw[skip : skip+(end-skip)&^(hugePage-1)])
	}
	return raw[skip : skip+bytes : skip+bytes]
}

const hugePage = 2 << 20

// MemoryOf is the memory of a slice of numbers, which is not copied.
func MemoryOf[T Number](v []T) Memory {
	if len(v) == 0 {
		return nil
	}
	return unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(v))), len(v)*int(unsafe.Sizeof(v[0])))
}

// Number is a Go type that elements are stored in.
type Number interface {
	~float32 | ~float64 | ~int8 | ~uint8 | ~int16 | ~uint16 | ~int32 | ~uint32 | ~int64 | ~uint64 | ~bool
}

func view[T Number](m Memory) []T {
	var one T
	size := int(unsafe.Sizeof(one))
	if len(m) < size {
		return nil
	}
	return unsafe.Slice((*T)(unsafe.Pointer(unsafe.SliceData(m))), len(m)/size)
}

// F32 is the memory as float32; nil for none.
func (m Memory) F32() []float32 { return view[float32](m) }

// F64 is the memory as float64.
func (m Memory) F64() []float64 { return view[float64](m) }

// I8 is the memory as int8.
func (m Memory) I8() []int8 { return view[int8](m) }

// U8 is the memory as uint8.
func (m Memory) U8() []uint8 { return m }

// I16 is the memory as int16.
func (m Memory) I16() []int16 { return view[int16](m) }

// U16 is the memory as uint16: F16 and BF16 are stored so, too.
func (m Memory) U16() []uint16 { return view[uint16](m) }

// I32 is the memory as int32.
func (m Memory) I32() []int32 { return view[int32](m) }

// U32 is the memory as uint32.
func (m Memory) U32() []uint32 { return view[uint32](m) }

// I64 is the memory as int64.
func (m Memory) I64() []int64 { return view[int64](m) }

// U64 is the memory as uint64.
func (m Memory) U64() []uint64 { return view[uint64](m) }

// Bool is the memory as bool; every byte of it must be 0 or 1.
func (m Memory) Bool() []bool { return view[bool](m) }

// Memory is the tensor's elements as memory, not copied; nil for a type that it does not know.
func (t *Tensor) Memory() Memory {
	switch d := t.Data.(type) {
	case []float32:
		return MemoryOf(d)
	case []float64:
		return MemoryOf(d)
	case []uint8:
		return MemoryOf(d)
	case []int8:
		return MemoryOf(d)
	case []uint16:
		return MemoryOf(d)
	case []int16:
		return MemoryOf(d)
	case []int32:
		return MemoryOf(d)
	case []uint32:
		return MemoryOf(d)
	case []int64:
		return MemoryOf(d)
	case []uint64:
		return MemoryOf(d)
	case []bool:
		return MemoryOf(d)
	}
	return nil
}

// Discard gives the whole pages of m back to the system: what they held is lost, and they hold zeros, or what they held
// before, when they are next read. For what is needed no more, but lies in one allocation with what still is.
func (m Memory) Discard() {
	page := uintptr(os.Getpagesize())
	at := uintptr(unsafe.Pointer(unsafe.SliceData(m)))
	from := -at & (page - 1)
	if to := (at+uintptr(len(m)))&^(page-1) - at; len(m) > int(page) && from < to {
		discard(m[from:to])
	}
}
