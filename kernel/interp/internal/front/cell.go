package front

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"go/types"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/tools/go/ssa"
)

// Compiled is a cell ready to run.
type Compiled struct {
	Func *ssa.Function
	// Init gives the variables of a cell of declarations their values. It runs before Func and may be nil.
	Init *ssa.Function
	// Notes are what the reader of the cell should know of it.
	Notes []string
	// Last are the variables that take the value of the last expression.
	Last []*ssa.Global
	// Quiet says that the last expression is a call of a printing function,
	// whose results nobody wants to see.
	Quiet bool

	made []made
	done *ssa.Global // the count of the last statement that declared variables
}

// marker begins all names that we generate; a cell cannot spell it by accident.
const marker = "Ξ"

// builder makes the package of one cell.
type builder struct {
	s    *Session
	id   int
	file string
	src  string

	text     string // of the whole file, before edits
	declsEnd int    // where generated variables go
	importAt int    // where generated imports go
	parsed   *ast.File
	tf       *token.File
	fn       *ast.FuncDecl
	program  bool // the cell has a package clause
	pkgLevel bool // its statements are var declarations, which initialise as those of a package

	declared map[string]bool // by type, const and func declarations
	owned    map[string]bool // import names of the cell itself
	auto     map[string]bool // those of imports that the cell left out
	vars     map[string]bool // by top-level statements
	olds     map[string]types.Object
	early    []edit            // of names that mean what they meant before
	befores  map[string]string // what is written for them
	aliases  []types.Object    // by which they reach it
	edits    []edit
	globals  strings.Builder
	last     ast.Expr
	list     span // of the expressions that the cell ends in, if they are several
	later    []laterMethod
	decls    map[string]*typeDecl // of the types that the cell declares
	added    []string             // import specs
	textOf   map[string]string    // of the functions that the cell declares
	order    map[string]int       // of variables, the count of the statement that declares them
	steps    int                  // statements that declare variables
	made     []made
	notes    []string
	history  []types.Object // our In and Out, if the cell mentions them
	missing  Errors         // values of Out that are not there
	diags    Errors
	drafts   []*token.File // of all that was parsed on the way
}

type edit struct {
	from, to int
	text     string
}

// laterMethod is a method of a type of an earlier cell.
type laterMethod struct {
	named *types.Named
	name  string
	fn    string // the function that is its body
	sig   string
}

// Compile checks and builds a cell. M.Mu is held.
func (s *Session) Compile(name, src string) (*Compiled, error) {
	s.tidy()
	s.serial++
	src = pasted(src)
	b := &builder{
		s: s, id: s.serial, file: "c" + strconv.Itoa(s.serial), src: src,
		declared: map[string]bool{}, owned: map[string]bool{}, auto: map[string]bool{}, vars: map[string]bool{}, olds: map[string]types.Object{}, decls: map[string]*typeDecl{}, order: map[string]int{},
	}
	s.cells[b.file] = &cellText{name: name, src: src, lines: strings.Count(strings.TrimRight(src, "\n"), "\n") + 1, whole: s.Whole}
	out, err := b.build()
	b.forgetDrafts(out)
	return out, err
}

// pasted blanks what a file may begin with and a cell has no use for, a byte order mark and a line for the shell, so that
// columns stay.
func pasted(src string) string {
	if rest, ok := strings.CutPrefix(src, "\ufeff"); ok {
		src = "   " + rest
	}
	if rest, ok := strings.CutPrefix(src, "#!"); ok {
		src = "//" + rest
	}
	return src
}

func (b *builder) name(what string) string { return fmt.Sprintf("%s%s%d", marker, what, b.id) }

// line is a directive that gives the text after it the position in the cell of
// offset off.
func (b *builder) line(off int) string {
	l := strings.Count(b.src[:off], "\n") + 1
	c := off - (strings.LastIndexByte(b.src[:off], '\n') + 1) + 1
	return fmt.Sprintf("/*line %s:%d:%d*/", b.file, l, c)
}

