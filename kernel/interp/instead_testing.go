package interp

import (
	"fmt"
	"io"
	"reflect"
	"sync"
	"testing"
)

// testing writes a line of its own code in front of what a test logs: in place of these methods are some that write that of the
// interpreted code. They are those of *testing.T, B and F, and of the type that these have in common.

// testers are these methods by their names as of instead. They are made when a cell first names one.
func (in *Interp) testers() map[string]reflect.Value {
	var helpers sync.Map // names of functions that are not what a reader looks for
	out := map[string]reflect.Value{}
	text, any := reflect.TypeFor[string](), reflect.TypeFor[[]any]()
	add := func(recv reflect.Type, key string) {
		log := func(recv reflect.Value, s string) {
			at := "???:1"
			if pcs := in.counters(0, deepest); len(pcs) > 0 {
				f := in.frame(pcs[0])
				for _, pc := range pcs {
					f = in.frame(pc)
					if _, helper := helpers.Load(f.Function); !helper {
						break
					}
				}
				at = fmt.Sprintf("%s:%d", base(f.File), f.Line)
			}
			w := recv.MethodByName("Output").Call(nil)[0].Interface().(io.Writer)
			_, _ = io.WriteString(w, at+": "+indented(s))
		}
		do := func(name, then string, format bool) {
			params := []reflect.Type{recv, any}
			if format {
				params = []reflect.Type{recv, text, any}
			}
			out[key+name] = reflect.MakeFunc(reflect.FuncOf(params, nil, true), func(args []reflect.Value) []reflect.Value {
				rest := args[len(args)-1].Interface().([]interface{})
				if format {
					log(args[0], fmt.Sprintf(args[1].String(), rest...)+"\n")
				} else {
					log(args[0], fmt.Sprintln(rest...))
				}
				if then != "" {
					args[0].MethodByName(then).Call(nil)
				}
				return nil
			})
		}
		for name, then := range map[string]string{"Log": "", "Error": "Fail", "Fatal": "FailNow", "Skip": "SkipNow"} {
			do(name, then, false)
			do(name+"f", then, true)
		}
		out[key+"Helper"] = reflect.MakeFunc(reflect.FuncOf([]reflect.Type{recv}, nil, false), func([]reflect.Value) []reflect.Value {
			if pcs := in.counters(0, 1); len(pcs) > 0 {
				helpers.Store(in.frame(pcs[0]).Function, true)
			}
			return nil
		})
	}
	for _, t := range []reflect.Type{reflect.TypeFor[*testing.T](), reflect.TypeFor[*testing.B](), reflect.TypeFor[*testing.F]()} {
		add(t, "testing.(*"+t.Elem().Name()+").")
	}
	if f, ok := reflect.TypeFor[testing.T]().FieldByName("common"); ok {
		add(reflect.PointerTo(f.Type), "testing.(*common).")
	}
	return out
}

// base is the last part of a path.
func base(file string) string {
	for i := len(file) - 1; i >= 0; i-- {
		if file[i] == '/' {
			return file[i+1:]
		}
	}
	return file
}

// indented is a text whose lines from the second on stand below the first's.
func indented(s string) string {
	var b []byte
	for i := range len(s) {
		b = append(b, s[i])
		if s[i] == '\n' && i < len(s)-1 {
			b = append(b, "    "...)
		}
	}
	return string(b)
}
