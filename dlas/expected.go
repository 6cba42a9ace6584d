package dlas

import (
	"github.com/godlas/godlas/dlas/hardware"
	"github.com/godlas/godlas/dlas/ir"
	"github.com/godlas/godlas/dlas/primitive"
)

// Expected is the speed-up that the compression of r would allow over base, the same stack uncompressed: the sum of the
// nodes' times over the sum of what they would take were each to take its share of the work that is left, at the peak of
// its type. Nodes without multiply-accumulates keep their time. Where nothing was compressed the zeros are the network's own,
// and the work is what dense kernels do. false where a time is missing, or where a type other than the baseline's was
// measured on another machine than this one, whose peaks are not known.
//
// An Explanation has the same of the times that it measured.
func Expected(base, r *Result) (float64, bool) {
	was, ok := worksOf(base)
	if !ok {
		return 0, false
	}
	now, _ := worksOf(r)
	cost, known := costOn(r)
	var before, then float64
	for _, m := range match(was, now) {
		ms := 0.0
		for _, i := range m.base {
			ms += was[i].ms
		}
		if !known && m.changesType(was, now) {
			return 0, false
		}
		before += ms
		then += ms * m.left(was, now, uncompressed(r.Spec), cost)
	}
	if before == 0 || then == 0 {
		return 0, false
	}
	return before / then, true
}

// uncompressed reports whether no pass has changed a network, as at the first level of prune(0, .5, .8).
func uncompressed(s Spec) bool { return s.Compress == "none" || s.Compress == "prune(0)" }

// workload is a node of a program, as far as what is expected of it goes.
type workload struct {
	names         []string // of the graph's nodes that it runs
	typ           ir.Type
	macs, nonzero float64
	ms            float64
}

// worksOf are the nodes of a result; false where one has no time.
func worksOf(r *Result) (list []workload, timed bool) {
	timed = true
	for _, n := range r.Nodes {
		w := workload{names: n.Members, typ: ir.Type(n.Type), macs: float64(n.MACs), nonzero: float64(n.MACsNonzero)}
		if len(w.names) == 0 {
			w.names = []string{n.Name}
		}
		if n.MS != nil {
			w.ms = *n.MS
		}
		timed = timed && n.MS != nil
		list = append(list, w)
	}
	return list, timed
}

// matched is nodes of a baseline and those of the compressed network that do the same, by their places.
type matched struct{ base, now []int }

// match finds them by the names of the graph's nodes. Where a pass has put several nodes in the place of one, their names
// begin with its name.
func match(base, now []workload) []matched {
	owner := map[string]int{} // of a name: its place in list
	var list []*matched
	join := func(names []string) *matched {
		at := -1
		for _, name := range names {
			i, ok := owner[name]
			if !ok || i == at {
				continue
			}
			if at < 0 {
				at = i
				continue
			}
			list[at].base, list[at].now = append(list[at].base, list[i].base...), append(list[at].now, list[i].now...)
			list[i].base, list[i].now = nil, nil
			for k, o := range owner {
				if o == i {
					owner[k] = at
				}
			}
		}
		if at < 0 {
			at = len(list)
			list = append(list, &matched{})
		}
		for _, name := range names {
			owner[name] = at
		}
		return list[at]
	}
	for i, w := range base {
		m := join(w.names)
		m.base = append(m.base, i)
	}
	for i, w := range now {
		names := w.names
		if _, ok := owner[names[0]]; !ok && w.macs > 0 {
			if of := longestPrefix(owner, names[0]); of != "" {
				names = []string{of}
			}
		}
		m := join(names)
		m.now = append(m.now, i)
	}
	var out []matched
	for _, m := range list {
		if len(m.base)+len(m.now) > 0 {
			out = append(out, *m)
		}
	}
	return out
}

// longestPrefix is the longest of the names that a name begins with.
func longestPrefix(names map[string]int, name string) string {
	for i := len(name) - 1; i > 0; i-- {
		if _, ok := names[name[:i]]; ok {
			return name[:i]
		}
	}
	return ""
}

// before is the multiply-accumulates that a pair's work is a share of: the baseline's whose weight is not zero or, where the
// zeros are the network's own, all, which dense kernels do.
func (m matched) before(base []workload, own bool) (macs float64) {
	for _, i := range m.base {
		if own {
			macs += base[i].macs
		} else {
			macs += base[i].nonzero
		}
	}
	return macs
}

// left is the share of its time that a pair would keep: of its work, each multiply-accumulate at the cost of its type; 1
// where there is none. This is what is expected of a node, wherever that is said.
func (m matched) left(base, now []workload, own bool, cost func(ir.Type) float64) float64 {
	before, after := 0.0, 0.0
	for _, i := range m.base {
		macs := base[i].nonzero
		if own {
			macs = base[i].macs
		}
		before += macs * cost(base[i].typ)
	}
	if before == 0 {
		return 1
	}
	for _, i := range m.now {
		after += now[i].nonzero * cost(now[i].typ)
	}
	return after / before
}

// changesType reports whether multiply-accumulates are of integers on one side alone: weights of a smaller type multiply as
// floats do.
func (m matched) changesType(base, now []workload) bool {
	narrow := func(w workload) bool { return w.macs > 0 && w.typ.Size() == 1 }
	for _, i := range m.base {
		for _, j := range m.now {
			if base[i].macs > 0 && now[j].macs > 0 && narrow(base[i]) != narrow(now[j]) {
				return true
			}
		}
	}
	return false
}

// costOn is how long a multiply-accumulate of a type takes for one of f32, by the peaks of this machine with its best
// instruction set; false where a result is of another machine.
func costOn(r *Result) (cost func(ir.Type) float64, ok bool) {
	same := func(ir.Type) float64 { return 1 }
	c, err := choicesOf(r.Spec)
	if err != nil {
		return same, false
	}
	m, err := hardware.Resolve(c[ir.Hardware][0])
	if err != nil || environment(m).Hash != r.Environment.Hash {
		return same, false
	}
	p := peakOf(bestOf(m))
	return func(t ir.Type) float64 { return costAt(p, t) }, p.MACs > 0 && p.MACs8 > 0
}

// bestOf is the machine with the highest instruction set that it has.
func bestOf(m ir.Machine) ir.Machine {
	if n := len(m.ISAs); n > 0 {
		m.ISA = m.ISAs[n-1]
	}
	return m
}

// costAt is how long a multiply-accumulate of a type takes for one of f32, by measured peaks; 1 where they are not known.
func costAt(p primitive.Peak, t ir.Type) float64 {
	if t.Size() != 1 || p.MACs <= 0 || p.MACs8 <= 0 {
		return 1
	}
	return p.MACs / p.MACs8
}
