package front

import (
	"reflect"
	"sort"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Brief writes a value in about n bytes, as Go would write it down. It calls no
// method of the value.
func Brief(v reflect.Value, n int) string {
	b := brief{left: n}
	b.value(v, 0)
	return b.out.String()
}

type brief struct {
	out  strings.Builder
	left int
}

func (b *brief) text(s string) {
	if b.left <= 0 {
		return
	}
	if len(s) > b.left {
		s = s[:b.left]
		for !utf8.ValidString(s) && s != "" {
			s = s[:len(s)-1]
		}
		b.left = 0
		b.out.WriteString(s + "…")
		return
	}
	b.left -= len(s)
	b.out.WriteString(s)
}

// typeName is a type's name as a cell would write it.
func typeName(t reflect.Type) string {
	return strings.NewReplacer("main.", "", "interface {}", "any").Replace(t.String())
}

// deepest is how many levels of a value are written.
const deepest = 4

func (b *brief) value(v reflect.Value, depth int) {
	if b.left <= 0 {
		return
	}
	if !v.IsValid() {
		b.text("nil")
		return
	}
	switch v.Kind() {
	case reflect.Bool:
		b.text(strconv.FormatBool(v.Bool()))
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		b.text(strconv.FormatInt(v.Int(), 10))
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64, reflect.Uintptr:
		b.text(strconv.FormatUint(v.Uint(), 10))
	case reflect.Float32, reflect.Float64:
		b.text(strconv.FormatFloat(v.Float(), 'g', -1, v.Type().Bits()))
	case reflect.Complex64, reflect.Complex128:
		b.text(strconv.FormatComplex(v.Complex(), 'g', -1, v.Type().Bits()))
	case reflect.String:
		s := v.String()
		if len(s) > b.left {
			s = s[:b.left]
			for i := 0; i < 3 && !utf8.ValidString(s) && s != ""; i++ {
				s = s[:len(s)-1]
			}
			b.text(strconv.Quote(s))
			b.text("…")
			return
		}
		b.text(strconv.Quote(s))
	case reflect.Pointer:
		switch {
		case v.IsNil():
			b.text("nil")
		case depth == 0 && v.Elem().Kind() != reflect.Pointer:
			b.text("&")
			b.value(v.Elem(), depth+1)
		default:
			b.text("(" + typeName(v.Type()) + ")(…)")
		}
	case reflect.Interface:
		b.value(v.Elem(), depth)
	case reflect.Func, reflect.Chan, reflect.UnsafePointer:
		if v.IsNil() {
			b.text("nil")
			return
		}
		b.text(typeName(v.Type()))
		if v.Kind() == reflect.Chan {
			b.text(" with " + strconv.Itoa(v.Len()) + " of " + strconv.Itoa(v.Cap()))
		}
	case reflect.Slice, reflect.Array:
		if v.Kind() == reflect.Slice && v.IsNil() {
			b.text("nil")
			return
		}
		b.head(v, depth)
		b.list(v.Len(), depth, func(i int) { b.value(v.Index(i), depth+1) })
		if v.Len() > 8 {
			b.left = max(b.left, 30)
			b.text(" (" + strconv.Itoa(v.Len()) + " elements)")
		}
	case reflect.Map:
		if v.IsNil() {
			b.text("nil")
			return
		}
		b.head(v, depth)
		b.mapping(v, depth)
		if v.Len() > 8 {
			b.left = max(b.left, 30)
			b.text(" (" + strconv.Itoa(v.Len()) + " entries)")
		}
	case reflect.Struct:
		b.head(v, depth)
		b.list(v.NumField(), depth, func(i int) {
			b.text(v.Type().Field(i).Name + ": ")
			b.value(v.Field(i), depth+1)
		})
	}
}

// head writes the type before a composite value; inside of one it is known.
func (b *brief) head(v reflect.Value, depth int) {
	if depth <= 1 || v.Type().Name() != "" {
		b.text(typeName(v.Type()))
	}
}

func (b *brief) list(n, depth int, each func(i int)) {
	if depth >= deepest && n > 0 {
		b.text("{…}")
		return
	}
	b.text("{")
	for i := range n {
		if b.left <= 0 {
			return
		}
		if i > 0 {
			b.text(", ")
		}
		each(i)
	}
	b.text("}")
}

func (b *brief) mapping(v reflect.Value, depth int) {
	type pair struct{ key, value string }
	var ps []pair
	for it := v.MapRange(); it.Next() && len(ps) < 50; {
		ps = append(ps, pair{Brief(it.Key(), 40), ""})
		sub := brief{left: 60}
		sub.value(it.Value(), depth+1)
		ps[len(ps)-1].value = sub.out.String()
	}
	sort.Slice(ps, func(i, j int) bool { return ps[i].key < ps[j].key })
	b.list(len(ps), depth, func(i int) { b.text(ps[i].key + ": " + ps[i].value) })
}
