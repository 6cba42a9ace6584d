package compile

import (
	"go/token"
	"go/types"
	"unsafe"

	"golang.org/x/tools/go/ssa"
)

// Instructions that are common one after the other are compiled as one, which
// saves a call and a trip through the frame.

// only reports whether next is the one use of x.
func only(x ssa.Value, next ssa.Instruction) bool {
	refs := x.Referrers()
	return refs != nil && len(*refs) == 1 && (*refs)[0] == next
}

// fuse compiles the instruction together with the one after it, or returns nil.
func (c *compiler) fuse(ins, next ssa.Instruction) op {
	ld, ok := next.(*ssa.UnOp)
	if !ok || ld.Op != token.MUL {
		return nil
	}
	l := c.layout(ld)
	if l.iface {
		return nil
	}
	switch x := ins.(type) {
	case *ssa.IndexAddr:
		s, ok := x.X.Type().Underlying().(*types.Slice)
		if !ok || ld.X != ssa.Value(x) || !only(x, next) || !isInt(x.Index) {
			return nil
		}
		return c.loadElem(x, ld, l, c.m.memory(s.Elem()).rt.Size())
	case *ssa.FieldAddr:
		if ld.X != ssa.Value(x) || !only(x, next) {
			return nil
		}
		return c.loadField(x, ld, l)
	}
	return nil
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

// comparison compiles the condition of a branch that is a comparison of ints and
// used nowhere else, or returns nil.
func (c *compiler) comparison(x *ssa.If) func(fr *frame) bool {
	cmp, ok := x.Cond.(*ssa.BinOp)
	if !ok || cmp.Block() != x.Block() || !only(cmp, x) || kindOf(cmp.X.Type()) != types.Int {
		return nil
	}
	// it must come last, or what it reads could be changed before the branch
	list := x.Block().Instrs
	if len(list) < 2 || list[len(list)-2] != ssa.Instruction(cmp) {
		return nil
	}
	a := c.reg(cmp.X)
	if y, ok := cmp.Y.(*ssa.Const); ok && y.Value != nil {
		k := int(y.Int64())
		switch cmp.Op {
		case token.LSS:
			return func(fr *frame) bool { return *at[int](fr, a) < k }
		case token.LEQ:
			return func(fr *frame) bool { return *at[int](fr, a) <= k }
		case token.GTR:
			return func(fr *frame) bool { return *at[int](fr, a) > k }
		case token.GEQ:
			return func(fr *frame) bool { return *at[int](fr, a) >= k }
		case token.EQL:
			return func(fr *frame) bool { return *at[int](fr, a) == k }
		case token.NEQ:
			return func(fr *frame) bool { return *at[int](fr, a) != k }
		}
		return nil
	}
	b := c.reg(cmp.Y)
	switch cmp.Op {
	case token.LSS:
		return func(fr *frame) bool { return *at[int](fr, a) < *at[int](fr, b) }
	case token.LEQ:
		return func(fr *frame) bool { return *at[int](fr, a) <= *at[int](fr, b) }
	case token.GTR:
		return func(fr *frame) bool { return *at[int](fr, a) > *at[int](fr, b) }
	case token.GEQ:
		return func(fr *frame) bool { return *at[int](fr, a) >= *at[int](fr, b) }
	case token.EQL:
		return func(fr *frame) bool { return *at[int](fr, a) == *at[int](fr, b) }
	case token.NEQ:
		return func(fr *frame) bool { return *at[int](fr, a) != *at[int](fr, b) }
	}
	return nil
}
