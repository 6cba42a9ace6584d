package dap

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/godlas/godlas/kernel/interp"
)

// refs are the values that a client can ask for more of, by number, until all goes on.
type refs struct {
	last int
	m    map[int]ref
}

// ref is what has children: the variables of a call, those of the cells, or the parts of a value.
type ref struct {
	frame   int // of locals
	in      int // the call in which name means the value; 0: outside of all
	globals bool
	value   reflect.Value
	name    string // what evaluates to it, "" if nothing does
	from    int    // the children from here to below to are those of a part of it
	to      int
}

// keep is how many values can be asked for at once.
const keep = 100_000

func (r *refs) add(x ref) int {
	if r.m == nil {
		r.m = map[int]ref{}
	}
	if len(r.m) >= keep {
		return 0
	}
	r.last++
	r.m[r.last] = x
	return r.last
}

func (r *refs) clear() { r.m = nil }

// variable of the protocol.
type variable struct {
	Name         string `json:"name"`
	Value        string `json:"value"`
	Type         string `json:"type,omitempty"`
	EvaluateName string `json:"evaluateName,omitempty"`
	Reference    int    `json:"variablesReference"`
	Named        int    `json:"namedVariables,omitempty"`
	Indexed      int    `json:"indexedVariables,omitempty"`
}

const (
	textLength = 200    // bytes of a value's text
	page       = 100    // children that are listed without being asked for by number
	mapPart    = 10_000 // entries of a map that can be seen
)

// busy is the value of what cannot be read while code runs that may change it.
const busy = "(not read while code runs)"

// quiet runs f if values of cells can be read.
func (a *Adapter) quiet(f func()) bool {
	if d := a.now(); d != nil {
		return d.Quiet(f)
	}
	g, err := a.host.Debuggee()
	if err != nil {
		return false
	}
	if q, ok := g.(interface{ Quiet(func()) bool }); ok {
		return q.Quiet(f)
	}
	return false
}

// list shows variables. Their values are looked at while nothing runs.
func (a *Adapter) list(vs []interp.Variable, in int, named bool) []variable {
	out := []variable{}
	ok := a.quiet(func() {
		for _, v := range vs {
			name := ""
			if named {
				name = v.Name
			}
			out = append(out, a.show(v.Name, v.Type, v.Value, in, name))
		}
	})
	if !ok {
		for _, v := range vs {
			out = append(out, variable{Name: v.Name, Value: busy, Type: v.Type})
		}
	}
	return out
}

// show describes a value and makes it one that can be asked for more.
func (a *Adapter) show(name, typ string, v reflect.Value, in int, evaluates string) variable {
	x := variable{Name: name, Type: typ, Value: interp.Brief(v, textLength), EvaluateName: evaluates}
	if typ == "" && v.IsValid() {
		x.Type = strings.ReplaceAll(v.Type().String(), "main.", "")
	}
	a.shown(&x, v)
	at, path := inner(v, evaluates)
	n := children(at)
	if n == 0 {
		return x
	}
	x.Reference = a.refs.add(ref{value: at, in: in, name: path, to: n})
	switch at.Kind() {
	case reflect.Slice, reflect.Array:
		x.Indexed = n
	default:
		x.Named = n
	}
	return x
}

// shown takes its type off a variable for JupyterLab, whose tree shows the type and not the value of all but int and bool. A
// value that does not say what it is of says so then.
func (a *Adapter) shown(x *variable, v reflect.Value) {
	if !a.lab || x.Type == "int" || x.Type == "bool" {
		return
	}
	typ := x.Type
	x.Type = ""
	for v.IsValid() && v.Kind() == reflect.Interface {
		v = v.Elem()
	}
	if !v.IsValid() {
		return
	}
	switch k := v.Kind(); {
	case reflect.Int <= k && k <= reflect.Complex128, k == reflect.String, k == reflect.Bool:
		if typ = strings.ReplaceAll(v.Type().String(), "main.", ""); typ != k.String() {
			x.Value = typ + "(" + x.Value + ")"
		}
	case k == reflect.Slice, k == reflect.Map, k == reflect.Pointer:
		if v.IsNil() {
			x.Value += " " + typ
		}
	}
}

// inner follows interfaces, and pointers to what has parts of its own. path is what evaluates to what it finds.
func inner(v reflect.Value, path string) (reflect.Value, string) {
	for range 100 {
		switch {
		case v.IsValid() && v.Kind() == reflect.Interface && !v.IsNil():
			v = v.Elem()
			path = "" // its type may have no name here
		case v.IsValid() && v.Kind() == reflect.Pointer && !v.IsNil() && v.Elem().Kind() == reflect.Struct:
			v = v.Elem()
		default:
			return v, path
		}
	}
	return v, path
}

// children counts the parts of a value.
func children(v reflect.Value) int {
	if !v.IsValid() {
		return 0
	}
	switch v.Kind() {
	case reflect.Struct:
		return v.NumField()
	case reflect.Slice, reflect.Array:
		return v.Len()
	case reflect.Map:
		return min(v.Len(), mapPart)
	case reflect.Pointer:
		if !v.IsNil() {
			return 1
		}
	}
	return 0
}

