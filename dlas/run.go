package dlas

import (
	"context"
	"fmt"
	"time"

	"github.com/godlas/godlas/dlas/ir"
	"github.com/godlas/godlas/dlas/model"
	"github.com/godlas/godlas/dlas/primitive"
	"github.com/godlas/godlas/dlas/system"
)

// warmInputs is how many inputs latency cycles through.
const warmInputs = 32

// budget is the defined one of a latency; the tests of this package have less time.
var budget system.Budget

// Run measures the stack: accuracy and latency of the same compiled program. A stack of more than one point is an
// error that names Sweep. It returns the context's cause where that ends first, else errors are *ir.Error.
func (s Stack) Run(ctx context.Context) (*Result, error) { return s.RunAs(ctx, "") }

// RunAs is Run with a name for the result.
func (s Stack) RunAs(ctx context.Context, name string) (*Result, error) {
	spec, err := s.spec.point()
	if err != nil {
		return nil, err
	}
	defer progressEnd()
	run, err := build(ctx, spec, &sets{})
	if err != nil {
		return nil, err
	}
	r := run.blank()
	r.Name = plain(name)
	inputs, err := run.inputs(warmInputs)
	if err != nil {
		return nil, err
	}
	progress(Progress{Step: "latency"})
	m, err := system.Measure(ctx, run.program, inputs, budget)
	if err != nil {
		return nil, err
	}
	r.Latency = run.latency(m)
	if err := run.complete(ctx, r, inputs, ""); err != nil {
		return nil, err
	}
	keep(run.key(r), r)
	remember(r)
	return r, nil
}

// blank is a result with everything that needs no measuring.
func (run *runner) blank() *Result {
	c := model.Count(run.graph)
	r := &Result{
		Spec: run.spec, SpecHash: run.spec.Hash(), Environment: environment(run.machine), Time: time.Now().UTC().Round(0), run: run,
		Model: ModelInfo{
			Params: c.Params, NonZero: c.Nonzero, Bytes: c.Bytes, Stored: c.Stored, MemoryBytes: run.program.MemoryBytes(), Sparsity: c.Sparsity(),
			Trained: run.graph.Trained, WeightsDigest: run.graph.Digest,
		},
		Notes: append([]string(nil), run.notes...), Tuning: run.tuning, Scans: run.scans,
	}
	for _, n := range run.program.Nodes() {
		r.Nodes = append(r.Nodes, Node{
			Name: n.Name, Members: n.Members, Op: n.Op, Primitive: n.Algorithm, Format: n.Format, Type: string(n.Type), ISA: n.ISA, Kernel: n.Kernel,
			MACs: n.MACs, MACsNonzero: n.MACsNonzero, MACsExecuted: n.MACsExecuted,
			WorkspaceBytes: n.WorkspaceBytes, PackedBytes: n.PackedBytes, MovedBytes: n.Bytes * int64(max(1, run.batch)/n.Images), InsteadOf: n.InsteadOf, Why: n.Why, Schedule: scheduleText(n.Schedule),
		})
		r.Model.MACs += n.MACs
		r.Model.MACsNonzero += n.MACsNonzero
	}
	if t := run.tuning; t != nil {
		r.Notes = append(r.Notes, fmt.Sprintf("schedules: %d candidates of %d, %d of them measured now, %.1f s; plot landscape draws them", t.Trials, t.Space, t.New, t.Seconds))
	}
	if note := leftDense(r.Nodes); note != "" {
		r.Notes = append(r.Notes, note)
	}
	switch {
	case !run.graph.Trained && run.fromFile:
		r.Notes = append(r.Notes, "random weights: the file says that nobody has trained them")
	case !run.graph.Trained:
		r.Notes = append(r.Notes, "random weights: there are no trained ones of "+run.spec.Model+" for "+run.set.Name)
	case run.set.Caveat != "":
		r.Notes = append(r.Notes, run.set.Caveat)
	}
	return r
}

// leftDense says of the nodes with zeros that auto gave to dense kernels how many there are, and why of the one with the
// most zeros; empty where there is none.
func leftDense(nodes []Node) string {
	n, most := 0, Node{}
	for _, x := range nodes {
		if x.Format == primitive.Dense && x.Why != "" && x.InsteadOf == "" {
			if n++; x.MACs-x.MACsNonzero > most.MACs-most.MACsNonzero {
				most = x
			}
		}
	}
	switch n {
	case 0:
		return ""
	case 1:
		return fmt.Sprintf("auto leaves one node with zeros to a dense kernel, %s: %s", most.Name, most.Why)
	}
	return fmt.Sprintf("auto leaves %d nodes with zeros to dense kernels, such as %s: %s; nodes says it of each", n, most.Name, most.Why)
}

// latency sums up the samples of a measurement.
func (run *runner) latency(m system.Samples) *Latency {
	l := &Latency{N: len(m.MS), Samples: m.MS, Batch: run.batch, StoppedBy: m.StoppedBy}
	l.Median, l.Low, l.High = m.Interval()
	return l
}

// scheduleText is a bound schedule: its name and, where it fixes them, its tiles.
func scheduleText(s ir.Schedule) string {
	if len(s.Tiles) == 0 {
		return s.Name
	}
	return fmt.Sprintf("%s%v", s.Name, s.Tiles)
}

// complete measures all but the latency: time by node, overhead, accuracy.
func (run *runner) complete(ctx context.Context, r *Result, inputs [][]float32, label string) error {
	progress(Progress{Step: "time by node", Label: label})
	times, err := run.program.Profile(ctx, inputs[0], profileRounds)
	if err != nil {
		return err
	}
	for i := range times {
		r.Nodes[i].MS = &times[i]
	}
	run.roofline(r)
	overhead, err := system.Overhead(ctx, primitive.Kernels(), run.machine, run.program.InShape())
	if err != nil {
		return err
	}
	r.OverheadMS = &overhead
	seen, top5, err := run.classify(ctx, label)
	if err != nil {
		return err
	}
	r.Seen = seen
	if _, labelled := run.set.Label(0); labelled && run.graph.Trained {
		r.Accuracy = score(seen, top5, run.set.Split, run.set.Digest)
	}
	return nil
}

// profileRounds is how often the profiled pass runs.
const profileRounds = 30

// key is what the store finds the result by.
func (run *runner) key(r *Result) string {
	return recordKey(r, run.set.Digest, run.set.Len(), run.batch, run.set.Split, seed)
}
