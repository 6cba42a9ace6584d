package rt

import (
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"runtime"
	"runtime/debug"
	"sort"
	"strings"
	"sync"
	"testing"
	"unsafe"
)

// needMethods skips a test where no stub is written for the processor.
func needMethods(t *testing.T) {
	t.Helper()
	if runtime.GOARCH != "amd64" && runtime.GOARCH != "arm64" {
		t.Skip("methods need amd64 or arm64")
	}
}

func TestCheck(t *testing.T) {
	needMethods(t)
	if err := Check(); err != nil {
		t.Fatal(err)
	}
}

func meth(name string, ptr bool, typ any, f func([]reflect.Value) []reflect.Value) Method {
	return Method{Name: name, Ptr: ptr, Type: reflect.TypeOf(typ), Func: f}
}

func values(xs ...any) []reflect.Value {
	var out []reflect.Value
	for _, x := range xs {
		out = append(out, reflect.ValueOf(x))
	}
	return out
}

// named makes a finished type whose layout is that of u.
func named(t *testing.T, name string, u reflect.Type, ms ...Method) *Named {
	t.Helper()
	n := NewNamed(Spec{PkgPath: "main", PkgName: "main", Name: name, Kind: u.Kind(), Methods: len(ms), Grows: true})
	n.SetLayout(u)
	n.Finish(u, nil)
	if len(ms) > 0 {
		needMethods(t)
	}
	if err := n.AddMethods(ms); err != nil {
		t.Fatal(err)
	}
	return n
}

func TestMethodsAreSeen(t *testing.T) {
	point := named(t, "Point", reflect.TypeFor[struct {
		X int `json:"x"`
		Y string
	}](),
		meth("String", false, func() string { return "" }, func(a []reflect.Value) []reflect.Value {
			return values(fmt.Sprintf("<%d %s>", a[0].Field(0).Int(), a[0].Field(1).String()))
		}),
		meth("Error", true, func() string { return "" }, func(a []reflect.Value) []reflect.Value {
			return values(fmt.Sprint("bad ", a[0].Elem().Field(0).Int()))
		}))
	v := reflect.New(point.T)
	v.Elem().Field(0).SetInt(7)
	v.Elem().Field(1).SetString("q")
	if got := fmt.Sprintf("%v %T", v.Elem().Interface(), v.Interface()); got != "<7 q> *main.Point" {
		t.Error(got)
	}
	if got := fmt.Sprint(v.Interface().(error).Error(), v.Type().NumMethod(), v.Elem().Type().NumMethod()); got != "bad 72 1" {
		t.Error(got)
	}
	if b, err := json.Marshal(v.Interface()); err != nil || string(b) != `{"x":7,"Y":"q"}` {
		t.Error(string(b), err)
	}
	target := reflect.New(reflect.PointerTo(point.T))
	if !errors.As(fmt.Errorf("w: %w", v.Interface().(error)), target.Interface()) || target.Elem().UnsafePointer() != v.UnsafePointer() {
		t.Error("errors.As does not find it")
	}
	if got := point.T.Method(0).Func.Call([]reflect.Value{v.Elem()})[0].String(); got != "<7 q>" {
		t.Error(got)
	}
	if reflect.PointerTo(point.T) != point.P || point.P.Elem() != point.T {
		t.Error("pointer type")
	}

	ints := named(t, "Ints", reflect.TypeFor[[]int](),
		meth("Len", false, func() int { return 0 }, func(a []reflect.Value) []reflect.Value { return values(a[0].Len()) }),
		meth("Less", false, func(i, j int) bool { return false }, func(a []reflect.Value) []reflect.Value {
			return values(a[0].Index(int(a[1].Int())).Int() < a[0].Index(int(a[2].Int())).Int())
		}),
		meth("Swap", false, func(i, j int) {}, func(a []reflect.Value) []reflect.Value {
			reflect.Swapper(a[0].Convert(reflect.TypeFor[[]int]()).Interface())(int(a[1].Int()), int(a[2].Int()))
			return nil
		}))
	s := []int{3, 1, 2}
	sort.Sort(reflect.ValueOf(s).Convert(ints.T).Interface().(sort.Interface))
	if fmt.Sprint(s) != "[1 2 3]" {
		t.Error(s)
	}
	// added after the type was made, and sorted in
	err := ints.AddMethods([]Method{meth("String", false, func() string { return "" }, func(a []reflect.Value) []reflect.Value { return values("ints") })})
	if err != nil || fmt.Sprint(reflect.ValueOf(s).Convert(ints.T)) != "ints" || ints.T.Method(2).Name != "String" {
		t.Error(err, ints.T.NumMethod())
	}
}

