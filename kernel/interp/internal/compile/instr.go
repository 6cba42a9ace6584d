package compile

import (
	"go/token"
	"go/types"
	"unsafe"

	"golang.org/x/tools/go/ssa"

	"github.com/godlas/godlas/kernel/interp/internal/rt"
)

func (c *compiler) instr(ins ssa.Instruction) op {
	switch x := ins.(type) {
	case *ssa.Call:
		return c.call(&x.Call, x)
	case *ssa.Defer:
		return c.deferred(x)
	case *ssa.Go:
		return c.goroutine(x)
	case *ssa.RunDefers:
		c.f.deferring = true
		return (*frame).rundefers
	case *ssa.Alloc:
		return c.allocate(x)
	case *ssa.Store:
		return c.storeOp(x)
	case *ssa.UnOp:
		return c.unop(x)
	case *ssa.BinOp:
		return c.binop(x)
	case *ssa.ChangeType:
		return c.copyOp(x, x.X)
	case *ssa.ChangeInterface:
		return c.copyOp(x, x.X)
	case *ssa.Convert:
		return c.convert(x, x.X)
	case *ssa.MultiConvert:
		return c.convert(x, x.X)
	case *ssa.SliceToArrayPointer:
		return c.sliceToArray(x)
	case *ssa.MakeInterface:
		return c.makeInterface(x)
	case *ssa.MakeClosure:
		return c.makeClosure(x)
	case *ssa.MakeMap:
		return c.makeMap(x)
	case *ssa.MakeChan:
		return c.makeChan(x)
	case *ssa.MakeSlice:
		return c.makeSlice(x)
	case *ssa.FieldAddr:
		return c.fieldAddr(x)
	case *ssa.Field:
		return c.field(x)
	case *ssa.IndexAddr:
		return c.indexAddr(x)
	case *ssa.Index:
		return c.index(x)
	case *ssa.Lookup:
		return c.lookup(x)
	case *ssa.MapUpdate:
		return c.mapUpdate(x)
	case *ssa.Range:
		return c.rangeOver(x)
	case *ssa.Next:
		return c.next(x)
	case *ssa.Slice:
		return c.slice(x)
	case *ssa.Send:
		return c.send(x)
	case *ssa.Select:
		return c.selects(x)
	case *ssa.TypeAssert:
		return c.assert(x)
	}
	panic(unsupportedf("instruction %T: %v", ins, ins))
}

// copyOp copies a value that is the same under both types.
func (c *compiler) copyOp(v, x ssa.Value) op {
	d, s, l := c.reg(v), c.reg(x), c.layout(v)
	if l.how == copyPointer {
		return func(fr *frame) { *at[unsafe.Pointer](fr, d) = *at[unsafe.Pointer](fr, s) }
	}
	return func(fr *frame) { l.move(fr.at(d), fr.at(s)) }
}

// nilCheck panics as compiled code does if p is nil.
func nilCheck(p unsafe.Pointer) {
	if p == nil {
		nilDeref(nil)
	}
}

//go:noinline
func nilDeref(p *int) int { return *p }

func (c *compiler) pointee(v ssa.Value) *layout {
	return c.m.memory(v.Type().Underlying().(*types.Pointer).Elem())
}

func (c *compiler) allocate(x *ssa.Alloc) op {
	d, l := c.reg(x), c.pointee(x)
	t := l.rtyp
	if x.Comment == "makeslice" && l.rt.Size() > tooMuch { // make with a constant length is an array to ssa
		return func(*frame) { panic(runtimeError("makeslice: len out of range")) }
	}
	if x.Heap {
		return func(fr *frame) { *at[unsafe.Pointer](fr, d) = rt.New(t) }
	}
	// the variable stays in the frame, with the layout of memory
	b := block{size: align(c.mem.size, wordSize)}
	home := b.size
	c.mem.size = home + max(l.rt.Size(), 1)
	c.mem.ptrs = rt.Pointers(t, home, c.mem.ptrs)
	clear := c.m.clearer(l)
	return func(fr *frame) {
		p := fr.at(home)
		clear(p)
		*at[unsafe.Pointer](fr, d) = p
	}
}

// clearer zeroes memory of a type.
func (m *Machine) clearer(l *layout) func(p unsafe.Pointer) {
	if l.iface {
		return func(p unsafe.Pointer) { *(*eface)(p) = eface{} }
	}
	if l.how == copyTyped && !rt.HasPointers(l.rtyp) {
		n := l.rt.Size()
		return func(p unsafe.Pointer) { clear(unsafe.Slice((*byte)(p), n)) }
	}
	return l.zero
}

