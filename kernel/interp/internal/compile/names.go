package compile

import (
	"go/token"
	"go/types"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/tools/go/ssa"
)

// namer writes types as the compiler does. In type arguments, where two types of one name must differ, packages have their
// path, unexported names their package, and types declared in functions their number in the package.
type namer struct {
	m    *Machine
	b    strings.Builder
	link bool
}

// typeName is the name that reflection gives a type, type arguments included. Mu is held.
func (m *Machine) typeName(t *types.Named) string {
	n := namer{m: m, link: true}
	n.b.WriteString(t.Obj().Name())
	n.args(t)
	return n.b.String()
}

// literalName is what reflection calls a type without a name. Mu is held.
func (m *Machine) literalName(t types.Type) string {
	n := namer{m: m}
	n.typ(t)
	return n.b.String()
}

func (n *namer) pkg(p *types.Package) {
	if p == nil {
		return
	}
	if n.link {
		n.b.WriteString(p.Path())
	} else {
		n.b.WriteString(p.Name())
	}
	n.b.WriteByte('.')
}

func (n *namer) typ(t types.Type) {
	switch t := types.Unalias(t).(type) {
	case *types.Basic:
		n.b.WriteString(basicTypes[t.Kind()].String())
	case *types.Pointer:
		n.b.WriteByte('*')
		n.typ(t.Elem())
	case *types.Slice:
		n.b.WriteString("[]")
		n.typ(t.Elem())
	case *types.Array:
		n.b.WriteString("[" + strconv.FormatInt(t.Len(), 10) + "]")
		n.typ(t.Elem())
	case *types.Map:
		n.b.WriteString("map[")
		n.typ(t.Key())
		n.b.WriteByte(']')
		n.typ(t.Elem())
	case *types.Chan:
		n.channel(t)
	case *types.Signature:
		n.b.WriteString("func")
		n.signature(t)
	case *types.Struct:
		n.structure(t)
	case *types.Interface:
		n.iface(t)
	case *types.Named:
		n.named(t)
	default:
		n.b.WriteString(t.String())
	}
}

func (n *namer) named(t *types.Named) {
	if t.Obj().Pkg() != nil {
		n.pkg(t.Obj().Pkg())
	}
	n.b.WriteString(t.Obj().Name())
	link := n.link
	n.link = true
	n.args(t)
	n.link = link
	if k := n.m.localNumber(t.Obj()); k > 0 && n.link {
		n.b.WriteString("·" + strconv.Itoa(k))
	}
}

// args writes the type arguments of t: those of the function that declares it first.
func (n *namer) args(t *types.Named) {
	outer := n.m.outerArgs(t.Obj())
	if len(outer) == 0 && t.TypeArgs().Len() == 0 {
		return
	}
	n.b.WriteByte('[')
	for i, a := range outer {
		if i > 0 {
			n.b.WriteByte(',')
		}
		n.typ(a)
	}
	if len(outer) > 0 && t.TypeArgs().Len() > 0 {
		n.b.WriteByte(';')
	}
	for i := range t.TypeArgs().Len() {
		if i > 0 {
			n.b.WriteByte(',')
		}
		n.typ(t.TypeArgs().At(i))
	}
	n.b.WriteByte(']')
}

func (n *namer) channel(t *types.Chan) {
	switch t.Dir() {
	case types.RecvOnly:
		n.b.WriteString("<-chan ")
	case types.SendOnly:
		n.b.WriteString("chan<- ")
	default:
		n.b.WriteString("chan ")
		if e, ok := types.Unalias(t.Elem()).(*types.Chan); ok && e.Dir() == types.RecvOnly {
			n.b.WriteByte('(')
			n.typ(e)
			n.b.WriteByte(')')
			return
		}
	}
	n.typ(t.Elem())
}

func (n *namer) signature(t *types.Signature) {
	n.b.WriteByte('(')
	for i := range t.Params().Len() {
		if i > 0 {
			n.b.WriteString(", ")
		}
		p := t.Params().At(i).Type()
		if s, ok := p.(*types.Slice); ok && t.Variadic() && i == t.Params().Len()-1 {
			n.b.WriteString("...")
			p = s.Elem()
		}
		n.typ(p)
	}
	n.b.WriteByte(')')
	res := t.Results()
	if res.Len() == 1 {
		n.b.WriteByte(' ')
		n.typ(res.At(0).Type())
	} else if res.Len() > 1 {
		n.b.WriteString(" (")
		for i := range res.Len() {
			if i > 0 {
				n.b.WriteString(", ")
			}
			n.typ(res.At(i).Type())
		}
		n.b.WriteByte(')')
	}
}

