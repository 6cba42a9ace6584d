package compiled

import (
	"errors"
	"fmt"
	"math"
	"reflect"
	"strconv"
	"strings"
	"time"
)

// maxValue is how long the source of a variable may get that a program has a copy of.
const maxValue = 256 << 10

// declare writes a variable of the interpreted cells with its value of now, for a program to have a copy of.
func declare(name, typ string, v reflect.Value) (string, error) {
	w := literal{}
	w.value(v, 0)
	switch {
	case w.err != "":
		return "", fmt.Errorf("%s is a variable of the interpreted cells, and a program of its own can have no copy of it: %s; pass it as an argument, or declare it in a %%%%go cell", name, w.err)
	case w.Len() > maxValue:
		return "", fmt.Errorf("%s is a variable of the interpreted cells and too large for a program to have a copy of: write it to a file, or declare it in a %%%%go cell", name)
	}
	return "var " + name + " " + strings.ReplaceAll(typ, "main.", "") + " = " + w.String(), nil
}

// literal writes values as Go.
type literal struct {
	strings.Builder
	err string
}

func (w *literal) fail(format string, args ...any) {
	if w.err == "" {
		w.err = fmt.Sprintf(format, args...)
	}
}

// known writes values of the standard library's that have no literal and that a call makes.
func (w *literal) known(v any) bool {
	switch v := v.(type) {
	case time.Time:
		fmt.Fprintf(w, "time.Unix(%d, %d)", v.Unix(), v.Nanosecond())
		switch v.Location() {
		case time.Local:
		case time.UTC:
			w.WriteString(".UTC()")
		default:
			name, offset := v.Zone()
			fmt.Fprintf(w, ".In(time.FixedZone(%q, %d))", name, offset)
		}
		return true
	case error:
		if reflect.TypeOf(v) == reflect.TypeOf(errors.New("")) {
			fmt.Fprintf(w, "errors.New(%q)", v.Error())
			return true
		}
	}
	return false
}

func typeName(t reflect.Type) string { return strings.ReplaceAll(t.String(), "main.", "") }

func (w *literal) value(v reflect.Value, depth int) {
	if w.err != "" || w.Len() > maxValue {
		return
	}
	if depth > 50 {
		w.fail("it refers to itself, or is nested too deeply")
		return
	}
	t := v.Type()
	if v.CanInterface() && w.known(v.Interface()) {
		return
	}
	conv := func(s string) {
		if t.PkgPath() != "" || t.Kind() != reflect.String && t.Kind() != reflect.Bool {
			s = typeName(t) + "(" + s + ")"
		}
		w.WriteString(s)
	}
	switch v.Kind() {
	case reflect.Bool:
		conv(strconv.FormatBool(v.Bool()))
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		conv(strconv.FormatInt(v.Int(), 10))
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64, reflect.Uintptr:
		conv(strconv.FormatUint(v.Uint(), 10))
	case reflect.Float32, reflect.Float64:
		f := v.Float()
		if math.IsNaN(f) || math.IsInf(f, 0) || f == 0 && math.Signbit(f) {
			w.fail("it holds %v, which Go has no literal for", f)
			return
		}
		conv(strconv.FormatFloat(f, 'g', -1, t.Bits()))
	case reflect.String:
		conv(strconv.Quote(v.String()))
	case reflect.Slice, reflect.Array:
		if v.Kind() == reflect.Slice && v.IsNil() {
			w.WriteString(typeName(t) + "(nil)")
			return
		}
		w.WriteString(typeName(t) + "{")
		for i := range v.Len() {
			w.value(v.Index(i), depth+1)
			w.WriteString(", ")
		}
		w.WriteString("}")
	case reflect.Map:
		if v.IsNil() {
			w.WriteString(typeName(t) + "(nil)")
			return
		}
		w.WriteString(typeName(t) + "{")
		for it := v.MapRange(); it.Next(); {
			w.value(it.Key(), depth+1)
			w.WriteString(": ")
			w.value(it.Value(), depth+1)
			w.WriteString(", ")
		}
		w.WriteString("}")
	case reflect.Struct:
		w.WriteString(typeName(t) + "{")
		for i := range t.NumField() {
			f := t.Field(i)
			if v.Field(i).IsZero() {
				continue
			}
			if !f.IsExported() && t.PkgPath() != "" && t.PkgPath() != "main" {
				w.fail("it holds a %v, whose fields are its package's own", t)
				return
			}
			w.WriteString(f.Name + ": ")
			w.value(v.Field(i), depth+1)
			w.WriteString(", ")
		}
		w.WriteString("}")
	case reflect.Pointer:
		switch {
		case v.IsNil():
			w.WriteString("(" + typeName(t) + ")(nil)")
		case v.Elem().Kind() == reflect.Struct:
			w.WriteString("&")
			w.value(v.Elem(), depth+1)
		default:
			w.fail("it holds a pointer")
		}
	case reflect.Interface:
		if v.IsNil() {
			w.WriteString("nil")
			return
		}
		w.value(v.Elem(), depth+1)
	default:
		w.fail("it holds a %v", v.Kind())
	}
}
