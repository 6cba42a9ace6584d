package model

import (
	"testing"

	"github.com/godlas/godlas/dlas/ir"
	"github.com/godlas/godlas/dlas/ir/op"
)

// TestZooSizes compares with the numbers of parameters that the networks have where they are published: torchvision's
// documentation for those of ImageNet; for CIFAR-10 they follow by exchanging the last layer (of 1,000 classes for one of
// 10) and the stem.
func TestZooSizes(t *testing.T) {
	want := map[string]int64{
		"imagenet-resnet18": 11689512, "resnet50": 25557032, "imagenet-mobilenetv2": 3504872, "imagenet-vgg16": 138357544,
		"efficientnet-b0": 5288548, "densenet161": 28681000, "squeezenet1.0": 1248424, "squeezenet1.1": 1235496,
		"imagenet-mobilenetv1": 4231976, "cifar-resnet18": 11173962, "cifar-mobilenetv1": 3217226, "cifar-mobilenetv2": 2236682,
		"cifar-vgg16": 14724042, "resnet20": 269722, "resnet32": 464154, "resnet44": 658586, "resnet56": 853018,
	}
	entries, err := Survey(Env{})
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if w, ok := want[e.Name]; ok && e.Params != w {
			t.Errorf("%s has %d parameters, not %d", e.Name, e.Params, w)
		}
		delete(want, e.Name)
		t.Logf("%-22s %v %d params %d MACs %d bytes %q", e.Name, e.Input, e.Params, e.MACs, e.Bytes, e.Weights)
	}
	for name := range want {
		t.Errorf("there is no %s", name)
	}
}

// TestForms: the name of a family is the form that fits the pictures, and another name forces one.
func TestForms(t *testing.T) {
	for _, c := range []struct {
		name, data string
		c, w       int
		want       string
	}{
		{"resnet18", "cifar10", 3, 32, "cifar-resnet18"},
		{"resnet18", "random", 3, 64, "cifar-resnet18"},
		{"resnet18", "random", 3, 65, "imagenet-resnet18"},
		{"resnet18", "fashion-mnist", 1, 28, "cifar-resnet18"},
		{"cifar-resnet18", "random", 3, 224, "cifar-resnet18"},
		{"imagenet-resnet18", "cifar10", 3, 32, "imagenet-resnet18"},
		{"mobilenetv2", "fashion-mnist", 1, 28, "narrow-mobilenetv2"},
		{"mobilenetv2", "cifar10", 3, 32, "cifar-mobilenetv2"},
		{"mobilenetv2", "imagenet", 3, 224, "imagenet-mobilenetv2"},
		{"vgg16", "cifar10", 3, 32, "cifar-vgg16"},
		{"resnet50", "cifar10", 3, 32, "resnet50"},
	} {
		a, err := lookup(ir.Choice{Name: c.name})
		if err != nil {
			t.Fatal(err)
		}
		if got := a.fit(Request{Data: c.data, C: c.c, H: c.w, W: c.w}); got.option.Name != c.want {
			t.Errorf("%s on %s of %d pixels is %s, not %s", c.name, c.data, c.w, got.option.Name, c.want)
		}
	}
	g := build(t, "resnet18", Request{Data: "random", C: 3, H: 224, W: 224})
	if n := Count(g).Params; n != 11689512 {
		t.Errorf("resnet18 without classes at 224 pixels has %d parameters", n)
	}
}

// TestSketch compares the sketch's numbers with those of the network itself, whose MACs its operators count.
func TestSketch(t *testing.T) {
	for _, a := range architectures() {
		if a.members != nil || a.least > 64 || a.weightsOnly {
			continue
		}
		if _, ok := op.Lookup("Sigmoid"); !ok && a.option.Name == "efficientnet-b0" {
			continue
		}
		r := Request{Data: "random", C: 3, H: 64, W: 64, Classes: 7}
		g := build(t, a.option.Name, r)
		b, err := a.sketch(r)
		if err != nil {
			t.Fatal(err)
		}
		work, err := op.Count(g)
		if err != nil {
			t.Fatal(err)
		}
		var macs int64
		for _, w := range work {
			macs += w.MACs
		}
		if b.macs != macs {
			t.Errorf("%s: the sketch counts %d MACs, the operators %d", a.option.Name, b.macs, macs)
		}
	}
}

// BenchmarkRandomWeights draws VGG-16's 138 million weights.
func BenchmarkRandomWeights(b *testing.B) {
	for b.Loop() {
		if _, err := Build(ir.Choice{Name: "imagenet-vgg16"}, Request{C: 3, H: 224, W: 224}); err != nil {
			b.Fatal(err)
		}
	}
}
