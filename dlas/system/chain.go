package system

import (
	"cmp"
	"strings"

	"github.com/godlas/godlas/dlas/ir"
	"github.com/godlas/godlas/dlas/ir/op"
)

// A chain is convolutions that run after each other strip by strip, so that what one makes for the next never leaves the
// second-level cache: of a network for phones whose maps are large, the maps between are most of what memory moves
// (Alwani et al., Fused-Layer CNN Accelerators, MICRO 2016). A strip is some rows of the last map, and of those before it the
// rows that these need: where the windows of two strips overlap, the rows are kept from one to the next, but between parts
// of several threads, which both compute them.

// chainAll replaces drafts by chains where a map between them would fill much of the second-level cache.
func (b *binder) chainAll() {
	if b.plan.apart || b.plan.gather || b.plan.Schedule.Name == Untuned || b.machine.L2 == 0 {
		return
	}
	uses, makes := map[*form]int{}, map[*form]*draft{}
	for _, d := range b.drafts {
		for _, f := range d.in {
			uses[f]++
		}
		for _, f := range d.out {
			makes[f] = d
		}
	}
	hosts := map[*form]bool{}
	for _, fs := range b.forms {
		for _, f := range fs {
			hosts[f.host] = true
		}
	}
	large := func(f *form) bool {
		return uses[f] == 1 && f.kind == inArena && !f.flat && f.host == nil && !hosts[f] && f.layout.Block != 0 && f.bytes() > b.machine.L2/4
	}
	after := map[*draft]*draft{} // by their input
	for _, d := range b.drafts {
		if b.chainable(d) && large(d.in[0]) {
			if before := makes[d.in[0]]; before != nil && b.chainable(before) && (len(before.in) < 4 || before.in[3] == nil) {
				after[before] = d
			}
		}
	}
	gone := map[*draft]*chain{}
	for _, d := range b.drafts {
		if gone[d] != nil || after[d] == nil {
			continue
		}
		list := []*draft{d}
		for next := after[d]; next != nil; next = after[next] {
			list = append(list, next)
		}
		if b.machine.Threads > 1 {
			list = cutChain(list)
		}
		for ; len(list) > 1; list = list[:len(list)-1] {
			if c := newChain(b.machine, list); c != nil {
				c.scales = b.scales
				for i, s := range c.stages {
					if s.kernel.Algorithm == "strassen" {
						c.stages[i].rest = b.kernel("conv_f32_direct_dense__" + s.kernel.ISA)
					}
				}
				for _, s := range list {
					gone[s] = c
				}
				break
			}
		}
	}
	if len(gone) == 0 {
		return
	}
	var drafts []*draft
	for _, d := range b.drafts {
		c := gone[d]
		switch {
		case c == nil:
			drafts = append(drafts, d)
		case d == c.stages[len(c.stages)-1].draft:
			drafts = append(drafts, c.draft())
		}
	}
	b.drafts = drafts
}

// chainable reports whether a node can be part of a chain: a convolution over blocks, depthwise or with windows of one
// pixel. One by Strassen's algorithm runs so in strips, unless their pixels make no pairs of tiles: whoever names that
// algorithm gets it for whole maps.
func (b *binder) chainable(d *draft) bool {
	n := d.node
	if n.Op != "Conv" || d.kernel.Type != ir.F32 || len(d.in) < 2 || d.in[0] == nil || d.in[0].layout.Block == 0 || d.out[0].layout.Block == 0 {
		return false
	}
	if d.kernel.Algorithm == "depthwise" {
		return true
	}
	w, err := op.WindowOf(n, d.problem.In[1][2], d.problem.In[1][3])
	return err == nil && (d.kernel.Algorithm == "direct" || d.kernel.Algorithm == "strassen" && b.plan.Algorithm == "auto") && d.kernel.Format == "dense" && n.Attrs.Int("group", 1) == 1 &&
		w == op.Window{KH: 1, KW: 1, SH: 1, SW: 1, DH: 1, DW: 1}
}

func (d *draft) depthwise() bool { return d.kernel.Algorithm == "depthwise" }

// cutChain is as much of a list as makes one chain of several threads, each of which has to make some rows that others
// make too: one depthwise convolution and pixelwise ones around it.
func cutChain(list []*draft) []*draft {
	list = list[:min(len(list), 3)]
	seen := 0
	for i, d := range list {
		if d.depthwise() {
			if seen++; seen == 2 {
				return list[:i]
			}
		}
		if !d.depthwise() && i > 0 && !list[i-1].depthwise() {
			return list[:i]
		}
	}
	return list
}

