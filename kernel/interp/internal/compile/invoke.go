package compile

import (
	"go/types"
	"reflect"
	"sync"
	"sync/atomic"
	"unsafe"

	"golang.org/x/tools/go/ssa"

	"github.com/godlas/godlas/kernel/interp/internal/rt"
)

// dispatch is what a method call on a dynamic type leads to.
type dispatch struct {
	typ    unsafe.Pointer
	fun    *fun // or compiled:
	method int
	ftype  reflect.Type
	native *nativeCall // or nil
	word   unsafe.Pointer
	boxed  bool          // the receiver is behind the interface's data word
	other  reflect.Value // if valid, called instead; see Options.Method
}

func (c *compiler) invoke(cc *ssa.CallCommon, v ssa.Value) op {
	s, recv, m := c.site(cc, v), c.reg(cc.Value), c.m
	method := cc.Method
	variadic := cc.Signature().Variadic()
	plain := len(s.args) == 0 && len(s.out) == 1
	isError := plain && method.Name() == "Error" && s.out[0].rt.Kind() == reflect.String
	s.reserve(c)
	cache := &dispatches{m: m, method: method, site: s}
	return func(fr *frame) {
		e := *at[eface](fr, recv)
		if e.typ == nil {
			nilDeref(nil)
		}
		t := cache.last.Load()
		if t == nil || t.typ != e.typ {
			t = cache.find(*at[any](fr, recv))
		}
		if t.fun != nil {
			s.method(fr, t.fun, &e)
			return
		}
		if isError {
			*at[string](fr, s.dst[0]) = (*at[any](fr, recv)).(error).Error()
			return
		}
		if n := t.native; n != nil {
			if p := e.data; t.boxed {
				n.call(fr, t.word, p)
			} else {
				n.call(fr, t.word, unsafe.Pointer(&p))
			}
			return
		}
		if t.other.IsValid() {
			m.callOther(fr, t.other, *at[any](fr, recv), s, variadic)
			return
		}
		m.reflectCall(fr, reflect.ValueOf(*at[any](fr, recv)).Method(t.method), t.ftype, s, variadic)
	}
}

// dispatches remembers what the method calls at one site lead to.
type dispatches struct {
	m      *Machine
	method *types.Func
	site   *site
	last   atomic.Pointer[dispatch]
	ways   [8]atomic.Pointer[dispatch] // by a hash of the type
	all    sync.Map                    // type -> *dispatch
}

func (d *dispatches) find(v any) *dispatch {
	typ := (*eface)(unsafe.Pointer(&v)).typ
	way := &d.ways[uintptr(typ)>>6%uintptr(len(d.ways))]
	if t := way.Load(); t != nil {
		if t.typ == typ {
			return t
		}
		if t, ok := d.all.Load(typ); ok {
			t := t.(*dispatch)
			way.Store(t)
			return t
		}
	}
	t := d.m.dispatch(v, d.method, d.site)
	d.last.CompareAndSwap(nil, t) // a site that sees one type only does not come here
	d.all.Store(typ, t)
	way.Store(t)
	return t
}

// dispatch finds the method of v's dynamic type.
func (m *Machine) dispatch(v any, method *types.Func, s *site) *dispatch {
	d := &dispatch{typ: (*eface)(unsafe.Pointer(&v)).typ}
	r := reflect.TypeOf(v)
	m.Mu.Lock()
	defer m.Mu.Unlock()
	if t := m.typeOf(r); t != nil {
		if sel := types.NewMethodSet(t).Lookup(method.Pkg(), method.Name()); sel != nil {
			d.fun = m.method(sel)
			return d
		}
	}
	rm, ok := r.MethodByName(method.Name())
	if !ok {
		panic(unsupportedf("%v has no method %s here", r, method.Name()))
	}
	d.method, d.ftype = rm.Index, reflect.ValueOf(v).Method(rm.Index).Type()
	fn := rm.Func
	if m.opt.Method != nil {
		if other, ok := m.opt.Method(r, method.Name()); ok {
			d.other, fn = other, other
		}
	}
	d.native = s.registers(m, fn.Type(), r)
	d.word, d.boxed = word(fn), !rt.Direct(rt.Type(d.typ))
	return d
}
