package dlas

import (
	"context"
	"fmt"
	"math"
	"path/filepath"
	"testing"

	"github.com/godlas/godlas/dlas/data"
	"github.com/godlas/godlas/dlas/internal/grammar"
	"github.com/godlas/godlas/dlas/ir"
	"github.com/godlas/godlas/internal/need"
)

// rawPictures are n pictures of a set as LiteRT takes them: pixels 0..255, channels last.
func rawPictures(t *testing.T, dataText string, n int) (pixels []float32, images []ir.Image) {
	t.Helper()
	line, err := grammar.Parse(ir.Data, dataText)
	if err != nil {
		t.Fatal(err)
	}
	points, err := line.Points(ir.Data)
	if err != nil {
		t.Fatal(err)
	}
	set, err := data.Open(points[0][0], data.EnvFromOS())
	if err != nil {
		t.Fatal(err)
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
// any two engines; quantised ones differ where LiteRT's integer arithmetic rounds otherwise than ONNX's definition of a
// quantised operator, in the last step of an output's scale.
func TestTFLiteAgreesWithLiteRT(t *testing.T) {
	for _, c := range []struct {
		file, data string
		n          int
		same       float64 // least fraction of images of the same class; 1: float, logits agree
		steps      float64 // most steps of the output's scale between two outputs
	}{
		{"mlperf-tiny/pretrainedResnet.tflite", "cifar10(n=200)", 200, 1, 0},
		{"mlperf-tiny/pretrainedResnet_large_float.tflite", "cifar10(n=50)", 50, 1, 0},
		{"mlperf-tiny/pretrainedResnet_quant.tflite", "cifar10(n=200)", 200, 0.98, 8},
		{"mlperf-tiny/pretrainedResnet_large_int8.tflite", "cifar10(n=200)", 200, 0.98, 8},
		{"coral/mobilenet_v2_1.0_224_quant.tflite", "random(4x3x224x224)", 4, 0, 16},
		{"coral/tf2_mobilenet_v2_1.0_224_ptq.tflite", "random(4x3x224x224)", 4, 0, 16},
		{"coral/mobilenet_v1_1.0_224_quant_embedding_extractor.tflite", "random(4x3x224x224)", 4, 0, 4},
	} {
		t.Run(filepath.Base(c.file), func(t *testing.T) {
			path := need.Data(t, "weights", filepath.FromSlash(c.file))
			pixels, images := rawPictures(t, c.data, c.n)
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
			same, worst, sum := 0, 0.0, 0.0
			for i := range images {
				a, b := got[i*classes:(i+1)*classes], want[i*classes:(i+1)*classes]
				if argmax(a) == argmax(b) {
					same++
				}
				for k := range a {
					d := math.Abs(float64(a[k])-float64(b[k])) / scale
					worst = max(worst, d)
					sum += d
				}
			}
			text := fmt.Sprintf("%d of %d images of the same class; outputs differ by %.3g steps of %.3g on average, %.3g at most", same, len(images), sum/float64(len(got)), scale, worst)
			t.Log(text)
			if float64(same) < c.same*float64(len(images)) || worst > c.steps {
				t.Error(text)
			}
		})
	}
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
