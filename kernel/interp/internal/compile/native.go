package compile

import (
	"go/ast"
	"go/types"
	"reflect"
	"unsafe"

	"golang.org/x/tools/go/ssa"

	"github.com/godlas/godlas/kernel/interp/internal/rt"
)

// native finds the compiled form of a function. Where there is source as well,
// as for the generic packages, the compiled form is preferred. Mu is held.
func (m *Machine) native(sf *ssa.Function) (reflect.Value, bool) {
	if sf.Origin() != nil && sf.Blocks == nil {
		return m.intrinsic(sf)
	}
	if sf.Origin() != nil || sf.Parent() != nil {
		return reflect.Value{}, false
	}
	obj, ok := sf.Object().(*types.Func)
	if !ok || obj.Pkg() == nil || m.interpreted(obj.Pkg()) || sf.Synthetic != "" && sf.Blocks != nil {
		return reflect.Value{}, false
	}
	recv := sf.Signature.Recv()
	if recv == nil {
		v, ok := m.opt.Symbol(obj.Pkg().Path(), obj.Name())
		return v, ok && v.Kind() == reflect.Func
	}
	if !ast.IsExported(obj.Name()) {
		return reflect.Value{}, false
	}
	if v, ok := m.opt.Symbol(obj.Pkg().Path(), methodName(recv.Type(), obj.Name())); ok {
		return v, true
	}
	r := m.rtype(recv.Type())
	if m.typeOf(r) != nil || types.IsInterface(recv.Type()) {
		return reflect.Value{}, false
	}
	if m.opt.Method != nil {
		if fn, ok := m.opt.Method(r, obj.Name()); ok {
			return fn, true
		}
	}
	mm, ok := r.MethodByName(obj.Name())
	return mm.Func, ok
}

// methodName is what a method is called among the symbols: T.M or (*T).M.
func methodName(recv types.Type, method string) string {
	open, end := "", ""
	if p, ok := recv.(*types.Pointer); ok {
		recv, open, end = p.Elem(), "(*", ")"
	}
	if n, ok := types.Unalias(recv).(*types.Named); ok {
		return open + n.Obj().Name() + end + "." + method
	}
	return method
}

// funcWord returns the func value of a function. Mu is held.
func (m *Machine) funcWord(sf *ssa.Function) unsafe.Pointer {
	if fn, ok := m.native(sf); ok {
		return word(fn)
	}
	f := m.fun(sf)
	if f.word == nil {
		f.word = m.maker(m.rtype(sf.Signature)).Make(unsafe.Pointer(f), nil)
	}
	return f.word
}

// maker makes func values of a type. Mu is held.
func (m *Machine) maker(t reflect.Type) *rt.FuncMaker {
	if x := m.makers[t]; x != nil {
		return x
	}
	x := shimMaker(t)
	if x == nil {
		x = rt.NewFuncMaker(t, m.enter(t))
	}
	m.makers[t] = x
	return x
}

// callNative compiles a call of a compiled function.
func (c *compiler) callNative(fn reflect.Value, cc *ssa.CallCommon, v ssa.Value) op {
	s, m := c.site(cc, v), c.m
	if o := fastCall(fn, s); o != nil {
		return o
	}
	t := fn.Type()
	variadic := cc.Signature().Variadic()
	plain := func(fr *frame) { m.reflectCall(fr, fn, t, s, variadic) }
	s.reserve(c)
	if n := s.registers(m, t, nil); n != nil {
		w := word(fn)
		plain = func(fr *frame) { n.call(fr, w, nil) }
	}
	if recv := cc.Signature().Recv(); recv != nil && m.opt.Standin != nil && t.In(0) == m.opt.StandinType {
		return c.callStandin(cc.Value.Name(), s, plain)
	}
	return plain
}

