package compile

import (
	"go/types"
	"reflect"

	"github.com/godlas/godlas/kernel/interp/internal/rt"
)

var (
	anyType   = reflect.TypeFor[any]()
	errorType = reflect.TypeFor[error]()
)

var basicTypes = map[types.BasicKind]reflect.Type{
	types.Bool: reflect.TypeFor[bool](), types.Int: reflect.TypeFor[int](), types.Int8: reflect.TypeFor[int8](),
	types.Int16: reflect.TypeFor[int16](), types.Int32: reflect.TypeFor[int32](), types.Int64: reflect.TypeFor[int64](),
	types.Uint: reflect.TypeFor[uint](), types.Uint8: reflect.TypeFor[uint8](), types.Uint16: reflect.TypeFor[uint16](),
	types.Uint32: reflect.TypeFor[uint32](), types.Uint64: reflect.TypeFor[uint64](), types.Uintptr: reflect.TypeFor[uintptr](),
	types.Float32: reflect.TypeFor[float32](), types.Float64: reflect.TypeFor[float64](), types.Complex64: reflect.TypeFor[complex64](),
	types.Complex128: reflect.TypeFor[complex128](), types.String: reflect.TypeFor[string](), types.UnsafePointer: unsafePointerType,
	types.UntypedBool: reflect.TypeFor[bool](), types.UntypedInt: reflect.TypeFor[int](), types.UntypedRune: reflect.TypeFor[rune](),
	types.UntypedFloat: reflect.TypeFor[float64](), types.UntypedComplex: reflect.TypeFor[complex128](),
	types.UntypedString: reflect.TypeFor[string](), types.UntypedNil: unsafePointerType,
}

// namedType is a type declared in a cell, or instantiated there.
type namedType struct {
	t    types.Type
	made *rt.Named
	has  map[string]*lazyMethod // the methods that reflection sees
}

// makeType maps a checked type to a run-time type. While a named type is half
// made, what mentions it by value is only laid out; see shape.
func (m *Machine) makeType(t types.Type) reflect.Type {
	switch t := t.(type) {
	case *types.Alias:
		return m.rtype(types.Unalias(t))
	case *types.Basic:
		if r := basicTypes[t.Kind()]; r != nil {
			return r
		}
	case *types.Pointer:
		return reflect.PointerTo(m.rtype(t.Elem()))
	case *types.Slice:
		return reflect.SliceOf(m.rtype(t.Elem()))
	case *types.Array:
		return reflect.ArrayOf(int(t.Len()), m.rtype(t.Elem()))
	case *types.Map:
		return reflect.MapOf(m.rtype(t.Key()), m.rtype(t.Elem()))
	case *types.Chan:
		return reflect.ChanOf(chanDir(t.Dir()), m.rtype(t.Elem()))
	case *types.Signature:
		return m.funcType(t)
	case *types.Struct:
		if special(t) {
			return m.makeNamed(t, t)
		}
		return reflect.StructOf(m.structFields(t, m.rtype))
	case *types.Interface:
		return m.interfaceType(t, t)
	case *types.Tuple:
		return anyType
	case *types.Named:
		return m.namedRtype(t)
	case *types.TypeParam:
		return anyType
	}
	panic(unsupportedf("no run-time type for %v (%T)", t, t))
}

func (m *Machine) rtype(t types.Type) reflect.Type { return m.memory(t).rt }

func chanDir(d types.ChanDir) reflect.ChanDir {
	switch d {
	case types.SendOnly:
		return reflect.SendDir
	case types.RecvOnly:
		return reflect.RecvDir
	}
	return reflect.BothDir
}

func (m *Machine) funcType(t *types.Signature) reflect.Type {
	var in, out []reflect.Type
	for v := range t.Params().Variables() {
		in = append(in, m.rtype(v.Type()))
	}
	for v := range t.Results().Variables() {
		out = append(out, m.rtype(v.Type()))
	}
	return reflect.FuncOf(in, out, t.Variadic())
}

// special tells whether reflect.StructOf cannot make a struct: it refuses embedded
// fields with methods, and compares blank fields.
func special(t *types.Struct) bool {
	for f := range t.Fields() {
		if f.Embedded() || f.Name() == "_" {
			return true
		}
	}
	return false
}

