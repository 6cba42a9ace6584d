package rt

import (
	"reflect"
	"slices"
	"sync/atomic"
	"unsafe"
)

// Named is a named type in the making. It can be pointed to at once; it may be
// used by value after SetLayout, and by everything after Finish.
type Named struct {
	T, P       reflect.Type
	t, p       *rtype
	tm, pm     methodTable
	params     []*rtype // of a func kind
	descriptor uintptr
	flags      uint8 // of every descriptor of the type
	seen       bool  // compiled code may have looked at the methods
}

// Spec says what a type will be.
type Spec struct {
	PkgPath string
	// PkgName is empty if the type is not named but may have methods, as a
	// struct with embedded fields can; it is then shown as Name.
	PkgName, Name string
	Kind          reflect.Kind
	// Methods is the number of methods of *T; those of T are among them.
	Methods int
	// Grows says that methods can be added later.
	Grows bool
	// Params is the number of parameters and results, if Kind is Func.
	Params int
}

// NewNamed makes a type. It panics where Go's types are not as they are known here.
func NewNamed(s Spec) *Named {
	if err := layout(); err != nil {
		panic(err)
	}
	n := &Named{descriptor: descriptorSize(s.Kind), flags: tflagUncommon | tflagExtraStar}
	full := s.Name
	if s.PkgName != "" {
		n.flags |= tflagNamed
		full = s.PkgName + "." + s.Name
	}
	room := s.Methods
	if s.Grows {
		room = 2 * (room + spare)
	}
	tp, tu, tm, par := allocType(n.descriptor, room, s.Params)
	pp, pu, pm, _ := allocType(unsafe.Sizeof(ptrType{}), room, 0)
	n.t, n.p, n.params = (*rtype)(tp), (*rtype)(pp), par
	n.tm, n.pm = methodTable{u: tu, mem: tm}, methodTable{u: pu, mem: pm}
	if s.Grows {
		n.tm.half, n.pm.half = room/2, room/2
	}
	pkg := nameOff(s.PkgPath, "")
	tu.PkgPath, pu.PkgPath = pkg, pkg
	str := addReflectOff(unsafe.Pointer(newName("*"+full, "", "", false)))

	*(*ptrType)(pp) = *(*ptrType)(unsafe.Pointer(ptrOf(reflect.TypeFor[*int]())))
	n.p.Str, n.p.PtrToThis = str, 0
	n.p.TFlag = n.p.TFlag&^(tflagNamed|tflagExtraStar) | tflagUncommon
	(*ptrType)(pp).Elem = n.t

	if proto := prototypes[s.Kind]; proto != nil {
		*n.t = *ptrOf(proto)
	}
	n.t.Kind = uint8(s.Kind)
	n.t.Str = str
	n.t.TFlag = n.t.TFlag&^tflagNamed | n.flags
	n.t.PtrToThis = addReflectOff(pp)
	n.t.Hash, n.p.Hash = nextHash(), nextHash()
	n.T, n.P = Reflect(Type(tp)), Reflect(Type(pp))
	return n
}

// prototypes have the size, pointers and comparison of every type of a kind
// whose values all look alike.
var prototypes = map[reflect.Kind]reflect.Type{
	reflect.Pointer:   reflect.TypeFor[*int](),
	reflect.Slice:     reflect.TypeFor[[]int](),
	reflect.Map:       reflect.TypeFor[map[int]int](),
	reflect.Chan:      reflect.TypeFor[chan int](),
	reflect.Func:      reflect.TypeFor[func()](),
	reflect.Interface: reflect.TypeFor[any](),
}

// SetLayout gives n the size, alignment, pointers and comparison of u, so that
// other types can contain it. u may name other types than the final ones behind
// pointers, maps and the like.
func (n *Named) SetLayout(u reflect.Type) { n.Finish(u, nil) }

func (n *Named) adopt(u reflect.Type) {
	src, t := ptrOf(u), n.t
	t.Size, t.PtrBytes, t.Align, t.FieldAlign = src.Size, src.PtrBytes, src.Align, src.FieldAlign
	t.Equal, t.GCData = src.Equal, src.GCData
	t.TFlag = src.TFlag&^tflagNamed | n.flags
	if u.Kind() == reflect.Struct && t.Equal != nil {
		t.Equal = blankless(u, t.Equal)
	}
}

