package compile

import (
	"go/token"
	"go/types"
	"math/bits"
	"unsafe"

	"golang.org/x/tools/go/ssa"
)

// unsafeBuiltin compiles the functions of package unsafe whose results are no constants.
func (c *compiler) unsafeBuiltin(name string, cc *ssa.CallCommon, d reg, a []reg) op {
	switch name {
	case "Add":
		n := c.intValue(cc.Args[1])
		return func(fr *frame) { *at[unsafe.Pointer](fr, d) = unsafe.Add(*at[unsafe.Pointer](fr, a[0]), n(fr)) }
	case "SliceData", "StringData":
		return func(fr *frame) { *at[unsafe.Pointer](fr, d) = *at[unsafe.Pointer](fr, a[0]) }
	case "Slice":
		n := c.intValue(cc.Args[1])
		size := c.layout(cc.Args[0]).rt.Elem().Size()
		return func(fr *frame) {
			p, k := *at[unsafe.Pointer](fr, a[0]), n(fr)
			extent("unsafe.Slice", p, k, size)
			*at[sliceHeader](fr, d) = sliceHeader{p, k, k}
		}
	case "String":
		n := c.intValue(cc.Args[1])
		return func(fr *frame) {
			p, k := *at[unsafe.Pointer](fr, a[0]), n(fr)
			extent("unsafe.String", p, k, 1)
			*at[stringHeader](fr, d) = stringHeader{p, k}
		}
	case "Sizeof", "Alignof":
		t := c.layout(cc.Args[0]).rt
		n := t.Size()
		if name == "Alignof" {
			n = uintptr(t.Align())
		}
		return func(fr *frame) { *at[uintptr](fr, d) = n }
	case "Offsetof":
		if n, ok := c.offsetOf(cc.Args[0]); ok {
			return func(fr *frame) { *at[uintptr](fr, d) = n }
		}
	}
	panic(unsupportedf("builtin %s", name))
}

type stringHeader struct {
	data unsafe.Pointer
	len  int
}

// extent panics if n elements of a size cannot be at p.
func extent(what string, p unsafe.Pointer, n int, size uintptr) {
	over, bytes := bits.Mul64(uint64(n), uint64(size))
	switch {
	case n < 0, over != 0, bytes > uint64(-uintptr(p)) && p != nil:
		panic(runtimeError(what + ": len out of range"))
	case p == nil && n > 0:
		panic(runtimeError(what + ": ptr is nil and len is not zero"))
	}
}

// offsetOf finds out where a field is whose value is x. Of a field in an embedded struct ssa does not say whether it was
// selected by name or promoted, and so from where to count.
func (c *compiler) offsetOf(x ssa.Value) (uintptr, bool) {
	if ld, isLoad := x.(*ssa.UnOp); isLoad && ld.Op == token.MUL {
		x = ld.X
	}
	of, field, in := selected(x)
	if of == nil {
		return 0, false
	}
	if outer, i, _ := selected(in); outer != nil && outer.Field(i).Embedded() {
		return 0, false
	}
	return c.m.memory(of).rt.Field(field).Offset, true
}

// selected returns the struct of which x is a field, or nil.
func selected(x ssa.Value) (of *types.Struct, field int, in ssa.Value) {
	switch f := x.(type) {
	case *ssa.FieldAddr:
		of, _ = f.X.Type().Underlying().(*types.Pointer).Elem().Underlying().(*types.Struct)
		return of, f.Field, f.X
	case *ssa.Field:
		of, _ = f.X.Type().Underlying().(*types.Struct)
		return of, f.Field, f.X
	}
	return nil, 0, nil
}
