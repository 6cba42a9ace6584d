package system

import (
	"fmt"
	"maps"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/godlas/godlas/dlas/ir"
	"github.com/godlas/godlas/dlas/ir/op"
)

// binder is what Compile knows on its way.
type binder struct {
	*Program
	g       *ir.Graph
	values  map[string]op.Operand
	kernels []ir.Kernel
	machine ir.Machine
	plan    Plan

	families map[string][]*family   // by operator
	known    map[*ir.Node]*ir.Known // what kernels found out about a node
	moved    ir.Known               // estimates of conversions

	scales map[string]scale // of weights that are as they were before the rewriting
	rescue sync.Mutex       // of g.Weights while nodes are bound
	spent  *consumption
	same   map[string]string // value -> the value that it is another name of
	forms  map[string][]*form
	joined map[*form]bool // outputs of concatenations that need no copying
	// striped are the values that a consumer would rather have in strips, kept those that it would leave in them; strips:
	// some kernel that the plan takes has them.
	striped map[string]bool
	kept    map[string]bool
	strips  bool
	chained map[string]bool // large maps that chains would keep in the second-level cache
	drafts  []*draft

	// taken and given are how the network's inputs lie and its outputs are to lie: plain, but where two parts of a network
	// meet.
	taken, given ir.Layout
}

// draft is a step in the making.
type draft struct {
	node      *ir.Node
	kernel    ir.Kernel
	problem   ir.Problem
	in, out   []*form // nil: a constant, or left out
	insteadOf string
	rivals    [2]rival // the kernel chosen, and the best of those that treat zeros otherwise
	join      bool     // a concatenation that needs no copying
	work      op.Work
	schedule  ir.Schedule
	bound     ir.Bound

	chain  *chain // that it stands for
	key    string // where the plan decides by it
	space  []Candidate
	blocks []string // of the candidates: in what they read and write
}

// constant is the value's elements where they are known before anything runs.
func (b *binder) constant(value string) *ir.Tensor {
	if w := b.g.Weights[value]; w != nil {
		return w
	}
	return b.values[value].Const
}

// draftAll chooses a kernel for each node, in order, and the forms in which it reads and makes its values.
func (b *binder) draftAll() error {
	for i, in := range b.g.Inputs {
		v := b.value(in.Name)
		b.inputs = append(b.inputs, v)
		b.forms[v.Name] = []*form{{value: v.Name, shape: v.Shape, typ: v.Type, layout: b.taken, kind: inInput, index: i}}
	}
	b.wantChains()
	b.wantStrips()
	for _, n := range b.g.Nodes {
		if !slices.ContainsFunc(n.Out, func(out string) bool { return out != "" && b.constant(out) == nil }) {
			continue
		}
		if view, err := b.view(n); view || err != nil {
			if err != nil {
				return err
			}
			continue
		}
		if err := b.draft(n); err != nil {
			return err
		}
	}
	for i, name := range b.g.Outputs {
		b.outputs = append(b.outputs, b.value(name))
		if err := b.output(i, name); err != nil {
			return err
		}
	}
	return nil
}

// value is a value as a program's user knows it.
func (b *binder) value(name string) ir.Value {
	v := b.values[name]
	return ir.Value{Name: name, Type: v.Type, Shape: v.Shape}
}

// problem is a node as its kernels are asked about it: with the blocks in which its inputs are made, as far as these are
// drafted.
func (b *binder) problem(n *ir.Node) (p ir.Problem) {
	p.Node, p.Machine = n, b.machine
	if p.Known = b.known[n]; p.Known == nil {
		p.Known = &ir.Known{}
		b.known[n] = p.Known
	}
	for _, name := range n.In {
		v := b.values[name]
		p.In, p.InType, p.Weights = append(p.In, v.Shape), append(p.InType, v.Type), append(p.Weights, b.constant(name))
		l := ir.Plain
		if fs := b.forms[b.name(name)]; fs != nil {
			l.Block, l.Grid = fs[0].layout.Block, fs[0].layout.Grid
		}
		p.InLayout = append(p.InLayout, l)
	}
	for _, name := range n.Out {
		v := b.values[name]
		if name == "" {
			v = op.Operand{Type: ir.F32}
		}
		p.Out, p.OutType, p.OutLayout = append(p.Out, v.Shape), append(p.OutType, v.Type), append(p.OutLayout, ir.Plain)
	}
	return p
}

