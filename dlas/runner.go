package dlas

import (
	"context"
	"strconv"
	"sync"
	"weak"

	"github.com/godlas/godlas/dlas/compress"
	"github.com/godlas/godlas/dlas/data"
	"github.com/godlas/godlas/dlas/hardware"
	"github.com/godlas/godlas/dlas/internal/grammar"
	"github.com/godlas/godlas/dlas/ir"
	"github.com/godlas/godlas/dlas/model"
	"github.com/godlas/godlas/dlas/primitive"
	"github.com/godlas/godlas/dlas/system"
)

// seed is that of random weights.
const seed = 1

// runner is one point made ready: its network compiled for its data.
type runner struct {
	spec    Spec
	set     *data.Set
	graph   *ir.Graph // compressed, before the rewriting
	machine ir.Machine
	program *system.Program
	batch   int
	notes   []string
	tuning  *Tuning // of a tuned schedule
	consume bool    // the graph is compiled only once
	opened  *sets
	scans   []*Scan // that levels of L3 were chosen by
	shares  bool    // its compressed network is that of other points, which differ in L4 to L6 alone

	fromFile   bool // the model is a file of the user's
	background int  // the outputs before the first class: 1 where the network has one for the background
}

// build makes a point ready, from L1 to L6. spec is canonical and has one choice a layer.
func build(ctx context.Context, spec Spec, opened *sets) (*runner, error) {
	f, err := resolve(ctx, spec)
	if err != nil {
		return nil, err
	}
	spec = f.spec
	c, err := choicesOf(spec)
	if err != nil {
		return nil, err
	}
	r := &runner{spec: spec, opened: opened, scans: f.scans, notes: f.notes, shares: true}

	// L1 Datasets & Problem Spaces
	if r.set, err = opened.open(c[ir.Data][0]); err != nil {
		return nil, err
	}
	if r.batch, err = strconv.Atoi(c[ir.Data][0].Arg("batch", "1")); err != nil {
		return nil, ir.Errorf(ir.Data, "batch=%s is not a number", c[ir.Data][0].Arg("batch", "1"))
	}

	// L2 Models & Neural Architectures
	r.fromFile = model.IsFile(c[ir.Model][0].Name)
	if r.graph, err = model.Build(c[ir.Model][0], request(r.set)); err != nil {
		return nil, err
	}

	if err := r.fit(); err != nil {
		return nil, err
	}

	if err = r.compile(ctx, c); err != nil {
		return nil, err
	}
	r.findBackground(r.program.OutShape().Elems() / r.batch)
	return r, nil
}

// compile is build from L3 on, for a network that is there.
func (r *runner) compile(ctx context.Context, c map[ir.Layer][]ir.Choice) (err error) {
	// L6 Hardware, which says what the layers above it may use
	if r.machine, err = hardware.Resolve(c[ir.Hardware][0]); err != nil {
		return err
	}
	plan := planOf(c, r.batch)

	// L3 Model Optimisations
	var of ir.Choice
	if r.set != nil {
		of = c[ir.Data][0]
	}
	var notes []string
	if r.graph, notes, err = r.shrunk(ctx, c[ir.Compress], toolsFor(r.graph, of, r.opened, r.machine, plan)); err != nil {
		return err
	}

	// L4 Algorithms & Data Formats, bound by L5 Systems Software
	r.notes = append(r.notes, notes...)
	if plan.Schedule.Name == system.Tuned {
		err = r.tune(ctx, plan)
	} else {
		plan.Consume = r.consume
		r.program, err = system.Shared(r.graph, primitive.Kernels(), r.machine, plan)
	}
	return err
}

