package model

import (
	"os"
	"path/filepath"
	"strings"

	"github.com/godlas/godlas/dlas/ir"
)

// Entry is what one can know of a network without its weights.
type Entry struct {
	Name    string
	Input   ir.Shape // of one picture as the network wants it, C, H, W
	Classes int
	Params  int64  // parameters, batch norm's statistics not among them
	MACs    int64  // for one picture of that shape
	Bytes   int64  // of all tensors in f32, batch norm's statistics among them
	Weights string // where trained weights are: embedded (DATA), a path, or empty
}

// Survey describes every network there is at the size of picture that it was published for, without drawing or reading
// any weight.
func Survey(env Env) ([]Entry, error) {
	var entries []Entry
	for _, a := range architectures() {
		if a.members != nil {
			continue
		}
		e, err := a.survey(env)
		if err != nil {
			return nil, err
		}
		entries = append(entries, e)
	}
	return entries, nil
}

func (a architecture) survey(env Env) (Entry, error) {
	in := a.usual()
	b, err := a.sketch(Request{C: in[0], H: in[1], W: in[2], Classes: a.form.classes()})
	if err != nil {
		return Entry{}, err
	}
	e := Entry{Name: a.option.Name, Input: in, Classes: b.classes, Weights: a.where(env)}
	for name, t := range b.g.Weights {
		e.Bytes += 4 * int64(t.Shape.Elems())
		if !strings.HasSuffix(name, ".running_mean") && !strings.HasSuffix(name, ".running_var") {
			e.Params += int64(t.Shape.Elems())
		}
	}
	e.MACs = b.macs
	return e, nil
}

// usual is the shape of picture that the network's numbers are told for.
func (a architecture) usual() ir.Shape {
	if a.form == anyForm {
		return ir.Shape{1, 32, 32}
	}
	return a.form.usual()
}

// sketch builds the network with weights that have a shape and no elements.
func (a architecture) sketch(r Request) (*builder, error) {
	shape := ir.Shape{1, r.C, r.H, r.W}
	g := &ir.Graph{Name: a.option.Name, Inputs: []ir.Value{{Name: "input", Shape: shape}}, Weights: map[string]*ir.Tensor{}}
	b := newBuilder(g, "input", shape, nil, r)
	b.sketch = true
	a.build(b)
	return b, b.err
}

// where finds trained weights for the network, whatever data set they are for.
func (a architecture) where(env Env) string {
	for _, set := range dataSets {
		path, in := a.locate(set, env)
		switch {
		case in:
			return "embedded (" + set + ")"
		case path != "":
			return path
		}
	}
	return ""
}

// dataSets are those for which there may be trained weights.
var dataSets = []string{"fashion-mnist", "cifar10", "imagenet"}

// locate finds the file of weights for (data set, network): its path, or the name of the embedded one.
func (a architecture) locate(set string, env Env) (path string, in bool) {
	bases := a.bases(set)
	for _, base := range bases {
		name := "weights/" + set + "/" + base + ".safetensors"
		if f, err := embedded.Open(name); err == nil {
			f.Close()
			return name, true
		}
	}
	for _, root := range []string{env.Dir, env.Cache} {
		if root == "" {
			continue
		}
		for _, base := range bases {
			path := filepath.Join(root, "weights", set, base+".safetensors")
			if _, err := os.Lstat(path); err == nil {
				return path, false
			}
		}
	}
	return "", false
}

// bases are the names that a file of weights may have, without the ending. A family's name stands for each form, where
// the data set is one that the form is for.
func (a architecture) bases(set string) []string {
	bases := []string{a.option.Name}
	if a.family != "" && (a.only == set || a.only == "" && a.not != set) {
		bases = append(bases, a.family)
	}
	for _, base := range bases {
		bases = append(bases, set+"_"+base)
	}
	if set == "imagenet" {
		bases = append(bases, a.files...)
	}
	return bases
}
