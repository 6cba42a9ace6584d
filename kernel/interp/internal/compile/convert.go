package compile

import (
	"go/constant"
	"go/types"
	"reflect"
	"unsafe"

	"golang.org/x/tools/go/ssa"
)

func (c *compiler) convert(v, x ssa.Value) op {
	from, to := kindOf(x.Type()), kindOf(v.Type())
	d, s := c.reg(v), c.reg(x)
	lf, lt := c.layout(x), c.layout(v)
	if numeric(from) && numeric(to) {
		return convertFrom(from, to, d, s)
	}
	if lf.how == copyPointer && lt.how == copyPointer { // pointers and unsafe.Pointer
		return c.copyOp(v, x)
	}
	switch {
	case from == types.UnsafePointer && to == types.Uintptr, from == types.Uintptr && to == types.UnsafePointer:
		return func(fr *frame) { *at[unsafe.Pointer](fr, d) = *at[unsafe.Pointer](fr, s) }
	case from == types.String && to == types.String:
		return c.copyOp(v, x)
	case to == types.String && lf.how == copySlice && lf.rt.Elem().Kind() == reflect.Uint8:
		return func(fr *frame) { *at[string](fr, d) = string(*at[[]byte](fr, s)) }
	case to == types.String && lf.how == copySlice:
		return func(fr *frame) { *at[string](fr, d) = string(*at[[]rune](fr, s)) }
	case from == types.String && lt.how == copySlice && lt.rt.Elem().Kind() == reflect.Uint8:
		return func(fr *frame) { *at[[]byte](fr, d) = []byte(*at[string](fr, s)) }
	case from == types.String && lt.how == copySlice:
		return func(fr *frame) { *at[[]rune](fr, d) = []rune(*at[string](fr, s)) }
	case to == types.String && numeric(from):
		unsigned := from == types.Uint64 || from == types.Uint || from == types.Uintptr
		n := c.intValue(x)
		return func(fr *frame) {
			k := n(fr)
			if unsigned && k < 0 || int(rune(k)) != k {
				k = -1
			}
			*at[string](fr, d) = string(rune(k))
		}
	case lf.rt == lt.rt:
		return c.copyOp(v, x)
	}
	if a, ok := x.Type().Underlying().(*types.Slice); ok {
		if arr, ok := v.Type().Underlying().(*types.Array); ok {
			n, m := int(arr.Len()), c.m
			_ = a
			return func(fr *frame) {
				h := *at[sliceHeader](fr, s)
				if h.len < n {
					panic(runtimeError("cannot convert slice with length " + itoa(h.len) + " to array or pointer to array with length " + itoa(n)))
				}
				m.store(lt, fr.at(d), h.p)
			}
		}
	}
	panic(unsupportedf("conversion of %v to %v", x.Type(), v.Type()))
}

func numeric(k types.BasicKind) bool {
	return k >= types.Int && k <= types.Float64 || k == types.Complex64 || k == types.Complex128
}

type realNumber interface{ integer | float }

func convertFrom(from, to types.BasicKind, d, s reg) op {
	switch from {
	case types.Int:
		return convertTo[int](to, d, s)
	case types.Int8:
		return convertTo[int8](to, d, s)
	case types.Int16:
		return convertTo[int16](to, d, s)
	case types.Int32:
		return convertTo[int32](to, d, s)
	case types.Int64:
		return convertTo[int64](to, d, s)
	case types.Uint:
		return convertTo[uint](to, d, s)
	case types.Uint8:
		return convertTo[uint8](to, d, s)
	case types.Uint16:
		return convertTo[uint16](to, d, s)
	case types.Uint32:
		return convertTo[uint32](to, d, s)
	case types.Uint64:
		return convertTo[uint64](to, d, s)
	case types.Uintptr:
		return convertTo[uintptr](to, d, s)
	case types.Float32:
		return convertTo[float32](to, d, s)
	case types.Float64:
		return convertTo[float64](to, d, s)
	case types.Complex64:
		if to == types.Complex64 {
			return func(fr *frame) { *at[complex64](fr, d) = *at[complex64](fr, s) }
		}
		return func(fr *frame) { *at[complex128](fr, d) = complex128(*at[complex64](fr, s)) }
	}
	if to == types.Complex64 {
		return func(fr *frame) { *at[complex64](fr, d) = complex64(*at[complex128](fr, s)) }
	}
	return func(fr *frame) { *at[complex128](fr, d) = *at[complex128](fr, s) }
}

func convertTo[F realNumber](to types.BasicKind, d, s reg) op {
	switch to {
	case types.Int:
		return conv[F, int](d, s)
	case types.Int8:
		return conv[F, int8](d, s)
	case types.Int16:
		return conv[F, int16](d, s)
	case types.Int32:
		return conv[F, int32](d, s)
	case types.Int64:
		return conv[F, int64](d, s)
	case types.Uint:
		return conv[F, uint](d, s)
	case types.Uint8:
		return conv[F, uint8](d, s)
	case types.Uint16:
		return conv[F, uint16](d, s)
	case types.Uint32:
		return conv[F, uint32](d, s)
	case types.Uint64:
		return conv[F, uint64](d, s)
	case types.Uintptr:
		return conv[F, uintptr](d, s)
	case types.Float32:
		return conv[F, float32](d, s)
	}
	return conv[F, float64](d, s)
}

func conv[F, T realNumber](d, s reg) op {
	return func(fr *frame) { *at[T](fr, d) = T(*at[F](fr, s)) }
}

// constant returns the address of a constant's value, as a frame holds it.
func (m *Machine) constant(c *ssa.Const) unsafe.Pointer {
	l := m.memory(c.Type())
	v := reflect.New(l.reg)
	if c.Value == nil {
		return v.UnsafePointer()
	}
	e := v.Elem()
	switch k := kindOf(c.Type()); {
	case k == types.Bool:
		e.SetBool(constant.BoolVal(c.Value))
	case k == types.String:
		if c.Value.Kind() == constant.String {
			e.SetString(constant.StringVal(c.Value))
		} else {
			e.SetString(string(rune(c.Int64())))
		}
	case k == types.Float32 || k == types.Float64:
		e.SetFloat(c.Float64())
	case k == types.Complex64 || k == types.Complex128:
		e.SetComplex(c.Complex128())
	case k >= types.Uint && k <= types.Uintptr:
		e.SetUint(c.Uint64())
	case k == types.UnsafePointer:
		*(*uintptr)(v.UnsafePointer()) = uintptr(c.Uint64())
	case numeric(k):
		e.SetInt(c.Int64())
	default:
		panic(unsupportedf("constant %v", c))
	}
	return v.UnsafePointer()
}
