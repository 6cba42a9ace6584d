package compile

import (
	"go/types"
	"reflect"
	"unsafe"

	"golang.org/x/tools/go/ssa"

	"github.com/godlas/godlas/kernel/interp/internal/rt"
)

// site is where an interpreted function is called: what goes in and comes out.
type site struct {
	args []reg
	in   []*layout
	dst  []reg
	out  []*layout
	// params and results are where the callee has them, unless it is a method
	// called through an interface, whose receiver may take any room.
	params, results []reg
	// rooms are where interfaces go that compiled code takes or returns, see reserve.
	rooms []reg
}

// offsets returns where a function has its parameters and results: they come
// first in its frame.
func offsets(in, out []*layout) (params, results []reg) {
	b := block{size: frameHead}
	for _, l := range in {
		params = append(params, b.place(l))
	}
	for _, l := range out {
		results = append(results, b.place(l))
	}
	return params, results
}

// run calls f. vars are its captured variables.
func (s *site) run(fr *frame, f *fun, vars unsafe.Pointer) {
	f = f.target()
	nf := f.get(fr)
	for i, r := range s.args {
		switch l := s.in[i]; l.how {
		case copy8:
			*at[uint64](nf, s.params[i]) = *at[uint64](fr, r)
		case copyPointer:
			*at[unsafe.Pointer](nf, s.params[i]) = *at[unsafe.Pointer](fr, r)
		default:
			l.move(nf.at(s.params[i]), fr.at(r))
		}
	}
	if nf.vars != vars {
		f.capture(nf, vars)
	}
	f.run(fr, nf)
	s.fetch(fr, nf, s.results)
	fr.put(nf)
}

// method is run with the receiver out of an interface.
func (s *site) method(fr *frame, f *fun, recv *eface) {
	f = f.target()
	nf := f.get(fr)
	if l := f.paramTypes[0]; l.how == copyPointer {
		*at[unsafe.Pointer](nf, f.params[0]) = recv.data
	} else {
		unbox(l, nf.at(f.params[0]), recv)
	}
	for i, r := range s.args {
		if l := s.in[i]; l.how == copy8 {
			*at[uint64](nf, f.params[i+1]) = *at[uint64](fr, r)
		} else {
			l.move(nf.at(f.params[i+1]), fr.at(r))
		}
	}
	f.run(fr, nf)
	s.fetch(fr, nf, f.results)
	fr.put(nf)
}

// fetch takes the results of a call.
func (s *site) fetch(fr, nf *frame, results []reg) {
	for i, d := range s.dst {
		if l := s.out[i]; l.how == copy8 {
			*at[uint64](fr, d) = *at[uint64](nf, results[i])
		} else {
			l.move(fr.at(d), nf.at(results[i]))
		}
	}
}

// capture copies captured variables to the frame.
func (f *fun) capture(nf *frame, vars unsafe.Pointer) {
	nf.vars = vars
	for i, r := range f.free {
		f.freeTypes[i].move(nf.at(r), unsafe.Add(vars, f.varOffs[i]))
	}
}

// results returns where the results of a call go. v is nil if nowhere.
func (c *compiler) results(sig *types.Signature, v ssa.Value) (dst []reg, ls []*layout) {
	for x := range sig.Results().Variables() {
		ls = append(ls, c.m.memory(x.Type()))
	}
	switch {
	case v == nil || len(ls) == 0:
		return nil, nil
	case len(ls) == 1:
		return []reg{c.reg(v)}, ls
	}
	return c.tuple(v), ls
}

func (c *compiler) site(cc *ssa.CallCommon, v ssa.Value) *site {
	s := &site{}
	for _, a := range cc.Args {
		s.args, s.in = append(s.args, c.reg(a)), append(s.in, c.layout(a))
	}
	s.dst, s.out = c.results(cc.Signature(), v)
	s.params, s.results = offsets(s.in, s.out)
	return s
}

