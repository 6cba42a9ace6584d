package dlas

import (
	"testing"

	"github.com/godlas/godlas/dlas/ir"
	"github.com/godlas/godlas/internal/need"
)

// TestInt8KeepsAccuracy quantises trained networks after training, calibrated on val alone, and scores them beside their
// float forms: no more than 0.3 points are lost on a whole test set, and on some images most classes stay the same. Every
// node but a network's conversions runs on bytes. The whole set's pictures before ResNets are TestAccuraciesOfCIFAR10's.
func TestInt8KeepsAccuracy(t *testing.T) {
	t.Parallel()
	whole := need.Required("whole")
	for _, c := range []struct {
		data, model string
		points      float64 // most that may be lost on the whole set
		always      bool
	}{
		{"fashion-mnist", "resnet8", 0.3, true},
		{"cifar10", "resnet20", 0.3, true},
		{"cifar10", "mlperf-tiny/pretrainedResnet.tflite", 0.3, false},
		{"cifar10", "mlperf-tiny/pretrainedResnet_large_float.tflite", 0.3, false},
	} {
		t.Run(c.model, func(t *testing.T) {
			if !c.always && !whole {
				t.Skip("needs whole: 10,000 images")
			}
			whole := whole && c.model != "resnet20"
			data, name := c.data, c.model
			if c.data == "cifar10" {
				need.Data(t, "cifar10")
			}
			if len(name) > 12 {
				name = ir.QuoteName(need.Data(t, "weights", name))
			}
			if !whole {
				data += "(n=500)"
			}
			var classes [2][]int
			var right [2]int
			set := openSet(t, data)
			for i, pass := range []string{"none", "int8"} {
				p, err := New().Data(data).Model(name).Compress(pass).Compile(t.Context())
				if err != nil {
					t.Fatal(err)
				}
				in, out := make([]float32, p.InShape().Elems()), make([]float32, p.OutShape().Elems())
				for k := range set.Len() {
					img, err := set.Image(k)
					if err != nil {
						t.Fatal(err)
					}
					if err := p.Prepare([]ir.Image{img}, in); err != nil {
						t.Fatal(err)
					}
					if err := p.Run(t.Context(), in, out); err != nil {
						t.Fatal(err)
					}
					class := argmax(out)
					if label, ok := set.Label(k); ok && label == class {
						right[i]++
					}
					classes[i] = append(classes[i], class)
				}
				if pass == "none" {
					continue
				}
				for _, n := range p.run.program.Nodes() {
					if n.Type != ir.I8 && n.Op != "Layout" && n.Op != "Softmax" {
						t.Errorf("%s (%s) runs in %s", n.Name, n.Op, n.Type)
					}
				}
			}
			same, n := 0, set.Len()
			for k, class := range classes[0] {
				if classes[1][k] == class {
					same++
				}
			}
			points := func(count int) float64 { return 100 * float64(count) / float64(n) }
			t.Logf("%s: %.2f %% float, %.2f %% in bytes; the same class of %d of %d images", c.model, points(right[0]), points(right[1]), same, n)
			if lost := points(right[0] - right[1]); whole && lost > c.points+1e-9 {
				t.Errorf("%.2f points are lost", lost)
			}
			if points(same) < 97 {
				t.Errorf("the class of %d of %d images is another", n-same, n)
			}
		})
	}
}
