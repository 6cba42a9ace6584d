package system

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/godlas/godlas/dlas/ir"
	"github.com/godlas/godlas/dlas/ir/stat"
)

// Batch is the number of images of one run.
func (p *Program) Batch() int { return p.batch }

// Inputs and Outputs are what RunAll reads and writes, with the shapes of a whole batch.
func (p *Program) Inputs() []ir.Value { return slices.Clone(p.inputs) }

// Outputs are what RunAll writes.
func (p *Program) Outputs() []ir.Value { return slices.Clone(p.outputs) }

// InShape and OutShape are the shapes of the first input and output, batch first.
func (p *Program) InShape() ir.Shape { return slices.Clone(p.inputs[0].Shape) }

// OutShape is the shape of the first output.
func (p *Program) OutShape() ir.Shape { return slices.Clone(p.outputs[0].Shape) }

// Nodes describes the nodes in the order in which they run. Nodes that the rewriting fused into others, or that only
// rename memory, are not among them.
func (p *Program) Nodes() []Node { return slices.Clone(p.nodes) }

// MemoryBytes is what a run needs beside its input and output: packed weights and arena.
func (p *Program) MemoryBytes() int64 {
	bytes := p.packed + int64(p.arena)
	if h := p.head; h != nil {
		bytes += int64(p.Threads()) * int64(h.arena)
		if v := h.outputs[0]; len(p.steps) > 0 {
			bytes += int64(p.batch * p.piece(v))
		}
	}
	return bytes
}

// state is the memory of one run.
type state struct {
	arena   ir.Memory
	scratch ir.Memory // of the run itself where it works alone
	calls   []ir.Call
	runs    []func(ir.Call) // of the steps
	in, out [1]ir.Memory    // what Run makes of its slices
	images  *imageRun       // of a program whose first nodes take image by image
	image   *imageState     // of the state of one image
}

func (p *Program) newState() *state {
	s := &state{calls: make([]ir.Call, len(p.steps)), runs: make([]func(ir.Call), len(p.steps)), arena: ir.NewMemory(p.arena), scratch: ir.NewMemory(p.scratch)}
	for i := range p.steps {
		st, c := &p.steps[i], &s.calls[i]
		s.runs[i] = st.painted(s.arena)
		c.In, c.Out = make([]ir.Memory, len(st.in)), make([]ir.Memory, len(st.out))
		for j, pl := range st.in {
			c.In[j] = s.memory(pl)
		}
		for j, pl := range st.out {
			c.Out[j] = s.memory(pl)
		}
		c.Workspace = s.memory(st.workspace)
		c.Scratch = s.scratch
	}
	if p.head != nil {
		s.images = p.newImageRun()
	}
	return s
}

func (s *state) memory(pl place) ir.Memory {
	switch pl.kind {
	case inArena:
		return s.arena[pl.at : pl.at+pl.size : pl.at+pl.size]
	case inWeights:
		return pl.weight
	}
	return nil
}

// connect makes a run's own inputs and outputs the memory of the nodes that read and write them; nil takes them away.
func (s *state) connect(p *Program, in, out []ir.Memory) {
	find := func(pl place) ir.Memory {
		switch {
		case out == nil:
			return nil
		case pl.kind == inInput:
			return in[pl.index][pl.at : pl.at+pl.size : pl.at+pl.size]
		}
		return out[pl.index][pl.at : pl.at+pl.size : pl.at+pl.size]
	}
	for i := range p.steps {
		st := &p.steps[i]
		for j := range st.in {
			if k := st.in[j].kind; k == inInput || k == inOutput {
				s.calls[i].In[j] = find(st.in[j])
			}
		}
		for j := range st.out {
			if st.out[j].kind == inOutput {
				s.calls[i].Out[j] = find(st.out[j])
			}
		}
	}
}

func (p *Program) acquire() *state {
	p.mu.Lock()
	if n := len(p.idle); n > 0 {
		s := p.idle[n-1]
		p.idle = p.idle[:n-1]
		p.mu.Unlock()
		return s
	}
	p.mu.Unlock()
	return p.newState()
}

func (p *Program) release(s *state) {
	s.connect(p, nil, nil)
	s.in[0], s.out[0] = nil, nil
	p.mu.Lock()
	p.idle = append(p.idle, s)
	p.mu.Unlock()
}

// Run computes one batch of a network with one input and one output, both f32: in is N x C x H x W, out gets the
// network's output. It may be called by many goroutines at once: the first uses the program's threads, those beside it
// one each. When warm it does not allocate. It returns the context's cause where that ends first (within a few
// milliseconds), and an *ir.Error where the lengths are wrong or a kernel fails; out is then undefined.
func (p *Program) Run(ctx context.Context, in, out []float32) error { return p.run(ctx, in, out, nil) }

