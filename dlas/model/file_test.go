package model

import (
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/godlas/godlas/dlas/ir"
	"github.com/godlas/godlas/dlas/ir/op"
	"github.com/godlas/godlas/internal/awake"
)

// written is a network as an ONNX file in a folder of its own.
func written(t *testing.T, g *ir.Graph) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "network.onnx")
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := WriteONNX(f, g, true); err != nil {
		t.Fatal(err)
	}
	return path
}

func resnet(t *testing.T) *ir.Graph {
	t.Helper()
	g, err := Build(ir.Choice{Name: "resnet8"}, Request{Data: "fashion-mnist", C: 1, H: 28, W: 28, Classes: 10})
	if err != nil {
		t.Fatal(err)
	}
	return g
}

// TestHalfNetwork reads a network that computes in float16 as one that computes in f32 from the same weights.
func TestHalfNetwork(t *testing.T) {
	g := resnet(t)
	half := g.Clone()
	half.Inputs[0].Type = ir.F16
	for name, w := range half.Weights {
		bits := make([]uint16, w.Shape.Elems())
		for i, v := range w.F32() {
			bits[i] = op.HalfBits(float64(v))
		}
		half.Weights[name] = &ir.Tensor{Shape: w.Shape, Type: ir.F16, Data: bits}
	}
	f, err := ReadFile(written(t, half), FileOptions{})
	if err != nil {
		t.Fatal(err)
	}
	values, err := op.Infer(f.Graph, 1)
	if err != nil {
		t.Fatal(err)
	}
	if in, out := values[f.Graph.Input().Name], values[f.Graph.Output()]; in.Type != ir.F32 || out.Type != ir.F32 || len(f.Notes) != 1 {
		t.Errorf("input %s, output %s, notes %q", in.Type, out.Type, f.Notes)
	}
	stored := 0
	for _, n := range f.Graph.Nodes {
		for i, name := range n.In {
			w := f.Graph.Weights[name]
			if w == nil {
				continue
			}
			want := ir.F32
			if i == 1 && (n.Op == "Conv" || n.Op == "Gemm") {
				want, stored = ir.F16, stored+1
			}
			if w.Type != want {
				t.Errorf("%s (%s) reads input %d as %s", n.Name, n.Op, i, w.Type)
			}
		}
	}
	if stored == 0 {
		t.Error("no weights stay in float16")
	}
	if w := f.Graph.Weights["bn1.running_var"]; w == nil || float64(w.F32()[0]) != float64(op.Half(op.HalfBits(float64(g.Weights["bn1.running_var"].F32()[0])))) {
		t.Error("a constant of batch norm is not the number that its half stands for")
	}
}

// TestWhatIsNoFile: neither a folder nor a pipe nor a device is waited for.
func TestWhatIsNoFile(t *testing.T) {
	dir := t.TempDir()
	empty, text := filepath.Join(dir, "empty.onnx"), filepath.Join(dir, "text.onnx")
	if err := os.WriteFile(empty, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(text, []byte("a network\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	paths := map[string]string{
		filepath.Join(dir, "absent.onnx"): "no such file", dir: "is a folder", empty: "is empty", text: "not an ONNX file",
	}
	if runtime.GOOS == "linux" {
		paths["/dev/zero"] = "is not a file"
		pipe := filepath.Join(dir, "pipe.onnx")
		if err := makePipe(pipe); err != nil {
			t.Fatal(err)
		}
		paths[pipe] = "is not a file"
	}
	for path, want := range paths {
		done := make(chan error, 1)
		go func() {
			_, err := ReadFile(path, FileOptions{})
			done <- err
		}()
		select {
		case err := <-done:
			if err == nil || !strings.Contains(err.Error(), path) || !strings.Contains(err.Error(), want) && runtime.GOOS == "linux" {
				t.Errorf("%s: %v", path, err)
			}
		case <-awake.After(20 * time.Second):
			t.Fatalf("%s: waits", path)
		}
	}
}

// TestMemoryOfLargeFiles reads a file of 96 MB in at most 64 MB more than that.
func TestMemoryOfLargeFiles(t *testing.T) {
	const channels = 1 << 12
	g := &ir.Graph{
		Name: "large", Inputs: []ir.Value{{Name: "x", Shape: ir.Shape{1, 6144}}}, Outputs: []string{"y"},
		Nodes:   []*ir.Node{{Name: "y", Op: "Gemm", In: []string{"x", "w"}, Out: []string{"y"}}},
		Weights: map[string]*ir.Tensor{"w": ir.NewF32(make([]float32, 6144*channels), 6144, channels)},
	}
	path := written(t, g)
	g = nil
	st, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	f, err := ReadFile(path, FileOptions{Digest: true})
	runtime.ReadMemStats(&after)
	if err != nil {
		t.Fatal(err)
	}
	if took := int64(after.TotalAlloc - before.TotalAlloc); took > st.Size()+64<<20 {
		t.Errorf("a file of %d bytes takes %d", st.Size(), took)
	}
	if w := f.Graph.Weights["w"]; w.Shape.Elems() != 6144*channels || f.Graph.Digest == "" {
		t.Errorf("read %v, digest %q", w.Shape, f.Graph.Digest)
	}
}

// TestUnknownOperator names operator, node and opset before anything is computed.
func TestUnknownOperator(t *testing.T) {
	g := resnet(t)
	path := written(t, g)
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	odd := strings.Replace(string(raw), "GlobalAveragePool", "GlobalAverageQool", 1)
	if err := os.WriteFile(path, []byte(odd), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err = ReadFile(path, FileOptions{})
	if err == nil {
		t.Fatal("read without an error")
	}
	for _, want := range []string{path, "GlobalAverageQool", `"avgpool"`, "opset 17"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%q does not tell of %s", err, want)
		}
	}
}
