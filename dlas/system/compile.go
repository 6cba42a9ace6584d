// Package system is DLAS's fifth layer: it rewrites a network, binds each node to a kernel with a schedule, plans the
// memory, runs the result on threads, and measures it.
package system

import (
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/godlas/godlas/dlas/ir"
	"github.com/godlas/godlas/dlas/ir/op"
)

// Plan is what a user chose of the layers that a program is compiled with.
type Plan struct {
	Algorithm string    // auto (or empty), direct, ...
	Format    string    // dense, csr; empty leaves it to auto
	Schedule  ir.Choice // empty: heuristic
	Batch     int       // images a run; 0 means 1
}

// Node is a node of a program. MACs are of one image.
type Node struct {
	Name, Op          string
	Algorithm, Format string
	Type              ir.Type
	ISA, Kernel       string
	MACs, MACsNonzero int64
	MACsExecuted      int64
	WorkspaceBytes    int64
	PackedBytes       int64
	InsteadOf         string // the choice that does not apply to this node
	Schedule          ir.Schedule
}

// Program is a network ready to run. It is safe for use by many goroutines.
type Program struct {
	batch             int
	inShape, outShape ir.Shape
	nodes             []Node
	steps             []step
	arena             int // bytes
	scratch           int // bytes a thread
	packed            int64
	crew              *crew

	mu   sync.Mutex
	idle []*state
}

// step is a node as it runs. Places are where its inputs, output and workspace are.
type step struct {
	bound     ir.Bound
	in        []place
	out       place
	workspace place
}

// place is a piece of memory of a run.
type place struct {
	kind   placeKind
	at     int // in the arena
	size   int
	weight ir.Memory
}

type placeKind uint8

const (
	nowhere placeKind = iota
	inArena
	inInput
	inOutput
	inWeights
)

// Compile makes a program of a graph: rewritten, each node bound to the best of the kernels that the machine and the
// plan allow. A choice that does not apply to a node (depthwise and linear nodes have kernels of their own) is noted in
// the node's InsteadOf. Errors are *ir.Error.
func Compile(g *ir.Graph, kernels []ir.Kernel, m ir.Machine, p Plan) (*Program, error) {
	p, err := p.check(kernels)
	if err != nil {
		return nil, err
	}
	g, err = Rewrite(g)
	if err != nil {
		return nil, err
	}
	shapes, err := op.Infer(g, p.Batch)
	if err != nil {
		return nil, err
	}
	work, err := op.Count(g)
	if err != nil {
		return nil, err
	}
	prog := &Program{batch: p.Batch, inShape: shapes[g.Input().Name].Shape, outShape: shapes[g.Output()].Shape, crew: crewOf(m.Threads)}
	b := &binder{Program: prog, g: g, shapes: shapes, kernels: kernels, machine: m, plan: p}
	b.findViews()
	for i, n := range g.Nodes {
		if _, view := b.viewOf[n.Out[0]]; view {
			continue
		}
		if err := b.bind(n, work[i]); err != nil {
			return nil, err
		}
	}
	if err := b.place(); err != nil {
		return nil, err
	}
	return prog, nil
}

func (p Plan) check(kernels []ir.Kernel) (Plan, error) {
	if p.Algorithm == "" {
		p.Algorithm = "auto"
	}
	if p.Schedule.Name == "" {
		p.Schedule.Name = Heuristic
	}
	if err := CheckSchedule(p.Schedule); err != nil {
		return p, err
	}
	if p.Batch == 0 {
		p.Batch = 1
	}
	if p.Batch < 0 {
		return p, ir.Errorf(ir.Data, "a batch of %d images", p.Batch)
	}
	var have []string
	for _, k := range kernels {
		pair := k.Algorithm + " " + k.Format
		if k.Algorithm == "" || slices.Contains(have, pair) {
			continue
		}
		if p.wants(k) {
			return p, nil
		}
		have = append(have, pair)
	}
	return p, &ir.Error{
		Layer: ir.Primitive, What: "no kernel for " + p.choice(),
		Try: "there is: auto, " + strings.Join(have, ", "),
	}
}

// wants reports whether a kernel is one that the plan names.
func (p Plan) wants(k ir.Kernel) bool {
	return (p.Algorithm == "auto" || p.Algorithm == k.Algorithm) && (p.Format == "" || p.Format == k.Format)
}

// choice is the plan's line of L4.
func (p Plan) choice() string { return strings.TrimSpace(p.Algorithm + " " + p.Format) }

// binder is what Compile knows on its way.
type binder struct {
	*Program
	g       *ir.Graph
	shapes  map[string]op.Operand
	kernels []ir.Kernel
	machine ir.Machine
	plan    Plan

	viewOf map[string]string // value -> the value whose memory it is
	bound  []*ir.Node        // the nodes of steps
}

// findViews finds the nodes that only rename memory. One that hands the network's input to its output must copy.
func (b *binder) findViews() {
	b.viewOf = map[string]string{}
	for _, n := range b.g.Nodes {
		if n.Op != "Flatten" && n.Op != "Identity" {
			continue
		}
		src := b.root(n.In[0])
		_, weight := b.g.Weights[src]
		if weight || n.Out[0] == b.g.Output() && src == b.g.Input().Name {
			continue
		}
		b.viewOf[n.Out[0]] = src
	}
}

// root is the value in whose memory a value lies.
func (b *binder) root(value string) string {
	if src, ok := b.viewOf[value]; ok {
		return src
	}
	return value
}

