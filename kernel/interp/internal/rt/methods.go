package rt

import (
	"cmp"
	"fmt"
	"reflect"
	"slices"
	"sync"
	"sync/atomic"
	"unsafe"
)

// spare is the number of methods that a type that grows can get after it was
// made.
const spare = 32

// Method describes a method of a Named.
type Method struct {
	Name string
	// PkgPath is that of the method's package, if the method is not exported.
	PkgPath string
	// Ptr says that only *T has the method.
	Ptr bool
	// Type is the method's type without its receiver.
	Type reflect.Type
	// Func is called with the receiver first: a *T if Ptr, else a T. If it is
	// nil, compiled code sees the method but cannot call it.
	Func func(args []reflect.Value) []reflect.Value
}

// methodKey orders methods as the run time demands it.
type methodKey struct{ name, pkgPath string }

func (k methodKey) compare(l methodKey) int {
	if e, f := exported(k.name), exported(l.name); e != f {
		if e {
			return -1
		}
		return 1
	}
	return cmp.Or(cmp.Compare(k.name, l.name), cmp.Compare(k.pkgPath, l.pkgPath))
}

// methodTable is the methods of one type. Those of a type that grows are kept
// twice, so that who reads the one table while methods are added is not disturbed.
type methodTable struct {
	u    *uncommon
	mem  []method
	half int // where the second table begins, 0 if there is none
	keys []methodKey
	list []method
	code map[methodKey]uintptr
}

func (t *methodTable) room() int {
	if t.half > 0 {
		return t.half
	}
	return len(t.mem)
}

// add puts a method, whose code is at pc, in its place; publish shows it.
func (t *methodTable) add(k methodKey, m method, pc uintptr) {
	if t.code == nil {
		t.code = map[methodKey]uintptr{}
	}
	t.code[k] = pc
	i, _ := slices.BinarySearchFunc(t.keys, k, methodKey.compare)
	t.keys = slices.Insert(t.keys, i, k)
	t.list = slices.Insert(t.list, i, m)
}

func (t *methodTable) publish() {
	mem := t.mem
	if t.half > 0 { // the table that is not in use
		if t.u.Moff == t.off(mem) && t.u.Mcount > 0 {
			mem = mem[t.half:]
		} else {
			mem = mem[:t.half]
		}
	}
	copy(mem, t.list)
	x, _ := slices.BinarySearchFunc(t.keys, true, func(k methodKey, _ bool) int {
		if exported(k.name) {
			return -1
		}
		return 1
	})
	// the table first: a reader with the old count sees the beginning of the new table
	if len(mem) > 0 {
		atomic.StoreUint32(&t.u.Moff, t.off(mem))
	}
	t.u.Mcount, t.u.Xcount = uint16(len(t.list)), uint16(x)
}

func (t *methodTable) off(mem []method) uint32 {
	return uint32(uintptr(unsafe.Pointer(&mem[0])) - uintptr(unsafe.Pointer(t.u)))
}

var methodsMu sync.Mutex

// AddMethods gives the type methods, which reflection and conversions to
// interfaces then see; all or none of them. The first call, which may be without
// any, comes before the type is used.
func (n *Named) AddMethods(ms []Method) error {
	defer func() { n.seen = true }()
	if len(ms) == 0 {
		return nil
	}
	if err := Check(); err != nil {
		return err
	}
	methodsMu.Lock()
	defer methodsMu.Unlock()
	if len(n.pm.list)+len(ms) > n.pm.room() {
		return fmt.Errorf("more than %d methods were added to %s after it was declared; declare it again together with them", spare, n.T)
	}
	need := 0
	for _, m := range ms {
		if m.Func != nil {
			need++
			if !m.Ptr {
				need++
			}
		}
	}
	take, err := reserve(need)
	if err != nil {
		return fmt.Errorf("%s: %w", n.T, err)
	}
	for _, m := range ms {
		n.add(m, take)
	}
	n.tm.publish()
	n.pm.publish()
	if n.seen {
		if err := n.revise(); err != nil {
			return fmt.Errorf("%s: %w", n.T, err)
		}
	}
	return nil
}

// unreachable is the offset of code that throws.
const unreachable = -1

// add gives *T, and T unless m.Ptr, a method. An interface that holds a *T has
// the same word as one that holds a T, its address, so both have the same code;
// unless T is itself a pointer or the like.
func (n *Named) add(m Method, take func(reflect.Value) (int32, uintptr)) {
	k := methodKey{m.Name, m.PkgPath}
	off := method{Name: nameOff(m.Name, m.PkgPath), Mtyp: addReflectOff(unsafe.Pointer(ptrOf(m.Type))), Ifn: unreachable, Tfn: unreachable}
	if m.Func == nil {
		fn := invisible
		pc := **(**uintptr)(unsafe.Pointer(&fn))
		n.pm.add(k, off, pc)
		if !m.Ptr {
			n.tm.add(k, off, pc)
		}
		return
	}
	in := []reflect.Type{reflect.TypeFor[unsafe.Pointer]()}
	for i := range m.Type.NumIn() {
		in = append(in, m.Type.In(i))
	}
	var out []reflect.Type
	for i := range m.Type.NumOut() {
		out = append(out, m.Type.Out(i))
	}
	word := reflect.FuncOf(in, out, m.Type.IsVariadic())
	code, pc := take(reflect.MakeFunc(word, n.byPointer(m)))
	off.Ifn, off.Tfn = code, code
	n.pm.add(k, off, pc)
	if m.Ptr {
		return
	}
	if Direct(Type(n.t)) { // a T is passed as its word
		code, pc = take(reflect.MakeFunc(word, n.byWord(m)))
		off.Ifn, off.Tfn = code, code
	} else {
		in[0] = n.T // for the Func of reflect.Type.Method
		off.Tfn, _ = take(reflect.MakeFunc(reflect.FuncOf(in, out, m.Type.IsVariadic()), m.Func))
	}
	n.tm.add(k, off, pc)
}

// byWord makes a T of the word that an interface holds, which is the T itself.
func (n *Named) byWord(m Method) func([]reflect.Value) []reflect.Value {
	return func(a []reflect.Value) []reflect.Value {
		p := a[0].UnsafePointer()
		a[0] = reflect.NewAt(n.T, unsafe.Pointer(&p)).Elem()
		return m.Func(a)
	}
}

// byPointer makes a *T, or a T, of its address.
func (n *Named) byPointer(m Method) func([]reflect.Value) []reflect.Value {
	return func(a []reflect.Value) []reflect.Value {
		p := reflect.NewAt(n.T, a[0].UnsafePointer())
		if m.Ptr {
			a[0] = p
		} else {
			if p.IsNil() {
				panic(nilValueMethod("value method " + n.T.PkgPath() + "." + n.T.Name() + "." + m.Name + " called using nil *" + n.T.Name() + " pointer"))
			}
			a[0] = p.Elem()
		}
		return m.Func(a)
	}
}

// nilValueMethod is the panic of a value method called through a nil pointer.
type nilValueMethod string

func (e nilValueMethod) Error() string { return string(e) }
func (e nilValueMethod) RuntimeError() {}
