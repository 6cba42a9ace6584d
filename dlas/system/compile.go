// Package system is DLAS's fifth layer: it rewrites a network, binds each node to a kernel with a schedule, plans the
// memory, runs the result on threads, and measures it.
package system

import (
	"cmp"
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
	// Decisions are candidates by Node.Key, which take the place of what estimates and rules by shape would choose.
	Decisions map[string]Candidate
	// Consume says that the graph and the memory of its weights are nobody else's: Compile gives that memory back as it
	// packs them, so that a network is hardly ever in memory twice. The graph is then of no more use.
	Consume bool
	gather  bool // note every node's candidates
	apart   bool // no chains: every node is a step
	cut     int  // nodes that take image by image; 0: by the estimate, -1: none
}

// Node is a node of a program. MACs are of one image.
type Node struct {
	Name, Op          string
	Members           []string // the graph's nodes that it stands for, where these are several
	Algorithm, Format string
	Type              ir.Type
	ISA, Kernel       string
	MACs, MACsNonzero int64
	MACsExecuted      int64
	WorkspaceBytes    int64
	PackedBytes       int64
	Images            int    // that it takes at a time: the batch, or 1 where the network's first nodes go image by image
	Bytes             int64  // that it moves for these at least: inputs, weights as packed, outputs
	PartMACs          int64  // of a part, in the mean, which a run that is cancelled ends after
	PartBytes         int64  // that it reads and writes, packed weights too
	InsteadOf         string // the choice that does not apply to this node
	Why               string // of a node with zeros: why its kernel skips them, or does not
	Schedule          ir.Schedule
	Key               string // structural hash of the node, in a program whose plan has Decisions

	space  []Candidate
	blocks []string
}

// Program is a network ready to run. It is safe for use by many goroutines.
type Program struct {
	batch           int
	inputs, outputs []ir.Value // with the shapes of a whole batch
	nodes           []Node
	steps           []step
	arena           int // bytes
	scratch         int // bytes a thread
	packed          int64
	l2              int // bytes of a core's second-level cache
	crew            *crew
	head            *Program  // what each image of a batch goes through by itself, on one thread; nil: nothing
	between         ir.Layout // of what it makes for the steps
	crewed          []*state  // of the crew's threads, an image's memory each

	mu   sync.Mutex
	idle []*state
}

// step is a node as it runs. Places are where its inputs, outputs and workspace are; frames are the borders of what
// begins to exist with it.
type step struct {
	bound     ir.Bound
	in, out   []place
	workspace place
	frames    []frame
}

// place is a piece of memory of a run.
type place struct {
	kind   placeKind
	index  int // of the network's input or output
	at     int // in it or in the arena, in bytes
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
	g, scales, err := rewrite(g)
	if err != nil {
		return nil, err
	}
	b := newBinder(g, scales, kernels, m, p)
	if b.values, err = op.Infer(g, p.Batch); err != nil {
		return nil, err
	}
	b.spent = b.newConsumption()
	if cut := b.cutImages(); cut.nodes > 0 {
		return b.split(cut)
	}
	return b.compile()
}

func newBinder(g *ir.Graph, scales map[string]scale, kernels []ir.Kernel, m ir.Machine, p Plan) *binder {
	b := &binder{
		Program: &Program{batch: p.Batch, crew: crewOf(m.Threads), l2: cmp.Or(m.L2, 1<<20)}, g: g, kernels: kernels, machine: m, plan: p,
		scales: scales, same: map[string]string{}, forms: map[string][]*form{}, joined: map[*form]bool{},
		known: map[*ir.Node]*ir.Known{},
	}
	b.families = b.familiesOf(kernels)
	return b
}

// compile makes the program of a graph whose values are known.
func (b *binder) compile() (*Program, error) {
	for _, f := range []func() error{b.draftAll, b.joinAll, b.bindAll} {
		if err := f(); err != nil {
			return nil, err
		}
	}
	return b.Program, nil
}

// split makes a program whose first nodes take image by image.
func (b *binder) split(cut imageCut) (*Program, error) {
	m, p := b.machine, b.plan
	m.Threads, p.Batch = 1, 1
	h := newBinder(cut.head, b.scales, b.kernels, m, p)
	h.given, h.spent = cut.between, b.spent
	var err error
	if h.values, err = op.Infer(cut.head, 1); err != nil {
		return nil, err
	}
	head, err := h.compile()
	if err != nil {
		return nil, err
	}
	if cut.tail == nil {
		t := b.Program
		for _, v := range head.inputs {
			t.inputs = append(t.inputs, b.value(v.Name))
		}
		for _, v := range head.outputs {
			t.outputs = append(t.outputs, b.value(v.Name))
		}
		t.head, t.nodes, t.packed = head, head.nodes, head.packed
		return t, nil
	}
	t := newBinder(cut.tail, b.scales, b.kernels, b.machine, b.plan)
	t.taken, t.spent = cut.between, b.spent
	if t.values, err = op.Infer(cut.tail, b.plan.Batch); err != nil {
		return nil, err
	}
	tail, err := t.compile()
	if err != nil {
		return nil, err
	}
	tail.inputs = nil
	for _, v := range head.inputs {
		tail.inputs = append(tail.inputs, b.value(v.Name))
	}
	tail.between, tail.head, tail.nodes, tail.packed = cut.between, head, slices.Concat(head.nodes, tail.nodes), head.packed+tail.packed
	return tail, nil
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