// stage is a node of a chain.
type stage struct {
	*draft
	win  op.Window
	rest ir.Kernel // runs strips that the node's own kernel does not fit
}

type chain struct {
	stages   []stage
	rows     int // of a strip of the last map
	threads  int // that share the strips
	scales   map[string]scale
	scaled   []*ir.Tensor // weights of the stages, as they are packed
	unpacked bool         // a stage reads weights as they are
}

// newChain decides how high the strips are; nil: it is not worth it.
func newChain(m ir.Machine, list []*draft) *chain {
	if len(list) < 2 {
		return nil
	}
	// Where the chain's output is as large as the map that it saves, nothing is won: measured on EfficientNet-B0.
	if d := list[len(list)-1]; d.depthwise() && 2*d.out[0].bytes() > d.in[0].bytes() {
		return nil
	}
	c := &chain{threads: max(1, m.Threads)}
	for _, d := range list {
		w, err := op.WindowOf(d.node, d.problem.In[1][2], d.problem.In[1][3])
		if err != nil {
			return nil
		}
		c.stages = append(c.stages, stage{draft: d, win: w})
	}
	out := c.last().problem.Out[0]
	for rows := 2; rows <= out[2]/max(2, 2*m.Threads/out[0]); rows++ {
		// Strips are equally high, so that none writes what another has written, and as many for each thread.
		even := out[2]/rows*out[0]%m.Threads == 0
		if out[2]%rows == 0 && c.bytes(rows) <= m.L2/3 && (even || c.rows == 0) {
			c.rows = rows
		}
	}
	if c.rows == 0 {
		return nil
	}
	return c
}

func (c *chain) last() stage { return c.stages[len(c.stages)-1] }

// members are the names of the nodes; nil of no chain.
func (c *chain) members() (names []string) {
	if c == nil {
		return nil
	}
	for _, s := range c.stages {
		names = append(names, s.node.Name)
	}
	return names
}

// bytes is what all maps take of a strip's rows.
func (c *chain) bytes(rows int) int {
	total := 0
	for i := len(c.stages) - 1; i >= 0; i-- {
		s := c.stages[i]
		out := s.problem.Out[0]
		total += rows * out[3] * ir.Blocks(out) * ir.Lanes * 4
		rows = (rows-1)*s.win.SH + (s.win.KH-1)*s.win.DH + 1
	}
	in := c.stages[0].problem.In[0]
	return total + rows*in[3]*ir.Blocks(in)*ir.Lanes*4
}

// draft is the chain as one step.
func (c *chain) draft() *draft {
	first, last := c.stages[0], c.last()
	d := &draft{in: []*form{first.in[0]}, out: last.out, chain: c}
	p := &d.problem
	p.Machine = last.problem.Machine
	p.In, p.InLayout, p.Weights = []ir.Shape{first.problem.In[0]}, []ir.Layout{ir.Blocked}, []*ir.Tensor{nil}
	p.Out, p.OutLayout = last.problem.Out, []ir.Layout{ir.Blocked}
	names := []string{first.node.In[0]}
	if r := last.residual(); r != nil {
		d.in = append(d.in, r)
		p.In, p.InLayout, p.Weights = append(p.In, p.Out[0]), append(p.InLayout, ir.Blocked), append(p.Weights, nil)
		names = append(names, last.node.In[3])
	}
	var parts []string
	exact := ir.ExactF32
	for _, s := range c.stages {
		parts = append(parts, s.kernel.Algorithm)
		if s.kernel.Exact == ir.ExactWinograd {
			exact = s.kernel.Exact
		}
		d.insteadOf = cmp.Or(d.insteadOf, s.insteadOf)
		if row, ok := op.Lookup(s.node.Op); ok {
			macs := row.MACs(s.node, s.problem.In, s.problem.Out[0]) / int64(s.problem.Out[0][0])
			d.work.MACs += macs
			w := s.problem.Weights[1]
			d.work.Nonzero += macs / int64(w.Shape.Elems()) * op.Nonzero(w)
		}
	}
	d.node = &ir.Node{Name: first.node.Name + " to " + last.node.Name, Op: "Chain", In: names, Out: last.node.Out}
	d.kernel = ir.Kernel{
		Name: "conv_f32_" + strings.Join(parts, "_") + "_dense__" + last.kernel.ISA, Algorithm: "direct", Format: "dense",
		Type: ir.F32, ISA: last.kernel.ISA, Exact: exact, Bind: c.bind,
	}
	return d
}

// residual is what the stage adds, if anything.
func (s stage) residual() *form {
	if len(s.in) > 3 {
		return s.in[3]
	}
	return nil
}
