package dlas

import (
	"context"
	"errors"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/godlas/godlas/dlas/compress"
	"github.com/godlas/godlas/dlas/data"
	"github.com/godlas/godlas/dlas/hardware"
	"github.com/godlas/godlas/dlas/ir"
	"github.com/godlas/godlas/dlas/ir/op"
	"github.com/godlas/godlas/dlas/model"
	"github.com/godlas/godlas/dlas/primitive"
	"github.com/godlas/godlas/dlas/system"
)

// toolsFor is what the passes of L3 may use for a network: nothing is opened or compiled before a pass asks. of is the
// data that it is for; without a name there is none. plan and m are those of L4 to L6, with which a Meter measures.
func toolsFor(g *ir.Graph, of ir.Choice, opened *sets, m ir.Machine, plan system.Plan) compress.Tools {
	t := compress.Tools{
		Runner: &engine{threads: m.Threads},
		Meter:  &meter{machine: m, plan: plan},
		Stored: model.StoredAll,
		Progress: func(step string, done, total int) {
			progress(Progress{Step: "compress: " + step, Done: done, Total: total, Unit: "steps"})
		},
	}
	if of.Name != "" {
		t.Val = &validation{graph: g, of: of, opened: opened}
	}
	return t
}

// shrink is compress.Apply with the context's cause where that ends it, and what a reader must know of the images that a
// pass has chosen by.
func shrink(ctx context.Context, g *ir.Graph, cs []ir.Choice, t compress.Tools) (*ir.Graph, []string, error) {
	g, lines, err := compress.Apply(ctx, g, cs, t)
	if err != nil && ctx.Err() != nil {
		err = context.Cause(ctx)
	}
	if v, ok := t.Val.(*validation); ok && err == nil && v.set != nil && v.set.Caveat != "" {
		lines = append(lines, "split val of "+v.set.Name+": "+v.set.Caveat)
	}
	return g, lines, err
}

// engine is the ir.Runner: image by image, as many at a time as there are threads. It takes the best kernels of this
// machine whatever the stack's L4 and L6 are, so that a network compressed by what it sees is the same under all of them.
type engine struct {
	threads int

	mu   sync.Mutex
	held []*system.Program // the last ones: system.Shared finds them again by what they compute
}

// heldPrograms is how many programs an engine keeps: a pass runs few networks in turns.
const heldPrograms = 3

