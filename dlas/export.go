package dlas

import (
	"bufio"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/godlas/godlas/dlas/data"
	"github.com/godlas/godlas/dlas/hardware"
	"github.com/godlas/godlas/dlas/ir"
	"github.com/godlas/godlas/dlas/model"
)

// Export writes the stack's network, compressed as L3 says, as an ONNX file: other runtimes compute the same logits
// from it, and Load or a run of the file find preprocessing and class names in it again. Where the stack names no data,
// the network is the one for the pictures that it was published for, with the weights that there are for those. The
// file takes its place at path only when it is whole.
func (s Stack) Export(ctx context.Context, path string) error {
	g, prepKnown, err := s.network(ctx)
	if err != nil {
		return err
	}
	if ext := filepath.Ext(path); !strings.EqualFold(ext, ".onnx") {
		return &ir.Error{Layer: ir.Model, What: "cannot export as " + ir.QuoteName(filepath.Base(path)), Try: "end the name in .onnx"}
	}
	return writeFile(path, func(w io.Writer) error { return model.WriteONNX(w, g, prepKnown) })
}

// network is the stack's network after L3, without a program, and whether its preprocessing is known.
func (s Stack) network(ctx context.Context) (g *ir.Graph, prepKnown bool, err error) {
	spec, err := s.spec.point()
	if err != nil {
		return nil, false, err
	}
	c, err := choicesOf(spec)
	if err != nil {
		return nil, false, err
	}
	opened := &sets{}
	g, of, prepKnown, err := s.uncompressed(c, opened)
	if err != nil {
		return nil, false, err
	}
	m, err := hardware.Resolve(c[ir.Hardware][0])
	if err != nil {
		return nil, false, err
	}
	defer progressEnd()
	g, _, err = shrink(ctx, g, c[ir.Compress], toolsFor(g, of, opened, m, planOf(c, 1)))
	return g, prepKnown, err
}

// uncompressed is the network before L3, and the data that it is for, without a name where nothing tells.
func (s Stack) uncompressed(c map[ir.Layer][]ir.Choice, opened *sets) (g *ir.Graph, of ir.Choice, prepKnown bool, err error) {
	m := c[ir.Model][0]
	env := data.EnvFromOS()
	req, usual := model.Usual(m, model.Env{Dir: env.Dir, Cache: env.Cache})
	switch {
	case strings.TrimSpace(s.spec.Data) != "":
		of = c[ir.Data][0]
		set, err := opened.open(of)
		if err != nil {
			return nil, of, false, err
		}
		req = request(set)
	case !usual: // a file has a shape of its own
		f, err := model.ReadFile(m.Name, model.FileOptions{Head: m.Arg("head", "")})
		if err != nil {
			return nil, of, false, err
		}
		return f.Graph, of, f.PrepKnown, nil
	default:
		// The names of the classes are the data set's, where that is there.
		of = ir.Choice{Name: req.Data}
		one := ir.Choice{Name: req.Data, Args: []ir.Arg{{Key: "n", Op: "=", Value: "1"}}}
		if set, err := data.Open(one, env); err == nil && len(set.Classes) == req.Classes {
			req.ClassNames = set.Classes
		}
	}
	req.Seed = seed
	g, err = model.Build(m, req)
	return g, of, true, err
}

// writeFile makes a file by way of one beside it, so that path never holds half of one.
func writeFile(path string, write func(io.Writer) error) error {
	fail := func(err error) error {
		// The file beside it has a name that nobody gave.
		var at *os.PathError
		if errors.As(err, &at) {
			err = at.Err
		}
		var link *os.LinkError
		if errors.As(err, &link) {
			err = link.Err
		}
		return &ir.Error{What: "cannot write " + path, Err: err}
	}
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*")
	if err != nil {
		return fail(err)
	}
	defer os.Remove(f.Name())
	b := bufio.NewWriterSize(f, 1<<20)
	if err = write(b); err == nil {
		err = b.Flush()
	}
	if err != nil {
		f.Close()
		return err
	}
	if err := f.Chmod(0o644); err != nil {
		f.Close()
		return fail(err)
	}
	if err := f.Close(); err != nil {
		return fail(err)
	}
	if err := os.Rename(f.Name(), path); err != nil {
		return fail(err)
	}
	return nil
}
