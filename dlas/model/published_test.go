package model

import (
	"path/filepath"
	"testing"

	"github.com/godlas/godlas/internal/need"
)

// TestPublishedImageNetWeights decodes the files of weights for ImageNet as their publishers made them.
func TestPublishedImageNetWeights(t *testing.T) {
	root := filepath.Dir(filepath.Dir(need.Data(t, "weights", "imagenet")))
	r := Request{Data: "imagenet", C: 3, H: 224, W: 224, MinClasses: 1000, Env: Env{Dir: root}}
	for name, params := range map[string]int64{"resnet18": 11689512, "resnet50": 25557032, "squeezenet1.0": 1248424} {
		g := build(t, name, r)
		c := Count(g)
		if !g.Trained || c.Params != params {
			t.Errorf("%s: trained %v, %d parameters", name, g.Trained, c.Params)
		}
		if name == "squeezenet1.0" {
			// The publisher tells a density of 0.334.
			if s := c.Sparsity(); s < 0.66 || s > 0.67 || !g.Prep.BGR || g.Prep.Mean[0] != 104 {
				t.Errorf("%s: sparsity %v, preprocessing %+v", name, s, g.Prep)
			}
		}
	}
}
