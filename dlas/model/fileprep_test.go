package model

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/godlas/godlas/dlas/ir"
)

func args(name string, kv ...string) ir.Choice {
	c := ir.Choice{Name: name}
	for _, w := range kv {
		k, v, _ := strings.Cut(w, "=")
		c.Args = append(c.Args, ir.Arg{Key: k, Op: "=", Value: v})
	}
	return c
}

// TestFilePreprocess: what is given, what the file says and what is assumed, each said on the card.
func TestFilePreprocess(t *testing.T) {
	file := func(known bool, shape ...int) *File {
		f := &File{Format: ONNX, Graph: &ir.Graph{Inputs: []ir.Value{{Name: "x", Shape: shape}}}}
		if known {
			f.PrepKnown, f.Graph.Prep = true, ir.Preprocess{Scale: 1. / 255, Mean: []float64{.5, .5, .5}}
		}
		return f
	}
	r := Request{Data: "imagenet", C: 3, H: 224, W: 224, Scalable: true}
	for _, c := range []struct {
		args string
		file *File
		note string
	}{
		{"", file(false, 1, 3, 224, 224), "pixel/255, mean [0.485 0.456 0.406], std [0.229 0.224 0.225], order rgb, layout nchw (assumed, since the file does not say: the values that ImageNet's networks in PyTorch use)"},
		{"", file(false, 1, 224, 224, 3), "pixel/255, mean [0.485 0.456 0.406], std [0.229 0.224 0.225], order rgb, layout nhwc (assumed, since the file does not say: the values that ImageNet's networks in PyTorch use)"},
		{"", file(true, 1, 3, 224, 224), "pixel/255, mean 0.5, order rgb, layout nchw (as the file says)"},
		{"mean=127.5 std=127.5 order=bgr", file(false, 1, 3, 224, 224), "pixel, mean 127.5, std 127.5, order bgr, layout nchw (as given, scale by their size)"},
		{"mean=[.1_.2_.3]", file(false, 1, 3, 224, 224), "pixel/255, mean [0.1 0.2 0.3], order rgb, layout nchw (as given, scale by their size)"},
		{"mean=[104_117_123] scale=1 layout=nhwc", file(false, 1, 3, 224, 3), "pixel, mean [104 117 123], order rgb, layout nhwc (as given)"},
		{"std=2", file(true, 1, 3, 224, 224), "pixel/255, mean 0.5, std 2, order rgb, layout nchw (as given, the rest as the file says)"},
		{"scale=1/127", file(false, 1, 3, 224, 224), "pixel*0.00787402, order rgb, layout nchw (as given)"},
	} {
		var words []string
		for _, w := range strings.Fields(c.args) {
			words = append(words, strings.ReplaceAll(w, "_", " "))
		}
		choice := args("net.onnx", words...)
		if err := checkFile(choice); err != nil {
			t.Errorf("%s: %v", c.args, err)
		}
		_, note, err := preprocess(choice, c.file, r)
		if err != nil || note != "preprocessing: "+c.note {
			t.Errorf("%q: %v, %v\nwant %s", c.args, note, err, c.note)
		}
	}
	for bad, want := range map[string]string{
		"mean=x": "mean=x is not a number", "std=0": "std=0 is not", "std=[1 -1]": "std=[1 -1] is not", "mean=[]": "mean=[] has no numbers", "scale=1/0": "scale=1/0 is not",
		"layout=chw": `unknown layout of net.onnx "chw"; try nchw, nhwc`, "order=grb": "unknown order of net.onnx", "resize=0": "resize=0 is not a number", "men=1": `unknown argument of net.onnx "men"; try mean`,
	} {
		if err := checkFile(args("net.onnx", bad)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", bad, err)
		}
	}
	for bad, want := range map[string]string{"mean=[1 2]": "mean has 2 numbers, and the images have 3 channels", "resize=100": "resize=100 leaves less than the 224x224 pixels"} {
		if _, _, err := preprocess(args("net.onnx", bad), file(false, 1, 3, 224, 224), r); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", bad, err)
		}
	}
}

func TestClassNames(t *testing.T) {
	path := filepath.Join(t.TempDir(), "names.txt")
	for text, want := range map[string]string{
		"ant\nbee, honey\n\ncat\n": "ant|bee, honey|cat", "0 ant\r\n1: bee\r\n2  cat": "ant|bee|cat", "3 ant\n1 bee\n2 cat\n": "3 ant|1 bee|2 cat",
		"ant\nbee\n": "names 2 classes, and the network has 3 outputs",
	} {
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		names, err := readClasses(path, 3)
		if got := strings.Join(names, "|"); got != want && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%q gives %q, %v", text, got, err)
		}
	}
	if _, err := readClasses(path+".not", 3); err == nil || !strings.Contains(err.Error(), "no such file") {
		t.Errorf("a missing file: %v", err)
	}
}

// TestPrepareOrders: blue first, and channels last.
func TestPrepareOrders(t *testing.T) {
	m := ir.Image{C: 3, H: 1, W: 2, Pix: []uint8{1, 2, 10, 20, 100, 200}}
	dst := make([]float32, 6)
	for _, c := range []struct {
		p    ir.Preprocess
		want [6]float32
	}{
		{ir.Preprocess{BGR: true, Mean: []float64{100, 10, 1}}, [6]float32{0, 100, 0, 10, 0, 1}},
		{ir.Preprocess{NHWC: true}, [6]float32{1, 10, 100, 2, 20, 200}},
		{ir.Preprocess{NHWC: true, BGR: true, Std: []float64{100, 10, 1}}, [6]float32{1, 1, 1, 2, 2, 2}},
	} {
		if err := Prepare(c.p, []ir.Image{m}, dst); err != nil || [6]float32(dst) != c.want {
			t.Errorf("%+v gives %v, %v", c.p, dst, err)
		}
	}
}

// TestPaddedInput: a network that pads its pictures is given smaller ones, and the hint says how small.
func TestPaddedInput(t *testing.T) {
	g := &ir.Graph{Inputs: []ir.Value{{Name: "x", Shape: ir.Shape{1, 1, 32, 32}}}, Outputs: []string{"y"}, Prep: ir.Preprocess{Pad: 2}}
	if _, err := classifier(g, Request{Data: "random", C: 1, H: 32, W: 32}); err == nil || !strings.Contains(err.Try, "random(1x1x28x28)") {
		t.Error(err)
	}
}
