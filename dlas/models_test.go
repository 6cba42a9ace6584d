package dlas

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestModels(t *testing.T) {
	t.Setenv("DLAS_DATA", t.TempDir())
	list, err := Models()
	if err != nil {
		t.Fatal(err)
	}
	text := list.String()
	for _, want := range []string{
		"imagenet-vgg16        3x224x224    1,000  138,357,544  15.5 G   553 MB  none: random, seeded\n",
		"resnet8                 1x32x32       10       77,754  12.2 M   314 kB  embedded (fashion-mnist)\n",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("the list has no line %q:\n%s", want, text)
		}
	}
	// Every name can be chosen, and every network that can be chosen is in the list or a family's.
	listed := map[string]bool{"resnet18": true, "mobilenetv1": true, "mobilenetv2": true, "vgg16": true}
	for _, e := range list {
		listed[e.Name] = true
	}
	for _, o := range Options("model") {
		if !listed[o.Name] {
			t.Errorf("%s is not in the list", o.Name)
		}
	}
}

// TestExportNowhere: the error names the file that was asked for, not the one that it is made by way of.
func TestExportNowhere(t *testing.T) {
	folder := filepath.Join(t.TempDir(), "net.onnx")
	if err := os.Mkdir(folder, 0o700); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{"nowhere/net.onnx", folder} {
		err := New().Model("resnet8").Export(t.Context(), path)
		if err == nil || !strings.HasPrefix(err.Error(), "cannot write "+path+": ") || strings.Contains(err.Error(), ".net.onnx") {
			t.Errorf("%s: %v", path, err)
		}
	}
}
