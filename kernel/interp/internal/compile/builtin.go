package compile

import (
	"fmt"
	"go/types"
	"reflect"
	"strconv"
	"strings"
	"unsafe"

	"golang.org/x/tools/go/ssa"

	"github.com/godlas/godlas/kernel/interp/internal/rt"
)

func (c *compiler) builtin(name string, cc *ssa.CallCommon, v ssa.Value) op {
	var a []reg
	for _, x := range cc.Args {
		a = append(a, c.reg(x))
	}
	var d reg
	if v != nil {
		if t, ok := v.Type().(*types.Tuple); !ok || t.Len() > 0 {
			d = c.reg(v)
		}
	} else {
		d = c.mem.add(c.m.memory(anyInterface)) // nobody reads it
		c.mem.add(c.m.memory(anyInterface))
	}
	switch name {
	case "len", "cap":
		return c.length(name == "len", cc.Args[0], d, a[0])
	case "append":
		return c.appendOp(cc, d, a)
	case "copy":
		return c.copyBuiltin(cc, d, a)
	case "delete":
		key, t := c.operand(cc.Args[1]), c.layout(cc.Args[0]).rtyp
		return func(fr *frame) { rt.MapDelete(t, *at[unsafe.Pointer](fr, a[0]), key(fr)) }
	case "clear":
		t := c.layout(cc.Args[0]).rt
		return func(fr *frame) { reflect.NewAt(t, fr.at(a[0])).Elem().Clear() }
	case "close":
		t := c.layout(cc.Args[0]).rt
		return func(fr *frame) { reflect.NewAt(t, fr.at(a[0])).Elem().Close() }
	case "panic":
		return func(fr *frame) { panics(*at[any](fr, a[0])) }
	case "recover":
		return func(fr *frame) { *at[any](fr, d) = fr.recovers() }
	case "print", "println":
		return c.print(name == "println", cc.Args, a)
	case "real", "imag", "complex":
		return c.complexPart(name, cc, d, a)
	case "min", "max":
		return c.minMax(name == "min", v, d, a)
	case "ssa:wrapnilchk":
		return func(fr *frame) {
			p := *at[unsafe.Pointer](fr, a[0])
			if p == nil {
				panic(plainError(wrapperText(*at[string](fr, a[1]), *at[string](fr, a[2]))))
			}
			*at[unsafe.Pointer](fr, d) = p
		}
	case "ssa:deferstack":
		return func(fr *frame) { *at[unsafe.Pointer](fr, d) = unsafe.Pointer(fr) }
	}
	return c.unsafeBuiltin(name, cc, d, a)
}

// wrapperText is the error of a method of values that is called on a nil pointer through an interface.
func wrapperText(typ, method string) string {
	return fmt.Sprintf("value method %s.%s called using nil *%s pointer", typ, method, typ[strings.LastIndexByte(typ, '.')+1:])
}

func (c *compiler) length(isLen bool, x ssa.Value, d, s reg) op {
	t := x.Type().Underlying()
	if p, ok := t.(*types.Pointer); ok {
		t = p.Elem().Underlying()
	}
	switch t := t.(type) {
	case *types.Array:
		n := int(t.Len())
		return func(fr *frame) { *at[int](fr, d) = n }
	case *types.Map:
		return func(fr *frame) { *at[int](fr, d) = len(*at[map[int]int](fr, s)) }
	case *types.Chan:
		if isLen {
			return func(fr *frame) { *at[int](fr, d) = len(*at[chan int](fr, s)) }
		}
		return func(fr *frame) { *at[int](fr, d) = cap(*at[chan int](fr, s)) }
	case *types.Basic:
		return func(fr *frame) { *at[int](fr, d) = len(*at[string](fr, s)) }
	}
	if isLen {
		return func(fr *frame) { *at[int](fr, d) = at[sliceHeader](fr, s).len }
	}
	return func(fr *frame) { *at[int](fr, d) = at[sliceHeader](fr, s).cap }
}

