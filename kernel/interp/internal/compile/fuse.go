package compile

import (
	"go/token"
	"go/types"
	"unsafe"

	"golang.org/x/tools/go/ssa"
)

// Instructions that are common one after the other are compiled as one, which
// saves a call and a trip through the frame. What an instruction in the middle
// makes is used by the next one alone, and is not written to the frame.

// fuse compiles the first instructions of a list together, and says how many, 0
// if they do not go together.
func (c *compiler) fuse(list []ssa.Instruction) (op, int) {
	if len(list) < 2 {
		return nil, 0
	}
	switch x := list[0].(type) {
	case *ssa.IndexAddr:
		if s, ok := x.X.Type().Underlying().(*types.Slice); ok && isInt(x.Index) {
			return c.fuseIndex(x, c.m.memory(s.Elem()), list)
		}
	case *ssa.FieldAddr:
		return c.fuseField(x, list)
	case *ssa.UnOp:
		return c.fuseLoad(x, list)
	case *ssa.BinOp:
		return c.fuseBinary(x, list)
	case *ssa.Lookup:
		if _, ok := x.X.Type().Underlying().(*types.Map); ok {
			return c.fuseMap(x, list)
		}
		return c.fuseByte(list)
	case *ssa.Index:
		return c.fuseByte(list)
	}
	return nil, 0
}

// loads recognises the load through an address that nothing else uses.
func loads(addr ssa.Value, ins ssa.Instruction) (*ssa.UnOp, bool) {
	ld, ok := ins.(*ssa.UnOp)
	return ld, ok && ld.Op == token.MUL && ld.X == addr && only(addr, ins)
}

// update is *p = *p op y.
type update struct {
	op token.Token
	y  reg
	l  *layout
	t  types.BasicKind
}

// updates recognises a load, an operation and a store through the same address;
// own says that addr is made for them alone.
func (c *compiler) updates(addr ssa.Value, own bool, list []ssa.Instruction) (u update, ok bool) {
	if len(list) < 3 {
		return u, false
	}
	if f, ok := addr.(*ssa.FieldAddr); ok && fieldName(f) == "_" {
		return u, false
	}
	ld, ok := list[0].(*ssa.UnOp)
	if !ok || ld.Op != token.MUL || ld.X != addr {
		return u, false
	}
	x, ok := list[1].(*ssa.BinOp)
	if !ok || !only(ld, x) || x.X != ssa.Value(ld) {
		return u, false
	}
	st, ok := list[2].(*ssa.Store)
	if !ok || st.Addr != addr || st.Val != ssa.Value(x) || !only(x, st) {
		return u, false
	}
	if refs := addr.Referrers(); own && (refs == nil || len(*refs) != 2) {
		return u, false
	}
	k := arithmetic(x)
	if k == types.Invalid {
		return u, false
	}
	return update{x.Op, c.reg(x.Y), c.layout(x), k}, true
}

// arithmetic returns the kind of numbers that an addition, subtraction or
// multiplication of one word works on: Int for all integers of 64 bits, which
// these treat alike, Float64, or Invalid.
func arithmetic(x *ssa.BinOp) types.BasicKind {
	switch x.Op {
	case token.ADD, token.SUB, token.MUL:
	default:
		return types.Invalid
	}
	switch kindOf(x.X.Type()) {
	case types.Int, types.Int64, types.Uint, types.Uint64, types.Uintptr:
		return types.Int
	case types.Float64:
		return types.Float64
	}
	return types.Invalid
}

