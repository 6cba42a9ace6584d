package system

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"

	"github.com/godlas/godlas/dlas/ir"
	"github.com/godlas/godlas/dlas/ir/op"
)

// Candidate is a way to run a node: a kernel, and how its loops are cut. No tiles leave that to the kernel's own rules by
// shape.
type Candidate struct {
	Kernel string `json:"kernel"`
	Tiles  []int  `json:"tiles,omitempty"`
}

func (c Candidate) String() string {
	if len(c.Tiles) == 0 {
		return c.Kernel
	}
	return fmt.Sprint(c.Kernel, c.Tiles)
}

func (c Candidate) equal(o Candidate) bool {
	return c.Kernel == o.Kernel && slices.Equal(c.Tiles, o.Tiles)
}

// keyOf is the structural hash of a node: all that the time of a candidate depends on. Nodes that share it, in whatever
// network, share what was measured.
func keyOf(p ir.Problem) string {
	h := sha256.New()
	n := p.Node
	fmt.Fprintln(h, n.Op, p.Machine.ISA, p.Machine.Threads)
	for i, s := range p.In {
		given := i < len(n.In) && n.In[i] != ""
		fmt.Fprintln(h, "in", given, s, p.TypeIn(i), p.Weights[i] != nil)
	}
	for i, s := range p.Out {
		fmt.Fprintln(h, "out", s, p.TypeOut(i))
	}
	for _, name := range slices.Sorted(maps.Keys(n.Attrs)) {
		if t, ok := n.Attrs[name].(*ir.Tensor); ok {
			fmt.Fprintln(h, name, t.Type, t.Shape)
			continue
		}
		fmt.Fprintf(h, "%s %v\n", name, n.Attrs[name])
	}
	// Sparse formats store what is not zero.
	if len(p.Weights) > 1 && p.Weights[1] != nil && p.TypeIn(1) == ir.F32 {
		fmt.Fprintln(h, op.Nonzero(p.Weights[1]))
	}
	return hex.EncodeToString(h.Sum(nil)[:12])
}

// spaceOf are all candidates of a node, the one that heuristic takes first, the others in an order drawn from the node's
// key: the same for every search, so that one can go on where another ended. Of kernels that differ by ISA alone only the
// highest counts; only kernels that the plan names count, or where none of them fits the one that runs in their place.
// Of kernels that by their own estimates take much longer than the best only those rules are candidates that they have
// themselves: to cut their loops otherwise would not make them the fastest.
func (b *binder) spaceOf(p ir.Problem, key string, first ir.Kernel) []Candidate {
	var kernels []ir.Kernel
	for _, k := range b.kernels {
		if k.Op == p.Node.Op && b.level(k.ISA) >= 0 && b.plan.wants(k) && k.Fits(seenBy(k, p)) == nil {
			kernels = append(kernels, k)
		}
	}
	// Rows for elements of any type, the definitions among them, are for what no other runs.
	if slices.ContainsFunc(kernels, func(k ir.Kernel) bool { return k.Type != "" }) {
		kernels = slices.DeleteFunc(kernels, func(k ir.Kernel) bool { return k.Type == "" && k.Name != first.Name })
	}
	if len(kernels) == 0 {
		kernels = []ir.Kernel{first}
	}
	kind := func(k ir.Kernel) string { return strings.Join([]string{k.Algorithm, k.Format, string(k.Type)}, " ") }
	most := map[string]int{}
	for _, k := range kernels {
		most[kind(k)] = max(most[kind(k)], b.level(k.ISA))
	}
	least := math.Inf(1)
	for _, k := range kernels {
		if k.Cost != nil {
			least = min(least, k.Cost(seenBy(k, p)))
		}
	}
	var list []Candidate
	for _, k := range kernels {
		if b.level(k.ISA) < most[kind(k)] && k.Name != first.Name {
			continue
		}
		list = append(list, Candidate{Kernel: k.Name})
		if k.Schedules == nil || k.Cost != nil && k.Name != first.Name && k.Cost(seenBy(k, p)) > hopeless*least {
			continue
		}
		for _, s := range k.Schedules(seenBy(k, p)) {
			if c := (Candidate{k.Name, s.Tiles}); len(s.Tiles) > 0 && !slices.ContainsFunc(list, c.equal) {
				list = append(list, c)
			}
		}
	}
	rank := func(c Candidate) string {
		if c.Kernel == first.Name && len(c.Tiles) == 0 {
			return ""
		}
		sum := sha256.Sum256([]byte(key + c.String()))
		// Every kernel's own rules come before all that departs from them.
		return fmt.Sprintf("%v %x", len(c.Tiles) > 0, sum[:8])
	}
	slices.SortFunc(list, func(x, y Candidate) int { return cmp.Compare(rank(x), rank(y)) })
	return list
}

// hopeless is how many times longer than the best a kernel may be estimated to take for its loops to be worth searching.
const hopeless = 1.6

// decide notes a node's candidates where they are asked for, and takes the one that the plan has decided on.
func (b *binder) decide(d *draft) {
	if b.plan.Decisions == nil && !b.plan.gather {
		return
	}
	p := d.problem
	d.key = keyOf(p)
	if b.plan.gather {
		d.space = b.spaceOf(p, d.key, d.kernel)
		d.blocks = make([]string, len(d.space))
		for i, c := range d.space {
			d.blocks[i] = blocksOf(b.kernel(c.Kernel), p)
		}
	}
	c, ok := b.plan.Decisions[d.key]
	if !ok {
		return
	}
	if k := b.kernel(c.Kernel); k.Bind != nil && k.Op == p.Node.Op && b.level(k.ISA) >= 0 && k.Fits(seenBy(k, p)) == nil {
		d.kernel, d.schedule = k, ir.Schedule{Name: Tuned, Tiles: c.Tiles}
	}
}

func (b *binder) kernel(name string) ir.Kernel {
	for _, k := range b.kernels {
		if k.Name == name {
			return k
		}
	}
	return ir.Kernel{}
}

// blocksOf tells kernels apart by the blocks in which they read and write: exchanging kernels that agree changes nothing
// else in a program.
func blocksOf(k ir.Kernel, p ir.Problem) string {
	if k.Layouts == nil {
		return "plain"
	}
	var s []string
	in, out := k.Layouts(seenBy(k, p))
	for _, l := range append(slices.Clip(in), out...) {
		if l.Block == ir.Strips {
			s = append(s, fmt.Sprint(l.Grid))
			continue
		}
		s = append(s, fmt.Sprint(l.Block))
	}
	return strings.Join(s, " ")
}
