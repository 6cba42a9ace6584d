package front

import (
	"go/ast"
	"go/token"
	"go/types"
	"iter"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/godlas/godlas/kernel/internal/lazy"
)

// What the checker says is shown in its own words, with what a reader most likely meant where a name is misspelt.

var (
	undefinedIn    = lazy.Regexp(`^undefined: (\w+)\.(\w+)$`)
	undefinedField = lazy.Regexp(`^\S+\.(\S+) undefined \(type (.+) has no (?:field or )?method (\S+?)\)$`)
	unknownField   = lazy.Regexp(`^unknown field (\S+) in struct literal`)
	cannotImport   = lazy.Regexp(`^could not import (\S+) \((.*)\)$`)
	plainName      = lazy.Regexp(`^undefined: ([\pL_][\pL_\pN]*)$`)
)

// message is the text of an error that c, which may be nil, found.
func (s *Session) message(c *checked, te types.Error) string {
	msg := s.readable(te.Msg)
	if m := cannotImport().FindStringSubmatch(msg); m != nil {
		return s.importMessage(m[1], m[2])
	}
	if c == nil || c.pkg == nil {
		return msg
	}
	if m := twoTypes().FindStringSubmatch(te.Msg); m != nil && m[1] == m[3] {
		return msg + "; " + m[2] + " was declared again, and what was made before has the earlier " + m[2]
	}
	if near := s.meant(c, te.Pos, te.Msg); near != "" {
		return msg + "; did you mean " + near + "?"
	}
	return msg
}

var (
	qualified   = lazy.Regexp("\"(?:[^\"\\\\]|\\\\.)*\"|`[^`]*`" + `|'(?:[^'\\]|\\.)*'|(^|[^\w.])main\.`)
	position    = lazy.Regexp(`\bc[0-9]+:[0-9]+:[0-9]+`)
	meantBefore = lazy.Regexp(`\(\*` + marker + `old[0-9]+_(\w+)\)|` + marker + `(?:old|pkg)[0-9]+_(\w+)`)
	twoTypes    = lazy.Regexp(`^cannot use .* of .*type (\S*main\.(\w+)\S*)\) as (\S*main\.\w+\S*) value`)
)

// readable leaves out of a text what a reader of the cell does not know: that its names are a package's.
func (s *Session) readable(msg string) string {
	msg = position().ReplaceAllStringFunc(msg, func(x string) string {
		file, at, _ := strings.Cut(x, ":")
		if c := s.cells[file]; c != nil {
			return c.name + ":" + at
		}
		return x
	})
	if strings.Contains(msg, marker) { // a name in its earlier meaning
		msg = meantBefore().ReplaceAllString(msg, "$1$2")
	}
	if !strings.Contains(msg, "main.") {
		return msg
	}
	return qualified().ReplaceAllStringFunc(msg, func(x string) string {
		if x[0] == '"' || x[0] == '`' || x[0] == '\'' {
			return x
		}
		return strings.TrimSuffix(x, "main.")
	})
}

func (s *Session) importMessage(path, why string) string {
	switch {
	case path == "C":
		return `import "C": cells are interpreted and cannot hold C code`
	case strings.HasPrefix(path, ".") || strings.HasPrefix(path, "/"):
		return "could not import " + path + ": a cell has no folder of its own to import from"
	}
	return "could not import " + path + ": " + why
}

// meant finds the name that an error at pos is most likely about.
func (s *Session) meant(c *checked, pos token.Pos, msg string) string {
	if m := undefinedIn().FindStringSubmatch(msg); m != nil {
		return s.meantMember(c, pos, m[1], m[2])
	}
	if m := plainName().FindStringSubmatch(msg); m != nil && m[1] != "init" {
		return s.meantName(c, pos, m[1])
	}
	if m := undefinedField().FindStringSubmatch(msg); m != nil {
		if sel := c.selector(pos); sel != nil {
			if t := c.info.Types[sel.X].Type; t != nil {
				return nearest(m[3], members(t, c.pkg))
			}
		}
		return ""
	}
	if m := unknownField().FindStringSubmatch(msg); m != nil {
		if lit := c.literal(pos); lit != nil {
			return nearest(m[1], fields(c.info.Types[lit].Type))
		}
	}
	return ""
}

