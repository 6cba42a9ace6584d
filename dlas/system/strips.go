package system

import (
	"math"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/godlas/godlas/dlas/ir"
)

// This file is what a program does about values in strips: who is told of them, and what it costs to bring a value into
// strips and out of them.

// seenBy is a problem as a kernel is told it: one that does not know of strips takes values that are in strips for blocks,
// and gets them so.
func seenBy(k ir.Kernel, p ir.Problem) ir.Problem {
	inStrips := func(l ir.Layout) bool { return l.Block == ir.Strips }
	if k.Strips || !slices.ContainsFunc(p.InLayout, inStrips) {
		return p
	}
	p.InLayout = slices.Clone(p.InLayout)
	for i, l := range p.InLayout {
		if inStrips(l) {
			p.InLayout[i] = ir.Blocked
		}
	}
	return p
}

// doubt is what a sparse kernel's estimate is multiplied by where no format is asked for: estimates are some percent off,
// and nobody wants to be slower than dense for having left zeros out.
func (b *binder) doubt(k *ir.Kernel) float64 {
	if b.plan.Format == "" && k.Format != "" && k.Format != "dense" {
		return 1.1
	}
	return 1
}

// moveCost estimates the cycles of the conversions into strips and out of them that a node has made if that kernel runs it:
// of its inputs, where no form of them is there yet, and of its output into what its consumers would rather have.
// Conversions between plain values and blocks are not counted: no choice between kernels hangs on them.
func (b *binder) moveCost(k *ir.Kernel, a *askedAbout) float64 {
	p := a.strips
	cost := b.chainCost(k, p)
	if !b.strips {
		return cost
	}
	var in []ir.Layout
	out := []ir.Layout{ir.Plain} // of a kernel that knows of no layouts
	if k.Layouts != nil {
		in, out = k.Layouts(a.as(k))
	}
	for i, name := range p.Node.In {
		if name == "" || p.Weights[i] != nil || len(p.In[i]) != 4 {
			continue
		}
		l := ir.Plain
		if i < len(in) {
			l = in[i]
		}
		there := slices.ContainsFunc(b.forms[b.name(name)], func(f *form) bool { return f.layout.Kin(l) })
		if made := p.InLayout[i]; !there && (l.Block == ir.Strips || made.Block == ir.Strips) {
			cost += b.convertCost(p.In[i], made, l)
		}
	}
	if len(out) == 0 || len(p.Out[0]) != 4 {
		return cost
	}
	switch made := out[0]; {
	case made.Block == ir.Strips && !b.kept[p.Node.Out[0]]:
		cost += b.convertCost(p.Out[0], made, ir.Blocked)
	case made.Block != ir.Strips && b.striped[p.Node.Out[0]]:
		cost += b.convertCost(p.Out[0], made, ir.Layout{Block: ir.Strips})
	case made.Block != ir.Strips && b.kept[p.Node.Out[0]] && p.LayoutIn(0).Block == ir.Strips:
		// The nodes behind would stay in strips too.
		cost += b.convertCost(p.Out[0], made, ir.Layout{Block: ir.Strips}) / 2
	}
	return cost
}

// chainBytes is how many bytes a cycle a map costs that a chain would have kept in the second-level cache.
const chainBytes = 10

// chainCost is what a kernel that no chain takes costs where it stands between maps that are large: these are written to
// memory and read again.
func (b *binder) chainCost(k *ir.Kernel, p ir.Problem) float64 {
	if p.Node.Op != "Conv" || k.Format == "dense" || k.Type != ir.F32 || len(b.chained) == 0 || b.plan.Schedule.Name == Untuned {
		return 0
	}
	cost := 0.0
	for _, v := range []string{p.Node.In[0], p.Node.Out[0]} {
		if b.chained[v] {
			cost += 4 * float64(b.values[v].Shape.Elems()) / chainBytes
		}
	}
	return cost
}

// wantChains finds the maps between depthwise convolutions and those with windows of one pixel that are large enough for
// chains.
func (b *binder) wantChains() {
	b.chained = map[string]bool{}
	deep := func(n *ir.Node) bool { return n.Op == "Conv" && n.Attrs.Int("group", 1) > 1 }
	by := map[string]bool{}
	large := func(value string) bool {
		v := b.values[value]
		return b.machine.L2 > 0 && v.Type == ir.F32 && len(v.Shape) == 4 && 4*v.Shape.Elems() > b.machine.L2/4
	}
	for _, n := range b.g.Nodes {
		if n.Op != "Conv" || len(n.Out) == 0 {
			continue
		}
		if by[n.In[0]] && !deep(n) || deep(n) {
			b.chained[n.In[0]] = large(n.In[0])
		}
		by[n.Out[0]] = deep(n)
	}
}