func (m *Machine) structFields(t *types.Struct, rtype func(types.Type) reflect.Type) []reflect.StructField {
	var fs []reflect.StructField
	for i := range t.NumFields() {
		f := t.Field(i)
		sf := reflect.StructField{Name: f.Name(), Type: rtype(f.Type()), Tag: reflect.StructTag(t.Tag(i))}
		if !f.Exported() {
			sf.PkgPath = "main"
			if f.Pkg() != nil {
				sf.PkgPath = f.Pkg().Path()
			}
		}
		fs = append(fs, sf)
	}
	return fs
}

// shape returns a type with the layout of t, which may be half made where it
// stands behind a pointer, map and the like.
func (m *Machine) shape(t types.Type) reflect.Type {
	switch u := types.Unalias(t).(type) {
	case *types.Pointer:
		return reflect.TypeFor[*int]()
	case *types.Slice:
		return reflect.TypeFor[[]int]()
	case *types.Map:
		return reflect.TypeFor[map[int]int]()
	case *types.Chan:
		return reflect.TypeFor[chan int]()
	case *types.Signature:
		return reflect.TypeFor[func()]()
	case *types.Array:
		return reflect.ArrayOf(int(u.Len()), m.shape(u.Elem()))
	case *types.Struct:
		return reflect.StructOf(m.structFields(u, m.shape))
	}
	return m.rtype(t)
}

func (m *Machine) namedRtype(t *types.Named) reflect.Type {
	obj := t.Obj()
	if obj.Pkg() == nil {
		if obj.Name() == "error" {
			return errorType
		}
		return anyType
	}
	if obj.Pkg().Path() == "$ssa" { // iterators and defer stacks
		return unsafePointerType
	}
	if r := m.compiledType(t); r != nil {
		return r
	}
	u := t.Underlying()
	if it, ok := u.(*types.Interface); ok {
		return m.interfaceType(t, it)
	}
	return m.makeNamed(t, u)
}

// interfaceType makes an interface type of a cell.
func (m *Machine) interfaceType(t types.Type, it *types.Interface) reflect.Type {
	_, named := t.(*types.Named)
	if it.NumMethods() == 0 && !named || !it.IsMethodSet() || rt.Check() != nil {
		return anyType
	}
	path, pkg, name := m.names(t)
	n := rt.NewInterface(path, pkg, name, it.NumMethods() > 0)
	m.back.Store(n.T, t)
	m.remember(t, n.T).iface = it.NumMethods() > 0
	m.pending = append(m.pending, func() {
		var ms []rt.InterfaceMethod
		for f := range it.Methods() {
			ms = append(ms, rt.InterfaceMethod{Name: f.Name(), PkgPath: hiddenIn(f), Type: m.methodType(f.Signature())})
		}
		n.SetMethods(ms)
	})
	m.settle()
	return n.T
}

// hiddenIn returns the path of a method's package, "" if the method is exported.
func hiddenIn(f *types.Func) string {
	if f.Exported() || f.Pkg() == nil {
		return ""
	}
	return f.Pkg().Path()
}

// methodType returns the type of a method without its receiver.
func (m *Machine) methodType(s *types.Signature) reflect.Type {
	return m.rtype(types.NewSignatureType(nil, nil, nil, s.Params(), s.Results(), s.Variadic()))
}

// names returns what a type of a cell is called; pkg is empty if it has no name.
func (m *Machine) names(t types.Type) (path, pkg, name string) {
	if n, ok := t.(*types.Named); ok {
		return n.Obj().Pkg().Path(), n.Obj().Pkg().Name(), m.typeName(n)
	}
	return homeOf(t), "", m.literalName(t)
}

// homeOf is the path of the package of what is not exported in a type without a name.
func homeOf(t types.Type) string {
	switch t := t.(type) {
	case *types.Struct:
		for f := range t.Fields() {
			if !f.Exported() && f.Pkg() != nil {
				return f.Pkg().Path()
			}
		}
	case *types.Interface:
		for f := range t.Methods() {
			if !f.Exported() && f.Pkg() != nil {
				return f.Pkg().Path()
			}
		}
	}
	return "main"
}

