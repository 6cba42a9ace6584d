package compile

import (
	"go/constant"
	"go/token"

	"golang.org/x/tools/go/ssa"
)

// What ssa makes of a range over a function panics with texts of its own and
// forgets whether a loop that was left has returned. Here is what Go does.

const (
	rangeDone      = runtimeError("range function continued iteration after function for loop body returned false")
	rangePanicked  = runtimeError("range function continued iteration after loop body panic")
	rangeExhausted = runtimeError("range function continued iteration after whole loop exit")
	rangeMissing   = runtimeError("range function recovered a loop body panic and did not resume panicking")
)

// Values of the variable in which ssa keeps how far a loop is; those above 0 are its exits.
const (
	loopBusy = -1 // in its body
	loopDone = -2
)

// misused compiles the panic of an iterator that does not do as it should, and
// returns nil for other panics.
func (c *compiler) misused(x *ssa.Panic) func(*frame) int {
	b := x.Block()
	switch b.Comment {
	case "rangefunc.resume.busy":
		return func(*frame) int { panic(rangeMissing) }
	case "yield-invalid":
		state := stateOf(b.Preds[0])
		if state == nil {
			return nil
		}
		r := c.reg(state)
		return func(fr *frame) int {
			switch **at[*int](fr, r) {
			case loopBusy:
				panic(rangePanicked)
			case loopDone:
				panic(rangeExhausted)
			}
			panic(rangeDone)
		}
	}
	return nil
}

// leaves compiles what goes before a block that continues behind a loop left by
// break, return or goto, or returns nil if b is none: the loop is done.
func (c *compiler) leaves(b *ssa.BasicBlock) op {
	if b.Comment != "rangefunc.resume.exits" || len(b.Preds) == 0 {
		return nil
	}
	for _, ready := range b.Preds[0].Succs {
		if len(ready.Instrs) == 0 {
			continue
		}
		st, ok := ready.Instrs[0].(*ssa.Store)
		if !ok {
			continue
		}
		if k, ok := st.Val.(*ssa.Const); ok && k.Value != nil && constant.Compare(k.Value, token.EQL, constant.MakeInt64(loopDone)) {
			r := c.reg(st.Addr)
			return func(fr *frame) { **at[*int](fr, r) = loopDone }
		}
	}
	return nil
}

// stateOf finds the address of the variable that the end of b compares.
func stateOf(b *ssa.BasicBlock) ssa.Value {
	end, ok := b.Instrs[len(b.Instrs)-1].(*ssa.If)
	if !ok {
		return nil
	}
	cmp, ok := end.Cond.(*ssa.BinOp)
	if !ok {
		return nil
	}
	if load, ok := cmp.X.(*ssa.UnOp); ok {
		return load.X
	}
	return nil
}
