package dlas

import (
	"fmt"

	"github.com/godlas/godlas/dlas/data"
)

// fit makes the images of the set what the network takes: their size, where they can have any, and its classes where it
// has one more, for the background.
func (r *runner) fit() error {
	g := r.graph
	r.notes = append(r.notes, g.Notes...)
	in := g.Input().Shape
	if len(in) != 4 {
		return nil
	}
	h, w := in[2]-2*g.Prep.Pad, in[3]-2*g.Prep.Pad
	if g.Prep.NHWC {
		h, w = in[1], in[2]
	}
	f := data.Fit{Resize: g.Prep.Resize, H: h, W: w}
	if f.Resize == 0 {
		if h == r.set.Shape[1] && w == r.set.Shape[2] {
			r.describeFit()
			return nil
		}
		f.Resize = (8*max(h, w) + 3) / 7 // 256 for 224
	}
	set, err := r.set.Fit(f)
	if err != nil {
		return err
	}
	r.set = intern(set)
	r.describeFit()
	return nil
}

// describeFit says how pictures became images, where they come from files of any size.
func (r *runner) describeFit() {
	if f := r.set.Fitted(); f.Resize > 0 {
		r.notes = append(r.notes, fmt.Sprintf("pictures: short side scaled to %d pixels, bilinear with antialiasing, the middle %dx%d cut out", f.Resize, f.W, f.H))
	}
}

// withoutBackground drops the first of the logits of one image where the network has one more than the set has classes:
// networks from TensorFlow count a background there.
func (r *runner) withoutBackground(logits []float32) []float32 {
	return logits[r.background:]
}

// findBackground decides whether the network has such an output.
func (r *runner) findBackground(outputs int) {
	classes := max(len(r.set.Classes), r.set.MinClasses)
	if classes < 100 || outputs != classes+1 {
		return
	}
	r.background = 1
	if len(r.graph.Classes) == outputs {
		g := *r.graph
		g.Classes = g.Classes[1:]
		r.graph = &g
	}
	r.notes = append(r.notes, fmt.Sprintf("the network has %d outputs for %d classes: the first is taken for background", outputs, classes))
}
