package model

import (
	"bytes"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/godlas/godlas/dlas/ir"
	"github.com/godlas/godlas/dlas/ir/op"
)

// native is a network written in the native format and read again, and the size of its file.
func native(t *testing.T, g *ir.Graph) (*File, int64) {
	t.Helper()
	var b bytes.Buffer
	if err := WriteNative(&b, g, true); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "network.dlas")
	if err := os.WriteFile(path, b.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	f, err := ReadFile(path, FileOptions{Digest: true})
	if err != nil {
		t.Fatal(err)
	}
	return f, int64(b.Len())
}

// sameWeights reports whether two graphs have the same weights, bit for bit.
func sameWeights(a, b *ir.Graph) bool {
	return maps.EqualFunc(a.Weights, b.Weights, func(x, y *ir.Tensor) bool {
		return x.Type == y.Type && x.Shape.Equal(y.Shape) && bytes.Equal(x.Memory(), y.Memory())
	})
}

// dense is what a network's weights take without any form but their own.
func dense(g *ir.Graph) (n int64) {
	for _, w := range g.Weights {
		n += w.Bytes()
	}
	return n
}

// TestNativeNetworks: the embedded networks come back bit for bit; the size that Count tells is the file's but for its
// header, and that of dense weights where nothing is compressed.
func TestNativeNetworks(t *testing.T) {
	for name, compressed := range map[string]bool{"resnet8": false, "vgg7": false, "mobilenetv2": false, "resnet8-p90": true} {
		g, err := Build(ir.Choice{Name: name}, Request{Data: "fashion-mnist", C: 1, H: 28, W: 28, Classes: 10})
		if err != nil {
			t.Fatal(err)
		}
		f, size := native(t, g)
		c := Count(g)
		if !sameWeights(f.Graph, g) || !f.PrepKnown || f.Format != Native || !f.Graph.Trained || len(f.Graph.Digest) != 64 || f.Graph.Prep.Pad != g.Prep.Pad {
			t.Errorf("%s comes back as another network", name)
		}
		if over := size - c.Bytes; over < 0 || over > 32<<10 {
			t.Errorf("%s: a file of %d bytes for weights of %d", name, size, c.Bytes)
		}
		if compressed && c.Bytes > dense(g)/6 || !compressed && c.Bytes != dense(g) {
			t.Errorf("%s: stored in %d bytes, dense in %d: %v", name, c.Bytes, dense(g), c.Stored)
		}
		t.Logf("%s: %d bytes, weights %d, dense %d: %v", name, size, c.Bytes, dense(g), c.Stored)
	}
}

// TestHalvesInONNX: float16 weights beside f32 values are cast in the file, and are float16 weights again when it is read.
func TestHalvesInONNX(t *testing.T) {
	g := resnet(t).Clone()
	for _, n := range g.Nodes {
		if !readsHalves(n) {
			continue
		}
		w := g.Weights[n.In[1]]
		bits := make([]uint16, w.Shape.Elems())
		for i, v := range w.F32() {
			bits[i] = op.HalfBits(float64(v))
		}
		g.Weights[n.In[1]] = &ir.Tensor{Shape: w.Shape, Type: ir.F16, Data: bits}
	}
	path := written(t, g)
	f, err := ReadFile(path, FileOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if !sameWeights(f.Graph, g) || slices.ContainsFunc(f.Graph.Nodes, func(n *ir.Node) bool { return n.Op == "Cast" }) {
		t.Error("read as another network")
	}
	raw, err := os.ReadFile(path)
	if err != nil || !strings.Contains(string(raw), "Cast") {
		t.Error("the file casts nothing", err)
	}
	// What else reads such a weight gets f32.
	cast := &ir.Graph{
		Inputs: []ir.Value{{Name: "x", Type: ir.F32, Shape: ir.Shape{1, 2}}}, Outputs: []string{"y"},
		Weights: map[string]*ir.Tensor{"w": {Shape: ir.Shape{2, 2}, Type: ir.F16, Data: []uint16{0x3c00, 0, 0, 0x3c00}}},
		Nodes: []*ir.Node{
			{Name: "c", Op: "Cast", In: []string{"w"}, Out: []string{"v"}, Attrs: ir.Attrs{"to": castF32}},
			{Name: "m", Op: "MatMul", In: []string{"x", "v"}, Out: []string{"z"}},
			{Name: "a", Op: "Add", In: []string{"z", "v"}, Out: []string{"y"}},
		},
	}
	if keepHalves(cast); len(cast.Nodes) != 3 {
		t.Error("a cast that Add needs is gone")
	}
}