func (b *binder) draft(n *ir.Node) error {
	d := &draft{node: n, in: make([]*form, len(n.In)), problem: b.problem(n)}
	p := &d.problem
	var in, out []ir.Layout
	if l, ok := b.joins(n); ok {
		d.join = true
		for range n.In {
			in = append(in, l)
		}
		out = in[:1]
	} else {
		var err error
		d.kernel, d.insteadOf, d.rivals, err = b.choose(*p)
		if apart, ok := b.apart(n); ok && (err != nil || d.insteadOf != "") {
			q := *p
			q.Node = apart[0]
			if _, insteadOf, _, e := b.choose(q); e == nil && (err != nil || insteadOf == "") {
				for _, m := range apart {
					if err := b.draft(m); err != nil {
						return err
					}
				}
				return nil
			}
		}
		if err != nil {
			return err
		}
		b.decide(d)
		if d.kernel.Layouts != nil {
			in, out = d.kernel.Layouts(seenBy(d.kernel, *p))
		}
	}
	for i, name := range n.In {
		if name == "" || p.Weights[i] != nil {
			continue
		}
		l := ir.Plain
		if i < len(in) {
			l = in[i]
		}
		f, err := b.want(name, l, b.zeroPoint(n, i))
		if err != nil {
			return err
		}
		d.in[i] = f
	}
	for i, name := range n.Out {
		if name == "" {
			d.out = append(d.out, nil)
			continue
		}
		f := &form{value: name, shape: p.Out[i], typ: p.OutType[i], kind: inArena}
		if i < len(out) {
			f.layout.Block, f.layout.Grid = out[i].Block, out[i].Grid
		}
		d.out = append(d.out, f)
		b.forms[name] = []*form{f}
		b.joined[f] = d.join
	}
	b.drafts = append(b.drafts, d)
	return nil
}

// apart is a node without the activation that was fused into it, and the nodes that apply it: for kernels that cannot.
func (b *binder) apart(n *ir.Node) ([]*ir.Node, bool) {
	act := n.Attrs.Str("act", op.ActNone)
	if act == op.ActNone {
		return nil, false
	}
	m := *n
	m.Attrs = maps.Clone(n.Attrs)
	for _, name := range []string{"act", "min", "max"} {
		delete(m.Attrs, name)
	}
	x := n.Out[0] + " before " + act
	m.Out = []string{x}
	b.values[x] = b.values[n.Out[0]]
	then := &ir.Node{Name: n.Name + " " + act, In: []string{x}, Out: n.Out}
	switch act {
	case op.ActRelu:
		then.Op = "Relu"
	case op.ActRelu6:
		then.Op, then.Attrs = "Clip", ir.Attrs{"min": 0.0, "max": 6.0}
	case op.ActClip:
		lo, hi := op.ClipBounds(n)
		then.Op, then.Attrs = "Clip", ir.Attrs{"min": lo, "max": hi}
	case op.ActHardSwish:
		then.Op = "HardSwish"
	case op.ActSigmoid:
		then.Op = "Sigmoid"
	case op.ActSilu:
		gate := &ir.Node{Name: then.Name + " gate", Op: "Sigmoid", In: []string{x}, Out: []string{x + " gate"}}
		b.values[gate.Out[0]] = b.values[x]
		then.Op, then.In = "Mul", []string{x, gate.Out[0]}
		return []*ir.Node{&m, gate, then}, true
	default:
		return nil, false
	}
	return []*ir.Node{&m, then}, true
}