func (b *binder) problem(n *ir.Node) ir.Problem {
	p := ir.Problem{Node: n, Out: []ir.Shape{b.shapes[n.Out[0]].Shape}, Machine: b.machine}
	for _, in := range n.In {
		p.In = append(p.In, b.shapes[in].Shape)
		p.Weights = append(p.Weights, b.g.Weights[in])
	}
	return p
}

func (b *binder) bind(n *ir.Node, w op.Work) error {
	p := b.problem(n)
	k, insteadOf, err := b.choose(p)
	if err != nil {
		return err
	}
	s := scheduleOf(b.plan.Schedule.Name, k)
	bound, err := k.Bind(p, s)
	if err != nil {
		return &ir.Error{Layer: ir.Primitive, What: fmt.Sprintf("node %q (%s): %s", n.Name, n.Op, k.Name), Err: err}
	}
	for _, parts := range bound.Phases {
		if parts < 1 || parts > maxParts {
			return ir.Errorf(ir.Primitive, "node %q (%s): %s has a phase of %d parts", n.Name, n.Op, k.Name, parts)
		}
	}
	b.steps = append(b.steps, step{bound: bound})
	b.bound = append(b.bound, n)
	b.packed += bound.PackedBytes
	b.scratch = max(b.scratch, int(bound.ScratchBytes))
	b.nodes = append(b.nodes, Node{
		Name: n.Name, Op: n.Op, Algorithm: k.Algorithm, Format: k.Format, Type: k.Type, ISA: k.ISA, Kernel: k.Name,
		MACs: w.MACs, MACsNonzero: w.Nonzero, MACsExecuted: bound.MACsExecuted,
		WorkspaceBytes: bound.WorkspaceBytes, PackedBytes: bound.PackedBytes, InsteadOf: insteadOf, Schedule: s,
	})
	return nil
}

// choose picks a node's kernel: of those that fit, those the plan names where there are any; of these the highest ISA,
// then the least estimated time.
func (b *binder) choose(p ir.Problem) (best ir.Kernel, insteadOf string, err error) {
	var fitting, wanted []ir.Kernel
	var why error
	for _, k := range b.kernels {
		if k.Op != p.Node.Op || b.level(k.ISA) < 0 {
			continue
		}
		if e := k.Fits(p); e != nil {
			why = e
			continue
		}
		fitting = append(fitting, k)
		if b.plan.wants(k) {
			wanted = append(wanted, k)
		}
	}
	if len(fitting) == 0 {
		return best, "", &ir.Error{Layer: ir.Primitive, What: fmt.Sprintf("no kernel runs node %q (%s)", p.Node.Name, p.Node.Op), Err: why}
	}
	if len(wanted) == 0 {
		if wanted = fitting; b.plan.Algorithm != "auto" || b.plan.Format != "" {
			if wanted[0].Algorithm != "" || wanted[0].Format != "" {
				insteadOf = b.plan.choice()
			}
		}
	}
	cost := func(k ir.Kernel) float64 {
		if k.Cost == nil {
			return 0
		}
		return k.Cost(p)
	}
	best = slices.MinFunc(wanted, func(x, y ir.Kernel) int {
		if d := b.level(y.ISA) - b.level(x.ISA); d != 0 {
			return d
		}
		switch cx, cy := cost(x), cost(y); {
		case cx < cy:
			return -1
		case cx > cy:
			return 1
		}
		return 0
	})
	return best, insteadOf, nil
}

// level is the rank of an ISA among those that a program may use; -1 for one that it may not.
func (b *binder) level(isa string) int {
	most := slices.Index(b.machine.ISAs, b.machine.ISA)
	if i := slices.Index(b.machine.ISAs, isa); i <= most {
		return i
	}
	return -1
}

// place plans the memory: where every value and every workspace lies, reusing what is no longer needed.
func (b *binder) place() error {
	spans := map[string]*span{}
	var list []*span
	add := func(size, at int) *span {
		s := &span{size: size, first: at, last: at}
		list = append(list, s)
		return s
	}
	workspaces := make([]*span, len(b.steps))
	outRoot := b.root(b.g.Output())
	for i, n := range b.bound {
		for _, in := range n.In {
			if s := spans[b.root(in)]; s != nil {
				s.last = i
			}
		}
		if out := n.Out[0]; out != outRoot {
			spans[out] = add(4*b.shapes[out].Shape.Elems(), i)
		}
		if bytes := b.steps[i].bound.WorkspaceBytes; bytes > 0 {
			workspaces[i] = add(int(bytes), i)
		}
	}
	var err error
	if b.arena, err = layout(list); err != nil {
		return err
	}
	find := func(value string, unpacked bool) place {
		root := b.root(value)
		size := 4 * b.shapes[root].Shape.Elems()
		switch w := b.g.Weights[root]; {
		case value == "":
			return place{}
		case w != nil && unpacked:
			return place{kind: inWeights, weight: w.Memory()}
		case w != nil:
			return place{}
		case root == b.g.Input().Name:
			return place{kind: inInput, size: size}
		case root == outRoot:
			return place{kind: inOutput, size: size}
		default:
			return place{kind: inArena, at: spans[root].at, size: size}
		}
	}
	for i, n := range b.bound {
		st := &b.steps[i]
		for _, in := range n.In {
			st.in = append(st.in, find(in, st.bound.Unpacked))
		}
		st.out = find(n.Out[0], false)
		if s := workspaces[i]; s != nil {
			st.workspace = place{kind: inArena, at: s.at, size: s.size}
		}
	}
	return nil
}
