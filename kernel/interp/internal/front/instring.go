package front

import (
	"go/ast"
	"go/constant"
	"go/types"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/godlas/godlas/kernel/internal/lazy"
)

// completeString completes in the string literal lit: the path of an import, a
// key of a map, a word that a library knows, a file.
func (s *Session) completeString(src string, cursor int, lit tok) (start, end int, items []Item) {
	typed, ok := unquoted(src[lit.off:cursor])
	if !ok { // behind half an escape
		return cursor, cursor, nil
	}
	start, end = lit.off+1, cursor
	if ends(lit.lit) {
		end = lit.off + len(lit.lit) - 1
	}
	choices := func(cs []candidate) []Item {
		var kept []candidate
		for _, c := range cs {
			if c.Text, ok = quoted(c.Text, lit.lit[0]); ok {
				kept = append(kept, c)
			}
		}
		return choose(kept, src[start:cursor])
	}
	pieces := cut(scan(src[:lit.off]+`""`), lit.off+2)
	if n := len(pieces); n > 0 && pieces[n-1].kind == imports {
		return start, end, choices(s.importable())
	}
	q := s.ask(src[:lit.off], lit.off)
	if q.ident == nil {
		return cursor, cursor, nil
	}
	if keys, ok := q.keys(); ok {
		return start, end, choices(keys)
	}
	call, fn, arg := q.call()
	if words, replace := q.words(fn, arg, typed); len(words) > 0 {
		var cs []candidate
		for i, w := range words {
			if text, ok := quoted(w, lit.lit[0]); ok {
				cs = append(cs, candidate{Item: Item{Text: text, Type: "value"}, rank: i})
			}
		}
		tail, _ := quoted(typed[len(typed)-min(replace, len(typed)):], lit.lit[0])
		if strings.HasSuffix(src[:cursor], tail) {
			start = cursor - len(tail)
			if _, wordEnd := wordAt(src, cursor); wordEnd < end || !ends(lit.lit) {
				end = cursor
			}
			return start, end, choose(cs, src[start:cursor])
		}
	}
	if q.takesFile(call, fn, arg) || looksLikePath(typed) {
		return s.completeFile(src, cursor, lit, typed)
	}
	return cursor, cursor, nil
}

// words asks the libraries what they know for an argument of fn, or for the value
// of a field of one of their types.
func (q *query) words(fn *types.Func, arg int, typed string) ([]string, int) {
	if q.s.Words == nil {
		return nil, 0
	}
	if fn != nil && fn.Pkg() != nil {
		return q.s.Words(fn.Pkg().Path(), memberName(fn), arg, typed)
	}
	kv, ok := q.parent(1).(*ast.KeyValueExpr)
	lit, is := q.parent(2).(*ast.CompositeLit)
	if !ok || !is || q.info.Types[lit].Type == nil {
		return nil, 0
	}
	key, ok := kv.Key.(*ast.Ident)
	n, is := types.Unalias(deref(q.info.Types[lit].Type)).(*types.Named)
	if !ok || !is || n.Obj().Pkg() == nil {
		return nil, 0
	}
	return q.s.Words(n.Obj().Pkg().Path(), n.Obj().Name()+"."+key.Name, -1, typed)
}

// unquoted is the value of the beginning of a literal.
func unquoted(lit string) (string, bool) {
	if lit[0] == '`' {
		return lit[1:], true
	}
	v, err := strconv.Unquote(lit + `"`)
	return v, err == nil
}

// quoted writes text as it stands in a literal that quote begins; ok is false if
// it cannot.
func quoted(text string, quote byte) (string, bool) {
	if quote == '`' {
		return text, !strings.ContainsAny(text, "`\r")
	}
	q := strconv.Quote(text)
	return q[1 : len(q)-1], true
}

// importable lists what can be imported.
func (s *Session) importable() []candidate {
	var out []candidate
	add := func(p string) {
		out = append(out, candidate{Item: Item{Text: p, Type: "module"}, rank: rankPlain})
	}
	for _, p := range s.Packages.Paths() {
		add(p)
	}
	add("unsafe")
	if s.Modules != nil {
		for _, p := range s.Modules() {
			add(p)
		}
	}
	return out
}

// call returns the call of which the identifier is an argument, the function
// that it calls if that has a name, and which argument it is.
func (q *query) call() (call *ast.CallExpr, fn *types.Func, arg int) {
	call, ok := q.parent(1).(*ast.CallExpr)
	if !ok {
		return nil, nil, 0
	}
	arg = slices.Index(call.Args, ast.Expr(q.ident))
	if arg < 0 {
		return nil, nil, 0
	}
	fn, _ = q.callee(call).(*types.Func)
	return call, fn, arg
}

