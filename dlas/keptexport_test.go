package dlas

import (
	"math"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/godlas/godlas/dlas/hardware"
	"github.com/godlas/godlas/dlas/ir"
	"github.com/godlas/godlas/dlas/ir/op"
	"github.com/godlas/godlas/dlas/model"
)

// needVNNI skips where ONNX Runtime's integer kernels add pairs of products in 16 bits, which saturate.
func needVNNI(t *testing.T) {
	t.Helper()
	if isas := hardware.Probe().ISAs; !slices.Contains(isas, "avxvnni") && !slices.Contains(isas, "avx512vnni") {
		t.Skip("needs VNNI: without it ONNX Runtime's sums saturate")
	}
}

// TestKeptExportAgreesWithONNXRuntime exports a network with a layer that int8 leaves float, between layers in bytes. What
// comes before has the same bits here and in ONNX Runtime. The layer's own results, rounded to bytes, are within half a step
// of those in float64 in both but for the error of a float node (2e-5 of the largest); so they differ where both are next to
// a tie. Images of which none do have the same logits. ONNX Runtime is told to keep the layer float, too: as it comes it
// quantises the weights of all that lies between bytes by itself.
func TestKeptExportAgreesWithONNXRuntime(t *testing.T) {
	t.Parallel()
	needVNNI(t)
	const images, exactly = 50, 6
	path := filepath.Join(t.TempDir(), "network.onnx")
	if err := New().Model("resnet8").Compress("blocks(0.5, 16x1) int8(n=50, keep=1)").Export(t.Context(), path); err != nil {
		t.Fatal(err)
	}
	net, err := Load(path)
	if err != nil {
		t.Fatal(err)
	}
	x := pictures(t, net.graph.Prep, "fashion-mnist(n=50)", images)
	// The layer, and what its results are as numbers once they are bytes.
	var kept, quantise, back *ir.Node
	for _, n := range net.graph.Nodes {
		switch {
		case n.Op == "Conv" && net.graph.Weights[n.In[1]] != nil:
			kept = n
		case kept != nil && quantise == nil && n.Op == "QuantizeLinear" && n.In[0] == kept.Out[0]:
			quantise = n
		case quantise != nil && back == nil && n.Op == "DequantizeLinear" && n.In[0] == quantise.Out[0]:
			back = n
		}
	}
	if back == nil {
		t.Fatal("no layer stayed float")
	}
	// upTo is a value of the network here and there.
	upTo := func(value string) (here, there []float32) {
		f, err := Load(path)
		if err != nil {
			t.Fatal(err)
		}
		f.graph.Outputs = []string{value}
		cut := filepath.Join(t.TempDir(), "cut.onnx")
		w, err := os.Create(cut)
		if err != nil {
			t.Fatal(err)
		}
		if err := model.WriteONNX(w, f.graph, true); err != nil {
			t.Fatal(err)
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		p, err := f.Compile(CompileOptions{})
		if err != nil {
			t.Fatal(err)
		}
		here, there = ours(t, p, x), peer(t, "kept", cut, x)
		if len(here) != len(there) || len(here) == 0 {
			t.Fatalf("%s: %d numbers here, %d there", value, len(here), len(there))
		}
		return here, there
	}
	in, inThere := upTo(kept.In[0])
	if !slices.Equal(in, inThere) {
		t.Fatal("what comes before the layer differs")
	}
	own, other := upTo(back.Out[0])
	logits, logitsThere := upTo(net.graph.Output())

	values, err := op.Infer(net.graph, 1)
	if err != nil {
		t.Fatal(err)
	}
	shape := values[kept.In[0]].Shape
	alone := &ir.Graph{
		Inputs: []ir.Value{{Name: kept.In[0], Type: ir.F32, Shape: shape}}, Outputs: kept.Out, Nodes: []*ir.Node{kept}, Weights: net.graph.Weights,
	}
	batch := op.Widen(ir.NewF32(in[:exactly*shape.Elems()], append(ir.Shape{exactly}, shape[1:]...)...))
	exact, err := op.Exact(t.Context(), alone, batch, nil)
	if err != nil {
		t.Fatal(err)
	}
	largest := 0.0
	for _, v := range exact.Data {
		largest = max(largest, math.Abs(v))
	}
	step := float64(net.graph.Weights[back.In[1]].F32()[0])
	least, most := -zeroOf(net.graph, back)*step, (255-zeroOf(net.graph, back))*step
	within := step/2 + 2e-5*largest
	for i, v := range exact.Data {
		v = min(max(v, least), most)
		if a, b := math.Abs(float64(own[i])-v), math.Abs(float64(other[i])-v); a > within || b > within {
			t.Fatalf("result %d of the layer is %v here, %v there and %v in float64: more than %v off", i, own[i], other[i], v, within)
		}
	}
	each, classes, same := len(own)/images, len(logits)/images, 0
	for i := range images {
		if !slices.Equal(own[i*each:(i+1)*each], other[i*each:(i+1)*each]) {
			continue
		}
		same++
		if a, b := logits[i*classes:(i+1)*classes], logitsThere[i*classes:(i+1)*classes]; !slices.Equal(a, b) {
			t.Errorf("image %d: %v here, %v there", i, a, b)
		}
	}
	if same < images*8/10 {
		t.Errorf("the layer is the same for %d of %d images", same, images)
	}
	t.Logf("%s: the same for %d of %d images", kept.Name, same, images)
}

// zeroOf is the zero point of a node that dequantises u8.
func zeroOf(g *ir.Graph, n *ir.Node) float64 {
	return op.Widen(g.Weights[n.In[2]]).Data[0]
}