func (a *Adapter) variables(args struct {
	VariablesReference int
	Start, Count       int
	Filter             string
},
) (any, error) {
	r, ok := a.refs.m[args.VariablesReference]
	if !ok {
		return nil, errors.New("there is no such value any more: what was stopped has gone on")
	}
	switch {
	case r.globals:
		return body{"variables": a.globals()}, nil
	case r.frame != 0:
		vs, err := a.now().Locals(r.frame)
		if err != nil {
			return nil, err
		}
		return body{"variables": a.list(vs, r.frame, true)}, nil
	}
	if kind := r.value.Kind(); args.Filter == "indexed" && kind != reflect.Slice && kind != reflect.Array || args.Filter == "named" && (kind == reflect.Slice || kind == reflect.Array) {
		return body{"variables": []variable{}}, nil
	}
	out := []variable{}
	read := a.quiet(func() {
		from, to := r.from, min(r.to, children(r.value)) // it may have become shorter
		if args.Count > 0 || args.Start > 0 {
			from = max(from, r.from+args.Start)
			if args.Count > 0 {
				to = min(to, from+args.Count)
			}
			to = min(to, from+mapPart)
		} else if to-from > page && r.value.Kind() != reflect.Struct {
			out = a.groups(r, from, to)
			return
		}
		out = a.parts(r, from, to)
	})
	if !read {
		return nil, errors.New("it is not read while code runs that may change it")
	}
	return body{"variables": out}, nil
}

// groups stand for many children: at most a page of them.
func (a *Adapter) groups(r ref, from, to int) []variable {
	size := page
	for (to-from+size-1)/size > page {
		size *= page
	}
	out := []variable{}
	for i := from; i < to; i += size {
		end := min(i+size, to)
		x := r
		x.from, x.to = i, end
		out = append(out, variable{Name: fmt.Sprintf("[%d…%d]", i, end-1), Value: "", Reference: a.refs.add(x)})
	}
	return out
}

// parts are the children of a value, by number.
func (a *Adapter) parts(r ref, from, to int) []variable {
	out := []variable{}
	v := r.value
	switch v.Kind() {
	case reflect.Struct:
		for i := from; i < to; i++ {
			f := v.Type().Field(i)
			name := ""
			if r.name != "" && f.Name != "_" {
				name = r.name + "." + f.Name
			}
			out = append(out, a.show(f.Name, "", v.Field(i), r.in, name))
		}
	case reflect.Slice, reflect.Array:
		for i := from; i < to; i++ {
			out = append(out, a.show(strconv.Itoa(i), "", v.Index(i), r.in, part(r.name, strconv.Itoa(i))))
		}
	case reflect.Pointer:
		name := ""
		if r.name != "" {
			name = "*" + r.name
		}
		out = append(out, a.show("*", "", v.Elem(), r.in, name))
	case reflect.Map:
		keys := sortedKeys(v)
		for _, k := range keys[min(from, len(keys)):min(to, len(keys))] {
			text := interp.Brief(k, 100)
			name := ""
			switch k.Kind() {
			case reflect.String, reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64, reflect.Uint, reflect.Uint8, reflect.Uint16,
				reflect.Uint32, reflect.Uint64, reflect.Bool:
				if !strings.HasSuffix(text, "…") {
					name = part(r.name, text)
				}
			}
			out = append(out, a.show(text, "", v.MapIndex(k), r.in, name))
		}
	}
	return out
}

func part(of, index string) string {
	if of == "" {
		return ""
	}
	return of + "[" + index + "]"
}

// sortedKeys are keys of a map, in order; of one that is large, some.
func sortedKeys(v reflect.Value) []reflect.Value {
	var keys []reflect.Value
	for it := v.MapRange(); len(keys) < mapPart && it.Next(); {
		keys = append(keys, it.Key())
	}
	slices.SortFunc(keys, func(x, y reflect.Value) int {
		for x.Kind() == reflect.Interface && !x.IsNil() {
			x = x.Elem()
		}
		for y.Kind() == reflect.Interface && !y.IsNil() {
			y = y.Elem()
		}
		if x.Kind() != y.Kind() {
			return cmp.Compare(x.Kind(), y.Kind())
		}
		switch {
		case x.CanInt():
			return cmp.Compare(x.Int(), y.Int())
		case x.CanUint():
			return cmp.Compare(x.Uint(), y.Uint())
		case x.CanFloat():
			return cmp.Compare(x.Float(), y.Float())
		case x.Kind() == reflect.String:
			return cmp.Compare(x.String(), y.String())
		}
		return cmp.Compare(interp.Brief(x, 100), interp.Brief(y, 100))
	})
	return keys
}

func (a *Adapter) scopes(args struct{ FrameID int }) (any, error) {
	if _, err := a.now().Locals(args.FrameID); err != nil {
		return nil, err
	}
	return body{"scopes": []body{
		{"name": "Locals", "presentationHint": "locals", "variablesReference": a.refs.add(ref{frame: args.FrameID, in: args.FrameID}), "expensive": false},
		{"name": "Globals", "presentationHint": "globals", "variablesReference": a.refs.add(ref{globals: true}), "expensive": false},
	}}, nil
}

// globals are the variables of the cells.
func (a *Adapter) globals() []variable {
	g, err := a.host.Debuggee()
	if err != nil {
		return []variable{}
	}
	return a.list(g.Globals(), 0, true)
}

// inspectVariables lists the variables of the cells, whether anything is stopped or not.
func (a *Adapter) inspectVariables(json.RawMessage) (any, error) {
	if d := a.now(); d == nil || len(d.Stopped()) == 0 {
		a.refs.clear()
	}
	return body{"variables": a.globals()}, nil
}