func (c *compiler) fuseIndex(x *ssa.IndexAddr, elem *layout, list []ssa.Instruction) (op, int) {
	s, k, size := c.reg(x.X), c.reg(x.Index), elem.rt.Size()
	if u, ok := c.updates(x, true, list[1:]); ok && elem.how == copy8 {
		if u.t == types.Float64 {
			return updateElem[float64](u, s, k), 4
		}
		return updateElem[int](u, s, k), 4
	}
	if st, ok := list[1].(*ssa.Store); ok && st.Addr == ssa.Value(x) && only(x, st) && !elem.iface {
		return storeElem(s, k, c.reg(st.Val), elem, size), 2
	}
	ld, ok := loads(x, list[1])
	if !ok || elem.iface {
		return nil, 0
	}
	if len(list) > 3 && elem.how == copySlice { // a[i][j]
		if y, ok := list[2].(*ssa.IndexAddr); ok && y.X == ssa.Value(ld) && only(ld, y) && isInt(y.Index) {
			inner := c.m.memory(ld.Type().Underlying().(*types.Slice).Elem())
			if ld2, ok := loads(y, list[3]); ok && inner.how == copy8 {
				return loadElem2(c.reg(ld2), s, k, c.reg(y.Index)), 4
			}
		}
	}
	d := c.reg(ld)
	if len(list) > 2 && elem.how == copy8 {
		if b, ok := list[2].(*ssa.BinOp); ok && only(ld, b) && b.Y == ssa.Value(ld) && b.X != ssa.Value(ld) {
			switch arithmetic(b) {
			case types.Int:
				return elemOp[int](b.Op, c.reg(b), c.reg(b.X), s, k), 3
			case types.Float64:
				return elemOp[float64](b.Op, c.reg(b), c.reg(b.X), s, k), 3
			}
		}
	}
	switch elem.how {
	case copy8:
		return loadElem[uint64](d, s, k), 2
	case copy4:
		return loadElem[uint32](d, s, k), 2
	case copy1:
		return loadElem[uint8](d, s, k), 2
	case copyPointer:
		return loadElem[unsafe.Pointer](d, s, k), 2
	case copyString:
		return loadElem[string](d, s, k), 2
	}
	return func(fr *frame) { elem.move(fr.at(d), elemAt(fr, s, k, size)) }, 2
}

// elemAt returns the address of an element.
func elemAt(fr *frame, s, k reg, size uintptr) unsafe.Pointer {
	h := at[sliceHeader](fr, s)
	i := *at[int](fr, k)
	if uint(i) >= uint(h.len) {
		outOfRange(i, h.len)
	}
	return unsafe.Add(h.p, uintptr(i)*size)
}

func loadElem[T any](d, s, k reg) op {
	return func(fr *frame) {
		h := at[sliceHeader](fr, s)
		i := *at[int](fr, k)
		if uint(i) >= uint(h.len) {
			outOfRange(i, h.len)
		}
		*at[T](fr, d) = *(*T)(unsafe.Add(h.p, uintptr(i)*unsafe.Sizeof(*new(T))))
	}
}

// loadElem2 loads a word of a slice of slices.
func loadElem2(d, s, k, k2 reg) op {
	return func(fr *frame) {
		h := at[sliceHeader](fr, s)
		i := *at[int](fr, k)
		if uint(i) >= uint(h.len) {
			outOfRange(i, h.len)
		}
		h = (*sliceHeader)(unsafe.Add(h.p, uintptr(i)*unsafe.Sizeof(*h)))
		i = *at[int](fr, k2)
		if uint(i) >= uint(h.len) {
			outOfRange(i, h.len)
		}
		*at[uint64](fr, d) = *(*uint64)(unsafe.Add(h.p, uintptr(i)*8))
	}
}

func storeElem(s, k, v reg, elem *layout, size uintptr) op {
	switch elem.how {
	case copy8:
		return storeWord[uint64](s, k, v)
	case copy4:
		return storeWord[uint32](s, k, v)
	case copy1:
		return storeWord[uint8](s, k, v)
	case copyPointer:
		return storeWord[unsafe.Pointer](s, k, v)
	case copyString:
		return storeWord[string](s, k, v)
	}
	return func(fr *frame) { elem.move(elemAt(fr, s, k, size), fr.at(v)) }
}

func storeWord[T any](s, k, v reg) op {
	return func(fr *frame) {
		h := at[sliceHeader](fr, s)
		i := *at[int](fr, k)
		if uint(i) >= uint(h.len) {
			outOfRange(i, h.len)
		}
		*(*T)(unsafe.Add(h.p, uintptr(i)*unsafe.Sizeof(*new(T)))) = *at[T](fr, v)
	}
}

type number interface{ int | float64 }

// elemOp is d = a op s[k].
func elemOp[T number](o token.Token, d, a, s, k reg) op {
	switch o {
	case token.ADD:
		return func(fr *frame) { *at[T](fr, d) = *at[T](fr, a) + *(*T)(elemAt(fr, s, k, 8)) }
	case token.SUB:
		return func(fr *frame) { *at[T](fr, d) = *at[T](fr, a) - *(*T)(elemAt(fr, s, k, 8)) }
	}
	return func(fr *frame) { *at[T](fr, d) = *at[T](fr, a) * *(*T)(elemAt(fr, s, k, 8)) }
}

