package model

import (
	"bytes"
	"embed"
	"fmt"
	"io"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/godlas/godlas/dlas/ir"
)

// The networks that _models/train.py trained.
//
//go:embed weights
var embedded embed.FS

// weightsFile is a file of weights found for a network.
type weightsFile struct {
	*Safetensors
	path   string // as a message names it
	digest string
	taken  map[string]bool
}

func (f *weightsFile) fail(err error) error {
	return &ir.Error{Layer: ir.Model, What: "weights file " + f.path, Err: err}
}

// findWeights returns the weights for (data set, network), or nil where there are none. A file that exists and cannot
// be used is an error, never skipped.
func findWeights(a architecture, r Request) (*weightsFile, error) {
	if r.Data == "" {
		return nil, nil
	}
	path, in := a.locate(r.Data, r.Env)
	if path == "" {
		return nil, nil
	}
	if in {
		raw, err := embedded.ReadFile(path)
		if err != nil {
			return nil, &ir.Error{Layer: ir.Model, What: "weights", Err: err}
		}
		return openWeights(bytes.NewReader(raw), int64(len(raw)), "embedded "+path, a)
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, &ir.Error{Layer: ir.Model, What: "weights", Err: err}
	}
	defer f.Close()
	st, err := f.Stat()
	if err != nil || !st.Mode().IsRegular() {
		return nil, ir.Errorf(ir.Model, "weights file %s is not a file", path)
	}
	return openWeights(f, st.Size(), path, a)
}

func openWeights(r io.Reader, size int64, path string, a architecture) (*weightsFile, error) {
	s, err := ReadSafetensors(r, size)
	f := &weightsFile{Safetensors: s, path: path, taken: map[string]bool{}}
	if err != nil {
		return nil, f.fail(err)
	}
	for _, key := range []string{"model", "arch"} {
		if m := s.Metadata[key]; m != "" && m != a.option.Name && m != a.family {
			return nil, f.fail(fmt.Errorf("is of the model %q, not %s", m, a.option.Name))
		}
	}
	f.digest = s.Digest
	return f, nil
}

// tensor returns the weights of that name, which must have that shape. The last linear layer is called fc, linear or
// classifier by those who publish networks: either name serves.
func (f *weightsFile) tensor(name string, shape ir.Shape) (*ir.Tensor, error) {
	if t, ok, err := f.published(name, shape); ok || err != nil {
		if err == nil {
			err = checkWeights(name, t)
		}
		return t, err
	}
	found := name
	if head, field, ok := strings.Cut(name, "."); ok && slices.Contains(heads, head) {
		for _, h := range heads {
			if _, ok := f.Shape(name); ok {
				break
			}
			if _, ok := f.Shape(h + "." + field); ok {
				found = h + "." + field
				break
			}
		}
	}
	got, ok := f.Shape(found)
	if !ok {
		return nil, fmt.Errorf("has no tensor %q (shape %s)", name, shape)
	}
	if !got.Equal(shape) {
		return nil, fmt.Errorf("tensor %q has shape %s and should have %s", found, got, shape)
	}
	f.taken[found] = true
	t, err := f.Tensor(found)
	if err != nil {
		return nil, err
	}
	return t, checkWeights(name, t)
}

// checkWeights finds numbers that are no weights. Who prunes by a product with a mask leaves zeros with a sign: they lose
// it, as it means nothing and would be kept for ever.
func checkWeights(name string, t *ir.Tensor) error {
	variance := strings.HasSuffix(name, "running_var")
	data := t.F32()
	for i, v := range data {
		switch {
		case v == 0:
			data[i] = 0
		case v-v != 0:
			return fmt.Errorf("tensor %q holds %v, which is no weight", name, v)
		case v < 0 && variance:
			return fmt.Errorf("tensor %q holds %v, which is no variance", name, v)
		}
	}
	return nil
}

var heads = []string{"fc", "linear", "classifier"}

