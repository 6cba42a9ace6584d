package ir

import "context"

// Machine is what L6 tells of the hardware it stands for.
type Machine struct {
	Vendor   string
	CPU      string   // brand string
	Arch     string   // GOARCH
	ISA      string   // the level that kernels may use: go, avx2, ...
	ISAs     []string // the levels that this machine has, least first
	Threads  int      // worker threads of a program
	Cores    int      // physical cores within affinity and CPU quota
	Logical  int
	L1D, L2  int // bytes a core
	L3       int // bytes
	Governor string
}

// leastPixels is how many pixels of a map a thread needs to be worth reading all weights: fewer are done before the
// weights have come from the last cache.
const leastPixels = 64

// ByRows is the rule by which all kernels cut maps for threads: rows for each thread, with all their channels, or (false)
// channels, with all their pixels. What a thread reads is then mostly what it has written, and does not have to come out
// of another core's cache, which is several times slower than its own.
func (m Machine) ByRows(s Shape) bool {
	return len(s) == 4 && s[0]*s[2] >= 2*m.Threads && s[0]*s[2]*s[3] >= leastPixels*m.Threads
}

// Schedule is what L5 decides for one node: how its loops are cut. The meaning of each number is the kernel's; 0, or no
// number, leaves it to the kernel's rules by shape.
type Schedule struct {
	Name  string // untuned, heuristic, tuned
	Tiles []int
}

// Problem is a node with everything that a kernel needs to decide whether it can run it and to pack its weights:
// shapes and types for the batch it will run, and weights by input position (nil where the input is an activation or
// left out). InLayout and OutLayout are final for Bind. For Fits, Cost and Layouts only the Blocks and Grids of InLayout are
// known: those in which the inputs are made. A nil slice of types or layouts stands for f32 and plain.
type Problem struct {
	Node      *Node
	In        []Shape
	Out       []Shape
	InType    []Type
	OutType   []Type
	InLayout  []Layout
	OutLayout []Layout
	Weights   []*Tensor
	Machine   Machine
	// Known is where those keep what they find who are asked about the node: nil where nobody else will be.
	Known *Known
	// Spent takes, where it is not nil, what Bind has packed of the weights' elements and will not read again, piece by piece;
	// a kernel need not call it. Pieces may come at the same time.
	Spent func(part Memory)
}

// LayoutIn is the layout of input i, plain where none is told.
func (p Problem) LayoutIn(i int) Layout {
	if i < len(p.InLayout) {
		return p.InLayout[i]
	}
	return Plain
}

// LayoutOut is the layout of output i, plain where none is told.
func (p Problem) LayoutOut(i int) Layout {
	if i < len(p.OutLayout) {
		return p.OutLayout[i]
	}
	return Plain
}

// TypeIn is the type of input i, f32 where none is told.
func (p Problem) TypeIn(i int) Type {
	if i < len(p.InType) && p.InType[i] != "" {
		return p.InType[i]
	}
	return F32
}

// TypeOut is the type of output i, f32 where none is told.
func (p Problem) TypeOut(i int) Type {
	if i < len(p.OutType) && p.OutType[i] != "" {
		return p.OutType[i]
	}
	return F32
}

// Exactness is the class of a kernel's largest error (DEFINITIONS: exactness classes).
type Exactness string

// The classes: equal, 2e-5 and 1e-4 of the largest magnitude against float64 on the same weights.
const (
	ExactInt      Exactness = "int"
	ExactF32      Exactness = "f32"
	ExactWinograd Exactness = "winograd"
)

// Kernel is a row of L4's table: one way to run one operator.
type Kernel struct {
	Name      string // conv_f32_gemm_csr__avx2: operator, type, algorithm, format, ISA
	Op        string
	Algorithm string // direct, gemm, ...; empty for operators that have but one
	Format    string // dense, csr
	Type      Type
	ISA       string // least level needed
	Exact     Exactness
	// Fits says why the kernel cannot run the problem; nil: it can.
	Fits func(Problem) error
	// Cost estimates the time of one run, in clock cycles of one thread: what auto chooses by. nil: no other kernel
	// competes.
	Cost func(Problem) float64
	// Worth says whether the kernel may be the fastest at all, by a look that is much cheaper than Cost: of kernels that skip
	// zeros, whether there are any to speak of. Those that are not are asked no more, unless their format is named. nil: it may.
	Worth func(Problem) bool
	// Layouts says in which Block, and with what least Border, it wants each input that is an activation, and in which
	// Block it makes its outputs; an element-wise kernel answers with what its first input has. nil: plain everywhere.
	Layouts func(Problem) (in, out []Layout)
	// Strips says that it knows of values in strips. To others these are told as blocks, in which they then get them.
	Strips bool
	// Schedules are the candidates that a tuner may try; nil: the kernel has none.
	Schedules func(Problem) []Schedule
	// InPlace are the inputs that may lie in the same memory as output 0 if shapes, types and layouts agree: the kernel
	// reads each of their elements before it, or any other part, writes that place.
	InPlace []int
	// Bind packs the weights and returns what runs the node. It may be slow; Run may not allocate. An empty Schedule is
	// heuristic, the kernel's own rules by shape.
	Bind func(Problem, Schedule) (Bound, error)
}

// Bound is a kernel bound to a node.
type Bound struct {
	// Run does one part. It may not allocate, and may be called for different parts at the same time.
	Run func(Call)
	// Phases is the number of parts of each phase. A phase begins when the one before has ended; the parts of one phase
	// may run on different threads in any order.
	Phases []int
	// Unpacked: Run reads weights from Call.In. Otherwise Bind has packed what it needs, and they are nil there.
	Unpacked       bool
	WorkspaceBytes int64 // what the node wants while it runs (im2col matrix, padded copy), 64-byte aligned
	ScratchBytes   int64 // what each thread wants for itself (Call.Scratch), 64-byte aligned
	PackedBytes    int64 // weights as packed
	MACsExecuted   int64 // what it issues for one image, stored zeros and padding included
}

// Call is one part of one run of a node.
type Call struct {
	In        []Memory // by input position; nil for an input left out, and for a weight unless Unpacked
	Out       []Memory
	Workspace Memory // of the node; holds anything when phase 0 begins
	Scratch   Memory // of the thread; holds anything when a part begins
	Phase     int
	Part      int
	Thread    int
}

// Runner runs a graph with one input on a batch of preprocessed images (N x C x H x W) and can show what its nodes made:
// see, where it is not nil, gets each node's first output where that is f32 and depends on the input, in the graph's order,
// all images of the batch one after the other along its first axis. The tensors are the caller's to keep. The result is
// the graph's first output.
type Runner interface {
	Run(ctx context.Context, g *Graph, batch *Tensor, see func(n *Node, out *Tensor)) (logits *Tensor, err error)
}

// Meter times a graph: the median milliseconds of one run. A graph that is asked for again is measured again, and the
// median is that of all its samples: who compares several asks for them in turns.
type Meter interface {
	Time(ctx context.Context, g *Graph) (ms float64, err error)
}

// Samples are preprocessed images that something may be chosen by; no score is ever taken on them. Read may be called by
// many goroutines.
type Samples interface {
	// Len is the number of images; 0 where there are none, and Read then says why.
	Len() int
	// Read writes image i, as the network's first input wants it, to dst, and returns its class, counted as the network's
	// outputs are; -1 where it has no label.
	Read(i int, dst []float32) (class int, err error)
}
