package compile

import (
	"go/types"
	"reflect"
	"unsafe"

	"golang.org/x/tools/go/ssa"
)

func (c *compiler) makeChan(x *ssa.MakeChan) op {
	d, n, t := c.reg(x), c.intValue(x.Size), c.layout(x).rt
	if t.ChanDir() != reflect.BothDir {
		t = reflect.ChanOf(reflect.BothDir, t.Elem())
	}
	return func(fr *frame) {
		k := n(fr)
		if k < 0 || k > tooMuch/max(int(t.Elem().Size()), 1) {
			panic(plainError("makechan: size out of range"))
		}
		*at[unsafe.Pointer](fr, d) = reflect.MakeChan(t, k).UnsafePointer()
	}
}

// plainError is a run-time error whose text has no prefix.
type plainError string

func (e plainError) Error() string { return string(e) }
func (e plainError) RuntimeError() {}

// chanValue returns the channel whose word is at p.
func chanValue(t reflect.Type, p unsafe.Pointer) reflect.Value { return reflect.NewAt(t, p).Elem() }

// halted says that an operation waits no longer because the run was stopped.
func (fr *frame) halted() {
	fr.g.halt()
	panic(stopSignal{fr.g.run}) // a deferred call must not wait for ever
}

func (fr *frame) done() reflect.Value { return reflect.ValueOf(fr.g.run.Ctx.Done()) }

func (c *compiler) send(x *ssa.Send) op {
	if o := c.sendWord(x, c.m.memory(x.X.Type())); o != nil {
		return o
	}
	ch, v, t := c.reg(x.Chan), c.operand(x.X), c.layout(x.Chan).rt
	elem := t.Elem()
	return func(fr *frame) {
		cv := chanValue(t, fr.at(ch))
		// a copy, as the other side may read it after this call
		val := reflect.New(elem).Elem()
		val.Set(reflect.NewAt(elem, v(fr)).Elem())
		if !cv.IsNil() && cv.TrySend(val) {
			return
		}
		i, _, _ := reflect.Select([]reflect.SelectCase{
			{Dir: reflect.SelectSend, Chan: cv, Send: val},
			{Dir: reflect.SelectRecv, Chan: fr.done()},
		})
		if i == 1 {
			fr.halted()
		}
	}
}

func (c *compiler) receive(x *ssa.UnOp) op {
	ch, t, m := c.reg(x.X), c.layout(x.X).rt, c.m
	elem := m.memory(x.X.Type().Underlying().(*types.Chan).Elem())
	var d, okr reg
	if x.CommaOk {
		tup := c.tuple(x)
		d, okr = tup[0], tup[1]
	} else {
		d = c.reg(x)
	}
	if o := receiveWord(ch, d, okr, elem); o != nil {
		return o
	}
	return func(fr *frame) {
		cv := chanValue(t, fr.at(ch))
		var v reflect.Value
		var ok bool
		if !cv.IsNil() {
			v, ok = cv.TryRecv()
		}
		if !v.IsValid() {
			var i int
			i, v, ok = reflect.Select([]reflect.SelectCase{{Dir: reflect.SelectRecv, Chan: cv}, {Dir: reflect.SelectRecv, Chan: fr.done()}})
			if i == 1 {
				fr.halted()
			}
		}
		m.fromReflect(elem, fr.at(d), v)
		if x.CommaOk {
			*at[bool](fr, okr) = ok
		}
	}
}

func (c *compiler) selects(x *ssa.Select) op {
	type state struct {
		ch   reg
		t    reflect.Type
		send func(fr *frame) unsafe.Pointer
		d    reg
		l    *layout
	}
	tup, m := c.tuple(x), c.m
	var states []state
	n := 2
	for _, s := range x.States {
		st := state{ch: c.reg(s.Chan), t: c.layout(s.Chan).rt, l: m.memory(s.Chan.Type().Underlying().(*types.Chan).Elem())}
		if s.Dir == types.SendOnly {
			st.send = c.operand(s.Send)
		} else {
			st.d = tup[n]
			n++
		}
		states = append(states, st)
	}
	return func(fr *frame) {
		cases := make([]reflect.SelectCase, 0, len(states)+1)
		for i := range states {
			s := &states[i]
			k := reflect.SelectCase{Dir: reflect.SelectRecv, Chan: chanValue(s.t, fr.at(s.ch))}
			if s.send != nil {
				k.Dir = reflect.SelectSend
				k.Send = reflect.New(s.t.Elem()).Elem()
				k.Send.Set(reflect.NewAt(s.t.Elem(), s.send(fr)).Elem())
			}
			cases = append(cases, k)
		}
		if x.Blocking {
			cases = append(cases, reflect.SelectCase{Dir: reflect.SelectRecv, Chan: fr.done()})
		} else {
			cases = append(cases, reflect.SelectCase{Dir: reflect.SelectDefault})
		}
		i, v, ok := reflect.Select(cases)
		if i == len(states) {
			if x.Blocking {
				fr.halted()
			}
			i = -1
		}
		*at[int](fr, tup[0]) = i
		*at[bool](fr, tup[1]) = ok
		for j := range states {
			if s := &states[j]; s.send == nil {
				if j == i && v.IsValid() {
					m.fromReflect(s.l, fr.at(s.d), v)
				} else {
					s.l.zero(fr.at(s.d))
				}
			}
		}
	}
}