// call compiles a call whose results go to v, if v is not nil.
func (c *compiler) call(cc *ssa.CallCommon, v ssa.Value) op {
	if cc.IsInvoke() {
		return c.invoke(cc, v)
	}
	switch f := cc.Value.(type) {
	case *ssa.Builtin:
		return c.builtin(f.Name(), cc, v)
	case *ssa.Function:
		if f == c.m.dbg.hook {
			return c.hookOp(cc, v)
		}
		if f.Synthetic == "package initializer" && f.Pkg.Pkg.Path() != "main" { // that of a library has run
			return func(*frame) {}
		}
		if fn, ok := c.m.native(f); ok {
			return c.callNative(fn, cc, v)
		}
		s, callee := c.site(cc, v), c.m.fun(f)
		if o := s.direct(callee); o != nil {
			return o
		}
		return func(fr *frame) { s.run(fr, callee, nil) }
	}
	s, fv, m := c.site(cc, v), c.reg(cc.Value), c.m
	t := c.layout(cc.Value).rt
	variadic := cc.Signature().Variadic()
	s.reserve(c)
	native := s.registers(c.m, t, nil)
	return func(fr *frame) {
		w := *at[unsafe.Pointer](fr, fv)
		if w == nil {
			nilDeref(nil)
		}
		if f := rt.Carried(w); f != nil {
			s.run(fr, (*fun)(f.Code), f.Vars)
			return
		}
		if native != nil {
			native.call(fr, w, nil)
			return
		}
		m.reflectCall(fr, reflect.NewAt(t, unsafe.Pointer(&w)).Elem(), t, s, variadic)
	}
}

// reflectCall calls compiled code.
func (m *Machine) reflectCall(fr *frame, fn reflect.Value, t reflect.Type, s *site, variadic bool) {
	args := make([]reflect.Value, len(s.args))
	for i, r := range s.args {
		args[i] = m.toReflect(s.in[i], fr.at(r), t.In(i))
	}
	var res []reflect.Value
	if variadic {
		res = fn.CallSlice(args)
	} else {
		res = fn.Call(args)
	}
	fr.returned()
	for i, d := range s.dst {
		m.fromReflect(s.out[i], fr.at(d), res[i])
	}
}

// toReflect makes a value of type t of what is at p in a frame. It may share
// the frame's memory.
func (m *Machine) toReflect(l *layout, p unsafe.Pointer, t reflect.Type) reflect.Value {
	if t.Kind() != reflect.Interface || t.NumMethod() == 0 {
		return reflect.NewAt(t, p).Elem()
	}
	q := reflect.New(t)
	m.storeIface(rt.Of(t), t, q.UnsafePointer(), *(*any)(p))
	return q.Elem()
}

// fromReflect is the inverse of toReflect.
func (m *Machine) fromReflect(l *layout, dst unsafe.Pointer, v reflect.Value) {
	if l.isInterface {
		*(*any)(dst) = nil
		if v.Kind() != reflect.Interface {
			*(*any)(dst) = v.Interface()
		} else if !v.IsNil() {
			*(*any)(dst) = v.Elem().Interface()
		}
		return
	}
	if v.Type() == l.reg {
		reflect.NewAt(l.reg, dst).Elem().Set(v)
		return
	}
	// the same layout under another name, such as an instance made here
	p := reflect.New(v.Type())
	p.Elem().Set(v)
	l.move(dst, p.UnsafePointer())
}

// deferred compiles a defer statement: the frame is copied, so that operands
// keep their values, and the call made on the copy.
func (c *compiler) deferred(x *ssa.Defer) op {
	call, check := c.call(&x.Call, nil), c.receiverCheck(&x.Call)
	if x.DeferStack == nil {
		c.f.deferring = true
		return func(fr *frame) {
			check(fr)
			fr.defers = append(fr.defers, fr.snapshot(call))
		}
	}
	stack := c.reg(x.DeferStack)
	return func(fr *frame) {
		check(fr)
		target := (*frame)(*at[unsafe.Pointer](fr, stack))
		target.defers = append(target.defers, fr.snapshot(call))
	}
}

// receiverCheck panics if a method is to be called later on a nil interface.
func (c *compiler) receiverCheck(cc *ssa.CallCommon) op {
	if !cc.IsInvoke() {
		return func(*frame) {}
	}
	r := c.reg(cc.Value)
	return func(fr *frame) { nilCheck(at[eface](fr, r).typ) }
}

func (c *compiler) goroutine(x *ssa.Go) op {
	call, m, check := c.call(&x.Call, nil), c.m, c.receiverCheck(&x.Call)
	var nilFunc func(fr *frame) bool
	if _, ok := x.Call.Value.Type().Underlying().(*types.Signature); ok && !x.Call.IsInvoke() {
		if _, ok := x.Call.Value.(*ssa.Builtin); !ok {
			fv := c.reg(x.Call.Value)
			nilFunc = func(fr *frame) bool { return *at[unsafe.Pointer](fr, fv) == nil }
		}
	}
	return func(fr *frame) {
		if nilFunc != nil && nilFunc(fr) {
			panic(plainError("go of nil func value"))
		}
		check(fr)
		s := fr.snapshot(nil)
		run := fr.g.run
		go m.goroutine(run, s, call)
	}
}
