package dlas

import (
	"cmp"
	"math"
	"slices"

	"github.com/godlas/godlas/dlas/ir"
	"github.com/godlas/godlas/dlas/primitive"
	"github.com/godlas/godlas/dlas/system"
)

// The reasons for which time is lost, in the order in which they are told apart.
const (
	partISA        = "type's instructions" // the instruction set chosen multiplies small types slower than the machine can
	partWinograd   = "winograd lost"
	partZeros      = "zeros not skipped"
	partMemory     = "memory-bound"
	partFormat     = "format"
	partType       = "type's kernels"
	partShape      = "narrow layers"
	partKernel     = "other kernel"
	partThreads    = "threads"
	partCache      = "cache"
	partPlace      = "in place"
	partConversion = "conversion"
	partOthers     = "other nodes"
	partBetween    = "between nodes"
	partOverhead   = "fixed overhead"
)

// layerOf is the layer of the stack at which a part is lost.
func layerOf(part string) string {
	switch part {
	case partISA, partMemory, partCache:
		return "L6"
	case partThreads, partPlace, partOthers, partBetween, partOverhead:
		return "L5"
	}
	return "L4"
}

// anatomy is what an explanation is made of: two programs taken apart.
type anatomy struct {
	base, now        side
	plain            side // the baseline without minimal filtering; empty where that was not lost
	ratio, low, high float64
	overhead         float64 // of the do-nothing network
	peak, bestPeak   primitive.Peak
	best             string // ISA
	machine          ir.Machine
	batch            int
}

// side is one program.
type side struct {
	ms    float64 // of a run, paired with the other's
	total float64 // of a run whose nodes are timed
	nodes []timed
}

type timed struct {
	system.Node
	system.NodeTimes
}

func sideOf(p *system.Program, d system.Dissection) side {
	s := side{total: d.Total}
	for i, n := range p.Nodes() {
		s.nodes = append(s.nodes, timed{n, d.Nodes[i]})
	}
	return s
}

// between is the time of a run that passes between nodes.
func (s side) between() float64 {
	return s.total - sumOf(s.nodes, func(n timed) float64 { return n.Place })
}

func sumOf(list []timed, f func(timed) float64) (sum float64) {
	for _, n := range list {
		sum += f(n)
	}
	return sum
}

func (n timed) nonzero() float64 { return float64(n.MACsNonzero) }

// converts reports whether a node changes nothing but how values lie in memory, or their type.
func (n timed) converts() bool {
	switch n.Op {
	case "Layout", "QuantizeLinear", "DequantizeLinear", "Cast", "Transpose":
		return true
	}
	return false
}

// names are those of the graph's nodes that a step runs.
func (n timed) names() []string {
	if len(n.Members) > 0 {
		return n.Members
	}
	return []string{n.Name}
}

// pair is nodes of the baseline and those of the compressed network that do the same.
type pair struct{ base, now []timed }