// meantMember looks in the package that name stands for at pos.
func (s *Session) meantMember(c *checked, pos token.Pos, name, member string) string {
	sel := c.selector(pos)
	if sel == nil {
		return ""
	}
	id, _ := sel.X.(*ast.Ident)
	if id == nil {
		return ""
	}
	p, ok := c.info.Uses[id].(*types.PkgName)
	if !ok {
		return ""
	}
	near := nearest(member, func(yield func(string) bool) {
		for _, n := range p.Imported().Scope().Names() {
			if token.IsExported(n) && !yield(n) {
				return
			}
		}
	})
	if near == "" {
		return ""
	}
	return name + "." + near
}

// meantName looks in the scopes around pos, and among packages if a selector follows.
func (s *Session) meantName(c *checked, pos token.Pos, name string) string {
	near := nearest(name, func(yield func(string) bool) {
		scope := c.pkg.Scope().Innermost(pos)
		if scope == nil {
			scope = c.pkg.Scope()
		}
		for ; scope != nil; scope = scope.Parent() {
			names := scope.Names()
			if scope == c.pkg.Scope() { // which has only the live names that the cell mentions
				names = slices.Compact(slices.Sorted(concat(slices.Values(names), maps.Keys(s.live))))
			}
			for _, n := range names {
				if strings.HasPrefix(n, marker) {
					continue
				}
				if o := scope.Lookup(n); o != nil && scope != c.pkg.Scope() && o.Pos() > pos && o.Pkg() == c.pkg && scope.Parent() != c.pkg.Scope() {
					continue // declared later in its block
				}
				if !yield(n) {
					return
				}
			}
		}
	})
	pkg := ""
	if sel := c.selected(pos); sel != nil {
		pkg = nearest(name, func(yield func(string) bool) {
			for _, n := range slices.Sorted(maps.Keys(s.Packages.byName())) {
				if s.offers(n, sel.Sel.Name) && !yield(n) {
					return
				}
			}
		})
	}
	if word := nearest(name, keywords()); near == "" && word != "" && len(name) > 4 {
		return word
	}
	if pkg != "" && (near == "" || distance(name, pkg) <= distance(name, near)) {
		return pkg
	}
	return near
}

// concat is one sequence after the other.
func concat[T any](a, b iter.Seq[T]) iter.Seq[T] {
	return func(yield func(T) bool) {
		for x := range a {
			if !yield(x) {
				return
			}
		}
		b(yield)
	}
}

// offers tells whether a name can stand for a package with that member. Only packages of the standard library are looked
// into.
func (s *Session) offers(name, member string) bool {
	for _, path := range s.Packages.byName()[name] {
		if strings.Contains(path, ".") {
			continue
		}
		if s.Packages.Doc(path)[member] != "" {
			return true
		}
	}
	return false
}

// selector returns the selector whose name is at pos.
func (c *checked) selector(pos token.Pos) (found *ast.SelectorExpr) {
	ast.Inspect(c.file, func(n ast.Node) bool {
		if x, ok := n.(*ast.SelectorExpr); ok && x.Sel.Pos() == pos {
			found = x
		}
		return found == nil
	})
	return found
}

// selected returns the selector of which the name at pos is the operand.
func (c *checked) selected(pos token.Pos) (found *ast.SelectorExpr) {
	ast.Inspect(c.file, func(n ast.Node) bool {
		if x, ok := n.(*ast.SelectorExpr); ok && x.X.Pos() == pos {
			if _, ok := x.X.(*ast.Ident); ok {
				found = x
			}
		}
		return found == nil
	})
	return found
}

// literal returns the composite literal that has a key at pos.
func (c *checked) literal(pos token.Pos) (found *ast.CompositeLit) {
	ast.Inspect(c.file, func(n ast.Node) bool {
		if x, ok := n.(*ast.CompositeLit); ok {
			for _, e := range x.Elts {
				if e.Pos() == pos {
					found = x
				}
			}
		}
		return found == nil
	})
	return found
}