func updateElem[T number](u update, s, k reg) op {
	y := u.y
	switch u.op {
	case token.ADD:
		return func(fr *frame) { *(*T)(elemAt(fr, s, k, 8)) += *at[T](fr, y) }
	case token.SUB:
		return func(fr *frame) { *(*T)(elemAt(fr, s, k, 8)) -= *at[T](fr, y) }
	}
	return func(fr *frame) { *(*T)(elemAt(fr, s, k, 8)) *= *at[T](fr, y) }
}

func (c *compiler) fuseField(x *ssa.FieldAddr, list []ssa.Instruction) (op, int) {
	p, off := c.reg(x.X), c.pointee(x.X).rt.Field(x.Field).Offset
	if u, ok := c.updates(x, true, list[1:]); ok {
		if u.t == types.Float64 {
			return updateAt[float64](u, p, off), 4
		}
		return updateAt[int](u, p, off), 4
	}
	if st, ok := list[1].(*ssa.Store); ok && st.Addr == ssa.Value(x) && only(x, st) && fieldName(x) != "_" {
		return c.storeField(st, p, off)
	}
	ld, ok := loads(x, list[1])
	if !ok {
		return nil, 0
	}
	d, l := c.reg(ld), c.layout(ld)
	if l.iface {
		return nil, 0
	}
	switch l.how {
	case copy8:
		return loadField[uint64](d, p, off), 2
	case copy4:
		return loadField[uint32](d, p, off), 2
	case copy1:
		return loadField[uint8](d, p, off), 2
	case copyPointer:
		return loadField[unsafe.Pointer](d, p, off), 2
	case copyString:
		return loadField[string](d, p, off), 2
	case copySlice:
		return loadField[[]unsafe.Pointer](d, p, off), 2
	}
	return func(fr *frame) {
		q := *at[unsafe.Pointer](fr, p)
		nilCheck(q)
		l.move(fr.at(d), unsafe.Add(q, off))
	}, 2
}

func loadField[T any](d, p, off reg) op {
	return func(fr *frame) {
		q := *at[unsafe.Pointer](fr, p)
		if q == nil {
			nilDeref(nil)
		}
		*at[T](fr, d) = *(*T)(unsafe.Add(q, off))
	}
}

func (c *compiler) storeField(st *ssa.Store, p, off reg) (op, int) {
	v, l := c.reg(st.Val), c.layout(st.Val)
	if l.iface {
		return nil, 0
	}
	switch l.how {
	case copy8:
		return storeField[uint64](p, off, v), 2
	case copyPointer:
		return storeField[unsafe.Pointer](p, off, v), 2
	case copyString:
		return storeField[string](p, off, v), 2
	}
	return func(fr *frame) {
		q := *at[unsafe.Pointer](fr, p)
		nilCheck(q)
		l.move(unsafe.Add(q, off), fr.at(v))
	}, 2
}

func storeField[T any](p, off, v reg) op {
	return func(fr *frame) {
		q := *at[unsafe.Pointer](fr, p)
		if q == nil {
			nilDeref(nil)
		}
		*(*T)(unsafe.Add(q, off)) = *at[T](fr, v)
	}
}

// updateAt is *(p+off) = *(p+off) op y.
func updateAt[T number](u update, p, off reg) op {
	y := u.y
	switch u.op {
	case token.ADD:
		return func(fr *frame) { *(*T)(fieldAt(fr, p, off)) += *at[T](fr, y) }
	case token.SUB:
		return func(fr *frame) { *(*T)(fieldAt(fr, p, off)) -= *at[T](fr, y) }
	}
	return func(fr *frame) { *(*T)(fieldAt(fr, p, off)) *= *at[T](fr, y) }
}

func fieldAt(fr *frame, p, off reg) unsafe.Pointer {
	q := *at[unsafe.Pointer](fr, p)
	if q == nil {
		nilDeref(nil)
	}
	return unsafe.Add(q, off)
}