// assemble writes the cell's pieces in the order of a Go file.
func (b *builder) assemble() {
	var imps, decls, body strings.Builder
	hasMain := false
	b.notes = nil
	b.program = false
	for _, p := range split(b.src) {
		text := "\n" + b.line(p.from) + b.call(p.from, p.to) + "\n"
		switch p.kind {
		case packageClause:
			b.program = true
		case imports:
			imps.WriteString(text)
		case declarations:
			toks := scan(b.src[p.from:p.to])
			if toks[0].tok == token.FUNC && toks[1].lit == "init" {
				fn := b.name("init") + "_" + strconv.Itoa(p.from)
				after := p.from + toks[1].off + len("init")
				text = "\n" + b.line(p.from) + "func " + fn + b.line(after) + b.src[after:p.to] + "\n"
				body.WriteString("\n" + fn + "()\n")
			}
			hasMain = hasMain || toks[0].tok == token.FUNC && toks[1].lit == "main"
			decls.WriteString(text)
		case statements:
			if b.pkgLevel {
				decls.WriteString(text)
			} else {
				body.WriteString(text)
			}
		}
	}
	if hasMain && (b.program || onlyVars(b.src)) {
		body.WriteString("\nmain()\n")
	} else if hasMain {
		b.notes = append(b.notes, "main is declared but did not run, as the cell has statements of its own; main() calls it")
	}
	head := "package main\n/*line gen:1:1*/\n"
	b.importAt = len(head)
	head += imps.String() + decls.String() + "\n/*line gen:1:1*/\n"
	b.declsEnd = len(head)
	b.text = head + "func " + b.name("cell") + "() {" + body.String() + "\n}\n"
}

func (b *builder) parse(text string) (*ast.File, error) {
	f, err := parser.ParseFile(b.s.fset, b.file, text, parser.SkipObjectResolution|parser.AllErrors)
	if f != nil {
		if tf := b.s.fset.File(f.FileStart); tf != nil {
			b.drafts = append(b.drafts, tf)
		}
	}
	return f, err
}

func (b *builder) off(p token.Pos) int { return b.tf.Offset(p) }

func (b *builder) source(from, to token.Pos) string {
	text := b.text[b.off(from):b.off(to)]
	if len(b.early) == 0 {
		return text
	}
	return apply(text, b.earlyIn(b.off(from), b.off(to)))
}

// at is a directive for the position in the cell of p.
func (b *builder) at(p token.Pos) string {
	q := b.s.fset.Position(p)
	return fmt.Sprintf("/*line %s:%d:%d*/", q.Filename, q.Line, q.Column)
}

func (b *builder) build() (*Compiled, error) {
	b.pkgLevel = onlyVars(b.src)
	b.assemble()
	f, err := b.parse(b.text)
	if err == nil && b.pkgLevel && !b.program && b.usesOld(f) {
		b.pkgLevel = false
		b.assemble()
		f, err = b.parse(b.text)
	}
	if err != nil {
		f, err = b.parseSeveral(f, err)
	}
	if err != nil {
		return nil, b.syntaxErrors(err)
	}
	if len(scan(b.src)) == 1 { // nothing but comments, which may lack their end
		if errs := b.lexicalErrors(); errs != nil {
			return nil, errs
		}
	}
	b.parsed, b.tf = f, b.s.fset.File(f.FileStart)
	b.collect()
	b.funcTexts()
	b.dropUnchangedTypes()
	b.earlier()
	b.hoist()
	b.methods()
	b.refuse()
	if len(b.diags) > 0 {
		return nil, b.diags
	}
	b.rememberedImports()
	b.recall()
	return b.finish()
}

