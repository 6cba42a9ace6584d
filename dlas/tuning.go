package dlas

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/godlas/godlas/dlas/data"
	"github.com/godlas/godlas/dlas/ir"
	"github.com/godlas/godlas/dlas/primitive"
	"github.com/godlas/godlas/dlas/store"
	"github.com/godlas/godlas/dlas/system"
)

// Tuning is what the search of a tuned(N) found.
type Tuning struct {
	Trials  int         `json:"trials"`  // candidates measured, over the whole network
	New     int         `json:"new"`     // of these, in this search; the others were in the store
	Space   int         `json:"space"`   // candidates there are
	Seconds float64     `json:"seconds"` // that the search took
	Nodes   []TunedNode `json:"nodes"`   // a row for each kind of node, in the network's order

	of *Result // what Tune searched for
}

// Result is the stack that Tune has searched for, without a latency: what plot landscape draws. nil for a search that
// was part of a run, whose result has it.
func (t *Tuning) Result() *Result { return t.of }

// TunedNode is all nodes of a network that have the same structure, with every candidate that was measured.
type TunedNode struct {
	Names      []string         `json:"names"`
	Chosen     string           `json:"chosen"`    // the candidate that the network runs
	Heuristic  string           `json:"heuristic"` // what it would run untouched
	Best       string           `json:"best"`      // of the trials
	Ratio      float64          `json:"ratio"`     // time of the best candidate over that of heuristic, measured in turns
	Low        float64          `json:"low"`       // its 95 % interval
	High       float64          `json:"high"`
	Space      int              `json:"space"`
	Candidates []TunedCandidate `json:"candidates"`
}

// TunedCandidate is one way to run a node: a kernel, with the numbers of its schedule where they depart from the kernel's
// own rules.
type TunedCandidate struct {
	Kernel string  `json:"kernel"`
	Tiles  []int   `json:"tiles,omitempty"`
	MS     float64 `json:"ms"` // least of several runs inside the network
	Median float64 `json:"median"`
}

// String spells a candidate as the node table does.
func (c TunedCandidate) String() string {
	return system.Candidate{Kernel: c.Kernel, Tiles: c.Tiles}.String()
}

// Tune measures the candidates that the stack's schedule tuned(N) asks for and fills the store, without measuring the
// stack itself: a later Run finds them there. It returns the context's cause where that ends first; what was measured
// until then is kept.
func (s Stack) Tune(ctx context.Context) (*Tuning, error) {
	spec, err := s.spec.point()
	if err != nil {
		return nil, err
	}
	if !strings.HasPrefix(spec.Schedule, system.Tuned+"(") {
		return nil, &ir.Error{Layer: ir.Sched, What: "the schedule is " + spec.Schedule + ", which there is nothing to measure for", Try: "set schedule tuned(300) first"}
	}
	defer progressEnd()
	run, err := build(ctx, spec, &sets{})
	if err != nil {
		return nil, err
	}
	t := run.tuning
	t.of = run.blank()
	recent.Lock()
	recent.tuning = t
	recent.Unlock()
	return t, nil
}

// MustTune is Tune for a notebook cell: it follows the cell's interrupt and panics with an *ir.Error.
func (s Stack) MustTune() *Tuning {
	t, err := s.Tune(cellContext())
	if err != nil {
		panic(asError(err))
	}
	return t
}

// tune searches for schedules where the plan asks for it, and compiles the network with them.
func (r *runner) tune(ctx context.Context, plan system.Plan) (err error) {
	n, err := system.TrialsOf(plan.Schedule)
	if err != nil {
		return err
	}
	// The inputs' shape is that of any program of the network.
	if r.program, err = system.Compile(r.graph, primitive.Kernels(), r.machine, plan); err != nil {
		return err
	}
	inputs, err := r.inputs(warmInputs)
	if err != nil {
		return err
	}
	book := openTrials(r.machine, r.spec)
	search := system.Search{Trials: n, Inputs: inputs, Keep: book.keep}
	search.Known, search.Settled = book.read()
	search.After = func(done, of int) {
		progress(Progress{Step: "schedules", Done: done, Total: of, Unit: "candidates"})
	}
	t, err := system.Tune(ctx, r.graph, primitive.Kernels(), r.machine, plan, search)
	if err != nil {
		return err
	}
	book.settle(t.Settled)
	if book.err != nil {
		r.notes = append(r.notes, "the candidates were not stored: "+book.err.Error())
	}
	plan.Decisions = t.Decisions()
	if r.program, err = system.Compile(r.graph, primitive.Kernels(), r.machine, plan); err != nil {
		return err
	}
	r.tuning = tuningOf(t)
	return nil
}