// makeNamed makes a type of a cell, which has a name or is a struct with
// promoted methods. Its fields and methods are filled in when
// all types that it needs have their layout.
func (m *Machine) makeNamed(t, u types.Type) reflect.Type {
	methods := types.NewMethodSet(types.NewPointer(t))
	params := 0
	if sig, ok := u.(*types.Signature); ok {
		params = sig.Params().Len() + sig.Results().Len()
	}
	path, pkg, name := m.names(t)
	n := rt.NewNamed(rt.Spec{
		PkgPath: path, PkgName: pkg, Name: name, Kind: m.kind(u), Methods: methods.Len(), Params: params, Grows: m.grows(t, u),
	})
	nt := &namedType{t: t, made: n, has: map[string]*lazyMethod{}}
	m.named[n.T] = nt
	m.back.Store(n.T, types.Type(t))
	m.remember(t, n.T)

	m.making++
	switch u.(type) {
	case *types.Struct, *types.Array, *types.Basic:
		n.SetLayout(m.shape(u))
	}
	m.pending = append(m.pending, func() {
		var fields []rt.Field
		r := m.shape(u)
		if st, ok := u.(*types.Struct); ok {
			for i := range st.NumFields() {
				f := st.Field(i)
				fields = append(fields, rt.Field{Name: f.Name(), Tag: st.Tag(i), Type: m.rtype(f.Type()), Embedded: f.Embedded()})
			}
		} else {
			r = m.rtype(u)
		}
		n.Finish(r, fields)
	})
	m.making--
	m.settle()
	m.pending = append(m.pending, func() { m.addMethods(nt) })
	m.settle()
	return n.T
}

// settle does what had to wait for types in the making.
func (m *Machine) settle() {
	for m.making == 0 && len(m.pending) > 0 {
		todo := m.pending
		m.pending = nil
		m.making++
		for _, f := range todo {
			f()
		}
		m.making--
	}
}

func (m *Machine) kind(u types.Type) reflect.Kind {
	switch u := u.(type) {
	case *types.Struct:
		return reflect.Struct
	case *types.Pointer:
		return reflect.Pointer
	case *types.Slice:
		return reflect.Slice
	case *types.Array:
		return reflect.Array
	case *types.Map:
		return reflect.Map
	case *types.Chan:
		return reflect.Chan
	case *types.Signature:
		return reflect.Func
	case *types.Basic:
		return basicTypes[u.Kind()].Kind()
	}
	panic(unsupportedf("kind of %v", u))
}

// compiledType finds the compiled type of a named type of a library.
func (m *Machine) compiledType(t *types.Named) reflect.Type {
	obj := t.Obj()
	path := obj.Pkg().Path()
	if m.interpreted(obj.Pkg()) {
		return nil
	}
	if t.TypeArgs().Len() == 0 && obj.Exported() && obj.Parent() == obj.Pkg().Scope() {
		if v, ok := m.opt.Symbol(path, obj.Name()); ok && v.Kind() == reflect.Pointer && v.IsNil() {
			return v.Type().Elem()
		}
	}
	name := obj.Name()
	if t.TypeArgs().Len() > 0 {
		for a := range t.TypeArgs().Types() {
			r := m.rtype(a)
			if r.PkgPath() == "main" || m.typeOf(r) != nil {
				return nil
			}
		}
		name = m.typeName(t)
	}
	m.harvest(path)
	return m.found[path+"."+name]
}

// harvest collects the types that a package's symbols mention, which may be
// unexported or instances of generic types.
func (m *Machine) harvest(path string) {
	if m.harvests[path] {
		return
	}
	m.harvests[path] = true
	seen := map[reflect.Type]bool{}
	var walk func(t reflect.Type, depth int)
	walk = func(t reflect.Type, depth int) {
		if seen[t] || depth > 6 {
			return
		}
		seen[t] = true
		if t.Name() != "" && t.PkgPath() != "" {
			if k := t.PkgPath() + "." + t.Name(); m.found[k] == nil {
				m.found[k] = t
			}
		}
		switch t.Kind() {
		case reflect.Pointer, reflect.Slice, reflect.Array, reflect.Chan:
			walk(t.Elem(), depth)
		case reflect.Map:
			walk(t.Key(), depth)
			walk(t.Elem(), depth)
		case reflect.Struct:
			for i := range t.NumField() {
				walk(t.Field(i).Type, depth+1)
			}
		case reflect.Func:
			for i := range t.NumIn() {
				walk(t.In(i), depth+1)
			}
			for i := range t.NumOut() {
				walk(t.Out(i), depth+1)
			}
		}
		for i := range t.NumMethod() {
			walk(t.Method(i).Type, depth+1)
		}
	}
	for _, v := range m.opt.Harvest(path) {
		if v.IsValid() {
			walk(v.Type(), 0)
		}
	}
}