// fuseLoad is for variables that are assigned what is computed from them.
func (c *compiler) fuseLoad(x *ssa.UnOp, list []ssa.Instruction) (op, int) {
	if x.Op != token.MUL {
		return nil, 0
	}
	u, ok := c.updates(x.X, false, list)
	if !ok {
		return nil, 0
	}
	if g, ok := x.X.(*ssa.Global); ok {
		if u.t == types.Float64 {
			return updateGlobal(u, (*float64)(c.m.Global(g))), 3
		}
		return updateGlobal(u, (*int)(c.m.Global(g))), 3
	}
	p := c.reg(x.X)
	if u.t == types.Float64 {
		return updateAt[float64](u, p, 0), 3
	}
	return updateAt[int](u, p, 0), 3
}

func updateGlobal[T number](u update, p *T) op {
	y := u.y
	switch u.op {
	case token.ADD:
		return func(fr *frame) { *p += *at[T](fr, y) }
	case token.SUB:
		return func(fr *frame) { *p -= *at[T](fr, y) }
	}
	return func(fr *frame) { *p *= *at[T](fr, y) }
}

// fuseBinary is for two operations of which the second uses the first.
func (c *compiler) fuseBinary(x *ssa.BinOp, list []ssa.Instruction) (op, int) {
	y, ok := list[1].(*ssa.BinOp)
	if !ok || !only(x, y) || x.Op == token.SUB || y.X == y.Y {
		return nil, 0
	}
	k := arithmetic(x)
	if k == types.Invalid || arithmetic(y) != k {
		return nil, 0
	}
	d, a, b := c.reg(y), c.reg(x.X), c.reg(x.Y)
	left := y.X == ssa.Value(x)
	e := y.Y
	if !left {
		e = y.X
	}
	if k == types.Int {
		return twice[int](x.Op, y.Op, left, d, a, b, c.reg(e)), 2
	}
	return twice[float64](x.Op, y.Op, left, d, a, b, c.reg(e)), 2
}

// twice is d = (a first b) second e, or with the operands of second swapped. A
// product is converted, or the compiler might add to it without rounding.
func twice[T number](first, second token.Token, left bool, d, a, b, e reg) op {
	if first == token.MUL {
		switch {
		case second == token.ADD:
			return func(fr *frame) { *at[T](fr, d) = T(*at[T](fr, a)**at[T](fr, b)) + *at[T](fr, e) }
		case second == token.MUL:
			return func(fr *frame) { *at[T](fr, d) = T(*at[T](fr, a)**at[T](fr, b)) * *at[T](fr, e) }
		case left:
			return func(fr *frame) { *at[T](fr, d) = T(*at[T](fr, a)**at[T](fr, b)) - *at[T](fr, e) }
		}
		return func(fr *frame) { *at[T](fr, d) = *at[T](fr, e) - T(*at[T](fr, a)**at[T](fr, b)) }
	}
	switch {
	case second == token.ADD:
		return func(fr *frame) { *at[T](fr, d) = (*at[T](fr, a) + *at[T](fr, b)) + *at[T](fr, e) }
	case second == token.MUL:
		return func(fr *frame) { *at[T](fr, d) = (*at[T](fr, a) + *at[T](fr, b)) * *at[T](fr, e) }
	case left:
		return func(fr *frame) { *at[T](fr, d) = (*at[T](fr, a) + *at[T](fr, b)) - *at[T](fr, e) }
	}
	return func(fr *frame) { *at[T](fr, d) = *at[T](fr, e) - (*at[T](fr, a) + *at[T](fr, b)) }
}

// fuseByte is for a byte of a string that becomes an int.
func (c *compiler) fuseByte(list []ssa.Instruction) (op, int) {
	var s, k ssa.Value
	switch x := list[0].(type) {
	case *ssa.Lookup:
		s, k = x.X, x.Index
	case *ssa.Index:
		s, k = x.X, x.Index
	}
	conv, ok := list[1].(*ssa.Convert)
	if !ok || kindOf(s.Type()) != types.String || !isInt(k) || conv.X != list[0].(ssa.Value) || !only(conv.X, conv) || kindOf(conv.Type()) != types.Int {
		return nil, 0
	}
	d, sr, kr := c.reg(conv), c.reg(s), c.reg(k)
	return func(fr *frame) { *at[int](fr, d) = int((*at[string](fr, sr))[*at[int](fr, kr)]) }, 2
}
