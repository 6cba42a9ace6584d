package dlas

import (
	"context"
	"strings"

	"github.com/godlas/godlas/dlas/ir"
	"github.com/godlas/godlas/dlas/ir/op"
	"github.com/godlas/godlas/dlas/primitive"
	"github.com/godlas/godlas/dlas/system"
)

// Explanation says how much faster compression should have made a network, how much faster it is, and where the rest
// went. Times are milliseconds of one run of a batch. Its JSON is the object explain of a result.
//
// Gap, the measured time less what was expected, is the sum of all Parts and Unexplained. A part is the sum over nodes of
// differences of measured times: what the compressed network's node takes, less what the baseline's node takes of the
// same kind, scaled to the work that is left. A negative part is time gained where none was promised.
type Explanation struct {
	Spec         Spec   `json:"spec"`
	SpecHash     string `json:"spec_hash"`
	Baseline     Spec   `json:"baseline"` // the same Spec with compress none and format dense
	BaselineHash string `json:"baseline_hash"`
	Own          *Own   `json:"own,omitempty"` // what no pass has compressed, but whoever made the network

	WeightsLeft float64 `json:"weights_left"` // conv and linear weights that are not zero, over those of the baseline
	Zeros       float64 `json:"zeros"`        // fraction of zeros among those that there are: the sparsity

	WorkLeft float64 `json:"work_left"` // non-zero multiply-accumulates over those of the baseline; over all of them where the zeros are the network's own
	Ideal    float64 `json:"ideal"`     // speed-up if time were work: the baseline's macs over macs_nonzero
	Expected float64 `json:"expected"`  // speed-up if every node took its share of the work, of its type's peak
	Speedup  float64 `json:"speedup"`   // measured, paired with the baseline: time of the baseline over this one's
	Low      float64 `json:"low"`       // its 95 % interval
	High     float64 `json:"high"`
	Verdict  string  `json:"verdict"` // Faster, Slower or CannotTell, of this against the baseline
	Rounds   int     `json:"rounds"`

	BaselineMS float64 `json:"baseline_ms"`
	ExpectedMS float64 `json:"expected_ms"` // baseline_ms over expected
	MS         float64 `json:"ms"`
	Gap        float64 `json:"gap_ms"`       // ms - expected_ms
	Noise      float64 `json:"noise_ms"`     // half the interval's width; it is no part
	Untouched  float64 `json:"untouched_ms"` // what expected allows more than ideal: nodes without or with little compressed work
	Type       float64 `json:"type_ms"`      // what the type's peak takes off (negative)
	Least      float64 `json:"least_ms"`     // what the peaks of multiply-accumulates and of memory ask of all nodes at least

	Parts       []Part          `json:"parts"` // largest first
	Unexplained float64         `json:"unexplained_ms"`
	Limit       float64         `json:"unexplained_limit_ms"` // the largest of 10 % of the gap, 2 % of the baseline and the noise
	Nodes       []ExplainedNode `json:"nodes"`                // most lost first
	Environment Environment     `json:"environment"`
	Notes       []string        `json:"notes,omitempty"` // what a reader must know, one line each

	name string
	auto bool // the format was left to the automatic choice
	more bool // the machine has a higher instruction set than the one chosen
}

// Part is a reason for which time was lost or, negative, gained.
type Part struct {
	Name  string  `json:"name"`
	Layer string  `json:"layer"` // of the stack: L4, L5, L6
	MS    float64 `json:"ms"`
	Text  string  `json:"text"` // what it is, in one sentence
	Try   string  `json:"try,omitempty"`
}

// ExplainedNode is a node of the compressed network, or several that run what is one step of the baseline.
type ExplainedNode struct {
	Name       string             `json:"name"`
	Kernel     string             `json:"kernel"`
	Before     string             `json:"before"` // the baseline's kernel
	BaselineMS float64            `json:"baseline_ms"`
	ExpectedMS float64            `json:"expected_ms"`
	MS         float64            `json:"ms"` // where it stands
	Warm       float64            `json:"warm_ms"`
	Evicted    float64            `json:"evicted_ms"`
	Memory     float64            `json:"memory_ms"` // the least that moving its bytes takes, by the roofline
	Least      float64            `json:"least_ms"`  // the least that its multiply-accumulates and its bytes take, by the roofline
	WorkLeft   *float64           `json:"work_left"` // null without multiply-accumulates
	Lost       float64            `json:"lost_ms"`   // ms - expected_ms
	Parts      map[string]float64 `json:"parts"`     // milliseconds of each reason that has any
	// Where a dense kernel that nobody insisted on multiplies zeros: how long the best sparse format takes, alone and warm as
	// Warm is, without the conversions around it; null where none was measured.
	Sparse       *float64 `json:"sparse_ms"`
	SparseFormat string   `json:"sparse_format,omitempty"`
	Text         string   `json:"text,omitempty"`
}

// dissect is how nodes are timed; the tests of this package have less time, beside whatever else the machine does.
var dissect system.DissectOptions