// pairs matches the nodes of both programs by the names of the graph's nodes. Where a pass has put several nodes in the
// place of one, their names begin with its name.
func (a *anatomy) pairs() []pair {
	owner := map[string]int{} // of a name: the pair
	var list []*pair
	join := func(n timed, now bool, names []string) {
		at := -1
		for _, name := range names {
			if i, ok := owner[name]; ok && i != at {
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
		}
		if at < 0 {
			at = len(list)
			list = append(list, &pair{})
		}
		for _, name := range names {
			owner[name] = at
		}
		if now {
			list[at].now = append(list[at].now, n)
		} else {
			list[at].base = append(list[at].base, n)
		}
	}
	for _, n := range a.base.nodes {
		join(n, false, n.names())
	}
	for _, n := range a.now.nodes {
		names := n.names()
		if _, ok := owner[names[0]]; !ok && n.MACs > 0 {
			if of := longestPrefix(owner, names[0]); of != "" {
				names = []string{of}
			}
		}
		join(n, true, names)
	}
	var out []pair
	for _, p := range list {
		if len(p.base)+len(p.now) > 0 {
			out = append(out, *p)
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

// cost is how long a node's multiply-accumulates take for those of f32, by the peaks; on the run's instruction set, or on
// the machine's best.
func (a *anatomy) cost(n timed, p primitive.Peak) float64 {
	if n.Type.Size() != 1 || p.MACs <= 0 || p.MACs8 <= 0 {
		return 1
	}
	return p.MACs / p.MACs8
}

// explain takes the gap apart.
func (a *anatomy) explain() *Explanation {
	e := &Explanation{BaselineMS: a.base.ms, MS: a.now.ms, Speedup: 1 / a.ratio, Low: 1 / a.high, High: 1 / a.low}
	parts := map[string]float64{}
	sum, kept, untyped := 0.0, 0.0, 0.0 // of the baseline's nodes: all, expected, expected of f32
	macs := sumOf(a.base.nodes, func(n timed) float64 { return float64(n.MACs) })
	nonzero := sumOf(a.now.nodes, timed.nonzero)
	if macs > 0 {
		e.WorkLeft = nonzero / max(1, sumOf(a.base.nodes, timed.nonzero))
		e.Ideal = macs / max(1, nonzero)
	}
	for _, p := range a.pairs() {
		node, f32 := a.node(p)
		for name, ms := range node.Parts {
			parts[name] += ms
		}
		sum, kept, untyped = sum+node.BaselineMS, kept+node.ExpectedMS, untyped+f32
		e.Nodes = append(e.Nodes, node)
	}
	e.Expected, e.Type = 1, 0
	if kept > 0 {
		e.Expected = sum / kept
	}
	if sum > 0 {
		e.Untouched, e.Type = e.BaselineMS*untyped/sum, e.BaselineMS*(kept-untyped)/sum
	}
	if e.Ideal > 0 {
		e.Untouched -= e.BaselineMS / e.Ideal
	}
	e.ExpectedMS = e.BaselineMS / e.Expected
	e.Gap = e.MS - e.ExpectedMS
	e.Noise = e.BaselineMS * (a.high - a.low) / 2
	parts[partOverhead] = a.overhead * (1 - 1/e.Expected)
	parts[partBetween] = a.now.between() - a.base.between()/e.Expected - parts[partOverhead]
	e.Unexplained = e.Gap
	for name, ms := range parts {
		e.Unexplained -= ms
		if ms != 0 {
			e.Parts = append(e.Parts, Part{Name: name, Layer: layerOf(name), MS: ms})
		}
	}
	slices.SortFunc(e.Parts, func(x, y Part) int { return cmp.Or(cmp.Compare(y.MS, x.MS), cmp.Compare(x.Name, y.Name)) })
	slices.SortStableFunc(e.Nodes, func(x, y ExplainedNode) int { return cmp.Compare(y.Lost, x.Lost) })
	e.Limit = max(0.1*math.Abs(e.Gap), 0.02*e.BaselineMS, e.Noise)
	return e
}

// node takes one node's loss apart. f32 is what would be expected of it if all its multiply-accumulates were of f32.
func (a *anatomy) node(p pair) (x ExplainedNode, f32 float64) {
	place := func(n timed) float64 { return n.Place }
	x.Parts = map[string]float64{}
	x.BaselineMS, x.MS = sumOf(p.base, place), sumOf(p.now, place)
	x.Warm, x.Evicted = sumOf(p.now, func(n timed) float64 { return n.Warm }), sumOf(p.now, func(n timed) float64 { return n.Evicted })
	x.Memory = sumOf(p.now, a.memory)
	x.Name, x.Kernel = chief(p.now).Name, chief(p.now).Kernel
	x.Before = chief(p.base).Kernel
	if x.Name == "" {
		x.Name = chief(p.base).Name
	}
	work := sumOf(p.base, timed.nonzero)
	if work == 0 {
		x.ExpectedMS, x.Lost = x.BaselineMS, x.MS-x.BaselineMS
		name := partOthers
		if !slices.ContainsFunc(append(slices.Clip(p.base), p.now...), func(n timed) bool { return !n.converts() }) {
			name = partConversion
		}
		x.Parts[name] = x.Lost
		return x, x.BaselineMS
	}
	left := sumOf(p.now, timed.nonzero) / work
	best := sumOf(p.now, func(n timed) float64 { return n.nonzero() * a.cost(n, a.bestPeak) }) / work
	own := sumOf(p.now, func(n timed) float64 { return n.nonzero() * a.cost(n, a.peak) }) / work
	x.WorkLeft = &left
	x.ExpectedMS = x.BaselineMS * best
	x.Lost = x.MS - x.ExpectedMS
	if len(p.now) == 0 {
		x.Parts[partOthers] = x.Lost
		return x, x.BaselineMS * left
	}
	add := func(name string, ms float64) {
		if ms != 0 {
			x.Parts[name] += ms
		}
	}
	// Each difference is the compressed node's less the baseline's of the same kind, scaled to the work left.
	diff := func(f func(timed) float64) float64 { return sumOf(p.now, f) - best*sumOf(p.base, f) }
	add(partPlace, diff(func(n timed) float64 { return n.Place - n.Evicted }))
	add(partCache, diff(func(n timed) float64 { return n.Evicted - n.Warm }))
	add(partThreads, diff(func(n timed) float64 { return n.Warm - n.One }))

	// What is left is the kernel alone and warm, each thread with an even share of it.
	one := func(n timed) float64 { return n.One }
	now, before := sumOf(p.now, one), sumOf(p.base, one)
	add(partISA, (own-best)*before)
	if plain, ok := a.without(p); ok {
		add(partWinograd, own*(plain-before))
		before = plain
	}
	zeros := sumOf(p.now, func(n timed) float64 { return n.One * n.wasted() })
	add(partZeros, zeros)
	now -= zeros
	rest := now - own*before
	if bound := min(rest, min(now, x.Memory)-own*before); bound > 0 {
		add(partMemory, bound)
		rest -= bound
	}
	add(a.kind(p), rest)
	return x, x.BaselineMS * left
}

// chief is the node of a pair that does the most, or has the most multiply-accumulates.
func chief(list []timed) (n timed) {
	for i, m := range list {
		if i == 0 || m.MACs > n.MACs {
			n = m
		}
	}
	return n
}

// without is how long the baseline's nodes take alone without minimal filtering, where the compressed ones do not use it.
func (a *anatomy) without(p pair) (ms float64, ok bool) {
	for _, n := range p.now {
		if n.Algorithm == primitive.Winograd {
			return 0, false
		}
	}
	for _, n := range p.base {
		i := slices.IndexFunc(a.plain.nodes, func(m timed) bool { return m.Name == n.Name })
		if n.Algorithm == primitive.Winograd && i >= 0 {
			ms, ok = ms+a.plain.nodes[i].One, true
		} else {
			ms += n.One
		}
	}
	return ms, ok
}

// wasted is the share of a node's multiply-accumulates whose weight is zero. Sparse formats that store single weights
// multiply no zeros: what else they issue is the cost of the format.
func (n timed) wasted() float64 {
	switch {
	case n.MACs == 0 || n.Format == primitive.CSR:
		return 0
	case n.Format == primitive.Dense || n.Format == "":
		return 1 - n.nonzero()/float64(n.MACs)
	case n.MACsExecuted == 0 || n.MACsExecuted > n.MACs:
		return 0
	}
	return max(0, 1-n.nonzero()/float64(n.MACsExecuted))
}

// kind names what is left of a node's loss when all that has a measurement of its own is taken off: how the kernel that
// runs compares with the baseline's, both alone and warm.
func (a *anatomy) kind(p pair) string {
	b, n := chief(p.base), chief(p.now)
	switch {
	case n.Format != primitive.Dense && n.Format != "" && n.Format != b.Format:
		return partFormat
	case n.Type != b.Type:
		return partType
	case n.MACs != b.MACs:
		return partShape
	}
	return partKernel
}

// memory is the least milliseconds in which a node's bytes move.
func (a *anatomy) memory(n timed) float64 {
	times := int64(max(1, a.batch) / max(1, n.Images))
	return 1e3 * moving(a.peak, a.machine, n.Bytes*times, a.batch, max(1, n.Images))
}
