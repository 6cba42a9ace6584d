package dlas

import (
	"context"
	"fmt"
	"math"
	"path/filepath"
	"strings"
	"testing"

	"github.com/godlas/godlas/dlas/data"
	"github.com/godlas/godlas/dlas/ir"
	"github.com/godlas/godlas/internal/need"
)

// rawPictures are n pictures of a set as LiteRT takes them: pixels 0..255, channels last.
func rawPictures(t *testing.T, dataText string, n int) (pixels []float32, images []ir.Image) {
	t.Helper()
	set := openSet(t, dataText)
	var err error
	if set.Shape[1] != 32 && set.Shape[1] != 224 {
		if set, err = set.Fit(data.Fit{Resize: 256, H: 224, W: 224}); err != nil {
			t.Fatal(err)
		}
	}
	for i := range min(n, set.Len()) {
		m, err := set.Image(i)
		if err != nil {
			t.Fatal(err)
		}
		images = append(images, m)
		plane := m.H * m.W
		for at := range plane {
			for c := range m.C {
				pixels = append(pixels, float32(m.Pix[c*plane+at]))
			}
		}
	}
	return pixels, images
}

// TestTFLiteAgreesWithLiteRT runs the published TFLite networks here and in LiteRT (XNNPACK). Float networks agree like
// any two engines. Quantised ones need not: XNNPACK rounds otherwise than ONNX's definition, by one step of a value's scale
// now and then; where that gives a photograph another class, the two classes lie within a step, but for one photograph.
// Where DLAS_REQUIRE names whole, MobileNets see all photographs. What is computed in fixed point is TestFixedEqualsLiteRTReference's.
func TestTFLiteAgreesWithLiteRT(t *testing.T) {
	for _, c := range []struct {
		file string
		n    int
		same float64 // least fraction of images of the same class; 1: a float network, whose logits agree
		mean float64 // most steps of the output's scale that an output is off on average
		more int     // images of another class by more than a step of the logits
	}{
		{"mlperf-tiny/pretrainedResnet.tflite", 200, 1, 0, 0},
		{"mlperf-tiny/pretrainedResnet_large_float.tflite", 50, 1, 0, 0},
		{"coral/mobilenet_v2_1.0_224_quant.tflite", 20, 0.9, 0.05, 0},
		{"coral/tf2_mobilenet_v2_1.0_224_ptq.tflite", 20, 0.9, 0.05, 1}, // by two and a half
		{"coral/mobilenet_v1_1.0_224_quant_embedding_extractor.tflite", 20, 0, 0.02, 0},
	} {
		t.Run(filepath.Base(c.file), func(t *testing.T) {
			path := need.Data(t, "weights", filepath.FromSlash(c.file))
			if c.same > 0 && c.same < 1 && need.Required("whole") {
				c.n = 200
			}
			set := fmt.Sprintf("cifar10(n=%d)", c.n)
			if strings.HasPrefix(c.file, "coral") {
				set = ir.QuoteName(need.Data(t, "imagenet-sample-200.zip"))
			}
			pixels, images := rawPictures(t, set, c.n)
			net, err := Load(path)
			if err != nil {
				t.Fatal(err)
			}
			p, err := net.Compile(CompileOptions{})
			if err != nil {
				t.Fatal(err)
			}
			classes := p.OutShape().Elems()
			var got []float32
			for i := range images {
				in, out := make([]float32, p.InShape().Elems()), make([]float32, classes)
				if err := p.Prepare(images[i:i+1], in); err != nil {
					t.Fatal(err)
				}
				if err := p.Run(context.Background(), in, out); err != nil {
					t.Fatal(err)
				}
				got = append(got, out...)
			}
			want := peer(t, "tflite", path, pixels)
			if c.same == 1 {
				agree(t, got, want, classes)
				return
			}
			scale := outputScale(net.graph)
			same, more, worst, sum := 0, 0, 0.0, 0.0
			for i := range images {
				a, b := got[i*classes:(i+1)*classes], want[i*classes:(i+1)*classes]
				if x, y := argmax(a), argmax(b); x == y {
					same++
				} else if most := beforeSoftmax(net.graph, scale, float64(b[x]), float64(b[y])); c.same > 0 && most > 1.01 {
					more++
					t.Logf("photograph %d is of class %d, and %d there by %.2f steps of the logits' scale: %v and %v", i, x, y, most, b[x], b[y])
				}
				for k := range a {
					d := math.Abs(float64(a[k])-float64(b[k])) / scale
					worst = max(worst, d)
					sum += d
				}
			}
			text := fmt.Sprintf("%d of %d images of the same class; outputs differ by %.3g steps of %.3g on average, %.3g at most", same, len(images), sum/float64(len(got)), scale, worst)
			t.Log(text)
			if more > c.more || float64(same) < c.same*float64(len(images)) || sum > c.mean*float64(len(got)) {
				t.Error(text)
			}
		})
	}
}

// beforeSoftmax is by how many steps of their scale two logits differ at least, whose softmax was rounded to steps of its own.
func beforeSoftmax(g *ir.Graph, step, low, high float64) float64 {
	for _, n := range g.Nodes {
		if n.Op != "DequantizeLinear" {
			continue
		}
		for _, m := range g.Nodes {
			if m.Op == "Softmax" && m.In[0] == n.Out[0] {
				return math.Log((high-step/2)/(low+step/2)) / float64(g.Weights[n.In[1]].F32()[0])
			}
		}
	}
	return (high - low) / step
}

// outputScale is the step of a quantised network's output.
func outputScale(g *ir.Graph) float64 {
	for _, n := range g.Nodes {
		if n.Out[0] == g.Outputs[0] && n.Op == "DequantizeLinear" {
			return float64(g.Weights[n.In[1]].F32()[0])
		}
	}
	return math.NaN()
}

// TestPublishedAccuracies scores the published TFLite networks of CIFAR-10 on the whole test set. The float ones have
// exactly the accuracy that was published. The quantised ones have that of LiteRT's reference kernels, whose bits they have
// (TestFixedEqualsLiteRTReference) and which are not those that the published 87.08 and 91.31 % were measured with: LiteRT
// 2.3 has 86.99 and 91.34 % with XNNPACK, 87.04 and 91.28 % with its own faster kernels.
func TestPublishedAccuracies(t *testing.T) {
	if !need.Required("whole") {
		t.Skip("needs whole: 40,000 images")
	}
	for _, c := range []struct {
		file string
		top1 float64
	}{
		{"pretrainedResnet.tflite", 0.8721},
		{"pretrainedResnet_large_float.tflite", 0.9130},
		{"pretrainedResnet_quant.tflite", 0.8709},
		{"pretrainedResnet_large_int8.tflite", 0.9124},
	} {
		path := need.Data(t, "weights", "mlperf-tiny", c.file)
		r, err := New().Data("cifar10").Model(ir.QuoteName(path)).Run(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if r.Accuracy.Top1 != c.top1 {
			t.Errorf("%s: top-1 is %.4f, want %.4f", c.file, r.Accuracy.Top1, c.top1)
		}
	}
}