// memoryHow is how an element is copied from memory to memory.
func memoryHow(t reflect.Type) copying { return howCopied(t) }

func (c *compiler) appendOp(cc *ssa.CallCommon, d reg, a []reg) op {
	if len(a) == 1 {
		return func(fr *frame) { *at[sliceHeader](fr, d) = *at[sliceHeader](fr, a[0]) }
	}
	l := c.layout(cc.Args[0])
	if l.rt.Kind() != reflect.Slice {
		panic(unsupportedf("append to %v", l.t))
	}
	x, y := a[0], a[1]
	if c.layout(cc.Args[1]).how == copyString {
		return func(fr *frame) { *at[[]byte](fr, d) = append(*at[[]byte](fr, x), *at[string](fr, y)...) }
	}
	switch memoryHow(l.rt.Elem()) {
	case copy1:
		return appends[uint8](d, x, y)
	case copy2:
		return appends[uint16](d, x, y)
	case copy4:
		return appends[uint32](d, x, y)
	case copy8:
		return appends[uint64](d, x, y)
	case copyPointer:
		return appends[unsafe.Pointer](d, x, y)
	case copyString:
		return appends[string](d, x, y)
	case copySlice:
		return appends[[]unsafe.Pointer](d, x, y)
	case copyInterface:
		return appends[eface](d, x, y)
	}
	t := l.rt
	if t.Name() != "" { // reflect wants both operands of the same type
		t = reflect.SliceOf(t.Elem())
	}
	return func(fr *frame) {
		if n, k := at[sliceHeader](fr, x).len, at[sliceHeader](fr, y).len; n+k < n {
			panic(runtimeError("growslice: len out of range"))
		}
		r := reflect.AppendSlice(reflect.NewAt(t, fr.at(x)).Elem(), reflect.NewAt(t, fr.at(y)).Elem())
		*at[sliceHeader](fr, d) = sliceHeader{r.UnsafePointer(), r.Len(), r.Cap()}
	}
}

func appends[T any](d, x, y reg) op {
	return func(fr *frame) { *at[[]T](fr, d) = append(*at[[]T](fr, x), *at[[]T](fr, y)...) }
}

func (c *compiler) copyBuiltin(cc *ssa.CallCommon, d reg, a []reg) op {
	x, y := a[0], a[1]
	if c.layout(cc.Args[1]).how == copyString {
		return func(fr *frame) { *at[int](fr, d) = copy(*at[[]byte](fr, x), *at[string](fr, y)) }
	}
	t := reflect.SliceOf(c.layout(cc.Args[0]).rt.Elem())
	return func(fr *frame) {
		*at[int](fr, d) = reflect.Copy(reflect.NewAt(t, fr.at(x)).Elem(), reflect.NewAt(t, fr.at(y)).Elem())
	}
}

func (c *compiler) complexPart(name string, cc *ssa.CallCommon, d reg, a []reg) op {
	if name == "complex" {
		if kindOf(cc.Args[0].Type()) == types.Float32 {
			return func(fr *frame) { *at[complex64](fr, d) = complex(*at[float32](fr, a[0]), *at[float32](fr, a[1])) }
		}
		return func(fr *frame) { *at[complex128](fr, d) = complex(*at[float64](fr, a[0]), *at[float64](fr, a[1])) }
	}
	part := uintptr(0)
	if kindOf(cc.Args[0].Type()) == types.Complex64 {
		if name == "imag" {
			part = 4
		}
		return func(fr *frame) { *at[float32](fr, d) = *at[float32](fr, a[0]+part) }
	}
	if name == "imag" {
		part = 8
	}
	return func(fr *frame) { *at[float64](fr, d) = *at[float64](fr, a[0]+part) }
}

