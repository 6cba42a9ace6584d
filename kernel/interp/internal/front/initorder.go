package front

import (
	"go/ast"
	"go/token"
	"go/types"

	"golang.org/x/tools/go/ssa"
)

// A cell that only declares, as a pasted program does, is a package: its variables are initialised in the order in which
// they depend on each other. In any other cell it is the order of the statements.

// onlyVars tells whether all statements of a cell are var declarations.
func onlyVars(src string) bool {
	for _, p := range split(src) {
		if p.kind != statements {
			continue
		}
		depth, start := 0, true
		for _, t := range scan(src[p.from:p.to]) {
			if start && depth == 0 && t.tok != token.SEMICOLON && t.tok != token.EOF {
				if t.tok != token.VAR {
					return false
				}
				start = false
			}
			switch t.tok {
			case token.LPAREN, token.LBRACE, token.LBRACK:
				depth++
			case token.RPAREN, token.RBRACE, token.RBRACK:
				depth = max(depth-1, 0)
			case token.SEMICOLON:
				start = start || depth == 0
			}
		}
	}
	return true
}

// usesOld tells whether a declaration reaches an earlier variable, or a package, of the name that it declares.
func (b *builder) usesOld(f *ast.File) bool {
	found := false
	for _, d := range f.Decls {
		gd, ok := d.(*ast.GenDecl)
		if !ok || gd.Tok != token.VAR {
			continue
		}
		for _, sp := range gd.Specs {
			vs := sp.(*ast.ValueSpec)
			old := map[string]bool{}
			for _, n := range vs.Names {
				if _, ok := b.s.live[n.Name].(*types.Var); ok || b.s.live[n.Name] == nil && b.hadMeaning(n.Name) {
					old[n.Name] = true
				}
			}
			for _, x := range vs.Values {
				ast.Inspect(x, func(n ast.Node) bool {
					id, ok := n.(*ast.Ident)
					found = found || ok && old[id.Name]
					return true
				})
			}
		}
	}
	return found
}

// clearVars zeroes the variables that share the memory of earlier ones and have no value of their own; those of a program,
// which begins anew, all.
func (b *builder) clearVars(c *checked, sp *ssa.Package) {
	set := map[string]bool{}
	for _, init := range c.info.InitOrder {
		for _, v := range init.Lhs {
			set[v.Name()] = !b.program
		}
	}
	for name := range b.declared {
		if g := sp.Var(name); g != nil && !set[name] && name != "_" {
			b.s.M.Variable(g).SetZero()
		}
	}
}
