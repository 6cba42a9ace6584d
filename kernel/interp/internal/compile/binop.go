package compile

import (
	"go/token"
	"go/types"
	"unsafe"

	"golang.org/x/tools/go/ssa"

	"github.com/godlas/godlas/kernel/interp/internal/rt"
)

type integer interface {
	int | int8 | int16 | int32 | int64 | uint | uint8 | uint16 | uint32 | uint64 | uintptr
}

type float interface{ float32 | float64 }

type ordered interface{ integer | float | string }

func kindOf(t types.Type) types.BasicKind {
	if b, ok := t.Underlying().(*types.Basic); ok {
		switch b.Kind() {
		case types.UntypedInt:
			return types.Int
		case types.UntypedRune:
			return types.Int32
		case types.UntypedFloat:
			return types.Float64
		case types.UntypedComplex:
			return types.Complex128
		case types.UntypedString:
			return types.String
		case types.UntypedBool:
			return types.Bool
		}
		return b.Kind()
	}
	return types.Invalid
}

func (c *compiler) binop(x *ssa.BinOp) op {
	d, a, b := c.reg(x), c.reg(x.X), c.reg(x.Y)
	if x.Op == token.EQL || x.Op == token.NEQ {
		return c.equality(x, d, a, b)
	}
	if x.Op == token.SHL || x.Op == token.SHR {
		return c.shift(x, d, a)
	}
	switch kindOf(x.X.Type()) {
	case types.Int:
		if y, ok := x.Y.(*ssa.Const); ok {
			if o := intConst(x.Op, d, a, int(y.Int64())); o != nil {
				return o
			}
		}
		return ints[int](x.Op, d, a, b)
	case types.Int8:
		return ints[int8](x.Op, d, a, b)
	case types.Int16:
		return ints[int16](x.Op, d, a, b)
	case types.Int32:
		return ints[int32](x.Op, d, a, b)
	case types.Int64:
		return ints[int64](x.Op, d, a, b)
	case types.Uint:
		return ints[uint](x.Op, d, a, b)
	case types.Uint8:
		return ints[uint8](x.Op, d, a, b)
	case types.Uint16:
		return ints[uint16](x.Op, d, a, b)
	case types.Uint32:
		return ints[uint32](x.Op, d, a, b)
	case types.Uint64:
		return ints[uint64](x.Op, d, a, b)
	case types.Uintptr:
		return ints[uintptr](x.Op, d, a, b)
	case types.Float32:
		return floats[float32](x.Op, d, a, b)
	case types.Float64:
		return floats[float64](x.Op, d, a, b)
	case types.Complex64:
		return complexes[complex64](x.Op, d, a, b)
	case types.Complex128:
		return complexes[complex128](x.Op, d, a, b)
	case types.String:
		if x.Op == token.ADD {
			return func(fr *frame) { *at[string](fr, d) = *at[string](fr, a) + *at[string](fr, b) }
		}
		return compare[string](x.Op, d, a, b)
	}
	panic(unsupportedf("%v on %v", x.Op, x.X.Type()))
}

// intConst is for the commonest: an int and a constant.
func intConst(o token.Token, d, a reg, k int) op {
	switch o {
	case token.ADD:
		return func(fr *frame) { *at[int](fr, d) = *at[int](fr, a) + k }
	case token.SUB:
		return func(fr *frame) { *at[int](fr, d) = *at[int](fr, a) - k }
	case token.MUL:
		return func(fr *frame) { *at[int](fr, d) = *at[int](fr, a) * k }
	case token.LSS:
		return func(fr *frame) { *at[bool](fr, d) = *at[int](fr, a) < k }
	case token.LEQ:
		return func(fr *frame) { *at[bool](fr, d) = *at[int](fr, a) <= k }
	case token.GTR:
		return func(fr *frame) { *at[bool](fr, d) = *at[int](fr, a) > k }
	case token.GEQ:
		return func(fr *frame) { *at[bool](fr, d) = *at[int](fr, a) >= k }
	case token.AND:
		return func(fr *frame) { *at[int](fr, d) = *at[int](fr, a) & k }
	}
	return nil
}