func (c *compiler) minMax(least bool, v ssa.Value, d reg, a []reg) op {
	switch kindOf(v.Type()) {
	case types.Int:
		return extreme[int](least, d, a)
	case types.Int8:
		return extreme[int8](least, d, a)
	case types.Int16:
		return extreme[int16](least, d, a)
	case types.Int32:
		return extreme[int32](least, d, a)
	case types.Int64:
		return extreme[int64](least, d, a)
	case types.Uint:
		return extreme[uint](least, d, a)
	case types.Uint8:
		return extreme[uint8](least, d, a)
	case types.Uint16:
		return extreme[uint16](least, d, a)
	case types.Uint32:
		return extreme[uint32](least, d, a)
	case types.Uint64:
		return extreme[uint64](least, d, a)
	case types.Uintptr:
		return extreme[uintptr](least, d, a)
	case types.Float32:
		return extreme[float32](least, d, a)
	case types.Float64:
		return extreme[float64](least, d, a)
	}
	return extreme[string](least, d, a)
}

func extreme[T ordered](least bool, d reg, a []reg) op {
	return func(fr *frame) {
		x := *at[T](fr, a[0])
		for _, r := range a[1:] {
			if least {
				x = min(x, *at[T](fr, r))
			} else {
				x = max(x, *at[T](fr, r))
			}
		}
		*at[T](fr, d) = x
	}
}

func (c *compiler) print(line bool, args []ssa.Value, a []reg) op {
	var ls []*layout
	for _, x := range args {
		ls = append(ls, c.layout(x))
	}
	m := c.m
	return func(fr *frame) {
		var b strings.Builder
		for i, l := range ls {
			if line && i > 0 {
				b.WriteByte(' ')
			}
			if l.isInterface {
				e := at[eface](fr, a[i])
				fmt.Fprintf(&b, "(%#x,%#x)", uintptr(e.typ), uintptr(e.data))
			} else {
				b.WriteString(printed(reflect.NewAt(l.rt, fr.at(a[i])).Elem().Interface()))
			}
		}
		if line {
			b.WriteByte('\n')
		}
		m.opt.Print(b.String())
	}
}

// printed is how the builtin print shows a value.
func printed(x any) string {
	v := reflect.ValueOf(x)
	s := ""
	switch v.Kind() {
	case reflect.Bool:
		s = strconv.FormatBool(v.Bool())
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		s = strconv.FormatInt(v.Int(), 10)
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64, reflect.Uintptr:
		s = strconv.FormatUint(v.Uint(), 10)
	case reflect.Float32, reflect.Float64:
		s = strconv.FormatFloat(v.Float(), 'g', -1, v.Type().Bits())
	case reflect.Complex64, reflect.Complex128:
		s = strconv.FormatComplex(v.Complex(), 'g', -1, v.Type().Bits())
	case reflect.String:
		s = v.String()
	case reflect.Slice:
		return fmt.Sprintf("[%d/%d]%#x", v.Len(), v.Cap(), v.Pointer())
	case reflect.Pointer, reflect.Map, reflect.Chan, reflect.Func, reflect.UnsafePointer:
		return fmt.Sprintf("%#x", v.Pointer())
	default:
		return fmt.Sprintf("(%T) %v", x, x)
	}
	return s
}

// printedPanic is how the run time shows a panic's value. Of structs, arrays and
// slices it has but the address; what they hold says more.
func printedPanic(x any) string {
	v := reflect.ValueOf(x)
	switch v.Kind() {
	case reflect.Struct, reflect.Array, reflect.Slice:
		return fmt.Sprintf("(%T) %v", x, x)
	case reflect.Pointer, reflect.Map, reflect.Chan, reflect.Func, reflect.UnsafePointer:
		return fmt.Sprintf("(%T) %#x", x, v.Pointer())
	}
	s := printed(x)
	t := v.Type()
	if t.PkgPath() == "" {
		return s
	}
	switch v.Kind() {
	case reflect.String:
		s = `"` + s + `"`
	case reflect.Complex64, reflect.Complex128:
		s = strings.Trim(s, "()")
	}
	return t.String() + "(" + s + ")"
}