func TestFuncCarries(t *testing.T) {
	m := NewFuncMaker(reflect.TypeFor[func(int) int](), func(f *Func, a []reflect.Value) []reflect.Value {
		return values(int(a[0].Int()) + *(*int)(f.Vars))
	})
	five := 5
	p := m.Make(nil, unsafe.Pointer(&five))
	fn := *(*func(int) int)(unsafe.Pointer(&p))
	if fn(2) != 7 {
		t.Error(fn(2))
	}
	if c := Carried(p); c == nil || c.Vars != unsafe.Pointer(&five) {
		t.Error("not recognised")
	}
	other := reflect.MakeFunc(reflect.TypeFor[func(int) int](), func(a []reflect.Value) []reflect.Value { return a })
	if Carried(*(*unsafe.Pointer)(addressOf(other))) != nil {
		t.Error("a foreign func is taken for ours")
	}
	plain := TestFuncCarries
	if Carried(*(*unsafe.Pointer)(unsafe.Pointer(&plain))) != nil {
		t.Error("a compiled func is taken for ours")
	}
	none := reflect.MakeFunc(reflect.TypeFor[func()](), nil)
	if Carried(*(*unsafe.Pointer)(addressOf(none))) != nil {
		t.Error("a made func of nothing is taken for ours")
	}
	// one word long, as reflect.Type.Method makes them; behind it is what points to it
	short := new([2]unsafe.Pointer)
	short[0], short[1] = **(**unsafe.Pointer)(unsafe.Pointer(&plain)), unsafe.Pointer(short)
	if Carried(unsafe.Pointer(short)) != nil {
		t.Error("a func of one word is taken for ours")
	}
}

func shimOf[R any](f *Func) any { return func() R { return *(*R)(f.Vars) } }

func TestShims(t *testing.T) {
	s, n := "s", 7
	for _, p := range []unsafe.Pointer{
		NewShimMaker(shimOf[string]).Make(nil, unsafe.Pointer(&s)),
		NewShimMaker(shimOf[int]).Make(nil, unsafe.Pointer(&n)),
		NewShimMaker(shimOf[int]).Make(unsafe.Pointer(&n), unsafe.Pointer(&n)),
	} {
		f := Carried(p)
		if f == nil || unsafe.Pointer(f) != p {
			t.Fatal("not recognised")
		}
		if f.Vars == unsafe.Pointer(&s) {
			if fn := *(*func() string)(unsafe.Pointer(&p)); fn() != s {
				t.Error(fn())
			}
		} else if fn := *(*func() int)(unsafe.Pointer(&p)); fn() != n {
			t.Error(fn())
		}
	}
}

func TestCodes(t *testing.T) {
	var c codes
	for i := range 2 * uintptr(len(c.table)) {
		pc := 1<<30 + i/2*97*32 // each twice
		room := int(i/2) < len(c.table)/2
		if c.has(pc) != (i%2 == 1 && room) || c.add(pc) != room || c.has(pc) != room || c.has(pc+32) {
			t.Fatal(i)
		}
	}
	if c.add(1) || c.count != len(c.table)/2 {
		t.Error(c.count)
	}
}

// TestUnderCollector makes types and frames, and calls methods, from several
// goroutines while the collector runs all the time.
func TestUnderCollector(t *testing.T) {
	defer debug.SetGCPercent(debug.SetGCPercent(1))
	var wg sync.WaitGroup
	for g := range 4 {
		wg.Add(1)
		go func() {
			defer wg.Done()
			for i := range 25 {
				n := named(t, fmt.Sprintf("T%d_%d", g, i), reflect.TypeFor[struct {
					P *int
					S []string
				}](), meth("String", false, func() string { return "" }, func(a []reflect.Value) []reflect.Value {
					return values(fmt.Sprint(a[0].Field(0).Elem().Int(), a[0].Field(1).Len()))
				}))
				l := Layout(40, []uintptr{8, 24})
				for j := range 50 {
					v := reflect.New(n.T).Elem()
					x := j
					v.Field(0).Set(reflect.ValueOf(&x))
					v.Field(1).Set(reflect.ValueOf(make([]string, 3)))
					mem := New(l)
					*(**int)(unsafe.Add(mem, 8)) = &x
					*(*uint64)(unsafe.Add(mem, 16)) = 0xc000000008 // no pointer
					if got := fmt.Sprint(v.Interface(), **(**int)(unsafe.Add(mem, 8))); got != fmt.Sprint(j, " 3 ", j) && got != fmt.Sprintf("%d 3 %d", j, j) {
						t.Error(got)
						return
					}
				}
			}
		}()
	}
	wg.Wait()
}