// shrunk is shrink, once for all points of a sweep with the same L1 to L3: what the passes see is run alike whatever L4 to
// L6 are, and only what a Meter has measured depends on these.
func (r *runner) shrunk(ctx context.Context, cs []ir.Choice, t compress.Tools) (*ir.Graph, []string, error) {
	if !r.shares || r.opened == nil {
		return shrink(ctx, r.graph, cs, t)
	}
	key := Spec{Data: r.spec.Data, Model: r.spec.Model, Compress: r.spec.Compress}
	if n, ok := r.opened.network(key); ok {
		return n.graph, n.notes, nil
	}
	g, notes, err := shrink(ctx, r.graph, cs, t)
	if m, ok := t.Meter.(*meter); err == nil && ok && !m.used() {
		r.opened.keep(key, network{g, notes})
	}
	return g, notes, err
}

// compressed is the runner with the network raw, compressed as a text of L3 says.
func (r *runner) compressed(ctx context.Context, raw *ir.Graph, text string) (*runner, error) {
	c, err := r.choices(text)
	if err != nil {
		return nil, err
	}
	run := *r
	run.graph, run.notes, run.tuning, run.program, run.shares = raw, nil, nil, nil, false
	if err := run.compile(ctx, c); err != nil {
		return nil, err
	}
	return &run, nil
}

// choices are the runner's with those of a text of L3, levels that are still to be found excepted.
func (r *runner) choices(text string) (map[ir.Layer][]ir.Choice, error) {
	c, err := choicesOf(r.spec)
	if err != nil {
		return nil, err
	}
	line, err := grammar.Parse(ir.Compress, text)
	if err != nil {
		return nil, err
	}
	points, err := line.Points(ir.Compress)
	if err != nil {
		return nil, err
	}
	c[ir.Compress] = points[0]
	return c, nil
}

// networks are a Spec's network before its compression and after, of which nothing is compiled but what finds levels.
func networks(ctx context.Context, spec Spec) (before, after *ir.Graph, err error) {
	f, err := resolve(ctx, spec)
	if err != nil {
		return nil, nil, err
	}
	c, err := choicesOf(f.spec)
	if err != nil {
		return nil, nil, err
	}
	opened := &sets{}
	set, err := opened.open(c[ir.Data][0])
	if err != nil {
		return nil, nil, err
	}
	if before, err = model.Build(c[ir.Model][0], request(set)); err != nil {
		return nil, nil, err
	}
	m, err := hardware.Resolve(c[ir.Hardware][0])
	if err != nil {
		return nil, nil, err
	}
	after, _, err = shrink(ctx, before, c[ir.Compress], toolsFor(before, c[ir.Data][0], opened, m, planOf(c, 1)))
	return before, after, err
}

// planOf is the line of L4 with the schedule of L5.
func planOf(c map[ir.Layer][]ir.Choice, batch int) system.Plan {
	plan := system.Plan{Algorithm: c[ir.Primitive][0].Name, Schedule: c[ir.Sched][0], Batch: batch}
	if len(c[ir.Primitive]) > 1 {
		plan.Format = c[ir.Primitive][1].Name
	}
	return plan
}

// choicesOf parses the layers of a point.
func choicesOf(spec Spec) (map[ir.Layer][]ir.Choice, error) {
	out := make(map[ir.Layer][]ir.Choice)
	for _, l := range ir.Layers() {
		line, err := grammar.Parse(l, spec.Layer(l))
		if err != nil {
			return nil, err
		}
		points, err := line.Points(l)
		if err != nil {
			return nil, err
		}
		out[l] = points[0]
	}
	return out, nil
}

// request is what the network of a set must fit.
func request(set *data.Set) model.Request {
	env := data.EnvFromOS()
	return model.Request{
		Data: set.Name, C: set.Shape[0], H: set.Shape[1], W: set.Shape[2],
		Classes: len(set.Classes), MinClasses: set.MinClasses, Scalable: set.Pictures(), ClassNames: set.Classes, Env: model.Env{Dir: env.Dir, Cache: env.Cache}, Seed: seed,
	}
}

// sets keeps the opened data sets of a sweep and its compressed networks, so that its points share them.
type sets struct {
	mu       sync.Mutex // a pass whose run has ended may still ask
	byChoice map[string]*data.Set
	networks map[Spec]network // by L1 to L3
}

