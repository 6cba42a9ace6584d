package model

import (
	"fmt"
	"slices"
	"strings"

	"github.com/godlas/godlas/dlas/ir"
	"github.com/godlas/godlas/dlas/ir/op"
)

// checkFile finds what is wrong with the choice of a network's file without opening it.
func checkFile(c ir.Choice) error {
	if len(c.Value)+len(c.Args) > 0 {
		return &ir.Error{Layer: ir.Model, What: ir.QuoteName(c.Name) + " takes no arguments", Try: "write " + ir.QuoteName(c.Name)}
	}
	return nil
}

// buildFile is Build for a network that is read from a file.
func buildFile(c ir.Choice, r Request) (*ir.Graph, error) {
	if err := checkFile(c); err != nil {
		return nil, err
	}
	f, err := ReadFile(c.Name, FileOptions{Input: ir.Shape{1, r.C, r.H, r.W}, Digest: true})
	if err != nil {
		return nil, err
	}
	g := f.Graph
	if err := classifier(g, r); err != nil {
		return nil, &ir.Error{Layer: ir.Model, What: c.Name + ": " + err.What, Try: err.Try}
	}
	if !f.PrepKnown && f.Format != TFLite { // most TFLite files have the scaling of pixels inside
		g.Prep = defaultPrep(r)
	}
	if len(g.Classes) == 0 {
		g.Classes = slices.Clone(r.ClassNames)
	}
	return g, nil
}

// classifier holds a network to what a run can do with one: images in, one number a class out.
func classifier(g *ir.Graph, r Request) *ir.Error {
	if len(g.Inputs) != 1 || len(g.Outputs) != 1 {
		return &ir.Error{What: fmt.Sprintf("has %d inputs and %d outputs, and a run measures a classifier with one of each", len(g.Inputs), len(g.Outputs)), Try: "use it as a library: dlas.Load"}
	}
	in := g.Input()
	if in.Type != ir.F32 && in.Type != "" {
		return &ir.Error{What: fmt.Sprintf("its input %q has the type %s, and images are f32", in.Name, in.Type), Try: "use it as a library: dlas.Load"}
	}
	want := ir.Shape{1, r.C, r.H + 2*g.Prep.Pad, r.W + 2*g.Prep.Pad}
	if !in.Shape.Equal(want) {
		e := &ir.Error{What: fmt.Sprintf("its input %q is %v, and the images of %s are %v", in.Name, in.Shape, r.Data, want[1:])}
		if len(in.Shape) == 4 && in.Shape[0] == 1 {
			e.Try = fmt.Sprintf("give it data of its size, such as --data 'random(%v)'", in.Shape)
		}
		return e
	}
	values, err := op.Infer(g, 1)
	if err != nil {
		return &ir.Error{What: strings.TrimPrefix(err.Error(), "L2 model: ")}
	}
	out := values[g.Output()]
	if out.Shape.Elems() < 1 || len(out.Shape) < 2 || out.Shape[0] != 1 || out.Type != ir.F32 {
		return &ir.Error{What: fmt.Sprintf("its output %q is %s %v, and a run measures a classifier: one f32 a class", g.Output(), out.Type, out.Shape), Try: "use it as a library: dlas.Load"}
	}
	return nil
}