func TestMaps(t *testing.T) {
	m := map[string][3]int{}
	typ := Of(reflect.TypeOf(m))
	word := *(*unsafe.Pointer)(unsafe.Pointer(&m))
	k := "a"
	*(*[3]int)(MapSet(typ, word, unsafe.Pointer(&k))) = [3]int{1, 2, 3}
	if p, ok := MapGet(typ, word, unsafe.Pointer(&k)); !ok || *(*[3]int)(p) != m["a"] || m["a"][2] != 3 {
		t.Error(m)
	}
	MapDelete(typ, word, unsafe.Pointer(&k))
	if _, ok := MapGet(typ, nil, unsafe.Pointer(&k)); ok || len(m) != 0 {
		t.Error(m)
	}
}

// TestStubsRunOut declares methods until there is no room for more.
func TestStubsRunOut(t *testing.T) {
	needMethods(t)
	f := func(a []reflect.Value) []reflect.Value { return values("s") }
	first := named(t, "First", reflect.TypeFor[int](), meth("String", false, func() string { return "" }, f))
	stubMu.Lock()
	used := nextStub
	nextStub = stubs - 1
	stubMu.Unlock()
	defer func() { nextStub = used }()
	n := NewNamed(Spec{PkgPath: "main", PkgName: "main", Name: "TooLate", Kind: reflect.Int, Methods: 2})
	n.Finish(reflect.TypeFor[int](), nil)
	err := n.AddMethods([]Method{meth("Error", true, func() string { return "" }, f), meth("String", false, func() string { return "" }, f)})
	if err == nil || !strings.Contains(err.Error(), "main.TooLate") || !strings.Contains(err.Error(), "restart") {
		t.Error(err)
	}
	if got := fmt.Sprint(n.T.NumMethod(), n.P.NumMethod(), reflect.New(n.T).Elem(), reflect.New(first.T).Elem()); got != "0 0 0 s" {
		t.Error(got)
	}
	if stubs < 2*16384 { // a method of a value takes two
		t.Error("room for fewer than 16,384 methods")
	}
}

// TestMethodsLater adds methods after compiled code has seen that a type has none, more than there is room for.
func TestMethodsLater(t *testing.T) {
	needMethods(t)
	n := named(t, "Later", reflect.TypeFor[struct{ N int }]())
	v := reflect.New(n.T)
	if _, ok := v.Interface().(fmt.Stringer); ok || fmt.Sprint(v.Elem()) != "{0}" {
		t.Error("methods out of nothing")
	}
	f := func(a []reflect.Value) []reflect.Value { return values(fmt.Sprint("<", a[0].Field(0), ">")) }
	if err := n.AddMethods([]Method{meth("String", false, func() string { return "" }, f)}); err != nil {
		t.Fatal(err)
	}
	if got := fmt.Sprint(v.Interface(), v.Elem(), []any{v.Elem().Interface()}); got != "<0> <0> [<0>]" {
		t.Error(got)
	}
	for i := range spare + 1 {
		err := n.AddMethods([]Method{meth(fmt.Sprint("M", i), false, func() string { return "" }, f)})
		if (err != nil) != (i == spare-1 || i == spare) {
			t.Fatal(i, err)
		}
	}
	if n.T.NumMethod() != spare || n.T.Method(3).Name != "M11" {
		t.Error(n.T.NumMethod(), n.T.Method(3).Name)
	}
}

func TestFailure(t *testing.T) {
	undo := Fail(errors.New("not here"))
	defer undo()
	n := NewNamed(Spec{PkgPath: "main", PkgName: "main", Name: "Mute", Kind: reflect.Int, Methods: 1})
	n.Finish(reflect.TypeFor[int](), nil)
	if err := n.AddMethods([]Method{meth("Error", false, func() string { return "" }, nil)}); err == nil || n.T.NumMethod() != 0 {
		t.Error(err)
	}
	var e error
	(*[2]unsafe.Pointer)(unsafe.Pointer(&e))[0] = Blind(reflect.TypeFor[error](), n.T)
	(*[2]unsafe.Pointer)(unsafe.Pointer(&e))[1] = New(Of(n.T))
	if got := fmt.Sprintf("%T %v", e, reflect.TypeOf(e) == n.T); got != "main.Mute true" {
		t.Error(got)
	}
	defer func() {
		if r := fmt.Sprint(recover()); !strings.Contains(r, "not here") {
			t.Error(r)
		}
	}()
	_ = e.Error()
}
