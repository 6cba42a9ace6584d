package dlas

import (
	"time"

	"github.com/godlas/godlas/dlas/ir"
)

// Result is what one run of one Spec measured. Its JSON is the object that `dlas run --json` prints; a null there is
// something that this build or this Spec does not measure, never a zero.
type Result struct {
	Name        string      `json:"name,omitempty"` // given by `run as NAME`
	Spec        Spec        `json:"spec"`
	SpecHash    string      `json:"spec_hash"`
	Accuracy    *Accuracy   `json:"accuracy"` // null without labels or with random weights
	Latency     *Latency    `json:"latency_ms"`
	OverheadMS  *float64    `json:"overhead_ms"` // the do-nothing network on the same input
	Model       ModelInfo   `json:"model"`
	Nodes       []Node      `json:"nodes"`
	Tuning      *Tuning     `json:"tuning,omitempty"` // of a tuned schedule
	Scans       []*Scan     `json:"scans,omitempty"`  // that a level was chosen by, on the split val
	Environment Environment `json:"environment"`
	Notes       []string    `json:"notes,omitempty"`    // caveats and explanations, one line each
	Stored      bool        `json:"stored,omitempty"`   // taken from the store, not measured now
	Unpaired    bool        `json:"unpaired,omitempty"` // not measured in the same rounds as its neighbours in a sweep
	Time        time.Time   `json:"time"`               // when it was measured, UTC

	Explained *Explanation `json:"explain,omitempty"` // where the speed-up went, once Explain was asked

	// Seen holds the predicted and the true class of every image. It is kept in the store and left out of --json.
	Seen *Predictions `json:"-"`

	run *runner // what it was measured with; nil for a stored result until it is needed
}

// Accuracy is the share of images whose true class came first, or among the first five, with the Wilson 95 % interval
// of Top1. All are fractions.
type Accuracy struct {
	Top1   float64 `json:"top1"`
	Top5   float64 `json:"top5"`
	Low    float64 `json:"low"`
	High   float64 `json:"high"`
	N      int     `json:"n"`
	Split  string  `json:"split"`
	Digest string  `json:"digest"` // of the images used: two results with the same saw the same images
}

// Latency is the time of one Run of a whole batch in milliseconds: median, its order-statistic 95 % interval and every
// sample in time order.
type Latency struct {
	Median    float64   `json:"median"`
	Low       float64   `json:"low"`
	High      float64   `json:"high"`
	N         int       `json:"n"`
	Samples   []float64 `json:"samples"`
	Batch     int       `json:"batch"`
	StoppedBy string    `json:"stopped_by"` // what ended the measuring: width, budget, rounds, ...
}

// ModelInfo counts what the network holds after compression. MACs are of the layer's definition, for one image.
type ModelInfo struct {
	Params        int64            `json:"params"`
	NonZero       int64            `json:"nonzero"`
	MACs          int64            `json:"macs"`
	MACsNonzero   int64            `json:"macs_nonzero"`
	Bytes         int64            `json:"bytes"`            // weights as saved, each tensor in the smallest form that loses nothing
	Stored        map[string]int64 `json:"stored,omitempty"` // of those, the bytes in each form: f32, sparse f32, palette(5), ...
	MemoryBytes   int64            `json:"memory_bytes"`     // packed weights and arena of the compiled program
	Sparsity      float64          `json:"sparsity"`         // fraction of zeros among conv and linear weights
	Trained       bool             `json:"trained"`          // false: random weights, accuracy is null
	WeightsDigest string           `json:"weights_digest"`
}

