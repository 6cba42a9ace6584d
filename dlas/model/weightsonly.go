package model

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/godlas/godlas/dlas/ir"
)

// buildWeights is Build for a file of weights (safetensors), which names no network: it is the one whose tensors have
// these names and shapes. It returns nil where the file holds something else.
func buildWeights(c ir.Choice, r Request) (*ir.Graph, error) {
	file, size, err := openWhole(c.Name)
	if err != nil {
		return nil, nil // buildFile says what is wrong
	}
	defer file.Close()
	var begin [10]byte
	if n, _ := file.ReadAt(begin[:], 0); !looksLikeSafetensors(begin[:n]) {
		return nil, nil
	}
	fail := func(what, try string) error { return &ir.Error{Layer: ir.Model, What: c.Name + ": " + what, Try: try} }
	if err := checkFile(c); err != nil {
		return nil, err
	}
	if givenLayout(c) == "nhwc" {
		return nil, fail("layout=nhwc is for networks from files, and the networks that take weights want nchw", "")
	}
	if c.Arg("head", "") != "" {
		return nil, fail("head=FILE is for networks from files, and this holds the weights of one that has its head", "")
	}
	s, err := ReadSafetensors(file, int64(size))
	if err != nil {
		return nil, fail(err.Error(), "")
	}
	a, classes, ok := s.owner(r)
	if !ok {
		return nil, fail("holds weights (safetensors), and their names and shapes are those of no network here",
			"give a file that holds a network, .onnx or .tflite; or, for one of the networks of %dlas model, weights with the names of PyTorch's state_dict")
	}
	if least := max(r.Classes, r.MinClasses); classes < least {
		return nil, fail(fmt.Sprintf("is %s with %d outputs, and %s has %d classes", a.option.Name, classes, r.Data, least), "give it the data that it was trained for")
	}
	r.Classes = classes
	g, err := a.make(a.option.Name, r, s.file(c.Name))
	if err != nil {
		return nil, err
	}
	m := s.Metadata
	f := &File{Graph: g, PrepKnown: m["mean"]+m["std"]+m["scale"]+m["norm"]+m["input"] != ""}
	prep, note, err := preprocess(c, f, r)
	if err != nil {
		return nil, fail(err.Error(), "")
	}
	g.Prep = prep
	g.Notes = append(g.Notes, "network: "+a.option.Name+", whose tensors the file has", note)
	if path := c.Arg("classes", ""); path != "" {
		if g.Classes, err = readClasses(path, classes); err != nil {
			return nil, fail(err.Error(), "")
		}
	}
	return g, nil
}

// file is the file to take a network's weights from, once.
func (s *Safetensors) file(path string) *weightsFile {
	return &weightsFile{Safetensors: s, path: path, digest: s.Digest, taken: map[string]bool{}}
}

// owner finds the network that the tensors are the weights of, and its number of classes. Two forms of a network may
// have the same tensors: then it is the one that fits the pictures.
func (s *Safetensors) owner(r Request) (architecture, int, bool) {
	var rows []int // a last layer has a row a class
	for _, name := range s.Names() {
		shape, _ := s.Shape(name)
		head, _, _ := strings.Cut(name, ".")
		if slices.Contains(heads, head) && len(shape) > 0 && !slices.Contains(rows, shape[0]) {
			rows = append(rows, shape[0])
		}
	}
	for _, a := range architectures() {
		usual := a.usual()
		if a.members != nil {
			a = a.fit(r)
			usual = a.usual()
		}
		for _, classes := range append(slices.Clone(rows), a.form.classes()) {
			for _, c := range []int{r.C, usual[0]} {
				_, err := a.make(a.option.Name, Request{C: c, H: usual[1], W: usual[2], Classes: classes}, s.file(""))
				if err == nil {
					return a, classes, true
				}
				var known *ir.Error
				if errors.As(err, &known) && strings.Contains(err.Error(), "which is no ") {
					return a, classes, true // the right names and shapes, and numbers that are told of when it is built
				}
			}
		}
	}
	return architecture{}, 0, false
}