func ints[T integer](o token.Token, d, a, b reg) op {
	switch o {
	case token.ADD:
		return func(fr *frame) { *at[T](fr, d) = *at[T](fr, a) + *at[T](fr, b) }
	case token.SUB:
		return func(fr *frame) { *at[T](fr, d) = *at[T](fr, a) - *at[T](fr, b) }
	case token.MUL:
		return func(fr *frame) { *at[T](fr, d) = *at[T](fr, a) * *at[T](fr, b) }
	case token.QUO:
		return func(fr *frame) { *at[T](fr, d) = *at[T](fr, a) / *at[T](fr, b) }
	case token.REM:
		return func(fr *frame) { *at[T](fr, d) = *at[T](fr, a) % *at[T](fr, b) }
	case token.AND:
		return func(fr *frame) { *at[T](fr, d) = *at[T](fr, a) & *at[T](fr, b) }
	case token.OR:
		return func(fr *frame) { *at[T](fr, d) = *at[T](fr, a) | *at[T](fr, b) }
	case token.XOR:
		return func(fr *frame) { *at[T](fr, d) = *at[T](fr, a) ^ *at[T](fr, b) }
	case token.AND_NOT:
		return func(fr *frame) { *at[T](fr, d) = *at[T](fr, a) &^ *at[T](fr, b) }
	}
	return compare[T](o, d, a, b)
}

func floats[T float](o token.Token, d, a, b reg) op {
	switch o {
	case token.ADD:
		return func(fr *frame) { *at[T](fr, d) = *at[T](fr, a) + *at[T](fr, b) }
	case token.SUB:
		return func(fr *frame) { *at[T](fr, d) = *at[T](fr, a) - *at[T](fr, b) }
	case token.MUL:
		return func(fr *frame) { *at[T](fr, d) = *at[T](fr, a) * *at[T](fr, b) }
	case token.QUO:
		return func(fr *frame) { *at[T](fr, d) = *at[T](fr, a) / *at[T](fr, b) }
	}
	return compare[T](o, d, a, b)
}

func complexes[T complex64 | complex128](o token.Token, d, a, b reg) op {
	switch o {
	case token.ADD:
		return func(fr *frame) { *at[T](fr, d) = *at[T](fr, a) + *at[T](fr, b) }
	case token.SUB:
		return func(fr *frame) { *at[T](fr, d) = *at[T](fr, a) - *at[T](fr, b) }
	case token.MUL:
		return func(fr *frame) { *at[T](fr, d) = *at[T](fr, a) * *at[T](fr, b) }
	case token.QUO:
		return func(fr *frame) { *at[T](fr, d) = *at[T](fr, a) / *at[T](fr, b) }
	}
	panic(unsupportedf("%v on complex numbers", o))
}

func compare[T ordered](o token.Token, d, a, b reg) op {
	switch o {
	case token.LSS:
		return func(fr *frame) { *at[bool](fr, d) = *at[T](fr, a) < *at[T](fr, b) }
	case token.LEQ:
		return func(fr *frame) { *at[bool](fr, d) = *at[T](fr, a) <= *at[T](fr, b) }
	case token.GTR:
		return func(fr *frame) { *at[bool](fr, d) = *at[T](fr, a) > *at[T](fr, b) }
	case token.GEQ:
		return func(fr *frame) { *at[bool](fr, d) = *at[T](fr, a) >= *at[T](fr, b) }
	}
	panic(unsupportedf("operator %v", o))
}

// shiftCount reads a shift count; it panics if it is negative.
func (c *compiler) shiftCount(v ssa.Value) func(fr *frame) uint64 {
	r := c.reg(v)
	switch kindOf(v.Type()) {
	case types.Uint, types.Uint64, types.Uintptr:
		return func(fr *frame) uint64 { return *at[uint64](fr, r) }
	case types.Uint8:
		return func(fr *frame) uint64 { return uint64(*at[uint8](fr, r)) }
	case types.Uint16:
		return func(fr *frame) uint64 { return uint64(*at[uint16](fr, r)) }
	case types.Uint32:
		return func(fr *frame) uint64 { return uint64(*at[uint32](fr, r)) }
	}
	n := c.intValue(v)
	return func(fr *frame) uint64 {
		k := n(fr)
		if k < 0 {
			_ = 1 << k // panics
		}
		return uint64(k)
	}
}

