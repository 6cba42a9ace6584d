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

// InShape and OutShape are the shapes of what Run reads and writes, batch first.
func (p *Program) InShape() ir.Shape { return slices.Clone(p.inShape) }

// OutShape is the shape of what Run writes.
func (p *Program) OutShape() ir.Shape { return slices.Clone(p.outShape) }

// Nodes describes the nodes in the order in which they run. Nodes that the rewriting fused into others, or that only
// rename memory, are not among them.
func (p *Program) Nodes() []Node { return slices.Clone(p.nodes) }

// MemoryBytes is what a run needs beside its input and output: packed weights and arena.
func (p *Program) MemoryBytes() int64 { return p.packed + int64(p.arena) }

// state is the memory of one run.
type state struct {
	arena   ir.Memory
	scratch ir.Memory // of the run itself where it works alone
	calls   []ir.Call
}

func (p *Program) newState() *state {
	s := &state{calls: make([]ir.Call, len(p.steps)), arena: ir.NewMemory(p.arena), scratch: ir.NewMemory(p.scratch)}
	for i, st := range p.steps {
		c := &s.calls[i]
		c.In = make([]ir.Memory, len(st.in))
		c.Out = make([]ir.Memory, 1)
		for j, in := range st.in {
			c.In[j] = s.memory(in, nil, nil)
		}
		c.Out[0] = s.memory(st.out, nil, nil)
		c.Workspace = s.memory(st.workspace, nil, nil)
		c.Scratch = s.scratch
	}
	return s
}

func (s *state) memory(pl place, in, out ir.Memory) ir.Memory {
	switch pl.kind {
	case inArena:
		return s.arena[pl.at : pl.at+pl.size : pl.at+pl.size]
	case inInput:
		return in
	case inOutput:
		return out
	case inWeights:
		return pl.weight
	}
	return nil
}

// connect makes a run's own input and output the memory of the nodes that read and write them.
func (s *state) connect(p *Program, in, out ir.Memory) {
	for i := range p.steps {
		st := &p.steps[i]
		for j := range st.in {
			if k := st.in[j].kind; k == inInput || k == inOutput {
				s.calls[i].In[j] = s.memory(st.in[j], in, out)
			}
		}
		if st.out.kind == inOutput {
			s.calls[i].Out[0] = out
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
	p.mu.Lock()
	p.idle = append(p.idle, s)
	p.mu.Unlock()
}

// Run computes one batch: in is N x C x H x W, out gets the network's output. It may be called by many goroutines at
// once: the first uses the program's threads, those beside it one each. When warm it does not allocate. It returns the
// context's cause where that ends first, and an *ir.Error where the lengths are wrong or a kernel fails; out is then
// undefined.
func (p *Program) Run(ctx context.Context, in, out []float32) error { return p.run(ctx, in, out, nil) }

func (p *Program) run(ctx context.Context, in, out []float32, times []time.Duration) (err error) {
	if len(in) != p.inShape.Elems() || len(out) != p.outShape.Elems() {
		return ir.Errorf(ir.Sched, "the program reads %v and writes %v, but got %d and %d numbers", p.inShape, p.outShape, len(in), len(out))
	}
	s := p.acquire()
	s.connect(p, ir.MemoryOf(in), ir.MemoryOf(out))
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
			err = &ir.Error{Layer: ir.Sched, What: fmt.Sprintf("node %q (%s): %s", p.nodes[node].Name, p.nodes[node].Kernel, panicText(v))}
		}
		p.release(s)
	}()
	for i := range p.steps {
		node = i
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		begin := time.Time{}
		if times != nil {
			begin = time.Now()
		}
		call := &s.calls[i]
		bound := &p.steps[i].bound
		for phase, parts := range bound.Phases {
			call.Phase = phase
			if got && parts > 1 {
				p.crew.phase(bound.Run, call, parts)
			} else {
				alone(bound.Run, call, parts)
			}
		}
		if times != nil {
			times[i] = time.Since(begin)
		}
	}
	return nil
}

// Profile runs one batch that many times and returns the median milliseconds of each node.
func (p *Program) Profile(ctx context.Context, in []float32, rounds int) ([]float64, error) {
	out := make([]float32, p.outShape.Elems())
	times := make([]time.Duration, len(p.steps))
	samples := make([][]float64, len(p.steps))
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
