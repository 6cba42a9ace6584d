package model

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/godlas/godlas/dlas/ir"
)

// TestWrongData: a network of a file and data that it is not for are an error that says what would do.
func TestWrongData(t *testing.T) {
	g, err := Build(ir.Choice{Name: "resnet20"}, Request{Data: "cifar10", C: 3, H: 32, W: 32, Classes: 10})
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "net.onnx")
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := WriteONNX(f, g, true); err != nil {
		t.Fatal(err)
	}
	for want, r := range map[string]Request{
		"": {Data: "cifar10", C: 3, H: 32, W: 32, Classes: 10},
		"the images of grey are 1x28x28; give it data of its size, such as random(1x3x32x32)": {Data: "grey", C: 1, H: 28, W: 28, Classes: 10},
		"has 10 outputs, and imagenet has 1000 classes; give it the data that it was trained": {Data: "imagenet", C: 3, H: 32, W: 32, MinClasses: 1000, Scalable: true},
		"has 10 outputs, and pets has 12 classes; give it the data that it was trained for, ": {Data: "pets", C: 3, H: 32, W: 32, Classes: 12},
	} {
		_, err := Build(ir.Choice{Name: path}, r)
		switch {
		case want == "" && err != nil:
			t.Error(err)
		case want != "" && (err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "\n")):
			t.Errorf("%v\nwant %s", err, want)
		}
	}
}

// TestWeightsOfTheOtherForm: published weights of a network for large pictures are none of its form for small ones.
func TestWeightsOfTheOtherForm(t *testing.T) {
	dir := t.TempDir()
	if err := os.MkdirAll(filepath.Join(dir, "weights/imagenet"), 0o700); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "weights/imagenet/imagenet_pqf_resnet18.safetensors")
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		form form
		want string
	}{{small, ""}, {large, path}} {
		if got := resnet18(c.form).where(Env{Dir: dir}); got != c.want {
			t.Errorf("%v: %q, not %q", c.form, got, c.want)
		}
	}
}
