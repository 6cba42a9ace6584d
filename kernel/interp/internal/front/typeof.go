package front

import (
	"fmt"
	"go/token"
	"go/types"
	"reflect"
)

// IsName tells whether a variable can be called s.
func IsName(s string) bool { return token.IsIdentifier(s) && s != "_" }

// TypeOf returns the checked type of a run-time type. M.Mu is held.
func (s *Session) TypeOf(t reflect.Type) (types.Type, error) {
	if x := s.M.Declared(t); x != nil {
		return x, nil
	}
	if t.Name() != "" {
		return s.namedType(t)
	}
	switch t.Kind() {
	case reflect.Pointer, reflect.Slice, reflect.Array, reflect.Chan, reflect.Map:
		e, err := s.TypeOf(t.Elem())
		if err != nil {
			return nil, err
		}
		switch t.Kind() {
		case reflect.Pointer:
			return types.NewPointer(e), nil
		case reflect.Slice:
			return types.NewSlice(e), nil
		case reflect.Array:
			return types.NewArray(e, int64(t.Len())), nil
		case reflect.Chan:
			return types.NewChan(map[reflect.ChanDir]types.ChanDir{reflect.BothDir: types.SendRecv, reflect.SendDir: types.SendOnly, reflect.RecvDir: types.RecvOnly}[t.ChanDir()], e), nil
		}
		k, err := s.TypeOf(t.Key())
		if err != nil {
			return nil, err
		}
		return types.NewMap(k, e), nil
	case reflect.Func:
		return s.funcType(t)
	case reflect.Struct:
		var fs []*types.Var
		var tags []string
		for i := range t.NumField() {
			f := t.Field(i)
			ft, err := s.TypeOf(f.Type)
			if err != nil {
				return nil, err
			}
			fs = append(fs, types.NewField(token.NoPos, types.NewPackage("main", "main"), f.Name, ft, f.Anonymous))
			tags = append(tags, string(f.Tag))
		}
		return types.NewStruct(fs, tags), nil
	case reflect.Interface:
		if t.NumMethod() == 0 {
			return types.NewInterfaceType(nil, nil), nil
		}
	}
	return nil, fmt.Errorf("values of type %v are not known to cells", t)
}

func (s *Session) namedType(t reflect.Type) (types.Type, error) {
	if t.PkgPath() == "" {
		if o, ok := types.Universe.Lookup(t.Name()).(*types.TypeName); ok {
			return o.Type(), nil
		}
		return nil, fmt.Errorf("values of type %v are not known to cells", t)
	}
	if t.PkgPath() == "unsafe" {
		return types.Typ[types.UnsafePointer], nil
	}
	p, err := s.Import(t.PkgPath())
	if err != nil {
		return nil, fmt.Errorf("values of type %v are not known to cells: %w", t, err)
	}
	o, ok := p.Scope().Lookup(t.Name()).(*types.TypeName)
	if !ok {
		return nil, fmt.Errorf("values of type %v are not known to cells", t)
	}
	return o.Type(), nil
}

func (s *Session) funcType(t reflect.Type) (types.Type, error) {
	tuple := func(n int, at func(int) reflect.Type) (*types.Tuple, error) {
		var vs []*types.Var
		for i := range n {
			x, err := s.TypeOf(at(i))
			if err != nil {
				return nil, err
			}
			vs = append(vs, types.NewParam(token.NoPos, nil, "", x))
		}
		return types.NewTuple(vs...), nil
	}
	in, err := tuple(t.NumIn(), t.In)
	if err != nil {
		return nil, err
	}
	out, err := tuple(t.NumOut(), t.Out)
	if err != nil {
		return nil, err
	}
	return types.NewSignatureType(nil, nil, nil, in, out, t.IsVariadic()), nil
}
