package interp

import (
	"log"
	"maps"
	"os"
	"reflect"
)

// instead are the compiled functions and methods that cells get another version
// of, by "path.Func" or "path.(*Type).Method": so that output goes to the cell,
// waiting ends when the cell is interrupted, what it has opened is closed then,
// a stack shows interpreted calls, and the process lives on. Each instead_*.go
// has those of one theme. A program that has the process to itself gets the few
// that the interpreter itself needs.
func (in *Interp) instead() map[string]reflect.Value {
	m := map[string]any{
		"maps.clone":    cloneMap, // of the run time, for maps.Clone
		"unique.handle": uniqueMake,
	}
	maps.Copy(m, in.stacks())
	if in.opt.Process {
		maps.Copy(m, in.logging(log.Default(), os.Exit))
		m["runtime.GOROOT"] = goroot
	} else {
		m["os.Exit"] = in.exit
		maps.Copy(m, in.streams.printing())
		maps.Copy(m, in.logging(in.streams.log, in.exit))
		maps.Copy(m, in.waiting())
		maps.Copy(m, in.networking())
		maps.Copy(m, in.serving())
		maps.Copy(m, in.processes())
	}
	out := map[string]reflect.Value{}
	for name, f := range m {
		v, ok := f.(reflect.Value)
		if !ok {
			v = reflect.ValueOf(f)
		}
		out[name] = v
	}
	return out
}

// exit ends the cell with the process, or alone if Options.Exit returns.
func (in *Interp) exit(code int) {
	in.opt.Exit(code)
	in.m.EndCell()
}

func cloneMap(m any) any {
	v := reflect.ValueOf(m)
	c := reflect.MakeMapWithSize(v.Type(), v.Len())
	for it := v.MapRange(); it.Next(); {
		c.SetMapIndex(it.Key(), it.Value())
	}
	return c.Interface()
}