// Explain measures a result's network anew, paired with its baseline, node by node, and says where the speed-up went that
// compression allowed. It keeps the explanation in the result. It returns the context's cause where that ends first, else
// errors are *ir.Error.
func Explain(ctx context.Context, r *Result) (*Explanation, error) {
	if r == nil {
		return nil, &ir.Error{What: "there is no result to explain", Try: "measure one with run"}
	}
	defer progressEnd()
	now, err := r.program(ctx)
	if err != nil {
		return nil, err
	}
	spec := now.spec.baseline()
	progress(Progress{Step: "explain", Label: "baseline " + spec.Primitive})
	base, err := build(ctx, spec, &sets{})
	if err != nil {
		return nil, err
	}
	if base, err = base.inFloats(ctx, now); err != nil {
		return nil, err
	}
	e, err := explain(ctx, base, now)
	if err != nil {
		return nil, err
	}
	e.name = r.Name
	e.Notes = append(e.Notes, r.caveats(e)...)
	r.Explained = e
	return e, nil
}

// Explain is the notebook's form of the function Explain: it follows the cell's interrupt and panics with an *ir.Error.
func (r *Result) Explain() *Explanation {
	e, err := Explain(cellContext(), r)
	if err != nil {
		panic(asError(err))
	}
	return e
}

// baseline is the Spec that a compressed one is judged by: nothing compressed, no format but dense.
func (s Spec) baseline() Spec {
	s.Compress, s.Primitive = "none", withFormat(s.Primitive, primitive.Dense)
	if c, err := s.Canonical(); err == nil {
		return c
	}
	return s
}

// withFormat is a choice of L4 with another format.
func withFormat(choice, format string) string {
	algorithm, _ := pairOf(choice)
	return algorithm + " " + format
}

// pairOf splits a canonical choice of L4.
func pairOf(choice string) (algorithm, format string) {
	algorithm = primitive.Auto
	for _, w := range strings.Fields(choice) {
		if primitive.IsFormat(w) {
			format = w
		} else {
			algorithm = w
		}
	}
	return algorithm, format
}

// explain measures two runners, and takes the time apart.
func explain(ctx context.Context, base, now *runner) (*Explanation, error) {
	ib, err := base.inputs(warmInputs)
	if err != nil {
		return nil, err
	}
	in, err := now.inputs(warmInputs)
	if err != nil {
		return nil, err
	}
	plain, err := base.plainer(now)
	if err != nil {
		return nil, err
	}
	var beside []*system.Program
	if plain != nil {
		beside = append(beside, plain)
	}
	others, err := now.sparser()
	if err != nil {
		return nil, err
	}
	for _, o := range others {
		beside = append(beside, o.program)
	}
	best := bestOf(now.machine)
	a := anatomy{
		machine: now.machine, best: best.ISA, batch: now.batch, peak: peakOf(now.machine), bestPeak: peakOf(best), native: uncompressed(now.spec),
	}
	if a.overhead, err = system.Overhead(ctx, primitive.Kernels(), now.machine, now.program.InShape()); err != nil {
		return nil, err
	}
	o := dissect
	o.Beside = beside
	o.After = func(done, of int) { progress(Progress{Step: "explain", Done: done, Total: of, Unit: "rounds"}) }
	c, d, err := system.Dissect(ctx, base.program, now.program, ib, in, o)
	if err != nil {
		return nil, err
	}
	a.base, a.now = sideOf(base.program, d[0]), sideOf(now.program, d[1])
	times := d[2:]
	if plain != nil {
		a.plain, times = sideOf(plain, times[0]), times[1:]
	}
	for i, o := range others {
		a.sparse = append(a.sparse, sparse{o.format, sideOf(o.program, times[i])})
	}
	a.base.ms, _, _ = c.A.Interval()
	a.now.ms, _, _ = c.B.Interval()
	a.ratio, a.low, a.high = c.Ratio, c.Low, c.High
	e := a.explain()
	e.Verdict, e.Rounds = string(c.Verdict), len(c.Ratios)
	e.Spec, e.SpecHash, e.Baseline, e.BaselineHash = now.spec, now.spec.Hash(), base.spec, base.spec.Hash()
	e.Environment = environment(now.machine)
	was, _ := filled(base.graph)
	left, all := filled(now.graph)
	e.WeightsLeft, e.Zeros = float64(left)/float64(max(1, was)), 1-float64(left)/float64(max(1, all))
	algorithm, format := pairOf(now.spec.Primitive)
	e.auto, e.more = algorithm == primitive.Auto && format == "", a.best != now.machine.ISA
	e.Own = now.own(base)
	e.say()
	return e, nil
}

// plainer is the baseline with dense kernels of the algorithms that the compressed network runs, where the baseline runs
// minimal filtering and the compressed one does not; nil where that is nowhere so.
func (run *runner) plainer(now *runner) (*system.Program, error) {
	lost := false
	before := map[string]system.Node{}
	for _, n := range run.program.Nodes() {
		before[n.Name] = n
	}
	for _, n := range now.program.Nodes() {
		lost = lost || before[n.Name].Algorithm == primitive.Winograd && n.Algorithm != primitive.Winograd
	}
	if !lost {
		return nil, nil
	}
	choices, err := choicesOf(run.spec)
	if err != nil {
		return nil, err
	}
	sched := choices[ir.Sched][0]
	if sched.Name == system.Tuned {
		sched = ir.Choice{Name: system.Heuristic}
	}
	return system.Shared(run.graph, primitive.Kernels(), run.machine, system.Plan{Algorithm: primitive.Direct, Format: primitive.Dense, Schedule: sched, Batch: run.batch})
}

// filled counts a network's convolution and linear weights: those that are not zero, and all.
func filled(g *ir.Graph) (nonzero, all int64) {
	for _, w := range op.Weights(g) {
		nonzero, all = nonzero+op.Nonzero(g.Weights[w.Name]), all+int64(w.Elems())
	}
	return nonzero, all
}
