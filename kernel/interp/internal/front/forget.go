package front

import (
	"go/token"
	"go/types"
	"slices"

	"golang.org/x/tools/go/ssa"
)

// What cells declared is forgotten when nothing that runs later can name it: no
// live name is of the cell's package, and no package that stays mentions it. What
// still runs, or is held as a value, goes on; see compile.Machine.Drop.

// cellPackage is the package of a cell.
type cellPackage struct {
	pkg *types.Package
	ssa *ssa.Package
	// files are what positions refer to, the last one those of its code.
	files []*token.File
	uses  map[*types.Package]bool // other cells' packages
	// stays says that it declares types: values of these may be anywhere, and more
	// may be built of them.
	stays bool
	// checked is what can be debugged, if that is known.
	checked *checked
	name    string // of the file that positions name
}

// tidyAfter is how many packages may come before the next look for some to forget.
const tidyAfter = 16

// register notes the package of a cell.
func (s *Session) register(c *checked, sp *ssa.Package) {
	p := &cellPackage{pkg: c.pkg, ssa: sp, uses: map[*types.Package]bool{}}
	for _, o := range c.info.Uses {
		if q := o.Pkg(); q != nil && q != c.pkg && q.Path() == "main" {
			p.uses[q] = true
		}
	}
	for _, o := range c.info.Defs {
		if t, ok := o.(*types.TypeName); ok {
			_, param := t.Type().(*types.TypeParam) // of a function: it ends with that
			p.stays = p.stays || !param
		}
	}
	s.remembered[c.pkg] = p
}

// tidy forgets packages if there may be some to forget. It is called between
// cells.
func (s *Session) tidy() {
	if len(s.remembered) < s.tidyAt {
		return
	}
	keep := map[*types.Package]bool{}
	var mark func(q *types.Package)
	mark = func(q *types.Package) {
		if p := s.remembered[q]; p != nil && !keep[q] {
			keep[q] = true
			for u := range p.uses {
				mark(u)
			}
		}
	}
	for _, o := range s.live {
		mark(o.Pkg())
	}
	for _, o := range s.history.outputs {
		for _, g := range o.vars {
			mark(g.Pkg.Pkg)
		}
	}
	for _, q := range s.M.Attached() {
		mark(q)
	}
	for q, p := range s.remembered {
		if p.stays || p.pkg == nil {
			mark(q)
		}
	}
	if s.history.in != nil {
		mark(s.history.in.Pkg.Pkg)
	}
	if s.history.out != nil {
		mark(s.history.out.Pkg.Pkg)
	}
	gone := map[*ssa.Package]bool{}
	for q, p := range s.remembered {
		if !keep[q] {
			gone[p.ssa] = true
		}
	}
	s.kept = slices.DeleteFunc(s.kept, func(p *cellPackage) bool { return !keep[p.pkg] })
	s.M.Drop(gone) // while positions are known
	for q, p := range s.remembered {
		if keep[q] {
			continue
		}
		for _, f := range p.files {
			if c := s.cells[f.Name()]; c != nil { // a name is all that remains
				s.cells[f.Name()] = &cellText{name: c.name}
			}
			s.fset.RemoveFile(f)
		}
		delete(s.remembered, q)
		delete(s.created, q)
		delete(s.members, q)
	}
	s.tidyAt = len(s.remembered)*5/4 + tidyAfter
}

// forgetDrafts takes out of the file set what was parsed on the way to the cell's
// code, or all of it if the cell was refused. Methods of earlier types have their
// places in a draft.
func (b *builder) forgetDrafts(out *Compiled) {
	keep := b.drafts
	if out == nil {
		keep = nil
		delete(b.s.cells, b.file)
	} else if len(b.later) == 0 {
		keep = b.drafts[len(b.drafts)-1:]
	}
	for _, f := range b.drafts[:len(b.drafts)-len(keep)] {
		b.s.fset.RemoveFile(f)
	}
	if out != nil {
		if p := b.s.remembered[out.Func.Pkg.Pkg]; p != nil {
			p.files = keep
		}
	}
}
