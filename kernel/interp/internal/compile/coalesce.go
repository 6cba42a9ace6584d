package compile

import (
	"golang.org/x/tools/go/ssa"
)

// A loop's variable is a phi, and what the loop makes of it flows back into the
// phi at the end of each round. Where the two are never alive at once they get
// the same place in the frame, so that going round copies nothing.

// coalescer finds which values of a function can share a place.
type coalescer struct {
	f    *ssa.Function
	idx  map[ssa.Value]int
	vals []ssa.Value
	def  []point
	// last[b*len(vals)+v] is the last instruction of block b that uses v, plus 1.
	last []int32
	in   []bool // b*len(vals)+v: alive at the start of b
	out  []bool
	// set lists the values that share a place with the first of them.
	set [][]int
	of  []int
}

// point is where a value is made: at is -1 for what is there as a block begins.
type point struct{ block, at int }

// tooManyCells bounds the tables of a coalescer; a function beyond it copies.
const tooManyCells = 1 << 20

// coalesce returns, for each value that shares the place of another, that other.
func coalesce(f *ssa.Function) map[ssa.Value]ssa.Value {
	if f.Recover != nil { // control may leave anywhere
		return nil
	}
	c := &coalescer{f: f, idx: map[ssa.Value]int{}}
	for _, b := range f.Blocks {
		for _, ins := range b.Instrs {
			ph, ok := ins.(*ssa.Phi)
			if !ok {
				break
			}
			c.add(ph)
			for _, e := range ph.Edges {
				if readsFirst(e) {
					c.add(e)
				}
			}
		}
	}
	n := len(c.vals)
	if n == 0 || n*len(f.Blocks) > tooManyCells {
		return nil
	}
	c.live()
	c.set, c.of = make([][]int, n), make([]int, n)
	for v := range n {
		c.set[v], c.of[v] = []int{v}, v
	}
	for _, b := range f.Blocks {
		for _, ins := range b.Instrs {
			ph, ok := ins.(*ssa.Phi)
			if !ok {
				break
			}
			for _, e := range ph.Edges {
				if v, ok := c.idx[e]; ok {
					c.join(c.of[c.idx[ph]], c.of[v])
				}
			}
		}
	}
	shared := map[ssa.Value]ssa.Value{}
	for _, set := range c.set {
		if len(set) < 2 {
			continue
		}
		lead := set[0]
		for _, v := range set {
			if _, ok := c.vals[v].(*ssa.Parameter); ok { // its place is given
				lead = v
			}
		}
		for _, v := range set {
			if v != lead {
				shared[c.vals[v]] = c.vals[lead]
			}
		}
	}
	return shared
}

// readsFirst says that the instruction that makes v reads all it needs before it
// writes v, so that v may be where an operand is.
func readsFirst(v ssa.Value) bool {
	switch v.(type) {
	case *ssa.Phi, *ssa.Parameter, *ssa.BinOp, *ssa.UnOp, *ssa.Convert, *ssa.Slice:
		return true
	case *ssa.Call:
		return true
	}
	return false
}

func (c *coalescer) add(v ssa.Value) {
	if _, ok := c.idx[v]; !ok {
		c.idx[v] = len(c.vals)
		c.vals = append(c.vals, v)
	}
}

// live computes where the values are alive.
func (c *coalescer) live() {
	n, blocks := len(c.vals), c.f.Blocks
	c.def = make([]point, n)
	c.last = make([]int32, n*len(blocks))
	c.in, c.out = make([]bool, n*len(blocks)), make([]bool, n*len(blocks))
	first := make([]bool, n*len(blocks)) // used before any definition in the block
	for v, x := range c.vals {
		if _, ok := x.(*ssa.Parameter); ok {
			c.def[v] = point{0, -1}
		}
	}
	var ops []*ssa.Value
	for bi, b := range blocks {
		for i, ins := range b.Instrs {
			if ph, ok := ins.(*ssa.Phi); ok {
				c.def[c.idx[ph]] = point{bi, -1}
				for k, e := range ph.Edges { // a use at the end of the block before
					if v, ok := c.idx[e]; ok {
						c.out[b.Preds[k].Index*n+v] = true
					}
				}
				continue
			}
			ops = ins.Operands(ops[:0])
			for _, o := range ops {
				if v, ok := c.idx[*o]; ok {
					c.last[bi*n+v] = int32(i + 1)
					first[bi*n+v] = true
				}
			}
			if x, ok := ins.(ssa.Value); ok {
				if v, ok := c.idx[x]; ok {
					c.def[v] = point{bi, i}
				}
			}
		}
	}
	for changed := true; changed; {
		changed = false
		for bi := len(blocks) - 1; bi >= 0; bi-- {
			for v := range n {
				k := bi*n + v
				if !c.out[k] {
					for _, s := range blocks[bi].Succs {
						if c.in[s.Index*n+v] {
							c.out[k], changed = true, true
							break
						}
					}
				}
				if !c.in[k] && c.def[v].block != bi && (c.out[k] || first[k]) {
					c.in[k], changed = true, true
				}
			}
		}
	}
}

// after reports whether x is alive just after the point where another value is made.
func (c *coalescer) after(x int, p point) bool {
	n := len(c.vals)
	k := p.block*n + x
	if d := c.def[x]; d.block == p.block {
		if d.at > p.at {
			return false
		}
	} else if !c.in[k] {
		return false
	}
	return c.out[k] || int(c.last[k]) > p.at+1
}

func (c *coalescer) interfere(x, y int) bool {
	p, q := c.def[x], c.def[y]
	if p == q { // phis of one block, or parameters
		return true
	}
	return c.after(x, q) || c.after(y, p)
}

// join makes two sets one, unless values of them are alive at once.
func (c *coalescer) join(a, b int) {
	if a == b {
		return
	}
	for _, x := range c.set[a] {
		for _, y := range c.set[b] {
			if c.interfere(x, y) {
				return
			}
		}
	}
	c.set[a] = append(c.set[a], c.set[b]...)
	for _, x := range c.set[b] {
		c.of[x] = a
	}
	c.set[b] = nil
}
