package dlas

import (
	"fmt"

	"github.com/godlas/godlas/dlas/data"
	"github.com/godlas/godlas/dlas/ir"
)

// fit makes the images of the set what the network takes.
func (r *runner) fit() (err error) {
	r.notes = append(r.notes, r.graph.Notes...)
	if r.set, err = fitSet(r.graph, r.set); err == nil && len(r.graph.Input().Shape) == 4 {
		r.describeFit()
	}
	return err
}

// fitSet is the set with images of the size that the network takes, where they can have any.
func fitSet(g *ir.Graph, set *data.Set) (*data.Set, error) {
	in := g.Input().Shape
	if len(in) != 4 {
		return set, nil
	}
	h, w := in[2]-2*g.Prep.Pad, in[3]-2*g.Prep.Pad
	if g.Prep.NHWC {
		h, w = in[1], in[2]
	}
	f := data.Fit{Resize: g.Prep.Resize, H: h, W: w}
	if f.Resize == 0 {
		if h == set.Shape[1] && w == set.Shape[2] {
			return set, nil
		}
		f.Resize = (8*max(h, w) + 3) / 7 // 256 for 224
	}
	fitted, err := set.Fit(f)
	if err != nil {
		return nil, err
	}
	return intern(fitted), nil
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

// backgroundOf is 1 where a network with so many outputs has one before the classes of the set, else 0.
func backgroundOf(set *data.Set, outputs int) int {
	if classes := max(len(set.Classes), set.MinClasses); classes < 100 || outputs != classes+1 {
		return 0
	}
	return 1
}

// findBackground decides whether the network has such an output.
func (r *runner) findBackground(outputs int) {
	if r.background = backgroundOf(r.set, outputs); r.background == 0 {
		if n := r.set.MinClasses; len(r.set.Classes) == 0 && outputs == 1001 && n >= 100 && n < 1000 { // a part of ImageNet, by numbers
			r.notes = append(r.notes, fmt.Sprintf("the network has 1001 outputs, and the data number classes from 0 to %d: if its first output is a background, write imagenet(PATH) for the data, or every class is off by one", n-1))
		}
		return
	}
	if len(r.graph.Classes) == outputs {
		g := *r.graph
		g.Classes = g.Classes[1:]
		r.graph = &g
	}
	r.notes = append(r.notes, fmt.Sprintf("the network has %d outputs for %d classes: the first is taken for background", outputs, outputs-1))
}