// network is a compressed network, and what its passes have said.
type network struct {
	graph *ir.Graph
	notes []string
}

func (s *sets) network(key Spec) (network, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	n, ok := s.networks[key]
	return n, ok
}

func (s *sets) keep(key Spec, n network) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.networks == nil {
		s.networks = map[Spec]network{}
	}
	s.networks[key] = n
}

// open opens a set, each once.
func (s *sets) open(c ir.Choice) (*data.Set, error) {
	key := c.String()
	s.mu.Lock()
	defer s.mu.Unlock()
	if set, ok := s.byChoice[key]; ok {
		return set, nil
	}
	set, err := data.Open(c, data.EnvFromOS())
	if err != nil {
		return nil, err
	}
	if s.byChoice == nil {
		s.byChoice = make(map[string]*data.Set)
	}
	set = intern(set)
	s.byChoice[key] = set
	return set, nil
}

// interned are the sets that results of this process hold, by digest: a notebook of a hundred runs keeps one copy of
// its images.
var interned struct {
	sync.Mutex
	sets map[string]weak.Pointer[data.Set]
}

// intern returns a set that is in use already where it is the same as this one.
func intern(set *data.Set) *data.Set {
	key := set.Key()
	interned.Lock()
	defer interned.Unlock()
	if old := interned.sets[key].Value(); old != nil {
		return old
	}
	if interned.sets == nil {
		interned.sets = make(map[string]weak.Pointer[data.Set])
	}
	interned.sets[key] = weak.Make(set)
	return set
}

// input prepares the batch that begins with image first; beyond the last image it begins again with the first.
func (r *runner) input(first int, images []ir.Image, dst []float32) error {
	for i := range images {
		var err error
		if images[i], err = r.set.Image((first + i) % r.set.Len()); err != nil {
			return err
		}
	}
	return model.Prepare(r.graph.Prep, images, dst)
}

// inputs are the first batches of the set, at most n.
func (r *runner) inputs(n int) ([][]float32, error) {
	if r.set == nil { // a network without data: standard normal numbers
		return normals(r.program.InShape()), nil
	}
	n = max(1, min(n, (r.set.Len()+r.batch-1)/r.batch))
	images := make([]ir.Image, r.batch)
	out := make([][]float32, n)
	for i := range out {
		out[i] = make([]float32, r.program.InShape().Elems())
		if err := r.input(i*r.batch, images, out[i]); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// classes are the names by the network's output.
func (r *runner) classes() []string {
	if len(r.graph.Classes) > 0 || r.set == nil {
		return r.graph.Classes
	}
	return r.set.Classes
}

// one runs the network on a single image, in a batch of copies where the program has a larger one.
func (r *runner) one(ctx context.Context, img ir.Image) ([]float32, error) {
	images := make([]ir.Image, r.batch)
	for i := range images {
		images[i] = img
	}
	in := make([]float32, r.program.InShape().Elems())
	out := make([]float32, r.program.OutShape().Elems())
	if err := model.Prepare(r.graph.Prep, images, in); err != nil {
		return nil, err
	}
	if err := r.program.Run(ctx, in, out); err != nil {
		return nil, err
	}
	return r.withoutBackground(out[:len(out)/r.batch]), nil
}

var programs sync.Mutex

// program returns what the result was measured with, built anew for one from the store.
func (r *Result) program(ctx context.Context) (*runner, error) {
	programs.Lock()
	defer programs.Unlock()
	if r.run == nil {
		spec, err := r.Spec.point()
		if err != nil {
			return nil, err
		}
		run, err := build(ctx, spec, &sets{})
		if err != nil {
			return nil, err
		}
		if run.graph.Digest != r.Model.WeightsDigest {
			return nil, &ir.Error{Layer: ir.Model, What: "the weights of " + spec.Model + " are not those that the stored result was measured with", Try: "run it again"}
		}
		r.run = run
	}
	return r.run, nil
}