func (e *engine) program(g *ir.Graph, threads int) (*system.Program, error) {
	m := hardware.Probe()
	m.Threads = threads
	p, err := system.Shared(g, primitive.Kernels(), m, system.Plan{})
	if err != nil {
		return nil, err
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	e.held = keepLast(e.held, p, heldPrograms)
	return p, nil
}

// keepLast makes p the last of at most n.
func keepLast(list []*system.Program, p *system.Program, n int) []*system.Program {
	list = append(slices.DeleteFunc(list, func(o *system.Program) bool { return o == p }), p)
	return list[max(0, len(list)-n):]
}

// Run implements ir.Runner.
func (e *engine) Run(ctx context.Context, g *ir.Graph, batch *ir.Tensor, see func(n *ir.Node, out *ir.Tensor)) (*ir.Tensor, error) {
	if len(g.Inputs) != 1 || batch == nil || batch.Type != ir.F32 {
		return nil, ir.Errorf(ir.Model, "%s has %d inputs, and one batch of f32 images is to be run", g.Name, len(g.Inputs))
	}
	in := batch.F32()
	one := g.Input().Shape.Elems()
	if one == 0 || len(in) == 0 || len(in)%one != 0 {
		return nil, ir.Errorf(ir.Model, "a batch of %v is no number of images of %v", batch.Shape, g.Input().Shape)
	}
	if see == nil {
		return e.logits(ctx, g, in)
	}
	return e.all(ctx, g, in, see)
}

// logits runs all images at once, each on a thread.
func (e *engine) logits(ctx context.Context, g *ir.Graph, in []float32) (*ir.Tensor, error) {
	if len(g.Outputs) > 1 {
		g = g.Clone()
		g.Outputs = g.Outputs[:1]
	}
	p, err := e.program(g, max(1, e.threads))
	if err != nil {
		return nil, err
	}
	one, each := p.InShape().Elems(), p.OutShape().Elems()
	n := len(in) / one
	out := make([]float32, n*each)
	err = p.Each(ctx, n, func(i int, dst []float32) error {
		copy(dst, in[i*one:(i+1)*one])
		return nil
	}, func(i int, made []float32) { copy(out[i*each:(i+1)*each], made) })
	if err != nil {
		return nil, err
	}
	return ir.NewF32(out, joined(p.OutShape(), n)...), nil
}

// joined is the shape of that many values one after the other.
func joined(s ir.Shape, n int) ir.Shape {
	if len(s) == 0 {
		return ir.Shape{n}
	}
	s = slices.Clone(s)
	s[0] *= n
	return s
}

// all runs the network with every value an output.
func (e *engine) all(ctx context.Context, g *ir.Graph, in []float32, see func(n *ir.Node, out *ir.Tensor)) (*ir.Tensor, error) {
	values, err := op.Infer(g, 1)
	if err != nil {
		return nil, err
	}
	wanted := g.Clone()
	wanted.Outputs = []string{g.Output()}
	makers := []*ir.Node{nil}
	for _, n := range g.Nodes {
		v := values[n.Out[0]]
		switch {
		case n.Out[0] == "" || v.Type != ir.F32 || v.Const != nil:
		case n.Out[0] == g.Output():
			makers[0] = n
		default:
			wanted.Outputs, makers = append(wanted.Outputs, n.Out[0]), append(makers, n)
		}
	}
	p, err := e.program(wanted, 1)
	if err != nil {
		return nil, err
	}
	one, outputs := p.Inputs()[0].Shape.Elems(), p.Outputs()
	n := len(in) / one
	made := make([]*ir.Tensor, len(outputs))
	for i, o := range outputs {
		made[i] = op.NewTensor(o.Type, joined(o.Shape, n))
	}
	if err := eachImage(ctx, min(max(1, e.threads), n), n, func(i int) error {
		out := make([]ir.Memory, len(made))
		for j, t := range made {
			m := t.Memory()
			out[j] = m[i*(len(m)/n) : (i+1)*(len(m)/n)]
		}
		return p.RunAll(ctx, []ir.Memory{ir.MemoryOf(in[i*one : (i+1)*one])}, out)
	}); err != nil {
		return nil, err
	}
	byName := map[string]*ir.Tensor{}
	for i, o := range outputs {
		byName[o.Name] = made[i]
	}
	for _, node := range g.Nodes {
		if t := byName[node.Out[0]]; t != nil && slices.Contains(makers, node) {
			see(node, t)
		}
	}
	return byName[g.Output()], nil
}

// eachImage calls f for 0 to n-1, so many at a time, and returns the first error.
func eachImage(ctx context.Context, at, n int, f func(i int) error) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var next atomic.Int64
	var wg sync.WaitGroup
	for range at {
		wg.Go(func() {
			for i := int(next.Add(1)) - 1; i < n && ctx.Err() == nil; i = int(next.Add(1)) - 1 {
				if err := f(i); err != nil {
					cancel(err)
				}
			}
		})
	}
	wg.Wait()
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return nil
}

// meter is the ir.Meter: it measures with the stack's L4 to L6, but without a search for schedules.
type meter struct {
	machine ir.Machine
	plan    system.Plan

	mu      sync.Mutex
	held    []*system.Program
	samples map[*system.Program][]float64
}

// meterBudget is what one turn of a meter takes.
var meterBudget = system.Budget{Least: 7, Width: 0.03, Time: 150 * time.Millisecond}

// meteredPrograms is how many programs a meter keeps with their samples.
const meteredPrograms = 4

// used reports whether anything was measured.
func (m *meter) used() bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.samples != nil
}

