package front

import (
	"go/ast"
	"go/constant"
	"go/token"
	"go/types"
	"reflect"

	"golang.org/x/tools/go/ssa"
)

// Packages that are tables, such as those of characters, take longer to build and to initialise as code than all else that
// they do. As the compiler does, their variables get what a literal of constants says before anything runs.

// largeLiteral is the number of elements from which this is done: below it, code is as good.
const largeLiteral = 64

// tables gives the variables of a package that large literals of constants initialise their values, and takes them out of
// what is to be initialised. It comes before the code is built.
func (s *Session) tables(sp *ssa.Package, info *types.Info) {
	kept := info.InitOrder[:0]
	for _, init := range info.InitOrder {
		if len(init.Lhs) != 1 || !s.table(sp, info, init.Lhs[0], init.Rhs) {
			kept = append(kept, init)
		}
	}
	info.InitOrder = kept
}

func (s *Session) table(sp *ssa.Package, info *types.Info, v *types.Var, x ast.Expr) bool {
	lit, ok := ast.Unparen(x).(*ast.CompositeLit)
	g := sp.Var(v.Name())
	if !ok || g == nil || v.Name() == "_" || len(lit.Elts) < largeLiteral || !constants(info, lit) {
		return false
	}
	t := literal{info}
	if !types.Identical(info.TypeOf(x), v.Type()) { // an interface holds it
		return false
	}
	dst := s.M.Variable(g)
	made := reflect.New(dst.Type()).Elem()
	if !t.set(made, lit) {
		return false
	}
	dst.Set(made)
	return true
}

// constants reports whether a literal consists of constants, nil, and literals of the same kind.
func constants(info *types.Info, x ast.Expr) bool {
	x = ast.Unparen(x)
	if tv := info.Types[x]; tv.Value != nil || tv.IsNil() {
		return true
	}
	switch x := x.(type) {
	case *ast.UnaryExpr:
		lit, ok := ast.Unparen(x.X).(*ast.CompositeLit)
		return ok && x.Op == token.AND && constants(info, lit)
	case *ast.CompositeLit:
		st := structOf(info.TypeOf(x))
		for _, e := range x.Elts {
			if kv, ok := e.(*ast.KeyValueExpr); ok {
				if st == nil && !constants(info, kv.Key) {
					return false
				}
				e = kv.Value
			}
			if !constants(info, e) {
				return false
			}
		}
		return true
	}
	return false
}

func structOf(t types.Type) *types.Struct {
	if p, ok := t.Underlying().(*types.Pointer); ok {
		t = p.Elem()
	}
	st, _ := t.Underlying().(*types.Struct)
	return st
}

// literal sets values to what literals say.
type literal struct{ info *types.Info }

// set reports whether it could; v is addressable.
func (l literal) set(v reflect.Value, x ast.Expr) bool {
	x = ast.Unparen(x)
	tv := l.info.Types[x]
	switch {
	case tv.IsNil():
		return true
	case tv.Value != nil:
		return setConstant(v, tv.Value)
	}
	if u, ok := x.(*ast.UnaryExpr); ok {
		x = ast.Unparen(u.X)
	}
	lit, ok := x.(*ast.CompositeLit)
	if !ok {
		return false
	}
	if v.Kind() == reflect.Pointer { // written with & or, as an element, without
		p := reflect.New(v.Type().Elem())
		if !l.elements(p.Elem(), lit) {
			return false
		}
		if p.Type() != v.Type() {
			p = p.Convert(v.Type())
		}
		v.Set(p)
		return true
	}
	return l.elements(v, lit)
}

func (l literal) elements(v reflect.Value, lit *ast.CompositeLit) bool {
	switch v.Kind() {
	case reflect.Slice:
		n, ok := 0, true
		l.indexed(lit, func(i int, _ ast.Expr) bool { n = max(n, i+1); return true })
		s := reflect.MakeSlice(v.Type(), n, n)
		ok = l.indexed(lit, func(i int, e ast.Expr) bool { return l.set(s.Index(i), e) })
		v.Set(s)
		return ok
	case reflect.Array:
		return l.indexed(lit, func(i int, e ast.Expr) bool { return l.set(v.Index(i), e) })
	case reflect.Map:
		m := reflect.MakeMapWithSize(v.Type(), len(lit.Elts))
		for _, e := range lit.Elts {
			kv := e.(*ast.KeyValueExpr)
			key, value := reflect.New(v.Type().Key()).Elem(), reflect.New(v.Type().Elem()).Elem()
			if key.Kind() == reflect.Interface || !l.set(key, kv.Key) || !l.set(value, kv.Value) {
				return false
			}
			m.SetMapIndex(key, value)
		}
		v.Set(m)
		return true
	case reflect.Struct:
		st := structOf(l.info.TypeOf(lit))
		for i, e := range lit.Elts {
			if kv, ok := e.(*ast.KeyValueExpr); ok {
				e = kv.Value
				for i = 0; st.Field(i).Name() != kv.Key.(*ast.Ident).Name; i++ {
				}
			}
			f := v.Field(i)
			if !l.set(reflect.NewAt(f.Type(), f.Addr().UnsafePointer()).Elem(), e) {
				return false
			}
		}
		return true
	}
	return false
}

// indexed calls f with the elements of a literal of an array or slice until it returns false.
func (l literal) indexed(lit *ast.CompositeLit, f func(i int, e ast.Expr) bool) bool {
	i := 0
	for _, e := range lit.Elts {
		if kv, ok := e.(*ast.KeyValueExpr); ok {
			n, exact := constant.Int64Val(constant.ToInt(l.info.Types[kv.Key].Value))
			if !exact {
				return false
			}
			i, e = int(n), kv.Value
		}
		if !f(i, e) {
			return false
		}
		i++
	}
	return true
}

// setConstant sets v, which has the type that the constant was converted to.
func setConstant(v reflect.Value, c constant.Value) bool {
	switch {
	case v.Kind() == reflect.Bool:
		v.SetBool(constant.BoolVal(c))
	case v.Kind() == reflect.String:
		if c.Kind() != constant.String {
			return false
		}
		v.SetString(constant.StringVal(c))
	case v.CanInt():
		n, exact := constant.Int64Val(constant.ToInt(c))
		v.SetInt(n)
		return exact
	case v.CanUint():
		n, exact := constant.Uint64Val(constant.ToInt(c))
		v.SetUint(n)
		return exact
	case v.Kind() == reflect.Float32:
		f, _ := constant.Float32Val(c)
		v.SetFloat(float64(f))
	case v.Kind() == reflect.Float64:
		f, _ := constant.Float64Val(c)
		v.SetFloat(f)
	case v.CanComplex():
		re, _ := constant.Float64Val(constant.Real(c))
		im, _ := constant.Float64Val(constant.Imag(c))
		v.SetComplex(complex(re, im))
	default:
		return false
	}
	return true
}
