package compile

import (
	"reflect"
	"unsafe"

	"github.com/godlas/godlas/kernel/interp/internal/rt"
)

// nativeCall is a call of compiled code with arguments and results in registers.
type nativeCall struct {
	m       *Machine
	recv    []rt.Part // of the receiver's memory
	in      []rt.Part // of the frame
	ret     rt.Sequence
	out     []rt.Part
	args    []crossing
	results []crossing
}

// crossing is an interface with methods: it has another form in memory, and in
// registers, than in a frame.
type crossing struct {
	l      *layout
	at     reg
	memory reg // room for the form in memory
}

// reserve makes room in the frame for the interfaces that compiled code is given
// and returns at a site.
func (s *site) reserve(c *compiler) {
	if s.rooms != nil {
		return
	}
	s.rooms = make([]reg, len(s.in)+len(s.out))
	for i, l := range s.in {
		if l.iface {
			s.rooms[i] = c.mem.add(c.m.memory(anyInterface))
		}
	}
	for i, l := range s.out {
		if l.iface {
			s.rooms[len(s.in)+i] = c.mem.add(c.m.memory(anyInterface))
		}
	}
}

// registers plans calls of functions of type t at a site with room for
// interfaces, or returns nil if they pass something on the stack. recv, if not
// nil, is the type of a receiver that comes first and is not an argument of the
// site.
func (s *site) registers(m *Machine, t, recv reflect.Type) *nativeCall {
	if !rt.CanCall() {
		return nil
	}
	n := &nativeCall{m: m}
	var in rt.Sequence
	first := 0
	if recv != nil {
		if !in.Add(recv, 0) {
			return nil
		}
		n.recv, in.Parts, first = in.Parts, nil, 1
	}
	for i, r := range s.args {
		l := s.in[i]
		if !alike(l, t.In(first+i)) {
			return nil
		}
		if l.iface {
			n.args = append(n.args, crossing{l, r, s.rooms[i]})
			r = s.rooms[i]
		}
		if !in.Add(t.In(first+i), r) {
			return nil
		}
	}
	for i := range t.NumOut() {
		r := reg(0)
		if len(s.dst) > 0 {
			l := s.out[i]
			if !alike(l, t.Out(i)) {
				return nil
			}
			if r = s.dst[i]; l.iface {
				n.results = append(n.results, crossing{l, r, s.rooms[len(s.in)+i]})
				r = s.rooms[len(s.in)+i]
			}
		}
		if !n.ret.Add(t.Out(i), r) {
			return nil
		}
	}
	n.in = in.Parts
	if len(s.dst) > 0 {
		n.out = n.ret.Parts
	}
	return n
}

// alike says that a value of a layout is passed as compiled code of type t has it.
func alike(l *layout, t reflect.Type) bool {
	if t.Kind() == reflect.Interface {
		return l.isInterface && (l.rt == t || t.NumMethod() == 0 && !l.iface)
	}
	return !l.isInterface && l.rt.Size() == t.Size()
}

// word returns the func value of a compiled function.
func word(fn reflect.Value) unsafe.Pointer {
	p := reflect.New(fn.Type())
	p.Elem().Set(fn)
	return *(*unsafe.Pointer)(p.UnsafePointer())
}

// call calls fn. recv is the memory of a receiver, if the plan has one.
func (n *nativeCall) call(fr *frame, fn, recv unsafe.Pointer) {
	var r rt.Regs
	if n.recv != nil {
		r.Load(recv, n.recv)
	}
	for i := range n.args {
		x := &n.args[i]
		n.m.store(x.l, fr.at(x.memory), fr.at(x.at))
	}
	r.Load(unsafe.Pointer(fr), n.in)
	r.Returns(&n.ret)
	rt.Call(fn, &r)
	fr.returned()
	r.Store(unsafe.Pointer(fr), n.out)
	for i := range n.results {
		x := &n.results[i]
		n.m.load(x.l, fr.at(x.at), fr.at(x.memory))
	}
}

// returned follows a call of compiled code.
func (fr *frame) returned() {
	g := fr.g
	if g.top != fr { // it recovered a panic of the cell's code
		g.top = fr
	}
	if g.stop.Load() {
		g.halt()
	}
}
