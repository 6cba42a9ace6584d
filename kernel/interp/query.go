package interp

import (
	"cmp"
	"fmt"
	"go/constant"
	"go/types"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/godlas/godlas/kernel/interp/internal/front"
)

// Item is one completion. Type is function, method, struct, interface, class
// (any other type), module, keyword, builtin, constant, instance or property.
type Item struct {
	Text, Type, Signature string
}

// Completion is what can replace the bytes Start to End.
type Completion struct {
	Start, End int
	Items      []Item
}

// askFor is how long a question waits for a cell that is being compiled. What
// packages it imports may take a while; the answer is then the empty one.
const askFor = time.Second

// ask runs f, which may panic, with the lock. It reports whether f came to its end.
func (in *Interp) ask(f func()) (done bool) {
	for end := time.Now().Add(askFor); !in.m.Mu.TryLock(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			return false
		}
	}
	defer in.m.Mu.Unlock()
	defer func() { // source that is being typed can be anything
		if r := recover(); r != nil && in.fault != nil {
			in.fault(r)
		}
	}()
	f()
	return true
}

// Complete lists what can stand at cursor, a byte offset into src. It runs no
// code of cells.
func (in *Interp) Complete(src string, cursor int) Completion {
	c := Completion{Start: cursor, End: cursor}
	in.ask(func() {
		start, end, items := in.front.Complete(src, cursor)
		c = Completion{Start: start, End: end}
		for _, it := range items {
			c.Items = append(c.Items, Item(it))
		}
	})
	return c
}

// Info describes a name: its declaration, its documentation, its source if it
// was declared in a cell, and its Kind as in Item.
type Info struct {
	Signature, Doc, Source, Kind string
	// Value is what a variable holds, in short, and Dynamic the type of that if the
	// variable's own is an interface. They are empty while code of a cell runs.
	Value, Dynamic string
	// Parameter is the declaration of the parameter whose argument is at the cursor,
	// and Argument the argument's number, from 1.
	Parameter string
	Argument  int
}

// Inspect describes the name at cursor, a byte offset into src, or the function
// whose arguments are there. Source is given if detail is above 0.
func (in *Interp) Inspect(src string, cursor, detail int) (info Info, ok bool) {
	in.ask(func() {
		var i front.Info
		i, ok = in.front.Inspect(src, cursor)
		info = Info(i)
	})
	if detail == 0 {
		info.Source = ""
	}
	return info, ok
}

// IsComplete tells whether src is "complete", "incomplete", and then how the
// next line is indented, or "invalid".
func (in *Interp) IsComplete(src string) (status, indent string) {
	return front.IsComplete(src)
}

// Var is a live name. Kind is var, func, type or const; Value is set for var, and for a const that is no complex number.
type Var struct {
	Name, Kind, Type string
	Value            reflect.Value
}

// Vars lists the live names in alphabetical order.
func (in *Interp) Vars() []Var {
	in.m.Mu.Lock()
	defer in.m.Mu.Unlock()
	var out []Var
	for name, o := range in.front.Live() {
		v := Var{Name: name, Type: types.TypeString(o.Type(), func(p *types.Package) string { return p.Name() })}
		switch o := o.(type) {
		case *types.Var:
			v.Kind = "var"
			v.Value, _ = in.value(o)
		case *types.Func:
			v.Kind = "func"
		case *types.TypeName:
			v.Kind = "type"
			v.Type = types.TypeString(o.Type().Underlying(), func(p *types.Package) string { return p.Name() })
		case *types.Const:
			v.Kind = "const"
			v.Value = constantValue(o.Val())
		}
		out = append(out, v)
	}
	slices.SortFunc(out, func(a, b Var) int { return cmp.Compare(a.Name, b.Name) })
	return out
}

// constantValue is a constant as a bool, string, int64, *big.Int or float64; a complex one has none.
func constantValue(v constant.Value) reflect.Value {
	switch v.Kind() {
	case constant.Bool, constant.String, constant.Int:
		return reflect.ValueOf(constant.Val(v))
	case constant.Float:
		f, _ := constant.Float64Val(v)
		return reflect.ValueOf(f)
	}
	return reflect.Value{}
}

func (in *Interp) value(v *types.Var) (reflect.Value, bool) {
	g := in.front.Global(v)
	if g == nil {
		return reflect.Value{}, false
	}
	return in.m.Variable(g), true
}

// Get returns a live variable's value, which is settable.
func (in *Interp) Get(name string) (reflect.Value, bool) {
	in.m.Mu.Lock()
	defer in.m.Mu.Unlock()
	v, ok := in.front.Live()[name].(*types.Var)
	if !ok {
		return reflect.Value{}, false
	}
	return in.value(v)
}

// Set declares a live variable with the type and value of v; a nil v makes an
// any. It fails if the type is not known to any library.
func (in *Interp) Set(name string, v any) error {
	in.m.Mu.Lock()
	defer in.m.Mu.Unlock()
	if !front.IsName(name) {
		return fmt.Errorf("%q is not a name that a variable can have", name)
	}
	t := reflect.TypeFor[any]()
	if v != nil {
		t = reflect.TypeOf(v)
	}
	typ, err := in.front.TypeOf(t)
	if err != nil {
		return err
	}
	_, g := in.front.Declare(name, typ)
	dst := in.m.Variable(g)
	if v != nil {
		if !reflect.TypeOf(v).AssignableTo(dst.Type()) {
			return fmt.Errorf("values of type %v are not known to cells", t)
		}
		dst.Set(reflect.ValueOf(v))
	}
	return nil
}

// Forget makes a name of the cells unknown to later ones. What uses it already goes on doing so.
func (in *Interp) Forget(name string) {
	in.m.Mu.Lock()
	defer in.m.Mu.Unlock()
	delete(in.front.Live(), name)
}

// BuiltIn reports whether packages of a module, or a package, can be imported without a module.
func (in *Interp) BuiltIn(module string) bool {
	in.m.Mu.Lock()
	defer in.m.Mu.Unlock()
	return slices.ContainsFunc(in.front.Packages.Paths(), func(p string) bool {
		return p == module || strings.HasPrefix(p, module+"/")
	})
}
