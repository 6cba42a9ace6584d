package system

import (
	"slices"
	"strings"

	"github.com/godlas/godlas/dlas/ir"
)

// This file finds who may run a node. A table has hundreds of rows, and most of the time in which a network is compiled
// may go by in asking them.

// family are rows that differ by the instruction set alone, the highest first: the first that fits is the only one that
// counts.
type family struct {
	rows   []*ir.Kernel
	levels []int
	wanted bool // by the plan
}

// familiesOf sorts the rows that the machine can run by operator.
func (b *binder) familiesOf(kernels []ir.Kernel) map[string][]*family {
	of := map[string][]*family{}
	named := make(map[string]*family, len(kernels))
	for i := range kernels {
		k := &kernels[i]
		level := b.level(k.ISA)
		if level < 0 {
			continue
		}
		name, _, _ := strings.Cut(k.Name, "__")
		f := named[name]
		if f == nil || f.rows[0].Op != k.Op || f.rows[0].Algorithm != k.Algorithm || f.rows[0].Format != k.Format || f.rows[0].Type != k.Type {
			f = &family{wanted: b.plan.wants(*k)}
			named[name] = f
			of[k.Op] = append(of[k.Op], f)
		}
		at := 0
		for at < len(f.levels) && f.levels[at] >= level {
			at++
		}
		f.rows, f.levels = slices.Insert(f.rows, at, k), slices.Insert(f.levels, at, level)
	}
	return of
}

// fit is the row that runs a problem, or nil.
func (f *family) fit(p ir.Problem) *ir.Kernel {
	for _, k := range f.rows {
		if k.Fits(p) == nil {
			return k
		}
	}
	return nil
}

// askedAbout is a node as kernels are asked about it: those that know of strips, and the others.
type askedAbout struct{ strips, blocks ir.Problem }

func askAbout(p ir.Problem) askedAbout { return askedAbout{p, seenBy(ir.Kernel{}, p)} }

func (a *askedAbout) as(k *ir.Kernel) ir.Problem {
	if k.Strips {
		return a.strips
	}
	return a.blocks
}

// applicant is a row that may run a node.
type applicant struct {
	*ir.Kernel
	level int
}

// applicants are the rows that fit a node, one a family: those that the plan names, or where there are none all others.
// err is why the last one asked does not fit.
func (b *binder) applicants(a *askedAbout) (list []applicant, wanted bool, err error) {
	families := b.families[a.strips.Node.Op]
	some := func(accept func(*family) bool) (list []applicant) {
		for _, f := range families {
			if !accept(f) {
				continue
			}
			for i, k := range f.rows {
				e := k.Fits(a.as(k))
				if e == nil {
					list = append(list, applicant{k, f.levels[i]})
					break
				}
				err = e
			}
		}
		return list
	}
	hopeless := func(f *family) bool { return b.hopeless(f.rows[0], a) }
	for _, wanted := range []bool{true, false} {
		list := some(func(f *family) bool { return f.wanted == wanted && !hopeless(f) })
		if len(list) == 0 {
			list = some(func(f *family) bool { return f.wanted == wanted && hopeless(f) })
		}
		if len(list) > 0 {
			return list, wanted, nil
		}
	}
	return nil, false, err
}

// hopeless reports whether a kernel that was not asked for by its format is not worth an estimate. One over strips may be
// where a neighbour's values are in strips.
func (b *binder) hopeless(k *ir.Kernel, a *askedAbout) bool {
	return k.Worth != nil && b.plan.Format == "" && (!k.Strips || !b.strips) && !k.Worth(a.as(k))
}