func (c *compiler) storeOp(x *ssa.Store) op {
	l := c.layout(x.Val)
	m := c.m
	v := c.reg(x.Val)
	if f, ok := x.Addr.(*ssa.FieldAddr); ok && fieldName(f) == "_" { // a blank field stays zero
		return func(*frame) {}
	}
	if g, ok := x.Addr.(*ssa.Global); ok {
		q := c.m.Global(g)
		return func(fr *frame) { m.store(l, q, fr.at(v)) }
	}
	p := c.reg(x.Addr)
	if !l.iface {
		switch l.how {
		case copy8:
			return func(fr *frame) { **at[*uint64](fr, p) = *at[uint64](fr, v) }
		case copy4:
			return func(fr *frame) { **at[*uint32](fr, p) = *at[uint32](fr, v) }
		case copy1:
			return func(fr *frame) { **at[*uint8](fr, p) = *at[uint8](fr, v) }
		case copyPointer:
			return func(fr *frame) { **at[*unsafe.Pointer](fr, p) = *at[unsafe.Pointer](fr, v) }
		case copyString:
			return func(fr *frame) { **at[*string](fr, p) = *at[string](fr, v) }
		}
	}
	return func(fr *frame) {
		q := *at[unsafe.Pointer](fr, p)
		nilCheck(q)
		m.store(l, q, fr.at(v))
	}
}

func (c *compiler) loadOp(x *ssa.UnOp) op {
	d, l := c.reg(x), c.layout(x)
	m := c.m
	if g, ok := x.X.(*ssa.Global); ok {
		q := c.m.Global(g)
		if l.how == copy8 {
			return func(fr *frame) { *at[uint64](fr, d) = *(*uint64)(q) }
		}
		return func(fr *frame) { m.load(l, fr.at(d), q) }
	}
	p := c.reg(x.X)
	if !l.iface {
		switch l.how {
		case copy8:
			return func(fr *frame) { *at[uint64](fr, d) = **at[*uint64](fr, p) }
		case copy4:
			return func(fr *frame) { *at[uint32](fr, d) = **at[*uint32](fr, p) }
		case copy1:
			return func(fr *frame) { *at[uint8](fr, d) = **at[*uint8](fr, p) }
		case copyPointer:
			return func(fr *frame) { *at[unsafe.Pointer](fr, d) = **at[*unsafe.Pointer](fr, p) }
		case copyString:
			return func(fr *frame) { *at[string](fr, d) = **at[*string](fr, p) }
		}
	}
	return func(fr *frame) {
		q := *at[unsafe.Pointer](fr, p)
		nilCheck(q)
		m.load(l, fr.at(d), q)
	}
}

func (c *compiler) fieldAddr(x *ssa.FieldAddr) op {
	d, p := c.reg(x), c.reg(x.X)
	off := c.pointee(x.X).rt.Field(x.Field).Offset
	return func(fr *frame) {
		q := *at[unsafe.Pointer](fr, p)
		if q == nil {
			nilDeref(nil)
		}
		*at[unsafe.Pointer](fr, d) = unsafe.Add(q, off)
	}
}

func fieldName(x *ssa.FieldAddr) string {
	return x.X.Type().Underlying().(*types.Pointer).Elem().Underlying().(*types.Struct).Field(x.Field).Name()
}

func (c *compiler) field(x *ssa.Field) op {
	d, s, l := c.reg(x), c.reg(x.X), c.layout(x)
	off := c.layout(x.X).rt.Field(x.Field).Offset
	m := c.m
	return func(fr *frame) { m.load(l, fr.at(d), fr.at(s+off)) }
}

// intValue returns a reader of an integer of any type as an int. Unsigned
// values too big for an int become negative, and so out of every range.
func (c *compiler) intValue(v ssa.Value) func(fr *frame) int {
	r := c.reg(v)
	switch v.Type().Underlying().(*types.Basic).Kind() {
	case types.Int8:
		return func(fr *frame) int { return int(*at[int8](fr, r)) }
	case types.Int16:
		return func(fr *frame) int { return int(*at[int16](fr, r)) }
	case types.Int32, types.UntypedRune:
		return func(fr *frame) int { return int(*at[int32](fr, r)) }
	case types.Uint8:
		return func(fr *frame) int { return int(*at[uint8](fr, r)) }
	case types.Uint16:
		return func(fr *frame) int { return int(*at[uint16](fr, r)) }
	case types.Uint32:
		return func(fr *frame) int { return int(*at[uint32](fr, r)) }
	case types.Int64, types.Uint64:
		return func(fr *frame) int { return int(*at[int64](fr, r)) }
	}
	return func(fr *frame) int { return *at[int](fr, r) }
}

