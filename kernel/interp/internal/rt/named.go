package rt

import (
	"errors"
	"reflect"
	"slices"
	"sync"
	"unicode"
	"unicode/utf8"
	"unsafe"
)

// spare is the number of methods that a type can get after it was made.
const spare = 16

// Method describes a method of a Named.
type Method struct {
	Name string
	// Ptr says that only *T has the method.
	Ptr bool
	// Type is the method's type without its receiver.
	Type reflect.Type
	// Func is called with the receiver first: a *T if Ptr, else a T.
	Func func(args []reflect.Value) []reflect.Value
}

// Named is a named type in the making. It can be pointed to at once; it may be
// used by value after SetLayout, and by everything after Finish.
type Named struct {
	T, P       reflect.Type
	t, p       *rtype
	tu, pu     *uncommon
	tm, pm     []method // with room for spare more
	nt, np     int
	params     []*rtype // of a func kind
	descriptor uintptr
	flags      uint8 // of every descriptor of the type
}

// NewNamed makes a named type of a kind; without a pkgName, a type that is not
// named but has methods, as a struct with embedded fields can be, and is shown as
// name. room is the number of methods of *T
// (those of T are among them), params the number of parameters and results if
// the kind is Func.
func NewNamed(pkgPath, pkgName, name string, kind reflect.Kind, room, params int) *Named {
	room += spare
	n := &Named{descriptor: descriptorSize(kind), flags: tflagUncommon | tflagExtraStar}
	full := name
	if pkgName != "" {
		n.flags |= tflagNamed
		full = pkgName + "." + name
	}
	tp, tu, tm, par := allocType(n.descriptor, room, params)
	pp, pu, pm, _ := allocType(unsafe.Sizeof(ptrType{}), room, 0)
	n.t, n.p = (*rtype)(tp), (*rtype)(pp)
	n.tu, n.pu, n.tm, n.pm, n.params = tu, pu, tm, pm, par
	pkg := addReflectOff(unsafe.Pointer(newName(pkgPath, "", false, false)))
	tu.PkgPath, pu.PkgPath = pkg, pkg
	str := addReflectOff(unsafe.Pointer(newName("*"+full, "", exported(name), false)))
	hash := nextHash()

	*(*ptrType)(pp) = *(*ptrType)(unsafe.Pointer(ptrOf(reflect.TypeFor[*int]())))
	n.p.Str, n.p.PtrToThis, n.p.Hash = str, 0, hash^0x5bd1e995
	n.p.TFlag = n.p.TFlag&^(tflagNamed|tflagExtraStar) | tflagUncommon
	(*ptrType)(pp).Elem = n.t

	if proto := prototypes[kind]; proto != nil {
		*n.t = *ptrOf(proto)
	}
	n.t.Kind = uint8(kind)
	n.t.Hash, n.t.Str = hash, str
	n.t.TFlag = n.t.TFlag&^tflagNamed | n.flags
	n.t.PtrToThis = addReflectOff(pp)
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

func (n *Named) adopt(src *rtype) {
	t := n.t
	t.Size, t.PtrBytes, t.Align, t.FieldAlign = src.Size, src.PtrBytes, src.Align, src.FieldAlign
	t.Equal, t.GCData = src.Equal, src.GCData
	t.TFlag = src.TFlag&^tflagNamed | n.flags
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
	src := ptrOf(u)
	n.adopt(src)
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
				fs[i].Name = newName(f.Name, f.Tag, exported(f.Name), true)
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

var methodsMu sync.Mutex

// AddMethods gives the type methods, which reflection and conversions to
// interfaces then see. What has been asked about the type before keeps its
// answer: the run time remembers that a type does not implement an interface.
func (n *Named) AddMethods(ms []Method) error {
	if err := Check(); err != nil {
		return err
	}
	methodsMu.Lock()
	defer methodsMu.Unlock()
	if n.np+len(ms) > len(n.pm) {
		return errors.New("too many methods added to a type that is in use")
	}
	type entry struct {
		name string
		m    method
	}
	add := func(table []method, have int, name string, m method) int {
		es := make([]entry, 0, have+1)
		for _, x := range table[:have] {
			es = append(es, entry{methodNames[x.Name], x})
		}
		es = append(es, entry{name, m})
		slices.SortFunc(es, func(a, b entry) int {
			if a.name < b.name {
				return -1
			}
			return 1
		})
		for i, e := range es {
			table[i] = e.m
		}
		return have + 1
	}
	for _, m := range ms {
		name := addReflectOff(unsafe.Pointer(newName(m.Name, "", true, false)))
		methodNames[name] = m.Name
		mtyp := addReflectOff(unsafe.Pointer(ptrOf(m.Type)))
		in := []reflect.Type{reflect.TypeFor[unsafe.Pointer]()}
		for i := range m.Type.NumIn() {
			in = append(in, m.Type.In(i))
		}
		var out []reflect.Type
		for i := range m.Type.NumOut() {
			out = append(out, m.Type.Out(i))
		}
		word := reflect.FuncOf(in, out, m.Type.IsVariadic())
		if !m.Ptr {
			code, err := stub(reflect.MakeFunc(word, n.byValue(m.Func)))
			if err != nil {
				return err
			}
			// reflect.Type.Method calls with the receiver itself
			in[0] = n.T
			whole, err := stub(reflect.MakeFunc(reflect.FuncOf(in, out, m.Type.IsVariadic()), m.Func))
			if err != nil {
				return err
			}
			n.nt = add(n.tm, n.nt, m.Name, method{name, mtyp, code, whole})
		}
		code, err := stub(reflect.MakeFunc(word, n.byPointer(m)))
		if err != nil {
			return err
		}
		n.np = add(n.pm, n.np, m.Name, method{name, mtyp, code, code})
	}
	n.tu.Mcount, n.tu.Xcount = uint16(n.nt), uint16(n.nt)
	n.pu.Mcount, n.pu.Xcount = uint16(n.np), uint16(n.np)
	return nil
}

// methodNames has the names behind the offsets, under methodsMu.
var methodNames = map[int32]string{}

// byValue serves an interface that holds a T: the word is the value or its address.
func (n *Named) byValue(f func([]reflect.Value) []reflect.Value) func([]reflect.Value) []reflect.Value {
	return func(a []reflect.Value) []reflect.Value {
		p := a[0].UnsafePointer()
		if Direct(Type(n.t)) {
			a[0] = reflect.NewAt(n.T, unsafe.Pointer(&p)).Elem()
		} else {
			a[0] = reflect.NewAt(n.T, p).Elem()
		}
		return f(a)
	}
}

// byPointer serves an interface that holds a *T.
func (n *Named) byPointer(m Method) func([]reflect.Value) []reflect.Value {
	return func(a []reflect.Value) []reflect.Value {
		p := reflect.NewAt(n.T, a[0].UnsafePointer())
		if m.Ptr {
			a[0] = p
		} else {
			if p.IsNil() {
				panic(nilValueMethod(n.T.String() + "." + m.Name))
			}
			a[0] = p.Elem()
		}
		return m.Func(a)
	}
}

// nilValueMethod is the panic of a value method called through a nil pointer.
type nilValueMethod string

func (e nilValueMethod) Error() string {
	return "value method " + string(e) + " called using nil pointer"
}
func (e nilValueMethod) RuntimeError() {}

func exported(s string) bool {
	r, _ := utf8.DecodeRuneInString(s)
	return unicode.IsUpper(r)
}

// allocType makes memory for a descriptor, what is common to named types, the
// parameters of a func type, and methods, in this order.
func allocType(descriptor uintptr, methods, params int) (unsafe.Pointer, *uncommon, []method, []*rtype) {
	us, ps := unsafe.Sizeof(uncommon{}), uintptr(params)*wordSize
	total := descriptor + us + ps + uintptr(methods)*unsafe.Sizeof(method{})
	// all words as pointers, so that what they point to lives; the numbers among
	// them are too small, or negative, to look like an address of the heap
	mem := make([]unsafe.Pointer, (total+wordSize-1)/wordSize)
	keep(mem)
	p := unsafe.Pointer(&mem[0])
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

var hashState uint32 = 0x9e3779b9

var hashMu sync.Mutex

func nextHash() uint32 {
	hashMu.Lock()
	defer hashMu.Unlock()
	hashState = hashState*16777619 + 12345
	return hashState
}
