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
	plain            side     // the baseline without minimal filtering; empty where that was not lost
	sparse           []sparse // the compressed network in formats that it did not take
	native           bool     // the zeros are the network's own, and the baseline has them, too
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

// sparse is a network on kernels of one sparse format, whose nodes were timed alone.
type sparse struct {
	format string
	side
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

// workload is the node, as far as what is expected of it goes.
func (n timed) workload() workload {
	w := workload{names: n.Members, typ: n.Type, macs: float64(n.MACs), nonzero: n.nonzero(), ms: n.Place}
	if len(w.names) == 0 {
		w.names = []string{n.Name}
	}
	return w
}

// works are the nodes of a side.
func (s side) works() []workload {
	list := make([]workload, len(s.nodes))
	for i, n := range s.nodes {
		list[i] = n.workload()
	}
	return list
}

// pair is nodes of the baseline and those of the compressed network that do the same, with what is expected of them.
type pair struct {
	base, now []timed
	work      float64 // the baseline's that counts
	left      float64 // share of it that is left
	best, own float64 // share of the baseline's time that is expected at the peaks of the machine, and of the instruction set
	f32       float64 // were all multiply-accumulates of f32
}

// pairs matches the nodes of both programs.
func (a *anatomy) pairs() []pair {
	base, now := a.base.works(), a.now.works()
	var out []pair
	for _, m := range match(base, now) {
		at := func(p primitive.Peak) float64 {
			return m.left(base, now, a.native, func(t ir.Type) float64 { return costAt(p, t) })
		}
		q := pair{work: m.before(base, a.native), best: at(a.bestPeak), own: at(a.peak), f32: at(primitive.Peak{})}
		q.left = q.f32
		for _, i := range m.base {
			q.base = append(q.base, a.base.nodes[i])
		}
		for _, i := range m.now {
			q.now = append(q.now, a.now.nodes[i])
		}
		out = append(out, q)
	}
	return out
}

// explain takes the gap apart.
func (a *anatomy) explain() *Explanation {
	e := &Explanation{BaselineMS: a.base.ms, MS: a.now.ms, Speedup: 1 / a.ratio, Low: 1 / a.high, High: 1 / a.low}
	parts := map[string]float64{}
	sum, kept, untyped := 0.0, 0.0, 0.0 // of the baseline's nodes: all, expected, expected of f32
	macs := sumOf(a.base.nodes, func(n timed) float64 { return float64(n.MACs) })
	nonzero, work := sumOf(a.now.nodes, timed.nonzero), 0.0
	for _, p := range a.pairs() {
		work += p.work
		node := a.node(p)
		f32 := node.BaselineMS * p.f32
		for name, ms := range node.Parts {
			parts[name] += ms
		}
		sum, kept, untyped = sum+node.BaselineMS, kept+node.ExpectedMS, untyped+f32
		e.Nodes = append(e.Nodes, node)
	}
	if macs > 0 {
		e.WorkLeft, e.Ideal = nonzero/max(1, work), macs/max(1, nonzero)
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
	for _, n := range e.Nodes {
		e.Least += n.Least
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

// node takes one node's loss apart.
func (a *anatomy) node(p pair) (x ExplainedNode) {
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
	x.Least = sumOf(p.now, a.least)
	x.ExpectedMS = x.BaselineMS * p.best
	x.Lost = x.MS - x.ExpectedMS
	if p.work == 0 {
		name := partOthers
		if !slices.ContainsFunc(append(slices.Clip(p.base), p.now...), func(n timed) bool { return !n.converts() }) {
			name = partConversion
		}
		x.Parts[name] = x.Lost
		return x
	}
	x.WorkLeft = &p.left
	if len(p.now) == 0 {
		x.Parts[partOthers] = x.Lost
		return x
	}
	x.Sparse, x.SparseFormat = a.otherwise(p)
	best, own := p.best, p.own
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
	zeros := a.zeros(p)
	add(partZeros, zeros)
	now -= zeros
	rest := now - own*before
	if bound := min(rest, min(now, x.Memory)-own*before); bound > 0 {
		add(partMemory, bound)
		rest -= bound
	}
	add(a.kind(p), rest)
	return x
}

// zeros is the time in which a pair's nodes multiply zeros that the baseline's, for the same work, do not.
func (a *anatomy) zeros(p pair) float64 {
	macs := sumOf(p.base, func(n timed) float64 { return float64(n.MACs) })
	return sumOf(p.now, func(n timed) float64 { return n.One * max(0, 1-(1-n.wasted())*macs/p.work) })
}

// otherwise is how long a pair's nodes would take alone and warm in the best of the sparse formats that were timed beside;
// nil where there is none for them.
func (a *anatomy) otherwise(p pair) (best *float64, format string) {
	for _, s := range a.sparse {
		sum, some := 0.0, false
		for _, n := range p.now {
			i := slices.IndexFunc(s.nodes, func(m timed) bool { return m.Name == n.Name })
			if i < 0 || n.MACs > 0 && (n.wasted() < leastZeros || n.Format != primitive.Dense || s.nodes[i].Format != s.format) {
				some = false
				break
			}
			sum, some = sum+s.nodes[i].Warm, true
		}
		if some && (best == nil || sum < *best) {
			best, format = &sum, s.format
		}
	}
	return best, format
}

// least is the fewest milliseconds that the peaks of multiply-accumulates and of memory leave a node.
func (a *anatomy) least(n timed) float64 {
	times := int64(max(1, a.batch) / max(1, n.Images))
	s, _ := ceiling(a.bestPeak, a.machine, &Node{Type: string(n.Type), MACsExecuted: n.MACsExecuted, MovedBytes: n.Bytes * times}, a.batch, max(1, n.Images))
	return 1e3 * s
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