// convertCost estimates the cycles of a conversion. Strips of no known grid are taken for 4 x 4.
func (b *binder) convertCost(s ir.Shape, from, to ir.Layout) float64 {
	for _, l := range []*ir.Layout{&from, &to} {
		if l.Block == ir.Strips && l.Grid == (ir.Grid{}) {
			l.Grid = ir.Grid{Rows: 4, Cols: 4, H: (s[2] + 3) / 4, W: (s[3] + 3) / 4}
		}
	}
	return ir.Find(&b.moved, conversion{[4]int(s), from, to}, func() float64 { return b.leastConversion(s, from, to) })
}

type conversion struct {
	shape    [4]int
	from, to ir.Layout
}

func (b *binder) leastConversion(s ir.Shape, from, to ir.Layout) float64 {
	p := ir.Problem{
		Node: &ir.Node{Op: "Layout"}, In: []ir.Shape{s}, Out: []ir.Shape{s}, InType: []ir.Type{ir.F32}, OutType: []ir.Type{ir.F32},
		InLayout: []ir.Layout{from}, OutLayout: []ir.Layout{to}, Weights: []*ir.Tensor{nil}, Machine: b.machine,
	}
	least := math.Inf(1)
	for _, f := range b.families["Layout"] {
		for _, k := range f.rows {
			if k.Strips && k.Fits(p) == nil {
				least = min(least, k.Cost(p))
			}
		}
	}
	return least
}

// wantStrips finds the values that a consumer would rather have in strips: a convolution whose fastest kernel is one over
// strips if its input is in them already; and those that it would keep in strips, since the way out of them takes longer.
func (b *binder) wantStrips() {
	b.striped, b.kept = map[string]bool{}, map[string]bool{}
	var problems []ir.Problem
	for _, n := range b.g.Nodes {
		if n.Op != "Conv" {
			continue
		}
		if p := b.problem(n); len(p.In[0]) == 4 && p.Weights[0] == nil {
			problems = append(problems, p)
		}
	}
	if b.strips = b.worthStrips(problems); !b.strips {
		return
	}
	type wish struct{ striped, kept bool }
	wishes := make([]wish, len(problems))
	b.each(len(problems), func(i int) {
		p := problems[i]
		blocks, strips := math.Inf(1), math.Inf(1)
		for _, f := range b.families[p.Node.Op] {
			if !f.wanted || f.rows[0].Cost == nil {
				continue
			}
			k := f.fit(p)
			if k == nil {
				continue
			}
			if cost := b.doubt(k) * k.Cost(p); k.Strips {
				strips = min(strips, cost)
			} else {
				blocks = min(blocks, cost)
			}
		}
		// Half the way out: many nodes may stay in strips for one way saved.
		wishes[i] = wish{strips < blocks, strips < blocks || !math.IsInf(strips, 0) && strips < blocks+b.convertCost(p.In[0], ir.Layout{Block: ir.Strips}, ir.Blocked)/2}
	})
	for i, p := range problems {
		x := p.Node.In[0]
		b.striped[x], b.kept[x] = b.striped[x] || wishes[i].striped, b.kept[x] || wishes[i].kept
	}
}

// worthStrips reports whether any of these convolutions may be worth strips, or the plan names a format that needs them.
func (b *binder) worthStrips(problems []ir.Problem) bool {
	var some []*ir.Kernel
	for _, f := range b.families["Conv"] {
		if k := f.rows[0]; k.Strips && f.wanted {
			if some = append(some, k); b.plan.Format != "" || k.Worth == nil {
				return true
			}
		}
	}
	var worth atomic.Bool
	b.each(len(problems), func(i int) {
		if slices.ContainsFunc(some, func(k *ir.Kernel) bool { return k.Worth(problems[i]) }) {
			worth.Store(true)
		}
	})
	return worth.Load()
}

// each calls f for 0..n-1 on as many threads as the program will have. A panic of f is one of the caller.
func (b *binder) each(n int, f func(i int)) {
	var next atomic.Int32
	var all sync.WaitGroup
	var fault atomic.Pointer[any]
	work := func() {
		defer func() {
			if v := recover(); v != nil {
				fault.CompareAndSwap(nil, &v)
			}
		}()
		for i := int(next.Add(1)) - 1; i < n; i = int(next.Add(1)) - 1 {
			f(i)
		}
	}
	for range min(b.machine.Threads, n) - 1 {
		all.Go(work)
	}
	work()
	all.Wait()
	if v := fault.Load(); v != nil {
		panic(*v)
	}
}
