package compress

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/godlas/godlas/dlas/ir"
)

// Tools is what a pass may use of the other layers; it knows neither engine nor data set. Each may be nil: a pass that
// needs one that is not there says so.
type Tools struct {
	Runner ir.Runner
	Meter  ir.Meter
	// Val are the images of the split val, which choose and never score.
	Val ir.Samples
	// Progress is told how far a long pass is: done of total steps.
	Progress func(step string, done, total int)
	// Stored is how many bytes of a file the weights of a network take; the lines of the passes say it.
	Stored func(weights map[string]*ir.Tensor) int64

	past *past
}

// past is what the passes before have done.
type past struct {
	from *ir.Graph        // the network before all of them
	kept map[string][]int // by layer: which of the output channels that it had then it has now; none: all
}

// narrow notes that a layer keeps only some of its output channels.
func (p *past) narrow(layer string, left []int) {
	if p == nil {
		return
	}
	if before, ok := p.kept[layer]; ok {
		left = slices.Clone(left)
		for i, c := range left {
			left[i] = before[c]
		}
	}
	p.kept[layer] = left
}

// tell is Progress where there is one.
func (t Tools) tell(step string, done, total int) {
	if t.Progress != nil {
		t.Progress(step, done, total)
	}
}

// runner is the Runner, or the error of a pass that needs it.
func (t Tools) runner(pass string) (ir.Runner, error) {
	if t.Runner == nil {
		return nil, ir.Errorf(ir.Compress, "%s has to run the network, and there is nothing here that can", pass)
	}
	return t.Runner, nil
}

// images are the images to choose by, or the error of a pass that needs them: pass needs images to calibrate with.
func (t Tools) images(pass, to string) (ir.Samples, error) {
	what := pass + " needs images to " + to
	if t.Val == nil {
		return nil, &ir.Error{Layer: ir.Compress, What: what + ": no data set is named", Try: "name one that has the split val, as in data cifar10"}
	}
	if t.Val.Len() > 0 {
		return t.Val, nil
	}
	_, err := t.Val.Read(0, nil)
	var e *ir.Error
	if errors.As(err, &e) {
		return nil, &ir.Error{Layer: ir.Compress, What: what + ": " + e.What, Err: e.Err, Try: e.Try}
	}
	return nil, &ir.Error{Layer: ir.Compress, What: what, Err: err}
}

// batch reads n images from image first on, as the graph's input wants them, with their classes.
func (t Tools) batch(ctx context.Context, g *ir.Graph, first, n int) (*ir.Tensor, []int, error) {
	if len(g.Inputs) != 1 || len(g.Input().Shape) == 0 || g.Input().Shape[0] != 1 {
		return nil, nil, ir.Errorf(ir.Compress, "%s does not take one image: it has %d inputs", g.Name, len(g.Inputs))
	}
	shape := append(ir.Shape{n}, g.Input().Shape[1:]...)
	one := shape[1:].Elems()
	data, classes := make([]float32, n*one), make([]int, n)
	for i := range n {
		if ctx.Err() != nil {
			return nil, nil, context.Cause(ctx)
		}
		var err error
		if classes[i], err = t.Val.Read(first+i, data[i*one:(i+1)*one]); err != nil {
			return nil, nil, &ir.Error{Layer: ir.Compress, What: fmt.Sprintf("image %d of val", first+i), Err: err}
		}
	}
	return ir.NewF32(data, shape...), classes, nil
}
