package front

import (
	"errors"
	"fmt"
	"go/ast"
	"go/token"
	"go/types"
	"maps"
	"slices"
	"strconv"
	"strings"
	"unsafe"

	"golang.org/x/tools/go/ssa"

	"github.com/godlas/godlas/kernel/internal/lazy"
)

// checked is one pass of the type checker over a cell.
type checked struct {
	file *ast.File
	fn   *ast.FuncDecl
	pkg  *types.Package
	info *types.Info
	errs []error
}

// goVersion is the language that cells are written in.
const goVersion = "go1.26"

func (b *builder) check(text string) (*checked, error) {
	f, err := b.parse(text)
	if err != nil {
		return nil, err
	}
	dedupImports(f)
	b.missing = nil
	for {
		c := b.typeCheck(f)
		if len(b.missing) > 0 {
			return nil, b.missing
		}
		if !c.nameFields() {
			return c, nil
		}
	}
}

// mentioned returns the live objects whose names a file has. What is not named
// is not put into the cell's scope, which would keep it.
func (b *builder) mentioned(f *ast.File) map[string]types.Object {
	named := map[string]types.Object{}
	ast.Inspect(f, func(n ast.Node) bool {
		if id, ok := n.(*ast.Ident); ok {
			if o := b.s.live[id.Name]; o != nil {
				named[id.Name] = o
			}
		}
		return true
	})
	return named
}

func (b *builder) typeCheck(f *ast.File) *checked {
	c := &checked{file: f, pkg: types.NewPackage("main", "main"), info: newInfo()}
	for _, d := range f.Decls {
		if fd, ok := d.(*ast.FuncDecl); ok && fd.Name.Name == b.name("cell") {
			c.fn = fd
		}
	}
	for n, o := range b.mentioned(f) {
		if !b.declared[n] && !b.vars[n] && !b.owned[n] {
			c.pkg.Scope().Insert(o)
		}
	}
	for _, o := range b.olds {
		c.pkg.Scope().Insert(o)
	}
	for _, o := range b.aliases {
		c.pkg.Scope().Insert(o)
	}
	for _, o := range b.history {
		c.pkg.Scope().Insert(o)
	}
	b.typedOutputs(f, c.pkg)
	dropped, cycle := false, false
	var cycles []error
	conf := types.Config{
		Importer: b.s.imp, GoVersion: goVersion, Sizes: b.s.sizes, DisableUnusedImportCheck: true,
		Error: func(err error) {
			var te types.Error
			if errors.As(err, &te) {
				if !strings.HasPrefix(te.Msg, "\t") { // what follows an error goes with it
					cycle = strings.HasPrefix(te.Msg, "initialization cycle")
					dropped = te.Soft && unused().MatchString(te.Msg) || cycle && !b.pkgLevel
				}
				if cycle {
					cycles = append(cycles, err)
				}
				if dropped {
					return
				}
			}
			c.errs = append(c.errs, err)
		},
	}
	_ = types.NewChecker(&conf, b.s.fset, c.pkg, c.info).Files([]*ast.File{f})
	// in a cell the order of statements settles what is initialised first, but
	// not what type a variable has
	for n := range b.vars {
		if o := c.pkg.Scope().Lookup(n); o != nil && o.Type() == types.Typ[types.Invalid] && len(c.errs) == 0 {
			c.errs = cycles
		}
	}
	return c
}

// nameFields rewrites struct literals of types of earlier cells that the checker
// refused: to it these are another package's, whose unexported fields cannot be
// set without their names. It reports whether it found any.
func (c *checked) nameFields() bool {
	refused := map[token.Pos]bool{}
	for _, err := range c.errs {
		var te types.Error
		if errors.As(err, &te) && strings.HasPrefix(te.Msg, "implicit assignment to unexported field") {
			refused[te.Pos] = true
		}
	}
	if len(refused) == 0 {
		return false
	}
	found := false
	ast.Inspect(c.file, func(n ast.Node) bool {
		lit, ok := n.(*ast.CompositeLit)
		if !ok || !slices.ContainsFunc(lit.Elts, func(e ast.Expr) bool { return refused[e.Pos()] }) {
			return true
		}
		t := c.info.Types[lit].Type
		if t == nil {
			return true
		}
		u := t.Underlying()
		if p, ok := u.(*types.Pointer); ok {
			u = p.Elem().Underlying()
		}
		st, ok := u.(*types.Struct)
		if !ok || st.NumFields() != len(lit.Elts) || st.Field(0).Pkg().Path() != "main" {
			return true
		}
		for i, e := range lit.Elts {
			lit.Elts[i] = &ast.KeyValueExpr{Key: &ast.Ident{NamePos: e.Pos(), Name: st.Field(i).Name()}, Colon: e.Pos(), Value: e}
		}
		found = true
		return true
	})
	return found
}

