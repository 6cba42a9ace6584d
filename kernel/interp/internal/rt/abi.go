package rt

import (
	"reflect"
	"sync"
	"unicode"
	"unicode/utf8"
	"unsafe"
)

//go:linkname addReflectOff reflect.addReflectOff
func addReflectOff(ptr unsafe.Pointer) int32

// The types below mirror internal/abi of Go 1.24 to 1.26.

type rtype struct {
	Size       uintptr
	PtrBytes   uintptr
	Hash       uint32
	TFlag      uint8
	Align      uint8
	FieldAlign uint8
	Kind       uint8
	Equal      func(unsafe.Pointer, unsafe.Pointer) bool
	GCData     *byte
	Str        int32
	PtrToThis  int32
}

const (
	tflagUncommon  = 1 << 0
	tflagExtraStar = 1 << 1
	tflagNamed     = 1 << 2
	tflagDirect    = 1 << 5
)

type uncommon struct {
	PkgPath        int32
	Mcount, Xcount uint16
	Moff           uint32
	_              uint32
}

type method struct{ Name, Mtyp, Ifn, Tfn int32 }

type structField struct {
	Name *byte
	Typ  *rtype
	Off  uintptr
}

type structType struct {
	rtype
	PkgPath *byte
	Fields  []structField
}

type ptrType struct {
	rtype
	Elem *rtype
}

type arrayType struct {
	rtype
	Elem, Slice *rtype
	Len         uintptr
}

type chanType struct {
	rtype
	Elem *rtype
	Dir  int
}

type funcType struct {
	rtype
	InCount, OutCount uint16
}

type interfaceType struct {
	rtype
	PkgPath *byte
	Methods []imethod
}

type imethod struct{ Name, Typ int32 }

type mapType struct {
	rtype
	Key, Elem, Group             *rtype
	Hasher                       func(unsafe.Pointer, uintptr) uintptr
	GroupSize, SlotSize, ElemOff uintptr
	Flags                        uint32
}

// descriptorSize is the size of the descriptor of a kind, without methods.
func descriptorSize(k reflect.Kind) uintptr {
	switch k {
	case reflect.Struct:
		return unsafe.Sizeof(structType{})
	case reflect.Pointer, reflect.Slice:
		return unsafe.Sizeof(ptrType{})
	case reflect.Array:
		return unsafe.Sizeof(arrayType{})
	case reflect.Chan:
		return unsafe.Sizeof(chanType{})
	case reflect.Map:
		return unsafe.Sizeof(mapType{})
	case reflect.Interface:
		return unsafe.Sizeof(interfaceType{})
	case reflect.Func:
		return unsafe.Sizeof(funcType{})
	}
	return unsafe.Sizeof(rtype{})
}

// newName encodes a name as the compiler does. pkgPath is that of a method that is
// not exported and may be of another package than its type.
func newName(s, tag, pkgPath string, embedded bool) *byte {
	var flags byte
	if exported(s) {
		flags |= 1
	}
	if tag != "" {
		flags |= 2
	}
	if pkgPath != "" {
		flags |= 4
	}
	if embedded {
		flags |= 8
	}
	b := appendCounted([]byte{flags}, s)
	if tag != "" {
		b = appendCounted(b, tag)
	}
	if pkgPath != "" {
		off := nameOff(pkgPath, "")
		b = append(b, (*[4]byte)(unsafe.Pointer(&off))[:]...)
	}
	keep(b)
	return &b[0]
}

// nameOffs has the names that many types share.
var nameOffs sync.Map // [2]string -> int32

// nameOff returns the offset of a name without a tag.
func nameOff(s, pkgPath string) int32 {
	k := [2]string{s, pkgPath}
	if off, ok := nameOffs.Load(k); ok {
		return off.(int32)
	}
	off, _ := nameOffs.LoadOrStore(k, addReflectOff(unsafe.Pointer(newName(s, "", pkgPath, false))))
	return off.(int32)
}

func exported(s string) bool {
	r, _ := utf8.DecodeRuneInString(s)
	return unicode.IsUpper(r)
}

func appendCounted(b []byte, s string) []byte {
	n := len(s)
	for ; n >= 0x80; n >>= 7 {
		b = append(b, byte(n)|0x80)
	}
	return append(append(b, byte(n)), s...)
}

func ptrOf(t reflect.Type) *rtype { return (*rtype)(Of(t)) }
