package model

import (
	"fmt"
	"slices"
	"strings"

	"github.com/godlas/godlas/dlas/ir"
)

// Some files of weights hold a network in a form of their own: other names, or elements that are still to be decoded.
// published returns a tensor of such a file under its name in the network; false where the file has none in such a form.
func (f *weightsFile) published(name string, shape ir.Shape) (*ir.Tensor, bool, error) {
	base, field, _ := cutLast(name, ".")
	switch field {
	case "weight":
		if _, ok := f.Shape(base + ".codes_matrix"); ok {
			t, err := f.productQuantised(base, shape)
			return t, true, err
		}
	case "running_mean", "running_var":
		// "bn: y=x*weight+bias": the statistics are folded into scale and bias.
		if strings.Contains(f.Metadata["decode"], "bn: y=x*weight+bias") {
			data := make([]float32, shape.Elems())
			if field == "running_var" {
				for i := range data {
					data[i] = 1 - normEpsilon
				}
			}
			return ir.NewF32(data, shape...), true, nil
		}
	}
	if caffe := f.caffeName(base); caffe != "" {
		t, err := f.take(caffe+"/"+field[:1], shape)
		return t, true, err
	}
	return nil, false, nil
}

// productQuantised decodes W = codebook[codes].reshape(out, in, kh, kw): every code of a row of codes stands for a short
// vector (Martinez et al., Permute, Quantize, and Fine-tune, CVPR 2021).
func (f *weightsFile) productQuantised(base string, shape ir.Shape) (*ir.Tensor, error) {
	codesName, bookName := base+".codes_matrix", base+".codebook"
	codes, err := f.integers(codesName)
	if err != nil {
		return nil, err
	}
	book, err := f.Tensor(bookName)
	if err != nil {
		return nil, err
	}
	rows, _ := f.Shape(codesName)
	if len(rows) != 2 || len(book.Shape) != 2 || rows[0] != shape[0] || rows[1]*book.Shape[1] != shape.Elems()/shape[0] {
		return nil, fmt.Errorf("codes %q of shape %s and codebook of shape %s do not make a tensor of %s", codesName, rows, book.Shape, shape)
	}
	f.taken[codesName], f.taken[bookName] = true, true
	words, n, d := book.F32(), book.Shape[0], book.Shape[1]
	data := make([]float32, 0, shape.Elems())
	for _, c := range codes {
		if c < 0 || c >= n {
			return nil, fmt.Errorf("codes %q holds %d, and the codebook has %d rows", codesName, c, n)
		}
		data = append(data, words[c*d:(c+1)*d]...)
	}
	return ir.NewF32(data, shape...), nil
}

// take returns the tensor of that name in the file.
func (f *weightsFile) take(name string, shape ir.Shape) (*ir.Tensor, error) {
	got, ok := f.Shape(name)
	if !ok {
		return nil, fmt.Errorf("has no tensor %q (shape %s)", name, shape)
	}
	if !got.Equal(shape) {
		return nil, fmt.Errorf("tensor %q has shape %s and should have %s", name, got, shape)
	}
	f.taken[name] = true
	return f.Tensor(name)
}

// caffeName is what Caffe's SqueezeNet calls a layer of torchvision's; empty for a file of another kind.
func (f *weightsFile) caffeName(layer string) string {
	if _, ok := f.Shape("fire2/conv1x1_1/w"); !ok {
		return ""
	}
	switch layer {
	case "features.0":
		return "conv1"
	case "classifier.1":
		return "conv_final"
	}
	rest, ok := strings.CutPrefix(layer, "features.")
	at, part, ok2 := strings.Cut(rest, ".")
	i := slices.Index([]string{"3", "4", "5", "7", "8", "9", "10", "12"}, at) // torchvision counts the poolings too
	kind := map[string]string{"squeeze": "conv1x1_1", "expand1x1": "conv1x1_2", "expand3x3": "conv3x3_2"}[part]
	if !ok || !ok2 || i < 0 || kind == "" {
		return ""
	}
	return fmt.Sprintf("fire%d/%s", i+2, kind)
}

// cutLast splits at the last sep.
func cutLast(s, sep string) (before, after string, found bool) {
	if i := strings.LastIndex(s, sep); i >= 0 {
		return s[:i], s[i+len(sep):], true
	}
	return "", s, false
}