// callee is what a call calls, if it has a name.
func (q *query) callee(call *ast.CallExpr) types.Object {
	x := ast.Unparen(call.Fun)
	switch ix := x.(type) {
	case *ast.IndexExpr:
		x = ix.X
	case *ast.IndexListExpr:
		x = ix.X
	}
	switch x := x.(type) {
	case *ast.Ident:
		return q.info.Uses[x]
	case *ast.SelectorExpr:
		return q.info.Uses[x.Sel]
	}
	return nil
}

// memberName is Func or Type.Method.
func memberName(fn *types.Func) string {
	if t := namedOf(recvOf(fn)); t != "" {
		return t + "." + fn.Name()
	}
	return fn.Name()
}

var (
	fileParameter = lazy.Regexp(`(?i)^(file|dir|path|folder)|(file|dir|path|folder|filename)$`)
	filePackages  = []string{"os", "path/filepath", "io/ioutil", "image", "archive/zip", "debug/elf", "encoding/csv"}
)

// takesFile tells whether a call takes the name of a file as an argument.
func (q *query) takesFile(call *ast.CallExpr, fn *types.Func, arg int) bool {
	if call == nil {
		return false
	}
	sig, ok := under(q.info.Types[call.Fun].Type).(*types.Signature)
	if !ok {
		return false
	}
	p := parameter(sig, arg)
	if p == nil {
		return false
	}
	t := p.Type()
	if s, ok := t.(*types.Slice); ok && sig.Variadic() {
		t = s.Elem()
	}
	if b, ok := under(t).(*types.Basic); !ok || b.Info()&types.IsString == 0 {
		return false
	}
	if fn != nil && fn.Pkg() != nil {
		switch path := fn.Pkg().Path(); {
		case path == "path", path == "net/url", strings.HasPrefix(path, "net/http") && !strings.HasSuffix(fn.Name(), "File"):
			return false
		case slices.Contains(filePackages, path):
			return !strings.Contains(strings.ToLower(fn.Name()), "env") && p.Name() != "key"
		}
	}
	return fileParameter().MatchString(p.Name())
}

// looksLikePath tells whether a string can be meant as a path, wherever it stands.
func looksLikePath(s string) bool {
	if strings.Contains(s, "://") || strings.ContainsAny(s, "\n\t<>|*") {
		return false
	}
	for _, p := range []string{"./", "../", "/"} {
		if strings.HasPrefix(s, p) {
			return true
		}
	}
	dir, _ := filepath.Split(s)
	if dir == "" || strings.Contains(dir, " ") {
		return false
	}
	st, err := os.Stat(dir)
	return err == nil && st.IsDir()
}

// mostFiles bounds how many entries of a folder are read.
const mostFiles = 5000

// completeFile completes the last element of a path.
func (s *Session) completeFile(src string, cursor int, lit tok, typed string) (start, end int, items []Item) {
	dir, base := filepath.Split(typed)
	start = cursor - len(base)
	if q, _ := quoted(base, lit.lit[0]); !strings.HasSuffix(src[:cursor], q) {
		return cursor, cursor, nil // written with escapes of another kind
	} else {
		start = cursor - len(q)
	}
	end = cursor
	if ends(lit.lit) {
		end = lit.off + len(lit.lit) - 1
		if i := strings.IndexAny(src[cursor:end], `/\`); i >= 0 {
			end = cursor + i
		}
	}
	open := dir
	if open == "" {
		open = "."
	}
	f, err := os.Open(open)
	if err != nil {
		return start, end, nil
	}
	defer f.Close()
	entries, _ := f.ReadDir(mostFiles) // what could be read of it is offered
	var cs []candidate
	for _, e := range entries {
		name := e.Name()
		if strings.HasPrefix(name, ".") && !strings.HasPrefix(base, ".") {
			continue
		}
		folder := e.IsDir()
		if e.Type()&os.ModeSymlink != 0 {
			st, err := os.Stat(filepath.Join(open, name))
			folder = err == nil && st.IsDir()
		}
		c := candidate{Item: Item{Type: "file"}}
		if folder {
			name += "/"
			c.Type = "folder"
		}
		if c.Text, _ = quoted(name, lit.lit[0]); lit.lit[0] == '`' && strings.ContainsAny(name, "`\r") {
			continue
		}
		cs = append(cs, c)
	}
	return start, end, choose(cs, src[start:cursor])
}

// keys lists the keys of the map that the identifier indexes; ok is false if it
// indexes none whose keys are strings.
func (q *query) keys() (out []candidate, ok bool) {
	var m ast.Expr
	switch p := q.parent(1).(type) {
	case *ast.IndexExpr:
		if p.Index == ast.Expr(q.ident) {
			m = p.X
		}
	case *ast.CallExpr:
		if b, is := q.callee(p).(*types.Builtin); is && b.Name() == "delete" && len(p.Args) > 1 && p.Args[1] == ast.Expr(q.ident) {
			m = p.Args[0]
		}
	}
	if m == nil {
		return nil, false
	}
	mt, is := under(q.info.Types[m].Type).(*types.Map)
	if !is {
		return nil, false
	}
	if b, is := mt.Key().Underlying().(*types.Basic); !is || b.Info()&types.IsString == 0 {
		return nil, false
	}
	seen := map[string]bool{}
	add := func(k string) {
		if !seen[k] {
			seen[k] = true
			out = append(out, candidate{Item: Item{Text: k, Type: "value", Signature: types.TypeString(mt.Elem(), qualifier)}, rank: rankKey})
		}
	}
	q.s.still(func() {
		if v, ok := q.value(m); ok && v.Kind() == reflect.Map {
			n := 0
			for it := v.MapRange(); it.Next() && n < mostKeys; n++ {
				if k := it.Key(); k.Kind() == reflect.String {
					add(k.String())
				}
			}
		}
	})
	q.writtenKeys(m, add)
	return out, true
}

