package model

import (
	"testing"
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
