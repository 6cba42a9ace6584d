package compile

import (
	"fmt"
	"go/types"
	"reflect"
	"runtime"
	"strconv"
	"sync"
	"unsafe"

	"golang.org/x/tools/go/ssa"

	"github.com/godlas/godlas/kernel/interp/internal/rt"
)

// runtimeError is a run-time error that cannot be had from the run time itself.
type runtimeError string

func (e runtimeError) Error() string { return "runtime error: " + string(e) }
func (e runtimeError) RuntimeError() {}

// assertionError is the panic of a failed type assertion.
type assertionError string

func (e assertionError) Error() string { return string(e) }
func (e assertionError) RuntimeError() {}

func itoa(n int) string { return strconv.Itoa(n) }

// box makes an interface of the value at p.
func box(l *layout, p unsafe.Pointer) (x any) {
	e := (*eface)(unsafe.Pointer(&x))
	if l.how == copyPointer || l.how == copyTyped && rt.Direct(l.rtyp) {
		e.data = *(*unsafe.Pointer)(p)
		e.typ = unsafe.Pointer(l.rtyp)
		return x
	}
	q := rt.New(l.rtyp)
	l.move(q, p)
	e.data = q
	e.typ = unsafe.Pointer(l.rtyp)
	return x
}

func (c *compiler) makeInterface(x *ssa.MakeInterface) op {
	d, s, l := c.reg(x), c.reg(x.X), c.layout(x.X)
	if standin := c.m.opt.Standin; standin != nil && l.rt == c.m.opt.StandinType {
		return func(fr *frame) {
			if v, ok := standin(*at[unsafe.Pointer](fr, s)); ok {
				*at[any](fr, d) = v
				return
			}
			*at[any](fr, d) = box(l, fr.at(s))
		}
	}
	if k, ok := x.X.(*ssa.Const); ok { // boxed once
		v := box(l, c.m.constant(k))
		return func(fr *frame) { *at[any](fr, d) = v }
	}
	switch l.rt {
	case reflect.TypeFor[int]():
		return func(fr *frame) { *at[any](fr, d) = *at[int](fr, s) }
	case reflect.TypeFor[string]():
		return func(fr *frame) { *at[any](fr, d) = *at[string](fr, s) }
	case reflect.TypeFor[float64]():
		return func(fr *frame) { *at[any](fr, d) = *at[float64](fr, s) }
	case reflect.TypeFor[bool]():
		return func(fr *frame) { *at[any](fr, d) = *at[bool](fr, s) }
	}
	return func(fr *frame) { *at[any](fr, d) = box(l, fr.at(s)) }
}

// unbox copies what an interface holds, which is of type l, to a frame.
func unbox(l *layout, dst unsafe.Pointer, e *eface) {
	if rt.Direct(l.rtyp) {
		*(*unsafe.Pointer)(dst) = e.data
		return
	}
	l.move(dst, e.data)
}

func (c *compiler) assert(x *ssa.TypeAssert) op {
	s, m := c.reg(x.X), c.m
	l := c.m.memory(x.AssertedType)
	var d, ok reg
	if x.CommaOk {
		t := c.tuple(x)
		d, ok = t[0], t[1]
	} else {
		d = c.reg(x)
	}
	if it, is := x.AssertedType.Underlying().(*types.Interface); is {
		return func(fr *frame) {
			v := *at[any](fr, s)
			has := v != nil && m.implements(v, l, it)
			if x.CommaOk {
				*at[bool](fr, ok) = has
				if !has {
					v = nil
				}
			} else if !has {
				panic(m.assertFailed(x, v))
			}
			*at[any](fr, d) = v
		}
	}
	if c.m.opt.Original != nil && l.rt == c.m.opt.StandinType {
		return c.assertOriginal(x, s, d, ok)
	}
	want := unsafe.Pointer(l.rtyp)
	if x.CommaOk {
		return func(fr *frame) {
			e := at[eface](fr, s)
			if e.typ == want {
				unbox(l, fr.at(d), e)
				*at[bool](fr, ok) = true
				return
			}
			l.zero(fr.at(d))
			*at[bool](fr, ok) = false
		}
	}
	return func(fr *frame) {
		e := at[eface](fr, s)
		if e.typ != want {
			panic(m.assertFailed(x, *at[any](fr, s)))
		}
		unbox(l, fr.at(d), e)
	}
}

// assertOriginal asserts a type whose pointers may have a stand-in, which gives them back.
func (c *compiler) assertOriginal(x *ssa.TypeAssert, s, d, ok reg) op {
	m := c.m
	return func(fr *frame) {
		v := *at[any](fr, s)
		p, is := m.opt.Original(v)
		if !is && reflect.TypeOf(v) == m.opt.StandinType {
			p, is = (*eface)(unsafe.Pointer(&v)).data, true
		}
		if x.CommaOk {
			*at[bool](fr, ok) = is
		} else if !is {
			panic(m.assertFailed(x, v))
		}
		*at[unsafe.Pointer](fr, d) = p
	}
}

