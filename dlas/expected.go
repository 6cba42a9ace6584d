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
	after := map[string]Node{}
	for _, n := range r.Nodes {
		after[n.Name] = n
	}
	var before, then float64
	for _, n := range base.Nodes {
		if n.MS == nil {
			return 0, false
		}
		before += *n.MS
		now, ok := after[n.Name]
		if n.MACsNonzero == 0 || !ok {
			then += *n.MS
			continue
		}
		share := float64(now.MACsNonzero) / float64(n.MACsNonzero)
		if now.Type != n.Type {
			ratio, ok := peakRatio(r, ir.Type(n.Type), ir.Type(now.Type))
			if !ok {
				return 0, false
			}
			share *= ratio
		}
		then += *n.MS * share
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
