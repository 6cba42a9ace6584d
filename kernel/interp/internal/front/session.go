package front

import (
	"go/ast"
	"go/token"
	"go/types"
	"runtime"
	"strings"
	"unicode"

	"golang.org/x/tools/go/ssa"

	"github.com/godlas/godlas/kernel/internal/lazy"
	"github.com/godlas/godlas/kernel/interp/internal/compile"
)

// Session is what lives on from cell to cell. M.Mu guards it.
type Session struct {
	M        *compile.Machine
	Packages *Packages

	// Words completes strings as Library.Strings does; Modules lists import paths
	// beyond those of Packages. Both are for completion and may be nil.
	Words   func(path, fn string, arg int, typed string) (words []string, replace int)
	Modules func() []string

	// Debug says that cells can be stopped at each statement, and Path makes of a
	// whole cell what breakpoints name it by. Whole is the cell that the next
	// Compile is of, where its source is a part of it.
	Debug bool
	Path  func(cell string) string
	Whole string
	// Fault is told why a cell cannot be debugged; for tests.
	Fault func(v any)

	fset    *token.FileSet
	sizes   types.Sizes
	imp     *importer
	sources *sourcePackages
	created map[*types.Package]bool
	prelude map[string]string // name -> path
	live    map[string]types.Object
	imports map[string]string // by name
	guessed map[string]bool   // imports that no cell wrote
	dots    []string
	types   map[*types.TypeName]*typeDecl
	cells   map[string]*cellText // by the file name in positions
	serial  int
	// remembered are the packages of cells; tidyAt is how many there may be.
	remembered map[*types.Package]*cellPackage
	kept       []*cellPackage // whose checked source is there, the oldest first
	tidyAt     int
	users      map[string]*user // by name

	origins  map[string]string              // the cell that declared a live variable
	members  map[*types.Package][]candidate // what completion lists of packages
	history  history
	packages []candidate // that are there without an import
}

// cellText is what positions in a cell refer to.
type cellText struct {
	name  string
	src   string
	lines int
	whole string // the cell that src is of
}

// typeDecl remembers how a type was declared, to recognise it when its cell
// runs again.
type typeDecl struct {
	text    string
	deps    map[string]types.Object
	methods map[string]string // name -> receiver and signature as written
	// of a generic type: its methods as written, and what they and its constraints mention
	bodies map[string]string
	names  []*ast.Ident
}

func (d *typeDecl) generic() bool { return d.bodies != nil }

// New makes an empty session.
func New(m *compile.Machine, fset *token.FileSet, pkgs *Packages, prelude []string) *Session {
	s := &Session{M: m, Packages: pkgs, fset: fset, sizes: types.SizesFor("gc", runtime.GOARCH), prelude: map[string]string{}}
	for _, p := range prelude {
		s.prelude[nameOf(p)] = p
	}
	s.created = map[*types.Package]bool{}
	s.sources = newSourcePackages()
	s.imp = &importer{s: s, pkgs: map[string]*types.Package{}}
	s.Reset()
	return s
}

// Reset forgets all cells.
func (s *Session) Reset() {
	s.live = map[string]types.Object{}
	s.kept = nil
	s.remembered, s.tidyAt = map[*types.Package]*cellPackage{}, tidyAfter
	s.imports = map[string]string{}
	s.guessed = map[string]bool{}
	s.dots = nil
	s.users = map[string]*user{}
	s.history = history{}
	s.types = map[*types.TypeName]*typeDecl{}
	s.cells = map[string]*cellText{}
	s.origins = map[string]string{}
}

// Live returns the live objects by name.
func (s *Session) Live() map[string]types.Object { return s.live }

// Position tells which cell, or file of a module, and where a position in file,
// which may be nil, is; ok is false if it is in neither.
func (s *Session) Position(file *token.File, pos token.Pos) (cell string, line, col int, ok bool) {
	p := s.fset.Position(pos)
	if !p.IsValid() && file != nil && pos.IsValid() { // of a cell that was forgotten
		p = file.Position(pos)
	}
	c := s.cells[p.Filename]
	if c == nil {
		return p.Filename, p.Line, p.Column, s.sources.files[p.Filename]
	}
	return c.name, p.Line, c.callee(p.Line, p.Column), true
}

// callee moves the column of a call, that of its parenthesis, to the name that is called: what a reader looks for.
func (c *cellText) callee(line, col int) int {
	text := c.src
	for ; line > 1; line-- {
		_, rest, ok := strings.Cut(text, "\n")
		if !ok {
			return col
		}
		text = rest
	}
	if col < 1 || col > len(text) || text[col-1] != '(' {
		return col
	}
	name := strings.TrimRightFunc(text[:col-1], func(r rune) bool { return r == '_' || unicode.IsLetter(r) || unicode.IsDigit(r) })
	if token.IsIdentifier(text[len(name) : col-1]) {
		return len(name) + 1
	}
	return col
}

// Declare makes a live variable of type t and returns it for its address.
func (s *Session) Declare(name string, t types.Type) (types.Object, *ssa.Global) {
	obj, g := s.variable(name, t)
	delete(s.imports, name)
	s.live[name] = obj
	return obj, g
}

// variable makes a package with one variable.
func (s *Session) variable(name string, t types.Type) (types.Object, *ssa.Global) {
	pkg := types.NewPackage("main", "main")
	v := types.NewVar(token.NoPos, pkg, name, t)
	pkg.Scope().Insert(v)
	pkg.MarkComplete()
	p := s.M.Prog.CreatePackage(pkg, nil, nil, false)
	s.remembered[pkg] = &cellPackage{pkg: pkg, ssa: p}
	return v, p.Var(name)
}

// Global returns the SSA variable of a live object.
func (s *Session) Global(v types.Object) *ssa.Global {
	p := s.M.Prog.Package(v.Pkg())
	if p == nil {
		return nil
	}
	return p.Var(v.Name())
}

// Import makes the types of a package.
func (s *Session) Import(path string) (*types.Package, error) {
	p, err := s.imp.Import(path)
	if err == nil {
		s.ensureSSA(p)
	}
	return p, err
}

// Readable makes a function's name in a stack what a reader expects: the
// statements of a cell are its main.
func Readable(fn string) string {
	return generated().ReplaceAllStringFunc(fn, func(s string) string {
		m := generated().FindStringSubmatch(s)
		switch m[1] {
		case "method":
			return m[2] + "." + m[3]
		case "init":
			return "init"
		}
		return "cell"
	})
}

var generated = lazy.Regexp(marker + `([a-z]+)[0-9]+(?:_(\w+)_(\w+)|_[0-9]+)?`)