// dedupImports drops imports that an earlier cell already made, or made twice.
func dedupImports(f *ast.File) {
	seen := map[string]bool{}
	for i := len(f.Decls) - 1; i >= 0; i-- {
		d, ok := f.Decls[i].(*ast.GenDecl)
		if !ok {
			continue
		}
		var kept []ast.Spec
		for _, sp := range d.Specs {
			im, ok := sp.(*ast.ImportSpec)
			if ok {
				k := importName(im)
				if k != "." && k != "_" && seen[k] {
					continue
				}
				if k == "." || k == "_" {
					k += im.Path.Value
					if seen[k] {
						continue
					}
				}
				seen[k] = true
			}
			kept = append(kept, sp)
		}
		d.Specs = kept
	}
}

// unused is what the checker says of a name that nothing uses: in a notebook a later cell may. Its other soft errors, such
// as a type argument that does not satisfy its constraint, are errors here, too.
var unused = lazy.Regexp(`^declared and not used: |^label \w+ declared and not used$|^\w+ declared and not used$|^".*" imported (as \w+ )?and not used$`)

// checkAll checks the text that make gives, again if imports were missing.
func (b *builder) checkAll(make func() string) (*checked, error) {
	for {
		c, err := b.check(make())
		if err != nil {
			return nil, err
		}
		if !b.missingImports(c.errs) {
			return c, nil
		}
	}
}

// finish checks the cell and builds its code.
func (b *builder) finish() (*Compiled, error) {
	s := b.s
	b.declareOlds()
	if len(b.later) > 0 {
		c, err := b.checkAll(func() string { return b.finalText("") })
		if err != nil {
			return nil, s.diagnose(b.file, []error{err}, nil)
		}
		if errs := b.apartFromLater(c.errs); len(errs) > 0 { // a method is not taken off its type again
			if b.last != nil {
				errs = usedLast(&checked{fn: c.fn, errs: errs})
			}
			if len(errs) > 0 {
				return nil, s.diagnose(b.file, errs, c)
			}
		}
		if err := b.attachTypes(c); err != nil {
			return nil, err
		}
	}
	n, quiet := 0, false
	if b.last != nil {
		n = 1
		if xs := b.lastSeveral(); xs != nil {
			n = len(xs)
		} else if _, ok := b.last.(*ast.CallExpr); ok {
			c, err := b.checkAll(func() string { return b.finalText("") })
			if err != nil {
				return nil, s.diagnose(b.file, []error{err}, nil)
			}
			if errs := usedLast(c); len(errs) > 0 {
				return nil, s.diagnose(b.file, errs, c)
			}
			n = values(c)
			quiet = prints(c)
		}
	}
	lastText := ""
	if n > 0 {
		var names []string
		for i := range n {
			names = append(names, b.name("last")+"_"+strconv.Itoa(i))
		}
		rhs, typ := b.lastSource(), ""
		if rhs == "nil" && b.s.live["nil"] == nil && !b.vars["nil"] && !b.declared["nil"] {
			typ = "any"
		}
		b.variable(names, typ, rhs, b.last.Pos())
		lastText = "/*line gen:1:1*/" + strings.Join(names, ", ") + " = " + b.at(b.last.Pos()) + rhs
	}
	c, err := b.checkAll(func() string { return b.finalText(lastText) })
	if err != nil {
		return nil, s.diagnose(b.file, []error{err}, nil)
	}
	if len(c.errs) > 0 {
		return nil, b.asResult(s.diagnose(b.file, c.errs, c))
	}
	return b.ssa(c, n, quiet), nil
}

// asResult leaves out of the errors of the last expression that it is the value of a variable, which is ours.
func (b *builder) asResult(errs Errors) Errors {
	if b.last == nil {
		return errs
	}
	from, to := b.s.fset.Position(b.last.Pos()), b.s.fset.Position(b.last.End())
	for i, d := range errs {
		if (d.Line > from.Line || d.Line == from.Line && d.Col >= from.Column) && (d.Line < to.Line || d.Line == to.Line && d.Col <= to.Column) {
			errs[i].Msg = strings.Replace(d.Msg, " in variable declaration", "", 1)
		}
	}
	return errs
}

// usedLast leaves out of the errors that the last statement's expression is not used: as the result of the cell it is. Of
// calls this is said of conversions and of builtin functions such as len.
func usedLast(c *checked) []error {
	list := c.fn.Body.List
	st := list[len(list)-1]
	var errs []error
	for _, err := range c.errs {
		var te types.Error
		if !errors.As(err, &te) || te.Pos < st.Pos() || te.Pos >= st.End() || !strings.HasSuffix(te.Msg, " is not used") {
			errs = append(errs, err)
		}
	}
	return errs
}

// values counts the values of the last statement's expression.
func values(c *checked) int {
	list := c.fn.Body.List
	st, ok := list[len(list)-1].(*ast.ExprStmt)
	if !ok {
		return 0
	}
	tv := c.info.Types[st.X]
	if t, ok := tv.Type.(*types.Tuple); ok {
		return t.Len()
	}
	if tv.IsVoid() || tv.Type == nil || tv.Type == types.Typ[types.Invalid] {
		return 0
	}
	return 1
}

