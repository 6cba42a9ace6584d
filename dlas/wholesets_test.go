package dlas

import (
	"fmt"
	"math"
	"testing"

	"github.com/godlas/godlas/internal/need"
)

// TestAccuraciesOfCIFAR10 scores the published ResNets, as they are, with weights in halves and in int8, on all test
// images where DLAS_REQUIRE names whole, else ResNet-20 on 500 of them. Floats have exactly the accuracy that was measured
// when they were published; halves lie within 0.02 points of it and int8 within 0.3.
func TestAccuraciesOfCIFAR10(t *testing.T) {
	need.Data(t, "cifar10")
	need.Data(t, "weights", "cifar10")
	n, networks := 500, map[string]float64{"resnet20": 0}
	if need.Required("whole") {
		n, networks = 10_000, map[string]float64{"resnet20": 0.9173, "resnet32": 0.9263, "resnet44": 0.9311, "resnet56": 0.9339}
	}
	data := fmt.Sprintf("cifar10(n=%d)", n)
	for name, published := range networks {
		float, top5, split, digest := classified(t, New().Data(data).Model(name))
		base := score(float, top5, split, digest).Top1
		if published > 0 && base != published {
			t.Errorf("%s: top-1 is %.4f, published %.4f", name, base, published)
		}
		for _, c := range []struct {
			passes string
			within float64 // points, of all test images
		}{{"fp16", 0.02}, {"int8", 0.3}} {
			seen, top5, split, digest := classified(t, New().Data(data).Model(name).Compress(c.passes))
			top1 := score(seen, top5, split, digest).Top1
			// Of few images one alone is more than what may be lost: there, count those that changed sides.
			if off := 100 * math.Abs(top1-base); n == 10_000 && off > c.within+1e-9 {
				t.Errorf("%s %s: top-1 is %.4f, and %.4f without: %.2f points", name, c.passes, top1, base, off)
			}
			if d, most := differing(float.Predicted, seen.Predicted), map[string]int{"fp16": n / 500, "int8": n / 50}[c.passes]; d > most {
				t.Errorf("%s %s: %d of %d images are of another class", name, c.passes, d, n)
			} else {
				t.Logf("%s %s: top-1 %.4f, without %.4f; %d of %d images of another class", name, c.passes, top1, base, d, n)
			}
		}
	}
}
