package dlas

import (
	"bufio"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/godlas/godlas/dlas/data"
	"github.com/godlas/godlas/dlas/hardware"
	"github.com/godlas/godlas/dlas/ir"
	"github.com/godlas/godlas/dlas/model"
)

// Export writes the stack's network, compressed as L3 says, into a file that ends in .onnx or .dlas. From an ONNX file
// other runtimes compute the same logits; in one of this program's own format each tensor takes the fewest bytes that
// lose nothing (ModelInfo.Bytes), and all come back bit for bit. Load or a run of either find preprocessing and class
// names in it again. Where the stack names no data,
// the network is the one for the pictures that it was published for, with the weights that there are for those. The
// file takes its place at path only when it is whole.
func (s Stack) Export(ctx context.Context, path string) error {
	_, err := s.ExportNotes(ctx, path)
	return err
}

// ExportNotes is Export that tells what L3 has done, a line for each pass and for each level that was found.
func (s Stack) ExportNotes(ctx context.Context, path string) ([]string, error) {
	g, prepKnown, notes, err := s.noted(ctx)
	if err != nil {
		return nil, err
	}
	write := model.WriteONNX
	switch strings.ToLower(filepath.Ext(path)) {
	case ".onnx":
	case ".dlas":
		write = model.WriteNative
	default:
		return nil, &ir.Error{Layer: ir.Model, What: "cannot export as " + ir.QuoteName(filepath.Base(path)), Try: "end the name in .onnx, or in .dlas for the smallest file"}
	}
	return notes, writeFile(path, func(w io.Writer) error { return write(w, g, prepKnown) })
}

// Exported says of a file that Export wrote what it is, in one line.
func Exported(path string) (string, error) {
	info, err := os.Stat(path)
	if err != nil {
		return "", &ir.Error{What: "cannot read " + path, Err: err}
	}
	if strings.EqualFold(filepath.Ext(path), ".onnx") {
		return fmt.Sprintf("%s: %s, ONNX", path, bytesText(info.Size())), nil
	}
	f, err := model.ReadFile(path, model.FileOptions{})
	if err != nil {
		return "", err
	}
	c := model.Count(f.Graph)
	return fmt.Sprintf("%s: %s, of which weights %s (%s)", path, bytesText(info.Size()), bytesText(c.Bytes), storedText(c.Stored)), nil
}

// storedText says in which forms weights are stored, those with the most bytes first.
func storedText(by map[string]int64) string {
	forms := slices.SortedFunc(maps.Keys(by), func(a, b string) int {
		return cmp.Or(cmp.Compare(by[b], by[a]), strings.Compare(a, b))
	})
	var words []string
	for i, form := range forms {
		if i == 3 && len(forms) > 4 {
			rest := int64(0)
			for _, form := range forms[i:] {
				rest += by[form]
			}
			words = append(words, fmt.Sprintf("%d other forms %s", len(forms)-i, bytesText(rest)))
			break
		}
		words = append(words, form+" "+bytesText(by[form]))
	}
	return strings.Join(words, ", ")
}

// noted is the stack's network after L3, without a program, whether its preprocessing is known, and what L3 did.
func (s Stack) noted(ctx context.Context) (g *ir.Graph, prepKnown bool, notes []string, err error) {
	spec, err := s.spec.point()
	if err != nil {
		return nil, false, nil, err
	}
	c, err := choicesOf(spec)
	if err != nil {
		return nil, false, nil, err
	}
	opened := &sets{}
	g, of, prepKnown, err := s.uncompressed(c, opened)
	if err != nil {
		return nil, false, nil, err
	}
	if spec.Data = ""; of.Name != "" {
		spec.Data = of.String() // what levels are chosen on
	}
	f, err := resolve(ctx, spec)
	if err != nil {
		return nil, false, nil, err
	}
	if c, err = choicesOf(f.spec); err != nil {
		return nil, false, nil, err
	}
	m, err := hardware.Resolve(c[ir.Hardware][0])
	if err != nil {
		return nil, false, nil, err
	}
	defer progressEnd()
	g, notes, err = shrink(ctx, g, c[ir.Compress], toolsFor(g, of, opened, m, planOf(c, 1)))
	return g, prepKnown, append(f.notes, notes...), err
}

// network is noted for who wants the network alone.
func (s Stack) network(ctx context.Context) (g *ir.Graph, prepKnown bool, err error) {
	g, prepKnown, _, err = s.noted(ctx)
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