// collect finds what the cell declares and imports.
func (b *builder) collect() {
	for _, d := range b.parsed.Decls {
		switch d := d.(type) {
		case *ast.FuncDecl:
			if d.Name.Name == b.name("cell") {
				b.fn = d
			} else if d.Recv == nil && d.Name.Name != "_" {
				b.declared[d.Name.Name] = true
			}
		case *ast.GenDecl:
			for _, sp := range d.Specs {
				switch sp := sp.(type) {
				case *ast.TypeSpec:
					b.declared[sp.Name.Name] = true
				case *ast.ValueSpec:
					for _, n := range sp.Names {
						b.declared[n.Name] = true
					}
				case *ast.ImportSpec:
					b.owned[importName(sp)] = true
				}
			}
		}
	}
}

func importName(sp *ast.ImportSpec) string {
	if sp.Name != nil {
		return sp.Name.Name
	}
	p, _ := strconv.Unquote(sp.Path.Value)
	return nameOf(p)
}

// hoist makes package variables of the variables of top-level statements. Their
// initial values are given by the statements; the declaration only takes its
// type from a copy of the right side.
func (b *builder) hoist() {
	list := b.fn.Body.List
	for i, st := range list {
		if l, ok := st.(*ast.LabeledStmt); ok {
			st = l.Stmt
		}
		switch st := st.(type) {
		case *ast.AssignStmt:
			if st.Tok == token.DEFINE {
				b.define(st)
			}
		case *ast.DeclStmt:
			if d := st.Decl.(*ast.GenDecl); d.Tok == token.VAR {
				b.varDecl(st, d)
			}
		case *ast.ExprStmt:
			if i == len(list)-1 && strings.HasPrefix(b.s.fset.Position(st.Pos()).Filename, b.file) {
				b.last = st.X
			}
		}
	}
}

func (b *builder) define(st *ast.AssignStmt) {
	var names []string
	fresh := false
	for _, l := range st.Lhs {
		id, ok := l.(*ast.Ident)
		if !ok { // the checker says what is wrong
			return
		}
		names = append(names, id.Name)
		fresh = fresh || id.Name != "_" && !b.vars[id.Name]
	}
	if !fresh {
		p := b.s.fset.Position(st.TokPos)
		b.diags = append(b.diags, Diagnostic{b.s.cells[b.file].name, p.Line, p.Column, "no new variables on left side of :="})
		return
	}
	first, end := st.Rhs[0].Pos(), st.Rhs[len(st.Rhs)-1].End()
	rhs := b.source(first, end)
	b.variable(names, "", rhs, first)
	b.edits = append(b.edits,
		edit{b.off(st.TokPos), b.off(st.TokPos) + 2, " ="},
		edit{b.off(first), b.off(end), b.at(first) + rhs + b.step(names, end)})
}

func (b *builder) varDecl(st *ast.DeclStmt, d *ast.GenDecl) {
	var repl []string
	for _, sp := range d.Specs {
		vs := sp.(*ast.ValueSpec)
		var names []string
		blank := true
		for _, n := range vs.Names {
			names = append(names, n.Name)
			blank = blank && n.Name == "_"
			if b.vars[n.Name] {
				p := b.s.fset.Position(n.Pos())
				b.diags = append(b.diags, Diagnostic{b.s.cells[b.file].name, p.Line, p.Column, n.Name + " redeclared in this cell"})
			}
		}
		if blank {
			repl = append(repl, "var "+b.at(vs.Pos())+b.source(vs.Pos(), vs.End()))
			continue
		}
		typ, rhs := "", ""
		if vs.Type != nil {
			typ = b.at(vs.Type.Pos()) + b.source(vs.Type.Pos(), vs.Type.End())
		}
		lhs := b.at(vs.Pos()) + strings.Join(names, ", ")
		if len(vs.Values) == 0 {
			for _, n := range names {
				if n != "_" {
					repl = append(repl, b.at(vs.Pos())+n+" = *new("+typ+")")
				}
			}
			b.variable(names, typ, "", vs.Pos())
			repl[len(repl)-1] += b.step(names, vs.End())
			continue
		}
		first := vs.Values[0].Pos()
		rhs = b.source(first, vs.Values[len(vs.Values)-1].End())
		repl = append(repl, lhs+" = "+b.at(first)+rhs+b.step(names, vs.End()))
		b.variable(names, typ, rhs, first)
	}
	b.edits = append(b.edits, edit{b.off(st.Pos()), b.off(st.End()), strings.Join(repl, "; ") + b.at(st.End())})
}

