package compile

import (
	"go/ast"
	"go/token"
	"go/types"
	"reflect"
	"sync/atomic"
	"unsafe"

	"golang.org/x/tools/go/ssa"
)

// A debugged cell has a second variant of its package, built without registers,
// so that each of its variables has an address, and with a call of a hook before
// each statement. While a debugger is attached, calls of the cell's functions go
// to that variant, as they go to a later function of the same name; without one
// they do not, and what runs is what runs in a session that never had one.

// Stmt is a statement of a debugged cell.
type Stmt struct {
	Cell *DebugCell
	Pos  token.Pos
	// Line and End are its first and last line, or those of the head of a
	// statement that has others in it.
	Line, End int
	// Again says that it is the head of a loop, before another round.
	Again bool

	stop atomic.Pointer[Breakpoint]
}

// DebugCell is the source of a cell that can be debugged.
type DebugCell struct {
	Name string // in positions
	Path string // by which breakpoints name it
	Pkg  *types.Package

	Stmts []*Stmt // by the argument of their hooks
}

// variant is a package and the form of it that is debugged.
type variant struct {
	plain, hooked *ssa.Package
	cell          *DebugCell
	funcs         [][2]*ssa.Function
}

// debugging is the part of the machine that is about debugging. Mu guards it,
// but for now and halting.
type debugging struct {
	now     atomic.Pointer[Debugger]
	halting atomic.Bool // code stops at its next hook

	hook     *ssa.Function
	hookPkg  *types.Package
	variants map[*types.Package]*variant
	cells    map[*ssa.Package]*DebugCell // by the hooked package
	alias    map[*ssa.Global]*ssa.Global // of hooked packages, to those of the plain ones
}

// Hook returns the function that is called before each statement. Mu is held.
func (m *Machine) Hook() *types.Func {
	d := &m.dbg
	if d.hook == nil {
		d.hookPkg = types.NewPackage("debugger hook", "hook")
		sig := types.NewSignatureType(nil, nil, nil, types.NewTuple(types.NewParam(token.NoPos, d.hookPkg, "n", types.Typ[types.Int])),
			types.NewTuple(types.NewParam(token.NoPos, d.hookPkg, "", types.Typ[types.Bool])), false)
		fn := types.NewFunc(token.NoPos, d.hookPkg, "Hook", sig)
		d.hookPkg.Scope().Insert(fn)
		d.hookPkg.MarkComplete()
		d.hook = m.Prog.CreatePackage(d.hookPkg, nil, nil, false).Func("Hook")
	}
	return d.hook.Object().(*types.Func)
}

// ssaFields returns what a program has no means to change. ok is false where the
// fields are not as they are known.
func ssaFields(prog *ssa.Program) (packages map[*types.Package]*ssa.Package, mode *ssa.BuilderMode, ok bool) {
	v := reflect.ValueOf(prog).Elem()
	p, q := v.FieldByName("packages"), v.FieldByName("mode")
	if !p.IsValid() || !q.IsValid() || p.Type() != reflect.TypeFor[map[*types.Package]*ssa.Package]() || q.Type() != reflect.TypeFor[ssa.BuilderMode]() {
		return nil, nil, false
	}
	return *(*map[*types.Package]*ssa.Package)(p.Addr().UnsafePointer()), (*ssa.BuilderMode)(q.Addr().UnsafePointer()), true
}

// CanDebug reports whether variants can be built.
func (m *Machine) CanDebug() bool {
	_, _, ok := ssaFields(m.Prog)
	return ok
}

// Debugged reports whether a package has its variant. Mu is held.
func (m *Machine) Debugged(p *types.Package) bool { return m.dbg.variants[p] != nil }

// Debug builds the variant of a package whose files call the hook. The package
// itself is built. Mu is held.
func (m *Machine) Debug(file *ast.File, info *types.Info, cell *DebugCell) {
	packages, mode, ok := ssaFields(m.Prog)
	d := &m.dbg
	plain := packages[cell.Pkg]
	if !ok || plain == nil || d.variants[cell.Pkg] != nil {
		return
	}
	if d.variants == nil {
		d.variants, d.cells, d.alias = map[*types.Package]*variant{}, map[*ssa.Package]*DebugCell{}, map[*ssa.Global]*ssa.Global{}
	}
	v := &variant{plain: plain, cell: cell}
	var objs []*types.Func
	for _, o := range info.Defs {
		if f, ok := o.(*types.Func); ok && f.Pkg() == cell.Pkg {
			objs = append(objs, f)
		}
	}
	plains := make([]*ssa.Function, len(objs))
	for i, o := range objs {
		plains[i] = m.Prog.FuncValue(o)
	}
	// What the variant calls of other cells is what is debugged of them.
	old := *mode
	*mode |= ssa.NaiveForm
	for p, x := range d.variants {
		packages[p] = x.hooked
	}
	defer func() {
		*mode = old
		for p, x := range d.variants {
			packages[p] = x.plain
		}
		packages[cell.Pkg] = plain
	}()
	v.hooked = m.Prog.CreatePackage(cell.Pkg, []*ast.File{file}, info, false)
	v.hooked.Build()
	for i, o := range objs {
		if f := m.Prog.FuncValue(o); f != nil && plains[i] != nil {
			v.funcs = append(v.funcs, [2]*ssa.Function{plains[i], f})
		}
	}
	v.funcs = append(v.funcs, [2]*ssa.Function{plain.Func("init"), v.hooked.Func("init")})
	for name, x := range v.hooked.Members {
		if g, ok := x.(*ssa.Global); ok {
			if to := plain.Var(name); to != nil {
				d.alias[g] = to
			}
		}
	}
	d.cells[v.hooked] = cell
	d.variants[cell.Pkg] = v
	if dbg := d.now.Load(); dbg != nil {
		m.link(v)
		dbg.know(cell)
	}
}