// callStandin compiles a method call on a pointer that may have a stand-in.
func (c *compiler) callStandin(method string, s *site, plain op) op {
	m := c.m
	rest := *s
	rest.args, rest.in = s.args[1:], s.in[1:]
	return func(fr *frame) {
		if x, ok := m.opt.Standin(*at[unsafe.Pointer](fr, s.args[0])); ok {
			if fn := reflect.ValueOf(x).MethodByName(method); fn.IsValid() {
				m.reflectCall(fr, fn, fn.Type(), &rest, fn.Type().IsVariadic())
				return
			}
		}
		plain(fr)
	}
}

// fastCall makes calls of the commonest signatures without reflection.
func fastCall(fn reflect.Value, s *site) op {
	if !fn.CanInterface() {
		return nil
	}
	var a, b, c reg
	for i, r := range s.args {
		switch i {
		case 0:
			a = r
		case 1:
			b = r
		case 2:
			c = r
		}
	}
	if len(s.dst) == 0 && fn.Type().NumOut() > 0 {
		return nil
	}
	var d, e reg
	for i, r := range s.dst {
		switch i {
		case 0:
			d = r
		case 1:
			e = r
		}
	}
	switch f := fn.Interface().(type) {
	case func(float64) float64:
		return func(fr *frame) { *at[float64](fr, d) = f(*at[float64](fr, a)) }
	case func(float64, float64) float64:
		return func(fr *frame) { *at[float64](fr, d) = f(*at[float64](fr, a), *at[float64](fr, b)) }
	case func() float64:
		return func(fr *frame) { *at[float64](fr, d) = f() }
	case func(int) int:
		return func(fr *frame) { *at[int](fr, d) = f(*at[int](fr, a)) }
	case func() int:
		return func(fr *frame) { *at[int](fr, d) = f() }
	case func(int) string:
		return func(fr *frame) { *at[string](fr, d) = f(*at[int](fr, a)) }
	case func(string) string:
		return func(fr *frame) { *at[string](fr, d) = f(*at[string](fr, a)) }
	case func(string) (int, error):
		return func(fr *frame) {
			n, err := f(*at[string](fr, a))
			*at[int](fr, d), *at[any](fr, e) = n, err
		}
	case func(string, string) bool:
		return func(fr *frame) { *at[bool](fr, d) = f(*at[string](fr, a), *at[string](fr, b)) }
	case func(string, string) int:
		return func(fr *frame) { *at[int](fr, d) = f(*at[string](fr, a), *at[string](fr, b)) }
	case func(string, string) string:
		return func(fr *frame) { *at[string](fr, d) = f(*at[string](fr, a), *at[string](fr, b)) }
	case func(string, string) []string:
		return func(fr *frame) { *at[[]string](fr, d) = f(*at[string](fr, a), *at[string](fr, b)) }
	case func(string, string, string) string:
		return func(fr *frame) {
			*at[string](fr, d) = f(*at[string](fr, a), *at[string](fr, b), *at[string](fr, c))
		}
	case func(string) []string:
		return func(fr *frame) { *at[[]string](fr, d) = f(*at[string](fr, a)) }
	case func([]string, string) string:
		return func(fr *frame) { *at[string](fr, d) = f(*at[[]string](fr, a), *at[string](fr, b)) }
	case func(string, ...any) string:
		return func(fr *frame) {
			*at[string](fr, d) = f(*at[string](fr, a), *at[[]any](fr, b)...)
			fr.checkStop()
		}
	case func(...any) string:
		return func(fr *frame) {
			*at[string](fr, d) = f(*at[[]any](fr, a)...)
			fr.checkStop()
		}
	case func(string) error:
		return func(fr *frame) { *at[any](fr, d) = f(*at[string](fr, a)) }
	case func(string, ...any) error:
		return func(fr *frame) {
			*at[any](fr, d) = f(*at[string](fr, a), *at[[]any](fr, b)...)
			fr.checkStop()
		}
	case func(rune) bool:
		return func(fr *frame) { *at[bool](fr, d) = f(*at[rune](fr, a)) }
	case func(rune) rune:
		return func(fr *frame) { *at[rune](fr, d) = f(*at[rune](fr, a)) }
	}
	return nil
}
