package rt

import (
	"errors"
	"fmt"
	"reflect"
	"runtime"
	"strings"
	"testing"
	"unsafe"
)

type pair struct {
	A int32
	B string
}

//go:noinline
func manyInts(a, b, c, d, e, f, g, h, i int) (int, int, int, int, int, int, int, int, int) {
	return i, h, g, f, e, d, c, b, a
}

//go:noinline
func manyFloats(a, b, c, d, e, f, g, h, i, j, k, l, m, n, o float64) (x, y float64) {
	return a + 2*b + 3*c + 4*d + 5*e + 6*f + 7*g + 8*h, i + 2*j + 3*k + 4*l + 5*m + 6*n + 7*o
}

//go:noinline
func deep(n int, s string) string {
	var room [512]byte
	room[n%512] = s[0]
	if n == 0 {
		runtime.GC()
		return s + string(room[0])
	}
	return deep(n-1, s)
}

//go:noinline
func fresh(n int) (*int, []string, map[string]int, error) {
	p := new(int)
	*p = n
	return p, []string{fmt.Sprint(n)}, map[string]int{"n": n}, fmt.Errorf("e%d", n)
}

// callBoth calls fn through reflect and through Call.
func callBoth(t *testing.T, fn any, args ...any) {
	t.Helper()
	v := reflect.ValueOf(fn)
	ft := v.Type()
	var ins, outs []reflect.StructField
	for i := range ft.NumIn() {
		ins = append(ins, reflect.StructField{Name: fmt.Sprintf("A%d", i), Type: ft.In(i)})
	}
	for i := range ft.NumOut() {
		outs = append(outs, reflect.StructField{Name: fmt.Sprintf("R%d", i), Type: ft.Out(i)})
	}
	in, out := reflect.New(reflect.StructOf(ins)), reflect.New(reflect.StructOf(outs))
	var values []reflect.Value
	for i, a := range args {
		in.Elem().Field(i).Set(reflect.ValueOf(a))
		values = append(values, in.Elem().Field(i))
	}
	want := v.Call(values)
	var s, q Sequence
	for i := range ins {
		if !s.Add(ft.In(i), in.Elem().Type().Field(i).Offset) {
			t.Fatalf("%v has no registers", ft)
		}
	}
	for i := range outs {
		if !q.Add(ft.Out(i), out.Elem().Type().Field(i).Offset) {
			t.Fatalf("%v has no registers", ft)
		}
	}
	for range 3 {
		var r Regs
		r.Load(in.UnsafePointer(), s.Parts)
		r.Returns(&q)
		Call(*(*unsafe.Pointer)(addressOf(v)), &r)
		r.Store(out.UnsafePointer(), q.Parts)
		runtime.GC()
		for i, w := range want {
			if got := out.Elem().Field(i); !reflect.DeepEqual(got.Interface(), w.Interface()) {
				t.Errorf("%v, result %d: %v, want %v", ft, i, got, w)
			}
		}
	}
}

func TestCall(t *testing.T) {
	if !CanCall() {
		if archKnown {
			t.Fatal("calls are not as they are known")
		}
		t.Skip("calls are made by reflect here")
	}
	callBoth(t, manyInts, 1, 2, 3, 4, 5, 6, 7, 8, 9)
	callBoth(t, manyFloats, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0, 10.0, 11.0, 12.0, 13.0, 14.0, 15.0)
	callBoth(t, deep, 20_000, "stack")
	callBoth(t, fresh, 7)
	callBoth(t, strings.Split, "a,b,c", ",")
	callBoth(t, (*strings.Builder).Len, new(strings.Builder))
	callBoth(t, func(a bool, b uint8, c int16, d float32, e complex128, f pair) (pair, complex128, float32, int16, uint8, bool) {
		return f, e, d, c, b, a
	}, true, uint8(200), int16(-3), float32(0.5), 2i, pair{-1, "b"})
	callBoth(t, errors.Is, errors.ErrUnsupported, errors.ErrUnsupported)
	n := 5
	callBoth(t, func(k int) int { return n + k }, 3)

	var r Regs
	boom := func() { panic("boom") }
	func() {
		defer func() {
			if x := recover(); x != "boom" {
				t.Errorf("recovered %v", x)
			}
		}()
		Call(*(*unsafe.Pointer)(unsafe.Pointer(&boom)), &r)
	}()
	if new(Sequence).Add(reflect.TypeFor[[2]int](), 0) {
		t.Error("an array of two goes in registers")
	}
}

// TestCallWhileCollecting keeps what comes back alive through collections that
// may begin at any time.
func TestCallWhileCollecting(t *testing.T) {
	if !CanCall() {
		t.Skip("calls are made by reflect here")
	}
	done := make(chan bool)
	go func() {
		for range 30 {
			runtime.GC()
		}
		close(done)
	}()
	type results struct {
		p *int
		s []string
		m map[string]int
		e error
	}
	var in, out Sequence
	in.Add(reflect.TypeFor[int](), 0)
	for i := range reflect.TypeFor[results]().NumField() {
		f := reflect.TypeFor[results]().Field(i)
		out.Add(f.Type, f.Offset)
	}
	fn := fresh
	for n := 0; ; n++ {
		select {
		case <-done:
			return
		default:
		}
		y := new(results)
		var r Regs
		r.Load(unsafe.Pointer(&n), in.Parts)
		r.Returns(&out)
		Call(*(*unsafe.Pointer)(unsafe.Pointer(&fn)), &r)
		r.Store(unsafe.Pointer(y), out.Parts)
		if *y.p != n || y.s[0] != fmt.Sprint(n) || y.e.Error() != fmt.Sprintf("e%d", n) || y.m["n"] != n {
			t.Fatalf("%d: %+v", n, y)
		}
	}
}

func BenchmarkCall(b *testing.B) {
	fn := strings.Index
	var in, out Sequence
	args := [2]string{"abc", "c"}
	in.Add(reflect.TypeFor[string](), 0)
	in.Add(reflect.TypeFor[string](), 2*wordSize)
	out.Add(reflect.TypeFor[int](), 0)
	var k int
	for range b.N {
		var r Regs
		r.Load(unsafe.Pointer(&args), in.Parts)
		r.Returns(&out)
		Call(*(*unsafe.Pointer)(unsafe.Pointer(&fn)), &r)
		r.Store(unsafe.Pointer(&k), out.Parts)
	}
}
