package compile

import (
	"go/token"
	"go/types"
	"unsafe"

	"golang.org/x/tools/go/ssa"
)

// The end of a block is compiled together with the comparison before it and, if
// it goes to the head of a loop, with the head's comparison: a round of a loop
// is then the operations of its body and one call more.

// only reports whether next is the one use of x.
func only(x ssa.Value, next ssa.Instruction) bool {
	refs := x.Referrers()
	return refs != nil && len(*refs) == 1 && (*refs)[0] == next
}

// moves compiles the phis on the way from one block to another, nil if there
// are none.
func (c *compiler) moves(from, to *ssa.BasicBlock) op {
	k := 0
	for i, p := range to.Preds {
		if p == from {
			k = i
		}
	}
	type cp struct {
		d, s reg
		l    *layout
	}
	var cs []cp
	for _, ins := range to.Instrs {
		ph, ok := ins.(*ssa.Phi)
		if !ok {
			break
		}
		if d, s := c.reg(ph), c.reg(ph.Edges[k]); d != s {
			cs = append(cs, cp{d, s, c.layout(ph)})
		}
	}
	switch {
	case len(cs) == 0:
		return nil
	case len(cs) == 1 && cs[0].l.how == copy8:
		d, s := cs[0].d, cs[0].s
		return func(fr *frame) { *at[uint64](fr, d) = *at[uint64](fr, s) }
	case len(cs) == 1:
		d, s, l := cs[0].d, cs[0].s, cs[0].l
		return func(fr *frame) { l.move(fr.at(d), fr.at(s)) }
	case len(cs) == 2 && cs[0].l.how == copy8 && cs[1].l.how == copy8:
		d0, s0, d1, s1 := cs[0].d, cs[0].s, cs[1].d, cs[1].s
		return func(fr *frame) {
			x, y := *at[uint64](fr, s0), *at[uint64](fr, s1)
			*at[uint64](fr, d0), *at[uint64](fr, d1) = x, y
		}
	}
	// all at once, as a phi may be another's source: through temporaries where it is
	written := map[reg]bool{}
	clash := false
	for _, x := range cs {
		clash = clash || written[x.s]
		written[x.d] = true
	}
	if !clash {
		return func(fr *frame) {
			for i := range cs {
				x := &cs[i]
				x.l.move(fr.at(x.d), fr.at(x.s))
			}
		}
	}
	tmp := make([]reg, len(cs))
	for i, x := range cs {
		tmp[i] = c.mem.add(x.l)
	}
	return func(fr *frame) {
		for i := range cs {
			x := &cs[i]
			x.l.move(fr.at(tmp[i]), fr.at(x.s))
		}
		for i := range cs {
			x := &cs[i]
			x.l.move(fr.at(x.d), fr.at(tmp[i]))
		}
	}
}

// back reports whether the way from one block to another goes round a loop;
// code looks there whether to stop.
func back(from, to *ssa.BasicBlock) bool { return to.Index <= from.Index }

// skip follows blocks that only jump on.
func (c *compiler) skip(from, to *ssa.BasicBlock) (b *ssa.BasicBlock, move op) {
	move = c.moves(from, to)
	for move == nil && len(to.Instrs) == 1 && len(to.Succs) == 1 && !back(to, to.Succs[0]) {
		from, to = to, to.Succs[0]
		move = c.moves(from, to)
	}
	return to, move
}

// jump compiles a jump to another block. inc, if not nil, is an addition that
// comes right before it and has not been compiled.
func (c *compiler) jump(from, to *ssa.BasicBlock, inc *ssa.BinOp) func(fr *frame) int {
	check := back(from, to)
	to, e := c.skip(from, to)
	if h := c.head(to); h != nil {
		if h.inc == nil {
			h.inc = inc
		}
		if e == nil {
			return c.ends(h, check)
		}
		c.ops = append(c.ops[:len(c.ops):len(c.ops)], e) // in case it goes back to this block
		rest := c.ends(h, check)
		return func(fr *frame) int { e(fr); return rest(fr) }
	}
	t := to.Index
	switch {
	case e == nil && !check:
		return func(*frame) int { return t }
	case e == nil:
		return func(fr *frame) int { fr.checkStop(); return t }
	case check:
		return func(fr *frame) int { fr.checkStop(); e(fr); return t }
	}
	return func(fr *frame) int { e(fr); return t }
}