// variable writes a declaration of names, or of those that are new.
func (b *builder) variable(names []string, typ, rhs string, pos token.Pos) {
	names = slices.Clone(names)
	for i, n := range names {
		if b.vars[n] || n == "_" {
			names[i] = "_"
			continue
		}
		b.vars[n] = true
	}
	b.globals.WriteString("/*line gen:1:1*/var " + strings.Join(names, ", ") + " " + typ)
	if rhs != "" {
		b.globals.WriteString(" = " + b.at(pos) + rhs)
	}
	b.globals.WriteString("\n")
}

// mentions lists the identifiers of x that are not field names.
func mentions(x ast.Node) (ids []*ast.Ident) {
	ast.Inspect(x, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.SelectorExpr:
			ids = append(ids, mentions(n.X)...)
			return false
		case *ast.KeyValueExpr:
			if _, ok := n.Key.(*ast.Ident); !ok {
				ids = append(ids, mentions(n.Key)...)
			}
			ids = append(ids, mentions(n.Value)...)
			return false
		case *ast.FuncLit: // its own names may hide these
			return false
		case *ast.Ident:
			ids = append(ids, n)
		}
		return true
	})
	return ids
}

func apply(text string, es []edit) string {
	slices.SortStableFunc(es, func(a, b edit) int { return a.from - b.from })
	var o strings.Builder
	p := 0
	for _, e := range es {
		if e.from < p {
			continue
		}
		o.WriteString(text[p:e.from])
		o.WriteString(e.text)
		p = e.to
	}
	o.WriteString(text[p:])
	return o.String()
}

// rememberedImports adds the imports of earlier cells and of the prelude that
// this cell mentions.
func (b *builder) rememberedImports() {
	for _, d := range b.s.dots {
		b.added = append(b.added, "import . "+strconv.Quote(d))
	}
	seen := map[string]bool{}
	ast.Inspect(b.parsed, func(n ast.Node) bool {
		id, ok := n.(*ast.Ident)
		if !ok || seen[id.Name] {
			return true
		}
		seen[id.Name] = true
		if b.declared[id.Name] || b.vars[id.Name] || b.owned[id.Name] {
			return true
		}
		if im, ok := b.s.imports[id.Name]; ok {
			if b.s.guessed[id.Name] { // another package of the name may be meant here
				if b.auto[id.Name] = true; len(b.s.Packages.byName()[id.Name]) > 1 {
					im = b.choose(id.Name)
				}
			}
			if im != "" {
				b.addImport(id.Name, im)
			}
		} else if p, ok := b.s.prelude[id.Name]; ok && b.s.live[id.Name] == nil {
			b.addImport(id.Name, p)
		}
		return true
	})
}

func (b *builder) addImport(name, path string) {
	b.owned[name] = true
	b.added = append(b.added, "import "+name+" "+strconv.Quote(path))
}

// finalText applies all edits, and lastText in place of the last expression.
func (b *builder) finalText(lastText string) string {
	es := slices.Clone(b.edits)
	var added strings.Builder
	for _, a := range b.added {
		added.WriteString(a + "\n")
	}
	es = append(es, edit{b.importAt, b.importAt, added.String()}, edit{b.declsEnd, b.declsEnd, b.globals.String() + "\n"})
	if xs := b.lastSeveral(); lastText == "" && xs != nil {
		lastText = strings.Repeat("_, ", len(xs)-1) + "_ = " + b.lastSource()
	}
	if lastText != "" {
		es = append(es, edit{b.off(b.last.Pos()), b.off(b.last.End()), lastText})
	}
	es = append(es, b.early...) // what holds them has them already, and comes first
	return apply(b.text, es)
}
