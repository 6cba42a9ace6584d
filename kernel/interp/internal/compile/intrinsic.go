package compile

import (
	"go/types"
	"reflect"

	"golang.org/x/tools/go/ssa"
)

// intrinsic makes the instance of a generic function or method of a compiled package that has no source here. Mu is held.
func (m *Machine) intrinsic(sf *ssa.Function) (reflect.Value, bool) {
	o := sf.Origin()
	if o.Pkg == nil || m.opt.Generic == nil {
		return reflect.Value{}, false
	}
	var in []reflect.Type
	for _, t := range sf.TypeArgs() {
		in = append(in, m.rtype(t))
	}
	name := o.Name()
	sig := sf.Signature
	if r := sig.Recv(); r != nil {
		t := types.Unalias(r.Type())
		if p, ok := t.(*types.Pointer); ok {
			t = types.Unalias(p.Elem())
		}
		name = t.(*types.Named).Obj().Name() + "." + name
		params := append([]*types.Var{r}, vars(sig.Params())...)
		sig = types.NewSignatureType(nil, nil, nil, types.NewTuple(params...), sig.Results(), sig.Variadic())
	}
	f := m.opt.Generic(o.Pkg.Pkg.Path()+"."+name, in)
	if f == nil {
		return reflect.Value{}, false
	}
	t := m.methodType(sig)
	return reflect.MakeFunc(t, func(args []reflect.Value) []reflect.Value {
		out := f(args)
		for i, v := range out { // of the same layout, such as an instance for another type
			if want := t.Out(i); v.Type() != want {
				x := reflect.New(v.Type())
				x.Elem().Set(v)
				out[i] = reflect.NewAt(want, x.UnsafePointer()).Elem()
			}
		}
		return out
	}), true
}

func vars(t *types.Tuple) (vs []*types.Var) {
	for v := range t.Variables() {
		vs = append(vs, v)
	}
	return vs
}

// nativeBody makes the body of a function that is compiled, where one is needed that can be called as an interpreted one.
func (c *compiler) nativeBody(fn reflect.Value) op {
	f, m := c.f, c.m
	s := &site{args: f.params, in: f.paramTypes, dst: f.results, out: f.resultTypes}
	t := fn.Type()
	return func(fr *frame) { m.reflectCall(fr, fn, t, s, t.IsVariadic()) }
}