// tail is a branch with the comparison, and perhaps the addition, before it.
type tail struct {
	b   *ssa.BasicBlock
	cmp *ssa.BinOp // nil: the condition is in a register
	inc *ssa.BinOp // of an int and a constant
	x   *ssa.If
	n   int // instructions
}

// tailOf recognises the tail of a block that ends in a branch.
func (c *compiler) tailOf(b *ssa.BasicBlock) *tail {
	n := len(b.Instrs)
	x, ok := b.Instrs[n-1].(*ssa.If)
	if !ok {
		return nil
	}
	t := &tail{b: b, x: x, n: 1}
	if n < 2 {
		return t
	}
	// the comparison must come last, or what it reads could be changed before the branch
	cmp, ok := b.Instrs[n-2].(*ssa.BinOp)
	if !ok || x.Cond != ssa.Value(cmp) || !only(cmp, x) || !c.comparable(cmp) {
		return t
	}
	t.cmp, t.n = cmp, 2
	if n > 2 {
		if inc, ok := b.Instrs[n-3].(*ssa.BinOp); ok && increment(inc) && cmp.X == ssa.Value(inc) && kindOf(cmp.X.Type()) == types.Int {
			t.inc, t.n = inc, 3
		}
	}
	return t
}

// apart is t without what is compiled together with the branch.
func (t *tail) apart() *tail { return &tail{b: t.b, x: t.x, n: 1} }

// increment recognises the addition of ints, or the subtraction of a constant.
func increment(x *ssa.BinOp) bool {
	if kindOf(x.X.Type()) != types.Int {
		return false
	}
	_, ok := x.Y.(*ssa.Const)
	return x.Op == token.ADD || x.Op == token.SUB && ok
}

// step returns where what an increment adds is.
func (c *compiler) step(x *ssa.BinOp) reg {
	if x.Op == token.ADD {
		return c.reg(x.Y)
	}
	k := -int(x.Y.(*ssa.Const).Int64())
	l := c.m.memory(types.Typ[types.Int])
	r := c.mem.add(l)
	c.f.consts = append(c.f.consts, fixed{r, l, unsafe.Pointer(&k)})
	return r
}

// head recognises a block that does nothing but compare and branch.
func (c *compiler) head(b *ssa.BasicBlock) *tail {
	t := c.tailOf(b)
	if t == nil || t.cmp == nil || c.lateDefers(b) >= 0 {
		return nil
	}
	for _, ins := range b.Instrs[:len(b.Instrs)-t.n] {
		if _, ok := ins.(*ssa.Phi); !ok {
			return nil
		}
	}
	return t
}

// before returns the addition before a jump that the jump can do as well.
func (c *compiler) before(b *ssa.BasicBlock) *ssa.BinOp {
	n := len(b.Instrs)
	if n < 2 {
		return nil
	}
	if _, ok := b.Instrs[n-1].(*ssa.Jump); !ok {
		return nil
	}
	inc, ok := b.Instrs[n-2].(*ssa.BinOp)
	if !ok || !increment(inc) {
		return nil
	}
	to, e := c.skip(b, b.Succs[0])
	if e != nil {
		return nil
	}
	h := c.head(to)
	if h == nil || h.inc != nil || kindOf(h.cmp.X.Type()) != types.Int || c.reg(h.cmp.X) != c.reg(inc) {
		return nil
	}
	return inc
}

// comparable says that a comparison can be done by a branch.
func (c *compiler) comparable(x *ssa.BinOp) bool {
	switch x.Op {
	case token.LSS, token.LEQ, token.GTR, token.GEQ, token.EQL, token.NEQ:
	default:
		return false
	}
	switch k := kindOf(x.X.Type()); {
	case k == types.String, k == types.Bool, k == types.UnsafePointer:
		return true
	case k >= types.Int && k <= types.Float64:
		return true
	}
	switch c.layout(x.X).how {
	case copyPointer, copySlice:
		return true
	case copyInterface:
		k, ok := x.Y.(*ssa.Const)
		return ok && k.Value == nil
	}
	return false
}

