package compile

import (
	"go/token"
	"go/types"
	"unsafe"

	"golang.org/x/tools/go/ssa"
)

// Instructions that are common one after the other are compiled as one, which
// saves a call and a trip through the frame.

// fuse compiles the first instructions of a list together, and says how many, 0
// if they do not go together.
func (c *compiler) fuse(list []ssa.Instruction) (op, int) {
	if len(list) < 2 {
		return nil, 0
	}
	next := list[1]
	ld, ok := next.(*ssa.UnOp)
	if !ok || ld.Op != token.MUL {
		return nil, 0
	}
	l := c.layout(ld)
	if l.iface {
		return nil, 0
	}
	switch x := list[0].(type) {
	case *ssa.IndexAddr:
		s, ok := x.X.Type().Underlying().(*types.Slice)
		if !ok || ld.X != ssa.Value(x) || !only(x, next) || !isInt(x.Index) {
			return nil, 0
		}
		return c.loadElem(x, ld, l, c.m.memory(s.Elem()).rt.Size()), 2
	case *ssa.FieldAddr:
		if ld.X != ssa.Value(x) || !only(x, next) {
			return nil, 0
		}
		return c.loadField(x, ld, l), 2
	}
	return nil, 0
}

func (c *compiler) loadElem(x *ssa.IndexAddr, ld *ssa.UnOp, l *layout, size uintptr) op {
	d, s, k := c.reg(ld), c.reg(x.X), c.reg(x.Index)
	if l.how == copy8 {
		return func(fr *frame) {
			h := at[sliceHeader](fr, s)
			i := *at[int](fr, k)
			if uint(i) >= uint(h.len) {
				outOfRange(i, h.len)
			}
			*at[uint64](fr, d) = *(*uint64)(unsafe.Add(h.p, uintptr(i)*8))
		}
	}
	return func(fr *frame) {
		h := at[sliceHeader](fr, s)
		i := *at[int](fr, k)
		if uint(i) >= uint(h.len) {
			outOfRange(i, h.len)
		}
		l.move(fr.at(d), unsafe.Add(h.p, uintptr(i)*size))
	}
}

func (c *compiler) loadField(x *ssa.FieldAddr, ld *ssa.UnOp, l *layout) op {
	d, p := c.reg(ld), c.reg(x.X)
	off := c.pointee(x.X).rt.Field(x.Field).Offset
	if l.how == copy8 {
		return func(fr *frame) {
			q := *at[unsafe.Pointer](fr, p)
			if q == nil {
				nilDeref(nil)
			}
			*at[uint64](fr, d) = *(*uint64)(unsafe.Add(q, off))
		}
	}
	return func(fr *frame) {
		q := *at[unsafe.Pointer](fr, p)
		if q == nil {
			nilDeref(nil)
		}
		l.move(fr.at(d), unsafe.Add(q, off))
	}
}

