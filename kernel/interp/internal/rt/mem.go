package rt

import (
	"reflect"
	"sync"
	"unsafe"
)

//go:linkname unsafeNew reflect.unsafe_New
func unsafeNew(typ unsafe.Pointer) unsafe.Pointer

//go:linkname unsafeNewArray reflect.unsafe_NewArray
func unsafeNewArray(typ unsafe.Pointer, n int) unsafe.Pointer

//go:linkname typedmemmove reflect.typedmemmove
//go:noescape
func typedmemmove(typ, dst, src unsafe.Pointer)

//go:linkname mapaccess2 runtime.mapaccess2
//go:noescape
func mapaccess2(typ, m, key unsafe.Pointer) (unsafe.Pointer, bool)

//go:linkname mapassign runtime.mapassign
func mapassign(typ, m, key unsafe.Pointer) unsafe.Pointer

//go:linkname mapdelete runtime.mapdelete
func mapdelete(typ, m, key unsafe.Pointer)

// Type is a run-time type descriptor, the first word of an interface value.
type Type unsafe.Pointer

// Of returns the descriptor of a reflected type.
func Of(t reflect.Type) Type { return Type((*[2]unsafe.Pointer)(unsafe.Pointer(&t))[1]) }

// Reflect is the inverse of Of.
func Reflect(t Type) reflect.Type {
	r := reflect.TypeFor[int]()
	(*[2]unsafe.Pointer)(unsafe.Pointer(&r))[1] = unsafe.Pointer(t)
	return r
}

// New returns zeroed memory for one value of type t.
func New(t Type) unsafe.Pointer { return unsafeNew(unsafe.Pointer(t)) }

// NewArray returns zeroed memory for n values of type t.
func NewArray(t Type, n int) unsafe.Pointer { return unsafeNewArray(unsafe.Pointer(t), n) }

// Move copies the value at src to dst, with the write barriers of its type.
func Move(t Type, dst, src unsafe.Pointer) { typedmemmove(unsafe.Pointer(t), dst, src) }

// MapGet returns the address of the element under the key at key, or of a zero
// value, and whether the key is there. m may be nil.
func MapGet(t Type, m, key unsafe.Pointer) (unsafe.Pointer, bool) {
	return mapaccess2(unsafe.Pointer(t), m, key)
}

// MapSet returns the address of the element under the key, made if need be.
func MapSet(t Type, m, key unsafe.Pointer) unsafe.Pointer {
	return mapassign(unsafe.Pointer(t), m, key)
}

// MapDelete removes a key.
func MapDelete(t Type, m, key unsafe.Pointer) { mapdelete(unsafe.Pointer(t), m, key) }

// Direct reports whether an interface holds a value of t in its data word.
func Direct(t Type) bool { return (*rtype)(t).TFlag&tflagDirect != 0 }

// HasPointers reports whether values of t hold pointers.
func HasPointers(t Type) bool { return (*rtype)(t).PtrBytes != 0 }

// Equal returns the comparison of two values of t in memory, nil if they cannot
// be compared.
func Equal(t Type) func(p, q unsafe.Pointer) bool { return (*rtype)(t).Equal }

// Pointers appends the offsets of the pointer words of t, shifted by base.
func Pointers(t Type, base uintptr, to []uintptr) []uintptr {
	return pointers(Reflect(t), base, to)
}

func pointers(t reflect.Type, base uintptr, to []uintptr) []uintptr {
	switch t.Kind() {
	case reflect.Pointer, reflect.UnsafePointer, reflect.Map, reflect.Chan, reflect.Func, reflect.String, reflect.Slice:
		return append(to, base)
	case reflect.Interface:
		return append(to, base, base+wordSize)
	case reflect.Array:
		if HasPointers(Of(t.Elem())) {
			for i := range t.Len() {
				to = pointers(t.Elem(), base+uintptr(i)*t.Elem().Size(), to)
			}
		}
	case reflect.Struct:
		for i := range t.NumField() {
			f := t.Field(i)
			to = pointers(f.Type, base+f.Offset, to)
		}
	}
	return to
}

const wordSize = unsafe.Sizeof(uintptr(0))

// layouts are the types that Layout made, by what they are.
var layouts sync.Map // layoutKey -> Type

type layoutKey struct {
	size uintptr
	mask string
}

// Layout makes a type that is only memory: size bytes with pointers at the given
// offsets. It has no name, no operations, and lives for ever; the same type is
// returned for the same memory.
func Layout(size uintptr, ptrs []uintptr) Type {
	if size == 0 {
		size = wordSize
	}
	size = (size + wordSize - 1) &^ (wordSize - 1)
	var end uintptr
	for _, p := range ptrs {
		end = max(end, p+wordSize)
	}
	// the allocator reads the mask by whole words
	mask := make([]uint64, end/wordSize/64+1)
	bytes := unsafe.Slice((*byte)(unsafe.Pointer(&mask[0])), len(mask)*8)
	for _, p := range ptrs {
		bytes[p/wordSize/8] |= 1 << (p / wordSize % 8)
	}
	key := layoutKey{size, string(bytes)}
	if t, ok := layouts.Load(key); ok {
		return t.(Type)
	}
	t := &rtype{
		Size: size, PtrBytes: end, Align: uint8(wordSize), FieldAlign: uint8(wordSize),
		Kind: uint8(reflect.Struct), GCData: &bytes[0],
	}
	keep(t, mask)
	layouts.Store(key, Type(unsafe.Pointer(t)))
	return Type(unsafe.Pointer(t))
}

// kept holds what only type descriptors point to: the collector does not follow
// pointers out of the memory that it takes for a type of the binary.
var (
	keptMu sync.Mutex
	kept   []any
)

func keep(x ...any) {
	keptMu.Lock()
	kept = append(kept, x...)
	keptMu.Unlock()
}
