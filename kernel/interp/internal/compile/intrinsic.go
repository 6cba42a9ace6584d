package compile

import (
	"errors"
	"reflect"

	"golang.org/x/tools/go/ssa"
)

// intrinsic makes the instance of a generic function of a compiled package that
// has no source here but can be had through reflection. Mu is held.
func (m *Machine) intrinsic(sf *ssa.Function) (reflect.Value, bool) {
	o := sf.Origin()
	if o.Pkg == nil || len(sf.TypeArgs()) == 0 {
		return reflect.Value{}, false
	}
	t := m.rtype(sf.TypeArgs()[0])
	switch o.Pkg.Pkg.Path() + "." + o.Name() {
	case "reflect.TypeFor":
		return reflect.ValueOf(func() reflect.Type { return t }), true
	case "errors.AsType":
		return reflect.MakeFunc(m.funcType(sf.Signature), func(a []reflect.Value) []reflect.Value {
			target := reflect.New(t)
			err, _ := a[0].Interface().(error)
			ok := err != nil && errors.As(err, target.Interface())
			return []reflect.Value{target.Elem(), reflect.ValueOf(ok)}
		}), true
	}
	return reflect.Value{}, false
}
