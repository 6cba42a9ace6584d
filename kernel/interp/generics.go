package interp

import (
	"crypto/hkdf"
	"crypto/pbkdf2"
	"database/sql/driver"
	"hash"
	"hash/maphash"
	"reflect"
	"unique"
	"unsafe"
	"weak"
)

// instance is a generic function, or method of a generic type, of a compiled package for certain type arguments. Packages
// that are large or reach into the run time have no source here; what is generic in them is written again below, over
// reflection. Methods take their receiver first.
type instance = func(args []reflect.Value) []reflect.Value

// generics returns an instance; in are the types of the type parameters.
var generics = map[string]func(in []reflect.Type) instance{
	"reflect.TypeFor": func(in []reflect.Type) instance {
		t := reflect.ValueOf(&in[0]).Elem()
		return func([]reflect.Value) []reflect.Value { return []reflect.Value{t} }
	},
	"reflect.TypeAssert": func(in []reflect.Type) instance {
		return func(a []reflect.Value) []reflect.Value {
			return asserted(a[0].Interface().(reflect.Value), in[0])
		}
	},
	"hash/maphash.Comparable": func([]reflect.Type) instance {
		return func(a []reflect.Value) []reflect.Value {
			return results(maphash.Comparable(a[0].Interface().(maphash.Seed), a[1].Interface()))
		}
	},
	"hash/maphash.WriteComparable": func([]reflect.Type) instance {
		return func(a []reflect.Value) []reflect.Value {
			maphash.WriteComparable(a[0].Interface().(*maphash.Hash), a[1].Interface())
			return nil
		}
	},
	"crypto/hkdf.Expand": func([]reflect.Type) instance {
		return func(a []reflect.Value) []reflect.Value {
			return withError(hkdf.Expand(hashOf(a[0]), a[1].Bytes(), a[2].String(), int(a[3].Int())))
		}
	},
	"crypto/hkdf.Extract": func([]reflect.Type) instance {
		return func(a []reflect.Value) []reflect.Value {
			return withError(hkdf.Extract(hashOf(a[0]), a[1].Bytes(), a[2].Bytes()))
		}
	},
	"crypto/hkdf.Key": func([]reflect.Type) instance {
		return func(a []reflect.Value) []reflect.Value {
			return withError(hkdf.Key(hashOf(a[0]), a[1].Bytes(), a[2].Bytes(), a[3].String(), int(a[4].Int())))
		}
	},
	"crypto/pbkdf2.Key": func([]reflect.Type) instance {
		return func(a []reflect.Value) []reflect.Value {
			return withError(pbkdf2.Key(hashOf(a[0]), a[1].String(), a[2].Bytes(), int(a[3].Int()), int(a[4].Int())))
		}
	},
	"database/sql.Null.Scan": func([]reflect.Type) instance {
		return func(a []reflect.Value) []reflect.Value {
			n := a[0].Elem()
			value := a[1].Interface()
			if value == nil {
				n.SetZero()
				return []reflect.Value{reflect.Zero(errorType)}
			}
			n.Field(1).SetBool(true)
			return []reflect.Value{errorValue(convertAssign(n.Field(0).Addr().Interface(), value))}
		}
	},
	"database/sql.Null.Value": func([]reflect.Type) instance {
		return func(a []reflect.Value) []reflect.Value {
			if !a[0].Field(1).Bool() {
				return withError[driver.Value](nil, nil)
			}
			v := a[0].Field(0)
			x := v.Interface()
			if d, ok := x.(driver.Valuer); ok {
				if v.Kind() == reflect.Pointer && v.IsNil() && v.Type().Elem().Implements(reflect.TypeFor[driver.Valuer]()) {
					return withError[driver.Value](nil, nil)
				}
				y, err := d.Value()
				if err != nil {
					return withError(y, err)
				}
				x = y
			}
			return withError(driver.DefaultParameterConverter.ConvertValue(x))
		}
	},
	// a weak pointer does not depend on what it points to
	"weak.Make": func([]reflect.Type) instance {
		return func(a []reflect.Value) []reflect.Value {
			return results(weak.Make((*byte)(a[0].UnsafePointer())))
		}
	},
	"weak.Pointer.Value": func([]reflect.Type) instance {
		return func(a []reflect.Value) []reflect.Value {
			var p weak.Pointer[byte]
			reflect.NewAt(a[0].Type(), unsafe.Pointer(&p)).Elem().Set(a[0])
			return results(p.Value())
		}
	},
}

func generic(name string, in []reflect.Type) instance {
	if f := generics[name]; f != nil {
		return f(in)
	}
	return nil
}

//go:linkname convertAssign database/sql.convertAssign
func convertAssign(dest, src any) error

var errorType = reflect.TypeFor[error]()

func errorValue(err error) reflect.Value { return reflect.ValueOf(&err).Elem() }

func results[T any](x T) []reflect.Value { return []reflect.Value{reflect.ValueOf(&x).Elem()} }

func withError[T any](x T, err error) []reflect.Value {
	return []reflect.Value{reflect.ValueOf(&x).Elem(), errorValue(err)}
}

func copied(v reflect.Value) reflect.Value {
	c := reflect.New(v.Type()).Elem()
	c.Set(v)
	return c
}

// hashOf makes a function that returns any hash of one that returns a certain one.
func hashOf(f reflect.Value) func() hash.Hash {
	return func() hash.Hash { return f.Call(nil)[0].Interface().(hash.Hash) }
}

// asserted is x.(t).
func asserted(v reflect.Value, t reflect.Type) []reflect.Value {
	out := reflect.New(t).Elem()
	x := reflect.ValueOf(v.Interface())
	ok := x.IsValid() && (x.Type() == t || t.Kind() == reflect.Interface && x.Type().Implements(t))
	if ok {
		out.Set(x)
	}
	return []reflect.Value{out, reflect.ValueOf(ok)}
}

// uniqueMake is what unique.Make is made of in a cell: the run time's handle of a value as an interface.
func uniqueMake(x any) unsafe.Pointer {
	h := unique.Make(x)
	return *(*unsafe.Pointer)(unsafe.Pointer(&h))
}