// unused finds tensors that the network did not ask for: they would be a different network. Counters are no weights.
func (f *weightsFile) unused() error {
	for _, n := range f.Names() {
		if !f.taken[n] && !strings.HasSuffix(n, "num_batches_tracked") {
			return fmt.Errorf("has a tensor %q that the network has no place for", n)
		}
	}
	return nil
}

// defaultPrep is what a network without a file of weights wants: the values that published networks for the data set use.
func defaultPrep(r Request) ir.Preprocess {
	switch {
	case r.Data == "fashion-mnist" && r.C == 1:
		return ir.Preprocess{Pad: 2, Scale: 1. / 255, Mean: []float64{0.2860}, Std: []float64{0.3530}}
	case r.C == 3:
		return ir.Preprocess{Scale: 1. / 255, Mean: []float64{0.485, 0.456, 0.406}, Std: []float64{0.229, 0.224, 0.225}}
	}
	return ir.Preprocess{Scale: 1. / 255}
}

const maxPad = 64

// normWords is the form in which some files tell their preprocessing: "x/255, mean .485 .456 .406 std .229 .224 .225".
var normWords = regexp.MustCompile(`^x/255, mean ((?:[0-9.]+ )+)std ((?:[0-9.]+ ?)+)(?:,.*)?$`)

// caffeWords is the form in which files from Caffe tell it: "227x227 BGR minus 104,117,123".
var caffeWords = regexp.MustCompile(`^[0-9]+x[0-9]+ BGR minus ([0-9.,]+)$`)

// prep reads the preprocessing that the file's metadata states; def where it states none.
func (f *weightsFile) prep(channels int, def ir.Preprocess) (ir.Preprocess, error) {
	m := f.Metadata
	mean, std, scale := m["mean"], m["std"], m["scale"]
	if w := caffeWords.FindStringSubmatch(m["input"]); w != nil && mean == "" {
		p := ir.Preprocess{Scale: 1, BGR: true}
		var err error
		p.Mean, err = numbers("input", w[1], channels, false)
		return p, err
	}
	if norm := m["norm"]; norm != "" && mean == "" {
		w := normWords.FindStringSubmatch(norm)
		if w == nil {
			return def, fmt.Errorf("states a preprocessing that this program cannot read: norm %q", norm)
		}
		mean, std, scale = w[1], strings.TrimSuffix(w[2], ","), "1/255"
	}
	if mean == "" && std == "" && scale == "" && m["pad"] == "" {
		return def, nil
	}
	p := ir.Preprocess{Scale: 1}
	var err error
	if p.Mean, err = numbers("mean", mean, channels, false); err != nil {
		return def, err
	}
	if p.Std, err = numbers("std", std, channels, true); err != nil {
		return def, err
	}
	if scale != "" {
		over, frac := strings.CutPrefix(scale, "1/")
		v, err := strconv.ParseFloat(over, 64)
		if err != nil || !(v > 0 && v < 1e9) {
			return def, fmt.Errorf("states scale %q, which is no number above 0", scale)
		}
		if p.Scale = v; frac {
			p.Scale = 1 / v
		}
	}
	if t := m["pad"]; t != "" {
		if p.Pad, err = strconv.Atoi(t); err != nil || p.Pad < 0 || p.Pad > maxPad {
			return def, fmt.Errorf("states pad %q, which is no number from 0 to %d", t, maxPad)
		}
	}
	return p, nil
}

func numbers(what, text string, channels int, positive bool) ([]float64, error) {
	if text == "" {
		return nil, nil
	}
	var out []float64
	for _, w := range strings.FieldsFunc(text, func(r rune) bool { return r == ' ' || r == ',' }) {
		v, err := strconv.ParseFloat(w, 64)
		if err != nil || !(v > -1e9 && v < 1e9) || positive && v <= 0 {
			return nil, fmt.Errorf("states %s %q, which is not a list of numbers", what, text)
		}
		out = append(out, v)
	}
	if len(out) != channels {
		return nil, fmt.Errorf("states %s for %d channels, and the images have %d", what, len(out), channels)
	}
	return out, nil
}
