package display

import (
	"fmt"
	"image"
	"reflect"
	"slices"
	"strconv"
)

// maxKeys bounds how many different keys of maps make columns.
const maxKeys = 1000

// tabular is the table that a list of structs, maps or lists is, and that a map is; nil for any other value.
func tabular(v reflect.Value) *table {
	for v.IsValid() && (v.Kind() == reflect.Pointer || v.Kind() == reflect.Interface) {
		if hasText(v.Type()) {
			return nil
		}
		v = v.Elem()
	}
	if !v.IsValid() || hasText(v.Type()) {
		return nil
	}
	switch v.Kind() {
	case reflect.Slice, reflect.Array:
		return listTable(v)
	case reflect.Map:
		return mapTable(v)
	}
	return nil
}

func listTable(v reflect.Value) *table {
	n := v.Len()
	at, gap := pickRows(n)
	rows := make([]reflect.Value, len(at))
	index := column{cells: make([]string, len(at)), right: true}
	for i, k := range at {
		rows[i] = v.Index(k)
		index.cells[i] = strconv.Itoa(k)
	}
	t := rowsTable(v.Type().Elem(), rows)
	if t == nil {
		return nil
	}
	t.rows, t.gap, t.index = n, gap, &index
	return t
}

func mapTable(v reflect.Value) *table {
	n := v.Len()
	if n == 0 {
		return nil // map[] says as much
	}
	keys := keysOf(v, maxRows)
	rows := make([]reflect.Value, len(keys))
	for i, k := range keys {
		rows[i] = v.MapIndex(k)
	}
	index := columnOf("", slices.Clone(keys))
	t := rowsTable(v.Type().Elem(), rows)
	if t == nil {
		index.head = "key"
		t = &table{columns: 1, cols: []column{columnOf("value", rows)}}
	}
	t.rows, t.index = n, &index
	if len(keys) < n { // the last ones are not known
		t.gap = len(keys)
	}
	return t
}

// rowsTable is a table of rows of a type, or nil if they are none.
func rowsTable(elem reflect.Type, rows []reflect.Value) *table {
	if elem.Kind() == reflect.Interface {
		elem = oneType(rows)
	}
	if elem == nil || hasText(elem) {
		return nil
	}
	for i, r := range rows {
		for r.IsValid() && (r.Kind() == reflect.Interface || r.Kind() == reflect.Pointer) {
			r = r.Elem()
		}
		rows[i] = r
	}
	for elem.Kind() == reflect.Pointer {
		if elem = elem.Elem(); hasText(elem) {
			return nil
		}
	}
	switch elem.Kind() {
	case reflect.Struct:
		return structRows(elem, rows)
	case reflect.Map:
		return mapRows(rows)
	case reflect.Slice, reflect.Array:
		if elem.Elem().Kind() == reflect.Uint8 {
			return nil // a list of texts more often than of numbers
		}
		return listRows(rows)
	}
	return nil
}

// oneType is the type that all rows have, nil if they differ or there are none.
func oneType(rows []reflect.Value) (t reflect.Type) {
	for _, r := range rows {
		r = r.Elem()
		if !r.IsValid() {
			continue
		}
		if t != nil && t != r.Type() {
			return nil
		}
		t = r.Type()
	}
	return t
}

// path is the way to a field through embedded structs.
type path struct {
	name string
	at   []int
}

func fieldsOf(t reflect.Type, before []int) (out []path) {
	for i := range t.NumField() {
		f := t.Field(i)
		at := append(slices.Clone(before), i)
		if f.Anonymous && f.Type.Kind() == reflect.Struct && !hasText(f.Type) && f.Type.NumField() > 0 && len(before) < maxDepth {
			out = append(out, fieldsOf(f.Type, at)...)
		} else if f.Name != "_" {
			out = append(out, path{f.Name, at})
		}
	}
	return out
}

func structRows(t reflect.Type, rows []reflect.Value) *table {
	fields := fieldsOf(t, nil)
	if len(fields) == 0 {
		return nil
	}
	for i, r := range rows {
		if r.IsValid() {
			rows[i] = addressable(r)
		}
	}
	at, gap := pickColumns(len(fields))
	out := &table{columns: len(fields), colGap: gap}
	for _, k := range at {
		values := make([]reflect.Value, len(rows))
		for i, r := range rows {
			if !r.IsValid() {
				continue
			}
			for _, f := range fields[k].at {
				r = field(r, f)
			}
			values[i] = r
		}
		out.cols = append(out.cols, columnOf(fields[k].name, values))
	}
	return out
}

func mapRows(rows []reflect.Value) *table {
	var keys []reflect.Value
	seen := map[string]bool{}
	for _, r := range rows {
		if !r.IsValid() || r.Len() > maxKeys {
			if r.IsValid() {
				return nil
			}
			continue
		}
		for _, k := range r.MapKeys() {
			name := fmt.Sprintf("%s %s", k.Type(), inline(k, 1000))
			if !seen[name] {
				seen[name] = true
				keys = append(keys, k)
			}
		}
		if len(keys) > maxKeys {
			return nil
		}
	}
	if len(keys) == 0 {
		return nil
	}
	slices.SortFunc(keys, compareKeys)
	at, gap := pickColumns(len(keys))
	out := &table{columns: len(keys), colGap: gap}
	for _, k := range at {
		values := make([]reflect.Value, len(rows))
		for i, r := range rows {
			if r.IsValid() {
				values[i] = r.MapIndex(keys[k])
			}
		}
		out.cols = append(out.cols, columnOf(inline(keys[k], maxCell), values))
	}
	return out
}

func listRows(rows []reflect.Value) *table {
	n := 0
	for _, r := range rows {
		if r.IsValid() {
			n = max(n, r.Len())
		}
	}
	if n == 0 {
		return nil
	}
	at, gap := pickColumns(n)
	out := &table{columns: n, colGap: gap}
	for _, k := range at {
		values := make([]reflect.Value, len(rows))
		for i, r := range rows {
			if r.IsValid() && k < r.Len() {
				values[i] = r.Index(k)
			}
		}
		out.cols = append(out.cols, columnOf(strconv.Itoa(k), values))
	}
	return out
}

// mimers are those by which it says so in MIME types.
var mimers = [...]reflect.Type{reflect.TypeFor[Mimer](), reflect.TypeFor[mimerWith]()}

// withText are the interfaces by which a value says what it is.
var withText = []reflect.Type{
	reflect.TypeFor[error](), reflect.TypeFor[fmt.Stringer](), reflect.TypeFor[fmt.Formatter](), mimers[0], mimers[1],
	reflect.TypeFor[image.Image](), reflect.TypeFor[matrix](), reflect.TypeFor[complexMatrix](),
}

// hasText tells whether values of a type say themselves what their text is.
func hasText(t reflect.Type) bool {
	if t.Kind() == reflect.Interface {
		return false
	}
	for _, i := range withText {
		if t.Implements(i) {
			return true
		}
	}
	return t == reflect.TypeFor[reflect.Value]()
}