// fields lists the fields of a struct, or of what a pointer to one points to.
func fields(t types.Type) iter.Seq[string] {
	return func(yield func(string) bool) {
		if t == nil {
			return
		}
		u := t.Underlying()
		if p, ok := u.(*types.Pointer); ok {
			u = p.Elem().Underlying()
		}
		if st, ok := u.(*types.Struct); ok {
			for f := range st.Fields() {
				if !yield(f.Name()) {
					return
				}
			}
		}
	}
}

// members lists the fields and methods of t that code in pkg can name, promoted ones too.
func members(t types.Type, pkg *types.Package) iter.Seq[string] {
	seen := map[string]bool{}
	var names []string
	add := func(o types.Object) {
		if !seen[o.Name()] && (o.Exported() || o.Pkg() == nil || o.Pkg().Path() == pkg.Path()) {
			seen[o.Name()] = true
			names = append(names, o.Name())
		}
	}
	if p, ok := t.Underlying().(*types.Pointer); ok {
		t = p.Elem()
	}
	var walk func(t types.Type, depth int)
	walk = func(t types.Type, depth int) {
		if p, ok := t.Underlying().(*types.Pointer); ok {
			t = p.Elem()
		}
		if st, ok := t.Underlying().(*types.Struct); ok && depth < 5 {
			for f := range st.Fields() {
				add(f)
				if f.Embedded() {
					walk(f.Type(), depth+1)
				}
			}
		}
	}
	walk(t, 0)
	ms := types.NewMethodSet(types.NewPointer(t))
	if types.IsInterface(t) {
		ms = types.NewMethodSet(t)
	}
	for m := range ms.Methods() {
		add(m.Obj())
	}
	return slices.Values(names)
}

// nearest returns the name that a reader may have meant by name, or "" if none is near: a third of the letters may
// differ, at most two, and of a name of one letter none but its case.
func nearest(name string, names iter.Seq[string]) string {
	n := len([]rune(name))
	limit := min((n+1)/3, 2)
	best, at := "", limit+1
	for x := range names {
		if x == name || x == "_" || n+limit < len([]rune(x))-limit {
			continue
		}
		d := distance(name, x)
		if strings.EqualFold(name, x) {
			d = 0
		} else if n < 3 && len(x) != n {
			continue // i is not near to id
		}
		if d < at || d == at && d <= limit && nearer(name, x, best) {
			best, at = x, d
		}
	}
	return best
}

// nearer tells whether x is rather meant than y, of as many edits: letters are rather left out than added, and the first
// are mostly right.
func nearer(name, x, y string) bool {
	if len(x) != len(y) {
		return len(x) > len(y)
	}
	for i := range min(len(x), len(name)) {
		if (x[i] == name[i]) != (y[i] == name[i]) {
			return x[i] == name[i]
		}
	}
	return x < y
}

// distance counts the insertions, deletions, replacements and swaps of neighbours that make a into b.
func distance(a, b string) int {
	x, y := []rune(a), []rune(b)
	before, row, next := make([]int, len(y)+1), make([]int, len(y)+1), make([]int, len(y)+1)
	for j := range row {
		row[j] = j
	}
	for i := range x {
		next[0] = i + 1
		for j := range y {
			cost := 1
			if x[i] == y[j] {
				cost = 0
			}
			next[j+1] = min(row[j+1]+1, next[j]+1, row[j]+cost)
			if i > 0 && j > 0 && x[i] == y[j-1] && x[i-1] == y[j] {
				next[j+1] = min(next[j+1], before[j-1]+1)
			}
		}
		before, row, next = row, next, before
	}
	return row[len(y)]
}

// nearPath suggests a package for a path that is not there.
func (p *Packages) nearPath(path string) string {
	if near := nearest(path, slices.Values(p.Paths())); near != "" {
		return "; did you mean " + strconv.Quote(near) + "?"
	}
	for _, x := range p.byName()[nameOf(path)] {
		return "; there is " + x
	}
	return ""
}