// output makes a value the network's output: in the caller's memory at once where it can be, else copied there.
func (b *binder) output(i int, name string) error {
	if t := b.constant(name); t != nil {
		b.forms[name] = []*form{{value: name, shape: t.Shape, typ: t.Type, kind: inWeights, weight: t.Memory(), flat: true}}
	}
	f, err := b.want(name, b.given, 0)
	if err != nil {
		return err
	}
	r := f.root()
	if r.kind == inArena && r.bytes() == f.bytes() && r.layout.Border == (ir.Border{}) {
		r.kind, r.index, r.flat = inOutput, i, true
		return nil
	}
	return b.convert(f, &form{value: name, shape: f.shape, typ: f.typ, layout: b.given, kind: inOutput, index: i, flat: true})
}

// choose picks a node's kernel: of those that fit, those the plan names where there are any; of these the one whose
// estimated time is least, or where not all estimate it, the highest ISA's.
func (b *binder) choose(p ir.Problem) (best ir.Kernel, insteadOf string, two [2]rival, err error) {
	asked := askAbout(p)
	list, wanted, why := b.applicants(&asked)
	if len(list) == 0 {
		return best, "", two, &ir.Error{Layer: ir.Primitive, What: fmt.Sprintf("no kernel runs node %q (%s)", p.Node.Name, p.Node.Op), Err: why}
	}
	if !wanted && (b.plan.Algorithm != "auto" || b.plan.Format != "") && (list[0].Algorithm != "" || list[0].Format != "") {
		insteadOf = b.plan.choice()
	}
	estimated := !slices.ContainsFunc(list, func(a applicant) bool { return a.Cost == nil })
	var all []rival
	if estimated {
		for _, k := range list {
			r := rival{kernel: k.Kernel, alone: k.Cost(asked.as(k.Kernel)), moves: b.moveCost(k.Kernel, &asked)}
			r.cost = b.doubt(k.Kernel)*r.alone + r.moves
			all = append(all, r)
		}
	}
	first := 0
	for i := range list {
		x, y := list[i], list[first]
		switch {
		case estimated && all[i].cost != all[first].cost:
			if all[i].cost < all[first].cost {
				first = i
			}
		case x.level != y.level:
			if x.level > y.level {
				first = i
			}
		case x.Type != "" && y.Type == "": // rows for elements of any type move them one by one
			first = i
		}
	}
	if estimated {
		two = rivalsOf(first, all)
	}
	return *list[first].Kernel, insteadOf, two, nil
}

// level is the rank of an ISA among those that a program may use; -1 for one that it may not.
func (b *binder) level(isa string) int {
	most := slices.Index(b.machine.ISAs, b.machine.ISA)
	if i := slices.Index(b.machine.ISAs, isa); i <= most {
		return i
	}
	return -1
}

// bindAll gives all values their places and packs the weights, on as many threads as the program will have.
func (b *binder) bindAll() error {
	b.drafts = slices.DeleteFunc(b.drafts, func(d *draft) bool { return d.join })
	b.chainAll()
	b.shareInPlace()
	all := b.settle()
	errs := make([]error, len(b.drafts))
	var next atomic.Int32
	var wg sync.WaitGroup
	for range max(1, min(b.machine.Threads, len(b.drafts))) {
		wg.Go(func() {
			var room []float32
			for {
				i := int(next.Add(1)) - 1
				if i >= len(b.drafts) {
					return
				}
				errs[i] = b.bind(b.drafts[i], &room)
			}
		})
	}
	wg.Wait()
	for i, d := range b.drafts {
		if errs[i] != nil {
			return errs[i]
		}
		b.steps = append(b.steps, step{bound: d.bound})
		b.packed += d.bound.PackedBytes
		b.scratch = max(b.scratch, int(d.bound.ScratchBytes))
		k, n := d.kernel, d.node
		b.nodes = append(b.nodes, Node{
			Name: n.Name, Op: n.Op, Members: d.chain.members(), Algorithm: k.Algorithm, Format: k.Format, Type: k.Type, ISA: k.ISA, Kernel: k.Name,
			MACs: d.work.MACs, MACsNonzero: d.work.Nonzero, MACsExecuted: d.bound.MACsExecuted,
			WorkspaceBytes: d.bound.WorkspaceBytes, PackedBytes: d.bound.PackedBytes, Images: b.batch, Bytes: d.moves(),
			PartMACs: d.bound.MACsExecuted * int64(b.batch) / d.parts(), PartBytes: d.moves() / d.parts(),
			InsteadOf: d.insteadOf, Why: d.why(), Schedule: d.schedule, Key: d.key, space: d.space, blocks: d.blocks,
		})
	}
	if err := b.place(all); err != nil {
		return err
	}
	return nil
}

