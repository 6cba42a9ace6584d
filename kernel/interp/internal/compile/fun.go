package compile

import (
	"go/token"
	"go/types"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"unsafe"
	"weak"

	"golang.org/x/tools/go/ssa"

	"github.com/godlas/godlas/kernel/interp/internal/rt"
)

// fun is an interpreted function. It is compiled when first called.
type fun struct {
	m       *Machine
	f       *ssa.Function
	ready   atomic.Bool
	forward atomic.Pointer[fun]
	// direct says that f is ready and not forwarded.
	direct atomic.Bool
	pool   sync.Pool
	slot   uint8 // where goroutines keep spare frames of f
	// earlier are functions that f took the place of; failed says that f cannot be
	// compiled. Both are under Mu.
	earlier []weak.Pointer[fun]
	failed  bool
	file    *token.File    // where f is declared
	word    unsafe.Pointer // the func value of the function itself, under Mu

	mem          rt.Type
	consts       []fixed
	params       []reg
	paramTypes   []*layout
	free         []reg
	freeTypes    []*layout
	vars         block // layout of the captured variables
	varOffs      []uintptr
	results      []reg
	resultTypes  []*layout
	code         []blockCode
	deferring    bool
	wrapper      bool
	recoverBlock int

	// hooked is the variant of f for debuggers, cell its source if f is one, and
	// places its variables.
	hooked *fun
	cell   *DebugCell
	places []place
}

type fixed struct {
	r reg
	l *layout
	p unsafe.Pointer
}

// blockCode is a compiled basic block; term returns the next one, or -1.
type blockCode struct {
	ops  []op
	term func(fr *frame) int
	pos  []token.Pos
}

// fun returns the function of f. Mu is held.
func (m *Machine) fun(f *ssa.Function) *fun {
	if x := m.funs[f]; x != nil {
		return x
	}
	x := &fun{m: m, f: f, slot: uint8(len(m.funs) % spareSlots)}
	m.funs[f] = x
	if o, ok := f.Object().(*types.Func); ok {
		if later := m.extra[o]; later != nil && later != f && declares(f, o) {
			x.forwardTo(m.fun(later))
		}
	}
	return x
}

// forwardTo makes callers of f call to. Mu is held.
func (f *fun) forwardTo(to *fun) {
	f.direct.Store(false)
	f.forward.Store(to)
}

// target follows redefinitions and makes the function ready to run.
func (f *fun) target() *fun {
	if f.direct.Load() {
		return f
	}
	return f.find()
}

func (f *fun) find() *fun {
	for g := f.forward.Load(); g != nil; g = f.forward.Load() {
		f = g
	}
	if !f.ready.Load() {
		f.prepare()
	}
	return f
}

func (f *fun) prepare() {
	f.m.Mu.Lock()
	defer f.m.Mu.Unlock()
	if !f.ready.Load() {
		f.compile()
	}
}

// compile makes the function ready. Mu is held.
func (f *fun) compile() {
	c := &compiler{f: f, m: f.m, idx: map[ssa.Value]reg{}, mem: block{size: frameHead, ptrs: headPointers[:len(headPointers):len(headPointers)]}}
	c.m.locals.current = f.f
	c.compile()
	f.ready.Store(true)
	f.direct.Store(f.forward.Load() == nil)
}

// compiler compiles one function. Mu is held.
type compiler struct {
	f    *fun
	m    *Machine
	idx  map[ssa.Value]reg
	mem  block
	tups map[ssa.Value][]reg
	// at is the block that is being compiled, ops what it has so far.
	at  int
	ops []op
	// shared has the values that take the place of another, see coalesce.
	shared map[ssa.Value]ssa.Value
	// cell is the source, if the function is debugged.
	cell *DebugCell
	// outerDefers says that f runs deferred calls of its range-over-func bodies.
	outerDefers bool
}

// reg returns where v is in the frame.
func (c *compiler) reg(v ssa.Value) reg {
	if r, ok := c.idx[v]; ok {
		return r
	}
	switch v := v.(type) {
	case *ssa.Const:
		return c.constant(v, c.m.memory(v.Type()), c.m.constant(v))
	case *ssa.Global:
		p := c.m.Global(v)
		return c.constant(v, c.m.memory(v.Type()), unsafe.Pointer(&p))
	case *ssa.Function:
		p := c.m.funcWord(v)
		return c.constant(v, c.m.memory(v.Type()), unsafe.Pointer(&p))
	case *ssa.Extract:
		r := c.tuple(v.Tuple)[v.Index]
		c.idx[v] = r
		return r
	}
	if lead := c.shared[v]; lead != nil {
		r := c.reg(lead)
		c.idx[v] = r
		return r
	}
	if _, ok := v.Type().(*types.Tuple); ok {
		panic(unsupportedf("tuple as a value: %v", v))
	}
	r := c.alloc(v.Type())
	c.idx[v] = r
	return r
}

