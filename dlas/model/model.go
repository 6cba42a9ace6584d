// Package model is L2, models and neural architectures: it builds a named network for a data set, with trained weights
// where there are any and seeded random ones where there are none.
//
// A network is a file of this package and a row of its table. Its weights have the names of PyTorch's state_dict, so
// that a file of weights saved there is read as it is.
package model

import (
	"fmt"
	"slices"

	"github.com/godlas/godlas/dlas/ir"
	"github.com/godlas/godlas/dlas/ir/op"
)

// Env says where weights are looked for, after those that this program embeds.
type Env struct {
	Dir   string // the user's folder of data, DLAS_DATA: weights lie in weights/DATA/; may be empty
	Cache string // this program's cache: the same place below it; may be empty
}

// Request is what a network must fit: the images of a data set and its classes.
type Request struct {
	Data       string // the data set's name: weights are looked up by it and the network's
	C, H, W    int    // of one image, before preprocessing
	Classes    int    // 0 means 10, or 1000 for a network of ImageNet's form
	MinClasses int    // where Classes is 0: the least there may be
	Scalable   bool   // the images come from pictures that can be made any size
	ClassNames []string
	Env        Env
	Seed       uint64 // of random weights
}

// architecture is a row of the table.
type architecture struct {
	option ir.Option
	least  int // smallest height and width of the padded input
	build  func(b *builder)
	// weightsOnly marks a network that is nothing without its trained weights; random ones are refused.
	weightsOnly bool

	form    form
	family  string         // the name that several forms share; empty for a network of one form
	only    string         // the data set for which its family's name means this one
	not     string         // the data set for which its family's name means another
	members []architecture // of the family that this row is
	files   []string       // names under which weights for it are published, without the ending
}

func architectures() []architecture {
	a := []architecture{resnet8(), resnet8Pruned(), vgg7()}
	for _, depth := range []int{20, 32, 44, 56} {
		a = append(a, cifarResNet(depth))
	}
	for _, members := range [][]architecture{
		{resnet18(small), resnet18(large)},
		{mobileNetV1(small), mobileNetV1(large)},
		{mobileNetV2(small), mobileNetV2(large), narrowMobileNetV2()},
		{vgg16(small), vgg16(large)},
	} {
		a = append(append(a, family(members[0].family, members)), members...)
	}
	return append(a, resnet50(), efficientNetB0(), denseNet161(), squeezeNet("1.0"), squeezeNet("1.1"))
}

// Options describes the networks there are.
func Options() []ir.Option {
	var o []ir.Option
	for _, a := range architectures() {
		o = append(o, a.option)
	}
	return o
}

// Default is the network that a data set gets where none is named.
func Default(data string) string {
	switch data {
	case "cifar10":
		return "resnet20"
	case "imagenet":
		return "resnet18"
	}
	return "resnet8"
}

// Check finds what is wrong with a choice without building anything.
func Check(c ir.Choice) error {
	if IsFile(c.Name) {
		return checkFile(c)
	}
	_, err := lookup(c)
	return err
}

func lookup(c ir.Choice) (architecture, error) {
	var names []string
	for _, a := range architectures() {
		if a.option.Name == c.Name {
			if len(c.Value)+len(c.Args) > 0 {
				return a, &ir.Error{Layer: ir.Model, What: c.Name + " takes no arguments", Try: "write " + c.Name}
			}
			return a, nil
		}
		names = append(names, a.option.Name)
	}
	return architecture{}, ir.Unknown(ir.Model, "model", c.Name, names)
}

// Build makes the network that c names, or reads it where that is the name of a file (ReadFile); a file of weights alone is
// that of the network whose tensors it has. The weights of a named
// network are looked up by (data set, network): embedded, then Env.Dir/weights/DATA/, then Env.Cache/weights/DATA/; where
// there are none they are random (He et al. 2015, seeded) and Graph.Trained is false. Errors are *ir.Error of layer model.
func Build(c ir.Choice, r Request) (*ir.Graph, error) {
	if IsFile(c.Name) {
		if g, err := buildWeights(c, r); g != nil || err != nil {
			return g, err
		}
		return buildFile(c, r)
	}
	a, err := lookup(c)
	if err != nil {
		return nil, err
	}
	a = a.fit(r)
	if r.Classes == 0 {
		r.Classes = max(a.form.classes(), r.MinClasses)
	}
	file, err := findWeights(a, r)
	if err != nil {
		return nil, err
	}
	return a.make(c.Name, r, file)
}

// make builds the network for a request, with weights from a file or, where that is nil, random ones.
func (a architecture) make(name string, r Request, file *weightsFile) (g *ir.Graph, err error) {
	if r.Classes < 1 || r.Classes > 1<<16 || r.C < 1 || r.H < 1 || r.W < 1 || r.C > 1<<12 || r.H > 1<<13 || r.W > 1<<13 {
		return nil, ir.Errorf(ir.Model, "%s cannot take images of %dx%dx%d in %d classes", name, r.C, r.H, r.W, r.Classes)
	}
	if file == nil && a.weightsOnly {
		return nil, &ir.Error{Layer: ir.Model, What: fmt.Sprintf("%s is its trained weights, and there are none for %s", name, r.Data), Try: "try " + Default(r.Data)}
	}
	prep := defaultPrep(r)
	if file != nil {
		if prep, err = file.prep(r.C, prep); err != nil {
			return nil, file.fail(err)
		}
	}
	h, w := r.H+2*prep.Pad, r.W+2*prep.Pad
	if h < a.least || w < a.least {
		return nil, ir.Errorf(ir.Model, "%s needs images of at least %dx%d pixels, and %s has %dx%d", name, a.least, a.least, r.Data, r.H, r.W)
	}
	g = &ir.Graph{
		Name: name, Inputs: []ir.Value{{Name: "input", Shape: ir.Shape{1, r.C, h, w}}},
		Weights: map[string]*ir.Tensor{}, Prep: prep, Classes: slices.Clone(r.ClassNames),
	}
	b := newBuilder(g, g.Input().Name, g.Input().Shape, file, r)
	a.build(b)
	if b.err != nil {
		return nil, b.err
	}
	fillAll(b.fills, r.Seed)
	if file != nil {
		if err := file.unused(); err != nil {
			return nil, file.fail(err)
		}
		g.Trained, g.Digest = true, file.digest
	}
	if _, err := op.Infer(g, 1); err != nil {
		return nil, err
	}
	return g, nil
}
