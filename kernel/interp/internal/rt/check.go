package rt

import (
	"fmt"
	"reflect"
	"runtime"
	"sync"
	"sync/atomic"
	"unsafe"
)

// Check tells why compiled code cannot see methods of types made at run time, or
// nil. Types have their names and fields all the same, and interpreted code calls
// their methods.
func Check() error {
	if f := failure.Load(); f != nil {
		return *f
	}
	return checked()
}

var checked = sync.OnceValue(func() error {
	if err := layout(); err != nil {
		return err
	}
	switch {
	case !archKnown:
		return fmt.Errorf("compiled code sees no methods of types declared in cells on %s", runtime.GOARCH)
	case !stubsKnown():
		return fmt.Errorf("compiled code sees no methods of types declared in cells: %s links them in a way that is not known here", runtime.Version())
	case !funcLayoutKnown:
		return fmt.Errorf("compiled code sees no methods of types declared in cells: the func values of %s are not as those known here", runtime.Version())
	}
	return nil
})

var failure atomic.Pointer[error]

// Fail makes Check answer err, for a test. undo ends that.
func Fail(err error) (undo func()) {
	failure.Store(&err)
	return func() { failure.Store(nil) }
}

// layout tells how the descriptors of the program's own types differ from the
// mirrors in this package, or nil. Where they do, no types can be made.
var layout = sync.OnceValue(func() error {
	if what := differs(); what != "" {
		return fmt.Errorf("types cannot be declared in cells: %s of %s is not as known here", what, runtime.Version())
	}
	return nil
})

// sample has a field of each kind whose descriptor is mirrored, and methods.
type sample struct {
	A int8
	B map[string][]int `key:"value"`
	C [2]any
	d <-chan func(int, ...string) error // not exported, as is a method
	E *sample
}

func (sample) Seen() string { return "seen" }
func (s *sample) hidden()   { _ = s.d }

// differs compares what reflect says about compiled types with what the mirrors
// find; it names what is different.
func differs() string {
	_ = (*sample).hidden
	t := reflect.TypeFor[sample]()
	st, pt := (*structType)(Of(t)), (*ptrType)(Of(reflect.PointerTo(t)))
	switch {
	case unsafe.Sizeof(rtype{}) != uintptr(4*wordSize+16):
		return "the size of a type"
	case st.Size != t.Size(), int(st.Align) != t.Align(), int(st.FieldAlign) != t.FieldAlign(), st.Kind != uint8(reflect.Struct),
		st.PtrBytes == 0, st.PtrBytes > st.Size, st.Equal != nil, ptrOf(reflect.TypeFor[int8]()).Equal == nil:
		return "a type"
	case st.TFlag&(tflagNamed|tflagUncommon) != tflagNamed|tflagUncommon, ptrOf(reflect.TypeFor[[]int]()).TFlag&tflagNamed != 0:
		return "the flags of a type"
	case len(st.Fields) != t.NumField(), st.Fields[1].Typ != ptrOf(t.Field(1).Type), st.Fields[2].Off != t.Field(2).Offset,
		nameOf(st.Fields[1].Name) != "B", *st.Fields[1].Name != 1|2, *st.Fields[3].Name&1 != 0:
		return "a struct type"
	case pt.Elem != &st.rtype:
		return "a pointer type"
	}
	mt, at := (*mapType)(Of(t.Field(1).Type)), (*arrayType)(Of(t.Field(2).Type))
	ct := (*chanType)(Of(t.Field(3).Type))
	ft := (*funcType)(unsafe.Pointer(ct.Elem))
	it := (*interfaceType)(Of(reflect.TypeFor[error]()))
	switch {
	case mt.Key != ptrOf(t.Field(1).Type.Key()), mt.Elem != ptrOf(t.Field(1).Type.Elem()), mt.Hasher == nil:
		return "a map type"
	case at.Len != 2, at.Elem != ptrOf(reflect.TypeFor[any]()), at.Slice != ptrOf(reflect.TypeFor[[]any]()):
		return "an array type"
	case ct.Dir != int(reflect.RecvDir), ct.Elem != ptrOf(t.Field(3).Type.Elem()):
		return "a channel type"
	case ft.InCount != 2, ft.OutCount != 1|1<<15:
		return "a func type"
	case len(it.Methods) != 1:
		return "an interface type"
	case !Direct(Of(reflect.TypeFor[*int]())), Direct(Of(reflect.TypeFor[int]())), !Direct(Of(reflect.TypeFor[struct{ p *int }]())):
		return "what an interface holds"
	}
	u := (*uncommon)(unsafe.Add(unsafe.Pointer(st), descriptorSize(reflect.Struct)))
	if u.Mcount != 1 || u.Xcount != 1 {
		return "the methods of a type"
	}
	var e error = invisibleError{}
	if tab := *(**itab)(unsafe.Pointer(&e)); tab.Inter != unsafe.Pointer(it) || tab.Type != unsafe.Pointer(Of(reflect.TypeFor[invisibleError]())) || tab.Fun[0] == 0 {
		return "a method table"
	}
	return ""
}

// nameOf reads a name of fewer than 128 bytes.
func nameOf(p *byte) string {
	return unsafe.String((*byte)(unsafe.Add(unsafe.Pointer(p), 2)), int(*(*byte)(unsafe.Add(unsafe.Pointer(p), 1))))
}