// isInt says that a value's register holds an int.
func isInt(v ssa.Value) bool {
	switch v.Type().Underlying().(*types.Basic).Kind() {
	case types.Int, types.UntypedInt, types.Uint, types.Uintptr:
		return true
	}
	return false
}

// outOfRange panics with the run time's own error for an index.
//
//go:noinline
func outOfRange(i, n int) { _ = unsafe.Slice((*struct{})(unsafe.Pointer(&dummy)), n)[i] }

var dummy struct{}

type sliceHeader struct {
	p        unsafe.Pointer
	len, cap int
}

func (c *compiler) indexAddr(x *ssa.IndexAddr) op {
	d, s, i := c.reg(x), c.reg(x.X), c.intValue(x.Index)
	var elem *layout
	n := -1
	switch t := x.X.Type().Underlying().(type) {
	case *types.Slice:
		elem = c.m.memory(t.Elem())
	case *types.Pointer:
		a := t.Elem().Underlying().(*types.Array)
		elem, n = c.m.memory(a.Elem()), int(a.Len())
	}
	size := elem.rt.Size()
	if n >= 0 {
		return func(fr *frame) {
			q := *at[unsafe.Pointer](fr, s)
			if q == nil {
				nilDeref(nil)
			}
			k := i(fr)
			if uint(k) >= uint(n) {
				outOfRange(k, n)
			}
			*at[unsafe.Pointer](fr, d) = unsafe.Add(q, uintptr(k)*size)
		}
	}
	if isInt(x.Index) {
		k := c.reg(x.Index)
		return func(fr *frame) {
			h := at[sliceHeader](fr, s)
			i := *at[int](fr, k)
			if uint(i) >= uint(h.len) {
				outOfRange(i, h.len)
			}
			*at[unsafe.Pointer](fr, d) = unsafe.Add(h.p, uintptr(i)*size)
		}
	}
	return func(fr *frame) {
		h := at[sliceHeader](fr, s)
		k := i(fr)
		if uint(k) >= uint(h.len) {
			outOfRange(k, h.len)
		}
		*at[unsafe.Pointer](fr, d) = unsafe.Add(h.p, uintptr(k)*size)
	}
}

// index reads an element of a string or of an array in a register.
func (c *compiler) index(x *ssa.Index) op {
	d, s, i := c.reg(x), c.reg(x.X), c.intValue(x.Index)
	if a, ok := x.X.Type().Underlying().(*types.Array); ok {
		l, n := c.layout(x), int(a.Len())
		size := c.m.memory(a.Elem()).rt.Size()
		m := c.m
		return func(fr *frame) {
			k := i(fr)
			if uint(k) >= uint(n) {
				outOfRange(k, n)
			}
			m.load(l, fr.at(d), fr.at(s+uintptr(k)*size))
		}
	}
	if _, ok := x.X.Type().Underlying().(*types.Slice); ok { // of a type parameter's core type
		l := c.layout(x)
		size := l.rt.Size()
		m := c.m
		return func(fr *frame) {
			h := at[sliceHeader](fr, s)
			k := i(fr)
			if uint(k) >= uint(h.len) {
				outOfRange(k, h.len)
			}
			m.load(l, fr.at(d), unsafe.Add(h.p, uintptr(k)*size))
		}
	}
	return func(fr *frame) { *at[byte](fr, d) = (*at[string](fr, s))[i(fr)] }
}

func (c *compiler) makeSlice(x *ssa.MakeSlice) op {
	d, n, k := c.reg(x), c.intValue(x.Len), c.intValue(x.Cap)
	elem := c.m.memory(x.Type().Underlying().(*types.Slice).Elem())
	t, size := elem.rtyp, elem.rt.Size()
	return func(fr *frame) {
		len, cap := n(fr), k(fr)
		checkMake(len, cap, size)
		*at[sliceHeader](fr, d) = sliceHeader{rt.NewArray(t, cap), len, cap}
	}
}

func checkMake(len, cap int, size uintptr) {
	if len < 0 || size > 0 && uintptr(len) > tooMuch/size {
		panic(runtimeError("makeslice: len out of range"))
	}
	if cap < len || size > 0 && uintptr(cap) > tooMuch/size {
		panic(runtimeError("makeslice: cap out of range"))
	}
}

// tooMuch is the number of bytes that no allocation can have.
const tooMuch = 1 << (30 + 17*(^uint(0)>>63))

// bounds evaluates the operands of a slice expression.
type bounds struct {
	lo, hi, max func(fr *frame) int
}

func (c *compiler) bounds(x *ssa.Slice) (b bounds) {
	if x.Low != nil {
		b.lo = c.intValue(x.Low)
	}
	if x.High != nil {
		b.hi = c.intValue(x.High)
	}
	if x.Max != nil {
		b.max = c.intValue(x.Max)
	}
	return b
}