// ends compiles a tail; check says to look whether to stop first.
func (c *compiler) ends(t *tail, check bool) func(fr *frame) int {
	yes, ye := c.skip(t.b, t.b.Succs[0])
	no, ne := c.skip(t.b, t.b.Succs[1])
	check = check || back(t.b, t.b.Succs[0]) || back(t.b, t.b.Succs[1])
	y, n := yes.Index, no.Index
	if t.cmp != nil && kindOf(t.cmp.X.Type()) == types.Int && ye == nil && ne == nil {
		return c.intBranch(t, y, n, check)
	}
	cond := c.condition(t)
	if t.inc != nil {
		cond = after(c.binop(t.inc), cond)
	}
	if check {
		cond = after((*frame).checkStop, cond)
	}
	switch {
	case ye == nil && ne == nil:
		return func(fr *frame) int {
			if cond(fr) {
				return y
			}
			return n
		}
	case ne == nil:
		return func(fr *frame) int {
			if cond(fr) {
				ye(fr)
				return y
			}
			return n
		}
	case ye == nil:
		return func(fr *frame) int {
			if cond(fr) {
				return y
			}
			ne(fr)
			return n
		}
	}
	return func(fr *frame) int {
		if cond(fr) {
			ye(fr)
			return y
		}
		ne(fr)
		return n
	}
}

func after(o op, cond func(fr *frame) bool) func(fr *frame) bool {
	return func(fr *frame) bool { o(fr); return cond(fr) }
}

// condition compiles what a branch asks.
func (c *compiler) condition(t *tail) func(fr *frame) bool {
	if t.cmp == nil {
		r := c.reg(t.x.Cond)
		return func(fr *frame) bool { return *at[bool](fr, r) }
	}
	x := t.cmp
	a, b := c.reg(x.X), c.reg(x.Y)
	switch kindOf(x.X.Type()) {
	case types.Int, types.Int64:
		return conditions[int](x.Op, a, b)
	case types.Int8:
		return conditions[int8](x.Op, a, b)
	case types.Int16:
		return conditions[int16](x.Op, a, b)
	case types.Int32:
		return conditions[int32](x.Op, a, b)
	case types.Uint, types.Uint64, types.Uintptr:
		return conditions[uint](x.Op, a, b)
	case types.Uint8:
		return conditions[uint8](x.Op, a, b)
	case types.Uint16:
		return conditions[uint16](x.Op, a, b)
	case types.Uint32:
		return conditions[uint32](x.Op, a, b)
	case types.Float32:
		return conditions[float32](x.Op, a, b)
	case types.Float64:
		return conditions[float64](x.Op, a, b)
	case types.String:
		return conditions[string](x.Op, a, b)
	case types.Bool:
		return same2[bool](x.Op, a, b)
	}
	// pointers, and what is compared to nil
	return same2[unsafe.Pointer](x.Op, a, b)
}

func conditions[T ordered](o token.Token, a, b reg) func(fr *frame) bool {
	switch o {
	case token.LSS:
		return func(fr *frame) bool { return *at[T](fr, a) < *at[T](fr, b) }
	case token.LEQ:
		return func(fr *frame) bool { return *at[T](fr, a) <= *at[T](fr, b) }
	case token.GTR:
		return func(fr *frame) bool { return *at[T](fr, a) > *at[T](fr, b) }
	case token.GEQ:
		return func(fr *frame) bool { return *at[T](fr, a) >= *at[T](fr, b) }
	}
	return same2[T](o, a, b)
}

func same2[T comparable](o token.Token, a, b reg) func(fr *frame) bool {
	if o == token.EQL {
		return func(fr *frame) bool { return *at[T](fr, a) == *at[T](fr, b) }
	}
	return func(fr *frame) bool { return *at[T](fr, a) != *at[T](fr, b) }
}

