package system

import (
	"context"
	"sync"
	"sync/atomic"

	"github.com/godlas/godlas/dlas/ir"
)

// Threads is the number of threads that a run may use.
func (p *Program) Threads() int {
	if p.crew == nil {
		return 1
	}
	return len(p.crew.threads)
}

// Each runs n batches of a network with one input and one output, both f32: as many at a time as the program has threads,
// each on a thread of its own. For many images that is faster than one run after the other that all threads share, since
// no thread waits for another one's part or fetches what another has written.
//
// fill writes the input of batch i, done reads its output, which is its own until it returns. Several goroutines call
// them, each batch once, in any order. Each returns when all are done, or the first error of fill, Run or the context.
func (p *Program) Each(ctx context.Context, n int, fill func(i int, in []float32) error, done func(i int, out []float32)) error {
	if err := p.oneF32(); err != nil {
		return err
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	callers := min(p.Threads(), max(n, 1))
	if p.crew != nil && callers > 1 {
		// Workers would wake in the moment in which a single run is left, and stand in the way of the next.
		p.crew.here.Add(int32(callers))
		defer p.crew.here.Add(-int32(callers))
	}
	var next atomic.Int64
	var all sync.WaitGroup
	for range callers {
		all.Go(func() {
			in, out := make([]float32, p.InShape().Elems()), make([]float32, p.OutShape().Elems())
			for i := int(next.Add(1)) - 1; i < n; i = int(next.Add(1)) - 1 {
				err := fill(i, in)
				if err == nil {
					err = p.Run(ctx, in, out)
				}
				if err != nil {
					cancel(err)
					return
				}
				done(i, out)
			}
		})
	}
	all.Wait()
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return nil
}

// oneF32 refuses what Run cannot take.
func (p *Program) oneF32() error {
	if len(p.inputs) != 1 || len(p.outputs) != 1 || p.inputs[0].Type != ir.F32 || p.outputs[0].Type != ir.F32 {
		return ir.Errorf(ir.Sched, "the network has %d inputs and %d outputs, and wants RunAll", len(p.inputs), len(p.outputs))
	}
	return nil
}