// Time implements ir.Meter.
func (m *meter) Time(ctx context.Context, g *ir.Graph) (float64, error) {
	plan := m.plan
	if plan.Schedule.Name == system.Tuned {
		plan.Schedule = ir.Choice{Name: system.Heuristic}
	}
	plan.Consume = false
	p, err := system.Shared(g, primitive.Kernels(), m.machine, plan)
	if err != nil {
		return 0, err
	}
	m.mu.Lock() // one measurement at a time
	defer m.mu.Unlock()
	got, err := system.Measure(ctx, p, normals(p.InShape()), meterBudget)
	if err != nil {
		return 0, err
	}
	m.held = keepLast(m.held, p, meteredPrograms)
	if m.samples == nil {
		m.samples = map[*system.Program][]float64{}
	}
	m.samples[p] = append(m.samples[p], got.MS...)
	for q := range m.samples {
		if !slices.Contains(m.held, q) {
			delete(m.samples, q)
		}
	}
	ms, _, _ := system.Samples{MS: m.samples[p]}.Interval()
	return ms, nil
}

// normals is an input of standard normal numbers.
func normals(s ir.Shape) [][]float32 {
	in := make([]float32, s.Elems())
	rng := rand.New(rand.NewPCG(seed, 0))
	for i := range in {
		in[i] = float32(rng.NormFloat64())
	}
	return [][]float32{in}
}

// validation is the ir.Samples: the split val of a data set, prepared for a network. It is opened by the first who asks.
type validation struct {
	graph  *ir.Graph
	of     ir.Choice // the stack's data, whatever its split
	opened *sets

	once       sync.Once
	set        *data.Set
	background int
	err        error
}

// randomVal is how many random images there are to choose by, where the data are random ones.
const randomVal = 64

func (v *validation) open() {
	v.once.Do(func() {
		if v.set, v.err = v.opened.open(valOf(v.of)); v.err != nil {
			var e *ir.Error
			if errors.As(v.err, &e) {
				cause := e.Err
				var inner *ir.Error
				if errors.As(cause, &inner) { // what it says to try is about scoring
					cause = &ir.Error{What: inner.What, Err: inner.Err}
				}
				try := "put pictures that may choose into a folder val beside test, or take data that has the split val"
				if v.of.Name == "imagenet" {
					try = "put the folder train beside val, or name the pictures as folder(PATH), with folders test and val"
				}
				v.err = &ir.Error{Layer: e.Layer, What: e.What, Err: cause, Try: try}
			}
			return
		}
		if v.set, v.err = fitSet(v.graph, v.set); v.err != nil {
			return
		}
		if values, err := op.Infer(v.graph, 1); err == nil {
			v.background = backgroundOf(v.set, values[v.graph.Output()].Shape.Elems())
		}
	})
}

// valOf is the choice of the images to choose by: all of the split val. Random images have no splits: they are others,
// which the stack's own never are.
func valOf(c ir.Choice) ir.Choice {
	v := ir.Choice{Name: c.Name, Value: slices.Clone(c.Value)}
	for _, a := range c.Args {
		if a.Key != "n" && a.Key != "batch" && a.Key != "split" && (a.Key != "seed" || c.Name != "random") {
			v.Args = append(v.Args, a)
		}
	}
	if c.Name != "random" {
		v.Args = append(v.Args, ir.Arg{Key: "split", Op: "=", Value: "val"})
		return v
	}
	v.Value = []string{data.RandomShape(c, randomVal)}
	v.Args = append(v.Args, ir.Arg{Key: "seed", Op: "=", Value: data.OtherSeed(c)})
	return v
}

// Len implements ir.Samples.
func (v *validation) Len() int {
	if v.open(); v.err != nil {
		return 0
	}
	return v.set.Len()
}

// Read implements ir.Samples.
func (v *validation) Read(i int, dst []float32) (int, error) {
	if v.open(); v.err != nil {
		return -1, v.err
	}
	if i < 0 || i >= v.set.Len() {
		return -1, ir.Errorf(ir.Data, "%s has no image %d in its split val", v.set.Name, i)
	}
	img, err := v.set.Image(i)
	if err != nil {
		return -1, err
	}
	class := -1
	if l, ok := v.set.Label(i); ok {
		class = l + v.background
	}
	return class, model.Prepare(v.graph.Prep, []ir.Image{img}, dst)
}