func (c *compiler) constant(v ssa.Value, l *layout, p unsafe.Pointer) reg {
	r := c.mem.add(l)
	c.f.consts = append(c.f.consts, fixed{r, l, p})
	c.idx[v] = r
	return r
}

// alloc reserves room for a value of type t.
func (c *compiler) alloc(t types.Type) reg {
	return c.mem.add(c.m.memory(t))
}

// tuple returns where the parts of a tuple are.
func (c *compiler) tuple(v ssa.Value) []reg {
	if r, ok := c.tups[v]; ok {
		return r
	}
	var rs []reg
	for x := range v.Type().(*types.Tuple).Variables() {
		t := x.Type()
		if b, ok := t.(*types.Basic); ok && b.Kind() == types.Invalid {
			t = types.Typ[types.Int] // of a Next whose key or value is not wanted
		}
		rs = append(rs, c.alloc(t))
	}
	if c.tups == nil {
		c.tups = map[ssa.Value][]reg{}
	}
	c.tups[v] = rs
	return rs
}

func (c *compiler) layout(v ssa.Value) *layout { return c.m.memory(v.Type()) }

func (c *compiler) compile() {
	f, sf := c.f, c.f.f
	f.file = c.m.opt.Fset.File(sf.Pos())
	// an earlier attempt may have failed half way
	f.consts, f.params, f.paramTypes, f.results, f.resultTypes = nil, nil, nil, nil, nil
	f.free, f.freeTypes, f.varOffs, f.vars = nil, nil, nil, block{}
	f.wrapper = strings.Contains(sf.Synthetic, "wrapper") || strings.Contains(sf.Synthetic, "thunk") || strings.Contains(sf.Synthetic, "bound")
	f.recoverBlock = -1
	if sf.Blocks == nil {
		c.bodiless()
		return
	}
	f.cell = c.m.dbg.cells[declaring(sf)]
	if c.cell = f.cell; c.cell == nil {
		c.shared = coalesce(sf)
	}
	for _, p := range sf.Params {
		f.params, f.paramTypes = append(f.params, c.reg(p)), append(f.paramTypes, c.layout(p))
	}
	// parameters and results come first, see offsets
	for v := range sf.Signature.Results().Variables() {
		f.results, f.resultTypes = append(f.results, c.alloc(v.Type())), append(f.resultTypes, c.m.memory(v.Type()))
	}
	for _, v := range sf.FreeVars {
		l := c.layout(v)
		f.free, f.freeTypes = append(f.free, c.reg(v)), append(f.freeTypes, l)
		f.varOffs = append(f.varOffs, f.vars.add(l))
	}
	blocks := sf.Blocks
	if sf.Recover != nil {
		f.deferring = true
		f.recoverBlock = sf.Recover.Index
		if f.recoverBlock >= len(blocks) || blocks[f.recoverBlock] != sf.Recover {
			f.recoverBlock = len(blocks)
			blocks = append(blocks[:len(blocks):len(blocks)], sf.Recover)
		}
	}
	c.outerDefers = forgottenDefers(sf)
	f.deferring = f.deferring || c.outerDefers
	f.code = make([]blockCode, len(blocks))
	for i, b := range blocks {
		f.code[i] = c.block(b)
	}
	if c.cell != nil {
		f.places = c.places()
	}
	f.mem = rt.Layout(c.mem.size, c.mem.ptrs)
}

// bodiless makes a function that has neither source nor compiled form.
func (c *compiler) bodiless() {
	f, sf := c.f, c.f.f
	f.file = c.m.opt.Fset.File(sf.Pos())
	why := unsupportedf("%s is not available in a cell", sf)
	if sf.Pkg != nil && c.m.interpreted(sf.Pkg.Pkg) {
		why = unsupportedf("%s has no body in Go (it is written in assembly, or linked to another package's): it cannot be interpreted", sf)
	}
	sig := sf.Signature
	if r := sig.Recv(); r != nil {
		f.params, f.paramTypes = append(f.params, c.alloc(r.Type())), append(f.paramTypes, c.m.memory(r.Type()))
	}
	for v := range sig.Params().Variables() {
		f.params, f.paramTypes = append(f.params, c.alloc(v.Type())), append(f.paramTypes, c.m.memory(v.Type()))
	}
	for v := range sig.Results().Variables() {
		f.results, f.resultTypes = append(f.results, c.alloc(v.Type())), append(f.resultTypes, c.m.memory(v.Type()))
	}
	f.code = []blockCode{{term: func(*frame) int { panic(why) }}}
	if fn, ok := c.m.native(sf); ok {
		f.code = []blockCode{{ops: []op{c.nativeBody(fn)}, term: func(*frame) int { return -1 }}}
	}
	f.mem = rt.Layout(c.mem.size, c.mem.ptrs)
}

