package front

import (
	"fmt"
	"go/ast"
	"go/constant"
	"go/token"
	"go/types"
	"slices"
	"strings"
)

// A name declared again as something else hides what it was; code of earlier cells goes on with that, and the cell says
// which code it is.

// user is something that a cell declared and what it uses of earlier or the same cells.
type user struct {
	obj  types.Object // what the name meant; of a method its type
	text string       // the declaration
	uses map[types.Object]bool
}

// users finds who uses what in a cell, by name. A method's name is that of its type and its own.
func (b *builder) users(c *checked) map[string]*user {
	found := map[string]*user{}
	add := func(name string, obj types.Object, n ast.Node, text string) {
		if obj == nil || strings.HasPrefix(name, marker) || name == "_" {
			return
		}
		u := found[name]
		if u == nil {
			u = &user{obj: obj, text: text, uses: map[types.Object]bool{}}
			found[name] = u
		}
		ast.Inspect(n, func(n ast.Node) bool {
			id, ok := n.(*ast.Ident)
			if !ok {
				return true
			}
			o := c.info.Uses[id]
			if v, ok := o.(*types.Var); ok && v.IsField() {
				return true
			}
			if f, ok := o.(*types.Func); ok && f.Signature().Recv() != nil {
				return true
			}
			if o != nil && o.Pkg() != nil && o.Pkg().Path() == "main" && o.Parent() == o.Pkg().Scope() && o != obj {
				u.uses[o] = true
			}
			return true
		})
	}
	scope := c.pkg.Scope()
	for _, d := range c.file.Decls {
		switch d := d.(type) {
		case *ast.FuncDecl:
			switch {
			case d == c.fn:
			case d.Recv != nil:
				t := receiverName(d)
				add(t+"."+d.Name.Name, scope.Lookup(t), d, "")
			case strings.HasPrefix(d.Name.Name, b.name("method")+"_"):
				for _, l := range b.later {
					if l.fn == d.Name.Name {
						add(l.named.Obj().Name()+"."+l.name, l.named.Obj(), d, "")
					}
				}
			default:
				add(d.Name.Name, scope.Lookup(d.Name.Name), d, b.textOf[d.Name.Name])
			}
		case *ast.GenDecl:
			for _, sp := range d.Specs {
				switch sp := sp.(type) {
				case *ast.TypeSpec:
					add(sp.Name.Name, scope.Lookup(sp.Name.Name), sp.Type, "")
				case *ast.ValueSpec:
					if d.Tok != token.VAR {
						continue
					}
					for _, n := range sp.Names {
						for _, v := range sp.Values {
							ast.Inspect(v, func(x ast.Node) bool { // only functions look at names again later
								if lit, ok := x.(*ast.FuncLit); ok {
									add(n.Name, scope.Lookup(n.Name), lit, "")
									return false
								}
								return true
							})
						}
					}
				}
			}
		}
	}
	return found
}

// funcTexts remembers the source of the cell's functions, to tell a function that is another from one that runs again.
func (b *builder) funcTexts() {
	b.textOf = map[string]string{}
	for _, d := range b.parsed.Decls {
		if fd, ok := d.(*ast.FuncDecl); ok && fd.Recv == nil && fd != b.fn {
			b.textOf[fd.Name.Name] = b.source(fd.Pos(), fd.End())
		}
	}
}

// replace makes earlier code use o under a name that it knows as something else, where it can, and notes where it cannot.
// It runs before the users of the cell are known.
func (b *builder) replace(name string, old, o types.Object, fresh map[string]*user) {
	s := b.s
	var stale []string
	for n, u := range s.users {
		if fresh[n] != nil || !s.alive(n, u) {
			continue
		}
		for x := range u.uses {
			if x.Name() != name || x == o {
				continue
			}
			if b.follows(x, o) {
				delete(u.uses, x)
				u.uses[o] = true
			} else if x == old && differs(old, o) && !b.sameText(name) {
				stale = append(stale, n)
			}
		}
	}
	if len(stale) == 0 {
		return
	}
	slices.Sort(stale)
	verb := "use"
	if _, ok := old.(*types.Func); ok {
		verb = "call"
	}
	if len(stale) == 1 {
		verb += "s"
	}
	now, before := "now "+whatIs(o), whatIs(old)
	switch o.(type) {
	case *types.Var, *types.TypeName:
		now = "now a " + whatIs(o)
	case *types.Const:
		now = "now the " + whatIs(o)
	}
	if whatIs(o) == before {
		now, before = "declared again", name
	}
	b.notes = append(b.notes, fmt.Sprintf("%s is %s; %s still %s the earlier %s", name, now, list(stale), verb, before))
}

// sameText tells whether a function is declared in the words of before.
func (b *builder) sameText(name string) bool {
	u := b.s.users[name]
	return u != nil && u.text != "" && u.text == b.textOf[name]
}

// follows makes callers of x call o, if that can be.
func (b *builder) follows(x, o types.Object) bool {
	switch o := o.(type) {
	case *types.Func:
		f, ok := x.(*types.Func)
		if ok && f.Signature().TypeParams() == nil && o.Signature().TypeParams() == nil && types.Identical(f.Type(), o.Type()) {
			b.s.M.Forward(b.s.M.Prog.FuncValue(f), b.s.M.Prog.FuncValue(o))
			return true
		}
	case *types.Const:
		return !differs(x, o)
	case *types.Var: // variables of a type share their memory
		v, ok := x.(*types.Var)
		return ok && x == b.s.live[o.Name()] && types.Identical(v.Type(), o.Type())
	}
	return false
}

// alive tells whether what a name stood for is still what it stands for.
func (s *Session) alive(name string, u *user) bool {
	base, _, _ := strings.Cut(name, ".")
	return s.live[base] == u.obj
}

// differs tells whether old code would do something else with o.
func differs(old, o types.Object) bool {
	if a, ok := old.(*types.Const); ok {
		if b, ok := o.(*types.Const); ok && a.Val().Kind() == b.Val().Kind() {
			return !types.Identical(a.Type(), b.Type()) || !constant.Compare(a.Val(), token.EQL, b.Val())
		}
	}
	return true
}

// whatIs says what an object is.
func whatIs(o types.Object) string {
	t := types.TypeString(o.Type(), func(p *types.Package) string {
		if p.Path() == "main" {
			return ""
		}
		return p.Name()
	})
	switch o := o.(type) {
	case *types.Func:
		return t
	case *types.Var:
		return "variable of type " + t
	case *types.Const:
		return "constant " + o.Val().String()
	}
	return "type " + o.Name()
}

// list joins names as a sentence does.
func list(names []string) string {
	if len(names) > 6 {
		names = append(names[:5:5], fmt.Sprintf("%d more", len(names)-5))
	}
	if n := len(names) - 1; n > 0 {
		return strings.Join(names[:n], ", ") + " and " + names[n]
	}
	return names[0]
}
