package compile

import (
	"go/types"
	"math/bits"
	"reflect"
	"unsafe"

	"github.com/godlas/godlas/kernel/interp/internal/rt"
)

var unsafePointerType = reflect.TypeFor[unsafe.Pointer]()

// copying says how a value in a frame is copied.
type copying uint8

const (
	copyTyped copying = iota // by the run time
	copyNone
	copy1
	copy2
	copy4
	copy8
	copyPointer
	copyString
	copySlice
	copyInterface
)

// layout is what a frame and memory need to know of a type.
type layout struct {
	t    types.Type
	rt   reflect.Type // in memory
	rtyp rt.Type      // of rt
	reg  reflect.Type // in a frame: rt, or any for all interfaces
	regt rt.Type
	how  copying
	// iface says that memory holds an interface with a method table.
	iface bool
	// isInterface says that the type is an interface.
	isInterface bool
}

// memory returns the layout of t. Mu is held.
func (m *Machine) memory(t types.Type) *layout {
	if l := m.layouts[t]; l != nil {
		return l
	}
	if l, ok := m.canon.At(t).(*layout); ok {
		m.layouts[t] = l
		return l
	}
	r := m.makeType(t)
	if l, ok := m.canon.At(t).(*layout); ok { // made on the way, being recursive
		m.layouts[t] = l
		return l
	}
	return m.remember(t, r)
}

func (m *Machine) remember(t types.Type, r reflect.Type) *layout {
	l := &layout{t: t, rt: r, rtyp: rt.Of(r), reg: r}
	if types.IsInterface(t) {
		l.isInterface = true
		l.reg = anyType
		l.iface = r.NumMethod() > 0
	}
	l.regt = rt.Of(l.reg)
	if m.named[r] != nil {
		l.how = howNamed(t.Underlying())
	} else {
		l.how = howCopied(l.reg)
	}
	m.layouts[t] = l
	m.canon.Set(t, l)
	return l
}

// howNamed is howCopied for a type that has no layout yet.
func howNamed(u types.Type) copying {
	switch u := u.(type) {
	case *types.Basic:
		return howCopied(basicTypes[u.Kind()])
	case *types.Pointer, *types.Map, *types.Chan, *types.Signature:
		return copyPointer
	case *types.Slice:
		return copySlice
	}
	return copyTyped
}

func howCopied(t reflect.Type) copying {
	switch t.Kind() {
	case reflect.Pointer, reflect.UnsafePointer, reflect.Map, reflect.Chan, reflect.Func:
		return copyPointer
	case reflect.String:
		return copyString
	case reflect.Slice:
		return copySlice
	case reflect.Interface:
		return copyInterface
	case reflect.Struct, reflect.Array:
		return copyTyped
	}
	switch t.Size() {
	case 1:
		return copy1
	case 2:
		return copy2
	case 4:
		return copy4
	case 8:
		return copy8
	}
	return copyTyped
}

// move copies between frames.
func (l *layout) move(dst, src unsafe.Pointer) {
	switch l.how {
	case copy8:
		*(*uint64)(dst) = *(*uint64)(src)
	case copyPointer:
		*(*unsafe.Pointer)(dst) = *(*unsafe.Pointer)(src)
	case copyString:
		*(*string)(dst) = *(*string)(src)
	case copySlice:
		*(*[]unsafe.Pointer)(dst) = *(*[]unsafe.Pointer)(src)
	case copyInterface:
		*(*any)(dst) = *(*any)(src)
	case copy1:
		*(*uint8)(dst) = *(*uint8)(src)
	case copy2:
		*(*uint16)(dst) = *(*uint16)(src)
	case copy4:
		*(*uint32)(dst) = *(*uint32)(src)
	default:
		rt.Move(l.regt, dst, src)
	}
}

// zero clears a value in a frame.
func (l *layout) zero(dst unsafe.Pointer) {
	switch l.how {
	case copy8:
		*(*uint64)(dst) = 0
	case copyPointer:
		*(*unsafe.Pointer)(dst) = nil
	case copyString:
		*(*string)(dst) = ""
	case copySlice:
		*(*[]unsafe.Pointer)(dst) = nil
	case copyInterface:
		*(*any)(dst) = nil
	case copy1:
		*(*uint8)(dst) = 0
	case copy2:
		*(*uint16)(dst) = 0
	case copy4:
		*(*uint32)(dst) = 0
	default:
		reflect.NewAt(l.reg, dst).Elem().SetZero()
	}
}

// load copies from memory to a frame.
func (m *Machine) load(l *layout, dst, src unsafe.Pointer) {
	if l.iface {
		*(*any)(dst) = loadIface(src)
		return
	}
	l.move(dst, src)
}

// store copies from a frame to memory.
func (m *Machine) store(l *layout, dst, src unsafe.Pointer) {
	if l.iface {
		m.storeIface(l.rtyp, l.rt, dst, *(*any)(src))
		return
	}
	l.move(dst, src)
}

type eface struct{ typ, data unsafe.Pointer }

// loadIface makes an empty interface of one with a method table.
func loadIface(src unsafe.Pointer) (x any) {
	i := *(*eface)(src)
	if i.typ == nil {
		return nil
	}
	// a method table holds its interface, then its type
	e := (*eface)(unsafe.Pointer(&x))
	e.data = i.data
	e.typ = *(*unsafe.Pointer)(unsafe.Add(i.typ, wordSize))
	return x
}

const wordSize = unsafe.Sizeof(uintptr(0))

type itabKey struct{ inter, typ unsafe.Pointer }

// storeIface stores x as a non-empty interface of type t.
func (m *Machine) storeIface(t rt.Type, r reflect.Type, dst unsafe.Pointer, x any) {
	if x == nil {
		*(*eface)(dst) = eface{}
		return
	}
	e := (*eface)(unsafe.Pointer(&x))
	k := itabKey{unsafe.Pointer(t), e.typ}
	if tab, ok := m.itabs.Load(k); ok {
		*(*eface)(dst) = eface{tab.(unsafe.Pointer), e.data}
		return
	}
	tab := m.itab(r, reflect.ValueOf(x))
	m.itabs.Store(k, tab)
	*(*eface)(dst) = eface{tab, e.data}
}

// itab returns the method table for an interface of type r that holds v. If v is of a type of a cell, the checker knows
// that it has the methods, though compiled code may not see them.
func (m *Machine) itab(r reflect.Type, v reflect.Value) (tab unsafe.Pointer) {
	if m.typeOf(v.Type()) != nil {
		defer func() {
			if recover() != nil {
				tab = rt.Blind(r, v.Type())
			}
		}()
	}
	p := reflect.New(r)
	p.Elem().Set(v)
	return (*eface)(p.UnsafePointer()).typ
}

// align rounds n up to a multiple of a power of two.
func align(n, a uintptr) uintptr { return (n + a - 1) &^ (a - 1) }

// block lays out values one after the other.
type block struct {
	size uintptr
	ptrs []uintptr
}

func (b *block) add(l *layout) uintptr {
	off := b.place(l)
	b.ptrs = rt.Pointers(l.regt, off, b.ptrs)
	return off
}

// place is add for a block whose pointers do not matter.
func (b *block) place(l *layout) uintptr {
	a := uintptr(l.reg.Align())
	if bits.OnesCount64(uint64(a)) != 1 {
		a = wordSize
	}
	off := align(b.size, a)
	b.size = off + max(l.reg.Size(), 1)
	return off
}