// intBranch compiles a branch that compares ints and moves nothing. It tests
// for less, less or equal, and equal; the rest is these with the ways swapped.
func (c *compiler) intBranch(t *tail, y, n int, check bool) func(fr *frame) int {
	x := t.cmp
	a, o := c.reg(x.X), x.Op
	switch o {
	case token.GEQ:
		o, y, n = token.LSS, n, y
	case token.GTR:
		o, y, n = token.LEQ, n, y
	case token.NEQ:
		o, y, n = token.EQL, n, y
	}
	if inc := t.inc; inc != nil {
		return c.stepBranch(o, c.reg(inc), c.reg(inc.X), c.step(inc), c.reg(x.Y), y, n)
	}
	if lit, ok := x.Y.(*ssa.Const); ok && !check {
		k := int(lit.Int64())
		switch o {
		case token.LSS:
			return func(fr *frame) int {
				if *at[int](fr, a) < k {
					return y
				}
				return n
			}
		case token.LEQ:
			return func(fr *frame) int {
				if *at[int](fr, a) <= k {
					return y
				}
				return n
			}
		}
		return func(fr *frame) int {
			if *at[int](fr, a) == k {
				return y
			}
			return n
		}
	}
	b := c.reg(x.Y)
	switch o {
	case token.LSS:
		return func(fr *frame) int {
			if check && fr.g.stop.Load() {
				fr.g.halt()
			}
			if *at[int](fr, a) < *at[int](fr, b) {
				return y
			}
			return n
		}
	case token.LEQ:
		return func(fr *frame) int {
			if check && fr.g.stop.Load() {
				fr.g.halt()
			}
			if *at[int](fr, a) <= *at[int](fr, b) {
				return y
			}
			return n
		}
	}
	return func(fr *frame) int {
		if check && fr.g.stop.Load() {
			fr.g.halt()
		}
		if *at[int](fr, a) == *at[int](fr, b) {
			return y
		}
		return n
	}
}

// stepBranch adds what is at k to what is at s, into d, and compares the sum
// with what is at b.
func (c *compiler) stepBranch(o token.Token, d, s, k, b reg, y, n int) func(fr *frame) int {
	if y == c.at && o != token.EQL && len(c.ops) > 0 {
		return c.innermost(o, d, s, k, b, n)
	}
	switch o {
	case token.LSS:
		return func(fr *frame) int {
			if fr.g.stop.Load() {
				fr.g.halt()
			}
			x := *at[int](fr, s) + *at[int](fr, k)
			*at[int](fr, d) = x
			if x < *at[int](fr, b) {
				return y
			}
			return n
		}
	case token.LEQ:
		return func(fr *frame) int {
			if fr.g.stop.Load() {
				fr.g.halt()
			}
			x := *at[int](fr, s) + *at[int](fr, k)
			*at[int](fr, d) = x
			if x <= *at[int](fr, b) {
				return y
			}
			return n
		}
	}
	return func(fr *frame) int {
		if fr.g.stop.Load() {
			fr.g.halt()
		}
		x := *at[int](fr, s) + *at[int](fr, k)
		*at[int](fr, d) = x
		if x == *at[int](fr, b) {
			return y
		}
		return n
	}
}

// innermost is stepBranch for a block that goes back to itself: the end of its
// first round does the others.
func (c *compiler) innermost(o token.Token, d, s, k, b reg, n int) func(fr *frame) int {
	ops := c.ops
	orEqual := 0
	if o == token.LEQ {
		orEqual = 1
	}
	if len(ops) == 1 {
		o := ops[0]
		return func(fr *frame) int {
			for stop := fr.g.stop; ; {
				if stop.Load() {
					fr.g.halt()
				}
				x := *at[int](fr, s) + *at[int](fr, k)
				*at[int](fr, d) = x
				if limit := *at[int](fr, b); x >= limit && (x > limit || orEqual == 0) {
					return n
				}
				fr.pc = 0
				o(fr)
			}
		}
	}
	return func(fr *frame) int {
		for stop := fr.g.stop; ; {
			if stop.Load() {
				fr.g.halt()
			}
			x := *at[int](fr, s) + *at[int](fr, k)
			*at[int](fr, d) = x
			if limit := *at[int](fr, b); x >= limit && (x > limit || orEqual == 0) {
				return n
			}
			for i, o := range ops {
				fr.pc = int32(i)
				o(fr)
			}
		}
	}
}