// prints tells whether the last statement calls one of fmt's printing functions.
func prints(c *checked) bool {
	st, ok := c.fn.Body.List[len(c.fn.Body.List)-1].(*ast.ExprStmt)
	if !ok {
		return false
	}
	x, ok := st.X.(*ast.CallExpr)
	if !ok {
		return false
	}
	sel, ok := x.Fun.(*ast.SelectorExpr)
	if !ok {
		return false
	}
	f, ok := c.info.Uses[sel.Sel].(*types.Func)
	return ok && f.Pkg() != nil && f.Pkg().Path() == "fmt" && strings.Contains(f.Name(), "rint") && !strings.HasPrefix(f.Name(), "S")
}

// declareOlds makes the variables through which a declaration reaches the
// earlier variable of the same name.
func (b *builder) declareOlds() {
	m := b.s.M
	for n, o := range b.olds {
		v, g := b.s.variable(b.name("old")+"_"+n, types.NewPointer(o.Type()))
		*(*unsafe.Pointer)(m.Global(g)) = m.Global(b.s.Global(o))
		b.olds[n] = v
	}
}

// ssa builds the code and makes what the cell declares live.
func (b *builder) ssa(c *checked, n int, quiet bool) *Compiled {
	s := b.s
	for _, p := range c.pkg.Imports() {
		s.ensureSSA(p)
	}
	if !b.pkgLevel {
		c.info.InitOrder = nil // the statements initialise
	}
	rewrite([]*ast.File{c.file}, c.pkg, c.info)
	sp := s.M.Prog.CreatePackage(c.pkg, []*ast.File{c.file}, c.info, false)
	s.created[c.pkg] = true
	sp.Build()
	s.register(c, sp)
	b.attachBodies(sp)
	b.commit(c, sp)
	b.keepSource(c)
	out := &Compiled{Func: sp.Func(b.name("cell")), Quiet: quiet, Notes: b.notes, made: b.made}
	if len(b.made) > 0 {
		out.done = sp.Var(b.name("done"))
	}
	if b.pkgLevel {
		b.clearVars(c, sp)
		if len(c.info.InitOrder) > 0 {
			out.Init = sp.Func("init")
		}
	}
	for i := range n {
		out.Last = append(out.Last, sp.Var(fmt.Sprintf("%s_%d", b.name("last"), i)))
	}
	return out
}

func (b *builder) commit(c *checked, sp *ssa.Package) {
	s := b.s
	fresh := b.users(c)
	for _, name := range slices.Sorted(maps.Keys(b.declared)) {
		b.commitName(name, c, sp, fresh)
	}
	for _, name := range slices.Sorted(maps.Keys(b.vars)) {
		b.commitName(name, c, sp, fresh)
	}
	for name, u := range fresh {
		if len(u.uses) > 0 || u.text != "" {
			s.users[name] = u
		}
	}
	for name, u := range s.users {
		if !s.alive(name, u) {
			delete(s.users, name)
		}
	}
	for _, sp := range c.file.Imports {
		path, _ := strconv.Unquote(sp.Path.Value)
		switch name := importName(sp); name {
		case "_":
		case ".":
			if !contains(s.dots, path) {
				s.dots = append(s.dots, path)
			}
		default:
			if isGenerated(name) {
				continue
			}
			if sp.Name == nil {
				if p, ok := c.info.Implicits[sp].(*types.PkgName); ok {
					name = p.Name()
				}
			}
			s.imports[name] = path
			s.guessed[name] = b.auto[name]
			delete(s.live, name)
		}
	}
}

func contains(xs []string, x string) bool {
	for _, y := range xs {
		if x == y {
			return true
		}
	}
	return false
}

func (b *builder) commitName(name string, c *checked, sp *ssa.Package, fresh map[string]*user) {
	s := b.s
	o := c.pkg.Scope().Lookup(name)
	if o == nil || strings.HasPrefix(name, marker) || name == "_" {
		return
	}
	old := s.live[name]
	switch o := o.(type) {
	case *types.Func:
		if old != nil && old != o {
			b.follows(old, o) // for what holds it as a value
		}
	case *types.Var:
		v, ok := old.(*types.Var)
		if ok && v != o && types.Identical(v.Type(), o.Type()) {
			if g := s.Global(v); g != nil {
				s.M.SetGlobal(sp.Var(name), s.M.Global(g))
			}
		}
	case *types.TypeName:
		if d := b.decls[name]; d != nil {
			for n := range d.deps { // what the names meant when it was declared
				if x := c.pkg.Scope().Lookup(n); x != nil {
					d.deps[n] = x
				}
			}
			for _, id := range d.names { // of these only types count: a function that is declared again is called by earlier callers
				if x, ok := c.pkg.Scope().Lookup(id.Name).(*types.TypeName); ok {
					d.deps[id.Name] = x
				}
			}
			d.names = nil
			s.types[o] = d
		}
	}
	if old != nil && old != o {
		b.replace(name, old, o, fresh)
	}
	if _, ok := o.(*types.Var); ok && b.order[name] > 0 {
		b.made = append(b.made, made{name, o, old, s.imports[name], b.order[name]})
	}
	s.live[name] = o
	s.origins[name] = b.file
	delete(s.imports, name)
}
