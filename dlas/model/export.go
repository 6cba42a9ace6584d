package model

import (
	"io"

	"github.com/godlas/godlas/dlas/ir"
	"github.com/godlas/godlas/dlas/model/onnx"
)

// WriteONNX writes a network as an ONNX file, with its preprocessing (where that is known), its classes and whether it
// was trained among the file's properties, where ReadFile finds them.
func WriteONNX(w io.Writer, g *ir.Graph, prepKnown bool) error {
	meta, err := exportMeta(g)
	if err != nil {
		return err
	}
	if !prepKnown {
		delete(meta, metaPrep)
	}
	return onnx.Write(w, g, meta)
}

// Usual is the request for a named network as it was published: the pictures it is for, and the data set whose trained
// weights it gets. It is false for a file and an unknown name.
func Usual(c ir.Choice, env Env) (Request, bool) {
	a, err := lookup(c)
	if IsFile(c.Name) || err != nil {
		return Request{}, false
	}
	a = a.fit(Request{W: large.usual()[2]}) // a family's name without data stands for the form of ImageNet
	in := a.usual()
	r := Request{C: in[0], H: in[1], W: in[2], Classes: a.form.classes(), Env: env}
	switch a.form {
	case small:
		r.Data = "cifar10"
	case large:
		r.Data = "imagenet"
	default:
		r.Data, r.H, r.W = "fashion-mnist", 28, 28
	}
	return r, true
}
