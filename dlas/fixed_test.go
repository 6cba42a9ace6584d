package dlas

import (
	"path/filepath"
	"testing"

	"github.com/godlas/godlas/internal/need"
)

// TestFixedEqualsLiteRTReference: the logits of quantised TFLite networks, and what their softmax makes of them, have the
// bits that LiteRT's reference kernels make, in every instruction set's kernels.
func TestFixedEqualsLiteRTReference(t *testing.T) {
	t.Parallel()
	for _, file := range []string{"pretrainedResnet_quant.tflite", "pretrainedResnet_large_int8.tflite"} {
		t.Run(file, func(t *testing.T) {
			path := need.Data(t, "weights", "mlperf-tiny", file)
			n := 20
			if need.Required("whole") {
				n = 200
			}
			pixels, images := rawPictures(t, "cifar10(n=500)", n)
			var nets [2]*Network // to the logits, and to the end
			for k := range nets {
				net, err := Load(path)
				if err != nil {
					t.Fatal(err)
				}
				nets[k] = net
			}
			for _, node := range nets[0].graph.Nodes {
				if node.Op == "Softmax" {
					nets[0].graph.Outputs = []string{node.In[0]}
				}
			}
			want := peer(t, "reference", path, pixels)
			for _, isa := range []string{"", "avxvnni", "avx2", "go"} {
				if isa == "go" {
					images = images[:min(n, 20)]
				}
				for k, net := range nets {
					what := []string{"logits", "outputs"}[k]
					p, err := net.Compile(CompileOptions{ISA: isa})
					if err != nil {
						t.Logf("isa %q: %v", isa, err)
						continue
					}
					classes := p.OutShape().Elems()
					off := 0
					for i := range images {
						in, out := make([]float32, p.InShape().Elems()), make([]float32, classes)
						if err := p.Prepare(images[i:i+1], in); err != nil {
							t.Fatal(err)
						}
						if err := p.Run(t.Context(), in, out); err != nil {
							t.Fatal(err)
						}
						for j, v := range out {
							if v != want[(len(nets)*i+k)*classes+j] {
								off++
							}
						}
					}
					if off > 0 || len(images) == 0 {
						t.Errorf("isa %q: %d of %d %s differ", isa, off, classes*len(images), what)
					}
					t.Logf("isa %q: %d %s of %s", isa, classes*len(images), what, filepath.Base(path))
				}
			}
		})
	}
}
