package plotting

import (
	"fmt"
	"image"
	"image/color"
	"math"

	"github.com/godlas/godlas/dlas"
)

// made is a result with made-up numbers, for drawing alone.
func made(compress, primitive string, top1, ms float64) *dlas.Result {
	const n = 10000
	half := 1.96 * math.Sqrt(top1*(1-top1)/n)
	r := &dlas.Result{
		Spec: dlas.Spec{
			Data: "fashion-mnist", Model: "resnet8", Compress: compress, Primitive: primitive,
			Schedule: "heuristic", Hardware: "cpu(isa=avx2, threads=2)",
		},
		Accuracy: &dlas.Accuracy{Top1: top1, Top5: 0.995, Low: top1 - half, High: top1 + half, N: n, Split: "test"},
		Latency:  &dlas.Latency{Median: ms, Low: ms * 0.97, High: ms * 1.02, N: 40 + int(10*ms), Batch: 1},
		Model:    dlas.ModelInfo{Params: 77850, NonZero: 7785, MACs: 12_400_000, MACsNonzero: 1_240_000, Bytes: 311400, MemoryBytes: 700000, Sparsity: 0.9, Trained: true},
		Environment: dlas.Environment{
			CPU: "a CPU", Hash: "e0e1e2e3e4e5e6e7", Build: "v0.0.0",
		},
		SpecHash: fmt.Sprintf("%016x", len(compress)*1000+len(primitive)),
		Seen:     &dlas.Predictions{Classes: []string{"T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot"}},
	}
	for i := range 2000 {
		label := i % 10
		got := label
		if (i*7919)%100 >= int(100*top1) {
			got = []int{6, 3, 4, 1, 2, 7, 0, 9, 4, 7}[label]
		}
		r.Seen.Labels = append(r.Seen.Labels, label)
		r.Seen.Predicted = append(r.Seen.Predicted, got)
	}
	ops := []struct {
		name, op string
		share    float64
	}{
		{"conv1", "conv", 0.08},
		{"stack1.conv1", "conv", 0.16},
		{"stack1.conv2", "conv", 0.17},
		{"stack2.conv1", "conv", 0.11},
		{"stack2.conv2", "conv", 0.15},
		{"stack2.skip", "conv", 0.02},
		{"stack3.conv1", "conv", 0.1},
		{"stack3.conv2", "conv", 0.14},
		{"stack3.skip", "conv", 0.015},
		{"pool", "avgpool", 0.01},
		{"fc", "linear", 0.005},
	}
	for _, o := range ops {
		t := ms * o.share
		node := dlas.Node{Name: o.name, Op: o.op, MS: &t}
		if o.op == "conv" {
			node.Primitive, node.Format = "direct", "dense"
			if compress != "none" {
				node.Format = "csr"
			}
		}
		r.Nodes = append(r.Nodes, node)
	}
	return r
}

// levels is a sweep over one layer, the last no better than chance.
func levels() []*dlas.Result {
	return []*dlas.Result{
		made("none", "direct csr", 0.9173, 2.6), made("prune(0.5)", "direct csr", 0.9141, 1.7),
		made("prune(0.8)", "direct csr", 0.861, 0.93), made("prune(0.9)", "direct csr", 0.61, 0.61),
		made("prune(0.99)", "direct csr", 0.11, 0.34),
	}
}

// crossed is a sweep over two layers.
func crossed() []*dlas.Result {
	var rs []*dlas.Result
	for i, c := range []string{"none", "prune(0.5)", "prune(0.8)", "prune(0.9)"} {
		for j, p := range []string{"direct dense", "direct csr", "gemm dense", "gemm csr"} {
			ms := []float64{1.2, 0, 0.9, 0}[j]
			if j%2 == 1 {
				ms = []float64{3.1, 1.7, 0.9, 0.55}[i] * (1 + 0.15*float64(j/2))
			}
			rs = append(rs, made(c, p, []float64{0.9173, 0.9141, 0.861, 0.61}[i], ms))
		}
	}
	return rs
}

// picture is a small test picture.
func picture(k int) image.Image {
	m := image.NewGray(image.Rect(0, 0, 32, 32))
	for y := range 32 {
		for x := range 32 {
			m.SetGray(x, y, color.Gray{uint8(128 + 120*math.Sin(float64(x*k)/9)*math.Cos(float64(y+k)/5))})
		}
	}
	return m
}
