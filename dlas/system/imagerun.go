package system

import (
	"context"
	"fmt"
	"time"

	"github.com/godlas/godlas/dlas/ir"
)

// imageRun is what a run needs to take a batch through the nodes before the cut.
type imageRun struct {
	part   func(ir.Call) // one image
	call   ir.Call
	own    [1]*state // an image's memory, of a run that works alone
	states []*state  // of the threads that are at it
	middle [1]ir.Memory

	ctx     context.Context
	in, out []ir.Memory // of the whole batch
	timed   bool
}

// imageState is what an image's run needs beside the memory of its nodes.
type imageState struct {
	in, out []ir.Memory
	times   []time.Duration
}

func (p *Program) newImageRun() *imageRun {
	h := p.head
	r := &imageRun{}
	r.own[0] = h.newImageState()
	if len(p.steps) > 0 {
		r.middle[0] = ir.NewMemory(p.batch * p.piece(h.outputs[0]))
	}
	r.part = func(c ir.Call) { r.image(p, c.Part, c.Thread) }
	return r
}

func (p *Program) newImageState() *state {
	s := p.newState()
	s.image = &imageState{in: make([]ir.Memory, len(p.inputs)), out: make([]ir.Memory, len(p.outputs)), times: make([]time.Duration, len(p.steps))}
	return s
}

// crewImages are the states of the crew's threads. Only the run that has the crew may ask for them: runs beside it need
// the memory of one image each, not of one for every thread.
func (p *Program) crewImages() []*state {
	for len(p.crewed) < p.Threads() {
		p.crewed = append(p.crewed, p.head.newImageState())
	}
	return p.crewed
}

// images takes the batch through the nodes before the cut, on the crew if the run has it. times gets the nodes' shares of
// the time that passes; nil: not wanted.
func (p *Program) images(ctx context.Context, r *imageRun, in, out []ir.Memory, got bool, times []time.Duration) {
	r.ctx, r.in, r.out, r.timed = ctx, in, out, times != nil
	defer func() { r.ctx, r.in, r.out = nil, nil, nil }()
	r.states = r.own[:]
	if got {
		r.states = p.crewImages()
		p.crew.phase(ctx, r.part, &r.call, p.batch)
	} else {
		alone(ctx, r.part, &r.call, p.batch)
	}
	if times == nil {
		return
	}
	clear(times)
	for _, s := range r.states {
		for i, d := range s.image.times {
			times[i] += d / time.Duration(len(r.states))
		}
		clear(s.image.times)
	}
}

// image takes one image through the nodes. It panics with an error that names the node.
func (r *imageRun) image(p *Program, image, thread int) {
	h, s := p.head, r.states[thread]
	m := s.image
	for i, v := range h.inputs {
		m.in[i] = pieceOf(r.in[i], image, v.Shape.Elems()*v.Type.Size())
	}
	for i, v := range h.outputs {
		m.out[i] = pieceOf(r.out[i], image, p.piece(v))
	}
	s.connect(h, m.in, m.out)
	node := 0
	defer func() {
		s.connect(h, nil, nil)
		if v := recover(); v != nil {
			panic(&ir.Error{Layer: ir.Sched, What: fmt.Sprintf("node %q (%s): %s", h.nodes[node].Name, h.nodes[node].Kernel, panicText(v))})
		}
	}()
	for i := range h.steps {
		node = i
		if r.ctx.Err() != nil {
			return
		}
		begin := time.Time{}
		if r.timed {
			begin = time.Now()
		}
		call := &s.calls[i]
		for phase, parts := range h.steps[i].bound.Phases {
			call.Phase = phase
			alone(r.ctx, s.runs[i], call, parts)
		}
		if r.timed {
			m.times[i] += time.Since(begin)
		}
	}
}

// piece is the bytes of one image of what the head makes.
func (p *Program) piece(v ir.Value) int { return p.between.Elems(v.Shape) * v.Type.Size() }

// pieceOf is the memory of one image of a batch.
func pieceOf(m ir.Memory, image, size int) ir.Memory {
	return m[image*size : (image+1)*size : (image+1)*size]
}