// cut slices n of cap elements; the run time checks the bounds, on elements
// without size, and so panics in its own words.
func (b *bounds) cut(fr *frame, p unsafe.Pointer, n, cap int, size uintptr, array bool) sliceHeader {
	lo := 0
	if b.lo != nil {
		lo = b.lo(fr)
	}
	all := unsafe.Slice((*struct{})(unsafe.Pointer(&dummy)), cap)
	if !array {
		all = all[:n]
	}
	switch {
	case b.max != nil:
		hi, max := b.hi(fr), b.max(fr)
		if array && max > cap {
			panic(runtimeError("slice bounds out of range [::" + itoa(max) + "] with length " + itoa(cap)))
		}
		all = all[lo:hi:max]
	case b.hi != nil:
		hi := b.hi(fr)
		if array && hi > cap {
			panic(runtimeError("slice bounds out of range [:" + itoa(hi) + "] with length " + itoa(cap)))
		}
		all = all[lo:hi]
	default:
		all = all[lo:]
	}
	h := sliceHeader{p, len(all), 0}
	h.cap = capOf(all)
	if h.cap > 0 { // else the address is past the end, and not to be held
		h.p = unsafe.Add(p, uintptr(lo)*size)
	}
	return h
}

func capOf(s []struct{}) int { return cap(s) }

func (c *compiler) slice(x *ssa.Slice) op {
	d, s := c.reg(x), c.reg(x.X)
	b := c.bounds(x)
	switch t := x.X.Type().Underlying().(type) {
	case *types.Pointer:
		a := t.Elem().Underlying().(*types.Array)
		size, n := c.m.memory(a.Elem()).rt.Size(), int(a.Len())
		if made, ok := x.X.(*ssa.Alloc); ok && made.Comment == "makeslice" && b.hi != nil {
			return func(fr *frame) {
				len := b.hi(fr)
				checkMake(len, n, size)
				*at[sliceHeader](fr, d) = sliceHeader{*at[unsafe.Pointer](fr, s), len, n}
			}
		}
		return func(fr *frame) {
			p := *at[unsafe.Pointer](fr, s)
			nilCheck(p)
			*at[sliceHeader](fr, d) = b.cut(fr, p, n, n, size, true)
		}
	case *types.Slice:
		size := c.m.memory(t.Elem()).rt.Size()
		return func(fr *frame) {
			h := *at[sliceHeader](fr, s)
			*at[sliceHeader](fr, d) = b.cut(fr, h.p, h.len, h.cap, size, false)
		}
	}
	return func(fr *frame) {
		str := *at[string](fr, s)
		lo := 0
		if b.lo != nil {
			lo = b.lo(fr)
		}
		if b.hi != nil {
			str = str[lo:b.hi(fr)]
		} else {
			str = str[lo:]
		}
		*at[string](fr, d) = str
	}
}

func (c *compiler) sliceToArray(x *ssa.SliceToArrayPointer) op {
	d, s := c.reg(x), c.reg(x.X)
	n := int(x.Type().Underlying().(*types.Pointer).Elem().Underlying().(*types.Array).Len())
	return func(fr *frame) {
		h := *at[sliceHeader](fr, s)
		if h.len < n {
			panic(runtimeError("cannot convert slice with length " + itoa(h.len) + " to array or pointer to array with length " + itoa(n)))
		}
		*at[unsafe.Pointer](fr, d) = h.p
	}
}

func (c *compiler) makeClosure(x *ssa.MakeClosure) op {
	d := c.reg(x)
	f := c.m.fun(x.Fn.(*ssa.Function))
	maker := c.m.maker(c.layout(x).rt)
	var regs []reg
	var ls []*layout
	var vars block
	var offs []uintptr
	for _, b := range x.Bindings {
		l := c.layout(b)
		regs, ls, offs = append(regs, c.reg(b)), append(ls, l), append(offs, vars.add(l))
	}
	t := rt.Layout(vars.size, vars.ptrs)
	return func(fr *frame) {
		p := rt.New(t)
		for i, l := range ls {
			l.move(unsafe.Add(p, offs[i]), fr.at(regs[i]))
		}
		*at[unsafe.Pointer](fr, d) = maker.Make(unsafe.Pointer(f), p)
	}
}

func (c *compiler) unop(x *ssa.UnOp) op {
	switch x.Op {
	case token.MUL:
		return c.loadOp(x)
	case token.ARROW:
		return c.receive(x)
	case token.NOT:
		d, s := c.reg(x), c.reg(x.X)
		return func(fr *frame) { *at[bool](fr, d) = !*at[bool](fr, s) }
	}
	return c.arith1(x)
}