func tuningOf(t system.Tuning) *Tuning {
	out := &Tuning{Trials: len(t.Trials), New: t.New, Space: t.Space, Seconds: t.Seconds}
	for _, s := range t.Settled {
		n := TunedNode{Names: s.Names, Chosen: s.Chosen.String(), Heuristic: s.Heuristic.String(), Best: s.Best.String(), Ratio: s.Ratio, Low: s.Low, High: s.High, Space: s.Space}
		for _, tr := range t.Trials {
			if tr.Node == s.Node {
				n.Candidates = append(n.Candidates, TunedCandidate{tr.Kernel, tr.Tiles, tr.MS, tr.Median})
			}
		}
		out.Nodes = append(out.Nodes, n)
	}
	return out
}

// trials is the file of candidates beside the results. A file that cannot be written costs a note, not the search.
type trials struct {
	store        *store.Store
	trial, ended string // keys: of candidates on this machine and build, and of what was settled for this L4
	err          error
}

func openTrials(m ir.Machine, spec Spec) *trials {
	b := &trials{}
	e := environment(m)
	b.trial = "trial " + e.Build + " " + e.Hash
	b.ended = "settled " + e.Build + " " + e.Hash + " " + spec.Primitive
	dir, err := storeDir()
	if err != nil {
		b.err = err
		return b
	}
	b.store = store.OpenFile(dir, "trials.jsonl")
	return b
}

func (b *trials) read() (known []system.Trial, settled []system.Settled) {
	if b.store == nil {
		return nil, nil
	}
	_, err := b.store.Each(func(e store.Entry) bool {
		switch e.Key {
		case b.trial:
			var t system.Trial
			if json.Unmarshal(e.Record, &t) == nil {
				known = append(known, t)
			}
		case b.ended:
			var s system.Settled
			if json.Unmarshal(e.Record, &s) == nil {
				// The newest counts.
				settled = append([]system.Settled{s}, settled...)
			}
		}
		return true
	})
	if err != nil && b.err == nil {
		b.err = err
	}
	return known, settled
}

func (b *trials) keep(t system.Trial) error {
	b.append(b.trial, t)
	return nil
}

func (b *trials) settle(list []system.Settled) {
	_, old := b.read()
	for _, s := range list {
		if s.Trials > 0 && !slices.ContainsFunc(old, func(o system.Settled) bool { return o.Node == s.Node && o.Trials == s.Trials && o.Ratio == s.Ratio }) {
			b.append(b.ended, s)
		}
	}
}

func (b *trials) append(key string, record any) {
	if b.store == nil || b.err != nil {
		return
	}
	b.err = b.store.Append(key, record)
}

// storeDir is the folder of the user's results: DLAS_STORE, else results in the cache folder.
func storeDir() (string, error) {
	if dir := os.Getenv("DLAS_STORE"); dir != "" {
		return dir, nil
	}
	cache := data.EnvFromOS().Cache
	if cache == "" {
		return "", &ir.Error{What: "there is no cache folder to keep results in", Try: "set DLAS_CACHE or DLAS_STORE"}
	}
	return filepath.Join(cache, "results"), nil
}

// String is the search in a table: a line for each kind of node that has more than one candidate.
func (t *Tuning) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%d candidates of %d, %d of them measured now, %.1f s\n", t.Trials, t.Space, t.New, t.Seconds)
	rows := [][]string{{"node", "tried", "chosen", "instead of", "best/heuristic"}}
	for _, n := range t.Nodes {
		name := n.Names[0]
		if len(n.Names) > 1 {
			name = fmt.Sprintf("%s +%d", name, len(n.Names)-1)
		}
		instead := ""
		if n.Chosen != n.Heuristic {
			instead = n.Heuristic
		}
		rows = append(rows, []string{plain(name), fmt.Sprintf("%d/%d", len(n.Candidates), n.Space), n.Chosen, instead, fmt.Sprintf("%.2f (%.2f to %.2f)", n.Ratio, n.Low, n.High)})
	}
	widths := make([]int, len(rows[0]))
	for _, r := range rows {
		for i, c := range r {
			widths[i] = max(widths[i], len([]rune(c)))
		}
	}
	for _, r := range rows {
		line := ""
		for i, c := range r {
			line += c + strings.Repeat(" ", widths[i]-len([]rune(c))+2)
		}
		b.WriteString(strings.TrimRight(line, " ") + "\n")
	}
	return b.String()
}