// assertFailed is the run time's error of a failed assertion.
func (m *Machine) assertFailed(x *ssa.TypeAssert, v any) error {
	it, toInterface := x.AssertedType.Underlying().(*types.Interface)
	missing := ""
	if toInterface && v != nil {
		missing = m.missingMethod(reflect.TypeOf(v), it)
	}
	m.Mu.Lock()
	defer m.Mu.Unlock()
	from, to := m.memory(x.X.Type()).rt, m.memory(x.AssertedType).rt
	if sameLayout() && m.literalName(x.X.Type()) == from.String() && m.literalName(x.AssertedType) == to.String() {
		if toInterface {
			from = nil
		}
		return assertionFailed(from, reflect.TypeOf(v), to, missing)
	}
	// the run time does not know an interface by its name or methods
	inter, as := m.literalName(x.X.Type()), m.literalName(x.AssertedType)
	switch {
	case toInterface && v == nil:
		return assertionError("interface conversion: interface is nil, not " + as)
	case v == nil:
		return assertionError("interface conversion: " + inter + " is nil, not " + as)
	case toInterface:
		return assertionError(fmt.Sprintf("interface conversion: %v is not %s: missing method %s", reflect.TypeOf(v), as, missing))
	}
	return assertionError(fmt.Sprintf("interface conversion: %s is %v, not %s", inter, reflect.TypeOf(v), as))
}

// typeAssertionError has the layout of runtime.TypeAssertionError, which cannot be made otherwise.
type typeAssertionError struct {
	inter, concrete, asserted unsafe.Pointer
	missing                   string
}

// sameLayout says that runtime.TypeAssertionError still is as typeAssertionError.
var sameLayout = sync.OnceValue(func() bool {
	a, b := reflect.TypeFor[runtime.TypeAssertionError](), reflect.TypeFor[typeAssertionError]()
	if a.NumField() != b.NumField() {
		return false
	}
	for i := range a.NumField() {
		f, g := a.Field(i), b.Field(i)
		if f.Offset != g.Offset || f.Type.Size() != g.Type.Size() || f.Type.Kind() != reflect.Pointer && f.Type != g.Type {
			return false
		}
	}
	return true
})

func assertionFailed(inter, concrete, asserted reflect.Type, missing string) error {
	word := func(t reflect.Type) unsafe.Pointer {
		if t == nil {
			return nil
		}
		return unsafe.Pointer(rt.Of(t))
	}
	return (*runtime.TypeAssertionError)(unsafe.Pointer(&typeAssertionError{word(inter), word(concrete), word(asserted), missing}))
}

type implKey struct {
	typ unsafe.Pointer
	it  *types.Interface
}

// implements reports whether v's dynamic type has the methods of it.
func (m *Machine) implements(v any, l *layout, it *types.Interface) bool {
	if it.NumMethods() == 0 {
		return true
	}
	k := implKey{(*eface)(unsafe.Pointer(&v)).typ, it}
	if ok, has := m.impls.Load(k); has {
		return ok.(bool)
	}
	r := reflect.TypeOf(v)
	var ok bool
	if l.iface && m.typeOf(r) == nil {
		ok = r.Implements(l.rt)
	} else {
		m.Mu.Lock()
		ok = m.missingLocked(r, it) == ""
		m.Mu.Unlock()
	}
	m.impls.Store(k, ok)
	return ok
}

func (m *Machine) missingMethod(r reflect.Type, it *types.Interface) string {
	m.Mu.Lock()
	defer m.Mu.Unlock()
	return m.missingLocked(r, it)
}

func (m *Machine) missingLocked(r reflect.Type, it *types.Interface) string {
	if t := m.typeOf(r); t != nil {
		if f, _ := types.MissingMethod(t, it, true); f != nil {
			return f.Name()
		}
		return ""
	}
	for f := range it.Methods() {
		rm, ok := r.MethodByName(f.Name())
		if !ok {
			return f.Name()
		}
		want := m.methodType(f.Signature())
		if rm.Type.NumIn()-1 != want.NumIn() || rm.Type.NumOut() != want.NumOut() || rm.Type.IsVariadic() != want.IsVariadic() {
			return f.Name()
		}
		for i := range want.NumIn() {
			if rm.Type.In(i+1) != want.In(i) {
				return f.Name()
			}
		}
		for i := range want.NumOut() {
			if rm.Type.Out(i) != want.Out(i) {
				return f.Name()
			}
		}
	}
	return ""
}

// typeOf returns the checked type of a run-time type that has interpreted
// methods, or nil.
func (m *Machine) typeOf(r reflect.Type) types.Type {
	if t, ok := m.back.Load(r); ok {
		return t.(types.Type)
	}
	if r.Kind() == reflect.Pointer && r.Name() == "" {
		if t, ok := m.back.Load(r.Elem()); ok {
			return types.NewPointer(t.(types.Type))
		}
	}
	return nil
}
