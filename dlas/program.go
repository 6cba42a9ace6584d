package dlas

import (
	"context"
	"slices"

	"github.com/godlas/godlas/dlas/ir"
	"github.com/godlas/godlas/dlas/model"
)

// Program is a compiled stack to be used as a library: images in, logits out. It is safe for many goroutines.
type Program struct{ run *runner }

// Compile makes the stack ready to run without measuring anything. A stack of more than one point is an error.
func (s Stack) Compile(ctx context.Context) (*Program, error) {
	spec, err := s.spec.point()
	if err != nil {
		return nil, err
	}
	run, err := build(ctx, spec, &sets{})
	if err != nil {
		return nil, err
	}
	return &Program{run}, nil
}

// InShape is the shape of what Run reads: batch, channels, height, width.
func (p *Program) InShape() ir.Shape { return p.run.program.InShape() }

// OutShape is the shape of what Run writes: batch, classes.
func (p *Program) OutShape() ir.Shape { return p.run.program.OutShape() }

// Classes are the names of the classes, in the order of the logits; empty where they are not known.
func (p *Program) Classes() []string { return slices.Clone(p.run.classes()) }

// Prepare does to images what the model wants done to raw pixels and writes them to dst, which has as many numbers as
// that many images of InShape.
func (p *Program) Prepare(images []ir.Image, dst []float32) error {
	return model.Prepare(p.run.graph.Prep, images, dst)
}

// Inputs and Outputs are what RunAll reads and writes, with the shapes of a whole batch.
func (p *Program) Inputs() []ir.Value { return p.run.program.Inputs() }

// Outputs are what RunAll writes.
func (p *Program) Outputs() []ir.Value { return p.run.program.Outputs() }

// RunAll is Run for any inputs and outputs, in the order and with the types and lengths that Inputs and Outputs tell:
// ir.MemoryOf makes a Memory of a slice.
func (p *Program) RunAll(ctx context.Context, in, out []ir.Memory) error {
	return p.run.program.RunAll(ctx, in, out)
}

// Run computes one batch of prepared images on all threads, for a network with one input and one output of type f32. When
// warm it does not allocate. It returns the context's cause where that ends first, and an *ir.Error where a length is not
// that of the shapes. Many images are done sooner by Each.
func (p *Program) Run(ctx context.Context, in, out []float32) error {
	return p.run.program.Run(ctx, in, out)
}

// Each runs n batches, as many at a time as there are threads, each on a thread of its own: the fastest way through many
// images, by which accuracy is measured. fill writes the prepared images of batch i, done reads its logits, which are its
// own until it returns; several goroutines call them, each batch once, in any order. Each returns when all are done, or
// the first error of fill, Run or the context.
func (p *Program) Each(ctx context.Context, n int, fill func(i int, in []float32) error, done func(i int, out []float32)) error {
	return p.run.program.Each(ctx, n, fill, done)
}