// parts is the number of parts of all phases.
func (d *draft) parts() int64 {
	n := 0
	for _, parts := range d.bound.Phases {
		n += parts
	}
	return int64(max(1, n))
}

// moves is the least that a bound draft reads and writes: every element of its inputs, weights and outputs once.
func (d *draft) moves() int64 {
	n := d.bound.PackedBytes
	for i, f := range d.in {
		if f != nil && !slices.Contains(d.in[:i], f) {
			n += int64(f.shape.Elems() * f.typ.Size())
		}
	}
	for _, f := range d.out {
		if f != nil {
			n += int64(f.shape.Elems() * f.typ.Size())
		}
	}
	return n
}

// mostScaled is the elements of the largest weights that are to be scaled.
func (b *binder) mostScaled() int {
	b.rescue.Lock()
	defer b.rescue.Unlock()
	most := 0
	for name := range b.scales {
		if w := b.g.Weights[name]; w != nil {
			most = max(most, w.Shape.Elems())
		}
	}
	return most
}

// bind packs a node's weights. Its layouts are final. Weights that are to be scaled are so in room, which the next node
// uses again.
func (b *binder) bind(d *draft, room *[]float32) (err error) {
	p, n, k := &d.problem, d.node, d.kernel
	defer func() {
		if v := recover(); v != nil {
			err = &ir.Error{Layer: ir.Primitive, What: fmt.Sprintf("node %q (%s): %s: %s", n.Name, n.Op, k.Name, panicText(v))}
		}
	}()
	for i, f := range d.in {
		if f != nil {
			p.InLayout[i] = f.layout
		}
	}
	for i, f := range d.out {
		if f != nil {
			p.OutLayout[i] = f.layout
		}
	}
	if d.schedule.Name == "" {
		d.schedule = scheduleOf(b.plan.Schedule.Name, k)
	}
	var scaled *ir.Tensor
	if len(n.In) > 1 && p.Weights[1] != nil {
		if s, ok := b.scales[n.In[1]]; ok {
			w := p.Weights[1]
			if b.spent.owns(n, 1, w) {
				s.apply(w.F32(), w)
			} else {
				if len(*room) < w.Shape.Elems() {
					*room = make([]float32, b.mostScaled())
				}
				scaled = ir.NewF32(s.apply((*room)[:w.Shape.Elems()], w), w.Shape...)
				p.Weights[1] = scaled
			}
		}
	}
	if row, ok := op.Lookup(n.Op); ok && row.MACs != nil {
		d.work.MACs = row.MACs(n, p.In, p.Out[0]) / int64(b.batch)
		d.work.Nonzero = d.work.MACs
		if at := op.WeightInput(n.Op); at < len(p.Weights) && p.Weights[at] != nil {
			d.work.Nonzero = op.NonzeroMACs(d.work.MACs, p.Weights[at])
		}
	}
	if at := op.WeightInput(n.Op); at < len(p.Weights) && b.spent.owns(n, at, p.Weights[at]) {
		p.Spent = ir.Memory.Discard
	}
	if d.bound, err = k.Bind(*p, d.schedule); err != nil {
		return &ir.Error{Layer: ir.Primitive, What: fmt.Sprintf("node %q (%s): %s", n.Name, n.Op, k.Name), Err: err}
	}
	if scaled != nil && d.bound.Unpacked {
		b.rescue.Lock()
		b.g.Weights[n.In[1]] = scaled
		b.rescue.Unlock()
		*room = nil
	}
	for _, parts := range d.bound.Phases {
		if parts < 1 || parts > maxParts {
			return ir.Errorf(ir.Primitive, "node %q (%s): %s has a phase of %d parts", n.Name, n.Op, k.Name, parts)
		}
	}
	b.consumed(d)
	return nil
}
