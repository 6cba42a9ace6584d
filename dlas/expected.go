package dlas

import (
	"github.com/godlas/godlas/dlas/hardware"
	"github.com/godlas/godlas/dlas/ir"
)

// Expected is the speed-up that the compression of r would allow over base, the same stack uncompressed: the sum of the
// nodes' times over the sum of what they would take were each to take its share of the work that is left, at the peak of
// its type. Nodes without multiply-accumulates keep their time. false where a time is missing, or where a type other than
// f32 was measured on another machine than this one, whose peaks are not known.
func Expected(base, r *Result) (float64, bool) {
	at := map[string]int{}
	for i, n := range base.Nodes {
		at[n.Name] = i
	}
	left := map[int]float64{} // non-zero multiply-accumulates of what does a node's work now, by the baseline's type
	for _, n := range r.Nodes {
		i, ok := at[n.Name]
		if !ok { // a pass put several nodes in the place of one: their names begin with its name
			if i, ok = at[longestPrefix(at, n.Name)]; !ok || n.MACs == 0 {
				continue
			}
		}
		ratio := 1.0
		if was := base.Nodes[i].Type; n.MACs > 0 && n.Type != was {
			if ratio, ok = peakRatio(r, ir.Type(was), ir.Type(n.Type)); !ok {
				return 0, false
			}
		}
		left[i] += float64(n.MACsNonzero) * ratio
	}
	var before, then float64
	for i, n := range base.Nodes {
		if n.MS == nil {
			return 0, false
		}
		before += *n.MS
		now, ok := left[i]
		if n.MACsNonzero == 0 || !ok {
			then += *n.MS
			continue
		}
		then += *n.MS * now / float64(n.MACsNonzero)
	}
	if before == 0 || then == 0 {
		return 0, false
	}
	return before / then, true
}

// peakRatio is the peak of one type over that of another, on the machine of a result.
func peakRatio(r *Result, from, to ir.Type) (float64, bool) {
	if (from.Size() == 1) == (to.Size() == 1) { // types of weights alone multiply as floats do
		return 1, true
	}
	c, err := choicesOf(r.Spec)
	if err != nil {
		return 0, false
	}
	m, err := hardware.Resolve(c[ir.Hardware][0])
	if err != nil || environment(m).Hash != r.Environment.Hash {
		return 0, false
	}
	p := peakOf(m)
	if p.MACs <= 0 || p.MACs8 <= 0 {
		return 0, false
	}
	if to.Size() == 1 {
		return p.MACs / p.MACs8, true
	}
	return p.MACs8 / p.MACs, true
}