func (c *compiler) block(b *ssa.BasicBlock) (code blockCode) {
	var term token.Pos
	late := c.lateDefers(b) // such a block returns, and has no tail
	fused := 0
	tail, inc := c.tailOf(b), c.before(b)
	if c.cell != nil { // each instruction by itself
		inc = nil
		if tail != nil {
			tail = tail.apart()
		}
	}
	done := len(b.Instrs) - 1 // the first instruction that is compiled with the end
	if tail != nil {
		done = len(b.Instrs) - tail.n
	} else if inc != nil {
		done--
	}
	if o := c.leaves(b); o != nil {
		code.ops, code.pos = append(code.ops, o), append(code.pos, token.NoPos)
	}
	for i, ins := range b.Instrs {
		if i == late {
			code.ops = append(code.ops, (*frame).rundefers)
			code.pos = append(code.pos, end(c.f.f))
		}
		if fused > 0 {
			fused--
			continue
		}
		if i < done && c.cell == nil {
			end := done
			if i < late {
				end = late
			}
			if o, n := c.fuse(b.Instrs[i:end]); n > 0 {
				code.ops = append(code.ops, o)
				code.pos = append(code.pos, position(ins))
				fused = n - 1
				continue
			}
		} else if i >= done && i < len(b.Instrs)-1 {
			continue
		}
		c.at, c.ops = b.Index, code.ops
		switch x := ins.(type) {
		case *ssa.Jump:
			code.term = c.jump(b, b.Succs[0], inc)
		case *ssa.If:
			code.term = c.ends(tail, false)
		case *ssa.Return:
			code.term = c.ret(x)
		case *ssa.Panic:
			term = x.Pos()
			if code.term = c.misused(x); code.term != nil {
				break
			}
			v := c.reg(x.X)
			code.term = func(fr *frame) int {
				panics(*at[any](fr, v))
				return -1
			}
		case *ssa.Phi, *ssa.DebugRef, *ssa.Extract:
		default:
			if o := c.instr(ins); o != nil {
				if c.cell != nil && c.takes(ins) {
					o = c.returning(o)
				}
				code.ops = append(code.ops, o)
				code.pos = append(code.pos, position(ins))
			}
		}
	}
	if code.term == nil { // unreachable code after a call that does not return
		code.term = func(*frame) int { panic(unsupportedf("fell off %v", b)) }
	}
	code.pos = append(code.pos, term)
	return code
}

// lateDefers returns the index in a returning block before which to run deferred
// calls that ssa forgets: those of a function whose only defer statements are in
// the bodies of its range-over-func loops. Results are loaded after them.
func (c *compiler) lateDefers(b *ssa.BasicBlock) int {
	n := len(b.Instrs) - 1
	if _, ok := b.Instrs[n].(*ssa.Return); !ok || !c.outerDefers {
		return -1
	}
	for n > 0 {
		if ld, ok := b.Instrs[n-1].(*ssa.UnOp); !ok || ld.Op != token.MUL {
			break
		}
		n--
	}
	return n
}

// forgottenDefers reports whether a function hands its defer stack to closures
// but has no instruction to run what they put there.
func forgottenDefers(f *ssa.Function) bool {
	has := false
	for _, b := range f.Blocks {
		for _, ins := range b.Instrs {
			switch x := ins.(type) {
			case *ssa.RunDefers:
				return false
			case *ssa.Call:
				if bi, ok := x.Call.Value.(*ssa.Builtin); ok && bi.Name() == "ssa:deferstack" {
					has = true
				}
			}
		}
	}
	return has
}

func panics(v any) {
	if v == nil {
		panic(new(runtime.PanicNilError))
	}
	panic(v)
}

// position is where an instruction is in the source, or what it works on.
func position(ins ssa.Instruction) token.Pos {
	if p := ins.Pos(); p.IsValid() {
		return p
	}
	switch x := ins.(type) {
	case *ssa.RunDefers:
		return end(x.Parent())
	case *ssa.UnOp:
		return x.X.Pos()
	case *ssa.Store:
		if p := x.Addr.Pos(); p.IsValid() {
			return p
		}
		return x.Val.Pos()
	case *ssa.MapUpdate:
		return x.Map.Pos()
	}
	return token.NoPos
}

func (c *compiler) ret(x *ssa.Return) func(fr *frame) int {
	d, ls := c.f.results, c.f.resultTypes
	var s []reg
	for _, v := range x.Results {
		s = append(s, c.reg(v))
	}
	switch {
	case len(s) == 0:
		return func(*frame) int { return -1 }
	case len(s) == 1 && ls[0].how == copy8:
		d0, s0 := d[0], s[0]
		return func(fr *frame) int { *at[uint64](fr, d0) = *at[uint64](fr, s0); return -1 }
	}
	return func(fr *frame) int {
		for i, l := range ls {
			l.move(fr.at(d[i]), fr.at(s[i]))
		}
		return -1
	}
}
