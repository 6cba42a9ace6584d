//go:build amd64 || arm64

package rt

import (
	"errors"
	"reflect"
	"unsafe"
)

// Call calls the func value fn with the registers r.
//
//go:noescape
func Call(fn unsafe.Pointer, r *Regs)

// callKnown is found out on functions of all kinds of registers: if a later Go
// passes arguments in another way, reflect calls.
var callKnown = checkCall()

//go:noinline
func probe(a int8, b float32, c string, d []int, e error, f float64, g *int) (*int, float64, []int, string, float32, int8, error) {
	return g, f, d, c, b, a, e
}

func checkCall() bool {
	type args struct {
		a int8
		b float32
		c string
		d []int
		e error
		f float64
		g *int
	}
	type results struct {
		g *int
		f float64
		d []int
		c string
		b float32
		a int8
		e error
	}
	var in, out Sequence
	x := args{-5, 1.5, "c", []int{1, 2}, errors.New("e"), 2.5, new(int)}
	var y results
	if !assign(&in, reflect.TypeOf(x)) || !assign(&out, reflect.TypeOf(y)) {
		return false
	}
	fn := probe
	var r Regs
	r.Load(unsafe.Pointer(&x), in.Parts)
	r.Returns(&out)
	Call(*(*unsafe.Pointer)(unsafe.Pointer(&fn)), &r)
	r.Store(unsafe.Pointer(&y), out.Parts)
	return y.a == x.a && y.b == x.b && y.c == x.c && len(y.d) == 2 && &y.d[0] == &x.d[0] && y.e == x.e && y.f == x.f && y.g == x.g
}

func assign(s *Sequence, t reflect.Type) bool { return s.Add(t, 0) }
