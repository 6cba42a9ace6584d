package compile

import (
	"go/types"
	"reflect"
	"sync/atomic"

	"golang.org/x/tools/go/ssa"

	"github.com/godlas/godlas/kernel/interp/internal/rt"
)

// lazyMethod is a method of a type of a cell, as compiled code calls it.
type lazyMethod struct {
	m     *Machine
	sel   *types.Selection // Machine.Mu guards it
	ready atomic.Pointer[methodBody]
}

type methodBody struct {
	f   *fun
	out []reflect.Type
}

func (l *lazyMethod) call(args []reflect.Value) []reflect.Value {
	b := l.ready.Load()
	if b == nil {
		b = l.prepare()
	}
	return l.m.entry(b.f, nil, args, len(b.out), func(i int) reflect.Type { return b.out[i] })
}

func (l *lazyMethod) prepare() *methodBody {
	m := l.m
	m.Mu.Lock()
	defer m.Mu.Unlock()
	b := &methodBody{f: m.method(l.sel)}
	for v := range l.sel.Type().(*types.Signature).Results().Variables() {
		b.out = append(b.out, m.rtype(v.Type()))
	}
	l.ready.Store(b)
	return b
}

// method returns what a method call on a dynamic type leads to. Of a method that was added to a type this is what it was
// given, even if the type had another one of the name from an embedded field before. Mu is held.
func (m *Machine) method(sel *types.Selection) *fun {
	if later := m.extra[sel.Obj().(*types.Func)]; later != nil && len(sel.Index()) == 1 {
		recv := sel.Obj().(*types.Func).Signature().Recv().Type()
		// an interface that holds a pointer has the same word as one that holds the value, unless that is a pointer itself
		if types.Identical(recv, sel.Recv()) || !rt.Direct(m.memory(recv).rtyp) {
			return m.fun(later)
		}
	}
	return m.fun(m.Prog.MethodValue(sel))
}

// become makes l another method: one that a type declares hides one that it had from an embedded field.
func (l *lazyMethod) become(sel *types.Selection) {
	l.sel = sel
	l.ready.Store(nil)
}

// declares tells whether f is a method itself and no wrapper of it for another receiver.
func declares(f *ssa.Function, method *types.Func) bool {
	r := f.Signature.Recv()
	return r != nil && types.Identical(r.Type(), method.Signature().Recv().Type())
}

// grows tells whether a type can get methods after it was made: its own in a
// later cell, or those of what it embeds.
func (m *Machine) grows(t, u types.Type) bool {
	if st, ok := u.(*types.Struct); ok {
		for f := range st.Fields() {
			if f.Embedded() {
				return true
			}
		}
	}
	n, ok := t.(*types.Named)
	return ok && n.TypeArgs().Len() == 0 && n.Obj().Parent() == n.Obj().Pkg().Scope() && n.Obj().Pkg().Path() == "main"
}

// addMethods shows reflection the methods that it does not see yet.
func (m *Machine) addMethods(nt *namedType) {
	t := nt.t
	values, pointers := types.NewMethodSet(t), types.NewMethodSet(types.NewPointer(t))
	var ms []rt.Method
	for sel := range pointers.Methods() {
		f := sel.Obj().(*types.Func)
		recv := types.Type(t)
		ptr := values.Lookup(f.Pkg(), f.Name()) == nil
		if ptr {
			recv = types.NewPointer(t)
		}
		own := types.NewMethodSet(recv).Lookup(f.Pkg(), f.Name())
		if l := nt.has[f.Id()]; l != nil {
			if l.sel.Obj() != own.Obj() {
				l.become(own)
			}
			continue
		}
		l := &lazyMethod{m: m, sel: own}
		nt.has[f.Id()] = l
		x := rt.Method{Name: f.Name(), PkgPath: hiddenIn(f), Ptr: ptr, Type: m.methodType(sel.Type().(*types.Signature)), Func: l.call}
		if x.PkgPath != "" && m.interpreted(f.Pkg()) { // no compiled code calls it
			x.Func = nil
		}
		ms = append(ms, x)
	}
	if err := nt.made.AddMethods(ms); err != nil {
		m.Note(err.Error()) // the type still works without them
	}
}

// Refresh shows reflection the methods that a type, and those that embed it, got after they were made. Mu is held.
func (m *Machine) Refresh(t *types.Named) {
	if m.layouts[t] == nil {
		return
	}
	for _, nt := range m.named {
		if nt.t == types.Type(t) || m.grows(nt.t, nt.t.Underlying()) {
			m.addMethods(nt)
		}
	}
	m.impls.Clear()
	m.itabs.Clear()
}

// Note keeps what the reader of the cell should know, once. Mu is held.
func (m *Machine) Note(text string) {
	if !m.noted[text] {
		m.noted[text] = true
		m.notes = append(m.notes, text)
	}
}

// TakeNotes returns the notes since the last call. Mu is held.
func (m *Machine) TakeNotes() []string {
	n := m.notes
	m.notes = nil
	return n
}