// mostKeys bounds how many keys are looked at.
const mostKeys = 5000

// writtenKeys finds keys of m that the cell itself writes down.
func (q *query) writtenKeys(m ast.Expr, add func(string)) {
	text := types.ExprString(m)
	literal := func(x ast.Expr) {
		if tv := q.info.Types[x]; tv.Value != nil && tv.Value.Kind() == constant.String {
			add(constant.StringVal(tv.Value))
		}
	}
	composite := func(x ast.Expr) {
		lit, ok := x.(*ast.CompositeLit)
		if !ok {
			return
		}
		if _, ok := under(q.info.Types[lit].Type).(*types.Map); !ok {
			return
		}
		for _, e := range lit.Elts {
			if kv, ok := e.(*ast.KeyValueExpr); ok {
				literal(kv.Key)
			}
		}
	}
	ast.Inspect(q.file, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.IndexExpr:
			if n.Index != ast.Expr(q.ident) && types.ExprString(n.X) == text {
				literal(n.Index)
			}
		case *ast.AssignStmt:
			for i, l := range n.Lhs {
				if i < len(n.Rhs) && types.ExprString(l) == text {
					composite(n.Rhs[i])
				}
			}
		case *ast.ValueSpec:
			for i, l := range n.Names {
				if i < len(n.Values) && l.Name == text {
					composite(n.Values[i])
				}
			}
		}
		return true
	})
}

// value evaluates an expression of live variables that runs no code and cannot
// fail; q.s.still must be around it.
func (q *query) value(x ast.Expr) (v reflect.Value, ok bool) {
	defer func() {
		if recover() != nil {
			v, ok = reflect.Value{}, false
		}
	}()
	v = q.walk(x)
	return v, v.IsValid()
}

func (q *query) walk(x ast.Expr) reflect.Value {
	var none reflect.Value
	switch x := x.(type) {
	case *ast.Ident:
		if o, ok := q.info.Uses[x].(*types.Var); ok && o.Pkg() != nil && o.Pkg() != q.pkg && o.Pkg().Path() == "main" {
			if g := q.s.Global(o); g != nil {
				return q.s.M.Variable(g)
			}
		}
	case *ast.ParenExpr:
		return q.walk(x.X)
	case *ast.StarExpr:
		if v := q.walk(x.X); v.IsValid() && v.Kind() == reflect.Pointer {
			return v.Elem()
		}
	case *ast.SelectorExpr:
		sel := q.info.Selections[x]
		if sel == nil || sel.Kind() != types.FieldVal {
			return none
		}
		v := q.walk(x.X)
		for _, i := range sel.Index() {
			if v.IsValid() && v.Kind() == reflect.Pointer {
				v = v.Elem()
			}
			if !v.IsValid() || v.Kind() != reflect.Struct {
				return none
			}
			v = v.Field(i)
		}
		return v
	case *ast.TypeAssertExpr:
		v := q.walk(x.X)
		if t := q.info.Types[x].Type; v.IsValid() && v.Kind() == reflect.Interface && !v.IsNil() && t != nil && v.Elem().Type() == q.s.M.Type(t) {
			return v.Elem()
		}
	case *ast.IndexExpr:
		v := q.walk(x.X)
		i := q.info.Types[x.Index].Value
		if !v.IsValid() || i == nil {
			return none
		}
		if v.Kind() == reflect.Pointer {
			v = v.Elem()
		}
		switch v.Kind() {
		case reflect.Slice, reflect.Array:
			if n, ok := constant.Int64Val(i); ok && n >= 0 && n < int64(v.Len()) {
				return v.Index(int(n))
			}
		case reflect.Map:
			k := reflect.New(v.Type().Key()).Elem()
			switch {
			case k.Kind() == reflect.String && i.Kind() == constant.String:
				k.SetString(constant.StringVal(i))
			case k.CanInt() && i.Kind() == constant.Int:
				n, _ := constant.Int64Val(i)
				k.SetInt(n)
			default:
				return none
			}
			return v.MapIndex(k)
		}
	}
	return none
}

// still runs f if no code of cells runs, and then keeps it from beginning until
// f is done: values can be read. It reports whether it did.
func (s *Session) still(f func()) bool { return s.M.Still(f) }
