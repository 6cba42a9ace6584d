package dlas

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/godlas/godlas/dlas/ir"
	"github.com/godlas/godlas/dlas/model"
	"github.com/godlas/godlas/dlas/model/onnx"
)

// BenchmarkOpen opens files of networks, as who uses one for the first time does: what go run ./bench cold measures, but for
// the run, and for what a new process does once. i8 is the network with its convolutions and linear layers between
// QuantizeLinear and DequantizeLinear.
func BenchmarkOpen(b *testing.B) {
	for _, name := range []string{"imagenet-mobilenetv2", "imagenet-resnet18", "efficientnet-b0", "resnet20"} {
		r := model.Request{C: 3, H: 224, W: 224, Classes: 1000, Seed: 1}
		if name == "resnet20" {
			r.H, r.W, r.Classes = 32, 32, 10
		}
		for _, typ := range []ir.Type{ir.F32, ir.I8} {
			for _, threads := range []int{1, 2} {
				b.Run(fmt.Sprintf("%s/%s/threads=%d", name, typ, threads), func(b *testing.B) {
					g, err := model.Build(ir.Choice{Name: name}, r)
					if err != nil {
						b.Fatal(err)
					}
					if typ == ir.I8 {
						quantiseAll(g)
					}
					path := filepath.Join(b.TempDir(), "net.onnx")
					file, err := os.Create(path)
					if err != nil {
						b.Fatal(err)
					}
					if err := onnx.Write(file, g, nil); err != nil {
						b.Fatal(err)
					}
					if err := file.Close(); err != nil {
						b.Fatal(err)
					}
					b.ReportAllocs()
					for b.Loop() {
						if _, err := Open(path, CompileOptions{Threads: threads}); err != nil {
							b.Fatal(err)
						}
					}
				})
			}
		}
	}
}

// quantiseAll writes a network's products with scales that fit nothing: only its time is of interest. Batch
// normalisations fall away, as quantisers fold them.
func quantiseAll(g *ir.Graph) {
	scale, zero := ir.NewF32([]float32{0.05}), &ir.Tensor{Type: ir.U8, Shape: ir.Shape{}, Data: []uint8{128}}
	g.Weights["scale"], g.Weights["zero"] = scale, zero
	scale.Shape = ir.Shape{}
	as := map[string]string{}
	var nodes []*ir.Node
	for _, n := range g.Nodes {
		for i, in := range n.In {
			if of := as[in]; of != "" {
				n.In[i] = of
			}
		}
		if n.Op == "BatchNormalization" {
			as[n.Out[0]] = n.In[0]
			continue
		}
		if w := g.Weights[firstWeight(n)]; w != nil && (n.Op == "Conv" || n.Op == "Gemm") {
			bytes := make([]int8, w.Shape.Elems())
			for i, v := range w.F32() {
				bytes[i] = int8(max(-127, min(127, 400*v))) | 1
			}
			name := n.In[1]
			g.Weights[name] = &ir.Tensor{Type: ir.I8, Shape: w.Shape, Data: bytes}
			nodes = append(nodes, &ir.Node{Name: name + " whole", Op: "DequantizeLinear", In: []string{name, "scale"}, Out: []string{name + " whole"}})
			n.In[1] = name + " whole"
		}
		nodes = append(nodes, n)
		out := n.Out[0]
		if out == g.Outputs[0] {
			continue
		}
		nodes = append(
			nodes, &ir.Node{Name: out + " u8", Op: "QuantizeLinear", In: []string{out, "scale", "zero"}, Out: []string{out + " u8"}},
			&ir.Node{Name: out + " back", Op: "DequantizeLinear", In: []string{out + " u8", "scale", "zero"}, Out: []string{out + " back"}},
		)
		as[out] = out + " back"
	}
	g.Nodes = nodes
}

// firstWeight is the name of a node's second input.
func firstWeight(n *ir.Node) string {
	if len(n.In) < 2 {
		return ""
	}
	return n.In[1]
}