func (c *compiler) shift(x *ssa.BinOp, d, a reg) op {
	n := c.shiftCount(x.Y)
	left := x.Op == token.SHL
	switch kindOf(x.X.Type()) {
	case types.Int:
		return shifts[int](left, d, a, n)
	case types.Int8:
		return shifts[int8](left, d, a, n)
	case types.Int16:
		return shifts[int16](left, d, a, n)
	case types.Int32:
		return shifts[int32](left, d, a, n)
	case types.Int64:
		return shifts[int64](left, d, a, n)
	case types.Uint:
		return shifts[uint](left, d, a, n)
	case types.Uint8:
		return shifts[uint8](left, d, a, n)
	case types.Uint16:
		return shifts[uint16](left, d, a, n)
	case types.Uint32:
		return shifts[uint32](left, d, a, n)
	case types.Uint64:
		return shifts[uint64](left, d, a, n)
	}
	return shifts[uintptr](left, d, a, n)
}

func shifts[T integer](left bool, d, a reg, n func(fr *frame) uint64) op {
	if left {
		return func(fr *frame) { *at[T](fr, d) = *at[T](fr, a) << n(fr) }
	}
	return func(fr *frame) { *at[T](fr, d) = *at[T](fr, a) >> n(fr) }
}

func (c *compiler) arith1(x *ssa.UnOp) op {
	d, s := c.reg(x), c.reg(x.X)
	neg := x.Op == token.SUB
	switch kindOf(x.Type()) {
	case types.Int:
		return int1[int](neg, d, s)
	case types.Int8:
		return int1[int8](neg, d, s)
	case types.Int16:
		return int1[int16](neg, d, s)
	case types.Int32:
		return int1[int32](neg, d, s)
	case types.Int64:
		return int1[int64](neg, d, s)
	case types.Uint:
		return int1[uint](neg, d, s)
	case types.Uint8:
		return int1[uint8](neg, d, s)
	case types.Uint16:
		return int1[uint16](neg, d, s)
	case types.Uint32:
		return int1[uint32](neg, d, s)
	case types.Uint64:
		return int1[uint64](neg, d, s)
	case types.Uintptr:
		return int1[uintptr](neg, d, s)
	case types.Float32:
		return func(fr *frame) { *at[float32](fr, d) = -*at[float32](fr, s) }
	case types.Float64:
		return func(fr *frame) { *at[float64](fr, d) = -*at[float64](fr, s) }
	case types.Complex64:
		return func(fr *frame) { *at[complex64](fr, d) = -*at[complex64](fr, s) }
	case types.Complex128:
		return func(fr *frame) { *at[complex128](fr, d) = -*at[complex128](fr, s) }
	}
	panic(unsupportedf("%v", x))
}

func int1[T integer](neg bool, d, s reg) op {
	if neg {
		return func(fr *frame) { *at[T](fr, d) = -*at[T](fr, s) }
	}
	return func(fr *frame) { *at[T](fr, d) = ^*at[T](fr, s) }
}

func equal[T comparable](d, a, b reg, not bool) op {
	if not {
		return func(fr *frame) { *at[bool](fr, d) = *at[T](fr, a) != *at[T](fr, b) }
	}
	return func(fr *frame) { *at[bool](fr, d) = *at[T](fr, a) == *at[T](fr, b) }
}

func (c *compiler) equality(x *ssa.BinOp, d, a, b reg) op {
	not := x.Op == token.NEQ
	l := c.layout(x.X)
	switch kindOf(x.X.Type()) {
	case types.Float32:
		return equal[float32](d, a, b, not)
	case types.Float64:
		return equal[float64](d, a, b, not)
	case types.Complex64:
		return equal[complex64](d, a, b, not)
	case types.Complex128:
		return equal[complex128](d, a, b, not)
	}
	switch l.how {
	case copy1:
		return equal[uint8](d, a, b, not)
	case copy2:
		return equal[uint16](d, a, b, not)
	case copy4:
		return equal[uint32](d, a, b, not)
	case copy8:
		return equal[uint64](d, a, b, not)
	case copyPointer, copySlice: // a slice, map or func is only compared to nil
		return equal[unsafe.Pointer](d, a, b, not)
	case copyString:
		return equal[string](d, a, b, not)
	case copyInterface:
		if k, ok := x.Y.(*ssa.Const); ok && k.Value == nil {
			return func(fr *frame) { *at[bool](fr, d) = (at[eface](fr, a).typ == nil) != not }
		}
		return equal[any](d, a, b, not)
	}
	eq := rt.Equal(l.rtyp)
	if eq == nil {
		panic(unsupportedf("comparison of %v", x.X.Type()))
	}
	return func(fr *frame) { *at[bool](fr, d) = eq(fr.at(a), fr.at(b)) != not }
}