// link makes callers of a package's functions call those of its variant.
func (m *Machine) link(v *variant) {
	for _, p := range v.funcs {
		f, h := m.fun(p[0]), m.fun(p[1])
		f.hooked = h
		switch {
		case h.forward.Load() == f: // of an earlier debugger
			h.forward.Store(nil)
			h.direct.Store(h.ready.Load())
			if f.forward.Load() == nil {
				f.forwardTo(h)
			} else {
				h.forwardTo(f)
			}
		case h.forward.Load() != nil:
		case f.forward.Load() == nil:
			f.forwardTo(h)
		default: // it was declared again
			h.forwardTo(f)
		}
	}
}

// unlink undoes link.
func (m *Machine) unlink(v *variant) {
	for _, p := range v.funcs {
		f, h := m.fun(p[0]), m.fun(p[1])
		if f.forward.Load() == h {
			f.forward.Store(nil)
			f.direct.Store(f.ready.Load())
		}
		if h.forward.Load() == nil {
			h.forwardTo(f)
		}
	}
}

// forgetVariants adds the variants of packages that go to them. Mu is held.
func (m *Machine) forgetVariants(gone map[*ssa.Package]bool) {
	for p, v := range m.dbg.variants {
		if !gone[v.plain] {
			continue
		}
		gone[v.hooked] = true
		if d := m.dbg.now.Load(); d != nil {
			d.forget(v.cell)
			m.unlink(v)
		}
		delete(m.dbg.variants, p)
		delete(m.dbg.cells, v.hooked)
	}
}

// declaring returns the package whose source a function has.
func declaring(f *ssa.Function) *ssa.Package {
	for f.Parent() != nil {
		f = f.Parent()
	}
	if o := f.Origin(); o != nil {
		return o.Pkg
	}
	return f.Pkg
}

// hookOp compiles a call of the hook.
func (c *compiler) hookOp(cc *ssa.CallCommon, v ssa.Value) op {
	var dst reg
	used := false
	if v != nil && v.Referrers() != nil && len(*v.Referrers()) > 0 {
		dst, used = c.reg(v), true
	}
	n, ok := cc.Args[0].(*ssa.Const)
	if c.cell == nil || !ok { // an instance, made after the source was given its hooks
		if !used {
			return nil
		}
		return func(fr *frame) { *at[bool](fr, dst) = true }
	}
	st, m := c.cell.Stmts[n.Int64()], c.m
	if used {
		return func(fr *frame) {
			*at[bool](fr, dst) = true
			if st.stop.Load() != nil || fr.g.step != nil || m.dbg.halting.Load() {
				m.arrive(fr, st)
			}
		}
	}
	return func(fr *frame) {
		if st.stop.Load() != nil || fr.g.step != nil || m.dbg.halting.Load() {
			m.arrive(fr, st)
		}
	}
}

// returning wraps what may take a while in code that is debugged, a call or a
// wait: steps end there, and what comes back while all else is stopped stops,
// too, before it changes a variable.
func (c *compiler) returning(o op) op {
	m := c.m
	return func(fr *frame) {
		o(fr)
		if s := fr.g.step; s != nil && fr.depth < s.depth {
			m.landed(fr, "step")
		} else if m.dbg.halting.Load() {
			m.landed(fr, "")
		}
	}
}

// takes reports whether an instruction may take a while.
func (c *compiler) takes(ins ssa.Instruction) bool {
	switch x := ins.(type) {
	case *ssa.Call:
		return x.Call.Value != ssa.Value(c.m.dbg.hook)
	case *ssa.UnOp:
		return x.Op == token.ARROW
	case *ssa.Send, *ssa.Select:
		return true
	}
	return false
}

// place is where a function has the address of a variable.
type place struct {
	pos   token.Pos // of its declaration
	elem  types.Type
	reg   reg
	block *ssa.BasicBlock // where it is made; nil: at the beginning
}

// places lists the variables of a function without registers.
func (c *compiler) places() (out []place) {
	add := func(v ssa.Value, b *ssa.BasicBlock) {
		p, ok := v.Type().Underlying().(*types.Pointer)
		r, known := c.idx[v]
		if ok && known && v.Pos().IsValid() {
			out = append(out, place{v.Pos(), p.Elem(), r, b})
		}
	}
	for _, v := range c.f.f.FreeVars {
		add(v, nil)
	}
	for _, b := range c.f.f.Blocks {
		for _, ins := range b.Instrs {
			switch x := ins.(type) {
			case *ssa.Alloc:
				if len(*x.Referrers()) > 0 {
					add(x, b)
				}
			case *ssa.Phi:
				add(x, b)
			}
		}
	}
	return out
}

// variable returns the address of the variable that is declared at pos, as the
// code that fr runs has it. Mu is held.
func (fr *frame) variable(pos token.Pos) (p unsafe.Pointer, t types.Type) {
	f := fr.fn
	if int(fr.blk) >= len(f.f.Blocks) {
		return nil, nil
	}
	here := f.f.Blocks[fr.blk]
	var best *place
	for i := range f.places {
		x := &f.places[i]
		if x.pos != pos || x.block != nil && !x.block.Dominates(here) {
			continue
		}
		if best == nil || best.block == nil || x.block != nil && best.block.Dominates(x.block) {
			best = x
		}
	}
	if best == nil {
		return nil, nil
	}
	return *at[unsafe.Pointer](fr, best.reg), best.elem
}