func (n *namer) structure(t *types.Struct) {
	n.b.WriteString("struct {")
	for i := range t.NumFields() {
		if i > 0 {
			n.b.WriteByte(';')
		}
		n.b.WriteByte(' ')
		f := t.Field(i)
		if k, ok := types.Unalias(f.Type()).(*types.Named); ok && f.Embedded() && n.link && n.m.localNumber(k.Obj()) > 0 {
			n.b.WriteString(f.Name() + " = ") // its own name and the type's, with its number, differ to the compiler
		}
		if !f.Embedded() {
			if n.link && !f.Exported() {
				n.pkg(f.Pkg())
			}
			n.b.WriteString(f.Name() + " ")
		}
		n.typ(f.Type())
		if tag := t.Tag(i); tag != "" {
			n.b.WriteString(" " + strconv.Quote(tag))
		}
	}
	if t.NumFields() > 0 {
		n.b.WriteByte(' ')
	}
	n.b.WriteByte('}')
}

func (n *namer) iface(t *types.Interface) {
	n.b.WriteString("interface {")
	var ms []*types.Func
	for f := range t.Methods() {
		ms = append(ms, f)
	}
	slices.SortFunc(ms, func(a, b *types.Func) int {
		if e := a.Exported(); e != b.Exported() {
			if e {
				return -1
			}
			return 1
		}
		return strings.Compare(a.Name(), b.Name())
	})
	for i, f := range ms {
		if i > 0 {
			n.b.WriteByte(';')
		}
		n.b.WriteByte(' ')
		if !f.Exported() {
			n.pkg(f.Pkg())
		}
		n.b.WriteString(f.Name())
		n.signature(f.Signature())
	}
	if len(ms) > 0 {
		n.b.WriteByte(' ')
	}
	n.b.WriteByte('}')
}

// localTypes is what is known of the types that functions declare.
type localTypes struct {
	numbers map[*types.Package]map[token.Pos]int
	outer   map[*types.TypeName][]types.Type
	// current is the function that is being compiled.
	current *ssa.Function
}

func local(o *types.TypeName) bool {
	return o.Pkg() != nil && o.Parent() != o.Pkg().Scope() && o.Pkg().Scope().Lookup(o.Name()) != o
}

// localNumber counts the types that are declared in functions of a package, in the order of the source.
func (m *Machine) localNumber(o *types.TypeName) int {
	if !local(o) {
		return 0
	}
	l := &m.locals
	ns, ok := l.numbers[o.Pkg()]
	if !ok {
		var at []token.Pos
		var walk func(s *types.Scope)
		walk = func(s *types.Scope) {
			for _, name := range s.Names() {
				if t, ok := s.Lookup(name).(*types.TypeName); ok && !t.IsAlias() && s != o.Pkg().Scope() {
					if _, ok := t.Type().(*types.Named); ok && t.Pkg() == o.Pkg() {
						at = append(at, t.Pos())
					}
				}
			}
			for c := range s.Children() {
				walk(c)
			}
		}
		walk(o.Pkg().Scope())
		slices.Sort(at)
		ns = map[token.Pos]int{}
		for i, p := range at {
			ns[p] = i + 1
		}
		if l.numbers == nil {
			l.numbers = map[*types.Package]map[token.Pos]int{}
		}
		l.numbers[o.Pkg()] = ns
	}
	return ns[o.Pos()]
}

// outerArgs returns the type arguments of the instance of a generic function that declares a type. Such a type is met first
// where that instance is compiled.
func (m *Machine) outerArgs(o *types.TypeName) []types.Type {
	if !local(o) {
		return nil
	}
	l := &m.locals
	if as, ok := l.outer[o]; ok {
		return as
	}
	var as []types.Type
	for f := l.current; f != nil; f = f.Parent() {
		if s := f.Syntax(); s != nil && s.Pos() <= o.Pos() && o.Pos() < s.End() && len(f.TypeArgs()) > 0 {
			as = f.TypeArgs()
			break
		}
	}
	if l.outer == nil {
		l.outer = map[*types.TypeName][]types.Type{}
	}
	l.outer[o] = as
	return as
}
