package interp

import (
	"reflect"
	"sync"
)

// symbols finds compiled names in the libraries, each package's table made when
// first asked for.
type symbols struct {
	libs    []Library
	instead map[string]reflect.Value        // see Interp.instead
	testers func() map[string]reflect.Value // more of instead, of package testing

	mu    sync.Mutex
	cache map[string]map[string]reflect.Value
}

// all returns a package's symbols, nil if there is no such package.
func (s *symbols) all(path string) map[string]reflect.Value {
	s.mu.Lock()
	defer s.mu.Unlock()
	if m, ok := s.cache[path]; ok {
		return m
	}
	var found map[string]reflect.Value
	for i := len(s.libs) - 1; i >= 0 && found == nil; i-- {
		if f := s.libs[i].Symbols; f != nil {
			found = f(path)
		}
	}
	s.cache[path] = found
	return found
}

func (s *symbols) find(path, name string) (reflect.Value, bool) {
	if path == "main" {
		return reflect.Value{}, false
	}
	if v, ok := s.other(path, path+"."+name); ok {
		return v, true
	}
	v, ok := s.all(path)[name]
	return v, ok
}

// method finds what cells get instead of a compiled method.
func (s *symbols) method(t reflect.Type, name string) (reflect.Value, bool) {
	pkg, typ := t.PkgPath(), t.Name()
	if t.Kind() == reflect.Pointer {
		e := t.Elem()
		pkg, typ = e.PkgPath(), "(*"+e.Name()+")"
	}
	return s.other(pkg, pkg+"."+typ+"."+name)
}

// other is what cells get instead of a name of a package.
func (s *symbols) other(pkg, name string) (v reflect.Value, ok bool) {
	if v, ok = s.instead[name]; !ok && pkg == "testing" && s.testers != nil {
		v, ok = s.testers()[name]
	}
	return v, ok
}
