package compile

import (
	"go/types"
	"reflect"
	"unicode/utf8"
	"unsafe"

	"golang.org/x/tools/go/ssa"

	"github.com/godlas/godlas/kernel/interp/internal/rt"
)

func (c *compiler) makeMap(x *ssa.MakeMap) op {
	d, t := c.reg(x), c.layout(x).rt
	size := func(*frame) int { return 0 }
	if x.Reserve != nil {
		size = c.intValue(x.Reserve)
	}
	return func(fr *frame) {
		n := size(fr)
		*at[unsafe.Pointer](fr, d) = reflect.MakeMapWithSize(t, max(n, 0)).UnsafePointer()
	}
}

// operand returns a reader of a value's address with the layout of memory,
// which differs from the frame's for interfaces with methods. The address is
// good until the next call of the same reader.
func (c *compiler) operand(v ssa.Value) func(fr *frame) unsafe.Pointer {
	r, l, m := c.reg(v), c.layout(v), c.m
	if !l.iface {
		return func(fr *frame) unsafe.Pointer { return fr.at(r) }
	}
	tmp := c.mem.add(c.m.memory(anyInterface))
	return func(fr *frame) unsafe.Pointer {
		m.store(l, fr.at(tmp), fr.at(r))
		return fr.at(tmp)
	}
}

var anyInterface = types.NewInterfaceType(nil, nil)

func (c *compiler) lookup(x *ssa.Lookup) op {
	mt, ok := x.X.Type().Underlying().(*types.Map)
	if !ok { // a byte of a string
		d, s, i := c.reg(x), c.reg(x.X), c.intValue(x.Index)
		return func(fr *frame) { *at[byte](fr, d) = (*at[string](fr, s))[i(fr)] }
	}
	if ops := c.mapOps(mt); ops != nil {
		if x.CommaOk {
			tup := c.tuple(x)
			return ops.getOK(tup[0], tup[1], c.reg(x.X), c.reg(x.Index))
		}
		return ops.get(c.reg(x), c.reg(x.X), c.reg(x.Index))
	}
	mr, key, m := c.reg(x.X), c.operand(x.Index), c.m
	t, elem := c.layout(x.X).rtyp, c.m.memory(mt.Elem())
	if x.CommaOk {
		tup := c.tuple(x)
		d, has := tup[0], tup[1]
		return func(fr *frame) {
			p, ok := rt.MapGet(t, *at[unsafe.Pointer](fr, mr), key(fr))
			*at[bool](fr, has) = ok
			if ok {
				m.load(elem, fr.at(d), p)
			} else {
				elem.zero(fr.at(d))
			}
		}
	}
	d := c.reg(x)
	return func(fr *frame) {
		if p, ok := rt.MapGet(t, *at[unsafe.Pointer](fr, mr), key(fr)); ok {
			m.load(elem, fr.at(d), p)
		} else {
			elem.zero(fr.at(d))
		}
	}
}

func (c *compiler) mapUpdate(x *ssa.MapUpdate) op {
	if ops := c.mapOps(x.Map.Type()); ops != nil {
		return ops.set(c.reg(x.Map), c.reg(x.Key), c.reg(x.Value))
	}
	mr, key, v, m := c.reg(x.Map), c.operand(x.Key), c.reg(x.Value), c.m
	t, elem := c.layout(x.Map).rtyp, c.layout(x.Value)
	return func(fr *frame) {
		w := *at[unsafe.Pointer](fr, mr)
		if w == nil {
			panic(plainError("assignment to entry in nil map"))
		}
		m.store(elem, rt.MapSet(t, w, key(fr)), fr.at(v))
	}
}

// stringIter walks a string.
type stringIter struct {
	s string
	i int
}

// mapIter walks a map, which it keeps.
type mapIter struct {
	it *reflect.MapIter
}

func (c *compiler) rangeOver(x *ssa.Range) op {
	d, s := c.reg(x), c.reg(x.X)
	if _, ok := x.X.Type().Underlying().(*types.Map); ok {
		t := c.layout(x.X).rt
		return func(fr *frame) {
			w := *at[unsafe.Pointer](fr, s)
			it := &mapIter{reflect.NewAt(t, unsafe.Pointer(&w)).Elem().MapRange()}
			*at[unsafe.Pointer](fr, d) = unsafe.Pointer(it)
		}
	}
	return func(fr *frame) {
		*at[unsafe.Pointer](fr, d) = unsafe.Pointer(&stringIter{s: *at[string](fr, s)})
	}
}

func (c *compiler) next(x *ssa.Next) op {
	it, tup, m := c.reg(x.Iter), c.tuple(x), c.m
	ok, key, val := tup[0], tup[1], tup[2]
	if x.IsString {
		return func(fr *frame) {
			i := (*stringIter)(*at[unsafe.Pointer](fr, it))
			if *at[bool](fr, ok) = i.i < len(i.s); i.i >= len(i.s) {
				return
			}
			r, n := utf8.DecodeRuneInString(i.s[i.i:])
			*at[int](fr, key) = i.i
			*at[rune](fr, val) = r
			i.i += n
		}
	}
	mt := x.Iter.(*ssa.Range).X.Type().Underlying().(*types.Map)
	kl, vl := m.memory(mt.Key()), m.memory(mt.Elem())
	res := x.Type().(*types.Tuple)
	wantKey, wantVal := valid(res.At(1).Type()), valid(res.At(2).Type())
	mapType := c.layout(x.Iter.(*ssa.Range).X).rt
	if mapType.Kind() == reflect.Map && !kl.isInterface && !vl.isInterface && kl.rt == mapType.Key() && vl.rt == mapType.Elem() {
		return func(fr *frame) { // straight into the frame
			i := (*mapIter)(*at[unsafe.Pointer](fr, it))
			more := i.it.Next()
			*at[bool](fr, ok) = more
			if !more {
				return
			}
			if wantKey {
				reflect.NewAt(kl.rt, fr.at(key)).Elem().SetIterKey(i.it)
			}
			if wantVal {
				reflect.NewAt(vl.rt, fr.at(val)).Elem().SetIterValue(i.it)
			}
		}
	}
	return func(fr *frame) {
		i := (*mapIter)(*at[unsafe.Pointer](fr, it))
		more := i.it.Next()
		*at[bool](fr, ok) = more
		if !more {
			return
		}
		if wantKey {
			m.fromReflect(kl, fr.at(key), i.it.Key())
		}
		if wantVal {
			m.fromReflect(vl, fr.at(val), i.it.Value())
		}
	}
}

func valid(t types.Type) bool {
	b, ok := t.(*types.Basic)
	return !ok || b.Kind() != types.Invalid
}