func (p *Program) run(ctx context.Context, in, out []float32, times []time.Duration) error {
	if err := p.oneF32(); err != nil {
		return err
	}
	if len(in) != p.inputs[0].Shape.Elems() || len(out) != p.outputs[0].Shape.Elems() {
		return ir.Errorf(ir.Sched, "the program reads %v and writes %v, but got %d and %d numbers", p.inputs[0].Shape, p.outputs[0].Shape, len(in), len(out))
	}
	if err := await(ctx); err != nil {
		return err
	}
	s := p.acquire()
	s.in[0], s.out[0] = ir.MemoryOf(in), ir.MemoryOf(out)
	return p.work(ctx, s, s.in[:], s.out[:], times)
}

// RunAll is Run for any inputs and outputs, in the order and with the types and lengths that Inputs and Outputs tell.
// Inputs are not changed.
func (p *Program) RunAll(ctx context.Context, in, out []ir.Memory) error {
	if len(in) != len(p.inputs) || len(out) != len(p.outputs) {
		return ir.Errorf(ir.Sched, "the network has %d inputs and %d outputs, but got %d and %d", len(p.inputs), len(p.outputs), len(in), len(out))
	}
	check := func(what string, v ir.Value, m ir.Memory) error {
		if want := v.Shape.Elems() * v.Type.Size(); len(m) != want {
			return ir.Errorf(ir.Sched, "the %s %q is %v of %s, %d bytes, but got %d", what, v.Name, v.Shape, v.Type, want, len(m))
		}
		return nil
	}
	for i, v := range p.inputs {
		if err := check("input", v, in[i]); err != nil {
			return err
		}
	}
	for i, v := range p.outputs {
		if err := check("output", v, out[i]); err != nil {
			return err
		}
	}
	if err := await(ctx); err != nil {
		return err
	}
	return p.work(ctx, p.acquire(), in, out, nil)
}

// work runs all steps in a state, and gives the state and its slot back.
func (p *Program) work(ctx context.Context, s *state, in, out []ir.Memory, times []time.Duration) (err error) {
	got := false
	if p.crew != nil {
		got = p.crew.enter(p.scratch)
	}
	node := 0
	defer func() {
		if p.crew != nil {
			p.crew.leave(got)
		}
		if v := recover(); v != nil {
			if e, ok := v.(*ir.Error); ok {
				err = e
			} else {
				err = &ir.Error{Layer: ir.Sched, What: fmt.Sprintf("node %q (%s): %s", p.nodes[node].Name, p.nodes[node].Kernel, panicText(v))}
			}
		}
		p.release(s)
		<-slots()
	}()
	first := 0
	if p.head != nil {
		first = len(p.head.steps)
		made, shares := out, times
		if len(p.steps) > 0 {
			made = s.images.middle[:]
		}
		if times != nil {
			shares = times[:first]
		}
		p.images(ctx, s.images, in, made, got, shares)
		in = made
	}
	s.connect(p, in, out)
	for i := range p.steps {
		node = first + i
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		begin := time.Time{}
		if times != nil {
			begin = time.Now()
		}
		st := &p.steps[i]
		call := &s.calls[i]
		for phase, parts := range st.bound.Phases {
			call.Phase = phase
			if got && parts > 1 {
				p.crew.phase(ctx, s.runs[i], call, parts)
			} else {
				alone(ctx, s.runs[i], call, parts)
			}
		}
		if times != nil {
			times[node] = time.Since(begin)
		}
	}
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return nil
}

// Profile runs one batch that many times and returns the median milliseconds of each node.
func (p *Program) Profile(ctx context.Context, in []float32, rounds int) ([]float64, error) {
	out := make([]float32, p.outputs[0].Shape.Elems())
	times := make([]time.Duration, len(p.nodes))
	samples := make([][]float64, len(p.nodes))
	for r := -1; r < rounds; r++ {
		if err := p.run(ctx, in, out, times); err != nil {
			return nil, err
		}
		for i, d := range times {
			if r >= 0 {
				samples[i] = append(samples[i], milliseconds(d))
			}
		}
	}
	medians := make([]float64, len(samples))
	for i, v := range samples {
		medians[i] = stat.Median(v)
	}
	return medians, nil
}

func milliseconds(d time.Duration) float64 { return float64(d.Nanoseconds()) / 1e6 }
