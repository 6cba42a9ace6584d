package compress

import (
	"context"

	"github.com/godlas/godlas/dlas/ir"
	"github.com/godlas/godlas/dlas/ir/op"
)

// ended is what goOn panics with.
type ended struct{ cause error }

// goOn ends the pass where its context has ended: loops over weights are many, deep, and have no errors of their own, so
// that it panics, which caught makes an error. It is not for what a Runner calls back.
func goOn(ctx context.Context) {
	if ctx.Err() != nil {
		panic(ended{context.Cause(ctx)})
	}
}

// part is how many elements a loop takes between two looks at the context: some hundred microseconds.
const part = 1 << 16

// inParts calls f for the elements from 0 to n, some at a time.
func inParts(ctx context.Context, n int, f func(lo, hi int)) {
	for lo := 0; lo < n; lo += part {
		goOn(ctx)
		f(lo, min(lo+part, n))
	}
}

// run is applied which ends with its context.
func (p pass) run(ctx context.Context, g *ir.Graph, c ir.Choice, t Tools) (out *ir.Graph, line string, err error) {
	defer func() {
		if end := caught(recover()); end != nil {
			out, line, err = nil, "", end
		}
	}()
	return p.applied(ctx, g, c, t)
}

// caught is the error of what goOn has panicked with, nil of no panic. Others go on.
func caught(p any) error {
	switch e := p.(type) {
	case nil:
		return nil
	case ended:
		return e.cause
	default:
		panic(e)
	}
}

// sliced are some of the elements of a tensor of floats.
func sliced(t *ir.Tensor, lo, hi int) *ir.Tensor {
	s := &ir.Tensor{Type: t.Type, Shape: ir.Shape{hi - lo}}
	if bits, ok := t.Data.([]uint16); ok {
		s.Data = bits[lo:hi]
	} else {
		s.Data = t.F32()[lo:hi]
	}
	return s
}

// floatsOf is op.Floats of a tensor of f32, f16 or bf16, with the number of those that are not zero.
func floatsOf(ctx context.Context, t *ir.Tensor) (data []float32, nonzero int64) {
	data = make([]float32, t.Shape.Elems())
	inParts(ctx, len(data), func(lo, hi int) {
		s := sliced(t, lo, hi)
		nonzero += op.Nonzero(s)
		if s.Type == ir.F32 {
			copy(data[lo:hi], s.F32())
		} else {
			copy(data[lo:hi], op.Floats(s))
		}
	})
	return data, nonzero
}