// blankless compares structs of type t without their blank fields, which
// reflect.StructOf compares.
func blankless(t reflect.Type, all func(p, q unsafe.Pointer) bool) func(p, q unsafe.Pointer) bool {
	type field struct {
		off   uintptr
		equal func(p, q unsafe.Pointer) bool
	}
	var fs []field
	for i := range t.NumField() {
		if f := t.Field(i); f.Name != "_" {
			fs = append(fs, field{f.Offset, ptrOf(f.Type).Equal})
		}
	}
	if len(fs) == t.NumField() {
		return all
	}
	return func(p, q unsafe.Pointer) bool {
		for _, f := range fs {
			if !f.equal(unsafe.Add(p, f.off), unsafe.Add(q, f.off)) {
				return false
			}
		}
		return true
	}
}

// Field is a struct field's final type and whether it is embedded.
type Field struct {
	Name, Tag string
	Type      reflect.Type
	Embedded  bool
}

// Finish completes the type with the underlying type u. Fields, of a struct,
// replace those of u, which has the same layout.
func (n *Named) Finish(u reflect.Type, fields []Field) {
	n.adopt(u)
	src := ptrOf(u)
	rest := unsafe.Sizeof(rtype{})
	if n.descriptor > rest {
		words := (n.descriptor - rest) / wordSize
		copy(unsafe.Slice((*unsafe.Pointer)(unsafe.Add(unsafe.Pointer(n.t), rest)), words),
			unsafe.Slice((*unsafe.Pointer)(unsafe.Add(unsafe.Pointer(src), rest)), words))
	}
	switch u.Kind() {
	case reflect.Struct:
		st := (*structType)(unsafe.Pointer(n.t))
		fs := slices.Clone(st.Fields)
		for i, f := range fields {
			fs[i].Typ = ptrOf(f.Type)
			if f.Embedded {
				fs[i].Name = newName(f.Name, f.Tag, "", true)
			}
		}
		keep(fs)
		st.Fields = fs
	case reflect.Func:
		for i := range u.NumIn() {
			n.params[i] = ptrOf(u.In(i))
		}
		for i := range u.NumOut() {
			n.params[u.NumIn()+i] = ptrOf(u.Out(i))
		}
	}
}

// allocType makes memory for a descriptor, what is common to named types, the
// parameters of a func type, and methods, in this order.
func allocType(descriptor uintptr, methods, params int) (unsafe.Pointer, *uncommon, []method, []*rtype) {
	us, ps := unsafe.Sizeof(uncommon{}), uintptr(params)*wordSize
	words := func(n uintptr, t reflect.Type) reflect.Type { return reflect.ArrayOf(int((n+wordSize-1)/wordSize), t) }
	// all words of the descriptor as pointers, so that what they point to lives; the numbers among them are too small,
	// or negative, to look like an address of the heap
	mem := reflect.New(reflect.StructOf([]reflect.StructField{
		{Name: "Descriptor", Type: words(descriptor, reflect.TypeFor[unsafe.Pointer]())},
		{Name: "Uncommon", Type: words(us, reflect.TypeFor[uintptr]())},
		{Name: "Params", Type: words(ps, reflect.TypeFor[unsafe.Pointer]())},
		{Name: "Methods", Type: words(uintptr(methods)*unsafe.Sizeof(method{}), reflect.TypeFor[uintptr]())},
	}))
	p := mem.UnsafePointer()
	keep(p)
	u := (*uncommon)(unsafe.Add(p, descriptor))
	u.Moff = uint32(us + ps)
	var par []*rtype
	if params > 0 {
		par = unsafe.Slice((**rtype)(unsafe.Add(p, descriptor+us)), params)
	}
	var ms []method
	if methods > 0 {
		ms = unsafe.Slice((*method)(unsafe.Add(p, descriptor+us+ps)), methods)
	}
	return p, u, ms, par
}

var hashState atomic.Uint32

// nextHash returns a hash for a type; any will do.
func nextHash() uint32 { return hashState.Add(0x9e3779b9) }