// Node is one node of the compiled program. MS is the median of a separate profiled pass.
type Node struct {
	Name           string   `json:"name"`
	Members        []string `json:"members,omitempty"` // the graph's nodes that it stands for, where these are several
	Op             string   `json:"op"`
	Primitive      string   `json:"primitive"` // the algorithm
	Format         string   `json:"format"`
	Type           string   `json:"type"`
	ISA            string   `json:"isa"`
	Kernel         string   `json:"kernel"`
	Schedule       string   `json:"schedule"` // as bound to this node
	MS             *float64 `json:"ms"`
	MACs           int64    `json:"macs"`
	MACsNonzero    int64    `json:"macs_nonzero"`
	MACsExecuted   int64    `json:"macs_executed"`
	WorkspaceBytes int64    `json:"workspace_bytes"`
	PackedBytes    int64    `json:"packed_bytes"`
	MovedBytes     int64    `json:"moved_bytes"`   // that a run of the batch moves at least: inputs, weights as packed, outputs
	Roofline       *float64 `json:"roofline"`      // the least time that this machine's peaks allow for the node's MACs executed and bytes, over its time; null where no peak is known
	Bound          string   `json:"bound"`         // which of the two takes longer: compute, memory
	InsteadOf      string   `json:"instead_of"`    // the choice that does not apply to this node
	Why            string   `json:"why,omitempty"` // of a node with zeros whose kernel auto chose: why it skips them, or does not
}

// Environment is what a latency depends on beside its Spec. Load, clock and governor are what could be read just before
// measuring; they are not part of Hash.
type Environment struct {
	CPU        string   `json:"cpu"`
	Arch       string   `json:"arch"`
	ISA        string   `json:"isa"`
	ISAs       []string `json:"isas"`
	Threads    int      `json:"threads"`
	Cores      int      `json:"cores"`
	Logical    int      `json:"logical"`
	L1D        int      `json:"l1d_bytes"`
	L2         int      `json:"l2_bytes"`
	L3         int      `json:"l3_bytes"`
	OS         string   `json:"os"`
	Kernel     string   `json:"kernel"` // of the operating system
	Go         string   `json:"go"`
	GOMAXPROCS int      `json:"gomaxprocs"`
	Build      string   `json:"build"` // godlas's own version
	Governor   string   `json:"governor"`
	ClockMHz   float64  `json:"clock_mhz"`
	Load       float64  `json:"load"` // of the last minute
	Hash       string   `json:"hash"` // of CPU, ISA, caches, Go, threads
}

// Predictions are the classes that a run predicted beside the true ones, in the data set's order.
type Predictions struct {
	Classes   []string `json:"classes"`
	Predicted []int    `json:"predicted"`
	Labels    []int    `json:"labels"` // -1 where there is none
}

// Sweep is the results of all points of a stack, in the order of the points; a point that an interrupt cut off or that
// cannot be built has no result.
type Sweep struct {
	Results     []*Result  // measured or stored, in the order of Specs
	Specs       []Spec     // all points
	Varies      []ir.Layer // the layers that are not the same for all points
	Failed      []Failure
	Interrupted bool
	Done        int // of Results, those that are whole; an interrupt leaves the others with a latency alone
	Rounds      int // each measured point ran once a round, in a seeded random order
}

// Failure is a point of a sweep that could not be run.
type Failure struct {
	Spec Spec
	Err  error
}

// The verdicts of a paired comparison of two latencies, said of B against A.
const (
	Faster     = "faster"
	Slower     = "slower"
	CannotTell = "cannot tell"
)

// Comparison says how B differs from A.
type Comparison struct {
	A, B           *Result
	NameA, NameB   string
	Ratio          float64 // latency of B over latency of A: median over the rounds of the ratio of medians
	Low, High      float64 // its order-statistic 95 % interval
	Rounds         int
	Verdict        string // Faster, Slower or CannotTell
	Unpaired       bool   // the two were not measured in the same rounds
	Accuracy       *AccuracyDifference
	AccuracyRefuse string // why accuracies cannot be compared; empty where Accuracy is set
}

// AccuracyDifference is the exact McNemar test on the images that just one of the two got right.
type AccuracyDifference struct {
	OnlyA     int     // images that A alone got right
	OnlyB     int     // images that B alone got right
	P         float64 // two-sided
	Points    float64 // top-1 of B minus that of A, in percentage points
	Low, High float64 // 95 % interval of Points
	N         int
	Verdict   string // identical, no difference shown, higher, lower
}
