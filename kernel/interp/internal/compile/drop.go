package compile

import (
	"go/types"
	"reflect"
	"weak"

	"golang.org/x/tools/go/ssa"
)

// Attached returns the packages that hold the bodies of methods of other
// packages' types. Mu is held.
func (m *Machine) Attached() (ps []*types.Package) {
	for _, f := range m.extra {
		if f.Pkg != nil {
			ps = append(ps, f.Pkg.Pkg)
		}
	}
	return ps
}

// Drop forgets packages that code compiled later cannot mention. What is held of
// them as a value, or runs, is compiled now, while their variables and functions
// are known, and lives as long as it is held. Mu is held.
func (m *Machine) Drop(gone map[*ssa.Package]bool) {
	if len(gone) == 0 {
		return
	}
	m.forgetVariants(gone)
	for more := true; more; { // compiling makes functions that were not asked for before
		more = false
		for sf, f := range m.funs {
			if gone[writtenIn(sf)] && !f.ready.Load() && f.forward.Load() == nil && !f.failed {
				more = true
				f.failed = !f.tryCompile()
			}
		}
	}
	for sf := range m.funs {
		if gone[writtenIn(sf)] {
			delete(m.funs, sf)
		}
	}
	for g := range m.globals {
		if gone[g.Pkg] {
			delete(m.globals, g)
		}
	}
	for g := range m.dbg.alias {
		if gone[g.Pkg] {
			delete(m.dbg.alias, g)
		}
	}
	for t := range m.layouts { // canon has the types once
		if _, ok := t.(*types.Named); !ok {
			delete(m.layouts, t)
		}
	}
	forgetSSA(m.Prog, gone)
}

// writtenIn is the package that a function was written in, for one of no package that of the generic one that it is made of.
func writtenIn(sf *ssa.Function) *ssa.Package {
	for sf.Parent() != nil {
		sf = sf.Parent()
	}
	if o := sf.Origin(); sf.Pkg == nil && o != nil {
		return o.Pkg
	}
	return sf.Pkg
}

func (f *fun) tryCompile() (ok bool) {
	defer func() { ok = recover() == nil }()
	f.compile()
	return true
}

// forgetSSA takes packages out of a program, which has no means for it. Where the
// fields are not as they are known, the packages stay.
func forgetSSA(prog *ssa.Program, gone map[*ssa.Package]bool) {
	v := reflect.ValueOf(prog).Elem()
	field := func(name string) any {
		f := v.FieldByName(name)
		if !f.IsValid() {
			return nil
		}
		return reflect.NewAt(f.Type(), f.Addr().UnsafePointer()).Elem().Interface()
	}
	if ps, ok := field("packages").(map[*types.Package]*ssa.Package); ok {
		for p := range gone {
			if p != nil {
				delete(ps, p.Pkg)
			}
		}
	}
	// of interest to analyses of whole programs only
	if ts, ok := field("makeInterfaceTypes").(map[types.Type]struct{}); ok {
		clear(ts)
	}
}

// redirect makes callers of f, and of what f followed, call to. Functions that
// nobody calls any more need not be told, and are not held. Mu is held.
func (f *fun) redirect(to *fun) {
	for _, w := range append(f.earlier, weak.Make(f)) {
		if x := w.Value(); x != nil {
			x.forwardTo(to)
			if x.hooked != nil {
				x.hooked.forwardTo(to)
			}
			to.earlier = append(to.earlier, w)
		}
	}
	f.earlier = nil
}
