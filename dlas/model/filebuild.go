package model

import (
	"fmt"
	"slices"
	"strings"

	"github.com/godlas/godlas/dlas/ir"
	"github.com/godlas/godlas/dlas/ir/op"
)

// buildFile is Build for a network that is read from a file.
func buildFile(c ir.Choice, r Request) (*ir.Graph, error) {
	if err := checkFile(c); err != nil {
		return nil, err
	}
	bind := ir.Shape{1, r.C, r.H, r.W}
	if givenLayout(c) == "nhwc" {
		bind = ir.Shape{1, r.H, r.W, r.C}
	}
	f, err := ReadFile(c.Name, FileOptions{Input: bind, Digest: true, Head: c.Arg("head", "")})
	if err != nil {
		return nil, err
	}
	fail := func(e *ir.Error) error {
		return &ir.Error{Layer: ir.Model, What: c.Name + ": " + e.What, Err: e.Err, Try: e.Try}
	}
	g := f.Graph
	prep, note, err := preprocess(c, f, r)
	if err != nil {
		return nil, fail(&ir.Error{What: err.Error()})
	}
	g.Prep = prep
	outputs, bad := classifier(g, r)
	if bad != nil {
		return nil, fail(bad)
	}
	g.Notes = append(append(g.Notes, f.Notes...), note)
	if path := c.Arg("classes", ""); path != "" {
		if g.Classes, err = readClasses(path, outputs); err != nil {
			return nil, fail(&ir.Error{What: err.Error()})
		}
	}
	if len(g.Classes) == 0 && len(r.ClassNames) == outputs {
		g.Classes = slices.Clone(r.ClassNames)
	}
	return g, nil
}

// classifier holds a network to what a run can do with one: images in, one number a class out. It returns how many.
func classifier(g *ir.Graph, r Request) (int, *ir.Error) {
	if len(g.Inputs) != 1 || len(g.Outputs) != 1 {
		return 0, &ir.Error{What: fmt.Sprintf("has %d inputs and %d outputs, and a run measures a classifier with one of each", len(g.Inputs), len(g.Outputs)), Try: "use it as a library: dlas.Load"}
	}
	in := g.Input()
	if in.Type != ir.F32 && in.Type != "" {
		return 0, &ir.Error{What: fmt.Sprintf("its input %q has the type %s, and images are f32", in.Name, in.Type), Try: "use it as a library: dlas.Load"}
	}
	want := ir.Shape{1, r.C, r.H + 2*g.Prep.Pad, r.W + 2*g.Prep.Pad}
	if h, w := sides(in.Shape, g.Prep.NHWC); (r.Scalable || g.Prep.Resize > 0) && h > 0 && w > 0 {
		want[2], want[3] = h, w
	}
	if g.Prep.NHWC {
		want = ir.Shape{1, want[2], want[3], want[1]}
	}
	if !in.Shape.Equal(want) {
		e := &ir.Error{What: fmt.Sprintf("its input %q is %v, and the images of %s are %v", in.Name, in.Shape, r.Data, want[1:])}
		e.Try = "use it as a library: dlas.Load"
		if len(in.Shape) == 4 && in.Shape[0] == 1 {
			images := in.Shape
			if g.Prep.NHWC {
				images = ir.Shape{1, in.Shape[3], in.Shape[1], in.Shape[2]}
			}
			pad := 2 * g.Prep.Pad // which it does itself
			e.Try = fmt.Sprintf("give it data of its size, such as random(%v)", ir.Shape{1, images[1], images[2] - pad, images[3] - pad})
		}
		return 0, e
	}
	values, err := op.Infer(g, 1)
	if err != nil {
		return 0, &ir.Error{What: strings.TrimPrefix(err.Error(), "L2 model: ")}
	}
	out := values[g.Output()]
	if out.Shape.Elems() < 1 || len(out.Shape) < 2 || out.Shape[0] != 1 || out.Type != ir.F32 {
		return 0, &ir.Error{What: fmt.Sprintf("its output %q is %s %v, and a run measures a classifier: one f32 a class", g.Output(), out.Type, out.Shape), Try: "use it as a library: dlas.Load"}
	}
	outputs := out.Shape.Elems()
	if classes := max(r.Classes, r.MinClasses); outputs < classes {
		return 0, &ir.Error{What: fmt.Sprintf("has %d outputs, and %s has %d classes", outputs, r.Data, classes), Try: fmt.Sprintf("give it the data that it was trained for, or data of noise for a latency alone: random(1x%dx%dx%d)", r.C, r.H, r.W)}
	}
	return outputs, nil
}
